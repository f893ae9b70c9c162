//! From what a user names to the files of releases. Each ecosystem has a file that knows its checkouts and its packed
//! forms; packing is the ecosystem's own tool's work. What is inside is the dialect's to read.

pub(crate) mod file;
mod gem;
mod maven;
mod npm;
mod oci;

use crate::failure::wrong;
use deedbox_client::Registry;
use deedbox_model::{PackageId, Version};
use deedbox_view::Dialect;
use file::FileArtifact;
use std::path::Path;
use std::sync::Arc;

/// What the user said of what is to be published.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Wish<'a> {
    /// `--id`.
    pub(crate) id: Option<&'a PackageId>,
    /// `--version`.
    pub(crate) version: Option<&'a Version>,
    /// The registry that is to have it, if one was named: some ecosystems ask it who holds a name.
    pub(crate) registry: Option<&'a Registry>,
}

/// The files of one release.
pub(crate) struct Found {
    /// Who reads them.
    pub(crate) dialect: Arc<dyn Dialect>,
    /// All of them, in the dialect's order.
    pub(crate) artifacts: Vec<FileArtifact>,
    /// What the package is, where the files do not say it themselves.
    pub(crate) id: Option<PackageId>,
    /// The version, where the files do not say it themselves.
    pub(crate) version: Option<Version>,
    /// Where they were packed; goes away with this.
    pub(crate) folder: Option<tempfile::TempDir>,
}

/// The releases at a path: one for most ecosystems. What the user said stands where the files say nothing.
pub(crate) async fn find(path: &Path, wish: Wish<'_>) -> anyhow::Result<Vec<Found>> {
    if let Some(reference) = path.to_str().and_then(|path| path.strip_prefix(oci::PULLED)) {
        return oci::pull(reference, wish).await;
    }
    std::fs::metadata(path).map_err(|e| wrong(format!("{}: {e}", path.display())))?;
    let is_wanted = |ecosystem: &str| wish.id.is_none_or(|id| id.ecosystem().as_str() == ecosystem);
    let mut found = None;
    if is_wanted("npm") {
        found = npm::find(path).await?;
    }
    if found.is_none() && is_wanted("maven") {
        found = maven::find(path, wish).await?;
    }
    if found.is_none() && is_wanted("gem") {
        found = gem::find(path).await?;
    }
    if found.is_none() && is_wanted("oci") {
        found = oci::find(path, wish).await?;
    }
    let mut found = found.ok_or_else(|| {
        wrong(format!(
            "{} is no package of an ecosystem that is known here{}: name a directory with a package.json, a pom.xml or a .gemspec, a packed .tgz or .gem, a folder in Maven's layout, an OCI layout, an archive of docker save, or docker://HOST/NAME:TAG",
            path.display(),
            wish.id.map(|id| format!(", or not one of {}", id.ecosystem())).unwrap_or_default()
        ))
    })?;
    for release in &mut found {
        release.id = release.id.take().or_else(|| wish.id.cloned());
        release.version = release.version.take().or_else(|| wish.version.cloned());
    }
    Ok(found)
}
