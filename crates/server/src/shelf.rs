//! The shelf of objects: which of them anybody may read, and their bytes, with those that are read often in memory (spec/objects.md §4,
//! spec/api.md §5). What no row names cannot be read by anybody. Takes nothing in.

use crate::budget::Share;
use crate::download::{Source, pieces};
use crate::gate::{Authorized, Holds, TellsOf};
use crate::headers::{cache_control, value};
use crate::limits::{HOT_OBJECT_BYTES, READ_AHEAD_SPARE_BYTES, READABLE_KEPT};
use crate::marks::{streamed, weighed};
use crate::memory::Memory;
use crate::negotiate::{Part, none_match, part};
use crate::places::Places;
use crate::refusal::Refused;
use crate::reply::{bytes_answer, content_range, not_modified, unsatisfiable};
use crate::whole::FoundWhole;
use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use deedbox_catalog::{ObjectRow, PROJECTION as CATALOG, object_key};
use deedbox_intake::IntakeRefusal;
use deedbox_model::row::decode_row;
use deedbox_model::{ObjectRef, Sha256Digest};
use deedbox_store::{ObjectStat, Objects, RowStore, StoreError, read_one};
use deedbox_view::{Cache, Resource};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use std::sync::Arc;

/// An object that an effective event refers to: a reader who may read what holds it may have its bytes. Only `ObjectShelf::readable` makes one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Readable {
    object: ObjectRef,
    /// The first event that refers to it.
    index: u64,
}

impl Readable {
    pub(crate) fn object(&self) -> &ObjectRef {
        &self.object
    }

    /// The first event that refers to it.
    pub(crate) fn index(&self) -> u64 {
        self.index
    }
}

/// An object that is asked for by its address alone: it tells of what the first event is about that refers to it.
pub(crate) struct Bare {
    object: Readable,
    about: [Resource; 1],
}

impl Bare {
    pub(crate) fn new(object: Readable, about: Resource) -> Self {
        Bare { object, about: [about] }
    }
}

impl TellsOf for Bare {
    fn tells_of(&self) -> &[Resource] {
        &self.about
    }
}

impl Holds<Readable> for Bare {
    fn holds(&self, object: &Readable) -> bool {
        self.object.object == object.object
    }
}

/// Objects, with those that are read often in memory.
pub(crate) struct ObjectShelf {
    objects: Arc<dyn Objects>,
    rows: Arc<dyn RowStore>,
    source: Source,
    /// Protocol 1 has no event that takes an object back: what was readable once stays so.
    readable: moka::sync::Cache<Sha256Digest, Readable>,
    hot: moka::sync::Cache<Sha256Digest, Bytes>,
    whole: FoundWhole,
}

impl ObjectShelf {
    pub(crate) fn new(objects: Arc<dyn Objects>, rows: Arc<dyn RowStore>, cache_bytes: u64, memory: &Memory) -> Self {
        let hot = moka::sync::Cache::builder()
            .max_capacity(cache_bytes)
            .weigher(|_: &Sha256Digest, bytes: &Bytes| u32::try_from(bytes.len() + 128).unwrap_or(u32::MAX))
            .build();
        let source = Source { objects: Arc::clone(&objects), budget: Arc::clone(&memory.budget), reads: Arc::clone(&memory.reads) };
        ObjectShelf { objects, rows, source, readable: moka::sync::Cache::new(READABLE_KEPT), hot, whole: FoundWhole::new() }
    }

    /// The proof that an object may be read; none if no event refers to it.
    pub(crate) async fn readable(&self, address: &Sha256Digest) -> Result<Option<Readable>, IntakeRefusal> {
        if let Some(readable) = self.readable.get(address) {
            return Ok(Some(readable));
        }
        let key = object_key(address)?;
        let Some(row) = read_one(self.rows.as_ref(), &CATALOG, &key).await? else { return Ok(None) };
        let row: ObjectRow = decode_row(&key, &row.bytes)?;
        let readable = Readable { object: ObjectRef { size: row.size, sha256: *address }, index: row.index };
        self.readable.insert(*address, readable);
        Ok(Some(readable))
    }

    /// What the store has under an address, without a look at who may read it.
    pub(crate) async fn stat(&self, address: &Sha256Digest) -> Result<Option<ObjectStat>, StoreError> {
        self.objects.stat(address).await
    }

    /// Its bytes, if they are in memory.
    fn hot(&self, object: &ObjectRef) -> Option<Bytes> {
        if object.size > HOT_OBJECT_BYTES { None } else { self.hot.get(&object.sha256) }
    }

    /// Its bytes, if it is small and there is room for it in memory. Checked once, when they come there.
    async fn small(&self, object: &ObjectRef) -> Result<Option<Bytes>, StoreError> {
        if object.size > HOT_OBJECT_BYTES {
            return Ok(None);
        }
        let size = usize::try_from(object.size).unwrap_or(usize::MAX);
        let Some(weight) = self.source.budget.take_spare(Share::Objects, size, READ_AHEAD_SPARE_BYTES / 2) else { return Ok(None) };
        let read = {
            let _one_of_few = self.source.reads.acquire().await;
            self.objects.get(&object.sha256, HOT_OBJECT_BYTES).await?
        };
        let bytes = read.ok_or_else(|| missing(object))?;
        if !object.matches(&bytes) {
            return Err(StoreError::damaged(format!("object {}", object.sha256.to_address()), "its bytes are not those of its address"));
        }
        let bytes = weight.carry(bytes);
        self.hot.insert(object.sha256, bytes.clone());
        // What is forgotten for this one has its weight until then.
        self.hot.run_pending_tasks();
        Ok(Some(bytes))
    }

    /// The answer with an object's bytes. `headers` are added to those of every object.
    pub(crate) async fn answer(
        &self,
        places: &Places,
        object: Authorized<Readable>,
        method: &Method,
        request: &HeaderMap,
        mut headers: HeaderMap,
        cache: Cache,
    ) -> Result<Response, Refused> {
        let object = object.get().object;
        let etag = format!("\"{}\"", object.sha256.to_address());
        headers.insert(header::ETAG, value(&etag));
        headers.insert(header::CACHE_CONTROL, cache_control(cache));
        if none_match(request, |tag| tag == etag).is_some() {
            headers.remove(header::CONTENT_TYPE);
            return Ok(not_modified(headers));
        }
        // A publisher's bytes are never a page of ours.
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox"));
        if *method == Method::HEAD {
            headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from(object.size));
            let mut response = Response::new(Body::empty());
            *response.headers_mut() = headers;
            return Ok(response);
        }
        if let Some(bytes) = self.hot(&object) {
            return Ok(weighed(bytes_answer(method, request, headers, &etag, bytes)));
        }
        let slot = places.slot().await?;
        if let Some(bytes) = self.small(&object).await? {
            return Ok(weighed(bytes_answer(method, request, headers, &etag, bytes)));
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
        // Before the answer's head is on its way: what is missing is told with a status.
        let stat = {
            let _one_of_few = self.source.reads.acquire().await;
            self.objects.stat(&object.sha256).await?.ok_or_else(|| missing(&object))?
        };
        // Who waits for memory keeps nobody from work.
        drop(slot);
        let stream = pieces(&self.source, object.sha256, range).await?;
        let mut response = Response::new(if is_whole && !self.whole.knows(&stat) {
            Body::from_stream(self.whole.check(object, &stat, stream))
        } else {
            Body::from_stream(stream)
        });
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        Ok(streamed(response))
    }
}

fn missing(object: &ObjectRef) -> StoreError {
    StoreError::damaged(format!("object {}", object.sha256.to_address()), "it is missing")
}
