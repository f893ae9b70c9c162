//! Which of our crates may use which: the manifests against the table in `docs/ARCHITECTURE.md`. The table has the columns
//! `crate`, `kind`, `may use`, `in tests also`; a cell names crates between commas, `everything`, or `—` for none. `testkit` may be
//! used in every crate's tests and nowhere else. A table that lets more than the manifests take is fine: it says *may*.

use std::collections::{BTreeMap, BTreeSet};

use super::{Finding, tree::Tree};

/// Where the table is.
pub const TABLE: &str = "docs/ARCHITECTURE.md";

const MEND_TABLE: &str = "Who may use whom is decided in this table and nowhere else: one row for each crate, every name a crate's folder.";
const NOT_ALLOWED: &str =
    "Crates stay apart so that each can be read and checked alone. Ask a crate that may; or change the table, and say why in the commit.";
const TESTS_ONLY: &str = "testkit unwraps and invents: it is for tests. Move it to [dev-dependencies].";

/// A row of the table.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// Its line in the document.
    pub line: usize,
    /// `pure`, `I/O`, …
    pub kind: String,
    /// What its dependencies may name.
    pub may_use: BTreeSet<String>,
    /// What its dev-dependencies may name besides.
    pub in_tests: BTreeSet<String>,
}

impl Row {
    fn allows(&self, name: &str, in_tests: bool) -> bool {
        let has = |set: &BTreeSet<String>| set.contains(name) || set.contains("everything");
        has(&self.may_use) || (in_tests && (name == "testkit" || has(&self.in_tests)))
    }
}

/// Reads the table out of the document.
pub fn table(document: &str) -> BTreeMap<String, Row> {
    let mut rows = BTreeMap::new();
    let mut inside = false;
    for (n, line) in document.lines().enumerate() {
        let Some(cells) = line.trim().strip_prefix('|').and_then(|line| line.strip_suffix('|')) else {
            inside = false;
            continue;
        };
        let cells: Vec<&str> = cells.split('|').map(|cell| cell.trim().trim_matches('`')).collect();
        match cells.as_slice() {
            ["crate", "kind", "may use", "in tests also"] => inside = true,
            [first, ..] if first.trim_matches(['-', ':']).is_empty() => {}
            [name, kind, may_use, in_tests] if inside => {
                let row = Row { line: n + 1, kind: (*kind).to_owned(), may_use: names(may_use), in_tests: names(in_tests) };
                rows.insert((*name).to_owned(), row);
            }
            _ => {}
        }
    }
    rows
}

fn names(cell: &str) -> BTreeSet<String> {
    cell.split(',').map(|name| name.trim().trim_matches('`')).filter(|name| !name.is_empty() && *name != "—").map(str::to_owned).collect()
}

/// The crates that the table calls pure.
pub fn pure(tree: &Tree) -> Vec<String> {
    let rows = tree.get(TABLE).map(|file| table(&file.text)).unwrap_or_default();
    rows.into_iter().filter(|(_, row)| row.kind == "pure").map(|(name, _)| name).collect()
}

