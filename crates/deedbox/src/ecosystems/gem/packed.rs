//! Gems: packed `.gem` files, those of one version together as its platforms, or a `.gemspec`, which the machine's own
//! `gem build` packs.

use crate::failure::{refused, wrong};
use crate::packages::file::FileArtifact;
use crate::packages::{Found, Packages, Wish, domain_of};
use crate::terminal;
use deedbox_gem::{Gem, Identity, identify};
use deedbox_model::PackageId;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

/// How the same bytes are built again.
const REBUILT: &str = "gem build writes the time of SOURCE_DATE_EPOCH, if that is set, and else the present one";

/// The name of a gemspec, if this directory has one.
pub(super) fn manifest(path: &Path) -> anyhow::Result<Option<String>> {
    if !path.is_dir() {
        return Ok(None);
    }
    let first = with_extension(path, "gemspec")?.into_iter().next();
    Ok(first.and_then(|path| Some(path.file_name()?.to_string_lossy().into_owned())))
}

/// The gems at a path: a `.gem`, a `.gemspec`, a directory with one `.gemspec`, or else a directory with `.gem` files, of
/// which those of one version are one release.
///
/// A gem has no domain in its name: where it does not say one either, it is the publisher's.
pub(super) async fn find(path: &Path, wish: Wish<'_>) -> anyhow::Result<Option<Packages>> {
    let Some(mut gems) = gems(path).await? else { return Ok(None) };
    if wish.id.is_none() && gems.iter().any(|gem| !gem.says_id) {
        let domain = domain_of(wish).await?;
        for gem in gems.iter_mut().filter(|gem| !gem.says_id) {
            gem.found.id = domain.as_ref().and_then(|domain| PackageId::parse(&format!("gem:{domain}/{}", gem.name)).ok());
        }
    }
    Ok(Some(gems.into_iter().map(|gem| gem.found).collect::<Vec<_>>().into()))
}

/// A release of a gem.
struct OneGem {
    name: String,
    /// Whether it says itself what it is here.
    says_id: bool,
    found: Found,
}

async fn gems(path: &Path) -> anyhow::Result<Option<Vec<OneGem>>> {
    if path.is_dir() {
        let mut gemspecs = with_extension(path, "gemspec")?;
        return match (gemspecs.pop(), gemspecs.is_empty()) {
            (Some(gemspec), true) => build(path, &gemspec).await.map(Some),
            (Some(_), false) => Err(wrong(format!("{} has several .gemspec files: name one of them", path.display()))),
            (None, _) => match with_extension(path, "gem")? {
                gems if gems.is_empty() => Ok(None),
                gems => packed(gems).await.map(Some),
            },
        };
    }
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("gem") => packed(vec![path.to_owned()]).await.map(Some),
        Some("gemspec") => {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
            build(folder, path).await.map(Some)
        }
        _ => Ok(None),
    }
}

/// Files of a directory itself, ascending.
fn with_extension(folder: &Path, extension: &str) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|e| wrong(format!("{}: {e}", folder.display())))? {
        let path = entry?.path();
        if path.is_file() && path.extension().is_some_and(|found| found == extension) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// Releases of packed gems, ascending by name and version.
async fn packed(paths: Vec<PathBuf>) -> anyhow::Result<Vec<OneGem>> {
    let read = tokio::task::spawn_blocking(move || {
        let mut releases: BTreeMap<(String, String), (bool, Vec<FileArtifact>)> = BTreeMap::new();
        for path in paths {
            let artifact = FileArtifact::open(&path)?;
            let Identity { name, version, id, .. } = look(&artifact, &path)?;
            let (says_id, artifacts) = releases.entry((name, version)).or_default();
            *says_id |= id.is_some();
            artifacts.push(artifact);
        }
        anyhow::Ok(releases)
    });
    let releases = read.await??.into_iter();
    Ok(releases.map(|((name, _), (says_id, artifacts))| OneGem { name, says_id, found: found(artifacts, None) }).collect())
}

fn found(artifacts: Vec<FileArtifact>, folder: Option<tempfile::TempDir>) -> Found {
    let artifacts = artifacts.into_iter().map(Into::into).collect();
    Found { dialect: Arc::new(Gem::new()), artifacts, id: None, version: None, rank: None, rebuilt: REBUILT, folder }
}

fn look(artifact: &FileArtifact, path: &Path) -> anyhow::Result<Identity> {
    identify(artifact).map_err(|refusal| refused(format!("{}: {} [{}]", path.display(), refusal.message, refusal.code)))
}

/// The machine's own `gem build`, which runs the gemspec.
async fn build(folder: &Path, gemspec: &Path) -> anyhow::Result<Vec<OneGem>> {
    let out = tempfile::tempdir()?;
    let built = out.path().join("built.gem");
    let name = gemspec.file_name().map(PathBuf::from).unwrap_or_default();
    terminal::note(&format!("gem build runs {}", terminal::word(&gemspec.display().to_string())));
    let mut command = tokio::process::Command::new("gem");
    command.arg("build").arg(name).arg("--output").arg(&built).current_dir(folder).stdin(Stdio::null()).env_remove("DEEDBOX_KEY");
    // Standard output is for this program's own answer; what gem says is shown if it fails.
    let output = command.output().await.map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => {
            refused("gem is not on this machine: install Ruby with RubyGems, or build elsewhere and give the .gem")
        }
        _ => refused(format!("gem cannot be run: {e}")),
    })?;
    if !output.status.success() || !built.is_file() {
        terminal::relay(&String::from_utf8_lossy(&output.stdout));
        terminal::relay(&String::from_utf8_lossy(&output.stderr));
        return Err(refused(format!("gem build failed in {}: its words are above", folder.display())));
    }
    let artifact = tokio::task::spawn_blocking(move || {
        let Identity { name, file_name, id, .. } = look(&FileArtifact::open(&built)?, &built)?;
        anyhow::Ok((name, id.is_some(), FileArtifact::named(&built, file_name)?))
    });
    let (name, says_id, artifact) = artifact.await??;
    Ok(vec![OneGem { name, says_id, found: found(vec![artifact], Some(out)) }])
}
