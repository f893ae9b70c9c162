//! Appends over HTTP: many publishers at once, and one who waits for each answer.

use crate::Bench;
use crate::fixture::{self, Log, MANY, Mix, VERSION, counted, serve};
use crate::load::{self, Appended};
use crate::machine::{Watch, percentile};
use crate::report::{Row, figure};
use deedbox_tests::packed::small_tarball;
use deedbox_tests::publisher::Publisher;

const GROUP: &str = "append";

pub(crate) fn over_http(bench: &mut Bench) -> anyhow::Result<()> {
    let log = bench.log()?;
    let mixed = row(&log, &log.appended).at_least(10_000.0);
    bench.report.add(mixed);
    for (name, mix, events, publishers) in [
        ("few", Mix::MIXED, bench.pick(2_000, 20_000), bench.pick(32, 128)),
        ("releases", Mix::RELEASES, bench.pick(2_000, 20_000), bench.pick(128, MANY)),
        ("standing", Mix::STANDING, bench.pick(10_000, 100_000), bench.pick(128, MANY)),
    ] {
        let log = Log::of(bench, name, events, mix, publishers)?;
        let row = row(&log, &log.appended);
        bench.report.add(row);
        std::fs::remove_dir_all(&log.data)?;
    }
    one_after_another(bench, &log)
}

fn row(log: &Log, appended: &Appended) -> Row {
    let rate = appended.events as f64 / appended.seconds;
    let note = format!(
        "{} events, {} publishers, each answer awaited: p50 {} ms, p99 {} ms; {}",
        appended.events,
        appended.connections,
        figure(appended.p50_ms),
        figure(appended.p99_ms),
        counted(log)
    );
    Row::new(GROUP, log.mix.words(), rate, "/s").cpu_us(appended.cpu_us).quiet(appended.quiet).note(note)
}

/// A publisher alone, on a log that is not small: releases, whose objects are there.
fn one_after_another(bench: &mut Bench, log: &Log) -> anyhow::Result<()> {
    let server = serve(bench, &log.data)?;
    let watch = Watch::start()?;
    let releases = bench.pick(50, 300);
    let mut took = bench.wait(async {
        let http = reqwest::Client::new();
        let key = fixture::key(1_000_000);
        let publisher = Publisher::claim(&http, &server.url, key, "alone.localhost").await?;
        let mut statements = Vec::with_capacity(releases);
        for number in 0..releases {
            let release = publisher.release(small_tarball(&format!("@alone.localhost/package-{number}"), VERSION), None)?;
            fixture::upload(&http, &server.url, &publisher, &release.objects).await?;
            statements.push(release.statement);
        }
        load::append(server.url.trim_start_matches("http://").to_owned(), statements).await
    })?;
    let quiet = watch.so_far()?;
    took.sort_by(f64::total_cmp);
    let note = format!(
        "{releases} releases {VERSION} of new packages in a log of {} events; p99 {} ms",
        log.entries,
        figure(percentile(&took, 0.99))
    );
    bench.report.add(
        Row::new(GROUP, "one publisher, one release after another, median", percentile(&took, 0.5), "ms")
            .below(10.0)
            .quiet(quiet)
            .note(note),
    );
    server.stop();
    Ok(())
}
