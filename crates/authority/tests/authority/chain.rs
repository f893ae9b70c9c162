//! A domain whose chain goes on, for the tables of how it changes hands.

use super::judged::Log;
use deedbox_authority::Refusal;
use deedbox_model::event::{
    Acceptance, DomainFrozen, DomainKey, DomainKeysChanged, DomainRecoveryCompleted, DomainRecoveryContested, DomainRecoveryOpened,
    DomainTransferred, Event, Evidence, Role,
};
use deedbox_model::time::DAY_MS;
use deedbox_model::{EventId, ReasonCode, Statement, Subject, TimeMs, Verified};
use deedbox_testkit::{Owner, Registry, secret, time};

pub(crate) const ID: &str = "npm:acme.example/widget";
pub(crate) const FROZEN: DomainFrozen = DomainFrozen { reason: ReasonCode::Security };

/// This many days, and milliseconds, after the first moment of the world.
pub(crate) fn day(days: u64, ms: u64) -> TimeMs {
    time(days * DAY_MS + ms)
}

pub(crate) fn key(n: u8, role: Role) -> DomainKey {
    DomainKey { key: secret(n).public(), from: None, role, until: None }
}

/// A domain's chain, as whoever writes its next event has to know it.
#[derive(Clone)]
pub(crate) struct Chain {
    pub(crate) log: Log,
    pub(crate) registry: Registry,
    pub(crate) owner: Owner,
    pub(crate) head: EventId,
}

/// Acme with the admin keys 10 and 11, the publishing key 12, and the recovery keys that are asked for.
pub(crate) fn chain(recovery: &[u8]) -> Chain {
    let registry = Registry::default();
    let mut log = Log::default();
    log.accept(&registry.created(time(0)));
    let keys = [key(10, Role::Admin), key(11, Role::Admin), key(12, Role::Publish)].into_iter();
    let mut keys: Vec<DomainKey> = keys.chain(recovery.iter().map(|n| key(*n, Role::Recovery))).collect();
    keys.sort();
    let (claim, owner) = registry.claim_with("acme.example", &secret(10), keys, time(1));
    log.accept(&claim);
    Chain { log, registry, head: owner.tenure, owner }
}

impl Chain {
    pub(crate) fn says(&self, n: u8, prev: EventId, at: TimeMs, event: impl Into<Event>) -> Verified<Statement> {
        self.owner.by(n).say_of_itself(Some(prev), at, event)
    }
    pub(crate) fn registry_says(&self, prev: EventId, at: TimeMs, event: impl Into<Event>) -> Verified<Statement> {
        self.registry.say(&Subject::Domain(self.owner.domain.clone()), Some(prev), at, &event.into())
    }
    #[track_caller]
    pub(crate) fn accept(&mut self, statement: &Verified<Statement>) -> EventId {
        self.log.accept(statement);
        if statement.domain().is_some() {
            self.head = statement.id();
        }
        statement.id()
    }
    #[track_caller]
    pub(crate) fn said(&mut self, n: u8, at: TimeMs, event: impl Into<Event>) -> EventId {
        self.accept(&self.says(n, self.head, at, event))
    }
    #[track_caller]
    pub(crate) fn registry_said(&mut self, at: TimeMs, event: impl Into<Event>) -> EventId {
        self.accept(&self.registry_says(self.head, at, event))
    }
    #[track_caller]
    pub(crate) fn refused(&mut self, n: u8, at: TimeMs, event: impl Into<Event>, code: &str) -> Refusal {
        let statement = self.says(n, self.head, at, event);
        self.log.refuse(&statement, code)
    }
    #[track_caller]
    pub(crate) fn registry_refused(&mut self, at: TimeMs, event: impl Into<Event>, code: &str) -> Refusal {
        let statement = self.registry_says(self.head, at, event);
        self.log.refuse(&statement, code)
    }
    /// Effective, or refused with this code.
    #[track_caller]
    pub(crate) fn judge(&mut self, statement: &Verified<Statement>, refused: Option<&str>) {
        match refused {
            Some(code) => {
                self.log.refuse(statement, code);
            }
            None => {
                self.accept(statement);
            }
        }
    }
    /// The consent of a key to have the domain, on top of the head.
    pub(crate) fn accepted(&self, n: u8, at: TimeMs) -> Acceptance {
        self.owner.by(n).accept(Some(self.head), at)
    }
    pub(crate) fn opening(&self, n: u8, at: TimeMs) -> DomainRecoveryOpened {
        DomainRecoveryOpened { sight: None, evidence: Evidence::Operator, acceptance: self.accepted(n, at) }
    }
    #[track_caller]
    pub(crate) fn opened(&mut self, n: u8, at: TimeMs) -> EventId {
        self.registry_said(at, self.opening(n, at))
    }
    /// The domain is another holder's: what it says from here on it says under this event, with this key.
    pub(crate) fn holder(&mut self, tenure: EventId, n: u8) {
        self.owner = self.owner.under(tenure, n);
    }
    pub(crate) fn transfer(&self, n: u8, at: TimeMs) -> DomainTransferred {
        DomainTransferred { acceptance: self.accepted(n, at) }
    }
    #[track_caller]
    pub(crate) fn published(&mut self, version: &str, prev: Option<EventId>, at: TimeMs) -> EventId {
        let (release, _) = self.owner.publish(ID, version, prev, at, &["latest"]);
        self.accept(&release)
    }
}

pub(crate) fn completing(recovery: EventId) -> DomainRecoveryCompleted {
    DomainRecoveryCompleted { sight: None, evidence: Evidence::Operator, recovery }
}

pub(crate) fn removing(n: u8) -> DomainKeysChanged {
    DomainKeysChanged::remove(vec![secret(n).public().id()])
}

pub(crate) fn contesting(recovery: Option<EventId>) -> DomainRecoveryContested {
    DomainRecoveryContested { recovery }
}
