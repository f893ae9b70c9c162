//! Every limit of this crate, with its reason (spec/api.md §8). Decides nothing.

use std::time::Duration;

/// Bytes of request line and headers: an upload permit of 8 KiB in base64 fits three times.
pub const HEADER_BYTES: usize = 32 * 1024;
/// Header lines of a request: browsers and proxies send some 30.
pub const HEADER_LINES: usize = 100;
/// Bytes of a decoded path below a mount: four times the longest id.
pub const PATH_BYTES: usize = 2_048;
/// Bytes of a query string.
pub const QUERY_BYTES: usize = 8_192;
/// Pairs of a query.
pub const QUERY_PAIRS: usize = 64;
/// Bytes of an `Accept` header: a browser's has some 150.
pub const ACCEPT_BYTES: usize = 1_024;
/// Bytes of a body that asks for proofs: 16,000 ids.
pub const PROOFS_BODY_BYTES: usize = 1024 * 1024;
/// Releases and indices that one question for proofs may name: the multiproof takes 16,384 leaves, claims among them.
pub const PROOFS_ASKED: usize = 16_000;
/// Bytes of statements in one answer: a statement has some 700.
pub const PROOFS_STATEMENT_BYTES: usize = 64 * 1024 * 1024;
/// Answers with many proofs that are made at once: each may read thousands of entry bundles.
pub const PROOFS_AT_ONCE: usize = 2;
/// Answers of projections that are read, rendered or coded at once, for each core: one works while another waits for rows.
/// Each may hold 80 MiB of rows and as much of text, some 250 MB in all; that times this is what strangers can make it hold.
pub const RENDERINGS_PER_CORE: usize = 2;
/// Bytes of a projection's POST as it comes, and unpacked: an audit of a large tree.
pub const QUERY_BODY_BYTES: usize = 1024 * 1024;
/// The same, unpacked.
pub const QUERY_BODY_UNPACKED_BYTES: u64 = 8 * 1024 * 1024;
/// Bytes of a body that nobody wants, read so that its sender reads the refusal: a native client's publish.
pub const DRAINED_BYTES: usize = 64 * 1024 * 1024;
/// Events in one page.
pub const EVENTS_PAGE: u64 = 1_000;
/// Events in one page if nobody says how many.
pub const EVENTS_PAGE_DEFAULT: u64 = 100;

/// Time to send headers, and to begin the next request on a connection.
pub const HEADER_TIME: Duration = Duration::from_secs(10);
/// Time for an answer, but for the bytes of objects.
pub const ANSWER_TIME: Duration = Duration::from_secs(60);
/// Time without a byte after which an upload or a download is given up.
pub const STALL_TIME: Duration = Duration::from_secs(30);
/// Time that requests under way have to finish when the server stops.
pub const STOP_TIME: Duration = Duration::from_secs(30);
/// A request that takes longer is logged as slow.
pub const SLOW: Duration = Duration::from_secs(1);
/// Between two sweeps of objects that nobody refers to.
pub const SWEEP_EVERY: Duration = Duration::from_secs(60 * 60);

/// Milliseconds that this machine's clock may be ahead of everything that this registry knows of: a week. A registry that was stopped over
/// a holiday starts by itself; a clock that is wrong is wrong by years as a rule (nobody set it), and log time is never moved further.
pub const CLOCK_AHEAD_MS: u64 = 7 * 24 * 60 * 60 * 1000;
/// Milliseconds by which a clock is set without a word in the log: what statements may differ by.
pub const CLOCK_JUMP_MS: u64 = 10 * 60 * 1000;
/// Between two notes of what the clock says: a file of 40 bytes, and what a crash forgets.
pub const CLOCK_KEPT_EVERY: Duration = Duration::from_secs(60);
/// The first of January 2025, before which this program was not: no log begins by a clock that was never set.
pub const EARLIEST_MS: u64 = 1_735_689_600_000;
/// For how long what the disk said is believed: who asks more often makes it write no more often.
pub const ROOM_KEPT: Duration = Duration::from_secs(5);
/// Bytes that are written to ask: some small batch with its tiles.
pub const ROOM_PROBED_BYTES: usize = 64 * 1024;

/// Connections for each request that may be under way: idle ones cost a few kilobytes.
pub const CONNECTIONS_PER_REQUEST: usize = 8;
/// Bytes of an object that is kept in memory: nine of ten npm tarballs.
pub const HOT_OBJECT_BYTES: u64 = 1024 * 1024;
/// Bytes from which an answer is worth compressing: below, the headers weigh more.
pub const COMPRESSED_FROM_BYTES: usize = 1_024;
/// Objects that are known to be readable.
pub const READABLE_KEPT: u64 = 100_000;
/// Batches between writer and replayer: what is published waits here to be folded.
pub const BATCHES_WAITING: usize = 16;
/// Tiles and bundles that are fetched at once for proofs.
pub const TILES_AT_ONCE: usize = 16;

/// Answers of projections that are made at once on this machine.
pub fn renderings_at_once() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get) * RENDERINGS_PER_CORE
}
