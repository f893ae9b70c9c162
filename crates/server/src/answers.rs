//! Answers of projections in memory: assembled once, compressed once, confirmed by their first rows (the law
//! at `Question::plan`). A hit costs no statement to the database while nothing new is folded.

use crate::codings::{brotli, gzip};
use crate::gate::{Authorized, Holds, TellsOf};
use crate::headers::{TREE_SIZE, cache_control, own_headers, value};
use crate::limits::{ANSWER_LOCKS, COMPRESSED_FROM_BYTES};
use crate::negotiate::{Coding, coding, none_match};
use crate::reply::{bytes_answer, not_modified};
use crate::shelf::Readable;
use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use deedbox_model::{ObjectRef, RowKey, Sha256Digest};
use deedbox_view::{Body as ViewBody, Cache, Plan, Resource, Response as ViewResponse};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use tokio::sync::{Mutex, MutexGuard};

/// What is kept under the key of a request.
#[derive(Clone)]
enum Kept {
    Answer(Arc<Answer>),
    /// Another `Accept` gives another answer: look under the key with it.
    ByAccept,
}

/// The name of a request in memory: the same for GET and HEAD.
pub(crate) struct AnswerKey {
    key: String,
    /// Where the part without `Accept` ends.
    plain: usize,
}

impl AnswerKey {
    /// The part of the query that the projection uses. No part holds a NUL, and the full key has an odd number of them, so that no two
    /// requests share a key.
    pub(crate) fn new(mount: &str, path: &str, query: &[(String, String)], accept: &str) -> Self {
        let pairs: usize = query.iter().map(|(name, value)| name.len() + value.len() + 2).sum();
        let mut key = String::with_capacity(mount.len() + path.len() + pairs + accept.len() + 3);
        let pairs = query.iter().flat_map(|(name, value)| [name.as_str(), value]);
        for part in [mount, path].into_iter().chain(pairs) {
            key.push_str(part);
            key.push('\0');
        }
        let plain = key.len();
        key.push_str(accept);
        AnswerKey { key, plain }
    }
    fn plain(&self) -> &str {
        self.key.get(..self.plain).unwrap_or(&self.key)
    }
    /// The key of this `Accept`; never that without.
    fn full(&self) -> String {
        format!("{}\0", self.key)
    }
}

/// All that is kept.
pub(crate) struct Answers {
    kept: moka::sync::Cache<String, Kept>,
    locks: Vec<Mutex<()>>,
    hasher: RandomState,
}

impl Answers {
    pub(crate) fn new(max_bytes: u64) -> Self {
        let kept = moka::sync::Cache::builder()
            .max_capacity(max_bytes)
            .weigher(|key: &String, kept: &Kept| {
                let weight = match kept {
                    Kept::Answer(answer) => answer.weight(),
                    Kept::ByAccept => 64,
                };
                u32::try_from(key.len() + weight).unwrap_or(u32::MAX)
            })
            .build();
        Answers { kept, locks: (0..ANSWER_LOCKS).map(|_| Mutex::default()).collect(), hasher: RandomState::new() }
    }

    /// What is kept, valid or not.
    pub(crate) fn get(&self, key: &AnswerKey) -> Option<Arc<Answer>> {
        let found = match self.kept.get(key.plain())? {
            Kept::ByAccept => self.kept.get(key.full().as_str())?,
            found => found,
        };
        match found {
            Kept::Answer(answer) => Some(answer),
            Kept::ByAccept => None,
        }
    }

    /// Keeps an answer.
    pub(crate) fn put(&self, key: &AnswerKey, answer: Arc<Answer>) {
        self.keep(key, answer);
        // What it forgets for this one is forgotten now: until then it has its weight.
        self.kept.run_pending_tasks();
    }

    fn keep(&self, key: &AnswerKey, answer: Arc<Answer>) {
        if answer.varies_by_accept {
            self.kept.insert(key.full(), Kept::Answer(answer));
            self.kept.insert(key.plain().to_owned(), Kept::ByAccept);
        } else {
            self.kept.insert(key.plain().to_owned(), Kept::Answer(answer));
        }
    }

    /// Only one request makes the answer of a key; the others wait, and look again. Whatever they accept: most answers are the
    /// same for all, and which are not is known when one is made.
    pub(crate) async fn making(&self, key: &AnswerKey) -> Option<MutexGuard<'_, ()>> {
        let at = usize::try_from(self.hasher.hash_one(key.plain()) % ANSWER_LOCKS as u64).unwrap_or(0);
        match self.locks.get(at) {
            Some(lock) => Some(lock.lock().await),
            None => None,
        }
    }
}

/// What an answer rests on: where this is otherwise, so is the answer, or who may have it.
pub(crate) struct RestsOn {
    /// The version of the projection whose rows it was made from.
    pub(crate) version: u32,
    /// What it tells of.
    pub(crate) resources: Vec<Resource>,
    pub(crate) first: FirstRows,
}

