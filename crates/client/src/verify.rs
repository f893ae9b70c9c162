//! From proven entries to verified releases: each statement is decoded, its signature is checked with the key that an
//! earlier proven statement registered, and authority's own decider judges it over the rows that the proven statements
//! before it give (spec/authority.md §3).
//!
//! As far as the proven statements of a package are its chain, linked by `prev` from its first event on, the decider judges over exactly
//! that. Where they are not, what a decision needs and no proven statement says is taken from the
//! statement itself: that its `prev` was the head of its package. Then this shows inclusion, signature and authority, and not that the
//! release was the first of its version. That nothing else happened since takes the whole log either way.

use crate::broken::Break;
use crate::proofs::Proven;
use crate::verify_error::VerifyError;
use deedbox_authority::rows::{DomainRow, PackageRow, RegistryRow, domain_key, package_key, registry_key};
use deedbox_authority::{DECIDERS, Decision, Refusal, Signed, decide, touches};
use deedbox_model::event::{DomainEvent, Evidence, Notice, PackageEvent, Principal};
use deedbox_model::holding::Through;
use deedbox_model::parameters::root_anchors;
use deedbox_model::row::{decode_row, encode_row};
use deedbox_model::threads::on_all_cores;
use deedbox_model::{
    Algorithm, Digests, Domain, Event, EventId, KeyId, NativeVersion, ObjectRef, Origin, PackageId, Protocol, PublicKey, ReasonCode, Row,
    RowKey, Rows, Speaker, Statement, Subject, TimeMs, Unverified, Verified, Version,
};
use deedbox_tlog::VerifierKey;
use std::collections::{BTreeMap, BTreeSet};

/// A release of which inclusion, signature and authority were shown. Only [`judge`] makes one.
#[derive(Debug, Clone)]
pub struct VerifiedRelease {
    id: PackageId,
    version: Version,
    index: u64,
    statement: Verified<Statement>,
    owner: Domain,
    claim: Claimed,
    standing: Standing,
    origin: Origin,
    tree_size: u64,
    chain: Option<usize>,
}

#[derive(Debug, Clone)]
struct Claimed {
    index: u64,
    evidence: Evidence,
    /// Whether it rests on keys of the root of DNS that are not the world's.
    own_root: bool,
    through: Through,
    /// Where the line of holders breaks, here or before.
    broken: Option<Break>,
}

/// How a release stands by the events that were shown.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Standing {
    /// Why, and by which entry, it is yanked.
    pub yanked: Option<(ReasonCode, u64)>,
    /// The deprecation notice that is up, and the entry that put it up.
    pub notice: Option<(Notice, u64)>,
}

