//! The decider of protocol number 1 (spec/authority.md §3, §4). Pure and total: the same rows and the same statement
//! give the same answer everywhere, for ever. Checks come in the order of the specification.

use crate::refusal::Refusal;
use crate::rows::{self, *};
use crate::{MAX_BEHIND_MS, PROTOCOL};
use deedbox_model::event::{DomainClaimed, Evidence, RegistryCreated, ReleasePublished, Rules};
use deedbox_model::row::{Changes, Defect, Keys, Rows};
use deedbox_model::{Domain, Event, EventId, PackageId, PublicKey, Speaker, Statement, Subject, TimeMs, Verified, Version};
use serde::Serialize;

/// An entry of a log with all that is known of it without looking at the log before it.
#[derive(Debug, Clone, Copy)]
pub enum Signed<'a> {
    /// It is no statement of this protocol number, for this reason.
    Undecodable(&'a Refusal),
    /// It verifies under the key that it names.
    Verified(&'a Verified<Statement>),
    /// It does not, or no event ever registered that key.
    NotVerified(&'a Statement),
}

impl Signed<'_> {
    fn statement(&self) -> Result<&Statement, Refusal> {
        match self {
            Signed::Undecodable(refusal) => Err((*refusal).clone()),
            Signed::Verified(statement) => Ok(statement),
            Signed::NotVerified(statement) => Ok(statement),
        }
    }
}

/// The rows that `decide` needs for an entry that is no statement.
pub fn touches_undecodable() -> Result<Keys, Defect> {
    Ok(Keys::from([registry_key()?]))
}

/// What becomes of an effective statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effective {
    /// Authority's rows that change.
    pub changes: Changes,
    /// Log time at its index.
    pub log_time: TimeMs,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// It has its effect.
    Effective(Effective),
    /// It has none: a writer refuses it, a logged one is void.
    Refused(Refusal),
    /// A protocol number is in force that this code does not have: it gives no verdict from here on.
    Undecided {
        /// The number in force.
        protocol: u64,
    },
}

/// The rows that `decide` needs for this statement.
pub fn touches(statement: &Statement) -> Result<Keys, Defect> {
    let mut keys = Keys::from([registry_key()?, time_key()?, event_key(&statement.id())?]);
    match statement.subject() {
        Subject::Registry => {}
        Subject::Domain(domain) => {
            keys.insert(domain_key(domain)?);
            keys.insert(covered_key(domain)?);
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
                Event::ReleasePublished(e) => {
                    keys.insert(native_key(id.ecosystem(), &e.native_name)?);
                    keys.insert(native_version_key(id, &e.native_version)?);
                }
                Event::ChannelSet(e) => {
                    keys.insert(channel_key(id, &e.channel)?);
                }
                Event::ChannelRemoved(e) => {
                    keys.insert(channel_key(id, &e.channel)?);
                }
                _ => {}
            }
        }
    }
    Ok(keys)
}

/// What a void entry leaves: its reason, for people and for projections that are built later.
pub fn void_changes(index: u64, refusal: &Refusal) -> Result<Changes, Defect> {
    let row = VoidRow { code: refusal.code().to_owned() };
    let mut changes = Changes::new();
    changes.put(void_key(index)?, &row)?;
    Ok(changes)
}

/// Judges one statement by the state at its own index. `Err` is a fault of this program or its store, never a verdict.
pub fn decide(rows: &Rows, index: u64, signed: Signed<'_>) -> Result<Decision, Defect> {
    match judge(rows, index, signed) {
        Ok(effective) => Ok(Decision::Effective(effective)),
        Err(Stop::Refused(refusal)) => Ok(Decision::Refused(refusal)),
        Err(Stop::Undecided(protocol)) => Ok(Decision::Undecided { protocol }),
        Err(Stop::Defect(defect)) => Err(defect),
    }
}

enum Stop {
    Refused(Refusal),
    Undecided(u64),
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
    fn register(&mut self, key: &PublicKey) -> Result<(), Defect> {
        self.put(key_key(&key.id())?, &KeyRow { key: *key })
    }
}

