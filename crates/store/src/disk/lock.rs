//! The lock on a data directory: one process at a time. The system drops it when the process ends, however it ends, so
//! a crash leaves nothing to clear away. Never deletes the lock file: another process may be waiting on it.

use crate::error::StoreError;
use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

/// Held as long as this value lives.
#[derive(Debug)]
pub(crate) struct DiskLock(#[expect(dead_code, reason = "the lock is the open file")] Option<File>);

impl DiskLock {
    /// Takes `<dir>/lock`, or says `InUse`.
    pub(crate) fn take(dir: &Path) -> Result<Self, StoreError> {
        let path = dir.join("lock");
        let failed = |e: std::io::Error| StoreError::medium(format!("locking {}", path.display()), e);
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(DiskLock(Some(file))),
            Err(TryLockError::WouldBlock) => Err(StoreError::in_use(dir.display().to_string())),
            Err(TryLockError::Error(e)) => Err(failed(e)),
        }
    }

    /// Takes it where nothing can be written. A directory without the file, or on a file system that locks only what can be written, is
    /// read without: nobody else can write it either.
    pub(super) fn take_to_read(dir: &Path) -> Result<Self, StoreError> {
        let Ok(file) = File::open(dir.join("lock")) else { return Ok(DiskLock(None)) };
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => Err(StoreError::in_use(dir.display().to_string())),
            Ok(()) | Err(TryLockError::Error(_)) => Ok(DiskLock(Some(file))),
        }
    }
}
