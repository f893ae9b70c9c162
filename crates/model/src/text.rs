//! How a checked text type is made: one spelling in, the same spelling out (spec/encoding.md §2).
//! Never normalises: a text that would need it is refused.

/// Gives a tuple struct over `String` with a `parse` function its Display, FromStr, TryFrom and serde
/// forms, all through that one parser.
#[macro_export]
macro_rules! text_type {
    ($name:ident, $error:ty) => {
        impl $name {
            /// The one spelling.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }
        impl std::str::FromStr for $name {
            type Err = $error;
            fn from_str(s: &str) -> Result<Self, Self::Err> {
                Self::parse(s)
            }
        }
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.serialize_str(&self.0)
            }
        }
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let s = <std::borrow::Cow<'de, str> as serde::Deserialize>::deserialize(d)?;
                Self::parse(&s).map_err(serde::de::Error::custom)
            }
        }
    };
}

/// Why a text is not the thing it should be: what it was read as, the text itself (shortened), and the rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not {what}: {rule}")]
pub struct BadText {
    /// What it was read as, with its article: "a domain".
    pub what: &'static str,
    /// The text, at most 80 characters of it.
    pub text: String,
    /// The rule that it breaks, in words.
    pub rule: &'static str,
}

impl BadText {
    /// Names the broken rule; keeps at most 80 characters of the text, so that a hostile input cannot fill a log.
    pub fn new(what: &'static str, text: &str, rule: &'static str) -> Self {
        BadText { what, text: text.chars().take(80).collect(), rule }
    }
}
