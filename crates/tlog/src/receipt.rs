//! COSE receipts: an inclusion proof whose root is signed, for programs that read COSE and not notes.
//! RFC 9942 (verifiable data structure 1, detached root) and RFC 9943 section 6; `spec/log.md` section 10.
//! A statement's own signature and meaning are not looked at here, and nothing that was signed is ever encoded again.

use crate::hash::Hash;
use crate::key::strong_key;
use crate::limits::{MAX_CLAIM_BYTES, MAX_ENTRY_BYTES, MAX_RECEIPT_BYTES, MAX_RECEIPTS, MAX_TRANSPARENT_BYTES};
use crate::proof::{InclusionProof, ProofError};
use coset::cbor::Value;
use ed25519_dalek::{Signature, VerifyingKey};
use std::collections::BTreeSet;

/// COSE header labels and values (RFC 9052, RFC 9597, RFC 9942).
mod label {
    pub(super) const ALG: i64 = 1;
    pub(super) const CRIT: i64 = 2;
    pub(super) const KID: i64 = 4;
    pub(super) const CWT_CLAIMS: i64 = 15;
    pub(super) const RECEIPTS: i64 = 394;
    pub(super) const VDS: i64 = 395;
    pub(super) const VDP: i64 = 396;
    pub(super) const ISS: i64 = 1;
    pub(super) const SUB: i64 = 2;
    pub(super) const INCLUSION: i64 = -1;
    pub(super) const EDDSA: i64 = -8;
    pub(super) const RFC9162_SHA256: i64 = 1;
    pub(super) const SIGN1: u64 = 18;
}

/// Why something is not a receipt, or not a good one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptError {
    /// Too many bytes.
    #[error("{what} has at most {max} bytes, not {found}")]
    TooLong {
        /// Of what.
        what: &'static str,
        /// Bytes it may have.
        max: usize,
        /// Bytes it has.
        found: usize,
    },
    /// Bytes of another form.
    #[error("this is not a COSE receipt: {0}")]
    Form(&'static str),
    /// Bytes of another form, where a statement is expected.
    #[error("this is not a COSE statement: {0}")]
    Statement(&'static str),
    /// The proof in it.
    #[error(transparent)]
    Proof(#[from] ProofError),
    /// A public key that anyone could sign for, or that is not one.
    #[error("the receipt key is not a strong Ed25519 key in its one encoding")]
    WeakKey,
    /// A receipt about something else.
    #[error("the receipt's {what} is {found:?}, not {expected:?}")]
    Other {
        /// Which of its claims.
        what: &'static str,
        /// What was asked for.
        expected: String,
        /// What it says.
        found: String,
    },
    /// The signature isn't that of this key over the root that the proof leads to from this leaf.
    #[error("the receipt is not good for this statement: its signature does not cover the root that its proof leads to")]
    BadSignature,
    /// Too many receipts.
    #[error("a statement carries at most {MAX_RECEIPTS} receipts, not {0}")]
    TooManyReceipts(usize),
}

/// What a receipt says beside its proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiptClaims {
    /// Origin of the log (`iss`).
    pub issuer: String,
    /// The statement's own subject (`sub`).
    pub subject: String,
    /// Id of the key that signs receipts (`kid`).
    pub key_id: Vec<u8>,
}

/// A key that receipts are verified with, and the id that they name it by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiptKey {
    id: Vec<u8>,
    key: VerifyingKey,
}

impl ReceiptKey {
    /// From an id and a public key. A weak key, or a second encoding of one, is refused.
    pub fn new(id: Vec<u8>, public_key: &[u8; 32]) -> Result<Self, ReceiptError> {
        Ok(Self { id, key: strong_key(public_key).ok_or(ReceiptError::WeakKey)? })
    }
}

/// A receipt, taken apart. Nothing in it is verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    bytes: Vec<u8>,
    protected: Vec<u8>,
    claims: ReceiptClaims,
    proof: InclusionProof,
    signature: [u8; 64],
}

