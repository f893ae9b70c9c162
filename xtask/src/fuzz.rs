//! `cargo xtask fuzz`: builds the fuzz targets (fuzz/README.md) with coverage instrumentation on the stable compiler and runs them, two
//! at a time, each for some seconds from the committed corpus on. A crash is kept under `fuzz/artifacts` and printed, byte for byte,
//! with the commands that show it again. It changes nothing that is committed, but for `--keep` and `--lock`, which say so.
#![allow(clippy::print_stdout, reason = "a command speaks on the terminal")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::Context as _;
use sha2::{Digest as _, Sha256};

use crate::{count::Count, doctor::first_line, laps::Laps, target_folder};

/// Seconds of each target where nobody says.
const SECONDS: u64 = 60;
/// Targets that run at once: as many as a small build machine has cores.
const AT_ONCE: usize = 2;
/// Seconds after which an input hangs. An input takes milliseconds; the fuzzer looks at the wall clock, and a machine that is busy
/// with something else must not fail a target.
const TIMEOUT: u64 = 20;
/// What a committed corpus of one target may have: enough to begin where the last one stopped, little enough to keep for ever.
const CORPUS_FILES: usize = 40;
/// Bytes of the same.
const CORPUS_BYTES: usize = 200 * 1024;

/// SanitizerCoverage without a sanitizer: the pass is LLVM's own, so the stable compiler has it. `--cfg fuzzing` is left out, since
/// libraries change what they check under it.
const INSTRUMENTATION: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares";

/// What to do.
#[derive(Debug, PartialEq, Eq)]
pub struct Options {
    /// Seconds of each target.
    pub seconds: u64,
    /// One target alone.
    pub target: Option<String>,
    /// What the fuzzer's dice begin with: the same seed, corpus and build try the same inputs in the same order, as many as there is
    /// time for, and what earlier runs found is left alone. Where nobody says it is chosen, and printed.
    pub seed: Option<u32>,
    /// This input alone, once, with a backtrace.
    pub input: Option<PathBuf>,
    /// The same, its bytes in hex: as a failure on another machine prints it.
    pub hex: Option<Vec<u8>>,
    /// Keep the best of what was found, of the corpus and of the seeds as the corpus.
    pub keep: bool,
    /// Bring the targets' lock file to the versions of the workspace.
    pub lock: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { seconds: SECONDS, target: None, seed: None, input: None, hex: None, keep: false, lock: false }
    }
}

impl Options {
    /// Reads the words after `fuzz`.
    ///
    /// # Errors
    /// In words, when one of them means nothing here.
    pub fn parse(words: &[&str]) -> Result<Self, String> {
        let mut options = Self::default();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| format!("{word} needs a word after it"));
            match *word {
                "--seconds" => {
                    let seconds = value()?;
                    options.seconds =
                        seconds.parse().ok().filter(|n| *n > 0).ok_or_else(|| format!("{seconds:?} is not a number of seconds"))?;
                }
                "--target" => options.target = Some((*value()?).to_owned()),
                "--seed" => {
                    let seed = value()?;
                    // Zero asks the fuzzer to choose.
                    let number = seed.parse().ok().filter(|n| *n > 0);
                    options.seed = Some(number.ok_or_else(|| format!("{seed:?} is not a seed: 1 to {}", u32::MAX))?);
                }
                "--hex" => {
                    let bytes = hex::decode(value()?).map_err(|e| format!("the word after --hex: {e}"))?;
                    options.hex = Some(bytes);
                }
                "--input" => options.input = Some(PathBuf::from(value()?)),
                "--keep" => options.keep = true,
                "--lock" => options.lock = true,
                other => return Err(format!("fuzz knows no option `{other}`")),
            }
        }
        if (options.input.is_some() || options.hex.is_some()) && options.target.is_none() {
            return Err("--input and --hex need --target too".to_owned());
        }
        Ok(options)
    }
}

/// One target as the binary lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Target {
    name: String,
    max_len: usize,
}

/// What a run of one target came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Outcome {
    runs: u64,
    per_second: u64,
    edges: u64,
    new_files: usize,
    /// Why it failed.
    failure: Option<String>,
}

/// Where things are.
struct Places {
    root: PathBuf,
    /// Of this build alone: its flags are others than the workspace's.
    build: PathBuf,
    binary: PathBuf,
}

