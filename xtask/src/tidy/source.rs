//! Rules about Rust sources, read as tokens: a word in a comment or a string is not a finding, a name behind `use std::{…}` is one.
//! It knows no types: it sees what is written, not what it means.

use std::collections::BTreeSet;

use proc_macro2::{Delimiter, Group, Literal, TokenStream, TokenTree};

use super::{
    Finding, arrows, manifests,
    tree::{File, Tree},
};

const OPENING: &str =
    "A reader opens a file to learn what it is: begin with `//!`, its section of the specification, and what it never does.";
const UNFINISHED: &str = "What is not done is not merged, and a test that does not run proves nothing: finish it, or take it out.";
const UNREADABLE: &str = "This file cannot be read as Rust tokens: see what `cargo check` says of it.";
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

/// Where a module declared in this file lives, without `.rs`.
fn beside(file: &File, module: &str) -> String {
    let (folder, name) = file.path.rsplit_once('/').unwrap_or(("", &file.path));
    match name.strip_suffix(".rs") {
        Some("lib" | "main" | "mod") | None => format!("{folder}/{module}"),
        Some(name) => format!("{folder}/{name}/{module}"),
    }
}

/// What a file names, each with its line. Paths and texts leave out what only tests see.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) paths: Vec<(Vec<String>, usize)>,
    /// What stands between quotation marks.
    pub(super) texts: Vec<Text>,
    macros: Vec<(String, usize)>,
    attributes: Vec<(String, usize)>,
    test_modules: Vec<String>,
}

/// A literal text.
#[derive(Debug)]
pub(super) struct Text {
    pub(super) text: String,
    pub(super) line: usize,
    /// Whether something is compared with it: it is a pattern of a `match`, or stands beside `==` or `!=`.
    pub(super) is_compared: bool,
}

fn read(file: &File, findings: &mut Vec<Finding>) -> Option<Seen> {
    match file.text.parse::<TokenStream>() {
        Ok(tokens) => {
            let mut seen = Seen::default();
            seen.walk(tokens, false);
            Some(seen)
        }
        Err(error) => {
            findings.push(Finding::new(&file.path, error.span().start().line, "cannot be read", UNREADABLE));
            None
        }
    }
}

impl Seen {
    /// One level of tokens; `tested` when only tests see it.
    fn walk(&mut self, tokens: TokenStream, mut tested: bool) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut rest = tokens.as_slice();
        // From `#[cfg(test)]` to the end of the item after it.
        let mut test_item = false;
        while let [first, after @ ..] = rest {
            rest = after;
            match first {
                TokenTree::Punct(hash) if hash.as_char() == '#' => {
                    let (inner, attribute, after) = match after {
                        [TokenTree::Punct(bang), TokenTree::Group(group), after @ ..] if bang.as_char() == '!' => (true, group, after),
                        [TokenTree::Group(group), after @ ..] => (false, group, after),
                        _ => continue,
                    };
                    if attribute.delimiter() != Delimiter::Bracket {
                        continue;
                    }
                    rest = after;
                    if self.attribute(attribute) {
                        if inner { tested = true } else { test_item = true }
                    }
                }
                TokenTree::Ident(word) => {
                    if let ("mod", true, [TokenTree::Ident(name), TokenTree::Punct(end), ..]) =
                        (word.to_string().as_str(), test_item, after)
                        && end.as_char() == ';'
                    {
                        self.test_modules.push(name.to_string());
                    }
                    let line = word.span().start().line;
                    if let [TokenTree::Punct(bang), TokenTree::Group(_), ..] = after
                        && bang.as_char() == '!'
                    {
                        self.macros.push((word.to_string(), line));
                    }
                    rest = self.path(vec![word.to_string()], line, after, tested || test_item);
                }
                TokenTree::Group(group) => {
                    self.walk(group.stream(), tested || test_item);
                    if group.delimiter() == Delimiter::Brace {
                        test_item = false;
                    }
                }
                TokenTree::Punct(end) if end.as_char() == ';' => test_item = false,
                TokenTree::Literal(literal) if !(tested || test_item) => {
                    let before = tokens.get(..tokens.len() - rest.len() - 1).unwrap_or_default();
                    self.text(literal, before, rest);
                }
                TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
        }
    }

