//! Commits in memory. Never forgets one, like every other adapter.

use super::locked;
use crate::commits::{Commits, Created};
use crate::error::StoreError;
use async_trait::async_trait;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// Commits in memory; a clone is the same store.
#[derive(Clone, Default)]
pub struct MemoryCommits(Arc<Mutex<BTreeMap<u64, Bytes>>>);

impl MemoryCommits {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }
}

#[async_trait]
impl Commits for MemoryCommits {
    async fn create(&self, number: u64, bytes: Bytes) -> Result<Created, StoreError> {
        let mut commits = locked(&self.0);
        if let Some(there) = commits.get(&number) {
            return Ok(Created::Exists(there.clone()));
        }
        commits.insert(number, bytes);
        Ok(Created::Created)
    }
    async fn read(&self, number: u64) -> Result<Option<Bytes>, StoreError> {
        Ok(locked(&self.0).get(&number).cloned())
    }
    async fn last(&self) -> Result<Option<u64>, StoreError> {
        Ok(locked(&self.0).keys().next_back().copied())
    }
}
