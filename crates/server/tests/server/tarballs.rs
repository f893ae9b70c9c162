//! Tarballs as raw as hostile ones may be, and the npm releases that are made of them.

use crate::world::{World, now};
use deedbox_model::event::Event;
use deedbox_model::{Digests, EventId, Hasher, Manifest, Statement, Verified};
use deedbox_npm::{ArchiveLimits, Npm};
use deedbox_testkit::{Owner, publish_event};
use deedbox_view::{ArtifactSource, Dialect as _};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::{Read, Write as _};

/// Limits that a test reaches quickly.
pub const LIMITS: ArchiveLimits = ArchiveLimits {
    unpacked_bytes: 8 * 1024 * 1024,
    members: 20,
    path_bytes: 200,
    path_segments: 16,
    index_bytes: 64 * 1024,
    extension_bytes: 4 * 1024,
};

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gz = GzEncoder::new(Vec::new(), Compression::fast());
    gz.write_all(bytes).unwrap();
    gz.finish().unwrap()
}

/// A ustar member (POSIX.1-1988), padded.
pub fn member(path: &str, kind: u8, data: &[u8]) -> Vec<u8> {
    member_of(path.as_bytes(), kind, data)
}
pub fn member_of(path: &[u8], kind: u8, data: &[u8]) -> Vec<u8> {
    let mut header = [0_u8; 512];
    header[..path.len()].copy_from_slice(path);
    header[100..107].copy_from_slice(b"0000644");
    header[108..115].copy_from_slice(b"0000000");
    header[116..123].copy_from_slice(b"0000000");
    header[124..135].copy_from_slice(format!("{:011o}", data.len()).as_bytes());
    header[136..147].copy_from_slice(b"00000000000");
    header[156] = kind;
    header[257..265].copy_from_slice(b"ustar\x0000");
    sum(&mut header);
    let mut out = header.to_vec();
    out.extend(data);
    out.resize(out.len().div_ceil(512) * 512, 0);
    out
}
/// Sets a header's checksum.
pub fn sum(header: &mut [u8]) {
    header[148..156].fill(b' ');
    let sum: u32 = header[..512].iter().map(|b| u32::from(*b)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}
/// One pax header of these records.
pub fn pax(records: &[(&str, &str)]) -> Vec<u8> {
    let mut data = Vec::new();
    for (key, value) in records {
        let rest = format!(" {key}={value}\n");
        let mut length = rest.len();
        while format!("{length}").len() + rest.len() != length {
            length = format!("{length}").len() + rest.len();
        }
        data.extend(format!("{length}{rest}").into_bytes());
    }
    member("PaxHeader/x", b'x', &data)
}

pub const ID: &str = "npm:acme.localhost/widget";

/// package.json with more fields.
pub fn package_json(version: &str, more: &str) -> String {
    format!("{{\"name\":\"@acme.localhost/widget\",\"version\":\"{version}\"{more}}}")
}
/// package.json, and these members after it, with an end mark.
pub fn with(json: &str, more: &[Vec<u8>]) -> Vec<u8> {
    gzip(&[member("package/package.json", b'0', json.as_bytes()), more.concat(), vec![0; 1_024]].concat())
}

struct Bytes<'a>(&'a [u8]);

impl ArtifactSource for Bytes<'_> {
    fn name(&self) -> &str {
        "given.tgz"
    }
    fn size(&self) -> u64 {
        self.0.len() as u64
    }
    fn digests(&self) -> Digests {
        Hasher::of(self.0).1
    }
    fn open(&self) -> std::io::Result<Box<dyn Read + '_>> {
        Ok(Box::new(self.0))
    }
}

/// The manifest that a good tarball gives.
pub fn inspected(tarball: &[u8]) -> Manifest {
    Npm::new().inspect(&deedbox_view::Said::default(), &[&Bytes(tarball)]).unwrap().manifest
}

/// The manifest of a good release, but of this tarball: what somebody writes who signs without looking.
pub fn claimed(version: &str, tarball: &[u8]) -> Manifest {
    let mut manifest = inspected(&with(&package_json(version, ""), &[]));
    let (size, digests) = Hasher::of(tarball);
    manifest.artifacts[0].size = size;
    manifest.artifacts[0].digests = digests;
    manifest
}

/// A statement that publishes a manifest, everything uploaded.
pub async fn prepare(world: &World, owner: &Owner, manifest: &Manifest, files: &[&[u8]], prev: Option<EventId>) -> Verified<Statement> {
    for file in files {
        assert!(world.upload(owner, *file).await.is_success());
    }
    assert!(world.upload(owner, manifest.encode().unwrap()).await.is_success());
    let mut event = publish_event(manifest, &[]);
    event.principal = Npm::new().principal(manifest);
    owner.say(manifest.id.as_str(), prev, now(), &Event::from(event))
}
