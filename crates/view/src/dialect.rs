//! A dialect: a projection that can also read its ecosystem's artifacts. The same reading is done on the publisher's
//! machine and again by the server; both must come to the same manifest.

use crate::projection::Projection;
use deedbox_model::event::Principal;
use deedbox_model::{Channel, Digests, Domain, Manifest, PackageId, Version};
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

/// One ecosystem.
pub trait Dialect: Projection {
    /// The ecosystem's word in ids: `npm`.
    fn ecosystem(&self) -> &'static str;

    /// Reads the artifacts of one release, hostile as they may be, within the dialect's own limits. Deterministic. What
    /// the bytes say goes before what is said: where the two differ, it is the caller who compares the manifests.
    fn inspect(&self, said: &Said<'_>, artifacts: &[&dyn ArtifactSource]) -> Result<Inspection, InspectRefusal>;

    /// The artifacts of a manifest that its statement names, with the digests that lock files use; ascending by name.
    fn principal(&self, manifest: &Manifest) -> Vec<Principal>;

    /// Domains to which the package's native name belongs before its own, if they are claimed when its first release comes; the
    /// longest first. None where a native name says whose it is.
    fn domains_before(&self, id: &PackageId) -> Vec<Domain> {
        let _ = id;
        Vec::new()
    }

    /// Where this ecosystem's view shows the release: a path below the site's base URL, encoded, without a leading slash.
    /// It answers 200 as soon as the release is folded. None if the manifest is not one of this dialect.
    fn view_path(&self, manifest: &Manifest) -> Option<String>;
}
