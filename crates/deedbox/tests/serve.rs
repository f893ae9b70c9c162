//! `deedbox serve` as an operator meets it: what a start says, what it refuses and what to do about it, its two logs (docs/guides/operate.md).
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test is a sentence, and its helpers may stop where they stand"
)]

mod common;

use common::{Place, Running};
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Stdio;

/// The word after this one of the lines.
fn after<'a>(lines: &'a [String], word: &str) -> &'a str {
    let line = lines.iter().find_map(|line| line.trim().strip_prefix(word));
    line.unwrap_or_else(|| panic!("no {word:?} in {lines:#?}")).trim()
}

/// Sends bytes and reads all that comes.
fn raw(url: &str, bytes: &str) -> String {
    let mut stream = TcpStream::connect(url.strip_prefix("http://").unwrap()).unwrap();
    stream.write_all(bytes.as_bytes()).unwrap();
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    answer
}

#[test]
fn a_first_start_says_in_one_screen_what_the_registry_is_for_ever_and_the_next_says_less() {
    let place = Place::new();
    let first = Running::start(&place, &["--allow-local-claims"]);
    assert!(first.said.len() <= 24 && first.said.iter().all(|line| !line.contains('\u{1b}')), "{:#?}", first.said);
    let origin = first.said[0].split(' ').next().unwrap().to_owned();
    assert!(origin.starts_with("localhost/") && origin.ends_with("/log"), "{origin}");
    assert!(after(&first.said, "name").contains(&format!("it is called {origin} for ever")));
    let operator = after(&first.said, "operator");
    assert!(Path::new(operator).is_absolute() && Path::new(operator).is_file(), "{operator}");
    assert!(after(&first.said, "log key").starts_with(&format!("{origin}+")));
    assert!(after(&first.said, "listening").starts_with(&first.url));
    assert!(first.said[0].ends_with(first.data.to_str().unwrap()));
    // What it says about publishing is what one does.
    let steps = after(&first.said, "publish").to_owned();
    let mut with = Vec::new();
    for step in steps.split("; ") {
        let words: Vec<&str> = step.split(' ').collect();
        match words[..] {
            ["export", setting] => with.push(setting.split_once('=').unwrap()),
            ["deedbox", "publish"] => {
                let package = place.package("greet", "1.0.0", "");
                std::fs::write(package.join("package.json"), r#"{"name":"@team.localhost/greet","version":"1.0.0"}"#).unwrap();
                let done = place.deedbox().envs(with.clone()).current_dir(package).arg("publish").output().unwrap();
                assert!(done.status.success(), "{done:?}");
            }
            ["deedbox", ..] => assert!(place.deedbox().envs(with.clone()).args(&words[1..]).output().unwrap().status.success(), "{step}"),
            _ => panic!("{step}"),
        }
    }
    drop(first);
    let second = Running::start(&place, &[]);
    assert!(second.said[0].starts_with(&format!("{origin} with 3 entries")), "{:#?}", second.said);
    assert!(!second.said.iter().any(|line| line.contains("for ever")));
    assert!(after(&second.said, "publish").contains("--operator-key"));
}

#[test]
fn a_start_that_cannot_be_says_what_to_do_and_the_advice_is_good() {
    let place = Place::new();
    let registry = Running::start(&place, &[]);
    let data = registry.data.to_str().unwrap().to_owned();
    let serve = |args: &[&str]| place.run(&[&["serve", "--listen", "127.0.0.1:0"], args].concat());
    serve(&["--data", &data]).ends(1, "in use by another process: stop it first");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = taken.local_addr().unwrap().to_string();
    place.run(&["serve", "--listen", &at, "--data", &data]).ends(1, "choose another address with --listen");
    place.run(&["serve", "--listen", "192.0.2.1:0", "--data", &data]).ends(1, "this machine has no address 192.0.2.1");
    drop(registry);
    let asked =
        serve(&["--data", &data, "--origin", "registry.example/log"]).ends(1, "for ever, not registry.example/log: leave --origin out");
    let name = asked.err.split(" is named ").nth(1).unwrap().split(' ').next().unwrap().to_owned();
    // With the name that it has it starts.
    drop(Running::start(&place, &["--origin", &name]));
    place.write("mine/notes.txt", "x");
    serve(&["--data", place.path("mine").to_str().unwrap()]).ends(1, "\"notes.txt\" in it. Give --data a directory that is empty");
    assert_eq!(std::fs::read_dir(place.path("mine")).unwrap().count(), 1);
    serve(&["--data", place.path("mine/notes.txt").to_str().unwrap()]).ends(1, "it is a file; name a directory with --data");
    serve(&["--data", &data, "--public-url", "registry.example"]).ends(2, "give one like https://registry.example");
    serve(&["--data", &data, "--access-log", place.path("none/access").to_str().unwrap()]).ends(1, "the access log");
}

#[test]
fn each_request_has_one_line_in_the_access_log_whatever_a_stranger_wrote() {
    let place = Place::new();
    let log = place.path("access.log");
    let registry = Running::start(&place, &["--access-log", log.to_str().unwrap()]);
    let ask = |line: &str| raw(&registry.url, &format!("{line} HTTP/1.1\r\nhost: x\r\nauthorization: secret\r\nconnection: close\r\n\r\n"));
    let checkpoint = ask("GET /log/checkpoint");
    let size = checkpoint.split("\r\n\r\n").nth(1).unwrap().len();
    ask("GET /health?token=secret");
    ask("HEAD /log/checkpoint");
    ask("GET /npm/\"%0a\\\u{202e}");
    ask("BREW /pot");
    let lines = || -> Vec<String> { std::fs::read_to_string(&log).unwrap_or_default().lines().map(str::to_owned).collect() };
    let began = std::time::Instant::now();
    while lines().len() < 5 && began.elapsed().as_secs() < 20 {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let lines = lines();
    assert_eq!(lines.len(), 5, "{lines:#?}");
    for (line, [method, path, status]) in lines.iter().zip([
        ["GET", "/log/checkpoint", "200"],
        ["GET", "/health", "200"],
        ["HEAD", "/log/checkpoint", "200"],
        ["GET", "/npm/\\x22%0a\\x5c\\xe2\\x80\\xae", ""],
        ["BREW", "/pot", "404"],
    ]) {
        assert!(line.is_ascii() && !line.contains("secret"), "{line}");
        let words: Vec<&str> = line.split(' ').collect();
        let [time, client, found_method, found_path, found_status, bytes, ms] = words[..] else { panic!("{line}") };
        assert!(time.len() == 24 && time.ends_with('Z') && ms.parse::<u64>().is_ok() && bytes.parse::<u64>().is_ok(), "{line}");
        assert_eq!((client, found_method, found_path), ("127.0.0.1", method, path));
        assert!(status.is_empty() || status == found_status, "{line}");
    }
    assert!(lines[0].contains(&format!(" 200 {size} ")), "{} and {size} bytes", lines[0]);
    assert!(lines[2].contains(" 200 0 "), "a HEAD has no body: {}", lines[2]);
}

#[test]
fn logs_have_no_escapes_where_nobody_watches() {
    let place = Place::new();
    for colour in [None, Some("1")] {
        let mut command = place.deedbox();
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(place.path("registry"))
            .env("RUST_LOG", "debug")
            .env_remove("NO_COLOR");
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        if let Some(no) = colour {
            command.env("NO_COLOR", no);
        }
        let mut child = command.spawn().unwrap();
        let mut said = std::io::BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        while !line.contains("listening") {
            line.clear();
            assert!(std::io::BufRead::read_line(&mut said, &mut line).unwrap() > 0, "it ended before it listened");
        }
        raw(line.split_whitespace().nth(1).unwrap(), "GET /nothing HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        child.kill().unwrap();
        let log = String::from_utf8(child.wait_with_output().unwrap().stderr).unwrap();
        assert!(log.contains("answered") && !log.contains('\u{1b}'), "{log:?}");
    }
}
