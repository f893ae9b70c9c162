//! npm's lock files, as `deedbox verify` takes them: read as npm reads them, with the manifests that lie beside them.

use super::scopes;
use crate::failure::{refused, wrong};
use crate::locked::{Locked, LockedTo};
use crate::reading;
use deedbox_client::Wanted;
use deedbox_model::Algorithm;
use deedbox_npm::limits;
use deedbox_npm::lockfile::{self, BadLockfile, Release, Source, read, read_beside};
use std::path::{Component, Path};

/// The lock file of a project, and the one that a package carries; npm reads the second first.
pub(super) const NAMES: [&str; 2] = [PACKAGE_LOCK, SHRINKWRAP];
const PACKAGE_LOCK: &str = "package-lock.json";
const SHRINKWRAP: &str = "npm-shrinkwrap.json";

/// What the file names.
pub(super) fn read_file(path: &Path) -> anyhow::Result<Vec<Locked>> {
    let bytes = reading::read_file(path, limits::LOCKFILE_BYTES as u64)?;
    let folder = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    let is_npms = path.file_name().is_some_and(|name| NAMES.iter().any(|known| name == *known));
    if path.file_name().is_some_and(|name| name == PACKAGE_LOCK) && folder.join(SHRINKWRAP).exists() {
        return Err(refused(format!(
            "npm reads {} and not {}: verify that one, or remove it",
            folder.join(SHRINKWRAP).display(),
            path.display()
        )));
    }
    // A lock file under another name is read by itself: what lies beside it is not its project.
    let locked = if is_npms { read_beside(&bytes, &|below| manifest(folder, below)) } else { read(&bytes) };
    let locked = locked.map_err(|e: BadLockfile| {
        let words = format!("{}: {e}", path.display());
        if e.is_not_read_yet() { wrong(words) } else { refused(words) }
    })?;
    Ok(locked.into_iter().map(Locked::from).collect())
}

/// The manifest of the project, or of a folder below it.
fn manifest(folder: &Path, below: &str) -> Option<Vec<u8>> {
    let below = Path::new(below);
    if !below.components().all(|part| matches!(part, Component::Normal(_))) {
        return None;
    }
    let path = folder.join(below).join("package.json");
    let file = std::fs::metadata(&path).ok()?;
    // A manifest that is too large cannot be read, and what cannot be read is refused.
    if file.len() > limits::PACKAGE_JSON_BYTES { Some(Vec::new()) } else { std::fs::read(&path).ok() }
}

/// What a lock file names of domains, as the client asks for it; what is not read is an error here.
pub(crate) fn wanted(bytes: &[u8]) -> anyhow::Result<Vec<Wanted>> {
    let mut wanted = Vec::new();
    for one in read(bytes).map_err(|e| refused(e.to_string()))? {
        match &one.source {
            Source::Release(release) => wanted.push(want(&one, release)),
            Source::Unread(why) => return Err(refused(format!("{}: {why}", one.path))),
            Source::Folder(_) | Source::Elsewhere => {}
        }
    }
    Ok(wanted)
}

fn want(locked: &lockfile::Locked, release: &Release) -> Wanted {
    Wanted {
        label: label(locked),
        release: (release.id.clone(), release.version.clone()),
        digests: vec![(Algorithm::Sha512, release.sha512.as_bytes().to_vec())],
    }
}

fn label(locked: &lockfile::Locked) -> String {
    match &locked.version {
        Some(version) => format!("{}@{version}", locked.name),
        None => locked.name.clone(),
    }
}

impl From<lockfile::Locked> for Locked {
    fn from(locked: lockfile::Locked) -> Self {
        let to = match &locked.source {
            Source::Release(release) => {
                LockedTo::Release { wanted: want(&locked, release), registry: locked.resolved.as_deref().and_then(scopes::registry_of) }
            }
            Source::Folder(folder) => LockedTo::Folder(folder.clone()),
            Source::Elsewhere => LockedTo::Elsewhere,
            Source::Unread(why) => {
                let at = locked.line.map(|line| format!(", line {line}")).unwrap_or_default();
                LockedTo::Unread(format!("packages.{:?}{at}: {why}", locked.path))
            }
        };
        Locked { label: label(&locked), path: locked.path, line: locked.line, to }
    }
}
