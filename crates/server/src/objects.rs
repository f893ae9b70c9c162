//! `/objects/sha256/{hex}`: reading what some event refers to (spec/api.md §5, spec/objects.md §4). What no row names is answered like what
//! is not there. What is sent here is `uploads`'.

use crate::gate::Asking;
use crate::published::published;
use crate::reading::Reading;
use crate::refusal::Refused;
use axum::extract::{Request, State};
use axum::response::Response;
use deedbox_model::Sha256Digest;
use deedbox_view::{Cache, Reader};
use http::{HeaderMap, HeaderValue, Method, Uri, header};
use std::sync::Arc;

/// GET below `/objects/`, and HEAD of who shows no permit.
pub(crate) async fn get(State(reading): State<Arc<Reading>>, request: Request) -> Result<Response, Refused> {
    let address = address(request.uri())?;
    let Asking(reader) = Asking::of(request.extensions());
    give(&reading, &reader, address, request.method(), request.headers()).await
}

/// The object of this path.
pub(crate) fn address(uri: &Uri) -> Result<Sha256Digest, Refused> {
    let hex = uri.path().strip_prefix("/objects/sha256/").ok_or_else(|| Refused::not_found("objects are below /objects/sha256/"))?;
    Sha256Digest::from_hex(hex).ok_or_else(|| Refused::bad_request("an object's address is 64 lower-case hexadecimal digits"))
}

/// The answer with it, to who may read it.
pub(crate) async fn give(
    reading: &Reading,
    reader: &Reader,
    address: Sha256Digest,
    method: &Method,
    request: &HeaderMap,
) -> Result<Response, Refused> {
    let readable = published(reading, reader, &address).await?;
    let readable = readable.ok_or_else(|| Refused::not_found(format!("no event refers to {}", address.to_address())))?;
    let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"))]);
    reading.objects.answer(&reading.bounds.places, readable, method, request, headers, Cache::Immutable).await
}
