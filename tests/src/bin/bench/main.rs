//! `cargo xtask bench`: what the goals of speed and size come to on this machine, beside verdaccio and nginx with the same bytes, and
//! beside what the machine itself allows. docs/guides/bench.md says what each row means.
//!
//! Everything that serves is the real program as it is shipped, as a process of its own. Nothing is asserted: a row says whether its goal is
//! met, and whether the machine was quiet meanwhile.

mod append;
mod decide;
mod files;
mod fixture;
mod inprocess;
mod layer;
mod ledger;
mod load;
mod lockfile;
mod machine;
mod many;
mod memory;
mod oci;
mod peers;
mod process;
mod replay;
mod report;
mod serving;

use anyhow::{Context as _, bail, ensure};
use report::Report;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// As the program has it: some groups measure in this process.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What is measured, and how long.
pub(crate) struct Bench {
    /// Seconds instead of minutes; rougher figures.
    pub(crate) quick: bool,
    /// The program.
    pub(crate) deedbox: PathBuf,
    /// A folder on the disk that the target folder is on, removed at the end.
    pub(crate) folder: tempfile::TempDir,
    /// The rows so far.
    pub(crate) report: Report,
    runtime: tokio::runtime::Runtime,
    log: Option<fixture::Log>,
}

/// One group of rows: its name, and what measures it.
type Group = (&'static str, fn(&mut Bench) -> anyhow::Result<()>);

const GROUPS: [Group; 13] = [
    ("packument", serving::packuments),
    ("tarball", serving::tarballs),
    ("maven", files::of_maven),
    ("oci", oci::beside_docker_registry),
    ("versions", files::of_gems),
    ("layer", layer::published),
    ("many", many::versions),
    ("append", append::over_http),
    ("decide", decide::alone),
    ("ledger", ledger::in_process),
    ("replay", replay::from_zero),
    ("lockfile", lockfile::cold),
    ("memory", memory::and_start),
];

fn main() -> anyhow::Result<()> {
    let (mut quick, mut json, mut only) = (false, false, None);
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--quick" => quick = true,
            "--json" => json = true,
            "--only" => only = Some(words.next().context("--only wants the name of a group")?),
            other => bail!("bench knows no option {other}"),
        }
    }
    let names: Vec<&str> = GROUPS.iter().map(|(name, _)| *name).chain(["machine"]).collect();
    if let Some(only) = &only {
        ensure!(names.contains(&only.as_str()), "there is no group {only}; there are {}", names.join(", "));
    }
    let (deedbox, target) = program()?;
    // Not in /tmp, which may be memory: a disk is part of what is measured.
    std::fs::create_dir_all(target.join("bench"))?;
    let folder = tempfile::Builder::new().prefix("run-").tempdir_in(target.join("bench"))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let mut bench = Bench { quick, deedbox, folder, report: Report::new(quick), runtime, log: None };
    bench.report.machine = Some(machine::limits(bench.folder.path(), quick)?);
    for (name, measure) in GROUPS {
        if only.as_deref().is_none_or(|only| only == name) {
            bench.say(&format!("{name} …"));
            measure(&mut bench).with_context(|| format!("group {name}"))?;
        }
    }
    let text = format!("{:#}\n", bench.report.json());
    let file = target.join("bench/last.json");
    std::fs::write(&file, &text)?;
    let mut out = std::io::stdout().lock();
    if json {
        out.write_all(text.as_bytes())?;
    } else {
        writeln!(out, "{}\nas JSON: {}", bench.report, file.display())?;
    }
    Ok(())
}

impl Bench {
    /// Waits for what is asynchronous.
    pub(crate) fn wait<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    /// One of two figures: the rough run's, or the whole one's.
    pub(crate) fn pick<T>(&self, quick: T, whole: T) -> T {
        if self.quick { quick } else { whole }
    }

    /// Progress, for who waits.
    pub(crate) fn say(&self, text: &str) {
        // Nobody may be there to read it.
        let _ = writeln!(std::io::stderr(), "{text}");
    }

    /// The log that several groups look at, appended over HTTP when it is first asked for.
    pub(crate) fn log(&mut self) -> anyhow::Result<fixture::Log> {
        if self.log.is_none() {
            let events = self.pick(10_000, 100_000);
            self.say(&format!("a log of {events} events, over HTTP …"));
            self.log = Some(fixture::Log::make(self, "log", events)?);
        }
        self.log.clone().context("no log")
    }
}

/// `deedbox` beside this program, and the target folder above.
fn program() -> anyhow::Result<(PathBuf, PathBuf)> {
    let here = std::env::current_exe()?;
    let folder = here.parent().context("no folder")?;
    let deedbox = folder.join("deedbox");
    ensure!(deedbox.is_file(), "{} is not built: run cargo xtask bench", deedbox.display());
    Ok((deedbox, folder.parent().unwrap_or(Path::new(".")).to_owned()))
}
