//! A client of the demo: found on this machine, run in folders of its own with nobody's settings, and told of in one line.

use super::command;
use crate::failure::{refused, words};
use crate::terminal;
use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::{Duration, Instant};
use tokio::process::Command;

/// Time for a client to say its version.
const ANSWER: Duration = Duration::from_secs(20);
/// Time for all that a client does here: seconds, unless the machine has much else to do.
const LIMIT: Duration = Duration::from_secs(90);
/// Of what a client that fails has said, what goes into its line.
const LINE: usize = 300;

/// A client that answers.
pub(crate) struct Client {
    name: &'static str,
    /// What it says of its version, by its first number.
    pub(crate) version: String,
    /// Its home, with its caches; empty until it runs.
    pub(crate) home: PathBuf,
    settings: Vec<&'static str>,
}

/// What became of the clients, for the demo's last words.
#[derive(Default)]
pub(crate) struct Tried {
    /// Folder in which each has one.
    dir: PathBuf,
    /// How the variables begin by which clients are told what to do.
    settings: Vec<&'static str>,
    missing: RefCell<Vec<String>>,
    failed: RefCell<Vec<&'static str>>,
}

impl Tried {
    /// Nothing yet; clients get their folders below this one, and no variables that begin like these.
    pub(crate) fn new(dir: PathBuf, settings: Vec<&'static str>) -> Self {
        Tried { dir, settings, ..Self::default() }
    }

    /// The client, if it is on this machine; else it is noted as missing.
    pub(crate) async fn find(&self, name: &'static str, version: &str) -> anyhow::Result<Option<Client>> {
        let home = self.dir.join(name);
        std::fs::create_dir_all(&home)?;
        let mut asked = at_home(Path::new(name), &home, &home, &self.settings);
        let answer = tokio::time::timeout(ANSWER, asked.arg(version).output()).await;
        let Some(output) = answer.ok().and_then(Result::ok).filter(|output| output.status.success()) else {
            std::fs::remove_dir_all(&home)?;
            self.lacks(name);
            return Ok(None);
        };
        let version = version_in(&String::from_utf8_lossy(&output.stdout));
        Ok(Some(Client { name, version, home, settings: self.settings.clone() }))
    }

    /// Notes what is not here, in words.
    pub(crate) fn lacks(&self, what: &str) {
        self.missing.borrow_mut().push(what.to_owned());
    }

    /// Lets a client do its part, which says what it did, and tells of it in one line. A client that fails does not end the
    /// story.
    pub(crate) async fn tell(&self, client: &Client, part: impl Future<Output = anyhow::Result<String>>) {
        let began = Instant::now();
        let done = tokio::time::timeout(LIMIT, part).await;
        let done = done.unwrap_or_else(|_| Err(refused(format!("had not ended after {} s, and was stopped", LIMIT.as_secs()))));
        let (mark, what) = match &done {
            Ok(what) => ('✓', what.clone()),
            Err(error) => ('✗', words(error)),
        };
        terminal::say_line(&format!("{mark} {:>5.2} s  {} {}: {what}", began.elapsed().as_secs_f64(), client.name, client.version));
        if done.is_err() {
            self.failed.borrow_mut().push(client.name);
        }
    }

    /// Those that are not here, and those that failed.
    pub(crate) fn into_lists(self) -> (Vec<String>, Vec<&'static str>) {
        (self.missing.into_inner(), self.failed.into_inner())
    }
}

impl Client {
    /// Its program, in a folder that is made.
    pub(crate) fn command(&self, folder: &Path) -> anyhow::Result<Command> {
        self.program(Path::new(self.name), folder)
    }

    /// Another program with its home.
    pub(crate) fn program(&self, program: &Path, folder: &Path) -> anyhow::Result<Command> {
        std::fs::create_dir_all(folder)?;
        Ok(at_home(program, &self.home, folder, &self.settings))
    }

    /// Runs to the end, which must be a good one. What a failing program said is kept beside its home.
    pub(crate) async fn run(&self, command: &mut Command) -> anyhow::Result<Output> {
        let program = command.as_std().get_program().to_string_lossy().into_owned();
        let output = command.output().await.map_err(|e| refused(format!("{program} cannot be run: {e}")))?;
        if output.status.success() {
            return Ok(output);
        }
        let said = [output.stdout.as_slice(), &output.stderr].concat();
        let said = String::from_utf8_lossy(&said).lines().map(terminal::word).collect::<Vec<_>>().join("\n");
        let log = self.home.with_extension("log");
        std::fs::write(&log, &said)?;
        let mut lines = said.lines().filter(|line| !line.trim().is_empty());
        let last = lines.clone().next_back().unwrap_or("it said nothing");
        let why = lines.find(|line| line.to_lowercase().contains("error")).unwrap_or(last);
        let why: String = why.chars().take(LINE).collect();
        Err(refused(format!("failed ({why}); all that it said is in {}", log.display())))
    }
}

/// A command with a home of its own, which ends when nobody waits for it any more.
fn at_home(program: &Path, home: &Path, folder: &Path, settings: &[&str]) -> Command {
    let mut command = command(program, folder, settings);
    command.kill_on_drop(true).env("HOME", home).env("NO_COLOR", "1");
    for (variable, name) in
        [("XDG_CACHE_HOME", ".cache"), ("XDG_CONFIG_HOME", ".config"), ("XDG_DATA_HOME", ".data"), ("XDG_STATE_HOME", ".state")]
    {
        command.env(variable, home.join(name));
    }
    command
}

/// The first word that begins with a digit and has a dot in it.
fn version_in(said: &str) -> String {
    let is_version = |word: &&str| word.starts_with(|c: char| c.is_ascii_digit()) && word.contains('.');
    let word = said.split(|c: char| c.is_whitespace() || matches!(c, ',' | '(' | ')' | '\u{1b}')).find(is_version);
    word.unwrap_or_default().chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_read_out_of_what_clients_say() {
        for (said, version) in [
            ("11.19.1\n", "11.19.1"),
            ("podman version 4.3.1\n", "4.3.1"),
            ("Docker version 28.2.2, build e6534b4\n", "28.2.2"),
            ("ctr github.com/containerd/containerd 1.6.20~ds1\n", "1.6.20~ds1"),
            ("\u{1b}[1mApache Maven 3.8.7\u{1b}[m\nMaven home: /usr/share/maven\n", "3.8.7"),
            ("\n------\nGradle 4.4.1\n------\n", "4.4.1"),
            ("deno 2.9.6 (stable, release, x86_64)\n", "2.9.6"),
            ("nothing of the kind", ""),
        ] {
            assert_eq!(version_in(said), version, "{said:?}");
        }
    }
}