impl VerifiedRelease {
    /// The package.
    pub fn id(&self) -> &PackageId {
        &self.id
    }
    /// `id@version`.
    pub fn name(&self) -> String {
        format!("{}@{}", self.id, self.version)
    }
    /// Index of its entry.
    pub fn index(&self) -> u64 {
        self.index
    }
    /// Its event.
    pub fn event(&self) -> EventId {
        self.statement.id()
    }
    /// When its publisher says it was signed. Log time is the larger of this and what came before it.
    pub fn time(&self) -> TimeMs {
        self.statement.time()
    }
    /// The key that signed it.
    pub fn kid(&self) -> KeyId {
        self.statement.kid()
    }
    /// The grant of the domain by which that key may; none for a key of the domain's own.
    pub fn by(&self) -> Option<EventId> {
        self.statement.by()
    }
    /// The domain that spoke.
    pub fn owner(&self) -> &Domain {
        &self.owner
    }
    /// Index of the claim that it was made under.
    pub fn claim_index(&self) -> u64 {
        self.claim.index
    }
    /// The ground of that claim.
    pub fn evidence(&self) -> Evidence {
        self.claim.evidence
    }
    /// The event that gave its domain the tenure under which it was released.
    pub fn tenure(&self) -> Option<EventId> {
        match self.statement.speaker() {
            Speaker::Domain { tenure, .. } => Some(*tenure),
            Speaker::Registry => None,
        }
    }
    /// How that tenure began.
    pub fn through(&self) -> Through {
        self.claim.through
    }
    /// Where the line of holders up to that tenure breaks; none if each had the domain from the one before.
    pub fn broken(&self) -> Option<&Break> {
        self.claim.broken.as_ref()
    }
    /// Whether what was seen for that claim rests on keys of the root of DNS that the registry names itself, and the world does not.
    pub fn rests_on_own_root(&self) -> bool {
        self.claim.own_root
    }
    /// How it stands.
    pub fn standing(&self) -> &Standing {
        &self.standing
    }
    /// The log.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }
    /// Entries of the tree in which it was shown.
    pub fn tree_size(&self) -> u64 {
        self.tree_size
    }
    /// How many events of its package were shown from the first on, each linked to the one before, and its own among them; none if its own
    /// is not. Where it is, it is the first release of its version on that chain.
    pub fn chain(&self) -> Option<usize> {
        self.chain
    }
    /// The release manifest.
    pub fn manifest(&self) -> Option<ObjectRef> {
        self.statement.event().published().map(|e| e.manifest)
    }
    /// The version's key in its ecosystem.
    pub fn native_version(&self) -> Option<&NativeVersion> {
        self.statement.event().published().map(|e| &e.native_version)
    }
    /// The artifacts that lock files name.
    pub fn principal(&self) -> &[Principal] {
        self.statement.event().published().map_or(&[], |e| e.principal.as_slice())
    }

    /// The principal artifact that has this digest.
    pub fn artifact_with(&self, algorithm: Algorithm, digest: &[u8]) -> Option<&Principal> {
        self.principal().iter().find(|artifact| artifact.digests.get(&algorithm).is_some_and(|d| d.as_ref() == digest))
    }

    /// Compares a file's size and every digest that the statement has with one principal artifact; gives its name.
    pub fn compare(&self, what: &str, size: u64, digests: &Digests) -> Result<&str, VerifyError> {
        let differs = |why: String| VerifyError::OtherBytes { what: what.to_owned(), release: self.name(), why };
        let same = |artifact: &&Principal| {
            artifact.size == size && artifact.digests.iter().all(|(algorithm, digest)| algorithm.pick(digests) == digest.as_ref())
        };
        if let Some(artifact) = self.principal().iter().find(same) {
            return Ok(&artifact.name);
        }
        let logged: Vec<String> = self
            .principal()
            .iter()
            .map(|artifact| {
                let digest = artifact.digests.get(&Algorithm::Sha256).and_then(|d| deedbox_model::Sha256Digest::from_slice(d));
                format!("{} has {} bytes and {}", artifact.name, artifact.size, digest.map(|d| d.to_address()).unwrap_or_default())
            })
            .collect();
        Err(differs(format!("it has {size} bytes and {}; in the log {}", digests.sha256.to_address(), logged.join(", "))))
    }
}

/// All that was shown by a proof.
#[derive(Debug)]
pub struct Judged {
    releases: BTreeMap<(PackageId, Version), Result<VerifiedRelease, VerifyError>>,
    events: BTreeMap<EventId, u64>,
    /// Events of domains without effect, and why.
    refused: BTreeMap<EventId, VerifyError>,
    domains: BTreeMap<Domain, DomainRow>,
    origin: Origin,
}

impl Judged {
    /// The entries that were shown and have their effect.
    pub(crate) fn effective(&self) -> BTreeSet<u64> {
        self.events.values().copied().collect()
    }
    /// A domain as the events that were shown leave it: its tenure, its keys and the head of its chain. There may be later events, which
    /// were not shown.
    pub fn domain(&self, domain: &Domain) -> Option<&DomainRow> {
        self.domains.get(domain)
    }

