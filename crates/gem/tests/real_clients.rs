//! The machine's own gem and Bundler, unmodified, against these answers: what they install, choose and refuse
//! (spec/projections/gem.md §6, §7). The listener here is as small as can be; the server has its own tests, and
//! `tests/tests/gem_clients.rs` has all of it together.

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
use deedbox_view::{Body, Method, Request, Site};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

/// What is served now; a test changes it between two commands.
#[derive(Default)]
struct World {
    log: Log,
    rows: Store,
    objects: BTreeMap<Sha256Digest, Vec<u8>>,
    /// Status and path of each answer.
    seen: Vec<String>,
}

impl World {
    fn publish(&mut self, sources: &[Source]) {
        for source in sources {
            let gem = source.gem();
            self.objects.insert(Sha256Digest::of(&gem), gem);
        }
        publish(&mut self.log, sources);
        self.rows = self.log.rows();
    }

    fn yank(&mut self, name: &str, version: &str) {
        self.log.yank(&format!("gem:acme.example/{name}"), version, ReasonCode::Broken);
        self.rows = self.log.rows();
    }
}

struct Bench {
    world: Arc<Mutex<World>>,
    url: String,
    folder: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let world = Arc::new(Mutex::new(World::default()));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base_url = format!("http://{}", listener.local_addr().unwrap());
        let site = Site { base_url: base_url.clone(), log_key: String::new(), signers: BTreeMap::new() };
        let shared = Arc::clone(&world);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // Bundler keeps several open. One that hangs up in the middle is the client's affair.
                let (shared, site) = (Arc::clone(&shared), site.clone());
                std::thread::spawn(move || answer(stream, &shared, &site));
            }
        });
        Bench { world, url: format!("{base_url}/gem/acme.example"), folder: tempfile::tempdir().unwrap() }
    }

    fn publish(&self, sources: &[Source]) {
        self.world.lock().unwrap().publish(sources);
    }

    fn seen(&self) -> Vec<String> {
        std::mem::take(&mut self.world.lock().unwrap().seen)
    }

    /// A program with none of the machine's own settings; whether it succeeded, and all that it printed.
    fn run_in(&self, folder: &Path, program: &str, args: &[&str]) -> (bool, String) {
        let home = self.folder.path().join("home");
        std::fs::create_dir_all(&home).unwrap();
        let mut command = Command::new(program);
        command.args(args).current_dir(folder).env_clear().env("PATH", std::env::var_os("PATH").unwrap()).env("HOME", &home);
        command.env("GEM_HOME", home.join("gems")).env("GEM_SPEC_CACHE", home.join("specs")).env("BUNDLE_USER_HOME", home.join("bundle"));
        command.env("LANG", "C.UTF-8").env("BUNDLE_SILENCE_ROOT_WARNING", "1");
        let out = command.output().unwrap_or_else(|e| panic!("{program} is not on this machine: apt-get install ruby bundler ({e})"));
        (out.status.success(), String::from_utf8_lossy(&[out.stdout, out.stderr].concat()).into_owned())
    }

    fn gem(&self, args: &[&str]) -> (bool, String) {
        let source = format!("{}/", self.url);
        let all = [args, &["--clear-sources", "--source", &source]].concat();
        self.run_in(self.folder.path(), "gem", &all)
    }

    fn done(&self, folder: &Path, program: &str, args: &[&str]) -> String {
        let (ok, said) = self.run_in(folder, program, args);
        assert!(ok, "{program} {args:?}: {said}");
        said
    }

    fn project(&self, name: &str, gems: &str) -> std::path::PathBuf {
        let folder = self.folder.path().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("Gemfile"), format!("source \"{}\" do\n{gems}end\n", self.url)).unwrap();
        self.done(&folder, "bundle", &["config", "set", "--local", "path", "vendor"]);
        folder
    }
}

