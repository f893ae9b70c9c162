//! Native keys: the forms under which an ecosystem tells two packages or two versions apart, such as a folded
//! name (spec/encoding.md §2.5). Unique as plain bytes; only dialects know how they are derived.

use crate::limits::NATIVE_BYTES;
use crate::said;
use crate::text::BadText;

fn check(what: &'static str, s: &str) -> Result<(), BadText> {
    if s.is_empty() || s.len() > NATIVE_BYTES {
        return Err(BadText::new(what, s, said!("it has 1 to {} bytes", NATIVE_BYTES)));
    }
    if !s.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(BadText::new(what, s, "only printable ASCII without spaces"));
    }
    Ok(())
}

/// The key of a package in its ecosystem: 1 to 512 printable ASCII characters without spaces.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NativeName(String);

crate::text_type!(NativeName, BadText);

impl NativeName {
    /// Reads the one spelling.
    pub fn parse(s: &str) -> Result<Self, BadText> {
        check("a native name", s)?;
        Ok(NativeName(s.to_owned()))
    }
}

/// The key of a version within its package: 1 to 512 printable ASCII characters without spaces.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NativeVersion(String);

crate::text_type!(NativeVersion, BadText);

impl NativeVersion {
    /// Reads the one spelling.
    pub fn parse(s: &str) -> Result<Self, BadText> {
        check("a native version", s)?;
        Ok(NativeVersion(s.to_owned()))
    }
}
