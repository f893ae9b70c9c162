//! DNSKEY records (RFC 4034 §2): which keys may sign, and their tags (its appendix B). `spec/dnssec.md` §5.1. Trusts none of them.

/// The key may sign a zone's records.
const ZONE: u16 = 0x0100;
/// The key's owner has taken it back (RFC 5011 §7).
const REVOKE: u16 = 0x0080;
/// The only protocol.
const PROTOCOL: u8 = 3;

/// A DNSKEY record's data.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    pub(crate) tag: u16,
    /// The algorithm's number, whether or not it is understood.
    pub(crate) algorithm: u8,
    pub(crate) public: Vec<u8>,
    /// All of the data, over which DS records are digests.
    pub(crate) rdata: Vec<u8>,
    flags: u16,
    protocol: u8,
}

impl Key {
    pub(crate) fn read(rdata: &[u8]) -> Option<Key> {
        let ([f0, f1, protocol, algorithm], public) = rdata.split_first_chunk()?;
        let flags = u16::from_be_bytes([*f0, *f1]);
        let key =
            || Key { tag: tag(rdata), algorithm: *algorithm, public: public.to_vec(), rdata: rdata.to_vec(), flags, protocol: *protocol };
        (!public.is_empty()).then(key)
    }

    /// Whether it may sign: for the zone, by DNSSEC, and not taken back.
    pub(crate) fn may_sign(&self) -> bool {
        self.flags & ZONE != 0 && self.flags & REVOKE == 0 && self.protocol == PROTOCOL
    }
}

/// The tag of a key (RFC 4034 appendix B): a sum, not a digest, so that many keys can have one tag.
fn tag(rdata: &[u8]) -> u16 {
    let sum: u32 = rdata.chunks(2).map(|pair| pair.iter().zip([8, 0]).map(|(byte, shift)| u32::from(*byte) << shift).sum::<u32>()).sum();
    (sum.wrapping_add(sum >> 16) & 0xffff) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tag_is_a_sum_of_pairs() {
        assert_eq!(tag(&[0x01, 0x02, 0x03]), 0x0102 + 0x0300);
        // Carries are added once.
        assert_eq!(tag(&[0xff, 0xff, 0xff, 0xff, 0x00, 0x02]), 1 + 1);
    }

    #[test]
    fn only_a_zones_own_keys_sign() {
        let may_sign = |flags: u16, protocol: u8| {
            let [f0, f1] = flags.to_be_bytes();
            Key::read(&[f0, f1, protocol, 13, 1]).map(|key| key.may_sign())
        };
        assert_eq!([may_sign(0x0100, 3), may_sign(0x0101, 3)], [Some(true); 2]);
        assert_eq!([may_sign(0, 3), may_sign(0x0001, 3), may_sign(0x0181, 3), may_sign(0x0100, 2)], [Some(false); 4]);
        assert!(Key::read(&[1, 0, 3, 13]).is_none() && Key::read(&[]).is_none());
    }
}
