//! The name of a projection's rows (spec/projections/README.md §1.5). Each projection has a constant of it in its own room. Says nothing of
//! what the rows are.

use crate::limits::PROJECTION_NAME_BYTES;

/// A generation of a projection's rows: its name and version, written `npm.1`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProjectionId {
    /// A lower-case letter, then lower-case letters, digits and `-`; at most 32 bytes.
    pub name: &'static str,
    /// From 1.
    pub version: u32,
}

/// A name or a version that no projection has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("its name is not [a-z][a-z0-9-]{{0,{}}}, or its version is not from 1", PROJECTION_NAME_BYTES - 1)]
pub struct BadProjection {
    /// The name, cut where it is long.
    pub name: String,
    /// The version.
    pub version: u32,
}

impl std::fmt::Display for ProjectionId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.name, self.version)
    }
}

impl ProjectionId {
    /// Whether the name and the version are of the form above; adapters ask before the name goes into a query or a path.
    pub fn check(&self) -> Result<(), BadProjection> {
        let mut bytes = self.name.bytes();
        let fits = bytes.next().is_some_and(|b| b.is_ascii_lowercase())
            && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && self.name.len() <= PROJECTION_NAME_BYTES
            && self.version >= 1;
        if fits { Ok(()) } else { Err(BadProjection { name: self.name.chars().take(80).collect(), version: self.version }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_of_its_form_and_a_version_from_1() {
        for (name, version, good) in [
            ("npm", 1, true),
            ("a-name-of-exactly-32-bytes-12345", u32::MAX, true),
            ("a-name-of-exactly-33-bytes-123456", 1, false),
            ("npm", 0, false),
            ("", 1, false),
            ("1npm", 1, false),
            ("Npm", 1, false),
            ("npm.x", 1, false),
        ] {
            assert_eq!(ProjectionId { name, version }.check().is_ok(), good, "{name}.{version}");
        }
        let said = ProjectionId { name: "", version: 1 }.check().unwrap_err().to_string();
        assert_eq!(said, "its name is not [a-z][a-z0-9-]{0,31}, or its version is not from 1");
    }
}
