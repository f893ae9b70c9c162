//! Limits of uploads, each with its reason (spec/api.md §8). Decides nothing.

/// Bytes of an object from which an upload that breaks off leaves a part: below it, to begin again costs less than to ask.
pub const PART_FROM_BYTES: u64 = 1024 * 1024;
/// Bytes of a part that is worth keeping.
pub const PART_LEAST_BYTES: u64 = 256 * 1024;
/// Parts that wait on one account: a publisher sends four objects at once, and sixteen jobs of theirs may be cut off together.
pub const PARTS_KEPT: usize = 64;
/// Objects on one account: eight releases of as many files as a manifest can name, in some ten megabytes of memory.
pub const ACCOUNT_OBJECTS: usize = 65_536;
/// Uploads of one object on one account at once: jobs of a matrix that share a layer. They count once, and each has its own file.
pub const SAME_OBJECT_AT_ONCE: usize = 8;
/// Digests of which rows are asked in one go.
pub const RECALLED_AT_ONCE: usize = 1_000;
