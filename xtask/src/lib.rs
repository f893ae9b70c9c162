//! The project's own commands as functions: what must pass (`test`), the house's own lint (`tidy`), the fuzz targets (`fuzz`), what
//! the machine has (`doctor`), the golden bytes that every implementation must agree on (`fixtures`), and the programs of the tests that are
//! run by hand (`programs`).
//! Nothing here is part of the program that is shipped.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::Context as _;

pub mod count;
pub mod doctor;
pub mod fixtures;
pub mod fuzz;
pub mod laps;
pub mod programs;
pub mod test;
mod test_programs;
pub mod tidy;

/// The folder of the workspace: the nearest one above the current folder that holds `xtask/Cargo.toml`.
///
/// # Errors
/// When the current folder is not in a checkout.
pub fn root() -> anyhow::Result<PathBuf> {
    let here = std::env::current_dir().context("the current folder cannot be read")?;
    here.ancestors()
        .find(|folder| folder.join("xtask").join("Cargo.toml").is_file())
        .map(Path::to_path_buf)
        .context("this folder is not in a checkout of the project: go into one and run the command again")
}

/// Where cargo builds: `target` in the workspace, or what the caller's environment says.
pub(crate) fn target_folder(root: &Path) -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |folder| root.join(folder))
}

/// A command of cargo in the workspace, which asks nobody anything.
pub(crate) fn cargo(root: &Path, args: &[&str]) -> Command {
    let mut command = Command::new("cargo");
    command.args(args).current_dir(root).stdin(Stdio::null());
    command
}
