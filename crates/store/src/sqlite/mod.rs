//! Rows in one SQLite file (docs/decisions/0004): a table per generation of a projection, and one of cursors. Every
//! call is a handful of statements, however many rows it is about: a statement costs some 60 microseconds in thread
//! hops, a row in it one or two.
//!
//! WAL with `synchronous=FULL`: a commit that returned survives a power failure; readers never wait for the writer and
//! see the rows as of the last finished commit. Nothing here is a source: a damaged file is deleted and folded again.

mod opening;
mod statements;

use crate::error::{Failing, StoreError, failing};
use crate::limits::{INSERT_LENGTHS, READ_KEYS};
use crate::rows::{ProjectionId, RowBatch, RowStore, check_batches, size_of_row};
use async_trait::async_trait;
use deedbox_model::{Row as ProjectionRow, RowKey};
use futures::TryStreamExt as _;
use sqlx::sqlite::{SqliteConnection, SqlitePool, SqliteRow};
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
    readers: SqlitePool,
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
        let readers = opening::readers(file, opening::Reading::BesideTheWriter);
        Ok(SqliteRows(Arc::new(Store { file: shown, writer: Mutex::new(Some(writer)), readers, tables: RwLock::default() })))
    }
    /// Opens a file that is there, where nothing can be written: the medium is full or read-only. Writing is `Medium`.
    ///
    /// Errors: as those of `open`, and `Medium` if there is no such file.
    pub(crate) async fn open_to_read(file: &Path) -> Result<Self, StoreError> {
        let shown = file.display().to_string();
        let how = opening::check_to_read(file, &shown).await?;
        let readers = opening::readers(file, how);
        Ok(SqliteRows(Arc::new(Store { file: shown, writer: Mutex::new(None), readers, tables: RwLock::default() })))
    }
}

