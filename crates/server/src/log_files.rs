//! Tiles, entry bundles and entries of the published tree, read from the log's files (spec/log.md §2, §3). A partial tile
//! whose file has given way to a wider one is the beginning of that. Serves nothing that the published tree does not
//! have; writes nothing.

use crate::budget::{Budget, Share};
use crate::gate::{Authorized, Sealed, TellsOf};
use crate::limits::{HOT_OBJECT_BYTES, TILES_AT_ONCE};
use crate::memory::Memory;
use crate::refusal::Refused;
use bytes::Bytes;
use deedbox_ledger::Head;
use deedbox_store::{HEAD_PATH, LogStore, StoreError};
use deedbox_tlog::{BundleId, SignedCheckpoint, TILE_WIDTH, TileId, Tiles};
use deedbox_view::Resource;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use std::sync::Arc;
use tokio::sync::{Semaphore, watch};

/// The log as it is published.
pub(crate) struct LogFiles {
    stored: LogStore,
    head: watch::Receiver<Head>,
    /// Full tiles and bundles by path: they never change. Bundles in gzip too, full or not.
    full: moka::sync::Cache<String, Bytes>,
    budget: Arc<Budget>,
    reads: Arc<Semaphore>,
}

impl LogFiles {
    pub(crate) fn new(stored: LogStore, head: watch::Receiver<Head>, cache_bytes: u64, memory: &Memory) -> Self {
        let full = moka::sync::Cache::builder()
            .max_capacity(cache_bytes)
            .weigher(|path: &String, bytes: &Bytes| u32::try_from(path.len() + bytes.len() + 128).unwrap_or(u32::MAX))
            .build();
        LogFiles { stored, head, full, budget: Arc::clone(&memory.budget), reads: Arc::clone(&memory.log_reads) }
    }

    /// The published head, for somebody who may have what it is compared with.
    pub(crate) fn head<T>(&self, _: &Authorized<T>) -> Head {
        self.head.borrow().clone()
    }

    /// The published size.
    pub(crate) fn size(&self) -> u64 {
        self.head.borrow().tree.size
    }

    /// The published checkpoint; none while there is no entry.
    pub(crate) fn checkpoint(&self, _: &Authorized<Tree>) -> Option<String> {
        self.head.borrow().checkpoint.as_ref().map(ToString::to_string)
    }

    /// The bytes of a tile; none if the published tree has no such tile.
    pub(crate) async fn tile(&self, id: &Authorized<TileId>) -> Result<Option<Bytes>, Unread> {
        self.tile_of(*id.get()).await
    }

    async fn tile_of(&self, id: TileId) -> Result<Option<Bytes>, Unread> {
        let width_at =
            |size: u64| width_of((size >> (8 * u32::from(id.level()))).saturating_sub(id.index().saturating_mul(TILE_WIDTH.into())));
        let path = |width| TileId::new(id.level(), id.index(), width).map(|id| id.path()).unwrap_or_default();
        let Some((bytes, width)) = self.widest(id.width(), width_at, path).await? else { return Ok(None) };
        if bytes.len() != usize::from(width) * deedbox_tlog::HASH_BYTES {
            return Err(StoreError::damaged(path(width), "it has another length than its width says").into());
        }
        Ok(Some(bytes.slice(..id.byte_len())))
    }

    /// The bytes of an entry bundle; none if the published tree has no such bundle.
    pub(crate) async fn bundle(&self, id: &Authorized<BundleId>) -> Result<Option<Bytes>, Unread> {
        self.bundle_of(*id.get()).await
    }

    async fn bundle_of(&self, id: BundleId) -> Result<Option<Bytes>, Unread> {
        let width_at = |size: u64| width_of(size.saturating_sub(id.first()));
        let path = |width| BundleId::new(id.index(), width).map(|id| id.path()).unwrap_or_default();
        let Some((bytes, width)) = self.widest(id.width(), width_at, path).await? else { return Ok(None) };
        if width == id.width() {
            return Ok(Some(bytes));
        }
        let entries = split(&bytes, id.width()).ok_or_else(|| StoreError::damaged(path(width), "it ends within an entry"))?;
        let end: usize = entries.iter().map(|entry| entry.len() + 2).sum();
        Ok(Some(bytes.slice(..end)))
    }

    /// A bundle's bytes in gzip, if it was kept so.
    pub(crate) fn kept_gzip(&self, id: &Authorized<BundleId>) -> Option<Bytes> {
        self.full.get(&gzip_key(id.get()))
    }
    /// Keeps a bundle's bytes in gzip.
    pub(crate) fn keep_gzip(&self, id: &Authorized<BundleId>, bytes: Bytes) {
        self.full.insert(gzip_key(id.get()), bytes);
        self.full.run_pending_tasks();
    }

    /// The entries `from..to`, which the published tree has; fewer if it has not. Nobody was asked about them yet.
    pub(crate) async fn entries(&self, from: u64, to: u64) -> Result<Vec<Sealed>, Unread> {
        let size = self.size();
        let to = to.min(size);
        let mut entries = Vec::new();
        let mut at = from;
        while at < to {
            let id = BundleId::holding(at, size).map_err(|e| StoreError::damaged("the log", e))?;
            let damaged = |why: &str| StoreError::damaged(id.path(), why);
            let bytes = self.bundle_of(id).await?.ok_or_else(|| damaged("it is missing"))?;
            let all = split(&bytes, id.width()).ok_or_else(|| damaged("it ends within an entry"))?;
            let skip = usize::try_from(at - id.first()).unwrap_or(usize::MAX);
            let take = usize::try_from(to - at).unwrap_or(usize::MAX);
            let before = entries.len();
            entries.extend(all.into_iter().skip(skip).take(take).map(Sealed::new));
            at += (entries.len() - before) as u64;
        }
        Ok(entries)
    }

