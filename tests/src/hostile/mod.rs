//! A real registry with its usual limits, a thousand hostile connections of each kind, and beside them clients that install: what the
//! registry holds at most, and how soon it answers the clients (spec/api.md §8). Only on loopback; everything has an end.

mod guests;
mod readers;

use crate::crash::Programs;
use crate::packed::small_tarball;
use crate::publisher::Publisher;
use anyhow::{Context as _, bail, ensure};
use deedbox_model::event::{Event, ReleaseUnyanked, ReleaseYanked};
use deedbox_model::{ObjectRef, ReasonCode, SecretKey, Version};
use deedbox_testkit::archives::tgz;
use guests::Kind;
use readers::Readings;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::json;
use std::fmt;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// The goals of a release build.
const GOAL_PEAK_MB: f64 = 300.0;
const GOAL_P99_MS: f64 = 100.0;
/// Events that are read by those who read slowly: pages and proofs of some hundred kilobytes.
const EVENTS: usize = 400;
/// Bytes of the large package.
const LARGE: usize = 24 << 20;
const DOMAIN: &str = "hostile.localhost";

/// How many come, and for how long.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Of each kind.
    pub connections: usize,
    /// Each kind, and all of them together.
    pub stay: Duration,
    /// Of the kinds, those whose names hold this; without it each, and all of them together.
    pub only: Option<String>,
}

/// What one kind came to.
#[derive(Debug, Clone)]
pub struct Row {
    /// The kind.
    pub kind: String,
    /// Hostile connections at once.
    pub connections: usize,
    /// How often they connected: who is hung up on comes again.
    pub connected: usize,
    /// Most of the registry's memory, in megabytes.
    pub peak_mb: f64,
    /// Of packuments.
    pub packument: Latency,
    /// Of checkpoints.
    pub checkpoint: Latency,
    /// Of tarballs.
    pub tarball: Latency,
    /// Answers with 503 to the clients that install.
    pub refused: usize,
    /// Other failures of theirs.
    pub failed: usize,
    /// Bytes of the memory budget that are held when all are gone.
    pub held_after: u64,
}

/// Milliseconds.
#[derive(Debug, Clone, Copy, Default)]
pub struct Latency {
    /// Answers.
    pub count: usize,
    /// Half of them were sooner.
    pub p50: f64,
    /// All but one in a hundred were sooner.
    pub p99: f64,
}

/// All kinds.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// In the order in which they came; first without any, last all together.
    pub rows: Vec<Row>,
}

impl Report {
    /// Whether it is as it should be in a release build.
    #[must_use]
    pub fn is_well(&self) -> bool {
        let is_quick = |latency: &Latency| latency.p99 <= GOAL_P99_MS;
        let is_well = |row: &Row| {
            row.peak_mb <= GOAL_PEAK_MB && is_quick(&row.packument) && is_quick(&row.checkpoint) && row.refused == 0 && row.failed == 0
        };
        self.rows.iter().all(is_well)
    }

    /// The same for programs.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        let latency = |of: &Latency| json!({ "count": of.count, "p50_ms": of.p50, "p99_ms": of.p99 });
        let rows = self.rows.iter().map(|row| {
            json!({
                "kind": row.kind, "connections": row.connections, "connected": row.connected, "peak_mb": row.peak_mb,
                "packument": latency(&row.packument), "checkpoint": latency(&row.checkpoint), "tarball": latency(&row.tarball),
                "refused": row.refused, "failed": row.failed, "held_after": row.held_after,
            })
        });
        json!({ "goal": { "peak_mb": GOAL_PEAK_MB, "p99_ms": GOAL_P99_MS }, "is_well": self.is_well(), "rows": rows.collect::<Vec<_>>() })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<28} {:>6} {:>9} {:>8} {:>16} {:>16} {:>16} {:>5} {:>6} {:>9}",
            "beside", "at once", "connected", "peak MB", "packument ms", "checkpoint ms", "tarball ms", "503", "failed", "held after"
        )?;
        for row in &self.rows {
            let of = |latency: &Latency| format!("{:.1} / {:.1}", latency.p50, latency.p99);
            writeln!(
                f,
                "{:<28} {:>6} {:>9} {:>8.0} {:>16} {:>16} {:>16} {:>5} {:>6} {:>9}",
                row.kind,
                row.connections,
                row.connected,
                row.peak_mb,
                of(&row.packument),
                of(&row.checkpoint),
                of(&row.tarball),
                row.refused,
                row.failed,
                row.held_after
            )?;
        }
        write!(f, "p50 / p99; the goal of a release build: under {GOAL_PEAK_MB} MB and {GOAL_P99_MS} ms, no 503 and no failure")
    }
}

