//! Reading nodes of the tree out of tiles that somebody else has fetched. `spec/log.md` section 2.
//! Never fetches: what is missing is named, so that the caller can.

use crate::hash::{Hash, empty_root};
use crate::tile::{TILE_WIDTH, Tile, TileError, TileId};
use crate::tree::{NodeId, Span, TreeError, complete_nodes, fold_right};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A tile that is needed and was not handed in. The width is the smallest that would do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the tile {0} is needed and was not fetched")]
pub struct MissingTile(pub TileId);

/// Why nothing could be read or proven from tiles.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The question lies outside the tree.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// A tile is missing.
    #[error(transparent)]
    Missing(#[from] MissingTile),
}

/// What knows the hash of a complete node: fetched tiles, or a server's cache of inner nodes.
pub trait HashReader {
    /// Hash of a complete node, or the tile it is in.
    fn hash(&self, node: NodeId) -> Result<Hash, MissingTile>;
}

/// Tiles that were fetched, by id. A wider tile serves where a narrower one was planned.
#[derive(Debug, Clone, Default)]
pub struct Tiles {
    tiles: BTreeMap<TileId, Arc<Tile>>,
}

impl Tiles {
    /// No tiles.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a tile.
    pub fn insert(&mut self, tile: impl Into<Arc<Tile>>) {
        let tile = tile.into();
        self.tiles.insert(tile.id(), tile);
    }

    /// Adds a tile from its bytes, refusing a wrong length.
    pub fn insert_bytes(&mut self, id: TileId, bytes: &[u8]) -> Result<(), TileError> {
        self.insert(Tile::parse(id, bytes)?);
        Ok(())
    }

    /// The tile with exactly this width.
    pub fn get(&self, id: &TileId) -> Option<&Arc<Tile>> {
        self.tiles.get(id)
    }

    /// The narrowest tile here that has at least this width.
    pub fn at_least(&self, id: &TileId) -> Option<&Arc<Tile>> {
        let widest = TileId::within(id.level(), id.index(), TILE_WIDTH);
        self.tiles.range(*id..=widest).map(|(_, tile)| tile).next()
    }

    /// Every tile, in the order of their ids.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Tile>> {
        self.tiles.values()
    }
}

impl Extend<Tile> for Tiles {
    fn extend<T: IntoIterator<Item = Tile>>(&mut self, tiles: T) {
        tiles.into_iter().for_each(|tile| self.insert(tile));
    }
}

impl FromIterator<Tile> for Tiles {
    fn from_iter<T: IntoIterator<Item = Tile>>(tiles: T) -> Self {
        let mut all = Self::new();
        all.extend(tiles);
        all
    }
}

impl HashReader for Tiles {
    fn hash(&self, node: NodeId) -> Result<Hash, MissingTile> {
        let place = Place::of(node);
        let needed = TileId::within(place.level, place.index, place.width());
        self.at_least(&needed).and_then(|tile| tile.node(place.row, place.position)).ok_or(MissingTile(needed))
    }
}

impl<R: HashReader + ?Sized> HashReader for &R {
    fn hash(&self, node: NodeId) -> Result<Hash, MissingTile> {
        (**self).hash(node)
    }
}

/// The tiles, at a tree size, that hold complete nodes of that tree; each once, in the order of their ids.
pub fn tiles_holding(nodes: impl IntoIterator<Item = NodeId>, size: u64) -> Vec<TileId> {
    let tiles: BTreeSet<TileId> = nodes
        .into_iter()
        .map(|node| {
            let place = Place::of(node);
            let hashes = size >> (8 * place.level);
            let width = hashes.saturating_sub(place.index.saturating_mul(256)).min(TILE_WIDTH.into());
            // A node outside the tree would give a width of nothing: name what would hold it.
            let width = u16::try_from(width).unwrap_or(TILE_WIDTH).max(place.width());
            TileId::within(place.level, place.index, width)
        })
        .collect();
    tiles.into_iter().collect()
}

/// Root of a subtree, read node by node.
pub fn span_hash(span: Span, reader: &impl HashReader) -> Result<Hash, MissingTile> {
    let hashes = complete_nodes(span).map(|node| reader.hash(node)).collect::<Result<Vec<_>, _>>()?;
    Ok(fold_right(hashes.into_iter()).unwrap_or_else(empty_root))
}

/// Where a node is: in which tile, in which row above its hashes, at which position of the row.
struct Place {
    level: u8,
    index: u64,
    row: u8,
    position: usize,
}

impl Place {
    fn of(node: NodeId) -> Self {
        let (level, row) = (node.level / 8, node.level % 8);
        let in_row = 1u64 << (8 - row);
        let position = usize::try_from(node.index % in_row).unwrap_or(usize::MAX);
        Self { level, index: node.index / in_row, row, position }
    }

    /// The smallest width at which the tile has the node.
    fn width(&self) -> u16 {
        u16::try_from((self.position + 1) << self.row).unwrap_or(TILE_WIDTH)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_tile_is_named_with_the_width_that_would_do() {
        let table = [
            (NodeId { level: 0, index: 5 }, TileId::within(0, 0, 6)),
            (NodeId { level: 7, index: 1 }, TileId::within(0, 0, 256)),
            (NodeId { level: 8, index: 0 }, TileId::within(1, 0, 1)),
            (NodeId { level: 3, index: 33 }, TileId::within(0, 1, 16)),
        ];
        for (node, tile) in table {
            assert_eq!(Tiles::new().hash(node), Err(MissingTile(tile)));
        }
    }

    #[test]
    fn a_full_tile_serves_where_a_partial_one_was_deleted() {
        let mut tiles = Tiles::new();
        tiles.insert_bytes(TileId::within(0, 0, 256), &[3; 8192]).unwrap();
        assert_eq!(tiles.hash(NodeId { level: 0, index: 5 }), Ok(Hash([3; 32])));
        assert!(tiles.insert_bytes(TileId::within(0, 0, 255), &[3; 8192]).is_err());
    }

    #[test]
    fn a_narrower_tile_does_not_serve() {
        let mut tiles = Tiles::new();
        tiles.insert_bytes(TileId::within(0, 0, 5), &[3; 160]).unwrap();
        assert!(tiles.hash(NodeId { level: 0, index: 5 }).is_err());
        assert!(tiles.hash(NodeId { level: 2, index: 1 }).is_err());
        assert!(tiles.hash(NodeId { level: 2, index: 0 }).is_ok());
    }
}
