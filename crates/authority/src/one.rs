//! The rules of protocol number 1 (spec/authority.md §3, §4). Pure and total: the same rows and the same statement
//! give the same answer everywhere, for ever. Checks come in the order of the specification. Which number is in force is
//! not asked here: `deciders.rs` has asked it.

mod domain;
mod evidence;
mod free;
mod grants;
mod hands;
mod keys;
mod may;
mod package;
mod recoverable;
mod recovery;
mod registry;

use crate::MAX_BEHIND_MS;
use crate::decision::{Effective, Signed};
use crate::refusal::Refusal;
use crate::rows::*;
use deedbox_model::event::{DomainEvent, PackageEvent, RegistryEvent, RegistrySuffixesChanged};
use deedbox_model::holding::Place;
use deedbox_model::row::{Changes, Defect, Keys, Rows};
use deedbox_model::{Domain, Event, EventId, PackageId, PublicKey, Statement, Subject, SuffixRule, TimeMs};
use serde::Serialize;

use domain::Said;
pub use evidence::anchors_of;
pub use free::{is_free, rows_of_free};
pub use may::{DomainAct, Question, Rule, may, rows_of_may};
pub use recoverable::{NextOfRecovery, next_of_recovery, rows_of_recovery};

/// The rows that `judge` needs for this statement.
pub(crate) fn touches(statement: &Statement) -> Result<Keys, Defect> {
    let mut keys = Keys::from([registry_key()?, time_key()?, event_key(&statement.id())?]);
    match statement.subject() {
        Subject::Registry => touches_of_registry(&mut keys, statement.event())?,
        Subject::Domain(domain) => touches_of_domain(&mut keys, domain, statement)?,
        Subject::Package(id) => {
            for domain in id.domain().self_and_parents() {
                keys.insert(domain_key(&domain)?);
            }
            if let Some(grant) = statement.by() {
                keys.insert(grant_key(&grant)?);
            }
            keys.insert(package_key(id)?);
            if let Some(version) = statement.event().version() {
                keys.insert(release_key(id, version)?);
            }
            match statement.event() {
                Event::Package(event) => touches_of_package(&mut keys, id, event)?,
                Event::Registry(_) | Event::Domain(_) => {}
            }
        }
    }
    Ok(keys)
}

fn touches_of_registry(keys: &mut Keys, event: &Event) -> Result<(), Defect> {
    let Event::Registry(RegistryEvent::SuffixesChanged(RegistrySuffixesChanged { put, removed })) = event else { return Ok(()) };
    for rule in put.iter().chain(removed) {
        keys.insert(suffix_key(rule)?);
    }
    Ok(())
}

fn touches_of_domain(keys: &mut Keys, domain: &Domain, statement: &Statement) -> Result<(), Defect> {
    keys.insert(domain_key(domain)?);
    if let Some(prev) = statement.prev() {
        keys.insert(chain_key(domain, &prev)?);
    }
    let Event::Domain(event) = statement.event() else { return Ok(()) };
    match event {
        DomainEvent::Claimed(_) => {
            keys.insert(covered_key(domain)?);
            for rule in SuffixRule::of(domain) {
                keys.insert(suffix_key(&rule)?);
            }
        }
        DomainEvent::KeysChanged(e) => {
            for id in e.put.iter().map(|key| key.key.id()).chain(e.removed.iter().copied()) {
                keys.insert(domain_key_key(domain, &id)?);
            }
        }
        DomainEvent::RecoveryContested(_) => {
            keys.insert(domain_key_key(domain, &statement.kid())?);
        }
        DomainEvent::Revoked(e) => {
            keys.insert(grant_key(&e.grant)?);
        }
        // The domain's own row is all that they look at.
        DomainEvent::Frozen(_)
        | DomainEvent::Thawed(_)
        | DomainEvent::Transferred(_)
        | DomainEvent::Released(_)
        | DomainEvent::RecoveryOpened(_)
        | DomainEvent::RecoveryCompleted(_)
        | DomainEvent::Granted(_) => {}
    }
    Ok(())
}

