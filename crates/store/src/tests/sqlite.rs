//! Rows in SQLite: the suite, the law, and whose file it opens.

use crate::conformance::{self, Reopen};
use crate::{ProjectionId, RowBatch, RowStore, SqliteRows, StoreError};
use async_trait::async_trait;
use deedbox_model::{Row, RowKey};
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
    assert!(refused.to_string().contains("of version 2, and this program knows 1"), "{refused}");
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
    assert!(damaged.to_string().contains("deedbox replay"), "{damaged}");
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
