//! Digests and object references (spec/objects.md §1). An object's address is its SHA-256; BLAKE3 stands beside it.
//! MD5 and SHA-1 are computed for old clients; nothing here trusts them.

use crate::limits::{HASHED_BY_TWO, READ_BYTES};
use crate::threads::both;
use serde::{Deserialize, Serialize};
use sha2::Digest as _;

/// Makes a fixed-size digest: CBOR byte string of exactly that length, lower-case hex as text.
macro_rules! digest_type {
    ($(#[$doc:meta])* $name:ident, $len:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; $len]);

        impl $name {
            /// Its bytes.
            pub fn as_bytes(&self) -> &[u8] {
                &self.0
            }
            /// Exactly the right number of bytes, or nothing.
            pub fn from_slice(bytes: &[u8]) -> Option<Self> {
                bytes.try_into().ok().map($name)
            }
            /// Lower-case hex.
            pub fn to_hex(&self) -> String {
                hex::encode(self.0)
            }
            /// Reads lower-case hex of exactly the right length; upper case is a second spelling and refused.
            pub fn from_hex(s: &str) -> Option<Self> {
                if s.bytes().any(|b| b.is_ascii_uppercase()) {
                    return None;
                }
                let mut out = [0; $len];
                hex::decode_to_slice(s, &mut out).ok()?;
                Some($name(out))
            }
        }
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.to_hex())
            }
        }
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{}({})", stringify!($name), self.to_hex())
            }
        }
        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.serialize_bytes(&self.0)
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let bytes = <serde_bytes::ByteArray<$len> as Deserialize>::deserialize(d)?;
                Ok($name(bytes.into_array()))
            }
        }
    };
}
pub(crate) use digest_type;

digest_type!(
    /// 32 bytes; the address of an object.
    Sha256Digest, 32
);
digest_type!(
    /// 64 bytes; npm's `integrity`.
    Sha512Digest, 64
);
digest_type!(
    /// 32 bytes; the second opinion on every object, and the fast one for scrubbing.
    Blake3Digest, 32
);
digest_type!(
    /// 20 bytes; for old clients only.
    Sha1Digest, 20
);
digest_type!(
    /// 16 bytes; for old clients only.
    Md5Digest, 16
);

impl Sha256Digest {
    /// Of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Sha256Digest(sha2::Sha256::digest(bytes).into())
    }
    /// `sha256:<hex>`, the address as people write it.
    pub fn to_address(&self) -> String {
        format!("sha256:{}", self.to_hex())
    }
}

/// All digests of one artifact, computed in one pass. Encoded as a map, keys `md5 sha1 blake3 sha256 sha512`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Digests {
    /// For old clients only.
    pub md5: Md5Digest,
    /// For old clients only.
    pub sha1: Sha1Digest,
    /// Beside the address in every manifest.
    pub blake3: Blake3Digest,
    /// The address.
    pub sha256: Sha256Digest,
    /// npm, and OCI where asked.
    pub sha512: Sha512Digest,
}

/// Computes every digest of a stream in one pass.
#[derive(Default, Clone)]
pub struct Hasher {
    one: Half512,
    other: Half256,
    size: u64,
}

/// Half of the digests, by the time that they take: SHA-512 and MD5 are by far the slowest where a processor helps the others.
#[derive(Default, Clone)]
struct Half512 {
    sha512: sha2::Sha512,
    sha1: sha1::Sha1,
}

/// The other half.
#[derive(Default, Clone)]
struct Half256 {
    md5: md5::Md5,
    sha256: sha2::Sha256,
    blake3: blake3::Hasher,
}

impl Half512 {
    fn take<P: AsRef<[u8]>>(&mut self, pieces: &[P]) {
        for piece in pieces.iter().map(AsRef::as_ref) {
            self.sha512.update(piece);
            self.sha1.update(piece);
        }
    }
}

impl Half256 {
    fn take<P: AsRef<[u8]>>(&mut self, pieces: &[P]) {
        for piece in pieces.iter().map(AsRef::as_ref) {
            self.md5.update(piece);
            self.sha256.update(piece);
            self.blake3.update(piece);
        }
    }
}

impl Hasher {
    /// An empty stream.
    pub fn new() -> Self {
        Self::default()
    }
    /// The next bytes of the stream.
    pub fn update(&mut self, bytes: &[u8]) {
        self.update_all(&[bytes]);
    }
    /// The next pieces of the stream. Where they have `HASHED_BY_TWO` bytes or more together, a second thread takes half of the work.
    pub fn update_all<P: AsRef<[u8]> + Sync>(&mut self, pieces: &[P]) {
        let bytes: usize = pieces.iter().map(|piece| piece.as_ref().len()).sum();
        self.size += bytes as u64;
        let Hasher { one, other, .. } = self;
        if bytes < HASHED_BY_TWO {
            one.take(pieces);
            other.take(pieces);
            return;
        }
        both(|| one.take(pieces), || other.take(pieces));
    }
    /// Of what is read to its end.
    pub fn read(mut from: impl std::io::Read) -> std::io::Result<(u64, Digests)> {
        let mut hasher = Self::new();
        let mut piece = vec![0; READ_BYTES];
        loop {
            let read = from.read(&mut piece)?;
            if read == 0 {
                return Ok(hasher.finish());
            }
            hasher.update(piece.get(..read).unwrap_or_default());
        }
    }
    /// The size in bytes and all digests.
    pub fn finish(self) -> (u64, Digests) {
        let digests = Digests {
            md5: Md5Digest(self.other.md5.finalize().into()),
            sha1: Sha1Digest(self.one.sha1.finalize().into()),
            blake3: Blake3Digest(*self.other.blake3.finalize().as_bytes()),
            sha256: Sha256Digest(self.other.sha256.finalize().into()),
            sha512: Sha512Digest(self.one.sha512.finalize().into()),
        };
        (self.size, digests)
    }
    /// Of these bytes at once.
    pub fn of(bytes: &[u8]) -> (u64, Digests) {
        let mut hasher = Self::new();
        hasher.update(bytes);
        hasher.finish()
    }
}

