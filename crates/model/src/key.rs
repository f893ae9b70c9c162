//! Signing keys and their names (spec/statements.md §2). Ed25519 today; a key is named by its RFC 9679 thumbprint.
//! The verdict on a signature is `verify_strict`; weak and non-canonical keys cannot be made.

use crate::digest::digest_type;
use crate::limits::KEYS_REMEMBERED;
use crate::pem;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};
use sha2::Digest as _;
use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};

digest_type!(
    /// RFC 9679 COSE Key Thumbprint with SHA-256: 32 bytes.
    KeyId, 32
);

/// An Ed25519 public key that may be registered: canonical encoding of a point outside the small subgroup.
/// Encoded as a map, keys `alg` (text `ed25519`) and `key` (32 bytes); other algorithms need a new protocol number.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

/// The signature is not that of the key over these bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not verify (Ed25519, strict)")]
pub struct BadSignature;

/// Why 32 bytes are not a key that may sign here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadKey {
    /// Not the canonical encoding of a curve point (RFC 8032 §5.1.3).
    #[error("not an Ed25519 public key: the 32 bytes are not the canonical encoding of a curve point")]
    NotAPoint,
    /// A point of small order: anything would verify under it.
    #[error("a weak Ed25519 key (small order): make a new one with deedbox keygen")]
    Weak,
    /// An algorithm that this protocol number does not know.
    #[error("a key algorithm that is not ed25519")]
    Algorithm,
}

/// Good keys that were seen lately, in two generations: when the newer is full the older is forgotten. Whether bytes are a
/// key never changes, so this changes no answer.
static FOUND_GOOD: RwLock<[BTreeMap<[u8; 32], PublicKey>; 2]> = RwLock::new([BTreeMap::new(), BTreeMap::new()]);

impl PublicKey {
    /// Checks the encoding and the order. Checking costs a square root and a multiplication, some 15 µs, and rows and statements
    /// name the same keys over and over: those found good are remembered.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, BadKey> {
        let known = {
            let [newer, older] = &*FOUND_GOOD.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(key) = newer.get(bytes) {
                return Ok(*key);
            }
            older.get(bytes).copied()
        };
        let key = known.map_or_else(|| Self::check(bytes), Ok)?;
        let [newer, older] = &mut *FOUND_GOOD.write().unwrap_or_else(PoisonError::into_inner);
        if newer.len() >= KEYS_REMEMBERED {
            *older = std::mem::take(newer);
        }
        newer.insert(*bytes, key);
        Ok(key)
    }

    fn check(bytes: &[u8; 32]) -> Result<Self, BadKey> {
        let key = VerifyingKey::from_bytes(bytes).map_err(|_| BadKey::NotAPoint)?;
        // dalek keeps the bytes that it was given; a second spelling of the same point would be a second key id.
        if key.to_edwards().compress().as_bytes() != bytes {
            return Err(BadKey::NotAPoint);
        }
        if key.is_weak() {
            return Err(BadKey::Weak);
        }
        Ok(PublicKey(key))
    }

    /// The 32 bytes of RFC 8032.
    pub fn to_bytes(&self) -> [u8; 32] {
        self.0.to_bytes()
    }

    /// SHA-256 over the deterministic COSE_Key {1: 1 (OKP), -1: 6 (Ed25519), -2: x} (RFC 9679 §3).
    pub fn id(&self) -> KeyId {
        let mut hash = sha2::Sha256::new();
        hash.update([0xa3, 0x01, 0x01, 0x20, 0x06, 0x21, 0x58, 0x20]);
        hash.update(self.to_bytes());
        KeyId(hash.finalize().into())
    }

    /// RFC 8032 verification, strict: canonical S and R, no small-order components, no batch.
    pub fn verify(&self, message: &[u8], signature: &[u8; 64]) -> Result<(), BadSignature> {
        self.0.verify_strict(message, &Signature::from_bytes(signature)).map_err(|_| BadSignature)
    }
}

impl std::fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PublicKey({})", hex::encode(self.to_bytes()))
    }
}

