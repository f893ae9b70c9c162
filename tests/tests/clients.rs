//! The clients that other tests stand on: each is the version that was pinned, and each reads the settings that are written for it.
//! What the registry answers is not judged here: a few files behind a loopback port stand in for any registry at all.
#![allow(clippy::unwrap_used, reason = "a test may stop where it stands, and so may what it is made of")]

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::{TcpListener, TcpStream},
    process::{Command, Output},
    sync::OnceLock,
};

use base64::Engine as _;
use deedbox_tests::{
    clients::{self, Client, Registry},
    debian::debian,
};
use sha2::Digest as _;

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?} said:\n{}", text(&output));
    text(&output)
}

/// The pinned version answers, and a project that is told of the registry gets a package of the scope from it, published a moment ago.
fn is_pinned_and_installs(client: anyhow::Result<Client>, install: &[&str]) {
    let client = client.unwrap();
    let scratch = tempfile::tempdir().unwrap();
    let (home, project) = (scratch.path().join("home"), scratch.path().join("project"));
    std::fs::create_dir_all(&home).unwrap();
    std::fs::create_dir_all(&project).unwrap();

    let said = run(client.command(&home, &project).arg("--version"));
    assert!(said.split_whitespace().any(|word| word == client.version), "{} {} says {said}", client.name, client.version);

    let url = registry_of_one();
    client.point_at(&project, &Registry { domain: "demo.localhost", url: &url }).unwrap();
    std::fs::write(project.join("package.json"), r#"{"name":"app","private":true,"dependencies":{"@demo.localhost/widget":"^1.0.0"}}"#)
        .unwrap();
    // yarn takes the folder for a project of its own by this file; the others do not read it.
    std::fs::write(project.join("yarn.lock"), "").unwrap();
    run(client.command(&home, &project).args(install));
    let main = std::fs::read_to_string(project.join("node_modules/@demo.localhost/widget/index.js")).unwrap();
    assert_eq!(main, WIDGET);
}

const WIDGET: &str = "module.exports = 'widget'\n";

/// A tarball that npm packed, once for all tests.
fn tarball() -> &'static [u8] {
    static TARBALL: OnceLock<Vec<u8>> = OnceLock::new();
    TARBALL.get_or_init(|| {
        let scratch = tempfile::tempdir().unwrap();
        let source = scratch.path().join("widget");
        std::fs::create_dir_all(&source).unwrap();
        std::fs::write(source.join("package.json"), r#"{"name":"@demo.localhost/widget","version":"1.0.0","main":"index.js"}"#).unwrap();
        std::fs::write(source.join("index.js"), WIDGET).unwrap();
        let npm = clients::npm11().unwrap();
        run(npm.command(&scratch.path().join("home"), &source).args(["pack", "--pack-destination", ".."]));
        std::fs::read(scratch.path().join("demo.localhost-widget-1.0.0.tgz")).unwrap()
    })
}

/// Serves one packument and one tarball; returns the registry's URL. The thread ends with the test's process.
fn registry_of_one() -> String {
    let tarball = tarball();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/npm/", listener.local_addr().unwrap());
    let integrity = base64::engine::general_purpose::STANDARD.encode(sha2::Sha512::digest(tarball));
    let now = run(Command::new("date").args(["-u", "+%Y-%m-%dT%H:%M:%S.000Z"]));
    let now = now.trim();
    let packument = serde_json::json!({
        "name": "@demo.localhost/widget",
        "dist-tags": { "latest": "1.0.0" },
        "modified": now,
        "time": { "created": now, "modified": now, "1.0.0": now },
        "versions": { "1.0.0": {
            "name": "@demo.localhost/widget", "version": "1.0.0", "main": "index.js",
            "dist": { "integrity": format!("sha512-{integrity}"), "tarball": format!("{url}@demo.localhost/widget/-/widget-1.0.0.tgz") },
        } },
    });
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let packument = packument.to_string();
            // A client that hangs up early is the client's business.
            std::thread::spawn(move || answer(stream, packument.as_bytes(), tarball));
        }
    });
    url
}

fn answer(mut stream: TcpStream, packument: &[u8], tarball: &[u8]) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let request = lines.next().transpose()?.unwrap_or_default();
    for line in lines.by_ref() {
        if line?.is_empty() {
            break;
        }
    }
    let path = request.split(' ').nth(1).unwrap_or_default().to_lowercase().replace("%2f", "/").replace("%40", "@");
    let (status, media, body) = match path.as_str() {
        "/npm/@demo.localhost/widget" => ("200 OK", "application/json", packument),
        "/npm/@demo.localhost/widget/-/widget-1.0.0.tgz" => ("200 OK", "application/octet-stream", tarball),
        _ => ("404 Not Found", "application/json", b"{}".as_slice()),
    };
    let head = format!("HTTP/1.1 {status}\r\ncontent-type: {media}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
    stream.write_all(head.as_bytes())?;
    stream.write_all(body)
}

#[test]
fn npm_11_is_pinned_and_installs() {
    is_pinned_and_installs(clients::npm11(), &["install", "--no-audit"]);
}

#[test]
fn npm_12_is_pinned_and_installs() {
    is_pinned_and_installs(clients::npm12(), &["install", "--no-audit"]);
}

#[test]
fn pnpm_10_is_pinned_and_installs() {
    is_pinned_and_installs(clients::pnpm10(), &["install"]);
}

#[test]
fn pnpm_12_is_pinned_and_installs() {
    is_pinned_and_installs(clients::pnpm12(), &["install"]);
}

#[test]
fn yarn_1_is_pinned_and_installs() {
    is_pinned_and_installs(clients::yarn1(), &["install"]);
}

#[test]
fn yarn_4_is_pinned_and_installs() {
    is_pinned_and_installs(clients::yarn4(), &["install"]);
}

#[test]
fn bun_is_pinned_and_installs() {
    is_pinned_and_installs(clients::bun(), &["install"]);
}

#[test]
fn deno_is_pinned_and_installs() {
    is_pinned_and_installs(clients::deno(), &["install"]);
}

#[test]
fn scitt_cose_is_pinned_and_is_no_npm_client() {
    let client = clients::scitt_cose().unwrap();
    let scratch = tempfile::tempdir().unwrap();
    let script = "import importlib.metadata, scitt_cose; print(importlib.metadata.version('scitt-cose'))";
    assert_eq!(run(client.command(scratch.path(), scratch.path()).args(["-c", script])).trim(), client.version);
    let registry = Registry { domain: "demo.localhost", url: "http://127.0.0.1:1/npm/" };
    assert!(client.point_at(scratch.path(), &registry).is_err());
}

#[test]
fn a_client_sees_none_of_this_process_environment() {
    let client = clients::scitt_cose().unwrap();
    let scratch = tempfile::tempdir().unwrap();
    let script = "import os; print(sorted(os.environ))";
    let said = run(client.command(scratch.path(), scratch.path()).args(["-c", script]));
    assert!(said.contains("'HOME'") && !said.contains("CARGO"), "{said}");
}

#[test]
fn a_debian_package_that_is_there_is_not_asked_for_again_and_one_that_never_was_is_refused_by_name() {
    debian(&["dpkg", "coreutils"]).unwrap();
    let refusal = format!("{:#}", debian(&["deedbox-no-such-package"]).unwrap_err());
    assert!(refusal.contains("apt-get install -y deedbox-no-such-package"), "{refusal}");
}
