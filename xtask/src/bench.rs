//! `cargo xtask bench`: builds the programs as they are shipped (profile `dist`) and has `bench` of the tests measure them (docs/guides/bench.md). It measures
//! nothing itself, and nothing is asserted: it is not part of `cargo xtask test`.

use crate::programs::{self, Profile};
use std::path::Path;

/// The groups of rows.
const GROUPS: [&str; 13] =
    ["machine", "packument", "tarball", "maven", "oci", "versions", "layer", "many", "append", "ledger", "replay", "lockfile", "memory"];

/// What to measure, and how to say it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Options {
    words: Vec<String>,
}

impl Options {
    /// Reads `--only GROUP`, `--quick` and `--json`.
    ///
    /// # Errors
    /// In words, when one of them means nothing here.
    pub fn parse(words: &[&str]) -> Result<Self, String> {
        let mut rest = words.iter();
        while let Some(word) = rest.next() {
            match *word {
                "--quick" | "--json" => {}
                "--only" => match rest.next() {
                    Some(group) if GROUPS.contains(group) => {}
                    _ => return Err(format!("--only wants one of {}", GROUPS.join(", "))),
                },
                other => return Err(format!("bench knows no option `{other}`")),
            }
        }
        Ok(Options { words: words.iter().map(|word| (*word).to_owned()).collect() })
    }
}

/// Builds, measures, prints. `true` when everything was measured, whatever came of it.
///
/// # Errors
/// When cargo cannot be started or does not build.
pub fn run(root: &Path, options: &Options) -> anyhow::Result<bool> {
    programs::build(root, Profile::Dist)?.run("bench", &options.words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_group_and_two_switches_can_be_said() {
        for right in [&[][..], &["--quick"], &["--json", "--quick"], &["--only", "replay"], &["--only", "machine", "--json"]] {
            assert!(Options::parse(right).is_ok(), "{right:?}");
        }
        for wrong in [&["--only"][..], &["--only", "everything"], &["--runs", "5"], &["replay"]] {
            assert!(Options::parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
