//! Packages of each ecosystem, made in memory: as small as their clients' own tools make them, for tests and measurements that need
//! more of them than a tool would pack in the time.

use deedbox_gem::Gem;
use deedbox_maven::Maven;
use deedbox_model::{Domain, Hasher, PackageId, Version};
use deedbox_npm::Npm;
use deedbox_oci::{Kind, Oci, artifact_name};
use deedbox_testkit::archives::{tgz, zip};
use deedbox_testkit::folding::Bytes;
use deedbox_testkit::packages::{self, gem_requirements, pom};
use deedbox_view::Dialect;
use serde_json::json;
use std::sync::Arc;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

/// What a publisher has in hand before it is published.
pub struct Packed {
    /// Who reads it.
    pub dialect: Arc<dyn Dialect>,
    /// What is said beside the artifacts, where they do not say it.
    pub id: Option<PackageId>,
    /// The same.
    pub version: Option<Version>,
    /// Its artifacts.
    pub artifacts: Vec<Bytes>,
}

/// An npm tarball that is there already.
pub fn npm_tarball(bytes: Vec<u8>) -> Packed {
    Packed { dialect: Arc::new(Npm::new()), id: None, version: None, artifacts: vec![Bytes::new("package.tgz", bytes)] }
}

/// `npm:<domain>/<name>`, with a file of code.
pub fn npm(domain: &Domain, name: &str, version: &str) -> Packed {
    npm_tarball(small_tarball(&format!("@{domain}/{name}"), version))
}

/// A small npm tarball of this package, its name with the scope.
pub fn small_tarball(name: &str, version: &str) -> Vec<u8> {
    let package = json!({
        "name": name, "version": version, "description": "A small package, as most are", "license": "MIT",
        "main": "index.js", "keywords": ["small", "measured"], "dependencies": { "left": "^1.0.0" },
    });
    tgz(&[("package/package.json", package.to_string().as_bytes()), ("package/index.js", b"module.exports = 1\n")])
}

/// `maven:<domain>/<name>`: a POM and a jar that holds these bytes, its group the domain turned round.
///
/// # Errors
/// When the id is not valid.
pub fn maven(domain: &Domain, name: &str, version: &str, bytes: &[u8]) -> anyhow::Result<Packed> {
    let mut group: Vec<&str> = domain.as_str().split('.').collect();
    group.reverse();
    let pom = pom(&group.join("."), name, version, "  <description>A small library, as most are</description>\n");
    let jar = zip(&[("META-INF/MANIFEST.MF", b"Manifest-Version: 1.0\r\n\r\n"), ("data.bin", bytes)]);
    Ok(Packed {
        dialect: Arc::new(Maven),
        id: Some(PackageId::parse(&format!("maven:{domain}/{name}"))?),
        version: Some(Version::parse(version)?),
        artifacts: vec![Bytes::new(&format!("{name}-{version}.pom"), pom.into_bytes()), Bytes::new(&format!("{name}-{version}.jar"), jar)],
    })
}

/// `oci:<domain>/<name>`: an image of these layers. Gives its manifest's digest in hex too.
///
/// # Errors
/// When the id is not valid.
pub fn image(domain: &Domain, name: &str, version: &str, layers: Vec<Vec<u8>>) -> anyhow::Result<(Packed, String)> {
    let blob = |bytes: Vec<u8>| Bytes::new(&artifact_name(Kind::Blob, &Hasher::of(&bytes).1.sha256), bytes);
    let layers: Vec<Bytes> = layers.into_iter().map(blob).collect();
    // A config names its layers uncompressed, which these are.
    let named: Vec<String> = layers.iter().map(|layer| format!("sha256:{}", layer.digests.sha256)).collect();
    let config = json!({
        "architecture": "amd64", "os": "linux", "config": { "Cmd": ["/bin/app"], "Labels": { "version": version } },
        "rootfs": { "type": "layers", "diff_ids": named },
    });
    let config = blob(config.to_string().into_bytes());
    let descriptor = |media_type: &str, of: &Bytes| json!({ "mediaType": media_type, "digest": format!("sha256:{}", of.digests.sha256), "size": of.bytes.len() });
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "config": descriptor(CONFIG, &config),
        "layers": layers.iter().map(|layer| descriptor(LAYER, layer)).collect::<Vec<_>>(),
    });
    let manifest = manifest.to_string().into_bytes();
    let digest = Hasher::of(&manifest).1.sha256;
    let mut artifacts = vec![Bytes::new(&artifact_name(Kind::Manifest, &digest), manifest), config];
    artifacts.extend(layers);
    let id = PackageId::parse(&format!("oci:{domain}/{name}"))?;
    Ok((Packed { dialect: Arc::new(Oci), id: Some(id), version: Some(Version::parse(version)?), artifacts }, digest.to_string()))
}

/// `gem:<domain>/<name>`: a gem as `gem build` lays it out, with a file of code.
pub fn gem(domain: &Domain, name: &str, version: &str) -> Packed {
    let any = gem_requirements("  ", &[(">=", "0")]);
    let metadata = format!(
        "--- !ruby/object:Gem::Specification\nname: {name}\nversion: !ruby/object:Gem::Version\n  version: '{version}'\nplatform: ruby\n\
         authors:\n- Ann Author\nautorequire:\nbindir: bin\ncert_chain: []\ndate: 2020-01-02 00:00:00.000000000 Z\ndependencies: []\n\
         description: A small gem, as most are\nemail:\nexecutables: []\nextensions: []\nextra_rdoc_files: []\nfiles:\n- lib/{name}.rb\n\
         homepage: https://acme.example\nlicenses:\n- MIT\nmetadata:\n  deedbox_id: gem:{domain}/{name}\npost_install_message:\n\
         rdoc_options: []\nrequire_paths:\n- lib\nrequired_ruby_version: !ruby/object:Gem::Requirement\n  requirements:\n{any}\
         required_rubygems_version: !ruby/object:Gem::Requirement\n  requirements:\n{any}requirements: []\nrubygems_version: 3.3.15\n\
         signing_key:\nspecification_version: 4\nsummary: A small gem\ntest_files: []\n"
    );
    let gem = packages::gem(&metadata, &tgz(&[(&format!("lib/{name}.rb"), b"X = 1\n")]));
    Packed { dialect: Arc::new(Gem::new()), id: None, version: None, artifacts: vec![Bytes::new(&format!("{name}-{version}.gem"), gem)] }
}
