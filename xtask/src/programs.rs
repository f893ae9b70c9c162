//! The programs of this checkout, built and started: `deedbox` and those of the tests. Not through `cargo run`, which takes one package and
//! would build what both share again for it alone. It measures and judges nothing.

use crate::target_folder;
use anyhow::{Context as _, ensure};
use std::path::{Path, PathBuf};
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

impl Profile {
    /// As the tests build them, or for running.
    pub fn of(debug: bool) -> Self {
        if debug { Profile::Dev } else { Profile::Release }
    }

    /// Cargo's name for it, and the folder below its target folder.
    fn names(self) -> (&'static str, &'static str) {
        match self {
            Profile::Dev => ("dev", "debug"),
            Profile::Release => ("release", "release"),
            Profile::Dist => ("dist", "dist"),
        }
    }
}

/// Programs that are built.
#[derive(Debug)]
pub struct Programs {
    target: PathBuf,
    folder: PathBuf,
}

/// Builds all of them.
///
/// # Errors
/// When cargo cannot be started, or the programs do not build.
pub fn build(root: &Path, profile: Profile) -> anyhow::Result<Programs> {
    let (name, folder) = profile.names();
    let mut build = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    build.current_dir(root).args(["build", "--locked", "--profile", name, "--bins", "-p", "deedbox", "-p", "deedbox-tests"]);
    ensure!(build.status().context("cargo cannot be started")?.success(), "the programs did not build");
    let target = target_folder(root);
    let folder = target.join(folder);
    Ok(Programs { target, folder })
}

impl Programs {
    /// Cargo's target folder.
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// Runs one of them where the caller is, speaking on its terminal. `true` when it ended well.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn run(&self, name: &str, words: &[impl AsRef<std::ffi::OsStr>]) -> anyhow::Result<bool> {
        let program = self.folder.join(name);
        Ok(Command::new(&program).args(words).status().with_context(|| program.display().to_string())?.success())
    }
}
