//! `POST /api/v1/claims` and `POST /api/v1/recoveries`: first claims, and recoveries of domains that somebody has, filed by the operator's key (spec/api.md
//! §6). Below `localhost` where the operator allows it; of any other domain where a look at it shows that the claimant holds it. Whether what is filed has
//! an effect is the decider's to say: what is asked of the rows here only spares a claimant the way to a domain that is not to be had.

use crate::body::{Sender, read_whole};
use crate::clerk::Clerk;
use crate::events::{COSE, appended};
use crate::gate::Asking;
use crate::peers::Address;
use crate::refusal::Refused;
use crate::request::has_media_type;
use crate::submit::submit_own;
use crate::taking::Taking;
use crate::told::{in_the_way, may_read};
use axum::extract::{Request, State};
use axum::response::Response;
use deedbox_authority::{NextOfRecovery, PROJECTION as AUTHORITY, Refusal, is_free, next_of_recovery, rows_of_free, rows_of_recovery};
use deedbox_intake::IntakeRefusal;
use deedbox_model::event::{Acceptance, DomainClaimed, DomainRecoveryCompleted, DomainRecoveryOpened, Event, Evidence, Sight};
use deedbox_model::row::Keys;
use deedbox_model::{DnsAnchor, Domain, RowKey, Rows, Subject, limits};
use deedbox_view::Reader;
use http::Extensions;
use std::sync::Arc;

/// What they need: the way to the log, and the operator's key.
type Filing = State<(Arc<Taking>, Arc<Clerk>)>;

/// POST of an acceptance, for a claim.
pub(crate) async fn post(State((taking, clerk)): Filing, request: Request) -> Result<Response, Refused> {
    let (acceptance, extensions) = received(&taking, request).await?;
    let (evidence, sight) = match acceptance.domain().is_localhost() {
        true => local(&taking)?,
        false => {
            can_look(&taking, &acceptance)?;
            seen(&taking, Sender::of(&extensions), &acceptance, &free(&taking, acceptance.domain()).await?).await?
        }
    };
    let event = |acceptance| Event::from(DomainClaimed { sight, evidence, acceptance });
    file(&taking, &clerk, &extensions, acceptance, event).await
}

/// POST of an acceptance, for a recovery: opens it, and completes it when its wait is over.
pub(crate) async fn post_recovery(State((taking, clerk)): Filing, request: Request) -> Result<Response, Refused> {
    let (acceptance, extensions) = received(&taking, request).await?;
    let Asking(reader) = Asking::of(&extensions);
    let (next, anchors) = next_step(&taking, &reader, &acceptance).await?;
    let (evidence, sight) = match acceptance.domain().is_localhost() {
        true => local(&taking)?,
        false => {
            can_look(&taking, &acceptance)?;
            seen(&taking, Sender::of(&extensions), &acceptance, &anchors).await?
        }
    };
    let event = |acceptance| match next {
        NextOfRecovery::Open => Event::from(DomainRecoveryOpened { sight, evidence, acceptance }),
        NextOfRecovery::Complete { opened, .. } => Event::from(DomainRecoveryCompleted { sight, evidence, recovery: opened }),
    };
    file(&taking, &clerk, &extensions, acceptance, event).await
}

/// The acceptance that a request brings, and what is known of its sender.
async fn received(taking: &Taking, request: Request) -> Result<(Acceptance, Extensions), Refused> {
    let (parts, body) = request.into_parts();
    if !has_media_type(&parts.headers, COSE) {
        return Err(Refused::bad_request("an acceptance is sent with Content-Type: application/cose").unread());
    }
    let from = Sender::of(&parts.extensions);
    let body = read_whole(&taking.bounds, from, &parts.headers, body, "the acceptance", limits::SMALL_ENVELOPE_BYTES).await?;
    let _asking = taking.bounds.places.asking().await?;
    Ok((read(taking, &body.bytes)?, parts.extensions))
}

