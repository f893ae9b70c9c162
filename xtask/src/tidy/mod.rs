//! The house's own lint: rules that no compiler checks. Each rule is a pure function from the tracked files to findings; its only
//! configuration is the table in `docs/ARCHITECTURE.md`. It looks and says; it never repairs.
#![allow(clippy::print_stdout, reason = "a command speaks on the terminal")]

use std::{fmt, path::Path, process::Command};

use anyhow::Context as _;

pub mod arrows;
pub mod circles;
pub mod ecosystems;
pub mod engines;
pub mod hosts;
pub mod length;
pub mod links;
pub mod locks;
pub mod manifests;
mod names;
pub mod numbers;
pub mod paths;
pub mod shipped;
pub mod source;
pub mod tree;
pub mod words;

use tree::Tree;

/// One place where a rule is broken, with what a person needs to mend it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// The file, from the workspace's folder.
    pub file: String,
    /// Its line, from 1.
    pub line: usize,
    /// What was found.
    pub what: String,
    /// Why it is not wanted, and what to do.
    pub then: &'static str,
}

impl Finding {
    fn new(file: &str, line: usize, what: impl Into<String>, then: &'static str) -> Self {
        Self { file: file.to_owned(), line, what: what.into(), then }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}\n    {}", self.file, self.line, self.what, self.then)
    }
}

/// A rule and what it found.
#[derive(Debug)]
pub struct Rule {
    /// The rule, as a sentence.
    pub name: &'static str,
    /// Where it is broken.
    pub findings: Vec<Finding>,
}

/// What tidy saw.
#[derive(Debug)]
pub struct Report {
    /// The rules that can be broken.
    pub rules: Vec<Rule>,
    /// Things worth knowing that break nothing.
    pub notes: Vec<String>,
}

/// Looks at every tracked file of the checkout in `root`.
///
/// # Errors
/// When git or cargo cannot be asked what there is, or a file cannot be read.
pub fn run(root: &Path) -> anyhow::Result<Report> {
    let tree = Tree::read(root)?;
    let rule = |name, findings| Rule { name, findings };
    let rules = vec![
        rule("crates use only what the table in docs/ARCHITECTURE.md lets them", arrows::check(&tree)),
        rule("no files of one crate need each other in a circle", circles::check(&tree)),
        rule("no crate but the store depends on what keeps bytes", engines::check(&tree)),
        rule("pure crates have no clock, file, socket, environment or randomness", source::pure(&tree)),
        rule("an ecosystem is named in its own files alone", ecosystems::check(&tree)),
        rule("dependencies are named once, with a reason", manifests::check(&tree)),
        rule("what is for tests only is not shipped", shipped::check(&shipped_names(root)?)),
        rule("no public registry's host is named", hosts::check(&tree)),
        rule("no path of one machine is written down", paths::check(&tree)),
        rule("lock files say what, not from where", locks::check(&tree)),
        rule("every source file says what it is", source::openings(&tree)),
        rule("nothing unfinished or switched off is left in", source::unfinished(&tree)),
        rule("links between documents lead somewhere", links::check(&tree)),
        rule("a number in a message is a constant's", numbers::check(&tree)),
        rule("a sentence says what a thing is not, instead of \"is none\"", words::check(&tree)),
    ];
    Ok(Report { rules, notes: length::notes(&tree) })
}

/// Prints what was found. `true` when nothing was.
pub fn print(report: &Report) -> bool {
    for rule in &report.rules {
        println!("{:<6} {}", if rule.findings.is_empty() { "ok" } else { "FAILED" }, rule.name);
        for finding in &rule.findings {
            println!("  {finding}");
        }
    }
    for note in &report.notes {
        println!("note   {note}");
    }
    report.rules.iter().all(|rule| rule.findings.is_empty())
}

/// The names of every package that the binary is built from, on any platform.
fn shipped_names(root: &Path) -> anyhow::Result<String> {
    let words = ["tree", "--locked", "--package", "deedbox", "--edges", "normal", "--target", "all", "--prefix", "none", "--format", "{p}"];
    let output = Command::new("cargo").args(words).current_dir(root).output().context("cargo cannot be started")?;
    anyhow::ensure!(output.status.success(), "cargo tree refused: {}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
