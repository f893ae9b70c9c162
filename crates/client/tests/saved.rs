//! The fixture of saved proofs (spec/saved-proofs.md): every verifier reads and judges them so.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test is a sentence, and its helpers may stop where they stand"
)]

use deedbox_client::SavedProof;
use deedbox_tlog::VerifierKey;
use serde_json::Value;

fn bytes(case: &Value) -> Vec<u8> {
    let hex = case["bytes"].as_str().unwrap();
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

#[test]
fn saved_proofs_have_their_verdicts() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/proofs/saved.json");
    let saved: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let key = VerifierKey::parse(saved["log_vkey"].as_str().unwrap()).unwrap();
    let list = |name: &str| saved[name].as_array().unwrap().clone();
    assert!(list("cases").len() > 3 && list("refused").len() > 5);
    for case in list("cases") {
        let proof = SavedProof::decode(&bytes(&case)).unwrap();
        assert_eq!(proof.encode().unwrap(), bytes(&case));
        let release = proof.verify(&key).unwrap();
        assert_eq!((release.name().as_str(), release.index()), (case["release"].as_str().unwrap(), case["index"].as_u64().unwrap()));
        assert_eq!(release.chain().map(|events| events as u64), case["chain"].as_u64());
    }
    for case in list("refused") {
        let verified = SavedProof::decode(&bytes(&case)).map(|proof| proof.verify(&key));
        assert!(!matches!(verified, Ok(Ok(_))), "{}", case["rule"]);
    }
}
