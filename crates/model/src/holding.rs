//! Whose a domain is, and how it stands: what the effective events of its chain make of it (spec/authority.md §2.1, §4). Asks of no event whether
//! it may be said: that is authority's.

use crate::domain::Domain;
use crate::domain_key::DomainKey;
use crate::event::{DomainEvent, DomainKeysChanged, Evidence};
use crate::event_id::EventId;
use crate::key::{KeyId, PublicKey};
use crate::limits::{
    COMPLETION_DAYS, CONTEST_FREEZE_DAYS, CONTESTED_DAYS, HELD_DAYS, LOCAL_DAY_MS, OPERATOR_FREEZE_DAYS, RECOVERY_DAYS, THAW_DAYS,
};
use crate::statement::{Speaker, Statement};
use crate::time::{DAY_MS, TimeMs};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// This many days, in milliseconds. Below localhost a day is a second, so that everybody can try in a minute what takes weeks elsewhere.
pub fn days(domain: &Domain, days: u64) -> u64 {
    days * if domain.is_localhost() { LOCAL_DAY_MS } else { DAY_MS }
}

/// How a domain came to its present holder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Through {
    /// Nobody had it before.
    Claim,
    /// Its last holder had given it up.
    Reclaim,
    /// Its last holder handed it over.
    Transfer,
    /// On evidence, after a wait.
    Recovery,
}

impl Through {
    /// Its one word.
    pub fn as_str(self) -> &'static str {
        match self {
            Through::Claim => "claim",
            Through::Reclaim => "reclaim",
            Through::Transfer => "transfer",
            Through::Recovery => "recovery",
        }
    }

    /// Whether whoever had the domain before chose the present holder, or nobody had it.
    pub fn is_by_consent(self) -> bool {
        match self {
            Through::Claim | Through::Transfer => true,
            Through::Reclaim | Through::Recovery => false,
        }
    }
}

/// Since when, and until when, a domain is frozen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Freeze {
    /// Log time at its beginning.
    pub at: TimeMs,
    /// In force before this log time; null: until it is thawed.
    pub until: Option<TimeMs>,
}

impl Freeze {
    /// Whether it is in force at this log time.
    pub fn is_in_force(&self, log_time: TimeMs) -> bool {
        self.until.is_none_or(|until| log_time < until)
    }
}

/// The freezes of a domain, by who froze it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Freezes {
    /// The domain itself.
    pub owner: Option<Freeze>,
    /// A key that contests.
    pub contest: Option<Freeze>,
    /// The registry.
    pub operator: Option<Freeze>,
}

impl Freezes {
    /// Each with the word for who froze it.
    pub fn all(&self) -> [(&'static str, Option<Freeze>); 3] {
        [("owner", self.owner), ("contest", self.contest), ("operator", self.operator)]
    }

    /// Whether one of them is in force at this log time.
    pub fn are_in_force(&self, log_time: TimeMs) -> bool {
        self.all().into_iter().filter_map(|(_, freeze)| freeze).any(|freeze| freeze.is_in_force(log_time))
    }
}

/// A recovery of a domain that was opened and is not completed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recovery {
    /// Its `domain.recovery.opened`.
    pub opened: EventId,
    /// That event's index.
    pub index: u64,
    /// Log time there.
    pub at: TimeMs,
    /// The record of the claimant's acceptance, which shows it.
    pub record: String,
    /// On what ground it was opened.
    pub evidence: Evidence,
    /// The keys that the domain gets.
    pub keys: Vec<DomainKey>,
    /// Whether a key of the domain contested it.
    pub contested: bool,
}

impl Recovery {
    /// Until when the domain's holder can say no, and nothing changes hands.
    pub fn waits_until(&self, domain: &Domain) -> TimeMs {
        let wait = if self.contested { CONTESTED_DAYS } else { RECOVERY_DAYS };
        self.at.plus_ms(days(domain, wait))
    }

