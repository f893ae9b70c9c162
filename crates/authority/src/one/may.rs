//! Whether a key may do something now, and which rule says so (spec/authority.md §4): the same questions as the decider's own, in its order, without a
//! statement. It asks nothing of a signature, of the place in a chain, or of what a statement holds, and gives no right: the decider judges what is said.

use super::Stop;
use super::domain::{About, By, has_holder, is_not_frozen, is_strong_enough, is_unclaimed, is_unused};
use super::evidence::{has_ground, is_no_suffix};
use super::{hands, package, recovery};
use crate::refusal::Refusal;
use crate::rows::*;
use deedbox_model::event::{Action, DomainKey, Evidence, Role};
use deedbox_model::holding::Through;
use deedbox_model::row::{Defect, Keys, Rows};
use deedbox_model::{Domain, EventId, KeyId, PackageId, SuffixRule, TimeMs};

/// What is done to a domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DomainAct {
    /// To have it, where nobody has it: the key is the claimant's.
    Claim,
    /// To change its keys.
    Keys,
    /// To let other keys speak for its packages.
    Grant,
    /// To freeze it.
    Freeze,
    /// To thaw it.
    Thaw,
    /// To hand it over.
    Transfer,
    /// To give it up.
    Release,
    /// To have it, on evidence, where somebody has it: the key is the claimant's.
    Recover,
}

impl DomainAct {
    /// All of them.
    pub const ALL: [DomainAct; 8] = [
        DomainAct::Claim,
        DomainAct::Keys,
        DomainAct::Grant,
        DomainAct::Freeze,
        DomainAct::Thaw,
        DomainAct::Transfer,
        DomainAct::Release,
        DomainAct::Recover,
    ];

    /// Its one word.
    pub fn as_str(self) -> &'static str {
        match self {
            DomainAct::Claim => "claim",
            DomainAct::Keys => "keys",
            DomainAct::Grant => "grant",
            DomainAct::Freeze => "freeze",
            DomainAct::Thaw => "thaw",
            DomainAct::Transfer => "transfer",
            DomainAct::Release => "release",
            DomainAct::Recover => "recover",
        }
    }
}

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// Something of a package.
    Package(PackageId, Action),
    /// Something of a domain.
    Domain(Domain, DomainAct),
}

impl Question {
    /// Reads an action in its one word, and what it is done to.
    pub fn parse(action: &str, id: &str) -> Result<Self, String> {
        if let Some(action) = Action::parse(action) {
            return PackageId::parse(id).map(|id| Question::Package(id, action)).map_err(|e| e.to_string());
        }
        let act = DomainAct::ALL.into_iter().find(|act| act.as_str() == action).ok_or_else(|| {
            let words = |all: Vec<&str>| all.join(", ");
            let (packages, domains) = (Action::ALL.map(Action::as_str).to_vec(), DomainAct::ALL.map(DomainAct::as_str).to_vec());
            format!("an action is one of {} (of a package) or {} (of a domain)", words(packages), words(domains))
        })?;
        Domain::parse(id).map(|domain| Question::Domain(domain, act)).map_err(|e| e.to_string())
    }

    /// The action's word.
    pub fn action(&self) -> &'static str {
        match self {
            Question::Package(_, action) => action.as_str(),
            Question::Domain(_, act) => act.as_str(),
        }
    }

    /// The domain that it is about: a package's own.
    pub fn domain(&self) -> &Domain {
        match self {
            Question::Package(id, _) => id.domain(),
            Question::Domain(domain, _) => domain,
        }
    }
}

impl std::fmt::Display for Question {
    /// What it is about.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Question::Package(id, _) => id.fmt(f),
            Question::Domain(domain, _) => domain.fmt(f),
        }
    }
}

/// What lets a key do it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// In words.
    pub sentence: String,
    /// Where it stands in the specification.
    pub section: &'static str,
}

/// The rows that [`may`] needs. `grants` are those of the owner's grants that the key could have.
pub fn rows_of_may(question: &Question, grants: &[EventId]) -> Result<Keys, Defect> {
    let mut keys = Keys::from([registry_key()?, time_key()?]);
    match question {
        Question::Package(id, _) => {
            for domain in id.domain().self_and_parents() {
                keys.insert(domain_key(&domain)?);
            }
            keys.insert(package_key(id)?);
            for grant in grants {
                keys.insert(grant_key(grant)?);
                keys.insert(event_key(grant)?);
            }
        }
        Question::Domain(domain, _) => {
            keys.insert(domain_key(domain)?);
            keys.insert(covered_key(domain)?);
            for rule in SuffixRule::of(domain) {
                keys.insert(suffix_key(&rule)?);
            }
        }
    }
    Ok(keys)
}

