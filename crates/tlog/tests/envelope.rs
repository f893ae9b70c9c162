//! The receipt vector: a statement, its tree and a receipt that another implementation accepts. RFC 9942, RFC 9943; `spec/log.md`
//! section 10. Looks at every field that concerns the log.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may stop where it stands")]

use coset::{CborSerializable as _, CoseSign1, TaggedCborSerializable as _};
use deedbox_tlog::tree::root_from_leaf_hashes;
use deedbox_tlog::{
    Edge, Hash, Receipt, ReceiptClaims, ReceiptError, ReceiptKey, Tiles, attach_receipts, detach_receipts, leaf_hash, prove_inclusion,
};
use ed25519_dalek::{Signer as _, SigningKey};
use serde_json::Value as Json;

const ISSUER: &str = "registry.example/log";
const SUBJECT: &str = "npm:acme.example/widget";

struct Vector(Json);

impl Vector {
    fn read() -> Self {
        Self(serde_json::from_str(include_str!("data/envelope.json")).unwrap())
    }

    fn bytes(&self, name: &str) -> Vec<u8> {
        hex::decode(self.0[name].as_str().unwrap()).unwrap()
    }

    fn leaves(&self) -> Vec<Hash> {
        let entries = self.0["tree_entries"].as_array().unwrap();
        entries.iter().map(|entry| leaf_hash(&hex::decode(entry.as_str().unwrap()).unwrap())).collect()
    }

    fn leaf(&self) -> Hash {
        Hash::from_slice(&self.bytes("leaf_hash_rfc6962")).unwrap()
    }

    fn log_key(&self) -> SigningKey {
        SigningKey::from_bytes(&self.bytes("log_seed").try_into().unwrap())
    }

    fn receipt_key(&self) -> ReceiptKey {
        ReceiptKey::new(vec![1; 32], self.log_key().verifying_key().as_bytes()).unwrap()
    }
}

fn our_receipt(vector: &Vector) -> Receipt {
    let leaves = vector.leaves();
    let growth = Edge::empty().grow(&leaves).unwrap();
    let tiles: Tiles = growth.tiles.into_iter().collect();
    let proof = prove_inclusion(1, 5, &tiles).unwrap();
    let claims = ReceiptClaims { issuer: ISSUER.into(), subject: SUBJECT.into(), key_id: vec![1; 32] };
    let key = vector.log_key();
    Receipt::issue(claims, &leaves[1], &proof, &growth.root, |bytes| key.sign(bytes).to_bytes()).unwrap()
}

#[test]
fn the_tree_of_the_vector_is_ours() {
    let vector = Vector::read();
    let leaves = vector.leaves();
    assert_eq!(vector.0["leaf_index"], 1);
    assert_eq!(leaf_hash(&vector.bytes("statement")), vector.leaf());
    assert_eq!(leaves[1], vector.leaf());
    let root = Hash::from_slice(&vector.bytes("root")).unwrap();
    assert_eq!(root_from_leaf_hashes(&leaves), root);
    assert_eq!(Edge::empty().grow(&leaves).unwrap().root, root);
}

#[test]
fn the_statement_of_the_vector_is_what_its_parts_say() {
    let vector = Vector::read();
    let statement = CoseSign1::from_tagged_slice(&vector.bytes("statement")).unwrap();
    assert_eq!(statement.protected.original_data, Some(vector.bytes("protected")));
    assert_eq!(statement.payload, Some(vector.bytes("payload")));
    assert_eq!(statement.tbs_data(&[]), vector.bytes("sig_structure"));
    let key = SigningKey::from_bytes(&vector.bytes("publisher_seed").try_into().unwrap());
    assert_eq!(key.verifying_key().as_bytes()[..], vector.bytes("publisher_public"));
    assert_eq!(key.sign(&vector.bytes("sig_structure")).to_bytes()[..], statement.signature);
    let thumbprint = hex::encode(<sha2::Sha256 as sha2::Digest>::digest(vector.bytes("cose_key_for_thumbprint")));
    assert_eq!(thumbprint, vector.0["kid_rfc9679"]);
}

#[test]
fn the_receipt_of_the_vector_is_good() {
    let vector = Vector::read();
    let receipt = Receipt::decode(&vector.bytes("receipt")).unwrap();
    assert_eq!((receipt.claims().issuer.as_str(), receipt.claims().subject.as_str()), (ISSUER, SUBJECT));
    assert_eq!((receipt.proof().size(), receipt.proof().index()), (5, 1));
    let root = receipt.verify(&vector.receipt_key(), ISSUER, SUBJECT, &vector.leaf()).unwrap();
    assert_eq!(root.0[..], vector.bytes("root"));
}

