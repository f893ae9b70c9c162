//! Repository names and tags: `oci:D/N` ⇄ `D/N` (spec/projections/oci.md §1, §2; OCI distribution specification,
//! "Pulling manifests"). Never guesses: what needs folding is refused.

use crate::limits::{REPOSITORY_BYTES, TAG_BYTES};
use deedbox_model::text::BadText;
use deedbox_model::{Domain, NativeName, PackageId, said};

/// The ecosystem's word in ids.
pub const ECOSYSTEM: &str = "oci";

const WHAT: &str = "a repository of a domain";

/// `D/N`: a domain, and one or more segments of small letters and digits, with `.`, `_`, `__` or hyphens between.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Repository {
    text: String,
    id: PackageId,
}

/// Why a text names no repository that can be here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadRepository {
    /// Not in the grammar of the specification.
    #[error(transparent)]
    Malformed(BadText),
    /// In the grammar, but under no domain: such a name can have no owner here.
    #[error(transparent)]
    NoDomain(BadText),
}

impl Repository {
    /// Reads a name as clients write it, without the host.
    pub fn parse(text: &str) -> Result<Self, BadRepository> {
        let malformed = |rule| Err(BadRepository::Malformed(BadText::new(WHAT, text, rule)));
        if text.len() > REPOSITORY_BYTES {
            return malformed(said!("it is longer than {} characters", REPOSITORY_BYTES));
        }
        if !text.split('/').all(is_segment) {
            return malformed("its segments are small letters and digits, with one \".\", one or two \"_\" or some \"-\" between them");
        }
        let no_domain = |why: BadText| BadRepository::NoDomain(BadText::new(WHAT, text, why.rule));
        let Some((domain, _)) = text.split_once('/') else {
            return Err(no_domain(BadText::new(WHAT, text, "it is written domain/name, like acme.example/app")));
        };
        Domain::parse(domain).map_err(no_domain)?;
        let id = PackageId::parse(&format!("{ECOSYSTEM}:{text}")).map_err(no_domain)?;
        Ok(Repository { text: text.to_owned(), id })
    }

    /// From an id of this ecosystem.
    pub fn from_id(id: &PackageId) -> Result<Self, BadRepository> {
        match id.as_str().strip_prefix(ECOSYSTEM).and_then(|rest| rest.strip_prefix(':')) {
            Some(text) => Self::parse(text),
            None => Err(BadRepository::NoDomain(BadText::new(WHAT, id.as_str(), "its id begins with oci:"))),
        }
    }

    /// `D/N`.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// `oci:D/N`.
    pub fn id(&self) -> &PackageId {
        &self.id
    }

    /// The key by which the ecosystem tells repositories apart: the name itself.
    pub fn native_key(&self) -> Result<NativeName, BadText> {
        NativeName::parse(&self.text)
    }
}

impl std::fmt::Display for Repository {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`
fn is_segment(segment: &str) -> bool {
    let is_plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let mut separator = String::new();
    let mut ends_plain = false;
    for b in segment.bytes() {
        if is_plain(b) {
            let allowed = matches!(separator.as_str(), "" | "." | "_" | "__") || separator.bytes().all(|b| b == b'-');
            if !allowed || (!ends_plain && !separator.is_empty()) {
                return false;
            }
            separator.clear();
            ends_plain = true;
        } else if matches!(b, b'.' | b'_' | b'-') && ends_plain {
            separator.push(char::from(b));
        } else {
            return false;
        }
    }
    ends_plain && separator.is_empty()
}

/// `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`: what a client may write after the colon.
pub fn is_tag(text: &str) -> bool {
    text.len() <= TAG_BYTES
        && text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_id_and_a_repository_are_one_name() {
        for name in [
            "acme.example/app",
            "acme.example/team/app",
            "acme.example/manifests/blobs/tags/list",
            "demo.localhost/a_b/c__d/e--f/g.h",
            "xn--bcher-kva.example/1",
        ] {
            let repository = Repository::parse(name).unwrap();
            assert_eq!(repository.id().as_str(), format!("oci:{name}"));
            assert_eq!(Repository::from_id(repository.id()).unwrap(), repository);
            assert_eq!(repository.native_key().unwrap().as_str(), name);
        }
    }

    #[test]
    fn what_breaks_the_grammar_is_malformed() {
        let long = format!("acme.example/{}", "a".repeat(250));
        for bad in [
            "",
            "/",
            "a//b",
            "acme.example/App",
            "acme.example/",
            "acme.example/a..b",
            "acme.example/a___b",
            "acme.example/a_-b",
            "acme.example/-a",
            "acme.example/a-",
            "acme.example/a.",
            "acme.example/a b",
            "acme.example/\u{e9}",
            "acme.example/..",
            &long,
        ] {
            assert!(matches!(Repository::parse(bad), Err(BadRepository::Malformed(_))), "{bad:?}");
        }
    }

    #[test]
    fn a_name_without_a_domain_has_no_owner_here() {
        for other in ["app", "library/app", "a_b/app"] {
            assert!(matches!(Repository::parse(other), Err(BadRepository::NoDomain(_))), "{other:?}");
        }
        let npm = PackageId::parse("npm:acme.example/widget").unwrap();
        assert!(Repository::from_id(&npm).is_err());
        let capital = PackageId::parse("oci:acme.example/App").unwrap();
        assert!(matches!(Repository::from_id(&capital), Err(BadRepository::Malformed(_))));
    }

    #[test]
    fn a_tag_is_what_clients_take_for_one() {
        for good in ["latest", "1.0", "_x", "v1.2-rc.1", "sha256-ab.sig", &"a".repeat(128)] {
            assert!(is_tag(good), "{good}");
        }
        for bad in ["", ".x", "-x", "1+2", "a/b", "a:b", "a b", "1~2", &"a".repeat(129)] {
            assert!(!is_tag(bad), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic_and_each_name_comes_back(text in "[a-z.]{1,12}/[a-z0-9._/-]{0,20}") {
            if let Ok(repository) = Repository::parse(&text) {
                let again = Repository::from_id(repository.id()).unwrap();
                prop_assert_eq!(again.as_str(), text);
            }
        }
    }
}
