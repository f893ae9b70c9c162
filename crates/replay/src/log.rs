//! Reading the log's files: entries in order, each checked against the tiles, and all of them against the root that
//! they must lead to.

use crate::fold::ReplayError;
use bytes::Bytes;
use deedbox_store::{HeadCell, LogStore};
use deedbox_tlog::bundle::{BundleId, parse_entries};
use deedbox_tlog::{Frontier, SignedCheckpoint, Tile, TileId, Tiles, TreeHead, leaf_hash, plan_frontier};

/// Reads entries from one index on, towards a target.
pub struct LogReader {
    log: LogStore,
    frontier: Frontier,
    /// The tiles that the frontier was taken from: at fault, if what follows does not lead to the root.
    from: Vec<String>,
    target: TreeHead,
}

impl LogReader {
    /// Begins at index `from`, which is at most the target's size. What comes before is taken from the tiles: the root
    /// at the end covers it.
    pub async fn open(log: LogStore, from: u64, target: TreeHead) -> Result<Self, ReplayError> {
        let (mut tiles, mut paths) = (Tiles::new(), Vec::new());
        for id in plan_frontier(from).map_err(ReplayError::damaged)? {
            let tile = read_tile(&log, id.as_wide_as(target.size)).await?;
            paths.push(format!("log/{}", tile.id().path()));
            tiles.insert(tile);
        }
        let frontier = Frontier::from_tiles(from, &tiles).map_err(ReplayError::damaged)?;
        Ok(LogReader { log, frontier, from: paths, target })
    }

    /// The next entries, up to the end of the entry bundle that they are in; none at the target. The last ones are given
    /// only if all entries lead to the target's root.
    pub async fn next(&mut self) -> Result<Option<Vec<Vec<u8>>>, ReplayError> {
        let at = self.frontier.size();
        if at >= self.target.size {
            return Ok(None);
        }
        let id = BundleId::holding(at, self.target.size).map_err(ReplayError::damaged)?;
        let (found, bytes) = read_bundle(&self.log, id).await?;
        let path = found.path();
        let entries = parse_entries(found, &bytes).map_err(|e| ReplayError::Damaged(format!("log/{path}: {e}")))?;
        let tile = read_tile(&self.log, TileId::new(0, id.index(), id.width()).map_err(ReplayError::damaged)?).await?;

        let skip = usize::try_from(at - id.first()).unwrap_or(usize::MAX);
        let mut fresh = Vec::with_capacity(entries.len());
        for (entry, expected) in entries.iter().zip(tile.hashes()).take(id.width().into()).skip(skip) {
            let leaf = leaf_hash(entry);
            if leaf != *expected {
                let index = self.frontier.size();
                return Err(ReplayError::Damaged(format!(
                    "entry {index} in log/{path} is not the one whose hash is in log/{}",
                    tile.id().path()
                )));
            }
            self.frontier.push(leaf).map_err(ReplayError::damaged)?;
            fresh.push(entry.to_vec());
        }
        if self.frontier.size() == self.target.size && self.frontier.root() != self.target.root {
            return Err(ReplayError::Damaged(format!(
                "the entries lead to root {} at size {}, the checkpoint says {}; one of {} and log/checkpoint is not what it was",
                self.frontier.root(),
                self.target.size,
                self.target.root,
                self.from.join(", ")
            )));
        }
        Ok(Some(fresh))
    }
}

/// A tile, or the wider one that it has given way to.
async fn read_tile(log: &LogStore, id: TileId) -> Result<Tile, ReplayError> {
    let mut tried = id;
    loop {
        let path = tried.path();
        if let Some(bytes) = log.files.get(&path).await? {
            return Tile::parse(tried, &bytes).map_err(|e| ReplayError::Damaged(format!("log/{path}: {e}")));
        }
        let wider = id.as_wide_as(served_size(log.head.as_ref()).await?);
        if wider.width() <= tried.width() {
            return Err(ReplayError::Missing(path));
        }
        tried = wider;
    }
}

/// An entry bundle, or the wider one that it has given way to.
async fn read_bundle(log: &LogStore, id: BundleId) -> Result<(BundleId, Bytes), ReplayError> {
    let mut tried = id;
    loop {
        let path = tried.path();
        if let Some(bytes) = log.files.get(&path).await? {
            return Ok((tried, bytes));
        }
        let wider = BundleId::holding(id.first(), served_size(log.head.as_ref()).await?).unwrap_or(id);
        if wider.width() <= tried.width() {
            return Err(ReplayError::Missing(path));
        }
        tried = wider;
    }
}

/// The size that the served checkpoint states. Only tells where to look: what is found is checked against the target.
async fn served_size(head: &dyn HeadCell) -> Result<u64, ReplayError> {
    let checkpoint = head.get().await?;
    Ok(checkpoint.and_then(|bytes| SignedCheckpoint::parse(&bytes).ok()).map_or(0, |signed| signed.unverified().size()))
}