impl Receipt {
    /// Makes a receipt for a leaf. `root` is what the log has committed to at the proof's size: a proof that does not lead there is
    /// refused before anything is signed. `sign` is given the Sig_structure and answers with an Ed25519 signature.
    pub fn issue(
        claims: ReceiptClaims,
        leaf: &Hash,
        proof: &InclusionProof,
        root: &Hash,
        sign: impl FnOnce(&[u8]) -> [u8; 64],
    ) -> Result<Self, ReceiptError> {
        proof.verify(leaf, proof.size(), root)?;
        // The order of labels is that of deterministic CBOR (RFC 8949 section 4.2.1).
        let protected = encode(&map([
            (label::ALG, label::EDDSA.into()),
            (label::KID, Value::Bytes(claims.key_id.clone())),
            (label::CWT_CLAIMS, map([(label::ISS, Value::Text(claims.issuer.clone())), (label::SUB, Value::Text(claims.subject.clone()))])),
            (label::VDS, label::RFC9162_SHA256.into()),
        ]));
        let path = proof.hashes().iter().map(|hash| Value::Bytes(hash.0.to_vec())).collect();
        let path = Value::Array(vec![proof.size().into(), proof.index().into(), Value::Array(path)]);
        let proofs = Value::Array(vec![Value::Bytes(encode(&path))]);
        let signature = sign(&sig_structure(&protected, root));
        let receipt = Value::Tag(
            label::SIGN1,
            Box::new(Value::Array(vec![
                Value::Bytes(protected),
                map([(label::VDP, map([(label::INCLUSION, proofs)]))]),
                Value::Null,
                Value::Bytes(signature.to_vec()),
            ])),
        );
        Self::decode(&encode(&receipt))
    }

    /// Reads a receipt. Every item has its shortest, definite encoding; map keys are unique, in any order; there is one inclusion proof.
    pub fn decode(bytes: &[u8]) -> Result<Self, ReceiptError> {
        let bad = ReceiptError::Form;
        check_length("a receipt", bytes, MAX_RECEIPT_BYTES)?;
        let [protected, unprotected, payload, signature] = sign1(bytes).ok_or(bad("it is not a COSE_Sign1 in its shortest encoding"))?;
        let protected = protected.into_bytes().map_err(|_| bad("its protected header is not a byte string"))?;
        let header = decode(&protected).and_then(entries).ok_or(bad("its protected header is not a plain map"))?;
        let header = |wanted| header.iter().find(|(key, _)| is(key, wanted)).map(|(_, value)| value);
        if !header(label::ALG).is_some_and(|alg| is(alg, label::EDDSA)) {
            return Err(bad("its algorithm is not EdDSA (-8)"));
        }
        if !header(label::VDS).is_some_and(|vds| is(vds, label::RFC9162_SHA256)) {
            return Err(bad("its verifiable data structure is not RFC9162_SHA256 (1)"));
        }
        if header(label::CRIT).is_some() {
            return Err(bad("it has critical headers, and none is understood here"));
        }
        let key_id = header(label::KID).and_then(Value::as_bytes).ok_or(bad("it has no key id"))?;
        let claims = header(label::CWT_CLAIMS).cloned().and_then(entries).ok_or(bad("it has no CWT claims"))?;
        let claim = |wanted| claims.iter().find(|(key, _)| is(key, wanted)).and_then(|(_, value)| value.as_text());
        let issuer = claim(label::ISS).ok_or(bad("it has no issuer"))?;
        let subject = claim(label::SUB).ok_or(bad("it has no subject"))?;
        for bytes in [key_id.as_slice(), issuer.as_bytes(), subject.as_bytes()] {
            check_length("an issuer, subject or key id", bytes, MAX_CLAIM_BYTES)?;
        }
        let claims = ReceiptClaims { issuer: issuer.to_owned(), subject: subject.to_owned(), key_id: key_id.clone() };
        let proofs = only(unprotected, label::VDP).and_then(|proofs| only(proofs, label::INCLUSION));
        let proof = proofs
            .and_then(|proofs| <[Value; 1]>::try_from(proofs.into_array().ok()?).ok())
            .and_then(|[proof]| inclusion_proof(&proof.into_bytes().ok()?))
            .ok_or(bad("its unprotected header is not exactly one inclusion proof"))?;
        let (size, index, path) = proof;
        let proof = InclusionProof::new(index, size, path)?;
        if payload != Value::Null {
            return Err(bad("its payload is not detached"));
        }
        let signature = signature.into_bytes().ok().and_then(|bytes| bytes.try_into().ok());
        let signature = signature.ok_or(bad("its signature does not have 64 bytes"))?;
        Ok(Self { bytes: bytes.to_vec(), protected, claims, proof, signature })
    }

