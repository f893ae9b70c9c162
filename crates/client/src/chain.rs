//! A package's chain, from its first event on (spec/authority.md §3, spec/api.md §4): the registry says which entries it
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
use crate::verify::{Judged, Read, judge_read, read};
use crate::verify_error::VerifyError;
use deedbox_model::{EventId, PackageId, Speaker};
use std::collections::{BTreeMap, BTreeSet};

/// The code with which a registry says that an answer would hold too much.
const TOO_MANY: &str = "too_many";

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
    fn of(id: &PackageId, left_out: Option<&BTreeSet<String>>) -> Self {
        match left_out {
            None => Followed::NotShown,
            Some(left_out) if left_out.contains(id.as_str()) => Followed::TooLong,
            Some(_) => Followed::Asked,
        }
    }

    /// Why it was not followed; nothing if it was.
    pub fn why_not(self) -> Option<&'static str> {
        match self {
            Followed::Asked => None,
            Followed::NotShown => Some("the registry does not hand out the package's chain"),
            Followed::TooLong => Some("the package's chain is longer than this program follows"),
        }
    }
}

/// What a registry answers about releases and the chains of their packages, proven and judged.
#[derive(Debug)]
pub struct Asked {
    /// The answer, to be kept.
    pub unproven: Unproven,
    /// The same, proven.
    pub proven: Proven,
    /// The verdicts.
    pub judged: Judged,
    /// For each package, whether its chain was followed.
    pub followed: BTreeMap<PackageId, Followed>,
}

/// Asks for releases with the chains of their packages. A registry whose chain does not hold together is refused when the release is
/// looked at ([`holds_together`]).
pub async fn ask_with_chains(trusted: &Trusted, releases: Vec<String>, packages: &BTreeSet<PackageId>) -> Result<Asked, ClientError> {
    let mut query = Query { releases, chains: true, ..Query::default() };
    let (mut unproven, mut proven, mut left_out) = match trusted.prove_answer(&query).await {
        Err(ClientError::Refused { code, .. }) if code == TOO_MANY => {
            // With their chains they are more than one answer holds; without them each is still in the log.
            query.chains = false;
            let (unproven, proven, _) = trusted.prove_answer(&query).await?;
            (unproven, proven, Some(packages.iter().map(ToString::to_string).collect()))
        }
        answer => answer?,
    };
    let mut statements = read(&proven)?;
    // Earlier events may have been made under other tenures, whose claims the decider needs too.
    let claims = claims_of(trusted.registry(), &statements).await?;
    if !claims.is_empty() {
        query.indices.extend(claims);
        query.indices.sort_unstable();
        query.indices.dedup();
        let again = trusted.prove_answer(&query).await?;
        (unproven, proven) = (again.0, again.1);
        left_out = if query.chains { again.2 } else { left_out };
        statements = read(&proven)?;
    }
    let judged = judge_read(&proven, statements, &trusted.pin().origin, trusted.key())?;
    let left_out = left_out.map(BTreeSet::from_iter);
    let followed = packages.iter().map(|id| (id.clone(), Followed::of(id, left_out.as_ref()))).collect();
    Ok(Asked { unproven, proven, judged, followed })
}

/// A release of a package whose chain was followed stands on that chain.
pub fn holds_together(followed: Option<&Followed>, release: &crate::VerifiedRelease) -> Result<(), VerifyError> {
    match (followed, release.chain()) {
        (Some(Followed::Asked), None) => Err(VerifyError::BesideTheChain { release: release.name(), index: release.index() }),
        _ => Ok(()),
    }
}

/// The entries of the domains that proven statements of packages were made by, where the tenure that they name is not proven yet.
pub(crate) async fn claims_of(registry: &Registry, statements: &Read) -> Result<Vec<u64>, ClientError> {
    let shown: BTreeSet<EventId> = statements.iter().map(|(_, statement)| statement.peek().id()).collect();
    let mut speakers = BTreeSet::new();
    for (_, statement) in statements {
        if let Speaker::Domain { domain, tenure } = statement.peek().speaker()
            && !shown.contains(tenure)
        {
            speakers.insert(domain);
        }
    }
    let mut indices = Vec::new();
    for domain in speakers.into_iter().take(limits::CHAIN_DOMAINS) {
        indices.extend(state::domain_entries(registry, domain).await?.unwrap_or_default());
    }
    Ok(indices)
}
