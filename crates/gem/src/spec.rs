//! The metadata of a gem: `Gem::Specification` as `gem build` writes it, and what of it is kept
//! (spec/projections/gem.md §3).

use crate::name::is_name;
use crate::platform::Platform;
use crate::version::GemVersion;
use crate::yaml::{Kind, Node};
use deedbox_view::InspectRefusal;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What is kept of a specification.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Spec {
    pub(crate) name: String,
    pub(crate) version: String,
    /// None for `ruby`.
    pub(crate) platform: Option<String>,
    pub(crate) summary: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) homepage: Option<String>,
    pub(crate) authors: Vec<String>,
    pub(crate) email: Vec<String>,
    pub(crate) licenses: Vec<String>,
    pub(crate) metadata: BTreeMap<String, String>,
    pub(crate) dependencies: Vec<Dependency>,
    /// What Ruby it wants.
    pub(crate) ruby: Vec<Constraint>,
    /// What RubyGems it wants.
    pub(crate) rubygems: Vec<Constraint>,
    /// The RubyGems that built it.
    pub(crate) built_by: String,
}

/// A dependency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    pub(crate) development: bool,
    pub(crate) prerelease: bool,
    pub(crate) wants: Vec<Constraint>,
}

/// One constraint of a requirement: `>= 1.0`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Constraint {
    pub(crate) op: String,
    pub(crate) version: String,
}

const OPERATORS: [&str; 7] = ["=", "!=", ">", "<", ">=", "<=", "~>"];
const SPECIFICATION: &str = "!ruby/object:Gem::Specification";
const VERSION: &str = "!ruby/object:Gem::Version";
const REQUIREMENT: [&str; 2] = ["!ruby/object:Gem::Requirement", "!ruby/object:Gem::Version::Requirement"];
const DEPENDENCY: &str = "!ruby/object:Gem::Dependency";

impl Constraint {
    /// `>= 1.0`.
    pub(crate) fn text(&self) -> String {
        format!("{} {}", self.op, self.version)
    }
}

/// `>= 0`, which wants nothing.
pub(crate) fn wants_nothing(wants: &[Constraint]) -> bool {
    matches!(wants, [Constraint { op, version }] if op == ">=" && version == "0") || wants.is_empty()
}

fn refuse(code: &'static str, message: String) -> InspectRefusal {
    InspectRefusal::new(code, message)
}

fn field(name: &str, rule: &str) -> InspectRefusal {
    refuse("gem_metadata_field", format!("{name} in the gem's metadata {rule}; change the gemspec and build it again with gem build"))
}

impl Spec {
    /// Reads a document.
    pub(crate) fn read(root: &Node) -> Result<Self, InspectRefusal> {
        if root.tag.as_deref() != Some(SPECIFICATION) {
            return Err(refuse("gem_yaml_tag", "the gem's metadata is not a Gem::Specification; build it again with gem build".to_owned()));
        }
        check_tags(root)?;
        let exact = |name: &'static str| root.get(name).and_then(Node::exact);
        let name = exact("name").filter(|name| is_name(name));
        let name = name.ok_or_else(|| {
            refuse("gem_name", "the gem's metadata has no name that RubyGems takes; build it again with gem build".to_owned())
        })?;
        let version = version(root.get("version")).ok_or_else(|| {
            let rule = "a version begins with a number, and dots join digits or letters behind it, like 1.4.0 or 2.0.0.rc1";
            refuse("gem_version", format!("the gem's metadata has no version that can be read: {rule}"))
        })?;
        // As it is written: what RubyGems shortens it to differs between its versions.
        let platform = match root.get("platform") {
            None => None,
            Some(node) if node.is_nil() => None,
            Some(node) => match node.exact() {
                Some("ruby") => None,
                Some(text) if Platform::parse(text).is_some() => Some(text.to_owned()),
                _ => {
                    return Err(refuse(
                        "gem_platform",
                        "the gem's platform is not one that RubyGems knows in this spelling; write it as Gem::Platform.new(…).to_s prints it, like x86_64-linux".to_owned(),
                    ));
                }
            },
        };
        Ok(Spec {
            name: name.to_owned(),
            version,
            platform,
            summary: text(root, "summary")?,
            description: text(root, "description")?,
            homepage: text(root, "homepage")?,
            authors: texts(root, "authors")?,
            email: texts(root, "email")?,
            licenses: texts(root, "licenses")?,
            metadata: metadata(root)?,
            dependencies: dependencies(root)?,
            ruby: requirement("required_ruby_version", root.get("required_ruby_version"))?,
            rubygems: requirement("required_rubygems_version", root.get("required_rubygems_version"))?,
            built_by: version_text(root.get("rubygems_version")).unwrap_or_else(|| "0".to_owned()),
        })
    }

    /// `N-V[-P]`.
    pub(crate) fn full_name(&self) -> String {
        crate::file::full_name(&self.name, &self.version, self.platform.as_deref())
    }

    /// The names that `gem build` gives its file: with the platform as it is written, and as RubyGems shortens it.
    pub(crate) fn has_file_name(&self, file: &str) -> bool {
        let short = self.platform.as_deref().and_then(Platform::parse).map(|platform| platform.short());
        let named = |platform| file.strip_suffix(".gem") == Some(&crate::file::full_name(&self.name, &self.version, platform));
        named(self.platform.as_deref()) || short.as_deref().is_some_and(|short| named(Some(short)))
    }

    /// What it needs to run.
    pub(crate) fn runtime(&self) -> impl Iterator<Item = &Dependency> {
        self.dependencies.iter().filter(|dependency| !dependency.development)
    }
}

