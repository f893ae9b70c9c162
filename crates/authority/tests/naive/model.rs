//! A second opinion on spec/authority.md: every statement judged as its text reads, with no rows, no touches and nothing of the crate that it
//! is compared with. It keeps whole histories where those are the plainest reading. It is slow, and never used but to compare.

mod domain;
mod grant;
mod hands;
mod package;
mod recovery;
mod registry;
mod rows;

use super::looks::Looks;
use deedbox_model::event::{DomainEvent, RegistryEvent};
use deedbox_model::{Domain, Event, EventId, KeyId, PackageId, Protocol, PublicKey, Speaker, Statement, Unverified};
pub(crate) use domain::{Holding, days, may_be_used};
pub(crate) use grant::Grant;
pub(crate) use hands::Freeze;
pub(crate) use package::Package;
pub(crate) use recovery::Recovery;
pub(crate) use registry::Registry;
pub(crate) use rows::Written;
use std::collections::BTreeMap;

/// A code of §5.
pub(crate) type Code = &'static str;

/// §1.2, and §1.4's lack of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Effective,
    Void(Code),
    Undecided,
}

/// Everything that has happened, as far as it counts.
#[derive(Default, Clone)]
pub(crate) struct Model {
    pub(crate) registry: Option<Registry>,
    /// Log time after the last effective entry.
    pub(crate) now: u64,
    /// The index of the next entry.
    pub(crate) next: u64,
    pub(crate) domains: BTreeMap<Domain, Holding>,
    /// Domains under which the owner of one above published, that owner, and the index of the last time.
    pub(crate) covered: BTreeMap<Domain, (Domain, u64)>,
    pub(crate) grants: BTreeMap<EventId, Grant>,
    pub(crate) packages: BTreeMap<PackageId, Package>,
    /// Every key that an effective event registered, and the index of the last time.
    pub(crate) keys: BTreeMap<KeyId, (PublicKey, u64)>,
    /// The effective events, in their order.
    pub(crate) effective: Vec<(EventId, u64)>,
    /// The void entries.
    pub(crate) voids: Vec<(u64, Code)>,
    /// What the looks of this history show.
    pub(crate) looks: Looks,
}

/// A statement on its way to a verdict.
pub(crate) struct Said<'a> {
    read: &'a Unverified<Statement>,
    index: u64,
    /// Log time at the index.
    t: u64,
}

impl Said<'_> {
    fn statement(&self) -> &Statement {
        self.read.peek()
    }
    fn id(&self) -> EventId {
        self.statement().id()
    }
    fn kid(&self) -> KeyId {
        self.statement().kid()
    }
    fn prev(&self) -> Option<EventId> {
        self.statement().prev()
    }
    /// The domain that speaks, and the tenure that it names; none if the registry speaks.
    fn domain_speaks(&self) -> Option<(&Domain, EventId)> {
        match self.statement().speaker() {
            Speaker::Registry => None,
            Speaker::Domain { domain, tenure } => Some((domain, *tenure)),
        }
    }
    fn verifies_with(&self, key: Option<&PublicKey>) -> Result<(), Code> {
        let verifies = key.is_some_and(|key| self.read.clone().verify(key).is_ok());
        check(verifies, "bad_signature")
    }
}

/// One line of the specification's lists: what must hold, and the code if it does not.
pub(crate) fn check(holds: bool, code: Code) -> Result<(), Code> {
    if holds { Ok(()) } else { Err(code) }
}

impl Model {
    /// The verdict on the next entry, and what follows from it.
    pub(crate) fn judge(&mut self, bytes: &[u8]) -> Verdict {
        // §3, check 1.
        if self.registry.as_ref().is_some_and(|registry| registry.protocol != 1) {
            return Verdict::Undecided;
        }
        let index = self.next;
        self.next += 1;
        match self.checked(bytes, index) {
            Ok((id, t)) => {
                self.effective.push((id, index));
                self.now = t;
                Verdict::Effective
            }
            Err(code) => {
                self.voids.push((index, code));
                Verdict::Void(code)
            }
        }
    }

    /// §3 from check 2 on, and then §4. Nothing is changed unless all checks hold.
    fn checked(&mut self, bytes: &[u8], index: u64) -> Result<(EventId, u64), Code> {
        let read = Statement::decode(Protocol::ONE, bytes).map_err(|_| "undecodable")?;
        let statement = read.peek();
        check(statement.event().created().is_some() == self.registry.is_none(), "not_the_beginning")?;
        if let Some(registry) = &self.registry {
            check(statement.audience() == &registry.origin, "other_audience")?;
        }
        check(!self.effective.iter().any(|(id, _)| *id == statement.id()), "already_logged")?;
        check(statement.time().as_ms() + 600_000 >= self.now, "too_old")?;
        let said = Said { read: &read, index, t: self.now.max(statement.time().as_ms()) };
        self.by_type(&said)?;
        Ok((said.id(), said.t))
    }

    fn by_type(&mut self, said: &Said<'_>) -> Result<(), Code> {
        match said.statement().event() {
            Event::Registry(RegistryEvent::Created(event)) => self.created(said, event),
            Event::Registry(RegistryEvent::RulesChanged(event)) => self.rules_changed(said, event),
            Event::Registry(RegistryEvent::SuffixesChanged(event)) => self.suffixes_changed(said, event),
            Event::Package(event) => self.of_a_package(said, event),
            Event::Domain(event) => {
                let domain = said.statement().domain().expect("an event of a domain is about one").clone();
                match event {
                    DomainEvent::Claimed(event) => self.claimed(said, &domain, event),
                    DomainEvent::KeysChanged(event) => self.keys_changed(said, &domain, event),
                    DomainEvent::Frozen(_) => self.frozen(said, &domain),
                    DomainEvent::Thawed(_) => self.thawed(said, &domain),
                    DomainEvent::Transferred(event) => self.transferred(said, &domain, event),
                    DomainEvent::Released(_) => self.released(said, &domain),
                    DomainEvent::RecoveryOpened(event) => self.recovery_opened(said, &domain, event),
                    DomainEvent::RecoveryContested(event) => self.recovery_contested(said, &domain, event),
                    DomainEvent::RecoveryCompleted(event) => self.recovery_completed(said, &domain, event),
                    DomainEvent::Granted(event) => self.granted(said, &domain, event),
                    DomainEvent::Revoked(event) => self.revoked(said, &domain, event),
                }
            }
        }
    }

    /// `bad_signature`: by the key that some effective event registered under this id.
    fn signature_verifies(&self, said: &Said<'_>) -> Result<(), Code> {
        said.verifies_with(self.keys.get(&said.kid()).map(|(key, _)| key))
    }

    fn register(&mut self, said: &Said<'_>, keys: impl IntoIterator<Item = PublicKey>) {
        self.keys.extend(keys.into_iter().map(|key| (key.id(), (key, said.index))));
    }
}
