//! Rows in memory. The model that the other adapters are compared with.

use super::locked;
use crate::error::StoreError;
use crate::rows::{RowBatch, RowReader, RowStore, RowWork, check_batches};
use async_trait::async_trait;
use deedbox_model::{ProjectionId, Row, RowKey};
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex};

#[derive(Default, Clone)]
struct Kept {
    cursor: u64,
    rows: BTreeMap<String, Row>,
}

/// Rows in memory; a clone is the same store.
#[derive(Clone, Default)]
pub struct MemoryRows(Arc<Mutex<BTreeMap<ProjectionId, Arc<Kept>>>>);

impl MemoryRows {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }
}

/// The rows of one state.
struct Reading<'a> {
    projection: &'a ProjectionId,
    kept: Arc<Kept>,
}

impl RowReader for Reading<'_> {
    fn cursor(&mut self) -> Result<u64, StoreError> {
        Ok(self.kept.cursor)
    }
    fn read(&mut self, keys: &[RowKey]) -> Result<Vec<Option<Row>>, StoreError> {
        Ok(keys.iter().map(|key| self.kept.rows.get(key.as_str()).cloned()).collect())
    }
    fn scan(&mut self, prefix: &str, after: Option<&str>, limit: u32, bytes: u64) -> Result<Vec<(RowKey, Row)>, StoreError> {
        let mut read = 0_u64;
        let from = match after {
            Some(after) if after >= prefix => Bound::Excluded(after),
            _ => Bound::Included(prefix),
        };
        self.kept
            .rows
            .range::<str, _>((from, Bound::Unbounded))
            .take_while(|(key, _)| key.starts_with(prefix))
            .take(limit as usize)
            .take_while(|(key, row)| {
                let is_within = read == 0 || read < bytes;
                read = read.saturating_add((key.len() + row.bytes.len()) as u64);
                is_within
            })
            .map(|(key, row)| {
                let key = RowKey::new(key.clone()).map_err(|e| StoreError::damaged(format!("rows of {}", self.projection), e))?;
                Ok((key, row.clone()))
            })
            .collect()
    }
}

#[async_trait]
impl RowStore for MemoryRows {
    async fn with_rows(&self, projection: &ProjectionId, work: RowWork) -> Result<(), StoreError> {
        projection.check()?;
        // Reading it blocks nobody, and a writer that finds it in use goes on with a copy.
        let kept = locked(&self.0).get(projection).map(Arc::clone).unwrap_or_default();
        work(&mut Reading { projection, kept });
        Ok(())
    }
    async fn commit(&self, batches: &[RowBatch]) -> Result<(), StoreError> {
        let mut store = locked(&self.0);
        // All checks come before the first write: a failure leaves nothing.
        check_batches(batches, |projection| store.get(projection).map_or(0, |kept| kept.cursor))?;
        for batch in batches {
            let kept = Arc::make_mut(store.entry(batch.projection.clone()).or_default());
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
