//! SQLite's failures in our words, by whichever of its two doors they come: sqlx writes, rusqlite reads.

use crate::error::{Failing, StoreError, failing};
use std::fmt::Display;

/// What a door says.
pub(super) trait Said: Display {
    /// SQLite's own number, with its details.
    fn code(&self) -> Option<u32>;
    /// Whether bytes came that are not what their column holds, such as a key with a flipped bit.
    fn is_undecodable(&self) -> bool;
    /// How the system failed, where it is not SQLite that says so.
    fn of_the_system(&self) -> Option<Failing>;
}

impl Said for sqlx::Error {
    fn code(&self) -> Option<u32> {
        self.as_database_error().and_then(|e| e.code()).and_then(|code| code.parse().ok())
    }
    fn is_undecodable(&self) -> bool {
        matches!(self, sqlx::Error::ColumnDecode { .. })
    }
    fn of_the_system(&self) -> Option<Failing> {
        match self {
            sqlx::Error::Io(error) => Some(failing(error)),
            _ => None,
        }
    }
}

impl Said for rusqlite::Error {
    fn code(&self) -> Option<u32> {
        self.sqlite_error().map(|e| e.extended_code.cast_unsigned())
    }
    fn is_undecodable(&self) -> bool {
        use rusqlite::Error;
        matches!(self, Error::FromSqlConversionFailure(..) | Error::InvalidColumnType(..) | Error::Utf8Error(..))
    }
    fn of_the_system(&self) -> Option<Failing> {
        None
    }
}

/// The codes of SQLite: 8 means that the file can only be read, 13 that the disk is full, 11 that the file is damaged, 26 that it is
/// not a database.
pub(super) fn failure(what: String, error: &impl Said) -> StoreError {
    let code = error.code();
    // 4874: the index of shared memory beside the log could not be made larger.
    let is_full = code == Some(4874);
    let code = code.map(|code| code & 0xff);
    if matches!(code, Some(11 | 26)) || error.is_undecodable() {
        return StoreError::damaged(what, format!("{error}; it holds nothing of its own: delete it, and deedbox replay folds it again"));
    }
    let how = match code {
        Some(8) => Failing::ReadOnly,
        Some(13) => Failing::Full,
        _ if is_full => Failing::Full,
        _ => error.of_the_system().unwrap_or(Failing::Otherwise),
    };
    StoreError::failing(how, what, error)
}
