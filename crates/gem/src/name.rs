//! Names: `gem:D/N` is the gem `N` of the source `/gem/D/` (spec/projections/gem.md §1). One segment, as RubyGems names
//! gems. Knows no owner: who may use a domain is authority's question.

use crate::file;
use crate::limits::NAME_CHARS;
use deedbox_model::limits::ID_BYTES;
use deedbox_model::{Domain, Ecosystem, Name, NativeName, PackageId, said};

/// The ecosystem's word in ids.
pub const ECOSYSTEM: &str = "gem";

/// A gem: a domain and a name that is valid on both sides.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct GemName {
    domain: Domain,
    name: String,
}

/// Why a text is not the name of a gem here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name:?} is not the name of a gem here: {rule}")]
pub struct BadName {
    /// The name, at most 80 characters of it.
    pub name: String,
    /// The rule that it breaks, and what to write instead.
    pub rule: &'static str,
}

impl GemName {
    /// A gem of a domain's source.
    pub fn new(domain: &Domain, name: &str) -> Result<Self, BadName> {
        check_name(name).map_err(|rule| bad(name, rule))?;
        let gem = GemName { domain: domain.clone(), name: name.to_owned() };
        gem.id()?;
        Ok(gem)
    }

    /// Reads an id of this ecosystem.
    pub fn from_id(id: &PackageId) -> Result<Self, BadName> {
        if id.ecosystem().as_str() != ECOSYSTEM {
            return Err(bad(id.as_str(), "its ecosystem is not gem"));
        }
        Self::new(id.domain(), id.name().as_str())
    }

    /// The id.
    pub fn id(&self) -> Result<PackageId, BadName> {
        let bad = |_| bad(&self.path(), said!("it makes no id of at most {} bytes; shorten it", ID_BYTES));
        let ecosystem = Ecosystem::parse(ECOSYSTEM).map_err(bad)?;
        let name = Name::parse(&self.name).map_err(bad)?;
        PackageId::new(&ecosystem, &self.domain, &name).map_err(bad)
    }

    /// `D/N` as the model's key. Fails for none that this type holds: all are printable ASCII.
    pub fn native_key(&self) -> Result<NativeName, BadName> {
        NativeName::parse(&self.path()).map_err(|_| bad(&self.path(), "it is not a native key"))
    }

    /// `D/N`.
    pub fn path(&self) -> String {
        format!("{}/{}", self.domain, self.name)
    }

    /// `N`: what RubyGems calls it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// `D`.
    pub fn domain(&self) -> &Domain {
        &self.domain
    }
}

impl std::fmt::Display for GemName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.domain, self.name)
    }
}

fn bad(name: &str, rule: &'static str) -> BadName {
    BadName { name: name.chars().take(80).collect(), rule }
}

/// What a name of a dependency may be: RubyGems' pattern.
pub(crate) fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= NAME_CHARS
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
        && name.bytes().any(|b| b.is_ascii_alphabetic())
}

/// What RubyGems refuses for new gems, and what another gem's file name would read as.
fn check_name(name: &str) -> Result<(), &'static str> {
    if name.contains('/') {
        return Err("a gem's name is one segment; join the parts with hyphens");
    }
    if name.len() > NAME_CHARS {
        return Err(said!("it is longer than {} characters; shorten it", NAME_CHARS));
    }
    if !is_name(name) {
        return Err("only ASCII letters, digits, \".\", \"_\" and \"-\", at least one letter");
    }
    if name.starts_with(['.', '_', '-']) {
        return Err("it begins with a letter or a digit, not with \".\", \"_\" or \"-\"");
    }
    if file::readings(name).any(|reading| reading.platform.is_some()) {
        return Err("it reads as another gem's name, version and platform; leave the platform out of it");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(id: &str) -> Result<GemName, BadName> {
        GemName::from_id(&PackageId::parse(id).unwrap())
    }

    #[test]
    fn good_names_map_both_ways() {
        for (id, name) in [
            ("gem:acme.example/widget", "widget"),
            ("gem:acme.example/RedCloth", "RedCloth"),
            ("gem:acme.example/a.b_c-d", "a.b_c-d"),
            ("gem:deep.acme.example/2hex", "2hex"),
            ("gem:acme.example/foo-1", "foo-1"),
        ] {
            let gem = of(id).unwrap();
            assert_eq!(gem.name(), name);
            assert_eq!(gem.id().unwrap().as_str(), id);
            assert_eq!(format!("gem:{}", gem.native_key().unwrap().as_str()), id);
        }
    }

    #[test]
    fn what_rubygems_refuses_is_refused() {
        for id in [
            "gem:acme.example/a/b",
            "gem:acme.example/_x",
            "gem:acme.example/-x",
            "gem:acme.example/.x",
            "gem:acme.example/123",
            "gem:acme.example/foo-1.0-x86_64-linux",
            "gem:acme.example/foo-1-java",
            "npm:acme.example/widget",
        ] {
            assert!(of(id).is_err(), "{id}");
        }
        assert!(of(&format!("gem:acme.example/{}", "w".repeat(NAME_CHARS))).is_ok());
        assert!(of(&format!("gem:acme.example/{}", "w".repeat(NAME_CHARS + 1))).is_err());
    }

    proptest! {
        #[test]
        fn the_native_key_is_the_id_without_its_ecosystem(name in "[A-Za-z0-9._-]{1,12}") {
            if let Ok(gem) = PackageId::parse(&format!("gem:acme.example/{name}")).map_err(|_| ()).and_then(|id| GemName::from_id(&id).map_err(|_| ())) {
                let back = format!("gem:{}", gem.native_key().unwrap().as_str());
                prop_assert_eq!(GemName::from_id(&PackageId::parse(&back).unwrap()).unwrap(), gem);
            }
        }
    }
}
