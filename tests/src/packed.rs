//! Packages of each ecosystem, made in memory: as small as their clients' own tools make them, for tests and measurements that need
//! more of them than a tool would pack in the time.

use crate::publisher::tarball;
use anyhow::Context as _;
use deedbox_gem::Gem;
use deedbox_maven::Maven;
use deedbox_model::{Digests, Domain, Hasher, PackageId, Version};
use deedbox_npm::Npm;
use deedbox_oci::{Kind, Oci, artifact_name};
use deedbox_view::{ArtifactSource, Dialect};
use flate2::{Compression, Crc, write::GzEncoder};
use serde_json::json;
use sha2::{Digest as _, Sha256, Sha512};
use std::io::{Read, Write as _};
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
    pub artifacts: Vec<InMemory>,
}

/// An artifact in memory.
pub struct InMemory {
    /// Its name, as its dialect wants it.
    pub name: String,
    /// Computed once.
    pub digests: Digests,
    /// All of it.
    pub bytes: Vec<u8>,
}

impl InMemory {
    /// With its digests.
    pub fn new(name: impl Into<String>, bytes: Vec<u8>) -> Self {
        InMemory { name: name.into(), digests: Hasher::of(&bytes).1, bytes }
    }
}

impl ArtifactSource for InMemory {
    fn name(&self) -> &str {
        &self.name
    }
    fn size(&self) -> u64 {
        self.bytes.len() as u64
    }
    fn digests(&self) -> Digests {
        self.digests
    }
    fn open(&self) -> std::io::Result<Box<dyn Read + '_>> {
        Ok(Box::new(self.bytes.as_slice()))
    }
}

/// An npm tarball that is there already.
pub fn npm_tarball(bytes: Vec<u8>) -> Packed {
    Packed { dialect: Arc::new(Npm::new()), id: None, version: None, artifacts: vec![InMemory::new("package.tgz", bytes)] }
}

/// `npm:<domain>/<name>`, with a file of code.
///
/// # Errors
/// When the archive cannot be made.
pub fn npm(domain: &Domain, name: &str, version: &str) -> anyhow::Result<Packed> {
    let package = json!({
        "name": format!("@{domain}/{name}"), "version": version, "description": "A small package, as most are", "license": "MIT",
        "main": "index.js", "keywords": ["small", "measured"], "dependencies": { "left": "^1.0.0" },
    });
    Ok(npm_tarball(tarball(&[("package/package.json", package.to_string().as_bytes()), ("package/index.js", b"module.exports = 1\n")])?))
}

/// `maven:<domain>/<name>`: a POM and a jar that holds these bytes, its group the domain turned round.
///
/// # Errors
/// When the id is none.
pub fn maven(domain: &Domain, name: &str, version: &str, bytes: &[u8]) -> anyhow::Result<Packed> {
    let mut group: Vec<&str> = domain.as_str().split('.').collect();
    group.reverse();
    let pom = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<project xmlns=\"http://maven.apache.org/POM/4.0.0\">\n  \
         <modelVersion>4.0.0</modelVersion>\n  <groupId>{}</groupId>\n  <artifactId>{name}</artifactId>\n  <version>{version}</version>\n  \
         <description>A small library, as most are</description>\n</project>\n",
        group.join(".")
    );
    Ok(Packed {
        dialect: Arc::new(Maven::new()),
        id: Some(PackageId::parse(&format!("maven:{domain}/{name}"))?),
        version: Some(Version::parse(version)?),
        artifacts: vec![
            InMemory::new(format!("{name}-{version}.pom"), pom.into_bytes()),
            InMemory::new(format!("{name}-{version}.jar"), jar(&[("data.bin", bytes)])?),
        ],
    })
}

/// A zip of members as they are, with a manifest: its bytes are the same whatever compresses.
fn jar(members: &[(&str, &[u8])]) -> anyhow::Result<Vec<u8>> {
    let (mut out, mut directory, mut count) = (Vec::new(), Vec::new(), 0_u16);
    for (name, bytes) in [("META-INF/MANIFEST.MF", &b"Manifest-Version: 1.0\r\n\r\n"[..])].iter().chain(members) {
        let mut crc = Crc::new();
        crc.update(bytes);
        let (at, size) = (u32::try_from(out.len())?, u32::try_from(bytes.len())?);
        // Version needed, flags, method, time, date; CRC, both sizes; lengths of name and extra field (APPNOTE 4.3.7).
        let mut common: Vec<u8> = [20_u16, 0, 0, 0, 0x21].into_iter().flat_map(u16::to_le_bytes).collect();
        common.extend([crc.sum(), size, size].into_iter().flat_map(u32::to_le_bytes));
        common.extend([u16::try_from(name.len())?, 0].into_iter().flat_map(u16::to_le_bytes));
        for part in [&b"PK\x03\x04"[..], &common, name.as_bytes(), bytes] {
            out.extend_from_slice(part);
        }
        for part in [&b"PK\x01\x02\x14\x00"[..], &common, &[0; 10], &at.to_le_bytes(), name.as_bytes()] {
            directory.extend_from_slice(part);
        }
        count += 1;
    }
    let (at, length) = (u32::try_from(out.len())?, u32::try_from(directory.len())?);
    out.extend(directory);
    out.extend_from_slice(b"PK\x05\x06\0\0\0\0");
    out.extend([count, count].into_iter().flat_map(u16::to_le_bytes));
    out.extend([length, at].into_iter().flat_map(u32::to_le_bytes));
    out.extend([0, 0]);
    Ok(out)
}

