//! The crash loop: a registry under concurrent publishes is killed, at random or at a named point of its write order,
//! and started again. After each start no answered event is missing, none is there twice, what was not answered can be
//! sent again, and `deedbox fsck` (log, objects, every row against a rebuild) is clean.

use crate::publisher::{Publisher, Release};
use anyhow::{Context as _, bail, ensure};
use deedbox_ledger::Point;
use deedbox_model::event::{ChannelSet, Event, Notice, ReleaseDeprecated, ReleaseYanked};
use deedbox_model::{Channel, EventId, ObjectRef, ReasonCode, SecretKey, Version};
use deedbox_testkit::archives::tgz;
use std::collections::BTreeMap;
use std::fmt;
use std::io::{BufRead as _, BufReader};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Rounds on one data directory: the checks read all of it, so it must not grow without end.
const ROUNDS_PER_DIRECTORY: u64 = 12;
/// Publishers at once.
const PUBLISHERS: u64 = 4;
/// Publishes of one publisher in a round that nothing ends earlier.
const PUBLISHES: u64 = 12;

/// How long a process that ends itself may take to be gone.
const GONE: Duration = Duration::from_secs(10);
/// The signal of a process that ended itself at its point, as `crashing` does it.
const ABORTED: i32 = 6;
/// The signal of one that was killed.
const KILLED: i32 = 9;

/// The programs under test.
pub struct Programs {
    /// The registry that ends itself where it is told.
    pub crashing: PathBuf,
    /// `deedbox`, for `fsck`.
    pub deedbox: PathBuf,
}

impl Programs {
    /// In the folder of this program, or above it, where cargo puts them.
    pub fn beside(program: &Path) -> anyhow::Result<Self> {
        for folder in program.ancestors().skip(1).take(2) {
            let (crashing, deedbox) = (folder.join("crashing"), folder.join("deedbox"));
            if crashing.is_file() && deedbox.is_file() {
                return Ok(Programs { crashing, deedbox });
            }
        }
        bail!("the programs are not built: run cargo build -p deedbox -p deedbox-tests --bins")
    }
}

/// What a loop came to.
#[derive(Debug, Default)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// Rounds.
    pub rounds: u64,
    /// Rounds by where they were to end: a point of the write order, or a random moment.
    pub endings: BTreeMap<String, Ending>,
    /// Events that were answered, and found again.
    pub answered: u64,
    /// Seconds.
    pub seconds: f64,
}

/// What the rounds of one ending came to.
#[derive(Debug, Default, Clone, Copy)]
pub struct Ending {
    /// Rounds that were to end so.
    pub rounds: u64,
    /// How many did; the others never came to the point so often, and were killed when all was published.
    pub reached: u64,
    /// Events that were sent and not answered, and sent again after the next start.
    pub sent_again: u64,
    /// How many of these were in the log already, each once.
    pub were_there: u64,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "crash loop: {} rounds, seed {}, {:.0} s", self.rounds, self.seed, self.seconds)?;
        writeln!(f, "  {:<16} {:>6} {:>8} {:>11} {:>11}", "killed at", "rounds", "reached", "unanswered", "in the log")?;
        let mut all = Ending::default();
        for (name, ending) in &self.endings {
            row(f, name, ending)?;
            all.rounds += ending.rounds;
            all.reached += ending.reached;
            all.sent_again += ending.sent_again;
            all.were_there += ending.were_there;
        }
        row(f, "all", &all)?;
        write!(f, "  {} events were answered, and each was found again at its index after every later start", self.answered)
    }
}

fn row(f: &mut fmt::Formatter<'_>, name: &str, ending: &Ending) -> fmt::Result {
    let Ending { rounds, reached, sent_again, were_there } = ending;
    writeln!(f, "  {name:<16} {rounds:>6} {reached:>8} {sent_again:>11} {were_there:>11}")
}

/// A seed that nobody chose.
pub fn any_seed() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |d| d.as_nanos() as u64 | 1)
}

struct Dice(u64);

impl Dice {
    /// xorshift64*; enough to choose where to crash.
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) % n
    }
}

#[derive(Default)]
struct Ledger {
    answered: Vec<(EventId, u64)>,
    open: Vec<Release>,
}

