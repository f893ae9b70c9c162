//! The port of rows: `(projection, key) → (bytes, seq)`, with a cursor per projection.
//!
//! Shaped so that a store without transactions over documents (CouchDB) fits it: a batch carries all that it writes,
//! never a read-modify-write; each row carries its `seq`; writing a batch twice gives the same rows; the cursor is
//! written last. Such a store keeps the batch itself as one document first, writes the rows, then the cursor, and on
//! opening writes an unfinished batch again.

use crate::error::StoreError;
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
    /// Writes batches of one or more projections and moves their cursors, all or nothing. `CursorMoved` if one of them
    /// does not continue its projection's cursor; then nothing is written.
    async fn commit(&self, batches: Vec<RowBatch>) -> Result<(), StoreError>;
    /// Removes all rows and the cursor of a projection, to rebuild it.
    async fn clear(&self, projection: &ProjectionId) -> Result<(), StoreError>;
}
