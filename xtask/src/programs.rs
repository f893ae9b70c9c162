//! The programs of this checkout, built and started: `deedbox` and those of the tests. Not through `cargo run`, which takes one package and
//! would build what both share again for it alone. It measures and judges nothing.

use anyhow::{Context as _, ensure};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Programs that are built.
#[derive(Debug)]
pub struct Programs {
    target: PathBuf,
    folder: PathBuf,
}

/// Builds all of them, as the tests do, or in release.
///
/// # Errors
/// When cargo cannot be started, or the programs do not build.
pub fn build(root: &Path, release: bool) -> anyhow::Result<Programs> {
    let mut build = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    build
        .current_dir(root)
        .args(["build", "--locked", "--bins", "-p", "deedbox", "-p", "deedbox-tests"])
        .args(release.then_some("--release"));
    ensure!(build.status().context("cargo cannot be started")?.success(), "the programs did not build");
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |folder| root.join(folder));
    let folder = target.join(if release { "release" } else { "debug" });
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
