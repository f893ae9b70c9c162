//! Files of a data directory that nothing refers to, for `deedbox fsck`: each with its size, its age and what removes it. Removes none.
//! Which file is what, the stores tell (`store::layout`); here is which of them are needed: commits up to the last one, files of the log
//! by its own check, objects that an event names, directly or by a manifest.

use crate::ecosystems::signers;
use crate::offline::{Offline, projection_ids};
use deedbox_model::Sha256Digest;
use deedbox_model::time::span;
use deedbox_store::layout::{FileKind, kind_of};
use deedbox_store::{FoundFile, StoreError};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{SystemTime, UNIX_EPOCH};

/// Files that are known by their names alone, beside those of the stores.
const KNOWN: [&str; 6] =
    ["registry.json", "keys/operator.pem", "keys/log.pem", "keys/receipt.pem", "signer/last-signed", "signer/last-clock"];

/// What the files of a data directory are to the rest of it.
pub(crate) struct LeftOvers {
    /// In words, each with size, age and what removes it.
    pub(crate) found: Vec<String>,
    /// Size and age of each of the log's files, by its path there: what `check_log` finds is said with them.
    log: BTreeMap<String, String>,
}

impl LeftOvers {
    /// Looks through the data directory. `referenced` are the objects that events name; none where the log could not be read.
    pub(crate) async fn of(registry: &mut Offline, referenced: Option<&BTreeSet<Sha256Digest>>) -> Result<Self, StoreError> {
        let last = registry.stores.commits.last().await?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX));
        let (mut found, mut log) = (Vec::new(), BTreeMap::new());
        let seen = |file: FoundFile| {
            let measure = format!("{}, {}", size(file.size), age(now.saturating_sub(file.modified_ms)));
            if let Some(path) = file.path.strip_prefix("log/") {
                log.insert(path.to_owned(), measure.clone());
            }
            if let Some(what) = unknown(&file, last, referenced) {
                found.push(format!("{} ({measure}) {what}", file.path));
            }
        };
        registry.stores.every_file(seen).await?;
        found.sort();
        found.extend(generations(registry).await);
        Ok(LeftOvers { found, log })
    }

    /// Size and age of a file of the log.
    pub(crate) fn measure(&self, path: &str) -> Option<&str> {
        self.log.get(path).map(String::as_str)
    }
}

/// What a file is and what removes it, if nothing refers to it.
fn unknown(file: &FoundFile, last: Option<u64>, referenced: Option<&BTreeSet<Sha256Digest>>) -> Option<&'static str> {
    let path = file.path.as_str();
    if !file.is_file {
        return Some("is not a file: nothing here follows it; remove it if you know what it is");
    }
    if KNOWN.contains(&path) || is_key_of_a_site(path) {
        return None;
    }
    let kind = kind_of(path);
    if kind == FileKind::CutOff {
        return Some("was being written when a process ended: the next start removes what the last one left; an older one may be removed");
    }
    if matches!(path.strip_prefix("keys/").unwrap_or(path).rsplit_once('.'), Some((_, "new"))) {
        return Some("was being written by a first start that was cut off: it may be removed");
    }
    match kind {
        FileKind::Own | FileKind::CutOff => None,
        FileKind::Commit(number) if last.is_some_and(|last| number <= last) => None,
        FileKind::Commit(_) | FileKind::Misnamed("commits") => {
            Some("is not one of the commits, which have no gaps: keep it, and look at what is missing before it")
        }
        // The log's own check names every other file there.
        FileKind::Log => None,
        FileKind::Misnamed("log") => Some("is not a file of a log: remove it if you know what it is"),
        FileKind::Object(address) => match referenced {
            Some(referenced) if !referenced.contains(&address) => {
                Some("is an upload that nothing published names: the running registry removes it when it is a day old")
            }
            _ => None,
        },
        FileKind::Misnamed("objects") => Some("does not have the name of an object: remove it if you know what it is"),
        FileKind::Incoming => Some("is an upload that was cut off: the next start removes it"),
        // An empty note of whose an upload is: it goes with the upload.
        FileKind::Note => None,
        FileKind::Part => {
            Some("is of an upload that is not published: it can be continued; the running registry removes it when it is a day old")
        }
        FileKind::Misnamed(_) | FileKind::Foreign => Some("is not a file of a registry: remove it if you know what it is"),
    }
}

