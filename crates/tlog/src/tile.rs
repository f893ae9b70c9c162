//! Hash tiles: their coordinates, their paths and their bytes. C2SP tlog-tiles, `spec/log.md` section 2.
//! A tile's bytes are believed until a proof or a root made from them is compared with a signed checkpoint.

use crate::hash::{HASH_BYTES, Hash, node_hash};
use crate::limits::{MAX_PATH_BYTES, MAX_TREE_SIZE};
use std::fmt;
use std::sync::OnceLock;

/// Hashes in a full tile.
pub const TILE_WIDTH: u16 = 256;

/// Levels of tiles that a tree of 2^63 - 1 leaves has.
pub(crate) const TILE_LEVELS: u8 = 8;

/// Why something is not a tile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TileError {
    /// A path that no tile has, or a second spelling of one that a tile has.
    #[error("{0:?} is not the path of a tile; it is written tile/<level>/<x001/x234/067>[.p/<1 to 255>]")]
    Path(String),
    /// A width that no tile has.
    #[error("a tile is 1 to {TILE_WIDTH} hashes wide, not {0}")]
    Width(u16),
    /// A tile that the largest tree doesn't have.
    #[error("level {level}, index {index} lies beyond the largest tree")]
    BeyondLargestTree {
        /// Level asked for.
        level: u8,
        /// Index asked for.
        index: u64,
    },
    /// More or fewer bytes than the width says.
    #[error("the tile {path} has {expected} bytes, not {found}; fetch it again")]
    Length {
        /// Where the tile is served.
        path: String,
        /// Bytes it must have.
        expected: usize,
        /// Bytes it had.
        found: usize,
    },
}

/// Which tile: its level, its index at that level, and how many hashes of it are there. Ordered in that order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TileId {
    level: u8,
    index: u64,
    width: u16,
}

impl TileId {
    /// A tile that some tree has: width 1 to 256, and its last hash within the largest tree.
    pub fn new(level: u8, index: u64, width: u16) -> Result<Self, TileError> {
        if width == 0 || width > TILE_WIDTH {
            return Err(TileError::Width(width));
        }
        let beyond = TileError::BeyondLargestTree { level, index };
        if level >= TILE_LEVELS {
            return Err(beyond);
        }
        let hashes = index.checked_mul(256).and_then(|first| first.checked_add(width.into()));
        match hashes {
            Some(hashes) if hashes <= MAX_TREE_SIZE >> (8 * level) => Ok(Self { level, index, width }),
            _ => Err(beyond),
        }
    }

    /// For coordinates that were computed from a tree size.
    pub(crate) fn within(level: u8, index: u64, width: u16) -> Self {
        Self { level, index, width }
    }

    /// Level: a hash of it spans 256^level leaves.
    pub fn level(&self) -> u8 {
        self.level
    }

    /// Index within the level, from the left.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// Number of hashes, 1 to 256; 256 is a full tile.
    pub fn width(&self) -> u16 {
        self.width
    }

    /// Whether all 256 hashes are there, so that it will never change.
    pub fn is_full(&self) -> bool {
        self.width == TILE_WIDTH
    }

    /// The same tile as the tree of this size has it: narrower ones may be gone from a log's files.
    pub fn as_wide_as(&self, size: u64) -> Self {
        let hashes = size.checked_shr(8 * u32::from(self.level)).unwrap_or(0);
        let width = hashes.saturating_sub(self.index.saturating_mul(256)).min(u64::from(TILE_WIDTH));
        Self { width: u16::try_from(width).unwrap_or(TILE_WIDTH).max(self.width), ..*self }
    }

    /// The same tile when it is full: the fallback where a partial tile was already deleted.
    pub fn full(&self) -> Self {
        Self { width: TILE_WIDTH, ..*self }
    }

    /// Length of its bytes.
    pub fn byte_len(&self) -> usize {
        usize::from(self.width) * HASH_BYTES
    }

    /// Path below the log's prefix, for example `tile/0/x001/x234/067.p/5`.
    pub fn path(&self) -> String {
        format!("tile/{}/{}", self.level, index_and_width(self.index, self.width))
    }

    /// Reads a path; there is one spelling.
    pub fn parse(path: &str) -> Result<Self, TileError> {
        let refuse = || TileError::Path(shortened(path));
        if path.len() > MAX_PATH_BYTES {
            return Err(refuse());
        }
        let (level, rest) = path.strip_prefix("tile/").and_then(|rest| rest.split_once('/')).ok_or_else(refuse)?;
        if !level.bytes().all(|b| b.is_ascii_digit()) {
            return Err(refuse());
        }
        let level: u8 = level.parse().map_err(|_| refuse())?;
        if level > 63 {
            return Err(refuse());
        }
        let (index, width) = parse_index_and_width(rest).ok_or_else(refuse)?;
        let id = Self::new(level, index, width)?;
        if id.path() == path { Ok(id) } else { Err(refuse()) }
    }
}

impl fmt::Debug for TileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path())
    }
}

impl fmt::Display for TileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path())
    }
}

