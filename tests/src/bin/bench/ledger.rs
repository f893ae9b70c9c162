//! Appends in the ledger alone: admitted statements in, published checkpoints out, on the same disk. Replay folds authority's rows
//! behind it, as the ledger needs them; no other view is folded, and nobody speaks HTTP.

use crate::Bench;
use crate::fixture::{self, Mix};
use crate::inprocess::{InProcess, Keys, Views};
use crate::machine::{TICKS, Watch};
use crate::process::tree_ticks;
use crate::report::{Row, figure};
use anyhow::Context as _;
use deedbox_intake::Admitted;
use std::time::Instant;

pub(crate) fn in_process(bench: &mut Bench) -> anyhow::Result<()> {
    let (events, publishers) = (bench.pick(10_000, 50_000), bench.pick(32, 128));
    let data = bench.folder.path().join("ledger");
    let (rows, note) = bench.wait(async {
        let registry = InProcess::open(&data, Keys::fixed()?, Views::None).await?;
        let publishers = registry.publishers(publishers).await?;
        let prepared = fixture::prepare_all(&publishers, events, Mix::MIXED)?;
        for object in prepared.iter().flat_map(|one| &one.objects) {
            fixture::put_in_place(&data, object)?;
        }
        let mut admitted = Vec::with_capacity(events);
        for statement in prepared.iter().flat_map(|one| &one.statements) {
            admitted.push(registry.admit(statement).await?);
        }
        let measured = append(&registry, admitted).await?;
        registry.close().await?;
        anyhow::Ok(measured)
    })?;
    for row in rows {
        bench.report.add(row.note(note.clone()));
    }
    Ok(())
}

async fn append(registry: &InProcess, admitted: Vec<Admitted>) -> anyhow::Result<(Vec<Row>, String)> {
    let events = admitted.len() as u64;
    let mut head = registry.ledger.head();
    let size = head.borrow().tree.size + events;
    let noise = Watch::start()?;
    let ticks = tree_ticks(std::process::id())?;
    let begun = Instant::now();
    let published =
        tokio::spawn(async move { head.wait_for(|head| head.tree.size >= size).await.map(|_| begun.elapsed().as_secs_f64()).ok() });
    registry.append_all(admitted).await?;
    let answered = begun.elapsed().as_secs_f64();
    let cpu_us = (tree_ticks(std::process::id())? - ticks) as f64 / TICKS * 1e6 / events as f64;
    let quiet = noise.so_far()?;
    let published = published.await?.context("the writer stopped")?;
    let row = |what: &str, seconds: f64| Row::new("ledger", what, events as f64 / seconds, "/s").cpu_us(cpu_us).quiet(quiet);
    let rows = vec![
        row("decided, claimed, signed, published", published).at_least(30_000.0),
        row("the same, and authority's rows folded", answered),
    ];
    Ok((rows, format!("{events} events, {}; {} s", Mix::MIXED.words(), figure(answered))))
}