/// Runs the loop. An error names the seed and the round.
pub fn run(programs: &Programs, rounds: u64, seed: u64, show: bool) -> anyhow::Result<Report> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let begun = Instant::now();
    let mut dice = Dice(seed.max(1));
    let mut report = Report { seed, ..Report::default() };
    let mut world: Option<World> = None;
    for round in 0..rounds {
        if round % ROUNDS_PER_DIRECTORY == 0 || world.is_none() {
            world = Some(runtime.block_on(World::new(programs)).context("a first start")?);
        }
        let Some(at) = &mut world else { continue };
        let done = runtime.block_on(at.round_and_check(programs, round, &mut dice));
        let (name, new, answered) = match (done, world.take()) {
            (Ok(done), whole) => {
                world = whole;
                done
            }
            (Err(error), Some(broken)) => {
                let kept = broken.directory.keep();
                return Err(error.context(format!("round {round} of seed {seed}; its data directory is kept in {}", kept.display())));
            }
            (Err(error), None) => return Err(error),
        };
        let ending = report.endings.entry(name).or_default();
        ending.rounds += new.rounds;
        ending.reached += new.reached;
        ending.sent_again += new.sent_again;
        ending.were_there += new.were_there;
        report.answered += answered;
        report.rounds += 1;
        if show && (round + 1) % 10 == 0 {
            let line = format_args!("{} of {rounds} rounds, {:.0} s\n", round + 1, begun.elapsed().as_secs_f64());
            std::io::Write::write_fmt(&mut std::io::stderr(), line)?;
        }
    }
    report.seconds = begun.elapsed().as_secs_f64();
    Ok(report)
}

/// A small registry that was stopped in order: a claim, three packages, one of them yanked, one deprecated, one with a channel more.
/// It is `data` in this folder.
///
/// # Errors
/// In words, when it does not start, refuses a statement, or does not stop.
pub fn small(programs: &Programs) -> anyhow::Result<tempfile::TempDir> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let world = World::new(programs).await?;
        let running = Running::start(programs, &world.data(), None)?.context("it did not start")?;
        let sender = world.sender(&running.base);
        let version = Version::parse("1.0.0")?;
        let changes = [
            Event::from(ReleaseYanked { reason: ReasonCode::Broken, version: version.clone() }),
            Event::from(ReleaseDeprecated {
                notice: Some(Notice { reason: ReasonCode::Superseded, message: None }),
                version: version.clone(),
            }),
            Event::from(ChannelSet { channel: Channel::parse("next")?, version }),
        ];
        for (n, change) in changes.iter().enumerate() {
            let sent = sender.prepare(&format!("p{n}"))?;
            sender.send(&sent).await?.context("a publish was not answered")?;
            let (statement, event) = world.publisher.say(&sent.id, Some(sent.event), change)?;
            let sent = Release { id: sent.id, objects: Vec::new(), statement, event, view: None };
            sender.send(&sent).await?.context("a change was not answered")?;
        }
        running.stop()?;
        Ok(world.directory)
    })
}

struct World {
    directory: tempfile::TempDir,
    publisher: Publisher,
    /// What was answered, with its index.
    known: Vec<(EventId, u64)>,
    /// What was sent and not answered.
    pending: Vec<Release>,
    http: reqwest::Client,
}

struct Running {
    process: Child,
    base: String,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _gone = self.process.kill();
        let _reaped = self.process.wait();
    }
}

impl Running {
    /// None if it ended before it listened.
    fn start(programs: &Programs, data: &Path, end_at: Option<&str>) -> anyhow::Result<Option<Running>> {
        let mut command = Command::new(&programs.crashing);
        command.arg(data).args(end_at).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = command.spawn().with_context(|| programs.crashing.display().to_string())?;
        let mut line = String::new();
        if let Some(out) = process.stdout.take() {
            BufReader::new(out).read_line(&mut line)?;
        }
        if line.is_empty() {
            let status = process.wait()?;
            ensure!(end_at.is_some() && status.signal() == Some(ABORTED), "the registry did not start: {status}");
            return Ok(None);
        }
        Ok(Some(Running { process, base: format!("http://{}", line.trim()) }))
    }

