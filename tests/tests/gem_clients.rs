//! RubyGems and Bundler as Debian has them, unmodified, against a real registry: each command of docs/guides/gem.md, and what
//! happens to versions that are yanked and bytes that are changed.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop where it stands, and so may what it is made of"
)]

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Mutex, PoisonError},
};

use anyhow::{Context as _, ensure};
use deedbox_testkit::archives::noise;
use deedbox_tests::{
    debian::debian,
    registry::{DOMAIN, Running, Said},
};
use md5::{Digest as _, Md5};

const GUIDE: &str = include_str!("../../docs/guides/gem.md");

/// The registry of this test process, with Ruby on the machine.
fn registry() -> &'static Running {
    static SHARED: Mutex<Option<&'static Running>> = Mutex::new(None);
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(running) = *shared {
        return running;
    }
    debian(&["ruby", "bundler"]).unwrap();
    let running: &'static Running = Box::leak(Box::new(Running::start().unwrap()));
    *shared = Some(running);
    running
}

/// A folder of its own, with a home for gem and Bundler.
struct Bench {
    registry: &'static Running,
    scratch: tempfile::TempDir,
}

/// A gem to be built.
struct Source<'a> {
    name: &'a str,
    version: &'a str,
    /// More lines of the gemspec.
    more: String,
    /// What the library says.
    says: String,
    /// Further files.
    files: Vec<(&'static str, Vec<u8>)>,
}

impl<'a> Source<'a> {
    fn new(name: &'a str, version: &'a str) -> Self {
        let id = format!("  s.metadata[\"deedbox_id\"] = \"gem:{DOMAIN}/{name}\"\n");
        Source { name, version, more: id, says: format!("{name} {version}"), files: Vec::new() }
    }

    fn needs(mut self, name: &str, wants: &str) -> Self {
        self.more += &format!("  s.add_dependency \"{name}\", \"{wants}\"\n");
        self
    }

    /// Writes a checkout.
    fn write(&self, root: &Path) -> PathBuf {
        let folder = root.join(format!("{}-{}", self.name, self.version));
        fs::create_dir_all(folder.join("lib")).unwrap();
        let constant = self.name.to_uppercase().replace('-', "_");
        fs::write(folder.join(format!("lib/{}.rb", self.name)), format!("{constant} = {:?}\n", self.says)).unwrap();
        for (path, bytes) in &self.files {
            fs::write(folder.join(path), bytes).unwrap();
        }
        let gemspec = format!(
            "Gem::Specification.new do |s|\n  s.name = \"{}\"\n  s.version = \"{}\"\n  s.summary = \"{} for tests\"\n  s.authors = [\"Ann\"]\n  s.license = \"MIT\"\n  s.homepage = \"https://acme.example\"\n  s.files = Dir[\"lib/*\"]\n{}end\n",
            self.name, self.version, self.name, self.more
        );
        fs::write(folder.join(format!("{}.gemspec", self.name)), gemspec).unwrap();
        folder
    }
}

impl Bench {
    fn new() -> Self {
        let registry = registry();
        let scratch = tempfile::tempdir().unwrap();
        fs::create_dir_all(scratch.path().join("home")).unwrap();
        Bench { registry, scratch }
    }

    fn url(&self) -> String {
        format!("{}/gem/{DOMAIN}", self.registry.url)
    }

    /// A program with nobody's settings but this folder's.
    fn command(&self, program: &str, folder: &Path) -> Command {
        let home = self.scratch.path().join("home");
        let mut command = Command::new(program);
        command.current_dir(folder).stdin(Stdio::null()).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", &home).env("LANG", "C.UTF-8");
        command.env("GEM_HOME", home.join("gems")).env("GEM_SPEC_CACHE", home.join("specs")).env("BUNDLE_USER_HOME", home.join("bundle"));
        command.env("BUNDLE_SILENCE_ROOT_WARNING", "1").env("NO_COLOR", "1");
        command
    }

    fn run(&self, folder: &Path, line: &str) -> Said {
        let mut words = line.split_whitespace();
        Said::of(self.command(words.next().unwrap(), folder).args(words)).unwrap()
    }

    fn here(&self, line: &str) -> Said {
        self.run(self.scratch.path(), line)
    }

    fn gem(&self, name: &str, more: &str) -> Said {
        self.here(&format!("gem install {name} --no-document --clear-sources --source {}/ {more}", self.url()))
    }

    /// What the constant of an installed gem says.
    fn says(&self, name: &str) -> String {
        let script = format!("require '{name}'; puts {}", name.to_uppercase().replace('-', "_"));
        let said = Said::of(self.command("ruby", self.scratch.path()).args(["-e", &script])).unwrap();
        said.done().unwrap().out.trim().to_owned()
    }

