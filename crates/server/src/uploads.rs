//! Uploads below `/objects/`: with a permit, whole or from where they broke off (spec/api.md §5, spec/objects.md §4). Reads nothing out to
//! anybody but whether, and how far, the permit's own domain has sent it.

use crate::app::App;
use crate::body::{Awaited, Sender};
use crate::budget::{Share, Weight};
use crate::clock::millis;
use crate::headers::{UPLOAD_OFFSET, cache_control};
use crate::limits::{PIECE_OF_BODY_BYTES, UPLOAD_BYTES};
use crate::peers::Address;
use crate::published::published;
use crate::refusal::Refused;
use crate::request::{has_media_type, number, one};
use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use deedbox_intake::{IntakeRefusal, Uploader, upload::Incoming};
use deedbox_model::{ObjectRef, Sha256Digest};
use deedbox_view::{Cache, Reader};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use std::time::Instant;

/// Permits come with or without padding.
const PERMIT_BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_encode_padding(false).with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Bytes of the whole.
const UPLOAD_LENGTH: HeaderName = HeaderName::from_static("upload-length");
/// Whether they are all here.
const UPLOAD_COMPLETE: HeaderName = HeaderName::from_static("upload-complete");

/// Whether an upload can be left out: of what is published, and of what the permit's own domain has uploaded. What others have uploaded
/// is nobody's business before an event refers to it. One that is about to expire counts as not here. Of one that broke off, or is on its
/// way, how far it is.
pub(crate) async fn head_with_permit(app: &App, reader: &Reader, address: Sha256Digest, headers: &HeaderMap) -> Result<Response, Refused> {
    let _asking = app.places.asking().await?;
    let uploader = uploader(app, headers).await?;
    let nothing = || Refused::not_found(format!("{} is not here", address.to_address()));
    let is_published = published(app, reader, &address).await?.is_some();
    let is_known = is_published || app.door.has(&uploader, &address);
    let stat = app.objects.stat(&address).await?.filter(|_| is_known);
    let Some(stat) = stat else {
        let mut response = nothing().into_response();
        if let Some(progress) = app.door.progress(&uploader, &address) {
            let headers = response.headers_mut();
            headers.insert(UPLOAD_OFFSET, HeaderValue::from(progress.received));
            headers.insert(UPLOAD_LENGTH, HeaderValue::from(progress.object.size));
            headers.insert(UPLOAD_COMPLETE, HeaderValue::from_static("?0"));
            if progress.is_held {
                headers.insert(header::RETRY_AFTER, HeaderValue::from(1));
            }
        }
        return Ok(response);
    };
    // Half of the time that it is kept: a publisher who is told that it is here has the other half to publish it.
    let is_young = stat.modified_ms.saturating_add(millis(app.config.times.unreferenced) / 2) > app.now().as_ms();
    if !is_young && !is_published {
        return Err(nothing());
    }
    let mut response = Response::new(Body::empty());
    response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(stat.object.size));
    response.headers_mut().insert(header::CACHE_CONTROL, cache_control(Cache::Never));
    Ok(response)
}

/// PUT of an object, and PATCH of the rest of one.
pub(crate) async fn put(app: &App, address: Sha256Digest, request: Request) -> Result<Response, Refused> {
    let (parts, body) = request.into_parts();
    let from = Sender::of(&parts.extensions);
    // Nothing of the body is read before this: who asks first whether it may send it (`Expect: 100-continue`) is answered here.
    if parts.method == Method::PATCH {
        go_on(app, address, &parts.headers, from, body).await?;
        return Ok((StatusCode::CREATED, [(header::CACHE_CONTROL, cache_control(Cache::Never))]).into_response());
    }
    let (uploader, object) = may_upload(app, address, &parts.headers).await.map_err(Refused::unread)?;
    let status = match here(app, &object).await.map_err(Refused::unread)? {
        // Published and in place: nothing to add, nothing to put on anybody's account.
        true => {
            let mut awaited = Awaited::upload(app, from, body);
            while awaited.next().await?.is_some() {}
            StatusCode::OK
        }
        false => upload(app, &uploader, object, from, body).await?,
    };
    Ok((status, [(header::CACHE_CONTROL, cache_control(Cache::Never))]).into_response())
}

async fn uploader(app: &App, headers: &HeaderMap) -> Result<Uploader, Refused> {
    let refused = |why: &str| IntakeRefusal::Permit(why.to_owned());
    let value =
        one(headers, &header::AUTHORIZATION).ok_or_else(|| refused("there is none: an upload needs one in its Authorization header"))?;
    let permit = value
        .split_once(' ')
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("Deedbox"))
        .and_then(|(_, permit)| PERMIT_BASE64.decode(permit.trim()).ok())
        .ok_or_else(|| refused("it is written Authorization: Deedbox <base64url>"))?;
    Ok(app.door.permit(&permit, app.now()).await?)
}