    /// As an operator stops it.
    fn stop(mut self) -> anyhow::Result<()> {
        let status = Command::new("kill").arg("-TERM").arg(self.process.id().to_string()).status()?;
        ensure!(status.success(), "kill did not work");
        let status = self.process.wait()?;
        ensure!(status.success(), "the registry did not stop in order: {status}");
        Ok(())
    }
}

impl World {
    async fn new(programs: &Programs) -> anyhow::Result<World> {
        let directory = tempfile::tempdir()?;
        let running = Running::start(programs, &directory.path().join("data"), None)?.context("it did not start")?;
        let http = reqwest::Client::builder().timeout(Duration::from_secs(20)).build()?;
        let key = SecretKey::from_seed(&[7; 32]);
        let publisher = Publisher::claim(&http, &running.base, key, "crash.localhost").await?;
        running.stop()?;
        Ok(World { directory, publisher, known: Vec::new(), pending: Vec::new(), http })
    }

    fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// Publishes until the registry is gone; says how it was to end, and whether it did.
    async fn round(&mut self, programs: &Programs, round: u64, dice: &mut Dice) -> anyhow::Result<(String, bool)> {
        let choice = dice.below(Point::ALL.len() as u64 + 3);
        let point = Point::ALL.get(usize::try_from(choice)?).map(|point| format!("{}:{}", point.name(), 1 + dice.below(8)));
        let after = Duration::from_millis(dice.below(400));
        let ending = point.as_deref().and_then(|p| p.split_once(':')).map_or("a random moment".to_owned(), |(name, _)| name.to_owned());
        let Some(mut running) = Running::start(programs, &self.data(), point.as_deref())? else { return Ok((ending, true)) };

        let ledger = Arc::new(Mutex::new(Ledger::default()));
        let publishers: Vec<_> = (0..PUBLISHERS)
            .map(|n| tokio::spawn(publish_many(self.sender(&running.base), format!("p{round}-{n}"), Arc::clone(&ledger))))
            .collect();
        if point.is_none() {
            tokio::time::sleep(after).await;
            running.process.kill()?;
        }
        for publisher in publishers {
            publisher.await??;
        }
        let ledger = std::mem::take(&mut *ledger.lock().unwrap_or_else(PoisonError::into_inner));
        // Who gets no answer speaks to a process that is on its way out: it may take a moment to be gone.
        let begun = Instant::now();
        while point.is_some() && !ledger.open.is_empty() && running.process.try_wait()?.is_none() && begun.elapsed() < GONE {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        // A point that was not reached so often ends with a kill all the same.
        running.process.kill()?;
        let status = running.process.wait()?;
        let reached = point.is_none() || status.signal() == Some(ABORTED);
        ensure!(reached || status.signal() == Some(KILLED), "the registry ended by itself: {status}");
        self.known.extend(ledger.answered);
        self.pending.extend(ledger.open);
        Ok((ending, reached))
    }

    fn sender(&self, base: &str) -> Sender {
        Sender { base: base.to_owned(), publisher: self.publisher.clone(), http: self.http.clone() }
    }

    /// One round and what must hold after it: how it was to end, what it came to, and how many events it added to those answered.
    async fn round_and_check(&mut self, programs: &Programs, round: u64, dice: &mut Dice) -> anyhow::Result<(String, Ending, u64)> {
        let before = self.known.len();
        let (name, reached) = self.round(programs, round, dice).await?;
        let (sent_again, were_there) = self.check(programs).await.with_context(|| format!("after an end at {name}"))?;
        let ending = Ending { rounds: 1, reached: reached.into(), sent_again, were_there };
        Ok((name, ending, (self.known.len() - before) as u64))
    }

    /// Starts it again, looks for all that was answered, sends again what was not, stops it and has everything checked. Gives how many
    /// were sent again, and how many of these were there.
    async fn check(&mut self, programs: &Programs) -> anyhow::Result<(u64, u64)> {
        let (mut sent_again, mut were_there) = (0, 0);
        let running = Running::start(programs, &self.data(), None)?.context("it did not start again")?;
        let sender = self.sender(&running.base);
        for sent in std::mem::take(&mut self.pending) {
            sent_again += 1;
            let there = sender.index_of(&sent.event).await?.is_some();
            were_there += u64::from(there);
            let index = sender.send(&sent).await?.context("it was not answered by a running registry")?;
            self.known.push((sent.event, index));
        }
        for (id, index) in &self.known {
            let found = sender.index_of(id).await?;
            ensure!(found == Some(*index), "event {id} was answered as entry {index} and is {found:?} now");
        }
        running.stop()?;
        let fsck = Command::new(&programs.deedbox).arg("fsck").arg("--data").arg(self.data()).arg("--json").output()?;
        let found = String::from_utf8_lossy(&fsck.stdout);
        // An upload that was not published yet is kept for its day.
        let listed: Vec<serde_json::Value> = serde_json::from_str(&found)?;
        let is_upload = |what: &str| ["objects/", "parts/"].iter().any(|folder| what.starts_with(folder));
        let clean = listed.iter().all(|f| f["part"] == "left over" && f["what"].as_str().is_some_and(is_upload));
        ensure!(fsck.status.success() && clean, "fsck: {found}{}", String::from_utf8_lossy(&fsck.stderr));
        Ok((sent_again, were_there))
    }
}

#[derive(Clone)]
struct Sender {
    base: String,
    publisher: Publisher,
    http: reqwest::Client,
}

/// Publishes one package after another, until there is nobody to publish to.
async fn publish_many(sender: Sender, prefix: String, ledger: Arc<Mutex<Ledger>>) -> anyhow::Result<()> {
    for n in 0..PUBLISHES {
        let sent = sender.prepare(&format!("{prefix}-{n}"))?;
        let answer = sender.send(&sent).await?;
        let mut ledger = ledger.lock().unwrap_or_else(PoisonError::into_inner);
        match answer {
            Some(index) => ledger.answered.push((sent.event, index)),
            None => {
                ledger.open.push(sent);
                return Ok(());
            }
        }
    }
    Ok(())
}

impl Sender {
    fn prepare(&self, name: &str) -> anyhow::Result<Release> {
        let package = format!("{{\"name\":\"@{}/{name}\",\"version\":\"1.0.0\",\"main\":\"index.js\"}}", self.publisher.domain);
        let files: [(&str, &[u8]); 3] = [
            ("package/package.json", package.as_bytes()),
            ("package/index.js", b"module.exports = 1\n"),
            ("package/README.md", name.as_bytes()),
        ];
        self.publisher.release(tgz(&files), None)
    }

