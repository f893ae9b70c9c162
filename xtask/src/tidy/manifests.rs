//! Dependencies are named once, in the root manifest, each with its reason on its own line; a crate's manifest only says which it uses.

use super::{Finding, tree::Tree};

const REASON: &str = "A dependency is somebody else's code in our hands: say on its line, after a `#`, what it is needed for.";
const ONCE: &str =
    "Versions live in one place: put it under [workspace.dependencies] in the root manifest and write `workspace = true` here.";
const READABLE: &str = "Cargo and this rule read it as TOML: correct the line that the parser names.";

/// A line of a manifest's dependencies.
#[derive(Debug)]
pub struct Dependency {
    /// The key in the manifest.
    pub key: String,
    /// The package behind it.
    pub package: String,
    /// From `[dev-dependencies]`.
    pub for_tests: bool,
    /// Has `workspace = true`.
    pub from_workspace: bool,
}

/// All dependencies of a crate's manifest, of every kind and target.
pub fn dependencies(manifest: &toml::Table) -> Vec<Dependency> {
    let targets = manifest.get("target").and_then(toml::Value::as_table).into_iter().flat_map(|targets| targets.values());
    let mut all = Vec::new();
    for place in [manifest].into_iter().chain(targets.filter_map(toml::Value::as_table)) {
        for (kind, for_tests) in [("dependencies", false), ("build-dependencies", false), ("dev-dependencies", true)] {
            for (key, value) in place.get(kind).and_then(toml::Value::as_table).into_iter().flatten() {
                let package = value.get("package").and_then(toml::Value::as_str).unwrap_or(key).to_owned();
                let from_workspace = value.get("workspace").and_then(toml::Value::as_bool) == Some(true);
                all.push(Dependency { key: key.clone(), package, for_tests, from_workspace });
            }
        }
    }
    all
}

/// Checks the root manifest's reasons and that the crates take from it.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(root) = tree.get("Cargo.toml") {
        let mut inside = false;
        for (n, line) in root.lines() {
            if line.starts_with('[') {
                inside = line.starts_with("[workspace.dependencies");
                if line.starts_with("[workspace.dependencies.") {
                    findings.push(Finding::new(&root.path, n, "a dependency in a table of its own", REASON));
                }
                continue;
            }
            let named = inside && !line.trim().is_empty() && !line.trim_start().starts_with('#');
            if named && !line.contains("path = ") && line.split_once('#').is_none_or(|(_, reason)| reason.trim().is_empty()) {
                let name = line.split(['=', '.', ' ']).next().unwrap_or_default();
                findings.push(Finding::new(&root.path, n, format!("`{name}` has no reason"), REASON));
            }
        }
    }
    for (_, file) in tree.manifests() {
        let manifest: toml::Table = match file.text.parse() {
            Ok(manifest) => manifest,
            Err(error) => {
                findings.push(Finding::new(&file.path, 1, format!("cannot be read: {}", error.to_string().replace('\n', " ")), READABLE));
                continue;
            }
        };
        for dependency in dependencies(&manifest).into_iter().filter(|dependency| !dependency.from_workspace) {
            let line = file.line_that_opens(&[&dependency.key, &format!("\"{}\"", dependency.key)]);
            findings.push(Finding::new(&file.path, line, format!("`{}` is not taken from the workspace", dependency.key), ONCE));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<(usize, String)> {
        check(&Tree::of(&[(path, text)])).into_iter().map(|finding| (finding.line, finding.what)).collect()
    }

    #[test]
    fn a_dependency_without_a_reason_is_found() {
        let root = "[workspace]\nmembers = []\n[workspace.dependencies]\n# Ours.\na = { path = \"a\" }\nb = \"1\" # letters\nc = \"1\"\nd = \"1\" #\n[profile.dev]\nx = 1\n";
        assert_eq!(found("Cargo.toml", root), [(7, "`c` has no reason".to_owned()), (8, "`d` has no reason".to_owned())]);
        assert_eq!(found("Cargo.toml", "[workspace.dependencies.e]\nversion = \"1\" # quiet\n").len(), 1);
    }

    #[test]
    fn a_version_in_a_crate_is_found_wherever_it_hides() {
        for (text, line) in [
            ("[dependencies]\nserde = \"1\"\n", 2),
            ("[dependencies]\na.workspace = true\nserde = { version = \"1\" }\n", 3),
            ("[dev-dependencies]\nserde = { path = \"x\" }\n", 2),
            ("[target.'cfg(unix)'.dependencies]\nserde = \"1\"\n", 2),
            ("[build-dependencies]\nserde.workspace = false\n", 2),
        ] {
            assert_eq!(found("crates/a/Cargo.toml", text), [(line, "`serde` is not taken from the workspace".to_owned())], "{text}");
        }
        assert_eq!(found("crates/a/Cargo.toml", "[dependencies]\nserde = { workspace = true, features = [\"rc\"] }\n"), []);
    }

    #[test]
    fn a_manifest_that_is_no_toml_is_found() {
        assert_eq!(found("crates/a/Cargo.toml", "[dependencies\n").len(), 1);
    }
}
