//! Checkpoints: a log's origin, size and root in a signed note. C2SP tlog-checkpoint, `spec/log.md` section 4.
//! What is read is a [`SignedCheckpoint`]; only verification makes a [`VerifiedCheckpoint`].

use crate::hash::{Hash, empty_root};
use crate::key::{KeyError, KeyKind, KeyName, VerifierKey};
use crate::limits::{MAX_EXTENSION_LINES, MAX_TREE_SIZE};
use crate::note::{Note, NoteError, NoteSignature, Signer};
use crate::tree::{TreeError, check_size};
use crate::tree_head::TreeHead;
use std::fmt;

/// The path of the checkpoint below the log's prefix (C2SP tlog-tiles, "Checkpoints").
pub const CHECKPOINT_PATH: &str = "checkpoint";

/// Why something is not a checkpoint, or not one to believe.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// The note around it.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// An origin that is not a key name, or a key that is not valid.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A size that no log may have.
    #[error(transparent)]
    Size(#[from] TreeError),
    /// Text that isn't a checkpoint.
    #[error("this note is not a checkpoint: {0}")]
    Text(&'static str),
    /// A checkpoint of another log.
    #[error("this checkpoint is of the log {found}, not of {expected}")]
    Origin {
        /// The log that was asked for.
        expected: String,
        /// The log that it is of.
        found: String,
    },
    /// Extension lines, which no Deedbox log writes.
    #[error("this checkpoint has extension lines, which a Deedbox log never writes")]
    Extensions,
    /// Cosigned perhaps, but not by the log.
    #[error("no key of the log {0} has signed this checkpoint")]
    NotSignedByLog(String),
    /// A key handed in for a purpose that isn't its own.
    #[error("the key {0} cannot be used here: a log's keys are of type 0x01 and bear its origin, witnesses' keys are of type 0x04")]
    WrongKey(String),
}

/// What a log says of itself: so many leaves, this root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    origin: KeyName,
    size: u64,
    root: Hash,
    extensions: Vec<String>,
}

impl Checkpoint {
    /// A checkpoint without extension lines. The empty tree has only the empty root.
    pub fn new(origin: KeyName, size: u64, root: Hash) -> Result<Self, CheckpointError> {
        check_size(size)?;
        if size == 0 && root != empty_root() {
            return Err(CheckpointError::Text("the tree without leaves has another root"));
        }
        Ok(Self { origin, size, root, extensions: Vec::new() })
    }

    /// Reads a note's text; there is one spelling.
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        let bad = CheckpointError::Text;
        let body = text.strip_suffix('\n').ok_or(bad("its last line has no end"))?;
        let mut lines = body.split('\n');
        let mut next = |what| lines.next().ok_or(bad(what));
        let origin = KeyName::new(next("it has no origin line")?)?;
        let size = parse_decimal(next("it has no size line")?).ok_or(bad("its size is not a decimal number"))?;
        let root = next("it has no root line")?;
        let root = Hash::from_base64(root).map_err(|_| bad("its root is not the base64 of 32 bytes"))?;
        let mut checkpoint = Self::new(origin, size, root)?;
        for line in lines {
            if line.is_empty() {
                return Err(bad("it has an empty extension line"));
            }
            if checkpoint.extensions.len() == MAX_EXTENSION_LINES {
                return Err(bad("it has too many extension lines"));
            }
            checkpoint.extensions.push(line.to_owned());
        }
        Ok(checkpoint)
    }

    /// The log's name.
    pub fn origin(&self) -> &KeyName {
        &self.origin
    }

    /// Number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Root over them.
    pub fn root(&self) -> &Hash {
        &self.root
    }

    /// Both.
    pub fn tree(&self) -> TreeHead {
        TreeHead { size: self.size, root: self.root }
    }

    /// Signs it as the log does: with a key that bears the origin's name, and never with extension lines.
    pub fn sign(self, signer: &Signer) -> Result<SignedCheckpoint, CheckpointError> {
        if signer.verifier().name() != &self.origin {
            return Err(CheckpointError::WrongKey(signer.verifier().to_string()));
        }
        if !self.extensions.is_empty() {
            return Err(CheckpointError::Extensions);
        }
        let text = self.to_string();
        let note = Note::new(text.clone(), vec![signer.sign(&text)])?;
        Ok(SignedCheckpoint { checkpoint: self, note })
    }
}

impl fmt::Display for Checkpoint {
    /// The text that is signed, with its last line end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{}\n{}", self.origin, self.size, self.root.to_base64())?;
        self.extensions.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

/// A checkpoint that was read. Nobody has looked at its signatures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedCheckpoint {
    checkpoint: Checkpoint,
    note: Note,
}

