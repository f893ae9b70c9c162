//! DNS names (RFC 1035 §3.1) in lower case, as their uncompressed wire form. `spec/dnssec.md` §1.1. Never follows a pointer, and knows nothing of
//! which names may own packages.

use std::fmt;

use crate::limits::{LABEL_BYTES, NAME_BYTES};

/// Why something is not a DNS name in the form that is asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadName {
    /// The text is not a name.
    #[error("{0:?} is not a DNS name: labels of lower-case letters, digits, hyphens and underscores with dots between them")]
    Text(String),
    /// A label that is too long.
    #[error("a label of a DNS name has at most {LABEL_BYTES} octets")]
    LongLabel,
    /// A name that is too long.
    #[error("a DNS name has at most {NAME_BYTES} octets, the lengths of its labels counted")]
    Long,
    /// A pointer, or a label of another kind.
    #[error("a DNS name is compressed; it must stand here in full")]
    Compressed,
    /// The bytes end within a name.
    #[error("the bytes end within a DNS name")]
    Cut,
    /// Bytes behind a name that should stand alone.
    #[error("bytes follow after the DNS name")]
    NotAlone,
}

/// A DNS name in lower case: labels of any octets, at most [`NAME_BYTES`] in all. Equal names are equal bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Box<[u8]>);

impl Name {
    /// The root, which has no labels.
    pub fn root() -> Name {
        Name([0].into())
    }

    /// Reads `acme.test`: labels of lower-case letters, digits, hyphens and underscores, without a dot at the end.
    ///
    /// # Errors
    /// [`BadName::Text`], [`BadName::LongLabel`] or [`BadName::Long`].
    pub fn parse(text: &str) -> Result<Name, BadName> {
        if text.len() > NAME_BYTES {
            return Err(BadName::Long);
        }
        let good = |label: &str| !label.is_empty() && label.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'));
        if !text.split('.').all(good) {
            return Err(BadName::Text(text.to_owned()));
        }
        let mut wire = Vec::with_capacity(text.len() + 2);
        for label in text.split('.') {
            push_label(&mut wire, label.as_bytes())?;
        }
        wire.push(0);
        Name::within_limit(wire)
    }

    /// Reads the uncompressed name at the beginning of `bytes` and says how many it takes. Capitals become small letters.
    ///
    /// # Errors
    /// [`BadName::Cut`], [`BadName::Compressed`] or [`BadName::Long`].
    pub fn read(bytes: &[u8]) -> Result<(Name, usize), BadName> {
        let mut at = 0;
        loop {
            let length = usize::from(*bytes.get(at).ok_or(BadName::Cut)?);
            at += 1;
            if length == 0 {
                break;
            }
            if length > LABEL_BYTES {
                return Err(BadName::Compressed);
            }
            at += length;
            if at >= NAME_BYTES {
                return Err(BadName::Long);
            }
        }
        // Length octets are below the letters, so that they stay as they are.
        let wire = bytes.get(..at).ok_or(BadName::Cut)?.to_ascii_lowercase();
        Ok((Name(wire.into()), at))
    }

    /// Reads bytes that are one uncompressed name and nothing more. Capitals become small letters.
    ///
    /// # Errors
    /// As [`Name::read`], and [`BadName::NotAlone`] if bytes follow.
    pub fn from_wire(wire: &[u8]) -> Result<Name, BadName> {
        let (name, length) = Name::read(wire)?;
        if length == wire.len() { Ok(name) } else { Err(BadName::NotAlone) }
    }

    /// The uncompressed wire form, in lower case.
    pub fn wire(&self) -> &[u8] {
        &self.0
    }

    /// The name with `label` put before it.
    ///
    /// # Errors
    /// As [`Name::parse`].
    pub fn child(&self, label: &str) -> Result<Name, BadName> {
        let first = Name::parse(label)?;
        if first.labels() != 1 {
            return Err(BadName::Text(label.to_owned()));
        }
        let mut wire = first.wire().to_vec();
        wire.pop();
        wire.extend_from_slice(self.wire());
        Name::within_limit(wire)
    }

    /// The name without its first label; the root has none.
    pub fn parent(&self) -> Option<Name> {
        self.suffixes().nth(1).map(|wire| Name(wire.into()))
    }

    /// This name, its parent, and so on up to the root.
    pub fn ancestors(&self) -> impl Iterator<Item = Name> {
        self.suffixes().map(|wire| Name(wire.into()))
    }

    /// How many labels it has: none for the root.
    pub fn labels(&self) -> usize {
        self.suffixes().count() - 1
    }

    /// Whether it is `other` or below it.
    pub fn is_within(&self, other: &Name) -> bool {
        self.suffixes().any(|wire| wire == other.wire())
    }

    /// Whether it is below `other`.
    pub fn is_below(&self, other: &Name) -> bool {
        self != other && self.is_within(other)
    }

    /// Its first label; the root has none.
    pub(crate) fn first_label(&self) -> Option<&[u8]> {
        match self.0.split_first() {
            Some((0, _)) | None => None,
            Some((length, rest)) => rest.get(..usize::from(*length)),
        }
    }

    /// The wire forms of this name, of its parent, and so on up to the root.
    fn suffixes(&self) -> impl Iterator<Item = &[u8]> {
        std::iter::successors(Some(&*self.0), |wire| match wire.split_first() {
            Some((0, _)) | None => None,
            Some((length, rest)) => rest.get(usize::from(*length)..),
        })
    }

