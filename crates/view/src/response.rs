//! An answer as a projection gives it. The shell adds ETag, 304, ranges, compression, `Content-Length` and `Date`.

use deedbox_model::ObjectRef;
use std::borrow::Cow;

/// How long an answer stays true.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cache {
    /// For ever: its URL names its bytes.
    Immutable,
    /// Until the next event: keep it, ask again with its ETag.
    Revalidate,
    /// Not at all.
    Never,
}

/// The bytes of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// None.
    Empty,
    /// These; the shell may compress them.
    Bytes(Vec<u8>),
    /// A stored object, streamed as it is, never content-encoded.
    Object(ObjectRef),
}

/// A refusal of the shell's own: what it would say, for a projection to say it in its clients' shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused<'a> {
    /// HTTP status.
    pub status: u16,
    /// A stable code, lower case with underscores.
    pub code: &'a str,
    /// What was refused, and why.
    pub message: &'a str,
    /// What to do.
    pub help: &'a str,
}

impl Refused<'_> {
    /// All of it on one line, for clients that print a text.
    pub fn words(&self) -> String {
        format!("{}: {}", self.message, self.help)
    }
}

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// `Content-Type`.
    pub media_type: Cow<'static, str>,
    /// The bytes.
    pub body: Body,
    /// How long it stays true.
    pub cache: Cache,
    /// Whether another `Accept` gives another answer here: the shell sends `Vary: Accept`.
    pub varies_by_accept: bool,
    /// A strong entity tag of the projection's own, without quotes, where clients compute it from the bytes. Such an
    /// answer is never content-encoded: its tag names these bytes. Otherwise the shell makes a tag for each coding.
    pub tag: Option<String>,
    /// Further headers, lower-case names.
    pub headers: Vec<(&'static str, String)>,
}

impl Response {
    /// 200 with JSON that is true until the next event.
    pub fn json(body: Vec<u8>) -> Self {
        Response {
            status: 200,
            media_type: Cow::Borrowed("application/json"),
            body: Body::Bytes(body),
            cache: Cache::Revalidate,
            varies_by_accept: false,
            tag: None,
            headers: Vec::new(),
        }
    }

    /// A refusal in the native shape of the client; never cached.
    pub fn refusal(status: u16, media_type: &'static str, body: Vec<u8>) -> Self {
        Response { status, media_type: Cow::Borrowed(media_type), cache: Cache::Never, ..Response::json(body) }
    }

    /// An object that never changes under this URL.
    pub fn object(media_type: impl Into<Cow<'static, str>>, object: ObjectRef) -> Self {
        Response { media_type: media_type.into(), body: Body::Object(object), cache: Cache::Immutable, ..Response::json(Vec::new()) }
    }
}
