//! `deedbox demo`: the whole story on this machine, with nothing but Node.js and npm: a registry, a claim, three packages,
//! an install with the real npm, a check against the log, and what happens when one byte changes. Then the other ecosystems,
//! with each client that is there (`ecosystems/*/demo.rs`).
//!
//! Everything is in one directory that stays; nothing else on the machine is read or written, but the store of a Docker engine
//! that runs, which is left as it was.

use super::publish::Release;
use super::serve;
use super::verify;
use crate::args::Demo;
use crate::context::Context;
use crate::demo::client::Tried;
use crate::demo::registry::{DemoPublisher, DemoRegistry};
use crate::demo::story::Story;
use crate::demo::theft::Theft;
use crate::demo::{DOMAIN, command};
use crate::ecosystems::{Ecosystem, Ecosystems, npm};
use crate::failure::{refused, wrong};
use crate::packages::Wish;
use crate::{keyfile, terminal};
use anyhow::Context as _;
use async_trait::async_trait;
use deedbox_client::{Home, RegistryUrl, Trusted, Verdict, judge_lock};
use deedbox_model::{Algorithm, Domain, PackageId, SecretKey, Sha256Digest, Version};
use deedbox_server::{Config, PublicUrl};
use deedbox_store::objects::object_path;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Instant;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// Ports that are tried, from the one asked for.
const PORTS: u16 = 64;

/// The packages, in the order in which they are published: what others need comes first.
const PACKAGES: [(&str, [(&str, &str); 3]); 3] = [
    (
        "greet",
        [
            ("package.json", include_str!("../../demo/greet/package.json")),
            ("index.js", include_str!("../../demo/greet/index.js")),
            ("README.md", include_str!("../../demo/greet/README.md")),
        ],
    ),
    (
        "count",
        [
            ("package.json", include_str!("../../demo/count/package.json")),
            ("index.js", include_str!("../../demo/count/index.js")),
            ("README.md", include_str!("../../demo/count/README.md")),
        ],
    ),
    (
        "hello-deedbox",
        [
            ("package.json", include_str!("../../demo/hello-deedbox/package.json")),
            ("cli.js", include_str!("../../demo/hello-deedbox/cli.js")),
            ("README.md", include_str!("../../demo/hello-deedbox/README.md")),
        ],
    ),
];

