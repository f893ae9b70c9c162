//! The rows of this projection (spec/projections/maven.md §5). Per package one head, rewritten by every event that an answer
//! could show; one row that lists each version, and one with its files; one row for each snapshot. No row grows with the
//! number of versions.

use crate::name::Coordinates;
use crate::version::PackageVersion;
use deedbox_model::{Channel, Defect, Domain, Md5Digest, ObjectRef, RowKey, Sha1Digest, Sha512Digest, TimeMs, Version};
use serde::{Deserialize, Serialize};

/// `p/G:A`, `g/G` and `D`: that something changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Head {
    /// Log time of the last event that it tells of.
    pub(crate) updated: TimeMs,
    /// Its index: the bytes change with every event even where the times do not.
    pub(crate) last: u64,
}

/// `x/G:A@l/v/V` of a release, `x/G:A@b/V` of a snapshot's build: whether it may be chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Listed {
    /// Index of its publication: the order of `versions`.
    pub(crate) at: u64,
    /// Whether it is yanked.
    pub(crate) yanked: bool,
    /// Whether its files are there to be served.
    pub(crate) readable: bool,
}

impl Listed {
    pub(crate) fn may_be_chosen(&self) -> bool {
        self.readable && !self.yanked
    }
}

/// `x/G:A@l/t/S`: where a snapshot points.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Snapshot {
    /// Index of the event that first set it: its place in `versions`.
    pub(crate) since: u64,
    /// Index of the event that set it last.
    pub(crate) at: u64,
    /// Log time of that.
    pub(crate) updated: TimeMs,
    /// The build.
    pub(crate) version: Version,
    /// Whether that is a build of this snapshot that may be chosen.
    pub(crate) listed: bool,
}

/// `f/G:A@V`: the files of one version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Files {
    /// Log time of its publication.
    pub(crate) published: TimeMs,
    /// What it is made of.
    pub(crate) content: Content,
}

/// The content of a release, or why there is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Content {
    /// Ascending by tail.
    Present(Vec<StoredFile>),
    /// Its manifest is withheld by an event.
    Withheld,
    /// Its manifest is not what its statement says, or names files that do not belong to it.
    Unreadable,
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StoredFile {
    /// What follows `A-V` in its name.
    pub(crate) tail: String,
    pub(crate) object: ObjectRef,
    pub(crate) md5: Md5Digest,
    pub(crate) sha1: Sha1Digest,
    pub(crate) sha512: Sha512Digest,
    pub(crate) media_type: String,
}

/// `y/G@A`: a plugin of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Plugin {
    /// What its goals are called by.
    pub(crate) prefix: String,
    /// Its name.
    pub(crate) name: Option<String>,
}

/// `d/D`: that a domain has something here; `c/D`: that it is claimed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Since {
    /// Index of its first publication; of its claim.
    pub(crate) since: u64,
}

/// The prefix of all rows of domains.
pub(crate) const DOMAINS: &str = "d/";

pub(crate) fn head_key(package: &Coordinates) -> Result<RowKey, Defect> {
    RowKey::new(format!("p/{package}"))
}

/// The prefix of what is listed of a package; `@` is in no name, so it is no other package's.
pub(crate) fn listing_prefix(package: &Coordinates) -> String {
    format!("x/{package}@l/")
}
pub(crate) fn versions_prefix(package: &Coordinates) -> String {
    format!("x/{package}@l/v/")
}
pub(crate) fn snapshots_prefix(package: &Coordinates) -> String {
    format!("x/{package}@l/t/")
}

pub(crate) fn listed_key(package: &Coordinates, version: &PackageVersion) -> Result<RowKey, Defect> {
    match version.base() {
        None => RowKey::new(format!("x/{package}@l/v/{version}")),
        Some(_) => RowKey::new(format!("x/{package}@b/{version}")),
    }
}

pub(crate) fn snapshot_key(package: &Coordinates, base: &Channel) -> Result<RowKey, Defect> {
    RowKey::new(format!("x/{package}@l/t/{base}"))
}

pub(crate) fn files_key(package: &Coordinates, version: &PackageVersion) -> Result<RowKey, Defect> {
    RowKey::new(format!("f/{package}@{version}"))
}

pub(crate) fn group_key(group: &str) -> Result<RowKey, Defect> {
    RowKey::new(format!("g/{group}"))
}
pub(crate) fn plugins_prefix(group: &str) -> String {
    format!("y/{group}@")
}
pub(crate) fn plugin_key(package: &Coordinates) -> Result<RowKey, Defect> {
    RowKey::new(format!("y/{}@{}", package.group(), package.artifact()))
}

pub(crate) fn claimed_key(domain: &Domain) -> Result<RowKey, Defect> {
    RowKey::new(format!("c/{domain}"))
}

pub(crate) fn domains_key() -> Result<RowKey, Defect> {
    RowKey::new("D")
}
pub(crate) fn domain_key(domain: &Domain) -> Result<RowKey, Defect> {
    RowKey::new(format!("{DOMAINS}{domain}"))
}
