//! `POST /api/v1/claims`: first claims, filed by the operator's key (spec/api.md §6). Below `localhost` where the operator allows it; of any
//! other domain where a look at it shows that the claimant holds it. Whether the claim has an effect is the decider's to say: what is asked
//! of the rows here only spares a claimant the way to a domain that is not to be had.

use crate::body::{Sender, read_whole};
use crate::clerk::Clerk;
use crate::events::{COSE, appended};
use crate::gate::Asking;
use crate::peers::Address;
use crate::refusal::Refused;
use crate::request::has_media_type;
use crate::submit::submit_own;
use crate::taking::Taking;
use crate::told::in_the_way;
use axum::extract::{Request, State};
use axum::response::Response;
use deedbox_authority::{PROJECTION as AUTHORITY, Refusal, is_free, rows_of_free};
use deedbox_intake::IntakeRefusal;
use deedbox_model::event::{Acceptance, DomainClaimed, Event, Evidence, Sight};
use deedbox_model::{DnsAnchor, Domain, RowKey, Rows, Subject, limits};
use std::sync::Arc;

/// POST of an acceptance.
pub(crate) async fn post(State((taking, clerk)): State<(Arc<Taking>, Arc<Clerk>)>, request: Request) -> Result<Response, Refused> {
    let (parts, body) = request.into_parts();
    if !has_media_type(&parts.headers, COSE) {
        return Err(Refused::bad_request("an acceptance is sent with Content-Type: application/cose").unread());
    }
    let from = Sender::of(&parts.extensions);
    let body = read_whole(&taking.bounds, from, &parts.headers, body, "the acceptance", limits::SMALL_ENVELOPE_BYTES).await?;
    let acceptance = {
        let _asking = taking.bounds.places.asking().await?;
        read(&taking, &body.bytes)?
    };
    let (evidence, sight) = match acceptance.domain().is_localhost() {
        true if taking.allow_local_claims => (Evidence::Localhost, None),
        true => return Err(IntakeRefusal::LocalClaims.into()),
        false => seen(&taking, from, &acceptance).await?,
    };
    let _asking = taking.bounds.places.asking().await?;
    let subject = Subject::Domain(acceptance.domain().clone());
    let prev = acceptance.terms().prev;
    let event = Event::from(DomainClaimed { sight, evidence, acceptance });
    let statement = clerk.sign(&subject, prev, taking.now(), &event).map_err(|e| Refused::unprocessable("undecodable", e.to_string()))?;
    let Asking(reader) = Asking::of(&parts.extensions);
    let done = submit_own(&taking, reader, statement).await.inspect_err(|_| taking.bounds.meters.refused.increment(1))?;
    Ok(appended(&taking.reading, done))
}

/// An acceptance for this registry.
fn read(taking: &Taking, bytes: &[u8]) -> Result<Acceptance, Refused> {
    let acceptance = Acceptance::decode(bytes).map_err(|e| Refused::unprocessable("undecodable", e.to_string()))?;
    let origin = &taking.reading.identity.origin;
    if acceptance.audience() != origin {
        let words = format!("the acceptance was made for {}, this is {origin}: sign it again", acceptance.audience());
        return Err(Refused::unprocessable("other_audience", words));
    }
    Ok(acceptance)
}

/// What a look at the domain shows.
async fn seen(taking: &Taking, from: Address, acceptance: &Acceptance) -> Result<(Evidence, Option<Sight>), Refused> {
    let Some(look) = &taking.look else {
        let words = "this registry does not look at domains by itself: make your half of the claim with deedbox claim DOMAIN --request FILE, and \
                     send that file to its operator";
        return Err(Refused::unprocessable("looks_nowhere", words));
    };
    // What cannot be filed is not looked at.
    taking.writing.ledger()?;
    let (domain, until, now) = (acceptance.domain(), acceptance.terms().until, taking.now());
    if until < now {
        return Err(Refusal::AcceptanceNotNow { domain: domain.clone(), until, log_time: now }.into());
    }
    let anchors = free(taking, domain).await?;
    let _only_one = taking.bounds.places.only_look(from)?;
    let _looking = taking.bounds.places.looking().await?;
    let shown = look.look(acceptance, &anchors).await.map_err(|words| Refused::unprocessable("not_shown_yet", words))?;
    Ok((shown.evidence, Some(Sight { at: shown.at, records: shown.records })))
}

/// The anchors from which a look at a domain starts, if the domain is to be had by one.
async fn free(taking: &Taking, domain: &Domain) -> Result<Vec<DnsAnchor>, Refused> {
    let keys: Vec<RowKey> = rows_of_free(domain)?.into_iter().collect();
    let found = taking.reading.rows.decisions().read(&AUTHORITY, &keys).await?;
    let rows = Rows::new(keys.into_iter().zip(found).collect());
    match is_free(&rows, domain)? {
        Ok(anchors) => Ok(anchors),
        Err(refusal @ (Refusal::NoGround(_) | Refusal::PublicSuffix(_))) => Err(refusal.into()),
        Err(refusal) if taking.reading.gate.is_open() => Err(refusal.into()),
        Err(_) => Err(in_the_way()),
    }
}