    /// The bytes as they were read or made.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What it says beside its proof, unverified.
    pub fn claims(&self) -> &ReceiptClaims {
        &self.claims
    }

    /// Its inclusion proof, unverified.
    pub fn proof(&self) -> &InclusionProof {
        &self.proof
    }

    /// Verifies that this key signed the root that the proof leads to from the leaf, and that the receipt is of this log and about this
    /// subject. Gives that root, which belongs to the tree of [`InclusionProof::size`] leaves.
    pub fn verify(&self, key: &ReceiptKey, issuer: &str, subject: &str, leaf: &Hash) -> Result<Hash, ReceiptError> {
        same("issuer", issuer, &self.claims.issuer)?;
        same("subject", subject, &self.claims.subject)?;
        same("key id", &hex::encode(&key.id), &hex::encode(&self.claims.key_id))?;
        let root = self.proof.root(leaf)?;
        let signature = Signature::from_bytes(&self.signature);
        key.key.verify_strict(&sig_structure(&self.protected, &root), &signature).map_err(|_| ReceiptError::BadSignature)?;
        Ok(root)
    }
}

/// A transparent statement: the statement's bytes with receipts in its unprotected header, which must be empty before.
pub fn attach_receipts(statement: &[u8], receipts: &[Receipt]) -> Result<Vec<u8>, ReceiptError> {
    check_length("a statement", statement, MAX_ENTRY_BYTES)?;
    if receipts.is_empty() || receipts.len() > MAX_RECEIPTS {
        return Err(ReceiptError::TooManyReceipts(receipts.len()));
    }
    let [protected, unprotected, payload, signature] = statement_parts(statement)?;
    if unprotected.as_map().is_none_or(|map| !map.is_empty()) {
        return Err(ReceiptError::Statement("its unprotected header is not empty"));
    }
    let receipts = receipts.iter().map(|receipt| Value::Bytes(receipt.bytes.clone())).collect();
    let unprotected = map([(label::RECEIPTS, Value::Array(receipts))]);
    Ok(encode(&Value::Tag(label::SIGN1, Box::new(Value::Array(vec![protected, unprotected, payload, signature])))))
}

/// The inverse: the statement's bytes with an empty unprotected header, which is what the log hashed, and the receipts that were in it,
/// unread. Whatever else was in that header is dropped; nobody has signed it.
pub fn detach_receipts(transparent: &[u8]) -> Result<(Vec<u8>, Vec<Vec<u8>>), ReceiptError> {
    let bad = ReceiptError::Statement;
    check_length("a transparent statement", transparent, MAX_TRANSPARENT_BYTES)?;
    let [protected, unprotected, payload, signature] = statement_parts(transparent)?;
    let header = entries(unprotected).ok_or(bad("its unprotected header is not a plain map"))?;
    let receipts = header.into_iter().find(|(key, _)| is(key, label::RECEIPTS)).map(|(_, value)| value);
    let receipts = receipts
        .map_or(Ok(Vec::new()), Value::into_array)
        .ok()
        .and_then(|receipts| receipts.into_iter().map(|receipt| receipt.into_bytes().ok()).collect::<Option<Vec<_>>>());
    let receipts = receipts.ok_or(bad("its receipts are not an array of byte strings"))?;
    if receipts.len() > MAX_RECEIPTS {
        return Err(ReceiptError::TooManyReceipts(receipts.len()));
    }
    let unprotected = Value::Map(Vec::new());
    let statement = encode(&Value::Tag(label::SIGN1, Box::new(Value::Array(vec![protected, unprotected, payload, signature]))));
    check_length("a statement", &statement, MAX_ENTRY_BYTES)?;
    Ok((statement, receipts))
}

