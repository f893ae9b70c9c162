//! Tarballs as raw as hostile ones may be, and the npm releases that are made of them.

use crate::world::{World, now};
use deedbox_model::event::Event;
use deedbox_model::{EventId, Hasher, Manifest, Statement, Verified};
use deedbox_npm::{ArchiveLimits, Npm};
use deedbox_testkit::folding::Bytes;
use deedbox_testkit::{Owner, publish_event};
use deedbox_view::Dialect as _;

pub use deedbox_testkit::archives::{gzip, member, pax};

/// Limits that a test reaches quickly.
pub const LIMITS: ArchiveLimits = ArchiveLimits {
    unpacked_bytes: 8 * 1024 * 1024,
    members: 20,
    path_bytes: 200,
    path_segments: 16,
    index_bytes: 64 * 1024,
    extension_bytes: 4 * 1024,
};

/// Sets a header's checksum.
pub fn sum(header: &mut [u8]) {
    header[148..156].fill(b' ');
    let sum: u32 = header[..512].iter().map(|b| u32::from(*b)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
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

/// The manifest that a good tarball gives.
pub fn inspected(tarball: &[u8]) -> Manifest {
    Npm::new().inspect(&deedbox_view::Said::default(), &[&Bytes::new("given.tgz", tarball)]).unwrap().manifest
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
