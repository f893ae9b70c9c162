//! Rules about what single Rust sources say and name. What they name is read by `names`.

use std::collections::BTreeSet;

use super::{
    Finding, arrows, manifests,
    names::{Seen, beside, read},
    tree::{File, Tree},
};

const OPENING: &str =
    "A reader opens a file to learn what it is: begin with `//!`, its section of the specification, and what it never does.";
const UNFINISHED: &str = "What is not done is not merged, and a test that does not run proves nothing: finish it, or take it out.";
const PURE: &str = "A pure crate's answer may depend on its arguments only, or two verifiers differ. Take time, bytes and names as arguments, sort with \
                    `BTreeMap`, and leave the world to the crates that the table calls otherwise (addresses as values are in `core::net`).";

/// What pure crates do not name. A path covers everything beneath it.
const WORLD: [&str; 6] = ["std::fs", "std::net", "std::env", "std::process", "std::time::SystemTime", "std::time::Instant"];

/// What pure crates do not name under any path: the order of the first two differs from run to run.
const NAMES: [&str; 3] = ["HashMap", "HashSet", "SystemTime"];

/// Packages that pure crates do not depend on, tests apart.
const PACKAGES: [&str; 14] = [
    "axum",
    "fastrand",
    "futures-util",
    "getrandom",
    "hyper",
    "hyper-util",
    "moka",
    "object_store",
    "rand",
    "reqwest",
    "sqlx",
    "tempfile",
    "tokio",
    "tower",
];

/// Every source file opens with `//!`.
pub fn openings(tree: &Tree) -> Vec<Finding> {
    let silent = tree.ending(".rs").filter(|file| !file.text.starts_with("//!"));
    silent.map(|file| Finding::new(&file.path, 1, "does not open with `//!`", OPENING)).collect()
}

/// No macro that stands for missing code, no test that is switched off.
pub fn unfinished(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.ending(".rs") {
        let Some(seen) = read(file, &mut findings) else { continue };
        for (name, line) in seen.macros.iter().filter(|(name, _)| ["todo", "unimplemented", "dbg"].contains(&name.as_str())) {
            findings.push(Finding::new(&file.path, *line, format!("`{name}!`"), UNFINISHED));
        }
        for (_, line) in seen.attributes.iter().filter(|(name, _)| name == "ignore") {
            findings.push(Finding::new(&file.path, *line, "a test that is switched off", UNFINISHED));
        }
    }
    findings
}

/// Pure crates neither depend on nor name anything of the world, tests apart.
pub fn pure(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for name in arrows::pure(tree) {
        if let Some((_, file)) = tree.manifests().find(|(folder, _)| *folder == name) {
            let manifest: toml::Table = file.text.parse().unwrap_or_default();
            for dependency in manifests::dependencies(&manifest) {
                if !dependency.for_tests && PACKAGES.contains(&dependency.package.as_str()) {
                    let line = file.line_that_opens(&[&dependency.key, &format!("\"{}\"", dependency.key)]);
                    findings.push(Finding::new(&file.path, line, format!("pure `{name}` depends on `{}`", dependency.package), PURE));
                }
            }
        }
        for (file, seen) in in_folder(tree, &format!("crates/{name}/src/")) {
            let found: BTreeSet<(usize, &str)> = seen.paths.iter().filter_map(|(path, line)| Some((*line, of_the_world(path)?))).collect();
            findings.extend(
                found.into_iter().map(|(line, what)| Finding::new(&file.path, line, format!("pure `{name}` names `{what}`"), PURE)),
            );
        }
    }
    findings
}

/// The sources below a folder that not only tests see, with what each names.
pub(super) fn in_folder<'a>(tree: &'a Tree, folder: &str) -> Vec<(&'a File, Seen)> {
    let files: Vec<&File> = tree.ending(".rs").filter(|file| file.path.starts_with(folder)).collect();
    // What cannot be read is a finding of `unfinished`.
    let mut seen: Vec<(&File, Seen)> = files.into_iter().filter_map(|file| Some((file, read(file, &mut Vec::new())?))).collect();
    let tests: Vec<String> = seen.iter().flat_map(|(file, seen)| seen.test_modules.iter().map(|module| beside(file, module))).collect();
    let is_test = |path: &str| tests.iter().any(|test| path == format!("{test}.rs") || path.starts_with(&format!("{test}/")));
    seen.retain(|(file, _)| !is_test(&file.path));
    seen
}

