//! The target of the ledger's records (spec/log.md, "Commits"): commits and staged batches, as a follower reads them from a store
//! that somebody else may have written.

// The room itself brings a database; what is read here needs none, so this one file of it is compiled in.
#[allow(dead_code, reason = "the writer's half is not used")]
#[path = "../../crates/ledger/src/commit.rs"]
mod record;

use record::{Commit, decode_batch, encode_batch, leaf_hashes};

/// What the record calls itself in its refusals.
fn place_of(number: u64) -> String {
    format!("commit {number}")
}

/// A commit of the number in the first byte, and the same bytes as a batch.
pub fn commit(data: &[u8]) {
    if let Some(entries) = decode_batch(data) {
        assert_eq!(encode_batch(entries.iter().copied()), data);
        assert_eq!(leaf_hashes(entries.iter().copied()).len(), entries.len());
    }
    let Some((number, bytes)) = data.split_first() else { return };
    let number = u64::from(*number);
    let Ok(commit) = Commit::decode(number, bytes) else { return };
    assert_eq!(commit.encode().unwrap(), bytes);
    assert!(commit.new_size > commit.old_size && (number == 0) == commit.previous.is_none());
    assert_eq!(commit.root_hash().0, commit.root.0);
    assert!(Commit::decode(number + 1, bytes).is_err());
    assert!(commit.continues(&commit, bytes).is_err());
}
