//! What was said of a domain or a package, entry by entry, and by whose right: all events that the registry names, proven and judged in their order
//! (spec/authority.md §4). Of the registry it believes which entries there are, and nothing that it says of them. What this cannot show: that it names
//! all of them. A package's events are linked one to the next, so none between two of them is left out; of a domain's, one that no later one goes on from
//! might be, and so might the newest of both.

use crate::chain::claims_of;
use crate::domain_keys::with_beginning;
use crate::error::ClientError;
use crate::limits;
use crate::proofs::{Proven, Query};
use crate::state;
use crate::trust::Trusted;
use crate::verify::{Known, Scribe, judge_before, read};
use crate::verify_error::VerifyError;
use deedbox_authority::rows::{DomainRow, GrantRow, RegistryRow, TimeRow, domain_key, grant_key, registry_key, time_key};
use deedbox_model::event::{DomainEvent, Event, Evidence, Role};
use deedbox_model::row::{Defect, decode_row};
use deedbox_model::{Domain, EventId, KeyId, Origin, PackageId, RowKey, Speaker, Statement, Subject, TimeMs};
use deedbox_tlog::VerifierKey;
use serde::de::DeserializeOwned;
use std::collections::BTreeSet;

/// By what right something was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Right {
    /// With a key of the registry's operator.
    Operator,
    /// With a key that the domain had then, in this role.
    Key(Role),
    /// With a key that the domain had before then.
    Former,
    /// By a grant.
    Grant {
        /// Its event.
        grant: EventId,
        /// What it was.
        granted: Box<GrantRow>,
    },
    /// The key had none that was shown.
    None,
}

/// One entry.
#[derive(Debug, Clone)]
pub struct Minute {
    /// Its index.
    pub index: u64,
    /// Log time there, as far as it was shown: not before this.
    pub time: TimeMs,
    /// What was said.
    pub statement: Statement,
    /// By what right.
    pub right: Right,
    /// On what evidence the domain was held under which it was said; of a claim or a recovery, its own.
    pub evidence: Option<Evidence>,
    /// The domain after it, if it is an event of a domain that had its effect.
    pub domain: Option<DomainRow>,
    /// Why it has no effect, if it has none.
    pub refused: Option<VerifyError>,
}

impl Minute {
    /// The key that signed it.
    pub fn kid(&self) -> KeyId {
        self.statement.kid()
    }

    /// The code of the refusal, or what else is wrong.
    pub fn no_effect(&self) -> Option<String> {
        match self.refused.as_ref()? {
            VerifyError::NotAuthorised { refusal, .. } => Some(refusal.code().to_owned()),
            other => Some(other.to_string()),
        }
    }
}

/// All of them.
#[derive(Debug)]
pub struct Minutes {
    /// In the order of the log.
    pub minutes: Vec<Minute>,
    /// Entries of the tree in which they are proven.
    pub tree_size: u64,
}

/// What was said of a domain. It has to be claimed itself: one below a claimed domain has no events of its own.
pub async fn minutes_of_domain(trusted: &Trusted, domain: &Domain) -> Result<Minutes, ClientError> {
    let registry = trusted.registry();
    let Some(entries) = state::domain_entries(registry, domain).await? else {
        return Err(ClientError::Here(format!("nobody has claimed {domain} itself at {}, so nothing was said of it", registry.url())));
    };
    let proven = proven(trusted, &entries).await?;
    let subject = Subject::Domain(domain.clone());
    Ok(Minutes::of(&proven, &trusted.pin().origin, trusted.key(), |statement| *statement.subject() == subject)?)
}

/// What was said of a package, and of each domain that spoke for it or speaks for it now.
pub async fn minutes_of_package(trusted: &Trusted, id: &PackageId) -> Result<Minutes, ClientError> {
    let registry = trusted.registry();
    let Some(mut entries) = state::package_entries(registry, id).await? else {
        return Err(ClientError::Here(format!("nothing was published as {id} at {}", registry.url())));
    };
    let mut domains = BTreeSet::new();
    let owner = state::domain(registry, id.domain()).await?.and_then(|owner| Domain::parse(&owner.domain).ok());
    if let Some(owner) = owner.filter(|owner| id.domain().is_within(owner)) {
        entries.extend(state::domain_entries(registry, &owner).await?.unwrap_or_default());
        domains.insert(owner);
    }
    let mut shown = proven(trusted, &entries).await?;
    let claims = claims_of(registry, &read(&shown)?).await?;
    if !claims.is_empty() {
        entries.extend(claims);
        shown = proven(trusted, &entries).await?;
    }
    for (_, statement) in read(&shown)? {
        if let (Some(_), Speaker::Domain { domain, .. }) = (statement.peek().package(), statement.peek().speaker()) {
            domains.insert(domain.clone());
        }
    }
    let minutes = Minutes::of(&shown, &trusted.pin().origin, trusted.key(), |statement| match statement.subject() {
        Subject::Package(about) => about == id,
        Subject::Domain(domain) => domains.contains(domain),
        Subject::Registry => false,
    })?;
    match minutes.gap(id) {
        None => Ok(minutes),
        Some(index) => {
            let why = format!("the event that entry {index} goes on from is not among those that it names");
            Err(registry.answer("api/v1/packages/", "the events of a package", why))
        }
    }
}

