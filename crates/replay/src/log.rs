//! Reading the log's files: entries in order, each checked against the tiles, and all of them against the root that
//! they must lead to.

use crate::fold::ReplayError;
use deedbox_store::Files;
use deedbox_tlog::bundle::{BundleId, parse_entries};
use deedbox_tlog::tree::plan_frontier;
use deedbox_tlog::{Frontier, Hash, TileId, Tiles, leaf_hash};
use std::sync::Arc;

/// A size of the log with the root that its entries must lead to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    /// Number of entries.
    pub size: u64,
    /// Root of the tree.
    pub root: Hash,
}

/// Reads entries from one index on, towards a target.
pub struct LogReader {
    files: Arc<dyn Files>,
    frontier: Frontier,
    target: Target,
}

impl LogReader {
    /// Begins at index `from`, which is at most the target's size. What comes before is taken from the tiles: the root
    /// at the end covers it.
    pub async fn open(files: Arc<dyn Files>, from: u64, target: Target) -> Result<Self, ReplayError> {
        let mut tiles = Tiles::new();
        for id in plan_frontier(from).map_err(ReplayError::damaged)? {
            // The tile as wide as the target's tree has it: narrower ones may be gone.
            let id = widened(&id, target.size);
            let path = id.path();
            let bytes = files.get(&path).await?.ok_or(ReplayError::Missing(path))?;
            tiles.insert_bytes(id, &bytes).map_err(ReplayError::damaged)?;
        }
        let frontier = Frontier::from_tiles(from, &tiles).map_err(ReplayError::damaged)?;
        Ok(LogReader { files, frontier, target })
    }

    /// Index of the next entry.
    pub fn next_index(&self) -> u64 {
        self.frontier.size()
    }

    /// The next entries, up to the end of the entry bundle that they are in; none at the target. The last ones are given
    /// only if all entries lead to the target's root.
    pub async fn next(&mut self) -> Result<Option<Vec<Vec<u8>>>, ReplayError> {
        let at = self.frontier.size();
        if at >= self.target.size {
            return Ok(None);
        }
        let id = BundleId::holding(at, self.target.size).map_err(ReplayError::damaged)?;
        let path = id.path();
        let bytes = self.files.get(&path).await?.ok_or_else(|| ReplayError::Missing(path.clone()))?;
        let entries = parse_entries(id, &bytes).map_err(|e| ReplayError::Damaged(format!("{path}: {e}")))?;

        let tile_id = TileId::new(0, id.index(), id.width()).map_err(ReplayError::damaged)?;
        let tile_path = tile_id.path();
        let tile = self.files.get(&tile_path).await?.ok_or_else(|| ReplayError::Missing(tile_path.clone()))?;
        let tile = deedbox_tlog::Tile::parse(tile_id, &tile).map_err(|e| ReplayError::Damaged(format!("{tile_path}: {e}")))?;

        let skip = usize::try_from(at - id.first()).unwrap_or(usize::MAX);
        let mut fresh = Vec::with_capacity(entries.len());
        for (entry, expected) in entries.iter().zip(tile.hashes()).skip(skip) {
            let leaf = leaf_hash(entry);
            if leaf != *expected {
                let index = self.frontier.size();
                return Err(ReplayError::Damaged(format!("entry {index} in {path} is not the one whose hash is in {tile_path}")));
            }
            self.frontier.push(leaf).map_err(ReplayError::damaged)?;
            fresh.push(entry.to_vec());
        }
        if self.frontier.size() == self.target.size && self.frontier.root() != self.target.root {
            return Err(ReplayError::Damaged(format!(
                "the entries lead to root {} at size {}, the checkpoint says {}",
                self.frontier.root(),
                self.target.size,
                self.target.root
            )));
        }
        Ok(Some(fresh))
    }
}

fn widened(id: &TileId, size: u64) -> TileId {
    let hashes = size >> (8 * u32::from(id.level()));
    let width = hashes.saturating_sub(id.index() * 256).clamp(1, 256);
    TileId::new(id.level(), id.index(), u16::try_from(width).unwrap_or(256)).unwrap_or(*id)
}