impl SignedCheckpoint {
    /// Reads the bytes that a log serves.
    pub fn parse(bytes: &[u8]) -> Result<Self, CheckpointError> {
        let note = Note::parse(bytes)?;
        Ok(Self { checkpoint: Checkpoint::parse(note.text())?, note })
    }

    /// What it says, unverified: good for choosing keys or messages, never for proofs.
    pub fn unverified(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The signatures, unverified.
    pub fn signatures(&self) -> &[NoteSignature] {
        self.note.signatures()
    }

    /// The same checkpoint with one more signature, usually a cosignature.
    pub fn with_signature(&self, signature: NoteSignature) -> Result<Self, CheckpointError> {
        Ok(Self { checkpoint: self.checkpoint.clone(), note: self.note.with_signature(signature)? })
    }

    /// Verifies that it is a checkpoint of the log `origin`, signed by at least one of the log's keys, without extension lines; and
    /// verifies the cosignatures of the witnesses. How many witnesses are enough is the caller's policy.
    pub fn verify(
        &self,
        origin: &KeyName,
        log_keys: &[VerifierKey],
        witnesses: &[VerifierKey],
    ) -> Result<VerifiedCheckpoint, CheckpointError> {
        for key in log_keys {
            if key.kind() != KeyKind::Ed25519 || key.name() != origin {
                return Err(CheckpointError::WrongKey(key.to_string()));
            }
        }
        if let Some(key) = witnesses.iter().find(|key| key.kind() != KeyKind::CosignatureV1) {
            return Err(CheckpointError::WrongKey(key.to_string()));
        }
        if self.checkpoint.origin != *origin {
            let (expected, found) = (origin.to_string(), self.checkpoint.origin.to_string());
            return Err(CheckpointError::Origin { expected, found });
        }
        let known = self.note.verify(&[log_keys, witnesses].concat()).map_err(|error| match error {
            NoteError::NotSigned => CheckpointError::NotSignedByLog(origin.to_string()),
            other => other.into(),
        })?;
        if !known.iter().any(|known| known.time.is_none()) {
            return Err(CheckpointError::NotSignedByLog(origin.to_string()));
        }
        if !self.checkpoint.extensions.is_empty() {
            return Err(CheckpointError::Extensions);
        }
        let cosignatures = known.into_iter().filter_map(|known| Some(Cosignature { time: known.time?, key: known.key })).collect();
        Ok(VerifiedCheckpoint { signed: self.clone(), cosignatures })
    }
}

impl fmt::Display for SignedCheckpoint {
    /// The bytes that a log serves.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.note.fmt(f)
    }
}

/// A cosignature that was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cosignature {
    /// Who cosigned.
    pub key: VerifierKey,
    /// When, in Unix seconds.
    pub time: u64,
}

/// A checkpoint that the log has signed. Only [`SignedCheckpoint::verify`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedCheckpoint {
    signed: SignedCheckpoint,
    cosignatures: Vec<Cosignature>,
}

impl VerifiedCheckpoint {
    /// What the log said.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.signed.checkpoint
    }

    /// Number of leaves.
    pub fn size(&self) -> u64 {
        self.checkpoint().size
    }

    /// Root over them.
    pub fn root(&self) -> &Hash {
        &self.checkpoint().root
    }

    /// Both.
    pub fn tree(&self) -> TreeHead {
        self.checkpoint().tree()
    }

    /// The witnesses' cosignatures that were good, in the order of the note. One witness may appear more than once.
    pub fn cosignatures(&self) -> &[Cosignature] {
        &self.cosignatures
    }

    /// The note as it was read, with every signature.
    pub fn signed(&self) -> &SignedCheckpoint {
        &self.signed
    }
}