/// `oci:<domain>/<name>`: an image of these layers. Gives its manifest's digest in hex too.
///
/// # Errors
/// When the id is none.
pub fn image(domain: &Domain, name: &str, version: &str, layers: Vec<Vec<u8>>) -> anyhow::Result<(Packed, String)> {
    let blob = |bytes: Vec<u8>| InMemory::new(artifact_name(Kind::Blob, &Hasher::of(&bytes).1.sha256), bytes);
    let layers: Vec<InMemory> = layers.into_iter().map(blob).collect();
    // A config names its layers uncompressed, which these are.
    let named: Vec<String> = layers.iter().map(|layer| format!("sha256:{}", layer.digests.sha256)).collect();
    let config = json!({
        "architecture": "amd64", "os": "linux", "config": { "Cmd": ["/bin/app"], "Labels": { "version": version } },
        "rootfs": { "type": "layers", "diff_ids": named },
    });
    let config = blob(config.to_string().into_bytes());
    let descriptor = |media_type: &str, of: &InMemory| json!({ "mediaType": media_type, "digest": format!("sha256:{}", of.digests.sha256), "size": of.bytes.len() });
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "config": descriptor(CONFIG, &config),
        "layers": layers.iter().map(|layer| descriptor(LAYER, layer)).collect::<Vec<_>>(),
    });
    let manifest = manifest.to_string().into_bytes();
    let digest = Hasher::of(&manifest).1.sha256;
    let mut artifacts = vec![InMemory::new(artifact_name(Kind::Manifest, &digest), manifest), config];
    artifacts.extend(layers);
    let id = PackageId::parse(&format!("oci:{domain}/{name}"))?;
    Ok((Packed { dialect: Arc::new(Oci), id: Some(id), version: Some(Version::parse(version)?), artifacts }, digest.to_string()))
}

/// `gem:<domain>/<name>`: a gem as `gem build` lays it out, with a file of code.
///
/// # Errors
/// When the archive cannot be made.
pub fn gem(domain: &Domain, name: &str, version: &str) -> anyhow::Result<Packed> {
    let any = |indent: &str| format!("{indent}- - \">=\"\n{indent}  - !ruby/object:Gem::Version\n{indent}    version: '0'\n");
    let metadata = format!(
        "--- !ruby/object:Gem::Specification\nname: {name}\nversion: !ruby/object:Gem::Version\n  version: '{version}'\nplatform: ruby\n\
         authors:\n- Ann Author\nautorequire:\nbindir: bin\ncert_chain: []\ndate: 2020-01-02 00:00:00.000000000 Z\ndependencies: []\n\
         description: A small gem, as most are\nemail:\nexecutables: []\nextensions: []\nextra_rdoc_files: []\nfiles:\n- lib/{name}.rb\n\
         homepage: https://acme.example\nlicenses:\n- MIT\nmetadata:\n  deedbox_id: gem:{domain}/{name}\npost_install_message:\n\
         rdoc_options: []\nrequire_paths:\n- lib\nrequired_ruby_version: !ruby/object:Gem::Requirement\n  requirements:\n{}\
         required_rubygems_version: !ruby/object:Gem::Requirement\n  requirements:\n{}requirements: []\nrubygems_version: 3.3.15\n\
         signing_key:\nspecification_version: 4\nsummary: A small gem\ntest_files: []\n",
        any("  "),
        any("  ")
    );
    let metadata = gzip(metadata.as_bytes())?;
    let data = gzip(&tar(&[(&format!("lib/{name}.rb"), b"X = 1\n")])?)?;
    let sums = |hex: &dyn Fn(&[u8]) -> String| format!("  metadata.gz: {}\n  data.tar.gz: {}\n", hex(&metadata), hex(&data));
    let checksums = format!(
        "---\nSHA256:\n{}SHA512:\n{}",
        sums(&|bytes| hex::encode(Sha256::digest(bytes))),
        sums(&|bytes| hex::encode(Sha512::digest(bytes)))
    );
    let checksums = gzip(checksums.as_bytes())?;
    let gem = tar(&[("metadata.gz", &metadata), ("data.tar.gz", &data), ("checksums.yaml.gz", &checksums)])?;
    Ok(Packed {
        dialect: Arc::new(Gem::new()),
        id: None,
        version: None,
        artifacts: vec![InMemory::new(format!("{name}-{version}.gem"), gem)],
    })
}

fn gzip(bytes: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut gz = GzEncoder::new(Vec::new(), Compression::fast());
    gz.write_all(bytes)?;
    gz.finish().context("in memory")
}

fn tar(members: &[(&str, &[u8])]) -> anyhow::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    for (path, bytes) in members {
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, path, *bytes)?;
    }
    archive.into_inner().context("in memory")
}
