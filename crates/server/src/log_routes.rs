//! `/log/…`: checkpoint, verifier key, tiles and entry bundles as files (spec/api.md §2).

use crate::budget::Share;
use crate::codings::gzip;
use crate::gate::{Asking, Authorized};
use crate::limits::COMPRESSED_FROM_BYTES;
use crate::log_files::Tree;
use crate::marks::weighed;
use crate::negotiate::takes_gzip;
use crate::reading::Reading;
use crate::refusal::Refused;
use crate::reply::Plain;
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use deedbox_tlog::{BundleId, TileId};
use deedbox_view::Cache;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use std::sync::Arc;

const TEXT: &str = "text/plain; charset=utf-8";
const TILE: &str = "application/octet-stream";

/// GET and HEAD below `/log/`.
pub(crate) async fn get(
    State(reading): State<Arc<Reading>>,
    Asking(reader): Asking,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let path = uri.path().strip_prefix("/log/").unwrap_or_default();
    let nothing = || Refused::not_found("the published tree has no such file");
    let plain = match path {
        "checkpoint" => {
            let checkpoint = reading.gate.ask(&reader, Tree).and_then(|tree| reading.log.checkpoint(&tree));
            Plain::new(TEXT, checkpoint.ok_or_else(|| Refused::not_found("the log has no entry yet"))?, Cache::Revalidate)
        }
        "log.vkey" => {
            let tree = reading.gate.ask(&reader, Tree).ok_or_else(nothing)?;
            Plain::new(TEXT, format!("{}\n", reading.identity.vkey(&tree)), Cache::Revalidate)
        }
        _ if path.starts_with("tile/entries/") => {
            let id = reading.gate.ask(&reader, BundleId::parse(path).map_err(|_| nothing())?).ok_or_else(nothing)?;
            return bundle(&reading, &id, &method, &headers).await?.ok_or_else(nothing);
        }
        _ => {
            let id = reading.gate.ask(&reader, TileId::parse(path).map_err(|_| nothing())?).ok_or_else(nothing)?;
            let bytes = reading.log.tile(&id).await?;
            Plain::new(TILE, bytes.ok_or_else(nothing)?, Cache::Immutable)
        }
    };
    Ok(weighed(plain.answer(&method, &headers)))
}

/// An entry bundle: as it is, or in gzip for who asks for that. Each of the two has a strong tag of its own.
async fn bundle(reading: &Reading, id: &Authorized<BundleId>, method: &Method, headers: &HeaderMap) -> Result<Option<Response>, Refused> {
    let Some(bytes) = reading.log.bundle(id).await? else { return Ok(None) };
    let vary = (header::VARY, HeaderValue::from_static("Accept-Encoding"));
    let is_wanted = bytes.len() > COMPRESSED_FROM_BYTES && !headers.contains_key(header::RANGE) && takes_gzip(headers);
    let packed = if is_wanted { in_gzip(reading, id, &bytes).await? } else { None };
    let plain = match packed {
        Some(packed) => Plain::new(TILE, packed, Cache::Immutable).with(header::CONTENT_ENCODING, HeaderValue::from_static("gzip")),
        None => Plain::new(TILE, bytes, Cache::Immutable),
    };
    Ok(Some(weighed(plain.with(vary.0, vary.1).answer(method, headers))))
}

/// A bundle's bytes in gzip, made once while they are kept; none where that is not smaller.
async fn in_gzip(reading: &Reading, id: &Authorized<BundleId>, bytes: &Bytes) -> Result<Option<Bytes>, Refused> {
    if let Some(packed) = reading.log.kept_gzip(id) {
        return Ok(Some(packed));
    }
    // A request that waits for memory keeps nobody from making an answer.
    let mut weight = reading.bounds.budget.take(Share::Objects, bytes.len()).await?;
    let place = reading.bounds.places.in_turn(Arc::clone(&reading.bounds.places.renderings).acquire_owned()).await?;
    let bytes = bytes.clone();
    let packed = reading.bounds.workers.run(move || {
        let packed = gzip(&bytes);
        drop(place);
        packed
    });
    let Some(packed) = packed.await? else { return Ok(None) };
    weight.shrink(packed.len());
    let packed = weight.carry(packed);
    reading.log.keep_gzip(id, packed.clone());
    Ok(Some(packed))
}

/// Whose pages may read the log: anybody's, with what a browser asks about before a request that is not simple.
pub(crate) async fn preflight() -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::ALLOW, "GET, HEAD, OPTIONS"),
        (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "*"),
        (header::ACCESS_CONTROL_MAX_AGE, "86400"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}
