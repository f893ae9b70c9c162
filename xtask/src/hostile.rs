//! `cargo xtask hostile`: a registry among a thousand hostile connections of each kind, in release. A hundred of each are part of the tests
//! (crates/server/tests/server/hostile.rs). It measures nothing itself.

use crate::programs::{self, Profile};
use std::path::Path;

/// How many, for how long, and of which build.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Options {
    words: Vec<String>,
    /// As the tests build it; then it is slower than the goals say.
    debug: bool,
}

impl Options {
    /// Reads `--connections N`, `--seconds S`, `--only KIND`, `--json` and `--debug`.
    ///
    /// # Errors
    /// In words, when one of them means nothing here.
    pub fn parse(words: &[&str]) -> Result<Self, String> {
        let mut options = Options::default();
        let mut rest = words.iter();
        while let Some(word) = rest.next() {
            match *word {
                "--debug" => options.debug = true,
                "--json" => options.words.push((*word).to_owned()),
                "--connections" | "--seconds" => match rest.next().filter(|number| number.parse::<u16>().is_ok_and(|n| n > 0)) {
                    Some(number) => options.words.extend([*word, *number].map(str::to_owned)),
                    None => return Err(format!("{word} needs a number from 1 to {}", u16::MAX)),
                },
                "--only" => {
                    let kind = rest.next().ok_or("--only needs a word of a kind's name")?;
                    options.words.extend([*word, *kind].map(str::to_owned));
                }
                other => return Err(format!("`{other}` is not --connections N, --seconds S, --only KIND, --json or --debug")),
            }
        }
        Ok(options)
    }
}

/// Builds the programs and lets them come. `true` when the registry was as it should be.
///
/// # Errors
/// When cargo cannot be started, or the programs do not build.
pub fn run(root: &Path, options: &Options) -> anyhow::Result<bool> {
    programs::build(root, Profile::of(options.debug))?.run("hostile", &options.words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_how_many_how_long_and_the_build_can_be_said() {
        assert!(Options::parse(&["--connections", "100", "--debug", "--json"]).is_ok_and(|options| options.debug));
        assert!(Options::parse(&["--only", "pages"]).is_ok());
        assert!(Options::parse(&[]).is_ok());
        for wrong in [&["--connections"][..], &["--only"], &["--connections", "0"], &["--seconds", "many"], &["--runs", "5"]] {
            assert!(Options::parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