    /// The index that it was answered with; none if there was no answer. A refusal is an error.
    async fn send(&self, sent: &Release) -> anyhow::Result<Option<u64>> {
        let permit = self.publisher.permit()?;
        for object in &sent.objects {
            let url = format!("{}/objects/sha256/{}", self.base, ObjectRef::of(object).sha256);
            let put = self.http.put(url).header("authorization", &permit).body(object.clone()).send();
            match put.await {
                Ok(answer) if answer.status().is_success() => {}
                Ok(answer) if answer.status().as_u16() == 503 => return Ok(None),
                Ok(answer) => bail!("an upload was refused with {}: {}", answer.status(), answer.text().await.unwrap_or_default()),
                Err(_) => return Ok(None),
            }
        }
        let post = self.http.post(format!("{}/api/v1/events", self.base)).header("content-type", "application/cose");
        match post.body(sent.statement.clone()).send().await {
            Ok(answer) if answer.status().is_success() => match answer.json::<serde_json::Value>().await {
                Ok(value) => Ok(value.get("index").and_then(serde_json::Value::as_u64)),
                Err(_) => Ok(None),
            },
            Ok(answer) if answer.status().as_u16() == 503 => Ok(None),
            Ok(answer) => bail!("a publish was refused with {}: {}", answer.status(), answer.text().await.unwrap_or_default()),
            Err(_) => Ok(None),
        }
    }

    async fn index_of(&self, id: &EventId) -> anyhow::Result<Option<u64>> {
        let answer = self.http.get(format!("{}/api/v1/events/{id}", self.base)).send().await?;
        if answer.status().as_u16() == 404 {
            return Ok(None);
        }
        let value: serde_json::Value = answer.error_for_status()?.json().await?;
        Ok(value.get("index").and_then(serde_json::Value::as_u64))
    }
}
