//! npm packages: a directory with a `package.json`, which the machine's own npm packs, or a packed `.tgz`.

use crate::failure::{refused, refused_as, wrong};
use crate::packages::file::FileArtifact;
use crate::packages::{Found, Wish};
use crate::reading::read_file;
use crate::terminal;
use deedbox_npm::Npm;
use deedbox_npm::publishing::{Intended, Why, intended};
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
    crate::packages::file_of(path, &["package.json"])
}

/// The package at a path, if it is one of npm.
pub(super) async fn find(path: &Path, wish: Wish<'_>) -> anyhow::Result<Option<Vec<Found>>> {
    let name = path.to_string_lossy();
    let (file, folder) = if manifest(path).is_some() {
        let (folder, file) = pack(path).await?;
        (file, Some(folder))
    } else if path.is_file() && (name.ends_with(".tgz") || name.ends_with(".tar.gz")) {
        (path.to_owned(), None)
    } else {
        return Ok(None);
    };
    let read = tokio::task::spawn_blocking(move || {
        let artifact = FileArtifact::open(&file)?;
        let intended = intended(&artifact).map_err(|refusal| refused_as(refusal.code, refusal.message))?;
        anyhow::Ok((artifact, intended))
    });
    let (artifact, intended) = read.await??;
    judge(&intended, wish)?;
    Ok(Some(vec![Found {
        dialect: Arc::new(Npm::new()),
        artifacts: vec![artifact.into()],
        id: None,
        version: None,
        rank: None,
        rebuilt: REBUILT,
        folder,
    }]))
}

/// Refuses what nobody could install, and what is meant for another registry: once it is published it stays.
fn judge(intended: &Intended, wish: Wish<'_>) -> anyhow::Result<()> {
    if let Some(first) = intended.unresolvable.first() {
        let all: Vec<String> =
            intended.unresolvable.iter().take(10).map(|one| format!("{} {}: {:?}", one.field, one.name, one.spec)).collect();
        let all = terminal::excerpt(&all.join(", "));
        let words = match first.why {
            Why::Workspace => format!(
                "package.json names versions that only its own workspace knows ({all}), so nobody could install it. pnpm pack and yarn pack write \
                 the versions into what they pack: publish the .tgz that they make"
            ),
            Why::Path => format!(
                "package.json names places on this machine ({all}), so nobody else could install it: name a version that is published, or bundle \
                 the package (\"bundleDependencies\")"
            ),
            Why::Protocol => format!(
                "package.json names places by a protocol that npm does not know ({all}), so npm could not install it: name a version that is \
                 published; pnpm pack and yarn pack write one for some protocols of their own"
            ),
        };
        return Err(refused_as("dependency_not_installable", words));
    }
    let (Some(named), Some(registry)) = (&intended.registry, wish.registry) else { return Ok(()) };
    let own = registry.url().as_str();
    let is_own = [own.to_owned(), registry.url().join("npm")].iter().any(|url| named.trim_end_matches('/') == url.trim_end_matches('/'));
    if is_own {
        return Ok(());
    }
    Err(refused_as(
        "publish_config_registry",
        format!(
            "publishConfig in package.json says that it is published to {}, and this is {own}: take the registry out of publishConfig, or make it {}",
            terminal::excerpt(named),
            registry.url().join("npm/")
        ),
    ))
}

/// The machine's own `npm pack`, with the scripts that `npm publish` would run.
async fn pack(dir: &Path) -> anyhow::Result<(tempfile::TempDir, PathBuf)> {
    let package_json = dir.join("package.json");
    let bytes = read_file(&package_json, PACKAGE_JSON_BYTES)?;
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
    let mut command = tokio::process::Command::new(super::PROGRAM);
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
    terminal::relay(&String::from_utf8_lossy(&output.stdout));
    terminal::relay(&String::from_utf8_lossy(&output.stderr));
    Err(refused(format!("npm {} failed in {}: its words are above", args.first().unwrap_or(&""), dir.display())))
}
