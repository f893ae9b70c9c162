//! The port of objects: immutable bytes under their SHA-256.

use crate::error::StoreError;
use async_trait::async_trait;
use bytes::Bytes;
use deedbox_model::{Digests, Domain, ObjectRef, Sha256Digest};
use futures::stream::BoxStream;
use std::ops::Range;

/// What is known of a stored object without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ObjectStat {
    /// Address and size.
    pub object: ObjectRef,
    /// When it was last put in place: Unix milliseconds by the medium's clock. Putting in place what is there already
    /// makes it new again, so that clearing what nobody refers to never takes what was just uploaded.
    pub modified_ms: u64,
}

/// A stream of an object's bytes, in pieces of the store's choosing.
pub type ObjectStream = BoxStream<'static, Result<Bytes, StoreError>>;

/// Whose upload it is, and of what. Uploads of two accounts, or of two objects, never share a byte.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct UploadId {
    /// On whose account.
    pub account: Domain,
    /// What was announced.
    pub object: ObjectRef,
}

/// How an upload begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begin {
    /// In a temporary file of its own, of which nothing is kept.
    Apart,
    /// As the part of its id, from the first byte; what was kept of it before is given up.
    Anew,
    /// As the part of its id, after what was kept of it.
    Again,
}

/// What an upload leaves behind on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Left {
    /// The bytes of one that broke off.
    Part,
    /// That it was put in place, by whom: until it is published, or removed.
    Note,
}

/// Something that an upload left.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Remnant {
    /// Of which.
    pub id: UploadId,
    /// What it is.
    pub left: Left,
    /// Bytes of a part; of a note none.
    pub bytes: u64,
    /// When it was last written: Unix milliseconds by the medium's clock.
    pub modified_ms: u64,
}

/// An upload on its way: hashed as it streams, visible to nobody until `finish`.
#[async_trait]
pub trait Upload: Send {
    /// Bytes with which it began: those of its part.
    fn received(&self) -> u64 {
        0
    }
    /// The next bytes.
    async fn write(&mut self, bytes: Bytes) -> Result<(), StoreError>;
    /// Puts the object in place if its SHA-256 and size are those expected; else removes what was written and says
    /// `DigestMismatch`. Gives all digests, computed on the way. Putting in place what is already there is no failure.
    async fn finish(self: Box<Self>, expected: ObjectRef) -> Result<Digests, StoreError>;
    /// Removes what was written. An upload that is dropped instead, or cut off by a crash, leaves a temporary file that
    /// `sweep_temporary` removes.
    async fn abort(self: Box<Self>);
    /// Leaves what was written as its part; gives its bytes. One that began `Apart`, or cannot be written, is removed, and nothing is left.
    async fn keep(self: Box<Self>) -> u64;
}

/// Objects under their addresses.
///
/// Durability: an object whose `put` or `finish` returned survives a crash, whole. An object is never changed.
#[async_trait]
pub trait Objects: Send + Sync {
    /// Puts small bytes in place under their own digest, which is computed here.
    async fn put(&self, bytes: Bytes) -> Result<ObjectRef, StoreError>;
    /// Begins a streamed upload.
    async fn begin(&self) -> Result<Box<dyn Upload>, StoreError>;
    /// Begins a streamed upload for an account. Where it is finished, a note of it is left before the object is in place. Of one id at
    /// most one upload may be on its way that did not begin `Apart`: its caller sees to that.
    ///
    /// A part is not flushed: a killed process leaves it as far as it was written, a power failure perhaps with other bytes in it, and
    /// then the digest of the whole does not match. The same is true of a note, which may be lost.
    async fn begin_for(&self, id: &UploadId, how: Begin) -> Result<Box<dyn Upload>, StoreError>;
    /// All that uploads left, in no order.
    async fn remnants(&self) -> Result<Vec<Remnant>, StoreError>;
    /// Removes what these uploads left. Nothing to remove is not a failure.
    async fn forget(&self, left: Left, ids: Vec<UploadId>) -> Result<(), StoreError>;
    /// Size and age, or none.
    async fn stat(&self, address: &Sha256Digest) -> Result<Option<ObjectStat>, StoreError>;
    /// All bytes of an object of at most `limit` bytes; a larger one is `Damaged`. Not checked against the digest: the
    /// caller that needs it checked checks it.
    async fn get(&self, address: &Sha256Digest, limit: u64) -> Result<Option<Bytes>, StoreError>;
    /// A range of its bytes as a stream; `Refused` if it does not lie within its size. An empty range is an empty stream.
    async fn read(&self, address: &Sha256Digest, range: Range<u64>) -> Result<Option<ObjectStream>, StoreError>;
    /// Removes one that nobody refers to. Nothing to remove is not a failure. Streams that are being read go on to their
    /// end where the medium allows it. A crash soon after may bring the object back, whole.
    async fn delete(&self, address: &Sha256Digest) -> Result<(), StoreError>;
    /// Every object, in no order.
    async fn list(&self) -> Result<BoxStream<'static, Result<ObjectStat, StoreError>>, StoreError>;
    /// Removes temporary files last written at least `older_than_ms` milliseconds ago; gives their number. An upload whose
    /// temporary file was removed under it fails when it finishes.
    async fn sweep_temporary(&self, older_than_ms: u64) -> Result<u64, StoreError>;
}

/// The relative path of an object: `sha256/ab/cd/<hex>`. 65,536 folders, so that ten million objects are some 150 in each.
pub fn object_path(address: &Sha256Digest) -> String {
    let hex = address.to_hex();
    let (first, rest) = hex.split_at(2);
    let (second, _) = rest.split_at(2);
    format!("sha256/{first}/{second}/{hex}")
}

/// Refuses a range that does not lie within an object.
pub(crate) fn check_range(address: &Sha256Digest, range: &Range<u64>, size: u64) -> Result<(), StoreError> {
    if range.start <= range.end && range.end <= size {
        return Ok(());
    }
    Err(StoreError::refused(
        format!("the range {}..{} of {}", range.start, range.end, address.to_address()),
        format!("the object has {size} bytes"),
    ))
}

/// An object that should have been small.
pub(crate) fn too_large(address: &Sha256Digest, size: u64, limit: u64) -> StoreError {
    StoreError::damaged(format!("object {}", address.to_address()), format!("it has {size} bytes where at most {limit} can be meant"))
}

/// An upload of other bytes than were claimed.
pub(crate) fn mismatch(found: ObjectRef, expected: ObjectRef) -> StoreError {
    StoreError::DigestMismatch {
        found: found.sha256.to_hex(),
        found_size: found.size,
        expected: expected.sha256.to_hex(),
        expected_size: expected.size,
    }
}

/// Unix milliseconds by this machine's clock, for the age of what lies on it.
pub(crate) fn now_ms() -> u64 {
    to_ms(std::time::SystemTime::now())
}

/// A file's time as Unix milliseconds; a time before 1970 counts as very old.
pub(crate) fn to_ms(time: std::time::SystemTime) -> u64 {
    time.duration_since(std::time::UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
