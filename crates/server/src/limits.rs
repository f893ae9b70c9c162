//! Every limit of this crate, with its reason (spec/api.md §8). All are this registry's own: another one may have others, and says so with
//! the same codes. Decides nothing.

use deedbox_model::threads::cores;
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
/// Bytes of statements in one answer: a statement has some 700. With its rows it fits into the memory for answers beside a full cache.
pub const PROOFS_STATEMENT_BYTES: usize = 32 * 1024 * 1024;
/// Bytes of rows, tiles and hashes that an answer with many proofs may need beside its statements.
pub const PROOFS_ROWS_BYTES: usize = 2 * 1024 * 1024;
/// Events of a package that are added to an answer as its chain: some 3 MB of statements.
pub const CHAIN_EVENTS: usize = 4_000;
/// Changes of the registry's rules that are read at once for an answer: a registry that changes them each month has so many after 20 years.
pub const RULES_ROWS: u32 = 256;
/// Rows of a package's history that are read at once for its chain: some 100 KB.
pub const CHAIN_ROWS: u32 = 500;
/// Grants of a domain and of those above it that are looked through to say what a key may do: each day a new one for ten years.
pub const CAN_ROWS: usize = 4_000;
/// Of these, the ones that one key has: more than a key is given, and with their rows a megabyte.
pub const CAN_GRANTS: usize = 256;
/// Grants that are read at once for that.
pub const CAN_ROWS_AT_ONCE: u32 = 500;
/// And their bytes: a grant has at most some 4 KiB.
pub const CAN_ROWS_BYTES: u64 = 1024 * 1024;
/// Bodies that are unpacked at once. A piece of one takes a tenth of a millisecond between two turns of everybody else: of a thousand at
/// once those turns would be a tenth of a second apart.
pub const UNPACKED_AT_ONCE: usize = 2;
/// Answers with many proofs that are made at once: each may read thousands of entry bundles.
pub const PROOFS_AT_ONCE: usize = 2;
/// Looks at domains at once: each asks other people's servers a dozen questions, and may wait for them.
pub const LOOKS_AT_ONCE: usize = 8;
/// Answers of projections that are read, rendered or coded at once, for each core: one works while another waits for the disk. Each
/// reads by a connection of its own (`ROW_READERS_PER_CORE` in the store). What each holds is weighed (`MEMORY_BYTES`).
pub const RENDERINGS_PER_CORE: usize = 2;
/// Bytes of a projection's POST as it comes, and unpacked: an audit of a large tree.
pub const QUERY_BODY_BYTES: usize = 1024 * 1024;
/// The same, unpacked.
pub const QUERY_BODY_UNPACKED_BYTES: usize = 8 * 1024 * 1024;
/// Bytes of a body that nobody wants, read so that its sender reads the refusal: a native client's publish.
pub const DRAINED_BYTES: usize = 64 * 1024 * 1024;
/// Events in one page.
pub const EVENTS_PAGE: u64 = 1_000;
/// Bytes that the making of one page of events may take: a third of the memory for answers, and more than 1,000 usual entries need.
pub const EVENTS_PAGE_BYTES: usize = 16 * 1024 * 1024;
/// Events in one page if nobody says how many.
pub const EVENTS_PAGE_DEFAULT: u64 = 100;

