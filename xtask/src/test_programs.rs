//! The test programs of the workspace. They are built first, all at once, and run then, two at a time: most of them wait for something
//! more than they compute (a client that starts, a disk, a clock), so that one alone leaves a core idle. What each one says is printed in
//! one piece when it ends, as `cargo test` would print it. It never leaves a program out: what cargo built is what runs.
#![allow(clippy::print_stdout, reason = "a command speaks on the terminal")]

use std::{
    collections::VecDeque,
    fs,
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::Context as _;
use serde::Deserialize;

use crate::{cargo, count::Count};

/// Programs that run at once: as many as a small build machine has cores.
const AT_ONCE: usize = 2;

/// Programs whose tests measure time in parts of a second: each runs while no other does. By package and target.
const ALONE: &[(&str, &str)] = &[
    ("deedbox", "upload_resumes"),        // clients that give up after a second
    ("deedbox-client", "deedbox_client"), // a stalled answer is told from a slow one in 400 ms
    ("deedbox-server", "deedbox_server"), // budgets and waiting, in milliseconds
    ("deedbox-server", "server"),         // stalls, paces and answers, from 20 ms on
];

/// Programs whose tests wait for clocks more than they compute, and how many of their tests run at once. By package and target.
const WAITING: &[(&str, &str, &str)] = &[("deedbox-server", "server", "4")];

/// The package of the end-to-end tests, whose registries leave what they were asked.
const ASKING: &str = "deedbox-tests";
/// The program that asks all of that again: it starts when every other program of [`ASKING`] has ended.
const ASKING_AGAIN: (&str, &str) = (ASKING, "retrace");

/// Programs that take longest, which start first so that none of them is left over at the end. By package and target; one that is not
/// named here only starts later.
const LONG: &[(&str, &str)] = &[
    (ASKING, "maven_clients"),
    (ASKING, "real_artifacts"),
    (ASKING, "oci_changed"),
    (ASKING, "crash"),
    (ASKING, "npm_clients"),
    (ASKING, "journeys"),
    (ASKING, "page"),
    (ASKING, "gem_clients"),
    ("deedbox", "publish"),
    ("deedbox", "demo"),
    ("deedbox-gem", "real_gems"),
    ("deedbox-store", "deedbox_store"),
];

/// A program that cargo built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Program {
    /// The package's name.
    package: String,
    /// The target's: a file under `tests/`, a binary, or the library's own name.
    target: String,
    executable: PathBuf,
    /// The package's folder, where cargo starts its tests.
    folder: PathBuf,
}

impl Program {
    fn asks_again(&self) -> bool {
        self.is_among(&[ASKING_AGAIN])
    }

    /// Whether it must have ended before [`ASKING_AGAIN`] starts.
    fn is_asked_again(&self) -> bool {
        self.package == ASKING && !self.asks_again()
    }

    fn is_among(&self, list: &[(&str, &str)]) -> bool {
        self.place_among(list).is_some()
    }

    fn place_among(&self, list: &[(&str, &str)]) -> Option<usize> {
        list.iter().position(|(package, target)| self.package == *package && self.target == *target)
    }

    /// As a person names it: `deedbox-tests retrace`.
    pub(crate) fn name(&self) -> String {
        format!("{} {}", self.package, self.target)
    }
}

/// What one program came to.
#[derive(Debug)]
pub(crate) struct Ran {
    /// [`Program::name`].
    pub(crate) name: String,
    pub(crate) count: Count,
    pub(crate) time: Duration,
}

/// Builds what `cargo test` with these words would run. Nothing when something did not compile, which cargo said then.
///
/// # Errors
/// When cargo cannot be started or says what nobody understands.
pub(crate) fn build(root: &Path, selection: &[&str]) -> anyhow::Result<Option<Vec<Program>>> {
    let words = [&["test", "--no-run", "--message-format=json-render-diagnostics"], selection].concat();
    println!("\n== cargo test --no-run {}", selection.join(" "));
    let mut child = cargo(root, &words).stdout(Stdio::piped()).spawn().context("cargo cannot be started")?;
    let mut programs = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).lines() {
            programs.extend(read_message(&line?)?);
        }
    }
    Ok(child.wait()?.success().then_some(programs))
}

