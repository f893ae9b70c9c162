//! `deedbox verify --lockfile` of a thousand packages by a machine that has never seen the registry.

use crate::Bench;
use crate::fixture::{Package, VERSION, counted, serve, without_settings};
use crate::machine::{Watch, percentile};
use crate::report::{Row, figure};
use anyhow::{Context as _, ensure};
use base64::Engine as _;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;
use tokio::net::{TcpListener, TcpStream};

const PACKAGES: usize = 1_000;

pub(crate) fn cold(bench: &mut Bench) -> anyhow::Result<()> {
    let log = bench.log()?;
    let server = serve(bench, &log.data)?;
    // Spread over the log, as a project's packages are.
    let step = log.packages.len() / PACKAGES;
    ensure!(step > 0, "the log has only {} packages", log.packages.len());
    let packages: Vec<&Package> = log.packages.iter().step_by(step).take(PACKAGES).collect();
    let file = bench.folder.path().join("package-lock.json");
    std::fs::write(&file, lock(&packages, &server.url).to_string())?;

    let watch = Watch::start()?;
    let mut took = Vec::new();
    for _ in 0..bench.pick(3, 7) {
        took.push(verify(bench, &server.url, &file)?.0 * 1e3);
    }
    let quiet = watch.so_far()?;
    took.sort_by(f64::total_cmp);
    let fetched = Arc::new(AtomicU64::new(0));
    let counted_url = bench.wait(counting(server.url.trim_start_matches("http://").to_owned(), Arc::clone(&fetched)))?;
    let (_, said) = verify(bench, &counted_url, &file)?;
    let number = |name: &str| said.get(name).and_then(Value::as_u64).with_context(|| format!("verify does not say {name}"));
    let (proof, entries, size) = (number("proof_bytes")?, number("entries_proven")?, number("tree_size")?);

    let note = format!(
        "{PACKAGES} packages, {entries} entries proven in a tree of {size}: {}; slowest {} ms",
        counted(&log),
        figure(percentile(&took, 1.0))
    );
    let row = |what: &str, measured: f64, unit: &'static str| Row::new("lockfile", what, measured, unit);
    bench.report.add(row("verified by a new home, median", percentile(&took, 0.5), "ms").below(1_000.0).quiet(quiet).note(note));
    bench.report.add(row("bytes of the multiproof", proof as f64 / 1e3, "KB").below(200.0));
    let note = "answers with their headers, on the wire";
    bench.report.add(row("fetched in all", fetched.load(Ordering::SeqCst) as f64 / 1e3, "KB").below(1_200.0).note(note));
    server.stop();
    Ok(())
}

/// What npm would have written.
fn lock(packages: &[&Package], url: &str) -> Value {
    let mut locked = serde_json::Map::new();
    locked.insert(String::new(), json!({ "name": "project", "version": "1.0.0" }));
    for Package { name, sha512 } in packages {
        let file = name.rsplit('/').next().unwrap_or_default();
        let integrity = format!("sha512-{}", base64::engine::general_purpose::STANDARD.encode(sha512.0));
        let resolved = format!("{url}/npm/{name}/-/{file}-{VERSION}.tgz");
        locked.insert(format!("node_modules/{name}"), json!({ "version": VERSION, "resolved": resolved, "integrity": integrity }));
    }
    json!({ "name": "project", "version": "1.0.0", "lockfileVersion": 3, "requires": true, "packages": locked })
}

/// Seconds from start to end of the command, and what it said.
fn verify(bench: &Bench, url: &str, file: &Path) -> anyhow::Result<(f64, Value)> {
    let home = tempfile::tempdir_in(bench.folder.path())?;
    let mut command = Command::new(&bench.deedbox);
    without_settings(&mut command);
    command.current_dir(home.path()).env("DEEDBOX_HOME", home.path().join("home"));
    command.args(["--registry", url, "--json", "verify", "--require-all", "--lockfile"]).arg(file);
    let begun = Instant::now();
    let output = command.output()?;
    let seconds = begun.elapsed().as_secs_f64();
    ensure!(output.status.success(), "the lock file does not verify: {}", String::from_utf8_lossy(&output.stderr));
    Ok((seconds, serde_json::from_slice(&output.stdout).context("what verify --json says")?))
}

/// An address that leads to the registry, and counts what comes back.
async fn counting(registry: String, fetched: Arc<AtomicU64>) -> anyhow::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(pass_on(stream, registry.clone(), Arc::clone(&fetched)));
        }
    });
    Ok(url)
}

async fn pass_on(stream: TcpStream, registry: String, fetched: Arc<AtomicU64>) -> std::io::Result<()> {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let (mut from_client, mut to_client) = stream.into_split();
    let (mut from_registry, mut to_registry) = TcpStream::connect(registry).await?.into_split();
    tokio::spawn(async move { tokio::io::copy(&mut from_client, &mut to_registry).await });
    // Counted as they come: who ends the connection waits for nobody.
    let mut piece = vec![0; 64 * 1024];
    loop {
        let read = from_registry.read(&mut piece).await?;
        if read == 0 {
            return Ok(());
        }
        fetched.fetch_add(read as u64, Ordering::SeqCst);
        to_client.write_all(piece.get(..read).unwrap_or_default()).await?;
    }
}
