//! Who may do what: one pure decider, run by the writer, by the replayer and by every verifier (spec/authority.md).
//!
//! Sees the rows that `touches` names and one statement; gives the rows that change, or a refusal in words. Knows no
//! ecosystem, no clock, no store. The same refusals that a writer answers with make a logged statement void.

pub mod decide;
pub mod limits;
pub mod refusal;
pub mod rows;

pub use decide::{Decision, Effective, Signed, decide, touches, touches_undecodable, void_changes};
pub use limits::{MAX_AHEAD_MS, MAX_BEHIND_MS};
pub use refusal::Refusal;

use deedbox_model::ProjectionId;

/// Authority's rows.
pub const PROJECTION: ProjectionId = ProjectionId { name: "authority", version: 1 };

/// The protocol number that this code decides by.
pub const PROTOCOL: u64 = 1;