/// One line of cargo's messages: a test program, or something else.
fn read_message(line: &str) -> anyhow::Result<Option<Program>> {
    #[derive(Deserialize)]
    struct Message {
        manifest_path: Option<PathBuf>,
        target: Option<Target>,
        profile: Option<Profile>,
        executable: Option<PathBuf>,
    }
    #[derive(Deserialize)]
    struct Target {
        name: String,
    }
    #[derive(Deserialize)]
    struct Profile {
        test: bool,
    }
    let message: Message = serde_json::from_str(line).with_context(|| format!("cargo said: {line}"))?;
    let Message {
        manifest_path: Some(manifest),
        target: Some(target),
        profile: Some(Profile { test: true }),
        executable: Some(executable),
    } = message
    else {
        return Ok(None);
    };
    let folder = manifest.parent().context("a manifest is in no folder")?.to_path_buf();
    Ok(Some(Program { package: package_name(&manifest)?, target: target.name, executable, folder }))
}

fn package_name(manifest: &Path) -> anyhow::Result<String> {
    #[derive(Deserialize)]
    struct Manifest {
        package: Package,
    }
    #[derive(Deserialize)]
    struct Package {
        name: String,
    }
    let text = fs::read_to_string(manifest).with_context(|| format!("{} cannot be read", manifest.display()))?;
    let manifest: Manifest = toml::from_str(&text).with_context(|| format!("{} is not a manifest", manifest.display()))?;
    Ok(manifest.package.name)
}

/// Runs them all: first those that may run beside others, the end-to-end tests and the long ones before the rest, then the others one by
/// one.
pub(crate) fn run_all(programs: Vec<Program>) -> Vec<Ran> {
    let (alone, mut together): (Vec<_>, Vec<_>) = programs.into_iter().partition(|program| program.is_among(ALONE));
    together.sort_by_key(|program| {
        let place = program.place_among(LONG).unwrap_or(LONG.len());
        (!program.is_asked_again(), !program.asks_again(), place)
    });
    let mut ran = run_some(together, AT_ONCE);
    ran.extend(run_some(alone, 1));
    ran
}

/// What several threads take programs from.
#[derive(Default)]
struct Queue {
    waiting: VecDeque<Program>,
    /// Programs that run now and are asked again later.
    asking: usize,
    ran: Vec<Ran>,
}

impl Queue {
    /// The first that may start. Where nothing may, what is left starts when what still runs has ended, on the thread of that.
    fn take(&mut self) -> Option<Program> {
        let asked = self.asking == 0 && !self.waiting.iter().any(Program::is_asked_again);
        let place = self.waiting.iter().position(|program| asked || !program.asks_again())?;
        let program = self.waiting.remove(place)?;
        self.asking += usize::from(program.is_asked_again());
        Some(program)
    }

    fn end(&mut self, program: &Program, ran: Ran) {
        self.asking -= usize::from(program.is_asked_again());
        self.ran.push(ran);
    }
}

fn run_some(programs: Vec<Program>, at_once: usize) -> Vec<Ran> {
    let queue = Mutex::new(Queue { waiting: programs.into(), ..Queue::default() });
    let locked = || queue.lock().unwrap_or_else(PoisonError::into_inner);
    std::thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(|| {
                loop {
                    // In a statement of its own: the lock must be free while the program runs.
                    let next = locked().take();
                    let Some(program) = next else { break };
                    let ran = run_one(&program);
                    locked().end(&program, ran);
                }
            });
        }
    });
    std::mem::take(&mut locked().ran)
}

fn run_one(program: &Program) -> Ran {
    let name = program.name();
    // So that a program that never ends is known by its name.
    println!("started {name}");
    let begun = Instant::now();
    let mut command = Command::new(&program.executable);
    // As cargo starts it, for what asks when it runs; this process has its own package's words there.
    command.current_dir(&program.folder).env("CARGO_MANIFEST_DIR", &program.folder).env("CARGO_PKG_NAME", &program.package);
    if let Some((_, _, threads)) = WAITING.iter().find(|(package, target, _)| program.is_among(&[(*package, *target)])) {
        command.env("RUST_TEST_THREADS", threads);
    }
    let output = command.stdin(Stdio::null()).output();
    let time = begun.elapsed();
    let (said, count) = match output {
        Ok(output) => {
            let count = count(&output.stdout, output.status);
            ([output.stdout, output.stderr].concat(), count)
        }
        Err(error) => (format!("it cannot be started: {error}\n").into_bytes(), Count { passed: 0, failed: 1 }),
    };
    // In one call, so that it stays in one piece, and through the macro, so that the tests of this file do not add to their own output.
    print!("\n-- {name}, {:.1} s\n{}", time.as_secs_f64(), String::from_utf8_lossy(&said));
    Ran { name, count, time }
}

