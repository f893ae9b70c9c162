//! Every limit of this crate, with its reason (spec/api.md §8). All are this registry's own: another one may have others. Decides nothing.

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
/// Bytes that one domain may have uploaded without publishing them, if the operator says nothing: ten large container images, or a day's
/// worth of everything else.
pub const PENDING_BYTES: u64 = 32 * 1024 * 1024 * 1024;
/// Bytes of one object, if the operator says nothing.
pub const OBJECT_BYTES: u64 = 16 * 1024 * 1024 * 1024;
/// Objects that nobody refers to are removed when they are older than this: a day, in milliseconds.
pub const UNREFERENCED_MS: u64 = deedbox_model::time::DAY_MS;

/// Inspections at once. Each holds a thread that may block, and a large artifact's bytes come to it by another one: the runtime needs more
/// of these threads than this, or they would wait for each other for ever.
pub const INSPECTIONS: usize = 16;
/// Bytes of memory that inspections may hold at once: four of the largest that any dialect's limits allow, or as many small
/// ones as there may be.
pub const INSPECTIONS_BYTES: u64 = 4 * deedbox_view::dialect::INSPECTION_BYTES;
/// Bytes of memory that release manifests may hold at once while they are admitted: four of the largest.
pub const MANIFESTS_BYTES: u64 = 4 * deedbox_model::limits::MANIFEST_BYTES as u64 * MANIFEST_READ;
/// Bytes of memory for a byte of a release manifest, which is read twice, each time into values of 32 bytes at worst.
pub const MANIFEST_READ: u64 = 64;
/// Keys in one generation of those that are remembered: more publishers than are busy at a time, in some 2 MB.
pub const KEYS_KNOWN: usize = 8_192;
/// Uploads in one generation of those whose digests are remembered: more than are on their way, in some 4 MB.
pub const UPLOADS_KNOWN: usize = 8_192;
/// Bytes of a release's artifacts that are read at once and kept until it is inspected: what one piece of a stream holds.
pub const HELD_BYTES: u64 = 256 * 1024;
