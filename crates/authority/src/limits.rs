//! How far a statement's time may be from other times (spec/statements.md §4), and the waits of a domain that changes hands (spec/authority.md
//! §4). All are frozen: spec/encoding.md §6 says the same numbers, and a test compares them.

/// A statement more than this far behind log time is void: ten minutes, in milliseconds.
pub const MAX_BEHIND_MS: u64 = 10 * 60 * 1000;

/// A writer refuses a statement more than this far ahead of its own clock: two minutes, in milliseconds.
pub const MAX_AHEAD_MS: u64 = 2 * 60 * 1000;

/// Days that a recovery waits: its holder has so long to say no.
pub const RECOVERY_DAYS: u64 = 14;

/// Days that it waits if its holder said no.
pub const CONTESTED_DAYS: u64 = 2 * RECOVERY_DAYS;

/// Days after its wait in which a recovery can be completed.
pub const COMPLETION_DAYS: u64 = 30;

/// Days before a recovery in which a key that was taken away can still contest it.
pub const TAKEN_DAYS: u64 = 30;

/// Days in which a key can contest that it was taken away.
pub const CONTEST_DAYS: u64 = 7;

/// Days that a domain stands still because a key contested that it was taken away.
pub const CONTEST_FREEZE_DAYS: u64 = 14;

/// Days that an operator's freeze lasts.
pub const OPERATOR_FREEZE_DAYS: u64 = 14;

/// Days before which nobody thaws what the domain itself froze.
pub const THAW_DAYS: u64 = 3;

/// Days before a recovery key that an admin key puts is one.
pub const RECOVERY_KEY_DAYS: u64 = 30;

/// Days in which a domain that changed hands without its holder's word moves none of the packages that were there.
pub const HELD_DAYS: u64 = 30;

/// Milliseconds of a day below localhost: a second, so that everybody can try in a minute what takes weeks elsewhere.
pub const LOCAL_DAY_MS: u64 = 1_000;