    /// One release: verified, or why not.
    pub fn release(&mut self, id: &PackageId, version: &Version) -> Result<VerifiedRelease, VerifyError> {
        match self.releases.remove(&(id.clone(), version.clone())) {
            Some(result) => result,
            None => Err(VerifyError::NotInLog(format!("{id}@{version}"), self.origin.to_string())),
        }
    }
    /// The same by the version that its ecosystem calls it, where no release has that one for its own: npm leaves out build metadata.
    pub fn release_called(&mut self, id: &PackageId, version: &Version) -> Result<VerifiedRelease, VerifyError> {
        match self.release(id, version) {
            Err(VerifyError::NotInLog(..)) => {}
            known => return known,
        }
        let is_it = |release: &VerifiedRelease| {
            release.id() == id && release.native_version().is_some_and(|native| native.as_str() == version.as_str())
        };
        let found = self.releases.values().flatten().find(|release| is_it(release));
        found.cloned().ok_or_else(|| VerifyError::NotInLog(format!("{id}@{version}"), self.origin.to_string()))
    }
    /// Refuses what came of an event of a domain that was shown and has no effect.
    pub fn must_have_effect(&mut self, event: &EventId) -> Result<(), VerifyError> {
        self.refused.remove(event).map_or(Ok(()), Err)
    }
    /// The index of an effective event that was shown.
    pub fn index_of(&self, event: &EventId) -> Option<u64> {
        self.events.get(event).copied()
    }
}

/// Reads entry 0: a registry of this origin, whose checkpoints this key signs. Gives its event.
pub fn beginning(entry: &[u8], origin: &Origin, key: &VerifierKey) -> Result<EventId, VerifyError> {
    let unverified = decode(Protocol::BEGINNING, 0, entry)?;
    let other = |why: &str| Err(VerifyError::OtherRegistry(why.to_owned()));
    let Some(created) = unverified.peek().event().created() else { return Err(VerifyError::NoBeginning) };
    if &created.origin != origin {
        return other(&format!("its origin is {}, not {origin}", created.origin));
    }
    if !created.log_keys.iter().any(|log_key| &log_key.to_bytes() == key.public_key()) {
        return other("it does not name the key that signs the checkpoints");
    }
    let kid = unverified.peek().kid();
    let Some(operator) = created.operator_keys.iter().find(|operator| operator.id() == kid).copied() else {
        return other("it is not signed by an operator key that it names");
    };
    match unverified.verify(&operator) {
        Ok(statement) => Ok(statement.id()),
        Err(e) => other(&e.to_string()),
    }
}

/// Judges proven entries in their order. A release that was not authorised is an error of its own, and so is one that rests on a claim or on
/// keys that were not; a beginning that is another registry's is an error of the whole.
pub fn judge(proven: &Proven, origin: &Origin, key: &VerifierKey) -> Result<Judged, VerifyError> {
    judge_read(proven, read(proven)?, origin, key)
}

/// The same of entries that were read already.
pub(crate) fn judge_read(proven: &Proven, statements: Read, origin: &Origin, key: &VerifierKey) -> Result<Judged, VerifyError> {
    judge_before(proven, statements, origin, key, &mut Nobody)
}

/// The rows that the statements heard so far give.
pub(crate) type Known = BTreeMap<RowKey, Row>;

/// Who listens while entries are judged.
pub(crate) trait Scribe {
    /// An entry is judged next, by these rows.
    fn next(&mut self, index: u64, statement: &Statement, rows: &Known) -> Result<(), VerifyError>;
    /// It had its effect, and these are the rows now; or it has none.
    fn verdict(&mut self, verdict: Result<&Known, &VerifyError>) -> Result<(), VerifyError>;
}

/// Nobody listens.
struct Nobody;

impl Scribe for Nobody {
    fn next(&mut self, _: u64, _: &Statement, _: &Known) -> Result<(), VerifyError> {
        Ok(())
    }
    fn verdict(&mut self, _: Result<&Known, &VerifyError>) -> Result<(), VerifyError> {
        Ok(())
    }
}

