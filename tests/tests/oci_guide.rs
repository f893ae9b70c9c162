//! Each command of docs/guides/oci.md, read from it line by line and run in its own words: the examples' hosts, domain and folders are
//! those of the test, and where the guide says what a registry without TLS needs, that is added. Nothing else is.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop where it stands, and so may what it is made of"
)]

use std::{fs, path::Path};

use anyhow::{Context as _, ensure};
use deedbox_tests::{
    images::{Bench, at},
    oci_engines::{Containerd, Docker, OtherRegistry},
    oci_layout::Layout,
    registry::{DOMAIN, Running, Said},
};
use serde_json::Value;

const GUIDE: &str = include_str!("../../docs/guides/oci.md");
/// What the guide says that a program needs to take a registry without TLS. Docker is told when it is started.
const WITHOUT_TLS: [(&str, &str, &str); 4] = [
    ("podman", "pull", "--tls-verify=false"),
    ("buildah", "pull", "--tls-verify=false"),
    ("skopeo", "copy", "--tls-verify=false"),
    ("ctr", "pull", "--plain-http"),
];

/// The lines of the guide's `sh` blocks, those of its lists too.
fn commands() -> Vec<&'static str> {
    let mut lines = Vec::new();
    let mut inside = false;
    for line in GUIDE.lines().map(str::trim) {
        match line {
            "```sh" => inside = true,
            "```" => inside = false,
            line if inside && !line.is_empty() => lines.push(line),
            _ => {}
        }
    }
    lines
}

/// Everything that the guide's commands stand on.
struct Table {
    registry: Running,
    other: OtherRegistry,
    docker: Docker,
    containerd: Containerd,
    bench: Bench,
}

impl Table {
    /// With `app:1.0` published, `app:1.1` in Docker's engine, `team/app:1.2` in another registry and the layout of `app:1.0` at hand.
    fn laid() -> Self {
        let bench = Bench::new(&["podman", "buildah", "skopeo", "containerd", "docker.io", "docker-registry"]);
        let registry = Running::start().unwrap();
        let (other, docker, containerd) =
            (OtherRegistry::start(&bench).unwrap(), Docker::start(&bench).unwrap(), Containerd::start(&bench).unwrap());
        let push = |what: &str, version: &str| {
            let scratch = tempfile::tempdir().unwrap();
            let layout = Layout::new(scratch.path());
            layout.two_platforms(what, version);
            let (from, to) = (format!("oci:{}:{version}", layout.path()), format!("docker://{}/team/app:{version}", other.host));
            bench.skopeo(&["copy", "--all", "--dest-tls-verify=false", &from, &to]).done().unwrap();
        };
        push("the next app", "1.1");
        push("the app of others", "1.2");
        let image = format!("{}/team/app:1.1", other.host);
        docker.docker(&bench, &["pull", &image]).done().unwrap();
        docker.docker(&bench, &["tag", &image, "app:1.1"]).done().unwrap();
        let layout = Layout::new(bench.folder());
        layout.two_platforms("the app", "1.0");
        // The guide begins with those who pull.
        registry.deedbox(["publish", layout.path(), "--id", "oci:demo.localhost/app", "--version", "1.0"]).unwrap().done().unwrap();
        Table { registry, other, docker, containerd, bench }
    }

    /// Runs a line of the guide.
    fn run(&self, line: &str) -> anyhow::Result<Said> {
        let host = self.registry.url.trim_start_matches("http://");
        let line = line.replace("other.example", &self.other.host).replace("registry.example", host).replace("acme.example", DOMAIN);
        let words: Vec<&str> = line.split_whitespace().collect();
        let is_setting =
            |word: &&&str| word.split_once('=').is_some_and(|(name, _)| name.chars().all(|c| c.is_ascii_uppercase() || c == '_'));
        let settings: Vec<(&str, &str)> = words.iter().take_while(is_setting).filter_map(|word| word.split_once('=')).collect();
        let (program, words) = words[settings.len()..].split_first().context("a line without a program")?;
        if *program == "deedbox" {
            return self.deedbox(words);
        }
        let mut command = self.bench.command(program);
        command.envs(settings.iter().copied());
        command.env("DOCKER_HOST", &self.docker.socket).env("CONTAINERD_ADDRESS", &self.containerd.socket);
        command.env("CONTAINERD_SNAPSHOTTER", "native");
        // A store of its own; what it takes unsigned is Debian's default too.
        let (root, run, policy) = (self.bench.path("store"), self.bench.path("run"), self.bench.path("policy.json"));
        match *program {
            "podman" | "buildah" => command.args(["--root", &root, "--runroot", &run, "--storage-driver", "vfs"]),
            "skopeo" => command.args(["--policy", &policy]),
            _ => &mut command,
        };
        // An address of a setting's file may be left out, and with it what says that there is no TLS.
        let without_tls = WITHOUT_TLS.iter().find(|(of, ..)| of == program).filter(|_| settings.is_empty());
        for word in words {
            command.arg(word);
            if let Some((_, _, option)) = without_tls.filter(|(_, verb, _)| verb == word) {
                command.arg(option);
            }
            if matches!((*program, *word), ("podman" | "buildah", "pull")) {
                command.args(["--signature-policy", &policy]);
            }
        }
        Said::of(&mut command)
    }

