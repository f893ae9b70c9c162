//! Files of one crate that need each other in a circle: none of them can be read, tested or moved alone. Modules are held against those
//! beside them: to its neighbours a folder is one module, and in it the same is asked of what it is made of. A module's own file, like
//! the crate's root, names all of its parts and counts for nothing among them. It sees names, not what they mean; what only tests see
//! is left out.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Finding,
    names::Seen,
    source,
    tree::{File, Tree},
};

const CIRCLE: &str = "Move what both need into a file of its own, below both; or hand it in as an argument.";

/// The modules of one module, each with those that it needs and the place where it says so. By whole paths: `a::b`.
type Needs<'a> = BTreeMap<String, BTreeMap<String, (&'a File, usize)>>;

/// One finding for each set of files that need each other.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let crates = tree.manifests().filter_map(|(_, file)| file.path.strip_suffix("Cargo.toml"));
    crates.flat_map(|folder| circles(&needs(tree, &format!("{folder}src/")))).collect()
}

fn needs<'a>(tree: &'a Tree, folder: &str) -> Needs<'a> {
    let seen: Vec<(&File, Vec<&str>, Seen)> = source::in_folder(tree, folder)
        .into_iter()
        .filter_map(|(file, seen)| Some((file, file.path.strip_prefix(folder)?, seen)))
        .filter(|(_, path, _)| !is_root(path))
        .map(|(file, path, seen)| (file, module(path), seen))
        .collect();
    // A module that is a folder alone is named by what is in it.
    let mut needs: Needs =
        seen.iter().flat_map(|(_, own, _)| (1..=own.len()).filter_map(|n| Some((own.get(..n)?.join("::"), BTreeMap::new())))).collect();
    for (file, own, seen) in &seen {
        for (named, line) in &seen.paths {
            let Some(other) = whole(named, own) else { continue };
            // The two modules beside each other, in the deepest one that holds both. A module and what it is made of are not two.
            let apart = own.iter().zip(&other).take_while(|(a, b)| a == b).count();
            let (Some(own), Some(other)) = (own.get(..=apart), other.get(..=apart)) else { continue };
            let other = other.join("::");
            if needs.contains_key(&other)
                && let Some(found) = needs.get_mut(&own.join("::"))
            {
                found.entry(other).or_insert((file, *line));
            }
        }
    }
    needs
}

fn is_root(path: &str) -> bool {
    matches!(path, "lib.rs" | "main.rs") || path.starts_with("bin/")
}

/// The modules on the way to a file, its own last.
fn module(path: &str) -> Vec<&str> {
    path.split('/').filter(|part| *part != "mod.rs").map(|part| part.strip_suffix(".rs").unwrap_or(part)).collect()
}

/// A path from the crate's root on, however it begins.
fn whole<'n>(named: &'n [String], own: &[&'n str]) -> Option<Vec<&'n str>> {
    let rest = |from: usize| named.iter().skip(from).map(String::as_str);
    let up = named.iter().take_while(|part| *part == "super").count();
    match named.first().map(String::as_str) {
        Some("crate") => Some(rest(1).collect()),
        Some("super") => Some(own.get(..own.len().checked_sub(up)?)?.iter().copied().chain(rest(up)).collect()),
        _ => None,
    }
}

fn circles(needs: &Needs<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut told: BTreeSet<&str> = BTreeSet::new();
    for (name, needed) in needs {
        if told.contains(name.as_str()) {
            continue;
        }
        let round: BTreeSet<&str> = reach(needs, name).into_iter().filter(|other| reach(needs, other).contains(name.as_str())).collect();
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
    fn files_of_one_folder_are_held_against_each_other() {
        let files = [
            ("crates/model/src/a/mod.rs", "mod b; mod c; mod d; use b::B; use super::a::c::C;"),
            ("crates/model/src/a/b.rs", "use super::A; use super::c::C;"),
            ("crates/model/src/a/c.rs", "use super::d;"),
            ("crates/model/src/a/d/mod.rs", "mod e;"),
            ("crates/model/src/a/d/e.rs", "use super::super::b::B;"),
        ];
        assert_eq!(found(&files), [("crates/model/src/a/b.rs".to_owned(), 1, "a circle of 3: a::b, a::c, a::d".to_owned())]);
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
