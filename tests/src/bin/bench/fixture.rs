//! Registries to be measured: statements of many publishers, signed beforehand, their objects uploaded before, appended over HTTP.

use crate::Bench;
use crate::load::{self, Appended};
use crate::process::Server;
use anyhow::{Context as _, ensure};
use deedbox_model::event::{ChannelRemoved, ChannelSet, ReleaseUnyanked, ReleaseYanked};
use deedbox_model::{Channel, Event, ReasonCode, SecretKey, Sha256Digest, Sha512Digest, Version};
use deedbox_tests::packed::small_tarball;
use deedbox_tests::publisher::{Publisher, Release};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use sha2::{Digest as _, Sha512};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Publishers that upload at once, before anything is measured.
const UPLOADERS: usize = 64;

/// The version of every package here.
pub(crate) const VERSION: &str = "1.0.0";

/// Publishers at once: as many requests as a registry takes by default, less some for who reads.
pub(crate) const MANY: usize = 1_000;

/// What is appended: for each package one release, then this many more events in turn: a channel set, the release yanked, unyanked, the
/// channel removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mix {
    pub(crate) more: usize,
}

impl Mix {
    /// One release in five events.
    pub(crate) const MIXED: Mix = Mix { more: 4 };
    /// Releases alone.
    pub(crate) const RELEASES: Mix = Mix { more: 0 };
    /// One release in fifty events.
    pub(crate) const STANDING: Mix = Mix { more: 49 };

    /// In words, for a row.
    pub(crate) fn words(self) -> String {
        match self.more {
            0 => "releases only".to_owned(),
            more => format!("1 release : {more} channel and yank events"),
        }
    }
}

/// What one publisher is going to send, in order.
pub(crate) struct Prepared {
    pub(crate) statements: Vec<Vec<u8>>,
    pub(crate) objects: Vec<Vec<u8>>,
    pub(crate) packages: Vec<Package>,
}

/// A package in a log.
#[derive(Debug, Clone)]
pub(crate) struct Package {
    /// npm's name.
    pub(crate) name: String,
    /// As a lock file names the tarball's digest.
    pub(crate) sha512: Sha512Digest,
}

/// A registry's data directory with so many events, served by nobody.
#[derive(Debug, Clone)]
pub(crate) struct Log {
    pub(crate) data: PathBuf,
    /// Entries of the tree.
    pub(crate) entries: u64,
    pub(crate) packages: Vec<Package>,
    pub(crate) mix: Mix,
    /// How appending them went.
    pub(crate) appended: Appended,
}

impl Log {
    /// The usual mixture.
    pub(crate) fn make(bench: &Bench, name: &str, events: usize) -> anyhow::Result<Self> {
        Self::of(bench, name, events, Mix::MIXED, bench.pick(128, MANY))
    }

    /// Starts a registry, claims a domain for each publisher, and appends.
    pub(crate) fn of(bench: &Bench, name: &str, events: usize, mix: Mix, publishers: usize) -> anyhow::Result<Self> {
        let data = bench.folder.path().join(name);
        let server = serve(bench, &data)?;
        let publishers = bench.wait(claim(&server.url, publishers))?;
        let prepared = prepare_all(&publishers, events, mix)?;
        let mut packages = Vec::new();
        let mut statements = Vec::new();
        let http = reqwest::Client::new();
        let uploads = publishers.iter().zip(&prepared).map(|(publisher, one)| upload(&http, &server.url, publisher, &one.objects));
        bench.wait(stream::iter(uploads).buffer_unordered(UPLOADERS).try_collect::<()>())?;
        for one in prepared {
            packages.extend(one.packages);
            statements.push(one.statements);
        }
        let appended = load::append_all(bench, &server, statements)?;
        server.stop();
        let entries = 1 + publishers.len() as u64 + appended.events;
        Ok(Log { data, entries, packages, mix, appended })
    }
}

/// The real program on a data directory, as it is shipped, but for claims below localhost.
pub(crate) fn serve(bench: &Bench, data: &Path) -> anyhow::Result<Server> {
    let mut command = Command::new(&bench.deedbox);
    without_settings(&mut command);
    command.args(["serve", "--allow-local-claims", "--listen", "127.0.0.1:0", "--data"]).arg(data);
    Server::that_says(&command, &data.with_extension("served"))
}

/// Nobody's settings.
pub(crate) fn without_settings(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("DEEDBOX_") {
            command.env_remove(name);
        }
    }
}

