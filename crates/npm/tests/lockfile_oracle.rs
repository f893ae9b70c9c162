//! Lock files as the machine's own npm reads them, beside our reading (spec/projections/npm.md §10): whatever is read here as a
//! domain's release is for npm that name, that version and that digest alone, fetched as a tarball; and whatever npm installs under a
//! domain's name is in our list, read or unread, never another registry's. The files are made by chance from a fixed seed: good ones
//! with some fields changed to what has two readings.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop where it stands, its helpers too"
)]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use deedbox_npm::lockfile::{self, Locked, Source};
use serde_json::Value;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// How many files are read by both.
const FILES: u64 = 4_000;

/// npm's reader: one process that answers lines.
struct Npm {
    process: Child,
    ask: ChildStdin,
    said: BufReader<ChildStdout>,
    _folder: tempfile::TempDir,
}

impl Npm {
    fn start() -> Self {
        let found =
            std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()).map(|dir| dir.join("npm")).find(|npm| npm.is_file());
        let npm = found.expect("npm is not on the PATH: install Node.js 20 or newer with its npm").canonicalize().unwrap();
        let modules: PathBuf =
            npm.ancestors().map(|dir| dir.join("node_modules")).find(|dir| dir.join("@npmcli/arborist").is_dir()).unwrap_or_else(|| {
                let out = Command::new(&npm).args(["root", "-g"]).output().expect("npm runs");
                PathBuf::from(String::from_utf8(out.stdout).unwrap().trim()).join("npm/node_modules")
            });
        assert!(modules.join("@npmcli/arborist").is_dir(), "npm's own packages are not at {}: install npm with Node.js", modules.display());
        let folder = tempfile::tempdir().unwrap();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/lockfile_oracle.cjs");
        let mut process = Command::new("node")
            .arg(script)
            .args([&modules, &folder.path().canonicalize().unwrap()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("node is not on the PATH: install Node.js 20 or newer");
        let ask = process.stdin.take().unwrap();
        let said = BufReader::new(process.stdout.take().unwrap());
        Npm { process, ask, said, _folder: folder }
    }

    fn read(&mut self, text: &str) -> Value {
        writeln!(self.ask, "{}", Value::String(text.to_owned())).unwrap();
        self.ask.flush().unwrap();
        let mut line = String::new();
        self.said.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|e| panic!("npm's reader ended ({e}): {line:?}"))
    }
}

impl Drop for Npm {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Chance from a seed (SplitMix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
    fn one_in(&mut self, n: u64) -> bool {
        self.roll().is_multiple_of(n)
    }
    fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[(self.roll() % from.len() as u64) as usize]
    }
}

fn sri(byte: u8) -> String {
    format!("sha512-{}", BASE64.encode([byte; 64]))
}

fn json(text: &str) -> String {
    Value::String(text.to_owned()).to_string()
}

const SPACES: &[&str] =
    &[" ", "\t", "\n", "\u{b}", "\u{c}", "\u{a0}", "\u{feff}", "\u{2028}", "\u{2029}", "\u{3000}", "\u{200b}", "\u{85}", "  "];

fn integrity(dice: &mut Dice) -> String {
    let (good, other) = (sri(1), sri(2));
    let space = dice.pick(SPACES);
    let sha1 = format!("sha1-{}", BASE64.encode([3; 20]));
    let text = match dice.roll() % 16 {
        0 => format!("{good}{space}{other}"),
        1 => format!("{space}{good}"),
        2 => format!("{good}{space}"),
        3 => format!("{sha1} {good}"),
        4 => format!("{good}?{other}"),
        5 => format!("{good}?opt {other}"),
        6 => good.trim_end_matches('=').to_owned(),
        7 => good.replace("Q==", "R=="),
        8 => good.to_uppercase(),
        9 => sha1,
        10 => return dice.pick(&["null", "0", "1", "true", "[]", "{}", "\"\"", "{\"algorithm\":\"sha1\",\"digest\":\"x\"}"]).to_owned(),
        11 => format!("{good} sha3-512-{}", BASE64.encode([5; 64])),
        12 => format!("{good} sha384-{}", BASE64.encode([5; 48])),
        13 => format!("{sha1}{space}{good}"),
        _ => good,
    };
    json(&text)
}

