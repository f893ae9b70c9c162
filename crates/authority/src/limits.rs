//! How far a statement's time may be from other times (spec/statements.md §4). Both are frozen: spec/encoding.md §6 says the same numbers,
//! and a test compares them.

/// A statement more than this far behind log time is void: ten minutes, in milliseconds.
pub const MAX_BEHIND_MS: u64 = 10 * 60 * 1000;

/// A writer refuses a statement more than this far ahead of its own clock: two minutes, in milliseconds.
pub const MAX_AHEAD_MS: u64 = 2 * 60 * 1000;
