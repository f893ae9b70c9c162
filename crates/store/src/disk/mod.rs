//! Adapters over a local file system (docs/ARCHITECTURE.md, "Ports"): one data directory, one process.
//!
//! ```text
//! <dir>/lock          held while a process uses the directory
//! <dir>/commits/      x000/x001/234: see `commit_path`
//! <dir>/log/          the static files of the log, and staged bundles
//! <dir>/objects/      sha256/ab/cd/<hex>
//! <dir>/incoming/     uploads on their way; what a crash leaves here is swept
//! <dir>/parts/        <domain>/<hex>.<size>: uploads that broke off; <hex>.<size>.here: notes of those in place
//! ```
//!
//! Durable means: file, folder and every folder above were flushed before the call returned. Never follows a path that
//! it did not make or check.

mod commits;
mod files;
mod lock;
mod objects;
mod parts;
mod place;
mod upload;

pub use commits::DiskCommits;
pub use files::DiskFiles;
pub use lock::DiskLock;
pub use objects::DiskObjects;

use crate::error::StoreError;
use place::Place;
use std::path::Path;
use std::sync::Arc;

/// The adapters of one data directory, and the lock that makes it ours.
pub struct DiskStore {
    /// `commits/`.
    pub commits: DiskCommits,
    /// `log/`.
    pub files: DiskFiles,
    /// `objects/`, `incoming/` and `parts/`.
    pub objects: DiskObjects,
    /// Keep it as long as any of the others.
    pub lock: DiskLock,
}

/// Opens a data directory, making it (mode 0700) and its folders where they are missing, and takes its lock.
///
/// A process that was killed may have made a file visible without flushing the folder it is in; whoever then builds on
/// it could lose it to a power failure. So before anything is read, everything that is visible is flushed.
///
/// Errors: `InUse` if another process has it; `Medium` if it cannot be made, locked or flushed.
pub fn open_disk(dir: &Path) -> Result<DiskStore, StoreError> {
    let root = Place::open(dir)?;
    let lock = DiskLock::take(dir)?;
    place::flush_file_system(dir)?;
    let commits = Arc::new(Place::open(&dir.join("commits"))?);
    let log = Arc::new(Place::open(&dir.join("log"))?);
    let objects = Arc::new(Place::open(&dir.join("objects"))?);
    let incoming = Place::open(&dir.join("incoming"))?;
    let parts = Place::open(&dir.join("parts"))?;
    // The five folders and the lock are new names in it.
    root.flush()?;
    Ok(DiskStore {
        commits: DiskCommits::new(commits)?,
        files: DiskFiles::new(log)?,
        objects: DiskObjects::new(objects, incoming.root().to_owned(), parts.root().to_owned()),
        lock,
    })
}
