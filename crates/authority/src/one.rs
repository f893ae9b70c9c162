//! The rules of protocol number 1 (spec/authority.md §3, §4). Pure and total: the same rows and the same statement
//! give the same answer everywhere, for ever. Checks come in the order of the specification. Which number is in force is
//! not asked here: `deciders.rs` has asked it.

use crate::MAX_BEHIND_MS;
use crate::decision::{Effective, Signed};
use crate::refusal::Refusal;
use crate::rows::{self, *};
use deedbox_model::event::{
    DomainClaimed, DomainEvent, DomainKeysChanged, Evidence, PackageEvent, RegistryCreated, RegistryEvent, ReleasePublished, Rules,
};
use deedbox_model::event::{DomainKey, Role};
use deedbox_model::limits::DOMAIN_KEYS;
use deedbox_model::row::{Changes, Defect, Keys, Rows};
use deedbox_model::{Domain, Event, EventId, PackageId, Protocol, PublicKey, Speaker, Statement, Subject, TimeMs, Version};
use serde::Serialize;
use std::collections::BTreeMap;

/// The rows that `judge` needs for this statement.
pub(crate) fn touches(statement: &Statement) -> Result<Keys, Defect> {
    let mut keys = Keys::from([registry_key()?, time_key()?, event_key(&statement.id())?]);
    match statement.subject() {
        Subject::Registry => {}
        Subject::Domain(domain) => {
            keys.insert(domain_key(domain)?);
            keys.insert(covered_key(domain)?);
            if let Some(prev) = statement.prev() {
                keys.insert(chain_key(domain, &prev)?);
            }
        }
        Subject::Package(id) => {
            for domain in id.domain().self_and_parents() {
                keys.insert(domain_key(&domain)?);
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
    id: EventId,
    changes: Changes,
}

impl Writing {
    fn put<T: Serialize>(&mut self, key: deedbox_model::RowKey, row: &T) -> Result<(), Defect> {
        self.changes.put(key, row)
    }
    /// The row of a domain after an event of its chain.
    fn put_domain(&mut self, domain: &Domain, row: &DomainRow) -> Result<(), Defect> {
        self.put(domain_key(domain)?, row)?;
        self.put(chain_key(domain, &row.head)?, &EventRow { index: self.index })
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

    let mut writing = Writing { index, id: statement.id(), changes: Changes::new() };
    match statement.event() {
        Event::Registry(RegistryEvent::Created(e)) => create(&mut writing, signed, statement, e)?,
        Event::Registry(RegistryEvent::RulesChanged(e)) => {
            let registry = begun(registry)?;
            speak_for_registry(&registry, signed, statement)?;
            continue_chain(statement, Some(registry.head))?;
            change_rules(&mut writing, registry, &e.rules)?;
        }
        Event::Domain(DomainEvent::Claimed(e)) => {
            speak_for_registry(&begun(registry)?, signed, statement)?;
            let domain = statement.domain().ok_or_else(misfit)?;
            claim(&mut writing, rows, statement, domain, e)?;
        }
        Event::Domain(DomainEvent::KeysChanged(e)) => {
            let domain = statement.domain().ok_or_else(misfit)?;
            let row = speak_for_itself(rows, domain, signed, statement, log_time)?;
            change_keys(&mut writing, rows, statement, domain, row, e, log_time)?;
        }
        Event::Package(event) => {
            let id = statement.package().ok_or_else(misfit)?;
            speak_for_package(rows, id, signed, statement, log_time)?;
            let package: Option<PackageRow> = rows.decoded(&package_key(id)?)?;
            continue_chain(statement, package.as_ref().map(|p| p.head))?;
            change_package(&mut writing, rows, statement, id, package, event)?;
        }
    }
    writing.put(event_key(&statement.id())?, &EventRow { index })?;
    writing.put(time_key()?, &TimeRow { time: log_time })?;
    Ok(Effective { changes: writing.changes, log_time })
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

/// Entry 0 names its own keys; it is signed by one of the operator keys in it.
fn create(writing: &mut Writing, signed: Signed<'_>, statement: &Statement, e: &RegistryCreated) -> Result<(), Stop> {
    if writing.index != 0 {
        return Err(Refusal::NotTheBeginning.into());
    }
    if !e.operator_keys.iter().any(|key| key.id() == statement.kid()) {
        return Err(Refusal::KeyNotAuthorised("the registry".to_owned()).into());
    }
    must_verify(signed)?;
    check_parameters(&e.rules)?;
    if e.rules.protocol == 0 {
        return Err(Refusal::ProtocolNotNewer { found: 0, in_force: 0 }.into());
    }
    for key in e.operator_keys.iter().chain(&e.log_keys).chain(&e.receipt_keys) {
        writing.register(key)?;
    }
    writing.put(
        registry_key()?,
        &RegistryRow {
            origin: e.origin.clone(),
            protocol: e.rules.protocol,
            log_keys: e.log_keys.clone(),
            receipt_keys: e.receipt_keys.clone(),
            operator_keys: e.operator_keys.clone(),
            head: writing.id,
        },
    )?;
    Ok(())
}

/// Protocol 1 has no parameters. Those of another number are not this one's to judge.
fn check_parameters(rules: &Rules) -> Result<(), Refusal> {
    let one = Protocol::ONE.number();
    if rules.protocol == one && !rules.parameters.is_empty() { Err(Refusal::UnknownParameters(one)) } else { Ok(()) }
}

fn speak_for_registry(registry: &RegistryRow, signed: Signed<'_>, statement: &Statement) -> Result<(), Refusal> {
    if !registry.operator_keys.iter().any(|key| key.id() == statement.kid()) {
        return Err(Refusal::KeyNotAuthorised("the registry".to_owned()));
    }
    must_verify(signed)
}

fn change_rules(writing: &mut Writing, registry: RegistryRow, rules: &Rules) -> Result<(), Stop> {
    if rules.protocol <= registry.protocol {
        return Err(Refusal::ProtocolNotNewer { found: rules.protocol, in_force: registry.protocol }.into());
    }
    writing.put(registry_key()?, &RegistryRow { protocol: rules.protocol, head: writing.id, ..registry })?;
    Ok(())
}

fn claim(writing: &mut Writing, rows: &Rows, statement: &Statement, domain: &Domain, e: &DomainClaimed) -> Result<(), Stop> {
    let row: Option<DomainRow> = rows.decoded(&domain_key(domain)?)?;
    if row.is_some() {
        return Err(Refusal::AlreadyClaimed(domain.clone()).into());
    }
    continue_chain(statement, None)?;
    if domain.is_localhost() != (e.evidence == Evidence::Localhost) {
        return Err(Refusal::WrongEvidence(domain.clone()).into());
    }
    if let Some(CoveredRow { by }) = rows.decoded(&covered_key(domain)?)? {
        return Err(Refusal::SubdomainInUse { domain: domain.clone(), by }.into());
    }
    let keys = e.acceptance.terms().keys.clone();
    for key in &keys {
        writing.register(&key.key)?;
    }
    let row = DomainRow { tenure: writing.id, tenure_index: writing.index, keys, head: writing.id };
    writing.put_domain(domain, &row)?;
    Ok(())
}

/// A domain speaks about itself under its present tenure, with an admin key of its own that is valid at log time.
fn speak_for_itself(rows: &Rows, domain: &Domain, signed: Signed<'_>, statement: &Statement, log_time: TimeMs) -> Result<DomainRow, Stop> {
    let Speaker::Domain { tenure, .. } = statement.speaker() else { return Err(misfit().into()) };
    let row: Option<DomainRow> = rows.decoded(&domain_key(domain)?)?;
    let row = row.ok_or_else(|| Refusal::NotClaimed(domain.clone()))?;
    let key = key_under(&row, domain, tenure, statement)?;
    if key.role != Role::Admin || !key.is_valid_at(log_time) {
        return Err(Refusal::KeyMayNot(domain.clone()).into());
    }
    must_verify(signed)?;
    Ok(row)
}

/// The key that a statement names, where it names the domain's present tenure too.
fn key_under(row: &DomainRow, domain: &Domain, tenure: &EventId, statement: &Statement) -> Result<DomainKey, Refusal> {
    if *tenure != row.tenure {
        return Err(Refusal::OtherTenure { domain: domain.clone(), tenure: row.tenure });
    }
    let key = row.keys.iter().find(|key| key.key.id() == statement.kid());
    key.copied().ok_or_else(|| Refusal::KeyNotAuthorised(domain.to_string()))
}

/// Puts and removes keys. What only removes goes on from any event of the present tenure: nobody who writes fast keeps it out.
fn change_keys(
    writing: &mut Writing,
    rows: &Rows,
    statement: &Statement,
    domain: &Domain,
    row: DomainRow,
    e: &DomainKeysChanged,
    log_time: TimeMs,
) -> Result<(), Stop> {
    if !e.put.is_empty() || !is_of_tenure(rows, statement, domain, &row)? {
        continue_chain(statement, Some(row.head))?;
    }
    let mut keys: BTreeMap<PublicKey, DomainKey> = row.keys.iter().map(|key| (key.key, *key)).collect();
    for id in &e.removed {
        let named = row.keys.iter().find(|key| key.key.id() == *id);
        let named = named.ok_or_else(|| Refusal::NoSuchKey { domain: domain.clone(), key: *id })?;
        keys.remove(&named.key);
    }
    for key in &e.put {
        if keys.insert(key.key, *key).as_ref() == Some(key) {
            return Err(Refusal::KeyUnchanged { domain: domain.clone(), key: key.key.id() }.into());
        }
    }
    if keys.len() > DOMAIN_KEYS {
        return Err(Refusal::TooManyKeys(domain.clone()).into());
    }
    if !keys.values().any(|key| key.role == Role::Admin && key.is_valid_at(log_time)) {
        return Err(Refusal::NoAdminLeft(domain.clone()).into());
    }
    for key in &e.put {
        writing.register(&key.key)?;
    }
    let row = DomainRow { keys: keys.into_values().collect(), head: writing.id, ..row };
    writing.put_domain(domain, &row)?;
    Ok(())
}

/// Whether a statement's `prev` is an event of this domain's chain, of its present tenure.
fn is_of_tenure(rows: &Rows, statement: &Statement, domain: &Domain, row: &DomainRow) -> Result<bool, Defect> {
    let Some(prev) = statement.prev() else { return Ok(false) };
    let found: Option<EventRow> = rows.decoded(&chain_key(domain, &prev)?)?;
    Ok(found.is_some_and(|event| event.index >= row.tenure_index))
}

/// The nearest claimed domain at or above a package's own speaks for it, under its present tenure, with a key of its
/// own that is valid at log time. Every role of protocol 1 may do what a package's events do.
fn speak_for_package(rows: &Rows, id: &PackageId, signed: Signed<'_>, statement: &Statement, log_time: TimeMs) -> Result<(), Stop> {
    let Speaker::Domain { domain: speaker, tenure } = statement.speaker() else {
        return Err(Refusal::Undecodable("a package's events are spoken by a domain".to_owned()).into());
    };
    let Some((owner, row)) = owner(rows, id)? else {
        return Err(Refusal::NotClaimed(id.domain().clone()).into());
    };
    if &owner != speaker {
        return Err(Refusal::NotTheOwner { speaker: speaker.clone(), domain: id.domain().clone(), owner }.into());
    }
    let key = key_under(&row, &owner, tenure, statement)?;
    if !key.is_valid_at(log_time) {
        return Err(Refusal::KeyMayNot(owner).into());
    }
    must_verify(signed)?;
    Ok(())
}

/// The nearest claimed domain at or above a package's own, with its row.
fn owner(rows: &Rows, id: &PackageId) -> Result<Option<(Domain, DomainRow)>, Defect> {
    for domain in id.domain().self_and_parents() {
        if let Some(row) = rows.decoded(&domain_key(&domain)?)? {
            return Ok(Some((domain, row)));
        }
    }
    Ok(None)
}

fn change_package(
    writing: &mut Writing,
    rows: &Rows,
    statement: &Statement,
    id: &PackageId,
    package: Option<PackageRow>,
    event: &PackageEvent,
) -> Result<(), Stop> {
    match event {
        PackageEvent::ReleasePublished(e) => return publish(writing, rows, statement, id, package, e),
        PackageEvent::ReleaseYanked(e) => {
            let release = release(rows, id, &e.version)?;
            if release.yanked {
                return Err(Refusal::AlreadyYanked { id: id.clone(), version: e.version.clone() }.into());
            }
            writing.put(release_key(id, &e.version)?, &ReleaseRow { yanked: true, ..release })?;
        }
        PackageEvent::ReleaseUnyanked(e) => {
            let release = release(rows, id, &e.version)?;
            if !release.yanked {
                return Err(Refusal::NotYanked { id: id.clone(), version: e.version.clone() }.into());
            }
            writing.put(release_key(id, &e.version)?, &ReleaseRow { yanked: false, ..release })?;
        }
        PackageEvent::ReleaseDeprecated(e) => {
            let release = release(rows, id, &e.version)?;
            if e.notice.is_none() && !release.deprecated {
                return Err(Refusal::NotDeprecated { id: id.clone(), version: e.version.clone() }.into());
            }
            writing.put(release_key(id, &e.version)?, &ReleaseRow { deprecated: e.notice.is_some(), ..release })?;
        }
        PackageEvent::ChannelSet(e) => {
            release(rows, id, &e.version)?;
            let key = channel_key(id, &e.channel)?;
            let now = VersionRow { version: e.version.clone() };
            if rows.decoded::<VersionRow>(&key)?.as_ref() == Some(&now) {
                return Err(Refusal::ChannelUnchanged { id: id.clone(), channel: e.channel.clone(), version: e.version.clone() }.into());
            }
            writing.put(key, &now)?;
        }
        PackageEvent::ChannelRemoved(e) => {
            let key = channel_key(id, &e.channel)?;
            if rows.get(&key)?.is_none() {
                return Err(Refusal::NoSuchChannel { id: id.clone(), channel: e.channel.clone() }.into());
            }
            writing.changes.delete(key);
        }
    }
    // All of these are about a package that has a release: the first event of a package publishes.
    match package {
        Some(package) => writing.put(package_key(id)?, &PackageRow { head: writing.id, ..package })?,
        None => return Err(Refusal::Undecodable("the package has no release".to_owned()).into()),
    }
    Ok(())
}

fn release(rows: &Rows, id: &PackageId, version: &Version) -> Result<ReleaseRow, Stop> {
    let row = rows.decoded(&release_key(id, version)?)?;
    Ok(row.ok_or_else(|| Refusal::NoSuchRelease { id: id.clone(), version: version.clone() })?)
}

fn publish(
    writing: &mut Writing,
    rows: &Rows,
    statement: &Statement,
    id: &PackageId,
    package: Option<PackageRow>,
    e: &ReleasePublished,
) -> Result<(), Stop> {
    if rows.get(&release_key(id, &e.version)?)?.is_some() {
        return Err(Refusal::VersionExists { id: id.clone(), version: e.version.clone() }.into());
    }
    if let Some(VersionRow { version }) = rows.decoded(&native_version_key(id, &e.native_version)?)? {
        return Err(Refusal::NativeVersionTaken { id: id.clone(), native_version: e.native_version.clone(), version }.into());
    }
    if let Some(package) = &package
        && package.native_name != e.native_name
    {
        return Err(Refusal::NativeNameChanged { id: id.clone(), native_name: package.native_name.clone() }.into());
    }
    if let Some(NativeRow { id: holder }) = rows.decoded(&native_key(id.ecosystem(), &e.native_name)?)?
        && &holder != id
    {
        return Err(Refusal::NativeNameTaken { native_name: e.native_name.clone(), holder }.into());
    }

    let releases = package.map_or(0, |p| p.releases) + 1;
    writing.put(package_key(id)?, &PackageRow { head: writing.id, native_name: e.native_name.clone(), releases })?;
    writing.put(native_key(id.ecosystem(), &e.native_name)?, &NativeRow { id: id.clone() })?;
    let release = ReleaseRow { event: writing.id, index: writing.index, yanked: false, deprecated: false };
    writing.put(release_key(id, &e.version)?, &release)?;
    let version = VersionRow { version: e.version.clone() };
    writing.put(native_version_key(id, &e.native_version)?, &version)?;
    for channel in &e.channels {
        writing.put(channel_key(id, channel)?, &version)?;
    }
    if let Speaker::Domain { domain: owner, .. } = statement.speaker() {
        for domain in id.domain().self_and_parents().take_while(|domain| domain != owner) {
            writing.put(rows::covered_key(&domain)?, &CoveredRow { by: owner.clone() })?;
        }
    }
    Ok(())
}
