//! Connections that read, each lent to one reader at a time on a thread that may block: a statement is a call of a function, and all
//! that one reader reads is of one state, for it is one transaction. Never writes: `query_only` refuses it.

use super::failure::failure;
use super::opening::{Reading, used_by_one};
use super::statements;
use super::threads::Threads;
use crate::error::StoreError;
use crate::limits::{BUSY_MS, ROW_CACHE_KIB, ROW_STATEMENTS, row_readers};
use rusqlite::{Connection, OpenFlags};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;

/// The connections, made when first needed.
pub(super) struct Readers {
    file: PathBuf,
    /// Shown in failures.
    shown: String,
    how: Reading,
    /// As many as there may be connections.
    places: Arc<Semaphore>,
    /// Those that nobody uses. The one used last is the next one: it has the most in memory.
    idle: Mutex<Vec<Connection>>,
    threads: Threads,
}

impl Readers {
    pub(super) fn of(file: &Path, shown: &str, how: Reading) -> Self {
        let places = Arc::new(Semaphore::new(row_readers()));
        Readers { file: file.to_owned(), shown: shown.to_owned(), how, places, idle: Mutex::default(), threads: Threads::named("rows") }
    }

    /// Does some work on one state of the file. A caller that stops waiting does not stop it.
    pub(super) async fn run<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let failed = |e: std::io::Error| StoreError::medium(format!("reading {}", self.shown), e);
        let place = Arc::clone(&self.places).acquire_owned().await;
        let place = place.map_err(|_| failed(std::io::Error::other("it is closed")))?;
        let at_work = row_readers().saturating_sub(self.places.available_permits());
        let readers = Arc::clone(self);
        let done = self.threads.run(at_work, move || {
            let done = readers.visit(work);
            drop(place);
            done
        });
        done.await.map_err(failed)?
    }

    /// One transaction that reads, on a connection that nobody uses or a new one.
    fn visit<T>(&self, work: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let connection = match self.idle().pop() {
            Some(connection) => connection,
            None => self.open()?,
        };
        self.execute(&connection, statements::BEGIN)?;
        let done = work(&connection);
        // One that does not let go of its state is not lent again.
        if self.execute(&connection, statements::END).is_ok() {
            self.idle().push(connection);
        }
        done
    }

    /// Ends every connection, after those that are at work.
    pub(super) async fn close(&self) {
        let all = u32::try_from(row_readers()).unwrap_or(u32::MAX);
        // Closed already, if this fails.
        if let Ok(_all) = self.places.acquire_many(all).await {
            self.places.close();
            self.idle().clear();
        }
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn execute(&self, on: &Connection, sql: &'static str) -> Result<(), StoreError> {
        let done = on.prepare_cached(sql).and_then(|mut statement| statement.execute([]));
        done.map(drop).map_err(|e| failure(format!("reading {}", self.shown), &e))
    }

    fn open(&self) -> Result<Connection, StoreError> {
        let opened = match self.how {
            Reading::BesideTheWriter => Connection::open_with_flags(&self.file, used_by_one(OpenFlags::SQLITE_OPEN_READ_WRITE)),
            Reading::WithItsLog => Connection::open_with_flags(&self.file, used_by_one(OpenFlags::SQLITE_OPEN_READ_ONLY)),
            // SQLite takes its word for it, and makes no file of shared memory beside it.
            Reading::Unchanging => Connection::open_with_flags(
                format!("file:{}?immutable=1", escaped(&self.file)),
                used_by_one(OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI),
            ),
        };
        let ready = opened.and_then(|connection| {
            connection.busy_timeout(Duration::from_millis(BUSY_MS))?;
            connection.set_prepared_statement_cache_capacity(ROW_STATEMENTS);
            // What a reader sorts needs no disk, which may be full.
            let cache = ROW_CACHE_KIB / row_readers();
            connection.execute_batch(&format!("PRAGMA temp_store = MEMORY; PRAGMA query_only = ON; PRAGMA cache_size = -{cache}"))?;
            Ok(connection)
        });
        ready.map_err(|e| failure(format!("opening {} to be read", self.shown), &e))
    }
}

/// A path as SQLite reads it in an address.
fn escaped(path: &Path) -> String {
    let mut text = String::new();
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'/' | b'-' | b'.' | b'_' | b'~' => text.push(char::from(*byte)),
            other => text.push_str(&format!("%{other:02X}")),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_one_address() {
        for (path, address) in [("/srv/rows.sqlite", "/srv/rows.sqlite"), ("/a b/%?#&é", "/a%20b/%25%3F%23%26%C3%A9")] {
            assert_eq!(escaped(Path::new(path)), address);
        }
    }
}
