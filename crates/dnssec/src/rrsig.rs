//! The data of an RRSIG record (RFC 4034 §3.1). `spec/dnssec.md` §2.4 and §4.2. Checks no signature.

use crate::{kind::Kind, name::Name};

/// An RRSIG record's data.
#[derive(Debug, Clone)]
pub(crate) struct Rrsig {
    pub(crate) covered: Kind,
    pub(crate) algorithm: u8,
    pub(crate) labels: u8,
    pub(crate) original_ttl: u32,
    expiration: u32,
    inception: u32,
    pub(crate) key_tag: u16,
    pub(crate) signer: Name,
    pub(crate) signature: Vec<u8>,
}

impl Rrsig {
    /// Reads them; capitals in the signer's name become small letters.
    pub(crate) fn read(rdata: &[u8]) -> Option<Rrsig> {
        let (head, rest) = rdata.split_first_chunk::<18>()?;
        let [c0, c1, algorithm, labels, o0, o1, o2, o3, e0, e1, e2, e3, i0, i1, i2, i3, k0, k1] = *head;
        let (signer, length) = Name::read(rest).ok()?;
        Some(Rrsig {
            covered: Kind(u16::from_be_bytes([c0, c1])),
            algorithm,
            labels,
            original_ttl: u32::from_be_bytes([o0, o1, o2, o3]),
            expiration: u32::from_be_bytes([e0, e1, e2, e3]),
            inception: u32::from_be_bytes([i0, i1, i2, i3]),
            key_tag: u16::from_be_bytes([k0, k1]),
            signer,
            signature: rest.get(length..)?.to_vec(),
        })
    }

    /// All before the signature: what is signed begins with it (RFC 4034 §3.1.8.1).
    pub(crate) fn head(&self) -> Vec<u8> {
        let mut bytes = self.covered.0.to_be_bytes().to_vec();
        bytes.extend_from_slice(&[self.algorithm, self.labels]);
        bytes.extend_from_slice(&self.original_ttl.to_be_bytes());
        bytes.extend_from_slice(&self.expiration.to_be_bytes());
        bytes.extend_from_slice(&self.inception.to_be_bytes());
        bytes.extend_from_slice(&self.key_tag.to_be_bytes());
        bytes.extend_from_slice(self.signer.wire());
        bytes
    }

    /// The data again, the signer in lower case.
    pub(crate) fn rdata(&self) -> Vec<u8> {
        let mut bytes = self.head();
        bytes.extend_from_slice(&self.signature);
        bytes
    }

    /// Whether it has begun at a time.
    pub(crate) fn has_begun(&self, at: u32) -> bool {
        is_not_after(self.inception, at)
    }

    /// Whether it has not ended at a time.
    pub(crate) fn lasts(&self, at: u32) -> bool {
        is_not_after(at, self.expiration)
    }
}

/// Serial number arithmetic (RFC 1982 §3.2, RFC 4034 §3.1.5): seconds are compared by their last 32 bits, and within 68 years.
fn is_not_after(first: u32, second: u32) -> bool {
    second.wrapping_sub(first) < 1 << 31
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_goes_on_when_its_32_bits_are_full() {
        assert!(is_not_after(5, 5) && is_not_after(5, 6) && !is_not_after(6, 5));
        assert!(is_not_after(u32::MAX, 0) && !is_not_after(0, u32::MAX));
        assert!(is_not_after(0, (1 << 31) - 1));
        // Half of the circle away, neither is before the other.
        assert!(!is_not_after(0, 1 << 31) && !is_not_after(1 << 31, 0));
    }

    #[test]
    fn data_are_written_as_they_were_read() {
        let mut rdata = vec![0, 16, 13, 3, 0, 0, 14, 16, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
        rdata.extend_from_slice(b"\x04acme\x04test\0signature");
        let rrsig = Rrsig::read(&rdata).unwrap();
        assert_eq!((rrsig.covered, rrsig.labels, rrsig.original_ttl, rrsig.key_tag), (Kind::TXT, 3, 3600, 0x090a));
        assert_eq!((rrsig.signer.to_string().as_str(), &rrsig.signature[..]), ("acme.test", &b"signature"[..]));
        assert_eq!(rrsig.rdata(), rdata);
        assert!((0..18 + 11).all(|cut| Rrsig::read(&rdata[..cut]).is_none()));
    }
}
