//! A proof on paper: index, inclusion proof and signed checkpoint in one text that verifies offline.
//! C2SP tlog-proof, `spec/log.md` section 9. Knows nothing of what the extra data mean; nobody has signed them.

use crate::checkpoint::{CheckpointError, SignedCheckpoint, VerifiedCheckpoint, parse_decimal};
use crate::hash::Hash;
use crate::key::{KeyName, VerifierKey};
use crate::limits::{MAX_EXTRA_BYTES, MAX_LOG_PROOF_BYTES};
use crate::proof::{InclusionProof, ProofError};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::fmt;

/// First line of the text.
const FIRST_LINE: &str = "c2sp.org/tlog-proof@v1";

/// Why something is not such a proof, or not a good one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogProofError {
    /// Too many bytes.
    #[error("a proof on paper has at most {MAX_LOG_PROOF_BYTES} bytes, not {0}")]
    TooLong(usize),
    /// Text of another form.
    #[error("this is not a {FIRST_LINE} text: {0}")]
    Text(&'static str),
    /// The inclusion proof in it.
    #[error(transparent)]
    Proof(#[from] ProofError),
    /// The checkpoint in it.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
}

/// The text, taken apart. Nothing in it is verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogProof {
    extra: Vec<u8>,
    proof: InclusionProof,
    checkpoint: SignedCheckpoint,
}

impl LogProof {
    /// Puts a proof and the checkpoint it is for together. Without extra data, `extra` is empty.
    pub fn new(extra: Vec<u8>, proof: InclusionProof, checkpoint: SignedCheckpoint) -> Result<Self, LogProofError> {
        if extra.len() > MAX_EXTRA_BYTES {
            return Err(LogProofError::Text("it has too much extra data"));
        }
        let size = checkpoint.unverified().size();
        if proof.size() != size {
            return Err(ProofError::Size { proof: proof.size(), checkpoint: size }.into());
        }
        Ok(Self { extra, proof, checkpoint })
    }

    /// Reads the text; there is one spelling.
    pub fn parse(bytes: &[u8]) -> Result<Self, LogProofError> {
        let bad = LogProofError::Text;
        if bytes.len() > MAX_LOG_PROOF_BYTES {
            return Err(LogProofError::TooLong(bytes.len()));
        }
        let text = std::str::from_utf8(bytes).map_err(|_| bad("it is not UTF-8"))?;
        let (head, checkpoint) = text.split_once("\n\n").ok_or(bad("it has no empty line before the checkpoint"))?;
        let mut lines = head.split('\n').peekable();
        if lines.next() != Some(FIRST_LINE) {
            return Err(bad("its first line is another one"));
        }
        let mut extra = Vec::new();
        if let Some(base64) = lines.peek().and_then(|line| line.strip_prefix("extra ")) {
            extra = STANDARD.decode(base64).map_err(|_| bad("its extra data is not base64"))?;
            if extra.is_empty() {
                return Err(bad("its extra line is empty"));
            }
            lines.next();
        }
        let index = lines.next().and_then(|line| line.strip_prefix("index "));
        let index = index.and_then(parse_decimal).ok_or(bad("it has no index line"))?;
        let hashes =
            lines.map(|line| Hash::from_base64(line).map_err(|_| bad("a line of it is not a hash"))).collect::<Result<Vec<_>, _>>()?;
        let checkpoint = SignedCheckpoint::parse(checkpoint.as_bytes())?;
        let proof = InclusionProof::new(index, checkpoint.unverified().size(), hashes)?;
        Self::new(extra, proof, checkpoint)
    }

    /// Extra data, which nobody has signed; empty if there is none.
    pub fn extra(&self) -> &[u8] {
        &self.extra
    }

    /// The inclusion proof, unverified.
    pub fn proof(&self) -> &InclusionProof {
        &self.proof
    }

    /// The checkpoint, unverified.
    pub fn checkpoint(&self) -> &SignedCheckpoint {
        &self.checkpoint
    }

    /// Verifies the checkpoint as [`SignedCheckpoint::verify`] does, and that the leaf is in its tree at [`InclusionProof::index`].
    pub fn verify(
        &self,
        leaf: &Hash,
        origin: &KeyName,
        log_keys: &[VerifierKey],
        witnesses: &[VerifierKey],
    ) -> Result<VerifiedCheckpoint, LogProofError> {
        let checkpoint = self.checkpoint.verify(origin, log_keys, witnesses)?;
        self.proof.verify(leaf, checkpoint.size(), checkpoint.root())?;
        Ok(checkpoint)
    }
}