const NAMES: &[&str] = &[
    "@acme.example/widget",
    "@acme.example/gear",
    "left",
    "alias",
    "@Acme.example/widget",
    "@acme.example/Widget",
    " @acme.example/widget",
    "@acme.example/widget\u{a0}",
    "@acme.example/wid\u{212a}et",
    "@acme.example%2fwidget",
    "",
];
const VERSIONS: &[&str] = &["1.0.0", "1.0.0", "v1.0.0", "=1.0.0", " 1.0.0", "1.0.0+b", "1.0.0-rc.1", "1.0", "01.0.0", "1.0.0 ", ""];
const RESOLVED: &[&str] = &[
    "https://registry.example/npm/@acme.example/widget/-/widget-1.0.0.tgz",
    "https://other.example/npm/@acme.example/widget/-/@acme.example/widget-1.0.0.tgz",
    "http://127.0.0.1:8417/npm/@acme.example%2fwidget/-/widget-1.0.0.tgz",
    "https://github.com/acme/widget",
    "https://www.github.com/acme/widget",
    "https://gitlab.com/acme/widget.tgz",
    "https://bitbucket.org/npm/@acme.example/widget/-/widget-1.0.0.tgz",
    "https://gist.github.com/acme/0123456789abcdef",
    "https://git.sr.ht/~acme/widget",
    "git+https://registry.example/w.git",
    "git+ssh://git@registry.example:acme/w.git",
    "github:acme/widget",
    "acme/widget",
    "file:widget.tgz",
    "file:../widget",
    "../widget",
    "packages/own",
    "widget.tgz",
    "npm:left@1.0.0",
    "HTTPS://registry.example/w.tgz",
    "https:registry.example/w.tgz",
    "https:\\\\registry.example\\w.tgz",
    "http://user@registry.example/w.tgz",
    "https://registry.example/w.tgz#x",
    "",
];
const SPECS: &[&str] = &[
    "^1.0.0",
    "*",
    "",
    "latest",
    "https://evil.example/w.tgz",
    "file:../w",
    "acme/widget",
    "npm:left@1.0.0",
    "npm:@acme.example/widget@^1.0.0",
    "npm:@acme.example/gear",
    "w.tgz",
    "1.0.0 || 2",
    "git+ssh://git@registry.example/w.git",
];
const PATHS: &[&str] = &[
    "node_modules/@acme.example/widget",
    "node_modules/@acme.example/widget",
    "node_modules/@acme.example/gear",
    "node_modules/alias",
    "node_modules/a/node_modules/@acme.example/widget",
    "node_modules/a/node_modules/alias",
    "packages/own/node_modules/@acme.example/widget",
    "node_modules/@acme.example/widget/node_modules/@acme.example/gear",
    "node_modules//@acme.example/widget",
    "./node_modules/@acme.example/widget",
    "node_modules/a/../@acme.example/widget",
    "node_modules/@Acme.example/widget",
    "node_modules/@acme.example/widget/",
    "node_modules/@acme.example%2fwidget",
    "NODE_MODULES/@acme.example/widget",
    "node_modules/@acme.example/wid\u{212a}et",
    "packages/own/@acme.example/widget",
];

/// The members of an entry, as text, good but for what the dice change; a member may be there twice.
fn entry(dice: &mut Dice, path: &str) -> String {
    let folder = path.rsplit_once("node_modules/").map_or("widget", |(_, name)| name);
    let mut members = Vec::new();
    if !folder.starts_with('@') && !path.ends_with("/a") && dice.one_in(2) {
        members.push(format!("\"name\":{}", json("@acme.example/widget")));
    }
    if dice.one_in(9) {
        members.push(format!("\"name\":{}", json(dice.pick(NAMES))));
    }
    let version = if dice.one_in(7) { dice.pick(VERSIONS) } else { "1.0.0" };
    members.push(format!("\"version\":{}", json(version)));
    let resolved = if dice.one_in(5) { dice.pick(RESOLVED) } else { RESOLVED[0] };
    if !dice.one_in(12) {
        members.push(format!("\"resolved\":{}", json(resolved)));
    }
    let digests = if dice.one_in(4) { integrity(dice) } else { json(&sri(1)) };
    if !dice.one_in(12) {
        members.push(format!("\"integrity\":{digests}"));
    }
    for key in ["link", "inBundle", "hasShrinkwrap", "_hasShrinkwrap", "optional"] {
        if dice.one_in(25) {
            members.push(format!("\"{key}\":{}", dice.pick(&["true", "true", "false", "1", "\"\"", "null", "1.5"])));
        }
    }
    if dice.one_in(25) {
        let key = dice.pick(&["bundleDependencies", "bundledDependencies"]);
        members.push(format!(
            "\"{key}\":{}",
            dice.pick(&["true", "[\"@acme.example/gear\",\"@acme.example/widget\",\"alias\"]", "{\"alias\":\"1\"}", "false"])
        ));
    }
    if dice.one_in(8) {
        let key = dice.pick(&["dependencies", "optionalDependencies", "peerDependencies", "devDependencies"]);
        let (name, spec) = (dice.pick(&["@acme.example/widget", "@acme.example/gear", "alias", "@Acme.example/widget"]), dice.pick(SPECS));
        members.push(format!("\"{key}\":{{{}:{}}}", json(name), json(spec)));
    }
    if dice.one_in(30) {
        let key = dice.pick(&["_integrity", "_resolved", "__proto__", "integrity", "version", "name"]);
        let value = match key {
            "__proto__" => format!("{{\"integrity\":{}}}", json(&sri(2))),
            "_resolved" => json(dice.pick(RESOLVED)),
            "version" => json(dice.pick(VERSIONS)),
            "name" => json(dice.pick(NAMES)),
            _ => integrity(dice),
        };
        members.push(format!("\"{key}\":{value}"));
    }
    format!("{{{}}}", members.join(","))
}