/// Time to send headers, and to begin the next request on a connection.
pub const HEADER_TIME: Duration = Duration::from_secs(10);
/// Time for an answer, but for the bytes of objects.
pub const ANSWER_TIME: Duration = Duration::from_secs(60);
/// Time without a byte after which an upload or a download is given up.
pub const STALL_TIME: Duration = Duration::from_secs(30);
/// Time in which `PACE_BYTES` of an upload or a download have to move.
pub const PACE_TIME: Duration = Duration::from_secs(5 * 60);
/// Bytes of an upload or a download that have to move in `PACE_TIME`: 218 in a second, a twentieth of what the slowest lines have. Who
/// takes less holds a place for nothing.
pub const PACE_BYTES: usize = 64 * 1024;
/// Time in which `BODY_PACE_BYTES` of a body that is read whole have to come.
pub const BODY_PACE_TIME: Duration = Duration::from_secs(10);
/// Bytes of a body that is read whole that have to come in `BODY_PACE_TIME`: a statement has as many, and comes in one packet.
pub const BODY_PACE_BYTES: usize = 1024;
/// Time that requests under way have to finish when the server stops.
pub const STOP_TIME: Duration = Duration::from_secs(30);
/// A request that takes longer is logged as slow.
pub const SLOW: Duration = Duration::from_secs(1);
/// Between two sweeps of objects that nobody refers to.
pub const SWEEP_EVERY: Duration = Duration::from_secs(60 * 60);

/// Milliseconds that this machine's clock may be ahead of everything that this registry knows of: a week. A registry that was stopped over
/// a holiday starts by itself; a clock that is wrong is wrong by years as a rule (nobody set it), and log time is never moved further.
pub const CLOCK_AHEAD_MS: u64 = 7 * deedbox_model::time::DAY_MS;
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

/// Bytes that strangers make this process hold, beside its two caches. With these (56 MiB), some 40 MB that it has anyway and 10 KB for
/// each of some thousand connections it stays under 300 MB whatever they do.
pub const MEMORY_BYTES: u64 = 108 * 1024 * 1024;
/// Of nine parts of these, those for bodies: a thousand uploads of small files at once, or a hundred of large ones.
pub const MEMORY_PARTS_OF_BODIES: u64 = 2;
/// Those for answers of projections: one that reads thirty megabytes, or forty packuments of megabytes to slow readers.
pub const MEMORY_PARTS_OF_ANSWERS: u64 = 3;
/// Those for answers out of the log: forty pages of events, or many proofs in one. A client that asks for masses of these keeps no client
/// waiting that installs.
pub const MEMORY_PARTS_OF_ENTRIES: u64 = 2;
/// Those for objects: a thousand slow downloads, or twenty quick ones.
pub const MEMORY_PARTS_OF_OBJECTS: u64 = 2;
/// Bytes of assembled answers in memory: several hundred packuments in three codings.
pub const ANSWER_CACHE_BYTES: u64 = 32 * 1024 * 1024;
/// Bytes of objects and of the log's files in memory: the tarballs that everybody installs just now.
pub const OBJECT_CACHE_BYTES: u64 = 24 * 1024 * 1024;
/// Time that a request waits for memory, or for a place of work, before it is refused.
pub const WAIT_TIME: Duration = Duration::from_secs(5);
/// Time between two requests to the slow to let go, while somebody waits for memory.
pub const GIVE_WAY_EVERY: Duration = Duration::from_millis(250);
/// Time without progress after which a reader, or a sender of a body, gives way to others when memory is short.
pub const GIVES_WAY_AFTER: Duration = Duration::from_secs(2);
/// Readers that give way at once: each may hold little.
pub const GIVES_WAY_AT_ONCE: usize = 32;
/// Bytes of an answer that are not weighed: about what each connection has for its headers.
pub const UNWEIGHED_BYTES: u64 = 16 * 1024;
/// Bytes of rows and text with which the making of an answer begins.
pub const MAKING_BYTES: usize = 64 * 1024;
/// Bytes from which the making of an answer is large: of these one is made at a time, so that none waits for memory that another holds
/// while that one waits too.
pub const LARGE_MAKING_BYTES: usize = 8 * 1024 * 1024;
/// Bytes that compressing an answer takes beside what comes of it: Brotli's window and tables.
pub const CODING_BYTES: usize = 4 * 1024 * 1024;
/// Bytes of a body that are read or unpacked at a time.
pub const PIECE_OF_BODY_BYTES: usize = 16 * 1024;
/// Bytes of a body that come at once and are few: they are copied, for each piece as it came holds a whole buffer.
pub const SMALL_FRAME_BYTES: usize = 4 * 1024;
/// Time in which such bytes are put together with those before them.
pub const GATHER_TIME: Duration = Duration::from_millis(50);
/// Bytes of an upload that may be in memory: what the store gathers, twice.
pub const UPLOAD_BYTES: usize = 2 * 128 * 1024;
/// Bytes of a download to a slow reader that may be in memory: a piece on its way, and the one before it.
pub const SLOW_DOWNLOAD_BYTES: usize = 2 * 16 * 1024;
/// Bytes of one such piece.
pub const SLOW_PIECE_BYTES: u64 = 16 * 1024;
/// Bytes of a download that are in memory where it is read ahead: four pieces of the store.
pub const READ_AHEAD_BYTES: usize = 1024 * 1024;
/// Bytes that reading ahead leaves free: room for a few hundred slow readers.
pub const READ_AHEAD_SPARE_BYTES: usize = 12 * 1024 * 1024;
/// Bytes of a download for which its file is opened once: opening is a thousandth of reading them.
pub const WINDOW_BYTES: u64 = 16 * 1024 * 1024;
/// Files of objects that are read into memory at once: each read takes a thread.
pub const READS_AT_ONCE: usize = 32;
/// Files of the log that are read into memory at once: they are counted apart, for such a read may wait for memory that a download gives back.
pub const LOG_READS_AT_ONCE: usize = READS_AT_ONCE / 2;
/// Bytes that the system may hold unsent for a connection. Less would cost quick readers a system call for each few packets.
pub const NOT_SENT_BYTES: u32 = 128 * 1024;
/// Time for which the bytes of a refused body are thrown away after its refusal, so that the refusal arrives.
pub const LINGER_TIME: Duration = Duration::from_secs(1);
/// Connections that do so at once; more are closed as they are.
pub const LINGER_AT_ONCE: usize = 128;
/// Open files that are not connections: rows, log, objects being read.
pub const OTHER_FILES: u64 = 256;
/// Pages of events that are made at once: each may read five bundles, and takes some milliseconds of a processor.
pub const PAGES_AT_ONCE: usize = 8;

