//! Every bound of this crate in one place, each with its reason. All are this program's own: another one may look longer or less long. What
//! a record chain may be is in spec/dnssec.md, and its limits are in the room that judges it.

use std::time::Duration;

/// Time for one look, all of it together: what a person waits for who types a command. A resolver that has nothing in its memory needs
/// about a second for a name of four labels.
pub const LOOK: Duration = Duration::from_secs(10);
/// Time for one answer of a resolver, all tries together. Resolvers of libc wait 5 seconds; a second resolver must have its turn within
/// `LOOK`.
pub const ANSWER: Duration = Duration::from_secs(4);
/// Time after which a question is sent again, because a datagram may be lost.
pub const AGAIN: Duration = Duration::from_secs(1);
/// Times that a question is sent.
pub const TRIES: u8 = 3;
/// Looks that are under way at once: each holds a few sockets and less than 200 KiB.
pub const AT_ONCE: usize = 64;
/// Resolvers that are asked one after another: libc reads as many of resolv.conf (MAXNS).
pub const RESOLVERS: usize = 3;
/// Bytes of resolv.conf that are read: it has some hundred.
pub const RESOLV_CONF_BYTES: u64 = 64 * 1024;
/// Bytes of an answer as a datagram (RFC 9715 §3.2): what reaches nearly everybody in one piece. A longer answer is asked for by TCP.
pub const DATAGRAM_BYTES: u16 = 1_232;
/// Records in one section of an answer that are looked at: some 64 values with many signatures.
pub const ANSWER_RECORDS: usize = 256;
/// Labels of a domain that is looked at: each may be a zone of its own, for which two questions are asked. Names in use have two to five.
pub const LABELS: usize = 16;
/// Values at one name: as many as a record chain may have.
pub const VALUES: usize = 64;
/// Aliases (CNAME) on the way to the address of a web server: content networks use three or four.
pub const ALIASES: usize = 8;
/// Addresses of a web server that are tried.
pub const ADDRESSES: usize = 8;
/// Bytes of the file at a web server: 64 claims have 5 KiB.
pub const PAGE_BYTES: usize = 64 * 1024;
/// Claims in it (spec/events.md): as many as values at one name.
pub const CLAIMS: usize = 64;
/// Characters of a stranger's text in a message.
pub const SHOWN: usize = 200;