impl Places {
    fn corpus(&self, target: &str) -> PathBuf {
        self.root.join("fuzz").join("corpus").join(target)
    }
    fn found(&self, target: &str) -> PathBuf {
        self.build.join("found").join(target)
    }
    fn artifacts(&self, target: &str) -> PathBuf {
        self.root.join("fuzz").join("artifacts").join(target)
    }
}

/// Runs it as a command. `true` when nothing failed.
///
/// # Errors
/// When a file cannot be read or written, or a program cannot be started.
pub fn run(root: &Path, options: &Options) -> anyhow::Result<bool> {
    if options.lock {
        return lock(root);
    }
    let count = count(root, options, &mut Laps::begin())?;
    println!("\n{} passed, {} failed", count.passed, count.failed);
    Ok(count.failed == 0 && count.passed > 0)
}

/// Runs it as a step of `cargo xtask test`: one test for each target, and one for what they are built from.
///
/// # Errors
/// When a file cannot be read or written, or a program cannot be started.
pub fn count(root: &Path, options: &Options, laps: &mut Laps) -> anyhow::Result<Count> {
    let other = other_versions(&fs::read_to_string(root.join("Cargo.lock"))?, &fs::read_to_string(root.join("fuzz").join("Cargo.lock"))?)?;
    if !other.is_empty() {
        println!("FAILED: what is fuzzed is not what is shipped: {}; repair it with: cargo xtask fuzz --lock", other.join(", "));
        return Ok(Count { passed: 0, failed: 1 });
    }
    let Some(places) = build(root)? else { return Ok(Count { passed: 0, failed: 1 }) };
    laps.lap("build");
    let mut targets = list(&places)?;
    if let Some(only) = &options.target {
        targets.retain(|target| target.name == *only);
        anyhow::ensure!(!targets.is_empty(), "there is no target `{only}`: fuzz/src/main.rs has the table");
    }
    if let ([target], Some(bytes)) = (targets.as_slice(), &options.hex) {
        let folder = places.artifacts(&target.name);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("given"), bytes)?;
    }
    let given = options.hex.is_some().then(|| targets.first().map(|target| places.artifacts(&target.name).join("given"))).flatten();
    if let (Some(input), [target]) = (options.input.as_ref().or(given.as_ref()), targets.as_slice()) {
        let mut once = program(&places, target);
        once.arg(input).env("RUST_BACKTRACE", "1");
        let well = once.status().context("the targets cannot be started")?.success();
        return Ok(Count { passed: well.into(), failed: (!well).into() });
    }
    if options.keep {
        return keep(&places, &targets);
    }
    let seed = options.seed.unwrap_or_else(any_seed);
    println!("\n== {} fuzz targets, {} s each, {AT_ONCE} at a time, seed {seed}", targets.len(), options.seconds);
    let outcomes = run_all(&places, &targets, &Round { seconds: options.seconds, seed, fresh: options.seed.is_some() });
    laps.lap("run");
    println!("\ntarget                  runs   exec/s   edges  new  result");
    let mut count = Count { passed: 1, failed: 0 };
    for (target, outcome) in targets.iter().zip(&outcomes) {
        let Outcome { runs, per_second, edges, new_files, failure } = outcome;
        // The whole of it was said when it happened.
        let result = failure.as_deref().and_then(|why| why.lines().next()).unwrap_or("ok");
        println!("{:<18}{runs:>10}{per_second:>9}{edges:>8}{new_files:>5}  {result}", target.name);
        if failure.is_some() { count.failed += 1 } else { count.passed += 1 }
    }
    Ok(count)
}