    fn publish(&self, source: &Source<'_>) {
        let folder = source.write(&self.scratch.path().join("sources"));
        self.registry.deedbox([Path::new("publish"), &folder]).unwrap().done().unwrap();
    }

    /// A project with these lines in the block of the domain.
    fn project(&self, name: &str, gems: &str) -> PathBuf {
        let folder = self.scratch.path().join(name);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("Gemfile"), format!("source \"{}\" do\n{gems}end\n", self.url())).unwrap();
        self.run(&folder, "bundle config set --local path vendor").done().unwrap();
        folder
    }

    fn locked(&self, folder: &Path) -> String {
        fs::read_to_string(folder.join("Gemfile.lock")).unwrap()
    }
}

#[test]
fn gem_installs_a_gem_and_what_it_needs() {
    let bench = Bench::new();
    bench.publish(&Source::new("left", "1.0.0"));
    bench.publish(&Source::new("left", "2.0.0"));
    bench.publish(&Source::new("left", "2.1.0.rc1"));
    bench.publish(&Source { says: "right with left".into(), ..Source::new("right", "1.0.0").needs("left", "~> 1.0") });
    bench.gem("right", "").done().unwrap();
    assert_eq!(bench.says("left"), "left 1.0.0");
    assert_eq!(bench.says("right"), "right with left");
    bench.gem("left", "").done().unwrap();
    assert_eq!(bench.says("left"), "left 2.0.0");
    bench.gem("left", "--pre").done().unwrap();
    assert_eq!(bench.says("left"), "left 2.1.0.rc1");
    let said = bench.gem("nothing", "");
    assert!(!said.ok && said.all().contains("nothing"), "{}", said.all());
    let list = bench.here(&format!("gem list --remote --all --clear-sources --source {}/", bench.url())).done().unwrap().out;
    assert!(list.contains("left (2.0.0, 1.0.0)"), "{list}");
    let spec = bench.here(&format!("gem specification right --remote --clear-sources --source {}/", bench.url())).done().unwrap().out;
    assert!(spec.contains("right for tests"), "{spec}");
}

#[test]
fn bundler_locks_installs_and_goes_on_from_what_it_has() {
    let bench = Bench::new();
    bench.publish(&Source::new("inner", "1.0.0"));
    bench.publish(&Source::new("outer", "1.0.0").needs("inner", ">= 1"));
    let project = bench.project("locked", "  gem \"outer\"\n");
    bench.run(&project, "bundle lock").done().unwrap();
    let locked = bench.locked(&project);
    assert!(locked.contains("    outer (1.0.0)\n      inner (>= 1)\n"), "{locked}");
    bench.run(&project, "bundle install").done().unwrap();
    let says = |project: &Path| {
        let mut command = bench.command("bundle", project);
        Said::of(command.args(["exec", "ruby", "-e", "require 'outer'; require 'inner'; puts OUTER, INNER"])).unwrap().done().unwrap().out
    };
    assert_eq!(says(&project), "outer 1.0.0\ninner 1.0.0\n");

    bench.publish(&Source::new("outer", "1.1.0").needs("inner", ">= 1"));
    let answered = |part: &str, status| bench.registry.answered(&format!("/gem/demo.localhost/{part}"), status).unwrap();
    bench.run(&project, "bundle update outer").done().unwrap();
    for part in ["versions", "info/outer"] {
        assert!(answered(part, 206) > 0, "{part} was not read on");
    }
    assert!(bench.locked(&project).contains("outer (1.1.0)"));
    assert_eq!(says(&project), "outer 1.1.0\ninner 1.0.0\n");
    // Other tests publish into the same source meanwhile: then there is a little to read again.
    let asked = || answered("versions", 304) + answered("versions", 206);
    let before = asked();
    bench.run(&project, "bundle update outer").done().unwrap();
    assert!(asked() > before);
}

