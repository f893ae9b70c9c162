//! Every limit of this crate, with its reason (docs/ARCHITECTURE.md, "Limits"). Decides nothing.

use deedbox_model::threads::cores;

/// Bytes of a file's path: well under the 4,096 of Linux with any data directory before it, and S3's 1,024 of a key.
pub const PATH_BYTES: usize = 1_024;
/// Bytes of one segment of a path: file systems take 255, and a temporary name adds a suffix.
pub const SEGMENT_BYTES: usize = 200;
/// Bytes of an object in one piece of a stream: large enough that a hop between threads (some 10 µs) is nothing beside
/// copying it, small enough that a thousand slow readers, each with one piece in hand and one ahead, fit in 512 MiB.
pub const PIECE_BYTES: usize = 256 * 1024;
/// Bytes of an upload that are hashed and written in one go on a blocking thread; as many again may be gathered meanwhile. Hashing them
/// takes twenty times as long as the hop between threads, and a hundred uploads fit in 24 MiB.
pub const UPLOAD_PIECE_BYTES: usize = 128 * 1024;
/// Bytes of an upload after which the medium is asked to begin with them: some ten milliseconds of a disk, a thousandth of a large layer.
pub const FLUSH_BEHIND_BYTES: usize = 4 * 1024 * 1024;
/// Parts that are hashed again at once, after a restart: each takes two threads, at the pace of the slowest digest.
pub const HASHED_AGAIN_AT_ONCE: usize = 2;
/// Parts whose digests go on from memory, at some three kilobytes each; others are hashed again from the disk.
pub const HASHERS_KEPT: usize = 1_024;
/// Connections that read rows for each core: as many answers are made at once, and each holds one while it is made.
pub const ROW_READERS_PER_CORE: usize = 2;
/// Connections that read rows beside these: what decides and what folds does not wait for answers.
pub const ROW_READERS_BESIDE: usize = 4;
/// Connections that read rows at most: each has three open files.
pub const ROW_READERS_AT_MOST: usize = 36;
/// Kibibytes of pages that all of these keep together. They keep them only while nothing is written.
pub const ROW_CACHE_KIB: usize = 64 * 1024;
/// Statements that each of these keeps prepared: three for each generation of some ten projections, and a handful.
pub const ROW_STATEMENTS: usize = 64;
/// Keys that a fold or a decision asks for at once: nobody holds a connection for longer than that takes.
pub const READ_KEYS: usize = 1_000;
/// Milliseconds that a statement waits for SQLite's lock. Only a second process on the same file makes it wait at all.
pub const BUSY_MS: u64 = 5_000;
/// Bytes of a page of the rows' file. Rows of a few kilobytes fit in one; twice SQLite's own size was a fifth faster to
/// write (docs/decisions/0004).
pub const ROW_PAGE_BYTES: u32 = 8_192;

/// Connections that read rows on this machine.
pub fn row_readers() -> usize {
    (cores() * ROW_READERS_PER_CORE + ROW_READERS_BESIDE).min(ROW_READERS_AT_MOST)
}
