//! `cargo xtask conformance`: the OCI distribution specification's own conformance program against a registry of this checkout, reading
//! only. The program is built elsewhere (docs/guides/oci.md): it is Go, and nothing here fetches it, so it is not part of the tests.

use crate::programs::{self, Profile};
use anyhow::ensure;
use std::path::{Path, PathBuf};

/// Which program.
#[derive(Debug, PartialEq, Eq)]
pub struct Options {
    program: PathBuf,
}

impl Options {
    /// Reads `--program PATH`, which must be there.
    ///
    /// # Errors
    /// In words, when it is not, or anything else is.
    pub fn parse(words: &[&str]) -> Result<Self, String> {
        match words {
            ["--program", path] if !path.is_empty() => Ok(Options { program: PathBuf::from(path) }),
            _ => Err("conformance needs --program PATH, and nothing else: the built program (docs/guides/oci.md says which)".to_owned()),
        }
    }
}

/// Builds the registry, runs the program and prints its tables. `true` when all that was enabled passed.
///
/// # Errors
/// When the program is not there, or the registry does not build.
pub fn run(root: &Path, options: &Options) -> anyhow::Result<bool> {
    ensure!(options.program.is_file(), "{} is not there, or is not a program", options.program.display());
    programs::build(root, Profile::Dev)?.run("conformance", &[&options.program])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_must_be_said_and_nothing_else_can_be() {
        assert_eq!(Options::parse(&["--program", "conformance"]), Ok(Options { program: "conformance".into() }));
        for wrong in [&[][..], &["--program"], &["--program", ""], &["conformance"], &["--program", "a", "--push"]] {
            assert!(Options::parse(wrong).is_err_and(|said| said.contains("--program PATH")), "{wrong:?}");
        }
    }

    #[test]
    fn a_program_that_is_not_there_is_a_failure() {
        let options = Options { program: "no-such-program".into() };
        assert!(run(Path::new("."), &options).is_err());
    }
}