/// Whether it is the secret of what a site signs with, kept under the name of its projection.
fn is_key_of_a_site(path: &str) -> bool {
    let name = path.strip_prefix("keys/").and_then(|name| name.strip_suffix(".pem"));
    name.is_some_and(|name| signers().iter().any(|(projection, _)| *projection == name))
}

/// Generations of rows that this program does not ask for. Rows that cannot be looked at are a finding of their own.
async fn generations(registry: &mut Offline) -> Vec<String> {
    let Ok(rows) = registry.stores.rows().await else { return Vec::new() };
    let known: BTreeSet<String> = projection_ids().iter().map(ToString::to_string).collect();
    let found = rows.generations().await.unwrap_or_default();
    let others = found.into_iter().filter(|(id, _)| !known.contains(id));
    others
        .map(|(id, count)| format!("rows.sqlite holds {count} rows of {id}, which this program does not use: deedbox replay removes them"))
        .collect()
}

fn size(bytes: u64) -> String {
    format!("{bytes} bytes")
}

fn age(ms: u64) -> String {
    // Under two minutes: whatever wrote it may still be at it.
    if ms < 120_000 { "just written".to_owned() } else { format!("{} old", span(ms)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use deedbox_store::objects::object_path;

    #[test]
    fn every_file_is_known_or_named_with_what_removes_it() {
        let here = Sha256Digest([0xab; 32]);
        let there = Sha256Digest([0xcd; 32]);
        let referenced = BTreeSet::from([here]);
        let of = |path: &str, is_file: bool| {
            let file = FoundFile { path: path.to_owned(), size: 1, modified_ms: 0, is_file };
            unknown(&file, Some(1_234), Some(&referenced))
        };
        let (known, unpublished) = (format!("objects/{}", object_path(&here)), format!("objects/{}", object_path(&there)));
        for path in
            ["registry.json", "lock", "keys/npm.pem", "signer/last-clock", "commits/x000/x001/234", "log/tile/0/000.p/7", "log/checkpoint"]
        {
            assert_eq!(of(path, true), None, "{path}");
        }
        assert_eq!(of(&known, true), None);
        let misplaced = format!("objects/sha256/00/00/{}", here.to_hex());
        for (path, words) in [
            (unpublished.as_str(), "a day old"),
            (misplaced.as_str(), "does not have the name of an object"),
            ("commits/x000/x001/235", "no gaps"),
            ("commits/x000/x001/234#1", "when a process ended"),
            ("commits/000", "no gaps"),
            ("log/checkpoint#3", "when a process ended"),
            ("log/tile/0/00 0", "not a file of a log"),
            ("signer/last-signed#1", "when a process ended"),
            ("keys/operator.new", "cut off"),
            ("registry.new", "cut off"),
            ("incoming/4711-0", "the next start removes it"),
            ("parts/acme.example/ab.3", "can be continued"),
            ("keys/other.pem", "not a file of a registry"),
            ("notes.txt", "not a file of a registry"),
            ("backup/registry.json", "not a file of a registry"),
        ] {
            assert!(of(path, true).is_some_and(|found| found.contains(words)), "{path}: {:?}", of(path, true));
        }
        assert!(of("log/checkpoint", false).is_some(), "a link is nothing of ours");
        assert_eq!(
            [age(0), age(150_000), age(3 * 3_600_000), age(3 * 86_400_000)],
            ["just written", "2 minutes old", "3 hours old", "3 days old"]
        );
    }
}
