//! Names: `npm:D/N` and `@D/N` are the same package (spec/projections/npm.md §1). One segment, lower case, at most
//! 214 characters with its scope. Knows no owner: who may use a domain is authority's question.

use crate::limits::NAME_CHARS;
use deedbox_model::limits::ID_BYTES;
use deedbox_model::{Domain, Ecosystem, Name, NativeName, PackageId, said};

/// The ecosystem's word in ids.
pub const ECOSYSTEM: &str = "npm";

/// A package of this ecosystem: a domain and one segment, valid as a name for both sides.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PackageName {
    domain: Domain,
    segment: String,
}

/// Why a text is not the name of a package here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name:?} is not a package name here: {rule}")]
pub struct BadName {
    /// The name, at most 80 characters of it.
    pub name: String,
    /// The rule that it breaks, and what to write instead.
    pub rule: &'static str,
}

impl PackageName {
    /// Reads `@D/N`, the one native spelling.
    pub fn from_native(name: &str) -> Result<Self, BadName> {
        let bad = |rule| BadName { name: name.chars().take(80).collect(), rule };
        if name.len() > NAME_CHARS {
            return Err(bad(said!("it is longer than {} characters, scope included; shorten it", NAME_CHARS)));
        }
        let Some((scope, segment)) = name.strip_prefix('@').and_then(|rest| rest.split_once('/')) else {
            return Err(bad("a package is named by its domain and its name, @acme.example/widget; put your domain in front as the scope"));
        };
        let domain = Domain::parse(scope)
            .map_err(|_| bad("the scope is a domain in lower case, like @acme.example; rename it to a domain that you claimed"))?;
        check_segment(segment).map_err(bad)?;
        Ok(PackageName { domain, segment: segment.to_owned() })
    }

    /// Reads an id of this ecosystem.
    pub fn from_id(id: &PackageId) -> Result<Self, BadName> {
        let bad = |rule| BadName { name: id.as_str().chars().take(80).collect(), rule };
        if id.ecosystem().as_str() != ECOSYSTEM {
            return Err(bad("its ecosystem is not npm"));
        }
        let segment = id.name().as_str();
        check_segment(segment).map_err(bad)?;
        if id.domain().as_str().len() + segment.len() + 2 > NAME_CHARS {
            return Err(bad(said!("it is longer than {} characters, scope included; shorten it", NAME_CHARS)));
        }
        Ok(PackageName { domain: id.domain().clone(), segment: segment.to_owned() })
    }

    /// The id.
    pub fn id(&self) -> Result<PackageId, BadName> {
        let bad = |_| BadName { name: self.native(), rule: said!("it makes no id of at most {} bytes; shorten it", ID_BYTES) };
        let ecosystem = Ecosystem::parse(ECOSYSTEM).map_err(bad)?;
        let name = Name::parse(&self.segment).map_err(bad)?;
        PackageId::new(&ecosystem, &self.domain, &name).map_err(bad)
    }

    /// `@D/N`.
    pub fn native(&self) -> String {
        format!("@{}/{}", self.domain, self.segment)
    }

    /// `@D/N` as the model's key. Fails for none that this type holds: all are printable ASCII.
    pub fn native_key(&self) -> Result<NativeName, BadName> {
        NativeName::parse(&self.native()).map_err(|_| BadName { name: self.native(), rule: "it is not a native key" })
    }

    /// `D/N`, the part that row keys carry.
    pub fn path(&self) -> String {
        format!("{}/{}", self.domain, self.segment)
    }

    /// `N`, the name without its scope: what npm calls a tarball by.
    pub fn segment(&self) -> &str {
        &self.segment
    }

    /// `D`.
    pub fn domain(&self) -> &Domain {
        &self.domain
    }
}

impl std::fmt::Display for PackageName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "@{}/{}", self.domain, self.segment)
    }
}

