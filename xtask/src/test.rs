//! `cargo xtask test`: everything that must pass, in one command, counted. A step that fails does not stop the ones after it;
//! a step that cannot run is a failure that says what to install. Nothing is ever skipped without being asked for.
//!
//! Advisories are not checked here: their database lives on a forge that build machines need not reach (see `deny.toml`).
#![allow(clippy::print_stdout, reason = "a command speaks on the terminal")]

use std::{
    io::{BufRead as _, BufReader, IsTerminal as _, Write as _},
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::Context as _;

use crate::{doctor::first_line, fuzz, tidy};

/// The version of cargo-deny that `deny.toml` was written for; installed when there is none.
const CARGO_DENY: &str = "0.20.2";

/// What to run.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Leave out deny, fuzz and the end-to-end tests.
    pub quick: bool,
    /// One step alone.
    pub only: Option<Step>,
}

/// The steps, in the order they run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// `cargo fmt --check`
    Fmt,
    /// `cargo clippy`, where a warning is an error
    Clippy,
    /// `cargo deny check bans licenses sources`
    Deny,
    /// The house's own lint, one test per rule
    Tidy,
    /// `cargo test`: unit, property, crash and end-to-end tests
    Test,
    /// Every fuzz target for a moment, one test per target
    Fuzz,
}

/// Seconds of each fuzz target here: a bit over three minutes for all, two at a time. Enough to notice that a parser stopped or a
/// corpus is stale; who changes a parser runs it longer.
const FUZZ_SECONDS: u64 = 15;
/// The same inputs in the same order every time, as far as the machine gets: a run of the tests must not fail for a change that it
/// does not test. By hand the fuzzer begins elsewhere each time.
const FUZZ_SEED: u32 = 1;

const STEPS: [(&str, Step); 6] =
    [("fmt", Step::Fmt), ("clippy", Step::Clippy), ("deny", Step::Deny), ("tidy", Step::Tidy), ("test", Step::Test), ("fuzz", Step::Fuzz)];

impl Options {
    /// Reads the words after `test`.
    ///
    /// # Errors
    /// In words, when one of them means nothing here.
    pub fn parse(words: &[&str]) -> Result<Self, String> {
        let mut options = Self::default();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match *word {
                "--quick" => options.quick = true,
                "--only" => {
                    let name = words.next().ok_or("--only needs the name of a step")?;
                    let (_, step) = STEPS.iter().find(|(known, _)| known == name).ok_or_else(|| format!("there is no step `{name}`"))?;
                    options.only = Some(*step);
                }
                other => return Err(format!("test knows no option `{other}`")),
            }
        }
        Ok(options)
    }

    fn runs(&self, step: Step) -> bool {
        match self.only {
            Some(only) => only == step,
            None => !(self.quick && matches!(step, Step::Deny | Step::Fuzz)),
        }
    }
}

/// What a step came to.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Checks and tests that passed.
    pub passed: u64,
    /// Checks and tests that failed, did not compile or could not run.
    pub failed: u64,
}

/// Runs the steps in `root`, prints a table and, as the very last line, `N passed, N failed`. `true` when nothing failed.
///
/// # Errors
/// When the output of a step cannot be passed on.
pub fn run(root: &Path, options: &Options) -> anyhow::Result<bool> {
    let mut table: Vec<(&str, Count, Duration)> = Vec::new();
    for (name, step) in STEPS {
        if !options.runs(step) {
            continue;
        }
        let start = Instant::now();
        let count = match step {
            Step::Fmt => fmt(root),
            Step::Clippy => clippy(root),
            Step::Deny => deny(root),
            Step::Tidy => tidy_step(root),
            Step::Test => tests(root, options.quick),
            Step::Fuzz => fuzz::count(root, &fuzz::Options { seconds: FUZZ_SECONDS, seed: Some(FUZZ_SEED), ..fuzz::Options::default() }),
        }
        .with_context(|| format!("step {name}"))?;
        table.push((name, count, start.elapsed()));
    }

    let (mut passed, mut failed) = (0, 0);
    println!("\nstep      passed  failed     time");
    for (name, count, time) in &table {
        println!("{name:<8}{:>8}{:>8}{:>7} s", count.passed, count.failed, time.as_secs());
        passed += count.passed;
        failed += count.failed;
    }
    println!();
    println!("{passed} passed, {failed} failed");
    Ok(failed == 0 && passed > 0)
}

fn fmt(root: &Path) -> anyhow::Result<Count> {
    if first_line("cargo", &["fmt", "--version"]).is_none() {
        return Ok(cannot("cargo fmt is not installed: rustup component add rustfmt"));
    }
    // rustfmt colours its differences even where nobody sees colours.
    let plain: &[&str] = if std::io::stdout().is_terminal() { &[] } else { &["--", "--color=never"] };
    one(root, &[&["fmt", "--all", "--check"], plain].concat())
}

fn clippy(root: &Path) -> anyhow::Result<Count> {
    if first_line("cargo", &["clippy", "--version"]).is_none() {
        return Ok(cannot("cargo clippy is not installed: rustup component add clippy"));
    }
    one(root, &["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"])
}

