//! From what a user names to the files of releases. Each ecosystem knows its checkouts and its packed forms (`ecosystems/`); packing is
//! the ecosystem's own tool's work. What is inside is the dialect's to read.

pub(crate) mod file;
pub(crate) mod words;

pub(crate) use words::Publishable;

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

/// The first of these names that is a file of this directory.
pub(crate) fn file_of(dir: &Path, names: &[&str]) -> Option<String> {
    names.iter().find(|name| dir.join(name).is_file()).map(|name| (*name).to_owned())
}
