//! The port of rows: `(projection, key) → (bytes, seq)`, with a cursor per projection.
//!
//! Shaped so that a store without transactions over documents (CouchDB) fits it: a batch carries all that it writes,
//! never a read-modify-write; each row carries its `seq`; writing a batch twice gives the same rows; the cursor is
//! written last. Such a store keeps the batch itself as one document first, writes the rows, then the cursor, and on
//! opening writes an unfinished batch again; a row has its value before the batch beside the new one, so that readers have the rows of
//! the cursor until it moves.

use crate::error::StoreError;
use async_trait::async_trait;
use deedbox_model::projection::BadProjection;
use deedbox_model::{ProjectionId, Row, RowKey};
use std::collections::BTreeMap;
use tokio::sync::oneshot;

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

/// The rows of one projection as they are at one cursor. Whatever is written meanwhile, all that one reader reads is of one state.
pub trait RowReader {
    /// Number of entries folded into them; 0 if there are none yet.
    fn cursor(&mut self) -> Result<u64, StoreError>;
    /// The rows under these keys, in the order of the keys; none where there is no row.
    fn read(&mut self, keys: &[RowKey]) -> Result<Vec<Option<Row>>, StoreError>;
    /// Rows whose keys begin with `prefix` (which may be empty) and come after `after`, ascending by key bytes, at most `limit`, and no
    /// row after those whose keys and bytes have `bytes` together; so one at least, if there is one.
    fn scan(&mut self, prefix: &str, after: Option<&str>, limit: u32, bytes: u64) -> Result<Vec<(RowKey, Row)>, StoreError>;
}

/// What is done with the rows of one state. Synchronous: a state is held for as long as it runs, and nothing is awaited meanwhile.
pub type RowWork = Box<dyn FnOnce(&mut dyn RowReader) + Send>;

/// Rows.
///
/// Durability and atomicity: after a crash and `open`, each projection's rows are those of its cursor: a batch is there
/// whole or not at all. One writer; any number of readers, who see a projection's rows at some cursor between the last
/// finished batch and the one being written.
#[async_trait]
pub trait RowStore: Send + Sync {
    /// Lets some work read the rows of a projection in one state: before a batch or after it, never within. A store whose reading
    /// blocks does the work on a thread that may, and a caller that stops waiting does not stop the work. A few works run at once, each
    /// with a reader of its own; the next one waits, so none may wait for another. The state is let go of when the work returns.
    async fn with_rows(&self, projection: &ProjectionId, work: RowWork) -> Result<(), StoreError>;
    /// The cursor of a projection: number of entries folded into it; 0 if it has no rows yet.
    async fn cursor(&self, projection: &ProjectionId) -> Result<u64, StoreError> {
        let (work, given) = giving(|rows| rows.cursor());
        self.with_rows(projection, work).await?;
        given()?
    }
    /// The rows under these keys, in the order of the keys; none where there is no row.
    async fn read(&self, projection: &ProjectionId, keys: &[RowKey]) -> Result<Vec<Option<Row>>, StoreError> {
        let keys = keys.to_vec();
        let (work, given) = giving(move |rows| rows.read(&keys));
        self.with_rows(projection, work).await?;
        given()?
    }
    /// Rows whose keys begin with `prefix` (which may be empty) and come after `after`, ascending by key bytes, at most `limit`.
    async fn scan(
        &self,
        projection: &ProjectionId,
        prefix: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<(RowKey, Row)>, StoreError> {
        let (prefix, after) = (prefix.to_owned(), after.map(str::to_owned));
        let (work, given) = giving(move |rows| rows.scan(&prefix, after.as_deref(), limit, u64::MAX));
        self.with_rows(projection, work).await?;
        given()?
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
    /// Ends every use of the medium, after those that are at work. A caller that asks afterwards is refused as the medium does it. A store
    /// that is dropped instead is left as by a crash.
    async fn close(&self);
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

/// What some work makes of the rows of one state.
pub async fn read_rows<T: Send + 'static>(
    rows: &dyn RowStore,
    projection: &ProjectionId,
    work: impl FnOnce(&mut dyn RowReader) -> T + Send + 'static,
) -> Result<T, StoreError> {
    let (work, given) = giving(work);
    rows.with_rows(projection, work).await?;
    given()
}

/// Work that gives something, and what gives it on when the work is done.
fn giving<T: Send + 'static>(
    work: impl FnOnce(&mut dyn RowReader) -> T + Send + 'static,
) -> (RowWork, impl FnOnce() -> Result<T, StoreError> + Send) {
    let (give, mut given) = oneshot::channel();
    let work: RowWork = Box::new(move |rows| {
        // Nobody waits any more where this fails.
        let _ = give.send(work(rows));
    });
    (work, move || given.try_recv().map_err(|e| StoreError::medium("reading rows", e)))
}

/// Bytes of a row and its key, as `RowReader::scan` counts them.
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