/// The tiles that a tree of `new` leaves has and the tree of `old` leaves had not, level by level. None if `new <= old`.
/// Sizes are those of checkpoints or of planned growth, so at most [`MAX_TREE_SIZE`].
pub fn new_tiles(old: u64, new: u64) -> impl Iterator<Item = TileId> {
    let (old, new) = (old.min(new), new.min(MAX_TREE_SIZE));
    (0..TILE_LEVELS).flat_map(move |level| {
        let (before, after) = (old >> (8 * level), new >> (8 * level));
        let first = before / 256;
        let full = (first..after / 256).map(move |index| TileId::within(level, index, TILE_WIDTH));
        let partial = open_tile(level, new).filter(|_| before < after);
        full.chain(partial)
    })
}

/// The partial tile at the right edge of a level, if it has one at this size.
pub(crate) fn open_tile(level: u8, size: u64) -> Option<TileId> {
    let hashes = size >> (8 * level);
    let width = u16::try_from(hashes % 256).ok().filter(|width| *width > 0)?;
    Some(TileId::within(level, hashes / 256, width))
}

/// A tile with its hashes. The nodes above its row are computed once, when the first of them is asked for; share it in an `Arc`.
#[derive(Debug, Clone)]
pub struct Tile {
    id: TileId,
    hashes: Vec<Hash>,
    above: OnceLock<Vec<Vec<Hash>>>,
}

impl PartialEq for Tile {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id && self.hashes == other.hashes
    }
}

impl Eq for Tile {}

impl Tile {
    /// Reads a tile's bytes: exactly `width` hashes.
    pub fn parse(id: TileId, bytes: &[u8]) -> Result<Self, TileError> {
        let (hashes, rest) = bytes.as_chunks::<HASH_BYTES>();
        if bytes.len() != id.byte_len() || !rest.is_empty() {
            return Err(TileError::Length { path: id.path(), expected: id.byte_len(), found: bytes.len() });
        }
        Ok(Self::of(id, hashes.iter().copied().map(Hash).collect()))
    }

    /// For hashes whose number is known to fit.
    pub(crate) fn of(id: TileId, hashes: Vec<Hash>) -> Self {
        Self { id, hashes, above: OnceLock::new() }
    }

    /// Which tile it is.
    pub fn id(&self) -> TileId {
        self.id
    }

    /// Its hashes, from the left.
    pub fn hashes(&self) -> &[Hash] {
        &self.hashes
    }

    /// The bytes that are served: the hashes one after the other.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.hashes.iter().flat_map(|hash| hash.0).collect()
    }

    /// A node of the tile: row 0 are its hashes, each row above joins two of the row below. `None` where it isn't complete.
    pub fn node(&self, row: u8, position: usize) -> Option<Hash> {
        let Some(row) = row.checked_sub(1) else {
            return self.hashes.get(position).copied();
        };
        let above = self.above.get_or_init(|| rows_above(&self.hashes));
        above.get(usize::from(row))?.get(position).copied()
    }
}

/// Rows 1 to 8 of a tile: the complete nodes only.
fn rows_above(hashes: &[Hash]) -> Vec<Vec<Hash>> {
    let mut rows: Vec<Vec<Hash>> = Vec::with_capacity(8);
    for _ in 0..8 {
        let below = rows.last().map_or(hashes, Vec::as_slice);
        let (pairs, _) = below.as_chunks::<2>();
        rows.push(pairs.iter().map(|[left, right]| node_hash(left, right)).collect());
    }
    rows
}

/// `x001/x234/067` or `x001/x234/067.p/5`.
pub(crate) fn index_and_width(index: u64, width: u16) -> String {
    let mut text = format!("{:03}", index % 1000);
    let mut rest = index / 1000;
    while rest > 0 {
        text = format!("x{:03}/{text}", rest % 1000);
        rest /= 1000;
    }
    if width < TILE_WIDTH {
        text.push_str(&format!(".p/{width}"));
    }
    text
}

/// Reads what [`index_and_width`] writes, and some spellings that it doesn't: the caller compares.
pub(crate) fn parse_index_and_width(text: &str) -> Option<(u64, u16)> {
    let (groups, width) = match text.split_once(".p/") {
        Some((groups, width)) => (groups, digits(width)?),
        None => (text, TILE_WIDTH.into()),
    };
    let mut index = 0u64;
    for group in groups.split('/') {
        let group = digits(group.strip_prefix('x').unwrap_or(group)).filter(|group| *group < 1000)?;
        index = index.checked_mul(1000)?.checked_add(group)?;
    }
    Some((index, u16::try_from(width).ok()?))
}

fn digits(text: &str) -> Option<u64> {
    if text.bytes().all(|b| b.is_ascii_digit()) { text.parse().ok() } else { None }
}