    fn within_limit(wire: Vec<u8>) -> Result<Name, BadName> {
        if wire.len() > NAME_BYTES { Err(BadName::Long) } else { Ok(Name(wire.into())) }
    }
}

/// Appends a label with its length before it.
fn push_label(wire: &mut Vec<u8>, label: &[u8]) -> Result<(), BadName> {
    match u8::try_from(label.len()) {
        Ok(length) if label.len() <= LABEL_BYTES => wire.push(length),
        _ => return Err(BadName::LongLabel),
    }
    wire.extend_from_slice(label);
    Ok(())
}

/// `acme.test`, or `.` for the root. An octet that [`Name::parse`] does not read is `\` and three decimal digits (RFC 1035 §5.1).
impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.wire();
        let mut first = true;
        while let Some((length @ 1.., tail)) = rest.split_first() {
            if !first {
                f.write_str(".")?;
            }
            first = false;
            let (label, tail) = tail.split_at_checked(usize::from(*length)).unwrap_or((tail, &[]));
            for byte in label {
                match byte {
                    b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' => write!(f, "{}", char::from(*byte))?,
                    other => write!(f, "\\{other:03}")?,
                }
            }
            rest = tail;
        }
        if first { f.write_str(".") } else { Ok(()) }
    }
}

/// As it is shown: wire bytes help nobody.
impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_from_its_one_text() {
        let name = Name::parse("_deedbox.acme.test").unwrap();
        assert_eq!(name.wire(), b"\x08_deedbox\x04acme\x04test\0");
        assert_eq!(name.to_string(), "_deedbox.acme.test");
        for wrong in ["", ".", "acme.test.", ".test", "a..test", "ACME.test", "acme.tést", "*.test", "a b.test", "a\0.test"] {
            assert_eq!(Name::parse(wrong), Err(BadName::Text(wrong.to_owned())), "{wrong}");
        }
    }

    #[test]
    fn labels_and_names_have_their_limits() {
        assert!(Name::parse(&"a".repeat(63)).is_ok());
        assert_eq!(Name::parse(&"a".repeat(64)), Err(BadName::LongLabel));
        // Three labels of 63, one of 61: 64 * 3 + 62 + 1 = 255 octets.
        let longest = format!("{0}.{0}.{0}.{1}", "a".repeat(63), "b".repeat(61));
        let name = Name::parse(&longest).unwrap();
        assert_eq!(name.wire().len(), 255);
        assert_eq!(Name::from_wire(name.wire()).unwrap(), name);
        assert_eq!(Name::parse(&format!("{longest}b")), Err(BadName::Long));
        assert_eq!(name.child("c"), Err(BadName::Long));
        assert_eq!(Name::parse(&"a.".repeat(200)), Err(BadName::Long));
        let mut wire = vec![1, b'a'];
        wire.extend_from_slice(name.wire());
        assert_eq!(Name::from_wire(&wire), Err(BadName::Long));
    }

    #[test]
    fn a_name_on_the_wire_is_whole_and_becomes_lower_case() {
        assert_eq!(Name::from_wire(b"\x04AcMe\x04TEST\0").unwrap(), Name::parse("acme.test").unwrap());
        assert_eq!(Name::read(b"\x04acme\0rest").unwrap(), (Name::parse("acme").unwrap(), 6));
        assert_eq!(Name::from_wire(b"\x04acme\0rest"), Err(BadName::NotAlone));
        for cut in [&b""[..], b"\x04", b"\x04acm", b"\x04acme"] {
            assert_eq!(Name::read(cut), Err(BadName::Cut));
        }
        for compressed in [&b"\xc0\x0c"[..], b"\x04acme\xc0\x0c", b"\x40", b"\x80a\0"] {
            assert_eq!(Name::read(compressed), Err(BadName::Compressed));
        }
    }

    #[test]
    fn names_know_what_is_above_them() {
        let name = Name::parse("a.acme.test").unwrap();
        let above: Vec<String> = name.ancestors().map(|name| name.to_string()).collect();
        assert_eq!(above, ["a.acme.test", "acme.test", "test", "."]);
        assert_eq!(name.parent(), Some(Name::parse("acme.test").unwrap()));
        assert_eq!((name.labels(), Name::root().labels(), Name::root().parent()), (3, 0, None));
        assert_eq!((name.first_label(), Name::root().first_label()), (Some(&b"a"[..]), None));
        let within = |a: &str, b: &str| Name::parse(a).unwrap().is_within(&Name::parse(b).unwrap());
        assert!(within("acme.test", "test") && within("test", "test") && name.is_within(&Name::root()));
        assert!(!within("test", "acme.test") && !within("xacme.test", "acme.test") && !within("acme.test", "acme"));
        assert!(!name.is_below(&name) && name.is_below(&Name::root()));
        // The bytes end the same, and the labels do not.
        assert!(!Name::from_wire(b"\x06a\x04test\0").unwrap().is_within(&Name::parse("test").unwrap()));
    }

    #[test]
    fn a_label_is_put_before_a_name() {
        let domain = Name::parse("acme.test").unwrap();
        assert_eq!(domain.child("_deedbox"), Name::parse("_deedbox.acme.test"));
        assert_eq!(Name::root().child("test"), Name::parse("test"));
        assert_eq!(domain.child("a.b"), Err(BadName::Text("a.b".to_owned())));
    }

    #[test]
    fn odd_octets_are_shown_as_numbers() {
        assert_eq!(Name::from_wire(b"\x04a.\\\n\x04test\0").unwrap().to_string(), "a\\046\\092\\010.test");
        assert_eq!(format!("{:?}", Name::root()), ".");
    }
}
