//! `POST /api/v1/claims`: first claims below `localhost`, filed by the operator's key where the operator allows it
//! (spec/api.md §6). Other claims need somebody who looks; they come as statements.

use crate::body::{Sender, read_whole};
use crate::clerk::Clerk;
use crate::events::{COSE, appended};
use crate::gate::Asking;
use crate::refusal::Refused;
use crate::request::has_media_type;
use crate::submit::submit_own;
use crate::taking::Taking;
use axum::extract::{Request, State};
use axum::response::Response;
use deedbox_intake::IntakeRefusal;
use deedbox_model::event::{Acceptance, DomainClaimed, Event, Evidence};
use deedbox_model::{Subject, limits};
use std::sync::Arc;

/// POST of an acceptance.
pub(crate) async fn post(State((taking, clerk)): State<(Arc<Taking>, Arc<Clerk>)>, request: Request) -> Result<Response, Refused> {
    let (parts, body) = request.into_parts();
    if !has_media_type(&parts.headers, COSE) {
        return Err(Refused::bad_request("an acceptance is sent with Content-Type: application/cose").unread());
    }
    let from = Sender::of(&parts.extensions);
    let body = read_whole(&taking.bounds, from, &parts.headers, body, "the acceptance", limits::SMALL_ENVELOPE_BYTES).await?;
    let _asking = taking.bounds.places.asking().await?;
    let acceptance = Acceptance::decode(&body.bytes).map_err(|e| Refused::unprocessable("undecodable", e.to_string()))?;
    if !taking.allow_local_claims || !acceptance.domain().is_localhost() {
        return Err(IntakeRefusal::LocalClaims.into());
    }
    if acceptance.audience() != &taking.reading.identity.origin {
        let words =
            format!("the acceptance was made for {}, this is {}: sign it again", acceptance.audience(), taking.reading.identity.origin);
        return Err(Refused::unprocessable("other_audience", words));
    }
    let subject = Subject::Domain(acceptance.domain().clone());
    let prev = acceptance.terms().prev;
    let event = Event::from(DomainClaimed { evidence: Evidence::Localhost, acceptance });
    let statement = clerk.sign(&subject, prev, taking.now(), &event).map_err(|e| Refused::unprocessable("undecodable", e.to_string()))?;
    let Asking(reader) = Asking::of(&parts.extensions);
    let done = submit_own(&taking, reader, statement).await.inspect_err(|_| taking.bounds.meters.refused.increment(1))?;
    Ok(appended(&taking.reading, done))
}