/// Runs all kinds, one after the other and then together; `show` is told of each.
///
/// # Errors
/// When the registry does not start, refuses what is published, or ends by itself.
pub fn run(programs: &Programs, plan: &Plan, show: impl Fn(&Row)) -> anyhow::Result<Report> {
    let kinds = Kind::ALL.len();
    open_files(plan.connections * kinds)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let folder = tempfile::tempdir()?;
    let mut registry = Registry::start(programs, folder.path())?;
    let target = runtime.block_on(publish(&registry))?;
    let mut report = Report::default();
    let one_by_one = Kind::ALL.iter().map(|kind| (kind.name().to_owned(), vec![*kind]));
    let all = [("all of them together".to_owned(), Kind::ALL.to_vec())];
    let rows = [("nobody".to_owned(), vec![])].into_iter().chain(one_by_one).chain(all);
    for (name, kinds) in rows.filter(|(name, _)| plan.only.as_deref().is_none_or(|only| name.contains(only))) {
        registry.forget_peak()?;
        let row = runtime.block_on(beside(&registry, &target, name, &kinds, plan))?;
        registry.is_there()?;
        show(&row);
        report.rows.push(row);
    }
    Ok(report)
}

async fn beside(registry: &Registry, target: &Target, kind: String, kinds: &[Kind], plan: &Plan) -> anyhow::Result<Row> {
    let mut guests = JoinSet::new();
    let connected = guests::Connected::default();
    for kind in kinds {
        for n in 0..plan.connections {
            guests.spawn(guests::stay(target.clone(), *kind, n, connected.clone()));
        }
    }
    let Readings { packument, checkpoint, tarball, refused, failed } = readers::read(target, plan.stay).await?;
    let peak_mb = registry.peak()? as f64 / 1e6;
    guests.shutdown().await;
    let connections = plan.connections * kinds.len();
    let held_after = held_after(target).await?;
    Ok(Row { kind, connections, connected: connected.count(), peak_mb, packument, checkpoint, tarball, refused, failed, held_after })
}

/// Bytes of the budget that are held when nobody is there any more, but for the readers' caches.
async fn held_after(target: &Target) -> anyhow::Result<u64> {
    let begun = Instant::now();
    let mut last = u64::MAX;
    loop {
        let text = target.http.get(format!("{}/metrics", target.url)).send().await?.text().await?;
        let values = text.lines().filter_map(|line| line.strip_prefix("deedbox_memory_bytes{"));
        let held = values.filter_map(|line| line.rsplit_once(' ')?.1.parse::<u64>().ok()).sum();
        if held == last || begun.elapsed() > Duration::from_secs(10) {
            return Ok(held);
        }
        last = held;
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// What is asked for, by the hostile and by the others.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) url: String,
    pub(crate) address: std::net::SocketAddr,
    pub(crate) http: reqwest::Client,
    pub(crate) publisher: Publisher,
    pub(crate) packument: String,
    pub(crate) tarball: String,
    pub(crate) large: String,
    pub(crate) question: String,
}

/// A package with some releases and many changes, and one large package.
async fn publish(registry: &Registry) -> anyhow::Result<Target> {
    let http = reqwest::Client::new();
    let url = format!("http://{}", registry.address);
    let publisher = Publisher::claim(&http, &url, SecretKey::from_seed(&[7; 32]), DOMAIN).await?;
    let name = format!("@{DOMAIN}/widget");
    let mut prev = None;
    for n in 0..20 {
        let release = publisher.release(small_tarball(&name, &format!("1.0.{n}")), prev)?;
        prev = Some(release.event);
        for object in &release.objects {
            put(&http, &url, &publisher, object).await?;
        }
        append(&http, &url, release.statement).await?;
    }
    let (id, version) = (publisher.release(small_tarball(&name, "9.9.9"), None)?.id, Version::parse("1.0.0")?);
    for n in 0..EVENTS {
        let event = match n % 2 {
            0 => Event::from(ReleaseYanked { reason: ReasonCode::Broken, version: version.clone() }),
            _ => Event::from(ReleaseUnyanked { version: version.clone() }),
        };
        let (statement, event) = publisher.say(&id, prev, &event)?;
        prev = Some(event);
        append(&http, &url, statement).await?;
    }
    // What does not compress: every byte of it is sent.
    let mut seed = 1_u64;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        seed.to_be_bytes()[0]
    })
    .take(LARGE)
    .collect();
    let package = json!({ "name": format!("@{DOMAIN}/large"), "version": "1.0.0" }).to_string();
    let large = tgz(&[("package/package.json", package.as_bytes()), ("package/noise.bin", noise.as_slice())]);
    let object = ObjectRef::of(&large);
    let release = publisher.release(large, None)?;
    for object in &release.objects {
        put(&http, &url, &publisher, object).await?;
    }
    append(&http, &url, release.statement).await?;
    let indices: Vec<usize> = (0..EVENTS).collect();
    Ok(Target {
        address: registry.address,
        packument: format!("{url}/npm/@{DOMAIN}%2fwidget"),
        tarball: format!("{url}/npm/@{DOMAIN}/widget/-/widget-1.0.0.tgz"),
        large: format!("/objects/sha256/{}", object.sha256),
        question: json!({ "indices": indices }).to_string(),
        url,
        http,
        publisher,
    })
}

