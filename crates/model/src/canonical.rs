//! The strict reading of DAG-CBOR, and the few CBOR heads that the envelope needs (spec/encoding.md §1;
//! RFC 8949 §4.2.1, DAG-CBOR "Strictness"). Walks bytes; builds nothing.
//!
//! Accepted: unsigned and negative integers, byte strings, texts (UTF-8), arrays, maps with text keys, false, true,
//! null. Everything has its shortest head and a definite length; map keys are unique and sorted by length, then
//! bytes. Refused: floats, tags, undefined, other simple values, indefinite lengths, bytes after the end.

use crate::limits::CBOR_DEPTH;
use crate::said;

/// Where and why bytes are not canonical.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not canonical CBOR at byte {at}: {why}")]
pub struct Malformed {
    /// Offset of the item that breaks the rule.
    pub at: usize,
    /// The rule.
    pub why: &'static str,
}

/// One CBOR head: major type 0..=7 and its argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) major: u8,
    pub(crate) argument: u64,
}

/// Reads items one after another; every read is checked against the end and against the shortest form.
#[derive(Debug, Clone)]
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Reader { bytes, at: 0 }
    }

    fn fail<T>(&self, at: usize, why: &'static str) -> Result<T, Malformed> {
        Err(Malformed { at, why })
    }

    fn byte(&mut self) -> Result<u8, Malformed> {
        let Some(&byte) = self.bytes.get(self.at) else { return self.fail(self.at, "the bytes end too early") };
        self.at += 1;
        Ok(byte)
    }

    pub(crate) fn take(&mut self, n: u64) -> Result<&'a [u8], Malformed> {
        let start = self.at;
        let end = usize::try_from(n).ok().and_then(|n| start.checked_add(n));
        match end.and_then(|end| self.bytes.get(start..end)) {
            Some(slice) => {
                self.at += slice.len();
                Ok(slice)
            }
            None => self.fail(start, "the bytes end too early"),
        }
    }

    /// The next head, in its shortest form. Majors 0 to 5 and the simple values false, true, null, and tags.
    pub(crate) fn head(&mut self) -> Result<Head, Malformed> {
        let at = self.at;
        let first = self.byte()?;
        let (major, info) = (first >> 5, first & 0x1f);
        if major == 7 {
            return match info {
                20..=22 => Ok(Head { major, argument: u64::from(info) }),
                25..=27 => self.fail(at, "floats are not used"),
                31 => self.fail(at, "indefinite lengths are not used"),
                _ => self.fail(at, "the only simple values are false, true and null"),
            };
        }
        let width = match info {
            0..=23 => return Ok(Head { major, argument: u64::from(info) }),
            24 => 1,
            25 => 2,
            26 => 4,
            27 => 8,
            31 => return self.fail(at, "indefinite lengths are not used"),
            _ => return self.fail(at, "a reserved length"),
        };
        let argument = self.take(width)?.iter().fold(0u64, |n, b| n << 8 | u64::from(*b));
        let least = match width {
            1 => 24,
            2 => 1 << 8,
            4 => 1 << 16,
            _ => 1 << 32,
        };
        if argument < least {
            return self.fail(at, "a number or length is not in its shortest form");
        }
        Ok(Head { major, argument })
    }

    fn expect(&mut self, major: u8, why: &'static str) -> Result<u64, Malformed> {
        let at = self.at;
        let head = self.head()?;
        if head.major != major { self.fail(at, why) } else { Ok(head.argument) }
    }

    /// Exactly these bytes.
    pub(crate) fn literal(&mut self, expected: &[u8], why: &'static str) -> Result<(), Malformed> {
        let at = self.at;
        match self.take(expected.len() as u64) {
            Ok(found) if found == expected => Ok(()),
            _ => self.fail(at, why),
        }
    }

    pub(crate) fn byte_string(&mut self, why: &'static str) -> Result<&'a [u8], Malformed> {
        let n = self.expect(2, why)?;
        self.take(n)
    }

    pub(crate) fn text(&mut self, why: &'static str) -> Result<&'a str, Malformed> {
        let n = self.expect(3, why)?;
        let at = self.at;
        std::str::from_utf8(self.take(n)?).or_else(|_| self.fail(at, "a text is not UTF-8"))
    }

    pub(crate) fn end(&self) -> Result<(), Malformed> {
        if self.at == self.bytes.len() { Ok(()) } else { self.fail(self.at, "bytes after the end") }
    }

    /// Passes one whole item.
    fn item(&mut self, depth: usize) -> Result<(), Malformed> {
        let at = self.at;
        if depth > CBOR_DEPTH {
            return self.fail(at, said!("nested deeper than {} levels", CBOR_DEPTH));
        }
        let head = self.head()?;
        match head.major {
            0 | 1 | 7 => Ok(()),
            2 => self.take(head.argument).map(|_| ()),
            3 => {
                let at = self.at;
                let text = self.take(head.argument)?;
                std::str::from_utf8(text).map(|_| ()).or_else(|_| self.fail(at, "a text is not UTF-8"))
            }
            4 => (0..head.argument).try_for_each(|_| self.item(depth + 1)),
            5 => {
                let mut last: Option<&[u8]> = None;
                for _ in 0..head.argument {
                    let at = self.at;
                    let key = self.text("a map key is a text")?.as_bytes();
                    if last.is_some_and(|last| (last.len(), last) >= (key.len(), key)) {
                        return self.fail(at, "map keys are unique and sorted by length, then by bytes");
                    }
                    last = Some(key);
                    self.item(depth + 1)?;
                }
                Ok(())
            }
            _ => self.fail(at, "tags are not used"),
        }
    }
}

/// Checks that the bytes are one canonical item and nothing else.
pub fn check(bytes: &[u8]) -> Result<(), Malformed> {
    let mut reader = Reader::new(bytes);
    reader.item(0)?;
    reader.end()
}

/// Appends a head in its shortest form.
pub(crate) fn put_head(out: &mut Vec<u8>, major: u8, argument: u64) {
    let major = major << 5;
    match argument {
        0..=23 => out.push(major | argument as u8),
        24..=0xff => out.extend([major | 24, argument as u8]),
        0x100..=0xffff => {
            out.push(major | 25);
            out.extend((argument as u16).to_be_bytes());
        }
        0x1_0000..=0xffff_ffff => {
            out.push(major | 26);
            out.extend((argument as u32).to_be_bytes());
        }
        _ => {
            out.push(major | 27);
            out.extend(argument.to_be_bytes());
        }
    }
}

/// Appends a byte string.
pub(crate) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_head(out, 2, bytes.len() as u64);
    out.extend(bytes);
}