#[test]
fn the_gem_of_this_platform_is_taken_and_another_machine_gets_the_plain_one() {
    let bench = Bench::new();
    let here = bench.here("ruby -e puts(Gem::Platform.local)").done().unwrap().out.trim().to_owned();
    let packed = bench.scratch.path().join("pkg");
    fs::create_dir_all(&packed).unwrap();
    for (platform, says) in [("ruby", "plain"), (here.as_str(), "native"), ("java", "jvm")] {
        let mut source = Source { says: says.into(), ..Source::new("speedy", "1.0.0") };
        source.more += &format!("  s.platform = \"{platform}\"\n");
        let folder = source.write(&bench.scratch.path().join(says));
        let built = Said::of(bench.command("gem", &folder).args(["build", "speedy.gemspec"])).unwrap();
        built.done().unwrap();
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|e| e == "gem") {
                fs::rename(&path, packed.join(path.file_name().unwrap())).unwrap();
            }
        }
    }
    let said = bench.registry.deedbox([Path::new("publish"), &packed]).unwrap().done().unwrap().out;
    assert_eq!(said.matches("published as").count(), 1, "three files are one release: {said}");
    bench.gem("speedy", "").done().unwrap();
    assert_eq!(bench.says("speedy"), "native");
    let other = Bench::new();
    other.gem("speedy", "--platform ruby").done().unwrap();
    assert_eq!(other.says("speedy"), "plain");
    let project = bench.project("speedy-project", "  gem \"speedy\"\n");
    bench.run(&project, "bundle install").done().unwrap();
    assert!(bench.locked(&project).contains(&format!("speedy (1.0.0-{here})")), "{}", bench.locked(&project));
}

#[test]
fn a_yanked_version_is_chosen_by_nobody_and_its_gem_still_answers() {
    let bench = Bench::new();
    bench.publish(&Source::new("kept", "1.0.0"));
    bench.publish(&Source::new("kept", "1.1.0"));
    let before = bench.project("before", "  gem \"kept\"\n");
    bench.run(&before, "bundle install").done().unwrap();
    assert!(bench.locked(&before).contains("kept (1.1.0)"));
    bench.registry.deedbox(["yank", &format!("gem:{DOMAIN}/kept@1.1.0"), "--reason", "broken"]).unwrap().done().unwrap();

    let fresh = Bench::new();
    fresh.gem("kept", "").done().unwrap();
    assert_eq!(fresh.says("kept"), "kept 1.0.0");
    let said = fresh.gem("kept", "--version 1.1.0");
    assert!(!said.ok, "it installed a yanked version: {}", said.all());
    let anew = fresh.project("anew", "  gem \"kept\"\n");
    fresh.run(&anew, "bundle install").done().unwrap();
    assert!(fresh.locked(&anew).contains("kept (1.0.0)"));

    // What the guide says of a lock file that names it.
    let after = fresh.project("after", "  gem \"kept\"\n");
    fs::copy(before.join("Gemfile.lock"), after.join("Gemfile.lock")).unwrap();
    let said = fresh.run(&after, "bundle install");
    assert!(!said.ok && said.all().contains("kept (1.1.0)"), "{}", said.all());
    let gem = block_on(reqwest::get(format!("{}/gems/kept-1.1.0.gem", bench.url()))).unwrap();
    assert_eq!(gem.status(), 200);
}

#[test]
fn changed_bytes_are_refused_by_gem_by_bundler_and_by_verify() {
    let bench = Bench::new();
    let mut source = Source::new("changed", "1.0.0");
    // Larger than what a registry keeps in memory, and nothing that gets smaller when it is packed.
    source.files.push(("lib/noise.bin", noise("changed", 1_500_000)));
    let folder = source.write(&bench.scratch.path().join("sources"));
    Said::of(bench.command("gem", &folder).args(["build", "changed.gemspec"])).unwrap().done().unwrap();
    let file = folder.join("changed-1.0.0.gem");
    bench.registry.deedbox([Path::new("publish"), &file]).unwrap().done().unwrap();
    let release = format!("gem:{DOMAIN}/changed@1.0.0");
    bench.registry.deedbox(["verify", &release]).unwrap().done().unwrap();

    let good = fs::read(&file).unwrap();
    let mut bytes = good.clone();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    let served = || block_on(async { reqwest::get(format!("{}/gems/changed-1.0.0.gem", bench.url())).await?.bytes().await });
    fs::write(bench.registry.object(&good), &bytes).unwrap();
    assert!(served().is_err(), "the registry sent other bytes to their end");
    fs::write(bench.registry.object(&good), &good).unwrap();
    assert_eq!(served().unwrap(), good);
    bench.registry.rot(&good, &bytes).unwrap();
    assert_eq!(served().unwrap(), bytes, "the registry was not made to serve other bytes");

    let said = bench.gem("changed", "");
    assert!(!said.ok, "gem took it: {}", said.all());
    let project = bench.project("changed-project", "  gem \"changed\"\n");
    let said = bench.run(&project, "bundle install");
    assert!(!said.ok && said.all().contains("Exception while verifying"), "{}", said.all());
    let said = bench.registry.deedbox(["verify", &release]).unwrap();
    assert!(!said.ok, "verify took it: {}", said.all());
    fs::write(&file, &bytes).unwrap();
    let said = bench.registry.deedbox(["verify".as_ref(), release.as_ref(), file.as_os_str()]).unwrap();
    assert!(!said.ok, "verify took the file: {}", said.all());
}

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

