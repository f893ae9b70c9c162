//! The shape of the tree: which nodes exist, which ranges a proof needs, and the frontier that a tree grows from.
//! RFC 6962 section 2.1, `spec/log.md` section 1. Never holds more of a tree than its right edge.

use crate::hash::{Hash, empty_root, node_hash};
use crate::limits::MAX_TREE_SIZE;
use crate::tile::TileId;
use crate::tiles::{HashReader, MissingTile, tiles_holding};

/// Why a question about a tree has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TreeError {
    /// A tree larger than any that a log may have.
    #[error("a tree of {0} leaves is larger than a log may be ({MAX_TREE_SIZE}); check the size")]
    TooLarge(u64),
    /// A leaf that the tree doesn't have yet.
    #[error("leaf {index} is not in a tree of {size} leaves; ask for a larger tree")]
    IndexBeyondSize {
        /// The leaf asked for.
        index: u64,
        /// The tree's size in leaves.
        size: u64,
    },
    /// An earlier tree that is larger than the later one.
    #[error("a tree of {old} leaves cannot come before one of {new}")]
    OldBeyondNew {
        /// Size of the earlier tree.
        old: u64,
        /// Size of the later tree.
        new: u64,
    },
    /// A frontier with more or fewer hashes than its size has.
    #[error("a tree of {size} leaves has a frontier of {expected} hashes, not {found}")]
    FrontierLength {
        /// The tree's size in leaves.
        size: u64,
        /// How many hashes belong to it.
        expected: usize,
        /// How many there were.
        found: usize,
    },
}

/// A node over 2^level leaves that are all there: leaves `index << level` up to `(index + 1) << level`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId {
    /// 0 for a leaf hash.
    pub level: u8,
    /// Position among the nodes of its level, from the left.
    pub index: u64,
}

/// A run of leaves `start..end` that is one subtree of some tree, complete or at its right edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// First leaf.
    pub start: u64,
    /// One past the last leaf.
    pub end: u64,
}

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
    pub fn from_tiles(size: u64, reader: &impl HashReader) -> Result<Self, crate::ReadError> {
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

/// Root over leaf hashes held in memory, by the definition of RFC 6962. The oracle of tests; a log uses [`Frontier`].
pub fn root_from_leaf_hashes(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => empty_root(),
        [leaf] => *leaf,
        _ => {
            let middle = split(leaves.len() as u64) as usize;
            let (left, right) = leaves.split_at(middle);
            node_hash(&root_from_leaf_hashes(left), &root_from_leaf_hashes(right))
        }
    }
}

/// The largest power of two smaller than `size`; `size` is at least 2.
pub fn split(size: u64) -> u64 {
    1 << size.saturating_sub(1).max(1).ilog2()
}

/// Refuses sizes that no log may have.
pub fn check_size(size: u64) -> Result<(), TreeError> {
    if size > MAX_TREE_SIZE { Err(TreeError::TooLarge(size)) } else { Ok(()) }
}

/// The complete nodes that a subtree consists of, from left to right. For a complete subtree it is one node.
pub fn complete_nodes(span: Span) -> impl Iterator<Item = NodeId> {
    let mut start = span.start;
    std::iter::from_fn(move || {
        let length = span.end.checked_sub(start).filter(|length| *length > 0)?;
        let level = length.ilog2().min(start.trailing_zeros());
        let node = NodeId { level: u8::try_from(level).ok()?, index: start >> level };
        start += 1 << level;
        Some(node)
    })
}

/// The subtrees whose roots make the inclusion proof of a leaf, the leaf's sibling first (RFC 6962 section 2.1.1).
pub fn inclusion_spans(index: u64, size: u64) -> Result<Vec<Span>, TreeError> {
    check_size(size)?;
    if index >= size {
        return Err(TreeError::IndexBeyondSize { index, size });
    }
    let mut spans = Vec::new();
    let (mut start, mut end) = (0, size);
    while end - start > 1 {
        let middle = start + split(end - start);
        if index < middle {
            spans.push(Span { start: middle, end });
            end = middle;
        } else {
            spans.push(Span { start, end: middle });
            start = middle;
        }
    }
    spans.reverse();
    Ok(spans)
}

/// The subtrees whose roots make the consistency proof of two trees, in the order of the proof (RFC 6962 section 2.1.2).
/// None for equal sizes, and none for an empty old tree, which every tree is consistent with.
pub fn consistency_spans(old: u64, new: u64) -> Result<Vec<Span>, TreeError> {
    check_size(new)?;
    if old > new {
        return Err(TreeError::OldBeyondNew { old, new });
    }
    let mut spans = Vec::new();
    if old == 0 || old == new {
        return Ok(spans);
    }
    let (mut start, mut end) = (0, new);
    // As long as the old tree is a left part of what is looked at, its root is known to the verifier.
    while old != end {
        let middle = start + split(end - start);
        if old <= middle {
            spans.push(Span { start: middle, end });
            end = middle;
        } else {
            spans.push(Span { start, end: middle });
            start = middle;
        }
    }
    if start != 0 {
        spans.push(Span { start, end });
    }
    spans.reverse();
    Ok(spans)
}

/// Root of a subtree, read node by node.
pub fn span_hash(span: Span, reader: &impl HashReader) -> Result<Hash, MissingTile> {
    let hashes = complete_nodes(span).map(|node| reader.hash(node)).collect::<Result<Vec<_>, _>>()?;
    Ok(fold_right(hashes.into_iter()).unwrap_or_else(empty_root))
}

/// Joins complete subtrees of falling size from the right, as the right edge of an RFC 6962 tree is built.
fn fold_right(hashes: impl DoubleEndedIterator<Item = Hash>) -> Option<Hash> {
    hashes.rev().reduce(|right, left| node_hash(&left, &right))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::leaf_hash;

    fn leaves(size: u64) -> Vec<Hash> {
        (0..size).map(|i| leaf_hash(&i.to_be_bytes())).collect()
    }

    #[test]
    fn the_split_is_the_largest_power_of_two_below() {
        for (size, expected) in [(2, 1), (3, 2), (4, 2), (5, 4), (8, 4), (9, 8), (1 << 63, 1 << 62)] {
            assert_eq!(split(size), expected, "{size}");
        }
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

    #[test]
    fn complete_nodes_cover_a_span_without_gap_or_overlap() {
        for start in [0u64, 64, 128, 192] {
            for end in start..=start + 64 {
                let mut at = start;
                for node in complete_nodes(Span { start, end }) {
                    assert_eq!(node.index << node.level, at);
                    at = (node.index + 1) << node.level;
                }
                assert_eq!(at, end);
            }
        }
        assert_eq!(complete_nodes(Span { start: 0, end: MAX_TREE_SIZE }).count(), 63);
    }

    #[test]
    fn questions_outside_the_tree_are_refused() {
        assert_eq!(inclusion_spans(5, 5), Err(TreeError::IndexBeyondSize { index: 5, size: 5 }));
        assert_eq!(inclusion_spans(0, 0), Err(TreeError::IndexBeyondSize { index: 0, size: 0 }));
        assert_eq!(consistency_spans(6, 5), Err(TreeError::OldBeyondNew { old: 6, new: 5 }));
        assert_eq!(inclusion_spans(0, u64::MAX), Err(TreeError::TooLarge(u64::MAX)));
    }
}
