//! Who else may speak for a domain's packages (spec/events.md §4.10).

use super::body::Body;
use crate::domain::Domain;
use crate::event_id::EventId;
use crate::key::PublicKey;
use crate::limits;
use crate::pattern::IdPattern;
use crate::said;
use crate::time::TimeMs;
use serde::{Deserialize, Serialize};

/// What a grant lets its holder do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Set and remove channels.
    Channel,
    /// Publish releases, with the channels that they set.
    Publish,
    /// Yank and deprecate releases, and take that back.
    Yank,
}

impl Action {
    /// Every action, ascending.
    pub const ALL: [Action; 3] = [Action::Channel, Action::Publish, Action::Yank];

    /// As it is spelled in a statement.
    pub fn as_str(self) -> &'static str {
        match self {
            Action::Channel => "channel",
            Action::Publish => "publish",
            Action::Yank => "yank",
        }
    }

    /// Reads the one spelling.
    pub fn parse(s: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.as_str() == s)
    }
}

/// `publisher.granted`: a key that is not the domain's may speak for some of its packages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublisherGranted {
    /// Whose.
    pub key: PublicKey,
    /// Of which packages, 1 to 16, ascending.
    pub ids: Vec<IdPattern>,
    /// What it may do, ascending.
    pub actions: Vec<Action>,
    /// In force before this log time; null: until it is revoked.
    pub until: Option<TimeMs>,
}

impl PublisherGranted {
    /// Whether all of it is a domain's to grant.
    pub fn is_within(&self, domain: &Domain) -> bool {
        self.ids.iter().all(|pattern| pattern.is_within(domain))
    }
}

impl Body for PublisherGranted {
    const TYPE: &'static str = "publisher.granted";

    fn check(&self) -> Result<(), &'static str> {
        if self.ids.is_empty() || self.ids.len() > limits::GRANT_PATTERNS {
            return Err(said!("a grant is for 1 to {} patterns of ids", limits::GRANT_PATTERNS));
        }
        if !self.ids.is_sorted_by(|a, b| a < b) {
            return Err("the patterns of a grant ascend by their bytes, each named once");
        }
        if self.actions.is_empty() || !self.actions.is_sorted_by(|a, b| a < b) {
            return Err("a grant names at least one action, ascending, each once");
        }
        Ok(())
    }
}

/// `publisher.revoked`: the end of a grant. What was said by it stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublisherRevoked {
    /// The `publisher.granted` that it ends.
    pub grant: EventId,
}

impl Body for PublisherRevoked {
    const TYPE: &'static str = "publisher.revoked";

    fn check(&self) -> Result<(), &'static str> {
        Ok(())
    }
}
