//! Versions: the neutral spelling of a release (spec/encoding.md §2.3). Knows no order: that is a dialect's.

use crate::limits::VERSION_BYTES;
use crate::said;
use crate::text::BadText;

/// `[A-Za-z0-9][A-Za-z0-9._+~!-]{0,127}`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(String);

crate::text_type!(Version, BadText);

impl Version {
    /// Reads the one spelling.
    pub fn parse(s: &str) -> Result<Self, BadText> {
        let bad = |rule| Err(BadText::new("a version", s, rule));
        if s.len() > VERSION_BYTES {
            return bad(said!("it is longer than {} bytes", VERSION_BYTES));
        }
        if !s.starts_with(|c: char| c.is_ascii_alphanumeric()) {
            return bad("it begins with an ASCII letter or digit");
        }
        if !s.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'+' | b'~' | b'!' | b'-')) {
            return bad("only ASCII letters, digits and . _ + ~ ! -");
        }
        Ok(Version(s.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_the_ecosystems_fit_and_nothing_else() {
        for good in ["1.0.0", "1.0.0-rc.1+build.5", "1.0-20261121.070000-1", "v1.2.3", "1!2.0", "1.0~rc1", &"1".repeat(128)] {
            assert_eq!(Version::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", ".1", "-1", "1/2", "1 0", "1.0\u{301}", "1@2", "1|2", &"1".repeat(129)] {
            assert!(Version::parse(bad).is_err(), "{bad:?}");
        }
    }
}
