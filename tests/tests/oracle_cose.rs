//! `coset`, an independent reader of COSE (RFC 9052), against every statement, acceptance, permit and receipt of the fixtures: it finds
//! the same parts and would sign the same bytes. spec/statements.md §1, spec/log.md §10.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may stop where it stands")]

mod golden;

use coset::cbor::Value;
use coset::iana::{Algorithm, EnumI64 as _};
use coset::{CborSerializable as _, ContentType, CoseSign1, Label, RegisteredLabelWithPrivate, TaggedCborSerializable as _};
use deedbox_model::PublicKey;
use golden::{Fields as _, acceptances, array, read, statements};

/// The CWT claims (RFC 9597) as coset leaves them: a header field that it does not know.
fn claims(sign1: &CoseSign1) -> Vec<(i64, String)> {
    let (_, claims) = sign1.protected.header.rest.iter().find(|(label, _)| *label == Label::Int(15)).unwrap();
    let entry = |(key, value): &(Value, Value)| (i64::try_from(key.as_integer().unwrap()).unwrap(), value.as_text().unwrap().to_owned());
    claims.as_map().unwrap().iter().map(entry).collect()
}

#[test]
fn every_envelope_has_the_same_parts_and_the_same_bytes_to_be_signed() {
    let permits = read("manifests/permits.json");
    let named =
        |cases: Vec<serde_json::Value>, name: &'static str, kind: &'static str| cases.into_iter().map(move |case| (case, name, kind));
    let all = named(statements(), "statement", "application/vnd.deedbox.statement+cbor")
        .chain(named(acceptances(), "acceptance", "application/vnd.deedbox.acceptance+cbor"))
        .chain(named(permits.list("cases").to_vec(), "permit", "application/vnd.deedbox.permit+cbor"));
    for (case, name, kind) in all {
        let whole = case.bytes(name);
        let sign1 = CoseSign1::from_tagged_slice(&whole).unwrap();
        assert_eq!(sign1.protected.original_data, Some(case.bytes("protected")));
        assert!(sign1.unprotected.is_empty());
        assert_eq!(sign1.payload, Some(case.bytes("payload")));
        assert_eq!(sign1.signature, case.bytes("signature"));
        assert_eq!(sign1.tbs_data(&[]), case.bytes("sig_structure"));
        let header = &sign1.protected.header;
        assert_eq!(header.alg, Some(RegisteredLabelWithPrivate::Assigned(Algorithm::EdDSA)));
        assert_eq!(Algorithm::EdDSA.to_i64(), -8);
        assert_eq!(header.content_type, Some(ContentType::Text(kind.to_owned())));
        assert_eq!(header.key_id, case.bytes("kid"));
        let said = &case["says"]["claims"];
        let expected = [(1, "iss"), (2, "sub"), (3, "aud")].map(|(label, name)| (label, said.text(name).to_owned()));
        assert_eq!(claims(&sign1), expected);
        assert_eq!(sign1.protected.header.rest.len(), 1, "nothing else is in the header");
        let key = PublicKey::from_bytes(&array(&case.bytes("public_key"))).unwrap();
        sign1.verify_signature(&[], |signature, signed| key.verify(signed, &array(signature))).unwrap();
        assert_eq!(sign1.to_tagged_vec().unwrap(), whole, "written again it is the same");
    }
}

#[test]
fn every_receipt_has_the_same_parts_and_signs_the_root() {
    let receipts = read("proofs/receipts.json");
    let key = PublicKey::from_bytes(&array(&receipts.bytes("public_key"))).unwrap();
    let log = read("logs/small.json");
    for case in receipts.list("cases") {
        for (receipt, size) in case.list("receipts").iter().zip(case.list("sizes")) {
            let bytes = hex::decode(receipt.as_str().unwrap()).unwrap();
            let sign1 = CoseSign1::from_tagged_slice(&bytes).unwrap();
            assert_eq!(sign1.payload, None, "the root is detached");
            assert_eq!(sign1.protected.header.key_id, receipts.bytes("kid"));
            assert_eq!(claims(&sign1), [(1, receipts.text("issuer").to_owned()), (2, case.text("subject").to_owned())]);
            let size = size.as_u64().unwrap();
            let root = log.list("roots")[size as usize - 1].bytes("root");
            sign1.verify_detached_signature(&root, &[], |signature, signed| key.verify(signed, &array(signature))).unwrap();
            let (label, proofs) = &sign1.unprotected.rest[0];
            assert_eq!((label, sign1.unprotected.rest.len()), (&Label::Int(396), 1));
            let proof = proofs.as_map().unwrap()[0].1.as_array().unwrap()[0].as_bytes().unwrap();
            let proof = Value::from_slice(proof).unwrap();
            let [stated, index, _] = proof.as_array().unwrap().as_slice() else { panic!("a proof of three") };
            let number = |value: &Value| u64::try_from(value.as_integer().unwrap()).unwrap();
            assert_eq!((number(stated), number(index)), (size, case.number("index")));
            assert_eq!(sign1.to_tagged_vec().unwrap(), bytes);
        }
    }
}

#[test]
fn a_transparent_statement_is_the_statement_with_another_unprotected_header() {
    for case in read("proofs/receipts.json").list("cases") {
        let mut transparent = CoseSign1::from_tagged_slice(&case.bytes("transparent_statement")).unwrap();
        let (label, attached) = &transparent.unprotected.rest[0];
        assert_eq!(label, &Label::Int(394));
        let attached: Vec<String> = attached.as_array().unwrap().iter().map(|receipt| hex::encode(receipt.as_bytes().unwrap())).collect();
        assert_eq!(serde_json::json!(attached), case["receipts"]);
        transparent.unprotected = coset::Header::default();
        assert_eq!(transparent.to_tagged_vec().unwrap(), case.bytes("statement"));
    }
}