#[test]
fn the_transparent_statement_of_the_vector_is_ours_byte_for_byte() {
    let vector = Vector::read();
    let receipt = Receipt::decode(&vector.bytes("receipt")).unwrap();
    let transparent = attach_receipts(&vector.bytes("statement"), &[receipt]).unwrap();
    assert_eq!(transparent, vector.bytes("transparent_statement"));
    let (statement, receipts) = detach_receipts(&transparent).unwrap();
    assert_eq!(statement, vector.bytes("statement"));
    assert_eq!(receipts, [vector.bytes("receipt")]);
}

#[test]
fn our_receipt_verifies_and_is_deterministic_and_another_library_reads_it() {
    let vector = Vector::read();
    let receipt = our_receipt(&vector);
    assert_eq!(receipt, our_receipt(&vector));
    let root = receipt.verify(&vector.receipt_key(), ISSUER, SUBJECT, &vector.leaf()).unwrap();
    assert_eq!(root.0[..], vector.bytes("root"));

    let theirs = CoseSign1::from_tagged_slice(receipt.as_bytes()).unwrap();
    assert_eq!(theirs.payload, None);
    assert_eq!(theirs.clone().to_tagged_vec().unwrap(), receipt.as_bytes());
    let signed = theirs.tbs_detached_data(&vector.bytes("root"), &[]);
    assert_eq!(vector.log_key().sign(&signed).to_bytes()[..], theirs.signature);
    // Deterministic order: labels 1, 4, 15, 395, and without the time that the vector's receipt has.
    let protected = theirs.protected.original_data.clone().unwrap();
    let expected = [
        &[0xa4, 0x01, 0x27, 0x04, 0x58, 0x20][..],
        &[1; 32],
        &[0x0f, 0xa2, 0x01, 0x74],
        ISSUER.as_bytes(),
        &[0x02, 0x77],
        SUBJECT.as_bytes(),
        &[0x19, 0x01, 0x8b, 0x01],
    ]
    .concat();
    assert_eq!(protected, expected);
    assert!(theirs.protected.header.to_vec().is_ok());
}

#[test]
fn a_receipt_for_another_leaf_log_subject_or_key_is_refused() {
    let vector = Vector::read();
    let receipt = our_receipt(&vector);
    let (key, leaf) = (vector.receipt_key(), vector.leaf());
    assert_eq!(receipt.verify(&key, ISSUER, SUBJECT, &leaf_hash(b"x")), Err(ReceiptError::BadSignature));
    assert!(matches!(receipt.verify(&key, "other", SUBJECT, &leaf), Err(ReceiptError::Other { what: "issuer", .. })));
    assert!(matches!(receipt.verify(&key, ISSUER, "other", &leaf), Err(ReceiptError::Other { what: "subject", .. })));
    let public = *vector.log_key().verifying_key().as_bytes();
    let renamed = ReceiptKey::new(vec![2; 32], &public).unwrap();
    assert!(matches!(receipt.verify(&renamed, ISSUER, SUBJECT, &leaf), Err(ReceiptError::Other { .. })));
    let other = SigningKey::from_bytes(&[9; 32]);
    let other = ReceiptKey::new(vec![1; 32], other.verifying_key().as_bytes()).unwrap();
    assert_eq!(receipt.verify(&other, ISSUER, SUBJECT, &leaf), Err(ReceiptError::BadSignature));
    assert_eq!(ReceiptKey::new(vec![], &[0; 32]), Err(ReceiptError::WeakKey));
}

#[test]
fn nothing_is_signed_for_a_proof_that_does_not_lead_to_the_logs_root() {
    let vector = Vector::read();
    let leaves = vector.leaves();
    let tiles: Tiles = Edge::empty().grow(&leaves).unwrap().tiles.into_iter().collect();
    let proof = prove_inclusion(1, 5, &tiles).unwrap();
    let claims = ReceiptClaims { issuer: ISSUER.into(), subject: SUBJECT.into(), key_id: vec![1; 32] };
    let refused = Receipt::issue(claims, &leaves[1], &proof, &leaf_hash(b""), |_| panic!("asked to sign"));
    assert!(matches!(refused, Err(ReceiptError::Proof(_))));
}