/// Adds up the closing lines. A program that died, or said nothing of what it did, is a failure of its own.
fn count(stdout: &[u8], status: ExitStatus) -> Count {
    let text = String::from_utf8_lossy(stdout);
    let mut closing = text.lines().filter_map(closing_line).peekable();
    let silent = closing.peek().is_none();
    let mut count = Count::default();
    closing.for_each(|one| count.add(&one));
    if count.failed == 0 && (silent || !status.success()) {
        println!("a test program ended with {status} and named no test that failed");
        count.failed = 1;
    }
    count
}

/// Reads `test result: ok. 3 passed; 0 failed; 0 ignored; …`. A test that was left out has not passed: it counts as failed.
fn closing_line(line: &str) -> Option<Count> {
    let (_, counts) = line.trim().strip_prefix("test result: ")?.split_once(". ")?;
    let mut count = Count::default();
    for part in counts.split(';') {
        match part.trim().split_once(' ') {
            Some((n, "passed")) => count.passed = n.parse().ok()?,
            Some((n, "failed" | "ignored")) => count.failed += n.parse::<u64>().ok()?,
            _ => {}
        }
    }
    Some(count)
}

/// The examples in the documentation, which rustdoc builds and runs.
///
/// # Errors
/// When cargo cannot be started.
pub(crate) fn examples(root: &Path, selection: &[&str]) -> anyhow::Result<Count> {
    println!("\n== cargo test --doc {}", selection.join(" "));
    let output = cargo(root, &[&["test", "--doc", "--no-fail-fast"], selection].concat()).stderr(Stdio::inherit()).output();
    let output = output.context("cargo cannot be started")?;
    std::io::stdout().lock().write_all(&output.stdout)?;
    Ok(count(&output.stdout, output.status))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_lines_are_added_up_and_nothing_else_is() {
        let of = |passed, failed| Some(Count { passed, failed });
        for (line, want) in [
            ("test result: ok. 12 passed; 0 failed; 0 ignored; 0 measured; 3 filtered out; finished in 0.01s\n", of(12, 0)),
            ("test result: FAILED. 4 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.20s", of(4, 2)),
            ("test result: ok. 1 passed; 0 failed; 2 ignored; 0 measured; 0 filtered out", of(1, 2)),
            ("test a_test_result_is_read ... ok", None),
            ("running 12 tests", None),
            ("said: test result: ok. 9 passed; 0 failed", None),
        ] {
            assert_eq!(closing_line(line), want, "{line}");
        }
    }

    #[test]
    fn a_test_program_is_read_from_what_cargo_says_and_nothing_else_is() {
        let folder = tempfile::tempdir().unwrap();
        let manifest = folder.path().join("Cargo.toml");
        fs::write(&manifest, "[package]\nname = \"some-package\"").unwrap();
        let message = |test: bool, executable: &str| {
            format!(
                r#"{{"reason":"compiler-artifact","manifest_path":{manifest:?},"target":{{"kind":["test"],"name":"laws"}},
                    "profile":{{"opt_level":"0","test":{test}}},"executable":{executable}}}"#
            )
        };
        let program = Program {
            package: "some-package".to_owned(),
            target: "laws".to_owned(),
            executable: "/t/laws-1".into(),
            folder: folder.path().to_path_buf(),
        };
        assert_eq!(read_message(&message(true, r#""/t/laws-1""#)).unwrap(), Some(program));
        assert_eq!(read_message(&message(false, r#""/t/laws-1""#)).unwrap(), None, "a program that tests start");
        assert_eq!(read_message(&message(true, "null")).unwrap(), None);
        assert_eq!(read_message(r#"{"reason":"build-finished","success":true}"#).unwrap(), None);
        assert!(read_message("Compiling").is_err());
    }

    #[test]
    fn a_program_that_dies_or_says_nothing_has_failed() {
        let status = |code: &str| Command::new("sh").args(["-c", &format!("exit {code}")]).status().unwrap();
        let (good, bad) = (b"test result: ok. 2 passed; 0 failed; 0 ignored", b"test result: FAILED. 1 passed; 1 failed; 0 ignored");
        for (said, code, passed, failed) in
            [(&good[..], "0", 2, 0), (bad, "101", 1, 1), (good, "3", 2, 1), (b"", "0", 0, 1), (b"running 2 tests", "9", 0, 1)]
        {
            assert_eq!(count(said, status(code)), Count { passed, failed });
        }
    }

    #[test]
    fn every_program_in_the_lists_is_there() {
        let root = crate::root().unwrap();
        let waiting = WAITING.iter().map(|(package, target, _)| (*package, *target));
        for (package, target) in ALONE.iter().chain(LONG).copied().chain(waiting).chain([ASKING_AGAIN]) {
            let folder = match package.strip_prefix("deedbox-").unwrap_or(package) {
                "tests" => root.join("tests"),
                room => root.join("crates").join(room),
            };
            assert_eq!(package_name(&folder.join("Cargo.toml")).unwrap(), package);
            let places = [format!("tests/{target}.rs"), format!("tests/{target}/main.rs")];
            let is_library = target == package.replace('-', "_");
            assert!(is_library || places.iter().any(|place| folder.join(place).is_file()), "{package} has no {target}");
        }
    }

    #[test]
    fn what_was_asked_is_asked_again_when_all_who_ask_have_ended() {
        let program = |package: &str, target: &str| Program {
            package: package.to_owned(),
            target: target.to_owned(),
            executable: PathBuf::new(),
            folder: PathBuf::new(),
        };
        let (again, one, other) = (program(ASKING, ASKING_AGAIN.1), program(ASKING, "clients"), program("deedbox-tlog", "laws"));
        let ran = || Ran { name: String::new(), count: Count::default(), time: Duration::ZERO };
        let mut queue = Queue { waiting: [again.clone(), one.clone(), other.clone()].into(), ..Queue::default() };
        assert_eq!(queue.take(), Some(one.clone()));
        assert_eq!(queue.take(), Some(other.clone()), "it takes nobody's place while it waits");
        assert_eq!(queue.take(), None);
        queue.end(&other, ran());
        assert_eq!(queue.take(), None, "one who asks still runs");
        queue.end(&one, ran());
        assert_eq!(queue.take(), Some(again.clone()));
        queue.end(&again, ran());
        assert_eq!((queue.take(), queue.ran.len()), (None, 3));
    }

    #[test]
    fn every_program_runs_once_and_those_that_measure_time_run_alone() {
        let folder = tempfile::tempdir().unwrap();
        let script = folder.path().join("program");
        // Each leaves a mark while it runs, and says how many marks there are.
        let text = "#!/bin/sh\ntouch on-$$\nls | grep -c on- >> seen-$CARGO_PKG_NAME\nsleep 0.1\nrm on-$$\n\
            echo 'test result: ok. 1 passed; 0 failed; 0 ignored'\n";
        fs::write(&script, text).unwrap();
        fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let program = |package: &str, target: &str| Program {
            package: package.to_owned(),
            target: target.to_owned(),
            executable: script.clone(),
            folder: folder.path().to_path_buf(),
        };
        let mut programs: Vec<_> = ALONE.iter().map(|(package, target)| program(package, target)).collect();
        programs.extend(["a", "b", "c", "d"].map(|target| program("other", target)));
        let ran = run_all(programs.clone());
        let names = |mut names: Vec<String>| {
            names.sort();
            names
        };
        assert_eq!(names(ran.iter().map(|ran| ran.name.clone()).collect()), names(programs.iter().map(Program::name).collect()));
        assert!(ran.iter().all(|ran| ran.count == Count { passed: 1, failed: 0 }), "{ran:?}");
        let seen = |package: &str| fs::read_to_string(folder.path().join(format!("seen-{package}"))).unwrap();
        assert_eq!(seen("other").lines().count(), 4);
        for (package, _) in ALONE {
            assert!(seen(package).lines().all(|marks| marks == "1"), "{package} ran beside another");
        }
    }
}