    /// Until when it can be completed.
    pub fn open_until(&self, domain: &Domain) -> TimeMs {
        self.waits_until(domain).plus_ms(days(domain, COMPLETION_DAYS))
    }
}

/// The keys from which a domain was handed over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Before {
    /// Log time when it was.
    pub at: TimeMs,
    /// The key that said so.
    pub by: KeyId,
    /// All keys until then.
    pub keys: Vec<DomainKey>,
}

/// A domain as the effective events of its chain leave it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Holding {
    /// The event that gives it its present tenure.
    pub tenure: EventId,
    /// That event's index.
    pub tenure_index: u64,
    /// Log time there.
    pub tenure_at: TimeMs,
    /// How it came to its holder.
    pub through: Through,
    /// The class of its last claim or recovery.
    pub evidence: Evidence,
    /// Its keys, ascending.
    pub keys: Vec<DomainKey>,
    /// Whether only keys decide about it.
    pub keys_only: bool,
    /// Its freezes.
    pub frozen: Freezes,
    /// The last recovery that was opened in this tenure and not completed.
    pub recovery: Option<Recovery>,
    /// From whom it was handed over.
    pub before: Option<Before>,
    /// Whether its holder gave it up.
    pub released: bool,
    /// The last event of its chain.
    pub head: EventId,
}

/// Where an effective event stands.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// Its index.
    pub index: u64,
    /// Log time there.
    pub log_time: TimeMs,
}

impl Holding {
    /// The domain after an effective event of its chain; none if the event goes on from something that is not there.
    pub fn after(before: Option<&Holding>, domain: &Domain, statement: &Statement, event: &DomainEvent, place: Place) -> Option<Holding> {
        let moment = Moment { domain, statement, place };
        match event {
            DomainEvent::Claimed(e) => {
                let through = if before.is_some() { Through::Reclaim } else { Through::Claim };
                Some(moment.new_tenure(through, e.evidence, e.acceptance.terms().keys.clone()))
            }
            other => moment.after(before?, other),
        }
    }

    /// The recovery that is open at this log time.
    pub fn open_recovery(&self, domain: &Domain, log_time: TimeMs) -> Option<&Recovery> {
        self.recovery.as_ref().filter(|recovery| log_time < recovery.open_until(domain))
    }

    /// From when on what the domain itself froze can be thawed, if that is in force.
    pub fn thaws_from(&self, domain: &Domain) -> Option<TimeMs> {
        self.frozen.owner.map(|freeze| freeze.at.plus_ms(days(domain, THAW_DAYS)))
    }

    /// Until when the packages that were there before this tenure are held, if it came without the last holder's word.
    pub fn holds_until(&self, domain: &Domain) -> Option<TimeMs> {
        (!self.through.is_by_consent()).then(|| self.tenure_at.plus_ms(days(domain, HELD_DAYS)))
    }

    /// The keys after a change.
    pub fn keys_after(&self, e: &DomainKeysChanged) -> Vec<DomainKey> {
        let kept = self.keys.iter().filter(|key| !e.removed.contains(&key.key.id()));
        let keys: BTreeMap<PublicKey, DomainKey> = kept.chain(&e.put).map(|key| (key.key, *key)).collect();
        keys.into_values().collect()
    }
}

/// What an event brings with it.
struct Moment<'a> {
    domain: &'a Domain,
    statement: &'a Statement,
    place: Place,
}

