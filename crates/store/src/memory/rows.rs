//! Rows in memory. The model that the other adapters are compared with.

use super::locked;
use crate::error::StoreError;
use crate::rows::{ProjectionId, RowBatch, RowStore, check_batches};
use async_trait::async_trait;
use deedbox_model::{Row, RowKey};
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex};

#[derive(Default)]
struct Kept {
    cursor: u64,
    rows: BTreeMap<String, Row>,
}

/// Rows in memory; a clone is the same store.
#[derive(Clone, Default)]
pub struct MemoryRows(Arc<Mutex<BTreeMap<ProjectionId, Kept>>>);

impl MemoryRows {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }
}

#[async_trait]
impl RowStore for MemoryRows {
    async fn cursor(&self, projection: &ProjectionId) -> Result<u64, StoreError> {
        projection.check()?;
        Ok(locked(&self.0).get(projection).map_or(0, |kept| kept.cursor))
    }
    async fn read(&self, projection: &ProjectionId, keys: &[RowKey]) -> Result<Vec<Option<Row>>, StoreError> {
        projection.check()?;
        let store = locked(&self.0);
        let rows = store.get(projection).map(|kept| &kept.rows);
        Ok(keys.iter().map(|key| rows.and_then(|rows| rows.get(key.as_str())).cloned()).collect())
    }
    async fn scan(
        &self,
        projection: &ProjectionId,
        prefix: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<(RowKey, Row)>, StoreError> {
        self.scan_within(projection, prefix, after, limit, u64::MAX).await
    }
    async fn scan_within(
        &self,
        projection: &ProjectionId,
        prefix: &str,
        after: Option<&str>,
        limit: u32,
        bytes: u64,
    ) -> Result<Vec<(RowKey, Row)>, StoreError> {
        projection.check()?;
        let mut read = 0_u64;
        let store = locked(&self.0);
        let Some(kept) = store.get(projection) else { return Ok(Vec::new()) };
        let from = match after {
            Some(after) if after >= prefix => Bound::Excluded(after),
            _ => Bound::Included(prefix),
        };
        kept.rows
            .range::<str, _>((from, Bound::Unbounded))
            .take_while(|(key, _)| key.starts_with(prefix))
            .take(limit as usize)
            .take_while(|(key, row)| {
                let is_within = read == 0 || read < bytes;
                read = read.saturating_add((key.len() + row.bytes.len()) as u64);
                is_within
            })
            .map(|(key, row)| {
                let key = RowKey::new(key.clone()).map_err(|e| StoreError::damaged(format!("rows of {projection}"), e))?;
                Ok((key, row.clone()))
            })
            .collect()
    }
    async fn commit(&self, batches: &[RowBatch]) -> Result<(), StoreError> {
        let mut store = locked(&self.0);
        // All checks come before the first write: a failure leaves nothing.
        check_batches(batches, |projection| store.get(projection).map_or(0, |kept| kept.cursor))?;
        for batch in batches {
            let kept = store.entry(batch.projection.clone()).or_default();
            kept.cursor = batch.to;
            for (key, row) in &batch.changes {
                match row {
                    Some(row) => kept.rows.insert(key.as_str().to_owned(), row.clone()),
                    None => kept.rows.remove(key.as_str()),
                };
            }
        }
        Ok(())
    }
    async fn clear(&self, projection: &ProjectionId) -> Result<(), StoreError> {
        projection.check()?;
        locked(&self.0).remove(projection);
        Ok(())
    }
    async fn generations(&self) -> Result<Vec<(String, u64)>, StoreError> {
        let mut all: Vec<_> = locked(&self.0).iter().map(|(id, kept)| (id.to_string(), kept.rows.len() as u64)).collect();
        all.sort_unstable();
        Ok(all)
    }
    async fn drop_generation(&self, id: &str) -> Result<(), StoreError> {
        locked(&self.0).retain(|projection, _| projection.to_string() != id);
        Ok(())
    }
    async fn close(&self) {}
}
