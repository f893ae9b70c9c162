//! NSEC3 records (RFC 5155): hashed names in a ring, with what there is at each. `spec/dnssec.md` §7.3 and §7.4. What follows from them, `denial` says.

use sha1::{Digest as _, Sha1};

use crate::{
    bitmap::Bitmap,
    fault::Fault,
    limits::{NSEC3_ITERATIONS, NSEC3_SALT_BYTES},
    name::Name,
    set::SignedSet,
};

/// Octets of a hash: SHA-1's, the only one that there is (RFC 5155 §11).
const HASH_BYTES: usize = 20;
/// The digits of base32hex (RFC 4648 §7), in lower case as names are.
const DIGITS: &[u8; 32] = b"0123456789abcdefghijklmnopqrstuv";

/// A hashed name.
pub(crate) type Hashed = [u8; HASH_BYTES];

/// How names are hashed: the same in all records of one proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hashing {
    iterations: u16,
    salt: Vec<u8>,
}

impl Hashing {
    /// RFC 5155 §5.
    pub(crate) fn of(&self, name: &Name) -> Hashed {
        let once = |bytes: &[u8]| Sha1::new().chain_update(bytes).chain_update(&self.salt).finalize().into();
        (0..self.iterations).fold(once(name.wire()), |hash: Hashed, _| once(&hash))
    }
}

/// An NSEC3 record of a zone.
#[derive(Debug, Clone)]
pub(crate) struct Nsec3 {
    pub(crate) owner: Hashed,
    pub(crate) opt_out: bool,
    pub(crate) hashing: Hashing,
    next: Hashed,
    pub(crate) types: Bitmap,
}

impl Nsec3 {
    /// Reads the one record of a set that belongs to a zone.
    pub(crate) fn read(set: &SignedSet, zone: &Name) -> Result<Nsec3, Fault> {
        let rdata = set.only()?;
        let ([hash, flags, i0, i1, salt_bytes], rest) = rdata.split_first_chunk().ok_or_else(|| set.malformed())?;
        if *hash != 1 || *flags > 1 {
            return Err(Fault::Nsec3Unknown(set.owner.clone()));
        }
        let iterations = u16::from_be_bytes([*i0, *i1]);
        if iterations > NSEC3_ITERATIONS || usize::from(*salt_bytes) > NSEC3_SALT_BYTES {
            return Err(Fault::Nsec3Costly(set.owner.clone()));
        }
        let fields = || {
            let (salt, rest) = rest.split_at_checked(usize::from(*salt_bytes))?;
            let (length, rest) = rest.split_first()?;
            let (next, types) = rest.split_first_chunk().filter(|_| usize::from(*length) == HASH_BYTES)?;
            let owner = set.owner.first_label().and_then(unhex).filter(|_| set.owner.parent().as_ref() == Some(zone))?;
            let hashing = Hashing { iterations, salt: salt.to_vec() };
            Some(Nsec3 { owner, opt_out: *flags == 1, hashing, next: *next, types: Bitmap::read(types)? })
        };
        fields().ok_or_else(|| set.malformed())
    }

    /// Whether a hash lies between its owner's and the next one's; behind the last owner the ring begins again.
    pub(crate) fn covers(&self, hash: &Hashed) -> bool {
        if self.owner < self.next { self.owner < *hash && *hash < self.next } else { self.owner < *hash || *hash < self.next }
    }
}

/// The octets that 32 digits of base32hex stand for.
fn unhex(label: &[u8]) -> Option<Hashed> {
    if label.len() != 32 {
        return None;
    }
    let digit = |byte: &u8| DIGITS.iter().position(|digit| digit == byte);
    let mut hash = [0; HASH_BYTES];
    for (octets, digits) in hash.chunks_mut(5).zip(label.chunks(8)) {
        let number = digits.iter().try_fold(0u64, |number, byte| Some(number << 5 | digit(byte)? as u64))?;
        for (octet, shift) in octets.iter_mut().zip([32, 24, 16, 8, 0]) {
            *octet = (number >> shift) as u8;
        }
    }
    Some(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(name: &str) -> Hashed {
        Hashing { iterations: 12, salt: vec![0xaa, 0xbb, 0xcc, 0xdd] }.of(&Name::parse(name).unwrap())
    }

    #[test]
    fn names_hash_as_in_rfc_5155() {
        // RFC 5155 appendix A.
        for (name, expected) in [
            ("example", b"0p9mhaveqvm6t7vbl5lop2u3t2rp3tom"),
            ("a.example", b"35mthgpgcu1qg68fab165klnsnk3dpvl"),
            ("x.w.example", b"b4um86eghhds6nea196smvmlo4ors995"),
        ] {
            assert_eq!(Some(hash(name)), unhex(expected), "{name}");
        }
    }

    #[test]
    fn a_ring_has_no_end() {
        let covers = |owner: u8, next: u8, hash: u8| {
            let hashing = Hashing { iterations: 0, salt: Vec::new() };
            let (owner, next) = ([owner; HASH_BYTES], [next; HASH_BYTES]);
            Nsec3 { owner, next, opt_out: true, hashing, types: Bitmap::read(&[]).unwrap() }.covers(&[hash; HASH_BYTES])
        };
        assert!(covers(2, 6, 4) && !covers(2, 6, 2) && !covers(2, 6, 6) && !covers(2, 6, 1) && !covers(2, 6, 7));
        assert!(covers(6, 2, 7) && covers(6, 2, 1) && !covers(6, 2, 6) && !covers(6, 2, 2) && !covers(6, 2, 4));
        // One name alone: all others lie between it and itself.
        assert!(covers(3, 3, 2) && covers(3, 3, 4) && !covers(3, 3, 3));
    }

    #[test]
    fn labels_of_32_digits_are_hashes() {
        assert_eq!(unhex(&[b'0'; 32]), Some([0; 20]));
        assert_eq!(unhex(&[b'v'; 32]), Some([255; 20]));
        for wrong in [&b"vvvv"[..], &[b'v'; 31], &[b'v'; 33], &[b'w'; 32], &[b'V'; 32]] {
            assert_eq!(unhex(wrong), None);
        }
    }
}
