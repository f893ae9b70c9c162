//! What keeps bytes is named by one crate: the others ask `store` for its ports. A test may open an engine's file by itself, to damage it.

use super::{Finding, manifests, tree::Tree};

/// The crate that may.
const STORE: &str = "store";

/// Packages that are engines, or speak to one.
const ENGINES: [&str; 3] = ["object_store", "rusqlite", "sqlx"];

const ASK: &str = "Only crates/store/src/stores.rs decides which engine keeps what; otherwise a new engine would change every crate. Ask `Stores` for a port.";

/// No crate but the store depends on an engine, tests apart.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (name, file) in tree.manifests().filter(|(name, _)| *name != STORE) {
        // What cannot be read is a finding of `manifests`.
        let manifest: toml::Table = file.text.parse().unwrap_or_default();
        for dependency in manifests::dependencies(&manifest) {
            if !dependency.for_tests && ENGINES.contains(&dependency.package.as_str()) {
                let line = file.line_that_opens(&[&dependency.key, &format!("\"{}\"", dependency.key)]);
                findings.push(Finding::new(&file.path, line, format!("`{name}` depends on `{}`", dependency.package), ASK));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_is_the_stores_alone_and_a_test_may_name_one() {
        let store = ("crates/store/Cargo.toml", "[dependencies]\nsqlx.workspace = true\n");
        let tested = ("crates/replay/Cargo.toml", "[dev-dependencies]\nsqlx.workspace = true\n");
        assert!(check(&Tree::of(&[store, tested])).is_empty());
        for (manifest, line) in [
            ("[dependencies]\nsqlx.workspace = true\n", 2),
            ("[dependencies]\nbytes.workspace = true\nrows = { package = \"rusqlite\", workspace = true }\n", 3),
            ("[target.'cfg(unix)'.dependencies]\nobject_store.workspace = true\n", 2),
        ] {
            let found = check(&Tree::of(&[store, ("crates/server/Cargo.toml", manifest)]));
            assert_eq!(
                found.iter().map(|finding| (finding.file.as_str(), finding.line)).collect::<Vec<_>>(),
                [("crates/server/Cargo.toml", line)]
            );
        }
    }
}
