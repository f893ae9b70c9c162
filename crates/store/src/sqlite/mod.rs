//! Rows in one SQLite file (docs/decisions/0004): a table per generation of a projection, and one of cursors. Writing is a
//! handful of statements, however many rows it is about: a statement costs some 60 microseconds in thread hops, a row in it one
//! or two. Reading has connections of its own, on the thread of whoever reads (docs/decisions/0014).
//!
//! WAL with `synchronous=FULL`: a commit that returned survives a power failure; readers never wait for the writer and
//! see the rows as of the last finished commit. Nothing here is a source: a damaged file is deleted and folded again.

mod failure;
mod opening;
mod readers;
mod snapshot;
mod statements;

use crate::error::{Failing, StoreError};
use crate::limits::{DELETE_KEYS, INSERT_LENGTHS};
use crate::rows::{RowBatch, RowStore, RowWork, check_batches};
use async_trait::async_trait;
use deedbox_model::{ProjectionId, Row as ProjectionRow, RowKey};
use failure::{Said, failure};
use readers::Readers;
use snapshot::Snapshot;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{AssertSqlSafe, Connection, Row};
use statements::{key_array, quoted_table};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use tokio::sync::Mutex;

/// Rows in a SQLite file; a clone is the same store.
#[derive(Clone)]
pub(crate) struct SqliteRows(Arc<Store>);

struct Store {
    /// Shown in failures.
    file: String,
    /// The only connection that writes; waiting for it is the queue of writers. None where the medium cannot be written.
    writer: Mutex<Option<SqliteConnection>>,
    readers: Arc<Readers>,
    /// Projections whose table is known to be there. A table, once made, stays: `clear` empties it by making it anew in
    /// the same transaction, so no reader ever misses it.
    tables: RwLock<BTreeSet<ProjectionId>>,
}

impl SqliteRows {
    /// Opens the file, or makes it.
    ///
    /// Errors: `Refused` if it is another program's or a newer version's; `Damaged` if SQLite says so; `Medium` else.
    pub(crate) async fn open(file: &Path) -> Result<Self, StoreError> {
        let shown = file.display().to_string();
        let writer = opening::open_writer(file, &shown).await?;
        let readers = Arc::new(Readers::of(file, &shown, opening::Reading::BesideTheWriter));
        Ok(SqliteRows(Arc::new(Store { file: shown, writer: Mutex::new(Some(writer)), readers, tables: RwLock::default() })))
    }
    /// Opens a file that is there, where nothing can be written: the medium is full or read-only. Writing is `Medium`.
    ///
    /// Errors: as those of `open`, and `Medium` if there is no such file.
    pub(crate) async fn open_to_read(file: &Path) -> Result<Self, StoreError> {
        let shown = file.display().to_string();
        let how = opening::check_to_read(file, &shown).await?;
        let readers = Arc::new(Readers::of(file, &shown, how));
        Ok(SqliteRows(Arc::new(Store { file: shown, writer: Mutex::new(None), readers, tables: RwLock::default() })))
    }
}

impl Store {
    fn failed<E: Said>(&self, doing: &str) -> impl FnOnce(E) -> StoreError {
        let what = format!("{doing} {}", self.file);
        move |e| failure(what, &e)
    }
    /// Begins to write.
    async fn begin<'a>(
        &self,
        writer: &'a mut Option<SqliteConnection>,
        doing: &str,
    ) -> Result<sqlx::Transaction<'a, sqlx::Sqlite>, StoreError> {
        let Some(writer) = writer.as_mut() else {
            return Err(StoreError::failing(Failing::ReadOnly, format!("{doing} {}", self.file), "it was opened to be read, or is closed"));
        };
        writer.begin_with("BEGIN IMMEDIATE").await.map_err(self.failed(doing))
    }
    fn knows(&self, projection: &ProjectionId) -> bool {
        self.tables.read().unwrap_or_else(PoisonError::into_inner).contains(projection)
    }
    fn learn(&self, projections: impl IntoIterator<Item = ProjectionId>) {
        self.tables.write().unwrap_or_else(PoisonError::into_inner).extend(projections);
    }
    /// A table is gone for good: whoever writes such rows makes it anew.
    fn forget(&self, id: &str) {
        self.tables.write().unwrap_or_else(PoisonError::into_inner).retain(|projection| projection.to_string() != id);
    }
}

