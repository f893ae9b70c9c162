//! The keys of a domain, by the log and not by the registry's word: all events of the domain's chain that the registry names, proven and
//! judged (spec/events.md §4.4). A gap in the chain is an error. What this cannot show: that nothing was said after the last of them.

use crate::error::ClientError;
use crate::proofs::Query;
use crate::state;
use crate::submit::{Included, included, post};
use crate::trust::Trusted;
use crate::verify::judge;
use deedbox_authority::rows::DomainRow;
use deedbox_model::event::DomainKeysChanged;
use deedbox_model::{Domain, Event, Signer, Speaker, Statement, Subject, TimeMs};

/// A domain with its keys.
#[derive(Debug)]
pub struct ProvenDomain {
    /// Tenure, keys and head.
    pub row: DomainRow,
    /// The entries of its events.
    pub entries: Vec<u64>,
    /// Entries of the tree in which it was shown.
    pub tree_size: u64,
}

/// What the log says of a domain. It has to be claimed itself: a domain below a claimed one has no keys of its own.
pub async fn domain_keys(trusted: &Trusted, domain: &Domain) -> Result<ProvenDomain, ClientError> {
    let registry = trusted.registry();
    let Some(entries) = state::domain_entries(registry, domain).await? else {
        return Err(ClientError::Here(format!("nobody has claimed {domain} itself at {}, so it has no keys of its own", registry.url())));
    };
    let query = Query { indices: with_beginning(&entries), ..Query::default() };
    let (_, proven) = trusted.prove(&query).await?;
    let judged = judge(&proven, &trusted.pin().origin, trusted.key())?;
    let row = judged.domain(domain).cloned().ok_or_else(|| {
        registry.answer("api/v1/domains/", "the events of a claimed domain", "none of the entries that it names is the domain's claim")
    })?;
    Ok(ProvenDomain { row, entries, tree_size: proven.checkpoint().size() })
}

/// Changes a domain's keys, on top of what the log says of them now. A change that comes in between is an error: what it means beside this
/// one is for a person to say.
pub async fn change_keys(
    trusted: &Trusted,
    key: &dyn Signer,
    domain: &Domain,
    change: DomainKeysChanged,
    now: TimeMs,
) -> Result<Included, ClientError> {
    let known = domain_keys(trusted, domain).await?;
    let speaker = Speaker::Domain { domain: domain.clone(), tenure: known.row.tenure };
    let subject = Subject::Domain(domain.clone());
    let statement = Statement::sign(key, &trusted.pin().origin, &speaker, &subject, Some(known.row.head), now, &Event::from(change))
        .map_err(|e| ClientError::Here(format!("this statement cannot be made: {e}")))?;
    match post(trusted, "api/v1/events", statement.bytes()).await {
        Ok(answered) => {
            // What came in between belongs to the chain, too.
            let mut entries = state::domain_entries(trusted.registry(), domain).await?.unwrap_or(known.entries);
            entries.push(answered.index);
            let query = Query { indices: with_beginning(&entries), ..Query::default() };
            included(trusted, &statement, answered, |_| query.clone()).await
        }
        Err(ClientError::Refused { code, .. }) if code == "stale_prev" => Err(ClientError::Here(format!(
            "the keys of {domain} have changed meanwhile. Nothing was done. Look at them with deedbox keys list {domain}, and run the command again if you still want to"
        ))),
        Err(error) => Err(error),
    }
}

fn with_beginning(entries: &[u64]) -> Vec<u64> {
    let mut all: Vec<u64> = std::iter::once(0).chain(entries.iter().copied()).collect();
    all.sort_unstable();
    all.dedup();
    all
}
