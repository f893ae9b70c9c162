//! A store that writes row by row, as one without transactions over documents must: it shows the old state or the new all the same, by
//! values that say which commit wrote them and a head that moves last. One whose readers take whatever is newest is caught by the suite.

use crate::conformance;
use crate::rows::{RowReader, RowWork, check_batches};
use crate::{RowBatch, RowStore, StoreError, size_of_row};
use async_trait::async_trait;
use deedbox_model::{ProjectionId, Row, RowKey};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The values of a row, each with the number of the commit that wrote it, ascending; none where that deleted it.
type Values = Vec<(u64, Option<Row>)>;

#[derive(Default)]
struct Documents {
    /// Commits that are done, and the cursors after the last of them: one document, written last.
    head: (u64, BTreeMap<ProjectionId, u64>),
    rows: BTreeMap<(ProjectionId, RowKey), Values>,
}

/// Rows as documents, each written by itself.
#[derive(Clone)]
struct Stepwise {
    documents: Arc<Mutex<Documents>>,
    /// One writer at a time.
    turn: Arc<tokio::sync::Mutex<()>>,
    /// Whether readers take the newest value there is.
    is_torn: bool,
}

impl Stepwise {
    fn new(is_torn: bool) -> Self {
        Stepwise { documents: Arc::default(), turn: Arc::default(), is_torn }
    }
    fn with<T>(&self, visit: impl FnOnce(&mut Documents) -> T) -> T {
        visit(&mut self.documents.lock().unwrap_or_else(PoisonError::into_inner))
    }
    /// Writes one row after the other, and the head last.
    async fn write(&self, changes: Vec<(ProjectionId, RowKey, Option<Row>)>, cursors: BTreeMap<ProjectionId, u64>) {
        let next = self.with(|documents| documents.head.0) + 1;
        for (projection, key, row) in changes {
            self.with(|documents| {
                let values = documents.rows.entry((projection, key)).or_default();
                // What a writer left that ended before its head; and an earlier value of this commit.
                values.retain(|(by, _)| *by < next);
                values.push((next, row));
            });
            tokio::task::yield_now().await;
        }
        self.with(|documents| documents.head = (next, cursors));
    }
}

/// One state: that of the head when reading began.
struct Reading<'a> {
    store: &'a Stepwise,
    projection: &'a ProjectionId,
    head: (u64, u64),
}

impl Reading<'_> {
    fn of(&self, values: &Values) -> Option<Row> {
        values.iter().rfind(|(by, _)| self.store.is_torn || *by <= self.head.0).and_then(|(_, row)| row.clone())
    }
}

impl RowReader for Reading<'_> {
    fn cursor(&mut self) -> Result<u64, StoreError> {
        Ok(self.head.1)
    }
    fn read(&mut self, keys: &[RowKey]) -> Result<Vec<Option<Row>>, StoreError> {
        let id = |key: &RowKey| (self.projection.clone(), key.clone());
        Ok(self.store.with(|documents| keys.iter().map(|key| documents.rows.get(&id(key)).and_then(|values| self.of(values))).collect()))
    }
    fn scan(&mut self, prefix: &str, after: Option<&str>, limit: u32, bytes: u64) -> Result<Vec<(RowKey, Row)>, StoreError> {
        let mut rows = Vec::new();
        let mut read = 0;
        self.store.with(|documents| {
            for ((projection, key), values) in &documents.rows {
                let is_asked_for =
                    projection == self.projection && key.as_str().starts_with(prefix) && after.is_none_or(|after| key.as_str() > after);
                let Some(row) = self.of(values).filter(|_| is_asked_for) else { continue };
                if rows.len() >= limit as usize || (read > 0 && read >= bytes) {
                    break;
                }
                let row = (key.clone(), row);
                read += size_of_row(&row);
                rows.push(row);
            }
        });
        Ok(rows)
    }
}

#[async_trait]
impl RowStore for Stepwise {
    async fn with_rows(&self, projection: &ProjectionId, work: RowWork) -> Result<(), StoreError> {
        projection.check()?;
        let head = self.with(|documents| (documents.head.0, documents.head.1.get(projection).copied().unwrap_or(0)));
        let (store, projection) = (self.clone(), projection.clone());
        let done = tokio::task::spawn_blocking(move || work(&mut Reading { store: &store, projection: &projection, head }));
        done.await.map_err(|e| StoreError::medium("reading", e))
    }
    async fn commit(&self, batches: &[RowBatch]) -> Result<(), StoreError> {
        let _turn = self.turn.lock().await;
        let mut cursors = self.with(|documents| documents.head.1.clone());
        check_batches(batches, |projection| cursors.get(projection).copied().unwrap_or(0))?;
        let mut changes = Vec::new();
        for batch in batches {
            changes.extend(batch.changes.iter().map(|(key, row)| (batch.projection.clone(), key.clone(), row.clone())));
            cursors.insert(batch.projection.clone(), batch.to);
        }
        self.write(changes, cursors).await;
        Ok(())
    }
    async fn clear(&self, projection: &ProjectionId) -> Result<(), StoreError> {
        projection.check()?;
        self.drop_generation(&projection.to_string()).await
    }
    async fn generations(&self) -> Result<Vec<(String, u64)>, StoreError> {
        Ok(self.with(|documents| {
            let at = documents.head.0;
            let is_there = |values: &Values| values.iter().rfind(|(by, _)| *by <= at).is_some_and(|(_, row)| row.is_some());
            let rows_of = |of: &ProjectionId| documents.rows.iter().filter(|((id, _), values)| id == of && is_there(values)).count() as u64;
            let mut all: Vec<_> = documents.head.1.keys().map(|id| (id.to_string(), rows_of(id))).collect();
            all.sort_unstable();
            all
        }))
    }
    async fn drop_generation(&self, id: &str) -> Result<(), StoreError> {
        let _turn = self.turn.lock().await;
        let (keys, mut cursors) = self.with(|documents| (documents.rows.keys().cloned().collect::<Vec<_>>(), documents.head.1.clone()));
        let gone = keys.into_iter().filter(|(projection, _)| projection.to_string() == id);
        cursors.retain(|projection, _| projection.to_string() != id);
        self.write(gone.map(|(projection, key)| (projection, key, None)).collect(), cursors).await;
        Ok(())
    }
    async fn close(&self) {}
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_writes_row_by_row_shows_the_old_state_or_the_new() {
    conformance::rows(async || Stepwise::new(false)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_shows_half_a_batch_is_caught() {
    let torn = tokio::spawn(conformance::torn_batch(Arc::new(Stepwise::new(true))));
    assert!(torn.await.unwrap_err().is_panic(), "the suite takes half a batch for a state");
}