#[test]
fn no_byte_of_a_receipt_can_be_changed_added_or_taken_away() {
    let vector = Vector::read();
    let (key, leaf) = (vector.receipt_key(), vector.leaf());
    for good in [vector.bytes("receipt"), our_receipt(&vector).as_bytes().to_vec()] {
        let accepted = |bytes: &[u8]| Receipt::decode(bytes).is_ok_and(|receipt| receipt.verify(&key, ISSUER, SUBJECT, &leaf).is_ok());
        assert!(accepted(&good));
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 1;
            assert!(!accepted(&bad), "byte {at}");
            assert!(!accepted(&good[..at]), "cut at {at}");
        }
        assert!(!accepted(&[&good[..], &[0]].concat()));
    }
}

#[test]
fn second_encodings_of_a_receipt_are_refused() {
    let good = our_receipt(&Vector::read()).as_bytes().to_vec();
    let replace = |from: &str, to: &str| {
        let text = hex::encode(&good);
        assert!(text.contains(from), "{from}");
        hex::decode(text.replacen(from, to, 1)).unwrap()
    };
    for bad in [
        replace("d284", "84"),                          // no tag
        replace("d284", "d81284"),                      // a longer tag
        [replace("d284", "d29f"), vec![0xff]].concat(), // an indefinite array
        replace("d284", "d29804"),                      // a longer array length
        replace("a119018ca1", "bf19018ca1"),            // an indefinite map
        replace("a119018ca1", "a11a0000018ca1"),        // a longer label
        replace("a4012704", "a4013804"),                // another algorithm
        replace("19018b01", "19018b02"),                // another tree
        replace("f65840", "405840"),                    // an attached, empty payload
    ] {
        assert!(matches!(Receipt::decode(&bad), Err(ReceiptError::Form(_))), "{}", hex::encode(bad));
    }
    assert!(matches!(Receipt::decode(&vec![0; 8_193]), Err(ReceiptError::TooLong { .. })));
}

#[test]
fn receipts_are_attached_only_to_a_statement_with_an_empty_unprotected_header() {
    let vector = Vector::read();
    let receipt = our_receipt(&vector);
    let transparent = vector.bytes("transparent_statement");
    let refused = attach_receipts(&transparent, std::slice::from_ref(&receipt));
    assert!(matches!(refused, Err(ReceiptError::Statement(_))));
    let detached = receipt.as_bytes();
    assert!(matches!(detach_receipts(detached), Err(ReceiptError::Statement(_))), "no attached payload");
    assert!(attach_receipts(&vector.bytes("statement"), &[]).is_err());
    assert!(attach_receipts(&vector.bytes("statement"), &vec![receipt.clone(); 17]).is_err());
    let many = attach_receipts(&vector.bytes("statement"), &vec![receipt.clone(); 16]).unwrap();
    assert_eq!(detach_receipts(&many).unwrap().1.len(), 16);
}

#[test]
fn detaching_from_a_statement_without_receipts_changes_nothing() {
    let vector = Vector::read();
    let statement = vector.bytes("statement");
    assert_eq!(detach_receipts(&statement), Ok((statement, vec![])));
}

#[test]
fn the_largest_header_of_a_transparent_statement_is_looked_through_in_a_moment() {
    // As many entries as fit, no key twice: comparing each with every other takes a minute.
    let entries = (1_000..50_000u16).flat_map(|key| [&[0x19][..], &key.to_be_bytes(), &[0x00]].concat());
    let count = 49_000u16;
    let header = [&[0xb9][..], &count.to_be_bytes(), &entries.collect::<Vec<_>>()].concat();
    let transparent = [&[0xd2, 0x84, 0x40][..], &header, &[0x40, 0x40]].concat();
    let start = std::time::Instant::now();
    assert_eq!(detach_receipts(&transparent), Ok((vec![0xd2, 0x84, 0x40, 0xa0, 0x40, 0x40], vec![])));
    assert!(start.elapsed().as_secs() < 10, "{:?}", start.elapsed());

    // A key that is there twice is still seen.
    let twice = [&[0xd2, 0x84, 0x40, 0xa2, 0x01, 0x00, 0x01, 0x00][..], &[0x40, 0x40]].concat();
    assert!(matches!(detach_receipts(&twice), Err(ReceiptError::Statement(_))));
}
