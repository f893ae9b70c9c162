//! The published head of the log.

use deedbox_tlog::{Hash, SignedCheckpoint};
use std::sync::Arc;

/// The highest finished checkpoint.
#[derive(Debug, Clone)]
pub struct Head {
    /// Number of entries.
    pub size: u64,
    /// Root of the tree.
    pub root: Hash,
    /// The signed checkpoint as it is served; none before the first entry.
    pub checkpoint: Option<Arc<SignedCheckpoint>>,
}
