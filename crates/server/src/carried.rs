//! What a start carries on, and how far it can where something keeps it from writing (docs/ARCHITECTURE.md, "Composition"): a medium that
//! is full or read-only, a file that is not what was signed, rows that are not the log's. Then the registry serves what is published and
//! folded, and takes no statement; `/ready` says which file it is, and what to do. Mends nothing.

use crate::error::OpenError;
use deedbox_ledger::{Head, LedgerParts, Recovered, published};
use deedbox_replay::{Folder, Progress, ReplayError, Replayer, Target};
use deedbox_store::{DiskFiles, DiskStore, Failing, Files, InFull, SqliteRows, StoreError, open_disk, open_disk_to_read};
use std::path::Path;
use std::sync::Arc;

/// Why nothing can be written, if nothing can be.
pub(crate) type Hindered = Option<StoreError>;

fn is_unwritable(error: &StoreError) -> bool {
    matches!(error.how(), Some(Failing::Full | Failing::ReadOnly))
}

/// Opens the data directory: to be read only where that is asked for, or where it cannot be written and holds a registry.
pub(crate) fn open_data(data: &Path, read_only: bool) -> Result<(DiskStore, Hindered), StoreError> {
    if read_only {
        let asked = StoreError::failing(Failing::ReadOnly, format!("writing to {}", data.display()), "this start was asked to read only");
        return Ok((open_disk_to_read(data)?, Some(asked)));
    }
    match open_disk(data) {
        Ok(disk) => Ok((disk, None)),
        Err(error) if is_unwritable(&error) && data.join("registry.json").exists() => {
            let disk = open_disk_to_read(data)?;
            tracing::error!(error = %InFull(&error), "the data directory cannot be written: serving what is there, taking no statement");
            Ok((disk, Some(error)))
        }
        Err(error) => Err(error),
    }
}

/// Opens the rows, to be read only where they cannot be written.
pub(crate) async fn open_rows(data: &Path, hindered: &mut Hindered) -> Result<SqliteRows, StoreError> {
    let file = data.join("rows.sqlite");
    if hindered.is_some() {
        return SqliteRows::open_to_read(&file).await;
    }
    match SqliteRows::open(&file).await {
        Ok(rows) => Ok(rows),
        // SQLite does not always say that a disk is full: what matters is whether the rows can be read.
        Err(error @ StoreError::Medium { .. }) => match SqliteRows::open_to_read(&file).await {
            Ok(rows) => {
                tracing::error!(error = %InFull(&error), "the rows cannot be written: serving what is folded, taking no statement");
                *hindered = Some(error);
                Ok(rows)
            }
            Err(_) => Err(error),
        },
        Err(error) => Err(error),
    }
}

/// The signer's own place.
pub(crate) fn open_signer(data: &Path, to_read: bool) -> Result<DiskFiles, StoreError> {
    let dir = data.join("signer");
    if to_read { DiskFiles::open_to_read(&dir) } else { DiskFiles::open(&dir) }
}

/// A log, as far as it can be carried on.
pub(crate) struct Carried {
    /// What can be written; none where nothing may be.
    pub(crate) recovered: Option<Recovered>,
    /// What is published.
    pub(crate) head: Head,
    /// The log's verifier key.
    pub(crate) vkey: String,
    /// Why nothing may be written.
    pub(crate) why_not: String,
}

/// Finishes what was claimed, and checks what will be extended.
pub(crate) async fn carry_on(parts: LedgerParts, hindered: Hindered) -> Result<Carried, OpenError> {
    let why_not = match hindered {
        Some(error) => format!("{error}; when that is mended, start again"),
        None => match Recovered::open(parts.clone()).await {
            Ok(recovered) => {
                let (head, vkey) = (recovered.head().clone(), recovered.vkey());
                return Ok(Carried { recovered: Some(recovered), head, vkey, why_not: String::new() });
            }
            Err(error) if error.leaves_it_readable() => {
                tracing::error!(error = %InFull(&error), "the log cannot be extended: serving what is published, taking no statement");
                error.to_string()
            }
            Err(error) => return Err(error.into()),
        },
    };
    let (head, vkey) = published(&parts).await?;
    Ok(Carried { recovered: None, head, vkey, why_not })
}

/// Removes what a process that died was writing. It takes room and does no harm: a failure here keeps nobody from starting.
pub(crate) async fn clear_cut_off(disk: &DiskStore, signer: &DiskFiles, recovered: &Recovered) {
    let (commits, files) = recovered.written_last();
    let cleared = async { Ok::<u64, StoreError>(disk.clear_cut_off(commits, files).await? + signer.clear_temporary().await?) };
    match cleared.await {
        Ok(0) => {}
        Ok(removed) => tracing::info!(removed, "removed files that were being written when the last process ended"),
        Err(error) => tracing::warn!(error = %InFull(&error), "could not remove what the last process was writing; deedbox fsck lists it"),
    }
}

/// Folds up to the head. Without a replayer, the rows are not those of this log, or the log cannot be read where they end.
pub(crate) async fn catch_up(
    folder: &Folder,
    files: &Arc<dyn Files>,
    head: &Head,
    progress: Progress<'_>,
) -> (Option<Replayer>, Result<(), ReplayError>) {
    match Replayer::open(folder.clone(), Arc::clone(files), target_of(head), progress).await {
        Ok(mut replayer) => {
            let caught_up = replayer.catch_up(target_of(head), progress).await;
            (Some(replayer), caught_up)
        }
        Err(error) => (None, Err(error)),
    }
}

/// Up to where a head has to be folded.
pub(crate) fn target_of(head: &Head) -> Target {
    Target { size: head.size, root: head.root }
}
