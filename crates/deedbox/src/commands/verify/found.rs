//! Which registry is meant where nobody said it: the one that npm is told to use for the domain's scope, or the one that a lock file's
//! addresses lead to. Candidates only: more than one is an error that names them, and the log key of the one that comes out is pinned,
//! given, or asked for, never taken from here.

use crate::context::{By, Context, Named, no_registry};
use crate::failure::wrong;
use deedbox_client::RegistryUrl;
use deedbox_model::{Domain, PackageId};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// A settings file of npm is a few lines.
const NPMRC_BYTES: u64 = 1024 * 1024;
/// Candidates that are named in an error.
const NAMED: usize = 5;

/// Addresses, each with who named it first.
type Candidates = BTreeMap<String, String>;

/// The context for a release: with the registry that the user's or the directory's npm has for its domain, if none was named.
pub(super) fn for_release(context: &Context, id: Option<&PackageId>) -> anyhow::Result<Context> {
    if let Some(named) = context.named()? {
        return Ok(context.at(named.clone()));
    }
    let id = id.filter(|id| id.ecosystem().as_str() == "npm").ok_or_else(no_registry)?;
    let here = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("."));
    let mut candidates = Candidates::new();
    by_npmrc(&here, &BTreeSet::from([id.domain().clone()]), &mut candidates);
    one_of(context, candidates)
}

/// The context for a lock file: with the registry of its domains' scopes in `.npmrc`, and of its addresses, if none was named.
pub(super) fn for_lockfile(context: &Context, path: &Path, domains: &BTreeSet<Domain>, resolved: &[&str]) -> anyhow::Result<Context> {
    if let Some(named) = context.named()? {
        return Ok(context.at(named.clone()));
    }
    let mut candidates = Candidates::new();
    let folder = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    by_npmrc(folder, domains, &mut candidates);
    for address in resolved {
        if let Some(base) = base_of(address) {
            candidates.entry(base).or_insert_with(|| path.display().to_string());
        }
    }
    one_of(context, candidates)
}

fn one_of(context: &Context, candidates: Candidates) -> anyhow::Result<Context> {
    let mut all = candidates.iter();
    match (all.next(), all.next()) {
        (Some((url, by)), None) => Ok(context.at(Named { url: RegistryUrl::parse(url)?, by: By::Thing(by.clone()) })),
        (None, _) => Err(no_registry()),
        _ => {
            let named: Vec<String> = candidates.iter().take(NAMED).map(|(url, by)| format!("{url} (by {by})")).collect();
            Err(wrong(format!("which registry? {} are named: {}. Say which with --registry", candidates.len(), named.join(", "))))
        }
    }
}

/// The address of a registry whose npm view is at `…/npm/`, from the address of a tarball: what stands before `/npm/@`.
fn base_of(resolved: &str) -> Option<String> {
    let (base, _) = resolved.split_once("/npm/@")?;
    normal(base)
}

fn normal(base: &str) -> Option<String> {
    RegistryUrl::parse(base).ok().map(|url| url.as_str().to_owned())
}

/// Lines `@domain:registry=…/npm/` of the folder's `.npmrc` and the user's.
fn by_npmrc(folder: &Path, domains: &BTreeSet<Domain>, candidates: &mut Candidates) {
    let user = std::env::var_os("npm_config_userconfig").map(PathBuf::from);
    let user = user.or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".npmrc")));
    for path in [Some(folder.join(".npmrc")), user].into_iter().flatten() {
        if std::fs::metadata(&path).map_or(true, |file| !file.is_file() || file.len() > NPMRC_BYTES) {
            continue;
        }
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        for (domain, base) in scopes(&text) {
            if domains.iter().any(|wanted| wanted.as_str() == domain) {
                candidates.entry(base).or_insert_with(|| path.display().to_string());
            }
        }
    }
}

/// The scopes of an `.npmrc` whose registry is a Deedbox one by its path, with the registry's address.
fn scopes(text: &str) -> Vec<(String, String)> {
    let line = |line: &str| {
        let (key, value) = line.trim().split_once('=')?;
        let domain = key.trim().strip_prefix('@')?.strip_suffix(":registry")?;
        let value = value.trim().trim_matches(['"', '\'']);
        let base = value.trim_end_matches('/').strip_suffix("/npm")?;
        Some((domain.to_owned(), normal(base)?))
    };
    text.lines().filter_map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registry_is_what_stands_before_its_npm_view() {
        for (resolved, base) in [
            ("https://registry.example/npm/@acme.example/widget/-/widget-1.0.0.tgz", Some("https://registry.example")),
            ("http://127.0.0.1:8417/boxes/npm/@acme.example%2fw/-/w.tgz", Some("http://127.0.0.1:8417/boxes")),
            ("https://registry.example/@acme.example/widget/-/widget-1.0.0.tgz", None),
            ("file:/npm/@a/b", None),
        ] {
            assert_eq!(base_of(resolved).as_deref(), base, "{resolved}");
        }
    }

    #[test]
    fn scopes_of_an_npmrc_are_read_and_others_left() {
        let text = "registry=https://elsewhere.example/\n @acme.example:registry = \"https://registry.example/npm/\"\n\
                    @other.example:registry=https://other.example/\n; @b.example:registry=x/npm\n@c.example:registry=http://h:1/p/npm\n";
        let found = scopes(text);
        let expected = [("acme.example", "https://registry.example"), ("c.example", "http://h:1/p")];
        assert_eq!(found, expected.map(|(domain, base)| (domain.to_owned(), base.to_owned())));
    }
}
