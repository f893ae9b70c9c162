//! Objects on disk. Written under `incoming/` or `parts/`, renamed into place when their digest is known to be right; read in
//! pieces on blocking threads, one piece ahead. Never changes an object, never reads one whose name is not its address.

use super::parts::Parts;
use super::place::{Place, blocking};
use super::stat::{absent, modified_ms};
use super::upload::{DiskUpload, Incoming, put_in_place};
use crate::error::StoreError;
use crate::limits::PIECE_BYTES;
use crate::objects::{
    Begin, Left, ObjectStat, ObjectStream, Objects, Remnant, Upload, UploadId, check_range, now_ms, object_path, too_large,
};
use async_trait::async_trait;
use bytes::Bytes;
use deedbox_model::{ObjectRef, Sha256Digest};
use futures::stream::{self, BoxStream, StreamExt};
use std::fs::{self, File, Metadata};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::task::JoinHandle;

/// Objects on disk; a clone is the same store.
#[derive(Clone)]
pub(crate) struct DiskObjects {
    place: Arc<Place>,
    incoming: Arc<Incoming>,
    parts: Arc<Parts>,
}

impl DiskObjects {
    pub(super) fn new(place: Arc<Place>, incoming: PathBuf, parts: PathBuf) -> Self {
        DiskObjects { place, incoming: Arc::new(Incoming::new(incoming)), parts: Arc::new(Parts::new(parts)) }
    }
    fn path(&self, address: &Sha256Digest) -> PathBuf {
        self.place.root().join(object_path(address))
    }
}

#[async_trait]
impl Objects for DiskObjects {
    async fn put(&self, bytes: Bytes) -> Result<ObjectRef, StoreError> {
        let (place, incoming) = (self.place.clone(), self.incoming.clone());
        blocking(move || {
            let object = ObjectRef::of(&bytes);
            let (mut file, temporary) = incoming.create()?;
            let written = file
                .write_all(&bytes)
                .map_err(|e| StoreError::medium(format!("writing {}", temporary.display()), e))
                .and_then(|()| put_in_place(&place, file, &temporary, &object.sha256));
            if written.is_err() {
                let _ = fs::remove_file(&temporary);
            }
            written.map(|()| object)
        })
        .await
    }
    async fn begin(&self) -> Result<Box<dyn Upload>, StoreError> {
        let incoming = self.incoming.clone();
        let (file, temporary) = blocking(move || incoming.create()).await?;
        Ok(Box::new(DiskUpload::new(self.place.clone(), file, temporary)))
    }
    async fn begin_for(&self, id: &UploadId, how: Begin) -> Result<Box<dyn Upload>, StoreError> {
        let (incoming, parts, whose) = (self.incoming.clone(), self.parts.clone(), id.clone());
        let again = if how == Begin::Again { Some(parts.hashing().await?) } else { None };
        let upload = blocking(move || {
            let _one_of_few = again;
            Ok(match how {
                Begin::Apart => {
                    let (file, temporary) = incoming.create()?;
                    (file, temporary, None)
                }
                Begin::Anew => {
                    let (file, path) = parts.create(&whose)?;
                    (file, path, None)
                }
                Begin::Again => {
                    let (file, path, hasher, bytes) = parts.open(&whose)?;
                    (file, path, Some((hasher, bytes)))
                }
            })
        });
        let (file, path, so_far) = upload.await?;
        let upload = DiskUpload::new(self.place.clone(), file, path).of(self.parts.clone(), id.clone(), how != Begin::Apart);
        Ok(Box::new(match so_far {
            Some((hasher, bytes)) => upload.after(hasher, bytes),
            None => upload,
        }))
    }
    async fn remnants(&self) -> Result<Vec<Remnant>, StoreError> {
        let parts = self.parts.clone();
        blocking(move || parts.list()).await
    }
    async fn forget(&self, left: Left, ids: Vec<UploadId>) -> Result<(), StoreError> {
        let parts = self.parts.clone();
        blocking(move || ids.iter().try_for_each(|id| parts.forget(left, id))).await
    }
    async fn stat(&self, address: &Sha256Digest) -> Result<Option<ObjectStat>, StoreError> {
        let (address, path) = (*address, self.path(address));
        blocking(move || match fs::metadata(&path) {
            Ok(found) => Ok(Some(stat_of(address, &found))),
            Err(e) if absent(&e) => Ok(None),
            Err(e) => Err(failed("looking at", &address, e)),
        })
        .await
    }
    async fn get(&self, address: &Sha256Digest, limit: u64) -> Result<Option<Bytes>, StoreError> {
        let (address, path) = (*address, self.path(address));
        blocking(move || {
            let Some((mut file, size)) = open(&address, &path)? else { return Ok(None) };
            if size > limit {
                return Err(too_large(&address, size, limit));
            }
            read_piece(&address, &mut file, size).map(Some)
        })
        .await
    }
    async fn read(&self, address: &Sha256Digest, range: Range<u64>) -> Result<Option<ObjectStream>, StoreError> {
        let (address, path) = (*address, self.path(address));
        let opened = blocking(move || {
            let Some((mut file, size)) = open(&address, &path)? else { return Ok(None) };
            check_range(&address, &range, size)?;
            file.seek(SeekFrom::Start(range.start)).map_err(|e| failed("reading", &address, e))?;
            Ok(Some((file, range.end - range.start)))
        })
        .await?;
        Ok(opened.map(|(file, left)| pieces(address, file, left)))
    }
    async fn delete(&self, address: &Sha256Digest) -> Result<(), StoreError> {
        let (address, path) = (*address, self.path(address));
        blocking(move || match fs::remove_file(&path) {
            Err(e) if !absent(&e) => Err(failed("removing", &address, e)),
            _ => Ok(()),
        })
        .await
    }
    async fn list(&self) -> Result<BoxStream<'static, Result<ObjectStat, StoreError>>, StoreError> {
        let root = self.place.root().join("sha256");
        // One first-level folder (a 256th of all objects) at a time, so that a listing is never in memory whole.
        let folders = stream::iter(0..=u8::MAX).then(move |first| {
            let folder = root.join(format!("{first:02x}"));
            async move {
                match blocking(move || list_folder(&folder)).await {
                    Ok(stats) => stream::iter(stats.into_iter().map(Ok).collect::<Vec<_>>()),
                    Err(e) => stream::iter(vec![Err(e)]),
                }
            }
        });
        Ok(folders.flatten().boxed())
    }
    async fn sweep_temporary(&self, older_than_ms: u64) -> Result<u64, StoreError> {
        let folder = self.incoming.folder().to_owned();
        blocking(move || {
            let failed = |e: io::Error| StoreError::medium(format!("sweeping {}", folder.display()), e);
            let mut removed = 0;
            for entry in fs::read_dir(&folder).map_err(failed)? {
                let entry = entry.map_err(failed)?;
                // One that vanishes meanwhile was finished or aborted.
                let written = match entry.metadata() {
                    Ok(found) => modified_ms(&found),
                    Err(e) if absent(&e) => continue,
                    Err(e) => return Err(failed(e)),
                };
                if now_ms().saturating_sub(written) < older_than_ms {
                    continue;
                }
                match fs::remove_file(entry.path()) {
                    Ok(()) => removed += 1,
                    Err(e) if absent(&e) => {}
                    Err(e) => return Err(failed(e)),
                }
            }
            Ok(removed)
        })
        .await
    }
}