/// The same before somebody who writes it down.
pub(crate) fn judge_before(
    proven: &Proven,
    statements: Read,
    origin: &Origin,
    key: &VerifierKey,
    scribe: &mut dyn Scribe,
) -> Result<Judged, VerifyError> {
    match proven.entries().first() {
        Some((0, entry)) => beginning(entry, origin, key)?,
        _ => return Err(VerifyError::NoBeginning),
    };
    let mut court = Court {
        rows: BTreeMap::new(),
        shown: statements.iter().map(|(index, unverified)| (unverified.peek().id(), *index)).collect(),
        claims: BTreeMap::new(),
        linked: linked(statements.iter().map(|(index, unverified)| (*index, unverified.peek()))),
        spoken: BTreeSet::new(),
        rules_at: 0,
        origin,
        size: proven.checkpoint().size(),
    };
    let mut releases = BTreeMap::new();
    let (mut events, mut refused) = (BTreeMap::new(), BTreeMap::new());
    for (index, heard) in signatures(statements) {
        scribe.next(index, heard_of(&heard), &court.rows)?;
        let (error, heard) = match (court.hear(index, &heard), heard) {
            (Ok(()), Ok(statement)) => {
                scribe.verdict(Ok(&court.rows))?;
                events.insert(statement.id(), index);
                court.record(index, statement, &mut releases)?;
                continue;
            }
            (Ok(()), Err(statement)) => (not_authorised(index, &statement, Refusal::BadSignature), Err(statement)),
            (Err(error), heard) => (error, heard),
        };
        scribe.verdict(Err(&error))?;
        let statement = heard_of(&heard);
        match (statement.package(), release_of(statement.event())) {
            (Some(id), Some(version)) => {
                releases.insert((id.clone(), version.clone()), Err(error));
            }
            (Some(_), None) => {}
            // It says nothing of any release before it.
            (None, _) if matches!(error, VerifyError::UndecidedFrom { .. }) => {}
            // The releases that rest on it are refused for that; those of other domains are not its business.
            (None, _) if statement.domain().is_some() => {
                refused.insert(statement.id(), error);
            }
            (None, _) => return Err(error),
        }
    }
    Ok(Judged { releases, events, refused, domains: court.domains()?, origin: origin.clone() })
}

/// Proven entries with their indices, each as the statement that it is.
pub(crate) type Read = Vec<(u64, Unverified<Statement>)>;

/// A statement whose signature verifies, or one that nobody vouches for.
type Heard = Result<Verified<Statement>, Box<Statement>>;

/// Checks signatures on all cores, with the keys that these statements register. Whether a key may speak is decided later, in order: one
/// that no effective statement registered is in no row, and is refused for that.
fn signatures(statements: Read) -> Vec<(u64, Heard)> {
    let keys = statements.iter().flat_map(|(_, unverified)| unverified.peek().event().registered_keys());
    let keys: BTreeMap<KeyId, PublicKey> = keys.map(|key| (key.id(), key)).collect();
    on_all_cores(statements, |(index, unverified)| (index, unverified.verify_with(&keys)))
}

fn heard_of(heard: &Heard) -> &Statement {
    match heard {
        Ok(verified) => verified,
        Err(statement) => statement,
    }
}

fn not_authorised(index: u64, statement: &Statement, refusal: Refusal) -> VerifyError {
    VerifyError::NotAuthorised { index, what: format!("{} of {}", statement.event().type_name(), statement.subject()), refusal }
}

/// Reads proven entries in their order, each by the protocol number that those before it put in force. An event that sets a number is
/// believed here before it is judged: if it turns out to have no effect, the whole proof is refused for that. What comes after a number
/// that this program does not have is read as before, as far as it can be, and the decider then gives no verdict on it.
pub(crate) fn read(proven: &Proven) -> Result<Read, VerifyError> {
    let mut protocol = Protocol::BEGINNING;
    let mut unknown = None;
    let statements = proven.entries().iter().map(|(index, bytes)| {
        let unverified = decode(protocol, *index, bytes).map_err(|error| unknown.clone().unwrap_or(error))?;
        if let Some(rules) = unverified.peek().event().rules_after() {
            let next = DECIDERS.protocol(rules.protocol);
            protocol = next.unwrap_or(protocol);
            unknown = next.is_none().then_some(VerifyError::UndecidedFrom { index: *index, protocol: rules.protocol });
        }
        Ok((*index, unverified))
    });
    statements.collect()
}

