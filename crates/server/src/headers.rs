//! Names and values of headers that more than one file here writes. Decides nothing.

use deedbox_view::Cache;
use http::{HeaderMap, HeaderName, HeaderValue};

/// The number of entries folded into the rows that an answer is made from.
pub(crate) const TREE_SIZE: HeaderName = HeaderName::from_static("deedbox-tree-size");
/// Bytes of an upload that are here (draft-ietf-httpbis-resumable-upload).
pub(crate) const UPLOAD_OFFSET: HeaderName = HeaderName::from_static("upload-offset");

/// The header of a cache class.
pub(crate) fn cache_control(cache: Cache) -> HeaderValue {
    HeaderValue::from_static(match cache {
        Cache::Immutable => "public, max-age=31536000, immutable",
        Cache::Revalidate => "public, no-cache",
        Cache::Never => "no-store",
    })
}

/// A header value of text that is known to be printable.
pub(crate) fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""))
}

/// The headers that a projection gives beside those that every answer has.
pub(crate) fn own_headers(own: &[(&'static str, String)]) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(12);
    for (name, text) in own {
        match (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(text)) {
            (Ok(name), Ok(value)) => {
                headers.append(name, value);
            }
            _ => tracing::error!(name, "a projection gave a header that cannot be sent; it was left out"),
        }
    }
    headers
}
