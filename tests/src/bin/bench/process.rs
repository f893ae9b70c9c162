//! A server as a process of its own, with what it took: CPU time and memory from `/proc`, its children's included.

use crate::machine::TICKS;
use anyhow::{Context as _, bail};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The shell ends it when this process closes its end of the pipe, however this process ends.
const UNTIL_THE_PIPE_CLOSES: &str = r#""$@" & server=$!; read -r line; kill $server; wait $server"#;

/// A process that serves.
#[derive(Debug)]
pub(crate) struct Server {
    shell: Child,
    /// Its address, without a `/` at the end.
    pub(crate) url: String,
}

impl Server {
    /// Starts a command that prints a line with `listening URL`.
    pub(crate) fn that_says(command: &Command, folder: &Path) -> anyhow::Result<Self> {
        let mut shell = wrapped(command).stdout(Stdio::piped()).stderr(log(folder)?).spawn().context("/bin/sh")?;
        let stdout = shell.stdout.take().context("no standard output")?;
        let mut said = String::new();
        for line in BufReader::new(stdout).lines() {
            let line = line?;
            if let Some(url) = line.trim().strip_prefix("listening").and_then(|rest| rest.split_whitespace().next()) {
                return Ok(Server { shell, url: url.to_owned() });
            }
            said += &line;
        }
        drop(Server { shell, url: String::new() });
        bail!("{command:?} ended before it listened: {said}{}", fs::read_to_string(folder.join("server.log")).unwrap_or_default())
    }

    /// Starts a command that was told to listen on this port of loopback, and waits until it does.
    pub(crate) fn on_port(command: &Command, folder: &Path, port: u16) -> anyhow::Result<Self> {
        let log = log(folder)?;
        let shell = wrapped(command).stdout(log.try_clone()?).stderr(log).spawn().context("/bin/sh")?;
        let server = Server { shell, url: format!("http://127.0.0.1:{port}") };
        let begun = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            if begun.elapsed() > Duration::from_secs(60) {
                bail!("{command:?} does not listen: {}", fs::read_to_string(folder.join("server.log")).unwrap_or_default());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(server)
    }

    /// Seconds of CPU that it and its children have taken.
    pub(crate) fn cpu(&self) -> anyhow::Result<f64> {
        Ok(tree_ticks(self.shell.id())? as f64 / TICKS)
    }

    /// Bytes of memory that it holds: resident, the shell not counted.
    pub(crate) fn resident(&self) -> anyhow::Result<u64> {
        let mut bytes = 0;
        for pid in tree(self.shell.id())?.into_iter().filter(|pid| *pid != self.shell.id()) {
            let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
            let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("VmRSS")?;
            bytes += line.trim().trim_end_matches("kB").trim().parse::<u64>()? * 1024;
        }
        Ok(bytes)
    }

    /// Ends it in order, and waits.
    pub(crate) fn stop(self) {}
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        // It may have ended already: then there is nothing to wait for.
        let _ = self.shell.wait();
    }
}

/// A port of loopback that nobody has now.
pub(crate) fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

fn log(folder: &Path) -> anyhow::Result<File> {
    fs::create_dir_all(folder)?;
    Ok(File::options().create(true).append(true).open(folder.join("server.log"))?)
}

fn wrapped(command: &Command) -> Command {
    let mut shell = Command::new("/bin/sh");
    shell.args([OsStr::new("-c"), OsStr::new(UNTIL_THE_PIPE_CLOSES), OsStr::new("sh"), command.get_program()]).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    if let Some(folder) = command.get_current_dir() {
        shell.current_dir(folder);
    }
    shell.stdin(Stdio::piped());
    shell
}

/// Clock ticks that a process and its children, living and reaped, have run.
pub(crate) fn tree_ticks(root: u32) -> anyhow::Result<u64> {
    let mut ticks = 0;
    for pid in tree(root)? {
        // One that has ended meanwhile counts with its parent from then on.
        let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { continue };
        // After the name in brackets, which may hold anything: utime, stime, cutime, cstime are the 12th to the 15th.
        let after = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
        ticks += after.split_whitespace().skip(11).take(4).map(|n| n.parse::<u64>().unwrap_or(0)).sum::<u64>();
    }
    Ok(ticks)
}

/// A process and all below it.
fn tree(root: u32) -> anyhow::Result<Vec<u32>> {
    let mut found = vec![root];
    let mut next = 0;
    while let Some(pid) = found.get(next).copied() {
        next += 1;
        let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { continue };
        for thread in threads.flatten() {
            let children = fs::read_to_string(thread.path().join("children")).unwrap_or_default();
            found.extend(children.split_whitespace().filter_map(|pid| pid.parse::<u32>().ok()));
        }
    }
    Ok(found)
}
