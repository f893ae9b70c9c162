//! Claims of domains (spec/api.md §6): the claimant's half, and the ways in which it is filed. None of them believes an answer: a claim is
//! done when its event is proven to be in the log, and effective.

use crate::domain_keys::chain_query;
use crate::error::ClientError;
use crate::hands::must_be_for;
use crate::proofs::Query;
use crate::submit::{Answered, Included, event_id, included, post, proven};
use crate::trust::Trusted;
use crate::verify::{judge_read, read};
use crate::{limits, paths, state};
use deedbox_model::event::{Acceptance, AcceptanceTerms, DomainClaimed, DomainEvent, DomainKey, Evidence, Role};
use deedbox_model::limits::ACCEPTANCE_MS;
use deedbox_model::{Domain, Event, EventId, PublicKey, Signer, Speaker, Statement, Subject, TimeMs};

/// Who is to have a domain.
#[derive(Clone, Copy)]
pub struct Holder<'a> {
    /// Signs, and is the domain's admin key.
    pub key: &'a dyn Signer,
    /// Its recovery key from the start on. One that is put later begins 30 days later.
    pub recovery: Option<PublicKey>,
}

impl<'a> Holder<'a> {
    /// With this key alone.
    pub fn of(key: &'a dyn Signer) -> Self {
        Holder { key, recovery: None }
    }

    fn keys(&self) -> Vec<DomainKey> {
        let key = |key, role| DomainKey { key, from: None, role, until: None };
        let recovery = self.recovery.map(|recovery| key(recovery, Role::Recovery));
        let mut keys: Vec<DomainKey> = std::iter::once(key(self.key.public(), Role::Admin)).chain(recovery).collect();
        keys.sort();
        keys
    }
}

/// The acceptance of a domain by its next holder, from this place of its chain on. Whoever files the claim needs no more of the claimant than its
/// bytes.
pub fn accept(
    trusted: &Trusted,
    domain: &Domain,
    holder: Holder<'_>,
    prev: Option<EventId>,
    now: TimeMs,
) -> Result<Acceptance, ClientError> {
    Acceptance::sign(holder.key, domain, &trusted.pin().origin, &AcceptanceTerms::after(prev, holder.keys(), now))
        .map_err(|e| ClientError::Here(format!("this cannot be accepted: {e}")))
}

/// From where a claim of this domain goes on, by the registry's word: from the end of its chain if somebody had it and gave it up; from nothing
/// if nobody ever had it. If somebody has it, the decider says so.
pub async fn place_of_claim(trusted: &Trusted, domain: &Domain) -> Result<Option<EventId>, ClientError> {
    let registry = trusted.registry();
    let Some(state) = state::domain(registry, domain).await?.filter(|state| state.domain == domain.as_str() && state.released) else {
        return Ok(None);
    };
    let head = EventId::from_hex(&state.head);
    head.map(Some).ok_or_else(|| registry.answer("api/v1/domains/", "a domain", "its head is not an event"))
}

/// Claims a domain below `localhost`, which a registry on a loopback listener files by itself.
pub async fn claim_local(trusted: &Trusted, domain: &Domain, holder: Holder<'_>, now: TimeMs) -> Result<Included, ClientError> {
    let prev = place_of_claim(trusted, domain).await?;
    file(trusted, &accept(trusted, domain, holder, prev, now)?).await
}

/// What became of a claim that a registry looks for.
#[derive(Debug)]
pub enum Looked {
    /// It is filed.
    Filed(Box<Included>),
    /// What the claimant was to put at the domain is not seen yet: what was seen, in the registry's words.
    NotYet(String),
}

/// Asks the registry to look at the domain for this acceptance, once, and to file the claim if it is shown there.
pub async fn claim_seen(trusted: &Trusted, acceptance: &Acceptance) -> Result<Looked, ClientError> {
    match file(trusted, acceptance).await {
        Ok(included) => Ok(Looked::Filed(Box::new(included))),
        Err(ClientError::Refused { code, message, .. }) if code == "not_shown_yet" => Ok(Looked::NotYet(message)),
        Err(error) => Err(error),
    }
}

/// Sends an acceptance for the registry to file.
async fn file(trusted: &Trusted, acceptance: &Acceptance) -> Result<Included, ClientError> {
    let (registry, path) = (trusted.registry(), "api/v1/claims");
    // The operator's statement around it is another one each time, so the second would be refused.
    let body = match registry.post_once(path, "application/cose", acceptance.bytes().to_vec(), limits::JSON_BYTES).await {
        Ok(body) => body,
        Err(refused) => return claimed_before(trusted, acceptance.domain(), acceptance, refused).await,
    };
    let answered: Answered = registry.json(path, &body)?;
    let event = event_id(trusted, &answered)?;
    let query = shown_by(trusted, acceptance, answered.index).await?;
    proven(trusted, event, answered, query).await
}

/// What shows a claim: the first one of a domain stands alone, a later one on the domain's other events.
async fn shown_by(trusted: &Trusted, acceptance: &Acceptance, index: u64) -> Result<Query, ClientError> {
    match acceptance.terms().prev {
        None => Ok(Query { indices: vec![0, index], ..Query::default() }),
        Some(_) => chain_query(trusted, acceptance.domain(), index).await,
    }
}

