//! Who may do what: one pure decider for each protocol number, run by the writer, by the replayer and by every verifier (spec/authority.md).
//!
//! Sees the rows that `touches` names and one statement; gives the rows that change, or a refusal in words. Knows no
//! ecosystem, no clock, no store. The same refusals that a writer answers with make a logged statement void.

pub mod deciders;
pub mod generations;
mod one;
pub mod refusal;
pub mod rows;

pub use deciders::{
    DECIDERS, Decider, Deciders, Decision, Effective, Signed, decide, protocol_in_force, touches, touches_undecodable, void_changes,
};
pub use generations::Generations;
pub use refusal::Refusal;

/// The name of authority's rows in a row store.
pub const PROJECTION: &str = "authority";

/// The version of authority's rows.
pub const VERSION: u32 = 1;

/// The protocol number that a new registry begins with.
pub const PROTOCOL: u64 = 1;

/// A statement more than this far behind log time is void: ten minutes, in milliseconds.
pub const MAX_BEHIND_MS: u64 = 10 * 60 * 1000;

/// A writer refuses a statement more than this far ahead of its own clock: two minutes, in milliseconds.
pub const MAX_AHEAD_MS: u64 = 2 * 60 * 1000;