fn touches_of_package(keys: &mut Keys, id: &PackageId, event: &PackageEvent) -> Result<(), Defect> {
    match event {
        PackageEvent::ReleasePublished(e) => {
            keys.insert(native_key(id.ecosystem(), &e.native_name)?);
            keys.insert(native_version_key(id, &e.native_version)?);
        }
        PackageEvent::ChannelSet(e) => {
            keys.insert(channel_key(id, &e.channel)?);
        }
        PackageEvent::ChannelRemoved(e) => {
            keys.insert(channel_key(id, &e.channel)?);
        }
        // Their release is all that they look at.
        PackageEvent::ReleaseYanked(_) | PackageEvent::ReleaseUnyanked(_) | PackageEvent::ReleaseDeprecated(_) => {}
    }
    Ok(())
}

/// Why there is nothing effective.
pub(crate) enum Stop {
    Refused(Refusal),
    Defect(Defect),
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Stop::Refused(refusal)
    }
}
impl From<Defect> for Stop {
    fn from(defect: Defect) -> Self {
        Stop::Defect(defect)
    }
}

/// The changes of one effective statement as they come together.
struct Writing {
    index: u64,
    log_time: TimeMs,
    id: EventId,
    changes: Changes,
}

impl Writing {
    fn put<T: Serialize>(&mut self, key: deedbox_model::RowKey, row: &T) -> Result<(), Defect> {
        self.changes.put(key, row)
    }
    /// The rows of a domain after an event of its chain, and of its keys where it has another holder.
    fn change_domain(
        &mut self,
        statement: &Statement,
        domain: &Domain,
        before: Option<&DomainRow>,
        event: &DomainEvent,
    ) -> Result<(), Stop> {
        let place = Place { index: self.index, log_time: self.log_time };
        let row = DomainRow::after(before, domain, statement, event, place).ok_or_else(misfit)?;
        if event.begins_tenure() {
            for key in &row.keys {
                self.register(&key.key)?;
                self.put(domain_key_key(domain, &key.key.id())?, &DomainKeyRow { index: self.index, taken: None })?;
            }
        }
        for key in event.keys() {
            self.register(&key.key)?;
        }
        self.put(domain_key(domain)?, &row)?;
        self.put(chain_key(domain, &row.head)?, &EventRow { index: self.index })?;
        Ok(())
    }
    fn register(&mut self, key: &PublicKey) -> Result<(), Defect> {
        self.put(key_key(&key.id())?, &KeyRow { key: *key })
    }
}

/// Judges one entry by the state at its own index. `registry` is the row of that name.
pub(crate) fn judge(registry: Option<RegistryRow>, rows: &Rows, index: u64, signed: Signed<'_>) -> Result<Effective, Stop> {
    let statement = signed.statement()?;
    let log_time = rows.decoded::<TimeRow>(&time_key()?)?.map(|row| row.time).unwrap_or_default();

    if statement.event().created().is_some() != registry.is_none() {
        return Err(Refusal::NotTheBeginning.into());
    }
    if let Some(registry) = &registry
        && statement.audience() != &registry.origin
    {
        return Err(Refusal::OtherAudience { found: statement.audience().clone(), origin: registry.origin.clone() }.into());
    }
    if let Some(EventRow { index }) = rows.decoded(&event_key(&statement.id())?)? {
        return Err(Refusal::AlreadyLogged { index }.into());
    }
    if statement.time().plus_ms(MAX_BEHIND_MS) < log_time {
        return Err(Refusal::TooOld { time: statement.time(), log_time }.into());
    }
    let log_time = log_time.max(statement.time());

    let mut writing = Writing { index, log_time, id: statement.id(), changes: Changes::new() };
    match statement.event() {
        Event::Registry(RegistryEvent::Created(e)) => registry::create(&mut writing, signed, statement, e)?,
        Event::Registry(RegistryEvent::RulesChanged(e)) => {
            let registry = registry::speak(begun(registry)?, signed, statement)?;
            registry::change_rules(&mut writing, registry, &e.rules)?;
        }
        Event::Registry(RegistryEvent::SuffixesChanged(e)) => {
            let registry = registry::speak(begun(registry)?, signed, statement)?;
            registry::change_suffixes(&mut writing, rows, registry, e)?;
        }
        Event::Domain(event) => {
            let domain = statement.domain().ok_or_else(misfit)?;
            judge_domain(&mut writing, rows, registry, signed, (statement, domain, event), log_time)?;
        }
        Event::Package(event) => {
            let id = statement.package().ok_or_else(misfit)?;
            let (owner, row) = package::speak_for(rows, id, signed, (statement, event), log_time)?;
            let package: Option<PackageRow> = rows.decoded(&package_key(id)?)?;
            continue_chain(statement, package.as_ref().map(|p| p.head))?;
            package::is_not_held(&owner, &row, id, package.as_ref(), package::moves(event), log_time)?;
            package::change(&mut writing, rows, statement, id, package, event)?;
        }
    }
    writing.put(event_key(&statement.id())?, &EventRow { index })?;
    writing.put(time_key()?, &TimeRow { time: log_time })?;
    Ok(Effective { changes: writing.changes, log_time })
}

