//! A key that an ssh-agent keeps, with OpenSSH's own agent: it claims a domain, changes keys and publishes, and its private half is nowhere in
//! what the program was given.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may stop where it stands")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use deedbox_tests::{
    debian::debian,
    registry::{Running, Said, program},
};
use tempfile::TempDir;

struct Agent {
    child: Child,
    folder: TempDir,
    socket: PathBuf,
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Agent {
    fn start() -> Agent {
        debian(&["openssh-client"]).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("agent");
        let mut command = Command::new("ssh-agent");
        let child = command.args(["-D", "-a"]).arg(&socket).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let begun = Instant::now();
        while !socket.exists() {
            assert!(begun.elapsed() < Duration::from_secs(20), "ssh-agent does not listen");
            std::thread::sleep(Duration::from_millis(10));
        }
        Agent { child, folder, socket }
    }

    fn run(&self, command: &mut Command) -> Said {
        Said::of(command.env("SSH_AUTH_SOCK", &self.socket).stdin(Stdio::null())).unwrap()
    }

    /// Makes a key and hands it over; gives its fingerprint. The file goes.
    fn add(&self, kind: &str, name: &str) -> String {
        let file = self.folder.path().join(name);
        self.run(Command::new("ssh-keygen").args(["-q", "-t", kind, "-N", "", "-C", name, "-f"]).arg(&file)).done().unwrap();
        self.run(Command::new("ssh-add").arg("-q").arg(&file)).done().unwrap();
        let shown = self.run(Command::new("ssh-keygen").arg("-lf").arg(&file)).done().unwrap().out;
        fs::remove_file(&file).unwrap();
        shown.split_whitespace().nth(1).unwrap().to_owned()
    }

    /// Runs `deedbox` with a key of this agent.
    fn deedbox(&self, registry: &Running, home: &Path, key: &str, args: &[&str]) -> Said {
        let mut command = Command::new(program().unwrap());
        command.env("DEEDBOX_HOME", home).current_dir(home);
        self.run(command.args(["--registry", &registry.url, "--key", key]).args(args))
    }
}

#[test]
fn a_key_in_an_agent_claims_changes_keys_and_publishes() {
    let (agent, registry) = (Agent::start(), Running::start().unwrap());
    let home = agent.folder.path().join("home");
    fs::create_dir(&home).unwrap();
    let deedbox = |key: &str, args: &[&str]| agent.deedbox(&registry, &home, key, args);

    let none = deedbox("ssh-agent", &["claim", "agent.localhost"]);
    assert!(!none.ok && none.err.contains("has no Ed25519 key"), "{}", none.all());
    // A key of another kind cannot sign here.
    agent.add("ecdsa", "other");
    let none = deedbox("ssh-agent", &["claim", "agent.localhost"]);
    assert!(!none.ok && none.err.contains("has no Ed25519 key"), "{}", none.all());

    let first = agent.add("ed25519", "first");
    let claimed = deedbox("ssh-agent", &["claim", "agent.localhost"]).done().unwrap();
    let kid = claimed.out.split_whitespace().last().unwrap().to_owned();
    let listed = registry.deedbox(["keys", "list", "agent.localhost"]).unwrap().done().unwrap();
    assert!(listed.out.contains(&kid), "{}", listed.out);

    let package = home.join("package");
    fs::create_dir(&package).unwrap();
    fs::write(package.join("package.json"), r#"{"name":"@agent.localhost/signed","version":"1.0.0","license":"MIT"}"#).unwrap();
    deedbox("ssh-agent", &["publish", package.to_str().unwrap()]).done().unwrap();
    let verified = registry.deedbox(["verify", "npm:agent.localhost/signed@1.0.0"]).unwrap().done().unwrap();
    assert!(verified.out.contains(&kid[..8]), "{}", verified.out);

    // Two keys: which one has to be said, by its fingerprint or its comment.
    let second = agent.add("ed25519", "second");
    let which = deedbox("ssh-agent", &["deprecate", "npm:agent.localhost/signed@1.0.0", "--reason", "other"]);
    assert!(!which.ok && which.err.contains("several Ed25519 keys"), "{}", which.all());
    let other = deedbox(&format!("ssh-agent:{second}"), &["deprecate", "npm:agent.localhost/signed@1.0.0", "--reason", "other"]);
    assert!(!other.ok && other.err.contains("not one of"), "{}", other.all());
    for name in [first.as_str(), "first"] {
        let reason = if name == "first" { "broken" } else { "superseded" };
        deedbox(&format!("ssh-agent:{name}"), &["deprecate", "npm:agent.localhost/signed@1.0.0", "--reason", reason]).done().unwrap();
    }

    // What is locked signs nothing, and nothing is sent.
    agent.run(Command::new("ssh-add").arg("-D")).done().unwrap();
    let gone = deedbox("ssh-agent:first", &["yank", "npm:agent.localhost/signed@1.0.0", "--reason", "broken"]);
    assert!(!gone.ok && gone.err.contains("has no Ed25519 key \"first\""), "{}", gone.all());
}
