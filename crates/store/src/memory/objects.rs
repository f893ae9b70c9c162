//! Objects in memory. An upload that is dropped leaves what it wrote until it is swept, as on a disk.

use super::locked;
use crate::error::StoreError;
use crate::limits::PIECE_BYTES;
use crate::objects::{Begin, Left, ObjectStat, ObjectStream, Objects, Remnant, Upload, UploadId, check_range, mismatch, now_ms, too_large};
use async_trait::async_trait;
use bytes::Bytes;
use deedbox_model::{Digests, Hasher, ObjectRef, Sha256Digest};
use futures::stream::{self, BoxStream, StreamExt};
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex};

#[derive(Default)]
struct Kept {
    objects: BTreeMap<Sha256Digest, (Bytes, u64)>,
    /// Uploads on their way or cut off: bytes and the time of the last write.
    incoming: BTreeMap<u64, (Vec<u8>, u64)>,
    next_upload: u64,
    /// Parts, and the time of the last write.
    parts: BTreeMap<UploadId, (Vec<u8>, u64)>,
    /// When each was noted.
    notes: BTreeMap<UploadId, u64>,
}

/// Objects in memory; a clone is the same store.
#[derive(Clone, Default)]
pub struct MemoryObjects(Arc<Mutex<Kept>>);

impl MemoryObjects {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }
}

fn stat_of(address: &Sha256Digest, kept: &(Bytes, u64)) -> ObjectStat {
    ObjectStat { object: ObjectRef { size: kept.0.len() as u64, sha256: *address }, modified_ms: kept.1 }
}

#[async_trait]
impl Objects for MemoryObjects {
    async fn put(&self, bytes: Bytes) -> Result<ObjectRef, StoreError> {
        let object = ObjectRef::of(&bytes);
        locked(&self.0).objects.insert(object.sha256, (bytes, now_ms()));
        Ok(object)
    }
    async fn begin(&self) -> Result<Box<dyn Upload>, StoreError> {
        let mut kept = locked(&self.0);
        let number = kept.next_upload;
        kept.next_upload += 1;
        kept.incoming.insert(number, (Vec::new(), now_ms()));
        Ok(Box::new(MemoryUpload { store: self.0.clone(), number, hasher: Hasher::new(), received: 0, whose: None }))
    }
    async fn begin_for(&self, id: &UploadId, how: Begin) -> Result<Box<dyn Upload>, StoreError> {
        let mut kept = locked(&self.0);
        let number = kept.next_upload;
        kept.next_upload += 1;
        let so_far = if how == Begin::Apart { None } else { kept.parts.remove(id) };
        let (bytes, _) = so_far.filter(|_| how == Begin::Again).unwrap_or_default();
        let (mut hasher, received) = (Hasher::new(), bytes.len() as u64);
        hasher.update(&bytes);
        kept.incoming.insert(number, (bytes, now_ms()));
        let whose = Some((id.clone(), how != Begin::Apart));
        Ok(Box::new(MemoryUpload { store: self.0.clone(), number, hasher, received, whose }))
    }
    async fn remnants(&self) -> Result<Vec<Remnant>, StoreError> {
        let kept = locked(&self.0);
        let part = |(id, (bytes, modified_ms)): (&UploadId, &(Vec<u8>, u64))| Remnant {
            id: id.clone(),
            left: Left::Part,
            bytes: bytes.len() as u64,
            modified_ms: *modified_ms,
        };
        let note = |(id, modified_ms): (&UploadId, &u64)| Remnant { id: id.clone(), left: Left::Note, bytes: 0, modified_ms: *modified_ms };
        Ok(kept.parts.iter().map(part).chain(kept.notes.iter().map(note)).collect())
    }
    async fn forget(&self, left: Left, ids: Vec<UploadId>) -> Result<(), StoreError> {
        let mut kept = locked(&self.0);
        for id in ids {
            match left {
                Left::Part => drop(kept.parts.remove(&id)),
                Left::Note => drop(kept.notes.remove(&id)),
            }
        }
        Ok(())
    }
    async fn stat(&self, address: &Sha256Digest) -> Result<Option<ObjectStat>, StoreError> {
        Ok(locked(&self.0).objects.get(address).map(|kept| stat_of(address, kept)))
    }
    async fn get(&self, address: &Sha256Digest, limit: u64) -> Result<Option<Bytes>, StoreError> {
        match locked(&self.0).objects.get(address) {
            Some((bytes, _)) if bytes.len() as u64 > limit => Err(too_large(address, bytes.len() as u64, limit)),
            found => Ok(found.map(|(bytes, _)| bytes.clone())),
        }
    }
    async fn read(&self, address: &Sha256Digest, range: Range<u64>) -> Result<Option<ObjectStream>, StoreError> {
        let Some(bytes) = locked(&self.0).objects.get(address).map(|(bytes, _)| bytes.clone()) else { return Ok(None) };
        check_range(address, &range, bytes.len() as u64)?;
        // In range, so both ends fit the length of a buffer.
        let mut rest = bytes.slice(range.start as usize..range.end as usize);
        let pieces = std::iter::from_fn(move || (!rest.is_empty()).then(|| Ok(rest.split_to(rest.len().min(PIECE_BYTES)))));
        Ok(Some(stream::iter(pieces).boxed()))
    }
    async fn delete(&self, address: &Sha256Digest) -> Result<(), StoreError> {
        locked(&self.0).objects.remove(address);
        Ok(())
    }
    async fn list(&self) -> Result<BoxStream<'static, Result<ObjectStat, StoreError>>, StoreError> {
        let stats: Vec<_> = locked(&self.0).objects.iter().map(|(address, kept)| Ok(stat_of(address, kept))).collect();
        Ok(stream::iter(stats).boxed())
    }
    async fn sweep_temporary(&self, older_than_ms: u64) -> Result<u64, StoreError> {
        let now = now_ms();
        let mut kept = locked(&self.0);
        let before = kept.incoming.len();
        kept.incoming.retain(|_, (_, written)| now.saturating_sub(*written) < older_than_ms);
        Ok((before - kept.incoming.len()) as u64)
    }
}

