//! `/objects/sha256/{hex}`: reading what some event refers to, and uploading with a permit (spec/api.md §5,
//! spec/objects.md §4). What no row names cannot be read by anybody, and is answered like what is not there.

use crate::app::{App, millis};
use crate::body::{Awaited, Sender};
use crate::budget::{Share, Weight};
use crate::dispatch::weighed;
use crate::download::{Source, pieces};
use crate::events::number;
use crate::limits::{HOT_OBJECT_BYTES, PIECE_OF_BODY_BYTES, READ_AHEAD_SPARE_BYTES, READABLE_KEPT, UPLOAD_BYTES};
use crate::memory::Memory;
use crate::negotiate::{Part, none_match, part};
use crate::peers::Address;
use crate::refusal::Refused;
use crate::reply::{bytes_answer, cache_control, content_range, not_modified, unsatisfiable};
use crate::request::{has_media_type, one};
use crate::whole::FoundWhole;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use deedbox_catalog::{ObjectRow, object_key};
use deedbox_intake::{IntakeRefusal, Uploader, upload::Incoming};
use deedbox_model::row::decode_row;
use deedbox_model::{ObjectRef, Sha256Digest};
use deedbox_store::{Objects, ProjectionId, RowStore, StoreError};
use deedbox_view::Cache;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use std::sync::Arc;
use std::time::Instant;

/// The projection whose rows say which objects may be read.
pub(crate) const CATALOG: ProjectionId = ProjectionId { name: "catalog", version: 1 };

/// Permits come with or without padding.
const PERMIT_BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_encode_padding(false).with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// An object that an effective event refers to: anybody may have its bytes. Only `ObjectShelf::readable` makes one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Readable(ObjectRef);

/// Objects, with those that are read often in memory.
pub(crate) struct ObjectShelf {
    pub(crate) objects: Arc<dyn Objects>,
    rows: Arc<dyn RowStore>,
    source: Source,
    /// Protocol 1 has no event that takes an object back: what was readable once stays so.
    readable: moka::sync::Cache<Sha256Digest, Readable>,
    hot: moka::sync::Cache<Sha256Digest, Bytes>,
    whole: FoundWhole,
}

impl ObjectShelf {
    pub(crate) fn new(objects: Arc<dyn Objects>, rows: Arc<dyn RowStore>, cache_bytes: u64, memory: &Memory) -> Self {
        let hot = moka::sync::Cache::builder()
            .max_capacity(cache_bytes)
            .weigher(|_: &Sha256Digest, bytes: &Bytes| u32::try_from(bytes.len() + 128).unwrap_or(u32::MAX))
            .build();
        let source = Source { objects: Arc::clone(&objects), budget: Arc::clone(&memory.budget), reads: Arc::clone(&memory.reads) };
        ObjectShelf { objects, rows, source, readable: moka::sync::Cache::new(READABLE_KEPT), hot, whole: FoundWhole::new() }
    }

    /// The proof that an object may be read; none if no event refers to it.
    pub(crate) async fn readable(&self, address: &Sha256Digest) -> Result<Option<Readable>, IntakeRefusal> {
        if let Some(readable) = self.readable.get(address) {
            return Ok(Some(readable));
        }
        let key = object_key(address)?;
        let row = self.rows.read(&CATALOG, std::slice::from_ref(&key)).await?.into_iter().next().flatten();
        let Some(row) = row else { return Ok(None) };
        let row: ObjectRow = decode_row(&key, &row.bytes)?;
        let readable = Readable(ObjectRef { size: row.size, sha256: *address });
        self.readable.insert(*address, readable);
        Ok(Some(readable))
    }

    /// Its bytes, if they are in memory.
    fn hot(&self, object: &ObjectRef) -> Option<Bytes> {
        if object.size > HOT_OBJECT_BYTES { None } else { self.hot.get(&object.sha256) }
    }

