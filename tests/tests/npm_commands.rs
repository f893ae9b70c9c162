//! What npm's other commands say here: what they can read, what they must not promise, and what they may not write
//! (spec/projections/npm.md §6 and §8). Then the lock file that npm wrote, checked against the log.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may stop where it stands")]

use std::{fs, path::PathBuf};

use deedbox_tests::{
    clients::{self, Client},
    registry::{Running, Said},
    shelf::{self, NOTICE},
};
use serde_json::json;

/// A client, in a project with `right` (and so `left`) installed.
struct Desk {
    client: Client,
    registry: &'static Running,
    scratch: tempfile::TempDir,
}

impl Desk {
    fn new(client: anyhow::Result<Client>, install: &[&str]) -> Self {
        let (client, registry) = (client.unwrap(), shelf::shared().unwrap());
        let desk = Desk { client, registry, scratch: tempfile::tempdir().unwrap() };
        fs::create_dir_all(desk.scratch.path().join("home")).unwrap();
        let package = json!({ "name": "app", "version": "1.0.0", "private": true, "dependencies": { "@demo.localhost/right": "^1.0.0" } });
        registry.project(&desk.client, &desk.project(), &package).unwrap();
        if desk.client.name.starts_with("yarn") {
            fs::write(desk.project().join("yarn.lock"), "").unwrap();
        }
        desk.run(install).done().unwrap();
        desk
    }

    fn project(&self) -> PathBuf {
        self.scratch.path().join("project")
    }

    fn run(&self, args: &[&str]) -> Said {
        Said::of(self.client.command(&self.scratch.path().join("home"), &self.project()).args(args)).unwrap()
    }

    fn json(&self, args: &[&str]) -> serde_json::Value {
        let said = self.run(args).done().unwrap();
        let seen = serde_json::from_str(&said.out).unwrap_or_else(|error| panic!("{args:?}: {error}: {said:?}"));
        match seen {
            // npm 12 answers with a list of the versions that are meant, npm 11 with the one.
            serde_json::Value::Array(mut all) if args[0] == "view" && all.len() == 1 => all.remove(0),
            seen => seen,
        }
    }
}

fn npm_reads_what_the_registry_shows(client: anyhow::Result<Client>) {
    let desk = Desk::new(client, &["install", "--no-audit"]);
    let seen = desk.json(&["view", "--json", "@demo.localhost/left"]);
    assert_eq!(seen["version"], "1.0.0", "{seen}");
    assert_eq!(seen["versions"], json!(["1.0.0", "1.2.0-rc.1", "2.0.0"]), "{seen}");
    assert_eq!(seen["dist-tags"], json!({ "latest": "1.0.0", "next": "1.2.0-rc.1", "two": "2.0.0" }), "{seen}");
    assert_eq!((&seen["license"], &seen["description"]), (&json!("MIT"), &json!("left for tests")), "{seen}");
    assert_eq!(desk.json(&["view", "--json", "@demo.localhost/left@2.0.0", "deprecated"]), NOTICE);
    assert!(desk.run(&["view", "@demo.localhost/left@two"]).done().unwrap().all().contains(NOTICE));
    let needed = desk.json(&["view", "--json", "@demo.localhost/right", "dependencies"]);
    assert_eq!(needed, json!({ "@demo.localhost/left": "^1.0.0" }));

    let tags = desk.run(&["dist-tag", "ls", "@demo.localhost/left"]).done().unwrap().out;
    assert_eq!(tags.lines().collect::<Vec<_>>(), ["latest: 1.0.0", "next: 1.2.0-rc.1", "two: 2.0.0"]);
    let found = desk.json(&["search", "--json", "beside"]);
    assert_eq!(found.as_array().unwrap().iter().map(|hit| &hit["name"]).collect::<Vec<_>>(), ["@demo.localhost/right"], "{found}");
    assert!(desk.run(&["search", "nothing-is-called-so"]).done().unwrap().out.contains("No matches found"));
    let ping = desk.run(&["ping"]).done().unwrap().all();
    assert!(ping.contains("PONG"), "{ping}");
    let absent = desk.run(&["view", "@demo.localhost/absent"]);
    assert!(!absent.ok && absent.all().contains("E404"), "{absent:?}");
    // Where only a yanked version would do, the owner's act is named.
    let yanked = desk.run(&["install", "--no-audit", "--no-save", "@demo.localhost/left@1.1.0"]);
    assert!(!yanked.ok && yanked.all().contains("Yanked by the owner"), "{yanked:?}");
}

fn npm_audit_promises_nothing(client: anyhow::Result<Client>) {
    // With its audit on, an install ends well all the same.
    let desk = Desk::new(client, &["install"]);
    fs::remove_dir_all(desk.project().join("node_modules")).unwrap();
    let installed = desk.run(&["install", "--audit"]).done().unwrap().all();
    assert!(!installed.contains("0 vulnerabilities"), "{installed}");
    let audit = desk.run(&["audit"]);
    assert!(!audit.ok && !audit.all().contains("0 vulnerabilities"), "{audit:?}");
    assert!(audit.all().contains("holds no advisories"), "{audit:?}");
}

