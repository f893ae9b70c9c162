//! The programs of the tests that are run by hand (`bench`, `crash-loop`, …), built together with `deedbox` and started. Not through
//! `cargo run`, which takes one package and would build what both share again for it alone. Reads none of their words.

use crate::target_folder;
use anyhow::{Context as _, ensure};
use std::path::Path;
use std::process::Command;

/// How they are built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// As the tests build them.
    Dev,
    /// For running.
    Release,
    /// As they are shipped.
    Dist,
}

/// Builds all of them, and runs one where the caller is, on its terminal. `true` when it ended well.
///
/// # Errors
/// When cargo or the program cannot be started, or the programs do not build.
pub fn run(root: &Path, profile: Profile, name: &str, words: &[&str]) -> anyhow::Result<bool> {
    // Cargo's name for the profile, and the folder below its target folder.
    let (profile, folder) = match profile {
        Profile::Dev => ("dev", "debug"),
        Profile::Release => ("release", "release"),
        Profile::Dist => ("dist", "dist"),
    };
    let mut build = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    build.current_dir(root).args(["build", "--locked", "--profile", profile, "--bins", "-p", "deedbox", "-p", "deedbox-tests"]);
    ensure!(build.status().context("cargo cannot be started")?.success(), "the programs did not build");
    let program = target_folder(root).join(folder).join(name);
    Ok(Command::new(&program).args(words).status().with_context(|| program.display().to_string())?.success())
}