async fn may_upload(app: &App, address: Sha256Digest, headers: &HeaderMap) -> Result<(Uploader, ObjectRef), Refused> {
    let _asking = app.places.asking().await?;
    let uploader = uploader(app, headers).await?;
    Ok((uploader, ObjectRef { size: length(headers)?, sha256: address }))
}

async fn here(app: &App, object: &ObjectRef) -> Result<bool, Refused> {
    if app.objects.readable(&object.sha256).await?.is_none() {
        return Ok(false);
    }
    Ok(app.objects.stat(&object.sha256).await?.is_some_and(|stat| stat.object.size == object.size))
}

/// One that is here and that nobody refers to is written again: its day begins anew. Only who has sent it before learns that it was here.
async fn upload(app: &App, uploader: &Uploader, object: ObjectRef, from: Address, body: Body) -> Result<StatusCode, Refused> {
    may_be_written(app).await.map_err(Refused::unread)?;
    let was_here = app.door.has(uploader, &object.sha256)
        && app.objects.stat(&object.sha256).await.map_err(|error| Refused::from(error).unread())?.is_some();
    let begun = app.door.begin(uploader, object, app.now()).await;
    let incoming = suspecting(app, begun.map_err(|refusal| Refused::from(refusal).unread()))?;
    let taken = take(app, incoming, object.size, from, body).await;
    suspecting(app, taken)?;
    Ok(if was_here { StatusCode::OK } else { StatusCode::CREATED })
}

/// The rest of an upload that broke off: all of it, from the first byte that is not here.
async fn go_on(app: &App, address: Sha256Digest, headers: &HeaderMap, from: Address, body: Body) -> Result<(), Refused> {
    let (uploader, object, offset) = may_go_on(app, address, headers).await.map_err(Refused::unread)?;
    may_be_written(app).await.map_err(Refused::unread)?;
    let resumed = app.door.resume(&uploader, object, offset, app.now()).await;
    let incoming = suspecting(app, resumed.map_err(|refusal| Refused::from(refusal).unread()))?;
    let taken = take(app, incoming, object.size.saturating_sub(offset), from, body).await;
    suspecting(app, taken)
}

async fn may_go_on(app: &App, address: Sha256Digest, headers: &HeaderMap) -> Result<(Uploader, ObjectRef, u64), Refused> {
    let _asking = app.places.asking().await?;
    let uploader = uploader(app, headers).await?;
    if !has_media_type(headers, "application/partial-upload") {
        return Err(Refused::bad_request("the rest of an upload is sent as Content-Type: application/partial-upload"));
    }
    let offset = one(headers, &UPLOAD_OFFSET).and_then(number);
    let offset = offset.ok_or_else(|| Refused::bad_request("the rest of an upload says in Upload-Offset where it begins"))?;
    let size = offset.checked_add(length(headers)?).ok_or_else(|| Refused::bad_request("Upload-Offset and Content-Length are too much"))?;
    Ok((uploader, ObjectRef { size, sha256: address }, offset))
}

/// Whether uploads are taken: not where no statement is that could name them, and not while the disk says no.
async fn may_be_written(app: &App) -> Result<(), Refused> {
    app.writing.ledger()?;
    app.room.must_be().await
}

/// A store that fails may be a disk that is full: it is asked.
fn suspecting<T>(app: &App, done: Result<T, Refused>) -> Result<T, Refused> {
    done.inspect_err(|refused| {
        if refused.code == "store" {
            app.room.suspect();
        }
    })
}

/// Takes a body of so many bytes to its end, and puts the object in place. What of it is in memory is weighed, all of it beforehand: who
/// took more bit by bit would hold what others wait for, and would look as slow as one that sends nothing.
async fn take(app: &App, mut incoming: Incoming<'_>, left: u64, from: Address, body: Body) -> Result<(), Refused> {
    let held = usize::try_from(left).unwrap_or(usize::MAX).clamp(PIECE_OF_BODY_BYTES, UPLOAD_BYTES);
    let _weight = make_room(app, held).await.map_err(Refused::unread)?;
    let mut awaited = Awaited::upload(app, from, body);
    let mut received = 0;
    while let Some(piece) = awaited.next_piece().await? {
        received += piece.len();
        incoming.write(piece).await.map_err(|refusal| Refused::from(refusal).unread())?;
    }
    incoming.finish().await?;
    app.meters.uploaded_bytes.increment(received as u64);
    Ok(())
}

/// Room for so much of an upload. It waits for that as long as its sender may wait with a byte: others end meanwhile.
async fn make_room(app: &App, bytes: usize) -> Result<Weight, Refused> {
    let until = Instant::now() + app.config.times.stall;
    loop {
        match app.budget.take(Share::Bodies, bytes).await {
            Err(_) if Instant::now() < until => {}
            done => return done,
        }
    }
}

fn length(headers: &HeaderMap) -> Result<u64, Refused> {
    let length = one(headers, &header::CONTENT_LENGTH).and_then(number);
    length.ok_or_else(|| Refused::bad_request("an upload says its size in Content-Length"))
}