/// Whether this key may do it now, and by which rule; or the refusal with which the decider would answer.
pub fn may(rows: &Rows, question: &Question, kid: KeyId, grants: &[EventId], now: TimeMs) -> Result<Result<Rule, Refusal>, Defect> {
    match judged(rows, question, kid, grants, now) {
        Ok(rule) => Ok(Ok(rule)),
        Err(Stop::Refused(refusal)) => Ok(Err(refusal)),
        Err(Stop::Defect(defect)) => Err(defect),
    }
}

fn judged(rows: &Rows, question: &Question, kid: KeyId, grants: &[EventId], now: TimeMs) -> Result<Rule, Stop> {
    let log_time = rows.decoded::<TimeRow>(&time_key()?)?.map(|row| row.time).unwrap_or_default().max(now);
    let registry: RegistryRow = rows.decoded(&registry_key()?)?.ok_or(Refusal::NotTheBeginning)?;
    match question {
        Question::Package(id, action) => of_package(rows, (id, *action), (kid, grants), log_time),
        Question::Domain(domain, act) => of_domain(About { rows, domain, log_time }, &registry, *act, kid),
    }
}

fn of_package(rows: &Rows, (id, action): (&PackageId, Action), (kid, grants): (KeyId, &[EventId]), log_time: TimeMs) -> Result<Rule, Stop> {
    let (owner, row) = package::owner(rows, id)?;
    has_holder(&row, &owner)?;
    let about = About { rows, domain: &owner, log_time };
    let sentence = match package::own_key(about, &row, kid) {
        Ok(key) => of_key(&owner, &row, key),
        Err(refusal) => by_grant(about, &row, (kid, grants), (id, action), refusal)?,
    };
    if moves(action) {
        is_not_frozen(&row, &owner, log_time)?;
    }
    let known: Option<PackageRow> = rows.decoded(&package_key(id)?)?;
    package::is_not_held(&owner, &row, id, known.as_ref(), moves(action), log_time)?;
    Ok(Rule { sentence, section: "spec/authority.md §4.4" })
}

/// Whether the first thing that an action means moves what is installed: to publish, to yank, to set a channel.
fn moves(action: Action) -> bool {
    match action {
        Action::Publish | Action::Channel => true,
        Action::Yank => false,
    }
}

/// The first of the grants that lets the key do it; else why the last one of its own does not; else why it has no say itself.
fn by_grant(
    about: About<'_>,
    row: &DomainRow,
    (kid, grants): (KeyId, &[EventId]),
    what: (&PackageId, Action),
    mut refusal: Refusal,
) -> Result<String, Stop> {
    for grant in grants {
        match package::granted(about, row, (grant, kid), what) {
            Ok(granted) => {
                let index = about.rows.decoded::<EventRow>(&event_key(grant)?)?.map(|event| format!(" of entry {}", event.index));
                let ids: Vec<&str> = granted.ids.iter().map(|pattern| pattern.as_str()).collect();
                return Ok(format!("the grant {grant} of {}{}, for {}", about.domain, index.unwrap_or_default(), ids.join(", ")));
            }
            // It is another key's, or of another tenure.
            Err(Stop::Refused(Refusal::KeyNotAuthorised(_) | Refusal::NoSuchGrant { .. })) => {}
            Err(Stop::Refused(why)) => refusal = why,
            Err(defect) => return Err(defect),
        }
    }
    Err(refusal.into())
}

fn of_domain(about: About<'_>, registry: &RegistryRow, act: DomainAct, kid: KeyId) -> Result<Rule, Stop> {
    let (sentence, section) = match act {
        DomainAct::Claim => (claim(about, registry)?, "spec/authority.md §4.3"),
        DomainAct::Recover => return recover(about, registry, kid),
        DomainAct::Keys | DomainAct::Grant => {
            let row = about.held()?;
            let key = about.speaker(&row, kid)?;
            about.is_not_frozen(&row)?;
            let section = if act == DomainAct::Keys { "spec/authority.md §4.5" } else { "spec/authority.md §4.12" };
            (of_key(about.domain, &row, key), section)
        }
        DomainAct::Transfer | DomainAct::Release => {
            let row = about.held()?;
            let key = about.speaker(&row, kid)?;
            hands::may_release(about, &row, key.role)?;
            (of_key(about.domain, &row, key), "spec/authority.md §4.8")
        }
        DomainAct::Freeze => (by_either(about, registry, kid, hands::may_freeze)?, "spec/authority.md §4.7"),
        DomainAct::Thaw => (by_either(about, registry, kid, hands::may_thaw)?, "spec/authority.md §4.7"),
    };
    Ok(Rule { sentence, section })
}