pub(crate) async fn run(args: Demo) -> anyhow::Result<()> {
    let start = Instant::now();
    let mut story = Story::begin();
    let versions = tools().await?;
    let dir = directory(args.dir)?;
    story.tick(&format!("found {versions}; everything of this demo is in {}", dir.display()));

    let (listener, at) = listen(args.port).await?;
    let url = RegistryUrl::parse(&format!("http://{at}"))?;
    let mut config = Config::new(dir.join("registry"), PublicUrl::parse(url.as_str()).map_err(|e| wrong(e.to_string()))?);
    config.allow_local_claims = true;
    // What is changed on the disk below must be what is served: nothing is kept in memory here.
    config.object_cache_bytes = 0;
    let server = serve::open(config, None).await?;
    let (log_key, origin) = (server.vkey().to_owned(), server.origin().clone());
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = tokio::spawn(serve::serve(server, listener, async move {
        let _ = stopped.await;
    }));
    story.tick(&format!("started a registry at {url}; its log is named {origin} and has one entry"));

    let home = Home::at(dir.join("home"));
    let key_path = home.path().join("key.pem");
    let key = keyfile::make(&key_path)?;
    let context = Context::of(url.clone(), key_path, home, Some(log_key));
    let trusted = context.trusted_quietly().await?;
    let domain = Domain::parse(DOMAIN)?;
    let claimed = super::claim::claim(&trusted, &domain, &key, None).await?;
    story.tick(&format!("made a key and claimed {DOMAIN} with it: entry {}", claimed.index));

    for (name, files) in PACKAGES {
        let package = dir.join("packages").join(name);
        std::fs::create_dir_all(&package)?;
        for (file, text) in files {
            std::fs::write(package.join(file), text)?;
        }
        if name == "greet" {
            std::fs::write(package.join("chime.wav"), chime())?;
        }
        let releases = Release::read_own(Ecosystems::default(), &package, Wish::default(), &key).await?;
        for release in releases {
            let published = release.publish(&trusted, &key).await?;
            story.tick(&format!("packed with npm, signed and published {}: entry {}, proof kept", published.release, published.index));
        }
    }

    let project = dir.join("project");
    std::fs::create_dir_all(&project)?;
    std::fs::write(project.join("package.json"), "{\n  \"name\": \"project\",\n  \"private\": true\n}\n")?;
    npm::new_project(&project, &domain, &url)?;
    let npm = Npm { dir: &dir };
    let installed = npm.run(&project, "cache", &["install", "@demo.localhost/hello-deedbox"]).await?;
    must_succeed("npm install", &installed)?;
    story.tick("installed @demo.localhost/hello-deedbox with the real npm, into an empty directory and an empty cache");

    let ran = command(&project.join("node_modules/.bin/hello-deedbox"), &project, &settings()).arg("Ada").output().await?;
    must_succeed("hello-deedbox", &ran)?;
    story.tick("ran what was installed:");
    for line in String::from_utf8_lossy(&ran.stdout).lines() {
        terminal::say_line(&format!("      {line}"));
    }

    let lock = std::fs::read(project.join("package-lock.json"))?;
    let wanted = npm::wanted(&lock)?;
    let (verdicts, facts) = judge_lock(&trusted, &wanted).await?;
    let verified = verdicts.iter().filter(|verdict| matches!(verdict, Verdict::Verified(_))).count();
    if verified != wanted.len() || verified != PACKAGES.len() {
        return Err(refused(format!("only {verified} of {} packages of the lock file verify", wanted.len())));
    }
    story.tick(&format!(
        "verified its package-lock.json against the log: {verified} of {verified} packages in one proof, {} statements of a tree of {}",
        facts.entries, facts.tree_size
    ));

    let id = PackageId::parse("npm:demo.localhost/greet")?;
    let version = Version::parse("1.0.0")?;
    let object = tarball(&context, &id, &version).await?;
    let byte = Byte::change(&dir.join("registry/objects").join(object_path(&object)))?;
    story.tick(&format!("changed one byte of greet's tarball in the registry's own store ({})", byte.path.display()));
    let outcome = tampered(&npm, &project, &context, &id, &version, &mut story).await;
    byte.put_back()?;
    outcome?;
    verify::release(&context, &id, &version).await.context("after the byte was put back")?;
    story.tick("put the byte back: it verifies again");

    let keys = ["stolen.pem", "other.pem", "next.pem"].map(|name| keyfile::make(&context.home.path().join(name)));
    let [stolen, other, next] = keys;
    let theft = Theft::begin(&trusted, [stolen?, other?, next?], &mut story).await?;

    let registry = DemoRegistry { dir: &dir, url: &url, publisher: &Key { trusted: &trusted, key: &key } };
    let tried = Tried::new(dir.join("clients"), settings());
    every_client(&registry, &tried, &mut story).await?;
    let (missing, failed) = tried.into_lists();
    theft.end(&trusted, &mut story).await?;

    ending(&dir, &url, start, &missing, &failed);
    if !args.once {
        terminal::say("");
        terminal::say("The registry keeps running; Ctrl-C ends it.");
        serve::stopped().await;
    }
    let _ = stop.send(());
    serving.await??;
    if failed.is_empty() { Ok(()) } else { Err(refused(format!("failed, as said above: {}", failed.join(", ")))) }
}

/// Who publishes in the demo: one key, at its registry.
struct Key<'a> {
    trusted: &'a Trusted,
    key: &'a SecretKey,
}

#[async_trait(?Send)]
impl DemoPublisher for Key<'_> {
    async fn publish(&self, path: &Path, id: Option<&PackageId>, version: Option<&Version>, story: &mut Story) -> anyhow::Result<()> {
        let wish = Wish { id, version, registry: Some(self.trusted.registry()), ..Wish::default() };
        for release in Release::read_own(Ecosystems::default(), path, wish, self.key).await? {
            let published = release.publish(self.trusted, self.key).await?;
            story.tick(&format!("signed and published {}: entry {}", published.release, published.index));
        }
        Ok(())
    }
}

/// How the variables begin by which clients are told where to look and what to do.
fn settings() -> Vec<&'static str> {
    Ecosystems::default().iter().flat_map(Ecosystem::variables).copied().collect()
}

/// The second part: each ecosystem publishes what it has to show, and all of it is installed with each client that the machine has, from
/// empty caches. Nothing is asked of anybody but the demo's own registry.
async fn every_client(registry: &DemoRegistry<'_>, tried: &Tried, story: &mut Story) -> anyhow::Result<()> {
    let mut installs = Vec::new();
    for ecosystem in Ecosystems::default().as_told() {
        installs.push(ecosystem.demo(registry, tried, story).await?);
    }
    // Side by side: some of them take their time to start, and none waits for another.
    futures::future::try_join_all(installs).await?;
    story.begin_anew();
    Ok(())
}

