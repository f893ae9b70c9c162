//! The content of a release as rows keep it (spec/projections/README.md §2.2): what a dialect makes of a manifest, or why there is none.
//! Reads no manifest itself.

use crate::entry::{Entry, Fact, Facts};
use deedbox_model::{Defect, Manifest};
use serde::{Deserialize, Serialize};

/// The content of a release, or why there is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Content<T> {
    /// Readable.
    Present(T),
    /// Its manifest is withheld by an event.
    Withheld,
    /// Its manifest is not what its statement says, or is not one of this dialect. Why is not kept: it may be a library's words.
    Unreadable,
}

impl<T> Content<T> {
    /// Of the release that an entry publishes: what `read` makes of its manifest.
    pub fn of(entry: &Entry<'_>, facts: &Facts, read: impl FnOnce(&Manifest) -> Result<Option<T>, Defect>) -> Result<Self, Defect> {
        match &facts.manifest {
            Some(Fact::Present(manifest)) => Ok(read(manifest)?.map_or(Content::Unreadable, Content::Present)),
            Some(Fact::Withheld) => Ok(Content::Withheld),
            Some(Fact::Unreadable(_)) => Ok(Content::Unreadable),
            None => Err(Defect::Unread(format!("the manifest of entry {}", entry.index))),
        }
    }
}