#[test]
fn the_compact_index_is_read_on_from_any_byte() {
    let bench = Bench::new();
    bench.publish(&Source::new("grown", "1.0.0"));
    let url = format!("{}/info/grown", bench.url());
    let get = |headers: &[(&str, &str)]| {
        let mut request = reqwest::Client::new().get(&url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        block_on(async {
            let response = request.send().await.unwrap();
            let header = |name: &str| response.headers().get(name).map(|v| v.to_str().unwrap().to_owned()).unwrap_or_default();
            let (status, etag, digest, coding) =
                (response.status().as_u16(), header("etag"), header("repr-digest"), header("content-encoding"));
            (status, etag, digest, coding, response.bytes().await.unwrap())
        })
    };
    let (status, etag, digest, coding, old) = get(&[("accept-encoding", "gzip, br")]);
    assert_eq!((status, coding.as_str()), (200, ""));
    assert_eq!(etag, format!("\"{}\"", hex::encode(Md5::digest(&old))));
    use base64::Engine as _;
    let sum = |bytes: &[u8]| format!("sha-256=:{}:", base64::engine::general_purpose::STANDARD.encode(sha2::Sha256::digest(bytes)));
    assert_eq!(digest, sum(&old));
    let last = format!("bytes={}-", old.len() - 1);
    assert_eq!(get(&[("if-none-match", &etag), ("range", &last)]).0, 304, "304 wins over 206");
    let (status, .., part) = get(&[("range", &last)]);
    assert_eq!((status, part.as_ref()), (206, &old[old.len() - 1..]));
    assert_eq!(get(&[("range", &format!("bytes={}-", old.len()))]).0, 416);

    bench.publish(&Source::new("grown", "1.1.0"));
    let (status, new_etag, digest, _, part) = get(&[("if-none-match", &etag), ("range", &last)]);
    assert_eq!(status, 206);
    let whole = [&old[..old.len() - 1], &part].concat();
    assert_eq!(new_etag, format!("\"{}\"", hex::encode(Md5::digest(&whole))));
    assert_eq!(digest, sum(&whole), "the digest is of the whole");

    let root = block_on(reqwest::Client::new().head(format!("{}/", bench.url())).send()).unwrap();
    assert_eq!(root.status(), 200);
    let write =
        block_on(async { reqwest::Client::new().post(format!("{}/api/v1/gems", bench.url())).body("x").send().await?.text().await })
            .unwrap();
    assert!(write.contains("deedbox publish"), "{write}");
}

/// The commands of the guide, in its own words, with this registry's address and packages in place of the examples.
#[test]
fn every_command_of_the_guide_does_what_it_says() -> anyhow::Result<()> {
    let bench = Bench::new();
    let checkout = Source { more: String::new(), ..Source::new("widget", "1.0.0") }.write(&bench.scratch.path().join("sources"));
    let project = bench.scratch.path().join("app");
    fs::create_dir_all(&project)?;
    let mut done = Vec::new();
    for line in commands() {
        let line = line.replace("https://registry.example", &bench.registry.url).replace("acme.example", DOMAIN);
        let said = match line.split_once(' ') {
            Some(("deedbox", rest)) => {
                let folder = if rest.starts_with("setup") { &project } else { &checkout };
                let args = rest.split_whitespace().map(|word| if word == "." { folder.as_os_str() } else { word.as_ref() });
                let dir = rest.starts_with("setup").then(|| ["--dir".as_ref(), project.as_os_str()]).into_iter().flatten();
                bench.registry.deedbox(args.chain(dir).collect::<Vec<_>>())?
            }
            Some(("gem" | "ruby", _)) => bench.here(&line),
            Some(("bundle", _)) => {
                let gemfile = fs::read_to_string(project.join("Gemfile"))?;
                fs::write(project.join("Gemfile"), gemfile.replace("# gem \"NAME\"", "gem \"widget\""))?;
                let said = bench.run(&project, &line);
                ensure!(!said.all().contains("DEPRECATED"), "Bundler warns: {}", said.all());
                said
            }
            _ => anyhow::bail!("who runs {line:?}?"),
        };
        said.done().with_context(|| line.clone())?;
        done.push(line);
    }
    ensure!(done.len() >= 6, "the guide has only these commands: {done:?}");
    ensure!(bench.says("widget") == "widget 1.0.0", "gem installed something else");
    Ok(())
}

/// The lines of the guide's `sh` blocks.
fn commands() -> Vec<String> {
    let mut lines = Vec::new();
    let mut inside = false;
    for line in GUIDE.lines() {
        match line {
            "```sh" => inside = true,
            "```" => inside = false,
            line if inside && !line.trim().is_empty() => lines.push(line.to_owned()),
            _ => {}
        }
    }
    lines
}