/// The acceptance of a claim that this machine made before for this domain and key, while it is good for some time yet; else a new one, which is
/// kept. What a claimant puts at a domain is its digest, so it must be the same at every try.
pub async fn kept_acceptance(trusted: &Trusted, domain: &Domain, holder: Holder<'_>, now: TimeMs) -> Result<Acceptance, ClientError> {
    let prev = place_of_claim(trusted, domain).await?;
    kept_or_made(trusted, domain, holder, (prev, now), |_| false)
}

/// The acceptance that is kept for this domain, key and place of the chain, while it is good or `is_filed` says that it is used already; else a
/// new one, which is kept.
pub(crate) fn kept_or_made(
    trusted: &Trusted,
    domain: &Domain,
    holder: Holder<'_>,
    (prev, now): (Option<EventId>, TimeMs),
    is_filed: impl Fn(&Acceptance) -> bool,
) -> Result<Acceptance, ClientError> {
    let kid = holder.key.public().id();
    let path = trusted.place().acceptance(domain, &kid);
    let kept = paths::read(&path, deedbox_model::limits::SMALL_ENVELOPE_BYTES as u64)?.and_then(|bytes| Acceptance::decode(&bytes).ok());
    let is_its = |kept: &Acceptance| {
        kept.domain() == domain
            && kept.audience() == &trusted.pin().origin
            && kept.kid() == kid
            && kept.terms().prev == prev
            && kept.terms().keys == holder.keys()
    };
    let is_good = |kept: &Acceptance| {
        kept.terms().until > now.plus_ms(limits::ACCEPTANCE_LEFT_MS) && kept.terms().until <= now.plus_ms(ACCEPTANCE_MS)
    };
    if let Some(kept) = kept.filter(|kept| is_its(kept) && (is_good(kept) || is_filed(kept))) {
        return Ok(kept);
    }
    let made = accept(trusted, domain, holder, prev, now)?;
    paths::write(&path, made.bytes())?;
    Ok(made)
}

/// Files a claim as the operator, around the claimant's acceptance.
pub async fn claim_with_operator(
    trusted: &Trusted,
    domain: &Domain,
    holder: Holder<'_>,
    operator: &dyn Signer,
    now: TimeMs,
) -> Result<Included, ClientError> {
    let acceptance = accept(trusted, domain, holder, place_of_claim(trusted, domain).await?, now)?;
    countersign(trusted, &acceptance, operator, now).await
}

/// Files a claim as the operator, around an acceptance that the claimant made elsewhere.
pub async fn countersign(trusted: &Trusted, acceptance: &Acceptance, operator: &dyn Signer, now: TimeMs) -> Result<Included, ClientError> {
    let domain = acceptance.domain();
    must_be_for(trusted, acceptance)?;
    let evidence = if domain.is_localhost() { Evidence::Localhost } else { Evidence::Operator };
    let event = Event::from(DomainClaimed::unseen(evidence, acceptance.clone()));
    let subject = Subject::Domain(domain.clone());
    let statement = Statement::sign(operator, &trusted.pin().origin, &Speaker::Registry, &subject, acceptance.terms().prev, now, &event)
        .map_err(|e| ClientError::Here(format!("this claim cannot be made: {e}")))?;
    match post(trusted, "api/v1/events", statement.bytes()).await {
        Ok(answered) => {
            let query = shown_by(trusted, acceptance, answered.index).await?;
            included(trusted, &statement, answered, |_| query.clone()).await
        }
        Err(refused) => claimed_before(trusted, domain, acceptance, refused).await,
    }
}

/// A claim whose answer was lost is refused the second time, for the operator's statement around it is another one. It is
/// done if the claim in the log, proven and effective, is for the same keys: only its claimant signs an acceptance that names them all.
async fn claimed_before(
    trusted: &Trusted,
    domain: &Domain,
    acceptance: &Acceptance,
    refused: ClientError,
) -> Result<Included, ClientError> {
    if !matches!(&refused, ClientError::Refused { code, .. } if code == "already_claimed") {
        return Err(refused);
    }
    let Some(state) = state::domain(trusted.registry(), domain).await?.filter(|state| state.domain == domain.as_str()) else {
        return Err(refused);
    };
    let Some(event) = EventId::from_hex(&state.tenure) else { return Err(refused) };
    let query = chain_query(trusted, domain, state.tenure_index).await?;
    let (unproven, proven) = trusted.prove(&query).await?;
    let statements = read(&proven)?;
    let is_this = statements.iter().find(|(_, statement)| statement.peek().id() == event).is_some_and(|(index, claimed)| {
        match claimed.peek().event() {
            Event::Domain(DomainEvent::Claimed(e)) => *index == state.tenure_index && e.acceptance.terms().keys == acceptance.terms().keys,
            _ => false,
        }
    });
    let judged = judge_read(&proven, statements, &trusted.pin().origin, trusted.key())?;
    if !is_this || judged.index_of(&event).is_none() {
        return Err(refused);
    }
    let tree_size = proven.checkpoint().size();
    Ok(Included { index: state.tenure_index, event, seen: true, tree_size, judged, proof: unproven })
}
