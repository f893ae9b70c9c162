//! A package's chain, from its first event on (spec/authority.md §3, spec/projections/catalog.md §3): the registry says which entries it
//! is made of, the log proves them, and the links between them prove that none is left out. Over the whole chain the decider judges a
//! release exactly: one that came second for its version, or that is beside the chain, has no effect.
//!
//! What this cannot show: that the chain which the registry names is the one that everybody else follows. Another statement of the same
//! publisher might have taken a link's place before it; that takes the whole log.

use crate::error::ClientError;
use crate::http::Registry;
use crate::limits;
use crate::proofs::{Proven, Query, Unproven};
use crate::state;
use crate::trust::Trusted;
use crate::verify::whole_chains;
use crate::verify_error::VerifyError;
use deedbox_model::{EventId, PackageId, Speaker, Statement};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// Whether a package's chain was followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Followed {
    /// The registry named it, and it is in the proof.
    Asked,
    /// The registry does not say what it is.
    NotShown,
    /// It has more events than are followed.
    TooLong,
}

impl Followed {
    /// Why it was not followed; nothing if it was.
    pub fn why_not(self) -> Option<&'static str> {
        match self {
            Followed::Asked => None,
            Followed::NotShown => Some("the registry does not hand out the package's chain"),
            Followed::TooLong => Some("the package's chain is longer than is followed"),
        }
    }
}

/// Proves releases with the chains of their packages. A registry that names a chain which does not hold together is refused when the
/// release is judged ([`holds_together`]).
pub async fn prove_with_chains(
    trusted: &Trusted,
    releases: Vec<String>,
    packages: &BTreeSet<PackageId>,
) -> Result<(Unproven, Proven, BTreeMap<PackageId, Followed>), ClientError> {
    for _ in 1..limits::CHAIN_TRIES {
        let (unproven, proven, followed) = ask(trusted, &releases, packages).await?;
        let whole = whole_chains(&proven);
        if followed.iter().all(|(id, how)| *how != Followed::Asked || whole.contains_key(id)) {
            return Ok((unproven, proven, followed));
        }
        // Something was appended between the two questions, or it does not hold together at all.
    }
    ask(trusted, &releases, packages).await
}

async fn ask(
    trusted: &Trusted,
    releases: &[String],
    packages: &BTreeSet<PackageId>,
) -> Result<(Unproven, Proven, BTreeMap<PackageId, Followed>), ClientError> {
    let registry = trusted.registry();
    let asked: Vec<(PackageId, Option<Vec<u64>>)> = stream::iter(packages)
        .map(|id| async move { Ok::<_, ClientError>((id.clone(), indices(registry, id).await?)) })
        .buffered(limits::CHAINS_AT_ONCE)
        .try_collect()
        .await?;
    let mut wanted = BTreeSet::from([0]);
    let mut followed = BTreeMap::new();
    let named: usize = releases.iter().map(|release| release.len() + "\"\",".len()).sum();
    let room =
        (limits::QUESTION_BYTES.saturating_sub(named) / limits::INDEX_BYTES).min(limits::PROVEN_AT_ONCE.saturating_sub(releases.len()));
    for (id, indices) in asked {
        let how = match indices {
            None => Followed::NotShown,
            Some(indices) if indices.len() > limits::CHAIN_EVENTS || wanted.len() + indices.len() > room => Followed::TooLong,
            Some(indices) => {
                wanted.extend(indices);
                Followed::Asked
            }
        };
        followed.insert(id, how);
    }
    let mut query = Query { releases: releases.to_vec(), indices: wanted.into_iter().collect() };
    let (mut unproven, mut proven) = trusted.prove(&query).await?;
    // Earlier events may have been made under other tenures, whose claims the decider needs too.
    let claims = claims_of(registry, &proven).await?;
    if !claims.is_empty() {
        query.indices.extend(claims);
        query.indices.sort_unstable();
        query.indices.dedup();
        (unproven, proven) = trusted.prove(&query).await?;
    }
    Ok((unproven, proven, followed))
}

/// A release of a package whose chain was followed stands on that chain.
pub fn holds_together(followed: Option<&Followed>, release: &crate::VerifiedRelease) -> Result<(), VerifyError> {
    match (followed, release.chain()) {
        (Some(Followed::Asked), None) => Err(VerifyError::BesideTheChain { release: release.name(), index: release.index() }),
        _ => Ok(()),
    }
}

/// The entries of a package's chain, by the registry's word; none where it does not say.
async fn indices(registry: &Registry, id: &PackageId) -> Result<Option<Vec<u64>>, ClientError> {
    match state::history(registry, id, limits::CHAIN_EVENTS).await {
        Ok(history) => Ok((!history.is_empty()).then(|| history.iter().map(|item| item.index).collect())),
        // A registry without these answers, or with others, says nothing; one that is not reached is another matter.
        Err(ClientError::Answer { .. } | ClientError::Refused { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

#[derive(Deserialize)]
struct Entry {
    index: u64,
}

/// The entries of claims that proven statements of packages were made under and that are not proven yet.
async fn claims_of(registry: &Registry, proven: &Proven) -> Result<Vec<u64>, ClientError> {
    let mut shown = BTreeSet::new();
    let mut tenures = BTreeSet::new();
    for (_, bytes) in proven.entries() {
        shown.insert(EventId::of(bytes));
        if let Ok(statement) = Statement::decode(bytes)
            && let Speaker::Domain { tenure, .. } = statement.peek().speaker()
        {
            tenures.insert(*tenure);
        }
    }
    let mut indices = Vec::new();
    for tenure in tenures.difference(&shown).take(limits::CHAIN_TENURES) {
        if let Some(entry) = registry.get_json::<Entry>(&format!("api/v1/events/{}", tenure.to_hex())).await? {
            indices.push(entry.index);
        }
    }
    Ok(indices)
}