    /// Its bytes, if it is small and there is room for it in memory. Checked once, when they come there.
    async fn small(&self, object: &ObjectRef) -> Result<Option<Bytes>, StoreError> {
        if object.size > HOT_OBJECT_BYTES {
            return Ok(None);
        }
        let size = usize::try_from(object.size).unwrap_or(usize::MAX);
        let Some(weight) = self.source.budget.take_spare(Share::Objects, size, READ_AHEAD_SPARE_BYTES / 2) else { return Ok(None) };
        let read = {
            let _one_of_few = self.source.reads.acquire().await;
            self.objects.get(&object.sha256, HOT_OBJECT_BYTES).await?
        };
        let bytes = read.ok_or_else(|| missing(object))?;
        if !object.matches(&bytes) {
            return Err(StoreError::damaged(format!("object {}", object.sha256.to_address()), "its bytes are not those of its address"));
        }
        let bytes = weight.carry(bytes);
        self.hot.insert(object.sha256, bytes.clone());
        // What is forgotten for this one has its weight until then.
        self.hot.run_pending_tasks();
        Ok(Some(bytes))
    }

    /// The answer with an object's bytes. `headers` are added to those of every object.
    pub(crate) async fn answer(
        &self,
        app: &App,
        object: Readable,
        method: &Method,
        request: &HeaderMap,
        mut headers: HeaderMap,
        cache: Cache,
    ) -> Result<Response, Refused> {
        let Readable(object) = object;
        let etag = format!("\"{}\"", object.sha256.to_address());
        headers.insert(header::ETAG, crate::reply::value(&etag));
        headers.insert(header::CACHE_CONTROL, cache_control(cache));
        if none_match(request, |tag| tag == etag).is_some() {
            headers.remove(header::CONTENT_TYPE);
            return Ok(not_modified(headers));
        }
        // A publisher's bytes are never a page of ours.
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox"));
        if *method == Method::HEAD {
            headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from(object.size));
            let mut response = Response::new(Body::empty());
            *response.headers_mut() = headers;
            return Ok(response);
        }
        if let Some(bytes) = self.hot(&object) {
            return Ok(weighed(bytes_answer(method, request, headers, &etag, bytes)));
        }
        let slot = app.slot().await?;
        if let Some(bytes) = self.small(&object).await? {
            return Ok(weighed(bytes_answer(method, request, headers, &etag, bytes)));
        }
        let (status, range) = match part(request, &etag, object.size) {
            Part::Whole => (StatusCode::OK, 0..object.size),
            Part::Bytes(range) => {
                headers.insert(header::CONTENT_RANGE, content_range(&range, object.size));
                (StatusCode::PARTIAL_CONTENT, range)
            }
            Part::Unsatisfiable => return Ok(unsatisfiable(headers, object.size)),
        };
        headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(range.end - range.start));
        let is_whole = range == (0..object.size);
        // Before the answer's head is on its way: what is missing is told with a status.
        let stat = {
            let _one_of_few = self.source.reads.acquire().await;
            self.objects.stat(&object.sha256).await?.ok_or_else(|| missing(&object))?
        };
        // Who waits for memory keeps nobody from work.
        drop(slot);
        let stream = pieces(&self.source, object.sha256, range).await?;
        let mut response = Response::new(if is_whole && !self.whole.knows(&stat) {
            Body::from_stream(self.whole.check(object, &stat, stream))
        } else {
            Body::from_stream(stream)
        });
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        response.extensions_mut().insert(crate::dispatch::Streams);
        Ok(response)
    }
}

fn missing(object: &ObjectRef) -> StoreError {
    StoreError::damaged(format!("object {}", object.sha256.to_address()), "it is missing")
}

/// Bytes of an upload that are here (draft-ietf-httpbis-resumable-upload).
pub(crate) const UPLOAD_OFFSET: HeaderName = HeaderName::from_static("upload-offset");
/// Bytes of the whole.
const UPLOAD_LENGTH: HeaderName = HeaderName::from_static("upload-length");
/// Whether they are all here.
const UPLOAD_COMPLETE: HeaderName = HeaderName::from_static("upload-complete");

