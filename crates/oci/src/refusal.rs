//! Refusals in the shape of the OCI distribution specification ("Error Codes").

use deedbox_view::Response;
use serde::Serialize;

/// A code of the specification, with the status that clients expect beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Code {
    NameInvalid,
    NameUnknown,
    ManifestUnknown,
    BlobUnknown,
    DigestInvalid,
    /// A page that is not a number.
    PageInvalid,
    /// More than one answer may read.
    TooMuch,
    /// Withheld by an event of the log.
    Denied,
    /// A write, a route that is not there, or what does not read as a request.
    Unsupported(u16),
    /// The registry is busy, or cannot read what it keeps. Registries answer with this though the specification has no code for it.
    Unavailable,
    /// The program is at fault. Likewise.
    Unknown,
}

impl Code {
    fn parts(self) -> (&'static str, u16) {
        match self {
            Code::NameInvalid => ("NAME_INVALID", 400),
            Code::NameUnknown => ("NAME_UNKNOWN", 404),
            Code::ManifestUnknown => ("MANIFEST_UNKNOWN", 404),
            Code::BlobUnknown => ("BLOB_UNKNOWN", 404),
            Code::DigestInvalid => ("DIGEST_INVALID", 400),
            Code::PageInvalid => ("PAGINATION_NUMBER_INVALID", 400),
            Code::TooMuch => ("UNSUPPORTED", 422),
            Code::Denied => ("DENIED", 451),
            Code::Unsupported(status) => ("UNSUPPORTED", status),
            Code::Unavailable => ("UNAVAILABLE", 503),
            Code::Unknown => ("UNKNOWN", 500),
        }
    }
}

#[derive(Serialize)]
struct Errors<'a> {
    errors: [Error<'a>; 1],
}

#[derive(Serialize)]
struct Error<'a> {
    code: &'a str,
    message: &'a str,
}

/// With these words.
pub(crate) fn refusal(code: Code, message: &str) -> Response {
    let (code, status) = code.parts();
    // Two texts always encode.
    let body = serde_json::to_vec(&Errors { errors: [Error { code, message }] }).unwrap_or_default();
    Response::refusal(status, "application/json", body)
}
