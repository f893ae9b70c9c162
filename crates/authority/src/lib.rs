//! Who may do what: one pure decider for each protocol number, run by the writer, by the replayer and by every verifier (spec/authority.md).
//!
//! Sees the rows that `touches` names and one statement; gives the rows that change, or a refusal in words. Knows no
//! ecosystem, no clock, no store. The same refusals that a writer answers with make a logged statement void.

pub mod deciders;
pub mod decision;
pub mod generations;
pub mod limits;
mod one;
pub mod refusal;
pub mod rows;

pub use deciders::{DECIDERS, Decider, Deciders, decide, protocol_in_force, touches, touches_undecodable, void_changes};
pub use decision::{Decision, Effective, Signed};
pub use generations::Generations;
pub use limits::{MAX_AHEAD_MS, MAX_BEHIND_MS};
pub use one::{
    DomainAct, NextOfRecovery, Question, Rule, anchors_of, is_free, may, next_of_recovery, rows_of_free, rows_of_may, rows_of_recovery,
};
pub use refusal::Refusal;

use deedbox_model::ProjectionId;

/// Authority's rows.
pub const PROJECTION: ProjectionId = ProjectionId { name: "authority", version: 1 };

/// The protocol number that a new registry begins with.
pub const PROTOCOL: u64 = 1;
