//! The head of a tree: how many leaves it has, and the root that they lead to. What a checkpoint states, without a name and without a
//! signature (RFC 6962 §3.5 calls it so); whether anybody signed it is not said here.

use crate::hash::{Hash, empty_root};

/// The size of a tree with its root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TreeHead {
    /// Number of leaves.
    pub size: u64,
    /// Root of the tree.
    pub root: Hash,
}

impl TreeHead {
    /// That of the tree without leaves.
    pub fn empty() -> Self {
        TreeHead { size: 0, root: empty_root() }
    }
}
