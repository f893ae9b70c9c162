//! Names: `maven:D/…/N` and `reverse(D)…:N` are the same package (spec/projections/maven.md §1). Where the domain ends in
//! a groupId is not in the coordinate: the id says it. Knows no owner: who may use a domain is authority's question.

use crate::limits::NAME_BYTES;
use deedbox_model::{Domain, NativeName, PackageId, said};

/// The ecosystem's word in ids.
pub const ECOSYSTEM: &str = "maven";
/// The file that Maven keeps for itself in every folder.
pub(crate) const METADATA: &str = "maven-metadata.xml";

/// `groupId:artifactId`, checked: it has one path in a repository, and every path leads to one coordinate.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Coordinates {
    group: String,
    artifact: String,
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

impl Coordinates {
    /// From its two parts.
    pub fn new(group: &str, artifact: &str) -> Result<Self, BadName> {
        let bad = |rule| BadName { name: format!("{group}:{artifact}").chars().take(80).collect(), rule };
        if group.len() + artifact.len() + 1 > NAME_BYTES {
            return Err(bad(said!("it is longer than {} characters; shorten it", NAME_BYTES)));
        }
        check_group(group).map_err(bad)?;
        check_artifact(artifact).map_err(bad)?;
        Ok(Coordinates { group: group.to_owned(), artifact: artifact.to_owned() })
    }

    /// Reads an id of this ecosystem: the domain backwards, then all segments but the last, are the group.
    pub fn from_id(id: &PackageId) -> Result<Self, BadName> {
        let bad = |rule| BadName { name: id.as_str().chars().take(80).collect(), rule };
        if id.ecosystem().as_str() != ECOSYSTEM {
            return Err(bad("its ecosystem is not maven"));
        }
        let mut group = backwards(id.domain().as_str());
        let mut segments: Vec<&str> = id.name().segments().collect();
        let artifact = segments.pop().unwrap_or_default();
        for segment in segments {
            if segment.contains('.') {
                return Err(bad("a group has its parts between slashes here, each without a dot: write a/b and not a.b"));
            }
            group.push('.');
            group.push_str(segment);
        }
        Coordinates::new(&group, artifact).map_err(|e| bad(e.rule))
    }

    /// The id under which the owner of this domain holds the package; none if the group does not begin with it.
    pub fn id_under(&self, domain: &Domain) -> Option<PackageId> {
        let rest = self.group.strip_prefix(&backwards(domain.as_str()))?;
        let segments = if rest.is_empty() { String::new() } else { format!("{}/", rest.strip_prefix('.')?.replace('.', "/")) };
        PackageId::parse(&format!("{ECOSYSTEM}:{domain}/{segments}{}", self.artifact)).ok()
    }

    /// The ids that stand for it, that of the longest domain first.
    pub fn ids(&self) -> Vec<PackageId> {
        domains_of(&self.group).iter().filter_map(|domain| self.id_under(domain)).collect()
    }

    /// The domains of the ids before this one: where one of them is claimed, the coordinate is its owner's to begin.
    pub fn domains_before(&self, id: &PackageId) -> Vec<Domain> {
        self.ids().into_iter().map(|other| other.domain().clone()).take_while(|domain| domain != id.domain()).collect()
    }

    /// `groupId`.
    pub fn group(&self) -> &str {
        &self.group
    }
    /// `artifactId`.
    pub fn artifact(&self) -> &str {
        &self.artifact
    }
    /// The folder in a repository, without slashes at its ends.
    pub fn folder(&self) -> String {
        format!("{}/{}", self.group.replace('.', "/"), self.artifact)
    }
    /// As the model's key. Fails for none that this type holds: all are printable ASCII.
    pub fn native_key(&self) -> Result<NativeName, BadName> {
        NativeName::parse(&self.to_string()).map_err(|_| BadName { name: self.to_string(), rule: "it is not a native key" })
    }
}

impl std::fmt::Display for Coordinates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.group, self.artifact)
    }
}

/// The domains that a group begins with, the longest first.
pub(crate) fn domains_of(group: &str) -> Vec<Domain> {
    let ends = group.match_indices('.').map(|(at, _)| at).chain([group.len()]);
    let mut domains: Vec<Domain> = ends.filter_map(|end| Domain::parse(&backwards(group.get(..end)?)).ok()).collect();
    domains.reverse();
    domains
}

/// The labels of a domain as a group has them, and the other way.
pub(crate) fn backwards(name: &str) -> String {
    name.rsplit('.').collect::<Vec<_>>().join(".")
}

/// Parts of `[A-Za-z0-9_-]`: a dot inside one would be a second spelling of two.
pub(crate) fn check_group(group: &str) -> Result<(), &'static str> {
    for part in group.split('.') {
        if part.is_empty() || !part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-')) {
            return Err("a group has parts of ASCII letters, digits, \"_\" and \"-\", joined by single dots");
        }
        check_folder(part)?;
    }
    Ok(())
}

