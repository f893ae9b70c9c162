//! What the program holds when nobody asks it anything, and how soon it answers after a start, with small and large logs.

use crate::Bench;
use crate::fixture::{Log, serve};
use crate::machine::{Watch, percentile};
use crate::report::{Row, figure};
use anyhow::ensure;
use std::time::{Duration, Instant};

pub(crate) fn and_start(bench: &mut Bench) -> anyhow::Result<()> {
    let small = Log::make(bench, "small", 1_000)?;
    let large = bench.log()?;
    let mut held = Vec::new();
    for log in [&small, &large] {
        let noise = Watch::start()?;
        let (mut ready, mut resident) = (Vec::new(), Vec::new());
        for _ in 0..bench.pick(3, 7) {
            let begun = Instant::now();
            let server = serve(bench, &log.data)?;
            bench.wait(until_ready(&server.url))?;
            ready.push(begun.elapsed().as_secs_f64());
            std::thread::sleep(Duration::from_millis(500));
            resident.push(server.resident()? as f64 / 1e6);
            server.stop();
        }
        ready.sort_by(f64::total_cmp);
        resident.sort_by(f64::total_cmp);
        let (most, quiet) = (percentile(&resident, 1.0), noise.so_far()?);
        let entries = figure(log.entries as f64);
        bench.report.add(Row::new("memory", format!("resident, idle, log of {entries}"), most, "MB").below(60.0).quiet(quiet));
        let note = format!("slowest of {}: {} s", ready.len(), figure(percentile(&ready, 1.0)));
        let row = Row::new("memory", format!("from start to /ready, log of {entries}, median"), percentile(&ready, 0.5), "s");
        bench.report.add(row.below(0.2).quiet(quiet).note(note));
        held.push(most);
    }
    if let [small, large] = held.as_slice() {
        let row = Row::new("memory", "large log's memory over the small one's", large / small, "times");
        bench.report.add(row.below(1.25).note("flat: it does not grow with the log"));
    }
    Ok(())
}

async fn until_ready(url: &str) -> anyhow::Result<()> {
    let http = reqwest::Client::new();
    let begun = Instant::now();
    loop {
        match http.get(format!("{url}/ready")).send().await {
            Ok(answer) if answer.status().is_success() => return Ok(()),
            _ => ensure!(begun.elapsed() < Duration::from_secs(30), "not ready within half a minute"),
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}
