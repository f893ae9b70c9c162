//! `cargo xtask closures`: the dependency closures of ten real projects through a registry of this checkout. It fetches some gigabyte
//! through the machine's own clients, so it is not part of the tests.

use anyhow::{Context as _, ensure};
use std::path::Path;
use std::process::Command;

const ECOSYSTEMS: [&str; 4] = ["npm", "maven", "gem", "oci"];

/// Which ecosystem, if not all, and in which form.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Options {
    words: Vec<String>,
}

impl Options {
    /// Reads `--only ECOSYSTEM` and `--json`.
    ///
    /// # Errors
    /// In words, when one of them means nothing here.
    pub fn parse(words: &[&str]) -> Result<Self, String> {
        let mut rest = words.iter();
        while let Some(word) = rest.next() {
            match (*word, *word == "--only" && rest.next().is_some_and(|name| ECOSYSTEMS.contains(name))) {
                ("--json", _) | (_, true) => {}
                (other, _) => return Err(format!("`{other}` is not --json or --only with one of {}", ECOSYSTEMS.join(", "))),
            }
        }
        Ok(Options { words: words.iter().map(|word| (*word).to_owned()).collect() })
    }
}

/// Builds the programs and runs them; what is printed is the report. `true` when nothing was refused and every byte came back.
///
/// # Errors
/// When cargo cannot be started, or the programs do not build.
pub fn run(root: &Path, options: &Options) -> anyhow::Result<bool> {
    let mut build = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    build.current_dir(root).args(["build", "--bins", "-p", "deedbox", "-p", "deedbox-tests"]);
    ensure!(build.status().context("cargo cannot be started")?.success(), "the programs did not build");
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |folder| root.join(folder));
    let program = target.join("debug/closures");
    let ran = Command::new(&program).arg(target.join("closures")).args(&options.words).status();
    Ok(ran.with_context(|| program.display().to_string())?.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_ecosystem_and_the_form_can_be_said() {
        for good in [&[][..], &["--json"], &["--only", "npm"], &["--json", "--only", "oci"]] {
            assert!(Options::parse(good).is_ok(), "{good:?}");
        }
        for wrong in [&["--only"][..], &["--only", "pip"], &["npm"], &["--all"]] {
            assert!(Options::parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