/// Builds the one binary. Nothing where it cannot be built, which was said then.
fn build(root: &Path) -> anyhow::Result<Option<Places>> {
    if first_line("c++", &["--version"]).is_none() {
        println!("the fuzzer is C++, and there is no c++ here: installing g++ with apt-get");
        let words = ["install", "--yes", "--no-install-recommends", "g++"];
        let installed = Command::new("apt-get").args(words).stdin(Stdio::null()).status().is_ok_and(|status| status.success());
        if !installed {
            println!("CANNOT RUN: g++ could not be installed; as root: apt-get install g++");
            return Ok(None);
        }
    }
    let host = first_line("rustc", &["--print", "host-tuple"]).context("rustc does not say for which machine it builds")?;
    let build = target_folder(root).join("fuzz");
    println!("\n== cargo build of the fuzz targets, instrumented");
    // With --target, build scripts and macros are built without the flags: they have no fuzzer to link with.
    let status = Command::new("cargo")
        .args(["build", "--release", "--locked", "--target", &host, "--manifest-path"])
        .arg(root.join("fuzz").join("Cargo.toml"))
        .current_dir(root)
        .env("CARGO_TARGET_DIR", &build)
        .env("RUSTFLAGS", INSTRUMENTATION)
        .env("CARGO_INCREMENTAL", "0")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .stdin(Stdio::null())
        .status()
        .context("cargo cannot be started: is the Rust toolchain installed?")?;
    if !status.success() {
        println!("CANNOT RUN: the fuzz targets do not build; if cargo speaks of the lock file: cargo xtask fuzz --lock");
        return Ok(None);
    }
    let binary = build.join(host).join("release").join("deedbox-fuzz");
    Ok(Some(Places { root: root.to_path_buf(), build, binary }))
}

/// The names and largest inputs, as the binary prints them.
fn list(places: &Places) -> anyhow::Result<Vec<Target>> {
    let output = Command::new(&places.binary).env("DEEDBOX_FUZZ_TARGET", "list").output().context("the targets cannot be started")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let read = |line: &str| {
        let (name, max_len) = line.split_once(' ')?;
        Some(Target { name: name.to_owned(), max_len: max_len.parse().ok()? })
    };
    text.lines().map(|line| read(line).with_context(|| format!("not a target: {line}"))).collect()
}

/// The binary as one target, with the bounds of every run.
fn program(places: &Places, target: &Target) -> Command {
    let mut program = Command::new(&places.binary);
    program.env("DEEDBOX_FUZZ_TARGET", &target.name).current_dir(&places.root).stdin(Stdio::null());
    program.args(["-rss_limit_mb=1024"]).arg(format!("-timeout={TIMEOUT}")).arg(format!("-max_len={}", target.max_len));
    program
}

/// How every target of a run is run.
#[derive(Clone, Copy)]
struct Round {
    seconds: u64,
    seed: u32,
    /// From the committed corpus alone.
    fresh: bool,
}

/// A seed that nobody chose; never 0, with which the fuzzer would choose one itself.
fn any_seed() -> u32 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    now.subsec_nanos().max(1)
}

fn run_all(places: &Places, targets: &[Target], round: &Round) -> Vec<Outcome> {
    let next = AtomicUsize::new(0);
    let outcomes = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(target) = targets.get(at) else { break };
                    let outcome = run_one(places, target, round)
                        .unwrap_or_else(|error| Outcome { failure: Some(format!("could not run: {error:#}")), ..Outcome::default() });
                    println!("test fuzz::{} ... {}", target.name, outcome.failure.as_deref().unwrap_or("ok"));
                    let _ = std::io::stdout().flush();
                    if let Ok(mut outcomes) = outcomes.lock() {
                        outcomes.insert(at, outcome);
                    }
                }
            });
        }
    });
    outcomes.into_inner().unwrap_or_default().into_values().collect()
}