/// Compares table and manifests.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let rows = tree.get(TABLE).map(|file| table(&file.text)).unwrap_or_default();
    let crates: BTreeSet<&str> = tree.manifests().map(|(name, _)| name).collect();
    let mut findings = Vec::new();
    for (name, row) in &rows {
        for word in [name].into_iter().chain(&row.may_use).chain(&row.in_tests) {
            if word != "everything" && !crates.contains(word.as_str()) {
                findings.push(Finding::new(TABLE, row.line, format!("the table names `{word}`, and there is no such crate"), MEND_TABLE));
            }
        }
        if row.may_use.contains("testkit") && !["tests", "xtask"].contains(&name.as_str()) {
            findings.push(Finding::new(TABLE, row.line, format!("the table lets `{name}` ship with testkit"), TESTS_ONLY));
        }
    }
    for (name, file) in tree.manifests() {
        let Some(row) = rows.get(name) else {
            findings.push(Finding::new(&file.path, 1, format!("`{name}` has no row in the table of {TABLE}"), MEND_TABLE));
            continue;
        };
        // A manifest that cannot be read is another rule's finding.
        let manifest: toml::Table = file.text.parse().unwrap_or_default();
        for dependency in super::manifests::dependencies(&manifest) {
            // The program's own crate has no more of a name.
            let used = if dependency.package == "deedbox" { Some("deedbox") } else { dependency.package.strip_prefix("deedbox-") };
            let Some(used) = used else { continue };
            if !row.allows(used, dependency.for_tests) {
                let line = file.line_that_opens(&[&dependency.key, &format!("\"{}\"", dependency.key)]);
                let (what, then) = if used == "testkit" && !dependency.for_tests {
                    (format!("`{name}` ships with testkit"), TESTS_ONLY)
                } else {
                    let place = if dependency.for_tests { " in its tests" } else { "" };
                    (format!("`{name}` uses `{used}`{place}, and the table does not let it"), NOT_ALLOWED)
                };
                findings.push(Finding::new(&file.path, line, what, then));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = "\
# Architecture
| crate | kind | may use | in tests also |
|---|---|---|---|
| model | pure | — | — |
| `store` | I/O | model | npm |
| npm | pure | model | — |
| testkit | tests | everything | — |

| another | table | of | things |
";

    fn found(manifests: &[(&str, &str)]) -> Vec<String> {
        let mut files = vec![(TABLE, DOCUMENT)];
        let rest = ["crates/model/Cargo.toml", "crates/store/Cargo.toml", "crates/npm/Cargo.toml", "crates/testkit/Cargo.toml"];
        files.extend(rest.into_iter().filter(|path| manifests.iter().all(|(given, _)| given != path)).map(|path| (path, "")));
        files.extend(manifests);
        check(&Tree::of(&files)).into_iter().map(|finding| format!("{}:{}: {}", finding.file, finding.line, finding.what)).collect()
    }

    #[test]
    fn arrows_of_the_table_may_be_taken_and_may_be_left() {
        assert_eq!(found(&[]), [""; 0]);
        let store = "[dependencies]\ndeedbox-model.workspace = true\n[dev-dependencies]\ndeedbox-npm.workspace = true\ndeedbox-testkit.workspace = true\n";
        assert_eq!(found(&[("crates/store/Cargo.toml", store)]), [""; 0]);
    }

    #[test]
    fn an_arrow_that_the_table_does_not_have_is_found_with_its_line() {
        let model = "[package]\nname = \"deedbox-model\"\n\n[dependencies]\ndeedbox-store.workspace = true\n";
        let want = ["crates/model/Cargo.toml:5: `model` uses `store`, and the table does not let it"];
        assert_eq!(found(&[("crates/model/Cargo.toml", model)]), want);
        let program = "[dependencies]\ndeedbox.workspace = true\n";
        let want = ["crates/store/Cargo.toml:2: `store` uses `deedbox`, and the table does not let it"];
        assert_eq!(found(&[("crates/store/Cargo.toml", program)]), want);
        let npm = "[target.'cfg(unix)'.build-dependencies]\n  deedbox-store = { workspace = true }\n";
        assert_eq!(
            found(&[("crates/npm/Cargo.toml", npm)]),
            ["crates/npm/Cargo.toml:2: `npm` uses `store`, and the table does not let it"]
        );
    }

    #[test]
    fn a_new_name_for_a_crate_does_not_hide_it() {
        let npm = "[dependencies]\nquiet = { package = \"deedbox-store\", path = \"../store\" }\n";
        assert_eq!(
            found(&[("crates/npm/Cargo.toml", npm)]),
            ["crates/npm/Cargo.toml:2: `npm` uses `store`, and the table does not let it"]
        );
    }

    #[test]
    fn what_tests_may_use_is_not_shipped() {
        let store = "[dependencies]\ndeedbox-npm.workspace = true\ndeedbox-testkit.workspace = true\n";
        let want = [
            "crates/store/Cargo.toml:2: `store` uses `npm`, and the table does not let it",
            "crates/store/Cargo.toml:3: `store` ships with testkit",
        ];
        assert_eq!(found(&[("crates/store/Cargo.toml", store)]), want);
    }

    #[test]
    fn a_crate_without_a_row_and_a_row_without_a_crate_are_found() {
        assert_eq!(
            found(&[("crates/maven/Cargo.toml", "")]),
            ["crates/maven/Cargo.toml:1: `maven` has no row in the table of docs/ARCHITECTURE.md"]
        );
        let findings = check(&Tree::of(&[(TABLE, DOCUMENT)]));
        assert!(findings.iter().any(|finding| finding.line == 4 && finding.what.contains("`model`")), "{findings:?}");
    }

    #[test]
    fn pure_crates_are_those_the_table_calls_so() {
        assert_eq!(pure(&Tree::of(&[(TABLE, DOCUMENT)])), ["model", "npm"]);
    }
}
