//! An upload to disk: hashed and written in large pieces on blocking threads while the next bytes arrive, flushed, then
//! renamed into place. Nobody sees it before that. Never keeps more than two pieces in memory.

use super::parts::Parts;
use super::place::{Place, blocking};
use crate::error::StoreError;
use crate::limits::{FLUSH_BEHIND_BYTES, UPLOAD_PIECE_BYTES};
use crate::objects::{Upload, UploadId, mismatch, object_path};
use async_trait::async_trait;
use bytes::Bytes;
use deedbox_model::{Digests, Hasher, ObjectRef, Sha256Digest};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;
use tokio::task::JoinHandle;

/// The folder of temporary files.
pub(super) struct Incoming {
    folder: PathBuf,
    next: AtomicU64,
}

impl Incoming {
    pub(super) fn new(folder: PathBuf) -> Self {
        Incoming { folder, next: AtomicU64::new(0) }
    }
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }
    /// A new temporary file. Names of an earlier process with our number are passed over.
    pub(super) fn create(&self) -> Result<(File, PathBuf), StoreError> {
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let path = self.folder.join(format!("{}-{number}", std::process::id()));
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(file) => return Ok((file, path)),
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
                Err(e) => return Err(StoreError::medium(format!("beginning {}", path.display()), e)),
            }
        }
    }
}

/// Flushes a temporary file whose bytes are known to have this address, and renames it into place. Replaces an object
/// that is there by the same bytes: that heals a damaged one, and makes its time new.
pub(super) fn put_in_place(place: &Place, file: File, temporary: &Path, address: &Sha256Digest) -> Result<(), StoreError> {
    let path = object_path(address);
    let failed = |e: io::Error| StoreError::medium(format!("putting object {} in place", address.to_address()), e);
    // A crash up to the rename leaves a temporary file to be swept, and at most an empty folder.
    file.set_modified(SystemTime::now()).map_err(failed)?;
    file.sync_all().map_err(failed)?;
    drop(file);
    place.make_folder_of(Path::new(&path))?;
    fs::rename(temporary, place.root().join(&path)).map_err(failed)?;
    // A crash here leaves the object, or after a power failure perhaps not; nobody was told yet.
    place.flush_folder_of(Path::new(&path))
}

/// What bytes go through: owned by the upload, or by the thread that works on a piece.
struct Sink {
    file: File,
    hasher: Hasher,
    /// Bytes that were hashed and written.
    taken: u64,
    /// Bytes written since the medium was last asked to begin with them.
    unflushed: usize,
    flushing: Option<JoinHandle<io::Result<()>>>,
}

impl Sink {
    fn new(file: File) -> Self {
        Sink { file, hasher: Hasher::new(), taken: 0, unflushed: 0, flushing: None }
    }

    fn take(&mut self, pieces: &[Bytes]) -> io::Result<()> {
        self.hasher.update_all(pieces);
        for piece in pieces {
            self.file.write_all(piece)?;
            self.taken += piece.len() as u64;
            self.unflushed += piece.len();
        }
        self.flush_behind()
    }

    /// Lets the medium begin with what is written while more arrives, so that the flush at the end of a large upload finds little to
    /// do. One at a time.
    fn flush_behind(&mut self) -> io::Result<()> {
        if self.unflushed < FLUSH_BEHIND_BYTES || self.flushing.as_ref().is_some_and(|flushing| !flushing.is_finished()) {
            return Ok(());
        }
        self.flushed()?;
        let file = self.file.try_clone()?;
        self.unflushed = 0;
        self.flushing = Some(tokio::task::spawn_blocking(move || file.sync_data()));
        Ok(())
    }

    /// Waits for the last such flush. Its failure is that of the upload: a medium tells one only once, and not to the flush at the end.
    fn flushed(&mut self) -> io::Result<()> {
        match self.flushing.take() {
            Some(flushing) => tokio::runtime::Handle::current().block_on(flushing).map_err(io::Error::other)?,
            None => Ok(()),
        }
    }
}

enum State {
    Idle(Box<Sink>),
    Busy(JoinHandle<io::Result<Box<Sink>>>),
    /// A write failed; nothing more is taken.
    Failed,
}

pub(super) struct DiskUpload {
    place: Arc<Place>,
    temporary: PathBuf,
    gathered: Vec<Bytes>,
    gathered_bytes: usize,
    state: State,
    received: u64,
    whose: Option<Whose>,
}

/// For whom an upload is, and whether its file is a part.
struct Whose {
    parts: Arc<Parts>,
    id: UploadId,
    is_part: bool,
}

