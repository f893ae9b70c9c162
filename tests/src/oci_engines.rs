//! Programs that serve while a test runs: containerd, Docker's engine, Debian's docker-registry. Each has folders, sockets and a port of
//! its own and ends with the test; none touches what the machine runs, makes a bridge or writes a packet filter's rule.

use std::{
    fs,
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};

use crate::{images::Bench, registry::Said};

/// How long one may take to come up on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// A daemon that ends with the test.
#[derive(Debug)]
struct Daemon(Child);

impl Daemon {
    fn start(command: &mut Command, is_up: impl Fn() -> bool) -> anyhow::Result<Self> {
        let mut daemon = Daemon(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().with_context(|| format!("{command:?}"))?);
        let began = Instant::now();
        while !is_up() {
            if let Some(status) = daemon.0.try_wait()? {
                anyhow::bail!("{command:?} ended with {status}");
            }
            ensure!(began.elapsed() < PATIENCE, "{command:?} did not come up within {PATIENCE:?}");
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(daemon)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Its own way to end lets it put away what it mounted.
        let _ = Command::new("kill").arg(self.0.id().to_string()).status();
        let _ = self.0.wait();
    }
}

/// containerd, and where it listens.
#[derive(Debug)]
pub struct Containerd {
    _daemon: Daemon,
    /// For `ctr -a` or `CONTAINERD_ADDRESS`.
    pub socket: String,
}

impl Containerd {
    /// With its folders in the bench's.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn start(bench: &Bench) -> anyhow::Result<Self> {
        let socket = bench.path("containerd.sock");
        let (root, state, config) = (bench.path("root"), bench.path("state"), bench.path("containerd.toml"));
        fs::write(&config, format!("version = 2\nroot = {root:?}\nstate = {state:?}\n[grpc]\n  address = {socket:?}\n"))?;
        let is_up = || bench.run("ctr", &["-a", &socket, "version"]).ok;
        let daemon = Daemon::start(bench.command("containerd").args(["--config", &config]), is_up)?;
        Ok(Containerd { _daemon: daemon, socket })
    }

    /// `ctr` of it.
    #[must_use]
    pub fn ctr(&self, bench: &Bench, args: &[&str]) -> Said {
        bench.run("ctr", &[&["-a", &self.socket], args].concat())
    }
}

/// Docker's engine, without a bridge: it pulls and saves, and nothing runs in it.
#[derive(Debug)]
pub struct Docker {
    _daemon: Daemon,
    /// For `docker -H` or `DOCKER_HOST`.
    pub socket: String,
}

impl Docker {
    /// With its folders in the bench's.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn start(bench: &Bench) -> anyhow::Result<Self> {
        let socket = format!("unix://{}", bench.path("docker.sock"));
        let mut dockerd = bench.command("dockerd");
        dockerd.args(["--iptables=false", "--ip6tables=false", "--bridge=none", "--storage-driver", "vfs"]);
        dockerd.args(["--insecure-registry", "127.0.0.0/8", "-H", &socket]);
        for (option, path) in [("--data-root", "data"), ("--exec-root", "exec"), ("--pidfile", "docker.pid")] {
            dockerd.args([option, &bench.path(path)]);
        }
        let is_up = || bench.run("docker", &["-H", &socket, "info"]).ok;
        let daemon = Daemon::start(&mut dockerd, is_up)?;
        Ok(Docker { _daemon: daemon, socket })
    }

    /// `docker` of it.
    #[must_use]
    pub fn docker(&self, bench: &Bench, args: &[&str]) -> Said {
        bench.run("docker", &[&["-H", &self.socket], args].concat())
    }
}

/// Debian's docker-registry, which takes what is pushed.
#[derive(Debug)]
pub struct OtherRegistry {
    _daemon: Daemon,
    /// `127.0.0.1:PORT`.
    pub host: String,
}

impl OtherRegistry {
    /// With its folder in the bench's.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn start(bench: &Bench) -> anyhow::Result<Self> {
        let host = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
        let (folder, config) = (bench.path("registry"), bench.path("config.yml"));
        fs::write(&config, format!("version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: {folder:?}\nhttp:\n  addr: {host}\n"))?;
        let daemon = Daemon::start(bench.command("docker-registry").args(["serve", &config]), || TcpStream::connect(&host).is_ok())?;
        Ok(OtherRegistry { _daemon: daemon, host })
    }
}
