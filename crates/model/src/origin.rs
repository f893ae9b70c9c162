//! Origins: the name of a log, fixed with its first entry (spec/encoding.md §2.6; C2SP tlog-checkpoint).
//! It is the key name of the log's notes, the audience of its statements and the issuer where the registry speaks.

use crate::limits::ORIGIN_BYTES;
use crate::said;
use crate::text::BadText;

/// A schema-less URL: a host of `[a-z0-9.-]`, then segments of `[A-Za-z0-9._-]` after slashes. No port, no `+`,
/// no white space.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin(String);

crate::text_type!(Origin, BadText);

impl Origin {
    /// Reads the one spelling.
    pub fn parse(s: &str) -> Result<Self, BadText> {
        let bad = |rule| Err(BadText::new("an origin", s, rule));
        if s.len() > ORIGIN_BYTES {
            return bad(said!("it is longer than {} bytes", ORIGIN_BYTES));
        }
        let mut parts = s.split('/');
        let host = parts.next().unwrap_or_default();
        let host_ok = host.split('.').all(|label| {
            !label.is_empty()
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        });
        if !host_ok {
            return bad("it begins with a lower-case host name, like registry.example/log");
        }
        for part in parts {
            if part.is_empty() || part == "." || part == ".." {
                return bad("no part between slashes is empty, \".\" or \"..\"");
            }
            if !part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-')) {
                return bad("only ASCII letters, digits, \".\", \"_\" and \"-\" after a slash");
            }
        }
        Ok(Origin(s.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_a_url_without_scheme_and_port() {
        for good in ["registry.example", "registry.example/log", "localhost", "127.0.0.1", "a.b/x/Y_z"] {
            assert_eq!(Origin::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "/log", "a.b/", "a.b//c", "a b", "a.b:80", "A.b", "a.b/x+y", "https://a.b", "-a.b", "a..b"] {
            assert!(Origin::parse(bad).is_err(), "{bad:?}");
        }
    }
}
