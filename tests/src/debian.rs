//! Debian packages that a test stands on: installed when they are missing, by whoever may. It starts no service and stops none (a
//! package's own install scripts may, where the machine lets them).

use std::{fs, process::Command};

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
