//! Package ids: `ecosystem ":" domain "/" name` (spec/encoding.md §2.2). One spelling; the ecosystem is an open
//! set of words. Never maps to a native name: that is a dialect's work.

use crate::domain::Domain;
use crate::limits::{ECOSYSTEM_BYTES, ID_BYTES};
use crate::said;
use crate::text::BadText;

/// `[a-z][a-z0-9-]{0,31}`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ecosystem(String);

crate::text_type!(Ecosystem, BadText);

impl Ecosystem {
    /// Reads the one spelling.
    pub fn parse(s: &str) -> Result<Self, BadText> {
        let bad = |rule| Err(BadText::new("an ecosystem", s, rule));
        if s.len() > ECOSYSTEM_BYTES {
            return bad(said!("it is longer than {} bytes", ECOSYSTEM_BYTES));
        }
        if !s.starts_with(|c: char| c.is_ascii_lowercase()) {
            return bad("it begins with a lower-case letter");
        }
        if !s.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') {
            return bad("only lower-case letters, digits and hyphens");
        }
        Ok(Ecosystem(s.to_owned()))
    }
}

/// One or more segments of `[A-Za-z0-9._-]` joined by `/`; no segment is empty, `.` or `..`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(String);

crate::text_type!(Name, BadText);

impl Name {
    /// Reads the one spelling.
    pub fn parse(s: &str) -> Result<Self, BadText> {
        let bad = |rule| Err(BadText::new("a package name", s, rule));
        if s.len() > ID_BYTES {
            return bad(said!("it is longer than {} bytes", ID_BYTES));
        }
        for segment in s.split('/') {
            if segment.is_empty() || segment == "." || segment == ".." {
                return bad("no segment is empty, \".\" or \"..\"");
            }
            if !segment.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-')) {
                return bad("only ASCII letters, digits, \".\", \"_\" and \"-\" in a segment");
            }
        }
        Ok(Name(s.to_owned()))
    }

    /// The segments, at least one.
    pub fn segments(&self) -> impl Iterator<Item = &str> {
        self.0.split('/')
    }
}

/// `ecosystem:domain/name`, at most 255 bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PackageId {
    text: String,
    ecosystem: Ecosystem,
    domain: Domain,
    name: Name,
}

impl PackageId {
    /// Reads the one spelling.
    pub fn parse(s: &str) -> Result<Self, BadText> {
        let bad = |rule| Err(BadText::new("a package id", s, rule));
        if s.len() > ID_BYTES {
            return bad(said!("it is longer than {} bytes", ID_BYTES));
        }
        let Some((ecosystem, (domain, name))) = s.split_once(':').and_then(|(e, rest)| Some((e, rest.split_once('/')?))) else {
            return bad("it is written ecosystem:domain/name, like npm:acme.example/widget");
        };
        Ok(PackageId {
            text: s.to_owned(),
            ecosystem: Ecosystem::parse(ecosystem)?,
            domain: Domain::parse(domain)?,
            name: Name::parse(name)?,
        })
    }

    /// Puts the three parts together; refused only where the whole is too long.
    pub fn new(ecosystem: &Ecosystem, domain: &Domain, name: &Name) -> Result<Self, BadText> {
        Self::parse(&format!("{ecosystem}:{domain}/{name}"))
    }

    /// The one spelling.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The part before the colon.
    pub fn ecosystem(&self) -> &Ecosystem {
        &self.ecosystem
    }

    /// The part between colon and first slash.
    pub fn domain(&self) -> &Domain {
        &self.domain
    }

    /// The part after the first slash.
    pub fn name(&self) -> &Name {
        &self.name
    }
}

impl std::fmt::Display for PackageId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}
impl std::fmt::Debug for PackageId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PackageId({})", self.text)
    }
}
impl std::str::FromStr for PackageId {
    type Err = BadText;
    fn from_str(s: &str) -> Result<Self, Self::Err> {
        Self::parse(s)
    }
}
impl serde::Serialize for PackageId {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&self.text)
    }
}
impl<'de> serde::Deserialize<'de> for PackageId {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let s = <std::borrow::Cow<'de, str> as serde::Deserialize>::deserialize(d)?;
        Self::parse(&s).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_one_spelling() {
        for good in ["npm:acme.example/widget", "oci:a.b/x/y/z", "maven:acme.example/Widget_Core.v2"] {
            let id = PackageId::parse(good).unwrap();
            assert_eq!(id.to_string(), good);
            assert_eq!(PackageId::new(id.ecosystem(), id.domain(), id.name()).unwrap(), id);
        }
        for bad in [
            "",
            "npm",
            "npm:",
            "npm:acme.example",
            "npm:acme.example/",
            "NPM:acme.example/w",
            "npm:acme.example//w",
            "npm:acme.example/w/",
            "npm:acme.example/../w",
            "npm:acme.example/./w",
            "npm:acme/w",
            "1npm:acme.example/w",
            "npm:acme.example/w\u{e9}",
            "npm:acme.example/w ",
            "npm:acme.example/%77",
            ":acme.example/w",
            "npm:Acme.example/w",
        ] {
            assert!(PackageId::parse(bad).is_err(), "{bad:?}");
        }
        let base = "npm:acme.example/".len();
        assert!(PackageId::parse(&format!("npm:acme.example/{}", "w".repeat(255 - base))).is_ok());
        assert!(PackageId::parse(&format!("npm:acme.example/{}", "w".repeat(256 - base))).is_err());
    }
}
