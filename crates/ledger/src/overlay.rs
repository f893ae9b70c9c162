//! Authority's rows as the writer sees them: what replay has folded, under what its own batches changed that is not
//! folded yet.

use deedbox_authority::PROJECTION as AUTHORITY;
use deedbox_model::row::Keys;
use deedbox_model::{Row, RowKey};
use deedbox_store::limits::READ_KEYS;
use deedbox_store::{RowStore, StoreError};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Rows by key, or none where one was deleted, each with the index that made it so.
#[derive(Default)]
pub(crate) struct Overlay(BTreeMap<RowKey, (Option<Row>, u64)>);

impl Overlay {
    /// What an entry made of a row.
    pub(crate) fn write(&mut self, index: u64, key: RowKey, row: Option<Row>) {
        self.0.insert(key, (row, index));
    }

    /// Forgets what is folded: the store has it.
    pub(crate) fn forget(&mut self, folded: u64) {
        self.0.retain(|_, (_, index)| *index >= folded);
    }

    /// Takes back what these indices changed: their batch never became part of the log. The overlay holds nothing that
    /// such an entry overwrote unless that is folded already or is written again by a new decision.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// The rows under these keys. What is asked of the store is asked in one go; what is folded meanwhile does no harm,
    /// since the overlay keeps its newer bytes until it is told.
    pub(crate) async fn read(&self, store: &Arc<dyn RowStore>, keys: Keys) -> Result<BTreeMap<RowKey, Option<Row>>, StoreError> {
        let (mine, asked): (Vec<RowKey>, Vec<RowKey>) = keys.into_iter().partition(|key| self.0.contains_key(key));
        let mut rows = BTreeMap::new();
        for chunk in asked.chunks(READ_KEYS) {
            let found = store.read(&AUTHORITY, chunk).await?;
            rows.extend(chunk.iter().cloned().zip(found));
        }
        for key in mine {
            if let Some((row, _)) = self.0.get(&key) {
                let row = row.clone();
                rows.insert(key, row);
            }
        }
        Ok(rows)
    }
}
