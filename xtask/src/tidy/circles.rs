//! Files of one crate that need each other in a circle: none of them can be read, tested or moved alone. A module and the files in its
//! folder count as one, for a module may split itself as it likes; the crate's root names all of its files and counts for nothing.
//! It sees names, not what they mean; what only tests see is left out.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Finding,
    names::Seen,
    source,
    tree::{File, Tree},
};

const CIRCLE: &str = "Move what both need into a file of its own, below both; or hand it in as an argument.";

/// The modules of a crate, each with those that it needs and the place where it says so.
type Needs<'a> = BTreeMap<&'a str, BTreeMap<String, (&'a File, usize)>>;

/// One finding for each set of files that need each other.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let crates = tree.manifests().filter_map(|(_, file)| file.path.strip_suffix("Cargo.toml"));
    crates.flat_map(|folder| circles(&needs(tree, &format!("{folder}src/")))).collect()
}

fn needs<'a>(tree: &'a Tree, folder: &str) -> Needs<'a> {
    let seen: Vec<(&File, &str, Seen)> = source::in_folder(tree, folder)
        .into_iter()
        .filter_map(|(file, seen)| Some((file, file.path.strip_prefix(folder)?, seen)))
        .filter(|(_, path, _)| !is_root(path))
        .collect();
    let mut needs: Needs = seen.iter().map(|(_, path, _)| (module(path), BTreeMap::new())).collect();
    let names: BTreeSet<String> = needs.keys().map(|name| (*name).to_owned()).collect();
    for (file, path, seen) in &seen {
        let own = module(path);
        for (named, line) in &seen.paths {
            let Some(other) = of_crate(named, depth(path)).filter(|other| *other != own && names.contains(*other)) else { continue };
            if let Some(found) = needs.get_mut(own) {
                found.entry(other.to_owned()).or_insert((file, *line));
            }
        }
    }
    needs
}

fn is_root(path: &str) -> bool {
    matches!(path, "lib.rs" | "main.rs") || path.starts_with("bin/")
}

/// The first module on the way to a file.
fn module(path: &str) -> &str {
    let first = path.split('/').next().unwrap_or(path);
    first.strip_suffix(".rs").unwrap_or(first)
}

/// Modules above a file's own content: 1 for `a.rs` and `a/mod.rs`, 2 for `a/b.rs`.
fn depth(path: &str) -> usize {
    path.split('/').filter(|part| *part != "mod.rs").count()
}

/// The first module of a path that begins at the crate's root, however it says so.
fn of_crate(named: &[String], depth: usize) -> Option<&str> {
    let up = named.iter().take_while(|part| *part == "super").count();
    match named.first().map(String::as_str) {
        Some("crate") => named.get(1),
        Some("super") if up == depth => named.get(up),
        _ => None,
    }
    .map(String::as_str)
}

fn circles(needs: &Needs<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut told: BTreeSet<&str> = BTreeSet::new();
    for (name, needed) in needs {
        if told.contains(name) {
            continue;
        }
        let round: BTreeSet<&str> = reach(needs, name).into_iter().filter(|other| reach(needs, other).contains(name)).collect();
        told.extend(&round);
        let first = needed.iter().find(|(other, _)| round.contains(other.as_str()));
        if let Some((_, (file, line))) = first {
            let names: Vec<&str> = round.into_iter().collect();
            findings.push(Finding::new(&file.path, *line, format!("a circle of {}: {}", names.len(), names.join(", ")), CIRCLE));
        }
    }
    findings
}

/// All that a module needs, and what these need.
fn reach<'a>(needs: &'a Needs<'_>, from: &str) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    let mut rest = vec![from];
    while let Some(name) = rest.pop() {
        for other in needs.get(name).into_iter().flat_map(BTreeMap::keys) {
            if found.insert(other.as_str()) {
                rest.push(other.as_str());
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(files: &[(&str, &str)]) -> Vec<(String, usize, String)> {
        let mut all = vec![("crates/model/Cargo.toml", "")];
        all.extend(files);
        check(&Tree::of(&all)).into_iter().map(|finding| (finding.file, finding.line, finding.what)).collect()
    }

    #[test]
    fn files_that_need_each_other_are_found_with_the_line() {
        let files = [
            ("crates/model/src/a.rs", "use std::fmt;\nuse crate::b::B;"),
            ("crates/model/src/b.rs", "fn f() { super::c::g() }"),
            ("crates/model/src/c.rs", "use crate::{\n  d,\n  a::A,\n};"),
            ("crates/model/src/d.rs", "use crate::e;"),
            ("crates/model/src/e.rs", ""),
        ];
        assert_eq!(found(&files), [("crates/model/src/a.rs".to_owned(), 2, "a circle of 3: a, b, c".to_owned())]);
    }

    #[test]
    fn a_module_and_its_files_are_one_and_tests_roots_and_other_crates_are_left_out() {
        let files = [
            ("crates/model/src/lib.rs", "mod a; mod b; pub use a::A; use crate::b;"),
            ("crates/model/src/a.rs", "mod inner;\n#[cfg(test)]\nmod tests;\nuse crate::a::inner::I; use crate::b;"),
            ("crates/model/src/a/inner.rs", "use super::A; use crate::a::B;"),
            ("crates/model/src/a/tests.rs", "use crate::b;"),
            (
                "crates/model/src/b.rs",
                "//! crate::a\n#[cfg(test)]\nmod tests { use crate::a; }\nuse other::a::A; const S: &str = \"crate::a\";",
            ),
        ];
        assert_eq!(found(&files), []);
        let files = [("crates/model/src/a/b.rs", "use super::super::c;"), ("crates/model/src/c/mod.rs", "use super::a;")];
        assert_eq!(found(&files), [("crates/model/src/a/b.rs".to_owned(), 1, "a circle of 2: a, c".to_owned())]);
    }
}
