//! The port of the head: the one value of a log that is replaced, its checkpoint (docs/ARCHITECTURE.md, "Ports"). Apart from the log's
//! other files, each of whose paths has one content for ever, because it asks more of a medium: to compare before it replaces. Knows
//! nothing of what the value says.

use crate::error::StoreError;
use crate::files::Files;
use async_trait::async_trait;
use bytes::Bytes;
use std::sync::Arc;
use tokio::sync::Mutex;

/// The path of the head where it lies among the log's files, and where clients ask for it.
pub const HEAD_PATH: &str = "checkpoint";

/// What replacing gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Swapped {
    /// The new value is there, durably.
    Done,
    /// It held another value than expected: this one. Nothing was written.
    Other(Option<Bytes>),
}

/// One value, replaced only by who knows what it is.
///
/// Durability: when `swap` says `Done`, the new value survives a crash, whole; a swap that did not return leaves the old value or the new.
/// Ordering: of many swaps that expect one value, one at most is `Done`. Values are compared by their bytes, so a value that came back
/// looks as if it had never gone: a caller that needs more puts a size into it that only grows, as a checkpoint does.
#[async_trait]
pub trait HeadCell: Send + Sync {
    /// The value; none before the first.
    async fn get(&self) -> Result<Option<Bytes>, StoreError>;
    /// Replaces the value, if it is still the expected one.
    async fn swap(&self, expected: Option<Bytes>, new: Bytes) -> Result<Swapped, StoreError>;
}

/// A head that is one of the files. Swaps take turns within this value, so nobody else may write the file: the lock of the data
/// directory keeps other processes out, and `LogStore` is made once.
pub struct FileHead {
    files: Arc<dyn Files>,
    path: String,
    turn: Mutex<()>,
}

impl FileHead {
    /// The head at this path of these files.
    pub fn new(files: Arc<dyn Files>, path: &str) -> Self {
        FileHead { files, path: path.to_owned(), turn: Mutex::new(()) }
    }
}

#[async_trait]
impl HeadCell for FileHead {
    async fn get(&self) -> Result<Option<Bytes>, StoreError> {
        self.files.get(&self.path).await
    }
    async fn swap(&self, expected: Option<Bytes>, new: Bytes) -> Result<Swapped, StoreError> {
        let _turn = self.turn.lock().await;
        let found = self.files.get(&self.path).await?;
        if found != expected {
            return Ok(Swapped::Other(found));
        }
        // A crash within leaves the old bytes or the new: what `Files` promises.
        self.files.put(&self.path, new).await?;
        Ok(Swapped::Done)
    }
}

/// A log as it is stored.
#[derive(Clone)]
pub struct LogStore {
    /// Tiles, entry bundles and staged bundles. Each path has one content for ever: writing a file again, by whichever process, is
    /// harmless.
    pub files: Arc<dyn Files>,
    /// The checkpoint.
    pub head: Arc<dyn HeadCell>,
}

impl LogStore {
    /// A log whose head is one of its files. Made once for these files: see `FileHead`.
    pub fn in_files(files: Arc<dyn Files>) -> Self {
        LogStore { head: Arc::new(FileHead::new(Arc::clone(&files), HEAD_PATH)), files }
    }
}