impl DiskUpload {
    pub(super) fn new(place: Arc<Place>, file: File, temporary: PathBuf) -> Self {
        let state = State::Idle(Box::new(Sink::new(file)));
        DiskUpload { place, temporary, gathered: Vec::new(), gathered_bytes: 0, state, received: 0, whose: None }
    }
    /// For an account.
    pub(super) fn of(self, parts: Arc<Parts>, id: UploadId, is_part: bool) -> Self {
        DiskUpload { whose: Some(Whose { parts, id, is_part }), ..self }
    }
    /// After what its file holds already.
    pub(super) fn after(mut self, hasher: Hasher, bytes: u64) -> Self {
        if let State::Idle(sink) = &mut self.state {
            sink.hasher = hasher;
            sink.taken = bytes;
        }
        DiskUpload { received: bytes, ..self }
    }
    /// Waits for the piece that is being worked on. May be dropped while it waits, and asked again.
    async fn sink(&mut self) -> Result<Box<Sink>, StoreError> {
        if let State::Busy(working) = &mut self.state {
            let done = working.await.map_err(io::Error::other).and_then(|done| done);
            self.state = State::Failed;
            return done.map_err(|e| StoreError::medium(format!("writing {}", self.temporary.display()), e));
        }
        match std::mem::replace(&mut self.state, State::Failed) {
            State::Idle(sink) => Ok(sink),
            _ => Err(StoreError::medium(format!("writing {}", self.temporary.display()), "an earlier write of this upload failed")),
        }
    }
}

#[async_trait]
impl Upload for DiskUpload {
    fn received(&self) -> u64 {
        self.received
    }
    async fn write(&mut self, bytes: Bytes) -> Result<(), StoreError> {
        self.gathered_bytes += bytes.len();
        self.gathered.push(bytes);
        if self.gathered_bytes < UPLOAD_PIECE_BYTES {
            return Ok(());
        }
        let mut sink = self.sink().await?;
        let pieces = std::mem::take(&mut self.gathered);
        self.gathered_bytes = 0;
        self.state = State::Busy(tokio::task::spawn_blocking(move || sink.take(&pieces).map(|()| sink)));
        Ok(())
    }
    async fn finish(mut self: Box<Self>, expected: ObjectRef) -> Result<Digests, StoreError> {
        let sink = self.sink().await;
        let DiskUpload { place, temporary, gathered, whose, .. } = *self;
        blocking(move || {
            let done = sink.and_then(|mut sink| {
                let taken = sink.take(&gathered).and_then(|()| sink.flushed());
                taken.map_err(|e| StoreError::medium(format!("writing {}", temporary.display()), e))?;
                let (size, digests) = sink.hasher.finish();
                let found = ObjectRef { size, sha256: digests.sha256 };
                if found != expected {
                    return Err(mismatch(found, expected));
                }
                // Before it is in place, so that nothing is there of which nobody knows whose it is. A crash here leaves a note of what is not
                // there, which the next start clears.
                if let Some(Whose { parts, id, .. }) = &whose {
                    parts.note(id)?;
                }
                put_in_place(&place, sink.file, &temporary, &found.sha256)?;
                Ok(digests)
            });
            if done.is_err() {
                // If this fails too, the file is swept later.
                let _ = fs::remove_file(&temporary);
            }
            done
        })
        .await
    }
    async fn abort(mut self: Box<Self>) {
        // The thread that writes must be done first, or it would go on writing to a file without a name.
        let _ = self.sink().await;
        let temporary = self.temporary;
        let _ = tokio::task::spawn_blocking(move || fs::remove_file(temporary)).await;
    }
    async fn keep(mut self: Box<Self>) -> u64 {
        let sink = self.sink().await;
        let DiskUpload { temporary, gathered, whose, .. } = *self;
        let kept = blocking(move || {
            let kept = match (sink, whose) {
                (Ok(mut sink), Some(Whose { parts, id, is_part: true })) => match sink.take(&gathered).and_then(|()| sink.flushed()) {
                    Ok(()) if sink.taken > 0 => {
                        parts.put_hasher(&id, sink.hasher, sink.taken);
                        sink.taken
                    }
                    // Of a medium that took no more, nothing is left that would fill it.
                    _ => 0,
                },
                _ => 0,
            };
            if kept == 0 {
                // If this fails too, it is found again by the next start.
                let _ = fs::remove_file(&temporary);
            }
            Ok(kept)
        });
        kept.await.unwrap_or(0)
    }
}