    /// Takes a literal in, if it is a text.
    fn text(&mut self, literal: &Literal, before: &[TokenTree], after: &[TokenTree]) {
        let written = literal.to_string();
        let Some(text) = written.strip_prefix('"').and_then(|text| text.strip_suffix('"')) else { return };
        let is =
            |token: Option<&TokenTree>, marks: &[char]| matches!(token, Some(TokenTree::Punct(mark)) if marks.contains(&mark.as_char()));
        let (last, one_before) = (before.last(), before.len().checked_sub(2).and_then(|at| before.get(at)));
        let is_behind = is(last, &['|']) || (is(last, &['=']) && is(one_before, &['=', '!']));
        let is_in_front = is(after.first(), &['|']) || (is(after.first(), &['=', '!']) && is(after.get(1), &['=', '>']));
        let line = literal.span().start().line;
        self.texts.push(Text { text: text.to_owned(), line, is_compared: is_behind || is_in_front });
    }

    /// Follows `::` from a first name; returns what comes after the path.
    fn path<'a>(&mut self, mut path: Vec<String>, line: usize, mut rest: &'a [TokenTree], tested: bool) -> &'a [TokenTree] {
        while let [TokenTree::Punct(a), TokenTree::Punct(b), next, after @ ..] = rest {
            if a.as_char() != ':' || b.as_char() != ':' {
                break;
            }
            match next {
                TokenTree::Ident(word) => {
                    if let [TokenTree::Punct(bang), TokenTree::Group(_), ..] = after
                        && bang.as_char() == '!'
                    {
                        self.macros.push((word.to_string(), word.span().start().line));
                    }
                    path.push(word.to_string());
                    rest = after;
                }
                TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
                    self.branches(&path, group, tested);
                    return after;
                }
                _ => break,
            }
        }
        if !tested {
            self.paths.push((path, line));
        }
        rest
    }

    /// `{a, b::c, d::{e}}` after a path.
    fn branches(&mut self, path: &[String], group: &Group, tested: bool) {
        let tokens: Vec<TokenTree> = group.stream().into_iter().collect();
        let mut rest = tokens.as_slice();
        while let [first, after @ ..] = rest {
            rest = after;
            if let TokenTree::Ident(word) = first {
                let path = path.iter().cloned().chain([word.to_string()]).collect();
                rest = self.path(path, word.span().start().line, after, tested);
                // `as name` gives another name; the path has been seen.
                while let [TokenTree::Ident(_), after @ ..] = rest {
                    rest = after;
                }
            }
        }
    }

    /// Takes an attribute in; `true` when it leaves what follows to tests alone.
    fn attribute(&mut self, attribute: &Group) -> bool {
        let tokens: Vec<TokenTree> = attribute.stream().into_iter().collect();
        let [TokenTree::Ident(name), rest @ ..] = tokens.as_slice() else { return false };
        self.attributes.push((name.to_string(), name.span().start().line));
        let [TokenTree::Group(condition)] = rest else { return false };
        if name == "cfg_attr" {
            let words = condition.stream().into_iter().filter_map(|token| match token {
                TokenTree::Ident(word) => Some((word.to_string(), word.span().start().line)),
                _ => None,
            });
            self.attributes.extend(words);
        }
        name == "cfg" && only_in_tests(condition.stream())
    }
}

/// `test`, or `all(…)` with `test` among its conditions; `any(…)` and `not(…)` also hold elsewhere.
fn only_in_tests(condition: TokenStream) -> bool {
    let tokens: Vec<TokenTree> = condition.into_iter().collect();
    match tokens.as_slice() {
        [TokenTree::Ident(word)] => word == "test",
        [TokenTree::Ident(all), TokenTree::Group(group)] if all == "all" => {
            let conditions: Vec<TokenTree> = group.stream().into_iter().collect();
            conditions
                .split(|token| matches!(token, TokenTree::Punct(comma) if comma.as_char() == ','))
                .any(|part| only_in_tests(part.iter().cloned().collect()))
        }
        _ => false,
    }
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
