//! The only writer of the log (docs/ARCHITECTURE.md, "The order of writing").
//!
//! ```text
//! pool → decide → stage → CLAIM → sign → tiles → checkpoint → (fold, by replay) → answer
//!                         ^^^^^ the commit point
//! ```
//!
//! A crash before the claim leaves a staged bundle that the next start removes. A crash after it leaves a commit that
//! the next start finishes, by the same code that would have gone on. Nothing is signed before it is claimed, so no two
//! checkpoints of one size are ever signed. Takes only `Admitted` statements; judges them with `authority::Deciders` and
//! with nothing else.

pub mod commit;
pub mod fsck;
pub mod head;
pub mod overlay;
pub mod probe;
pub mod publish;
pub mod recover;
pub mod signer;
pub mod writer;

mod edge;
mod place;

pub(crate) use place::place_of;

pub use commit::{Commit, CommitError};
pub use fsck::{LogFinding, LogReport, LogToCheck, check_log};
pub use head::Head;
pub use probe::{NoProbe, Point, Probe};
pub use publish::STAGED;
pub use recover::{LedgerError, LedgerParts, Recovered, published};
pub use signer::CheckpointSigner;
pub use writer::{Appended, Batch, Ledger, SubmitError};

/// How long a small batch waits for one more statement, where the batch before it was large.
pub const GATHER_IDLE: std::time::Duration = std::time::Duration::from_millis(1);
/// How long it waits in all: a fraction of what a commit takes.
pub const GATHER_AT_MOST: std::time::Duration = std::time::Duration::from_millis(5);
/// Entries in one commit: a tenth of a second of signatures to check for who follows.
pub const MAX_BATCH_ENTRIES: usize = 4_096;
/// Bytes in one commit: what a follower holds in memory at once.
pub const MAX_BATCH_BYTES: usize = 16 * 1024 * 1024;
/// Statements waiting in the pool; past it, callers are told to come back.
pub const MAX_POOL: usize = 16_384;
