//! `cargo xtask closures`: the dependency closures of ten real projects through a registry of this checkout. It fetches some gigabyte
//! through the machine's own clients, so it is not part of the tests.

use crate::programs::{self, Profile};
use std::ffi::OsString;
use std::path::Path;

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
    let programs = programs::build(root, Profile::Dev)?;
    let kept = programs.target().join("closures").into_os_string();
    let words: Vec<OsString> = [kept].into_iter().chain(options.words.iter().map(OsString::from)).collect();
    programs.run("closures", &words)
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