/// The rows of the first round, by which an answer is known to hold still.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FirstRows {
    pub(crate) plan: Plan,
    /// Each row's key, with the entry that wrote it last.
    pub(crate) seqs: Vec<(RowKey, Option<u64>)>,
}

/// An assembled answer.
pub(crate) struct Answer {
    status: StatusCode,
    /// Of every form of it: `Content-Type`, `Cache-Control`, `Vary` and the projection's own.
    headers: HeaderMap,
    content: Content,
    pub(crate) varies_by_accept: bool,
    pub(crate) rests_on: RestsOn,
    /// Entries folded when it was last known to hold.
    valid_at: AtomicU64,
}

/// What an answer consists of.
enum Content {
    Bytes(Box<Coded>),
    Object(ObjectRef, Cache),
}

impl TellsOf for Arc<Answer> {
    fn tells_of(&self) -> &[Resource] {
        &self.rests_on.resources
    }
}

impl Holds<Readable> for Arc<Answer> {
    fn holds(&self, object: &Readable) -> bool {
        matches!(&self.content, Content::Object(held, _) if held.sha256 == object.object().sha256)
    }
}

impl Authorized<Arc<Answer>> {
    /// The answer to a request.
    pub(crate) fn give(&self, method: &Method, request: &HeaderMap, folded: u64) -> Given {
        self.get().give(method, request, folded)
    }
}

/// Bytes in every coding that somebody has asked for.
struct Coded {
    /// The tag of the bytes as they are, without quotes; codings add a suffix.
    tag: String,
    is_compressible: bool,
    identity: Form,
    gzip: OnceLock<Option<Form>>,
    brotli: OnceLock<Option<Form>>,
}

/// Bytes as they are sent, with all their headers.
struct Form {
    etag: String,
    bytes: Bytes,
    headers: HeaderMap,
}

/// What has to be done before an answer can be given.
pub(crate) enum Given {
    /// Nothing: this is it.
    Response(Response),
    /// Its bytes in this coding are not made yet.
    Code(Coding),
    /// It is a stored object, with these headers.
    Object(ObjectRef, HeaderMap, Cache),
}

impl Answer {
    /// From what a view rendered at `valid_at` entries. `carry` gives the bytes their weight.
    pub(crate) fn new(rendered: ViewResponse, rests_on: RestsOn, valid_at: u64, carry: impl FnOnce(Vec<u8>) -> Bytes) -> Self {
        let status = StatusCode::from_u16(rendered.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut headers = own_headers(&rendered.headers);
        headers.insert(header::CONTENT_TYPE, value(&rendered.media_type));
        headers.insert(header::CACHE_CONTROL, cache_control(rendered.cache));
        let is_long = matches!(&rendered.body, ViewBody::Bytes(bytes) if bytes.len() > COMPRESSED_FROM_BYTES);
        let is_compressible = is_long && rendered.tag.is_none() && is_compressible(&rendered.media_type);
        let vary = match (is_compressible, rendered.varies_by_accept) {
            (true, true) => Some("Accept, Accept-Encoding"),
            (true, false) => Some("Accept-Encoding"),
            (false, true) => Some("Accept"),
            (false, false) => None,
        };
        if let Some(vary) = vary {
            headers.insert(header::VARY, HeaderValue::from_static(vary));
        }
        let content = match rendered.body {
            ViewBody::Object(object) => Content::Object(object, rendered.cache),
            ViewBody::Bytes(bytes) => Content::Bytes(Box::new(Coded::new(carry(bytes), rendered.tag, &headers, is_compressible))),
            ViewBody::Empty => Content::Bytes(Box::new(Coded::new(Bytes::new(), rendered.tag, &headers, false))),
        };
        Answer { status, headers, content, varies_by_accept: rendered.varies_by_accept, rests_on, valid_at: AtomicU64::new(valid_at) }
    }

    /// Whether it was made from the rows of this version: what another one kept is nothing to it.
    pub(crate) fn is_of(&self, version: u32) -> bool {
        self.rests_on.version == version
    }

    /// Whether it is known to hold at this number of folded entries.
    pub(crate) fn is_valid_at(&self, folded: u64) -> bool {
        matches!(self.rests_on.first.plan, Plan::Nothing) || self.valid_at.load(Ordering::Acquire) == folded
    }

    /// It was found to hold at this number of folded entries.
    pub(crate) fn confirm(&self, folded: u64) {
        self.valid_at.fetch_max(folded, Ordering::AcqRel);
    }

    /// Roughly its bytes in memory, the compressed ones included though they may never be made.
    fn weight(&self) -> usize {
        let rows: usize = self.rests_on.first.seqs.iter().map(|(key, _)| key.as_str().len() + 48).sum();
        let content = match &self.content {
            Content::Bytes(coded) => coded.identity.bytes.len() + coded.identity.bytes.len() / 2,
            Content::Object(..) => 0,
        };
        content + rows + 64 * self.rests_on.resources.len() + 4_096
    }

    fn give(&self, method: &Method, request: &HeaderMap, folded: u64) -> Given {
        let size = HeaderValue::from(folded);
        let coded = match &self.content {
            Content::Bytes(coded) => coded,
            Content::Object(object, cache) => {
                let mut headers = self.headers.clone();
                headers.insert(TREE_SIZE, size);
                return Given::Object(*object, headers, *cache);
            }
        };
        let is_read = matches!(*method, Method::GET | Method::HEAD);
        if self.status != StatusCode::OK || !is_read {
            let mut headers = coded.identity.headers.clone();
            headers.remove(header::ETAG);
            headers.insert(TREE_SIZE, size);
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from(coded.identity.bytes.len()));
            let body = if *method == Method::HEAD { Body::empty() } else { Body::from(coded.identity.bytes.clone()) };
            let mut response = Response::new(body);
            *response.status_mut() = self.status;
            *response.headers_mut() = headers;
            return Given::Response(response);
        }
        if request.contains_key(header::IF_NONE_MATCH)
            && let Some(tag) = none_match(request, |tag| coded.is_tag(tag))
        {
            let mut headers = HeaderMap::with_capacity(6);
            let etag = if tag == "*" { &coded.identity.etag } else { tag };
            headers.insert(header::ETAG, value(etag));
            for name in [header::CACHE_CONTROL, header::VARY] {
                if let Some(value) = self.headers.get(&name) {
                    headers.insert(name, value.clone());
                }
            }
            headers.insert(TREE_SIZE, size);
            return Given::Response(not_modified(headers));
        }
        // A part is one of the bytes as they are.
        let wanted = if coded.is_compressible && !request.contains_key(header::RANGE) { coding(request) } else { Coding::Identity };
        let form = match wanted {
            Coding::Identity => &coded.identity,
            Coding::Gzip | Coding::Brotli => match coded.slot(wanted).map(OnceLock::get) {
                Some(None) => return Given::Code(wanted),
                Some(Some(Some(form))) => form,
                Some(Some(None)) | None => &coded.identity,
            },
        };
        let mut headers = form.headers.clone();
        headers.insert(TREE_SIZE, size);
        if request.contains_key(header::RANGE) {
            return Given::Response(bytes_answer(method, request, headers, &form.etag, form.bytes.clone()));
        }
        let body = if *method == Method::HEAD { Body::empty() } else { Body::from(form.bytes.clone()) };
        let mut response = Response::new(body);
        *response.headers_mut() = headers;
        Given::Response(response)
    }

