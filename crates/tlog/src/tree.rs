//! The shape of the tree: which nodes exist, and which ranges a proof needs. RFC 6962 section 2.1, `spec/log.md` section 1. Holds no
//! hashes.

use crate::hash::{Hash, empty_root, node_hash};
use crate::limits::MAX_TREE_SIZE;

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

/// Root over leaf hashes held in memory, by the definition of RFC 6962. The oracle of tests; a log uses [`crate::Frontier`].
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

/// Joins complete subtrees of falling size from the right, as the right edge of an RFC 6962 tree is built.
pub(crate) fn fold_right(hashes: impl DoubleEndedIterator<Item = Hash>) -> Option<Hash> {
    hashes.rev().reduce(|right, left| node_hash(&left, &right))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_split_is_the_largest_power_of_two_below() {
        for (size, expected) in [(2, 1), (3, 2), (4, 2), (5, 4), (8, 4), (9, 8), (1 << 63, 1 << 62)] {
            assert_eq!(split(size), expected, "{size}");
        }
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