/// What is signed (RFC 9052 section 4.4): context, protected header, no external data, and the root as the payload.
fn sig_structure(protected: &[u8], root: &Hash) -> Vec<u8> {
    encode(&Value::Array(vec![
        Value::Text("Signature1".into()),
        Value::Bytes(protected.to_vec()),
        Value::Bytes(Vec::new()),
        Value::Bytes(root.0.to_vec()),
    ]))
}

/// The four parts of a COSE_Sign1 that is in its shortest, definite encoding.
fn sign1(bytes: &[u8]) -> Option<[Value; 4]> {
    match decode(bytes)? {
        Value::Tag(label::SIGN1, parts) => parts.into_array().ok()?.try_into().ok(),
        _ => None,
    }
}

fn statement_parts(bytes: &[u8]) -> Result<[Value; 4], ReceiptError> {
    let bad = ReceiptError::Statement;
    let parts = sign1(bytes).ok_or(bad("it is not a COSE_Sign1 in its shortest encoding"))?;
    let [protected, _, payload, signature] = &parts;
    if ![protected, payload, signature].into_iter().all(Value::is_bytes) {
        return Err(bad("its protected header, payload and signature are not byte strings"));
    }
    Ok(parts)
}

fn inclusion_proof(bytes: &[u8]) -> Option<(u64, u64, Vec<Hash>)> {
    let [size, index, path] = decode(bytes)?.into_array().ok()?.try_into().ok()?;
    let number = |value: Value| u64::try_from(value.into_integer().ok()?).ok();
    let path = path.into_array().ok()?;
    let hashes = path.iter().map(|hash| Hash::from_slice(hash.as_bytes()?).ok());
    Some((number(size)?, number(index)?, hashes.collect::<Option<_>>()?))
}

/// The value of a map that has this key and no other.
fn only(value: Value, wanted: i64) -> Option<Value> {
    let [(key, value)] = <[(Value, Value); 1]>::try_from(value.into_map().ok()?).ok()?;
    is(&key, wanted).then_some(value)
}

/// The entries of a map without repeated keys. Keys are compared in a set, by their bytes: a sender of a large header must not make
/// each key be compared with every other.
fn entries(value: Value) -> Option<Vec<(Value, Value)>> {
    let entries = value.into_map().ok()?;
    let mut seen = BTreeSet::new();
    entries.iter().all(|(key, _)| seen.insert(encode(key))).then_some(entries)
}

fn is(value: &Value, number: i64) -> bool {
    *value == Value::from(number)
}

fn map<const N: usize>(entries: [(i64, Value); N]) -> Value {
    Value::Map(entries.into_iter().map(|(key, value)| (key.into(), value)).collect())
}

/// Reads one CBOR item, refusing whatever would be written differently: bytes after it, longer or indefinite lengths.
fn decode(bytes: &[u8]) -> Option<Value> {
    let value: Value = coset::cbor::from_reader(bytes).ok()?;
    (encode(&value) == bytes).then_some(value)
}

fn encode(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    // Writing to memory has no way to fail; if it did, the bytes would be cut short and no signature would verify.
    let _ = coset::cbor::into_writer(value, &mut bytes);
    bytes
}

fn check_length(what: &'static str, bytes: &[u8], max: usize) -> Result<(), ReceiptError> {
    let found = bytes.len();
    if found > max { Err(ReceiptError::TooLong { what, max, found }) } else { Ok(()) }
}

fn same(what: &'static str, expected: &str, found: &str) -> Result<(), ReceiptError> {
    if expected == found {
        return Ok(());
    }
    Err(ReceiptError::Other { what, expected: expected.to_owned(), found: found.to_owned() })
}