impl PartialOrd for PublicKey {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for PublicKey {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.to_bytes().cmp(&other.to_bytes())
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EncodedKey<'a> {
    alg: std::borrow::Cow<'a, str>,
    #[serde(with = "serde_bytes")]
    key: [u8; 32],
}

impl Serialize for PublicKey {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        EncodedKey { alg: "ed25519".into(), key: self.to_bytes() }.serialize(s)
    }
}
impl<'de> Deserialize<'de> for PublicKey {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let encoded = EncodedKey::deserialize(d)?;
        if encoded.alg != "ed25519" {
            return Err(serde::de::Error::custom(BadKey::Algorithm));
        }
        PublicKey::from_bytes(&encoded.key).map_err(serde::de::Error::custom)
    }
}

/// PKCS #8 version 1 of an Ed25519 key, up to its 32 bytes (RFC 5958 §2, RFC 8410 §7).
const PKCS8_V1: [u8; 16] = [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];
/// Version 2, which has the public key too: before its 32 bytes, and before those of the public key.
const PKCS8_V2: [u8; 16] = [0x30, 0x51, 0x02, 0x01, 0x01, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];
const PKCS8_V2_PUBLIC: [u8; 3] = [0x81, 0x21, 0x00];

/// The secret half. Made from a seed; who has randomness makes the seed. Its Debug form shows the public half.
#[derive(Clone)]
pub struct SecretKey(SigningKey);

impl SecretKey {
    /// From the 32-byte seed of RFC 8032 §5.1.5.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        SecretKey(SigningKey::from_bytes(seed))
    }
    /// From PKCS #8 in PEM (spec/encoding.md §5.3): what a key file holds. None if it is anything else: another kind of key, two keys,
    /// text before or after, a public key beside it that is not its own.
    pub fn from_pem(text: &str) -> Option<Self> {
        Self::from_pkcs8(&pem::private_key(text)?)
    }

    /// From the DER of version 1, or of version 2 with the public key of this very seed.
    fn from_pkcs8(der: &[u8]) -> Option<Self> {
        if let Some(seed) = der.strip_prefix(&PKCS8_V1) {
            return Some(Self::from_seed(seed.try_into().ok()?));
        }
        let (seed, rest) = der.strip_prefix(&PKCS8_V2)?.split_first_chunk::<32>()?;
        let key = Self::from_seed(seed);
        (rest.strip_prefix(&PKCS8_V2_PUBLIC)? == key.public().to_bytes()).then_some(key)
    }

    /// PKCS #8 version 1 in PEM, for a key file: the form that OpenSSL and all others read.
    pub fn to_pem(&self) -> String {
        pem::of_private_key(&[&PKCS8_V1[..], &self.seed()].concat())
    }
    /// The seed, for keeping it elsewhere.
    pub fn seed(&self) -> [u8; 32] {
        self.0.to_bytes()
    }
    /// The public half.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }
    /// RFC 8032 signature, 64 bytes, deterministic.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }
}

/// Who signs with an Ed25519 key: the key itself, or somebody who keeps it and hands out signatures alone.
pub trait Signer: Send + Sync {
    /// The public half.
    fn public(&self) -> PublicKey;
    /// RFC 8032 signature over these bytes. Whoever uses it checks it: who keeps the key may be anything.
    fn sign(&self, message: &[u8]) -> Result<[u8; 64], NotSigned>;
}

/// Why nothing was signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the key did not sign: {0}")]
pub struct NotSigned(pub String);

impl Signer for SecretKey {
    fn public(&self) -> PublicKey {
        SecretKey::public(self)
    }
    fn sign(&self, message: &[u8]) -> Result<[u8; 64], NotSigned> {
        Ok(SecretKey::sign(self, message))
    }
}

