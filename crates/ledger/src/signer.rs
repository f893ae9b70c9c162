//! The signer of checkpoints, with a memory of its own: it refuses to contradict what it signed last, whatever the
//! log's files say (spec/log.md §13).

use crate::commit::Commit;
use crate::edge::file;
use crate::error::LedgerError;
use crate::place_of;
use bytes::Bytes;
use deedbox_model::{Origin, SecretKey, Sha256Digest};
use deedbox_store::Files;
use deedbox_tlog::{CHECKPOINT_PATH, Checkpoint, Hash, KeyName, SignedCheckpoint, Signer, TreeHead, VerifiedCheckpoint};
use ed25519_dalek::SigningKey;
use std::sync::Arc;

/// Where the memory is kept, apart from the log's files.
pub(crate) const MEMORY: &str = "last-signed";

/// Signs checkpoints of one log.
pub struct CheckpointSigner {
    name: KeyName,
    signer: Signer,
    memory: Arc<dyn Files>,
    last: Option<Signed>,
}

/// What was signed last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Signed {
    pub(crate) tree: TreeHead,
    /// SHA-256 of the commit that led there: so that the last commit, which no other names yet, is named too.
    pub(crate) commit: Sha256Digest,
}

impl CheckpointSigner {
    /// Reads its memory. `memory` is a place of its own, that no restore of the log's files rolls back.
    pub async fn open(origin: &Origin, key: &SecretKey, memory: Arc<dyn Files>) -> Result<Self, LedgerError> {
        let without = Self::without_memory(origin, key, memory)?;
        let last = match without.memory.get(MEMORY).await? {
            None => None,
            Some(bytes) => Some(parse(&bytes).ok_or(LedgerError::SignerMemory("it does not read"))?),
        };
        Ok(CheckpointSigner { last, ..without })
    }

    /// One that has not read its memory yet: for verifying what it signed.
    pub(crate) fn without_memory(origin: &Origin, key: &SecretKey, memory: Arc<dyn Files>) -> Result<Self, LedgerError> {
        let name = KeyName::new(origin.as_str()).map_err(|e| LedgerError::Key(e.to_string()))?;
        let signer = Signer::new(name.clone(), SigningKey::from_bytes(&key.seed())).map_err(|e| LedgerError::Key(e.to_string()))?;
        Ok(CheckpointSigner { name, signer, memory, last: None })
    }

    /// The checkpoint that it remembers, signed again to the same bytes; none without a memory.
    pub(crate) fn remembered(&self) -> Result<Option<SignedCheckpoint>, LedgerError> {
        self.last.map(|last| self.checkpoint(last.tree)).transpose()
    }

    fn checkpoint(&self, tree: TreeHead) -> Result<SignedCheckpoint, LedgerError> {
        let checkpoint = Checkpoint::new(self.name.clone(), tree.size, tree.root).map_err(|e| LedgerError::Key(e.to_string()))?;
        checkpoint.sign(&self.signer).map_err(|e| LedgerError::Key(e.to_string()))
    }

    /// The verifier key of its signatures.
    pub fn vkey(&self) -> String {
        self.signer.verifier().to_string()
    }

    /// A checkpoint as it is served, if it is this signer's.
    pub(crate) fn verified(&self, bytes: &[u8]) -> Result<VerifiedCheckpoint, LedgerError> {
        let wrong = |e: &dyn std::fmt::Display| LedgerError::damaged(file(CHECKPOINT_PATH), e);
        let signed = SignedCheckpoint::parse(bytes).map_err(|e| wrong(&e))?;
        signed.verify(&self.name, std::slice::from_ref(self.verifier()), &[]).map_err(|e| wrong(&e))
    }

    /// The verifier key of its signatures.
    pub fn verifier(&self) -> &deedbox_tlog::VerifierKey {
        self.signer.verifier()
    }

    /// The last tree that it signed.
    pub fn last(&self) -> Option<TreeHead> {
        self.last.map(|last| last.tree)
    }

    /// That the commit which ends at the served checkpoint is the one that led to what was signed last, where that is this checkpoint.
    /// The last commit is named by no other: without this, a flipped bit in it would be carried on.
    pub(crate) fn agrees(&self, tree: TreeHead, served: Option<(u64, Sha256Digest)>) -> Result<(), LedgerError> {
        let (Some(last), Some((number, commit))) = (self.last, served) else { return Ok(()) };
        match (last.commit == commit, last.tree == tree) {
            (true, false) => Err(LedgerError::SignerMemory("it names another size or root than the commit that it names")),
            (false, true) => Err(LedgerError::OtherCommit(number)),
            (true, true) | (false, false) => Ok(()),
        }
    }

