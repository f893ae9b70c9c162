//! How a domain changes hands, and how it is kept from that (spec/events.md §4.6 to §4.9).

use super::body::Body;
use super::domain::{Evidence, Sight, check_sight};
use crate::acceptance::Acceptance;
use crate::event_id::EventId;
use crate::reason::ReasonCode;
use serde::{Deserialize, Serialize};

/// `domain.frozen`: nothing is published, and nothing handed over, until it is thawed. Said by the domain or by the registry: two freezes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DomainFrozen {
    /// Why.
    pub reason: ReasonCode,
}

/// `domain.thawed`: the end of the speaker's own freeze.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DomainThawed {}

/// `domain.transferred`: the holder gives the domain to another one, who accepts it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DomainTransferred {
    /// The next holder's own signed words.
    pub acceptance: Acceptance,
}

/// `domain.released`: the domain has no holder any more. Its packages stay as they are until somebody claims it again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DomainReleased {}

/// `domain.recovery.opened`: somebody who has none of the domain's keys shows that the domain is theirs. Nothing changes hands yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DomainRecoveryOpened {
    /// What was seen; there exactly for the classes that rest on it.
    pub sight: Option<Sight>,
    /// On what ground.
    pub evidence: Evidence,
    /// The claimant's own signed words.
    pub acceptance: Acceptance,
}

/// `domain.recovery.contested`: a key of the domain says no.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DomainRecoveryContested {
    /// To which recovery; null: to that this key was taken away, or the domain handed over.
    pub recovery: Option<EventId>,
}

/// `domain.recovery.completed`: the wait is over, and the domain is the claimant's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DomainRecoveryCompleted {
    /// What was seen now; there exactly for the classes that rest on it.
    pub sight: Option<Sight>,
    /// On what ground.
    pub evidence: Evidence,
    /// The `domain.recovery.opened` that it completes.
    pub recovery: EventId,
}

macro_rules! says_all_in_its_fields {
    ($($body:ty: $name:literal),+ $(,)?) => {
        $(impl Body for $body {
            const TYPE: &'static str = $name;

            fn check(&self) -> Result<(), &'static str> {
                Ok(())
            }
        })+
    };
}

says_all_in_its_fields! {
    DomainFrozen: "domain.frozen",
    DomainThawed: "domain.thawed",
    DomainTransferred: "domain.transferred",
    DomainReleased: "domain.released",
    DomainRecoveryContested: "domain.recovery.contested",
}

impl Body for DomainRecoveryOpened {
    const TYPE: &'static str = "domain.recovery.opened";

    fn check(&self) -> Result<(), &'static str> {
        check_sight(self.evidence, self.sight.as_ref())
    }
}

impl Body for DomainRecoveryCompleted {
    const TYPE: &'static str = "domain.recovery.completed";

    fn check(&self) -> Result<(), &'static str> {
        check_sight(self.evidence, self.sight.as_ref())
    }
}