/// Only objects that `gem build` writes, each where it writes it: any other tag would make Ruby build something else.
fn check_tags(root: &Node) -> Result<(), InspectRefusal> {
    let bad = |tag: &str| {
        let shown: String = tag.escape_debug().take(80).collect();
        refuse(
            "gem_yaml_tag",
            format!("the gem's metadata has the tag {shown}, which gem build does not write there; build it again with gem build"),
        )
    };
    let mut open: Vec<(&Node, &[&str])> = vec![(root, &[SPECIFICATION])];
    while let Some((node, allowed)) = open.pop() {
        if let Some(tag) = &node.tag
            && !allowed.contains(&tag.as_str())
        {
            return Err(bad(tag));
        }
        match &node.kind {
            Kind::Scalar { .. } => {}
            // A requirement's pairs hold versions.
            Kind::List(items) => {
                let allowed: &[&str] = if allowed.contains(&DEPENDENCY) {
                    &[DEPENDENCY]
                } else if allowed.contains(&VERSION) {
                    &[VERSION]
                } else {
                    &[]
                };
                open.extend(items.iter().map(|item| (item, allowed)));
            }
            Kind::Map(pairs) => open.extend(pairs.iter().map(|(key, item)| {
                let allowed: &[&str] = match key.as_str() {
                    "version" => &[VERSION],
                    "dependencies" => &[DEPENDENCY],
                    "requirement" | "version_requirements" | "required_ruby_version" | "required_rubygems_version" => &REQUIREMENT,
                    "requirements" if node.tag.as_deref().is_some_and(|tag| REQUIREMENT.contains(&tag)) => &[VERSION],
                    _ => &[],
                };
                (item, allowed)
            })),
        }
    }
    Ok(())
}

fn version(node: Option<&Node>) -> Option<String> {
    let node = node?;
    let text = if node.tag.as_deref() == Some(VERSION) { node.get("version")?.exact()? } else { return None };
    GemVersion::parse(text).ok().map(|version| version.as_str().to_owned())
}

fn version_text(node: Option<&Node>) -> Option<String> {
    GemVersion::parse(node?.text()?).ok().map(|version| version.as_str().to_owned())
}

fn text(root: &Node, name: &'static str) -> Result<Option<String>, InspectRefusal> {
    match root.get(name) {
        None => Ok(None),
        Some(node) if node.is_nil() => Ok(None),
        // It may hold anything: nothing of it is in an index that is read by lines, and the code that shows it cleans it.
        Some(node) => match node.text() {
            Some(text) => Ok(Some(text.to_owned())),
            None => Err(field(name, "is not a text")),
        },
    }
}

/// A list of texts, or one; what is nil is left out.
fn texts(root: &Node, name: &'static str) -> Result<Vec<String>, InspectRefusal> {
    let Some(node) = root.get(name).filter(|node| !node.is_nil()) else { return Ok(Vec::new()) };
    let nodes = node.list().unwrap_or(std::slice::from_ref(node));
    let texts = nodes.iter().filter(|node| !node.is_nil()).map(|node| node.text().map(str::to_owned));
    texts.collect::<Option<Vec<_>>>().ok_or_else(|| field(name, "holds something else than texts"))
}

fn metadata(root: &Node) -> Result<BTreeMap<String, String>, InspectRefusal> {
    let Some(node) = root.get("metadata").filter(|node| !node.is_nil()) else { return Ok(BTreeMap::new()) };
    let Kind::Map(pairs) = &node.kind else { return Err(field("metadata", "is not a map")) };
    let pairs = pairs.iter().map(|(key, value)| Some((key.clone(), value.text()?.to_owned())));
    pairs.collect::<Option<_>>().ok_or_else(|| field("metadata", "holds something else than texts"))
}

fn dependencies(root: &Node) -> Result<Vec<Dependency>, InspectRefusal> {
    let Some(node) = root.get("dependencies").filter(|node| !node.is_nil()) else { return Ok(Vec::new()) };
    let bad = || field("dependencies", "holds something else than dependencies as RubyGems writes them");
    let read = |node: &Node| {
        let name = node.get("name").and_then(Node::exact).filter(|name| is_name(name)).ok_or_else(bad)?;
        let development = match node.get("type").and_then(Node::text) {
            Some(":runtime") | None => false,
            Some(":development") => true,
            Some(_) => return Err(bad()),
        };
        let prerelease = node.get("prerelease").and_then(Node::text) == Some("true");
        let wants = node.get("requirement").or_else(|| node.get("version_requirements"));
        Ok(Dependency { name: name.to_owned(), development, prerelease, wants: requirement("a dependency", wants)? })
    };
    node.list().ok_or_else(bad)?.iter().map(read).collect()
}

/// A requirement; `>= 0` where there is none.
fn requirement(what: &str, node: Option<&Node>) -> Result<Vec<Constraint>, InspectRefusal> {
    let anything = || vec![Constraint { op: ">=".to_owned(), version: "0".to_owned() }];
    let Some(node) = node.filter(|node| !node.is_nil()) else { return Ok(anything()) };
    let bad = || field(what, "has a requirement that RubyGems does not write, like \">= 1.0\"");
    let pairs = node.get("requirements").and_then(Node::list).ok_or_else(bad)?;
    let read = |pair: &Node| {
        let [op, wanted] = pair.list()? else { return None };
        let op = op.text().filter(|op| OPERATORS.contains(op))?;
        Some(Constraint { op: op.to_owned(), version: version(Some(wanted))? })
    };
    let wants = pairs.iter().map(read).collect::<Option<Vec<_>>>().ok_or_else(bad)?;
    Ok(if wants.is_empty() { anything() } else { wants })
}
