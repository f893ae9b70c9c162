//! The rows of this projection (spec/projections/npm.md §5). Per package one head, which every event of the package
//! rewrites; one row for each channel and each version; one search row. No row grows with the number of versions, and
//! none holds what only one site has.

use crate::name::PackageName;
use deedbox_model::{Channel, Defect, ObjectRef, ReasonCode, RowKey, TimeMs, Version};
use serde::{Deserialize, Serialize};

/// `p/D/N`: that a package exists, and whether anything about it changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Head {
    /// Log time of the package's first event.
    pub(crate) created: TimeMs,
    /// Log time of its last event.
    pub(crate) modified: TimeMs,
    /// Index of its last event: the bytes change with every event even where the times do not.
    pub(crate) last: u64,
}

/// `x/D/N@v/V`: one version, under the form in which npm tells versions apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Release {
    /// As it was published, with build metadata.
    pub(crate) version: Version,
    /// Log time of its publication.
    pub(crate) published: TimeMs,
    /// Why it is yanked, if it is.
    pub(crate) yanked: Option<ReasonCode>,
    /// The words of its deprecation, if it is deprecated.
    pub(crate) deprecated: Option<String>,
    /// What its document says.
    pub(crate) content: Content,
}

/// The content of a release: its document, or why there is none.
pub(crate) type Content = deedbox_view::Content<Box<Document>>;

/// A version's document in parts, each the members of a JSON object without its braces. What only a site has (the
/// tarball's URL, signatures) and what later events change (deprecation) is put between them when it is rendered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Document {
    /// `name`, `version` and what the abbreviated form has too.
    pub(crate) core: String,
    /// What the packument repeats at its top for the latest version: description, licence, ….
    pub(crate) summary: String,
    /// What only the full form has.
    pub(crate) extra: String,
    /// The members of `dist` that no site changes.
    pub(crate) dist: String,
    /// `sha512-…`: what the site's signature covers.
    pub(crate) integrity: String,
    /// The tarball.
    pub(crate) tarball: ObjectRef,
    /// What a search shows if `latest` comes to point here.
    pub(crate) words: Words,
}

/// `x/D/N@t/T`: where a channel points.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tag {
    /// The version, with build metadata.
    pub(crate) version: Version,
}

/// `s/D/N`: what a search finds a package by, taken from the version that `latest` was last set to; from the highest
/// one where `latest` was never set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Found {
    /// The version that the rest is of, with build metadata.
    pub(crate) version: Version,
    /// Log time of its publication.
    pub(crate) published: TimeMs,
    /// Whether it is yanked.
    pub(crate) yanked: bool,
    /// Its words.
    pub(crate) words: Words,
}

/// What a search looks in and shows, bounded by the dialect's metadata limits.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Words {
    pub(crate) description: Option<String>,
    pub(crate) keywords: Vec<String>,
    pub(crate) licence: Option<String>,
    pub(crate) homepage: Option<String>,
    pub(crate) repository: Option<String>,
}

/// `S`: rewritten whenever any search row changes, so that one row tells whether an answer to a search still holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SearchHead {
    /// Log time of the last change.
    pub(crate) modified: TimeMs,
    /// Index of the entry that made it.
    pub(crate) last: u64,
}

/// The prefix of all search rows.
pub(crate) const SEARCH_PREFIX: &str = "s/";

pub(crate) fn head_key(name: &PackageName) -> Result<RowKey, Defect> {
    RowKey::new(format!("p/{}", name.path()))
}

/// The prefix of a package's channels and versions; `@` is in no name, so it is no other package's.
pub(crate) fn package_prefix(name: &PackageName) -> Result<RowKey, Defect> {
    RowKey::new(format!("x/{}@", name.path()))
}

pub(crate) fn release_prefix(name: &PackageName) -> String {
    format!("x/{}@v/", name.path())
}

pub(crate) fn tag_prefix(name: &PackageName) -> String {
    format!("x/{}@t/", name.path())
}

pub(crate) fn release_key(name: &PackageName, native_version: &str) -> Result<RowKey, Defect> {
    RowKey::new(format!("x/{}@v/{native_version}", name.path()))
}

pub(crate) fn tag_key(name: &PackageName, channel: &Channel) -> Result<RowKey, Defect> {
    RowKey::new(format!("x/{}@t/{channel}", name.path()))
}

pub(crate) fn found_key(name: &PackageName) -> Result<RowKey, Defect> {
    RowKey::new(format!("{SEARCH_PREFIX}{}", name.path()))
}

pub(crate) fn search_head_key() -> Result<RowKey, Defect> {
    RowKey::new("S")
}
