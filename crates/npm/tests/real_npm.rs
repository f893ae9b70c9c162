//! The machine's own npm, unmodified, against these answers: what it installs, prints and refuses
//! (spec/projections/npm.md §6 to §8). The listener here is as small as can be; the server has its own tests.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop where it stands, its helpers too"
)]

mod common;

use common::*;
use deedbox_model::{ReasonCode, Sha256Digest};
use deedbox_npm::{RegistrySigner, lockfile};
use deedbox_view::{Body, Method, Reader, Request, Site};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

const GEAR: &str = "npm:acme.example/gear";

/// What is served now; a test changes it between two commands.
#[derive(Default)]
struct World {
    log: Log,
    rows: Store,
    objects: BTreeMap<Sha256Digest, Vec<u8>>,
}

impl World {
    fn publish(&mut self, id: &str, version: &str, more: &str, index: &str) {
        let (domain, name) = id.strip_prefix("npm:").unwrap().split_once('/').unwrap();
        let json = format!("{{\"name\":\"@{domain}/{name}\",\"version\":\"{version}\"{more}}}");
        let bytes = tarball(&[("package.json", json.as_bytes()), ("index.js", index.as_bytes())]);
        let inspection = inspect(&bytes).unwrap();
        self.objects.insert(Sha256Digest::of(&bytes), bytes);
        let channels: Vec<&str> = inspection.channels.iter().map(|c| c.as_str()).collect();
        self.log.publish_as(&inspection.manifest, &channels);
        self.rows = self.log.rows();
    }
}

fn serve(world: Arc<Mutex<World>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base_url = format!("http://{}", listener.local_addr().unwrap());
    let signer: Arc<dyn deedbox_view::SiteSigner> = Arc::new(RegistrySigner::from_scalar(&[7; 32]).unwrap());
    let site = Site { base_url: base_url.clone(), log_key: String::new(), signers: [("npm", signer)].into() };
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // One that hangs up in the middle is npm's affair.
            let _ = answer(stream, &world, &site);
        }
    });
    base_url
}

fn answer(mut stream: TcpStream, world: &Mutex<World>, site: &Site) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split_ascii_whitespace().map(str::to_owned);
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (mut length, mut accept) = (0, String::new());
    loop {
        let mut header = String::new();
        if reader.read_line(&mut header)? <= 2 {
            break;
        }
        let (name, value) = header.trim_end().split_once(": ").unwrap_or_default();
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().unwrap_or(0),
            "accept" => accept = value.to_owned(),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let path = decoded(path);
    let pairs = query.split('&').filter_map(|pair| pair.split_once('=')).map(|(n, v)| (decoded(n), decoded(&v.replace('+', " "))));
    let (mount, path) = match (path.strip_prefix("/npm/"), path.strip_prefix("/-/npm/v1/")) {
        (Some(rest), _) => ("/npm/", rest.to_owned()),
        (None, Some(rest)) => ("/-/npm/v1/", rest.to_owned()),
        (None, None) => ("/npm/", format!("-/outside{path}")),
    };
    let method = match method.as_str() {
        "GET" | "HEAD" => Method::Get,
        "POST" => Method::Post,
        _ => Method::Write,
    };
    let world = world.lock().unwrap();
    let response =
        world.rows.answer_at(site, &Request { reader: Reader::ANYBODY, method, mount, path, query: pairs.collect(), accept, body }, 5_000);
    let bytes = match response.body {
        Body::Empty => Vec::new(),
        Body::Bytes(bytes) => bytes,
        Body::Object(object) => world.objects[&object.sha256].clone(),
    };
    let head = format!(
        "HTTP/1.1 {} Status\r\ncontent-type: {}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        response.status,
        response.media_type,
        bytes.len()
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(&bytes)
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let hex: String = rest.by_ref().take(2).map(char::from).collect();
            bytes.push(u8::from_str_radix(&hex, 16).unwrap());
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).unwrap()
}