/// What of a hostile path is repeated in a refusal.
pub(crate) fn shortened(text: &str) -> String {
    text.chars().take(MAX_PATH_BYTES).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::leaf_hash;
    use crate::tree::root_from_leaf_hashes;

    #[test]
    fn a_tile_is_found_where_the_standard_says() {
        let table = [
            ((0, 0, 256), "tile/0/000"),
            ((0, 1_234_067, 256), "tile/0/x001/x234/067"),
            ((3, 1_234_067, 5), "tile/3/x001/x234/067.p/5"),
            ((1, 999, 255), "tile/1/999.p/255"),
            ((0, 1_000, 1), "tile/0/x001/000.p/1"),
            ((7, 0, 127), "tile/7/000.p/127"),
        ];
        for ((level, index, width), path) in table {
            let id = TileId::new(level, index, width).unwrap();
            assert_eq!(id.path(), path);
            assert_eq!(TileId::parse(path), Ok(id));
        }
    }

    #[test]
    fn a_path_has_one_spelling() {
        for path in [
            "",
            "tile",
            "tile/0",
            "tile/0/",
            "/tile/0/000",
            "tile/0/000/",
            "tile/00/000",
            "tile/+0/000",
            "tile/64/000",
            "tile/256/000",
            "tile/-1/000",
            "tile/0/0",
            "tile/0/00",
            "tile/0/0000",
            "tile/0/1000",
            "tile/0/x000/000",
            "tile/0/001/000",
            "tile/0/x001/x000",
            "tile/0/x001",
            "tile/0/X001/000",
            "tile/0/xx001/000",
            "tile/0/000.p/0",
            "tile/0/000.p/00",
            "tile/0/000.p/01",
            "tile/0/000.p/256",
            "tile/0/000.p/257",
            "tile/0/000.p/",
            "tile/0/000.p",
            "tile/0/000.p/1/",
            "tile/0/000.p/1.p/1",
            "tile/0/000.p/+1",
            "tile/0/ 00",
            "tile/0/00٣",
            "tile/entries/000",
            "tile/0/0/000",
            "tile/0/x001//000",
            "tile/0/x999/x999/x999/x999/x999/x999/x999/x999/x999/999",
        ] {
            assert!(matches!(TileId::parse(path), Err(TileError::Path(_) | TileError::Width(_))), "{path}");
        }
    }

    #[test]
    fn a_tile_beyond_the_largest_tree_is_refused() {
        assert!(matches!(TileId::parse("tile/8/000.p/1"), Err(TileError::BeyondLargestTree { level: 8, index: 0 })));
        assert!(matches!(TileId::parse("tile/63/000"), Err(TileError::BeyondLargestTree { .. })));
        assert!(matches!(TileId::new(0, u64::MAX, 1), Err(TileError::BeyondLargestTree { .. })));
        assert!(TileId::new(7, 0, 127).is_ok());
        assert!(TileId::new(7, 0, 128).is_err());
    }

    #[test]
    fn a_tree_of_70000_has_the_tiles_of_the_standards_example() {
        let tiles: Vec<_> = new_tiles(0, 70_000).collect();
        let count = |level, full| tiles.iter().filter(|t| t.level == level && t.is_full() == full).count();
        assert_eq!((count(0, true), count(0, false)), (273, 1));
        assert_eq!((count(1, true), count(1, false)), (1, 1));
        assert_eq!((count(2, true), count(2, false)), (0, 1));
        assert!(tiles.contains(&TileId::new(0, 273, 112).unwrap()));
        assert!(tiles.contains(&TileId::new(1, 1, 17).unwrap()));
        assert!(tiles.contains(&TileId::new(2, 0, 1).unwrap()));
        assert_eq!(tiles.len(), 277);
        assert_eq!(new_tiles(0, 256).collect::<Vec<_>>(), [TileId::within(0, 0, 256), TileId::within(1, 0, 1)]);
        assert_eq!(new_tiles(0, 0).count(), 0);
    }

    #[test]
    fn a_tile_with_a_byte_too_many_or_too_few_is_refused() {
        let id = TileId::new(0, 0, 2).unwrap();
        for length in [0, 32, 63, 65, 96] {
            assert!(matches!(Tile::parse(id, &vec![0; length]), Err(TileError::Length { expected: 64, .. })), "{length}");
        }
        let tile = Tile::parse(id, &[7; 64]).unwrap();
        assert_eq!(tile.to_bytes(), [7; 64]);
    }

    #[test]
    fn the_nodes_inside_a_tile_are_those_of_the_tree() {
        let leaves: Vec<_> = (0..256u16).map(|i| leaf_hash(&i.to_be_bytes())).collect();
        for width in [1u16, 2, 3, 100, 255, 256] {
            let tile = Tile::of(TileId::within(0, 0, width), leaves[..usize::from(width)].to_vec());
            for row in 0..=8u8 {
                let nodes = usize::from(width >> row);
                for position in 0..nodes {
                    let expected = root_from_leaf_hashes(&leaves[position << row..(position + 1) << row]);
                    assert_eq!(tile.node(row, position), Some(expected));
                }
                assert_eq!(tile.node(row, nodes), None, "an incomplete node is not there");
            }
            assert_eq!(tile.node(9, 0), None);
        }
    }
}