fn run_one(places: &Places, target: &Target, round: &Round) -> anyhow::Result<Outcome> {
    let (mut found, artifacts) = (places.found(&target.name), places.artifacts(&target.name));
    if round.fresh {
        found = places.build.join("fresh").join(&target.name);
        let _ = fs::remove_dir_all(&found);
    }
    fs::create_dir_all(&found)?;
    fs::create_dir_all(&artifacts)?;
    let before = fs::read_dir(&found)?.count();
    let log_path = places.build.join(format!("{}.log", target.name));
    let mut run = program(places, target);
    run.arg(format!("-max_total_time={}", round.seconds))
        .arg(format!("-seed={}", round.seed))
        .arg("-print_final_stats=1")
        .arg(format!("-artifact_prefix={}/", artifacts.display()));
    // The first folder is written to, the others are only read; nobody else writes there, so it need not look again, which it does by
    // the clock.
    run.arg("-reload=0").arg(&found).args(Some(places.corpus(&target.name)).filter(|corpus| corpus.is_dir()));
    let status = run.stdout(Stdio::null()).stderr(fs::File::create(&log_path)?).status()?;
    let log = String::from_utf8_lossy(&fs::read(&log_path)?).into_owned();
    let mut outcome = read_log(&log);
    outcome.new_files = fs::read_dir(&found)?.count().saturating_sub(before);
    if !status.success() {
        let artifact = log.lines().rev().find_map(|line| line.split_once("Test unit written to ")).map(|(_, path)| path.trim());
        let artifact = artifact.map(|path| Path::new(path).strip_prefix(&places.root).map_or(path.to_owned(), |p| p.display().to_string()));
        // A panic says where on one line and why on the next.
        let mut lines = log.lines().skip_while(|line| !line.contains(" panicked at ") && !line.contains("ERROR: "));
        let first = lines.next().unwrap_or("it stopped");
        let why = match first.split_once(" panicked at ") {
            Some((_, place)) => format!("{place} {}", lines.next().unwrap_or_default().chars().take(200).collect::<String>()),
            None => first.to_owned(),
        };
        outcome.failure = Some(match artifact {
            Some(path) => {
                let again = format!("cargo xtask fuzz --target {}", target.name);
                let bytes = fs::read(places.root.join(&path)).map(hex::encode).unwrap_or_default();
                format!(
                    "CRASHED: {why}\n  the input is {path}; see it again with: {again} --input {path}\n  or anywhere: {again} --hex {bytes}"
                )
            }
            None => format!("FAILED: {why}; the log is {}", log_path.display()),
        });
    } else if outcome.runs == 0 || outcome.edges == 0 {
        outcome.failure = Some(format!("FAILED: nothing ran, or nothing is instrumented; the log is {}", log_path.display()));
    }
    // Only crashes leave something there.
    let _ = fs::remove_dir(&artifacts);
    Ok(outcome)
}

/// Reads the fuzzer's closing lines: `#300 DONE   cov: 12 ft: 40 …` and `stat::number_of_executed_units: 300`.
fn read_log(log: &str) -> Outcome {
    let after = |line: &str, name: &str| line.split_once(name).and_then(|(_, rest)| rest.split_whitespace().next()?.parse().ok());
    let last = |name: &str| log.lines().rev().find_map(|line| after(line, name)).unwrap_or(0);
    Outcome {
        runs: last("stat::number_of_executed_units:"),
        per_second: last("stat::average_exec_per_sec:"),
        edges: last(" cov: "),
        ..Outcome::default()
    }
}

/// Replaces the committed corpus of each target by the inputs that together reach the most, of corpus, finds and seeds.
fn keep(places: &Places, targets: &[Target]) -> anyhow::Result<Count> {
    let seeds = places.build.join("seeds");
    let written = Command::new(&places.binary).env("DEEDBOX_FUZZ_SEEDS", &seeds).status().context("the targets cannot be started")?;
    anyhow::ensure!(written.success(), "the seeds cannot be made");
    let mut count = Count::default();
    for target in targets {
        let corpus = places.corpus(&target.name);
        let (merged, control) = (places.build.join("merged"), places.build.join("merge-control"));
        for gone in [&merged, &control] {
            let _ = fs::remove_dir_all(gone).or_else(|_| fs::remove_file(gone));
        }
        fs::create_dir_all(&merged)?;
        let mut merge = program(places, target);
        merge.args(["-merge=1", "-set_cover_merge=1"]).arg(format!("-merge_control_file={}", control.display())).arg(&merged);
        merge.args([corpus.clone(), places.found(&target.name), seeds.join(&target.name)].into_iter().filter(|folder| folder.is_dir()));
        let well = merge.stdout(Stdio::null()).stderr(Stdio::null()).status()?.success();
        let reached = read_control(&fs::read_to_string(&control).unwrap_or_default());
        if !well || reached.is_empty() {
            println!("{:<18} an input crashes, or there is none: nothing is kept", target.name);
            count.failed += 1;
            continue;
        }
        let mut inputs = Vec::new();
        for (path, features) in reached {
            inputs.push((fs::read(&path).with_context(|| format!("{path} cannot be read"))?, features));
        }
        let all: BTreeSet<u64> = inputs.iter().flat_map(|(_, features)| features.iter().copied()).collect();
        let kept = choose(inputs, CORPUS_FILES, CORPUS_BYTES);
        let reached: BTreeSet<u64> = kept.iter().flat_map(|(_, features)| features.iter().copied()).collect();
        let _ = fs::remove_dir_all(&corpus);
        fs::create_dir_all(&corpus)?;
        for (input, _) in &kept {
            let name: String = hex::encode(Sha256::digest(input)).chars().take(16).collect();
            fs::write(corpus.join(name), input)?;
        }
        let bytes: usize = kept.iter().map(|(input, _)| input.len()).sum();
        println!("{:<18} {} files, {bytes} bytes, {} of {} features", target.name, kept.len(), reached.len(), all.len());
        count.passed += 1;
    }
    Ok(count)
}

