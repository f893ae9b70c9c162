//! What lock files and settings of package managers say, as each ecosystem reads its own: packages with what they are pinned to, and
//! registries. Says nothing of whether it is true.

use deedbox_client::Wanted;
use std::collections::BTreeMap;
use std::path::Path;

/// Addresses of registries, each with who named it first.
pub(crate) type Registries = BTreeMap<String, String>;

/// The lock files of an ecosystem that are read.
#[derive(Clone, Copy)]
pub(crate) struct LockFiles {
    /// Their names, as the ecosystem's clients give them.
    pub(crate) names: &'static [&'static str],
    /// What one of them names, read as its clients read it. The file may have another name.
    pub(crate) read: fn(&Path) -> anyhow::Result<Vec<Locked>>,
}

/// One package that a lock file names.
pub(crate) struct Locked {
    /// As the file calls it, with its version.
    pub(crate) label: String,
    /// Where it stands in the file.
    pub(crate) path: String,
    /// The line on which it begins, where it has one of its own.
    pub(crate) line: Option<usize>,
    /// Where its client takes its bytes from.
    pub(crate) to: LockedTo,
}

/// What a lock file pins a package to.
pub(crate) enum LockedTo {
    /// These bytes of a domain's release: this registry's log must know them.
    Release {
        /// What the log is asked.
        wanted: Wanted,
        /// The registry that the file takes them from, where it says so.
        registry: Option<String>,
    },
    /// A folder of the project: no log knows its bytes.
    Folder(String),
    /// A package of another registry.
    Elsewhere,
    /// It cannot be read as its client reads it: where it stands, and why.
    Unread(String),
}

impl Locked {
    /// What the log is asked about it.
    pub(crate) fn wanted(&self) -> Option<&Wanted> {
        match &self.to {
            LockedTo::Release { wanted, .. } => Some(wanted),
            _ => None,
        }
    }

    /// The registry that it is from, by the file's own words.
    pub(crate) fn registry(&self) -> Option<&str> {
        match &self.to {
            LockedTo::Release { registry, .. } => registry.as_deref(),
            _ => None,
        }
    }
}
