//! `/objects/sha256/{hex}`: reading what some event refers to, and uploading with a permit (spec/api.md §5,
//! spec/objects.md §4). What no row names cannot be read by anybody, and is answered like what is not there.

use crate::app::{App, millis, now};
use crate::limits::{HOT_OBJECT_BYTES, READABLE_KEPT};
use crate::negotiate::{Part, none_match, part};
use crate::refusal::Refused;
use crate::reply::{bytes_answer, cache_control, content_range, not_modified, unsatisfiable};
use crate::request::{drain, has_media_type, next_piece, one};
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
    /// Protocol 1 has no event that takes an object back: what was readable once stays so.
    readable: moka::sync::Cache<Sha256Digest, Readable>,
    hot: moka::sync::Cache<Sha256Digest, Bytes>,
    whole: FoundWhole,
}

impl ObjectShelf {
    pub(crate) fn new(objects: Arc<dyn Objects>, rows: Arc<dyn RowStore>, cache_bytes: u64) -> Self {
        let hot = moka::sync::Cache::builder()
            .max_capacity(cache_bytes)
            .weigher(|_: &Sha256Digest, bytes: &Bytes| u32::try_from(bytes.len() + 128).unwrap_or(u32::MAX))
            .build();
        ObjectShelf { objects, rows, readable: moka::sync::Cache::new(READABLE_KEPT), hot, whole: FoundWhole::new() }
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

    /// Its bytes, if it is small. Checked once, when they come into memory.
    async fn small(&self, object: &ObjectRef) -> Result<Option<Bytes>, StoreError> {
        if object.size > HOT_OBJECT_BYTES {
            return Ok(None);
        }
        if let Some(bytes) = self.hot.get(&object.sha256) {
            return Ok(Some(bytes));
        }
        let bytes = self.objects.get(&object.sha256, HOT_OBJECT_BYTES).await?.ok_or_else(|| missing(object))?;
        if !object.matches(&bytes) {
            return Err(StoreError::damaged(format!("object {}", object.sha256.to_address()), "its bytes are not those of its address"));
        }
        self.hot.insert(object.sha256, bytes.clone());
        Ok(Some(bytes))
    }

    /// The answer with an object's bytes. `headers` are added to those of every object.
    pub(crate) async fn answer(
        &self,
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
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        // A publisher's bytes are never a page of ours.
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox"));
        if *method == Method::HEAD {
            headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from(object.size));
            let mut response = Response::new(Body::empty());
            *response.headers_mut() = headers;
            return Ok(response);
        }
        if let Some(bytes) = self.small(&object).await? {
            return Ok(bytes_answer(method, request, headers, &etag, bytes));
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
        let stat = if is_whole { Some(self.objects.stat(&object.sha256).await?.ok_or_else(|| missing(&object))?) } else { None };
        let stream = self.objects.read(&object.sha256, range).await?.ok_or_else(|| missing(&object))?;
        let mut response = Response::new(match stat.filter(|stat| !self.whole.knows(stat)) {
            Some(stat) => Body::from_stream(self.whole.check(object, &stat, stream)),
            None => Body::from_stream(stream),
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
    app.objects.answer(readable, method, request, headers, Cache::Immutable).await
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
    Ok(app.door.permit(&permit, now()).await?)
}

/// Whether an upload can be left out. One that nobody refers to and that is about to expire counts as not here. Of one that broke off, or is
/// on its way, how far it is.
async fn head_with_permit(app: &App, address: Sha256Digest, headers: &HeaderMap) -> Result<Response, Refused> {
    let uploader = uploader(app, headers).await?;
    let stat = app.objects.objects.stat(&address).await?;
    let nothing = || Refused::not_found(format!("{} is not here", address.to_address()));
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
    let is_young = stat.modified_ms.saturating_add(millis(app.config.times.unreferenced) / 2) > now().as_ms();
    if !is_young && app.objects.readable(&address).await?.is_none() {
        return Err(nothing());
    }
    let mut response = Response::new(Body::empty());
    response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(stat.object.size));
    response.headers_mut().insert(header::CACHE_CONTROL, cache_control(Cache::Never));
    Ok(response)
}

async fn put(app: &App, address: Sha256Digest, request: Request) -> Result<Response, Refused> {
    let (parts, body) = request.into_parts();
    let done = match parts.method {
        Method::PATCH => go_on(app, address, &parts.headers, body).await,
        _ => upload(app, address, &parts.headers, body).await,
    };
    match done {
        Ok(status) => Ok((status, [(header::CACHE_CONTROL, cache_control(Cache::Never))]).into_response()),
        Err((refused, rest)) => {
            // Whoever is still sending reads the refusal only if its bytes are taken.
            if let Some(rest) = rest {
                drain(rest, app.config.times.stall).await;
            }
            Err(refused)
        }
    }
}

/// A refusal, and the body if nothing of it was read.
type NotUploaded = (Refused, Option<Body>);

async fn upload(app: &App, address: Sha256Digest, headers: &HeaderMap, body: Body) -> Result<StatusCode, NotUploaded> {
    let uploader = match uploader(app, headers).await {
        Ok(uploader) => uploader,
        Err(refused) => return Err((refused, Some(body))),
    };
    let size = match length(headers) {
        Ok(size) => size,
        Err(refused) => return Err((refused, Some(body))),
    };
    let object = ObjectRef { size, sha256: address };
    let here = async {
        let published = app.objects.readable(&address).await?.is_some();
        let here = app.objects.objects.stat(&address).await?;
        Ok::<_, Refused>((published, here.is_some_and(|stat| stat.object.size == size)))
    };
    let is_here = match here.await {
        // Published and in place: nothing to add, nothing to put on anybody's account.
        Ok((true, true)) => {
            let mut stream = body.into_data_stream();
            while let Ok(Some(_)) = next_piece(&mut stream, app.config.times.stall).await {}
            return Ok(StatusCode::OK);
        }
        Ok((_, here)) => here,
        Err(refused) => return Err((refused, Some(body))),
    };
    let incoming = match app.door.begin(&uploader, object, now()).await {
        Ok(incoming) => incoming,
        Err(refusal) => return Err((refusal.into(), Some(body))),
    };
    take(app, incoming, body).await?;
    // One that was here and is not published was written again: its day begins anew.
    Ok(if is_here { StatusCode::OK } else { StatusCode::CREATED })
}

/// The rest of an upload that broke off: all of it, from the first byte that is not here.
async fn go_on(app: &App, address: Sha256Digest, headers: &HeaderMap, body: Body) -> Result<StatusCode, NotUploaded> {
    let begun = async {
        let uploader = uploader(app, headers).await?;
        if !has_media_type(headers, "application/partial-upload") {
            return Err(Refused::bad_request("the rest of an upload is sent as Content-Type: application/partial-upload"));
        }
        let offset = one(headers, &UPLOAD_OFFSET).and_then(number);
        let offset = offset.ok_or_else(|| Refused::bad_request("the rest of an upload says in Upload-Offset where it begins"))?;
        let size =
            offset.checked_add(length(headers)?).ok_or_else(|| Refused::bad_request("Upload-Offset and Content-Length are too much"))?;
        Ok(app.door.resume(&uploader, ObjectRef { size, sha256: address }, offset, now()).await?)
    };
    match begun.await {
        Ok(incoming) => take(app, incoming, body).await.map(|()| StatusCode::CREATED),
        Err(refused) => Err((refused, Some(body))),
    }
}

/// Takes a body to its end, and puts the object in place.
async fn take(app: &App, mut incoming: Incoming<'_>, body: Body) -> Result<(), NotUploaded> {
    let mut stream = body.into_data_stream();
    let done = async {
        let mut taken = 0;
        while let Some(piece) = next_piece(&mut stream, app.config.times.stall).await? {
            taken += piece.len() as u64;
            incoming.write(piece).await?;
        }
        incoming.finish().await?;
        Ok::<_, Refused>(taken)
    };
    match done.await {
        Ok(taken) => {
            app.meters.uploaded_bytes.increment(taken);
            Ok(())
        }
        Err(refused) => Err((refused, None)),
    }
}

fn length(headers: &HeaderMap) -> Result<u64, Refused> {
    let length = one(headers, &header::CONTENT_LENGTH).and_then(number);
    length.ok_or_else(|| Refused::bad_request("an upload says its size in Content-Length"))
}

/// A number in its one spelling.
fn number(text: &str) -> Option<u64> {
    let is_plain = text == "0" || (!text.starts_with('0') && text.bytes().all(|b| b.is_ascii_digit()));
    text.parse().ok().filter(|_| is_plain)
}