/// Reads the merge's control file: how many files, how many of the first folder, their paths, then `FT <file> <feature> …` for each.
fn read_control(control: &str) -> Vec<(String, BTreeSet<u64>)> {
    let mut lines = control.lines();
    let Some(files) = lines.next().and_then(|n| n.parse::<usize>().ok()) else { return Vec::new() };
    lines.next();
    let mut reached: Vec<(String, BTreeSet<u64>)> = lines.by_ref().take(files).map(|path| (path.to_owned(), BTreeSet::new())).collect();
    for line in lines {
        let mut words = line.strip_prefix("FT ").unwrap_or_default().split(' ');
        let place = words.next().and_then(|n| n.parse::<usize>().ok()).and_then(|n| reached.get_mut(n));
        if let Some((_, features)) = place {
            features.extend(words.filter_map(|word| word.parse::<u64>().ok()));
        }
    }
    reached.retain(|(_, features)| !features.is_empty());
    reached
}

/// Takes, again and again, the input that reaches most of what none before it reaches, the shortest of several, while there is room.
fn choose(mut inputs: Vec<(Vec<u8>, BTreeSet<u64>)>, files: usize, mut bytes: usize) -> Vec<(Vec<u8>, BTreeSet<u64>)> {
    let mut reached: BTreeSet<u64> = BTreeSet::new();
    let mut kept = Vec::new();
    while kept.len() < files {
        inputs.retain(|(input, _)| input.len() <= bytes);
        let gain = |features: &BTreeSet<u64>| features.difference(&reached).count();
        let best = inputs.iter().enumerate().max_by_key(|(_, (input, features))| (gain(features), std::cmp::Reverse(input.len())));
        let Some((at, _)) = best.filter(|(_, (_, features))| gain(features) > 0) else { break };
        let (input, features) = inputs.swap_remove(at);
        bytes -= input.len();
        reached.extend(&features);
        kept.push((input, features));
    }
    kept
}

/// Packages that both lock files name, and of which the targets have a version that the workspace has not.
fn other_versions(workspace: &str, fuzz: &str) -> anyhow::Result<Vec<String>> {
    let read = |text: &str| -> anyhow::Result<BTreeMap<String, BTreeSet<String>>> {
        let lock: toml::Table = text.parse().context("a lock file cannot be read")?;
        let mut versions: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for package in lock.get("package").and_then(toml::Value::as_array).into_iter().flatten() {
            let text = |key| package.get(key).and_then(toml::Value::as_str).unwrap_or_default().to_owned();
            versions.entry(text("name")).or_default().insert(text("version"));
        }
        Ok(versions)
    };
    let (workspace, fuzz) = (read(workspace)?, read(fuzz)?);
    let other = fuzz.iter().flat_map(|(name, versions)| {
        let shipped = workspace.get(name);
        versions
            .iter()
            .filter(move |version| shipped.is_some_and(|shipped| !shipped.contains(*version)))
            .map(move |v| format!("{name} {v}"))
    });
    Ok(other.collect())
}

