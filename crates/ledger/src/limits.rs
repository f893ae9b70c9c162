//! Every limit of this crate, with its reason (docs/ARCHITECTURE.md, "The order of writing"). All are this program's own: another writer of
//! the same log may have others.

use std::time::Duration;

/// How long a small batch waits for one more statement, where the batch before it was large.
pub const GATHER_IDLE: Duration = Duration::from_millis(1);
/// How long it waits in all: a fraction of what a commit takes.
pub const GATHER_AT_MOST: Duration = Duration::from_millis(5);
/// Entries in one commit: a tenth of a second of signatures to check for who follows.
pub const MAX_BATCH_ENTRIES: usize = 4_096;
/// Bytes in one commit: what a follower holds in memory at once.
pub const MAX_BATCH_BYTES: usize = 16 * 1024 * 1024;
/// Statements waiting in the pool; past it, callers are told to come back.
pub const MAX_POOL: usize = 16_384;
