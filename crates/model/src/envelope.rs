//! The signed envelope: one COSE_Sign1 (RFC 9052 §4.2) of exactly one shape (spec/statements.md §1).
//!
//! Tag 18; protected header exactly `alg` (1: -8), content type (3), `kid` (4: 32-byte RFC 9679 thumbprint) and CWT
//! claims (15: `iss` 1, `sub` 2, `aud` 3), in that order; an empty unprotected header; attached payload; 64-byte
//! signature over an empty external_aad. Reading accepts only the bytes that writing gives; nothing that was signed
//! is ever encoded again.

use crate::canonical::{Malformed, Reader, put_bytes, put_head, put_text};
use crate::key::{BadSignature, KeyId, NotSigned, PublicKey, Signer};
use crate::limits;

/// What an envelope may hold; each has its own content type, so that none can be taken for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A statement: a leaf of the log.
    Statement,
    /// A claimant's acceptance inside `domain.claimed`.
    Acceptance,
    /// A short-lived permit to upload objects.
    Permit,
}

impl Kind {
    /// The media type in the protected header.
    pub fn content_type(self) -> &'static str {
        match self {
            Kind::Statement => "application/vnd.deedbox.statement+cbor",
            Kind::Acceptance => "application/vnd.deedbox.acceptance+cbor",
            Kind::Permit => "application/vnd.deedbox.permit+cbor",
        }
    }
    /// The largest envelope of this kind in bytes.
    pub fn max_bytes(self) -> usize {
        match self {
            Kind::Statement => limits::STATEMENT_BYTES,
            Kind::Acceptance | Kind::Permit => limits::SMALL_ENVELOPE_BYTES,
        }
    }
}

/// Why bytes are not such an envelope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// Larger than its kind allows.
    #[error("{bytes} bytes are too many: at most {limit}")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// Another shape.
    #[error("not a signed envelope of the expected shape: {0}")]
    Malformed(#[from] Malformed),
}

/// The header claims: who speaks, about what, to which log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claims<'a> {
    /// `iss`: the domain that speaks, or the registry's origin.
    pub issuer: &'a str,
    /// `sub`: the subject.
    pub subject: &'a str,
    /// `aud`: the log's origin.
    pub audience: &'a str,
}

/// A decoded envelope, borrowing its bytes. Its signature is not checked yet.
#[derive(Debug, Clone)]
pub struct Envelope<'a> {
    /// The key that is said to have signed.
    pub kid: KeyId,
    /// The header claims.
    pub claims: Claims<'a>,
    /// The payload.
    pub payload: &'a [u8],
    /// The Ed25519 signature.
    pub signature: [u8; 64],
    protected: &'a [u8],
}

impl<'a> Envelope<'a> {
    /// Reads the one spelling.
    pub fn decode(kind: Kind, bytes: &'a [u8]) -> Result<Self, EnvelopeError> {
        if bytes.len() > kind.max_bytes() {
            return Err(EnvelopeError::TooLarge { bytes: bytes.len(), limit: kind.max_bytes() });
        }
        let mut r = Reader::new(bytes);
        r.literal(&[0xd2, 0x84], "it begins with tag 18 and an array of four")?;
        let protected = r.byte_string("the protected header is a byte string")?;
        r.literal(&[0xa0], "the unprotected header is empty")?;
        let payload = r.byte_string("the payload is attached as a byte string")?;
        let signature = r.byte_string("the signature is a byte string")?;
        r.end()?;
        let signature: [u8; 64] = signature.try_into().map_err(|_| Malformed { at: bytes.len(), why: "the signature has 64 bytes" })?;

        let mut h = Reader::new(protected);
        h.literal(&[0xa4, 0x01, 0x27, 0x03], "the protected header holds alg -8 (EdDSA), content type, kid and claims, in that order")?;
        if h.text("the content type is a text")? != kind.content_type() {
            return Err(Malformed { at: 0, why: "another content type: this is an envelope of another kind" }.into());
        }
        h.literal(&[0x04, 0x58, 0x20], "kid is a byte string of 32 bytes")?;
        let kid = h.take(32)?;
        h.literal(&[0x0f, 0xa3, 0x01], "the claims are iss, sub and aud, in that order")?;
        let issuer = h.text("iss is a text")?;
        h.literal(&[0x02], "the claims are iss, sub and aud, in that order")?;
        let subject = h.text("sub is a text")?;
        h.literal(&[0x03], "the claims are iss, sub and aud, in that order")?;
        let audience = h.text("aud is a text")?;
        h.end()?;
        let kid = KeyId::from_slice(kid).ok_or(Malformed { at: 0, why: "kid has 32 bytes" })?;
        Ok(Envelope { kid, claims: Claims { issuer, subject, audience }, payload, signature, protected })
    }

    /// RFC 9052 §4.4: what the signature covers.
    pub fn signed_bytes(&self) -> Vec<u8> {
        sig_structure(self.protected, self.payload)
    }

    /// Strict verification; the caller has found the key whose id is `kid`.
    pub fn verify(&self, key: &PublicKey) -> Result<(), BadSignature> {
        if key.id() != self.kid {
            return Err(BadSignature);
        }
        key.verify(&self.signed_bytes(), &self.signature)
    }
}

