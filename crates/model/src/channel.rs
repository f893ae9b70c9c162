//! Channels: names that move between versions, such as npm dist-tags and OCI tags (spec/encoding.md §2.4).

use crate::limits::CHANNEL_BYTES;
use crate::said;
use crate::text::BadText;

/// `[A-Za-z0-9_][A-Za-z0-9._+-]{0,127}`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Channel(String);

crate::text_type!(Channel, BadText);

impl Channel {
    /// Reads the one spelling.
    pub fn parse(s: &str) -> Result<Self, BadText> {
        let bad = |rule| Err(BadText::new("a channel", s, rule));
        if s.len() > CHANNEL_BYTES {
            return bad(said!("it is longer than {} bytes", CHANNEL_BYTES));
        }
        if !s.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_') {
            return bad("it begins with an ASCII letter, a digit or _");
        }
        if !s.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'+' | b'-')) {
            return bad("only ASCII letters, digits and . _ + -");
        }
        Ok(Channel(s.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_is_a_tag_of_any_ecosystem() {
        for good in ["latest", "_x", "1.0-SNAPSHOT", "v1", &"a".repeat(128)] {
            assert_eq!(Channel::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "-a", ".a", "a b", "a/b", "a@b", &"a".repeat(129)] {
            assert!(Channel::parse(bad).is_err(), "{bad:?}");
        }
    }
}
