//! Keys that sign notes: their names, kinds, ids and text form. C2SP signed-note (verifier keys), `spec/log.md` section 5.
//! Holds public keys only; private ones are handed to a [`crate::Signer`] or a [`crate::Cosigner`].

use crate::cosigned;
use crate::limits::MAX_KEY_NAME_BYTES;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, VerifyingKey};
use sha2::{Digest as _, Sha256};
use std::fmt;

/// Why something is not a key or its name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// A name that no key may have.
    #[error("{0:?} is not a key name: 1 to {MAX_KEY_NAME_BYTES} bytes without spaces, plus signs or control characters")]
    Name(String),
    /// A verifier key that isn't written as one.
    #[error("this is not a verifier key; it is written <name>+<8 hexadecimal digits>+<base64>")]
    Text,
    /// A verifier key of a type that is not known here.
    #[error("the verifier key {name} is of type {kind:#04x}; known are 0x01 (Ed25519) and 0x04 (cosignature/v1)")]
    Type {
        /// Name of the key.
        name: String,
        /// The type byte.
        kind: u8,
    },
    /// A verifier key whose id is not that of its name, type and key.
    #[error("the verifier key {name} says it has the id {said:08x}, but its id is {computed:08x}; it was copied wrongly")]
    Id {
        /// Name of the key.
        name: String,
        /// The id it says.
        said: u32,
        /// The id it has.
        computed: u32,
    },
    /// A public key that anyone could sign for, or that is not one.
    #[error("the public key of {0} is not a strong Ed25519 key in its one encoding")]
    Weak(String),
}

/// Name of a key, and origin of a log: not empty, no spaces, no plus sign, no control characters.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyName(String);

impl KeyName {
    /// Refuses what is not a key name.
    pub fn new(name: impl Into<String>) -> Result<Self, KeyError> {
        let name = name.into();
        let bad = |c: char| c == '+' || c.is_whitespace() || c.is_control();
        if name.is_empty() || name.len() > MAX_KEY_NAME_BYTES || name.contains(bad) {
            return Err(KeyError::Name(name.chars().take(MAX_KEY_NAME_BYTES).collect()));
        }
        Ok(Self(name))
    }

    /// The name as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

impl std::str::FromStr for KeyName {
    type Err = KeyError;

    fn from_str(name: &str) -> Result<Self, KeyError> {
        Self::new(name)
    }
}

/// What a key signs, by its type byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyKind {
    /// 0x01: Ed25519 over the note's text.
    Ed25519,
    /// 0x04: cosignature/v1, Ed25519 over a time and a checkpoint.
    CosignatureV1,
}

impl KeyKind {
    /// The type byte.
    pub fn byte(self) -> u8 {
        match self {
            Self::Ed25519 => 0x01,
            Self::CosignatureV1 => 0x04,
        }
    }

    fn of(byte: u8) -> Option<Self> {
        [Self::Ed25519, Self::CosignatureV1].into_iter().find(|kind| kind.byte() == byte)
    }
}

/// Id of a key: the first four bytes of SHA-256(name ‖ line end ‖ type ‖ public key), big-endian.
pub fn key_id(name: &KeyName, kind: KeyKind, public_key: &[u8; 32]) -> u32 {
    let digest = Sha256::new().chain_update(name.as_str()).chain_update([b'\n', kind.byte()]).chain_update(public_key).finalize();
    digest.first_chunk::<4>().map_or(0, |id| u32::from_be_bytes(*id))
}

/// A key that signatures are verified with; its text form is the vkey `<name>+<id>+<base64>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: KeyName,
    kind: KeyKind,
    id: u32,
    key: VerifyingKey,
}

impl VerifierKey {
    /// From the parts. A weak key (of small order), or a second encoding of one, is refused.
    pub fn new(name: KeyName, kind: KeyKind, public_key: &[u8; 32]) -> Result<Self, KeyError> {
        let key = strong_key(public_key).ok_or_else(|| KeyError::Weak(name.to_string()))?;
        Ok(Self { id: key_id(&name, kind, public_key), name, kind, key })
    }