/// Runs npm with nothing of the machine's own settings; gives whether it succeeded and all that it printed.
fn npm(folder: &Path, base_url: &str, arguments: &[&str]) -> (bool, String) {
    let host = base_url.strip_prefix("http:").unwrap();
    let out = Command::new("npm")
        .args(arguments)
        .arg(format!("--registry={base_url}/npm/"))
        .arg(format!("--{host}/npm/:_authToken=any"))
        .arg("--cache")
        .arg(folder.join(".cache"))
        .arg("--userconfig")
        .arg(folder.join(".none"))
        .arg("--no-update-notifier")
        .arg("--omit-lockfile-registry-resolved=false")
        .current_dir(folder)
        .output()
        .expect("npm is on the machine");
    (out.status.success(), format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr)))
}

fn project(dependency: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let json = format!("{{\"name\":\"app\",\"version\":\"1.0.0\",\"dependencies\":{{{dependency}}}}}");
    std::fs::write(folder.path().join("package.json"), json).unwrap();
    folder
}

fn installed(folder: &Path) -> String {
    let out = Command::new("node").args(["-p", "require('@acme.example/widget')"]).current_dir(folder).output().unwrap();
    String::from_utf8_lossy(&out.stdout).trim().to_owned()
}

fn world() -> (Arc<Mutex<World>>, String) {
    let mut world = World::default();
    world.publish(GEAR, "2.1.0", "", "module.exports = 'gear'\n");
    let needs_gear = r#","description":"A widget.","dependencies":{"@acme.example/gear":"^2.0.0"}"#;
    world.publish(WIDGET, "1.0.0", needs_gear, "module.exports = 'one with ' + require('@acme.example/gear')\n");
    world.publish(WIDGET, "1.1.0", needs_gear, "module.exports = 'two with ' + require('@acme.example/gear')\n");
    let world = Arc::new(Mutex::new(world));
    let base_url = serve(world.clone());
    (world, base_url)
}

#[test]
fn npm_installs_and_its_lock_file_outlives_a_yank() {
    let (world, base_url) = world();
    let folder = project("\"@acme.example/widget\":\"^1.0.0\"");
    let (ok, printed) = npm(folder.path(), &base_url, &["install"]);
    assert!(ok, "{printed}");
    assert!(!printed.contains("0 vulnerabilities"), "nobody may promise that: {printed}");
    assert_eq!(installed(folder.path()), "two with gear");

    let lock = std::fs::read(folder.path().join("package-lock.json")).unwrap();
    let locked = lockfile::read(&lock).unwrap();
    let known: BTreeMap<_, _> = {
        let world = world.lock().unwrap();
        world.objects.values().map(|bytes| (deedbox_model::Hasher::of(bytes).1.sha512, ())).collect()
    };
    assert_eq!(locked.len(), 2);
    for package in &locked {
        let release = package.release().unwrap();
        assert_eq!(release.id.domain().as_str(), "acme.example");
        assert!(known.contains_key(&release.sha512));
    }

    {
        let mut world = world.lock().unwrap();
        world.log.yank(WIDGET, "1.1.0", ReasonCode::Security);
        world.rows = world.log.rows();
    }
    std::fs::remove_dir_all(folder.path().join(".cache")).unwrap();
    let (ok, printed) = npm(folder.path(), &base_url, &["ci"]);
    assert!(ok, "{printed}");
    assert_eq!(installed(folder.path()), "two with gear");

    let fresh = project("\"@acme.example/widget\":\"^1.0.0\"");
    let (ok, printed) = npm(fresh.path(), &base_url, &["install"]);
    assert!(ok, "{printed}");
    assert_eq!(installed(fresh.path()), "one with gear", "a yanked version is not chosen");

    let only = project("\"@acme.example/widget\":\"1.1.0\"");
    let (ok, printed) = npm(only.path(), &base_url, &["install"]);
    assert!(!ok && printed.contains("1.1.0 (security)"), "{printed}");
}