/// A domain and a key for each publisher.
pub(crate) async fn claim(url: &str, count: usize) -> anyhow::Result<Vec<Publisher>> {
    let http = reqwest::Client::new();
    let mut publishers = Vec::with_capacity(count);
    for number in 0..count {
        publishers.push(Publisher::claim(&http, url, key(number), &domain(number)).await?);
    }
    Ok(publishers)
}

/// A key for each number.
pub(crate) fn key(number: usize) -> SecretKey {
    SecretKey::from_seed(&Sha256Digest::of(format!("publisher {number}").as_bytes()).0)
}

/// A domain for each number.
pub(crate) fn domain(number: usize) -> String {
    format!("p{number}.localhost")
}

/// So many events, shared among the publishers, on all cores.
pub(crate) fn prepare_all(publishers: &[Publisher], events: usize, mix: Mix) -> anyhow::Result<Vec<Prepared>> {
    let each = events.div_ceil(publishers.len().max(1) * (1 + mix.more));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        let threads: Vec<_> = publishers
            .chunks(publishers.len().div_ceil(cores).max(1))
            .map(|some| scope.spawn(move || some.iter().map(|one| prepare(one, each, mix)).collect::<anyhow::Result<Vec<_>>>()))
            .collect();
        let mut all = Vec::new();
        for thread in threads {
            all.extend(thread.join().map_err(|_| anyhow::anyhow!("a preparing thread stopped"))??);
        }
        Ok(all)
    })
}

fn prepare(publisher: &Publisher, packages: usize, mix: Mix) -> anyhow::Result<Prepared> {
    let version = Version::parse(VERSION)?;
    let channel = Channel::parse("next")?;
    let mut prepared = Prepared { statements: Vec::new(), objects: Vec::new(), packages: Vec::new() };
    for number in 0..packages {
        let name = format!("@{}/package-{number}", publisher.domain);
        let Release { id, objects, statement, event, .. } = publisher.release(small_tarball(&name, VERSION), None)?;
        let sha512 = objects.first().map(|bytes| Sha512Digest(Sha512::digest(bytes).into())).context("no tarball")?;
        prepared.statements.push(statement);
        prepared.objects.extend(objects);
        prepared.packages.push(Package { name, sha512 });
        let mut prev = event;
        for turn in 0..mix.more {
            let event = match turn % 4 {
                0 => Event::from(ChannelSet { channel: channel.clone(), version: version.clone() }),
                1 => Event::from(ReleaseYanked { reason: ReasonCode::Broken, version: version.clone() }),
                2 => Event::from(ReleaseUnyanked { version: version.clone() }),
                _ => Event::from(ChannelRemoved { channel: channel.clone() }),
            };
            let (statement, id) = publisher.say(&id, Some(prev), &event)?;
            prepared.statements.push(statement);
            prev = id;
        }
    }
    Ok(prepared)
}

/// Puts an object where a registry in this process keeps it, without an upload: its door takes every object for a published one.
pub(crate) fn put_in_place(data: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let path = data.join("objects").join(deedbox_store::objects::object_path(&Sha256Digest::of(bytes)));
    fs::create_dir_all(path.parent().context("an object has a folder")?)?;
    Ok(fs::write(path, bytes)?)
}

/// Uploads objects on a publisher's account.
pub(crate) async fn upload(http: &reqwest::Client, url: &str, publisher: &Publisher, objects: &[Vec<u8>]) -> anyhow::Result<()> {
    let permit = publisher.permit()?;
    for object in objects {
        let put = http.put(format!("{url}/objects/sha256/{}", Sha256Digest::of(object).to_hex())).header("authorization", &permit);
        let answer = put.body(object.clone()).send().await?;
        ensure!(answer.status().is_success(), "an upload was refused: {}", answer.text().await?);
    }
    Ok(())
}

/// Publishes one release over HTTP, objects and all.
pub(crate) async fn publish(http: &reqwest::Client, url: &str, publisher: &Publisher, release: &Release) -> anyhow::Result<()> {
    upload(http, url, publisher, &release.objects).await?;
    let post = http.post(format!("{url}/api/v1/events")).header("content-type", "application/cose");
    let answer = post.body(release.statement.clone()).send().await?;
    ensure!(answer.status().is_success(), "a publish was refused: {}", answer.text().await?);
    Ok(())
}

/// What a log holds, for a note.
pub(crate) fn counted(log: &Log) -> String {
    let releases = log.packages.len() as u64;
    format!(
        "{releases} releases, {} channel and yank events, {} claims",
        log.appended.events.saturating_sub(releases),
        log.entries.saturating_sub(1 + log.appended.events)
    )
}
