//! Every bound of this crate in one place, each with its reason. First those that are frozen: spec/encoding.md §6 and
//! spec/projections/README.md §1 say the same numbers, a test compares them, and another number is another protocol. Then this program's own,
//! of which no answer and no verdict tells.

/// Bytes of one statement: an entry bundle prefixes each entry with a 16-bit length (C2SP tlog-tiles).
pub const STATEMENT_BYTES: usize = 65_535;
/// Bytes of a release manifest: what a server reads into memory to check one publish.
pub const MANIFEST_BYTES: usize = 4 * 1024 * 1024;
/// Bytes of an upload permit or an acceptance: a handful of keys and names, and it must fit a header line.
pub const SMALL_ENVELOPE_BYTES: usize = 8 * 1024;
/// Bytes of a deprecation message: npm prints it on one terminal screen.
pub const MESSAGE_BYTES: usize = 1_024;
/// Nesting of CBOR arrays and maps: deeper than any manifest needs, far from any stack's end.
pub const CBOR_DEPTH: usize = 32;
/// Bytes of an id: row keys and URLs carry it whole.
pub const ID_BYTES: usize = 255;
/// Bytes of a DNS name in presentation form (RFC 1035 §2.3.4).
pub const DOMAIN_BYTES: usize = 253;
/// Bytes of one DNS label (RFC 1035 §2.3.4).
pub const LABEL_BYTES: usize = 63;
/// Bytes of an ecosystem's name.
pub const ECOSYSTEM_BYTES: usize = 32;
/// Bytes of a version: the longest file name less room for the package name and ending.
pub const VERSION_BYTES: usize = 128;
/// Bytes of a channel name: an OCI tag's limit (OCI distribution, "Pulling manifests").
pub const CHANNEL_BYTES: usize = 128;
/// Bytes of a native name or native version: a Maven coordinate with a long group fits.
pub const NATIVE_BYTES: usize = 512;
/// Bytes of an origin: it is a note's key name and a URL part.
pub const ORIGIN_BYTES: usize = 200;
/// Principal artifacts named in the statement itself: keeps a statement small enough for lock-file proofs.
pub const PRINCIPAL_ARTIFACTS: usize = 8;
/// Channels that one publish may set.
pub const CHANNELS_PER_PUBLISH: usize = 8;
/// Keys of a domain.
pub const DOMAIN_KEYS: usize = 16;
/// Patterns of ids in one grant.
pub const GRANT_PATTERNS: usize = 16;
/// The longest from a claim to the end of the acceptance in it: 7 days, time for a record to be put and seen.
pub const ACCEPTANCE_MS: u64 = 7 * 24 * 60 * 60 * 1000;
/// The longest from a look at a domain to the statement that tells of it: an hour.
pub const SIGHT_MS: u64 = 60 * 60 * 1000;
/// Days that a recovery waits: its holder has so long to say no.
pub const RECOVERY_DAYS: u64 = 14;
/// Days that it waits if its holder said no.
pub const CONTESTED_DAYS: u64 = 2 * RECOVERY_DAYS;
/// Days after its wait in which a recovery can be completed.
pub const COMPLETION_DAYS: u64 = 30;
/// Days before a recovery in which a key that was taken away can still contest it.
pub const TAKEN_DAYS: u64 = 30;
/// Days in which a key can contest that it was taken away.
pub const CONTEST_DAYS: u64 = 7;
/// Days that a domain stands still because a key contested that it was taken away.
pub const CONTEST_FREEZE_DAYS: u64 = 14;
/// Days that an operator's freeze lasts.
pub const OPERATOR_FREEZE_DAYS: u64 = 14;
/// Days before which nobody thaws what the domain itself froze.
pub const THAW_DAYS: u64 = 3;
/// Days before a recovery key that an admin key puts is one.
pub const RECOVERY_KEY_DAYS: u64 = 30;
/// Days in which a domain that changed hands without its holder's word moves none of the packages that were there.
pub const HELD_DAYS: u64 = 30;
/// Milliseconds of a day below localhost: a second, so that everybody can try in a minute what takes weeks elsewhere.
pub const LOCAL_DAY_MS: u64 = 1_000;
/// Bytes of the records of DNS in a claim: beside them and an acceptance, a statement has room for all else.
pub const RECORDS_BYTES: usize = 12 * 1024;
/// Anchors of DNS in a registry's rules: the root has two keys while it changes them.
pub const ANCHORS: usize = 8;
/// Bytes of an anchor's digest: SHA-384.
pub const ANCHOR_DIGEST_BYTES: usize = 48;
/// Rules of the public suffix list that one event puts or takes away: the longest hundreds of them fit a statement, and so do some three
/// thousand of usual length.
pub const SUFFIX_RULES: usize = 4_096;
/// Keys of one kind in `registry.created`.
pub const REGISTRY_KEYS: usize = 8;
/// Artifacts of one release: an OCI closure of thousands of layers is already extreme; they fit the manifest's bytes.
pub const ARTIFACTS: usize = 8_192;
/// Bytes of an artifact's name: a path in a Maven repository fits.
pub const ARTIFACT_NAME_BYTES: usize = 512;
/// Bytes of one object: 64 GiB, above the largest layers in use, below what an 8-byte signed length can hold.
pub const OBJECT_BYTES: u64 = 64 * 1024 * 1024 * 1024;
/// Bytes of a row key: CouchDB document ids and SQLite index pages both stay cheap.
pub const ROW_KEY_BYTES: usize = 1_200;
/// Bytes of a projection's name: it becomes part of a table's or a database's name.
pub const PROJECTION_NAME_BYTES: usize = 32;
/// The largest time: the last millisecond of the year 9999. RFC 3339 and every other form of dates for people end there; it is exact in
/// every JSON reader.
pub const TIME_MS: u64 = 253_402_300_799_999;
/// The longest that an upload permit is valid: 15 minutes, time enough to begin a slow upload, which may finish later.
pub const PERMIT_MS: u64 = 15 * 60 * 1000;
/// Bytes of an artifact's role, and of its media type: RFC 6838 §4.2 gives a type and its subtype 127 each.
pub const ROLE_BYTES: usize = 255;
/// Bytes of a description: what a listing shows of it is less.
pub const DESCRIPTION_BYTES: usize = 1_024;
/// Bytes of a licence, as SPDX expressions or file names go.
pub const LICENCE_BYTES: usize = 255;
/// Bytes of a URL in a manifest: what browsers and proxies take.
pub const URL_BYTES: usize = 2_048;
/// Keywords of a release, and bytes of each: search needs no more.
pub const KEYWORDS: usize = 64;
/// Bytes of one keyword.
pub const KEYWORD_BYTES: usize = 64;

/// Bytes from which on digests are computed by two threads: a millisecond and a half of work, beside some 30 µs to begin a thread.
pub const HASHED_BY_TWO: usize = 256 * 1024;
/// Keys in one generation of those that are remembered: more publishers than are busy at a time, in some 2 MB.
pub const KEYS_REMEMBERED: usize = 4_096;
/// Bytes that are read at once: enough for two threads to share.
pub const READ_BYTES: usize = 1024 * 1024;
