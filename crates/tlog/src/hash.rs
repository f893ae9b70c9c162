//! SHA-256 hashes of leaves and nodes: RFC 6962 section 2.1, `spec/log.md` section 1. Never hashes anything without its prefix byte.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};
use std::fmt;

/// Length of a hash in bytes.
pub const HASH_BYTES: usize = 32;

/// A SHA-256 hash of a leaf, a node or a whole tree.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash(pub [u8; HASH_BYTES]);

/// Why a text or bytes are not a hash.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HashError {
    /// Wrong number of bytes.
    #[error("a hash has {HASH_BYTES} bytes; these are {0}")]
    Length(usize),
    /// Not padded standard base64, or a second spelling of it.
    #[error("a hash is written as 44 characters of standard base64, with its padding")]
    Base64,
    /// Not lower-case hexadecimal.
    #[error("a hash is written as 64 lower-case hexadecimal digits")]
    Hex,
}

/// Hash of an entry as a leaf: SHA-256(0x00 ‖ entry).
pub fn leaf_hash(entry: &[u8]) -> Hash {
    Hash(Sha256::new().chain_update([0x00]).chain_update(entry).finalize().into())
}

/// Hash of an inner node: SHA-256(0x01 ‖ left ‖ right).
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Hash(Sha256::new().chain_update([0x01]).chain_update(left.0).chain_update(right.0).finalize().into())
}

/// Root of the tree without leaves: SHA-256 of nothing.
pub fn empty_root() -> Hash {
    Hash(Sha256::digest([]).into())
}

impl Hash {
    /// Reads exactly 32 bytes.
    pub fn from_slice(bytes: &[u8]) -> Result<Self, HashError> {
        bytes.try_into().map(Hash).map_err(|_| HashError::Length(bytes.len()))
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; HASH_BYTES] {
        &self.0
    }

    /// Standard base64 with padding, 44 characters, as notes and proofs write it.
    pub fn to_base64(&self) -> String {
        STANDARD.encode(self.0)
    }

    /// Reads the one spelling that [`Hash::to_base64`] writes.
    pub fn from_base64(text: &str) -> Result<Self, HashError> {
        if text.len() != 44 {
            return Err(HashError::Base64);
        }
        Self::from_slice(&STANDARD.decode(text).map_err(|_| HashError::Base64)?)
    }

    /// Reads 64 lower-case hexadecimal digits, the spelling of `Display`.
    pub fn from_hex(text: &str) -> Result<Self, HashError> {
        if text.len() != 64 || text.bytes().any(|b| b.is_ascii_uppercase()) {
            return Err(HashError::Hex);
        }
        Self::from_slice(&hex::decode(text).map_err(|_| HashError::Hex)?)
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hash({self})")
    }
}

impl From<[u8; HASH_BYTES]> for Hash {
    fn from(bytes: [u8; HASH_BYTES]) -> Self {
        Self(bytes)
    }
}

impl AsRef<[u8]> for Hash {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_the_standard() {
        let table: [(Hash, &str); 3] = [
            (empty_root(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            (leaf_hash(b""), "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"),
            (leaf_hash(b"L123456"), "395aa064aa4c29f7010acfe3f25db9485bbd4b91897b6ad7ad547639252b4d56"),
        ];
        for (hash, hex) in table {
            assert_eq!(hash.to_string(), hex);
        }
        assert_eq!(
            Hash(Sha256::digest([&[1u8][..], b"N123", b"N456"].concat()).into()).to_string(),
            "aa217fe888e47007fa15edab33c2b492a722cb106c64667fc2b044444de66bbb"
        );
    }

    #[test]
    fn a_hash_has_one_spelling_in_base64_and_one_in_hex() {
        let hash = leaf_hash(b"a");
        assert_eq!(Hash::from_base64(&hash.to_base64()), Ok(hash));
        assert_eq!(Hash::from_hex(&hash.to_string()), Ok(hash));
        let base64 = hash.to_base64();
        let mut loose = base64.trim_end_matches('=').to_owned();
        assert_eq!(Hash::from_base64(&loose), Err(HashError::Base64));
        // The last character before the padding has two unused bits.
        let last = loose.pop().unwrap();
        let second = STANDARD.encode([0u8; 32]);
        assert!(second.ends_with("A="));
        loose.push(char::from(u8::try_from(u32::from(last)).unwrap() + 1));
        loose.push('=');
        assert_ne!(Hash::from_base64(&loose), Ok(hash));
        assert_eq!(Hash::from_base64(&second.replace("A=", "B=")), Err(HashError::Base64));
        assert_eq!(Hash::from_hex(&hash.to_string().to_uppercase()), Err(HashError::Hex));
        assert_eq!(Hash::from_slice(&[0; 31]), Err(HashError::Length(31)));
    }
}
