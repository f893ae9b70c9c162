//! A key of a domain, with what it may do and when (spec/events.md §4.1). Whether it may be used now is asked where log time is known.

use crate::key::PublicKey;
use crate::time::TimeMs;
use serde::{Deserialize, Serialize};

/// What a key may do for its domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Everything, keys included.
    Admin,
    /// Releases, their standing, and channels.
    Publish,
}

/// A key of a domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DomainKey {
    /// The key.
    pub key: PublicKey,
    /// Valid from this log time on; null: at any time. It need not be before `until`: such a key may never be used.
    pub from: Option<TimeMs>,
    /// What it may do.
    pub role: Role,
    /// Valid before this log time; null: without end.
    pub until: Option<TimeMs>,
}

impl DomainKey {
    /// Whether it may be used at this log time.
    pub fn is_valid_at(&self, time: TimeMs) -> bool {
        self.from.is_none_or(|from| from <= time) && self.until.is_none_or(|until| time < until)
    }
}
