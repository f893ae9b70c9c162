//! Opening the file: whose it is, which version, and how its connections are set. Never changes a file that is not ours.

use super::failure::failure;
use crate::error::StoreError;
use crate::limits::{BUSY_MS, ROW_PAGE_BYTES};
use rusqlite::OpenFlags;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Row};
use std::path::Path;
use std::time::Duration;

/// `PRAGMA user_version`: raised when the tables change shape.
const SCHEMA: i64 = 1;
/// `PRAGMA application_id`: "deed" in ASCII.
const APPLICATION: i64 = 0x6465_6564;

/// The one that made a file, or looked at it, and has it open.
pub(super) struct Making(SqliteConnection);

impl Making {
    pub(super) async fn end(self) {
        // What it made is on the medium whether or not this ends well.
        let _ = self.0.close().await;
    }
}

/// Makes the file with its table of cursors, or knows it for ours.
pub(super) async fn make(file: &Path, shown: &str) -> Result<Making, StoreError> {
    let opening = |e: sqlx::Error| failure(format!("opening {shown}"), &e);
    // The journal mode is set below, after the file is known to be ours: setting it writes.
    let mut making = options(file).create_if_missing(true).connect().await.map_err(opening)?;
    let version = pragma(&mut making, "PRAGMA user_version").await.map_err(opening)?;
    let application = pragma(&mut making, "PRAGMA application_id").await.map_err(opening)?;
    let things = pragma(&mut making, "SELECT count(*) FROM sqlite_schema").await.map_err(opening)?;
    let is_new = (application, version, things) == (0, 0, 0);
    if !is_new {
        check(application, version, shown)?;
    }
    sqlx::query("PRAGMA journal_mode = WAL").persistent(false).fetch_all(&mut making).await.map_err(opening)?;
    if is_new {
        lay_out(&mut making).await.map_err(opening)?;
    }
    // Else a start writes nothing that is there already: it may be on a full disk.
    Ok(Making(making))
}

/// One transaction: a crash leaves an empty file or a whole one.
async fn lay_out(on: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    let mut making = on.begin_with("BEGIN IMMEDIATE").await?;
    for sql in [
        "CREATE TABLE IF NOT EXISTS cursors (projection TEXT PRIMARY KEY, folded INTEGER NOT NULL) STRICT, WITHOUT ROWID".to_owned(),
        format!("PRAGMA application_id = {APPLICATION}"),
        format!("PRAGMA user_version = {SCHEMA}"),
    ] {
        sqlx::query(AssertSqlSafe(sql)).persistent(false).execute(&mut *making).await?;
    }
    making.commit().await
}

/// The connection that writes a file that is ours.
pub(super) fn writer(file: &Path) -> Result<rusqlite::Connection, rusqlite::Error> {
    let connection = rusqlite::Connection::open_with_flags(file, used_by_one(OpenFlags::SQLITE_OPEN_READ_WRITE))?;
    connection.busy_timeout(Duration::from_millis(BUSY_MS))?;
    connection.execute_batch(
        "PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -65536;
         PRAGMA journal_size_limit = 67108864; PRAGMA wal_autocheckpoint = 4000",
    )?;
    Ok(connection)
}

/// A connection is used by one thread at a time.
pub(super) fn used_by_one(how: OpenFlags) -> OpenFlags {
    how | OpenFlags::SQLITE_OPEN_NO_MUTEX
}

/// That a file with something in it is ours, and of a version that this program knows.
fn check(application: i64, version: i64, shown: &str) -> Result<(), StoreError> {
    match (application, version) {
        (APPLICATION, SCHEMA) => Ok(()),
        (APPLICATION, newer) if newer > SCHEMA => {
            let why = format!(
                "its tables are of version {newer}, and this program knows {SCHEMA}: use the newer program, or delete the file and let deedbox replay fold it again"
            );
            Err(StoreError::refused(shown, why))
        }
        _ => Err(StoreError::refused(shown, "it is a database, but not Deedbox's rows: name another file")),
    }
}

/// What reads the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// Beside a writer in this process.
    BesideTheWriter,
    /// Alone, of a file that cannot be written and was closed in order: it never changes.
    Unchanging,
    /// Alone, of a file that cannot be written and whose last rows are in its log.
    WithItsLog,
}

/// How a file that cannot be written is read, after a look that it is ours.
pub(super) async fn check_to_read(file: &Path, shown: &str) -> Result<Reading, StoreError> {
    let log = std::path::PathBuf::from(format!("{}-wal", file.display()));
    let how = match std::fs::metadata(&log) {
        Ok(found) if found.len() > 0 => Reading::WithItsLog,
        _ => Reading::Unchanging,
    };
    let opening = |e: sqlx::Error| failure(format!("opening {shown} to be read"), &e);
    let mut reader = reading(file, how).connect().await.map_err(opening)?;
    let application = pragma(&mut reader, "PRAGMA application_id").await.map_err(opening)?;
    let version = pragma(&mut reader, "PRAGMA user_version").await.map_err(opening)?;
    check(application, version, shown)?;
    reader.close().await.map_err(opening)?;
    Ok(how)
}

fn reading(file: &Path, how: Reading) -> SqliteConnectOptions {
    match how {
        Reading::BesideTheWriter => options(file),
        // SQLite takes its word for it, and makes no file of shared memory beside it.
        Reading::Unchanging => options(file).read_only(true).immutable(true),
        Reading::WithItsLog => options(file).read_only(true),
    }
}

fn options(file: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(file)
        .page_size(ROW_PAGE_BYTES)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(Duration::from_millis(BUSY_MS))
        .pragma("temp_store", "MEMORY")
        .disable_statement_logging()
}

async fn pragma(on: &mut SqliteConnection, sql: &'static str) -> Result<i64, sqlx::Error> {
    sqlx::query(sql).persistent(false).fetch_one(on).await?.try_get(0)
}
