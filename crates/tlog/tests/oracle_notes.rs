//! Notes, keys and checkpoints compared with independent implementations, `signed_note` and `tlog_tiles`.
//! `spec/log.md` sections 4 and 5.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may stop where it stands")]

use deedbox_tlog::{Checkpoint, Cosigner, Hash, KeyName, Note, SignedCheckpoint, Signer, VerifierKey, leaf_hash};
use ed25519_dalek::SigningKey;
use proptest::prelude::*;
use signed_note::{StandardSigner, StandardVerifier, Verifier as _, VerifierList};

const NAME: &str = "registry.example/log";
const SEED: [u8; 32] = [7; 32];

fn name() -> KeyName {
    NAME.parse().unwrap()
}

fn ours() -> Signer {
    Signer::new(name(), SigningKey::from_bytes(&SEED)).unwrap()
}

fn verifiers() -> VerifierList {
    let verifier = StandardVerifier::new(&ours().verifier().to_string()).unwrap();
    VerifierList::new(vec![Box::new(verifier)])
}

/// The private key as the other implementation writes it, made from the parts that the public key shares.
fn their_signer() -> StandardSigner {
    use base64::Engine as _;
    let key = [&[1u8][..], &SEED].concat();
    let key = base64::engine::general_purpose::STANDARD.encode(key);
    StandardSigner::new(&format!("PRIVATE+KEY+{NAME}+{:08x}+{key}", ours().verifier().id())).unwrap()
}

fn signed(size: u64) -> SignedCheckpoint {
    let root = if size == 0 { deedbox_tlog::empty_root() } else { leaf_hash(&size.to_be_bytes()) };
    Checkpoint::new(name(), size, root).unwrap().sign(&ours()).unwrap()
}

#[test]
fn a_key_has_the_same_id_and_text_in_both() {
    let key = ours();
    let theirs = StandardVerifier::new(&key.verifier().to_string()).unwrap();
    assert_eq!((theirs.name(), theirs.key_id()), (NAME, key.verifier().id()));
    assert_eq!(VerifierKey::parse(&key.verifier().to_string()).unwrap(), *key.verifier());
}

#[test]
fn our_checkpoints_are_read_verified_and_written_back_by_others() {
    for size in [0, 1, 255, 256, 1200, 65_536, (1 << 63) - 1] {
        let signed = signed(size);
        let bytes = signed.to_string().into_bytes();
        let note = signed_note::Note::from_bytes(&bytes).unwrap();
        note.verify(&verifiers()).unwrap();
        assert_eq!(note.to_bytes(), bytes);
        let theirs = tlog_tiles::Checkpoint::from_bytes(note.text()).unwrap();
        let ours = signed.unverified();
        assert_eq!((theirs.origin(), theirs.size()), (NAME, size));
        assert_eq!(theirs.hash().0, ours.root().0);
        assert_eq!(theirs.to_bytes(), ours.to_string().into_bytes());
    }
}

#[test]
fn their_notes_are_verified_and_written_back_by_us() {
    let text = signed(9).unverified().to_string();
    let mut note = signed_note::Note::new(text.as_bytes(), &[]).unwrap();
    note.add_sigs(&[&their_signer()]).unwrap();
    let bytes = note.to_bytes();
    assert_eq!(bytes, signed(9).to_string().into_bytes(), "both sign the same bytes");
    let read = SignedCheckpoint::parse(&bytes).unwrap();
    assert!(read.verify(&name(), &[ours().verifier().clone()], &[]).is_ok());
}

#[test]
fn a_cosigned_checkpoint_is_still_good_for_others() {
    let witness = Cosigner::new("w.example".parse().unwrap(), SigningKey::from_bytes(&[8; 32])).unwrap();
    let signed = signed(9);
    let cosigned = signed.with_signature(witness.cosign(signed.unverified(), 1).unwrap()).unwrap();
    let note = signed_note::Note::from_bytes(cosigned.to_string().as_bytes()).unwrap();
    let (known, unknown) = note.verify(&verifiers()).unwrap();
    assert_eq!((known.len(), unknown.len()), (1, 1));
    assert_eq!(unknown[0].id(), witness.verifier().id());
}

proptest! {
    /// We may refuse more than the other implementation, never less; and what we read we write back.
    #[test]
    fn no_altered_note_is_accepted_by_us_and_refused_by_others(
        edits in prop::collection::vec((any::<prop::sample::Index>(), edit()), 1..4),
        size in 0u64..3,
    ) {
        let mut bytes = signed(size).to_string().into_bytes();
        for (at, edit) in edits {
            let at = at.index(bytes.len());
            match edit {
                Edit::Put(byte) => bytes[at] = byte,
                Edit::Add(byte) => bytes.insert(at, byte),
                Edit::Remove => drop(bytes.remove(at)),
            }
        }
        if let Ok(note) = Note::parse(&bytes) {
            prop_assert_eq!(note.to_string().into_bytes(), bytes.clone());
            let theirs = signed_note::Note::from_bytes(&bytes);
            prop_assert!(theirs.is_ok());
            let good = note.verify(&[ours().verifier().clone()]).is_ok();
            prop_assert_eq!(good, theirs.unwrap().verify(&verifiers()).is_ok());
            if let Ok(checkpoint) = Checkpoint::parse(note.text()) {
                let theirs = tlog_tiles::Checkpoint::from_bytes(note.text().as_bytes()).unwrap();
                prop_assert_eq!(checkpoint.root(), &Hash(theirs.hash().0));
                prop_assert_eq!(checkpoint.to_string(), note.text());
            }
        }
    }
}

#[derive(Debug, Clone)]
enum Edit {
    Put(u8),
    Add(u8),
    Remove,
}

fn edit() -> impl Strategy<Value = Edit> {
    let byte = prop_oneof![Just(b'\n'), Just(b' '), Just(b'='), Just(b'+'), Just(b'0'), any::<u8>()];
    prop_oneof![byte.clone().prop_map(Edit::Put), byte.prop_map(Edit::Add), Just(Edit::Remove)]
}
