//! From what a user names to the files of releases. Each ecosystem knows its checkouts and its packed forms (`ecosystems/`); packing is
//! the ecosystem's own tool's work. What is inside is the dialect's to read.

pub(crate) mod file;
pub(crate) mod words;

pub(crate) use words::Publishable;

use crate::ecosystems::{Ecosystem, Ecosystems};
use crate::failure::wrong;
use deedbox_client::{Registry, state};
use deedbox_model::{Domain, PackageId, PublicKey, Version};
use deedbox_view::Dialect;
use file::AddressedFile;
use serde::Serialize;
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
    /// `domain` in `deedbox.toml`: whose a package is that does not say it.
    pub(crate) domain: Option<&'a Domain>,
    /// The key that will sign, where it can be read: the domain that it speaks for is whose a package is that does not say it.
    pub(crate) key: Option<&'a PublicKey>,
    /// The ecosystems that it may be of.
    pub(crate) ecosystems: Ecosystems,
}

/// How far an ecosystem looks for a package, the nearest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reach {
    /// It goes by the names of files.
    Names,
    /// It opens every archive to see what is in it.
    Archives,
    /// It searches all that is below a folder: a package of another ecosystem may carry some.
    Below,
}

/// What is at a path.
#[derive(Default)]
pub(crate) struct Packages {
    /// The files of releases.
    pub(crate) found: Vec<Found>,
    /// What is meant to be a release, and cannot be read as one: where it is, and why.
    pub(crate) refused: Vec<(String, anyhow::Error)>,
    /// What is part of no release.
    pub(crate) left_out: Vec<LeftOut>,
    /// What else is to be said of it.
    pub(crate) notes: Vec<String>,
}

/// A file, or a part of an image, that looks as if it were to be published, and is part of no release.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct LeftOut {
    /// Where it is.
    pub(crate) path: String,
    /// Why it is part of none.
    pub(crate) why: String,
}

/// The files of one release.
pub(crate) struct Found {
    /// Who reads them.
    pub(crate) dialect: Arc<dyn Dialect>,
    /// All of them, in the dialect's order.
    pub(crate) artifacts: Vec<AddressedFile>,
    /// What the package is, where the files do not say it themselves.
    pub(crate) id: Option<PackageId>,
    /// The version, where the files do not say it themselves.
    pub(crate) version: Option<Version>,
    /// Where it stands among the releases of its package, where something there says so.
    pub(crate) rank: Option<u64>,
    /// How its build is told to make the same bytes again.
    pub(crate) rebuilt: &'static str,
    /// Where they were packed; goes away with this.
    pub(crate) folder: Option<tempfile::TempDir>,
}

impl From<Vec<Found>> for Packages {
    fn from(found: Vec<Found>) -> Self {
        Packages { found, ..Self::default() }
    }
}

/// The releases at a path: one for most ecosystems. What the user said stands where the files say nothing. The ecosystem is
/// that of `--id`, else the one whose native manifest is at the path itself, and never a guess between two. Only if no
/// manifest is there, packed files and the folders below are searched.
pub(crate) async fn find(path: &Path, wish: Wish<'_>) -> anyhow::Result<Packages> {
    if let Some(word) = path.to_str() {
        for ecosystem in wish.ecosystems.iter() {
            if let Some(packages) = ecosystem.find_elsewhere(word, wish).await? {
                return Ok(packages);
            }
        }
    }
    std::fs::metadata(path).map_err(|e| wrong(format!("{}: {e}", path.display())))?;
    let mut found = None;
    for ecosystem in candidates(path, wish)? {
        found = ecosystem.find(path, wish).await?;
        if found.is_some() {
            break;
        }
    }
    let mut packages = found.ok_or_else(|| {
        wrong(format!(
            "{} is not a package of an ecosystem that is known here{}: name {}",
            path.display(),
            wish.id.map(|id| format!(", or not one of {}", id.ecosystem())).unwrap_or_default(),
            wish.ecosystems.a_publishable()
        ))
    })?;
    for release in &mut packages.found {
        release.id = release.id.take().or_else(|| wish.id.cloned());
        release.version = release.version.take().or_else(|| wish.version.cloned());
    }
    Ok(packages)
}

/// The domain of a package that does not say whose it is: `domain` in `deedbox.toml`, else the only one that the key speaks for at the
/// registry. None where nothing says it.
pub(crate) async fn domain_of(wish: Wish<'_>) -> anyhow::Result<Option<Domain>> {
    if let Some(domain) = wish.domain {
        return Ok(Some(domain.clone()));
    }
    let (Some(registry), Some(key)) = (wish.registry, wish.key) else { return Ok(None) };
    let domains = state::domains_of(registry, &key.id()).await?.unwrap_or_default();
    match domains.as_slice() {
        [] => Ok(None),
        [only] => Ok(Some(only.clone())),
        several => {
            let names: Vec<&str> = several.iter().map(Domain::as_str).take(10).collect();
            Err(wrong(format!(
                "whose package is it? Your key speaks for {} domains at {} ({}): write domain = \"DOMAIN\" into deedbox.toml, or give --id",
                several.len(),
                registry.url(),
                names.join(", ")
            )))
        }
    }
}

