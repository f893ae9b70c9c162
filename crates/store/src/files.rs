//! The port of files: the static files of the log (tiles, entry bundles, checkpoint) and staged bundles, by path.

use crate::error::StoreError;
use async_trait::async_trait;
use bytes::Bytes;

/// Files under relative paths of `[A-Za-z0-9._/-]`, without empty, `.` or `..` segments.
///
/// Durability: a `put` that returned survives a crash, whole; one that did not return leaves the old bytes or the new,
/// never a mixture.
#[async_trait]
pub trait Files: Send + Sync {
    /// Writes or replaces.
    async fn put(&self, path: &str, bytes: Bytes) -> Result<(), StoreError>;
    /// Reads.
    async fn get(&self, path: &str) -> Result<Option<Bytes>, StoreError>;
    /// Removes; nothing to remove is no failure.
    async fn delete(&self, path: &str) -> Result<(), StoreError>;
    /// Every path that begins with this prefix of whole segments, ascending by bytes. For checking and clearing, not for serving.
    async fn list(&self, prefix: &str) -> Result<Vec<String>, StoreError>;
}
