//! A published batch: entries of the log that follow each other, as the writer hands them to the replayer of its process. Says nothing of
//! whether they have an effect.

use crate::statement::{Statement, Verified};
use std::sync::Arc;

/// A published batch, as replay takes it from memory instead of reading it back from the files. Without entries: another
/// writer's, which only the files have.
#[derive(Debug, Clone)]
pub struct Batch {
    /// Index of its first entry.
    pub first: u64,
    /// Its entries, in order.
    pub entries: Vec<Arc<Verified<Statement>>>,
}