/// Appends a text.
pub(crate) fn put_text(out: &mut Vec<u8>, text: &str) {
    put_head(out, 3, text.len() as u64);
    out.extend(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn why(hex: &str) -> &'static str {
        check(&hex::decode(hex).unwrap()).unwrap_err().why
    }

    #[test]
    fn canonical_items_pass() {
        for hex in [
            "00",
            "17",
            "1818",
            "1bffffffffffffffff",
            "20",
            "3bffffffffffffffff",
            "40",
            "4101",
            "60",
            "6161",
            "80",
            "820102",
            "a0",
            "a1616100",
            "a2616100626161f6",
            "f4",
            "f5",
            "f6",
        ] {
            check(&hex::decode(hex).unwrap()).unwrap();
        }
    }

    #[test]
    fn every_other_spelling_is_refused_with_its_reason() {
        let shortest = "a number or length is not in its shortest form";
        let indefinite = "indefinite lengths are not used";
        let order = "map keys are unique and sorted by length, then by bytes";
        let early = "the bytes end too early";
        for (hex, expected) in [
            ("1817", shortest),
            ("190017", shortest),
            ("1a0000ffff", shortest),
            ("1b00000000ffffffff", shortest),
            ("3817", shortest),
            ("5800", shortest),
            ("7800", shortest),
            ("9800", shortest),
            ("b800", shortest),
            ("581701", shortest),
            ("5f4101ff", indefinite),
            ("7f6161ff", indefinite),
            ("9f00ff", indefinite),
            ("bf616100ff", indefinite),
            ("ff", indefinite),
            ("a17f6161ff00", indefinite),
            ("f97e00", "floats are not used"),
            ("fa00000000", "floats are not used"),
            ("fb0000000000000000", "floats are not used"),
            ("c000", "tags are not used"),
            ("d82a420000", "tags are not used"),
            ("d9d9f700", "tags are not used"),
            ("f7", "the only simple values are false, true and null"),
            ("e0", "the only simple values are false, true and null"),
            ("f820", "the only simple values are false, true and null"),
            ("a10000", "a map key is a text"),
            ("a1416100", "a map key is a text"),
            ("a2616100616100", order),
            ("a2616200616100", order),
            ("a262616100616200", order),
            ("61ff", "a text is not UTF-8"),
            ("a161ff00", "a text is not UTF-8"),
            ("62c080", "a text is not UTF-8"),
            ("0000", "bytes after the end"),
            ("", early),
            ("18", early),
            ("41", early),
            ("81", early),
            ("a1", early),
            ("a16161", early),
            ("5bffffffffffffffff", early),
            ("9bffffffffffffffff", early),
            ("1c", "a reserved length"),
            ("1f", indefinite),
        ] {
            assert_eq!(why(hex), expected, "{hex}");
        }
    }

    #[test]
    fn depth_has_its_limit_on_both_sides() {
        let nested = |n: usize| [vec![0x81; n], vec![0x00]].concat();
        check(&nested(CBOR_DEPTH)).unwrap();
        assert_eq!(check(&nested(CBOR_DEPTH + 1)).unwrap_err().why, "nested deeper than 32 levels");
        assert!(check(&nested(1_000_000)).is_err(), "no stack is used up");
    }

    #[test]
    fn heads_are_written_in_their_shortest_form() {
        for n in [0, 23, 24, 255, 256, 65_535, 65_536, u64::from(u32::MAX), u64::from(u32::MAX) + 1, u64::MAX] {
            let mut out = Vec::new();
            put_head(&mut out, 0, n);
            check(&out).unwrap();
            assert_eq!(Reader::new(&out).head().unwrap(), Head { major: 0, argument: n });
        }
    }
}
