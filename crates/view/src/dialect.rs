//! A dialect: what reads an ecosystem's artifacts. The same reading is done on the publisher's machine and again by the server; both
//! must come to the same manifest. Folds nothing and answers nothing: an ecosystem has a projection and a view for that.

use crate::howto::{HowTo, Wanted};
use deedbox_model::event::Principal;
use deedbox_model::{Channel, Digests, Domain, Manifest, PackageId, Version};
use std::cmp::Ordering;
use std::io::Read;

/// A file that is, or is to be, an artifact; its digests were computed from its bytes.
pub trait ArtifactSource {
    /// Its name in the release.
    fn name(&self) -> &str;
    /// Bytes.
    fn size(&self) -> u64;
    /// All digests, computed, not claimed.
    fn digests(&self) -> Digests;
    /// Its bytes from the start. May be opened more than once.
    fn open(&self) -> std::io::Result<Box<dyn Read + '_>>;
}

/// What the publisher says a release is: where the bytes do not say it themselves (an image has no name), or do not say
/// all of it (a Maven group may belong to a domain or to one above it). The server says what the manifest says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Said<'a> {
    /// The package.
    pub id: Option<&'a PackageId>,
    /// The version.
    pub version: Option<&'a Version>,
}

/// What a dialect read out of artifacts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// All that the manifest of the release says, but for `source`, which is the publisher's to add.
    pub manifest: Manifest,
    /// The bytes of the readme that the manifest names, if there is one.
    pub readme: Option<Vec<u8>>,
    /// The channels that a publish sets when its author says nothing, ascending.
    pub channels: Vec<Channel>,
}

/// Why artifacts are not a release of this ecosystem.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct InspectRefusal {
    /// A stable code, lower case with underscores: `archive_path_escapes`.
    pub code: &'static str,
    /// What was refused, why, and what to do.
    pub message: String,
}

impl InspectRefusal {
    /// With these words.
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        InspectRefusal { code, message: message.into() }
    }
}

/// Bytes of memory that one inspection may hold at most, by the limits of every dialect: the directory of an archive (64 MiB)
/// with copies of its names, or as many bytes of manifests, read.
pub const INSPECTION_BYTES: u64 = 320 * 1024 * 1024;
/// What every inspection may hold: pieces of streams, and what it says.
const INSPECTION_BASE_BYTES: u64 = 1024 * 1024;
/// Bytes that one packed byte can become: deflate packs no more into one.
const UNPACKED_FROM_A_BYTE: u64 = 1_032;
/// Bytes of memory for a byte of metadata that was read: a digit and a comma become a value of 32 bytes, in a list that grows.
const READ_FROM_A_BYTE: u64 = 32;
/// Bytes of an archive's metadata that are read as values at a time (2 MiB), read.
const METADATA_READ_BYTES: u64 = 2 * 1024 * 1024 * READ_FROM_A_BYTE;
/// Bytes of an archive's directory, and a copy of each name in it.
const DIRECTORY_READ_BYTES: u64 = 4 * 64 * 1024 * 1024;

/// Bytes of memory that reading an archive of this size may take, however hostile: its metadata and its directory, both of
/// which may be packed as tightly as can be.
pub fn archive_bytes(size: u64) -> u64 {
    let unpacked = size.saturating_mul(UNPACKED_FROM_A_BYTE);
    let metadata = unpacked.saturating_mul(READ_FROM_A_BYTE).min(METADATA_READ_BYTES);
    let directory = unpacked.saturating_mul(4).min(DIRECTORY_READ_BYTES);
    (INSPECTION_BASE_BYTES + metadata + directory).min(INSPECTION_BYTES)
}

/// Bytes of memory that reading documents (JSON, CBOR) may take: all that was read of them, and the largest as values.
pub fn documents_bytes(all: u64, largest: u64) -> u64 {
    INSPECTION_BASE_BYTES
        .saturating_add(all.saturating_mul(3))
        .saturating_add(largest.saturating_mul(READ_FROM_A_BYTE))
        .min(INSPECTION_BYTES)
}

/// One ecosystem.
pub trait Dialect: Send + Sync {
    /// The ecosystem's word in ids: `npm`.
    fn ecosystem(&self) -> &'static str;

    /// Reads the artifacts of one release, hostile as they may be, within the dialect's own limits. Deterministic. What
    /// the bytes say goes before what is said: where the two differ, it is the caller who compares the manifests.
    fn inspect(&self, said: &Said<'_>, artifacts: &[&dyn ArtifactSource]) -> Result<Inspection, InspectRefusal>;

    /// Bytes of memory that `inspect` may hold at most for a release of this manifest, whose sizes are true: by them the door
    /// lets few large inspections run at once and many small ones. By default that of the largest artifact, as an archive.
    fn inspection_bytes(&self, manifest: &Manifest) -> u64 {
        archive_bytes(manifest.artifacts.iter().map(|artifact| artifact.size).max().unwrap_or(0))
    }

    /// The artifacts of a manifest that its statement names, with the digests that lock files use; ascending by name.
    fn principal(&self, manifest: &Manifest) -> Vec<Principal>;

    /// Domains to which the package's native name belongs before its own, if they are claimed when its first release comes; the
    /// longest first. None where a native name says whose it is.
    fn domains_before(&self, id: &PackageId) -> Vec<Domain> {
        let _ = id;
        Vec::new()
    }

    /// How this ecosystem orders two versions; none where it has no order, as for tags of images, or one of them is not a version of it.
    /// Turned round it is turned round; it need not be an order of many (Maven's goes round among odd versions), so nothing may be sorted
    /// by it that relies on one.
    fn compare_versions(&self, left: &Version, right: &Version) -> Option<Ordering> {
        let _ = (left, right);
        None
    }

    /// Whether this ecosystem takes a version for a prerelease, which is not chosen by itself.
    fn is_prerelease(&self, version: &Version) -> bool {
        let _ = version;
        false
    }

    /// Where this ecosystem's view shows the release: a path below the site's base URL, encoded, without a leading slash.
    /// It answers 200 as soon as the release is folded. None if the manifest is not one of this dialect.
    fn view_path(&self, manifest: &Manifest) -> Option<String>;

    /// How people have a package with this ecosystem's own clients. None where the id is not a name in it, or nothing is said.
    fn how_to(&self, wanted: &Wanted<'_>) -> Option<HowTo> {
        let _ = wanted;
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_inspection_may_hold_grows_with_what_is_read_up_to_the_bound_of_all() {
        for (size, mib) in [(0, 1), (1_024, 38), (10 * 1024, 106), (64 * 1024, 320), (u64::MAX, 320)] {
            assert_eq!(archive_bytes(size).div_ceil(1024 * 1024), mib, "{size}");
        }
        for (all, largest, mib) in
            [(0, 0, 1), (4 << 10, 2 << 10, 2), (4 << 20, 4 << 20, 141), (64 << 20, 4 << 20, 320), (u64::MAX, u64::MAX, 320)]
        {
            assert_eq!(documents_bytes(all, largest).div_ceil(1024 * 1024), mib, "{all}");
        }
    }
}
