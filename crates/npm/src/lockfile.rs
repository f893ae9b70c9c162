//! npm's lock files (spec/projections/npm.md §10): what `deedbox verify --lockfile` looks up in the log. Reads
//! package-lock.json and npm-shrinkwrap.json of versions 2 and 3; follows no link and fetches nothing.
//!
//! The reading is npm's own or none: what npm could read in another way than this file is `Unread`, with its place and the reason.
//! Whose package an entry is, is decided by its name alone, so that nothing unreadable is taken for another registry's.

mod edges;
mod entry;
mod judged;
mod legacy;
mod other_tools;
mod place;
mod project;
mod text;

use crate::limits;
use deedbox_model::{PackageId, Sha512Digest, Version};
use entry::Entry;
use serde_json::Value;
use std::collections::BTreeMap;

/// One package that a lock file names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Locked {
    /// Where it is installed: `node_modules/@acme.example/widget`.
    pub path: String,
    /// Its native name: an alias has the package's own name, not the folder's.
    pub name: String,
    /// Its version, as the file writes it.
    pub version: Option<String>,
    /// From where the lock file takes it.
    pub resolved: Option<String>,
    /// The line of the file on which its entry begins, where each entry has a line of its own.
    pub line: Option<usize>,
    /// Where npm takes its bytes from.
    pub source: Source,
}

/// Where npm takes the bytes of a package from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A tarball of a domain's package, and no other bytes: this registry's log must know it.
    Release(Release),
    /// A folder, which npm links: no log knows its bytes.
    Folder(String),
    /// Its name is not a domain's: it is of another registry.
    Elsewhere,
    /// It is not read here as npm would read it, for this reason.
    Unread(String),
}

/// What a lock file pins a domain's package to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// The package.
    pub id: PackageId,
    /// Its version.
    pub version: Version,
    /// The one SHA-512 that npm takes.
    pub sha512: Sha512Digest,
}

/// Why bytes are not a lock file that can be verified.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadLockfile {
    /// More bytes or packages than the limit.
    #[error("the lock file is too large: at most {} bytes and {} packages", limits::LOCKFILE_BYTES, limits::LOCKFILE_PACKAGES)]
    TooLarge,
    /// Not JSON, of another shape, or of a shape that two readers read differently.
    #[error("the lock file cannot be read ({0}): make it again with npm install --package-lock-only")]
    Malformed(String),
    /// An older or newer format of npm's.
    #[error(
        "lockfileVersion {0} is not read here, only 2 and 3: make the lock file again with npm install --package-lock-only --lockfile-version 3"
    )]
    Version(String),
    /// The project's own manifest, which decides with the lock file what npm installs.
    #[error("{0}")]
    Project(String),
    /// The lock file of another tool.
    #[error("this is a lock file of {0}, and those are not read yet: only npm's package-lock.json and npm-shrinkwrap.json are")]
    OtherTool(&'static str),
}

impl BadLockfile {
    /// Whether the file is of a tool whose lock files are not read, rather than a bad one of npm's.
    pub fn is_not_read_yet(&self) -> bool {
        matches!(self, BadLockfile::OtherTool(_))
    }
}

/// Reads a lock file by itself: every package that is installed, ascending by path; the project itself and its folders are left out.
pub fn read(bytes: &[u8]) -> Result<Vec<Locked>, BadLockfile> {
    read_beside(bytes, &|_| None)
}