fn of_the_world(path: &[String]) -> Option<&'static str> {
    // From every part on, since a keyword before `::std` reads like the first part of a path.
    let under = |root: &&&str| {
        let parts: Vec<&str> = root.split("::").collect();
        path.windows(parts.len()).any(|window| window.iter().eq(parts.iter()))
    };
    let named = |name: &&&str| path.iter().any(|part| part == *name);
    WORLD.iter().find(under).or_else(|| NAMES.iter().find(named)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str =
        "| crate | kind | may use | in tests also |\n|---|---|---|---|\n| model | pure | — | — |\n| store | I/O | — | — |\n";

    fn found(files: &[(&str, &str)]) -> Vec<(usize, String)> {
        let mut all = vec![(arrows::TABLE, TABLE)];
        all.extend(files);
        pure(&Tree::of(&all)).into_iter().map(|finding| (finding.line, finding.what)).collect()
    }

    fn named(text: &str) -> Vec<(usize, String)> {
        found(&[("crates/model/src/lib.rs", text)])
            .into_iter()
            .map(|(line, what)| (line, what.replace("pure `model` names ", "")))
            .collect()
    }

    #[test]
    fn a_pure_crate_that_names_the_world_is_found_with_its_line() {
        for (text, line, what) in [
            ("use std::fs;", 1, "`std::fs`"),
            ("\nfn f() { std::env::var(\"X\"); }", 2, "`std::env`"),
            ("use std::{\n  collections::BTreeMap,\n  time::{Duration, SystemTime},\n};", 3, "`std::time::SystemTime`"),
            ("use ::std::net::TcpStream as Quiet;", 1, "`std::net`"),
            ("use std::{io as i, fs as f};", 1, "`std::fs`"),
            ("fn f() -> HashMap<u8, u8> { x() }", 1, "`HashMap`"),
            ("macro_rules! m { () => { std::process::exit(1) } }", 1, "`std::process`"),
            ("#[cfg(not(test))]\nuse std::fs;", 2, "`std::fs`"),
            ("#[cfg(any(test, unix))] fn f() { std::fs::read(p); }", 1, "`std::fs`"),
            ("#[cfg(test)] mod tests { }\nfn f() { std::fs::read(p); }", 2, "`std::fs`"),
            ("#[cfg(test)] use a::{b, c};\nuse std::fs;", 2, "`std::fs`"),
        ] {
            assert_eq!(named(text), [(line, what.to_owned())], "{text}");
        }
    }

    #[test]
    fn tests_comments_strings_and_other_crates_are_left_alone() {
        for text in [
            "//! std::fs is not used\n// HashMap\n/// std::env\nfn f() -> &'static str { \"std::fs HashMap\" }",
            "#[cfg(test)]\nmod tests { use std::fs; }",
            "#[cfg(all(test, unix))] #[allow(dead_code)] fn f() { std::fs::read(p); }",
            "#![cfg(test)]\nuse std::fs;",
            "use std::{io, time::Duration}; use my::std_fs; use core::net::IpAddr;",
        ] {
            assert_eq!(named(text), [], "{text}");
        }
        assert_eq!(found(&[("crates/store/src/lib.rs", "use std::fs;"), ("crates/model/tests/a.rs", "use std::fs;")]), []);
    }

    #[test]
    fn a_file_that_only_tests_see_is_left_alone() {
        let declares = "#[cfg(test)]\nmod oracle;\nmod real;";
        let files = [
            ("crates/model/src/a.rs", declares),
            ("crates/model/src/a/oracle.rs", "use std::fs;"),
            ("crates/model/src/a/real.rs", "use std::fs;"),
        ];
        assert_eq!(found(&files), [(1, "pure `model` names `std::fs`".to_owned())]);
        assert_eq!(found(&[("crates/model/src/lib.rs", declares), ("crates/model/src/oracle/deep.rs", "use std::fs;")]), []);
    }

    #[test]
    fn a_pure_crate_that_depends_on_the_world_is_found_unless_in_tests() {
        let manifest = "[dependencies]\nsha2.workspace = true\ntokio.workspace = true\n[dev-dependencies]\naxum.workspace = true\n";
        assert_eq!(found(&[("crates/model/Cargo.toml", manifest)]), [(3, "pure `model` depends on `tokio`".to_owned())]);
    }

    #[test]
    fn a_file_that_says_nothing_of_itself_is_found() {
        let tree = Tree::of(&[("a.rs", "//! A.\n"), ("b.rs", "// B.\n"), ("c.rs", ""), ("d.md", "")]);
        assert_eq!(openings(&tree).into_iter().map(|finding| finding.file).collect::<Vec<_>>(), ["b.rs", "c.rs"]);
    }

    #[test]
    fn unfinished_code_and_tests_that_are_switched_off_are_found() {
        for (text, line) in [
            ("fn f() {\n    todo!()\n}", 2),
            ("fn f() { std::unimplemented!(\"later\") }", 1),
            ("fn f() { let x = dbg![1]; }", 1),
            ("#[cfg(test)]\nmod t {\n #[test]\n #[ignore = \"slow\"]\n fn f() {}\n}", 4),
            ("#[cfg_attr(windows, ignore)] fn f() {}", 1),
            ("fn f() { \"open }", 1),
        ] {
            let findings = unfinished(&Tree::of(&[("a.rs", text)]));
            assert_eq!(findings.iter().map(|finding| finding.line).collect::<Vec<_>>(), [line], "{text}: {findings:?}");
        }
        assert_eq!(unfinished(&Tree::of(&[("a.rs", "//! todo!() #[ignore]\nfn ignore() { let todo = \"dbg!\"; if a != (b) {} }")])), []);
    }
}