    fn deedbox(&self, words: &[&str]) -> anyhow::Result<Said> {
        // It runs elsewhere than the others: files are those of the bench.
        let here = |word: &str| match word {
            "./layout" => self.bench.path("layout"),
            "app.tar" => self.bench.path("app.tar"),
            other => other.to_owned(),
        };
        let mut words: Vec<String> = words.iter().map(|word| here(word)).collect();
        if words[0] == "setup" {
            words.extend(["--dir".to_owned(), self.bench.path("")]);
        }
        self.registry.deedbox(words)
    }

    fn tags(&self) -> Value {
        let url = format!("docker://{}", at(&self.registry, "app"));
        let said = self.bench.skopeo(&["list-tags", "--tls-verify=false", &url]).done().unwrap();
        serde_json::from_str::<Value>(&said.out).unwrap()["Tags"].clone()
    }
}

#[test]
fn every_command_of_the_guide_does_what_it_says() -> anyhow::Result<()> {
    let table = Table::laid();
    let mut programs = Vec::new();
    for line in commands() {
        table.run(line)?.done().with_context(|| line.to_owned())?;
        let yanked = line.starts_with("deedbox yank");
        if line.starts_with("deedbox channel") || yanked {
            let expected: &[&str] = if yanked { &["1.0", "1.1", "stable"] } else { &["1.0", "1.1", "1.2", "latest", "stable"] };
            ensure!(table.tags() == serde_json::json!(expected), "after {line:?} the tags are {}", table.tags());
        }
        programs.extend(line.split_whitespace().find(|word| !word.contains('=')));
    }
    for program in ["deedbox", "podman", "docker", "buildah", "ctr", "skopeo"] {
        ensure!(programs.contains(&program), "the guide has no command with {program}");
    }
    ensure!(programs.len() >= 14, "the guide has only {} commands", programs.len());
    // What they say that they do.
    let image = format!("{}:1.0", at(&table.registry, "app"));
    ensure!(table.docker.docker(&table.bench, &["image", "inspect", &image]).ok, "docker has no {image}");
    ensure!(table.containerd.ctr(&table.bench, &["images", "ls", "-q"]).done()?.out.contains(&image), "ctr has no {image}");
    for name in [&image, "demo.localhost/app:1.0"] {
        ensure!(table.bench.store("podman", &["image", "exists", name]).ok, "podman has no {name}");
    }
    ensure!(Path::new(&table.bench.path("app/oci-layout")).is_file(), "skopeo copied nothing");
    let settings = fs::read_to_string(table.bench.path("registries.conf"))?;
    ensure!(settings.contains(DOMAIN), "{settings}");
    Ok(())
}

#[test]
fn what_a_registry_without_tls_needs_is_what_the_guide_says() {
    for (program, _, option) in WITHOUT_TLS {
        assert!(GUIDE.contains(&format!("`{option}`")), "the guide does not say {option} of {program}");
    }
    assert!(GUIDE.contains("`--insecure-registry 127.0.0.0/8`"));
}

#[test]
fn no_command_stands_in_the_guide_outside_of_its_blocks() {
    let mut inside = false;
    let blocks = commands();
    for line in GUIDE.lines() {
        inside ^= line.trim().starts_with("```");
        if inside {
            continue;
        }
        assert!(!line.starts_with("    "), "a block that no test runs: {line}");
        // In a sentence the name of a command may stand, with no more than its verb.
        for code in line.split('`').skip(1).step_by(2).filter(|code| code.starts_with("deedbox ")) {
            let is_run = blocks.iter().any(|block| block.starts_with(code)) || code.split_whitespace().count() <= 2 || code.ends_with('…');
            assert!(is_run, "a command that no test runs: {code}");
        }
    }
}
