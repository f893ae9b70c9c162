//! Rows in SQLite: the suite, the law, and whose file it opens.

use crate::conformance::{self, Reopen};
use crate::sqlite::SqliteRows;
use crate::{Failing, InFull, RowBatch, RowStore, RowStores, StoreError};
use async_trait::async_trait;
use deedbox_model::{ProjectionId, Row, RowKey};
use sqlx::{AssertSqlSafe, Connection, SqliteConnection};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tempfile::TempDir;

const NPM: ProjectionId = ProjectionId { name: "npm", version: 1 };

fn batch(from: u64, to: u64, keys: &[&str]) -> RowBatch {
    let changes = keys.iter().map(|key| (RowKey::new(*key).unwrap(), Some(Row { bytes: [1].into(), seq: from }))).collect();
    RowBatch { projection: NPM, from, to, changes }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_in_sqlite_conform() {
    let folder = tempfile::tempdir().unwrap();
    let next = AtomicU64::new(0);
    conformance::rows(async || {
        let file = folder.path().join(format!("{}.sqlite", next.fetch_add(1, Ordering::Relaxed)));
        SqliteRows::open(&file).await.unwrap()
    })
    .await;
}

struct InFolder(TempDir);

#[async_trait]
impl Reopen for InFolder {
    async fn open(&self) -> Arc<dyn RowStore> {
        Arc::new(SqliteRows::open(&self.0.path().join("rows.sqlite")).await.unwrap())
    }
}

#[test]
fn rows_in_sqlite_say_what_a_map_says_also_after_opening_again() {
    conformance::rows_against_a_model(|| Box::new(InFolder(tempfile::tempdir().unwrap())));
}

async fn execute(file: &Path, sql: String) {
    let mut connection = SqliteConnection::connect(&format!("sqlite://{}?mode=rwc", file.display())).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

#[tokio::test]
async fn a_file_of_a_newer_version_is_refused_in_words_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rows.sqlite");
    let store = SqliteRows::open(&file).await.unwrap();
    store.commit(&[batch(0, 1, &["a"])]).await.unwrap();
    store.close().await;
    drop(store);
    execute(&file, "PRAGMA user_version = 2".into()).await;
    let before = std::fs::read(&file).unwrap();
    let refused = SqliteRows::open(&file).await.err().unwrap();
    assert!(matches!(refused, StoreError::Refused { .. }));
    assert!(InFull(&refused).to_string().contains("of version 2, and this program knows 1"), "{refused}");
    assert_eq!(std::fs::read(&file).unwrap(), before);
    execute(&file, "PRAGMA user_version = 1".into()).await;
    assert_eq!(SqliteRows::open(&file).await.unwrap().cursor(&NPM).await.unwrap(), 1);
}

#[tokio::test]
async fn a_database_of_another_program_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    for (name, sql) in
        [("plain", "CREATE TABLE theirs (x)"), ("marked", "PRAGMA application_id = 7"), ("numbered", "PRAGMA user_version = 1")]
    {
        let file = folder.path().join(name);
        execute(&file, sql.into()).await;
        let before = std::fs::read(&file).unwrap();
        assert!(matches!(SqliteRows::open(&file).await.err().unwrap(), StoreError::Refused { .. }), "{name}");
        assert_eq!(std::fs::read(&file).unwrap(), before, "{name}");
    }
}

#[tokio::test]
async fn a_file_that_is_no_database_is_damaged_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rows.sqlite");
    std::fs::write(&file, vec![b'x'; 10_000]).unwrap();
    let damaged = SqliteRows::open(&file).await.err().unwrap();
    assert!(matches!(damaged, StoreError::Damaged { .. }), "{damaged}");
    assert!(InFull(&damaged).to_string().contains("deedbox replay"), "{damaged}");
}

#[tokio::test]
async fn a_commit_whose_caller_went_away_leaves_all_or_nothing_and_the_next_one_works() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteRows::open(&folder.path().join("rows.sqlite")).await.unwrap();
    let keys: Vec<String> = (0..5_000).map(|n| n.to_string()).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    for micros in (0..60).map(|n| n * 500) {
        let from = store.cursor(&NPM).await.unwrap();
        let _ = tokio::time::timeout(std::time::Duration::from_micros(micros), store.commit(&[batch(from, from + 1, &keys)])).await;
        // Taken back or finished by the time that the next writer has its turn.
        store.commit(&[]).await.unwrap();
        let cursor = store.cursor(&NPM).await.unwrap();
        let rows = store.scan(&NPM, "", None, u32::MAX).await.unwrap();
        if cursor == 0 {
            assert!(rows.is_empty());
        } else {
            assert_eq!(rows.len(), keys.len());
            assert!(rows.iter().all(|(_, row)| row.seq == cursor - 1), "rows of two batches");
        }
    }
}

