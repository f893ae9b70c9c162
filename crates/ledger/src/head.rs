//! The published head of the log.

use deedbox_tlog::{SignedCheckpoint, TreeHead};
use std::sync::Arc;

/// The highest finished checkpoint.
#[derive(Debug, Clone)]
pub struct Head {
    /// The tree of all published entries.
    pub tree: TreeHead,
    /// The signed checkpoint as it is served; none before the first entry.
    pub checkpoint: Option<Arc<SignedCheckpoint>>,
}
