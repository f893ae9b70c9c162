//! Whether rows are where their cursor says, before anything is folded on top of them (docs/ARCHITECTURE.md, "What is carried on is
//! checked first"). A cursor that lies makes a start fold entries twice, or never: both leave rows that no rebuild gives. Three rows and one
//! entry tell, whatever the length of the log; that all rows are right is what `deedbox replay --verify` says.

use crate::fold::{Folder, ReplayError};
use crate::log::LogReader;
use deedbox_authority::PROJECTION as AUTHORITY;
use deedbox_authority::rows::{EventRow, event_key, time_key, void_key};
use deedbox_model::row::{Keys, decode_row};
use deedbox_model::{EventId, RowKey};
use deedbox_store::LogStore;
use deedbox_tlog::TreeHead;

/// What to do about rows that are not the log's: they hold nothing of their own.
pub(crate) const REMOVE: &str =
    "stop the registry and remove rows.sqlite, rows.sqlite-wal and rows.sqlite-shm; the next start folds them again";

/// That the last entry before the cursor is folded, that it is this log's, and that the one behind it is not.
pub(crate) async fn check(folder: &Folder, log: &LogStore, cursor: u64, target: TreeHead) -> Result<(), ReplayError> {
    let wrong = |what: String| Err(ReplayError::Rows(format!("{what}: {REMOVE}")));
    if cursor > target.size {
        return wrong(format!(
            "rows.sqlite says that {cursor} entries are folded, and the log has {}: its rows are another log's, or the log was rolled back",
            target.size
        ));
    }
    let (time, next) = (time_key()?, void_key(cursor)?);
    let last = cursor.checked_sub(1);
    let mut keys = Keys::from([time.clone(), next.clone()]);
    if let Some(last) = last {
        keys.insert(void_key(last)?);
    }
    let rows = folder.read(&AUTHORITY, keys).await?;
    let row = |key: &RowKey| rows.get(key).and_then(Option::as_ref);
    // Each effective entry writes the row of log time, each void one a row of its own.
    let effective_until = row(&time).map(|row| row.seq);
    if row(&next).is_some() || effective_until.is_some_and(|seq| seq >= cursor) {
        return wrong(format!("rows.sqlite says that {cursor} entries are folded, and holds rows of later ones"));
    }
    let Some(last) = last else { return Ok(()) };
    let is_void = row(&void_key(last)?).is_some();
    if !is_void && effective_until != Some(last) {
        return wrong(format!("rows.sqlite says that {cursor} entries are folded, and holds nothing of entry {last}"));
    }
    if is_void {
        return Ok(());
    }
    let mut log = LogReader::open(log.clone(), last, target).await?;
    let Some(entry) = log.next().await?.and_then(|entries| entries.into_iter().next()) else { return Ok(()) };
    let key = event_key(&EventId::of(&entry))?;
    let found = folder.read(&AUTHORITY, Keys::from([key.clone()])).await?;
    let index = match found.get(&key) {
        Some(Some(row)) => Some(decode_row::<EventRow>(&key, &row.bytes)?.index),
        _ => None,
    };
    if index != Some(last) {
        return wrong(format!("the rows hold another entry {last} than the log"));
    }
    Ok(())
}
