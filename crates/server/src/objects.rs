//! `/objects/sha256/{hex}`: reading what some event refers to (spec/api.md §5, spec/objects.md §4). What no row names is answered like what
//! is not there. What is sent here is `uploads`'.

use crate::app::App;
use crate::gate::Asking;
use crate::published::published;
use crate::refusal::Refused;
use crate::uploads;
use axum::extract::{Request, State};
use axum::response::Response;
use deedbox_model::Sha256Digest;
use deedbox_view::{Cache, Reader};
use http::{HeaderMap, HeaderValue, Method, Uri, header};
use std::sync::Arc;

/// GET, HEAD, PUT and PATCH below `/objects/`.
pub(crate) async fn route(State(app): State<Arc<App>>, request: Request) -> Result<Response, Refused> {
    let address = address(request.uri())?;
    let Asking(reader) = Asking::of(request.extensions());
    match *request.method() {
        Method::PUT | Method::PATCH => uploads::put(&app, address, request).await,
        Method::HEAD if request.headers().contains_key(header::AUTHORIZATION) => {
            uploads::head_with_permit(&app, &reader, address, request.headers()).await
        }
        _ => get(&app, &reader, address, request.method(), request.headers()).await,
    }
}

fn address(uri: &Uri) -> Result<Sha256Digest, Refused> {
    let hex = uri.path().strip_prefix("/objects/sha256/").ok_or_else(|| Refused::not_found("objects are below /objects/sha256/"))?;
    Sha256Digest::from_hex(hex).ok_or_else(|| Refused::bad_request("an object's address is 64 lower-case hexadecimal digits"))
}

async fn get(app: &App, reader: &Reader, address: Sha256Digest, method: &Method, request: &HeaderMap) -> Result<Response, Refused> {
    let readable = published(app, reader, &address).await?;
    let readable = readable.ok_or_else(|| Refused::not_found(format!("no event refers to {}", address.to_address())))?;
    let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"))]);
    app.objects.answer(&app.places, readable, method, request, headers, Cache::Immutable).await
}