fn file(dice: &mut Dice) -> String {
    let mut packages = vec![format!("\"\":{{\"name\":\"app\"{}}}", {
        let spec = if dice.one_in(4) { dice.pick(SPECS) } else { "^1.0.0" };
        let name = dice.pick(&["@acme.example/widget", "alias", "left"]);
        let more = if dice.one_in(8) { ",\"bundleDependencies\":[\"@acme.example/widget\"]" } else { "" };
        let more = if dice.one_in(8) { ",\"workspaces\":[\"packages/*\"]" } else { more };
        format!(",\"dependencies\":{{{}:{}}}{more}", json(name), json(spec))
    })];
    if dice.one_in(2) {
        packages.push(format!("\"node_modules/a\":{}", entry(dice, "node_modules/a")));
    }
    if dice.one_in(3) {
        packages.push("\"packages/own\":{\"name\":\"own\",\"version\":\"1.0.0\"}".to_owned());
    }
    for _ in 0..1 + dice.roll() % 3 {
        let path = if dice.one_in(3) { dice.pick(PATHS) } else { dice.pick(&PATHS[..7]) };
        packages.push(format!("{}:{}", json(path), entry(dice, path)));
    }
    let start = if dice.one_in(20) { "\u{feff}" } else { "" };
    let name = if dice.one_in(40) { "<<<<<<< ======= >>>>>>>" } else { "app" };
    format!("{start}{{\"name\":{},\"lockfileVersion\":3,\"packages\":{{\n{}\n}}}}", json(name), packages.join(",\n"))
}

/// Whether a name is under a scope that looks like a domain's.
fn is_domains(name: &str) -> bool {
    name.trim().strip_prefix('@').and_then(|rest| rest.split(['/', '%']).next()).is_some_and(|scope| scope.contains('.'))
}

/// Why the two readings differ, if they do; how many releases both have.
fn compare(locked: &[Locked], nodes: &[Value]) -> Result<usize, String> {
    let mut releases = 0;
    for locked in locked {
        let Some(release) = locked.release() else { continue };
        let Some(node) = nodes.iter().find(|node| node["path"] == *locked.path) else { return Err(format!("npm has no {}", locked.path)) };
        let same = node["package"] == *locked.name
            && node["version"] == *release.version.as_str()
            && node["algorithm"] == "sha512"
            && node["digests"] == serde_json::json!([BASE64.encode(release.sha512.as_bytes())])
            && node["link"] == false
            && (node["resolved"] == "remote" || (node["resolved"].is_null() && locked.resolved.is_none()))
            && node["fetched"] == true
            && node["asked"] == true;
        if !same {
            return Err(format!("read as {locked:?}\nby npm as {node}"));
        }
        releases += 1;
    }
    for node in nodes {
        let text = |key: &str| node[key].as_str().unwrap_or_default().to_owned();
        let path = text("path");
        if !(is_domains(&text("name")) || is_domains(&text("package"))) || !path.contains("node_modules/") {
            continue;
        }
        match locked.iter().find(|locked| locked.path == path).map(|locked| &locked.source) {
            Some(Source::Release(_) | Source::Unread(_) | Source::Folder(_)) => {}
            other => return Err(format!("npm installs {node}, which is here {other:?}")),
        }
    }
    Ok(releases)
}

#[test]
fn what_is_read_here_as_a_release_is_for_npm_that_release_and_nothing_else() {
    let mut npm = Npm::start();
    let mut dice = Dice(9);
    let (mut releases, mut refused, mut unread) = (0, 0, 0);
    for n in 0..FILES {
        let text = file(&mut dice);
        let said = npm.read(&text);
        let Ok(locked) = lockfile::read(text.as_bytes()) else {
            refused += 1;
            continue;
        };
        unread += locked.iter().filter(|locked| matches!(locked.source, Source::Unread(_))).count();
        // What npm itself refuses, it does not install.
        let Some(nodes) = said["nodes"].as_array() else { continue };
        match compare(&locked, nodes) {
            Ok(count) => releases += count,
            Err(why) => panic!("file {n}\n{text}\n{why}"),
        }
    }
    assert!(
        releases > 500 && refused > 500 && unread > 500,
        "the files show nothing: {releases} releases, {refused} refused, {unread} unread"
    );
}
