//! Subjects: what a statement is about, and so which chain it continues (spec/statements.md §3).

use crate::domain::Domain;
use crate::id::PackageId;
use crate::text::BadText;
use std::fmt;

/// `registry`, `domain:<domain>` or a package id. No two of these can be spelled alike: the first has no colon,
/// the second no slash, the third has both.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Subject {
    /// The registry itself.
    Registry,
    /// One domain.
    Domain(Domain),
    /// One package.
    Package(PackageId),
}

impl Subject {
    /// Reads the one spelling.
    pub fn parse(s: &str) -> Result<Self, BadText> {
        if s == "registry" {
            return Ok(Subject::Registry);
        }
        match s.strip_prefix("domain:") {
            Some(domain) if !domain.contains('/') => Domain::parse(domain).map(Subject::Domain),
            _ => PackageId::parse(s).map(Subject::Package),
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Subject::Registry => f.write_str("registry"),
            Subject::Domain(domain) => write!(f, "domain:{domain}"),
            Subject::Package(id) => write!(f, "{id}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_kinds_cannot_be_confused() {
        for s in ["registry", "domain:acme.example", "npm:acme.example/widget", "domain:acme.example/widget", "registry:acme.example/w"] {
            assert_eq!(Subject::parse(s).unwrap().to_string(), s);
        }
        assert!(matches!(Subject::parse("domain:acme.example/widget").unwrap(), Subject::Package(_)));
        for bad in ["", "Registry", "registry ", "domain:", "domain:acme", "acme.example", "npm:acme.example"] {
            assert!(Subject::parse(bad).is_err(), "{bad:?}");
        }
    }
}
