//! A package with ten thousand versions beside one with ten, in each ecosystem: what one more release writes, how long its publisher
//! waits, and how soon its largest answer can be read.

use crate::Bench;
use crate::fixture::{key, publish, put_in_place, serve};
use crate::inprocess::{InProcess, Keys, Views};
use crate::machine::{Watch, percentile};
use crate::report::{Row, figure};
use anyhow::ensure;
use deedbox_model::{Domain, EventId};
use deedbox_tests::packed::{self, Packed};
use deedbox_tests::publisher::Publisher;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use std::path::Path;
use std::time::Instant;

const GROUP: &str = "many";
const DOMAIN: &str = "many.localhost";
/// Releases of each package that are measured.
const MEASURED: usize = 20;

/// How a version of a package is made.
type Make = fn(&Domain, &str, usize) -> anyhow::Result<Packed>;

/// An ecosystem: its name, how a version is made, and the largest answer about a package, below the registry's address.
const ECOSYSTEMS: [(&str, Make, &str); 4] = [
    ("npm", |domain, name, number| Ok(packed::npm(domain, name, &format!("1.{number}.0"))), "/npm/@many.localhost%2fmany"),
    (
        "maven",
        |domain, name, number| packed::maven(domain, name, &format!("1.{number}"), b"1"),
        "/maven/localhost/many/many/maven-metadata.xml",
    ),
    (
        "oci",
        |domain, name, number| Ok(packed::image(domain, name, &format!("1.{number}"), vec![number.to_string().into_bytes()])?.0),
        "/v2/many.localhost/many/tags/list",
    ),
    ("gem", |domain, name, number| Ok(packed::gem(domain, name, &format!("1.{number}"))), "/gem/many.localhost/info/many"),
];

pub(crate) fn versions(bench: &mut Bench) -> anyhow::Result<()> {
    let many = bench.pick(1_000, 10_000);
    for (ecosystem, make, path) in ECOSYSTEMS {
        bench.say(&format!("  {ecosystem} …"));
        let data = bench.folder.path().join(format!("many-{ecosystem}"));
        serve(bench, &data)?.stop();
        let noise = Watch::start()?;
        let (few_of, many_of, publisher, prev) = bench.wait(appended(&data, make, many))?;
        let quiet = noise.so_far()?;
        let row = |what: String, measured: f64, unit| Row::new(GROUP, format!("{ecosystem}: {what}"), measured, unit).quiet(quiet);
        let rows = row(format!("rows of a release, {many} versions over 10"), many_of.rows / few_of.rows, "times");
        bench.report.add(rows.below(2.000_1).note(format!("{} beside {}", figure(many_of.rows), figure(few_of.rows))));
        let time = row(format!("time to its answer, {many} versions over 10"), many_of.ms / few_of.ms, "times");
        bench.report.add(time.below(2.000_1).note(format!(
            "medians: {} ms beside {} ms, in process",
            figure(many_of.ms),
            figure(few_of.ms)
        )));
        first_read(bench, &data, ecosystem, make, path, &publisher, prev, many)?;
        std::fs::remove_dir_all(&data)?;
    }
    Ok(())
}

/// What one more release took, at the median.
struct Took {
    rows: f64,
    ms: f64,
}

async fn appended(data: &Path, make: Make, many: usize) -> anyhow::Result<(Took, Took, Publisher, Option<EventId>)> {
    let registry = InProcess::open(data, Keys::of(data)?, Views::All).await?;
    let publisher = registry.publisher(key(0), DOMAIN).await?;
    let mut chains = [("few", 10, None), ("many", many, None)];
    for (name, count, prev) in &mut chains {
        for some in (0..*count).collect::<Vec<_>>().chunks(500) {
            let mut statements = Vec::new();
            for number in some {
                statements.push(release(data, &publisher, make(&publisher.domain, name, *number)?, prev)?);
            }
            let admitted = stream::iter(&statements).map(|one| registry.admit(one)).buffered(16).try_collect().await?;
            registry.append_all(admitted).await?;
        }
    }
    let mut took = [(Vec::new(), Vec::new()), (Vec::new(), Vec::new())];
    for more in 0..MEASURED {
        // In turn, so that what else the machine does meets both alike.
        for ((name, count, prev), (rows, ms)) in chains.iter_mut().zip(&mut took) {
            let statement = release(data, &publisher, make(&publisher.domain, name, *count + more)?, prev)?;
            let before = registry.rows_written();
            let begun = Instant::now();
            registry.ledger.submit(registry.admit(&statement).await?).await?;
            ms.push(begun.elapsed().as_secs_f64() * 1e3);
            rows.push((registry.rows_written() - before) as f64);
        }
    }
    registry.close().await?;
    let [few, many] = took.map(|(mut rows, mut ms)| {
        rows.sort_by(f64::total_cmp);
        ms.sort_by(f64::total_cmp);
        Took { rows: percentile(&rows, 0.5), ms: percentile(&ms, 0.5) }
    });
    let [_, (_, _, prev)] = chains;
    Ok((few, many, publisher, prev))
}

/// Signs the next release of a chain, its objects in place.
fn release(data: &Path, publisher: &Publisher, packed: Packed, prev: &mut Option<EventId>) -> anyhow::Result<Vec<u8>> {
    let release = publisher.release_of(packed, *prev)?;
    for object in &release.objects {
        put_in_place(data, object)?;
    }
    *prev = Some(release.event);
    Ok(release.statement)
}

/// Publishes one more over HTTP, and reads the largest answer.
#[allow(clippy::too_many_arguments, reason = "a registry, its package, and where both are")]
fn first_read(
    bench: &mut Bench,
    data: &Path,
    ecosystem: &str,
    make: Make,
    path: &str,
    publisher: &Publisher,
    prev: Option<EventId>,
    many: usize,
) -> anyhow::Result<()> {
    let server = serve(bench, data)?;
    let url = format!("{}{path}", server.url);
    let noise = Watch::start()?;
    let (mut first, mut later, bytes) = bench.wait(async {
        let http = reqwest::Client::new();
        let (mut prev, mut bytes) = (prev, 0);
        let (mut first, mut later) = (Vec::new(), Vec::new());
        // What a reader asked before; each release makes it old.
        http.get(&url).send().await?.error_for_status()?.bytes().await?;
        for number in 0..MEASURED {
            let next = publisher.release_of(make(&publisher.domain, "many", many + MEASURED + number)?, prev)?;
            prev = Some(next.event);
            publish(&http, &server.url, publisher, &next).await?;
            for read in 0..4 {
                let begun = Instant::now();
                bytes = http.get(&url).send().await?.error_for_status()?.bytes().await?.len();
                if read == 0 { &mut first } else { &mut later }.push(begun.elapsed().as_secs_f64() * 1e3);
            }
        }
        anyhow::Ok((first, later, bytes))
    })?;
    ensure!(bytes > 0, "{path} is empty");
    let quiet = noise.so_far()?;
    first.sort_by(f64::total_cmp);
    later.sort_by(f64::total_cmp);
    let what = format!("{ecosystem}: first read after a release, {many} versions, median");
    let row = Row::new(GROUP, what, percentile(&first, 0.5), "ms").below(200.0);
    let (slowest, again) = (figure(percentile(&first, 1.0)), figure(percentile(&later, 0.5)));
    let note = format!("{} KB; slowest of {MEASURED}: {slowest} ms; later ones {again} ms at the median", figure(bytes as f64 / 1e3));
    bench.report.add(row.quiet(quiet).note(note));
    server.stop();
    Ok(())
}
