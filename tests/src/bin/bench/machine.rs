//! What the machine itself allows, measured in the same run, and whether it was quiet: what other processes took meanwhile.

use crate::process::tree_ticks;
use crate::report::figure;
use anyhow::Context as _;
use ed25519_dalek::{Signer as _, SigningKey};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::fs::File;
use std::hint::black_box;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

/// Clock ticks of `/proc` in a second, on every Linux of this kind.
pub(crate) const TICKS: f64 = 100.0;

/// A share of all cores that others may have without being noticed: a service that wakes up now and then.
const NOTICED: f64 = 0.04;

/// What others took of all cores, 0 to 1.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Quiet {
    pub(crate) others: f64,
}

impl Quiet {
    pub(crate) fn is_quiet(self) -> bool {
        self.others < NOTICED
    }
}

/// Watches what others take from its making on.
pub(crate) struct Watch {
    all: u64,
    busy: u64,
    ours: u64,
}

impl Watch {
    pub(crate) fn start() -> anyhow::Result<Self> {
        let (all, busy) = processor_ticks()?;
        Ok(Watch { all, busy, ours: tree_ticks(std::process::id())? })
    }

    /// What others took since. Interrupts are nobody's and not counted.
    pub(crate) fn so_far(&self) -> anyhow::Result<Quiet> {
        let now = Watch::start()?;
        let others = now.busy.saturating_sub(self.busy).saturating_sub(now.ours.saturating_sub(self.ours));
        Ok(Quiet { others: others as f64 / now.all.saturating_sub(self.all).max(1) as f64 })
    }
}

/// Ticks of all cores, and those of them in which a process ran; time that the host took away counts as somebody else's.
fn processor_ticks() -> anyhow::Result<(u64, u64)> {
    let stat = std::fs::read_to_string("/proc/stat").context("/proc/stat")?;
    let line = stat.lines().next().context("/proc/stat is empty")?;
    let ticks: Vec<u64> = line.split_whitespace().skip(1).map(|n| n.parse().unwrap_or(0)).collect();
    let [user, nice, system, idle, waiting, interrupt, soft, stolen, ..] = ticks.as_slice() else {
        anyhow::bail!("/proc/stat has another shape: {line}")
    };
    let busy = user + nice + system + stolen;
    Ok((busy + idle + waiting + interrupt + soft, busy))
}

/// The limits.
#[derive(Debug, Clone)]
pub(crate) struct Machine {
    cores: usize,
    sync_p50_ms: f64,
    sync_p99_ms: f64,
    pub(crate) verify_one_core: f64,
    /// `verify_strict` a second on all cores.
    pub(crate) verify_all_cores: f64,
    sha256_gb: f64,
    quiet: Quiet,
}

/// Measures them, in some seconds.
pub(crate) fn limits(folder: &Path, quick: bool) -> anyhow::Result<Machine> {
    let time = Duration::from_millis(if quick { 300 } else { 1_500 });
    let watch = Watch::start()?;
    let mut synced = syncs(folder, if quick { 200 } else { 2_000 })?;
    synced.sort_by(f64::total_cmp);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    Ok(Machine {
        cores,
        sync_p50_ms: percentile(&synced, 0.5),
        sync_p99_ms: percentile(&synced, 0.99),
        verify_one_core: verifications(1, time),
        verify_all_cores: verifications(cores, time),
        sha256_gb: sha256(time),
        quiet: watch.so_far()?,
    })
}

/// Milliseconds of appending 4 KiB and `fdatasync`, each.
fn syncs(folder: &Path, count: usize) -> anyhow::Result<Vec<f64>> {
    let path = folder.join("synced");
    let mut file = File::create(&path)?;
    let block = [0x5a_u8; 4096];
    let mut took = Vec::with_capacity(count);
    for _ in 0..count {
        let begun = Instant::now();
        file.write_all(&block)?;
        file.sync_data()?;
        took.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    drop(file);
    std::fs::remove_file(path)?;
    Ok(took)
}

/// `verify_strict` of statements' length, a second on so many threads. On two of them a thread that others hold up holds up the sum,
/// as it does the work that is measured beside it.
fn verifications(threads: usize, time: Duration) -> f64 {
    let key = SigningKey::from_bytes(&[7; 32]);
    let message = [0x5a_u8; 600];
    let signature = key.sign(&message);
    let verifying = key.verifying_key();
    let work = || {
        let begun = Instant::now();
        let mut done = 0_u64;
        while begun.elapsed() < time {
            for _ in 0..64 {
                black_box(verifying.verify_strict(black_box(&message), &signature).is_ok());
            }
            done += 64;
        }
        done as f64 / begun.elapsed().as_secs_f64()
    };
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        running.into_iter().filter_map(|thread| thread.join().ok()).sum()
    })
}

/// Gigabytes of SHA-256 a second on one core.
fn sha256(time: Duration) -> f64 {
    let block = vec![0x5a_u8; 1 << 20];
    let begun = Instant::now();
    let mut bytes = 0;
    while begun.elapsed() < time {
        black_box(Sha256::digest(black_box(&block)));
        bytes += block.len();
    }
    bytes as f64 / begun.elapsed().as_secs_f64() / 1e9
}

/// Of sorted values.
pub(crate) fn percentile(sorted: &[f64], share: f64) -> f64 {
    let place = (sorted.len() as f64 * share) as usize;
    sorted.get(place.min(sorted.len().saturating_sub(1))).copied().unwrap_or(0.0)
}

impl Machine {
    pub(crate) fn json(&self) -> Value {
        json!({
            "cores": self.cores, "fdatasync_4k_p50_ms": self.sync_p50_ms, "fdatasync_4k_p99_ms": self.sync_p99_ms,
            "verify_strict_one_core": self.verify_one_core, "verify_strict_all_cores": self.verify_all_cores,
            "sha256_gb_s": self.sha256_gb, "others_cpu": self.quiet.others, "quiet": self.quiet.is_quiet(),
        })
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "the machine{}", if self.quiet.is_quiet() { "" } else { ", not quiet" })?;
        writeln!(f, "  cores                                      {}", self.cores)?;
        writeln!(f, "  append 4 KiB and fdatasync, p50 / p99      {} / {} ms", figure(self.sync_p50_ms), figure(self.sync_p99_ms))?;
        let (one, all) = (figure(self.verify_one_core), figure(self.verify_all_cores));
        writeln!(f, "  Ed25519 verify_strict, one core / all      {one} / {all} a second")?;
        writeln!(f, "  SHA-256, one core                          {} GB/s", figure(self.sha256_gb))
    }
}