fn check_artifact(artifact: &str) -> Result<(), &'static str> {
    if !artifact.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-')) {
        return Err("an artifact has ASCII letters, digits, \".\", \"_\" and \"-\", so that it is the same in every URL");
    }
    if !artifact.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_') {
        return Err("an artifact begins with a letter, a digit or \"_\"");
    }
    check_folder(artifact)
}

/// What stands for something else in a repository.
fn check_folder(name: &str) -> Result<(), &'static str> {
    if name.ends_with("-SNAPSHOT") {
        return Err("a folder that ends with -SNAPSHOT is that of a version; choose another name");
    }
    if name == METADATA {
        return Err("maven-metadata.xml is Maven's own file; choose another name");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(native: &str) -> Result<Coordinates, BadName> {
        let (group, artifact) = native.split_once(':').unwrap();
        Coordinates::new(group, artifact)
    }

    #[test]
    fn an_id_and_its_coordinate_map_both_ways() {
        for (id, native, folder) in [
            ("maven:acme.example/widget", "example.acme:widget", "example/acme/widget"),
            ("maven:acme.example/tools/Widget_Core.v2", "example.acme.tools:Widget_Core.v2", "example/acme/tools/Widget_Core.v2"),
            ("maven:foo.acme.example/bar", "example.acme.foo:bar", "example/acme/foo/bar"),
            ("maven:acme.example/foo/bar", "example.acme.foo:bar", "example/acme/foo/bar"),
            ("maven:my-shop.example/a_b/C/d", "example.my-shop.a_b.C:d", "example/my-shop/a_b/C/d"),
        ] {
            let id = PackageId::parse(id).unwrap();
            let coordinates = Coordinates::from_id(&id).unwrap();
            assert_eq!(coordinates.to_string(), native);
            assert_eq!(coordinates.folder(), folder);
            assert_eq!(read(native).unwrap(), coordinates);
            assert_eq!(coordinates.id_under(id.domain()).unwrap(), id);
        }
    }

    #[test]
    fn one_coordinate_may_have_an_id_under_each_domain_it_begins_with_the_longest_first() {
        let ids = read("example.acme.foo:bar").unwrap().ids();
        let ids: Vec<&str> = ids.iter().map(PackageId::as_str).collect();
        assert_eq!(ids, ["maven:foo.acme.example/bar", "maven:acme.example/foo/bar"]);
        // A part that is not a label of a domain belongs to the owner of what comes before it.
        let ids = read("example.acme.My_Tools:bar").unwrap().ids();
        assert_eq!(ids.iter().map(PackageId::as_str).collect::<Vec<_>>(), ["maven:acme.example/My_Tools/bar"]);
        assert!(read("junit:junit").unwrap().ids().is_empty());
    }

    #[test]
    fn what_has_two_paths_or_none_is_refused() {
        for bad in [
            ":widget",
            "example.acme:",
            "example..acme:widget",
            ".example:widget",
            "example.acme.:widget",
            "example/acme:widget",
            "example.acme:wid/get",
            "example.acme:.widget",
            "example.acme:-widget",
            "example.acme:..",
            "example.acme:maven-metadata.xml",
            "example.acme:1.0-SNAPSHOT",
            "example.1-SNAPSHOT:widget",
            "example.acme:wid:get",
            "example.acme:wid get",
            "example.acme:${name}",
            "example.ac\u{e9}me:widget",
        ] {
            assert!(read(bad).is_err(), "{bad:?}");
        }
        for bad in ["npm:acme.example/widget", "maven:acme.example/a.b/widget", "maven:acme.example/.x", "maven:acme.example/1-SNAPSHOT/x"]
        {
            assert!(Coordinates::from_id(&PackageId::parse(bad).unwrap()).is_err(), "{bad:?}");
        }
        let longest = format!("example.acme:{}", "w".repeat(NAME_BYTES - "example.acme:".len()));
        assert!(read(&longest).is_ok());
        assert!(read(&format!("{longest}w")).is_err());
    }

    proptest! {
        #[test]
        fn under_one_domain_id_and_coordinate_determine_each_other(
            domain in "[a-z][a-z0-9]{0,5}(\\.[a-z][a-z0-9]{0,5}){1,3}", rest in "([A-Za-z0-9._-]{1,6}/){0,3}[A-Za-z0-9._-]{1,8}"
        ) {
            let Ok(id) = PackageId::parse(&format!("maven:{domain}/{rest}")) else { return Ok(()) };
            if let Ok(coordinates) = Coordinates::from_id(&id) {
                prop_assert_eq!(coordinates.id_under(id.domain()), Some(id.clone()));
                prop_assert!(coordinates.ids().contains(&id));
                prop_assert_eq!(read(&coordinates.to_string()).unwrap(), coordinates);
            }
        }

        #[test]
        fn every_id_of_a_coordinate_leads_back_to_it(group in "[a-z]{1,4}(\\.[A-Za-z0-9_-]{1,5}){0,4}", artifact in "[A-Za-z0-9._-]{1,8}") {
            if let Ok(coordinates) = Coordinates::new(&group, &artifact) {
                for id in coordinates.ids() {
                    prop_assert_eq!(Coordinates::from_id(&id).unwrap(), coordinates.clone());
                }
            }
        }
    }
}
