//! Who asks, and what an answer tells of: by these two a server's gate decides whether it is given (docs/decisions/0017). Knows nobody and
//! allows nothing.

use deedbox_model::{Domain, PackageId};
use std::sync::Arc;

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Reader(Option<Arc<str>>);

impl Reader {
    /// Anybody: nobody said who it is.
    pub const ANYBODY: Reader = Reader(None);

    /// Somebody, by the id that the code that knows readers has for them.
    pub fn known(id: impl Into<Arc<str>>) -> Self {
        Reader(Some(id.into()))
    }

    /// Whether it may be anybody.
    pub fn is_anybody(&self) -> bool {
        self.0.is_none()
    }

    /// The id, of somebody.
    pub fn id(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

/// What an answer tells of.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Resource {
    /// Nothing that the log holds: how this program is spoken to, and what it refuses to everybody.
    Nothing,
    /// The registry as a whole: lists of everything, searches, totals.
    Registry,
    /// A domain: its claim and keys, and lists of what is its.
    Domain(Domain),
    /// A package.
    Package(PackageId),
    /// The log's tree: checkpoints, tiles, proofs.
    Tree,
    /// The log's entries, whatever they are about.
    Entries,
}

impl From<PackageId> for Resource {
    fn from(id: PackageId) -> Self {
        Resource::Package(id)
    }
}
