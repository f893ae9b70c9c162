//! Answers of bytes that are at hand: ETag, 304, ranges, HEAD, cache class. Knows nothing of where the bytes come from.

use crate::headers::{cache_control, value};
use crate::negotiate::{Part, none_match, part};
use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use deedbox_model::Sha256Digest;
use deedbox_view::Cache;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};

/// The strong tag of these bytes.
pub(crate) fn etag_of(bytes: &[u8]) -> String {
    let hex = Sha256Digest::of(bytes).to_hex();
    // 128 bits tell apart all that nobody forges on purpose, and a forger gains nothing by it.
    format!("\"{}\"", hex.get(..32).unwrap_or(&hex))
}

/// Bytes with what is said about them.
pub(crate) struct Plain {
    pub(crate) media_type: HeaderValue,
    pub(crate) bytes: Bytes,
    pub(crate) cache: Cache,
    pub(crate) headers: HeaderMap,
}

impl Plain {
    pub(crate) fn new(media_type: &'static str, bytes: impl Into<Bytes>, cache: Cache) -> Self {
        Plain { media_type: HeaderValue::from_static(media_type), bytes: bytes.into(), cache, headers: HeaderMap::new() }
    }
    pub(crate) fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// The answer to this request, which is a GET or a HEAD.
    pub(crate) fn answer(self, method: &Method, request: &HeaderMap) -> Response {
        let etag = etag_of(&self.bytes);
        let mut headers = self.headers;
        headers.insert(header::CACHE_CONTROL, cache_control(self.cache));
        headers.insert(header::ETAG, value(&etag));
        if none_match(request, |tag| tag == etag).is_some() {
            return not_modified(headers);
        }
        headers.insert(header::CONTENT_TYPE, self.media_type);
        bytes_answer(method, request, headers, &etag, self.bytes)
    }
}

/// 304 with these headers.
pub(crate) fn not_modified(headers: HeaderMap) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    *response.headers_mut() = headers;
    response
}

/// All the bytes, or the part that is asked for, or none for a HEAD.
pub(crate) fn bytes_answer(method: &Method, request: &HeaderMap, mut headers: HeaderMap, etag: &str, bytes: Bytes) -> Response {
    let size = bytes.len() as u64;
    let part = if *method == Method::GET { part(request, etag, size) } else { Part::Whole };
    let (status, bytes) = match part {
        Part::Whole => (StatusCode::OK, bytes),
        Part::Bytes(range) => {
            headers.insert(header::CONTENT_RANGE, content_range(&range, size));
            let at = |n: u64| usize::try_from(n).unwrap_or(usize::MAX).min(bytes.len());
            (StatusCode::PARTIAL_CONTENT, bytes.slice(at(range.start)..at(range.end)))
        }
        Part::Unsatisfiable => return unsatisfiable(headers, size),
    };
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(bytes.len()));
    let body = if *method == Method::HEAD { Body::empty() } else { Body::from(bytes) };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

/// The `Content-Range` of a part.
pub(crate) fn content_range(range: &std::ops::Range<u64>, size: u64) -> HeaderValue {
    value(&format!("bytes {}-{}/{size}", range.start, range.end.saturating_sub(1)))
}

/// 416: the answer has no such bytes.
pub(crate) fn unsatisfiable(mut headers: HeaderMap, size: u64) -> Response {
    headers.remove(header::CONTENT_TYPE);
    headers.insert(header::CACHE_CONTROL, cache_control(Cache::Never));
    headers.insert(header::CONTENT_RANGE, value(&format!("bytes */{size}")));
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::RANGE_NOT_SATISFIABLE;
    *response.headers_mut() = headers;
    response
}

/// JSON that no cache keeps.
pub(crate) fn json(status: StatusCode, body: &impl serde::Serialize) -> Response {
    json_answer(status, json_text(body))
}

/// A line of JSON.
pub(crate) fn json_text(body: &impl serde::Serialize) -> Vec<u8> {
    let mut bytes = serde_json::to_vec(body).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}

/// An answer of such a line.
pub(crate) fn json_answer(status: StatusCode, text: impl Into<Bytes>) -> Response {
    let mut response = Response::new(Body::from(text.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(header::CACHE_CONTROL, cache_control(Cache::Never));
    response
}