impl Moment<'_> {
    fn after(&self, before: &Holding, event: &DomainEvent) -> Option<Holding> {
        let (at, frozen) = (self.place.log_time, before.frozen);
        let by_registry = *self.statement.speaker() == Speaker::Registry;
        let next = match event {
            DomainEvent::Claimed(_) => return None,
            DomainEvent::KeysChanged(e) => {
                let keys_only = e.keys_only.unwrap_or(before.keys_only);
                Holding { keys: before.keys_after(e), keys_only, ..before.clone() }
            }
            DomainEvent::Granted(_) | DomainEvent::Revoked(_) => before.clone(),
            DomainEvent::Frozen(_) if by_registry => {
                let operator = Some(Freeze { at, until: Some(self.in_days(OPERATOR_FREEZE_DAYS)) });
                Holding { frozen: Freezes { operator, ..frozen }, ..before.clone() }
            }
            DomainEvent::Frozen(_) => Holding { frozen: Freezes { owner: Some(Freeze { at, until: None }), ..frozen }, ..before.clone() },
            DomainEvent::Thawed(_) if by_registry => Holding { frozen: Freezes { operator: None, ..frozen }, ..before.clone() },
            DomainEvent::Thawed(_) => Holding { frozen: Freezes { owner: None, contest: None, ..frozen }, ..before.clone() },
            DomainEvent::Transferred(e) => {
                let next = self.new_tenure(Through::Transfer, before.evidence, e.acceptance.terms().keys.clone());
                Holding { before: Some(Before { at, by: self.statement.kid(), keys: before.keys.clone() }), ..next }
            }
            DomainEvent::Released(_) => Holding {
                keys: Vec::new(),
                keys_only: false,
                frozen: Freezes::default(),
                recovery: None,
                before: None,
                released: true,
                ..before.clone()
            },
            DomainEvent::RecoveryOpened(e) => {
                let recovery = Recovery {
                    opened: self.statement.id(),
                    index: self.place.index,
                    at,
                    record: e.acceptance.record(),
                    evidence: e.evidence,
                    keys: e.acceptance.terms().keys.clone(),
                    contested: false,
                };
                // The dispute that a contest began goes on as long as there is a way to end it.
                let longer = |freeze: Freeze| Freeze { until: Some(recovery.open_until(self.domain)), ..freeze };
                let contest = frozen.contest.map(|freeze| if freeze.is_in_force(at) { longer(freeze) } else { freeze });
                Holding { recovery: Some(recovery), frozen: Freezes { contest, ..frozen }, ..before.clone() }
            }
            DomainEvent::RecoveryContested(e) => self.contested(before, e.recovery.is_some())?,
            DomainEvent::RecoveryCompleted(e) => {
                let next = self.new_tenure(Through::Recovery, e.evidence, before.recovery.as_ref()?.keys.clone());
                Holding { frozen: Freezes { contest: None, ..frozen }, ..next }
            }
        };
        Some(Holding { head: self.statement.id(), ..next })
    }

    fn contested(&self, before: &Holding, a_recovery: bool) -> Option<Holding> {
        let at = self.place.log_time;
        let freeze = |until| Freezes { contest: Some(Freeze { at, until: Some(until) }), ..before.frozen };
        if a_recovery {
            let recovery = Recovery { contested: true, ..before.recovery.clone()? };
            let frozen = freeze(recovery.open_until(self.domain));
            return Some(Holding { recovery: Some(recovery), frozen, ..before.clone() });
        }
        let until = self.in_days(CONTEST_FREEZE_DAYS);
        let open = before.open_recovery(self.domain, at).map(|recovery| recovery.open_until(self.domain));
        let frozen = freeze(open.map_or(until, |open| open.max(until)));
        Some(Holding { before: None, frozen, ..before.clone() })
    }

    /// A holder that begins here, with none of the rights that were given before.
    fn new_tenure(&self, through: Through, evidence: Evidence, keys: Vec<DomainKey>) -> Holding {
        Holding {
            tenure: self.statement.id(),
            tenure_index: self.place.index,
            tenure_at: self.place.log_time,
            through,
            evidence,
            keys,
            keys_only: false,
            frozen: Freezes::default(),
            recovery: None,
            before: None,
            released: false,
            head: self.statement.id(),
        }
    }

    fn in_days(&self, number: u64) -> TimeMs {
        self.place.log_time.plus_ms(days(self.domain, number))
    }
}
