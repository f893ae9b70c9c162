//! The port of objects: immutable bytes under their SHA-256.

use crate::error::StoreError;
use async_trait::async_trait;
use bytes::Bytes;
use deedbox_model::{Digests, ObjectRef, Sha256Digest};
use futures::stream::BoxStream;
use std::ops::Range;

/// What is known of a stored object without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ObjectStat {
    /// Address and size.
    pub object: ObjectRef,
    /// When it was put in place: Unix milliseconds by the medium's clock. For clearing what nobody refers to.
    pub modified_ms: u64,
}

/// A stream of an object's bytes, in pieces of the store's choosing.
pub type ObjectStream = BoxStream<'static, Result<Bytes, StoreError>>;

/// An upload on its way: hashed as it streams, visible to nobody until `finish`.
#[async_trait]
pub trait Upload: Send {
    /// The next bytes.
    async fn write(&mut self, bytes: Bytes) -> Result<(), StoreError>;
    /// Puts the object in place if its SHA-256 and size are those expected; else removes what was written and says
    /// `DigestMismatch`. Gives all digests, computed on the way. Putting in place what is already there is no failure.
    async fn finish(self: Box<Self>, expected: ObjectRef) -> Result<Digests, StoreError>;
    /// Removes what was written. An upload that is dropped instead, or cut off by a crash, leaves a temporary file that
    /// `sweep_temporary` removes.
    async fn abort(self: Box<Self>);
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
    /// Size and age, or none.
    async fn stat(&self, address: &Sha256Digest) -> Result<Option<ObjectStat>, StoreError>;
    /// All bytes of an object of at most `limit` bytes; a larger one is `Damaged`. Not checked against the digest: the
    /// caller that needs it checked checks it.
    async fn get(&self, address: &Sha256Digest, limit: u64) -> Result<Option<Bytes>, StoreError>;
    /// A range of its bytes, within its size, as a stream.
    async fn read(&self, address: &Sha256Digest, range: Range<u64>) -> Result<Option<ObjectStream>, StoreError>;
    /// Removes one that nobody refers to. Nothing to remove is no failure.
    async fn delete(&self, address: &Sha256Digest) -> Result<(), StoreError>;
    /// Every object, in no order.
    async fn list(&self) -> Result<BoxStream<'static, Result<ObjectStat, StoreError>>, StoreError>;
    /// Removes temporary files older than `older_than_ms`; gives their number.
    async fn sweep_temporary(&self, older_than_ms: u64) -> Result<u64, StoreError>;
}