fn sig_structure(protected: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(protected.len() + payload.len() + 32);
    put_head(&mut out, 4, 4);
    put_text(&mut out, "Signature1");
    put_bytes(&mut out, protected);
    put_bytes(&mut out, &[]);
    put_bytes(&mut out, payload);
    out
}

/// Signs a payload. The caller keeps texts and payload within the limits; `Envelope::decode` refuses what is over.
pub fn seal(kind: Kind, key: &dyn Signer, claims: Claims<'_>, payload: &[u8]) -> Result<Vec<u8>, NotSigned> {
    let mut protected = Vec::with_capacity(200);
    protected.extend([0xa4, 0x01, 0x27, 0x03]);
    put_text(&mut protected, kind.content_type());
    protected.push(0x04);
    put_bytes(&mut protected, key.public().id().as_bytes());
    protected.extend([0x0f, 0xa3, 0x01]);
    put_text(&mut protected, claims.issuer);
    protected.push(0x02);
    put_text(&mut protected, claims.subject);
    protected.push(0x03);
    put_text(&mut protected, claims.audience);

    let signature = key.sign(&sig_structure(&protected, payload))?;
    let mut out = Vec::with_capacity(protected.len() + payload.len() + 80);
    out.extend([0xd2, 0x84]);
    put_bytes(&mut out, &protected);
    out.push(0xa0);
    put_bytes(&mut out, payload);
    put_bytes(&mut out, &signature);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::SecretKey;
    use coset::TaggedCborSerializable;

    fn key() -> SecretKey {
        SecretKey::from_seed(&[7; 32])
    }
    const CLAIMS: Claims<'static> = Claims { issuer: "acme.example", subject: "npm:acme.example/widget", audience: "registry.example/log" };

    #[test]
    fn what_is_sealed_opens_and_an_independent_codec_agrees() {
        let bytes = seal(Kind::Statement, &key(), CLAIMS, b"\xa0").unwrap();
        let envelope = Envelope::decode(Kind::Statement, &bytes).unwrap();
        assert_eq!(envelope.claims, CLAIMS);
        envelope.verify(&key().public()).unwrap();
        let other = coset::CoseSign1::from_tagged_slice(&bytes).unwrap();
        assert_eq!(other.protected.header.key_id, key().public().id().as_bytes());
        assert_eq!(other.payload.as_deref(), Some(&b"\xa0"[..]));
        assert_eq!(other.tbs_data(&[]), envelope.signed_bytes());
        assert_eq!(other.to_tagged_vec().unwrap(), bytes);
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        let bytes = seal(Kind::Statement, &key(), CLAIMS, b"\xa0").unwrap();
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut changed = bytes.clone();
                changed[at] ^= 1 << bit;
                let accepted = Envelope::decode(Kind::Statement, &changed).is_ok_and(|e| e.verify(&key().public()).is_ok());
                assert!(!accepted, "bit {bit} of byte {at}");
            }
        }
    }

    #[test]
    fn one_kind_is_never_taken_for_another() {
        let bytes = seal(Kind::Permit, &key(), CLAIMS, b"\xa0").unwrap();
        assert!(Envelope::decode(Kind::Permit, &bytes).is_ok());
        assert!(Envelope::decode(Kind::Statement, &bytes).is_err());
        assert!(Envelope::decode(Kind::Acceptance, &bytes).is_err());
    }

    #[test]
    fn an_unprotected_header_or_another_algorithm_is_refused() {
        let bytes = seal(Kind::Statement, &key(), CLAIMS, b"\xa0").unwrap();
        let at = 2 + 2 + Envelope::decode(Kind::Statement, &bytes).unwrap().protected.len();
        assert_eq!(bytes[at], 0xa0);
        let mut with_header = bytes.clone();
        with_header.splice(at..=at, [0xa1, 0x19, 0x01, 0x8a, 0x80]);
        assert!(Envelope::decode(Kind::Statement, &with_header).is_err());
        let mut es256 = bytes.clone();
        es256[6] = 0x26;
        assert!(Envelope::decode(Kind::Statement, &es256).is_err());
        assert!(Envelope::decode(Kind::Statement, &bytes[1..]).is_err(), "untagged");
    }

    #[test]
    fn the_size_limit_holds_on_both_sides() {
        let overhead = seal(Kind::Statement, &key(), CLAIMS, &[0; 300]).unwrap().len() - 300;
        let max = seal(Kind::Statement, &key(), CLAIMS, &vec![0; limits::STATEMENT_BYTES - overhead]).unwrap();
        assert_eq!(max.len(), limits::STATEMENT_BYTES);
        assert!(Envelope::decode(Kind::Statement, &max).is_ok());
        let over = seal(Kind::Statement, &key(), CLAIMS, &vec![0; limits::STATEMENT_BYTES - overhead + 1]).unwrap();
        assert!(matches!(Envelope::decode(Kind::Statement, &over), Err(EnvelopeError::TooLarge { .. })));
    }
}
