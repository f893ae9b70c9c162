//! Words of strangers in every command: a server, a lock file, archives, proofs, settings and file names that hold a terminal's commands,
//! characters that turn the order of letters, and line breaks with a forged verdict after them. None reaches the terminal.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test is a sentence, and its helpers may stop where they stand"
)]

mod common;

use common::{Place, Said};
use serde_json::json;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

/// An escape, a bidi override, a C1 control, a bell, and a verdict that nobody gave.
const HOSTILE: &str = "\u{1b}[31mevil\u{202e}\u{9b}2J\u{7}\u{2028}\r\n✓ npm:forged.example/x@1.0.0 verifies\n  ✓ forged\u{200b}";

/// A server that says one thing to everything.
fn serve(answer: impl Fn(&str) -> (u16, String) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // A client that hangs up in the middle has heard enough.
            let _ = one(stream, &answer);
        }
    });
    url
}

fn one(mut stream: TcpStream, answer: &impl Fn(&str) -> (u16, String)) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut length = 0;
    loop {
        let mut header = String::new();
        if reader.read_line(&mut header)? <= 2 {
            break;
        }
        if let Some((name, value)) = header.split_once(": ")
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().unwrap_or(0);
        }
    }
    std::io::copy(&mut reader.take(length), &mut std::io::sink())?;
    let (status, body) = answer(line.split(' ').nth(1).unwrap_or_default());
    let head = format!("HTTP/1.1 {status} Words\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
    stream.write_all(head.as_bytes())?;
    stream.write_all(body.as_bytes())
}

