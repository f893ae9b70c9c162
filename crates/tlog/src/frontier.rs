//! The frontier that a tree grows from: its right edge, and the root that follows from it. RFC 6962 section 2.1, `spec/log.md` section 1.
//! Never holds more of a tree than that.

use crate::hash::{Hash, empty_root, node_hash};
use crate::tile::TileId;
use crate::tiles::{HashReader, MissingTile, ReadError, tiles_holding};
use crate::tree::{Span, TreeError, check_size, complete_nodes, fold_right};

/// The hashes of the complete subtrees that a tree consists of, largest (leftmost) first: enough to append to it and to know its root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    hashes: Vec<Hash>,
}

impl Default for Frontier {
    fn default() -> Self {
        Self::empty()
    }
}

impl Frontier {
    /// Of the tree without leaves.
    pub fn empty() -> Self {
        Self { size: 0, hashes: Vec::new() }
    }

    /// From hashes that were kept; one for each bit that is set in `size`. The hashes are believed: compare the root.
    pub fn from_hashes(size: u64, hashes: Vec<Hash>) -> Result<Self, TreeError> {
        check_size(size)?;
        let expected = usize::try_from(size.count_ones()).unwrap_or(usize::MAX);
        if hashes.len() != expected {
            return Err(TreeError::FrontierLength { size, expected, found: hashes.len() });
        }
        Ok(Self { size, hashes })
    }

    /// From the tiles that [`plan_frontier`] names. The tiles are believed: compare the root.
    pub fn from_tiles(size: u64, reader: &impl HashReader) -> Result<Self, ReadError> {
        check_size(size)?;
        let hashes = complete_nodes(Span { start: 0, end: size }).map(|node| reader.hash(node)).collect::<Result<Vec<_>, MissingTile>>()?;
        Ok(Self { size, hashes })
    }

    /// Number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The hashes, largest subtree first; with the size they make the same frontier again.
    pub fn hashes(&self) -> &[Hash] {
        &self.hashes
    }

    /// Root of the tree.
    pub fn root(&self) -> Hash {
        fold_right(self.hashes.iter().copied()).unwrap_or_else(empty_root)
    }

    /// Appends one leaf hash.
    pub fn push(&mut self, leaf: Hash) -> Result<(), TreeError> {
        self.push_with(leaf, |_, _| ())
    }

    /// Appends one leaf hash and reports every node that it completed, the leaf first, with its level.
    pub fn push_with(&mut self, leaf: Hash, mut completed: impl FnMut(u8, Hash)) -> Result<(), TreeError> {
        check_size(self.size.saturating_add(1))?;
        let mut hash = leaf;
        let mut level = 0u8;
        completed(level, hash);
        while (self.size >> level) & 1 == 1 {
            let Some(left) = self.hashes.pop() else { break };
            hash = node_hash(&left, &hash);
            level += 1;
            completed(level, hash);
        }
        self.hashes.push(hash);
        self.size += 1;
        Ok(())
    }
}

/// The tiles that hold the frontier, and so the root, of a tree.
pub fn plan_frontier(size: u64) -> Result<Vec<TileId>, TreeError> {
    check_size(size)?;
    Ok(tiles_holding(complete_nodes(Span { start: 0, end: size }), size))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::leaf_hash;
    use crate::limits::MAX_TREE_SIZE;
    use crate::tree::root_from_leaf_hashes;

    fn leaves(size: u64) -> Vec<Hash> {
        (0..size).map(|i| leaf_hash(&i.to_be_bytes())).collect()
    }

    #[test]
    fn a_frontier_has_the_root_of_the_definition_at_every_size() {
        let all = leaves(600);
        let mut frontier = Frontier::empty();
        assert_eq!(frontier.root(), empty_root());
        for size in 1..=600usize {
            frontier.push(all[size - 1]).unwrap();
            assert_eq!(frontier.root(), root_from_leaf_hashes(&all[..size]), "{size}");
            let again = Frontier::from_hashes(frontier.size(), frontier.hashes().to_vec()).unwrap();
            assert_eq!(again, frontier);
        }
    }

    #[test]
    fn a_frontier_with_a_hash_too_few_is_refused() {
        assert!(matches!(Frontier::from_hashes(3, leaves(1)), Err(TreeError::FrontierLength { size: 3, expected: 2, found: 1 })));
        assert_eq!(Frontier::from_hashes(u64::MAX, vec![]), Err(TreeError::TooLarge(u64::MAX)));
    }

    #[test]
    fn the_largest_tree_does_not_grow() {
        let mut full = Frontier::from_hashes(MAX_TREE_SIZE, leaves(63)).unwrap();
        assert_eq!(full.push(leaf_hash(b"")), Err(TreeError::TooLarge(1 << 63)));
    }
}
