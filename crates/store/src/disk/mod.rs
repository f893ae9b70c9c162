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
mod stat;
mod upload;
mod walk;

pub(crate) use commits::DiskCommits;
pub(crate) use files::DiskFiles;
pub(crate) use lock::DiskLock;
pub(crate) use objects::DiskObjects;
pub use walk::FoundFile;
pub(crate) use walk::files_of;

use crate::error::StoreError;
use crate::objects::Objects as _;
use place::Place;
use std::path::Path;
use std::sync::Arc;

/// The adapters of one data directory, and the lock that makes it ours.
pub(crate) struct DiskStore {
    /// `commits/`.
    pub(crate) commits: DiskCommits,
    /// `log/`.
    pub(crate) files: DiskFiles,
    /// `objects/`, `incoming/` and `parts/`.
    pub(crate) objects: DiskObjects,
    /// Keep it as long as any of the others.
    pub(crate) lock: DiskLock,
}

impl DiskStore {
    /// Removes what a process that died was writing: in `incoming/`, and beside these paths of `commits/` and of `log/`; gives their
    /// number. The caller holds the lock, and nothing is under way yet. What is elsewhere is named by `files_of`.
    pub(crate) async fn clear_cut_off(&self, commits: Vec<String>, files: Vec<String>) -> Result<u64, StoreError> {
        Ok(self.objects.sweep_temporary(0).await?
            + self.commits.clear_temporary_beside(commits).await?
            + self.files.clear_temporary_beside(files).await?)
    }
}

/// Opens a data directory, making it (mode 0700) and its folders where they are missing, and takes its lock.
///
/// A process that was killed may have made a file visible without flushing the folder it is in; a writer that then builds on
/// it could lose it to a power failure. So before anything is read, everything that is visible is flushed.
///
/// Errors: `InUse` if another process has it; `Medium` if it cannot be made, locked or flushed.
pub(crate) fn open_disk(dir: &Path) -> Result<DiskStore, StoreError> {
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

/// Opens a data directory that cannot be written, because its medium is full or read-only: makes, locks and flushes as little as can
/// be. Whatever is written to it all the same fails as the medium says.
///
/// Errors: `InUse` if another process has it; `Medium` if it is not there or cannot be read.
pub(crate) fn open_disk_to_read(dir: &Path) -> Result<DiskStore, StoreError> {
    let lock = DiskLock::take_to_read(dir)?;
    let place = |name: &str| Place::open_to_read(&dir.join(name)).map(Arc::new);
    Ok(DiskStore {
        commits: DiskCommits::new(place("commits")?)?,
        files: DiskFiles::new(place("log")?)?,
        objects: DiskObjects::new(place("objects")?, dir.join("incoming"), dir.join("parts")),
        lock,
    })
}