/// The release that an event is about. Channels move on their own: one that was not allowed says nothing about a release.
fn release_of(event: &Event) -> Option<&Version> {
    match event {
        Event::Package(PackageEvent::ReleasePublished(e)) => Some(&e.version),
        Event::Package(PackageEvent::ReleaseYanked(e)) => Some(&e.version),
        Event::Package(PackageEvent::ReleaseUnyanked(e)) => Some(&e.version),
        Event::Package(PackageEvent::ReleaseDeprecated(e)) => Some(&e.version),
        Event::Package(PackageEvent::ChannelSet(_) | PackageEvent::ChannelRemoved(_)) | Event::Registry(_) | Event::Domain(_) => None,
    }
}

/// The beginning of a package's chain: its first event, which continues nothing, and each that continues the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Beginning {
    events: usize,
    /// The index of the last of them.
    last: u64,
}

/// The beginnings of the packages' chains, as far as they are shown without a gap.
fn linked<'a>(statements: impl Iterator<Item = (u64, &'a Statement)>) -> BTreeMap<PackageId, Beginning> {
    let mut heads: BTreeMap<PackageId, EventId> = BTreeMap::new();
    let mut ended = BTreeSet::new();
    let mut beginnings: BTreeMap<PackageId, Beginning> = BTreeMap::new();
    for (index, statement) in statements {
        let Subject::Package(id) = statement.subject() else { continue };
        if ended.contains(id) {
            continue;
        }
        if statement.prev() != heads.get(id).copied() {
            ended.insert(id.clone());
            continue;
        }
        heads.insert(id.clone(), statement.id());
        let events = beginnings.get(id).map_or(0, |beginning| beginning.events) + 1;
        beginnings.insert(id.clone(), Beginning { events, last: index });
    }
    beginnings
}

fn decode(protocol: &'static Protocol, index: u64, bytes: &[u8]) -> Result<Unverified<Statement>, VerifyError> {
    Statement::decode(protocol, bytes).map_err(|e| VerifyError::Undecodable { index, why: e.to_string() })
}

/// The public suffix list takes megabytes of proof, so it is not shown: that there is one, that a claimed domain is not on it, and what its
/// changes did to the head of the registry's chain, is supposed. Who reads the whole log sees whether it was so.
fn suppose_registry(rows: &mut Rows, change: impl FnOnce(RegistryRow) -> RegistryRow) -> Result<(), VerifyError> {
    let row_key = registry_key()?;
    if let Some(registry) = rows.decoded::<RegistryRow>(&row_key)? {
        rows.insert(row_key, Some(Row { bytes: encode_row(&change(registry))?.into(), seq: 0 }));
    }
    Ok(())
}

/// Where they are judged.
struct Court<'a> {
    rows: Known,
    shown: BTreeMap<EventId, u64>,
    claims: BTreeMap<EventId, Claimed>,
    linked: BTreeMap<PackageId, Beginning>,
    /// The entry that set the rules in force.
    rules_at: u64,
    /// The domains of which something was said.
    spoken: BTreeSet<Domain>,
    origin: &'a Origin,
    size: u64,
}

type Releases = BTreeMap<(PackageId, Version), Result<VerifiedRelease, VerifyError>>;