    /// The tiles that a proof needs, for somebody who may have what it proves.
    pub(crate) async fn tiles<T>(&self, _: &Authorized<T>, ids: Vec<TileId>) -> Result<Tiles, Unread> {
        let read: Vec<(TileId, Bytes)> = stream::iter(ids)
            .map(|id| async move {
                let bytes = self.tile_of(id).await?.ok_or_else(|| StoreError::damaged(id.path(), "it is missing"))?;
                Ok::<_, Unread>((id, bytes))
            })
            .buffered(TILES_AT_ONCE)
            .try_collect()
            .await?;
        let mut tiles = Tiles::new();
        for (id, bytes) in read {
            tiles.insert_bytes(id, &bytes).map_err(|e| StoreError::damaged(id.path(), e))?;
        }
        Ok(tiles)
    }

    /// The file of the width that the tree has now, which is at least `wanted`.
    async fn widest(
        &self,
        wanted: u16,
        width_at: impl Fn(u64) -> u16,
        path: impl Fn(u16) -> String,
    ) -> Result<Option<(Bytes, u16)>, Unread> {
        let full = path(TILE_WIDTH);
        if let Some(bytes) = self.full.get(&full) {
            return Ok(Some((bytes, TILE_WIDTH)));
        }
        let mut size = self.size();
        if width_at(size) < wanted {
            return Ok(None);
        }
        loop {
            let width = width_at(size);
            if let Some(bytes) = self.read(&path(width)).await? {
                if width == TILE_WIDTH && bytes.len() as u64 <= HOT_OBJECT_BYTES {
                    self.full.insert(full, bytes.clone());
                    // What is forgotten for this one has its weight until then.
                    self.full.run_pending_tasks();
                }
                return Ok(Some((bytes, width)));
            }
            // A writer puts the wider file and the checkpoint in place before it removes the narrower file, and tells us
            // last: then the checkpoint's file knows a larger size.
            let newer = self.checkpoint_size().await?;
            if newer <= size {
                return Err(StoreError::damaged(path(width), "it is missing").into());
            }
            size = newer;
        }
    }

    /// A file's bytes, with their weight. How long it is, is known when it is read: few are read at once.
    async fn read(&self, path: &str) -> Result<Option<Bytes>, Unread> {
        let _one_of_few = self.reads.acquire().await;
        let Some(bytes) = self.stored.files.get(path).await? else { return Ok(None) };
        let weight = self.budget.take(Share::Objects, bytes.len()).await.map_err(Unread::Short)?;
        Ok(Some(weight.carry(bytes)))
    }

    /// The size of the checkpoint's file: a few hundred bytes that need no weight.
    pub(crate) async fn checkpoint_size(&self) -> Result<u64, StoreError> {
        let Some(bytes) = self.stored.head.get().await? else { return Ok(0) };
        let signed = SignedCheckpoint::parse(&bytes).map_err(|e| StoreError::damaged(HEAD_PATH, e))?;
        Ok(signed.unverified().size())
    }
}

/// The tree as a whole: its checkpoint and its key.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tree;

impl TellsOf for Tree {
    fn tells_of(&self) -> &[Resource] {
        &[Resource::Tree]
    }
}

impl TellsOf for TileId {
    fn tells_of(&self) -> &[Resource] {
        &[Resource::Tree]
    }
}

impl TellsOf for BundleId {
    fn tells_of(&self) -> &[Resource] {
        &[Resource::Entries]
    }
}

/// Why a file was not read.
#[derive(Debug)]
pub(crate) enum Unread {
    Store(StoreError),
    /// There is no memory for it.
    Short(Refused),
}

impl From<StoreError> for Unread {
    fn from(error: StoreError) -> Self {
        Unread::Store(error)
    }
}

impl From<Unread> for Refused {
    fn from(unread: Unread) -> Self {
        match unread {
            Unread::Store(error) => error.into(),
            Unread::Short(refused) => refused,
        }
    }
}

impl std::fmt::Display for Unread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Unread::Store(error) => error.fmt(f),
            Unread::Short(_) => f.write_str("the memory for files is used up"),
        }
    }
}

fn gzip_key(id: &BundleId) -> String {
    format!("{}.gz", id.path())
}

fn width_of(hashes: u64) -> u16 {
    u16::try_from(hashes).unwrap_or(TILE_WIDTH).min(TILE_WIDTH)
}

/// The first so many entries of a bundle's bytes.
fn split(bytes: &Bytes, count: u16) -> Option<Vec<Bytes>> {
    let mut entries = Vec::with_capacity(usize::from(count));
    let mut at = 0;
    for _ in 0..count {
        let (len, _) = bytes.get(at..)?.split_first_chunk::<2>()?;
        let end = at + 2 + usize::from(u16::from_be_bytes(*len));
        if end > bytes.len() {
            return None;
        }
        entries.push(bytes.slice(at + 2..end));
        at = end;
    }
    Some(entries)
}
