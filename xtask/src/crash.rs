//! `cargo xtask crash`: the crash loop for as many rounds as one likes. Sixty of them are part of the tests.

use anyhow::{Context as _, ensure};
use std::path::Path;
use std::process::Command;

/// How many rounds, and from which seed.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Options {
    words: Vec<String>,
}

impl Options {
    /// Reads `--runs N` and `--seed S`.
    pub fn parse(words: &[&str]) -> Result<Self, String> {
        for pair in words.chunks(2) {
            match pair {
                ["--runs" | "--seed", number] if number.parse::<u64>().is_ok() => {}
                [other, ..] => return Err(format!("`{other}` is not --runs N or --seed S")),
                [] => {}
            }
        }
        Ok(Options { words: words.iter().map(|word| (*word).to_owned()).collect() })
    }
}

/// Builds the programs in release and runs the loop; what it prints is its report.
pub fn run(root: &Path, options: &Options) -> anyhow::Result<bool> {
    let cargo = || {
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.current_dir(root);
        command
    };
    let built = cargo().args(["build", "--release", "-p", "deedbox", "-p", "deedbox-tests", "--bins"]).status().context("cargo")?;
    ensure!(built.success(), "the programs did not build");
    let looped =
        cargo().args(["run", "--quiet", "--release", "-p", "deedbox-tests", "--bin", "crash-loop", "--"]).args(&options.words).status()?;
    Ok(looped.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_runs_and_a_seed_can_be_said() {
        assert!(Options::parse(&["--runs", "500", "--seed", "7"]).is_ok());
        assert!(Options::parse(&[]).is_ok());
        for wrong in [&["--runs"][..], &["--runs", "many"], &["--rounds", "5"]] {
            assert!(Options::parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