async fn proven(trusted: &Trusted, entries: &[u64]) -> Result<Proven, ClientError> {
    let indices = with_beginning(entries);
    if indices.len() > limits::PROVEN_AT_ONCE {
        let words = format!("there are more than {} events, more than are proven at once", limits::PROVEN_AT_ONCE);
        return Err(ClientError::Here(words));
    }
    Ok(trusted.prove(&Query { indices, ..Query::default() }).await?.1)
}

impl Minutes {
    /// Judges all that is proven, and keeps what is asked for.
    pub fn of(proven: &Proven, origin: &Origin, key: &VerifierKey, wanted: impl Fn(&Statement) -> bool) -> Result<Minutes, VerifyError> {
        let mut taker = Taker { minutes: Vec::new() };
        judge_before(proven, read(proven)?, origin, key, &mut taker)?;
        taker.minutes.retain(|minute| wanted(&minute.statement));
        Ok(Minutes { minutes: taker.minutes, tree_size: proven.checkpoint().size() })
    }

    /// The entry of the first effective event of a package that does not go on from the one before it: one was left out.
    pub fn gap(&self, id: &PackageId) -> Option<u64> {
        let mut head = None;
        for minute in self.minutes.iter().filter(|minute| minute.statement.package() == Some(id) && minute.refused.is_none()) {
            if minute.statement.prev() != head {
                return Some(minute.index);
            }
            head = Some(minute.statement.id());
        }
        None
    }
}

/// Writes down what is judged.
struct Taker {
    minutes: Vec<Minute>,
}

impl Scribe for Taker {
    fn next(&mut self, index: u64, statement: &Statement, rows: &Known) -> Result<(), VerifyError> {
        let time = row::<TimeRow>(rows, time_key()?)?.map(|row| row.time).unwrap_or_default();
        let (right, evidence) = right_of(statement, rows)?;
        let statement = statement.clone();
        self.minutes.push(Minute { index, time, statement, right, evidence, domain: None, refused: None });
        Ok(())
    }

    fn verdict(&mut self, verdict: Result<&Known, &VerifyError>) -> Result<(), VerifyError> {
        let Some(minute) = self.minutes.last_mut() else { return Ok(()) };
        match verdict {
            Err(error) => minute.refused = Some(error.clone()),
            Ok(rows) => {
                minute.time = row::<TimeRow>(rows, time_key()?)?.map_or(minute.time, |row| row.time);
                if let Subject::Domain(domain) = minute.statement.subject() {
                    minute.domain = row(rows, domain_key(domain)?)?;
                }
                // Who contests may have been taken away.
                if minute.right == Right::None {
                    minute.right = Right::Former;
                }
            }
        }
        Ok(())
    }
}

/// The right that a key had before it said this, and the evidence on which its domain was held.
fn right_of(statement: &Statement, rows: &Known) -> Result<(Right, Option<Evidence>), VerifyError> {
    let kid = statement.kid();
    let own = evidence_of(statement.event());
    let Speaker::Domain { domain, .. } = statement.speaker() else {
        let registry: Option<RegistryRow> = row(rows, registry_key()?)?;
        let mut operators = registry.map(|row| row.operator_keys).unwrap_or_default();
        // The registry's beginning brings its own.
        operators.extend(statement.event().created().into_iter().flat_map(|created| created.operator_keys.iter().copied()));
        let is_one = operators.iter().any(|key| key.id() == kid);
        let holder: Option<DomainRow> = statement.domain().map(|domain| row(rows, domain_key(domain)?)).transpose()?.flatten();
        return Ok((if is_one { Right::Operator } else { Right::None }, own.or(holder.map(|row| row.evidence))));
    };
    let holder: Option<DomainRow> = row(rows, domain_key(domain)?)?;
    let evidence = own.or(holder.as_ref().map(|row| row.evidence));
    let right = match statement.by() {
        Some(grant) => {
            let granted: Option<GrantRow> = row(rows, grant_key(&grant)?)?;
            granted.filter(|row| row.key.id() == kid).map(|granted| Right::Grant { grant, granted: Box::new(granted) })
        }
        None => holder.and_then(|row| row.keys.iter().find(|key| key.key.id() == kid).map(|key| Right::Key(key.role))),
    };
    Ok((right.unwrap_or(Right::None), evidence))
}

/// The class of a claim or a recovery.
fn evidence_of(event: &Event) -> Option<Evidence> {
    match event {
        Event::Domain(DomainEvent::Claimed(e)) => Some(e.evidence),
        Event::Domain(DomainEvent::RecoveryOpened(e)) => Some(e.evidence),
        Event::Domain(DomainEvent::RecoveryCompleted(e)) => Some(e.evidence),
        Event::Domain(
            DomainEvent::KeysChanged(_)
            | DomainEvent::Frozen(_)
            | DomainEvent::Thawed(_)
            | DomainEvent::Transferred(_)
            | DomainEvent::Released(_)
            | DomainEvent::RecoveryContested(_)
            | DomainEvent::Granted(_)
            | DomainEvent::Revoked(_),
        )
        | Event::Package(_)
        | Event::Registry(_) => None,
    }
}

fn row<T: DeserializeOwned>(rows: &Known, key: RowKey) -> Result<Option<T>, Defect> {
    rows.get(&key).map(|row| decode_row(&key, &row.bytes)).transpose()
}