    /// Signs the checkpoint that follows `old`, and remembers it: nobody may see the signature before this came back. Refuses
    /// another root for a size that it has signed, and to go on from anything but what it signed last, by size, root and commit.
    ///
    /// A crash after remembering leaves a signature that nobody has seen; the same checkpoint is signed again, to the
    /// same bytes.
    pub async fn sign(&mut self, old: TreeHead, new: TreeHead, by: &Commit) -> Result<SignedCheckpoint, LedgerError> {
        let commit = Sha256Digest::of(&by.encode().map_err(|e| LedgerError::damaged(place_of(by.number), e))?);
        match self.last {
            None if old.size == 0 => {}
            Some(last) if last.tree == new && last.commit == commit => {}
            Some(last) if last.tree == old && Some(last.commit) == by.previous => {}
            Some(last) if last.tree == new => return Err(LedgerError::OtherCommit(by.number)),
            Some(last) if last.commit == commit || (last.tree != old && Some(last.commit) == by.previous) => {
                return Err(LedgerError::SignerMemory("it names another size or root than the commit that it names"));
            }
            Some(last) if last.tree == old => return Err(LedgerError::OtherCommit(by.number.saturating_sub(1))),
            None | Some(_) => return Err(self.refuses(new)),
        }
        let signed = self.checkpoint(new)?;
        if self.last() != Some(new) {
            self.remember(Signed { tree: new, commit }).await?;
        }
        Ok(signed)
    }

    /// Takes over a checkpoint that another process signed with this key. The caller has checked its signature, and that
    /// its tree continues the one signed here last.
    pub(crate) async fn adopt(&mut self, tree: TreeHead, commit: Sha256Digest) -> Result<(), LedgerError> {
        self.remember(Signed { tree, commit }).await
    }

    /// The refusal to sign a tree.
    pub(crate) fn refuses(&self, tree: TreeHead) -> LedgerError {
        let last = self.last().unwrap_or(TreeHead::empty());
        LedgerError::SignerRefuses { last_size: last.size, last_root: last.root.to_string(), size: tree.size, root: tree.root.to_string() }
    }

    async fn remember(&mut self, signed: Signed) -> Result<(), LedgerError> {
        let Signed { tree: TreeHead { size, root }, commit } = signed;
        self.memory.put(MEMORY, Bytes::from(format!("{size} {root} {commit}\n"))).await?;
        self.last = Some(signed);
        Ok(())
    }
}

/// Reads the memory: size, root and commit digest in hex, separated by single spaces, and a newline. One spelling.
pub(crate) fn parse(bytes: &[u8]) -> Option<Signed> {
    let text = std::str::from_utf8(bytes).ok()?.strip_suffix('\n')?;
    let mut parts = text.split(' ');
    let size = parts.next()?.parse().ok()?;
    let root = Hash::from_hex(parts.next()?).ok()?;
    let commit = Sha256Digest::from_hex(parts.next()?)?;
    let signed = Signed { tree: TreeHead { size, root }, commit };
    (parts.next().is_none() && text == format!("{size} {root} {commit}")).then_some(signed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commit::Nonce;
    use deedbox_store::memory::MemoryFiles;

    #[tokio::test]
    async fn it_never_signs_two_roots_of_one_size_not_even_after_a_restore() {
        let memory: Arc<dyn Files> = Arc::new(MemoryFiles::default());
        let origin = Origin::parse("registry.example").unwrap();
        let key = SecretKey::from_seed(&[1; 32]);
        let root = |n| TreeHead { size: n, root: Hash([n as u8; 32]) };
        // Each commit goes on from the one before it.
        let commit = |number: u64, old: u64, new: u64, before: Option<&Commit>| Commit {
            root: Sha256Digest([new as u8; 32]),
            nonce: Nonce([0; 16]),
            bundle: Sha256Digest([0; 32]),
            number,
            new_size: new,
            old_size: old,
            previous: before.map(|before| Sha256Digest::of(&before.encode().unwrap())),
        };
        let first_commit = commit(0, 0, 5, None);
        let mut signer = CheckpointSigner::open(&origin, &key, Arc::clone(&memory)).await.unwrap();
        assert!(signer.sign(root(4), root(5), &first_commit).await.is_err(), "a fresh memory begins with an empty log");
        let first = signer.sign(root(0), root(5), &first_commit).await.unwrap();
        assert_eq!(signer.sign(root(0), root(5), &first_commit).await.unwrap().to_string(), first.to_string(), "again, to the same bytes");
        assert_eq!(signer.remembered().unwrap().unwrap().to_string(), first.to_string());
        assert!(
            signer.sign(root(0), TreeHead { size: 5, root: Hash([9; 32]) }, &first_commit).await.is_err(),
            "another root of the same size"
        );
        assert!(signer.sign(root(0), root(3), &commit(0, 0, 3, None)).await.is_err(), "a restored log's other future");
        let other = Commit { nonce: Nonce([7; 16]), ..first_commit.clone() };
        assert!(matches!(signer.sign(root(0), root(5), &other).await, Err(LedgerError::OtherCommit(0))), "another commit to the same root");
        let mut again = CheckpointSigner::open(&origin, &key, memory).await.unwrap();
        assert!(again.sign(root(0), root(6), &commit(0, 0, 6, None)).await.is_err());
        let damaged = again.sign(root(5), root(6), &commit(1, 5, 6, Some(&other))).await;
        assert!(matches!(damaged, Err(LedgerError::OtherCommit(0))), "what it goes on from is not what led to what was signed");
        again.sign(root(5), root(6), &commit(1, 5, 6, Some(&first_commit))).await.unwrap();
    }
}
