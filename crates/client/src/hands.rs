//! What the holder of a domain, or the registry, says of it (spec/events.md §4.4, §4.6 to §4.9): that it is frozen and thawed, handed over,
//! given up; and what a key says that was taken away. Each goes on from the domain's proven row. Believes no answer: what was said is in the log,
//! and effective, or it was not said.

use crate::domain_keys::{ProvenDomain, chain_query, domain_keys};
use crate::error::ClientError;
use crate::limits;
use crate::submit::{Included, included, post};
use crate::trust::Trusted;
use deedbox_model::event::{
    Acceptance, DomainFrozen, DomainKeysChanged, DomainRecoveryContested, DomainReleased, DomainThawed, DomainTransferred,
};
use deedbox_model::{Domain, Event, EventId, ReasonCode, Signer, Speaker, Statement, Subject, TimeMs};

/// Who speaks of a domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Voice {
    /// The domain, with a key of its own.
    Domain,
    /// The registry, with an operator's key.
    Registry,
}

/// From where a statement may go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GoesOn {
    /// From the head alone: what came in between is for a person to look at.
    Head,
    /// From any event of the tenure: what comes in between changes nothing of it.
    Tenure,
}

/// Freezes a domain: nothing is published, and nothing handed over, until it is thawed.
pub async fn freeze(
    trusted: &Trusted,
    key: &dyn Signer,
    domain: &Domain,
    voice: Voice,
    reason: ReasonCode,
    now: &dyn Fn() -> TimeMs,
) -> Result<Included, ClientError> {
    say(trusted, key, domain, (voice, GoesOn::Tenure), &Event::from(DomainFrozen { reason }), now).await
}

/// Ends the speaker's own freeze.
pub async fn thaw(
    trusted: &Trusted,
    key: &dyn Signer,
    domain: &Domain,
    voice: Voice,
    now: &dyn Fn() -> TimeMs,
) -> Result<Included, ClientError> {
    say(trusted, key, domain, (voice, GoesOn::Head), &Event::from(DomainThawed {}), now).await
}

/// Gives a domain up: nobody has it, until somebody claims it again.
pub async fn give_up(trusted: &Trusted, key: &dyn Signer, domain: &Domain, now: &dyn Fn() -> TimeMs) -> Result<Included, ClientError> {
    say(trusted, key, domain, (Voice::Domain, GoesOn::Head), &Event::from(DomainReleased {}), now).await
}

/// Hands a domain over to whoever made this acceptance on top of its head.
pub async fn transfer(
    trusted: &Trusted,
    key: &dyn Signer,
    acceptance: &Acceptance,
    now: &dyn Fn() -> TimeMs,
) -> Result<Included, ClientError> {
    must_be_for(trusted, acceptance)?;
    let domain = acceptance.domain();
    let known = domain_keys(trusted, domain).await?;
    if acceptance.terms().prev != Some(known.row.head) {
        return Err(ClientError::Here(format!(
            "something was said of {domain} since its next holder accepted it, or they accepted it in another place: let them make a new file with deedbox accept {domain} --out FILE"
        )));
    }
    let event = Event::from(DomainTransferred { acceptance: acceptance.clone() });
    say_on(trusted, key, domain, (Voice::Domain, GoesOn::Head), &event, (known, now)).await
}

/// Changes a domain's keys, on top of what the log says of them now. A change that comes in between is an error where it could mean something
/// beside this one: what only takes keys away goes on from any event of the tenure.
pub async fn change_keys(
    trusted: &Trusted,
    key: &dyn Signer,
    domain: &Domain,
    change: DomainKeysChanged,
    now: &dyn Fn() -> TimeMs,
) -> Result<Included, ClientError> {
    let goes_on = if change.only_removes() { GoesOn::Tenure } else { GoesOn::Head };
    say(trusted, key, domain, (Voice::Domain, goes_on), &Event::from(change), now).await
}