/// The ecosystems that a path is tried as, in this order.
fn candidates(path: &Path, wish: Wish<'_>) -> anyhow::Result<Vec<&'static dyn Ecosystem>> {
    if let Some(id) = wish.id {
        return Ok(wish.ecosystems.of(id).into_iter().collect());
    }
    let mut all: Vec<_> = wish.ecosystems.iter().collect();
    // A layout is asked about behind what has a manifest of its own.
    all.sort_by_key(|ecosystem| ecosystem.reach() == Reach::Archives);
    let mut manifests = Vec::new();
    for ecosystem in &all {
        if let Some(name) = ecosystem.manifest(path)? {
            manifests.push((*ecosystem, name));
        }
    }
    match manifests.as_slice() {
        [(only, _)] => Ok(vec![*only]),
        [] => {
            all.sort_by_key(|ecosystem| ecosystem.reach());
            Ok(all)
        }
        several => {
            let names: Vec<&str> = several.iter().map(|(_, name)| name.as_str()).collect();
            let ids: Vec<String> = several.iter().map(|(ecosystem, _)| format!("--id {}:DOMAIN/NAME", ecosystem.word())).collect();
            Err(wrong(format!(
                "{} has {}: which of them is to be published? Say it with {}",
                path.display(),
                names.join(" and "),
                ids.join(" or ")
            )))
        }
    }
}

/// The first of these names that is a file of this directory.
pub(crate) fn file_of(dir: &Path, names: &[&str]) -> Option<String> {
    names.iter().find(|name| dir.join(name).is_file()).map(|name| (*name).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_a_directory_itself_decides_and_the_search_below_it_comes_last() {
        let below = "vendor/org/x/lib/1.0/lib-1.0.pom";
        for (files, expected) in [
            (&["package.json"][..], &["npm"][..]),
            (&["package.json", below, "packed.gem", "manifest.json"], &["npm"][..]),
            (&["g.gemspec", below], &["gem"]),
            (&["g.gemspec", "g-1.0.gem"], &["gem"]),
            (&["pom.xml", "build.gradle"], &["maven"]),
            (&["settings.gradle.kts"], &["maven"]),
            (&["oci-layout", "index.json", below], &["oci"]),
            (&["index.json"], &["npm", "gem", "oci", "maven"]),
            (&[below], &["npm", "gem", "oci", "maven"]),
            (&[], &["npm", "gem", "oci", "maven"]),
        ] {
            let dir = directory(files);
            assert_eq!(tried(&dir, None).unwrap(), expected, "{files:?}");
        }
    }

    #[test]
    fn two_manifests_are_a_question_and_an_id_is_its_answer() {
        let dir = directory(&["package.json", "pom.xml", "g.gemspec"]);
        let words = tried(&dir, None).unwrap_err().to_string();
        assert!(words.contains("has package.json and pom.xml and g.gemspec: which of them"), "{words}");
        assert!(words.contains("--id npm:DOMAIN/NAME or --id maven:DOMAIN/NAME or --id gem:DOMAIN/NAME"), "{words}");
        for (id, expected) in [
            ("npm:a.example/b", &["npm"][..]),
            ("maven:a.example/b", &["maven"]),
            ("gem:a.example/b", &["gem"]),
            ("oci:a.example/b", &["oci"]),
            ("later:a.example/b", &[]),
        ] {
            assert_eq!(tried(&dir, Some(id)).unwrap(), expected);
        }
    }

    #[tokio::test]
    async fn a_layout_is_found_below_a_directory_that_has_nothing_else() {
        let dir = directory(&["docs/readme"]);
        let folder = dir.path().join("org/x/lib/1.0");
        std::fs::create_dir_all(&folder).unwrap();
        let pom = "<project><groupId>example.acme</groupId><artifactId>lib</artifactId><version>1.0</version><packaging>pom</packaging></project>";
        std::fs::write(folder.join("lib-1.0.pom"), pom).unwrap();
        let found = find(dir.path(), Wish::default()).await.unwrap();
        assert_eq!((found.found.len(), found.left_out.len()), (1, 0));
        // A web extension's manifest.json is not an image.
        std::fs::write(dir.path().join("manifest.json"), "{}").unwrap();
        assert_eq!(find(dir.path(), Wish::default()).await.unwrap().found.len(), 1);
        assert!(find(directory(&["docs/readme"]).path(), Wish::default()).await.is_err_and(|e| e.to_string().contains("is not a package")));
    }

    fn tried(dir: &tempfile::TempDir, id: Option<&str>) -> anyhow::Result<Vec<&'static str>> {
        let id = id.map(|id| PackageId::parse(id).unwrap());
        let all = candidates(dir.path(), Wish { id: id.as_ref(), ecosystems: Ecosystems::first_four(), ..Wish::default() })?;
        Ok(all.into_iter().map(|ecosystem| ecosystem.word()).collect())
    }

    fn directory(files: &[&str]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for file in files {
            let path = dir.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        dir
    }
}
