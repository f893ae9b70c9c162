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
    /// What the domain says of itself, above the admin keys; nothing of its packages. For a key that is kept offline.
    Recovery,
}

impl Role {
    /// Every role.
    pub const ALL: [Role; 3] = [Role::Admin, Role::Publish, Role::Recovery];

    /// As it is spelled in a statement.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Admin => "admin",
            Role::Publish => "publish",
            Role::Recovery => "recovery",
        }
    }

    /// Reads the one spelling.
    pub fn parse(s: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == s)
    }

    /// Whether it may say something of the domain itself.
    pub fn speaks_of_domain(self) -> bool {
        match self {
            Role::Admin | Role::Recovery => true,
            Role::Publish => false,
        }
    }

    /// Whether it may say something of the domain's packages.
    pub fn speaks_of_packages(self) -> bool {
        match self {
            Role::Admin | Role::Publish => true,
            Role::Recovery => false,
        }
    }
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
