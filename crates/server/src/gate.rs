//! The one gate: who may read what (docs/decisions/0017-one-gate.md). What tells of the log is given only as `Authorized`, and nothing but
//! this file makes one; so a way to it that forgets to ask does not compile. Reads nothing, keeps nothing, and knows no one: a policy does.

use axum::extract::FromRequestParts;
use axum::response::Response;
use bytes::Bytes;
use deedbox_model::PackageId;
use deedbox_view::{Reader, Resource};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, header};
use std::convert::Infallible;
use std::sync::Arc;

/// Who may read what.
pub trait ReadPolicy: Send + Sync {
    /// Who asks, by the head of a request. It has not been checked otherwise: whatever it says may be a stranger's.
    fn reader(&self, head: &HeaderMap) -> Reader;

    /// Whether somebody may read what tells of this. Where they may not, they get what is given where nothing is.
    fn may_read(&self, reader: &Reader, resource: &Resource) -> bool;

    /// Whether everybody may read everything. Then nobody is asked about anything.
    fn is_open(&self) -> bool {
        false
    }
}

/// Everybody may read everything.
#[derive(Debug, Clone, Copy, Default)]
pub struct Open;

impl ReadPolicy for Open {
    fn reader(&self, _: &HeaderMap) -> Reader {
        Reader::ANYBODY
    }
    fn may_read(&self, _: &Reader, _: &Resource) -> bool {
        true
    }
    fn is_open(&self) -> bool {
        true
    }
}

/// What tells of something.
pub(crate) trait TellsOf {
    /// All that it tells of.
    fn tells_of(&self) -> &[Resource];
}

/// The same of what tells of one resource, which is written down only where somebody may not read everything.
pub(crate) trait TellsOfOne {
    /// What it tells of.
    fn tells_of_one(&self) -> Resource;
}

impl TellsOfOne for PackageId {
    fn tells_of_one(&self) -> Resource {
        Resource::Package(self.clone())
    }
}

/// What holds something else: who may have the one may have the other.
pub(crate) trait Holds<P> {
    /// Whether it does.
    fn holds(&self, part: &P) -> bool;
}

/// Something that the reader may have.
#[derive(Debug, Clone)]
pub(crate) struct Authorized<T>(T);

impl<T> Authorized<T> {
    /// What it is.
    pub(crate) fn get(&self) -> &T {
        &self.0
    }

    /// Something that it holds.
    pub(crate) fn part<P>(&self, part: P) -> Option<Authorized<P>>
    where
        T: Holds<P>,
    {
        self.0.holds(&part).then_some(Authorized(part))
    }
}

/// The bytes of an entry about which nobody was asked yet.
#[derive(Debug, Clone)]
pub(crate) struct Sealed(Bytes);

impl Sealed {
    /// These.
    pub(crate) fn new(bytes: Bytes) -> Self {
        Sealed(bytes)
    }
    /// What they are about, as the code that can read them says it.
    pub(crate) fn about(&self, read: impl FnOnce(&[u8]) -> Resource) -> Resource {
        read(&self.0)
    }
    /// How many they are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

/// The entries of the log, whatever they are about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AllEntries;

impl TellsOf for AllEntries {
    fn tells_of(&self) -> &[Resource] {
        &[Resource::Entries]
    }
}

impl Authorized<AllEntries> {
    /// The bytes of one of them.
    pub(crate) fn open(&self, entry: Sealed) -> Bytes {
        entry.0
    }
}

/// Asks the policy.
#[derive(Clone)]
pub(crate) struct Gate {
    policy: Arc<dyn ReadPolicy>,
    is_open: bool,
}

impl Gate {
    pub(crate) fn new(policy: Arc<dyn ReadPolicy>) -> Self {
        Gate { is_open: policy.is_open(), policy }
    }

    /// Who asks.
    pub(crate) fn reader(&self, head: &HeaderMap) -> Reader {
        if self.is_open { Reader::ANYBODY } else { self.policy.reader(head) }
    }

    /// Something, if the reader may read all that it tells of.
    pub(crate) fn ask<T: TellsOf>(&self, reader: &Reader, thing: T) -> Option<Authorized<T>> {
        self.may_read(reader, thing.tells_of()).then_some(Authorized(thing))
    }

    /// The same of what tells of one resource.
    pub(crate) fn ask_one<T: TellsOfOne>(&self, reader: &Reader, thing: T) -> Option<Authorized<T>> {
        (self.is_open || self.may_read(reader, &[thing.tells_of_one()])).then_some(Authorized(thing))
    }

    /// Whether somebody may read what tells of all of these.
    pub(crate) fn may_read(&self, reader: &Reader, resources: &[Resource]) -> bool {
        self.is_open || resources.iter().all(|resource| *resource == Resource::Nothing || self.policy.may_read(reader, resource))
    }

    /// The bytes of an entry, if the reader may read what it is about; that is looked for only where somebody may not.
    pub(crate) fn entry(&self, reader: &Reader, entry: Sealed, about: impl FnOnce(&[u8]) -> Resource) -> Option<Authorized<Bytes>> {
        let Sealed(bytes) = entry;
        (self.is_open || self.may_read(reader, &[about(&bytes)])).then_some(Authorized(bytes))
    }

    /// Whether it asks anybody about anything.
    pub(crate) fn is_open(&self) -> bool {
        self.is_open
    }
}

/// Who asks, for a handler: the request says it (`dispatch`), and anybody else is anybody.
pub(crate) struct Asking(pub(crate) Reader);

impl Asking {
    /// By what came in.
    pub(crate) fn of(extensions: &http::Extensions) -> Self {
        Asking(extensions.get::<Reader>().cloned().unwrap_or_default())
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Asking {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Asking::of(&parts.extensions))
    }
}

/// Makes an answer to somebody theirs alone: no cache between gives it to others.
pub(crate) fn make_private(response: &mut Response) {
    let headers = response.headers_mut();
    let private = match headers.get(header::CACHE_CONTROL).map(HeaderValue::as_bytes) {
        Some(b"public, max-age=31536000, immutable") => "private, max-age=31536000, immutable",
        Some(b"public, no-cache") => "private, no-cache",
        _ => "no-store",
    };
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(private));
    headers.append(header::VARY, HeaderValue::from_static("Authorization, Cookie"));
}
