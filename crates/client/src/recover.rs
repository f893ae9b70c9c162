//! Recoveries of domains (spec/events.md §4.9, spec/api.md §6): the claimant's half, and the ways in which it is opened, and completed when its wait
//! is over. Believes no answer: a recovery is opened, or completed, when its event is proven to be in the log, and effective.

use crate::claim::{Holder, kept_or_made};
use crate::domain_keys::{ProvenDomain, chain_query, domain_keys};
use crate::error::ClientError;
use crate::hands::{GoesOn, Voice, must_be_for, say_on};
use crate::limits;
use crate::submit::{Answered, Included, event_id, included, post, proven};
use crate::trust::Trusted;
use deedbox_model::event::{Acceptance, DomainRecoveryCompleted, DomainRecoveryOpened, Evidence, Sight};
use deedbox_model::holding::{Recovery, Through};
use deedbox_model::{Domain, Event, Signer, Speaker, Statement, Subject, TimeMs};

/// How far a recovery has come.
#[derive(Debug)]
pub enum Recovering {
    /// What the claimant was to put at the domain is not seen: what was seen, in the registry's words.
    NotYet(String),
    /// It is opened now.
    Opened(Box<Included>),
    /// It is open, and its wait is not over.
    Waits(Box<Recovery>),
    /// The domain is the claimant's.
    Completed(Box<Included>),
    /// It was the claimant's before.
    Had,
}

/// The claimant's half for this key, and what the log says of the domain. It goes on from the event that gave the domain to its present holder, so
/// nobody can make it stale; and it stays the same from its opening to its completion.
pub async fn recovery_of(
    trusted: &Trusted,
    domain: &Domain,
    key: &dyn Signer,
    now: TimeMs,
) -> Result<(Acceptance, ProvenDomain), ClientError> {
    let known = domain_keys(trusted, domain).await?;
    if known.row.released {
        return Err(ClientError::Here(format!("nobody has {domain}: its last holder gave it up. Claim it with deedbox claim {domain}")));
    }
    let public = key.public();
    if known.row.keys.iter().any(|own| own.key == public) && known.row.through != Through::Recovery {
        return Err(ClientError::Here(format!(
            "the key {} is one of {domain}'s keys: nothing has to be recovered for it. To recover the domain for another key, give that one with --key",
            public.id()
        )));
    }
    let is_open = |kept: &Acceptance| known.row.open_recovery(domain, now).is_some_and(|open| open.record == kept.record());
    let acceptance = kept_or_made(trusted, domain, Holder::of(key), (Some(known.row.tenure), now), is_open)?;
    Ok((acceptance, known))
}

/// What is known of this claimant's recovery without asking anybody: that it was completed, or that it waits.
pub fn known_of(known: &ProvenDomain, acceptance: &Acceptance, now: TimeMs) -> Option<Recovering> {
    let (row, domain) = (&known.row, acceptance.domain());
    if row.through == Through::Recovery && row.keys.iter().any(|key| key.key.id() == acceptance.kid()) {
        return Some(Recovering::Had);
    }
    let open = row.open_recovery(domain, now).filter(|open| open.record == acceptance.record())?;
    (now < open.waits_until(domain)).then(|| Recovering::Waits(Box::new(open.clone())))
}

/// Asks the registry to look at the domain for this acceptance, once, and to open the recovery, or complete it, if it is shown there. Below
/// `localhost` a registry on a loopback listener does it without a look.
pub async fn recover_seen(trusted: &Trusted, acceptance: &Acceptance) -> Result<Recovering, ClientError> {
    let (registry, path) = (trusted.registry(), "api/v1/recoveries");
    // The operator's statement around it is another one each time, so the second would be refused.
    let body = match registry.post_once(path, "application/cose", acceptance.bytes().to_vec(), limits::JSON_BYTES).await {
        Ok(body) => body,
        Err(ClientError::Refused { code, message, .. }) if code == "not_shown_yet" => return Ok(Recovering::NotYet(message)),
        Err(error) => return Err(error),
    };
    let answered: Answered = registry.json(path, &body)?;
    let event = event_id(trusted, &answered)?;
    let query = chain_query(trusted, acceptance.domain(), answered.index).await?;
    Ok(done(proven(trusted, event, answered, query).await?, acceptance.domain()))
}

/// Opens or completes a recovery as the operator, around an acceptance that the claimant made, here or elsewhere. `seen` is what the operator has seen of
/// the domain; without it they vouch.
pub async fn recover_with_operator(
    trusted: &Trusted,
    acceptance: &Acceptance,
    operator: &dyn Signer,
    seen: Option<(Evidence, Sight)>,
    now: &dyn Fn() -> TimeMs,
) -> Result<Recovering, ClientError> {
    must_be_for(trusted, acceptance)?;
    let domain = acceptance.domain();
    let known = domain_keys(trusted, domain).await?;
    if let Some(known) = known_of(&known, acceptance, now()) {
        return Ok(known);
    }
    let (evidence, sight) = match seen {
        Some((evidence, sight)) => (evidence, Some(sight)),
        None if domain.is_localhost() => (Evidence::Localhost, None),
        None => (Evidence::Operator, None),
    };
    let open = known.row.open_recovery(domain, now()).filter(|open| open.record == acceptance.record());
    if let Some(recovery) = open.map(|open| open.opened) {
        let event = Event::from(DomainRecoveryCompleted { sight, evidence, recovery });
        let included = say_on(trusted, operator, domain, (Voice::Registry, GoesOn::Tenure), &event, (known, now)).await?;
        return Ok(Recovering::Completed(Box::new(included)));
    }
    let (subject, prev) = (Subject::Domain(domain.clone()), acceptance.terms().prev);
    let event = Event::from(DomainRecoveryOpened { sight, evidence, acceptance: acceptance.clone() });
    let statement = Statement::sign(operator, &trusted.pin().origin, &Speaker::Registry, &subject, prev, now(), &event)
        .map_err(|e| ClientError::Here(format!("this statement cannot be made: {e}")))?;
    let answered = post(trusted, "api/v1/events", statement.bytes()).await?;
    let query = chain_query(trusted, domain, answered.index).await?;
    Ok(Recovering::Opened(Box::new(included(trusted, &statement, answered, |_| query.clone()).await?)))
}

/// What an event of a recovery did.
fn done(included: Included, domain: &Domain) -> Recovering {
    match included.judged.domain(domain).is_some_and(|row| row.tenure == included.event) {
        true => Recovering::Completed(Box::new(included)),
        false => Recovering::Opened(Box::new(included)),
    }
}
