//! `deedbox replay`: every view again from the log alone, in the order of the log, judged as a stranger would. With
//! `--verify` it is compared row by row with what is there, and nothing is changed.

use crate::args::Replay;
use crate::context::Context;
use crate::failure::refused;
use crate::offline::{self, Offline};
use crate::small_pages;
use crate::terminal;
use deedbox_replay::{Difference, Replayer, check_rows, fingerprint};
use deedbox_store::{RowStores, open_rows_in};
use deedbox_tlog::VerifiedCheckpoint;
use serde::Serialize;
use std::sync::Arc;

/// Differences that are shown of one view.
const SHOWN: usize = 20;

/// One view, compared.
#[derive(Serialize)]
pub(crate) struct Compared {
    view: String,
    /// None, as its digest, if they cannot all be read.
    rows: Option<u64>,
    size: u64,
    digest: Option<String>,
    pub(super) differences: Vec<String>,
}

pub(crate) async fn run(context: &Context, args: Replay) -> anyhow::Result<()> {
    small_pages::only();
    let mut registry = Offline::open(&args.data)?;
    let (checkpoint, _) = registry.checkpoint().await?;
    if !args.verify {
        return rebuild(context, registry, &checkpoint).await;
    }
    let compared = compare_views(&mut registry, &checkpoint).await?;
    registry.stores.close().await;
    let wrong: usize = compared.iter().map(|view| view.differences.len()).sum();
    if context.json {
        terminal::say_json(&compared)?;
    } else {
        for view in &compared {
            let mark = if view.differences.is_empty() { "✓" } else { "✗" };
            terminal::say(&match (view.rows, &view.digest) {
                (Some(rows), Some(digest)) => format!("{mark} {} {rows} rows at {} entries, sha256:{digest}", view.view, view.size),
                _ => format!("{mark} {} at {} entries, with rows that cannot be read", view.view, view.size),
            });
            for difference in &view.differences {
                terminal::say_line(&format!("    {difference}"));
            }
        }
    }
    if wrong > 0 {
        return Err(refused(format!(
            "the rows of {} are not what its log gives ({wrong} differences shown): rebuild them with deedbox replay --data {}",
            args.data.display(),
            args.data.display()
        )));
    }
    Ok(())
}

/// Folds the whole log into a scratch file, and compares every view with the registry's own rows.
pub(crate) async fn compare_views(registry: &mut Offline, checkpoint: &VerifiedCheckpoint) -> anyhow::Result<Vec<Compared>> {
    let scratch = tempfile::tempdir()?;
    let scratch_rows = open_rows_in(scratch.path()).await?;
    fold(registry, checkpoint, &scratch_rows).await?;
    let rows = registry.stores.rows().await?;
    let (found, expected) = (rows.folded().as_ref(), scratch_rows.folded().as_ref());
    let mut all = Vec::new();
    for id in offline::projection_ids() {
        let size = found.cursor(&id).await?;
        let differences = check_rows(found, expected, &id, checkpoint.size(), SHOWN).await?;
        let print = match fingerprint(found, &id).await {
            Ok(print) => Some(print),
            // A row that cannot be read is among the differences.
            Err(_) if !differences.is_empty() => None,
            Err(error) => return Err(error.into()),
        };
        all.push(Compared {
            view: id.to_string(),
            rows: print.as_ref().map(|print| print.rows),
            size,
            digest: print.map(|print| print.digest.to_hex()),
            differences: differences.iter().map(Difference::to_string).collect(),
        });
    }
    scratch_rows.close().await;
    Ok(all)
}

async fn rebuild(context: &Context, mut registry: Offline, checkpoint: &VerifiedCheckpoint) -> anyhow::Result<()> {
    let rows = registry.stores.rows().await?;
    // Authority's first: a crash anywhere from here on leaves rows that are behind, and a start of the registry, or this
    // again, folds what is missing.
    for id in offline::projection_ids() {
        rows.folded().clear(&id).await?;
    }
    // What other versions of this program folded is made again by them, should one be used again.
    let dropped = rows.drop_other_generations(&offline::projection_ids()).await?;
    fold(&registry, checkpoint, &rows).await?;
    let mut views = Vec::new();
    for id in offline::projection_ids() {
        views.push(fingerprint(rows.folded().as_ref(), &id).await?.to_string());
    }
    registry.stores.close().await;
    if context.json {
        return terminal::say_json(&views);
    }
    for id in dropped {
        terminal::say(&format!("removed the rows of {id}, which this program does not use"));
    }
    for view in views {
        terminal::say(&format!("rebuilt {view}"));
    }
    Ok(())
}

async fn fold(registry: &Offline, checkpoint: &VerifiedCheckpoint, rows: &RowStores) -> anyhow::Result<()> {
    let bar = Arc::new(terminal::count_bar(checkpoint.size(), "replaying"));
    let shown = Arc::clone(&bar);
    let progress = move |done: u64, _: u64| shown.set_position(done);
    let target = checkpoint.tree();
    let mut replayer = Replayer::open(registry.folder(Arc::clone(rows.folded())), registry.stores.log.clone(), target, &progress).await?;
    replayer.catch_up(target, &progress).await?;
    bar.finish_and_clear();
    Ok(())
}