fn deny(root: &Path) -> anyhow::Result<Count> {
    if first_line("cargo", &["deny", "--version"]).is_none() {
        println!("cargo-deny is not here: installing {CARGO_DENY}, some minutes on two cores");
        let version = format!("cargo-deny@{CARGO_DENY}");
        // The build goes where cargo puts tools, not into this workspace's target folder.
        let mut install = cargo(root, &["install", "--locked", &version]);
        install.env_remove("CARGO_TARGET_DIR");
        if !announce(install)?.success() {
            return Ok(cannot(&format!("cargo-deny could not be installed: cargo install --locked {version}")));
        }
    }
    println!("Advisories are not checked: their database cannot be reached from every build machine (deny.toml says how to).");
    let mut count = Count::default();
    for check in ["bans", "licenses", "sources"] {
        let Count { passed, failed } = one(root, &["deny", "--locked", "check", check])?;
        count.passed += passed;
        count.failed += failed;
    }
    Ok(count)
}

fn tidy_step(root: &Path) -> anyhow::Result<Count> {
    println!("\n== tidy");
    let report = match tidy::run(root) {
        Ok(report) => report,
        Err(error) => return Ok(cannot(&format!("tidy cannot look at the tree: {error:#}"))),
    };
    tidy::print(&report);
    let failed = report.rules.iter().filter(|rule| !rule.findings.is_empty()).count() as u64;
    Ok(Count { passed: report.rules.len() as u64 - failed, failed })
}

/// `cargo test`, its output passed through and its closing lines added up.
fn tests(root: &Path, quick: bool) -> anyhow::Result<Count> {
    let mut args = vec!["test", "--workspace", "--locked", "--no-fail-fast"];
    if quick {
        args.extend(["--exclude", "deedbox-tests"]);
    }
    println!("\n== cargo {}", args.join(" "));
    let mut child = cargo(root, &args).stdout(Stdio::piped()).spawn().context("cargo cannot be started")?;
    let mut count = Count::default();
    if let Some(stdout) = child.stdout.take() {
        let mut lines = BufReader::new(stdout);
        let mut line = Vec::new();
        // A test may print bytes that are not text: they pass through as they are.
        while lines.read_until(b'\n', &mut line)? > 0 {
            let mut out = std::io::stdout().lock();
            out.write_all(&line)?;
            out.flush()?;
            if let Some(closing) = closing_line(&String::from_utf8_lossy(&line)) {
                count.passed += closing.passed;
                count.failed += closing.failed;
            }
            line.clear();
        }
    }
    let well = child.wait()?.success();
    if !well && count.failed == 0 {
        count.failed = 1;
        println!("cargo test failed without a failed test: something did not compile, or a test program died");
    }
    if well && count.passed == 0 {
        count.failed += 1;
        println!("no test ran, which proves nothing");
    }
    Ok(count)
}

/// Reads `test result: ok. 3 passed; 0 failed; 0 ignored; …`. A test that was left out has not passed: it counts as failed.
fn closing_line(line: &str) -> Option<Count> {
    let (_, counts) = line.trim().strip_prefix("test result: ")?.split_once(". ")?;
    let mut count = Count::default();
    for part in counts.split(';') {
        match part.trim().split_once(' ') {
            Some((n, "passed")) => count.passed = n.parse().ok()?,
            Some((n, "failed")) => count.failed += n.parse::<u64>().ok()?,
            Some((n, "ignored")) => count.failed += n.parse::<u64>().ok()?,
            _ => {}
        }
    }
    Some(count)
}

/// A command that is one check.
fn one(root: &Path, args: &[&str]) -> anyhow::Result<Count> {
    let well = announce(cargo(root, args))?.success();
    Ok(Count { passed: well.into(), failed: (!well).into() })
}

fn cannot(why: &str) -> Count {
    println!("CANNOT RUN: {why}");
    Count { passed: 0, failed: 1 }
}

fn announce(mut command: Command) -> anyhow::Result<std::process::ExitStatus> {
    let words: Vec<_> = command.get_args().map(|word| word.to_string_lossy().into_owned()).collect();
    println!("\n== cargo {}", words.join(" "));
    command.status().context("cargo cannot be started: is the Rust toolchain installed?")
}

fn cargo(root: &Path, args: &[&str]) -> Command {
    let mut command = Command::new("cargo");
    command.args(args).current_dir(root).stdin(Stdio::null());
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_lines_are_added_up_and_nothing_else_is() {
        let of = |passed, failed| Some(Count { passed, failed });
        for (line, want) in [
            ("test result: ok. 12 passed; 0 failed; 0 ignored; 0 measured; 3 filtered out; finished in 0.01s\n", of(12, 0)),
            ("test result: FAILED. 4 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.20s", of(4, 2)),
            ("test result: ok. 1 passed; 0 failed; 2 ignored; 0 measured; 0 filtered out", of(1, 2)),
            ("test a_test_result_is_read ... ok", None),
            ("running 12 tests", None),
            ("said: test result: ok. 9 passed; 0 failed", None),
        ] {
            assert_eq!(closing_line(line), want, "{line}");
        }
    }

    #[test]
    fn options_are_read_and_anything_else_is_refused() {
        assert_eq!(Options::parse(&[]), Ok(Options::default()));
        assert_eq!(Options::parse(&["--only", "tidy"]), Ok(Options { quick: false, only: Some(Step::Tidy) }));
        for words in [&["--only"][..], &["--only", "nothing"], &["quick"], &["--fast"]] {
            assert!(Options::parse(words).is_err(), "{words:?}");
        }
    }

    #[test]
    fn quick_leaves_out_deny_and_fuzz_and_nothing_else() {
        let quick = Options { quick: true, only: None };
        let left_out: Vec<_> = STEPS.iter().filter(|(_, step)| !quick.runs(*step)).map(|(name, _)| *name).collect();
        assert_eq!(left_out, ["deny", "fuzz"]);
        assert!(STEPS.iter().all(|(_, step)| Options::default().runs(*step)), "without it nothing is left out");
    }
}