/// What npm refuses for new packages, and a leading hyphen (`/@D/-/…` is where tarballs are) or underscore.
fn check_segment(segment: &str) -> Result<(), &'static str> {
    if segment.contains('/') {
        return Err("npm knows one segment after the scope; join the parts with hyphens");
    }
    if segment.is_empty() {
        return Err("there is no name after the scope");
    }
    if segment.bytes().any(|b| b.is_ascii_uppercase()) {
        return Err("npm takes no capital letters in new names; write it in lower case");
    }
    if !segment.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'_' | b'-')) {
        return Err("only lower-case ASCII letters, digits, \".\", \"_\" and \"-\", so that it is the same in every URL");
    }
    if segment.starts_with(['.', '_', '-']) {
        return Err("it begins with a letter or a digit, not with \".\", \"_\" or \"-\"");
    }
    if segment == "node_modules" || segment == "favicon.ico" {
        return Err("npm keeps this word for itself; choose another");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn good_names_map_both_ways() {
        for (native, id) in [
            ("@acme.example/widget", "npm:acme.example/widget"),
            ("@a.b/x", "npm:a.b/x"),
            ("@deep.er.acme.example/w-1.2_3", "npm:deep.er.acme.example/w-1.2_3"),
            ("@xn--bcher-kva.example/http", "npm:xn--bcher-kva.example/http"),
            ("@acme.example/0", "npm:acme.example/0"),
        ] {
            let name = PackageName::from_native(native).unwrap();
            assert_eq!(name.id().unwrap().as_str(), id);
            assert_eq!(PackageName::from_id(&PackageId::parse(id).unwrap()).unwrap(), name);
            assert_eq!(name.to_string(), native);
            assert_eq!(name.native_key().unwrap().as_str(), native);
        }
    }

    #[test]
    fn what_npm_refuses_is_refused_and_so_is_what_has_no_domain() {
        for bad in [
            "",
            "widget",
            "@acme/widget",
            "acme.example/widget",
            "@acme.example",
            "@acme.example/",
            "@/widget",
            "@acme.example/a/b",
            "@acme.example/.hidden",
            "@acme.example/_private",
            "@acme.example/-",
            "@acme.example/-x",
            "@acme.example/node_modules",
            "@acme.example/favicon.ico",
            "@acme.example/Widget",
            "@Acme.example/widget",
            "@acme.example/wid~get",
            "@acme.example/wid'get",
            "@acme.example/wid!get",
            "@acme.example/wid(get)",
            "@acme.example/wid*get",
            "@acme.example/wid get",
            "@acme.example/wid%67et",
            "@acme.example/w\u{fc}dget",
            " @acme.example/widget",
            "@acme.example/widget ",
            "@@acme.example/widget",
            "@acme.1/widget",
        ] {
            assert!(PackageName::from_native(bad).is_err(), "{bad:?}");
        }
        for bad in
            ["npm:acme.example/a/b", "npm:acme.example/Widget", "oci:acme.example/widget", "npm:acme.example/_x", "npm:acme.example/-"]
        {
            assert!(PackageName::from_id(&PackageId::parse(bad).unwrap()).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn the_length_limit_holds_on_both_sides_and_in_both_directions() {
        let longest = format!("@acme.example/{}", "w".repeat(NAME_CHARS - "@acme.example/".len()));
        let name = PackageName::from_native(&longest).unwrap();
        assert_eq!(PackageName::from_id(&name.id().unwrap()).unwrap(), name);
        assert!(PackageName::from_native(&format!("{longest}w")).is_err());
        let id = PackageId::parse(&format!("{}w", name.id().unwrap())).unwrap();
        assert!(PackageName::from_id(&id).is_err());
    }

    proptest! {
        #[test]
        fn whatever_is_a_name_on_one_side_is_the_same_name_on_the_other(
            domain in "[a-z][a-z0-9]{0,6}(\\.[a-z][a-z0-9]{0,6}){1,3}", segment in "[A-Za-z0-9._~!@/-]{0,12}"
        ) {
            let native = format!("@{domain}/{segment}");
            let by_native = PackageName::from_native(&native);
            let by_id = PackageId::parse(&format!("npm:{domain}/{segment}")).ok().and_then(|id| PackageName::from_id(&id).ok());
            prop_assert_eq!(by_native.clone().ok(), by_id);
            if let Ok(name) = by_native {
                prop_assert_eq!(name.native(), native);
                prop_assert_eq!(PackageName::from_id(&name.id().unwrap()).unwrap(), name);
            }
        }

        #[test]
        fn no_text_makes_it_panic_and_what_it_takes_has_one_spelling(text in ".{0,40}") {
            if let Ok(name) = PackageName::from_native(&text) {
                prop_assert_eq!(name.native(), text);
            }
        }
    }
}
