//! What packers make of a package, as far as several tests make the same: the bytes only, for a dialect reads them.

use deedbox_model::{Digests, Hasher};

use crate::archives::{gzip, member, tar_of};

/// A POM with more elements at its end.
pub fn pom(group: &str, artifact: &str, version: &str, more: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<project xmlns=\"http://maven.apache.org/POM/4.0.0\">\n  <modelVersion>4.0.0</modelVersion>\n  \
         <groupId>{group}</groupId>\n  <artifactId>{artifact}</artifactId>\n  <version>{version}</version>\n{more}</project>\n"
    )
}

/// A gem of this specification in YAML and this compressed tar of its files, as `gem build` puts them together.
pub fn gem(specification: &str, data: &[u8]) -> Vec<u8> {
    let metadata = gzip(specification.as_bytes());
    let checksums = gem_checksums(&metadata, data);
    tar_of(&[member("metadata.gz", b'0', &metadata), member("data.tar.gz", b'0', data), member("checksums.yaml.gz", b'0', &checksums)])
}

/// The checksums of a gem's other two members, compressed as they stand in it.
pub fn gem_checksums(metadata: &[u8], data: &[u8]) -> Vec<u8> {
    let [metadata, data]: [Digests; 2] = [metadata, data].map(|bytes| Hasher::of(bytes).1);
    gzip(
        format!(
            "---\nSHA256:\n  metadata.gz: {}\n  data.tar.gz: {}\nSHA512:\n  metadata.gz: {}\n  data.tar.gz: {}\n",
            metadata.sha256, data.sha256, metadata.sha512, data.sha512
        )
        .as_bytes(),
    )
}

/// The members below `requirements:` of a gem's YAML: operators and versions.
pub fn gem_requirements(indent: &str, wants: &[(&str, &str)]) -> String {
    wants
        .iter()
        .map(|(op, version)| format!("{indent}- - \"{op}\"\n{indent}  - !ruby/object:Gem::Version\n{indent}    version: '{version}'\n"))
        .collect()
}
