//! Replay from zero: every entry judged as a stranger would, every view folded into an empty file, as `deedbox replay` does.

use crate::Bench;
use crate::fixture::counted;
use crate::machine::{TICKS, Watch};
use crate::process::tree_ticks;
use crate::report::{Row, figure};
use anyhow::{Context as _, ensure};
use deedbox_authority::DECIDERS;
use deedbox_catalog::Catalog;
use deedbox_npm::Npm;
use deedbox_replay::{Folder, Replayer};
use deedbox_store::{Opening, StoreSettings, Stores, open_rows_in};
use deedbox_tlog::SignedCheckpoint;
use deedbox_view::Projection;
use std::sync::Arc;
use std::time::Instant;

pub(crate) fn from_zero(bench: &mut Bench) -> anyhow::Result<()> {
    let log = bench.log()?;
    let allowed = bench.report.machine.as_ref().context("no limits")?.verify_all_cores;
    let noise = Watch::start()?;
    let ticks = tree_ticks(std::process::id())?;
    let rows_folder = bench.folder.path().join("replayed");
    std::fs::create_dir_all(&rows_folder)?;
    let seconds = bench.wait(async {
        let stores = Stores::open(&StoreSettings::in_folder(&log.data), Opening::ToWrite)?;
        let bytes = stores.log.head.get().await?.context("no checkpoint")?;
        // Whether the checkpoint is the log's own is not what is measured.
        let checkpoint = SignedCheckpoint::parse(&bytes)?;
        let target = checkpoint.unverified().tree();
        ensure!(target.size >= log.entries, "the log has {} entries instead of {}", target.size, log.entries);
        let rows = Arc::clone(open_rows_in(&rows_folder).await?.folded());
        let projections: Vec<Arc<dyn Projection>> = vec![Arc::new(Catalog), Arc::new(Npm::new())];
        let folder = Folder { rows, objects: Arc::clone(&stores.objects), projections, deciders: DECIDERS };
        let begun = Instant::now();
        let mut replayer = Replayer::open(folder, stores.log.clone(), target, &|_, _| {}).await?;
        replayer.catch_up(target, &|_, _| {}).await?;
        anyhow::Ok(begun.elapsed().as_secs_f64())
    })?;
    let events = log.entries as f64;
    let cpu_us = (tree_ticks(std::process::id())? - ticks) as f64 / TICKS * 1e6 / events;
    let quiet = noise.so_far()?;
    let note = format!("{} events: {}", log.entries, counted(&log));
    bench
        .report
        .add(Row::new("replay", "judged and folded into three views", events / seconds, "/s").cpu_us(cpu_us).quiet(quiet).note(note));
    let note = format!("verify_strict alone: {} a second", figure(allowed));
    bench.report.add(
        Row::new("replay", "share of what verify_strict alone allows", events / seconds / allowed * 100.0, "%")
            .at_least(60.0)
            .quiet(quiet)
            .note(note),
    );
    Ok(())
}
