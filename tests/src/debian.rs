//! Debian packages that a test stands on: installed when they are missing, by a user who may. It starts no service and stops none (a
//! package's own install scripts may, where the machine lets them).

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, bail};

use crate::clients::{lock, on_path, run, target_folder};

/// Makes sure that these packages are installed. Asks apt for its lists once for each target folder, and again if an install fails.
///
/// # Errors
/// In words that say which command to run, when this is not Debian, the caller is not root, or apt fails.
pub fn debian(packages: &[&str]) -> anyhow::Result<()> {
    let _lock = lock("clients/apt.lock")?;
    let mut missing = Vec::new();
    for package in packages {
        if !is_installed(package)? {
            missing.push(*package);
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    let command = format!("apt-get update && apt-get install -y {}", missing.join(" "));
    let whoami = Command::new("id").arg("-u").output().context("id cannot be started")?;
    if whoami.stdout.trim_ascii() != b"0" {
        bail!("this test needs Debian packages that are not installed; as root: {command}");
    }
    let lists = target_folder().join("clients/apt.updated");
    if !lists.is_file() {
        update()?;
        fs::write(&lists, "")?;
        return install(&missing).with_context(|| format!("tried: {command}"));
    }
    // Lists that are old name files that are gone.
    install(&missing).or_else(|_| update().and_then(|()| install(&missing))).with_context(|| format!("tried: {command}"))
}

/// Architectures of which archives can be had.
pub const ARCHITECTURES: [&str; 2] = ["amd64", "arm64"];

/// The archive of a package for one of [`ARCHITECTURES`], fetched once for each target folder and installed nowhere. apt keeps lists of
/// its own for this, so the machine's stay as they are, and nobody must be root.
///
/// # Errors
/// When apt cannot fetch it; in its words.
pub fn archive(package: &str, architecture: &str) -> anyhow::Result<PathBuf> {
    let _lock = lock("clients/archives.lock")?;
    let folder = target_folder().join("clients/archives").join(architecture);
    fs::create_dir_all(folder.join("lists/partial"))?;
    fs::create_dir_all(folder.join("cache/archives/partial"))?;
    if let Some(archive) = fetched(&folder, package)? {
        return Ok(archive);
    }
    let apt_get = |args: &[&str]| {
        let mut command = apt_get()?;
        for option in [&format!("APT::Architecture={architecture}"), &format!("APT::Architectures={architecture}")] {
            command.args(["-o", option]);
        }
        for (option, part) in [("Dir::State::lists", "lists"), ("Dir::Cache", "cache")] {
            command.arg("-o").arg(format!("{option}={}", folder.join(part).display()));
        }
        run(command.current_dir(&folder).args(["-o", "Dir::State::status=/dev/null", "-o", "APT::Sandbox::User=root"]).args(args))
    };
    let download = || apt_get(&["download", package]);
    // The first time there are no lists, and old ones name files that are gone.
    download().or_else(|_| apt_get(&["update"]).and_then(|()| download()))?;
    fetched(&folder, package)?.with_context(|| format!("apt-get fetched no archive of {package}"))
}

/// `NAME_VERSION_ARCHITECTURE.deb` in a folder.
fn fetched(folder: &Path, package: &str) -> anyhow::Result<Option<PathBuf>> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.strip_prefix(package).is_some_and(|rest| rest.starts_with('_') && rest.ends_with(".deb")) {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

fn is_installed(package: &str) -> anyhow::Result<bool> {
    let hint = "dpkg-query cannot be started: these tests want Debian 12";
    let output = Command::new("dpkg-query").args(["-W", "-f=${Status}", package]).output().context(hint)?;
    Ok(output.status.success() && output.stdout == b"install ok installed")
}

fn update() -> anyhow::Result<()> {
    run(apt_get()?.arg("update"))
}

fn install(packages: &[&str]) -> anyhow::Result<()> {
    run(apt_get()?.args(["install", "-y", "--no-install-recommends"]).args(packages))
}

/// Somebody else's apt may be at work: wait for it.
fn apt_get() -> anyhow::Result<Command> {
    let mut command = Command::new(on_path("apt-get").context("apt-get is not there: these tests want Debian 12")?);
    command.args(["-q", "-o", "DPkg::Lock::Timeout=300"]).env("DEBIAN_FRONTEND", "noninteractive");
    Ok(command)
}
