//! npm packages: a directory with a `package.json`, which the machine's own npm packs, or a packed `.tgz`.

use super::Found;
use super::file::FileArtifact;
use crate::context;
use crate::failure::{refused, wrong};
use crate::terminal;
use deedbox_npm::Npm;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

/// Scripts that npm runs around packing for a publish, in its order.
const SCRIPTS: [&str; 4] = ["prepublishOnly", "prepack", "prepare", "postpack"];
/// How the same bytes are packed again.
const REBUILT: &str = "npm pack gives the same bytes for the same files";
/// A package.json that is looked at before packing.
const PACKAGE_JSON_BYTES: u64 = 4 * 1024 * 1024;

/// The name of npm's manifest, if this directory has one.
pub(super) fn manifest(path: &Path) -> Option<String> {
    super::file_of(path, &["package.json"])
}

/// The package at a path, if it is one of npm.
pub(super) async fn find(path: &Path) -> anyhow::Result<Option<Vec<Found>>> {
    let name = path.to_string_lossy();
    let (file, folder) = if manifest(path).is_some() {
        let (folder, file) = pack(path).await?;
        (file, Some(folder))
    } else if path.is_file() && (name.ends_with(".tgz") || name.ends_with(".tar.gz")) {
        (path.to_owned(), None)
    } else {
        return Ok(None);
    };
    let artifact = tokio::task::spawn_blocking(move || FileArtifact::open(&file)).await??;
    Ok(Some(vec![Found { dialect: Arc::new(Npm::new()), artifacts: vec![artifact.into()], id: None, version: None, rank: None, rebuilt: REBUILT, folder }]))
}

/// The machine's own `npm pack`, with the scripts that `npm publish` would run.
async fn pack(dir: &Path) -> anyhow::Result<(tempfile::TempDir, PathBuf)> {
    let package_json = dir.join("package.json");
    let bytes = context::read_file(&package_json, PACKAGE_JSON_BYTES)?;
    let json: serde_json::Value =
        serde_json::from_slice(&bytes).map_err(|e| wrong(format!("{}: not JSON ({e})", package_json.display())))?;
    if json.get("private").and_then(serde_json::Value::as_bool) == Some(true) {
        return Err(refused(format!("{} says \"private\": true, so it is not to be published", package_json.display())));
    }
    let scripts: Vec<&str> =
        SCRIPTS.into_iter().filter(|name| json.get("scripts").and_then(|scripts| scripts.get(name)).is_some()).collect();
    if !scripts.is_empty() {
        terminal::note(&format!("npm runs the package's own scripts: {}", scripts.join(", ")));
    }
    if scripts.contains(&"prepublishOnly") {
        npm(dir, &["run", "prepublishOnly"]).await?;
    }
    let out = tempfile::tempdir()?;
    let destination = out.path().to_string_lossy().into_owned();
    npm(dir, &["pack", "--loglevel=error", "--pack-destination", &destination]).await?;
    let mut packed = std::fs::read_dir(out.path())?.filter_map(|entry| entry.ok().map(|entry| entry.path()));
    match (packed.next(), packed.next()) {
        (Some(file), None) => Ok((out, file)),
        _ => Err(refused("npm pack did not leave exactly one file; pack it yourself and give the .tgz")),
    }
}

async fn npm(dir: &Path, args: &[&str]) -> anyhow::Result<()> {
    let mut command = tokio::process::Command::new("npm");
    command.args(args).current_dir(dir).stdin(Stdio::null()).env("npm_config_update_notifier", "false");
    // The package's own scripts, and those of what it is built with, have no business with the key.
    command.env_remove("DEEDBOX_KEY");
    // Standard output is for this program's own answer; what npm and the scripts say is shown if they fail.
    let output = command.output().await.map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => {
            refused("npm is not on this machine: install Node.js with npm, or pack elsewhere and give the .tgz")
        }
        _ => refused(format!("npm cannot be run: {e}")),
    })?;
    if output.status.success() {
        return Ok(());
    }
    terminal::note(&deedbox_client::http::printable_lines(&String::from_utf8_lossy(&output.stdout)));
    terminal::note(&deedbox_client::http::printable_lines(&String::from_utf8_lossy(&output.stderr)));
    Err(refused(format!("npm {} failed in {}: its words are above", args.first().unwrap_or(&""), dir.display())))
}