/// What the domain says of itself with this key, or the registry if it is an operator's.
fn by_either(
    about: About<'_>,
    registry: &RegistryRow,
    kid: KeyId,
    check: fn(About<'_>, &DomainRow, By) -> Result<(), Refusal>,
) -> Result<String, Stop> {
    let row = about.held()?;
    let itself = about.speaker(&row, kid).and_then(|key| check(about, &row, By::Owner(key)).map(|()| key));
    let is_operators = registry.operator_keys.iter().any(|key| key.id() == kid);
    match itself {
        Ok(key) => Ok(of_key(about.domain, &row, key)),
        Err(_) if is_operators => {
            check(about, &row, By::Operator)?;
            Ok(format!("a key of the operator of {}, by the registry's word", registry.origin))
        }
        Err(refusal) => Err(refusal.into()),
    }
}

fn claim(about: About<'_>, registry: &RegistryRow) -> Result<String, Stop> {
    let domain = about.domain;
    let before = is_unclaimed(about.rows, domain)?;
    if let Some(before) = &before {
        is_strong_enough(before, domain, strongest(registry, domain))?;
    }
    is_unused(about.rows, domain)?;
    if domain.is_localhost() {
        return Ok(format!("nobody has {domain}, and what is below localhost needs no evidence"));
    }
    is_no_suffix(about.rows, domain)?;
    Ok(format!("nobody has {domain}, and any key may have it {}", ground(registry, domain)))
}

/// On what ground a registry files a claim or a recovery.
fn ground(registry: &RegistryRow, domain: &Domain) -> &'static str {
    match has_ground(registry, domain) {
        Ok(()) => "on evidence that the registry sees at the domain, or on its operator's word",
        Err(_) => "on the word of the registry's operator",
    }
}

/// The strongest evidence that there can be: where nothing that is seen counts, the operator's word is all there is.
fn strongest(registry: &RegistryRow, domain: &Domain) -> Evidence {
    match has_ground(registry, domain) {
        _ if domain.is_localhost() => Evidence::Localhost,
        Ok(()) => Evidence::Dnssec,
        Err(_) => Evidence::Operator,
    }
}

/// Opens a recovery for this key, or completes the one that is open for it.
fn recover(about: About<'_>, registry: &RegistryRow, kid: KeyId) -> Result<Rule, Stop> {
    let (domain, row) = (about.domain, about.held()?);
    let (is_local, evidence) = (domain.is_localhost(), strongest(registry, domain));
    let on = if is_local { "without evidence, since it is below localhost" } else { ground(registry, domain) };
    let own = row.open_recovery(domain, about.log_time).filter(|open| open.keys.iter().any(|key| key.key.id() == kid));
    if let Some(open) = own {
        let recovery = recovery::may_complete(about, &row, &open.opened, evidence)?;
        let contested = if recovery.contested { "; it was contested, so the registry's operator decides" } else { "" };
        let sentence =
            format!("the recovery of {domain} that entry {} opened for this key has waited long enough{contested}", recovery.index);
        return Ok(Rule { sentence, section: "spec/authority.md §4.11" });
    }
    recovery::may_open(about, &row, evidence)?;
    let sentence = format!("no recovery of {domain} is open, and one can be opened for any key {on}");
    Ok(Rule { sentence, section: "spec/authority.md §4.9" })
}

/// A key of the domain's own.
fn of_key(domain: &Domain, row: &DomainRow, key: DomainKey) -> String {
    let article = match key.role {
        Role::Admin => "an admin",
        Role::Publish => "a publish",
        Role::Recovery => "a recovery",
    };
    let through = match row.through {
        Through::Claim => "by its claim of",
        Through::Reclaim => "by its claim, after it was given up, of",
        Through::Transfer => "which was handed over by",
        Through::Recovery => "by its recovery of",
    };
    format!("{article} key of {domain}, {through} entry {} (evidence {})", row.tenure_index, row.evidence.as_str())
}