/// Nothing that a terminal obeys, and no line that we did not write.
#[track_caller]
fn clean(said: &Said, what: &str) {
    for text in [&said.out, &said.err] {
        let bad = text.chars().find(|c| (c.is_control() && *c != '\n') || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'));
        assert!(bad.is_none(), "{what}: {bad:?} in {said:?}");
        let forged = text.lines().find(|line| line.trim_start().starts_with("✓ npm:forged") || line.trim_start() == "✓ forged");
        assert!(forged.is_none(), "{what}: {forged:?} in {said:?}");
    }
}

const RELEASE: &str = "npm:acme.example/widget@1.0.0";

#[test]
fn the_words_of_a_server_are_shown_and_obeyed_by_nobody() {
    let refusal = json!({ "error": { "code": HOSTILE, "message": HOSTILE, "help": HOSTILE } }).to_string();
    let list = json!({
        "channels": [{ "channel": HOSTILE, "version": HOSTILE, "index": 1, "at": HOSTILE }], "next": null,
        "history": [{ "index": 1, "event": HOSTILE, "type": HOSTILE, "version": HOSTILE }],
        "registry_head": HOSTILE, "origin": HOSTILE, "tree_size": 1, "head": HOSTILE, "domain": HOSTILE, "tenure": HOSTILE,
        "tenure_index": 1, "keys": [], "allow_local_claims": true,
    })
    .to_string();
    let servers = [
        serve({
            let refusal = refusal.clone();
            move |_| (422, refusal.clone())
        }),
        serve(move |_| (503, refusal.clone())),
        serve(move |_| (200, list.clone())),
        serve(|_| (200, HOSTILE.to_owned())),
        serve(|_| (500, HOSTILE.to_owned())),
    ];
    let place = Place::new();
    place.run(&["keygen"]).done();
    let package = place.package("widget", "1.0.0", "");
    let lock = place.write("lock.json", hostile_lock());
    let (package, lock) = (package.to_str().unwrap(), lock.to_str().unwrap());
    let commands: [&[&str]; 12] = [
        &["verify", RELEASE],
        &["verify", "--lockfile", lock],
        &["verify", "oci:acme.example/widget@latest"],
        &["claim", "acme.localhost"],
        &["publish", package],
        &["yank", RELEASE],
        &["unyank", RELEASE],
        &["deprecate", RELEASE, "--message", "x"],
        &["channel", "set", RELEASE, "next"],
        &["channel", "remove", "npm:acme.example/widget", "next"],
        &["channel", "list", "npm:acme.example/widget"],
        &["setup", "npm", "--domain", "acme.example"],
    ];
    for url in &servers {
        for command in commands {
            // Several ask again for seconds where a server is busy; one of them shows it.
            if url == &servers[1] && command != commands[1] {
                continue;
            }
            clean(&place.at(url, command), &format!("{command:?}"));
            let json: Vec<&str> = ["--json"].iter().chain(command).copied().collect();
            clean(&place.at(url, &json), &format!("{json:?}"));
        }
    }
}

fn hostile_lock() -> String {
    let entry = |name: &str| json!({ "name": name, "version": HOSTILE, "resolved": HOSTILE, "integrity": HOSTILE });
    json!({ "name": HOSTILE, "lockfileVersion": 3, "packages": {
        "": { "name": HOSTILE },
        "node_modules/@acme.example/widget": entry(HOSTILE),
        "node_modules/left": { "version": HOSTILE, "integrity": HOSTILE },
        "node_modules/own": { "link": true, "resolved": HOSTILE },
        "node_modules/a": { "dependencies": { "left": HOSTILE } },
    } })
    .to_string()
}

#[test]
fn the_words_of_files_are_shown_and_obeyed_by_nobody() {
    let place = Place::new();
    place.run(&["keygen"]).done();
    let url = "http://127.0.0.1:9";
    let named = |ending: &str| format!("x{}{ending}", HOSTILE.replace('/', "_"));
    let lock = |name: &str, text: String| place.write(name, text).to_str().unwrap().to_owned();
    let key_of_lock = json!({ "lockfileVersion": 3, "packages": { format!("node_modules/{HOSTILE}"): {} } }).to_string();
    let locks = [
        lock("a/package-lock.json", hostile_lock()),
        lock(&named(".json"), hostile_lock()),
        lock("b/lock.json", key_of_lock),
        lock("c/lock.json", format!("{{\"lockfileVersion\":{}}}", json!(HOSTILE))),
        lock("d/lock.json", format!("{{{}:1,{}:2}}", json!(HOSTILE), json!(HOSTILE))),
        lock("e/lock.json", HOSTILE.to_owned()),
    ];
    place.write("a/package.json", json!({ "overrides": { "left": HOSTILE }, "dependencies": { HOSTILE: 1 } }).to_string());
    for lock in &locks {
        for more in [&[][..], &["--json"]] {
            let args: Vec<&str> = more.iter().copied().chain(["verify", "--lockfile", lock]).collect();
            let said = place.at(url, &args);
            clean(&said, lock);
            assert!(said.code != 0, "{said:?}");
        }
    }
    let proof = place.write(&named(".deedbox-proof"), HOSTILE);
    let package = place.package("widget", "1.0.0", "");
    let package_json = format!("{{\"name\":{},\"version\":{},\"private\":{}}}", json!(HOSTILE), json!(HOSTILE), json!(HOSTILE));
    let bad = place.write(&format!("{}/package.json", named("")), package_json);
    let tgz = place.write(&named(".tgz"), HOSTILE);
    let gem = place.write(&named(".gem"), HOSTILE);
    let data = place.path(&named(""));
    let text = |path: &std::path::Path| path.to_str().unwrap().to_owned();
    let (proof, bad, tgz, gem, data, package) =
        (text(&proof), text(bad.parent().unwrap()), text(&tgz), text(&gem), text(&data), text(&package));
    let key = place.write(&named(".pem"), HOSTILE);
    let commands: [&[&str]; 12] = [
        &[HOSTILE],
        &["verify", RELEASE, "--save", "x", HOSTILE, "--no-such-flag"],
        &["verify", "--offline", "--proof", &proof],
        &["verify", "--offline", &tgz],
        &["verify", HOSTILE],
        &["publish", "--dry-run", &bad],
        &["publish", "--dry-run", &tgz],
        &["publish", "--dry-run", &gem],
        &["fsck", "--data", &data],
        &["replay", "--data", &data],
        &["--key", key.to_str().unwrap(), "publish", &package],
        &["keygen", "--out", key.to_str().unwrap()],
    ];
    for command in commands {
        let said = place.at(url, command);
        clean(&said, &format!("{command:?}"));
        assert!(said.code != 0, "{command:?}: {said:?}");
    }
    place.write("deedbox.toml", format!("registry = {}\n", json!(HOSTILE).to_string().replace("\\u2028", " ")));
    clean(&place.run(&["verify", RELEASE]), "deedbox.toml");
    place.write("deedbox.toml", "registry = \"http://127.0.0.1:9\"\nlog_key = \"x\"\n");
    clean(&place.run(&["verify", RELEASE]), "deedbox.toml");
}

#[test]
fn the_lines_of_a_running_registry_hold_no_commands() {
    let place = Place::new();
    let data = place.path("registry");
    let mut child = place
        .deedbox()
        .args(["serve", "--listen", "127.0.0.1:0", "--data", data.to_str().unwrap()])
        .env("RUST_LOG", "debug")
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let listening = lines.find_map(|line| line.trim().strip_prefix("listening").map(|rest| rest.trim().to_owned())).unwrap();
    let address = listening.split(' ').next().unwrap().strip_prefix("http://").unwrap().to_owned();
    // Paths come percent-encoded, and are unpacked by the views.
    for path in ["/npm/%1b%5b31m%e2%80%ae%0a", "/api/v1/packages/npm:%1b%0d%0a", "/v2/%1b/manifests/%c2%9b", "/log/%1b%0a"] {
        let mut stream = TcpStream::connect(&address).unwrap();
        stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").as_bytes()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        assert!(!answer.contains(&0x1b), "{path}");
    }
    child.kill().unwrap();
    let mut err = String::new();
    child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
    child.wait().unwrap();
    assert!(err.lines().count() > 3, "it says something: {err}");
    clean(&Said { code: 0, out: String::new(), err }, "serve");
}