impl Store {
    fn failed(&self, doing: &str) -> impl FnOnce(sqlx::Error) -> StoreError {
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
    /// Whether the projection has a table. Asks the file until it has.
    async fn has_table(&self, projection: &ProjectionId) -> Result<bool, StoreError> {
        if self.knows(projection) {
            return Ok(true);
        }
        let name = statements::table(projection);
        let found = sqlx::query("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1").bind(name);
        let found = found.fetch_optional(&self.readers).await.map_err(self.failed("reading"))?.is_some();
        if found {
            self.learn([projection.clone()]);
        }
        Ok(found)
    }
}

#[async_trait]
impl RowStore for SqliteRows {
    async fn cursor(&self, projection: &ProjectionId) -> Result<u64, StoreError> {
        projection.check()?;
        let found = sqlx::query(statements::CURSOR).bind(projection.to_string()).fetch_optional(&self.0.readers).await;
        let found = found.map_err(self.0.failed("reading the cursor of"))?;
        found.map_or(Ok(0), |row| number(&row, 0).map_err(self.0.failed("reading the cursor of")))
    }
    async fn read(&self, projection: &ProjectionId, keys: &[RowKey]) -> Result<Vec<Option<ProjectionRow>>, StoreError> {
        projection.check()?;
        let mut rows = vec![None; keys.len()];
        if keys.is_empty() || !self.0.has_table(projection).await? {
            return Ok(rows);
        }
        let sql = statements::read(&quoted_table(projection));
        for (keys, rows) in keys.chunks(READ_KEYS).zip(rows.chunks_mut(READ_KEYS)) {
            let query = sqlx::query(AssertSqlSafe(sql.clone())).bind(key_array(keys));
            let found = query.fetch_all(&self.0.readers).await.map_err(self.0.failed("reading rows of"))?;
            for row in found {
                let (index, row) = decode_read(row).map_err(self.0.failed("reading rows of"))?;
                if let Some(slot) = usize::try_from(index).ok().and_then(|index| rows.get_mut(index)) {
                    *slot = Some(row);
                }
            }
        }
        Ok(rows)
    }
    async fn scan(
        &self,
        projection: &ProjectionId,
        prefix: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<(RowKey, ProjectionRow)>, StoreError> {
        self.scan_within(projection, prefix, after, limit, u64::MAX).await
    }
    async fn scan_within(
        &self,
        projection: &ProjectionId,
        prefix: &str,
        after: Option<&str>,
        limit: u32,
        bytes: u64,
    ) -> Result<Vec<(RowKey, ProjectionRow)>, StoreError> {
        projection.check()?;
        if limit == 0 || !self.0.has_table(projection).await? {
            return Ok(Vec::new());
        }
        // One lower bound, so that a later page costs what the first one does.
        let (sql, from) = match after {
            Some(after) if after >= prefix => (statements::scan_after(&quoted_table(projection)), after),
            _ => (statements::scan_from(&quoted_table(projection)), prefix),
        };
        let query = sqlx::query(AssertSqlSafe(sql)).bind(from.to_owned()).bind(statements::end_of(prefix)).bind(i64::from(limit));
        // Dropping the rest ends the statement: SQLite reads few rows ahead.
        let mut found = query.fetch(&self.0.readers);
        let (mut rows, mut read) = (Vec::new(), 0_u64);
        while let Some(row) = found.try_next().await.map_err(self.0.failed("scanning rows of"))? {
            let (key, row) = decode_scanned(row).map_err(self.0.failed("scanning rows of"))?;
            let key = RowKey::new(key).map_err(|e| StoreError::damaged(format!("rows of {projection} in {}", self.0.file), e))?;
            let row = (key, row);
            read = read.saturating_add(size_of_row(&row));
            rows.push(row);
            if read >= bytes {
                break;
            }
        }
        Ok(rows)
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
        let found = sqlx::query(statements::TABLES).fetch_all(&self.0.readers).await.map_err(self.0.failed("reading"))?;
        let mut generations = Vec::new();
        for row in found {
            let name: String = row.try_get(0).map_err(self.0.failed("reading"))?;
            let Some(id) = name.strip_prefix(statements::TABLE_PREFIX) else { continue };
            let counted = sqlx::query(AssertSqlSafe(statements::count(&name))).fetch_one(&self.0.readers).await;
            let counted = counted.and_then(|row| number(&row, 0)).map_err(self.0.failed("counting rows of"))?;
            generations.push((id.to_owned(), counted));
        }
        Ok(generations)
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
    for keys in gone.chunks(READ_KEYS) {
        let query = sqlx::query(AssertSqlSafe(statements::delete(table))).bind(key_array(keys.iter().copied()));
        query.execute(&mut *on).await?;
    }
    Ok(())
}

/// What SQLite keeps as a signed number; all 64 bits come back as they were.
fn number(row: &SqliteRow, column: usize) -> Result<u64, sqlx::Error> {
    Ok(row.try_get::<i64, _>(column)?.cast_unsigned())
}

fn decode_read(row: SqliteRow) -> Result<(i64, ProjectionRow), sqlx::Error> {
    Ok((row.try_get(0)?, ProjectionRow { seq: number(&row, 1)?, bytes: row.try_get::<&[u8], _>(2)?.into() }))
}

fn decode_scanned(row: SqliteRow) -> Result<(String, ProjectionRow), sqlx::Error> {
    Ok((row.try_get(0)?, ProjectionRow { seq: number(&row, 1)?, bytes: row.try_get::<&[u8], _>(2)?.into() }))
}

/// SQLite's failure in our words. Its codes: 8 is what can only be read, 13 a full disk, 11 a damaged file, 26 one that is not a database. A text that is none, such as a key
/// with a flipped bit, is found when it is read.
fn failure(what: String, error: &sqlx::Error) -> StoreError {
    let code = error.as_database_error().and_then(|e| e.code()).and_then(|code| code.parse::<u32>().ok());
    // 4874: the index of shared memory beside the log could not be made larger.
    let is_full = code == Some(4874);
    let code = code.map(|code| code & 0xff);
    if matches!(code, Some(11 | 26)) || matches!(error, sqlx::Error::ColumnDecode { .. }) {
        return StoreError::damaged(what, format!("{error}; it holds nothing of its own: delete it, and deedbox replay folds it again"));
    }
    let how = match (code, error) {
        (Some(8), _) => Failing::ReadOnly,
        _ if is_full => Failing::Full,
        (Some(13), _) => Failing::Full,
        (_, sqlx::Error::Io(error)) => failing(error),
        _ => Failing::Otherwise,
    };
    StoreError::failing(how, what, error)
}
