//! The project's own manifests beside a lock file. They count as the lock file does: npm reads both.

use super::entry::{ASKING, Entries, asked};
use super::{place, quoted, text};
use crate::limits::LOCKFILE_BYTES;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// The manifests beside a lock file, of the project and of its folders.
pub(super) struct Project {
    manifests: BTreeMap<String, Map<String, Value>>,
    root_in_lock: Option<Map<String, Value>>,
}

impl Project {
    /// Reads the project's package.json, and that of each folder inside it that has an entry.
    pub(super) fn read(entries: &Entries<'_>, manifest: &dyn Fn(&str) -> Option<Vec<u8>>) -> Result<Self, String> {
        let inside =
            |path: &&&str| place::split(path).is_none() && !path.split('/').any(|s| s == ".." || s == "node_modules" || s.contains(':'));
        let folders: BTreeSet<&str> = entries.keys().filter(inside).copied().chain([""]).collect();
        let mut manifests = BTreeMap::new();
        let mut read = 0_usize;
        for folder in folders {
            let Some(bytes) = manifest(folder) else { continue };
            read = read.saturating_add(bytes.len());
            if read > LOCKFILE_BYTES {
                return Err(format!("the manifests of the project and its folders have more than {LOCKFILE_BYTES} bytes together"));
            }
            let name = if folder.is_empty() { "package.json".to_owned() } else { format!("{folder}/package.json") };
            let bad = |why: String| format!("{}, which npm reads with the lock file, cannot be read here: {why}", quoted(&name));
            let value = text::read(&bytes).map_err(bad)?;
            let Value::Object(map) = value else { return Err(bad("it is not an object".to_owned())) };
            for key in ASKING {
                asked(&map, key).map_err(bad)?;
            }
            manifests.insert(folder.to_owned(), map);
        }
        let root_in_lock = entries.get("").map(|entry| entry.fields().clone());
        Ok(Project { manifests, root_in_lock })
    }

    /// The manifest of the project (`""`) or of a folder of it, if it is there.
    pub(super) fn manifest(&self, folder: &str) -> Option<&Map<String, Value>> {
        self.manifests.get(folder)
    }

    /// All of them, by their folders.
    pub(super) fn manifests(&self) -> &BTreeMap<String, Map<String, Value>> {
        &self.manifests
    }

    /// What npm takes for the project's own manifest: the file, or else what the lock file says of it.
    pub(super) fn root(&self) -> Option<&Map<String, Value>> {
        self.manifests.get("").or(self.root_in_lock.as_ref())
    }

    /// Whether the project says that it has workspaces.
    pub(super) fn has_workspaces(&self) -> bool {
        match self.root().and_then(|root| root.get("workspaces")) {
            Some(Value::Array(list)) => !list.is_empty(),
            Some(Value::Object(map)) => !map.is_empty(),
            _ => false,
        }
    }
}