/// What a key says no to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contested {
    /// A recovery that is open.
    Recovery(EventId),
    /// That the key was taken away, or the domain handed over.
    Taking,
}

/// What this key contests: an open recovery that nobody has contested and that does not give the domain to this very key; else that the key was
/// taken away.
pub fn to_contest(known: &ProvenDomain, domain: &Domain, key: &dyn Signer, now: TimeMs) -> Contested {
    let public = key.public();
    let open = known.row.open_recovery(domain, now);
    match open.filter(|open| !open.contested && !open.keys.iter().any(|own| own.key == public)) {
        Some(recovery) => Contested::Recovery(recovery.opened),
        None => Contested::Taking,
    }
}

/// Says no.
pub async fn contest(
    trusted: &Trusted,
    key: &dyn Signer,
    domain: &Domain,
    contested: Contested,
    now: &dyn Fn() -> TimeMs,
) -> Result<Included, ClientError> {
    let recovery = match contested {
        Contested::Recovery(opened) => Some(opened),
        Contested::Taking => None,
    };
    say(trusted, key, domain, (Voice::Domain, GoesOn::Tenure), &Event::from(DomainRecoveryContested { recovery }), now).await
}

/// An acceptance is for one log.
pub(crate) fn must_be_for(trusted: &Trusted, acceptance: &Acceptance) -> Result<(), ClientError> {
    let origin = &trusted.pin().origin;
    if acceptance.audience() == origin {
        return Ok(());
    }
    Err(ClientError::Here(format!(
        "this was made for the log {}, and {} is the log {origin}: let whoever made it make it again for this one",
        acceptance.audience(),
        trusted.registry().url(),
    )))
}

pub(crate) async fn say(
    trusted: &Trusted,
    key: &dyn Signer,
    domain: &Domain,
    how: (Voice, GoesOn),
    event: &Event,
    now: &dyn Fn() -> TimeMs,
) -> Result<Included, ClientError> {
    let known = domain_keys(trusted, domain).await?;
    say_on(trusted, key, domain, how, event, (known, now)).await
}

/// Says it on top of what is known.
pub(crate) async fn say_on(
    trusted: &Trusted,
    key: &dyn Signer,
    domain: &Domain,
    (voice, goes_on): (Voice, GoesOn),
    event: &Event,
    (mut known, now): (ProvenDomain, &dyn Fn() -> TimeMs),
) -> Result<Included, ClientError> {
    let (subject, tenure) = (Subject::Domain(domain.clone()), known.row.tenure);
    let speaker = match voice {
        Voice::Domain => Speaker::Domain { domain: domain.clone(), tenure },
        Voice::Registry => Speaker::Registry,
    };
    let mut tries = 0;
    loop {
        let head = Some(known.row.head);
        let statement = Statement::sign(key, &trusted.pin().origin, &speaker, &subject, head, now(), event)
            .map_err(|e| ClientError::Here(format!("this statement cannot be made: {e}")))?;
        match post(trusted, "api/v1/events", statement.bytes()).await {
            Ok(answered) => {
                let query = chain_query(trusted, domain, answered.index).await?;
                return included(trusted, &statement, answered, |_| query.clone()).await;
            }
            Err(ClientError::Refused { code, .. }) if code == "stale_prev" => {
                if goes_on == GoesOn::Head || tries >= limits::REBASES {
                    return Err(changed_meanwhile(domain));
                }
                known = domain_keys(trusted, domain).await?;
                if known.row.tenure != tenure {
                    return Err(changed_meanwhile(domain));
                }
                tries += 1;
            }
            Err(error) => return Err(error),
        }
    }
}

fn changed_meanwhile(domain: &Domain) -> ClientError {
    ClientError::Here(format!(
        "something else was said of {domain} meanwhile. Nothing was done. Look at how it stands with deedbox keys list {domain}, and run the command again if you still want to"
    ))
}
