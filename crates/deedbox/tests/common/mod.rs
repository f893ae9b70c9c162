//! The compiled binary, a registry that it serves, and a home of its own.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses its part")]

pub mod proxy;

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

/// A place on this machine for one test.
pub struct Place {
    pub dir: tempfile::TempDir,
}

impl Place {
    pub fn new() -> Self {
        Place { dir: tempfile::tempdir().unwrap() }
    }
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
    /// The binary, with nobody's settings.
    pub fn deedbox(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_deedbox"));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("DEEDBOX_") {
                command.env_remove(name);
            }
        }
        command
            .current_dir(self.dir.path())
            .env("DEEDBOX_HOME", self.path("home"))
            .env("npm_config_update_notifier", "false")
            .stdin(Stdio::null());
        command
    }
    pub fn run(&self, args: &[&str]) -> Said {
        Said::of(self.deedbox().args(args).output().unwrap())
    }
    /// Against a registry.
    pub fn at(&self, url: &str, args: &[&str]) -> Said {
        Said::of(self.deedbox().args(["--registry", url]).args(args).output().unwrap())
    }
    /// Publishes what lies in a folder or a file.
    #[track_caller]
    pub fn publish(&self, url: &str, path: &Path) -> Said {
        self.at(url, &["publish", path.to_str().unwrap()]).done()
    }
    /// Writes a file, making its folder.
    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        path
    }
    /// An npm package that can be packed.
    pub fn package(&self, name: &str, version: &str, more: &str) -> PathBuf {
        let folder = format!("packages/{name}-{version}");
        let json = format!("{{\"name\": \"@demo.localhost/{name}\", \"version\": \"{version}\", \"license\": \"MIT\"{more}}}");
        self.write(&format!("{folder}/package.json"), json);
        self.write(&format!("{folder}/index.js"), format!("module.exports = {:?}\n", format!("{name} {version}")));
        self.write(&format!("{folder}/README.md"), format!("# {name}\n"));
        self.path(&folder)
    }
}

/// What a command said, and how it ended.
#[derive(Debug)]
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Said {
    pub fn of(output: Output) -> Self {
        Said {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
    #[track_caller]
    pub fn done(self) -> Self {
        assert_eq!(self.code, 0, "{self:?}");
        self
    }
    #[track_caller]
    pub fn ends(self, code: i32, words: &str) -> Self {
        assert_eq!(self.code, code, "{self:?}");
        assert!(self.err.contains(words), "{words:?} is not in {self:?}");
        self
    }
    #[track_caller]
    pub fn says(self, words: &str) -> Self {
        assert!(self.out.contains(words), "{words:?} is not in {self:?}");
        self
    }
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }
}

/// A registry that runs.
pub struct Running {
    child: Child,
    pub url: String,
    pub data: PathBuf,
    /// What it said until it listened.
    pub said: Vec<String>,
}

impl Running {
    pub fn start(place: &Place, args: &[&str]) -> Self {
        let data = place.path("registry");
        let mut child = place
            .deedbox()
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(&data)
            .args(args)
            .env("RUST_LOG", "warn")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut said = Vec::new();
        let url = loop {
            let line = lines.next().expect("the registry ended before it listened").unwrap();
            said.push(line.clone());
            if let Some(rest) = line.trim().strip_prefix("listening") {
                break rest.trim().split(' ').next().unwrap().to_owned();
            }
        };
        Running { child, url, data, said }
    }
    /// Ends it at once, as a power failure would.
    pub fn kill(mut self) -> PathBuf {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.data.clone()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A running registry where demo.localhost is claimed by the home's key.
pub fn claimed(place: &Place) -> Running {
    let registry = Running::start(place, &["--allow-local-claims"]);
    place.run(&["keygen"]).done();
    place.at(&registry.url, &["claim", "demo.localhost"]).done().says("claimed demo.localhost as entry 1 of localhost/");
    registry
}

/// The same with a recovery key; gives its file too.
pub fn claimed_with_recovery(place: &Place) -> (Running, String) {
    let registry = Running::start(place, &["--allow-local-claims"]);
    place.run(&["keygen"]).done();
    let cold = place.path("cold.pem").to_str().unwrap().to_owned();
    place.run(&["keygen", "--out", &cold]).done();
    place.at(&registry.url, &["claim", "demo.localhost", "--recovery-key", &cold]).done();
    (registry, cold)
}

/// The same with the first version of greet published there.
pub fn published(place: &Place) -> Running {
    let registry = claimed(place);
    place.publish(&registry.url, &place.package("greet", "1.0.0", ""));
    registry
}

/// Bytes of a file with one of them changed.
pub fn flip(path: &Path, at: usize) {
    let mut bytes = std::fs::read(path).unwrap();
    bytes[at] ^= 1;
    std::fs::write(path, bytes).unwrap();
}
