//! What a tarball asks of its publisher, and what of it nobody could install. A registry takes such packages, for they are what
//! their author packed; the publisher's machine refuses them, since what is published stays (docs/guides/publish.md). Never done by the
//! server.

use crate::archive::ArchiveLimits;
use crate::inspect::Contents;
use crate::json;
use crate::limits;
use deedbox_model::Value;
use deedbox_view::{ArtifactSource, InspectRefusal};
use std::collections::{BTreeMap, BTreeSet};

/// What is found in `package.json`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Intended {
    /// Dependencies that only the machine or the workspace has that packed it.
    pub unresolvable: Vec<Unresolvable>,
    /// The registry that `publishConfig` names for this package, as it is written.
    pub registry: Option<String>,
}

/// A dependency that nobody else can resolve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unresolvable {
    /// `dependencies`, `optionalDependencies` or `peerDependencies`.
    pub field: &'static str,
    /// Whose.
    pub name: String,
    /// As it is written.
    pub spec: String,
    /// Who could.
    pub why: Why,
}

/// Who could resolve it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// A package manager in its own workspace: `workspace:`, `catalog:`; it writes the version into what it packs.
    Workspace,
    /// A machine with that path.
    Path,
    /// A program that knows the protocol, and npm does not.
    Protocol,
}

/// The maps that an installer of the package resolves. What is only there for those who develop it may say anything.
const FIELDS: [&str; 3] = ["dependencies", "optionalDependencies", "peerDependencies"];
/// Protocols that npm resolves, and the shortcuts for places of git repositories that it has.
const KNOWN: [&str; 15] = [
    "npm",
    "http",
    "https",
    "git",
    "git+ssh",
    "git+http",
    "git+https",
    "git+rsync",
    "git+ftp",
    "ssh",
    "github",
    "gitlab",
    "bitbucket",
    "gist",
    "sourcehut",
];

/// Reads one tarball.
///
/// # Errors
/// As inspection does.
pub fn intended(artifact: &dyn ArtifactSource) -> Result<Intended, InspectRefusal> {
    let unreadable = |e| InspectRefusal::new("artifact_unreadable", format!("the tarball cannot be read: {e}"));
    if artifact.size() > limits::TARBALL_BYTES {
        return Ok(Intended::default());
    }
    let contents = Contents::read(&mut artifact.open().map_err(unreadable)?, &ArchiveLimits::default())?;
    // Whatever else is wrong with it, inspection says.
    Ok(json::read(&contents.package_json).map(|value| of(&value)).unwrap_or_default())
}

fn of(package: &Value) -> Intended {
    let bundled: BTreeSet<&str> = ["bundleDependencies", "bundledDependencies"]
        .into_iter()
        .filter_map(|key| package.get(key))
        .flat_map(|value| match value {
            Value::List(list) => list.iter().filter_map(Value::as_text).collect::<Vec<_>>(),
            Value::Map(map) => map.keys().map(String::as_str).collect(),
            Value::Bool(true) => {
                package.get("dependencies").and_then(Value::as_map).into_iter().flat_map(BTreeMap::keys).map(String::as_str).collect()
            }
            _ => Vec::new(),
        })
        .collect();
    let mut unresolvable = Vec::new();
    for field in FIELDS {
        for (name, spec) in package.get(field).and_then(Value::as_map).into_iter().flatten() {
            let Some(spec) = spec.as_text() else { continue };
            // What is bundled is in the tarball, wherever it came from.
            if let Some(why) = why(spec).filter(|_| !bundled.contains(name.as_str())) {
                unresolvable.push(Unresolvable { field, name: name.clone(), spec: spec.to_owned(), why });
            }
        }
    }
    let config = package.get("publishConfig");
    let scope =
        package.get("name").and_then(Value::as_text).and_then(|name| name.split_once('/')).map(|(scope, _)| format!("{scope}:registry"));
    let named = |key: &str| config.and_then(|config| config.get(key)).and_then(Value::as_text).map(str::to_owned);
    let registry = scope.and_then(|scope| named(&scope)).or_else(|| named("registry"));
    Intended { unresolvable, registry }
}