/// Signs what came of it, around the acceptance or beside it, and appends that.
async fn file(
    taking: &Arc<Taking>,
    clerk: &Clerk,
    extensions: &Extensions,
    acceptance: Acceptance,
    event: impl FnOnce(Acceptance) -> Event,
) -> Result<Response, Refused> {
    let _asking = taking.bounds.places.asking().await?;
    let (subject, prev) = (Subject::Domain(acceptance.domain().clone()), acceptance.terms().prev);
    let event = event(acceptance);
    let statement = clerk.sign(&subject, prev, taking.now(), &event).map_err(|e| Refused::unprocessable("undecodable", e.to_string()))?;
    let Asking(reader) = Asking::of(extensions);
    let done = submit_own(taking, reader, statement).await.inspect_err(|_| taking.bounds.meters.refused.increment(1))?;
    Ok(appended(&taking.reading, done))
}

/// The ground of what is filed below `localhost`, where that is allowed.
fn local(taking: &Taking) -> Result<(Evidence, Option<Sight>), Refused> {
    if taking.allow_local_claims { Ok((Evidence::Localhost, None)) } else { Err(IntakeRefusal::LocalClaims.into()) }
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

/// Somebody looks here, and what they see could be filed: what cannot is not looked at.
fn can_look(taking: &Taking, acceptance: &Acceptance) -> Result<(), Refused> {
    if taking.look.is_none() {
        return Err(looks_nowhere());
    }
    taking.writing.ledger()?;
    let (domain, until, now) = (acceptance.domain(), acceptance.terms().until, taking.now());
    // A recovery is completed long after its acceptance was to be used: that was its opening.
    if acceptance.terms().prev.is_none() && until < now {
        return Err(Refusal::AcceptanceNotNow { domain: domain.clone(), until, log_time: now }.into());
    }
    Ok(())
}

fn looks_nowhere() -> Refused {
    let words = "this registry does not look at domains by itself: write your half with deedbox claim DOMAIN --request FILE, or for a domain that \
                 somebody has with deedbox accept DOMAIN --out FILE, and send that file to its operator";
    Refused::unprocessable("looks_nowhere", words)
}

/// What a look at the domain shows.
async fn seen(
    taking: &Taking,
    from: Address,
    acceptance: &Acceptance,
    anchors: &[DnsAnchor],
) -> Result<(Evidence, Option<Sight>), Refused> {
    let Some(look) = &taking.look else { return Err(looks_nowhere()) };
    let _only_one = taking.bounds.places.only_look(from)?;
    let _looking = taking.bounds.places.looking().await?;
    let shown = look.look(acceptance, anchors).await.map_err(|words| Refused::unprocessable("not_shown_yet", words))?;
    Ok((shown.evidence, Some(Sight { at: shown.at, records: shown.records })))
}

/// The anchors from which a look at a domain starts, if the domain is to be had by one.
async fn free(taking: &Taking, domain: &Domain) -> Result<Vec<DnsAnchor>, Refused> {
    let rows = decisions(taking, rows_of_free(domain)?).await?;
    match is_free(&rows, domain)? {
        Ok(anchors) => Ok(anchors),
        Err(refusal @ (Refusal::NoGround(_) | Refusal::PublicSuffix(_))) => Err(refusal.into()),
        Err(refusal) if taking.reading.gate.is_open() => Err(refusal.into()),
        Err(_) => Err(in_the_way()),
    }
}

/// What comes next in the recovery that an acceptance asks for. Of a domain that this reader may not read they are told that nobody has it.
async fn next_step(taking: &Taking, reader: &Reader, acceptance: &Acceptance) -> Result<(NextOfRecovery, Vec<DnsAnchor>), Refused> {
    let domain = acceptance.domain();
    if !may_read(&taking.reading.gate, reader, domain) {
        return Err(Refusal::NotClaimed(domain.clone()).into());
    }
    let rows = decisions(taking, rows_of_recovery(acceptance)?).await?;
    let (next, anchors) = next_of_recovery(&rows, acceptance, taking.now())??;
    if let NextOfRecovery::Complete { contested: true, .. } = next {
        let words = format!("a key of {domain} contested this recovery: the registry's operator decides by hand whether it is completed");
        return Err(Refused::unprocessable("contested", words));
    }
    Ok((next, anchors))
}

/// Rows as the decider reads them.
async fn decisions(taking: &Taking, keys: Keys) -> Result<Rows, Refused> {
    let keys: Vec<RowKey> = keys.into_iter().collect();
    let found = taking.reading.rows.decisions().read(&AUTHORITY, &keys).await?;
    Ok(Rows::new(keys.into_iter().zip(found).collect()))
}
