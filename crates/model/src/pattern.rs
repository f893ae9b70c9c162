//! Which packages a grant is for (spec/events.md §4.10): one id, or all ids that begin alike.

use crate::domain::Domain;
use crate::id::{Ecosystem, Name, PackageId};
use crate::limits::ID_BYTES;
use crate::said;
use crate::text::BadText;

/// An id as it is written, or what some ids begin with, up to a slash: `npm:acme.example/`, `maven:acme.example/tools/`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IdPattern(String);

crate::text_type!(IdPattern, BadText);

impl IdPattern {
    /// Reads the one spelling.
    pub fn parse(s: &str) -> Result<Self, BadText> {
        let bad = |rule| BadText::new("a pattern of ids", s, rule);
        if s.len() > ID_BYTES {
            return Err(bad(said!("it is longer than {} bytes", ID_BYTES)));
        }
        let Some(beginning) = s.strip_suffix('/') else {
            PackageId::parse(s)?;
            return Ok(IdPattern(s.to_owned()));
        };
        let (ecosystem, rest) = beginning.split_once(':').ok_or_else(|| bad("it is an id, or the beginning of one up to a slash"))?;
        Ecosystem::parse(ecosystem)?;
        let (domain, name) = rest.split_once('/').map_or((rest, None), |(domain, name)| (domain, Some(name)));
        Domain::parse(domain)?;
        name.map(Name::parse).transpose()?;
        Ok(IdPattern(s.to_owned()))
    }

    /// Whether it covers this package.
    pub fn covers(&self, id: &PackageId) -> bool {
        if self.0.ends_with('/') { id.as_str().starts_with(&self.0) } else { id.as_str() == self.0 }
    }

    /// Whether all that it covers is at or below this domain.
    pub fn is_within(&self, domain: &Domain) -> bool {
        let here = self.0.split_once(':').map(|(_, rest)| rest.split('/').next().unwrap_or_default());
        here.and_then(|here| Domain::parse(here).ok()).is_some_and(|here| here.is_within(domain))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_an_id_or_its_beginning_up_to_a_slash() {
        for good in ["npm:acme.example/widget", "npm:acme.example/", "maven:acme.example/tools/", "oci:a.b/x/y/"] {
            assert_eq!(IdPattern::parse(good).unwrap().as_str(), good);
        }
        for bad in [
            "",
            "/",
            "npm:",
            "npm:/",
            "npm:acme.example",
            "npm:acme.example//",
            "npm:acme.example/w*",
            "*",
            "npm:acme.example/a/../",
            "acme.example/",
        ] {
            assert!(IdPattern::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn it_covers_what_begins_alike_and_ends_at_a_slash() {
        let id = |text| PackageId::parse(text).unwrap();
        let covers = |pattern, text| IdPattern::parse(pattern).unwrap().covers(&id(text));
        assert!(covers("npm:acme.example/", "npm:acme.example/widget"));
        assert!(covers("npm:acme.example/tools/", "npm:acme.example/tools/saw"));
        assert!(covers("npm:acme.example/widget", "npm:acme.example/widget"));
        for (pattern, text) in [
            ("npm:acme.example/widget", "npm:acme.example/widget-core"),
            ("npm:acme.example/widget", "npm:acme.example/widget/core"),
            ("npm:acme.example/tools/", "npm:acme.example/tools"),
            ("npm:acme.example/", "oci:acme.example/widget"),
            ("npm:acme.example/", "npm:sub.acme.example/widget"),
        ] {
            assert!(!covers(pattern, text), "{pattern} {text}");
        }
    }

    #[test]
    fn it_is_within_the_domain_of_what_it_covers_and_those_above() {
        let within = |pattern, domain| IdPattern::parse(pattern).unwrap().is_within(&Domain::parse(domain).unwrap());
        assert!(within("npm:team.acme.example/", "acme.example") && within("npm:acme.example/w", "acme.example"));
        assert!(!within("npm:acme.example/", "team.acme.example") && !within("npm:badacme.example/", "acme.example"));
    }
}