impl fmt::Display for LogProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{FIRST_LINE}")?;
        if !self.extra.is_empty() {
            writeln!(f, "extra {}", STANDARD.encode(&self.extra))?;
        }
        writeln!(f, "index {}", self.proof.index())?;
        self.proof.hashes().iter().try_for_each(|hash| writeln!(f, "{}", hash.to_base64()))?;
        write!(f, "\n{}", self.checkpoint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Checkpoint, Cosigner, Edge, Signer, Tiles, leaf_hash, prove_inclusion};
    use ed25519_dalek::SigningKey;
    use std::slice;

    struct World {
        origin: KeyName,
        log: VerifierKey,
        witness: VerifierKey,
        leaves: Vec<Hash>,
        text: String,
    }

    fn world(size: u64, index: u64, extra: &[u8]) -> World {
        let origin: KeyName = "registry.example/log".parse().unwrap();
        let log = Signer::new(origin.clone(), SigningKey::from_bytes(&[1; 32])).unwrap();
        let witness = Cosigner::new("w.example".parse().unwrap(), SigningKey::from_bytes(&[2; 32])).unwrap();
        let leaves: Vec<_> = (0..size).map(|i| leaf_hash(&i.to_be_bytes())).collect();
        let growth = Edge::empty().grow(&leaves).unwrap();
        let tiles: Tiles = growth.tiles.into_iter().collect();
        let checkpoint = Checkpoint::new(origin.clone(), size, growth.root).unwrap();
        let cosignature = witness.cosign(&checkpoint, 77).unwrap();
        let signed = checkpoint.sign(&log).unwrap().with_signature(cosignature).unwrap();
        let proof = prove_inclusion(index, size, &tiles).unwrap();
        let text = LogProof::new(extra.to_vec(), proof, signed).unwrap().to_string();
        World { origin, log: log.verifier().clone(), witness: witness.verifier().clone(), leaves, text }
    }

    #[test]
    fn a_proof_on_paper_verifies_after_being_read_back() {
        for (size, index, extra) in [(1, 0, &b""[..]), (7, 6, b"abc"), (300, 256, b"\0")] {
            let w = world(size, index, extra);
            let proof = LogProof::parse(w.text.as_bytes()).unwrap();
            assert_eq!(proof.to_string(), w.text);
            assert_eq!((proof.proof().index(), proof.extra()), (index, extra));
            let leaf = &w.leaves[index as usize];
            let verified = proof.verify(leaf, &w.origin, slice::from_ref(&w.log), slice::from_ref(&w.witness)).unwrap();
            assert_eq!((verified.size(), verified.cosignatures()[0].time), (size, 77));
            let other = leaf_hash(b"other");
            let wrong = proof.verify(&other, &w.origin, slice::from_ref(&w.log), &[]);
            assert!(matches!(wrong, Err(LogProofError::Proof(ProofError::Root { .. }))));
            assert!(matches!(proof.verify(leaf, &w.origin, &[], &[]), Err(LogProofError::Checkpoint(_))));
        }
    }

    #[test]
    fn its_lines_are_the_standards() {
        let w = world(2, 1, b"abc");
        let expected = format!("c2sp.org/tlog-proof@v1\nextra YWJj\nindex 1\n{}\n\nregistry.example/log\n2\n", w.leaves[0].to_base64());
        assert!(w.text.starts_with(&expected), "{}", w.text);
    }

    #[test]
    fn a_proof_on_paper_has_one_spelling() {
        let w = world(7, 5, b"abc");
        let text = &w.text;
        let hash = text.lines().nth(3).unwrap();
        for wrong in [
            String::new(),
            text.trim_end().into(),
            format!("{text}\n"),
            format!("\n{text}"),
            text.replace("@v1", "@v2"),
            text.replace('\n', "\r\n"),
            text.replace("extra YWJj", "extra "),
            text.replace("extra YWJj", "extra YWJ"),
            text.replace("extra YWJj\n", "extra YWJj\nextra YWJj\n"),
            text.replace("extra YWJj\nindex 5\n", "index 5\nextra YWJj\n"),
            text.replace("index 5", "index 05"),
            text.replace("index 5", "index +5"),
            text.replace("index 5", "index 7"),
            text.replace("index 5", "index 9223372036854775808"),
            text.replace("index 5\n", ""),
            text.replacen(&format!("{hash}\n"), "", 1),
            text.replacen(hash, &format!("{hash}\n{hash}"), 1),
            text.replacen(hash, &hash[1..], 1),
            text.replace("\n\nregistry", "\nregistry"),
            text.replace("\n\nregistry", "\n\n\nregistry"),
        ] {
            assert!(LogProof::parse(wrong.as_bytes()).is_err(), "{wrong:?}");
        }
        let without = text.replace("extra YWJj\n", "");
        assert!(LogProof::parse(without.as_bytes()).is_ok());
    }

    #[test]
    fn a_proof_for_another_size_than_the_checkpoints_is_not_put_together() {
        let parsed = LogProof::parse(world(7, 5, b"").text.as_bytes()).unwrap();
        let other = LogProof::parse(world(8, 5, b"").text.as_bytes()).unwrap();
        let mixed = LogProof::new(vec![], parsed.proof, other.checkpoint);
        assert_eq!(mixed, Err(ProofError::Size { proof: 7, checkpoint: 8 }.into()));
    }
}