/// A decimal number up to the largest tree, in its one spelling.
pub(crate) fn parse_decimal(text: &str) -> Option<u64> {
    let number: u64 = text.parse().ok()?;
    (number <= MAX_TREE_SIZE && number.to_string() == text).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::leaf_hash;
    use ed25519_dalek::SigningKey;

    const TEXT: &str = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";

    fn origin() -> KeyName {
        "registry.example/log".parse().unwrap()
    }

    fn signer(name: &KeyName, seed: u8) -> Signer {
        Signer::new(name.clone(), SigningKey::from_bytes(&[seed; 32])).unwrap()
    }

    fn checkpoint() -> Checkpoint {
        Checkpoint::new(origin(), 7, leaf_hash(b"")).unwrap()
    }

    #[test]
    fn the_standards_example_is_read_and_written_back_byte_for_byte() {
        let checkpoint = Checkpoint::parse(TEXT).unwrap();
        assert_eq!(checkpoint.origin().as_str(), "example.com/behind-the-sofa");
        assert_eq!(checkpoint.size(), 20_852_163);
        assert_eq!(checkpoint.to_string(), TEXT);
    }

    #[test]
    fn a_checkpoint_has_one_spelling() {
        for wrong in [
            String::new(),
            "\n".into(),
            TEXT.trim_end().into(),
            format!("{TEXT}\n"),
            format!("\n{TEXT}"),
            TEXT.replace("20852163", "020852163"),
            TEXT.replace("20852163", "+20852163"),
            TEXT.replace("20852163", "-1"),
            TEXT.replace("20852163", "2e7"),
            TEXT.replace("20852163", ""),
            TEXT.replace("20852163", "9223372036854775808"),
            TEXT.replace("20852163", "0"),
            TEXT.replace("q2I=", "q2I"),
            TEXT.replace("q2I=", "q2J="),
            TEXT.replace("CsUYapGG", "CsUY"),
            TEXT.replace("sofa", "so fa"),
            format!("{TEXT}\nextension\n"),
            format!("{TEXT}{}", "x\n".repeat(MAX_EXTENSION_LINES + 1)),
        ] {
            assert!(Checkpoint::parse(&wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn extension_lines_are_kept_apart_and_refused_by_verification() {
        let text = format!("{}ext\n", checkpoint());
        let parsed = Checkpoint::parse(&text).unwrap();
        assert_eq!(parsed.extensions, ["ext"]);
        assert_eq!(parsed.to_string(), text);
        let log = signer(&origin(), 1);
        let note = Note::new(text.clone(), vec![log.sign(&text)]).unwrap();
        let signed = SignedCheckpoint::parse(note.to_string().as_bytes()).unwrap();
        assert_eq!(parsed.sign(&log), Err(CheckpointError::Extensions));
        let verdict = signed.verify(&origin(), &[log.verifier().clone()], &[]);
        assert_eq!(verdict, Err(CheckpointError::Extensions));
    }

    #[test]
    fn only_a_checkpoint_signed_by_the_log_is_verified() {
        let log = signer(&origin(), 1);
        let keys = [log.verifier().clone()];
        let signed = checkpoint().sign(&log).unwrap();
        let read = SignedCheckpoint::parse(signed.to_string().as_bytes()).unwrap();
        assert_eq!(read, signed);
        let verified = read.verify(&origin(), &keys, &[]).unwrap();
        assert_eq!((verified.size(), *verified.root()), (7, leaf_hash(b"")));
        assert_eq!(verified.signed(), &read);

        let other = signer(&origin(), 2);
        let stranger = checkpoint().sign(&other).unwrap();
        assert_eq!(stranger.verify(&origin(), &keys, &[]), Err(CheckpointError::NotSignedByLog(origin().to_string())));
        let moved: KeyName = "registry.example/other".parse().unwrap();
        let key_of_other = signer(&moved, 1).verifier().clone();
        assert!(matches!(signed.verify(&moved, &[key_of_other], &[]), Err(CheckpointError::Origin { .. })));
        let altered = signed.to_string().replace("\n7\n", "\n8\n");
        let altered = SignedCheckpoint::parse(altered.as_bytes()).unwrap();
        assert!(matches!(altered.verify(&origin(), &keys, &[]), Err(CheckpointError::Note(NoteError::BadSignature { .. }))));
    }

    #[test]
    fn a_key_for_another_purpose_does_not_verify_checkpoints() {
        let log = signer(&origin(), 1);
        let witness = crate::Cosigner::new("w.example".parse().unwrap(), SigningKey::from_bytes(&[3; 32])).unwrap();
        let other = signer(&"w.example".parse().unwrap(), 1);
        assert!(matches!(checkpoint().sign(&other), Err(CheckpointError::WrongKey(_))));
        let signed = checkpoint().sign(&log).unwrap();
        for (logs, witnesses) in [
            (vec![witness.verifier().clone()], vec![]),
            (vec![other.verifier().clone()], vec![]),
            (vec![log.verifier().clone()], vec![log.verifier().clone()]),
        ] {
            assert!(matches!(signed.verify(&origin(), &logs, &witnesses), Err(CheckpointError::WrongKey(_))));
        }
    }

    #[test]
    fn the_empty_tree_has_only_the_empty_root() {
        assert!(Checkpoint::new(origin(), 0, empty_root()).is_ok());
        assert!(Checkpoint::new(origin(), 0, leaf_hash(b"")).is_err());
        assert!(Checkpoint::new(origin(), u64::MAX, leaf_hash(b"")).is_err());
    }
}
