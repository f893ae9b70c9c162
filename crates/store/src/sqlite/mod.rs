//! Rows in one SQLite file (docs/decisions/0004): a table per generation of a projection, and one of cursors. The file is made, and known
//! for ours, in `opening`; one connection writes and some read, each on a thread that may block, where a statement is a call of a function
//! (docs/decisions/0014).
//!
//! WAL with `synchronous=FULL`: a commit that returned survives a power failure; readers never wait for the writer and
//! see the rows as of the last finished commit. Nothing here is a source: a damaged file is deleted and folded again.

mod failure;
mod opening;
mod readers;
mod snapshot;
mod statements;
mod threads;
mod writer;

use crate::error::StoreError;
use crate::rows::{RowBatch, RowStore, RowWork};
use async_trait::async_trait;
use deedbox_model::ProjectionId;
use failure::{Said, failure};
use readers::Readers;
use snapshot::Snapshot;
use statements::quoted_table;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use writer::{Writer, write};

/// Rows in a SQLite file; a clone is the same store.
#[derive(Clone)]
pub(crate) struct SqliteRows(Arc<Store>);

struct Store {
    /// Shown in failures.
    file: String,
    writer: Writer,
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
        let making = opening::make(file, &shown).await?;
        let writer = Writer::open(file, &shown)?;
        // Not before: who ends a file's last connection writes to it.
        making.end().await;
        let readers = Arc::new(Readers::of(file, &shown, opening::Reading::BesideTheWriter));
        Ok(SqliteRows(Arc::new(Store { file: shown, writer, readers, tables: RwLock::default() })))
    }
    /// Opens a file that is there, where nothing can be written: the medium is full or read-only. Writing is `Medium`.
    ///
    /// Errors: as those of `open`, and `Medium` if there is no such file.
    pub(crate) async fn open_to_read(file: &Path) -> Result<Self, StoreError> {
        let shown = file.display().to_string();
        let how = opening::check_to_read(file, &shown).await?;
        let readers = Arc::new(Readers::of(file, &shown, how));
        let writer = Writer::none(&shown);
        Ok(SqliteRows(Arc::new(Store { file: shown, writer, readers, tables: RwLock::default() })))
    }
}

impl Store {
    fn failed<E: Said>(&self, doing: &str) -> impl FnOnce(E) -> StoreError {
        let what = format!("{doing} {}", self.file);
        move |e| failure(what, &e)
    }
    fn knows(&self, projection: &ProjectionId) -> bool {
        self.tables.read().unwrap_or_else(PoisonError::into_inner).contains(projection)
    }
    fn learn(&self, projections: impl IntoIterator<Item = ProjectionId>) {
        self.tables.write().unwrap_or_else(PoisonError::into_inner).extend(projections);
    }
    /// A table is gone for good: a writer of such rows makes it anew.
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
        let (store, batches) = (Arc::clone(&self.0), batches.to_vec());
        let written = self.0.writer.run("writing rows of", move |on| write(on, &batches, &store)).await?;
        self.0.learn(written);
        Ok(())
    }
    async fn clear(&self, projection: &ProjectionId) -> Result<(), StoreError> {
        projection.check()?;
        let (store, projection) = (Arc::clone(&self.0), projection.clone());
        let done = self.0.writer.run(CLEARING, move |on| {
            on.execute_batch(&statements::clear(&quoted_table(&projection))).map_err(store.failed(CLEARING))?;
            on.execute(statements::FORGET_CURSOR, [projection.to_string()]).map_err(store.failed(CLEARING))
        });
        done.await.map(drop)
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
        let (store, dropped) = (Arc::clone(&self.0), id.to_owned());
        let done = self.0.writer.run(CLEARING, move |on| {
            let table = format!("{}{dropped}", statements::TABLE_PREFIX);
            on.execute_batch(&statements::drop(&table)).map_err(store.failed(CLEARING))?;
            on.execute(statements::FORGET_CURSOR, [dropped]).map_err(store.failed(CLEARING))
        });
        done.await?;
        self.0.forget(id);
        Ok(())
    }
    /// All that was committed is then in the one file. Where it does not come to that, the next opening brings the files together.
    async fn close(&self) {
        self.0.readers.close().await;
        self.0.writer.close().await;
    }
}

const CLEARING: &str = "clearing rows of";
