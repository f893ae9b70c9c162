//! What packages ask for, where a lock file holds a domain's package. npm drops an entry that does not fit what is asked for it and
//! fetches what is asked instead; it then compares nothing but the version. So who asks for a domain's package asks a registry for it,
//! by its own name. The project's own manifests count as the lock file does: npm reads both.

use super::entry::{ASKING, Entries, asked};
use super::project::Project;
use super::{Locked, place, quoted};
use serde_json::Value;
use std::collections::BTreeMap;

/// Paths of releases by the names of their folders, in lower case.
type Folders = BTreeMap<String, Vec<String>>;

/// Makes unread whatever somebody asks for in a way that npm does not take from the entry.
pub(super) fn check(
    locked: &mut BTreeMap<&str, Locked>,
    entries: &Entries<'_>,
    folded: &BTreeMap<String, &str>,
    project: &Project,
) -> Result<(), String> {
    let mut folders: Folders = BTreeMap::new();
    for (path, _) in locked.iter().filter(|(_, locked)| locked.release().is_some()) {
        if let Some((_, name)) = place::split(path) {
            folders.entry(name.to_ascii_lowercase()).or_default().push((*path).to_owned());
        }
    }
    if folders.is_empty() {
        return Ok(());
    }
    let of_entries = entries.iter().map(|(path, entry)| (*path, "packages", entry.fields()));
    let of_files = project.manifests().iter().map(|(path, manifest)| (path.as_str(), "package.json of", manifest));
    for (from, where_, fields) in of_entries.chain(of_files) {
        for key in ASKING {
            for (name, spec) in asked(fields, key)? {
                if !folders.contains_key(&name.to_ascii_lowercase()) {
                    continue;
                }
                for path in found_by(from, name, folded, entries) {
                    if let Some(found) = locked.get_mut(path).filter(|found| !fits(found, name, spec)) {
                        let by = format!("{where_} {}, {key}", quoted(from));
                        found.refuse(format!("{by} asks for it as {}, so npm does not take it from this entry", quoted(spec)));
                    }
                }
            }
        }
    }
    if let Some(overrides) = project.root().and_then(|root| root.get("overrides")) {
        override_all(locked, &folders, None, overrides);
    }
    Ok(())
}

/// The entry that a package gets when it asks for a name: of its own folder, or of the nearest above. One that stands below what has no
/// entry, or below a link, is not in npm's tree: then the next above counts too.
fn found_by<'a>(from: &str, name: &str, folded: &BTreeMap<String, &'a str>, entries: &Entries<'_>) -> Vec<&'a str> {
    let from = from.to_ascii_lowercase();
    let name = name.to_ascii_lowercase();
    let mut folder = from.as_str();
    let mut found = Vec::new();
    loop {
        let path = if folder.is_empty() { format!("node_modules/{name}") } else { format!("{folder}/node_modules/{name}") };
        if let Some(path) = folded.get(&path) {
            found.push(*path);
            let mut above = place::above(path).filter(|above| !above.is_empty());
            if above.all(|above| entries.get(above).is_some_and(|entry| !entry.is("link"))) {
                return found;
            }
        }
        if folder.is_empty() {
            return found;
        }
        folder = folder.rsplit_once('/').map_or("", |(above, _)| above);
    }
}

/// Whether npm, asked for this, is content with a tarball of the entry's package from a registry.
fn fits(found: &Locked, name: &str, spec: &str) -> bool {
    let Some((_, folder)) = place::split(&found.path) else { return false };
    if name != folder {
        return false;
    }
    let range = match spec.strip_prefix("npm:") {
        None if folder == found.name => spec,
        None => return false,
        Some(alias) => match alias.strip_prefix(found.name.as_str()) {
            Some("") => "",
            Some(rest) => match rest.strip_prefix('@') {
                Some(range) => range,
                None => return false,
            },
            None => return false,
        },
    };
    is_of_registry(range, found.resolved.is_some())
}

/// A range, or a tag if the entry says where its tarball is: without that, npm asks the registry again what the tag names.
fn is_of_registry(spec: &str, may_be_tag: bool) -> bool {
    let plain = spec.bytes().all(|b| b.is_ascii_alphanumeric() || b" .^~<>=|*+-_".contains(&b));
    let lower = spec.to_ascii_lowercase();
    let is_file = spec.starts_with('.') || [".tgz", ".tar.gz", ".tar"].iter().any(|end| lower.ends_with(end));
    let is_range =
        || spec.split([' ', '|']).all(|word| word.is_empty() || word.starts_with(|c: char| c.is_ascii_digit() || "^~<>=*xX-".contains(c)));
    plain && !is_file && (may_be_tag || is_range())
}

/// npm takes what `overrides` says in place of what is asked for.
fn override_all(locked: &mut BTreeMap<&str, Locked>, folders: &Folders, parent: Option<&str>, overrides: &Value) {
    let Value::Object(map) = overrides else { return };
    for (key, value) in map {
        let name = match (key.as_str(), parent) {
            (".", Some(parent)) => parent,
            (key, _) => key.get(1..).and_then(|rest| rest.find('@')).and_then(|at| key.get(..=at)).unwrap_or(key),
        };
        override_all(locked, folders, Some(name), value);
        let Value::String(spec) = value else { continue };
        // What refers to the project's own dependency of that name was looked at there.
        if spec.strip_prefix('$') == Some(name) {
            continue;
        }
        for path in folders.get(&name.to_ascii_lowercase()).into_iter().flatten() {
            if let Some(found) = locked.get_mut(path.as_str()).filter(|found| !fits(found, name, spec)) {
                found.refuse(format!("overrides of package.json make it {}, so npm does not take it from this entry", quoted(spec)));
            }
        }
    }
}