    /// Reads a vkey; there is one spelling.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        if text.len() > MAX_KEY_NAME_BYTES + 128 {
            return Err(KeyError::Text);
        }
        let (name, rest) = text.split_once('+').ok_or(KeyError::Text)?;
        let (id, key) = rest.split_once('+').ok_or(KeyError::Text)?;
        let name = KeyName::new(name)?;
        if id.len() != 8 || !id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(KeyError::Text);
        }
        let said = u32::from_str_radix(id, 16).map_err(|_| KeyError::Text)?;
        let bytes = STANDARD.decode(key).map_err(|_| KeyError::Text)?;
        let (kind, public_key) = bytes.split_first().ok_or(KeyError::Text)?;
        let kind = KeyKind::of(*kind).ok_or_else(|| KeyError::Type { name: name.to_string(), kind: *kind })?;
        let public_key = public_key.try_into().map_err(|_| KeyError::Text)?;
        let key = Self::new(name, kind, public_key)?;
        if key.id != said {
            return Err(KeyError::Id { name: key.name.to_string(), said, computed: key.id });
        }
        Ok(key)
    }

    /// A key that claims another's id, as a collision of 32 bits would.
    #[cfg(test)]
    pub(crate) fn with_id(self, id: u32) -> Self {
        Self { id, ..self }
    }

    /// Name of the key.
    pub fn name(&self) -> &KeyName {
        &self.name
    }

    /// What it signs.
    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    /// Its id.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// The 32 bytes of the public key.
    pub fn public_key(&self) -> &[u8; 32] {
        self.key.as_bytes()
    }

    /// Checks one signature of this key over a text. A cosignature gives its time in Unix seconds.
    pub(crate) fn check(&self, text: &str, signature: &[u8]) -> Option<Option<u64>> {
        match self.kind {
            KeyKind::Ed25519 => {
                let signature = Signature::from_slice(signature).ok()?;
                self.key.verify_strict(text.as_bytes(), &signature).ok().map(|()| None)
            }
            KeyKind::CosignatureV1 => cosigned::check(&self.key, text, signature).map(Some),
        }
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut key = vec![self.kind.byte()];
        key.extend(self.key.as_bytes());
        write!(f, "{}+{:08x}+{}", self.name, self.id, STANDARD.encode(key))
    }
}

/// An Ed25519 key that `verify_strict` can give a meaning to: on the curve, not of small order, in its one encoding.
pub(crate) fn strong_key(public_key: &[u8; 32]) -> Option<VerifyingKey> {
    let key = VerifyingKey::from_bytes(public_key).ok()?;
    let canonical = key.to_edwards().compress().to_bytes() == *public_key;
    (canonical && !key.is_weak()).then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verifier_key_has_one_spelling() {
        for wrong in [
            "",
            "example.com/foo",
            "example.com/foo+530d903a",
            "+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
            "example.com/foo+530D903A+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
            "example.com/foo+0530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
            "example.com/foo+530d903b+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
            "example.com/fo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
            "example com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
            "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2",
            "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k=",
            "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k\n",
            "example.com/foo+530d903a+BekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
            "example.com/foo+530d903a+",
        ] {
            assert!(VerifierKey::parse(wrong).is_err(), "{wrong}");
        }
        let other_type = format!("a.example+00000000+{}", STANDARD.encode([&[6u8][..], &[0; 32]].concat()));
        assert!(matches!(VerifierKey::parse(&other_type), Err(KeyError::Type { kind: 6, .. })));
    }

    #[test]
    fn a_weak_public_key_is_refused() {
        let mut identity = [0u8; 32];
        identity[0] = 1;
        // The second encoding of the identity has y = p + 1.
        let mut again = [0xffu8; 32];
        (again[0], again[31]) = (0xee, 0x7f);
        for weak in [identity, [0; 32], again, [0xff; 32]] {
            let name = "a.example".parse().unwrap();
            assert!(matches!(VerifierKey::new(name, KeyKind::Ed25519, &weak), Err(KeyError::Weak(_))));
        }
    }

    #[test]
    fn a_key_name_has_no_spaces_plus_signs_or_control_characters() {
        for good in ["a", "registry.example/log", "ünï.example", "oid/1.2.3"] {
            assert!(KeyName::new(good).is_ok(), "{good}");
        }
        let long = "a".repeat(256);
        for bad in ["", " ", "a b", "a+b", "a\u{a0}b", "a\u{2003}b", "a\tb", "a\nb", "a\u{85}b", "a\u{7f}", &long] {
            assert!(KeyName::new(bad).is_err(), "{bad:?}");
        }
    }
}