fn judge(rows: &Rows, index: u64, signed: Signed<'_>) -> Result<Effective, Stop> {
    let registry: Option<RegistryRow> = rows.decoded(&registry_key()?)?;
    // Before anything else: what a newer protocol means by these bytes is not this code's to say.
    if let Some(registry) = &registry
        && registry.protocol != PROTOCOL
    {
        return Err(Stop::Undecided(registry.protocol));
    }
    let statement = signed.statement()?;
    let log_time = rows.decoded::<TimeRow>(&time_key()?)?.map(|row| row.time).unwrap_or_default();

    let beginning = matches!(statement.event(), Event::RegistryCreated(_));
    if beginning != registry.is_none() {
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
    match (statement.event(), statement.subject(), registry) {
        (Event::RegistryCreated(e), _, _) => create(&mut writing, signed, statement, e)?,
        (_, _, None) => return Err(Refusal::NotTheBeginning.into()),
        (Event::RegistryRulesChanged(e), _, Some(registry)) => {
            speak_for_registry(&registry, signed, statement)?;
            continue_chain(statement, Some(registry.head))?;
            change_rules(&mut writing, registry, &e.rules)?;
        }
        (Event::DomainClaimed(e), Subject::Domain(domain), Some(registry)) => {
            speak_for_registry(&registry, signed, statement)?;
            claim(&mut writing, rows, statement, domain, e)?;
        }
        (_, Subject::Package(id), Some(_)) => {
            speak_for_package(rows, id, signed, statement, log_time)?;
            let package: Option<PackageRow> = rows.decoded(&package_key(id)?)?;
            continue_chain(statement, package.as_ref().map(|p| p.head))?;
            change_package(&mut writing, rows, statement, id, package)?;
        }
        // Decoding lets no other pair of event and subject through.
        (_, Subject::Registry | Subject::Domain(_), Some(_)) => {
            return Err(Refusal::Undecodable("the event does not fit its subject".to_owned()).into());
        }
    }
    writing.put(event_key(&statement.id())?, &EventRow { index })?;
    writing.put(time_key()?, &TimeRow { time: log_time })?;
    Ok(Effective { changes: writing.changes, log_time })
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
        Signed::NotVerified(_) | Signed::Undecodable(_) => Err(Refusal::BadSignature),
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

/// Protocol 1 has no parameters. Those of a number that this code lacks are not its to judge.
fn check_parameters(rules: &Rules) -> Result<(), Refusal> {
    if rules.protocol == PROTOCOL && !rules.parameters.is_empty() { Err(Refusal::UnknownParameters(PROTOCOL)) } else { Ok(()) }
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
    writing.put(domain_key(domain)?, &row)?;
    Ok(())
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
    if *tenure != row.tenure {
        return Err(Refusal::OtherTenure { domain: owner, tenure: row.tenure }.into());
    }
    let Some(key) = row.keys.iter().find(|key| key.key.id() == statement.kid()) else {
        return Err(Refusal::KeyNotAuthorised(owner.to_string()).into());
    };
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
) -> Result<(), Stop> {
    if let Event::ReleasePublished(e) = statement.event() {
        return publish(writing, rows, statement, id, package, e);
    }
    // Every other event is about a package that has a release: the first event of a package publishes.
    let no_release = |version: &Version| Refusal::NoSuchRelease { id: id.clone(), version: version.clone() };
    let release = match statement.event().version() {
        Some(version) => Some(rows.decoded::<ReleaseRow>(&release_key(id, version)?)?.ok_or_else(|| no_release(version))?),
        None => None,
    };
    match (statement.event(), release) {
        (Event::ReleaseYanked(e), Some(release)) => {
            if release.yanked {
                return Err(Refusal::AlreadyYanked { id: id.clone(), version: e.version.clone() }.into());
            }
            writing.put(release_key(id, &e.version)?, &ReleaseRow { yanked: true, ..release })?;
        }
        (Event::ReleaseUnyanked(e), Some(release)) => {
            if !release.yanked {
                return Err(Refusal::NotYanked { id: id.clone(), version: e.version.clone() }.into());
            }
            writing.put(release_key(id, &e.version)?, &ReleaseRow { yanked: false, ..release })?;
        }
        (Event::ReleaseDeprecated(e), Some(release)) => {
            if e.notice.is_none() && !release.deprecated {
                return Err(Refusal::NotDeprecated { id: id.clone(), version: e.version.clone() }.into());
            }
            writing.put(release_key(id, &e.version)?, &ReleaseRow { deprecated: e.notice.is_some(), ..release })?;
        }
        (Event::ChannelSet(e), Some(_)) => {
            let key = channel_key(id, &e.channel)?;
            let now = VersionRow { version: e.version.clone() };
            if rows.decoded::<VersionRow>(&key)?.as_ref() == Some(&now) {
                return Err(Refusal::ChannelUnchanged { id: id.clone(), channel: e.channel.clone(), version: e.version.clone() }.into());
            }
            writing.put(key, &now)?;
        }
        (Event::ChannelRemoved(e), _) => {
            let key = channel_key(id, &e.channel)?;
            if rows.get(&key)?.is_none() {
                return Err(Refusal::NoSuchChannel { id: id.clone(), channel: e.channel.clone() }.into());
            }
            writing.changes.delete(key);
        }
        _ => return Err(Refusal::Undecodable("the event does not fit its subject".to_owned()).into()),
    }
    match package {
        Some(package) => writing.put(package_key(id)?, &PackageRow { head: writing.id, ..package })?,
        None => return Err(Refusal::Undecodable("the package has no release".to_owned()).into()),
    }
    Ok(())
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