/// Writes the targets' lock file again from the workspace's.
fn lock(root: &Path) -> anyhow::Result<bool> {
    let (workspace, fuzz) = (root.join("Cargo.lock"), root.join("fuzz").join("Cargo.lock"));
    fs::copy(&workspace, &fuzz).context("fuzz/Cargo.lock cannot be written")?;
    let mut metadata = Command::new("cargo");
    metadata.args(["metadata", "--format-version", "1", "--manifest-path"]).arg(root.join("fuzz").join("Cargo.toml"));
    let well = metadata.stdin(Stdio::null()).stdout(Stdio::null()).status().context("cargo cannot be started")?.success();
    let other = other_versions(&fs::read_to_string(&workspace)?, &fs::read_to_string(&fuzz)?)?;
    println!("fuzz/Cargo.lock is written{}", if other.is_empty() { "" } else { ", and still has other versions" });
    Ok(well && other.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_and_anything_else_is_refused() {
        assert_eq!(Options::parse(&[]), Ok(Options::default()));
        let one = Options { seconds: 5, target: Some("tar".to_owned()), ..Options::default() };
        assert_eq!(Options::parse(&["--target", "tar", "--seconds", "5"]), Ok(one));
        let again = Options { seed: Some(7), target: Some("tar".to_owned()), hex: Some(vec![0, 0xff]), ..Options::default() };
        assert_eq!(Options::parse(&["--seed", "7", "--hex", "00ff", "--target", "tar"]), Ok(again));
        for words in [&["--seed", "0"][..], &["--hex", "00"], &["--target", "tar", "--hex", "0"]] {
            assert!(Options::parse(words).is_err(), "{words:?}");
        }
        for words in [&["--seconds"][..], &["--seconds", "0"], &["--seconds", "x"], &["--input", "x"], &["tar"], &["--jobs", "2"]] {
            assert!(Options::parse(words).is_err(), "{words:?}");
        }
    }

    #[test]
    fn the_last_word_of_the_fuzzer_counts() {
        let log = "#2\tINITED cov: 3 ft: 4 corp: 1/1b exec/s: 0 rss: 30Mb\n#300\tDONE   cov: 12 ft: 40 corp: 9/80b exec/s: 100\n\
                   Done 300 runs in 3 second(s)\nstat::number_of_executed_units: 300\nstat::average_exec_per_sec:     100\n";
        assert_eq!(read_log(log), Outcome { runs: 300, per_second: 100, edges: 12, ..Outcome::default() });
        assert_eq!(read_log(""), Outcome::default());
    }

    #[test]
    fn a_corpus_is_chosen_by_what_it_adds_within_its_bounds() {
        let input = |name: &str, features: &[u64]| (name.as_bytes().to_vec(), features.iter().copied().collect::<BTreeSet<_>>());
        let all = || vec![input("long", &[1, 2]), input("ab", &[1, 2]), input("c", &[3]), input("d", &[2]), input("huge", &[1, 2, 3, 4])];
        let names = |files, bytes| choose(all(), files, bytes).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
        assert_eq!(names(9, 99), [b"huge"]);
        assert_eq!(names(9, 3), [&b"ab"[..], b"c"]);
        assert_eq!(names(1, 3), [b"ab"]);
        assert_eq!(names(9, 0), [[0u8; 0]; 0]);
    }

    #[test]
    fn a_control_file_says_what_each_input_reaches() {
        let control = "3\n1\na\nb\nc\nSTARTED 0 5\nFT 0 7 8\nCOV 0 1\nSTARTED 1 5\nFT 1\nSTARTED 2 5\nFT 2 8 9\n";
        let reached = read_control(control);
        assert_eq!(reached, [("a".to_owned(), [7, 8].into()), ("c".to_owned(), [8, 9].into())]);
        assert_eq!(read_control(""), []);
    }

    #[test]
    fn another_version_of_a_shared_package_is_found() {
        let lock = |packages: &[(&str, &str)]| {
            packages.iter().map(|(name, version)| format!("[[package]]\nname = \"{name}\"\nversion = \"{version}\"\n")).collect::<String>()
        };
        let workspace = lock(&[("a", "1.0.0"), ("a", "2.0.0"), ("b", "1.0.0")]);
        assert_eq!(other_versions(&workspace, &lock(&[("a", "2.0.0"), ("only-fuzz", "1.0.0")])).unwrap(), [""; 0]);
        assert_eq!(other_versions(&workspace, &lock(&[("a", "3.0.0"), ("b", "1.0.0")])).unwrap(), ["a 3.0.0"]);
    }

    #[test]
    fn both_lock_files_of_this_checkout_agree() {
        let root = crate::root().unwrap();
        let read = |path: &str| fs::read_to_string(root.join(path)).unwrap();
        assert_eq!(other_versions(&read("Cargo.lock"), &read("fuzz/Cargo.lock")).unwrap(), [""; 0]);
    }
}