fn answer(mut stream: TcpStream, world: &Mutex<World>, site: &Site) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let mut words = line.split_ascii_whitespace().map(str::to_owned);
        let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let (mut length, mut range, mut tag) = (0, None, String::new());
        loop {
            let mut header = String::new();
            if reader.read_line(&mut header)? <= 2 {
                break;
            }
            let (name, value) = header.trim_end().split_once(": ").unwrap_or_default();
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.parse().unwrap_or(0),
                "range" => range = value.strip_prefix("bytes=").and_then(|r| r.strip_suffix('-')).and_then(|r| r.parse::<usize>().ok()),
                "if-none-match" => tag = value.trim_matches('"').to_owned(),
                _ => {}
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let path = target.split('?').next().unwrap_or_default();
        let mut world = world.lock().unwrap();
        let asked = match method.as_str() {
            "GET" | "HEAD" => Method::Get,
            _ => Method::Write,
        };
        let request = Request { method: asked, ..Request::get("/gem/", path.strip_prefix("/gem/").unwrap_or("?")) };
        let response = world.rows.answer_at(site, &request, 5_000);
        let mut bytes = match response.body {
            Body::Empty => Vec::new(),
            Body::Bytes(bytes) => bytes,
            Body::Object(object) => world.objects[&object.sha256].clone(),
        };
        let mut status = response.status;
        let mut headers: String = response.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        if let Some(own) = response.tag {
            headers += &format!("etag: \"{own}\"\r\n");
            match range {
                _ if own == tag => (status, bytes) = (304, Vec::new()),
                Some(from) if from < bytes.len() => {
                    headers += &format!("content-range: bytes {from}-{}/{}\r\n", bytes.len() - 1, bytes.len());
                    (status, bytes) = (206, bytes.split_off(from));
                }
                _ => {}
            }
        }
        world.seen.push(format!("{method} {status} {path}"));
        drop(world);
        let head = format!(
            "HTTP/1.1 {status} Status\r\ncontent-type: {}\r\n{headers}content-length: {}\r\n\r\n",
            response.media_type,
            bytes.len()
        );
        stream.write_all(head.as_bytes())?;
        if method != "HEAD" {
            stream.write_all(&bytes)?;
        }
    }
}

fn says(name: &str, version: &str) -> Source {
    let library = format!("{} = '{name} {version}'\n", name.to_uppercase());
    let file: &'static str = Box::leak(format!("lib/{name}.rb").into_boxed_str());
    let mut source = Source::new(name, version);
    source.files = vec![(file, library.into_bytes())];
    source
}

#[test]
fn gem_installs_lists_and_fetches() {
    let bench = Bench::new();
    bench.publish(&[says("left", "1.0.0")]);
    bench.publish(&[says("left", "2.0.0")]);
    bench.publish(&[says("left", "2.1.0.rc1")]);
    bench.publish(&[says("right", "1.0.0").needs("left", &[("~>", "1.0")], "runtime")]);
    let (ok, said) = bench.gem(&["install", "right", "--no-document"]);
    assert!(ok, "{said}\n{:?}", bench.seen());
    let here = bench.folder.path();
    assert_eq!(bench.done(here, "ruby", &["-e", "require 'left'; require 'right'; puts LEFT, RIGHT"]), "left 1.0.0\nright 1.0.0\n");
    let seen = bench.seen();
    assert!(seen.iter().any(|line| line.ends_with("/info/right")), "{seen:?}");
    assert!(!seen.iter().any(|line| line.ends_with("specs.4.8.gz")), "it took the whole index: {seen:?}");

    let (ok, said) = bench.gem(&["list", "--remote", "--all"]);
    assert!(ok && said.contains("left (2.0.0, 1.0.0)") && said.contains("right (1.0.0)"), "{said}");
    let (ok, said) = bench.gem(&["list", "--remote", "--prerelease", "left"]);
    assert!(ok && said.contains("2.1.0.rc1"), "{said}");
    let (ok, said) = bench.gem(&["specification", "right", "--remote"]);
    assert!(ok && said.contains("name: right") && said.contains("A w\u{ef}dget"), "{said}");
    let (ok, said) = bench.gem(&["fetch", "left", "--version", "1.0.0"]);
    assert!(ok && here.join("left-1.0.0.gem").is_file(), "{said}");
    let (ok, said) = bench.gem(&["install", "nothing"]);
    assert!(!ok && said.contains("nothing"), "{said}");

    bench.world.lock().unwrap().yank("left", "2.0.0");
    let (ok, said) = bench.gem(&["install", "left", "--version", "2.0.0"]);
    assert!(!ok, "it installed a yanked version: {said}");
}