fn failed(doing: &str, address: &Sha256Digest, e: io::Error) -> StoreError {
    StoreError::medium(format!("{doing} object {}", address.to_address()), e)
}

fn stat_of(address: Sha256Digest, found: &Metadata) -> ObjectStat {
    ObjectStat { object: ObjectRef { size: found.len(), sha256: address }, modified_ms: modified_ms(found) }
}

fn open(address: &Sha256Digest, path: &Path) -> Result<Option<(File, u64)>, StoreError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(e) if absent(&e) => return Ok(None),
        Err(e) => return Err(failed("opening", address, e)),
    };
    let size = file.metadata().map_err(|e| failed("opening", address, e))?.len();
    Ok(Some((file, size)))
}

/// Exactly so many bytes from where the file stands.
fn read_piece(address: &Sha256Digest, file: &mut File, size: u64) -> Result<Bytes, StoreError> {
    let mut piece = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
    file.take(size).read_to_end(&mut piece).map_err(|e| failed("reading", address, e))?;
    if piece.len() as u64 != size {
        return Err(StoreError::damaged(format!("object {}", address.to_address()), "it ends before its size"));
    }
    Ok(piece.into())
}

type Ahead = JoinHandle<Result<(Bytes, File), StoreError>>;

/// The next `left` bytes of a file. While one piece is being sent the next one is read: no thread waits for a slow
/// reader. Dropping the stream ends it after the piece that is being read.
fn pieces(address: Sha256Digest, file: File, left: u64) -> ObjectStream {
    let ahead = move |mut file: File, left: u64| -> Option<(Ahead, u64)> {
        let size = left.min(PIECE_BYTES as u64);
        (size > 0).then(|| (tokio::task::spawn_blocking(move || Ok((read_piece(&address, &mut file, size)?, file))), left - size))
    };
    stream::unfold(ahead(file, left), move |reading| async move {
        let (reading, left) = reading?;
        match reading.await {
            Ok(Ok((piece, file))) => Some((Ok(piece), ahead(file, left))),
            Ok(Err(e)) => Some((Err(e), None)),
            Err(e) => Some((Err(StoreError::medium(format!("reading object {}", address.to_address()), e)), None)),
        }
    })
    .boxed()
}

/// All objects under one first-level folder; none if it is missing. What has no address for a name is not ours.
fn list_folder(folder: &Path) -> Result<Vec<ObjectStat>, StoreError> {
    let failed = |e: io::Error| StoreError::medium(format!("listing {}", folder.display()), e);
    let mut stats = Vec::new();
    let seconds = match fs::read_dir(folder) {
        Ok(seconds) => seconds,
        Err(e) if absent(&e) => return Ok(stats),
        Err(e) => return Err(failed(e)),
    };
    for second in seconds {
        let second = second.map_err(failed)?;
        if !second.file_type().map_err(failed)?.is_dir() {
            continue;
        }
        for file in fs::read_dir(second.path()).map_err(failed)? {
            let file = file.map_err(failed)?;
            let Some(address) = file.file_name().to_str().and_then(Sha256Digest::from_hex) else { continue };
            match file.metadata() {
                Ok(found) if found.is_file() => stats.push(stat_of(address, &found)),
                Ok(_) => {}
                // Removed meanwhile.
                Err(e) if absent(&e) => {}
                Err(e) => return Err(failed(e)),
            }
        }
    }
    Ok(stats)
}