impl Court<'_> {
    fn hear(&mut self, index: u64, heard: &Heard) -> Result<(), VerifyError> {
        let statement = heard_of(heard);
        if statement.prev().and_then(|prev| self.shown.get(&prev)).is_some_and(|prev| *prev >= index) {
            return Err(VerifyError::Backwards { index });
        }
        self.spoken.extend(statement.domain().cloned());
        let mut rows = Rows::default();
        for row_key in touches(statement)? {
            let row = self.rows.get(&row_key).cloned();
            rows.insert(row_key, row);
        }
        if let (Subject::Package(id), Some(prev)) = (statement.subject(), statement.prev())
            && self.beginning(id, index).is_none()
        {
            self.suppose_head(&mut rows, statement, id, prev)?;
        }
        match (statement.event(), statement.prev()) {
            // Changes of the suffix list are not shown, so what such a change continues may not be known.
            (Event::Registry(_), Some(prev)) if !self.shown.contains_key(&prev) => {
                suppose_registry(&mut rows, |registry| RegistryRow { head: prev, ..registry })?;
            }
            (Event::Domain(event), _) if event.sight().is_some() => {
                suppose_registry(&mut rows, |registry| RegistryRow { suffixes: registry.suffixes.max(1), ..registry })?;
            }
            _ => {}
        }
        let signed = match heard {
            Ok(verified) => Signed::Verified(verified),
            Err(statement) => Signed::NotVerified(statement),
        };
        match decide(&rows, index, signed)? {
            Decision::Effective(effective) => {
                for (row_key, bytes) in effective.changes {
                    match bytes {
                        Some(bytes) => self.rows.insert(row_key, Row { bytes: bytes.into(), seq: index }),
                        None => self.rows.remove(&row_key),
                    };
                }
                Ok(())
            }
            Decision::Refused(refusal) => Err(not_authorised(index, statement, refusal)),
            Decision::Undecided { protocol } => Err(VerifyError::UndecidedFrom { index: self.rules_at, protocol }),
        }
    }

    /// The shown beginning of a package's chain, where this entry is on it.
    fn beginning(&self, id: &PackageId, index: u64) -> Option<Beginning> {
        self.linked.get(id).copied().filter(|beginning| index <= beginning.last)
    }

    /// Events of the package between those shown are not known; the statement's own `prev` stands for them.
    fn suppose_head(&self, rows: &mut Rows, statement: &Statement, id: &PackageId, prev: EventId) -> Result<(), VerifyError> {
        let row_key = package_key(id)?;
        let known: Option<PackageRow> = rows.decoded(&row_key)?;
        let native_name = match (known, statement.event().published()) {
            (Some(row), _) => row.native_name,
            (None, Some(published)) => published.native_name.clone(),
            // An event about a release that was not shown: the decider says that there is none.
            (None, None) => return Ok(()),
        };
        // When it was released last is not known either. What was shown would be held back by too early a guess, so none is made.
        let supposed = PackageRow { head: prev, native_name, releases: 1, released_at: u64::MAX };
        rows.insert(row_key, Some(Row { bytes: encode_row(&supposed)?.into(), seq: 0 }));
        Ok(())
    }

    /// Whether the rules in force name a key of the root of DNS that is not the world's.
    fn has_own_root(&self) -> Result<bool, VerifyError> {
        let key = registry_key()?;
        let Some(row) = self.rows.get(&key) else { return Ok(false) };
        let (registry, worlds): (RegistryRow, _) = (decode_row(&key, &row.bytes)?, root_anchors());
        Ok(!registry.dns_anchors.iter().all(|anchor| worlds.contains(anchor)))
    }

    /// The domains that were claimed, as they are after the last statement.
    fn domains(&self) -> Result<BTreeMap<Domain, DomainRow>, VerifyError> {
        let mut domains = BTreeMap::new();
        for domain in &self.spoken {
            let key = domain_key(domain)?;
            if let Some(row) = self.rows.get(&key) {
                domains.insert(domain.clone(), decode_row(&key, &row.bytes)?);
            }
        }
        Ok(domains)
    }

    /// How a tenure began, and on what evidence it stands. What else an event of a domain does is in the decider's own row.
    fn record_tenure(&mut self, index: u64, statement: &Statement, event: &DomainEvent) -> Result<(), VerifyError> {
        let seen = |evidence: Evidence| Ok::<bool, VerifyError>(evidence.is_seen() && self.has_own_root()?);
        let begun = match event {
            DomainEvent::Claimed(e) => {
                let through = if statement.prev().is_some() { Through::Reclaim } else { Through::Claim };
                Claimed { index, evidence: e.evidence, own_root: seen(e.evidence)?, through, broken: None }
            }
            DomainEvent::RecoveryCompleted(e) => {
                Claimed { index, evidence: e.evidence, own_root: seen(e.evidence)?, through: Through::Recovery, broken: None }
            }
            // Whoever took a domain and hands it on gives no more than they have.
            DomainEvent::Transferred(_) => {
                let Speaker::Domain { tenure, .. } = statement.speaker() else { return Ok(()) };
                let Some(before) = self.claims.get(tenure) else { return Ok(()) };
                Claimed { index, through: Through::Transfer, ..before.clone() }
            }
            DomainEvent::KeysChanged(_)
            | DomainEvent::Frozen(_)
            | DomainEvent::Thawed(_)
            | DomainEvent::Released(_)
            | DomainEvent::RecoveryOpened(_)
            | DomainEvent::RecoveryContested(_)
            | DomainEvent::Granted(_)
            | DomainEvent::Revoked(_) => return Ok(()),
        };
        let begun = match begun.through {
            Through::Claim | Through::Transfer => begun,
            through @ (Through::Reclaim | Through::Recovery) => {
                let at = self.tenure_at(statement)?;
                Claimed { broken: Some(Break { tenure: statement.id(), index, at, through, evidence: begun.evidence }), ..begun }
            }
        };
        self.claims.insert(statement.id(), begun);
        Ok(())
    }

    /// Log time at the event that began a tenure, as the decider has just written it.
    fn tenure_at(&self, statement: &Statement) -> Result<TimeMs, VerifyError> {
        let Some(domain) = statement.domain() else { return Ok(statement.time()) };
        let key = domain_key(domain)?;
        let Some(row) = self.rows.get(&key) else { return Ok(statement.time()) };
        Ok(decode_row::<DomainRow>(&key, &row.bytes)?.tenure_at)
    }

    fn record(&mut self, index: u64, statement: Verified<Statement>, releases: &mut Releases) -> Result<(), VerifyError> {
        let event = match statement.event() {
            // What else it sets is in the decider's own rows.
            Event::Registry(event) => {
                self.rules_at = event.rules().map_or(self.rules_at, |_| index);
                return Ok(());
            }
            Event::Domain(event) => {
                self.record_tenure(index, &statement, event)?;
                return Ok(());
            }
            Event::Package(event) => event,
        };
        let Some(id) = statement.package().cloned() else { return Ok(()) };
        let mut stand = |version: &Version, change: &dyn Fn(&mut Standing)| {
            if let Some(Ok(release)) = releases.get_mut(&(id.clone(), version.clone())) {
                change(&mut release.standing);
            }
        };
        match event {
            PackageEvent::ReleasePublished(e) => {
                let Speaker::Domain { domain, tenure } = statement.speaker().clone() else { return Err(VerifyError::NoBeginning) };
                let claim = self.claims.get(&tenure).cloned().ok_or(VerifyError::NoBeginning)?;
                let (origin, standing, version) = (self.origin.clone(), Standing::default(), e.version.clone());
                let (tree_size, chain) = (self.size, self.beginning(&id, index).map(|beginning| beginning.events));
                let slot = (id.clone(), version.clone());
                let release = VerifiedRelease { id, version, index, statement, owner: domain, claim, standing, origin, tree_size, chain };
                releases.insert(slot, Ok(release));
            }
            PackageEvent::ReleaseYanked(e) => stand(&e.version, &|standing| standing.yanked = Some((e.reason, index))),
            PackageEvent::ReleaseUnyanked(e) => stand(&e.version, &|standing| standing.yanked = None),
            PackageEvent::ReleaseDeprecated(e) => {
                stand(&e.version, &|standing| standing.notice = e.notice.clone().map(|notice| (notice, index)));
            }
            PackageEvent::ChannelSet(_) | PackageEvent::ChannelRemoved(_) => {}
        }
        Ok(())
    }
}