struct MemoryUpload {
    store: Arc<Mutex<Kept>>,
    number: u64,
    hasher: Hasher,
    received: u64,
    /// For whom it is, and whether a part of it may be kept.
    whose: Option<(UploadId, bool)>,
}

fn swept() -> StoreError {
    StoreError::medium("an upload", "its temporary bytes were swept away; send it again")
}

#[async_trait]
impl Upload for MemoryUpload {
    fn received(&self) -> u64 {
        self.received
    }
    async fn write(&mut self, bytes: Bytes) -> Result<(), StoreError> {
        let mut kept = locked(&self.store);
        let (buffer, written) = kept.incoming.get_mut(&self.number).ok_or_else(swept)?;
        buffer.extend_from_slice(&bytes);
        *written = now_ms();
        self.hasher.update(&bytes);
        Ok(())
    }
    async fn finish(self: Box<Self>, expected: ObjectRef) -> Result<Digests, StoreError> {
        let mut kept = locked(&self.store);
        let (buffer, _) = kept.incoming.remove(&self.number).ok_or_else(swept)?;
        let (size, digests) = self.hasher.finish();
        let found = ObjectRef { size, sha256: digests.sha256 };
        if found != expected {
            return Err(mismatch(found, expected));
        }
        kept.objects.insert(found.sha256, (buffer.into(), now_ms()));
        if let Some((id, _)) = self.whose {
            kept.notes.insert(id, now_ms());
        }
        Ok(digests)
    }
    async fn abort(self: Box<Self>) {
        locked(&self.store).incoming.remove(&self.number);
    }
    async fn keep(self: Box<Self>) -> u64 {
        let mut kept = locked(&self.store);
        let Some((buffer, written)) = kept.incoming.remove(&self.number) else { return 0 };
        match self.whose {
            Some((id, true)) if !buffer.is_empty() => {
                let bytes = buffer.len() as u64;
                kept.parts.insert(id, (buffer, written));
                bytes
            }
            _ => 0,
        }
    }
}