    /// Bytes of the answer as it is.
    pub(crate) fn len(&self) -> usize {
        match &self.content {
            Content::Bytes(coded) => coded.identity.bytes.len(),
            Content::Object(..) => 0,
        }
    }

    /// Makes the bytes in a coding, for everybody after. Takes milliseconds: belongs on a blocking thread. `carry` gives them their
    /// weight.
    pub(crate) fn code(&self, wanted: Coding, carry: impl FnOnce(Bytes) -> Bytes) {
        let Content::Bytes(coded) = &self.content else { return };
        let Some(slot) = coded.slot(wanted) else { return };
        slot.get_or_init(|| {
            let (bytes, name, suffix) = match wanted {
                Coding::Identity => return None,
                Coding::Gzip => (gzip(&coded.identity.bytes)?, "gzip", "-gz"),
                Coding::Brotli => (brotli(&coded.identity.bytes)?, "br", "-br"),
            };
            let mut form = Form::new(carry(bytes), format!("\"{}{suffix}\"", coded.tag), &self.headers);
            form.headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(name));
            Some(form)
        });
    }
}

impl Coded {
    fn new(bytes: Bytes, own_tag: Option<String>, headers: &HeaderMap, is_compressible: bool) -> Self {
        let tag = own_tag.unwrap_or_else(|| {
            let hex = Sha256Digest::of(&bytes).to_hex();
            hex.get(..32).unwrap_or(&hex).to_owned()
        });
        let identity = Form::new(bytes, format!("\"{tag}\""), headers);
        Coded { tag, is_compressible, identity, gzip: OnceLock::new(), brotli: OnceLock::new() }
    }

    fn slot(&self, coding: Coding) -> Option<&OnceLock<Option<Form>>> {
        match coding {
            Coding::Identity => None,
            Coding::Gzip => Some(&self.gzip),
            Coding::Brotli => Some(&self.brotli),
        }
    }

    /// Whether a reader that has this tag has these bytes, in whichever coding.
    fn is_tag(&self, tag: &str) -> bool {
        let rest = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"')).and_then(|tag| tag.strip_prefix(&self.tag));
        matches!(rest, Some("" | "-gz" | "-br"))
    }
}

impl Form {
    fn new(bytes: Bytes, etag: String, headers: &HeaderMap) -> Self {
        let mut headers = headers.clone();
        headers.insert(header::ETAG, value(&etag));
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(bytes.len()));
        Form { etag, bytes, headers }
    }
}

/// Whether compressing this media type is worth the while.
fn is_compressible(media_type: &str) -> bool {
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    essence.starts_with("text/") || essence.ends_with("json") || essence.ends_with("xml") || essence.ends_with("javascript")
}