/// Why npm's clients cannot resolve this, as npm tells one kind of specifier from another (its npm-package-arg); none if they can.
fn why(spec: &str) -> Option<Why> {
    let spec = spec.trim();
    let lower = spec.to_ascii_lowercase();
    let is_drive = matches!(spec.as_bytes(), [letter, b':', ..] if letter.is_ascii_alphabetic());
    if spec.starts_with(['.', '/', '\\']) || lower.starts_with("~/") || is_drive {
        return Some(Why::Path);
    }
    let protocol = lower.split_once(':').map(|(protocol, _)| protocol).filter(|protocol| {
        let word = protocol.strip_prefix("git+").unwrap_or(protocol);
        !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase())
    });
    match protocol {
        Some("workspace" | "catalog") => Some(Why::Workspace),
        Some("file" | "link" | "portal" | "git+file" | "patch" | "exec") => Some(Why::Path),
        Some(protocol) => (!KNOWN.contains(&protocol)).then_some(Why::Protocol),
        // user@host:path is a git repository.
        None if lower.contains(':') => None,
        None => {
            let repository = lower.split('#').next().unwrap_or_default();
            let is_packed = [".tgz", ".tar.gz", ".tar"].iter().any(|ending| repository.ends_with(ending));
            // user/repository is one of git's; with more or fewer parts it is a path.
            let is_repository = repository.matches('/').count() == 1 && !repository.contains('\\') && !is_packed;
            let is_path = repository.contains(['/', '\\']) && !is_repository;
            (is_path || is_packed).then_some(Why::Path)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_npm_resolves_elsewhere_too_is_let_through() {
        for spec in [
            "",
            "*",
            "^1.0.0",
            ">=1 <2 || 3.x",
            "latest",
            "1.0.0",
            "v1.2.3",
            "npm:other@^1",
            "npm:@a.example/b@1",
            "git+https://registry.example/a.git",
            "git://registry.example/a",
            "git+ssh://git@registry.example/a.git#semver:^1",
            "git@registry.example:a/b.git",
            "https://registry.example/a.tgz",
            "http://registry.example/a",
            "github:a/b",
            "a/b",
            "a/b#main",
            "gist:11081aaa281",
            "ssh://git@registry.example/a.git",
        ] {
            assert_eq!(why(spec), None, "{spec}");
        }
        for (spec, expected) in [
            ("workspace:^", Why::Workspace),
            ("workspace:*", Why::Workspace),
            ("workspace:../core", Why::Workspace),
            ("Workspace:1", Why::Workspace),
            ("catalog:", Why::Workspace),
            ("catalog:react18", Why::Workspace),
            ("link:../b", Why::Path),
            ("file:../b", Why::Path),
            ("file:b.tgz", Why::Path),
            ("FILE:b", Why::Path),
            ("portal:../b", Why::Path),
            ("patch:b@npm%3A1.0.0#./x.patch", Why::Path),
            ("exec:./make.js", Why::Path),
            ("git+file:///srv/b.git", Why::Path),
            ("../b", Why::Path),
            ("./b", Why::Path),
            (" ./b", Why::Path),
            (".", Why::Path),
            ("/srv/b", Why::Path),
            ("~/b", Why::Path),
            ("C:\\b", Why::Path),
            ("c:/b", Why::Path),
            ("a\\b", Why::Path),
            ("a/b/c", Why::Path),
            ("b-1.0.0.tgz", Why::Path),
            ("vendor/b.tar.gz", Why::Path),
            ("jsr:@a/b@1", Why::Protocol),
            ("svn:registry.example", Why::Protocol),
            ("git+svn://registry.example", Why::Protocol),
        ] {
            assert_eq!(why(spec), Some(expected), "{spec}");
        }
    }

    #[test]
    fn dependencies_that_are_bundled_or_for_developers_may_say_anything() {
        let read = |text: &str| of(&json::read(text.as_bytes()).unwrap());
        let found = |text: &str| read(text).unresolvable.into_iter().map(|u| format!("{} {}", u.field, u.name)).collect::<Vec<_>>();
        let all = r#""dependencies":{"a":"workspace:*","b":"1"},"optionalDependencies":{"c":"file:c"},"peerDependencies":{"d":"link:d"}"#;
        assert_eq!(found(&format!("{{{all}}}")), ["dependencies a", "optionalDependencies c", "peerDependencies d"]);
        assert_eq!(found(&format!("{{{all},\"bundledDependencies\":[\"a\",\"c\"]}}")), ["peerDependencies d"]);
        assert_eq!(found(&format!("{{{all},\"bundleDependencies\":true}}")), ["optionalDependencies c", "peerDependencies d"]);
        assert_eq!(found(r#"{"devDependencies":{"a":"workspace:*"},"dependencies":["x"]}"#), Vec::<String>::new());
        assert_eq!(
            read(r#"{"name":"@a.example/b","publishConfig":{"registry":"https://r.example"}}"#).registry.as_deref(),
            Some("https://r.example")
        );
        let scoped =
            r#"{"name":"@a.example/b","publishConfig":{"registry":"https://r.example","@a.example:registry":"https://s.example"}}"#;
        assert_eq!(read(scoped).registry.as_deref(), Some("https://s.example"));
        assert_eq!(read(r#"{"publishConfig":{"registry":1,"tag":"x"}}"#).registry, None);
    }
}
