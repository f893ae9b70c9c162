//! Every limit of this crate, with its reason (`spec/log.md`, section 11). All are frozen: a test compares them with that text. Past a limit
//! there is a refusal, never a shorter answer.

/// Largest tree: 2^63 - 1 leaves. Other implementations keep sizes in signed 64-bit integers.
pub const MAX_TREE_SIZE: u64 = (1 << 63) - 1;

/// Largest entry, in bytes: what the 16-bit length prefix of an entry bundle can say.
pub const MAX_ENTRY_BYTES: usize = 65_535;

/// Longest path that is looked at, in bytes. The longest real one has 47.
pub const MAX_PATH_BYTES: usize = 64;

/// Longest key name or origin, in bytes: ML-DSA cosignatures carry both behind a one-byte length.
pub const MAX_KEY_NAME_BYTES: usize = 255;

/// Most signatures on a note: what the reference implementation reads.
pub const MAX_NOTE_SIGNATURES: usize = 100;

/// Largest signed note, in bytes (1 MiB): room for [`MAX_NOTE_SIGNATURES`] post-quantum signatures of 5 kB in base64.
pub const MAX_NOTE_BYTES: usize = 1 << 20;

/// Most extension lines read from another log's checkpoint. Our own has none.
pub const MAX_EXTENSION_LINES: usize = 16;

/// Most leaves in one multiproof: several times the largest lock files, and the verifier's work stays bounded.
pub const MAX_MULTIPROOF_LEAVES: usize = 16_384;

/// Most extra data in a tlog-proof, in bytes: one entry.
pub const MAX_EXTRA_BYTES: usize = MAX_ENTRY_BYTES;

/// Largest tlog-proof, in bytes: the largest note, the most extra data in base64, 63 hashes, and the lines between.
pub const MAX_LOG_PROOF_BYTES: usize = MAX_NOTE_BYTES + MAX_EXTRA_BYTES.div_ceil(3) * 4 + 63 * 45 + 128;

/// Largest COSE receipt, in bytes: 63 path hashes take 2.2 kB, issuer, subject and key id the rest.
pub const MAX_RECEIPT_BYTES: usize = 8_192;

/// Longest issuer, subject or key id of a receipt, in bytes.
pub const MAX_CLAIM_BYTES: usize = 1_024;

/// Most receipts in a transparent statement: one per log that holds it, and a few repeats.
pub const MAX_RECEIPTS: usize = 16;

/// Largest transparent statement, in bytes: the largest entry with the most of the largest receipts.
pub const MAX_TRANSPARENT_BYTES: usize = MAX_ENTRY_BYTES + MAX_RECEIPTS * (MAX_RECEIPT_BYTES + 5) + 16;
