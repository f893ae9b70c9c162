//! Growing the tree: from the open tiles at its right edge and new leaf hashes to every tile that must be written.
//! C2SP tlog-tiles, `spec/log.md` section 2. Pure: growing gives a new edge, and the old one stays good if the write fails.

use crate::frontier::Frontier;
use crate::hash::Hash;
use crate::tile::{TILE_LEVELS, TILE_WIDTH, Tile, TileId, open_tile};
use crate::tiles::{MissingTile, ReadError, Tiles};
use crate::tree::{TreeError, check_size};

/// The right edge of a tree: its frontier and the open (partial) tile of each level. At most 64 KiB, whatever the size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edge {
    frontier: Frontier,
    open: Vec<Vec<Hash>>,
}

/// What growing gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Growth {
    /// The right edge of the grown tree; grow from it next time.
    pub edge: Edge,
    /// Root of the grown tree.
    pub root: Hash,
    /// Every tile that the grown tree has and the old one had not: filled ones, then the new partial ones. They must be durable before
    /// a checkpoint of the grown tree is published.
    pub tiles: Vec<Tile>,
}

/// The partial tiles at the right edge of a tree, which [`Edge::from_tiles`] starts from.
pub fn plan_growth(size: u64) -> Result<Vec<TileId>, TreeError> {
    check_size(size)?;
    Ok((0..TILE_LEVELS).filter_map(|level| open_tile(level, size)).collect())
}

impl Default for Edge {
    fn default() -> Self {
        Self::empty()
    }
}

impl Edge {
    /// Of the tree without leaves.
    pub fn empty() -> Self {
        Self { frontier: Frontier::empty(), open: vec![Vec::new(); TILE_LEVELS.into()] }
    }

    /// From the tiles that [`plan_growth`] names (wider ones will do). The tiles are believed: compare the root with a checkpoint's.
    pub fn from_tiles(size: u64, tiles: &Tiles) -> Result<Self, ReadError> {
        let frontier = Frontier::from_tiles(size, tiles)?;
        let mut open = Vec::with_capacity(TILE_LEVELS.into());
        for level in 0..TILE_LEVELS {
            open.push(match open_tile(level, size) {
                None => Vec::new(),
                Some(id) => {
                    let tile = tiles.at_least(&id).ok_or(MissingTile(id))?;
                    tile.hashes().iter().take(id.width().into()).copied().collect()
                }
            });
        }
        Ok(Self { frontier, open })
    }

    /// Number of leaves.
    pub fn size(&self) -> u64 {
        self.frontier.size()
    }

    /// Root of the tree.
    pub fn root(&self) -> Hash {
        self.frontier.root()
    }

    /// The open tiles as they are now: what has to be kept to start again from here.
    pub fn open_tiles(&self) -> impl Iterator<Item = Tile> {
        let size = self.size();
        (0u8..).zip(&self.open).filter_map(move |(level, hashes)| open_tile(level, size).map(|id| Tile::of(id, hashes.clone())))
    }

    /// Appends leaf hashes.
    pub fn grow(&self, leaves: &[Hash]) -> Result<Growth, TreeError> {
        let old = self.size();
        check_size(old.saturating_add(leaves.len() as u64))?;
        let Self { mut frontier, mut open } = self.clone();
        let mut tiles = Vec::new();
        for leaf in leaves {
            let size = frontier.size() + 1;
            frontier.push_with(*leaf, |level, hash| {
                if !level.is_multiple_of(8) {
                    return;
                }
                let level = level / 8;
                let Some(hashes) = open.get_mut(usize::from(level)) else {
                    return;
                };
                hashes.push(hash);
                if hashes.len() == usize::from(TILE_WIDTH) {
                    // The hash just pushed is the last of its tile, and the number of hashes so far a multiple of 256.
                    let index = (size >> (8 * level)) / 256 - 1;
                    let full = std::mem::replace(hashes, Vec::with_capacity(TILE_WIDTH.into()));
                    tiles.push(Tile::of(TileId::within(level, index, TILE_WIDTH), full));
                }
            })?;
        }
        let edge = Self { frontier, open };
        let moved = |id: &TileId| old >> (8 * id.level()) < edge.size() >> (8 * id.level());
        tiles.extend(edge.open_tiles().filter(|tile| moved(&tile.id())));
        Ok(Growth { root: edge.root(), edge, tiles })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frontier::plan_frontier;
    use crate::hash::leaf_hash;
    use crate::tile::new_tiles;
    use crate::tree::root_from_leaf_hashes;
    use std::collections::BTreeSet;

    fn leaves(size: u64) -> Vec<Hash> {
        (0..size).map(|i| leaf_hash(&i.to_be_bytes())).collect()
    }

    #[test]
    fn the_open_tiles_hold_the_frontier() {
        for size in (0..2000).chain([65_535, 65_536, 65_537, crate::limits::MAX_TREE_SIZE]) {
            assert_eq!(plan_growth(size), plan_frontier(size), "{size}");
        }
    }

    #[test]
    fn growing_writes_exactly_the_new_tiles() {
        let all = leaves(1_100);
        let mut edge = Edge::empty();
        for (old, new) in [(0, 0), (0, 1), (1, 255), (255, 256), (256, 257), (257, 1000), (1000, 1024), (1024, 1100)] {
            let growth = edge.grow(&all[old..new]).unwrap();
            let written: BTreeSet<_> = growth.tiles.iter().map(Tile::id).collect();
            assert_eq!(written, new_tiles(old as u64, new as u64).collect(), "{old} to {new}");
            assert_eq!(written.len(), growth.tiles.len());
            assert_eq!(growth.root, root_from_leaf_hashes(&all[..new]));
            edge = growth.edge;
        }
    }

    #[test]
    fn an_edge_read_back_from_its_tiles_is_the_same_edge() {
        let all = leaves(70_000);
        let mut edge = Edge::empty();
        let mut tiles = Tiles::new();
        let mut at = 0;
        for step in [1usize, 255, 1, 65_000, 279, 1, 4_463] {
            let growth = edge.grow(&all[at..at + step]).unwrap();
            at += step;
            tiles.extend(growth.tiles);
            edge = growth.edge;
            assert_eq!(Edge::from_tiles(at as u64, &tiles), Ok(edge.clone()));
            assert_eq!(edge.open_tiles().map(|tile| tile.id()).collect::<Vec<_>>(), plan_growth(at as u64).unwrap());
        }
        assert_eq!(edge.root(), root_from_leaf_hashes(&all));
        assert!(new_tiles(0, 70_000).all(|id| tiles.get(&id).is_some()));
        assert!(Edge::from_tiles(70_000, &Tiles::new()).is_err());
    }
}