/// Connections for each request that may be under way: idle ones cost some ten kilobytes.
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

/// Makers of answers at once; requests for answers that share a lock wait for each other, which is rare and harmless.
pub const ANSWER_LOCKS: usize = 1_024;
/// Appended statements in memory: some 5 MB.
pub const REMEMBERED: usize = 131_072;
/// Objects that were found whole, the most of them.
pub const FOUND_WHOLE: u64 = 100_000;
/// Bytes of a key file or of `registry.json`: both have a few hundred.
pub const KEY_FILE_BYTES: u64 = 4_096;
/// Bytes that a row takes in memory beside its key and its bytes.
pub const ROW_BYTES: usize = 96;
/// Bytes of a path that are written: what a client sends may be thirty times that.
pub const PATH_SHOWN: usize = 1_024;
/// A dependency that does not answer within this is not well.
pub const PATIENCE: Duration = Duration::from_secs(2);
/// Requests under way that are not answered from memory, if the operator says nothing.
pub const REQUESTS: usize = 1_024;
/// Bytes of the URL under which clients reach a registry: each packument repeats it for every version.
pub const PUBLIC_URL_BYTES: usize = 1_024;

/// Threads that may wait for a disk, for the runtime that a registry runs on. Each keeps some of the memory that it used last, so they are
/// few where a thousand strangers ask for much.
pub const BLOCKING_THREADS: usize = 20;
// Who inspects holds one of them and waits for another, which reads the object.
const _: () = assert!(deedbox_intake::INSPECTIONS < BLOCKING_THREADS);

/// Answers of projections that are made at once on this machine.
pub fn renderings_at_once() -> usize {
    cores() * RENDERINGS_PER_CORE
}
