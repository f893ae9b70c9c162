//! The rows of this projection (spec/projections/oci.md §5). One head for each repository, one row for each version and
//! each channel, two for each manifest and blob of it (by either digest), one for each manifest with a subject. No row
//! grows with the number of versions, and none holds what only one site has.

use crate::digest::Digest;
use crate::document::Kind;
use crate::name::Repository;
use deedbox_model::{Defect, ObjectRef, ReasonCode, RowKey, Sha256Digest, TimeMs, Version};
use serde::{Deserialize, Serialize};

/// `p/D/N`: that a repository exists, and whether anything about it changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Head {
    /// Log time of its last event.
    pub(crate) modified: TimeMs,
    /// Index of its last event: the bytes change with every event even where the times do not.
    pub(crate) last: u64,
}

/// `t/D/N@v/V`: one version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Release {
    /// Why it is yanked, if it is.
    pub(crate) yanked: Option<ReasonCode>,
    /// What it is.
    pub(crate) content: Content,
}

/// The content of a release: what its tag leads to, or why there is none.
pub(crate) type Content = deedbox_view::Content<Root>;

/// What a version's tag leads to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Root {
    /// The manifest or index.
    pub(crate) manifest: Stored,
    /// Rows of its manifests that have a subject, which a yank changes too: `<subject>/<digest>`.
    pub(crate) referrers: Vec<String>,
}

impl Root {
    /// Whether the root itself is about another manifest, not only one below it.
    pub(crate) fn has_subject(&self) -> bool {
        let digest = Digest::Sha256(self.manifest.object.sha256).to_string();
        self.referrers.iter().any(|at| at.split_once('/').is_some_and(|(_, about)| about == digest))
    }
}

/// `x/D/N@m/<digest>`: one manifest, and `x/D/N@b/<digest>`: one blob.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Stored {
    /// Its bytes.
    pub(crate) object: ObjectRef,
    /// `Content-Type` of its answer: a manifest's own; a blob's is always the same.
    pub(crate) media_type: String,
}

/// `t/D/N@c/T`: where a channel points.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tag {
    /// The version.
    pub(crate) version: Version,
}

/// `x/D/N@r/<subject>/<digest>/V`: a manifest of version V about another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReferrerRow {
    /// Its descriptor, as JSON.
    pub(crate) descriptor: String,
    /// What kind of artifact it is.
    pub(crate) artifact_type: Option<String>,
    /// Whether its version is yanked.
    pub(crate) yanked: bool,
}

/// The prefix of all heads.
pub(crate) const HEADS: &str = "p/";

pub(crate) fn head_key(repository: &Repository) -> Result<RowKey, Defect> {
    RowKey::new(format!("{HEADS}{repository}"))
}

/// The prefix of a repository's versions and channels; `@` is in no name, so it is no other repository's.
pub(crate) fn tags_prefix(repository: &Repository) -> Result<RowKey, Defect> {
    RowKey::new(format!("t/{repository}@"))
}

pub(crate) fn release_prefix(repository: &Repository) -> String {
    format!("t/{repository}@v/")
}

pub(crate) fn channel_prefix(repository: &Repository) -> String {
    format!("t/{repository}@c/")
}

pub(crate) fn release_key(repository: &Repository, version: &str) -> Result<RowKey, Defect> {
    RowKey::new(format!("t/{repository}@v/{version}"))
}

pub(crate) fn channel_key(repository: &Repository, channel: &str) -> Result<RowKey, Defect> {
    RowKey::new(format!("t/{repository}@c/{channel}"))
}

pub(crate) fn stored_key(repository: &Repository, kind: Kind, digest: &Digest) -> Result<RowKey, Defect> {
    let kind = match kind {
        Kind::Manifest => 'm',
        Kind::Blob => 'b',
    };
    RowKey::new(format!("x/{repository}@{kind}/{digest}"))
}

/// The prefix of all that is about one manifest.
pub(crate) fn subject_prefix(repository: &Repository, subject: &Digest) -> Result<RowKey, Defect> {
    RowKey::new(format!("x/{repository}@r/{subject}/"))
}

/// `<subject>/<digest>`.
pub(crate) fn referrer_at(subject: &Digest, digest: &Sha256Digest) -> String {
    format!("{subject}/sha256:{digest}")
}

pub(crate) fn referrer_key(repository: &Repository, at: &str, version: &Version) -> Result<RowKey, Defect> {
    RowKey::new(format!("x/{repository}@r/{at}/{version}"))
}
