//! The section `dependencies` that lock files of version 2 have for npm 6 and older, and that other tools read: where it is there, it
//! says of a domain's packages what `packages` says, or they are unread.

use super::entry::Entries;
use super::{Locked, Source, place, quoted};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// Compares; gives what only that section has of domains' packages.
pub(super) fn check(lock: &Value, locked: &mut BTreeMap<&str, Locked>, entries: &Entries<'_>) -> Result<Vec<Locked>, String> {
    let section = match lock.get("dependencies") {
        None => return Ok(Vec::new()),
        Some(Value::Object(section)) => section,
        Some(_) => return Err("dependencies is not an object".to_owned()),
    };
    let mut seen = BTreeSet::new();
    let mut more = Vec::new();
    walk("", section, locked, entries, &mut seen, &mut more)?;
    for (path, locked) in locked.iter_mut().filter(|(path, locked)| locked.release().is_some() && !seen.contains(**path)) {
        debug_assert_eq!(*path, locked.path);
        locked.refuse("the section dependencies, which older clients read, does not name it".to_owned());
    }
    Ok(more)
}

fn walk(
    above: &str,
    section: &Map<String, Value>,
    locked: &mut BTreeMap<&str, Locked>,
    entries: &Entries<'_>,
    seen: &mut BTreeSet<String>,
    more: &mut Vec<Locked>,
) -> Result<(), String> {
    for (name, value) in section {
        let path = if above.is_empty() { format!("node_modules/{name}") } else { format!("{above}/node_modules/{name}") };
        let fields = value.as_object().ok_or_else(|| format!("dependencies: {} is not an object", quoted(&path)))?;
        let text = |key: &str| fields.get(key).and_then(Value::as_str);
        let version = text("version").unwrap_or_default();
        match locked.get_mut(path.as_str()) {
            Some(found) if found.release().is_some() => {
                let expected = found.version.as_deref().unwrap_or_default();
                let alias = format!("npm:{}@{expected}", found.name);
                let is_alias = place::split(&found.path).is_some_and(|(_, folder)| folder != found.name);
                let entry = entries.get(path.as_str()).map(|entry| entry.fields());
                let same = |key: &str| fields.get(key) == entry.and_then(|entry| entry.get(key));
                if version != if is_alias { alias.as_str() } else { expected }
                    || !same("integrity")
                    || !same("resolved")
                    || fields.contains_key("bundled")
                {
                    found.refuse("the section dependencies, which older clients read, says otherwise".to_owned());
                }
            }
            Some(_) => {}
            None if place::is_domains(name) || version.strip_prefix("npm:").is_some_and(place::is_domains) => more.push(Locked {
                path: path.clone(),
                name: name.clone(),
                version: text("version").map(str::to_owned),
                resolved: text("resolved").map(str::to_owned),
                line: None,
                source: Source::Unread("it stands in the section dependencies alone, which older clients read".to_owned()),
            }),
            None => {}
        }
        match fields.get("dependencies") {
            None => {}
            Some(Value::Object(below)) => {
                // What is below a link is in the folder that it leads to.
                let folder = version.strip_prefix("file:").map_or(path.clone(), str::to_owned);
                walk(&folder, below, locked, entries, seen, more)?;
            }
            Some(_) => return Err(format!("dependencies: what is below {} is not an object", quoted(&path))),
        }
        seen.insert(path);
    }
    Ok(())
}
