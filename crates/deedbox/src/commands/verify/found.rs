//! Which registry is meant where nobody said it: the one that the ecosystem's clients are told to use for the domain (npm: for its scope), or
//! the one that a lock file's addresses lead to. Candidates only: more than one is an error that names them, and the log key of the one that
//! comes out is pinned, given, or asked for, never taken from here.

use crate::context::{By, Context, Named, no_registry};
use crate::ecosystems::{Ecosystem, Ecosystems};
use crate::failure::wrong;
use crate::locked::{Locked, Registries};
use deedbox_client::RegistryUrl;
use deedbox_model::{Domain, PackageId};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Candidates that are named in an error.
const NAMED: usize = 5;

/// The context for a release: with the registry that the user's or the directory's clients have for its domain, if none was named.
pub(super) fn for_release(context: &Context, id: Option<&PackageId>) -> anyhow::Result<Context> {
    if let Some(named) = context.named()? {
        return Ok(context.at(named.clone()));
    }
    let mut found = Registries::new();
    if let Some((id, ecosystem)) = id.and_then(|id| Some((id, Ecosystems::default().of(id)?))) {
        let here = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("."));
        ecosystem.registries(&here, &BTreeSet::from([id.domain().clone()]), &mut found);
    }
    one_of(context, found)
}

/// The context for a lock file: with the registry of its domains in settings of its clients, and of its addresses, if none was named.
pub(super) fn for_lockfile(context: &Context, path: &Path, ecosystem: &dyn Ecosystem, locked: &[Locked]) -> anyhow::Result<Context> {
    if let Some(named) = context.named()? {
        return Ok(context.at(named.clone()));
    }
    let mut found = Registries::new();
    let folder = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    let domains: BTreeSet<Domain> = locked.iter().filter_map(Locked::wanted).map(|wanted| wanted.release.0.domain().clone()).collect();
    ecosystem.registries(folder, &domains, &mut found);
    for address in locked.iter().filter_map(Locked::registry) {
        found.entry(address.to_owned()).or_insert_with(|| path.display().to_string());
    }
    one_of(context, found)
}

fn one_of(context: &Context, found: Registries) -> anyhow::Result<Context> {
    let mut all = found.iter();
    match (all.next(), all.next()) {
        (Some((url, by)), None) => Ok(context.at(Named { url: RegistryUrl::parse(url)?, by: By::Thing(by.clone()) })),
        (None, _) => Err(no_registry()),
        _ => {
            let named: Vec<String> = found.iter().take(NAMED).map(|(url, by)| format!("{url} (by {by})")).collect();
            Err(wrong(format!("which registry? {} are named: {}. Say which with --registry", found.len(), named.join(", "))))
        }
    }
}
