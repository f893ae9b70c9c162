//! The port of rows: `(projection, key) → (bytes, seq)`, with a cursor per projection.
//!
//! Shaped so that a store without transactions over documents (CouchDB) fits it: a batch carries all that it writes,
//! never a read-modify-write; each row carries its `seq`; writing a batch twice gives the same rows; the cursor is
//! written last. Such a store keeps the batch itself as one document first, writes the rows, then the cursor, and on
//! opening writes an unfinished batch again.

use crate::error::StoreError;
use crate::limits::{PROJECTION_NAME_BYTES, SCANNED_AT_A_TIME};
use async_trait::async_trait;
use deedbox_model::{Row, RowKey};
use std::collections::BTreeMap;

/// A generation of a projection's rows: its name and version, written `npm.1`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProjectionId {
    /// `[a-z][a-z0-9-]{0,31}`.
    pub name: &'static str,
    /// From 1.
    pub version: u32,
}

impl std::fmt::Display for ProjectionId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.name, self.version)
    }
}

impl ProjectionId {
    /// Whether the name and the version are of the form above; adapters ask before the name goes into a query or a path.
    pub fn check(&self) -> Result<(), StoreError> {
        let mut bytes = self.name.bytes();
        let fits = bytes.next().is_some_and(|b| b.is_ascii_lowercase())
            && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && self.name.len() <= PROJECTION_NAME_BYTES
            && self.version >= 1;
        if fits {
            return Ok(());
        }
        let shown: String = self.name.chars().take(80).collect();
        Err(StoreError::refused(
            format!("the projection {shown:?} version {}", self.version),
            "its name is not [a-z][a-z0-9-]{0,31}, or its version is not from 1",
        ))
    }
}

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
    /// The generations of projections whose rows are here, as their ids are written, in their order, each with its number of rows. One
    /// that was cleared may be among them, without rows.
    async fn generations(&self) -> Result<Vec<(String, u64)>, StoreError>;
    /// Removes a generation of which `generations` told, and its cursor: no program asks for it, so it may have any name.
    async fn drop_generation(&self, id: &str) -> Result<(), StoreError>;
    /// Ends every use of the medium, after those that are at work. Whoever asks afterwards is refused as the medium does it. A store
    /// that is dropped instead is left as by a crash.
    async fn close(&self);
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