#[async_trait]
impl RowStore for SqliteRows {
    async fn with_rows(&self, projection: &ProjectionId, work: RowWork) -> Result<(), StoreError> {
        projection.check()?;
        let (store, projection) = (Arc::clone(&self.0), projection.clone());
        let done = self.0.readers.run(move |on| {
            work(&mut Snapshot::of(on, &store, &projection)?);
            Ok(())
        });
        done.await
    }
    async fn commit(&self, batches: &[RowBatch]) -> Result<(), StoreError> {
        let mut writer = self.0.writer.lock().await;
        // Dropping the transaction, by any failure or because the caller went away, takes everything back; so does a
        // crash before the COMMIT is on the medium.
        let mut transaction = self.0.begin(&mut writer, "writing rows of").await?;
        let written = write(&mut transaction, batches, &self.0).await?;
        transaction.commit().await.map_err(self.0.failed("writing rows of"))?;
        self.0.learn(written);
        Ok(())
    }
    async fn clear(&self, projection: &ProjectionId) -> Result<(), StoreError> {
        projection.check()?;
        let mut writer = self.0.writer.lock().await;
        let mut transaction = self.0.begin(&mut writer, "clearing rows of").await?;
        for sql in statements::clear(&quoted_table(projection)) {
            let done = sqlx::query(AssertSqlSafe(sql)).persistent(false).execute(&mut *transaction).await;
            done.map_err(self.0.failed("clearing rows of"))?;
        }
        let done = sqlx::query(statements::FORGET_CURSOR).bind(projection.to_string()).execute(&mut *transaction).await;
        done.map_err(self.0.failed("clearing rows of"))?;
        transaction.commit().await.map_err(self.0.failed("clearing rows of"))
    }
    async fn generations(&self) -> Result<Vec<(String, u64)>, StoreError> {
        let store = Arc::clone(&self.0);
        let done = self.0.readers.run(move |on| {
            let mut look = on.prepare(statements::TABLES).map_err(store.failed("reading"))?;
            let names = look.query_map([], |row| row.get(0)).and_then(|names| names.collect::<Result<Vec<String>, _>>());
            let mut generations = Vec::new();
            for name in names.map_err(store.failed("reading"))? {
                let Some(id) = name.strip_prefix(statements::TABLE_PREFIX) else { continue };
                let counted = on.query_row(&statements::count(&name), [], |row| row.get::<_, i64>(0));
                generations.push((id.to_owned(), counted.map_err(store.failed("counting rows of"))?.cast_unsigned()));
            }
            Ok(generations)
        });
        done.await
    }
    async fn drop_generation(&self, id: &str) -> Result<(), StoreError> {
        let mut writer = self.0.writer.lock().await;
        let mut transaction = self.0.begin(&mut writer, "clearing rows of").await?;
        let table = format!("{}{id}", statements::TABLE_PREFIX);
        let done = sqlx::query(AssertSqlSafe(statements::drop(&table))).persistent(false).execute(&mut *transaction).await;
        done.map_err(self.0.failed("clearing rows of"))?;
        let done = sqlx::query(statements::FORGET_CURSOR).bind(id.to_owned()).execute(&mut *transaction).await;
        done.map_err(self.0.failed("clearing rows of"))?;
        transaction.commit().await.map_err(self.0.failed("clearing rows of"))?;
        self.0.forget(id);
        Ok(())
    }
    /// All that was committed is then in the one file. Where it does not come to that, the next opening brings the files together.
    async fn close(&self) {
        self.0.readers.close().await;
        if let Some(writer) = self.0.writer.lock().await.take() {
            // What was committed is on the disk whether or not this ends well.
            let _ = writer.close().await;
        }
    }
}

/// Writes batches within a transaction; gives the projections that have a table now.
async fn write(on: &mut SqliteConnection, batches: &[RowBatch], store: &Store) -> Result<BTreeSet<ProjectionId>, StoreError> {
    // A handful of projections: all cursors in one statement cost less than one statement each.
    let found = sqlx::query(statements::CURSORS).fetch_all(&mut *on).await.map_err(store.failed("writing rows of"))?;
    let found: Result<BTreeMap<String, u64>, sqlx::Error> = found.iter().map(|row| Ok((row.try_get(0)?, number(row, 1)?))).collect();
    let found = found.map_err(store.failed("writing rows of"))?;
    check_batches(batches, |projection| found.get(&projection.to_string()).copied().unwrap_or(0))?;
    let mut cursors: BTreeMap<ProjectionId, u64> = BTreeMap::new();
    for batch in batches {
        let table = quoted_table(&batch.projection);
        if !store.knows(&batch.projection) {
            let done = sqlx::query(AssertSqlSafe(statements::make(&table))).persistent(false).execute(&mut *on).await;
            done.map_err(store.failed("writing rows of"))?;
        }
        let done = write_changes(on, &table, batch).await;
        done.map_err(store.failed("writing rows of"))?;
        cursors.insert(batch.projection.clone(), batch.to);
    }
    if !cursors.is_empty() {
        let mut moved = sqlx::query(AssertSqlSafe(statements::move_cursors(cursors.len())));
        for (projection, to) in &cursors {
            moved = moved.bind(projection.to_string()).bind(to.cast_signed());
        }
        moved.execute(&mut *on).await.map_err(store.failed("writing rows of"))?;
    }
    Ok(cursors.into_keys().collect())
}

async fn write_changes(on: &mut SqliteConnection, table: &str, batch: &RowBatch) -> Result<(), sqlx::Error> {
    let mut gone: Vec<&RowKey> = Vec::new();
    let mut written: Vec<(&RowKey, &ProjectionRow)> = Vec::new();
    for (key, row) in &batch.changes {
        match row {
            Some(row) => written.push((key, row)),
            None => gone.push(key),
        }
    }
    let mut rest = written.as_slice();
    while !rest.is_empty() {
        // Statements of a few lengths, each prepared once: preparing one of any length would cost more than its rows.
        let rows;
        (rows, rest) = rest.split_at(INSERT_LENGTHS.into_iter().find(|length| *length <= rest.len()).unwrap_or(rest.len()));
        let mut query = sqlx::query(AssertSqlSafe(statements::insert(table, rows.len())));
        for (key, row) in rows {
            query = query.bind(key.shared()).bind(row.seq.cast_signed()).bind(Arc::clone(&row.bytes));
        }
        query.execute(&mut *on).await?;
    }
    for keys in gone.chunks(DELETE_KEYS) {
        let query = sqlx::query(AssertSqlSafe(statements::delete(table))).bind(key_array(keys.iter().copied()));
        query.execute(&mut *on).await?;
    }
    Ok(())
}

/// What SQLite keeps as a signed number; all 64 bits come back as they were.
fn number(row: &SqliteRow, column: usize) -> Result<u64, sqlx::Error> {
    Ok(row.try_get::<i64, _>(column)?.cast_unsigned())
}
