//! Claims of domains (spec/api.md §6): the claimant's half, and the ways in which it is filed. None of them believes an answer: a claim is
//! done when its event is proven to be in the log, and effective.

use crate::error::ClientError;
use crate::proofs::Query;
use crate::submit::{Answered, Included, event_id, included, post, proven};
use crate::trust::Trusted;
use crate::verify::{judge_read, read};
use crate::{limits, paths, state};
use deedbox_model::event::{Acceptance, AcceptanceTerms, DomainClaimed, DomainEvent, DomainKey, Evidence, Role};
use deedbox_model::limits::ACCEPTANCE_MS;
use deedbox_model::{Domain, Event, EventId, Signer, Speaker, Statement, Subject, TimeMs};

/// The claimant's acceptance: this key, as admin, from the start of the domain's chain. The operator who files the claim needs no more of the
/// claimant than its bytes.
pub fn accept(trusted: &Trusted, domain: &Domain, key: &dyn Signer, now: TimeMs) -> Result<Acceptance, ClientError> {
    let keys = vec![DomainKey { key: key.public(), from: None, role: Role::Admin, until: None }];
    Acceptance::sign(key, domain, &trusted.pin().origin, &AcceptanceTerms::first(keys, now))
        .map_err(|e| ClientError::Here(format!("this claim cannot be made: {e}")))
}

/// Claims a domain below `localhost`, which a registry on a loopback listener files by itself.
pub async fn claim_local(trusted: &Trusted, domain: &Domain, key: &dyn Signer, now: TimeMs) -> Result<Included, ClientError> {
    file(trusted, &accept(trusted, domain, key, now)?).await
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
    proven(trusted, event, answered, Query::default()).await
}

/// The acceptance that this machine made before for this domain and key, while it is good for some time yet; else a new one, which is kept. What
/// a claimant puts at a domain is its digest, so it must be the same at every try.
pub fn kept_acceptance(trusted: &Trusted, domain: &Domain, key: &dyn Signer, now: TimeMs) -> Result<Acceptance, ClientError> {
    let path = trusted.place().acceptance(domain, &key.public().id());
    let kept = paths::read(&path, deedbox_model::limits::SMALL_ENVELOPE_BYTES as u64)?.and_then(|bytes| Acceptance::decode(&bytes).ok());
    let is_good = |kept: &Acceptance| {
        kept.domain() == domain
            && kept.audience() == &trusted.pin().origin
            && kept.kid() == key.public().id()
            && kept.terms().until > now.plus_ms(limits::ACCEPTANCE_LEFT_MS)
            && kept.terms().until <= now.plus_ms(ACCEPTANCE_MS)
    };
    if let Some(kept) = kept.filter(is_good) {
        return Ok(kept);
    }
    let made = accept(trusted, domain, key, now)?;
    paths::write(&path, made.bytes())?;
    Ok(made)
}

/// Files a claim as the operator, around the claimant's acceptance.
pub async fn claim_with_operator(
    trusted: &Trusted,
    domain: &Domain,
    key: &dyn Signer,
    operator: &dyn Signer,
    now: TimeMs,
) -> Result<Included, ClientError> {
    let acceptance = accept(trusted, domain, key, now)?;
    countersign(trusted, &acceptance, operator, now).await
}

/// Files a claim as the operator, around an acceptance that the claimant made elsewhere.
pub async fn countersign(trusted: &Trusted, acceptance: &Acceptance, operator: &dyn Signer, now: TimeMs) -> Result<Included, ClientError> {
    let domain = acceptance.domain();
    if *acceptance.audience() != trusted.pin().origin {
        return Err(ClientError::Here(format!(
            "this claim was made for the log {}, and {} is the log {}: let the claimant make it again for this one",
            acceptance.audience(),
            trusted.registry().url(),
            trusted.pin().origin
        )));
    }
    let evidence = if domain.is_localhost() { Evidence::Localhost } else { Evidence::Operator };
    let event = Event::from(DomainClaimed::unseen(evidence, acceptance.clone()));
    let subject = Subject::Domain(domain.clone());
    let statement = Statement::sign(operator, &trusted.pin().origin, &Speaker::Registry, &subject, None, now, &event)
        .map_err(|e| ClientError::Here(format!("this claim cannot be made: {e}")))?;
    match post(trusted, "api/v1/events", statement.bytes()).await {
        Ok(answered) => included(trusted, &statement, answered, |_| Query::default()).await,
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
    let query = Query { indices: vec![state.tenure_index], ..Query::default() };
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
