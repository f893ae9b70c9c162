//! Domains: the anchor of ownership (spec/encoding.md §2.1). A lower-case DNS name in ASCII, at least two
//! labels. Never resolves anything.

use crate::limits::{DOMAIN_BYTES, LABEL_BYTES};
use crate::said;
use crate::text::BadText;

/// A lower-case DNS name: two or more labels of `[a-z0-9-]`, the last not all digits; hyphens neither first
/// nor last in a label, and in its third and fourth place only after `xn` (RFC 5890 §2.3.1).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Domain(String);

crate::text_type!(Domain, BadText);

impl Domain {
    /// Reads the one spelling.
    pub fn parse(s: &str) -> Result<Self, BadText> {
        let bad = |rule| BadText::new("a domain", s, rule);
        check_name(s).map_err(bad)?;
        if !s.contains('.') {
            return Err(bad("it needs at least two labels, like acme.example"));
        }
        Ok(Domain(s.to_owned()))
    }

    /// Itself, then each parent that is still a domain (two labels or more), nearest first:
    /// `a.b.example` gives `a.b.example`, `b.example`.
    pub fn self_and_parents(&self) -> impl Iterator<Item = Domain> + '_ {
        let mut rest = Some(self.0.as_str());
        std::iter::from_fn(move || {
            let here = rest?;
            let parent = here.split_once('.').map(|(_, parent)| parent);
            rest = parent.filter(|p| p.contains('.'));
            Some(Domain(here.to_owned()))
        })
    }

    /// Whether it is `parent` itself or below it.
    pub fn is_within(&self, parent: &Domain) -> bool {
        self.0.strip_suffix(parent.as_str()).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    }

    /// Whether it is below `localhost` (RFC 6761 §6.3): claims of these need no evidence, on a loopback listener only.
    pub fn is_localhost(&self) -> bool {
        self.0.ends_with(".localhost")
    }
}

/// Whether this is a lower-case DNS name of one label or more, as a domain spells it.
pub(crate) fn check_name(s: &str) -> Result<(), &'static str> {
    if s.len() > DOMAIN_BYTES {
        return Err(said!("it is longer than {} bytes", DOMAIN_BYTES));
    }
    for label in s.split('.') {
        if label.is_empty() || label.len() > LABEL_BYTES {
            return Err(said!("each label has 1 to {} characters", LABEL_BYTES));
        }
        if !label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') {
            return Err("only lower-case ASCII letters, digits and hyphens (write other letters as xn-- labels)");
        }
        if label.starts_with('-') || label.ends_with('-') {
            return Err("a label neither begins nor ends with a hyphen");
        }
        if label.as_bytes().get(2..4) == Some(b"--") && !label.starts_with("xn--") {
            return Err("two hyphens in the third and fourth place are reserved for xn-- labels");
        }
    }
    match s.rsplit('.').next() {
        Some(last) if is_number(last) => Err("the last label is not a number"),
        _ => Ok(()),
    }
}

/// Whether programs that read a URL take a name with this last label for an address of IPv4: `1.2` is 1.0.0.2 to them, and so is `1.0x2`
/// (URL standard, "ends in a number").
fn is_number(label: &str) -> bool {
    let hexadecimal = label.strip_prefix("0x").is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_hexdigit()));
    hexadecimal || label.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_spelling_is_accepted_and_every_other_refused() {
        for good in ["acme.example", "a.b", "x1.example", "xn--bcher-kva.example", "a-b.example", "demo.localhost", "1.a", "a.0xg", "0x1.a"]
        {
            assert_eq!(Domain::parse(good).unwrap().as_str(), good);
        }
        let long_label = format!("{}.example", "a".repeat(64));
        let long_name = format!("{}.example", vec!["a"; 124].join("."));
        for bad in [
            "",
            "localhost",
            "Acme.example",
            "acme.example.",
            ".acme.example",
            "acme..example",
            "-a.example",
            "a-.example",
            "ab--c.example",
            "127.0.0.1",
            "127.0x1",
            "a.0x",
            "bücher.example",
            "a_b.example",
            "a b.example",
            "a.example\n",
            &long_label,
            &long_name,
        ] {
            assert!(Domain::parse(bad).is_err(), "{bad:?}");
        }
        assert!(Domain::parse(&format!("{}.example", "a".repeat(63))).is_ok());
        let longest = format!("{}.{}", vec!["a"; 123].join("."), "abcdefg");
        assert_eq!(longest.len(), 253);
        assert!(Domain::parse(&longest).is_ok());
    }

    #[test]
    fn parents_stop_before_a_single_label() {
        let d = Domain::parse("a.b.acme.example").unwrap();
        let all: Vec<String> = d.self_and_parents().map(|d| d.to_string()).collect();
        assert_eq!(all, ["a.b.acme.example", "b.acme.example", "acme.example"]);
        assert!(d.is_within(&Domain::parse("acme.example").unwrap()));
        assert!(!Domain::parse("xacme.example").unwrap().is_within(&Domain::parse("acme.example").unwrap()));
    }
}
