//! Uploads below `/objects/`: with a permit, whole or from where they broke off (spec/api.md §5, spec/objects.md §4). Reads nothing out to
//! anybody but whether, and how far, the permit's own domain has sent it.

use crate::body::{Awaited, Sender};
use crate::bounds::Bounds;
use crate::budget::{Share, Weight};
use crate::clock::millis;
use crate::gate::Asking;
use crate::headers::{UPLOAD_OFFSET, cache_control};
use crate::limits::{PIECE_OF_BODY_BYTES, UPLOAD_BYTES};
use crate::objects::{address, give};
use crate::peers::Address;
use crate::published::published;
use crate::refusal::Refused;
use crate::request::{has_media_type, number, one};
use crate::taking::Taking;
use crate::told;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use deedbox_intake::{IntakeRefusal, Uploader, upload::Incoming};
use deedbox_model::{ObjectRef, Sha256Digest};
use deedbox_view::{Cache, Reader};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use std::sync::Arc;
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

/// HEAD below `/objects/`: with a permit of what may be uploaded, without one as GET.
pub(crate) async fn head(State(taking): State<Arc<Taking>>, request: Request) -> Result<Response, Refused> {
    let address = address(request.uri())?;
    let Asking(reader) = Asking::of(request.extensions());
    match request.headers().contains_key(header::AUTHORIZATION) {
        true => head_with_permit(&taking, &reader, address, request.headers()).await,
        false => give(&taking.reading, &reader, address, request.method(), request.headers()).await,
    }
}

/// Whether an upload can be left out: of what is published, and of what the permit's own domain has uploaded. What others have uploaded
/// is nobody's business before an event refers to it. One that is about to expire counts as not here. Of one that broke off, or is on its
/// way, how far it is.
async fn head_with_permit(taking: &Taking, reader: &Reader, address: Sha256Digest, headers: &HeaderMap) -> Result<Response, Refused> {
    let _asking = taking.bounds.places.asking().await?;
    let uploader = uploader(taking, reader, headers).await?;
    let nothing = || Refused::not_found(format!("{} is not here", address.to_address()));
    let is_published = published(&taking.reading, reader, &address).await?.is_some();
    let is_known = is_published || taking.door.has(&uploader, &address);
    let stat = taking.reading.objects.stat(&address).await?.filter(|_| is_known);
    let Some(stat) = stat else {
        let mut response = nothing().into_response();
        if let Some(progress) = taking.door.progress(&uploader, &address) {
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
    let is_young = stat.modified_ms.saturating_add(millis(taking.bounds.times.unreferenced) / 2) > taking.now().as_ms();
    if !is_young && !is_published {
        return Err(nothing());
    }
    let mut response = Response::new(Body::empty());
    response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(stat.object.size));
    response.headers_mut().insert(header::CACHE_CONTROL, cache_control(Cache::Never));
    Ok(response)
}

/// PUT of an object, and PATCH of the rest of one.
pub(crate) async fn put(State(taking): State<Arc<Taking>>, request: Request) -> Result<Response, Refused> {
    let (taking, address) = (taking.as_ref(), address(request.uri())?);
    let (parts, body) = request.into_parts();
    let (from, Asking(reader)) = (Sender::of(&parts.extensions), Asking::of(&parts.extensions));
    // Nothing of the body is read before this: who asks first whether it may send it (`Expect: 100-continue`) is answered here.
    if parts.method == Method::PATCH {
        go_on(taking, &reader, address, &parts.headers, from, body).await?;
        return Ok((StatusCode::CREATED, [(header::CACHE_CONTROL, cache_control(Cache::Never))]).into_response());
    }
    let (uploader, object) = may_upload(taking, &reader, address, &parts.headers).await.map_err(Refused::unread)?;
    let status = match here(taking, &reader, &object).await.map_err(Refused::unread)? {
        // Published and in place: nothing to add, nothing to put on anybody's account.
        true => {
            let mut awaited = Awaited::upload(&taking.bounds, from, body);
            while awaited.next().await?.is_some() {}
            StatusCode::OK
        }
        false => upload(taking, &uploader, object, from, body).await?,
    };
    Ok((status, [(header::CACHE_CONTROL, cache_control(Cache::Never))]).into_response())
}

async fn uploader(taking: &Taking, reader: &Reader, headers: &HeaderMap) -> Result<Uploader, Refused> {
    let refused = |why: &str| IntakeRefusal::Permit(why.to_owned());
    let value =
        one(headers, &header::AUTHORIZATION).ok_or_else(|| refused("there is none: an upload needs one in its Authorization header"))?;
    let permit = value
        .split_once(' ')
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("Deedbox"))
        .and_then(|(_, permit)| PERMIT_BASE64.decode(permit.trim()).ok())
        .ok_or_else(|| refused("it is written Authorization: Deedbox <base64url>"))?;
    let checked = taking.door.permit(&permit, taking.now()).await;
    checked.map_err(|refusal| told::of_permit(&taking.reading.gate, reader, &permit, refusal))
}

async fn may_upload(
    taking: &Taking,
    reader: &Reader,
    address: Sha256Digest,
    headers: &HeaderMap,
) -> Result<(Uploader, ObjectRef), Refused> {
    let _asking = taking.bounds.places.asking().await?;
    let uploader = uploader(taking, reader, headers).await?;
    Ok((uploader, ObjectRef { size: length(headers)?, sha256: address }))
}

