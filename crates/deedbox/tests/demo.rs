//! The demo, as anyone would run it, with the machine's own npm.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test is a sentence, and its helpers may stop where they stand"
)]

mod common;

use common::Place;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

/// The demo is timed, so it has the machine for itself as far as this file can give it.
static ALONE: Mutex<()> = Mutex::new(());

/// What the story says of each client that is here.
const CLIENTS: [(&str, &str); 14] = [
    ("pnpm", "installed @demo.localhost/hello-deedbox with what it needs, and it greets Ada"),
    ("yarn", "installed @demo.localhost/hello-deedbox with what it needs, and it greets Ada"),
    ("bun", "installed @demo.localhost/hello-deedbox with what it needs, and it greets Ada"),
    ("deno", "installed @demo.localhost/hello-deedbox with what it needs, and it greets Ada"),
    ("gem", "installed the gem chime, and it says ding ding ding dong"),
    ("bundle", "installed the gem chime, and it says ding ding ding dong"),
    ("mvn", "took the jar bell, whose checksum is right, for a project's build"),
    ("gradle", "took the jar bell into a project"),
    ("skopeo", "copied the image, and the letter is in it"),
    ("podman", "pulled the image, and the letter is in it"),
    ("buildah", "pulled the image, and the letter is in it"),
    ("oras", "pulled the image, and the letter is in it"),
    ("ctr", "pulled the image, and the letter is in it"),
    ("docker", "pulled and saved the image, and the letter is in it"),
];

fn answers(program: &str, args: &[&str]) -> bool {
    let output = Command::new(program).args(args).stdin(Stdio::null()).output();
    output.is_ok_and(|output| output.status.success())
}

/// Whether a client is here, with the daemon that it speaks to.
fn is_here(client: &str) -> bool {
    let is_root = || Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n");
    match client {
        "oras" => answers(client, &["version"]),
        "ctr" => answers(client, &["--version"]) && answers("containerd", &["--version"]) && is_root(),
        "docker" => answers(client, &["version", "--format", "{{.Server.Version}}"]),
        _ => answers(client, &["--version"]),
    }
}

#[test]
fn the_demo_tells_its_story_in_under_two_minutes() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let place = Place::new();
    let start = std::time::Instant::now();
    let said = place.run(&["demo", "--once", "--port", "18417", "--dir", "story"]).done();
    assert!(start.elapsed().as_secs() < 120, "{:?}", start.elapsed());
    let said = said
        .says("claimed demo.localhost with it: entry 1")
        .says("published npm:demo.localhost/hello-deedbox@1.0.0: entry 4")
        .says("en  Hello, Ada!  (8 letters, 11 bytes)")
        .says("3 of 3 packages")
        .says("npm, with an empty cache, refuses it (EINTEGRITY)")
        .says("is not what npm:demo.localhost/greet@1.0.0 says")
        .says("put the byte back: it verifies again")
        .says("published maven:demo.localhost/bell@1.0.0")
        .says("published oci:demo.localhost/letter@1.0")
        .says("the second key says no to that")
        .says("what the thief tries now is refused: frozen")
        .says("shop.localhost is its holder's again")
        .says("Where to look");
    // Every client has a line, or is named as one that is not here.
    let missing = said.out.lines().find(|line| line.starts_with("Not on this machine, so not tried: ")).unwrap_or_default();
    for (client, words) in CLIENTS {
        let lines = said.out.lines().filter(|line| line.starts_with('✓') && line.contains(&format!(" s  {client} ")));
        let lines: Vec<&str> = lines.filter(|line| line.ends_with(words)).collect();
        let is_named = missing.split([' ', ',', '.']).any(|word| word == client);
        assert_eq!((lines.len(), is_named), if is_here(client) { (1, false) } else { (0, true) }, "{client}: {said:?}");
    }
    // What packing a gem has to say goes there; nothing else does.
    assert!(said.err.lines().all(|line| line.starts_with("gem build runs ")), "{said:?}");
    // What it leaves is whole, and can be used as the last screen says.
    let data = place.path("story/registry");
    place.run(&["fsck", "--data", data.to_str().unwrap()]).done();
    place.run(&["demo", "--once", "--dir", "story"]).ends(2, "is there already");
}

/// A machine with Node.js and npm, and a pnpm that says its version and nothing more.
#[cfg(unix)]
#[test]
fn a_client_that_fails_does_not_end_the_story_and_one_that_is_not_there_is_named() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let place = Place::new();
    let path = std::env::var_os("PATH").unwrap();
    for program in ["node", "npm"] {
        let found = std::env::split_paths(&path).map(|folder| folder.join(program)).find(|path| path.is_file()).unwrap();
        std::fs::create_dir_all(place.path("bin")).unwrap();
        symlink(std::fs::canonicalize(found).unwrap(), place.path("bin").join(program)).unwrap();
    }
    let script = "#!/bin/sh\n[ \"$1\" = --version ] && echo 9.9.9 && exit\necho began\necho 'ERR_BAD an error of its own' >&2\nexit 7\n";
    let pnpm = place.write("bin/pnpm", script);
    std::fs::set_permissions(&pnpm, std::fs::Permissions::from_mode(0o755)).unwrap();
    let run =
        place.deedbox().args(["demo", "--once", "--port", "18517", "--dir", "story"]).env("PATH", place.path("bin")).output().unwrap();
    let (out, err) = (String::from_utf8(run.stdout).unwrap(), String::from_utf8(run.stderr).unwrap());
    assert_eq!(run.status.code(), Some(1), "{out}{err}");
    let line = out.lines().find(|line| line.starts_with('✗')).unwrap_or_else(|| panic!("{out}{err}"));
    assert!(line.contains(" s  pnpm 9.9.9: failed (ERR_BAD an error of its own); all that it said is in "), "{line}");
    let log = Path::new(line.rsplit(" is in ").next().unwrap());
    assert_eq!(std::fs::read_to_string(place.dir.path().join(log)).unwrap(), "began\nERR_BAD an error of its own");
    assert!(err.contains("failed, as said above: pnpm") && out.contains("\nFailed: pnpm; "), "{out}{err}");
    // The gem is packed by gem: without it there is none, and the rest goes on.
    assert!(out.contains("published oci:demo.localhost/letter@1.0") && !out.contains("gem:demo.localhost"), "{out}");
    let missing = out.lines().find(|line| line.starts_with("Not on this machine")).unwrap();
    let expected: Vec<&str> = missing.split(": ").nth(1).unwrap().trim_end_matches('.').split(", ").collect();
    assert_eq!(expected.len(), CLIENTS.len() - 1, "{missing}");
    assert!(CLIENTS.iter().all(|(client, _)| *client == "pnpm" || expected.contains(client)), "{missing}");
}

#[test]
fn without_npm_it_says_what_to_install() {
    let place = Place::new();
    let output = place.deedbox().args(["demo", "--once"]).env("PATH", place.path("empty")).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let words = String::from_utf8(output.stderr).unwrap();
    assert!(words.contains("node is not on this machine") && words.contains("install Node.js 20 or newer"), "{words}");
}
