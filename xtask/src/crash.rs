//! `cargo xtask crash`: the crash loop for as many rounds as one likes. Sixty of them are part of the tests.

use crate::programs::{self, Profile};
use std::path::Path;

/// How many rounds, from which seed, and of which build.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Options {
    words: Vec<String>,
    /// As the tests build it, which is there after a run of them; else release, which is quicker to run.
    debug: bool,
}

impl Options {
    /// Reads `--runs N`, `--seed S` and `--debug`.
    ///
    /// # Errors
    /// In words, when one of them means nothing here.
    pub fn parse(words: &[&str]) -> Result<Self, String> {
        let debug = words.contains(&"--debug");
        let words: Vec<&str> = words.iter().copied().filter(|word| *word != "--debug").collect();
        for pair in words.chunks(2) {
            match pair {
                ["--runs" | "--seed", number] if number.parse::<u64>().is_ok() => {}
                [other, ..] => return Err(format!("`{other}` is not --runs N, --seed S or --debug")),
                [] => {}
            }
        }
        Ok(Options { words: words.into_iter().map(str::to_owned).collect(), debug })
    }
}

/// Builds the programs and runs the loop; what it prints is its report.
///
/// # Errors
/// When cargo cannot be started, or the programs do not build.
pub fn run(root: &Path, options: &Options) -> anyhow::Result<bool> {
    programs::build(root, Profile::of(options.debug))?.run("crash-loop", &options.words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_runs_a_seed_and_the_build_can_be_said() {
        assert!(Options::parse(&["--runs", "500", "--debug", "--seed", "7"]).is_ok_and(|options| options.debug));
        assert!(Options::parse(&[]).is_ok());
        for wrong in [&["--runs"][..], &["--runs", "many"], &["--rounds", "5"]] {
            assert!(Options::parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