#[test]
fn bundler_locks_goes_on_from_its_last_byte_and_takes_the_platforms_own_gem() {
    let bench = Bench::new();
    let platform: &'static str = Box::leak(bench.done(Path::new("/"), "ruby", &["-e", "print Gem::Platform.local"]).into_boxed_str());
    bench.publish(&[says("inner", "1.0.0"), says("inner", "1.0.0").on(platform), says("inner", "1.0.0").on("java")]);
    bench.publish(&[says("outer", "1.0.0").needs("inner", &[(">=", "1")], "runtime")]);
    let project = bench.project("app", "  gem \"outer\"\n");
    bench.done(&project, "bundle", &["install"]);
    let locked = || std::fs::read_to_string(project.join("Gemfile.lock")).unwrap();
    assert!(
        locked().contains("outer (1.0.0)\n      inner (>= 1)") && locked().contains(&format!("inner (1.0.0-{platform})")),
        "{}",
        locked()
    );
    bench.seen();

    bench.publish(&[says("outer", "1.1.0").needs("inner", &[(">=", "1")], "runtime")]);
    bench.done(&project, "bundle", &["update", "outer"]);
    assert!(locked().contains("outer (1.1.0)"), "{}", locked());
    let seen = bench.seen();
    for line in ["GET 206 /gem/acme.example/versions", "GET 206 /gem/acme.example/info/outer"] {
        assert!(seen.iter().any(|seen| seen == line), "{line}: {seen:?}");
    }

    bench.world.lock().unwrap().yank("outer", "1.1.0");
    bench.done(&project, "bundle", &["update", "outer"]);
    assert!(locked().contains("outer (1.0.0)"), "{}", locked());
    let seen = bench.seen();
    assert!(seen.iter().any(|seen| seen == "GET 206 /gem/acme.example/versions"), "a yank is a line more: {seen:?}");
    assert!(seen.iter().any(|seen| seen == "GET 200 /gem/acme.example/info/outer"), "the index of the gem is another one: {seen:?}");
}

#[test]
fn bundler_compares_a_gem_with_the_sum_in_the_index() {
    let bench = Bench::new();
    bench.publish(&[says("changed", "1.0.0")]);
    let other = Source { files: vec![("lib/changed.rb", b"CHANGED = 'other'\n".to_vec())], ..says("changed", "1.0.0") }.gem();
    bench.world.lock().unwrap().objects.values_mut().for_each(|gem| *gem = other.clone());
    let project = bench.project("app", "  gem \"changed\"\n");
    let (ok, said) = bench.run_in(&project, "bundle", &["install"]);
    assert!(!ok && said.to_lowercase().contains("checksum"), "{said}");

    // What the guide says of gem: a sound gem under the name is taken.
    let (ok, said) = bench.gem(&["install", "changed", "--no-document"]);
    assert!(ok, "{said}");
    assert_eq!(bench.done(bench.folder.path(), "ruby", &["-e", "require 'changed'; puts CHANGED"]), "other\n");
}

#[test]
fn gem_push_and_gem_yank_are_told_what_to_run() {
    let bench = Bench::new();
    let here = bench.folder.path();
    std::fs::write(here.join("left-1.0.0.gem"), says("left", "1.0.0").gem()).unwrap();
    for args in [&["push", "left-1.0.0.gem", "--host"][..], &["yank", "left", "--version", "1.0.0", "--host"]] {
        let args = [args, &[&bench.url]].concat();
        let mut command = Command::new("gem");
        command.args(&args).current_dir(here).env_clear().env("PATH", std::env::var_os("PATH").unwrap()).env("HOME", here);
        command.env("GEM_HOST_API_KEY", "any").env("LANG", "C.UTF-8");
        let out = command.stdin(std::process::Stdio::null()).output().expect("gem is not on this machine: apt-get install ruby");
        let said = String::from_utf8_lossy(&[out.stdout, out.stderr].concat()).into_owned();
        // gem yank ends with 0 whatever it is told; it prints what it was told.
        assert!(said.contains("Nothing was changed. Run: deedbox "), "{args:?}: {said}");
        assert_eq!(out.status.success(), args.first() == Some(&"yank"), "{args:?}: {said}");
    }
}
