//! Commits: the numbered records by which batches become part of the log (spec/log.md §12). Canonical CBOR,
//! each naming the digest of the one before it.

use super::place_of;
use deedbox_model::{NotCanonical, Sha256Digest};
use deedbox_tlog::{Hash, hash::leaf_hash};
use serde::{Deserialize, Serialize};

/// One commit. Field names are those of its encoding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Commit {
    /// Root of the tree at `new_size`.
    pub root: Sha256Digest,
    /// Random bytes of the writer: tells its own retried success from another writer's commit.
    pub nonce: Nonce,
    /// SHA-256 of the staged bundle: the entries `old_size..new_size`, each after its length as a 16-bit big-endian number.
    pub bundle: Sha256Digest,
    /// From 0, without gaps.
    pub number: u64,
    /// Entries after it; more than before.
    pub new_size: u64,
    /// Entries before it.
    pub old_size: u64,
    /// SHA-256 of commit `number - 1`; null for number 0.
    pub previous: Option<Sha256Digest>,
}

/// 16 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Nonce(#[serde(with = "nonce_bytes")] pub [u8; 16]);

mod nonce_bytes {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8; 16], s: S) -> Result<S::Ok, S::Error> {
        s.serialize_bytes(bytes)
    }
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<[u8; 16], D::Error> {
        let digest = deedbox_model::Md5Digest::deserialize(d)?;
        Ok(digest.0)
    }
}

/// Why a commit record is not the one that belongs there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// Its bytes are damaged.
    #[error("{} is damaged: {why}", place_of(*.number))]
    Damaged {
        /// Its number.
        number: u64,
        /// How it shows.
        why: NotCanonical,
    },
    /// It does not continue the one before it.
    #[error("{} does not continue the one before it: {what}; one of the two is damaged", place_of(*.number))]
    Broken {
        /// Its number.
        number: u64,
        /// What does not fit.
        what: &'static str,
    },
    /// What it says of itself cannot be.
    #[error("{} is damaged: {what}", place_of(*.number))]
    Impossible {
        /// Its number.
        number: u64,
        /// What it says.
        what: &'static str,
    },
    /// Its bundle is not the one that it names.
    #[error("the staged bundle of {} is not the one that it names", place_of(*.number))]
    OtherBundle {
        /// Its number.
        number: u64,
    },
}

impl Commit {
    /// Canonical bytes.
    pub fn encode(&self) -> Result<Vec<u8>, NotCanonical> {
        deedbox_model::encode(self)
    }

    /// Reads commit `number`.
    pub fn decode(number: u64, bytes: &[u8]) -> Result<Self, CommitError> {
        let commit: Commit = deedbox_model::decode(bytes).map_err(|why| CommitError::Damaged { number, why })?;
        if commit.number != number {
            return Err(CommitError::Impossible { number, what: "it has another number in it" });
        }
        if commit.new_size <= commit.old_size {
            return Err(CommitError::Impossible { number, what: "it adds nothing" });
        }
        let first = number == 0;
        if commit.previous.is_none() != first || (commit.old_size == 0) != first {
            return Err(CommitError::Impossible { number, what: "only the first begins with nothing" });
        }
        Ok(commit)
    }

    /// That it continues the commit before it.
    pub fn continues(&self, before: &Commit, before_bytes: &[u8]) -> Result<(), CommitError> {
        let broken = |what| Err(CommitError::Broken { number: self.number, what });
        if before.number.checked_add(1) != Some(self.number) {
            return broken("the numbers have a gap");
        }
        if self.previous != Some(Sha256Digest::of(before_bytes)) {
            return broken("it names another digest");
        }
        if self.old_size != before.new_size {
            return broken("the sizes have a gap");
        }
        Ok(())
    }

    /// The root as a tree hash.
    pub fn root_hash(&self) -> Hash {
        Hash(self.root.0)
    }
}

/// The entries of a batch as one staged bundle.
pub fn encode_batch<'a>(entries: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut out = Vec::new();
    for entry in entries {
        // A statement is at most 65,535 bytes: its decoder refuses more.
        out.extend(u16::try_from(entry.len()).unwrap_or(u16::MAX).to_be_bytes());
        out.extend(entry);
    }
    out
}

/// The entries of a staged bundle; none if the bytes do not divide into entries.
pub fn decode_batch(mut bytes: &[u8]) -> Option<Vec<&[u8]>> {
    let mut entries = Vec::new();
    while !bytes.is_empty() {
        let (len, rest) = bytes.split_first_chunk::<2>()?;
        let (entry, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*len)))?;
        entries.push(entry);
        bytes = rest;
    }
    Some(entries)
}

/// The leaf hashes of entries.
pub fn leaf_hashes<'a>(entries: impl Iterator<Item = &'a [u8]>) -> Vec<Hash> {
    entries.map(leaf_hash).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(number: u64, previous: Option<&[u8]>, old: u64, new: u64) -> Commit {
        Commit {
            root: Sha256Digest([1; 32]),
            nonce: Nonce([2; 16]),
            bundle: Sha256Digest([3; 32]),
            number,
            new_size: new,
            old_size: old,
            previous: previous.map(Sha256Digest::of),
        }
    }

    #[test]
    fn a_commit_round_trips_and_continues_only_its_predecessor() {
        let first = sample(0, None, 0, 2);
        let first_bytes = first.encode().unwrap();
        assert_eq!(Commit::decode(0, &first_bytes).unwrap(), first);
        let second = sample(1, Some(&first_bytes), 2, 3);
        let second_bytes = second.encode().unwrap();
        Commit::decode(1, &second_bytes).unwrap().continues(&first, &first_bytes).unwrap();
        assert!(Commit::decode(2, &second_bytes).is_err());
        for wrong in [sample(2, Some(&first_bytes), 2, 3), sample(1, Some(b"x"), 2, 3), sample(1, Some(&first_bytes), 3, 4)] {
            assert!(wrong.continues(&first, &first_bytes).is_err());
        }
        for wrong in [sample(0, Some(b"x"), 0, 1), sample(1, None, 1, 2), sample(0, None, 0, 0)] {
            assert!(Commit::decode(wrong.number, &wrong.encode().unwrap()).is_err());
        }
    }

    #[test]
    fn a_batch_divides_into_its_entries_or_not_at_all() {
        let entries: Vec<&[u8]> = vec![b"a", b"", &[7; 65_535]];
        let bytes = encode_batch(entries.iter().copied());
        assert_eq!(decode_batch(&bytes).unwrap(), entries);
        assert!(decode_batch(&bytes[..bytes.len() - 1]).is_none());
        assert!(decode_batch(&[0]).is_none());
        assert!(decode_batch(&[]).unwrap().is_empty());
    }
}
