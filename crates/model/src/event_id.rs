//! The name of an event: the hash of its statement's bytes as a leaf of the log (spec/statements.md §6). Knows no statement.

use crate::digest::digest_type;
use serde::{Deserialize, Serialize};
use sha2::Digest as _;

digest_type!(
    /// The RFC 6962 leaf hash of a statement's bytes: SHA-256 over 0x00 and the bytes.
    EventId, 32
);

impl EventId {
    /// Of these bytes.
    pub fn of(statement: &[u8]) -> Self {
        let mut hash = sha2::Sha256::new();
        hash.update([0]);
        hash.update(statement);
        EventId(hash.finalize().into())
    }
}
