//! What Maven and Bundler read that is more than a package's own bytes, beside nginx with the same bytes as files: metadata and a jar,
//! and the index of all gems of a domain, whole and its end.

use crate::Bench;
use crate::fixture::{key, publish, put_in_place, serve};
use crate::inprocess::{InProcess, Keys, Views};
use crate::load::wrk_with;
use crate::peers::nginx;
use crate::process::Server;
use crate::report::{Row, figure};
use anyhow::ensure;
use deedbox_testkit::archives::noise;
use deedbox_tests::debian::debian;
use deedbox_tests::packed;
use deedbox_tests::publisher::Publisher;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use std::fs;
use std::path::Path;

const DOMAIN: &str = "bench.localhost";

/// `maven-metadata.xml` of a library with 20 versions, and a jar of it.
pub(crate) fn of_maven(bench: &mut Bench) -> anyhow::Result<()> {
    debian(&["nginx", "wrk"])?;
    let folder = bench.folder.path().join("maven");
    let files = folder.join("files");
    fs::create_dir_all(&files)?;
    let ours = serve(bench, &folder.join("registry"))?;
    bench.wait(async {
        let http = reqwest::Client::new();
        let publisher = Publisher::claim(&http, &ours.url, key(0), DOMAIN).await?;
        let mut prev = None;
        for minor in 0..20 {
            let packed = packed::maven(&publisher.domain, "library", &format!("1.{minor}"), &noise("jar", 300_000))?;
            let release = publisher.release_of(packed, prev)?;
            prev = Some(release.event);
            publish(&http, &ours.url, &publisher, &release).await?;
        }
        anyhow::Ok(())
    })?;
    let theirs = nginx(&folder, &files)?;
    for (what, name) in [("maven-metadata.xml", "maven-metadata.xml"), ("jar", "1.19/library-1.19.jar")] {
        beside_nginx(bench, "maven", what, &ours, &format!("/maven/localhost/bench/library/{name}"), &theirs, &files, &[])?;
    }
    Ok(())
}

/// `/versions` of a hundred thousand lines.
pub(crate) fn of_gems(bench: &mut Bench) -> anyhow::Result<()> {
    debian(&["nginx", "wrk"])?;
    let (packages, versions) = (bench.pick(100, 1_000), bench.pick(50, 100));
    let folder = bench.folder.path().join("versions");
    let (files, data) = (folder.join("files"), folder.join("registry"));
    fs::create_dir_all(&files)?;
    serve(bench, &data)?.stop();
    bench.say(&format!("  {} gems, in process …", packages * versions));
    bench.wait(async {
        let registry = InProcess::open(&data, Keys::of(&data)?, Views::All).await?;
        let publisher = registry.publisher(key(0), DOMAIN).await?;
        for package in 0..packages {
            let mut statements = Vec::with_capacity(versions);
            let mut prev = None;
            for version in 0..versions {
                let release =
                    publisher.release_of(packed::gem(&publisher.domain, &format!("gem-{package}"), &format!("1.{version}")), prev)?;
                prev = Some(release.event);
                for object in &release.objects {
                    put_in_place(&data, object)?;
                }
                statements.push(release.statement);
            }
            let admitted = stream::iter(&statements).map(|one| registry.admit(one)).buffered(16).try_collect().await?;
            registry.append_all(admitted).await?;
        }
        registry.close().await
    })?;
    let ours = serve(bench, &data)?;
    let theirs = nginx(&folder, &files)?;
    let path = format!("/gem/{DOMAIN}/versions");
    let whole = beside_nginx(bench, "versions", "whole", &ours, &path, &theirs, &files, &[])?;
    let range = format!("Range: bytes={}-", whole.saturating_sub(1_000));
    beside_nginx(bench, "versions", "the last kilobyte", &ours, &path, &theirs, &files, &[&range])?;
    Ok(())
}

/// Reads it here, puts the same bytes where nginx finds them, and measures both; gives the bytes of the whole.
#[allow(clippy::too_many_arguments, reason = "two servers, one path, and what is asked")]
fn beside_nginx(
    bench: &mut Bench,
    group: &'static str,
    what: &str,
    ours: &Server,
    path: &str,
    theirs: &Server,
    files: &Path,
    headers: &[&str],
) -> anyhow::Result<usize> {
    let bytes = bench.wait(async { reqwest::get(format!("{}{path}", ours.url)).await?.error_for_status()?.bytes().await })?;
    let name = path.rsplit('/').next().unwrap_or_default();
    ensure!(!bytes.is_empty(), "{path} is empty");
    fs::write(files.join(name), &bytes)?;
    bench.say(&format!("  {path} {}", headers.join(" ")));
    let lines = bytes.iter().filter(|byte| **byte == b'\n').count();
    let size = format!("{} KB, {lines} lines", figure(bytes.len() as f64 / 1e3));
    let [our, their] = [wrk_with(bench, ours, path, headers)?, wrk_with(bench, theirs, &format!("/{name}"), headers)?];
    for (server, read) in [("deedbox", our), ("nginx", their)] {
        let row = Row::new(group, format!("{what}: {server}"), read.rate, "req/s").cpu_us(read.cpu_us).quiet(read.quiet);
        bench.report.add(row.note(size.clone()));
    }
    bench.report.add(Row::new(group, format!("{what}: our CPU over nginx's"), our.cpu_us / their.cpu_us, "times"));
    Ok(bytes.len())
}
