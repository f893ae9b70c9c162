//! The rows of this projection (spec/projections/gem.md §5). A domain and each gem have a head that every event about
//! them rewrites; indices are kept in pieces of bounded length, and an event writes one piece of each.

use crate::limits::PIECE_BYTES;
use crate::name::GemName;
use crate::spec::Spec;
use deedbox_model::{Defect, Domain, ObjectRef, ReasonCode, RowKey, TimeMs, Version};
use serde::{Deserialize, Serialize};

/// How far an index has grown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Extent {
    /// Pieces.
    pub(crate) pieces: u64,
    /// Bytes in the last one.
    pub(crate) fill: u64,
}

impl Extent {
    /// The piece that takes the next line.
    pub(crate) fn open(self) -> u64 {
        match self.pieces {
            0 => 0,
            pieces if self.fill >= PIECE_BYTES => pieces,
            pieces => pieces - 1,
        }
    }

    /// After a piece of text went into it.
    pub(crate) fn with(self, bytes: u64) -> Self {
        if self.open() < self.pieces {
            Extent { fill: self.fill.saturating_add(bytes), ..self }
        } else {
            Extent { pieces: self.pieces + 1, fill: bytes }
        }
    }
}

/// `d/D`: a source root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Source {
    /// Log time of its first event.
    pub(crate) created: TimeMs,
    /// Log time of its last event.
    pub(crate) modified: TimeMs,
    /// Index of its last event.
    pub(crate) last: u64,
    /// Of `/versions`.
    pub(crate) versions: Extent,
}

/// `p/D/N`: a gem.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Head {
    /// Index of its last event.
    pub(crate) last: u64,
    /// Of `/info/N`.
    pub(crate) info: Extent,
    /// State of the MD5 over `/info/N` as it is.
    #[serde(with = "serde_bytes")]
    pub(crate) md5: Vec<u8>,
}

/// `x/D/N@V`: one version, as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Release {
    pub(crate) version: Version,
    /// Log time of its publication.
    pub(crate) published: TimeMs,
    /// Why it is yanked, if it is.
    pub(crate) yanked: Option<ReasonCode>,
    /// Whether it has lines in the indices: it has none if its gem's `/info` was full.
    pub(crate) listed: bool,
    pub(crate) content: Content,
}

/// The content of a release: a file for each platform, `ruby` first, or why there is none.
pub(crate) type Content = deedbox_view::Content<Vec<File>>;

/// One `.gem`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct File {
    pub(crate) spec: Spec,
    pub(crate) object: ObjectRef,
}

/// `v/D/<piece>`: lines of `/versions`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct VersionsPiece {
    pub(crate) text: String,
}

/// `i/D/N@<piece>`: lines of `/info/N`, those of yanked versions too.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct InfoPiece {
    pub(crate) releases: Vec<InfoLines>,
}

/// The lines of one version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct InfoLines {
    pub(crate) version: Version,
    pub(crate) text: String,
    pub(crate) yanked: bool,
}

/// `n/D/N`: that a source has a gem, and what a search shows of it: its highest version that is not yanked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Found {
    pub(crate) version: Version,
    /// Whether every version is.
    pub(crate) yanked: bool,
    pub(crate) summary: Option<String>,
    pub(crate) homepage: Option<String>,
    pub(crate) licenses: Vec<String>,
    pub(crate) authors: Vec<String>,
}

pub(crate) fn source_key(domain: &Domain) -> Result<RowKey, Defect> {
    RowKey::new(format!("d/{domain}"))
}

pub(crate) fn head_key(name: &GemName) -> Result<RowKey, Defect> {
    RowKey::new(format!("p/{}", name.path()))
}

/// `@` is in no name, so the prefix is no other gem's.
pub(crate) fn release_prefix(name: &GemName) -> Result<RowKey, Defect> {
    RowKey::new(format!("x/{}@", name.path()))
}

pub(crate) fn release_key(name: &GemName, version: &str) -> Result<RowKey, Defect> {
    RowKey::new(format!("x/{}@{version}", name.path()))
}

pub(crate) fn versions_prefix(domain: &Domain) -> Result<RowKey, Defect> {
    RowKey::new(format!("v/{domain}/"))
}

pub(crate) fn versions_key(domain: &Domain, piece: u64) -> Result<RowKey, Defect> {
    RowKey::new(format!("v/{domain}/{piece:010}"))
}

pub(crate) fn info_prefix(name: &GemName) -> Result<RowKey, Defect> {
    RowKey::new(format!("i/{}@", name.path()))
}

pub(crate) fn info_key(name: &GemName, piece: u64) -> Result<RowKey, Defect> {
    RowKey::new(format!("i/{}@{piece:010}", name.path()))
}

pub(crate) fn found_prefix(domain: &Domain) -> Result<RowKey, Defect> {
    RowKey::new(format!("n/{domain}/"))
}

pub(crate) fn found_key(name: &GemName) -> Result<RowKey, Defect> {
    RowKey::new(format!("n/{}", name.path()))
}
