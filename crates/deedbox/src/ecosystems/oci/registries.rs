//! `registries.conf`: where Podman, Buildah and Skopeo read which registry a name is of (containers-registries.conf(5)).

use crate::managers::file::Edited;
use crate::managers::{Mode, edited};
use deedbox_client::RegistryUrl;
use deedbox_model::Domain;
use toml::Value;

/// The file's name in the project.
pub(super) const FILE: &str = "registries.conf";

/// What a block says of its registry.
#[derive(Debug, PartialEq, Eq)]
struct Entry {
    location: String,
    insecure: bool,
    /// Whether it says nothing but what `setup` writes.
    is_plain: bool,
}

/// Images whose names begin with a domain come from a registry. What is not this domain's block stays.
pub(super) fn edit(text: &str, domain: &Domain, url: &RegistryUrl, mode: Mode) -> Result<Edited, String> {
    let ours = Entry { location: format!("{}/{domain}", url.authority()), insecure: url.as_str().starts_with("http:"), is_plain: true };
    let plain = if ours.insecure { "insecure = true\n" } else { "" };
    let block = format!("[[registry]]\nprefix = \"{domain}\"\nlocation = \"{}\"\n{plain}", ours.location);
    let said = format!("images {domain}/… from {}", url.authority());
    let Some(there) = entry(text, domain)? else {
        if mode == Mode::Undo {
            return edited(text, format!("it has no {domain}"));
        }
        let gap = match text {
            "" => "",
            text if text.ends_with('\n') => "\n",
            _ => "\n\n",
        };
        return read_back(format!("{text}{gap}{block}"), domain, &ours, said);
    };
    if there.location == ours.location && there.insecure == ours.insecure && mode != Mode::Undo {
        return edited(text, said);
    }
    if there.location != ours.location || (mode == Mode::Set && there.insecure != ours.insecure) {
        let shown = |entry: &Entry| format!("{:?}{}", entry.location, if entry.insecure { " without TLS" } else { "" });
        if let Some(why) = mode.objection(&format!("the location of {domain}"), &shown(&there), &shown(&ours)) {
            return Err(why);
        }
    }
    if !there.is_plain {
        return Err(format!(
            "the block of {domain} says more than this program writes: change it by hand to the location \"{}\"",
            ours.location
        ));
    }
    let (before, after) =
        around(text, domain).ok_or_else(|| format!("the block of {domain} is written in a form that cannot be edited"))?;
    if mode == Mode::Undo {
        let text = if after.is_empty() { format!("{}\n", before.trim_end()) } else { format!("{before}{after}") };
        return match entry(&text, domain)? {
            None => edited(if text.trim().is_empty() { "" } else { &text }, format!("without {domain}")),
            Some(_) => Err(format!("it has {domain} more than once")),
        };
    }
    read_back(format!("{before}{block}{after}"), domain, &ours, said)
}

fn read_back(text: String, domain: &Domain, ours: &Entry, said: String) -> Result<Edited, String> {
    match entry(&text, domain)? {
        Some(now) if now == *ours => edited(text, said),
        _ => Err("it cannot be edited".to_owned()),
    }
}

/// The domain's entry.
fn entry(text: &str, domain: &Domain) -> Result<Option<Entry>, String> {
    let table: toml::Table = text.parse().map_err(|_| "it is not TOML".to_owned())?;
    let entries = match table.get("registry") {
        None => return Ok(None),
        Some(Value::Array(entries)) => entries,
        Some(_) => return Err("its registry is not a list of blocks".to_owned()),
    };
    let text_of = |entry: &Value, key: &str| entry.get(key).and_then(Value::as_str).map(str::to_owned);
    let found =
        entries.iter().find(|entry| text_of(entry, "prefix").or_else(|| text_of(entry, "location")).as_deref() == Some(domain.as_str()));
    Ok(found.map(|entry| Entry {
        location: text_of(entry, "location").unwrap_or_default(),
        insecure: entry.get("insecure").and_then(Value::as_bool).unwrap_or(false),
        is_plain: entry.as_table().is_some_and(|table| table.keys().all(|key| matches!(key.as_str(), "prefix" | "location" | "insecure"))),
    }))
}

/// The text before the domain's block, and behind it.
fn around<'a>(text: &'a str, domain: &Domain) -> Option<(&'a str, &'a str)> {
    let mut start = None;
    let mut at = 0;
    let mut ends = Vec::new();
    for line in text.split_inclusive('\n') {
        if line.trim_start().starts_with('[') {
            if let Some(start) = start.take() {
                ends.push((start, at));
            }
            if line.trim() == "[[registry]]" {
                start = Some(at);
            }
        }
        at += line.len();
    }
    if let Some(start) = start {
        ends.push((start, at));
    }
    let is_ours = |range: &(usize, usize)| text.get(range.0..range.1).is_some_and(|block| matches!(entry(block, domain), Ok(Some(_))));
    let (start, end) = ends.into_iter().find(is_ours)?;
    Some((text.get(..start)?, text.get(end..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(text: &str, url: &str, mode: Mode) -> Result<String, String> {
        let domain = Domain::parse("acme.example").unwrap();
        edit(text, &domain, &RegistryUrl::parse(url).unwrap(), mode).map(|edited| edited.text)
    }

    #[test]
    fn images_of_a_domain_come_from_the_registry_and_other_blocks_stay() {
        let (here, there) = ("http://127.0.0.1:8417", "https://registry.example");
        let block = "[[registry]]\nprefix = \"acme.example\"\nlocation = \"127.0.0.1:8417/acme.example\"\ninsecure = true\n";
        let other = "[[registry]]\nprefix = \"b.example\"\nlocation = \"c.example\"\n";
        for (old, new) in [
            ("", block.to_owned()),
            ("short-name-mode = \"enforcing\"", format!("short-name-mode = \"enforcing\"\n\n{block}")),
            (other, format!("{other}\n{block}")),
        ] {
            let once = run(old, here, Mode::Set).unwrap();
            assert_eq!(once, new);
            assert_eq!(run(&once, here, Mode::Set).unwrap(), once, "twice changes nothing");
            assert!(run(&once, there, Mode::Set).unwrap_err().contains("--replace"));
            let moved = run(&once, there, Mode::Replace).unwrap();
            assert_eq!(moved, new.replace("127.0.0.1:8417", "registry.example").replace("insecure = true\n", ""));
            assert!(run(&moved, here, Mode::Undo).is_err());
            assert_eq!(run(&moved, there, Mode::Undo).unwrap().trim_end(), old.trim_end());
        }
        let more = format!("{block}mirror-by-digest-only = true\n{other}");
        assert!(run(&more, there, Mode::Replace).unwrap_err().contains("by hand"));
        for bad in ["[[registry", "registry = 1\n"] {
            assert!(run(bad, here, Mode::Set).is_err(), "{bad}");
        }
    }
}
