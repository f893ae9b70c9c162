//! What a start carries on, and how far it can where something keeps it from writing (docs/ARCHITECTURE.md, "Composition"): a medium that
//! is full or read-only, a file that is not what was signed, rows that are not the log's. Then the registry serves what is published and
//! folded, and takes no statement; `/ready` says which file it is, and what to do. Mends nothing.

use crate::config::Config;
use crate::error::OpenError;
use deedbox_ledger::{Head, LedgerParts, Recovered, published};
use deedbox_replay::{Folder, Progress, ReplayError, Replayer};
use deedbox_store::{InFull, LogStore, Opening, RowStores, StoreError, StoreSettings, Stores};

/// Opens the stores: to be read only where that is asked for, or where they cannot be written and hold a registry.
pub(crate) fn open_stores(config: &Config) -> Result<Stores, StoreError> {
    let opening = match config.read_only {
        true => Opening::ToRead,
        false if config.data.join("registry.json").exists() => Opening::ToWriteOrRead,
        false => Opening::ToWrite,
    };
    let stores = Stores::open(&StoreSettings::in_folder(&config.data), opening)?;
    if let Some(error) = stores.unwritable().filter(|_| !config.read_only) {
        tracing::error!(error = %InFull(error), "the data directory cannot be written: serving what is there, taking no statement");
    }
    Ok(stores)
}

/// Opens the rows, to be read only where they cannot be written.
pub(crate) async fn open_rows(stores: &mut Stores) -> Result<RowStores, StoreError> {
    let others = stores.unwritable().is_some();
    let rows = stores.rows().await?;
    if let Some(error) = stores.unwritable().filter(|_| !others) {
        tracing::error!(error = %InFull(error), "the rows cannot be written: serving what is folded, taking no statement");
    }
    Ok(rows)
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

/// Finishes what was claimed, and checks what will be extended; neither where nothing can be written, for this reason.
pub(crate) async fn carry_on(parts: LedgerParts, unwritable: Option<&str>) -> Result<Carried, OpenError> {
    let why_not = match unwritable {
        Some(why) => format!("{why}; repair that, then start again"),
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
pub(crate) async fn clear_cut_off(stores: &Stores, recovered: &Recovered) {
    let (commits, files) = recovered.written_last();
    match stores.clear_cut_off(commits, files).await {
        Ok(0) => {}
        Ok(removed) => tracing::info!(removed, "removed files that were being written when the last process ended"),
        Err(error) => tracing::warn!(error = %InFull(&error), "could not remove what the last process was writing; deedbox fsck lists it"),
    }
}

/// Folds up to the head. Without a replayer, the rows are not those of this log, or the log cannot be read where they end.
pub(crate) async fn catch_up(
    folder: &Folder,
    log: &LogStore,
    head: &Head,
    progress: Progress<'_>,
) -> (Option<Replayer>, Result<(), ReplayError>) {
    match Replayer::open_to_serve(folder.clone(), log.clone(), head.tree, progress).await {
        Ok(mut replayer) => {
            let caught_up = replayer.catch_up(head.tree, progress).await;
            (Some(replayer), caught_up)
        }
        Err(error) => (None, Err(error)),
    }
}