fn npm_may_not_write(client: anyhow::Result<Client>) {
    let desk = Desk::new(client, &["install", "--no-audit"]);
    // npm sends nothing without a token, so it gets one that means nothing.
    let mut npmrc = fs::read_to_string(desk.project().join(".npmrc")).unwrap();
    let address = desk.registry.npm_url.trim_start_matches("http:");
    npmrc.push_str(&format!("{address}:_authToken=means-nothing\n"));
    fs::write(desk.project().join(".npmrc"), npmrc).unwrap();
    fs::write(desk.project().join("package.json"), r#"{ "name": "@demo.localhost/mine", "version": "1.0.0" }"#).unwrap();
    let before = desk.registry.deedbox(["--json", "channel", "list", "npm:demo.localhost/left"]).unwrap().done().unwrap().out;
    for (args, command) in [
        (&["publish"] as &[_], "deedbox publish"),
        (&["unpublish", "--force", "@demo.localhost/left@1.0.0"], "deedbox yank"),
        (&["deprecate", "@demo.localhost/left@1.0.0", "no more"], "deedbox deprecate"),
        (&["dist-tag", "add", "@demo.localhost/left@2.0.0", "latest"], "deedbox channel"),
        (&["dist-tag", "rm", "@demo.localhost/left", "next"], "deedbox channel"),
    ] {
        let said = desk.run(args);
        assert!(!said.ok && said.all().contains(command), "{args:?} does not name {command}: {said:?}");
    }
    assert_eq!(desk.registry.deedbox(["--json", "channel", "list", "npm:demo.localhost/left"]).unwrap().done().unwrap().out, before);
    let absent = desk.run(&["view", "@demo.localhost/mine"]);
    assert!(!absent.ok && absent.all().contains("E404"), "{absent:?}");
    assert!(desk.json(&["view", "--json", "@demo.localhost/left@1.0.0"]).get("deprecated").is_none());
}

/// Whatever it says, it neither ends well nor counts nothing as nothing found.
fn an_audit_promises_nothing(client: anyhow::Result<Client>, audit: &[&str], refusal: &str) {
    let desk = Desk::new(client, &["install"]);
    let said = desk.run(audit);
    let words = said.all().to_lowercase();
    for promise in ["0 vulnerabilities", "no known vulnerabilities", "no audit suggestions", "no vulnerabilities"] {
        assert!(!words.contains(promise), "{said:?}");
    }
    assert!(!said.ok && said.all().contains(refusal), "{said:?}");
}

#[test]
fn npm_11_reads_what_the_registry_shows() {
    npm_reads_what_the_registry_shows(clients::npm11());
}

#[test]
fn npm_12_reads_what_the_registry_shows() {
    npm_reads_what_the_registry_shows(clients::npm12());
}

#[test]
fn npm_11_audit_promises_nothing() {
    npm_audit_promises_nothing(clients::npm11());
}

#[test]
fn npm_12_audit_promises_nothing() {
    npm_audit_promises_nothing(clients::npm12());
}

#[test]
fn npm_11_may_not_write() {
    npm_may_not_write(clients::npm11());
}

#[test]
fn npm_12_may_not_write() {
    npm_may_not_write(clients::npm12());
}

#[test]
fn pnpm_10_audit_promises_nothing() {
    an_audit_promises_nothing(clients::pnpm10(), &["audit"], "ERR_PNPM_AUDIT_ENDPOINT_NOT_EXISTS");
}

#[test]
fn pnpm_12_audit_promises_nothing() {
    an_audit_promises_nothing(clients::pnpm12(), &["audit"], "ERR_PNPM_AUDIT_ENDPOINT_NOT_EXISTS");
}

#[test]
fn yarn_4_audit_promises_nothing() {
    an_audit_promises_nothing(clients::yarn4(), &["npm", "audit", "--recursive"], "holds no advisories");
}

#[test]
fn bun_audit_promises_nothing() {
    an_audit_promises_nothing(clients::bun(), &["audit"], "security/advisories/bulk - 404");
}

/// It asks the registry of all names that have none of their own, which in these projects is ours.
#[test]
fn deno_audit_promises_nothing() {
    an_audit_promises_nothing(clients::deno(), &["audit"], "holds no advisories");
}

#[test]
fn the_lock_file_that_npm_wrote_verifies_and_one_with_another_integrity_does_not() {
    let desk = Desk::new(clients::npm11(), &["install", "--no-audit"]);
    let lock = desk.project().join("package-lock.json");
    let verify = || desk.registry.deedbox(["verify", "--lockfile", lock.to_str().unwrap()]).unwrap();
    let said = verify().done().unwrap();
    assert!(said.out.contains("2 verified, 0 do not verify"), "{said:?}");

    let text = fs::read_to_string(&lock).unwrap();
    let (before, after) = text.split_once("sha512-").unwrap();
    let other = if after.starts_with('A') { "B" } else { "A" };
    fs::write(&lock, format!("{before}sha512-{other}{}", &after[1..])).unwrap();
    let said = verify();
    assert!(!said.ok && said.err.contains("1 of its packages are not what the log says"), "{said:?}");
    assert!(said.out.contains("the lock file's sha512 is not the one that its publisher signed"), "{said:?}");
}