/// Other registries put the scope into a tarball's path twice; a lock file that was kept for one of them goes on working here.
#[test]
fn a_lock_file_with_the_paths_of_another_registry_installs_and_is_read_alike() {
    let (_world, base_url) = world();
    let folder = project("\"@acme.example/widget\":\"^1.0.0\"");
    let (ok, printed) = npm(folder.path(), &base_url, &["install"]);
    assert!(ok, "{printed}");
    let path = folder.path().join("package-lock.json");
    let before = std::fs::read(&path).unwrap();
    let after = String::from_utf8(before.clone()).unwrap().replace("/-/", "/-/@acme.example/");
    assert_ne!(after.as_bytes(), before);
    std::fs::write(&path, &after).unwrap();
    std::fs::remove_dir_all(folder.path().join(".cache")).unwrap();
    let (ok, printed) = npm(folder.path(), &base_url, &["ci"]);
    assert!(ok, "{printed}");
    assert_eq!(installed(folder.path()), "two with gear");
    let releases = |bytes: &[u8]| lockfile::read(bytes).unwrap().iter().map(|locked| locked.release().unwrap().clone()).collect::<Vec<_>>();
    assert_eq!(releases(after.as_bytes()), releases(&before));
}

/// The words about a lock file of npm 6 say what to do, and doing that gives one that is read.
#[test]
fn the_advice_for_an_old_lock_file_makes_one_that_is_read() {
    let (_world, base_url) = world();
    let folder = project("\"@acme.example/widget\":\"^1.0.0\"");
    let old = "{\"name\":\"app\",\"version\":\"1.0.0\",\"lockfileVersion\":1,\"requires\":true,\"dependencies\":{}}";
    let path = folder.path().join("package-lock.json");
    std::fs::write(&path, old).unwrap();
    let said = lockfile::read(old.as_bytes()).unwrap_err().to_string();
    let (_, advice) = said.split_once("with npm ").unwrap();
    let arguments: Vec<&str> = advice.split(' ').collect();
    let (ok, printed) = npm(folder.path(), &base_url, &arguments);
    assert!(ok, "{printed}");
    let locked = lockfile::read(&std::fs::read(&path).unwrap()).unwrap();
    assert_eq!(locked.iter().filter(|locked| locked.release().is_some()).count(), 2);
}

#[test]
fn npm_prints_our_words_where_it_is_refused() {
    let (_, base_url) = world();
    let folder = project("\"@acme.example/gear\":\"^2.0.0\"");
    assert!(npm(folder.path(), &base_url, &["install"]).0);
    let (ok, printed) = npm(folder.path(), &base_url, &["audit"]);
    assert!(!ok && printed.contains("holds no advisories") && !printed.contains("0 vulnerabilities"), "{printed}");

    let package = tempfile::tempdir().unwrap();
    std::fs::write(package.path().join("package.json"), package_json("3.0.0", "")).unwrap();
    for (arguments, words) in [
        (&["publish"][..], "Run: deedbox publish"),
        (&["dist-tag", "add", "@acme.example/widget@1.0.0", "next"], "Run: deedbox channel"),
        (&["deprecate", "@acme.example/widget@1.0.0", "old"], "deedbox deprecate"),
        (&["unpublish", "@acme.example/widget@1.0.0", "--force"], "Run: deedbox yank"),
        (&["whoami"], "no accounts"),
        (&["view", "@acme.example/nothing"], "has no release in this registry"),
    ] {
        let (ok, printed) = npm(package.path(), &base_url, arguments);
        assert!(!ok && printed.contains(words), "{arguments:?}: {printed}");
    }
    for (arguments, words) in [
        (&["ping"][..], "PONG"),
        (&["view", "@acme.example/widget", "dist-tags.latest"], "1.1.0"),
        (&["view", "@acme.example/widget@1.0.0", "description"], "A widget."),
        (&["dist-tag", "ls", "@acme.example/widget"], "latest: 1.1.0"),
        (&["search", "widget"], "by acme.example"),
    ] {
        let (ok, printed) = npm(package.path(), &base_url, arguments);
        assert!(ok && printed.contains(words), "{arguments:?}: {printed}");
    }
}
