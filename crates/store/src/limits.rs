//! Every limit of this crate, with its reason (docs/ARCHITECTURE.md, "Limits"). Decides nothing.

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
/// Connections that read rows: the machine has few cores, and a read is one short statement.
pub const ROW_READERS: u32 = 4;
/// Keys of one read statement: what the port promises to read in one round trip.
pub const READ_KEYS: usize = 1_000;
/// Rows that a scan of so many bytes asks for at a time where its store cannot stop in between: what comes too much is
/// some megabytes at worst.
pub const SCANNED_AT_A_TIME: u32 = 32;
/// Rows of one insert statement, each length a statement of its own that is prepared once: three variables a row, and SQLite
/// takes 32,766 variables.
pub const INSERT_LENGTHS: [usize; 4] = [500, 64, 8, 1];
/// Milliseconds that a statement waits for SQLite's lock. Only a second process on the same file makes it wait at all.
pub const BUSY_MS: u64 = 5_000;
/// Bytes of a page of the rows' file. Rows of a few kilobytes fit in one; twice SQLite's own size was a fifth faster to
/// write (docs/decisions/0004).
pub const ROW_PAGE_BYTES: u32 = 8_192;
