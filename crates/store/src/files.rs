//! The port of files: the static files of the log (tiles, entry bundles, checkpoint) and staged bundles, by path.

use crate::error::StoreError;
use crate::limits::{PATH_BYTES, SEGMENT_BYTES};
use async_trait::async_trait;
use bytes::Bytes;
use deedbox_model::said;

/// Files under relative paths of `[A-Za-z0-9._/-]`, without empty, `.` or `..` segments; anything else is `Refused`
/// before the medium sees it. One path is a file or a folder of files, not both: what happens then is the medium's.
///
/// Durability: a `put` that returned survives a crash, whole; one that did not return leaves the old bytes or the new,
/// never a mixture.
#[async_trait]
pub trait Files: Send + Sync {
    /// Writes or replaces.
    async fn put(&self, path: &str, bytes: Bytes) -> Result<(), StoreError>;
    /// Reads.
    async fn get(&self, path: &str) -> Result<Option<Bytes>, StoreError>;
    /// Removes; nothing to remove is not a failure. A crash soon after may bring the file back, whole.
    async fn delete(&self, path: &str) -> Result<(), StoreError>;
    /// Every path that is this one or lies under it (all, for the empty prefix), ascending by bytes. The prefix has no
    /// slash at its end. For checking and clearing, not for serving.
    async fn list(&self, prefix: &str) -> Result<Vec<String>, StoreError>;
}

/// Whether this is a path of files: refused in words if not. Every adapter asks before it touches its medium.
pub fn check_path(path: &str) -> Result<(), StoreError> {
    let refuse = |why: &str| {
        let shown: String = path.chars().take(80).collect();
        Err(StoreError::refused(format!("the path {shown:?}"), why))
    };
    if path.is_empty() {
        return refuse("it is empty");
    }
    if path.len() > PATH_BYTES {
        return refuse(said!("it is longer than {_} bytes", PATH_BYTES));
    }
    if !path.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b'/')) {
        return refuse("only A-Z, a-z, 0-9, '.', '_', '-' and '/' may be in it");
    }
    for segment in path.split('/') {
        if segment.is_empty() || segment == "." || segment == ".." {
            return refuse("a segment of it is empty, '.' or '..'");
        }
        if segment.len() > SEGMENT_BYTES {
            return refuse(said!("a segment of it is longer than {_} bytes", SEGMENT_BYTES));
        }
    }
    Ok(())
}

/// Whether this is a prefix to list under: empty, or a path.
pub fn check_prefix(prefix: &str) -> Result<(), StoreError> {
    if prefix.is_empty() { Ok(()) } else { check_path(prefix) }
}

/// Whether a path is the prefix or lies under it.
pub fn is_under(path: &str, prefix: &str) -> bool {
    prefix.is_empty() || path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
