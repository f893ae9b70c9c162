//! What the program knows of one ecosystem stands in that ecosystem's own files, so that a new one is new files and not a search through all
//! others. The ecosystems are the files of one folder. Tests may name an ecosystem; the tests' shared code may not decide by its name.

use super::{
    Finding, source,
    tree::{File, Tree},
};

/// Where the ecosystems are, a file for each.
const FOLDER: &str = "crates/deedbox/src/ecosystems/";
/// What the tests share.
const SHARED: &str = "tests/src/";
/// Suites that every adapter passes: tests, behind a feature.
const SUITES: &str = "/src/conformance/";
const THEN: &str = "A new ecosystem would need a change here too: ask the trait in crates/deedbox/src/ecosystems/mod.rs, and let each ecosystem answer \
                    in its own file (docs/guides/new-ecosystem.md).";

/// Looks for names of ecosystems, and of their crates, outside of their own files.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let words: Vec<&str> = tree.files.iter().filter_map(word).collect();
    let mut findings = Vec::new();
    for (name, _) in tree.manifests() {
        // What is for tests only may name whom it likes; what they share is looked at below.
        if words.contains(&name) || ["testkit", "tests", "xtask"].contains(&name) {
            continue;
        }
        for (file, seen) in source::in_folder(tree, &format!("crates/{name}/src/")) {
            if file.path.starts_with(FOLDER) || file.path.contains(SUITES) {
                continue;
            }
            let texts = seen.texts.iter().filter(|text| words.contains(&text.text.as_str()));
            findings.extend(texts.map(|text| Finding::new(&file.path, text.line, format!("names the ecosystem {:?}", text.text), THEN)));
            let crates = seen.paths.iter().filter_map(|(path, line)| Some((path.first()?.strip_prefix("deedbox_")?, line)));
            let crates = crates.filter(|(name, _)| words.contains(name));
            findings.extend(
                crates.map(|(name, line)| Finding::new(&file.path, *line, format!("uses the crate of the ecosystem {name:?}"), THEN)),
            );
        }
    }
    for (file, seen) in source::in_folder(tree, SHARED) {
        let texts = seen.texts.iter().filter(|text| text.is_compared && words.contains(&text.text.as_str()));
        findings.extend(texts.map(|text| Finding::new(&file.path, text.line, format!("decides by the ecosystem {:?}", text.text), THEN)));
    }
    findings.sort();
    findings
}

/// The ecosystem whose file this is.
fn word(file: &File) -> Option<&str> {
    let name = file.path.strip_prefix(FOLDER)?.strip_suffix(".rs")?;
    (name != "mod" && !name.contains('/')).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<String> {
        let tree = Tree::of(&[
            ("crates/deedbox/src/ecosystems/mod.rs", "fn f() { \"npm\"; }"),
            ("crates/deedbox/src/ecosystems/npm.rs", "use deedbox_npm::Npm; fn f() { \"npm\"; }"),
            ("crates/deedbox/src/ecosystems/npm/setup.rs", "fn f() { \"setup\"; }"),
            ("crates/npm/Cargo.toml", ""),
            ("crates/npm/src/lib.rs", "const PROJECTION: &str = \"npm\";"),
            ("crates/deedbox/Cargo.toml", ""),
            ("crates/server/Cargo.toml", ""),
            ("tests/Cargo.toml", ""),
            (path, text),
        ]);
        check(&tree).into_iter().map(|finding| format!("{}: {}", finding.line, finding.what)).collect()
    }

    #[test]
    fn an_ecosystem_is_named_in_its_own_files_alone() {
        for text in
            ["fn f(x: &str) -> bool { x == \"npm\" }", "fn f() { g(\"npm\"); }", "fn f() { match x { \"npm\" | \"gem\" => 1, _ => 2 } }"]
        {
            assert_eq!(found("crates/server/src/a.rs", text), ["1: names the ecosystem \"npm\""], "{text}");
            assert_eq!(found("crates/deedbox/src/ecosystems/gem/a.rs", text), [""; 0], "{text}");
        }
        assert_eq!(found("crates/deedbox/src/a.rs", "\nuse deedbox_npm::Npm;"), ["2: uses the crate of the ecosystem \"npm\""]);
        for text in
            ["#[cfg(test)] mod tests { const X: &str = \"npm\"; }", "fn f() { \"npm pack\"; \"setup\"; }", "/// \"npm\"\nfn npm() {}"]
        {
            assert_eq!(found("crates/server/src/a.rs", text), [""; 0], "{text}");
        }
        assert_eq!(found("crates/server/src/conformance/rows.rs", "const X: &str = \"npm\";"), [""; 0]);
        assert_eq!(found("crates/server/tests/a.rs", "fn f() { \"npm\"; }"), [""; 0]);
    }

    #[test]
    fn what_tests_share_does_not_decide_by_a_name() {
        for text in [
            "fn f() { match x { \"npm\" => 1, _ => 2 } }",
            "fn f() { match x { \"a\" | \"npm\" => 1, _ => 2 } }",
            "fn f() -> bool { x == \"npm\" }",
            "fn f() -> bool { \"npm\" != x }",
        ] {
            assert_eq!(found("tests/src/a.rs", text), ["1: decides by the ecosystem \"npm\""], "{text}");
        }
        for text in ["const ALL: [(&str, Make); 1] = [(\"npm\", npm)];", "fn f() { let x = \"npm\"; g(\"npm\"); x = \"npm\"; }"] {
            assert_eq!(found("tests/src/a.rs", text), [""; 0], "{text}");
        }
        assert_eq!(found("tests/tests/a.rs", "fn f() -> bool { x == \"npm\" }"), [""; 0]);
    }
}