fn judge_domain(
    writing: &mut Writing,
    rows: &Rows,
    registry: Option<RegistryRow>,
    signed: Signed<'_>,
    (statement, domain, event): (&Statement, &Domain, &DomainEvent),
    log_time: TimeMs,
) -> Result<(), Stop> {
    let said = Said { rows, statement, domain, log_time };
    let before = match event {
        DomainEvent::Claimed(e) => {
            let registry = said.by_registry(registry, signed)?;
            let before = domain::claim(&said, e)?;
            evidence::check(&said, &registry, e)?;
            before
        }
        DomainEvent::KeysChanged(e) => Some(keys::change(writing, &said, said.by_itself(signed)?, e)?),
        DomainEvent::Frozen(_) => Some(hands::freeze(&said, said.by_either(registry, signed)?)?),
        DomainEvent::Thawed(_) => Some(hands::thaw(&said, said.by_either(registry, signed)?)?),
        DomainEvent::Transferred(e) => Some(hands::transfer(&said, said.by_itself(signed)?, e)?),
        DomainEvent::Released(_) => Some(hands::release(&said, said.by_itself(signed)?)?),
        DomainEvent::RecoveryOpened(e) => Some(recovery::open(&said, &said.by_registry(registry, signed)?, e)?),
        DomainEvent::RecoveryContested(e) => Some(recovery::contest(writing, &said, signed, e)?),
        DomainEvent::Granted(e) => Some(grants::grant(writing, &said, said.by_itself(signed)?.0, e)?),
        DomainEvent::Revoked(e) => Some(grants::revoke(writing, &said, said.by_itself(signed)?.0, e)?),
        DomainEvent::RecoveryCompleted(e) => Some(recovery::complete(&said, &said.by_registry(registry, signed)?, e)?),
    };
    writing.change_domain(statement, domain, before.as_ref(), event)
}

fn begun(registry: Option<RegistryRow>) -> Result<RegistryRow, Refusal> {
    registry.ok_or(Refusal::NotTheBeginning)
}

/// Decoding lets no event through whose subject is not of its chain.
fn misfit() -> Refusal {
    Refusal::Undecodable("the event does not fit its subject".to_owned())
}

fn continue_chain(statement: &Statement, head: Option<EventId>) -> Result<(), Refusal> {
    if statement.prev() == head {
        Ok(())
    } else {
        Err(Refusal::StalePrev { subject: statement.subject().to_string(), found: statement.prev(), head })
    }
}

fn must_verify(signed: Signed<'_>) -> Result<(), Refusal> {
    match signed {
        Signed::Verified(_) => Ok(()),
        Signed::NotVerified(_) | Signed::Undecodable { .. } => Err(Refusal::BadSignature),
    }
}