/// GET, HEAD, PUT and PATCH below `/objects/`.
pub(crate) async fn route(State(app): State<Arc<App>>, request: Request) -> Result<Response, Refused> {
    let address = address(request.uri())?;
    match *request.method() {
        Method::PUT | Method::PATCH => put(&app, address, request).await,
        Method::HEAD if request.headers().contains_key(header::AUTHORIZATION) => head_with_permit(&app, address, request.headers()).await,
        _ => get(&app, address, request.method(), request.headers()).await,
    }
}

fn address(uri: &Uri) -> Result<Sha256Digest, Refused> {
    let hex = uri.path().strip_prefix("/objects/sha256/").ok_or_else(|| Refused::not_found("objects are below /objects/sha256/"))?;
    Sha256Digest::from_hex(hex).ok_or_else(|| Refused::bad_request("an object's address is 64 lower-case hexadecimal digits"))
}

async fn get(app: &App, address: Sha256Digest, method: &Method, request: &HeaderMap) -> Result<Response, Refused> {
    let readable = app.objects.readable(&address).await?;
    let readable = readable.ok_or_else(|| Refused::not_found(format!("no event refers to {}", address.to_address())))?;
    let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"))]);
    app.objects.answer(app, readable, method, request, headers, Cache::Immutable).await
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

/// Whether an upload can be left out: of what is published, and of what the permit's own domain has uploaded. What others have uploaded
/// is nobody's business before an event refers to it. One that is about to expire counts as not here. Of one that broke off, or is on its
/// way, how far it is.
async fn head_with_permit(app: &App, address: Sha256Digest, headers: &HeaderMap) -> Result<Response, Refused> {
    let _asking = app.asking().await?;
    let uploader = uploader(app, headers).await?;
    let nothing = || Refused::not_found(format!("{} is not here", address.to_address()));
    let is_published = app.objects.readable(&address).await?.is_some();
    let is_known = is_published || app.door.has(&uploader, &address);
    let stat = app.objects.objects.stat(&address).await?.filter(|_| is_known);
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
    // Half of the time that it is kept: whoever is told that it is here has the other half to publish it.
    let is_young = stat.modified_ms.saturating_add(millis(app.config.times.unreferenced) / 2) > app.now().as_ms();
    if !is_young && !is_published {
        return Err(nothing());
    }
    let mut response = Response::new(Body::empty());
    response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(stat.object.size));
    response.headers_mut().insert(header::CACHE_CONTROL, cache_control(Cache::Never));
    Ok(response)
}

async fn put(app: &App, address: Sha256Digest, request: Request) -> Result<Response, Refused> {
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

async fn may_upload(app: &App, address: Sha256Digest, headers: &HeaderMap) -> Result<(Uploader, ObjectRef), Refused> {
    let _asking = app.asking().await?;
    let uploader = uploader(app, headers).await?;
    Ok((uploader, ObjectRef { size: length(headers)?, sha256: address }))
}

async fn here(app: &App, object: &ObjectRef) -> Result<bool, Refused> {
    if app.objects.readable(&object.sha256).await?.is_none() {
        return Ok(false);
    }
    Ok(app.objects.objects.stat(&object.sha256).await?.is_some_and(|stat| stat.object.size == object.size))
}

/// One that is here and that nobody refers to is written again: its day begins anew. Only who has sent it before learns that it was here.
async fn upload(app: &App, uploader: &Uploader, object: ObjectRef, from: Address, body: Body) -> Result<StatusCode, Refused> {
    may_be_written(app).await.map_err(Refused::unread)?;
    let was_here = app.door.has(uploader, &object.sha256)
        && app.objects.objects.stat(&object.sha256).await.map_err(|error| Refused::from(error).unread())?.is_some();
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
    let _asking = app.asking().await?;
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
