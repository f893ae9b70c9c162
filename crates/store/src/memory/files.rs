//! Files in memory. Takes a path as a file and as a folder at once, which a disk does not: tests of what writes files run on disk too.

use super::locked;
use crate::error::StoreError;
use crate::files::{Files, check_path, check_prefix, is_under};
use async_trait::async_trait;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// Files in memory; a clone is the same store.
#[derive(Clone, Default)]
pub struct MemoryFiles(Arc<Mutex<BTreeMap<String, Bytes>>>);

impl MemoryFiles {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }
}

#[async_trait]
impl Files for MemoryFiles {
    async fn put(&self, path: &str, bytes: Bytes) -> Result<(), StoreError> {
        check_path(path)?;
        locked(&self.0).insert(path.to_owned(), bytes);
        Ok(())
    }
    async fn get(&self, path: &str) -> Result<Option<Bytes>, StoreError> {
        check_path(path)?;
        Ok(locked(&self.0).get(path).cloned())
    }
    async fn delete(&self, path: &str) -> Result<(), StoreError> {
        check_path(path)?;
        locked(&self.0).remove(path);
        Ok(())
    }
    async fn list(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        check_prefix(prefix)?;
        Ok(locked(&self.0)
            .range(prefix.to_owned()..)
            .map(|(path, _)| path)
            .take_while(|p| p.starts_with(prefix))
            .filter(|p| is_under(p, prefix))
            .cloned()
            .collect())
    }
}
