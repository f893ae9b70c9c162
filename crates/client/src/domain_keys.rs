//! The keys of a domain, by the log and not by the registry's word: all events of the domain's chain that the registry names, proven and
//! judged (spec/events.md §4.4). A gap in the chain is an error. What this cannot show: that nothing was said after the last of them.

use crate::error::ClientError;
use crate::proofs::Query;
use crate::state;
use crate::trust::Trusted;
use crate::verify::judge;
use deedbox_authority::rows::DomainRow;
use deedbox_model::Domain;

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
    // What the registry names has its effect, each on top of what it names before; else something is missing between them.
    let effective = judged.effective();
    if let Some(gap) = entries.iter().find(|index| !effective.contains(index)) {
        return Err(registry.answer(
            "api/v1/domains/",
            "the events of a domain, without a gap",
            format!("entry {gap} has no effect on top of those that it names before it"),
        ));
    }
    let row = judged.domain(domain).cloned().ok_or_else(|| {
        registry.answer("api/v1/domains/", "the events of a claimed domain", "none of the entries that it names is the domain's claim")
    })?;
    Ok(ProvenDomain { row, entries, tree_size: proven.checkpoint().size() })
}

/// What shows an entry of a domain, and all that it rests on: the domain's other events.
pub(crate) async fn chain_query(trusted: &Trusted, domain: &Domain, index: u64) -> Result<Query, ClientError> {
    let mut entries = state::domain_entries(trusted.registry(), domain).await?.unwrap_or_default();
    entries.push(index);
    Ok(Query { indices: with_beginning(&entries), ..Query::default() })
}

pub(crate) fn with_beginning(entries: &[u64]) -> Vec<u64> {
    let mut all: Vec<u64> = std::iter::once(0).chain(entries.iter().copied()).collect();
    all.sort_unstable();
    all.dedup();
    all
}
