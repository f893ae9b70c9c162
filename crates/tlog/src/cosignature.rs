//! Cosignatures: a cosigner's word that, at a time, this was the newest consistent checkpoint it had seen.
//! C2SP tlog-cosignature, cosignature/v1 with Ed25519; `spec/log.md` section 6. Time is an argument; whether a checkpoint deserves a
//! cosignature is decided elsewhere.

use crate::checkpoint::Checkpoint;
pub use crate::cosigned::MAX_TIME;
use crate::cosigned::message;
use crate::key::{KeyError, KeyKind, KeyName, VerifierKey};
use crate::note::{NoteError, NoteSignature};
use ed25519_dalek::{Signer as _, SigningKey};
use std::fmt;

/// Cosigns checkpoints. Its private key signs nothing else, as the message doesn't say the cosigner's name.
#[derive(Clone)]
pub struct Cosigner {
    verifier: VerifierKey,
    key: SigningKey,
}

impl Cosigner {
    /// From a name and a private key.
    pub fn new(name: KeyName, key: SigningKey) -> Result<Self, KeyError> {
        let verifier = VerifierKey::new(name, KeyKind::CosignatureV1, key.verifying_key().as_bytes())?;
        Ok(Self { verifier, key })
    }

    /// The key to verify with (type 0x04).
    pub fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    /// Cosigns a checkpoint at a time in Unix seconds.
    pub fn cosign(&self, checkpoint: &Checkpoint, time: u64) -> Result<NoteSignature, NoteError> {
        if time > MAX_TIME {
            return Err(NoteError::Time(time));
        }
        let signature = self.key.sign(message(&checkpoint.to_string(), time).as_bytes());
        let bytes = [&time.to_be_bytes()[..], &signature.to_bytes()].concat();
        Ok(NoteSignature::by(&self.verifier, bytes))
    }
}

impl fmt::Debug for Cosigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cosigner({})", self.verifier)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cosigned::check;
    use crate::{CheckpointError, SignedCheckpoint, Signer as LogSigner, leaf_hash};
    use ed25519_dalek::VerifyingKey;

    fn log() -> (LogSigner, SignedCheckpoint) {
        let origin: KeyName = "registry.example/log".parse().unwrap();
        let signer = LogSigner::new(origin.clone(), SigningKey::from_bytes(&[1; 32])).unwrap();
        let checkpoint = Checkpoint::new(origin, 7, leaf_hash(b"")).unwrap();
        (signer.clone(), checkpoint.sign(&signer).unwrap())
    }

    fn witness(seed: u8) -> Cosigner {
        let name = format!("witness{seed}.example").parse().unwrap();
        Cosigner::new(name, SigningKey::from_bytes(&[seed; 32])).unwrap()
    }

    #[test]
    fn the_signed_message_is_the_standards() {
        let expected = "cosignature/v1\ntime 1679315147\nexample.com/behind-the-sofa\n20852163\n\
            CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
        let text = expected.splitn(3, '\n').nth(2).unwrap();
        assert_eq!(message(text, 1_679_315_147), expected);
    }

    #[test]
    fn a_cosigned_checkpoint_says_who_and_when() {
        let (log, signed) = log();
        let (one, two, stranger) = (witness(2), witness(3), witness(4));
        let checkpoint = signed.unverified().clone();
        let mut cosigned = signed;
        for (cosigner, time) in [(&one, 100), (&stranger, 150), (&two, 0), (&one, 200)] {
            cosigned = cosigned.with_signature(cosigner.cosign(&checkpoint, time).unwrap()).unwrap();
        }
        let read = SignedCheckpoint::parse(cosigned.to_string().as_bytes()).unwrap();
        let witnesses = [one.verifier().clone(), two.verifier().clone()];
        let verified = read.verify(checkpoint.origin(), &[log.verifier().clone()], &witnesses).unwrap();
        let seen: Vec<_> = verified.cosignatures().iter().map(|c| (c.key.name().to_string(), c.time)).collect();
        let expected = [("witness2.example", 100), ("witness3.example", 0), ("witness2.example", 200)];
        assert_eq!(seen, expected.map(|(name, time)| (name.to_owned(), time)));
    }

    #[test]
    fn a_cosignature_with_another_time_or_checkpoint_is_not_good() {
        let (log, signed) = log();
        let one = witness(2);
        let checkpoint = signed.unverified();
        let good = one.cosign(checkpoint, 100).unwrap();
        let mut bytes = good.signature().to_vec();
        assert_eq!(bytes.len(), 72);
        assert_eq!(check(&strong(&one), &checkpoint.to_string(), &bytes), Some(100));
        bytes[7] = 101;
        assert_eq!(check(&strong(&one), &checkpoint.to_string(), &bytes), None);
        assert_eq!(check(&strong(&one), &checkpoint.to_string(), &bytes[..71]), None);
        let larger = Checkpoint::new(checkpoint.origin().clone(), 8, leaf_hash(b"")).unwrap();
        let bad = signed.with_signature(one.cosign(&larger, 100).unwrap()).unwrap();
        let verdict = bad.verify(checkpoint.origin(), &[log.verifier().clone()], &[one.verifier().clone()]);
        assert!(matches!(verdict, Err(CheckpointError::Note(NoteError::BadSignature { .. }))));
    }

    #[test]
    fn a_checkpoint_that_only_witnesses_signed_is_not_verified() {
        let (log, signed) = log();
        let one = witness(2);
        let checkpoint = signed.unverified();
        let cosigned = signed.with_signature(one.cosign(checkpoint, 1).unwrap()).unwrap();
        let log_line = signed.signatures()[0].to_string() + "\n";
        let only = SignedCheckpoint::parse(cosigned.to_string().replace(&log_line, "").as_bytes()).unwrap();
        let verdict = only.verify(checkpoint.origin(), &[log.verifier().clone()], &[one.verifier().clone()]);
        assert!(matches!(verdict, Err(CheckpointError::NotSignedByLog(_))));
    }

    #[test]
    fn a_time_beyond_63_bits_is_refused() {
        let (_, signed) = log();
        let one = witness(2);
        assert!(one.cosign(signed.unverified(), MAX_TIME).is_ok());
        assert_eq!(one.cosign(signed.unverified(), MAX_TIME + 1), Err(NoteError::Time(MAX_TIME + 1)));
        let text = signed.unverified().to_string();
        let signature = one.key.sign(message(&text, u64::MAX).as_bytes());
        let bytes = [&u64::MAX.to_be_bytes()[..], &signature.to_bytes()].concat();
        assert_eq!(check(&strong(&one), &text, &bytes), None);
    }

    #[test]
    fn a_cosigner_and_a_log_signer_of_one_key_have_different_ids() {
        let name: KeyName = "a.example".parse().unwrap();
        let key = SigningKey::from_bytes(&[9; 32]);
        let cosigner = Cosigner::new(name.clone(), key.clone()).unwrap();
        let signer = LogSigner::new(name, key).unwrap();
        assert_ne!(cosigner.verifier().id(), signer.verifier().id());
        let text = cosigner.verifier().to_string();
        assert_eq!(VerifierKey::parse(&text).unwrap(), *cosigner.verifier());
    }

    fn strong(cosigner: &Cosigner) -> VerifyingKey {
        crate::key::strong_key(cosigner.verifier().public_key()).unwrap()
    }
}