/// Whether it is published where this reader may read it. Any other one is sent and hashed: who could leave that out would learn that it is
/// here, and could name it.
async fn here(taking: &Taking, reader: &Reader, object: &ObjectRef) -> Result<bool, Refused> {
    if published(&taking.reading, reader, &object.sha256).await?.is_none() {
        return Ok(false);
    }
    Ok(taking.reading.objects.stat(&object.sha256).await?.is_some_and(|stat| stat.object.size == object.size))
}

/// One that is here and that nobody refers to is written again: its day begins anew. Only who has sent it before learns that it was here.
async fn upload(taking: &Taking, uploader: &Uploader, object: ObjectRef, from: Address, body: Body) -> Result<StatusCode, Refused> {
    may_be_written(taking).await.map_err(Refused::unread)?;
    let was_here = taking.door.has(uploader, &object.sha256)
        && taking.reading.objects.stat(&object.sha256).await.map_err(|error| Refused::from(error).unread())?.is_some();
    let begun = taking.door.begin(uploader, object, taking.now()).await;
    let incoming = suspecting(taking, begun.map_err(|refusal| Refused::from(refusal).unread()))?;
    let taken = take(taking, incoming, object.size, from, body).await;
    suspecting(taking, taken)?;
    Ok(if was_here { StatusCode::OK } else { StatusCode::CREATED })
}

/// The rest of an upload that broke off: all of it, from the first byte that is not here.
async fn go_on(
    taking: &Taking,
    reader: &Reader,
    address: Sha256Digest,
    headers: &HeaderMap,
    from: Address,
    body: Body,
) -> Result<(), Refused> {
    let (uploader, object, offset) = may_go_on(taking, reader, address, headers).await.map_err(Refused::unread)?;
    may_be_written(taking).await.map_err(Refused::unread)?;
    let resumed = taking.door.resume(&uploader, object, offset, taking.now()).await;
    let incoming = suspecting(taking, resumed.map_err(|refusal| Refused::from(refusal).unread()))?;
    let taken = take(taking, incoming, object.size.saturating_sub(offset), from, body).await;
    suspecting(taking, taken)
}

async fn may_go_on(
    taking: &Taking,
    reader: &Reader,
    address: Sha256Digest,
    headers: &HeaderMap,
) -> Result<(Uploader, ObjectRef, u64), Refused> {
    let _asking = taking.bounds.places.asking().await?;
    let uploader = uploader(taking, reader, headers).await?;
    if !has_media_type(headers, "application/partial-upload") {
        return Err(Refused::bad_request("the rest of an upload is sent as Content-Type: application/partial-upload"));
    }
    let offset = one(headers, &UPLOAD_OFFSET).and_then(number);
    let offset = offset.ok_or_else(|| Refused::bad_request("the rest of an upload says in Upload-Offset where it begins"))?;
    let size = offset.checked_add(length(headers)?).ok_or_else(|| Refused::bad_request("Upload-Offset and Content-Length are too much"))?;
    Ok((uploader, ObjectRef { size, sha256: address }, offset))
}

/// Whether uploads are taken: not where no statement is that could name them, and not while the disk says no.
async fn may_be_written(taking: &Taking) -> Result<(), Refused> {
    taking.writing.ledger()?;
    taking.room.must_be().await
}

/// A store that fails may be a disk that is full: it is asked.
fn suspecting<T>(taking: &Taking, done: Result<T, Refused>) -> Result<T, Refused> {
    done.inspect_err(|refused| {
        if refused.code == "store" {
            taking.room.suspect();
        }
    })
}

/// Takes a body of so many bytes to its end, and puts the object in place. What of it is in memory is weighed, all of it beforehand: who
/// took more bit by bit would hold what others wait for, and would look as slow as one that sends nothing.
async fn take(taking: &Taking, mut incoming: Incoming<'_>, left: u64, from: Address, body: Body) -> Result<(), Refused> {
    let held = usize::try_from(left).unwrap_or(usize::MAX).clamp(PIECE_OF_BODY_BYTES, UPLOAD_BYTES);
    let _weight = make_room(&taking.bounds, held).await.map_err(Refused::unread)?;
    let mut awaited = Awaited::upload(&taking.bounds, from, body);
    let mut received = 0;
    while let Some(piece) = awaited.next_piece().await? {
        received += piece.len();
        incoming.write(piece).await.map_err(|refusal| Refused::from(refusal).unread())?;
    }
    incoming.finish().await?;
    taking.bounds.meters.uploaded_bytes.increment(received as u64);
    Ok(())
}

/// Room for so much of an upload. It waits for that as long as its sender may wait with a byte: others end meanwhile.
async fn make_room(bounds: &Bounds, bytes: usize) -> Result<Weight, Refused> {
    let until = Instant::now() + bounds.times.stall;
    loop {
        match bounds.budget.take(Share::Bodies, bytes).await {
            Err(_) if Instant::now() < until => {}
            done => return done,
        }
    }
}

fn length(headers: &HeaderMap) -> Result<u64, Refused> {
    let length = one(headers, &header::CONTENT_LENGTH).and_then(number);
    length.ok_or_else(|| Refused::bad_request("an upload says its size in Content-Length"))
}
