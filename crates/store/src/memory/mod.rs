//! Adapters that keep everything in memory, for tests and for what need not survive (docs/ARCHITECTURE.md, "Ports").
//! "Durable" here means: as long as the value, or a clone of it, lives. Never used by a registry that serves.

mod commits;
mod files;
mod objects;
mod rows;

pub use commits::MemoryCommits;
pub use files::MemoryFiles;
pub use objects::MemoryObjects;
pub use rows::MemoryRows;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Each change under the lock is one call on a map, so a panic elsewhere leaves nothing half done.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