impl std::fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SecretKey(of {:?})", self.public())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_thumbprint_is_that_of_rfc_9679() {
        let seed: [u8; 32] = std::array::from_fn(|i| i as u8);
        let key = SecretKey::from_seed(&seed).public();
        assert_eq!(hex::encode(key.to_bytes()), "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8");
        assert_eq!(key.id().to_hex(), "be5de2f4bcdc383add3fc9827d345f1a37c6a06026b38696fb3229c003b35f49");
    }

    #[test]
    fn a_key_file_holds_the_same_key() {
        let key = SecretKey::from_seed(&[7; 32]);
        let pem = key.to_pem();
        assert!(pem.starts_with("-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEI"), "version 1");
        assert_eq!(SecretKey::from_pem(&pem).unwrap().public(), key.public());
        assert_eq!(SecretKey::from_pem(pem.trim_end()).unwrap().public(), key.public(), "as a shell gives it");
        assert_eq!(SecretKey::from_pem(&pem.replace('\n', "\r\n")).unwrap().public(), key.public());
    }

    #[test]
    fn version_2_is_read_with_its_own_public_key_and_nothing_else_is_a_key() {
        use ed25519_dalek::pkcs8::EncodePrivateKey as _;
        use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
        let (key, other) = (SecretKey::from_seed(&[7; 32]), SecretKey::from_seed(&[8; 32]));
        let written = key.0.to_pkcs8_pem(LineEnding::LF).unwrap();
        assert_eq!(SecretKey::from_pem(&written).unwrap().public(), key.public(), "what this program once wrote");
        let public = |key: &SecretKey| key.public().to_bytes();
        let v1 = [&PKCS8_V1[..], &key.seed()].concat();
        let v2 = |public: [u8; 32]| [&PKCS8_V2[..], &key.seed(), &PKCS8_V2_PUBLIC, &public].concat();
        let file = pem::of_private_key;
        assert!(SecretKey::from_pem(&file(&v2(public(&key)))).is_some());
        let changed = |at: usize, to: u8| {
            let mut der = v1.clone();
            der[at] = to;
            der
        };
        for (what, der) in [
            ("another public key", v2(public(&other))),
            ("version 2 without a public key", changed(4, 1)),
            ("version 1 with one", [&[0x30, 0x51, 0x02, 0x01, 0x00], &v2(public(&key))[5..]].concat()),
            ("X25519", changed(11, 0x6e)),
            ("a byte more", [&v1[..], &[0]].concat()),
            ("a byte less", v1[..47].to_vec()),
            ("an algorithm with parameters", [&[0x30, 0x30, 0x02, 0x01, 0x00, 0x30, 0x07], &v1[7..12], &[0x05, 0x00], &v1[12..]].concat()),
            ("nothing", vec![]),
        ] {
            assert!(SecretKey::from_pem(&file(&der)).is_none(), "{what}");
        }
        let pem = key.to_pem();
        for (what, text) in [
            ("another label", pem.replace("PRIVATE", "EC PRIVATE")),
            ("two keys", pem.repeat(2)),
            ("text before it", format!("Private-Key:\n{pem}")),
            ("text after it", format!("{pem}x")),
            ("lines of another length", pem.replace("MC4", "MC4\n")),
            ("nothing", String::new()),
        ] {
            assert!(SecretKey::from_pem(&text).is_none(), "{what}");
        }
    }

    #[test]
    fn weak_and_second_spellings_are_no_keys() {
        let mut identity = [0u8; 32];
        identity[0] = 1;
        assert_eq!(PublicKey::from_bytes(&identity), Err(BadKey::Weak));
        assert_eq!(PublicKey::from_bytes(&[0; 32]), Err(BadKey::Weak), "y = 0 has order four");
        // y = p + 1 encodes the identity a second time; y = p encodes y = 0 a second time.
        let mut second = [0xff; 32];
        second[0] = 0xee;
        second[31] = 0x7f;
        assert_eq!(PublicKey::from_bytes(&second), Err(BadKey::NotAPoint));
        let mut not_a_point = [0u8; 32];
        not_a_point[0] = 2;
        assert_eq!(PublicKey::from_bytes(&not_a_point), Err(BadKey::NotAPoint));
    }
}
