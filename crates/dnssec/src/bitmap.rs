//! The types that there are at a name, as NSEC and NSEC3 records list them (RFC 4034 §4.1.2). `spec/dnssec.md` §7.2. A list has one spelling.

use crate::kind::Kind;

/// The types at a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bitmap(Vec<(u8, Vec<u8>)>);

impl Bitmap {
    /// Reads window blocks: ascending, of 1 to 32 octets each, without a zero octet at the end.
    pub(crate) fn read(mut bytes: &[u8]) -> Option<Bitmap> {
        let mut windows: Vec<(u8, Vec<u8>)> = Vec::new();
        while !bytes.is_empty() {
            let ([window, length], rest) = bytes.split_first_chunk()?;
            let (octets, rest) = rest.split_at_checked(usize::from(*length))?;
            let ascends = windows.last().is_none_or(|(before, _)| before < window);
            if !ascends || octets.len() > 32 || octets.last().is_none_or(|last| *last == 0) {
                return None;
            }
            windows.push((*window, octets.to_vec()));
            bytes = rest;
        }
        Some(Bitmap(windows))
    }

    /// Whether a type is there.
    pub(crate) fn has(&self, kind: Kind) -> bool {
        let [window, low] = kind.0.to_be_bytes();
        let octets = self.0.iter().find(|(number, _)| *number == window).map(|(_, octets)| octets);
        octets.and_then(|octets| octets.get(usize::from(low / 8))).is_some_and(|octet| octet & (0x80 >> (low % 8)) != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_rfc_4034_is_read() {
        // RFC 4034 §4.3: A MX RRSIG NSEC TYPE1234.
        let mut bytes = vec![0x00, 0x06, 0x40, 0x01, 0x00, 0x00, 0x00, 0x03, 0x04, 0x1b];
        bytes.extend_from_slice(&[0; 26]);
        bytes.push(0x20);
        let bitmap = Bitmap::read(&bytes).unwrap();
        let there: Vec<u16> = (0..=u16::MAX).filter(|kind| bitmap.has(Kind(*kind))).collect();
        assert_eq!(there, [1, 15, 46, 47, 1234]);
    }

    #[test]
    fn another_spelling_is_not_read() {
        assert!(Bitmap::read(&[]).is_some());
        for wrong in [
            &[0][..],
            &[0, 0],                   // an empty block
            &[0, 2, 0x40],             // cut
            &[0, 2, 0x40, 0],          // a zero octet at the end
            &[0, 1, 0x40, 0, 1, 0x20], // a block twice
            &[1, 1, 0x40, 0, 1, 0x20], // blocks that descend
        ] {
            assert_eq!(Bitmap::read(wrong), None, "{wrong:?}");
        }
        let block = |octets: u8| [vec![0, octets], vec![1; usize::from(octets)]].concat();
        assert!(Bitmap::read(&block(32)).is_some());
        assert_eq!(Bitmap::read(&block(33)), None);
    }
}