#[tokio::test]
async fn two_stores_on_one_file_find_out_about_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rows.sqlite");
    let (one, other) = (SqliteRows::open(&file).await.unwrap(), SqliteRows::open(&file).await.unwrap());
    assert_eq!(other.read(&NPM, &[RowKey::new("a").unwrap()]).await.unwrap(), [None]);
    one.commit(&[batch(0, 1, &["a"])]).await.unwrap();
    assert!(other.read(&NPM, &[RowKey::new("a").unwrap()]).await.unwrap()[0].is_some());
    assert!(matches!(other.commit(&[batch(0, 1, &["b"])]).await, Err(StoreError::CursorMoved { found: 1, .. })));
    other.commit(&[batch(1, 2, &["b"])]).await.unwrap();
    assert_eq!(one.cursor(&NPM).await.unwrap(), 2);
}

/// Every file of a folder, with its bytes.
fn bytes_of(folder: &Path) -> Vec<(std::ffi::OsString, Vec<u8>)> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let mut all: Vec<_> = entries.map(|entry| (entry.file_name(), std::fs::read(entry.path()).unwrap())).collect();
    all.sort();
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_written_is_read_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rows.sqlite");
    let store = SqliteRows::open(&file).await.unwrap();
    store.commit(&[batch(0, 1, &["a"])]).await.unwrap();
    // As a killed process leaves it: the last rows are in SQLite's own log.
    let killed = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), killed.path().join(entry.file_name())).unwrap();
    }
    store.close().await;
    drop(store);
    // As one leaves it that ended in order.
    assert!(!folder.path().join("rows.sqlite-wal").exists());
    for folder in [folder.path(), killed.path()] {
        let file = folder.join("rows.sqlite");
        let before = bytes_of(folder);
        let store = SqliteRows::open_to_read(&file).await.unwrap();
        assert_eq!(store.cursor(&NPM).await.unwrap(), 1);
        let keys: Vec<_> = store.scan(&NPM, "", None, 10).await.unwrap().into_iter().map(|(key, _)| key.to_string()).collect();
        assert_eq!(keys, ["a"]);
        for refused in [store.commit(&[batch(1, 2, &["b"])]).await, store.clear(&NPM).await] {
            assert_eq!(refused.unwrap_err().how(), Some(Failing::ReadOnly));
        }
        store.close().await;
        // The index of shared memory beside a log is rebuilt by who reads it, where it may be.
        let rows =
            |all: Vec<(std::ffi::OsString, Vec<u8>)>| all.into_iter().filter(|(name, _)| name != "rows.sqlite-shm").collect::<Vec<_>>();
        assert_eq!(rows(bytes_of(folder)), rows(before));
    }
    let nothing = SqliteRows::open_to_read(&folder.path().join("other.sqlite")).await.err().unwrap();
    assert!(matches!(nothing, StoreError::Medium { .. }));
    assert!(!folder.path().join("other.sqlite").exists());
}

#[tokio::test]
async fn generations_that_no_program_asks_for_are_told_and_removed() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteRows::open(&folder.path().join("rows.sqlite")).await.unwrap();
    let older = ProjectionId { name: "npm", version: 7 };
    store.commit(&[batch(0, 1, &["a", "b"]), RowBatch { projection: older.clone(), ..batch(0, 1, &["a"]) }]).await.unwrap();
    assert_eq!(store.generations().await.unwrap(), [(NPM.to_string(), 2), (older.to_string(), 1)]);
    let rows = RowStores::one(Arc::new(store.clone()));
    assert_eq!(rows.drop_other_generations(std::slice::from_ref(&NPM)).await.unwrap(), [older.to_string()]);
    assert_eq!(store.generations().await.unwrap(), [(NPM.to_string(), 2)]);
    assert_eq!((store.cursor(&NPM).await.unwrap(), store.cursor(&older).await.unwrap()), (1, 0));
    assert!(rows.drop_other_generations(&[NPM]).await.unwrap().is_empty());
}
