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
pub mod error;
pub mod fsck;
pub mod head;
pub mod limits;
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
pub use error::{LedgerError, SubmitError};
pub use fsck::{LogFinding, LogReport, LogToCheck, check_log};
pub use head::Head;
pub use probe::{NoProbe, Point, Probe};
pub use publish::STAGED;
pub use recover::{LedgerParts, Recovered, published};
pub use signer::CheckpointSigner;
pub use writer::{Appended, Ledger};
