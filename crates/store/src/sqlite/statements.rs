//! The text of every statement. Nothing but the name of a checked projection is ever put into one; keys and bytes are
//! bound.

use deedbox_model::ProjectionId;

pub(super) const BEGIN: &str = "BEGIN";
pub(super) const END: &str = "COMMIT";
pub(super) const HAS_TABLE: &str = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1";
pub(super) const CURSOR: &str = "SELECT folded FROM cursors WHERE projection = ?1";
pub(super) const CURSORS: &str = "SELECT projection, folded FROM cursors";
pub(super) const FORGET_CURSOR: &str = "DELETE FROM cursors WHERE projection = ?1";

/// Moves one.
pub(super) const MOVE_CURSOR: &str =
    "INSERT INTO cursors (projection, folded) VALUES (?1, ?2) ON CONFLICT (projection) DO UPDATE SET folded = excluded.folded";

/// What the name of every table of rows begins with. No other table of ours has a space in its name.
pub(super) const TABLE_PREFIX: &str = "rows ";
pub(super) const TABLES: &str = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name LIKE 'rows %' ORDER BY name";

/// The table of a checked projection: `rows npm.1`.
pub(super) fn table(projection: &ProjectionId) -> String {
    format!("{TABLE_PREFIX}{projection}")
}

/// Any name as SQL wants it.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The number of rows of a table by its name in the file, which nobody has checked.
pub(super) fn count(name: &str) -> String {
    format!("SELECT count(*) FROM {}", quoted(name))
}

/// Removes a table by its name in the file, which nobody has checked.
pub(super) fn drop(name: &str) -> String {
    format!("DROP TABLE IF EXISTS {}", quoted(name))
}

/// The same, as SQL wants it: the name of a checked projection holds no quote.
pub(super) fn quoted_table(projection: &ProjectionId) -> String {
    format!("\"{}\"", table(projection))
}

/// Makes the table. Keys compare by bytes, which is SQLite's own order of text.
pub(super) fn make(table: &str) -> String {
    format!("CREATE TABLE IF NOT EXISTS {table} (key TEXT PRIMARY KEY, seq INTEGER NOT NULL, bytes BLOB NOT NULL) STRICT")
}

/// Empties the table: dropping it frees its pages without a visit to each row.
pub(super) fn clear(table: &str) -> String {
    format!("DROP TABLE IF EXISTS {table}; {}", make(table))
}

/// One row. Asked for key by key: nobody waits between two of them, and a statement that takes many costs more for each.
pub(super) fn read(table: &str) -> String {
    format!("SELECT seq, bytes FROM {table} WHERE key = ?1")
}

/// Rows from a key on. The caller steps through them and stops by itself: with a variable as its `LIMIT` SQLite would prepare the statement
/// anew for each value.
pub(super) fn scan_from(table: &str) -> String {
    format!("SELECT key, seq, bytes FROM {table} WHERE key >= ?1 AND key < ?2 ORDER BY key")
}

pub(super) fn scan_after(table: &str) -> String {
    format!("SELECT key, seq, bytes FROM {table} WHERE key > ?1 AND key < ?2 ORDER BY key")
}

/// The least text above everything that begins with this prefix: no key holds a byte above `~`.
pub(super) fn end_of(prefix: &str) -> String {
    format!("{prefix}\u{7f}")
}

/// Writes one row. A statement that takes many rows costs as much for each, now that none of them waits for another thread.
pub(super) fn insert(table: &str) -> String {
    format!(
        "INSERT INTO {table} (key, seq, bytes) VALUES (?1, ?2, ?3) ON CONFLICT (key) DO UPDATE SET seq = excluded.seq, bytes = excluded.bytes"
    )
}

/// Removes one row.
pub(super) fn delete(table: &str) -> String {
    format!("DELETE FROM {table} WHERE key = ?1")
}
