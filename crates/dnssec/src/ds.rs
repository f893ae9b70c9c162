//! DS records (RFC 4034 §5) and the root's anchors, which have the same four fields: digests that name a zone's keys from above. `spec/dnssec.md` §5.3.
//! Holds no anchor itself: which root is trusted, its caller says.

use sha2::{Digest as _, Sha256, Sha384};

use crate::{algorithm::Algorithm, dnskey::Key, name::Name};

/// A key of a zone, named by its digest: the content of a DS record. Of the root, which has no parent, it is a trust anchor.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Anchor {
    /// The key's tag (RFC 4034 appendix B).
    pub key_tag: u16,
    /// The key's algorithm.
    pub algorithm: u8,
    /// What the digest is: 2 for SHA-256 (RFC 4509), 4 for SHA-384 (RFC 6605).
    pub digest_type: u8,
    /// The digest, over the zone's name and the data of the DNSKEY record.
    pub digest: Vec<u8>,
}

impl Anchor {
    /// Reads the data of a DS record.
    pub(crate) fn read(rdata: &[u8]) -> Option<Anchor> {
        let ([k0, k1, algorithm, digest_type], digest) = rdata.split_first_chunk()?;
        let key_tag = u16::from_be_bytes([*k0, *k1]);
        (!digest.is_empty()).then(|| Anchor { key_tag, algorithm: *algorithm, digest_type: *digest_type, digest: digest.to_vec() })
    }

    /// Whether both its algorithm and its kind of digest are understood (RFC 4035 §5.2).
    pub(crate) fn is_understood(&self) -> bool {
        Algorithm::of(self.algorithm).is_some() && [2, 4].contains(&self.digest_type)
    }

    /// Whether it names a key of a zone.
    pub(crate) fn names(&self, zone: &Name, key: &Key) -> bool {
        self.is_understood() && self.key_tag == key.tag && self.algorithm == key.algorithm && self.digest_is_of(zone, &key.rdata)
    }

    fn digest_is_of(&self, zone: &Name, rdata: &[u8]) -> bool {
        match self.digest_type {
            2 => self.digest == Sha256::new().chain_update(zone.wire()).chain_update(rdata).finalize()[..],
            4 => self.digest == Sha384::new().chain_update(zone.wire()).chain_update(rdata).finalize()[..],
            _ => false,
        }
    }
}
