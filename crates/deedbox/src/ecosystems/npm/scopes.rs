//! Which registry npm is told to use for the scope of a domain, in its settings, and which one an address of a tarball leads to.

use crate::locked::Registries;
use deedbox_client::RegistryUrl;
use deedbox_model::Domain;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A settings file of npm is a few lines.
const NPMRC_BYTES: u64 = 1024 * 1024;

/// The address of a registry whose npm view is at `…/npm/`, from the address of a tarball: what stands before `/npm/@`.
pub(super) fn registry_of(resolved: &str) -> Option<String> {
    let (base, _) = resolved.split_once("/npm/@")?;
    normal(base)
}

fn normal(base: &str) -> Option<String> {
    RegistryUrl::parse(base).ok().map(|url| url.as_str().to_owned())
}

/// By lines `@domain:registry=…/npm/` of the folder's `.npmrc` and the user's.
pub(super) fn registries(folder: &Path, domains: &BTreeSet<Domain>, found: &mut Registries) {
    let user = std::env::var_os("npm_config_userconfig").map(PathBuf::from);
    let user = user.or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".npmrc")));
    for path in [Some(folder.join(".npmrc")), user].into_iter().flatten() {
        if std::fs::metadata(&path).map_or(true, |file| !file.is_file() || file.len() > NPMRC_BYTES) {
            continue;
        }
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        for (domain, base) in scopes(&text) {
            if domains.iter().any(|wanted| wanted.as_str() == domain) {
                found.entry(base).or_insert_with(|| path.display().to_string());
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
            assert_eq!(registry_of(resolved).as_deref(), base, "{resolved}");
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
