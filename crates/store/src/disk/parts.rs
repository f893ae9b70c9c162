//! What uploads leave on disk (spec/objects.md §4): parts of those that broke off, and notes of those that are in place and not
//! published. A name says whose it is and of what; nothing else does, and nothing here is an object. Never reads a part but to hash it.
//!
//! ```text
//! parts/<domain>/<hex>.<size>         the first bytes of an upload
//! parts/<domain>/<hex>.<size>.here    empty: this domain put it in place
//! ```

use super::stat::{absent, modified_ms};
use crate::error::StoreError;
use crate::limits::{HASHED_AGAIN_AT_ONCE, HASHERS_KEPT, UPLOAD_PIECE_BYTES};
use crate::objects::{Left, Remnant, UploadId};
use deedbox_model::{Domain, Hasher, ObjectRef, Sha256Digest};
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The end of a note's name.
const HERE: &str = ".here";

/// The folder of parts and notes.
pub(super) struct Parts {
    folder: PathBuf,
    /// How far the digests of parts have come that this process kept: forgetting one costs hashing it again.
    hashers: Mutex<BTreeMap<UploadId, (Hasher, u64)>>,
    hashing: Arc<Semaphore>,
}

impl Parts {
    pub(super) fn new(folder: PathBuf) -> Self {
        Parts { folder, hashers: Mutex::default(), hashing: Arc::new(Semaphore::new(HASHED_AGAIN_AT_ONCE)) }
    }

    fn path(&self, left: Left, id: &UploadId) -> PathBuf {
        let end = if left == Left::Note { HERE } else { "" };
        self.folder.join(id.account.as_str()).join(format!("{}.{}{end}", id.object.sha256, id.object.size))
    }

    /// Waits for a place among the few that hash a part again.
    pub(super) async fn hashing(&self) -> Result<OwnedSemaphorePermit, StoreError> {
        Arc::clone(&self.hashing).acquire_owned().await.map_err(|e| StoreError::medium("hashing a part again", e))
    }

    /// A part without a byte.
    pub(super) fn create(&self, id: &UploadId) -> Result<(File, PathBuf), StoreError> {
        let path = self.path(Left::Part, id);
        self.take_hasher(id);
        let made = self.make_folder(&path).and_then(|()| OpenOptions::new().write(true).create(true).truncate(true).open(&path));
        Ok((made.map_err(|e| StoreError::medium(format!("beginning {}", path.display()), e))?, path))
    }

    /// What was kept of an upload, to be written on: with its digests so far, and its bytes. Nothing kept is a part without a byte.
    pub(super) fn open(&self, id: &UploadId) -> Result<(File, PathBuf, Hasher, u64), StoreError> {
        let path = self.path(Left::Part, id);
        let failed = |e: io::Error| StoreError::medium(format!("going on with {}", path.display()), e);
        self.make_folder(&path).map_err(failed)?;
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(failed)?;
        let found = file.metadata().map_err(failed)?.len();
        let (hasher, bytes) = match self.take_hasher(id) {
            Some((hasher, bytes)) if bytes <= found => (hasher, bytes),
            // More than the whole is not part of it.
            _ if found > id.object.size => (Hasher::new(), 0),
            _ => hashed(&mut file).map_err(failed)?,
        };
        file.set_len(bytes).map_err(failed)?;
        file.seek(SeekFrom::Start(bytes)).map_err(failed)?;
        Ok((file, path, hasher, bytes))
    }

    /// Remembers the digests of what was kept.
    pub(super) fn put_hasher(&self, id: &UploadId, hasher: Hasher, bytes: u64) {
        let mut hashers = self.hashers.lock().unwrap_or_else(PoisonError::into_inner);
        if hashers.len() < HASHERS_KEPT {
            hashers.insert(id.clone(), (hasher, bytes));
        }
    }

    fn take_hasher(&self, id: &UploadId) -> Option<(Hasher, u64)> {
        self.hashers.lock().unwrap_or_else(PoisonError::into_inner).remove(id)
    }

    /// Notes that this upload is in place, or is about to be.
    pub(super) fn note(&self, id: &UploadId) -> Result<(), StoreError> {
        let path = self.path(Left::Note, id);
        let made = self.make_folder(&path).and_then(|()| File::create(&path));
        made.map(drop).map_err(|e| StoreError::medium(format!("noting {}", path.display()), e))
    }

    /// Removes one of them.
    pub(super) fn forget(&self, left: Left, id: &UploadId) -> Result<(), StoreError> {
        let path = self.path(left, id);
        if left == Left::Part {
            self.take_hasher(id);
        }
        match fs::remove_file(&path) {
            Err(e) if !absent(&e) => Err(StoreError::medium(format!("removing {}", path.display()), e)),
            _ => Ok(()),
        }
    }

    /// All of them. What has another name is not ours, and stays.
    pub(super) fn list(&self) -> Result<Vec<Remnant>, StoreError> {
        let failed = |e: io::Error| StoreError::medium(format!("listing {}", self.folder.display()), e);
        let mut found = Vec::new();
        for account in fs::read_dir(&self.folder).map_err(failed)? {
            let account = account.map_err(failed)?;
            let Some(domain) = account.file_name().to_str().and_then(|name| Domain::parse(name).ok()) else { continue };
            if !account.file_type().map_err(failed)?.is_dir() {
                continue;
            }
            for file in fs::read_dir(account.path()).map_err(failed)? {
                let file = file.map_err(failed)?;
                let name = file.file_name();
                let Some((left, object)) = name.to_str().and_then(read_name) else { continue };
                let stat = match file.metadata() {
                    Ok(stat) => stat,
                    Err(e) if absent(&e) => continue,
                    Err(e) => return Err(failed(e)),
                };
                let id = UploadId { account: domain.clone(), object };
                found.push(Remnant { id, left, bytes: stat.len(), modified_ms: modified_ms(&stat) });
            }
        }
        Ok(found)
    }

    fn make_folder(&self, path: &Path) -> io::Result<()> {
        match path.parent() {
            Some(folder) if !folder.is_dir() => super::place::make_private(folder),
            _ => Ok(()),
        }
    }
}

fn read_name(name: &str) -> Option<(Left, ObjectRef)> {
    let (name, left) = match name.strip_suffix(HERE) {
        Some(name) => (name, Left::Note),
        None => (name, Left::Part),
    };
    let (hex, size) = name.split_once('.')?;
    let object = ObjectRef { size: size.parse().ok()?, sha256: Sha256Digest::from_hex(hex)? };
    Some((left, object))
}

/// The digests of a whole file, as far as they come.
fn hashed(file: &mut File) -> io::Result<(Hasher, u64)> {
    let mut hasher = Hasher::new();
    let mut bytes = 0;
    let mut piece = vec![0; UPLOAD_PIECE_BYTES];
    loop {
        let read = file.read(&mut piece)?;
        let Some(read) = piece.get(..read).filter(|read| !read.is_empty()) else { return Ok((hasher, bytes)) };
        hasher.update(read);
        bytes += read.len() as u64;
    }
}
