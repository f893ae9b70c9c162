//! The site's registry signature, as `npm audit signatures` checks it (spec/projections/npm.md §7): ECDSA over P-256
//! with SHA-256 and RFC 6979 nonces, DER, over `name@version:integrity`. Says that this site served the version; what
//! was published, and by whom, the log says.

use crate::limits::REMEMBERED_SIGNATURES;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use deedbox_view::SiteSigner;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{DerSignature, SigningKey};
use p256::pkcs8::EncodePublicKey as _;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// A P-256 key of one site.
pub struct RegistrySigner {
    key: SigningKey,
    spki: Vec<u8>,
    remembered: Mutex<Remembered>,
}

/// 32 bytes that are not a P-256 key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("these 32 bytes are not a P-256 private key (zero, or not below the group's order): draw others")]
pub struct BadScalar;

impl RegistrySigner {
    /// From the 32 bytes of the private scalar, big-endian.
    pub fn from_scalar(scalar: &[u8; 32]) -> Result<Self, BadScalar> {
        let key = SigningKey::from_slice(scalar).map_err(|_| BadScalar)?;
        let spki = key.verifying_key().to_public_key_der().map_err(|_| BadScalar)?.as_bytes().to_vec();
        Ok(RegistrySigner { key, spki, remembered: Mutex::default() })
    }
}

impl SiteSigner for RegistrySigner {
    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let digest: [u8; 32] = Sha256::digest(message).into();
        let memory = || self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = memory().get(&digest) {
            return known;
        }
        let signature: DerSignature = self.key.sign(message);
        let signature = signature.as_bytes().to_vec();
        memory().put(digest, signature.clone());
        signature
    }

    fn public_spki(&self) -> &[u8] {
        &self.spki
    }
}

impl std::fmt::Debug for RegistrySigner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RegistrySigner({})", key_id(&self.spki))
    }
}

/// Signatures already made, in two generations: what was not asked for during a whole generation is forgotten. What is
/// forgotten is made again with the same bytes, so nothing depends on what is here.
#[derive(Default)]
struct Remembered {
    young: BTreeMap<[u8; 32], Vec<u8>>,
    old: BTreeMap<[u8; 32], Vec<u8>>,
}

impl Remembered {
    fn get(&mut self, digest: &[u8; 32]) -> Option<Vec<u8>> {
        if let Some(known) = self.young.get(digest) {
            return Some(known.clone());
        }
        let known = self.old.remove(digest)?;
        self.put(*digest, known.clone());
        Some(known)
    }

    fn put(&mut self, digest: [u8; 32], signature: Vec<u8>) {
        if self.young.len() >= REMEMBERED_SIGNATURES / 2 {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(digest, signature);
    }
}

/// `SHA256:` and the base64 of the SHA-256 of the public key (DER SubjectPublicKeyInfo), padding and all.
pub fn key_id(spki: &[u8]) -> String {
    format!("SHA256:{}", BASE64.encode(Sha256::digest(spki)))
}

/// The answer of `/-/npm/v1/keys`.
pub(crate) fn keys_json(signer: Option<&dyn SiteSigner>) -> Vec<u8> {
    use crate::json::Object;
    let mut out = String::from("{\"keys\":[");
    if let Some(signer) = signer {
        let mut object = Object::begin(&mut out);
        object.key("expires").push_str("null");
        object.text("keyid", &key_id(signer.public_spki()));
        object.text("keytype", "ecdsa-sha2-nistp256");
        object.text("scheme", "ecdsa-sha2-nistp256");
        object.text("key", &BASE64.encode(signer.public_spki()));
        object.end();
    }
    out.push_str("]}");
    out.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use p256::ecdsa::VerifyingKey;
    use p256::ecdsa::signature::Verifier as _;
    use p256::pkcs8::DecodePublicKey as _;

    /// RFC 6979 A.2.5, P-256 with SHA-256, message "sample".
    #[test]
    fn signatures_are_those_of_rfc_6979() {
        let scalar = [
            0xC9, 0xAF, 0xA9, 0xD8, 0x45, 0xBA, 0x75, 0x16, 0x6B, 0x5C, 0x21, 0x57, 0x67, 0xB1, 0xD6, 0x93, 0x4E, 0x50, 0xC3, 0xDB, 0x36,
            0xE8, 0x9B, 0x12, 0x7B, 0x8A, 0x62, 0x2B, 0x12, 0x0F, 0x67, 0x21,
        ];
        let signer = RegistrySigner::from_scalar(&scalar).unwrap();
        let der = signer.sign(b"sample");
        let r = "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716";
        let s = "F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8";
        let hex: String = der.iter().map(|b| format!("{b:02X}")).collect();
        assert_eq!(hex, format!("3046022100{r}022100{s}"));
        assert_eq!(signer.sign(b"sample"), der, "the remembered one is the same");
    }

    #[test]
    fn what_is_forgotten_is_signed_again_with_the_same_bytes() {
        let mut memory = Remembered::default();
        let digest = |n: usize| <[u8; 32]>::from(Sha256::digest(n.to_be_bytes()));
        for n in 0..3 * REMEMBERED_SIGNATURES {
            memory.put(digest(n), vec![1]);
            assert!(memory.young.len() + memory.old.len() <= REMEMBERED_SIGNATURES);
        }
        assert!(memory.get(&digest(0)).is_none());
        assert!(memory.get(&digest(3 * REMEMBERED_SIGNATURES - 1)).is_some());
    }

    #[test]
    fn the_published_key_verifies_what_the_site_signs() {
        let signer = RegistrySigner::from_scalar(&[7; 32]).unwrap();
        let key = VerifyingKey::from_public_key_der(signer.public_spki()).unwrap();
        let signature = DerSignature::try_from(signer.sign(b"@acme.example/widget@1.0.0:sha512-x").as_slice()).unwrap();
        key.verify(b"@acme.example/widget@1.0.0:sha512-x", &signature).unwrap();
        assert!(key.verify(b"@acme.example/widget@1.0.1:sha512-x", &signature).is_err());
        assert!(key_id(signer.public_spki()).starts_with("SHA256:"));
    }

    #[test]
    fn bytes_that_are_no_scalar_are_refused() {
        assert_eq!(RegistrySigner::from_scalar(&[0; 32]).unwrap_err(), BadScalar);
        assert_eq!(RegistrySigner::from_scalar(&[0xff; 32]).unwrap_err(), BadScalar);
    }
}
