//! The port of rows: `(projection, key) → (bytes, seq)`, with a cursor per projection.
//!
//! Shaped so that a store without transactions over documents (CouchDB) fits it: a batch carries all that it writes,
//! never a read-modify-write; each row carries its `seq`; writing a batch twice gives the same rows; the cursor is
//! written last. Such a store keeps the batch itself as one document first, writes the rows, then the cursor, and on
//! opening writes an unfinished batch again.

use crate::error::StoreError;
use crate::limits::SCANNED_AT_A_TIME;
use async_trait::async_trait;
pub use deedbox_model::ProjectionId;
use deedbox_model::projection::BadProjection;
use deedbox_model::{Row, RowKey};
use std::collections::BTreeMap;

/// What folding a run of entries changes in one projection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowBatch {
    /// Whose rows.
    pub projection: ProjectionId,
    /// The cursor that it continues: number of entries folded before.
    pub from: u64,
    /// The cursor after it; at least `from`.
    pub to: u64,
    /// Each changed row, or none for a row that is deleted.
    pub changes: BTreeMap<RowKey, Option<Row>>,
}

/// Rows.
///
/// Durability and atomicity: after a crash and `open`, each projection's rows are those of its cursor: a batch is there
/// whole or not at all. One writer; any number of readers, who see a projection's rows at some cursor between the last
/// finished batch and the one being written.
#[async_trait]
pub trait RowStore: Send + Sync {
    /// The cursor of a projection: number of entries folded into it; 0 if it has no rows yet.
    async fn cursor(&self, projection: &ProjectionId) -> Result<u64, StoreError>;
    /// The rows under these keys, in the order of the keys; none where there is no row. One round trip for up to 1,000 keys.
    async fn read(&self, projection: &ProjectionId, keys: &[RowKey]) -> Result<Vec<Option<Row>>, StoreError>;
    /// Rows whose keys begin with `prefix` (which may be empty) and come after `after`, ascending by key bytes, at most `limit`.
    async fn scan(
        &self,
        projection: &ProjectionId,
        prefix: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<(RowKey, Row)>, StoreError>;
    /// The same, and no row after those whose keys and bytes have `bytes` together; so one at least, if there is one. An
    /// adapter that can stop in the middle of a statement does; this asks for a few rows at a time.
    async fn scan_within(
        &self,
        projection: &ProjectionId,
        prefix: &str,
        after: Option<&str>,
        limit: u32,
        bytes: u64,
    ) -> Result<Vec<(RowKey, Row)>, StoreError> {
        let mut all: Vec<(RowKey, Row)> = Vec::new();
        let mut read = 0_u64;
        loop {
            let left = limit.saturating_sub(u32::try_from(all.len()).unwrap_or(u32::MAX)).min(SCANNED_AT_A_TIME);
            let last = all.last().map(|(key, _)| key.shared());
            let found = self.scan(projection, prefix, last.as_deref().or(after), left).await?;
            let is_end = left == 0 || found.len() < usize::try_from(left).unwrap_or(usize::MAX);
            for row in found {
                read = read.saturating_add(size_of_row(&row));
                all.push(row);
                if read >= bytes {
                    return Ok(all);
                }
            }
            if is_end {
                return Ok(all);
            }
        }
    }
    /// Writes batches of one or more projections and moves their cursors, all or nothing. Several batches of one
    /// projection are taken in their order. A batch whose `to` is before its `from` is `Refused`. `CursorMoved` if one of them
    /// does not continue its projection's cursor; then nothing is written.
    async fn commit(&self, batches: &[RowBatch]) -> Result<(), StoreError>;
    /// Removes all rows and the cursor of a projection, to rebuild it.
    async fn clear(&self, projection: &ProjectionId) -> Result<(), StoreError>;
}

impl From<BadProjection> for StoreError {
    fn from(bad: BadProjection) -> Self {
        StoreError::refused(format!("the projection {:?} version {}", bad.name, bad.version), bad)
    }
}

/// The row under one key; none where there is none.
pub async fn read_one(rows: &dyn RowStore, projection: &ProjectionId, key: &RowKey) -> Result<Option<Row>, StoreError> {
    Ok(rows.read(projection, std::slice::from_ref(key)).await?.into_iter().next().flatten())
}

/// Bytes of a row and its key, as `RowStore::scan_within` counts them.
pub fn size_of_row((key, row): &(RowKey, Row)) -> u64 {
    (key.as_str().len() as u64).saturating_add(row.bytes.len() as u64)
}

/// Checks that batches continue the cursors that `cursor_of` tells, each after those before it.
pub(crate) fn check_batches(batches: &[RowBatch], cursor_of: impl Fn(&ProjectionId) -> u64) -> Result<(), StoreError> {
    let mut cursors: BTreeMap<&ProjectionId, u64> = BTreeMap::new();
    for batch in batches {
        batch.projection.check()?;
        if batch.to < batch.from {
            return Err(StoreError::refused(
                format!("a batch of {} from {} to {}", batch.projection, batch.from, batch.to),
                "it goes backwards: a defect in what folds",
            ));
        }
        let found = cursors.get(&batch.projection).copied().unwrap_or_else(|| cursor_of(&batch.projection));
        if found != batch.from {
            return Err(StoreError::CursorMoved { projection: batch.projection.to_string(), found, expected: batch.from });
        }
        cursors.insert(&batch.projection, batch.to);
    }
    Ok(())
}