async fn put(http: &reqwest::Client, url: &str, publisher: &Publisher, object: &[u8]) -> anyhow::Result<()> {
    let to = format!("{url}/objects/sha256/{}", ObjectRef::of(object).sha256);
    let answer = http.put(to).header("authorization", publisher.permit()?).body(object.to_vec()).send().await?;
    ensure!(answer.status().is_success(), "an upload was refused: {}", answer.text().await?);
    Ok(())
}

async fn append(http: &reqwest::Client, url: &str, statement: Vec<u8>) -> anyhow::Result<()> {
    let post = http.post(format!("{url}/api/v1/events")).header("content-type", "application/cose");
    let answer = post.body(statement).send().await?;
    ensure!(answer.status().is_success(), "a statement was refused: {}", answer.text().await?);
    Ok(())
}

struct Registry {
    process: Child,
    address: std::net::SocketAddr,
}

impl Registry {
    /// As an operator starts it, with no limit set.
    fn start(programs: &Programs, folder: &std::path::Path) -> anyhow::Result<Self> {
        let mut command = Command::new(&programs.deedbox);
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("DEEDBOX_")) {
            command.env_remove(name);
        }
        command.args(["serve", "--allow-local-claims", "--listen", "127.0.0.1:0", "--data"]).arg(folder.join("registry"));
        command.env("RUST_LOG", "error").env("DEEDBOX_HOME", folder.join("home")).stdin(Stdio::null());
        let log = fs::File::create(folder.join("serve.log"))?;
        let mut process = command.stdout(Stdio::piped()).stderr(log).spawn().with_context(|| programs.deedbox.display().to_string())?;
        let out = process.stdout.take().context("no standard output")?;
        for line in BufReader::new(out).lines() {
            let line = line?;
            let on = line.trim().strip_prefix("listening").and_then(|rest| rest.split_once(" (on "));
            if let Some((at, _)) = on.and_then(|(_, rest)| rest.split_once(')')) {
                return Ok(Registry { process, address: at.parse()? });
            }
        }
        let _ = process.wait();
        bail!("the registry ended before it listened: {}", fs::read_to_string(folder.join("serve.log")).unwrap_or_default())
    }

    fn is_there(&mut self) -> anyhow::Result<()> {
        ensure!(self.process.try_wait()?.is_none(), "the registry ended by itself");
        Ok(())
    }

    /// Begins to look for the most memory anew.
    fn forget_peak(&self) -> anyhow::Result<()> {
        Ok(fs::write(format!("/proc/{}/clear_refs", self.process.id()), "5")?)
    }
    /// The most that it had resident since then.
    fn peak(&self) -> anyhow::Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("VmHWM")?;
        Ok(line.trim().trim_end_matches("kB").trim().parse::<u64>()? * 1024)
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _gone = self.process.kill();
        let _reaped = self.process.wait();
    }
}

/// Each connection is a file of this process too.
fn open_files(connections: usize) -> anyhow::Result<()> {
    let wanted = connections as u64 + 512;
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current.is_some_and(|current| current < wanted) {
        ensure!(
            maximum.is_none_or(|maximum| maximum >= wanted),
            "{connections} connections need {wanted} open files, and this process may not have so many: raise the hard limit (ulimit -Hn), or ask for fewer"
        );
        setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum })?;
    }
    Ok(())
}
