//! Every limit of this crate, with its reason. All are this program's own: rows are the same whatever they are.

/// Entries folded at once: one batch of rows, one transaction.
pub const FOLD_ENTRIES: usize = 2_048;
/// Objects read at once.
pub const OBJECTS_AT_ONCE: usize = 16;
/// Rows of one page of a comparison.
pub const COMPARED_AT_ONCE: u32 = 2_000;
