//! Every limit of this crate, with its reason. All are this program's own: rows are the same whatever they are.

use std::time::Duration;

/// Entries folded at once: one batch of rows, one transaction.
pub const FOLD_ENTRIES: usize = 2_048;
/// Objects read at once.
pub const OBJECTS_AT_ONCE: usize = 16;
/// Rows of one page of a comparison.
pub const COMPARED_AT_ONCE: u32 = 2_000;
/// How long folding waits after it failed and may work again: a disk that is busy has done its work by then.
pub const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// The same at most: an operator who has made room waits no longer than this.
pub const LAST_PAUSE: Duration = Duration::from_secs(5);