/// The same, with the manifests that npm reads beside it: `manifest("")` gives the bytes of the project's package.json and
/// `manifest("packages/a")` those of a folder of it, where they are there.
pub fn read_beside(bytes: &[u8], manifest: &dyn Fn(&str) -> Option<Vec<u8>>) -> Result<Vec<Locked>, BadLockfile> {
    if bytes.len() > limits::LOCKFILE_BYTES {
        return Err(BadLockfile::TooLarge);
    }
    if let Some(tool) = other_tools::tool(bytes) {
        return Err(BadLockfile::OtherTool(tool));
    }
    let lock = text::read(bytes).map_err(BadLockfile::Malformed)?;
    match lock.get("lockfileVersion") {
        Some(Value::Number(n)) if matches!(n.as_i64(), Some(2 | 3)) => {}
        Some(other) => return Err(BadLockfile::Version(other.to_string().chars().take(20).collect())),
        None => return Err(BadLockfile::Malformed("there is no lockfileVersion".to_owned())),
    }
    let malformed = |why: String| BadLockfile::Malformed(why);
    let packages = lock.get("packages").and_then(Value::as_object).ok_or_else(|| malformed("there is no packages object".to_owned()))?;
    if packages.len() > limits::LOCKFILE_PACKAGES {
        return Err(BadLockfile::TooLarge);
    }
    let mut entries = BTreeMap::new();
    for (path, value) in packages {
        let entry = Entry::read(path, value).map_err(|why| malformed(format!("packages.{}: {why}", quoted(path))))?;
        entries.insert(path.as_str(), entry);
    }
    // npm finds entries without regard to case, and so do the file systems of some machines.
    let mut folded: BTreeMap<String, &str> = BTreeMap::new();
    for path in entries.keys() {
        if let Some(other) = folded.insert(path.to_ascii_lowercase(), path) {
            return Err(malformed(format!("{} and {} are one place to npm", quoted(other), quoted(path))));
        }
    }
    let project = project::Project::read(&entries, manifest).map_err(BadLockfile::Project)?;
    let lines = Lines::of(bytes, entries.len());
    let mut locked: BTreeMap<&str, Locked> = BTreeMap::new();
    for (path, entry) in &entries {
        if let Some(found) = judged::judge(path, entry, &entries, &project) {
            locked.insert(path, Locked { line: lines.of_key(path), ..found });
        }
    }
    edges::check(&mut locked, &entries, &folded, &project).map_err(BadLockfile::Malformed)?;
    let mut all: Vec<Locked> = Vec::with_capacity(locked.len());
    let more = legacy::check(&lock, &mut locked, &entries).map_err(BadLockfile::Malformed)?;
    all.extend(locked.into_values());
    all.extend(more);
    all.sort_by(|a, b| a.path.cmp(&b.path));
    all.dedup_by(|a, b| a.path == b.path);
    Ok(all)
}

impl Locked {
    /// A release of a domain's, if it is one that was read.
    pub fn release(&self) -> Option<&Release> {
        match &self.source {
            Source::Release(release) => Some(release),
            _ => None,
        }
    }

    /// What was a release is not read, for this reason; the first reason stays.
    fn refuse(&mut self, why: String) {
        if !matches!(self.source, Source::Unread(_)) {
            self.source = Source::Unread(why);
        }
    }
}

/// A text of the file inside words: short, in quotes, escaped.
fn quoted(text: &str) -> String {
    const SHOWN: usize = 160;
    let shown: String = text.chars().take(SHOWN).collect();
    format!("{shown:?}")
}

/// On which line each entry begins, in files that give each a line of its own, as npm writes them.
struct Lines<'a>(BTreeMap<&'a str, usize>);

impl<'a> Lines<'a> {
    fn of(bytes: &'a [u8], entries: usize) -> Self {
        let mut lines = BTreeMap::new();
        let text = std::str::from_utf8(bytes).unwrap_or_default();
        if text.len() > entries && text.lines().take(entries).count() == entries {
            for (number, line) in text.lines().enumerate() {
                let key = line.trim_start().strip_prefix('"').and_then(|rest| rest.split_once("\": {"));
                if let Some((key, _)) = key.filter(|(key, _)| key.contains("node_modules/")) {
                    lines.entry(key).or_insert(number + 1);
                }
            }
        }
        Lines(lines)
    }

    fn of_key(&self, path: &str) -> Option<usize> {
        self.0.get(path).copied()
    }
}

#[cfg(test)]
mod tests;