/// The digests that a lock file may hold (spec/events.md §5): a closed list of names, each with its length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Algorithm {
    /// 16 bytes.
    Md5,
    /// 20 bytes.
    Sha1,
    /// 32 bytes.
    Blake3,
    /// 32 bytes.
    Sha256,
    /// 64 bytes.
    Sha512,
}

impl Algorithm {
    /// Length of its digests in bytes.
    pub fn digest_bytes(self) -> usize {
        match self {
            Algorithm::Md5 => 16,
            Algorithm::Sha1 => 20,
            Algorithm::Blake3 | Algorithm::Sha256 => 32,
            Algorithm::Sha512 => 64,
        }
    }
    /// Its digest among all of them.
    pub fn pick(self, digests: &Digests) -> Vec<u8> {
        match self {
            Algorithm::Md5 => digests.md5.0.to_vec(),
            Algorithm::Sha1 => digests.sha1.0.to_vec(),
            Algorithm::Blake3 => digests.blake3.0.to_vec(),
            Algorithm::Sha256 => digests.sha256.0.to_vec(),
            Algorithm::Sha512 => digests.sha512.0.to_vec(),
        }
    }
}

/// An object by address and size. Encoded as a map, keys `size sha256`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ObjectRef {
    /// Bytes.
    pub size: u64,
    /// The address.
    pub sha256: Sha256Digest,
}

/// Computes the address and size of a stream, and nothing else.
#[derive(Debug, Default, Clone)]
pub struct Addresser {
    sha256: sha2::Sha256,
    size: u64,
}

impl Addresser {
    /// The next bytes of the stream.
    pub fn update(&mut self, bytes: &[u8]) {
        self.sha256.update(bytes);
        self.size += bytes.len() as u64;
    }
    /// What they are.
    pub fn finish(self) -> ObjectRef {
        ObjectRef { size: self.size, sha256: Sha256Digest(self.sha256.finalize().into()) }
    }
}

impl ObjectRef {
    /// Of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        ObjectRef { size: bytes.len() as u64, sha256: Sha256Digest::of(bytes) }
    }
    /// Of what is read to its end.
    pub fn read(mut from: impl std::io::Read) -> std::io::Result<Self> {
        let mut addresser = Addresser::default();
        let mut piece = vec![0; READ_BYTES];
        loop {
            let read = from.read(&mut piece)?;
            if read == 0 {
                return Ok(addresser.finish());
            }
            addresser.update(piece.get(..read).unwrap_or_default());
        }
    }
    /// Whether these bytes are the object.
    pub fn matches(&self, bytes: &[u8]) -> bool {
        self.size == bytes.len() as u64 && self.sha256 == Sha256Digest::of(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_pass_gives_the_known_digests_of_abc() {
        let (size, d) = Hasher::of(b"abc");
        assert_eq!(size, 3);
        assert_eq!(d.md5.to_hex(), "900150983cd24fb0d6963f7d28e17f72");
        assert_eq!(d.sha1.to_hex(), "a9993e364706816aba3e25717850c26c9cd0d89d");
        assert_eq!(d.sha256.to_hex(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert!(d.sha512.to_hex().starts_with("ddaf35a193617abacc417349ae204131"));
        assert_eq!(d.blake3.to_hex(), "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85");
    }

    #[test]
    fn two_threads_give_what_one_gives_however_the_stream_is_divided() {
        let bytes: Vec<u8> = (0..HASHED_BY_TWO * 3 + 5).map(|n| (n * 31 % 251) as u8).collect();
        // Pieces so small that one thread takes each.
        let mut one = Hasher::new();
        bytes.chunks(1_000).for_each(|piece| one.update(piece));
        let expected = one.finish();
        for length in [HASHED_BY_TWO - 1, HASHED_BY_TWO, HASHED_BY_TWO + 1, bytes.len()] {
            let mut hasher = Hasher::new();
            bytes.chunks(length).for_each(|piece| hasher.update(piece));
            assert_eq!(hasher.finish(), expected, "{length}");
            let mut hasher = Hasher::new();
            hasher.update_all(&bytes.chunks(length).collect::<Vec<_>>());
            assert_eq!(hasher.finish(), expected, "{length} at once");
        }
    }

    #[test]
    fn what_is_read_has_the_digests_of_its_bytes() {
        for length in [0, 1, READ_BYTES - 1, READ_BYTES, 2 * READ_BYTES + 5] {
            let bytes: Vec<u8> = (0..length).map(|n| (n % 251) as u8).collect();
            assert_eq!(Hasher::read(&bytes[..]).unwrap(), Hasher::of(&bytes), "{length}");
            assert_eq!(ObjectRef::read(&bytes[..]).unwrap(), ObjectRef::of(&bytes), "{length}");
        }
    }

    #[test]
    fn hex_has_one_spelling() {
        let d = Sha256Digest::of(b"abc");
        assert_eq!(Sha256Digest::from_hex(&d.to_hex()), Some(d));
        assert_eq!(Sha256Digest::from_hex(&d.to_hex().to_uppercase()), None);
        assert_eq!(Sha256Digest::from_hex("00"), None);
        assert_eq!(Sha256Digest::from_hex(&"0".repeat(66)), None);
    }
}
