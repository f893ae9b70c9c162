//! The rows of one projection within one transaction that reads.

use super::Store;
use super::failure::failure;
use super::statements::{self, quoted_table};
use crate::error::StoreError;
use crate::rows::{RowReader, size_of_row};
use deedbox_model::{ProjectionId, Row, RowKey};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension as _};

/// One state.
pub(super) struct Snapshot<'a> {
    pub(super) on: &'a Connection,
    pub(super) store: &'a Store,
    pub(super) projection: &'a ProjectionId,
    /// Its table; none if it has none in this state.
    pub(super) table: Option<String>,
}

impl<'a> Snapshot<'a> {
    /// Begins with a look for the projection's table, until it is known to be there.
    pub(super) fn of(on: &'a Connection, store: &'a Store, projection: &'a ProjectionId) -> Result<Self, StoreError> {
        let is_there = store.knows(projection) || {
            let found = on.prepare_cached(statements::HAS_TABLE).and_then(|mut look| look.exists([statements::table(projection)]));
            let found = found.map_err(store.failed("reading"))?;
            if found {
                store.learn([projection.clone()]);
            }
            found
        };
        Ok(Snapshot { on, store, projection, table: is_there.then(|| quoted_table(projection)) })
    }
}

impl RowReader for Snapshot<'_> {
    fn cursor(&mut self) -> Result<u64, StoreError> {
        let found = self.on.prepare_cached(statements::CURSOR);
        let found = found.and_then(|mut look| look.query_row([self.projection.to_string()], |row| row.get::<_, i64>(0)).optional());
        Ok(found.map_err(self.store.failed("reading the cursor of"))?.map_or(0, i64::cast_unsigned))
    }
    fn read(&mut self, keys: &[RowKey]) -> Result<Vec<Option<Row>>, StoreError> {
        let Some(table) = &self.table else { return Ok(vec![None; keys.len()]) };
        let read = || -> Result<Vec<Option<Row>>, rusqlite::Error> {
            let mut look = self.on.prepare_cached(&statements::read(table))?;
            keys.iter().map(|key| look.query_row([key.as_str()], |row| row_of(row, 0)).optional()).collect()
        };
        read().map_err(self.store.failed("reading rows of"))
    }
    fn scan(&mut self, prefix: &str, after: Option<&str>, limit: u32, bytes: u64) -> Result<Vec<(RowKey, Row)>, StoreError> {
        let Some(table) = self.table.as_deref().filter(|_| limit > 0) else { return Ok(Vec::new()) };
        // One lower bound, so that a later page costs what the first one does.
        let (sql, from) = match after {
            Some(after) if after >= prefix => (statements::scan_after(table), after),
            _ => (statements::scan_from(table), prefix),
        };
        let failed = |e: rusqlite::Error| failure(format!("scanning rows of {}", self.store.file), &e);
        let mut statement = self.on.prepare_cached(&sql).map_err(failed)?;
        let mut found = statement.query([from, &statements::end_of(prefix)]).map_err(failed)?;
        let (mut rows, mut read, mut left) = (Vec::new(), 0_u64, limit);
        while left > 0
            && let Some(row) = found.next().map_err(failed)?
        {
            let key: String = row.get(0).map_err(failed)?;
            let key =
                RowKey::new(key).map_err(|e| StoreError::damaged(format!("rows of {} in {}", self.projection, self.store.file), e))?;
            let row = (key, row_of(row, 1).map_err(failed)?);
            read = read.saturating_add(size_of_row(&row));
            rows.push(row);
            left -= 1;
            if read >= bytes {
                break;
            }
        }
        Ok(rows)
    }
}

/// A row, from the column of its seq on. What SQLite keeps as a signed number comes back with all its 64 bits.
fn row_of(row: &rusqlite::Row<'_>, seq: usize) -> Result<Row, rusqlite::Error> {
    let bytes = match row.get_ref(seq + 1)? {
        ValueRef::Blob(bytes) => bytes.into(),
        other => return Err(rusqlite::Error::InvalidColumnType(seq + 1, "bytes".to_owned(), other.data_type())),
    };
    Ok(Row { seq: row.get::<_, i64>(seq)?.cast_unsigned(), bytes })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::{RowBatch, RowStore as _};
    use crate::sqlite::SqliteRows;
    use rusqlite::StatementStatus;
    use std::sync::Arc;

    const NPM: ProjectionId = ProjectionId { name: "npm", version: 1 };

    #[tokio::test]
    async fn a_scan_is_prepared_once_whatever_its_bounds_and_sorts_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let rows = SqliteRows::open(&folder.path().join("rows.sqlite")).await.unwrap();
        let row = |n: u64| (RowKey::new(format!("k/{n:03}")).unwrap(), Some(Row { bytes: [1].into(), seq: n }));
        rows.commit(&[RowBatch { projection: NPM, from: 0, to: 1, changes: (0..500).map(row).collect() }]).await.unwrap();
        let store = Arc::clone(&rows.0);
        let looked = rows.0.readers.run(move |on| {
            let mut snapshot = Snapshot::of(on, &store, &NPM)?;
            for (after, limit) in [(None, 1_u32), (None, 7), (Some("k/003"), 400), (Some("k/2"), 2), (None, 300)] {
                assert_eq!(snapshot.scan("k/", after, limit, u64::MAX)?.len(), limit as usize);
            }
            let table = quoted_table(&NPM);
            for (sql, runs) in [(statements::scan_from(&table), 3), (statements::scan_after(&table), 2)] {
                let statement = on.prepare_cached(&sql).unwrap();
                assert_eq!((statement.get_status(StatementStatus::Run), statement.get_status(StatementStatus::RePrepare)), (runs, 0));
                let mut explained = on.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
                let steps: Vec<String> = explained.query_map(["k/", "k0"], |row| row.get(3)).unwrap().map(Result::unwrap).collect();
                assert!(steps.len() == 1 && steps[0].starts_with("SEARCH "), "{steps:?}");
            }
            Ok(())
        });
        looked.await.unwrap();
    }
}
