//! Every bound of this crate in one place, each with its reason.

use std::time::Duration;

/// A JSON answer: a package with its newest releases, or a page of its history.
pub const JSON_BYTES: usize = 4 * 1024 * 1024;
/// A checkpoint: what tlog reads as a note.
pub const CHECKPOINT_BYTES: usize = deedbox_tlog::limits::MAX_NOTE_BYTES;
/// A tlog-proof or a receipt of one entry: 63 hashes and a checkpoint.
pub const PAPER_BYTES: usize = deedbox_tlog::limits::MAX_LOG_PROOF_BYTES;
/// A verifier key: an origin, and some 60 characters.
pub const VKEY_BYTES: usize = 1_024;
/// A proof for many: 16,000 statements of about 700 bytes and their hashes, with room.
pub const PROOFS_BYTES: usize = 64 * 1024 * 1024;
/// Releases and indices asked for in one question (spec/api.md §4), less entry 0.
pub const PROVEN_AT_ONCE: usize = 15_999;
/// Entries of a package's history that are read to see what came between.
pub const HISTORY_ENTRIES: u64 = 1_000;
/// Events of a domain that are proven: sixteen keys changed each week for four years. As many as a registry adds to a proof by itself.
pub const DOMAIN_EVENTS: usize = 4_000;
/// Times that the two proofs of one entry are asked for: something may be appended between them.
pub const PAPER_TRIES: u32 = 3;
/// Domains that spoke in a chain beside the release's own whose events are looked up: a package changes hands a few times in its life.
pub const CHAIN_DOMAINS: usize = 64;
/// Pages of claimed domains, of 500 each, that are read to find those of a key: more than one registry has.
pub const DOMAIN_PAGES: usize = 20;
/// Releases of a package that are read to find its highest version: ten times those of the largest packages in use.
pub const VERSIONS: usize = 100_000;
/// Tiles fetched at once.
pub const TILES_AT_ONCE: usize = 8;
/// Objects uploaded at once: enough to hide a round trip, few enough for a server's budget of connections.
pub const UPLOADS_AT_ONCE: usize = 4;
/// Saved proofs that are searched for a file's digest: one directory listing, a second's work.
pub const SAVED_PROOFS: usize = 10_000;
/// A saved proof: a proof for many, and its head.
pub const SAVED_PROOF_BYTES: u64 = PROOFS_BYTES as u64 + 64 * 1024;
/// Holders of one domain that are remembered as accepted: a domain is recovered a few times in its life.
pub const TENURES: usize = 100;
/// The file of them, of some 120 bytes each.
pub const TENURES_BYTES: u64 = 64 * 1024;
/// Events in one page of the registry's list.
pub const EVENTS_AT_ONCE: u64 = 500;
/// Such a page: the registry keeps it below this (spec/api.md §8).
pub const EVENTS_BYTES: usize = 16 * 1024 * 1024;
/// Events of one key that are listed: ten a day for 27 years.
pub const SIGNED_EVENTS: usize = 100_000;
/// Times that an answer is asked for again, when asking twice changes nothing.
pub const RETRIES: u32 = 3;
/// Times that a statement is signed again on a newer head.
pub const REBASES: u32 = 3;
/// Time to connect.
pub const CONNECT: Duration = Duration::from_secs(5);
/// Time for the head of an answer, all tries together: a registry gives itself a minute for an answer.
pub const ANSWER: Duration = Duration::from_secs(120);
/// Time in which a body has to move by `MOVED_BYTES`, or come to its end.
pub const WINDOW: Duration = Duration::from_secs(60);
/// Bytes of a body in one `WINDOW`: 4 KiB a second, an eighth of what a bad telephone line carries.
pub const MOVED_BYTES: u64 = 240 * 1024;
/// The same for an upload: a registry that was started again hashes a part of 16 GiB before it takes the rest.
pub const UPLOAD_WINDOW: Duration = Duration::from_secs(150);
/// Time from an upload's last byte to its answer: what this machine still has to send, and what the registry's disk still has to write.
pub const UPLOAD_ANSWER: Duration = Duration::from_secs(300);
/// Times in a row that an upload is gone on with after it broke off without a byte more on the other side.
pub const UPLOAD_RETRIES: u32 = 4;
/// Between two looks at an upload that somebody else is sending.
pub const UPLOAD_LOOK: Duration = Duration::from_secs(1);
/// Time without a byte more after which an upload of somebody else counts as given up: longer than a registry waits for its next byte.
pub const UPLOAD_STANDS: Duration = Duration::from_secs(45);
/// Time for which an upload of somebody else is waited for at most.
pub const UPLOAD_WAIT: Duration = Duration::from_secs(600);
/// The longest that a server's Retry-After is waited for.
pub const WAIT: Duration = Duration::from_secs(5);
/// A claimant's acceptance with less time left is made anew: the registry has to see what was put while it is good.
pub const ACCEPTANCE_LEFT_MS: u64 = 10 * 60 * 1_000;
/// How long an upload permit is valid: the longest there is.
pub const PERMIT_MS: u64 = deedbox_model::permit::MAX_PERMIT_MS;
/// A permit with less time left is not used any more: the registry's clock may be some minutes ahead of this one.
pub const PERMIT_LEFT_MS: u64 = 5 * 60 * 1_000;