/// Both must refuse what was changed; anything else is a failure of the demo.
async fn tampered(
    npm: &Npm<'_>,
    project: &Path,
    context: &Context,
    id: &PackageId,
    version: &Version,
    story: &mut Story,
) -> anyhow::Result<()> {
    let again = npm.dir.join("project-after-the-change");
    std::fs::create_dir_all(&again)?;
    for file in ["package.json", "package-lock.json", ".npmrc"] {
        std::fs::copy(project.join(file), again.join(file))?;
    }
    let refusal = npm.run(&again, "cache-after-the-change", &["ci"]).await?;
    let words = String::from_utf8_lossy(&refusal.stderr).into_owned();
    if refusal.status.success() || !words.contains("EINTEGRITY") {
        terminal::relay(&words);
        return Err(refused("npm installed what was changed, or failed for another reason: its words are above"));
    }
    story.tick("npm, with an empty cache, refuses it (EINTEGRITY)");
    match verify::release(context, id, version).await {
        Ok(()) => Err(refused("deedbox verify took what was changed")),
        Err(error) => {
            story.tick("deedbox verify refuses it:");
            terminal::say_line(&format!("      {}", crate::failure::words(&error)));
            Ok(())
        }
    }
}

fn ending(dir: &Path, url: &RegistryUrl, start: Instant, missing: &[String], failed: &[&str]) {
    let deedbox = std::env::current_exe().map_or_else(|_| "deedbox".to_owned(), |path| path.display().to_string());
    let with = format!("DEEDBOX_HOME={}/home DEEDBOX_REGISTRY={url} {deedbox}", dir.display());
    let told = format!(
        "\nWhat happened, in {:.1} s: a domain was claimed and packages of several ecosystems were published as signed statements\n\
         in one log; their own clients installed them knowing nothing of that; a changed byte was refused by npm and by the log\n\
         alike; and a domain whose key was stolen came back to its holder.{}{}\n\n\
         Where to look\n  \
           in a browser     {url}/\n  \
           the log          {url}/log/checkpoint   {url}/api/v1/events\n  \
           a package        {url}/api/v1/packages/npm:demo.localhost/hello-deedbox\n  \
           as npm sees it   {url}/npm/@demo.localhost%2fhello-deedbox\n  \
           on the disk      {}\n\n\
         What to try\n  \
           {with} verify npm:demo.localhost/greet@1.0.0\n  \
           {with} verify --lockfile {}/project/package-lock.json\n  \
           {with} yank npm:demo.localhost/greet@1.0.0 --reason mistake\n  \
           {with} verify --offline npm:demo.localhost/count@1.1.0",
        start.elapsed().as_secs_f64(),
        if failed.is_empty() { String::new() } else { format!("\nFailed: {}; their lines above say how.", failed.join(", ")) },
        if missing.is_empty() { String::new() } else { format!("\nNot on this machine, so not tried: {}.", missing.join(", ")) },
        dir.display(),
        dir.display()
    );
    told.lines().for_each(terminal::say_line);
}

/// Node.js and npm, by their versions.
async fn tools() -> anyhow::Result<String> {
    let mut found = Vec::new();
    for tool in ["node", npm::PROGRAM] {
        let output = tokio::process::Command::new(tool).arg("--version").stdin(Stdio::null()).output().await;
        match output {
            Ok(output) if output.status.success() => {
                found.push(format!("{tool} {}", String::from_utf8_lossy(&output.stdout).trim()));
            }
            _ => {
                return Err(refused(format!(
                    "{tool} is not on this machine, and the demo installs packages with the real npm: install Node.js 20 or newer, which brings \
                     npm, from your system's packages, and run deedbox demo again"
                )));
            }
        }
    }
    Ok(found.join(" and "))
}

fn directory(asked: Option<PathBuf>) -> anyhow::Result<PathBuf> {
    match asked {
        None => Ok(tempfile::Builder::new().prefix("deedbox-demo-").tempdir()?.keep()),
        Some(dir) => {
            if let Some(parent) = dir.parent() {
                std::fs::create_dir_all(parent)?;
            }
            std::fs::create_dir(&dir).map_err(|e| match e.kind() {
                std::io::ErrorKind::AlreadyExists => wrong(format!("{} is there already: name a directory that is not", dir.display())),
                _ => wrong(format!("{}: {e}", dir.display())),
            })?;
            Ok(std::path::absolute(dir)?)
        }
    }
}

