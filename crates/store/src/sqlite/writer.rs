//! The one connection that writes, on a thread of its own: a statement is a call of a function, prepared once, and a transaction is
//! never given up half way. Reads nothing but the cursors that its batches go on from.

use super::Store;
use super::failure::failure;
use super::opening;
use super::statements::{self, quoted_table};
use super::threads::Threads;
use crate::error::{Failing, StoreError};
use crate::limits::ROW_STATEMENTS;
use crate::rows::{RowBatch, check_batches};
use deedbox_model::ProjectionId;
use rusqlite::{Connection, Transaction, TransactionBehavior};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Writes one transaction after another, in the order of those who ask.
pub(super) struct Writer {
    /// Shown in failures.
    shown: String,
    /// None where the medium cannot be written, and once it is closed.
    connection: Arc<Mutex<Option<Connection>>>,
    thread: Threads,
}

impl Writer {
    /// Opens a file that is ours.
    pub(super) fn open(file: &Path, shown: &str) -> Result<Self, StoreError> {
        let connection = opening::writer(file).map_err(|e| failure(format!("opening {shown}"), &e))?;
        connection.set_prepared_statement_cache_capacity(ROW_STATEMENTS);
        Ok(Self::with(Some(connection), shown))
    }

    /// One that refuses.
    pub(super) fn none(shown: &str) -> Self {
        Self::with(None, shown)
    }

    fn with(connection: Option<Connection>, shown: &str) -> Self {
        Writer { shown: shown.to_owned(), connection: Arc::new(Mutex::new(connection)), thread: Threads::named("rows-writer") }
    }

    /// Does some work within a transaction. By a failure or a panic all of it is taken back; so it is by a crash before the COMMIT is on
    /// the medium. A caller that stops waiting finds all of it done, or nothing, by the time that the next writer has its turn.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (connection, what) = (Arc::clone(&self.connection), format!("{doing} {}", self.shown));
        let ended = |e| StoreError::medium(format!("{doing} {}", self.shown), e);
        let done = self.thread.run(1, move || {
            let mut connection = locked(&connection);
            let Some(connection) = connection.as_mut() else {
                return Err(StoreError::failing(Failing::ReadOnly, what, "it was opened to be read, or is closed"));
            };
            let failed = |e: rusqlite::Error| failure(what.clone(), &e);
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
            let done = work(&transaction)?;
            transaction.commit().map_err(failed)?;
            Ok(done)
        });
        done.await.map_err(ended)?
    }

    /// Ends the connection, after what is being written.
    pub(super) async fn close(&self) {
        let connection = Arc::clone(&self.connection);
        // What was committed is on the medium whether or not this ends well.
        let _ = self.thread.run(1, move || drop(locked(&connection).take())).await;
    }
}

fn locked(connection: &Mutex<Option<Connection>>) -> MutexGuard<'_, Option<Connection>> {
    connection.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes batches within a transaction; gives the projections that have a table now.
pub(super) fn write(on: &Transaction<'_>, batches: &[RowBatch], store: &Store) -> Result<Vec<ProjectionId>, StoreError> {
    let failed = |e: rusqlite::Error| failure(format!("writing rows of {}", store.file), &e);
    let found = cursors(on).map_err(failed)?;
    check_batches(batches, |projection| found.get(&projection.to_string()).copied().unwrap_or(0))?;
    let mut cursors: BTreeMap<&ProjectionId, u64> = BTreeMap::new();
    for batch in batches {
        let table = quoted_table(&batch.projection);
        if !store.knows(&batch.projection) {
            on.execute(&statements::make(&table), []).map_err(failed)?;
        }
        write_changes(on, &table, batch).map_err(failed)?;
        cursors.insert(&batch.projection, batch.to);
    }
    let mut move_cursor = on.prepare_cached(statements::MOVE_CURSOR).map_err(failed)?;
    for (projection, to) in &cursors {
        move_cursor.execute((projection.to_string(), to.cast_signed())).map_err(failed)?;
    }
    Ok(cursors.into_keys().cloned().collect())
}

/// All of them: a handful.
fn cursors(on: &Transaction<'_>) -> Result<BTreeMap<String, u64>, rusqlite::Error> {
    let mut look = on.prepare_cached(statements::CURSORS)?;
    look.query_map([], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?.cast_unsigned())))?.collect()
}

fn write_changes(on: &Transaction<'_>, table: &str, batch: &RowBatch) -> Result<(), rusqlite::Error> {
    let mut write = on.prepare_cached(&statements::insert(table))?;
    let mut delete = on.prepare_cached(&statements::delete(table))?;
    for (key, row) in &batch.changes {
        match row {
            // What SQLite keeps as a signed number; all 64 bits come back as they were.
            Some(row) => write.execute((key.as_str(), row.seq.cast_signed(), row.bytes.as_ref()))?,
            None => delete.execute([key.as_str()])?,
        };
    }
    Ok(())
}