async fn listen(first: u16) -> anyhow::Result<(TcpListener, SocketAddr)> {
    for port in (0..PORTS).map(|n| first.saturating_add(n)) {
        if let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await {
            let at = listener.local_addr()?;
            return Ok((listener, at));
        }
    }
    Err(refused(format!("no port from {first} on is free on 127.0.0.1: name another with --port")))
}

/// The machine's npm, with a cache of its own and nobody's settings.
struct Npm<'a> {
    dir: &'a Path,
}

impl Npm<'_> {
    async fn run(&self, project: &Path, cache: &str, args: &[&str]) -> anyhow::Result<Output> {
        let mut npm = command(Path::new(npm::PROGRAM), project, &settings());
        npm.args(args).args(["--no-audit", "--no-fund", "--loglevel=error", "--cache"]).arg(self.dir.join(cache));
        Ok(npm.output().await?)
    }
}

fn must_succeed(what: &str, output: &Output) -> anyhow::Result<()> {
    if output.status.success() {
        return Ok(());
    }
    terminal::relay(&String::from_utf8_lossy(&output.stderr));
    Err(refused(format!("{what} failed: its words are above")))
}

/// A chime of sixteen seconds: 16-bit mono at 44.1 kHz. Large enough that a registry streams it from its disk.
fn chime() -> Vec<u8> {
    const RATE: u32 = 44_100;
    const SAMPLES: u32 = RATE * 16;
    let size = SAMPLES * 2;
    let mut wav = Vec::with_capacity(size as usize + 44);
    wav.extend(b"RIFF");
    wav.extend((size + 36).to_le_bytes());
    wav.extend(b"WAVEfmt ");
    wav.extend(16_u32.to_le_bytes());
    wav.extend([1, 0, 1, 0]);
    wav.extend(RATE.to_le_bytes());
    wav.extend((RATE * 2).to_le_bytes());
    wav.extend([2, 0, 16, 0]);
    wav.extend(b"data");
    wav.extend(size.to_le_bytes());
    let mut noise: u32 = 1;
    for n in 0..SAMPLES {
        let t = f64::from(n) / f64::from(RATE);
        let tone: f64 = [523.25, 659.26, 783.99].iter().map(|hz| (t * hz * std::f64::consts::TAU).sin()).sum();
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let hiss = f64::from(noise >> 16) / 65_536.0 - 0.5;
        let sample = tone * 6_000.0 * (-t / 4.0).exp() + hiss * 400.0;
        wav.extend((sample as i16).to_le_bytes());
    }
    wav
}

/// The address of the one tarball of a release.
async fn tarball(context: &Context, id: &PackageId, version: &Version) -> anyhow::Result<Sha256Digest> {
    let release = verify::proven(context, id, version).await?;
    let digest = release.principal().first().and_then(|artifact| artifact.digests.get(&Algorithm::Sha256));
    digest.and_then(|digest| Sha256Digest::from_slice(digest)).ok_or_else(|| refused(format!("{} names no tarball", release.name())))
}

/// One byte of a file that is not what it was.
struct Byte {
    path: PathBuf,
    at: u64,
    was: u8,
}

impl Byte {
    fn change(path: &Path) -> anyhow::Result<Self> {
        let mut file = std::fs::OpenOptions::new().read(true).write(true).open(path)?;
        // The time in the gzip header: every decompressor takes the file as good, and gives the same files.
        let at = 4;
        let mut was = [0];
        file.seek(SeekFrom::Start(at))?;
        file.read_exact(&mut was)?;
        let [was] = was;
        let byte = Byte { path: path.to_owned(), at, was };
        byte.set(was ^ 1)?;
        Ok(byte)
    }

    /// As a failing disk does it: nobody has written the file since. A registry compares what it has not sent yet, and what was
    /// written since, and would break off; this one has sent it whole, and it is the clients that must look.
    fn set(&self, value: u8) -> anyhow::Result<()> {
        let mut file = std::fs::OpenOptions::new().write(true).open(&self.path)?;
        let written = file.metadata()?.modified()?;
        file.seek(SeekFrom::Start(self.at))?;
        file.write_all(&[value])?;
        file.set_modified(written)?;
        Ok(file.sync_all()?)
    }

    fn put_back(self) -> anyhow::Result<()> {
        self.set(self.was)
    }
}
