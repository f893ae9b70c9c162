//! What npm clients read, beside verdaccio and nginx: the same bytes from nginx's files, the same versions, as far as they fit, from
//! verdaccio's storage.

use crate::Bench;
use crate::fixture::{key, publish, serve};
use crate::load::{self, Read};
use crate::peers::{nginx, verdaccio};
use crate::process::Server;
use crate::report::{Row, figure};
use anyhow::{Context as _, ensure};
use deedbox_testkit::archives::{noise, tgz};
use deedbox_tests::clients;
use deedbox_tests::debian::debian;
use deedbox_tests::publisher::Publisher;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

/// What is measured beside.
const PEER: &str = "verdaccio";
const DOMAIN: &str = "bench.localhost";

/// The three servers.
struct Servers {
    deedbox: Server,
    verdaccio: Server,
    nginx: Server,
    verdaccio_version: String,
}

/// One answer to be asked for.
struct Asked {
    /// In words, with its size.
    what: String,
    /// Below each server's address: deedbox, verdaccio, nginx.
    paths: [String; 3],
    bytes: usize,
}

/// Packuments, small and large.
pub(crate) fn packuments(bench: &mut Bench) -> anyhow::Result<()> {
    let (servers, asked): (_, Vec<(Asked, f64)>) = stocked(bench, "packument", |bench, shelf| {
        [("small", 6_500, 15.0), ("large", 167_000, 50.0)]
            .map(|(name, bytes, goal)| Ok((shelf.packument(bench, name, bytes)?, goal)))
            .into_iter()
            .collect()
    })?;
    for (asked, goal) in asked {
        let [ours, theirs, files] = measure(bench, &servers, &asked)?;
        let peer = format!("{} of {PEER} {}", figure(theirs.cpu_us), servers.verdaccio_version);
        print_three(bench, "packument", &asked, [ours, theirs, files]);
        let row = Row::new("packument", format!("{}: {PEER}'s CPU over ours", asked.what), theirs.cpu_us / ours.cpu_us, "times");
        bench.report.add(row.at_least(goal).note(format!("{} µs beside {peer}", figure(ours.cpu_us))));
        let row = Row::new("packument", format!("{}: our CPU over nginx's", asked.what), ours.cpu_us / files.cpu_us, "times");
        // "At most twice".
        bench.report.add(row.below(2.000_1).note(format!("{} µs beside {}", figure(ours.cpu_us), figure(files.cpu_us))));
    }
    Ok(())
}

/// Tarballs, small and large.
pub(crate) fn tarballs(bench: &mut Bench) -> anyhow::Result<()> {
    let (servers, asked): (_, Vec<Asked>) = stocked(bench, "tarball", |bench, shelf| {
        [("tiny", 2_800), ("big", 316_000)].map(|(name, bytes)| shelf.tarball(bench, name, bytes)).into_iter().collect()
    })?;
    for asked in asked {
        let [ours, theirs, files] = measure(bench, &servers, &asked)?;
        print_three(bench, "tarball", &asked, [ours, theirs, files]);
        let row = Row::new("tarball", format!("{}: our requests over nginx's", asked.what), ours.rate / files.rate, "times");
        bench.report.add(row.at_least(0.8));
    }
    Ok(())
}

fn print_three(bench: &mut Bench, group: &'static str, asked: &Asked, reads: [Read; 3]) {
    for (name, read) in ["deedbox", PEER, "nginx"].into_iter().zip(reads) {
        bench.report.add(Row::new(group, format!("{}: {name}", asked.what), read.rate, "req/s").cpu_us(read.cpu_us).quiet(read.quiet));
    }
}

fn measure(bench: &Bench, servers: &Servers, asked: &Asked) -> anyhow::Result<[Read; 3]> {
    let all = [&servers.deedbox, &servers.verdaccio, &servers.nginx];
    for (server, path) in all.iter().zip(&asked.paths) {
        let url = format!("{}{path}", server.url);
        let bytes = bench.wait(async { reqwest::get(&url).await?.error_for_status()?.bytes().await })?;
        let share = bytes.len() as f64 / asked.bytes as f64;
        // verdaccio indents, and is given no more versions than fit into as many bytes as ours has: see `put_in_storage`.
        ensure!((0.7..1.05).contains(&share), "{url} answers with {} bytes instead of {}", bytes.len(), asked.bytes);
    }
    let mut reads = Vec::new();
    for (server, path) in all.into_iter().zip(&asked.paths) {
        bench.say(&format!("  {}{path}", server.url));
        reads.push(load::wrk(bench, server, path)?);
    }
    <[Read; 3]>::try_from(reads).map_err(|_| anyhow::anyhow!("not three servers"))
}

/// What is put on all three shelves.
struct Shelf<'a> {
    http: reqwest::Client,
    url: &'a str,
    publisher: Publisher,
    files: &'a Path,
    storage: &'a Path,
}

/// Publishes here, stocks the two others with the same, and starts them.
fn stocked<T>(bench: &Bench, name: &str, stock: impl FnOnce(&Bench, &Shelf<'_>) -> anyhow::Result<T>) -> anyhow::Result<(Servers, T)> {
    debian(&["nginx", "wrk"])?;
    let peer = clients::verdaccio()?;
    let folder = bench.folder.path().join(name);
    let (files, storage) = (folder.join("files"), folder.join("storage"));
    for folder in [&files, &storage] {
        fs::create_dir_all(folder)?;
    }
    let deedbox = serve(bench, &folder.join("registry"))?;
    let http = reqwest::Client::new();
    let publisher = bench.wait(Publisher::claim(&http, &deedbox.url, key(0), DOMAIN))?;
    let stocked = stock(bench, &Shelf { http, url: &deedbox.url, publisher, files: &files, storage: &storage })?;
    let nginx = nginx(&folder, &files)?;
    let verdaccio = verdaccio(&peer, &folder, &storage)?;
    Ok((Servers { deedbox, verdaccio, nginx, verdaccio_version: peer.version }, stocked))
}

impl Shelf<'_> {
    /// A package with as many versions as its packument needs to have so many bytes.
    fn packument(&self, bench: &Bench, name: &str, bytes: usize) -> anyhow::Result<Asked> {
        let native = format!("@{DOMAIN}/{name}");
        let path = format!("/npm/@{DOMAIN}%2f{name}");
        let mut prev = None;
        let mut versions = 0;
        let packument = loop {
            let package = json!({
                "name": native, "version": format!("1.{versions}.0"), "description": "A package with as many versions as it takes",
                "license": "MIT", "main": "lib/index.js", "bin": { name: "bin/cli.js" }, "keywords": ["one", "two", "three"],
                "repository": { "type": "git", "url": "git+https://source.example/acme/widget.git" }, "engines": { "node": ">=20" },
                "dependencies": { "left": "^1.0.0", "right": "~2.1.0", "middle": ">=3 <5" },
                "devDependencies": { "tester": "^9.0.0", "linter": "^8.2.1" }, "scripts": { "test": "tester run", "lint": "linter ." },
            });
            let tarball =
                tgz(&[("package/package.json", package.to_string().as_bytes()), ("package/lib/index.js", b"module.exports = 1\n")]);
            let release = self.publisher.release(tarball, prev)?;
            prev = Some(release.event);
            versions += 1;
            let packument = bench.wait(async {
                publish(&self.http, self.url, &self.publisher, &release).await?;
                anyhow::Ok(self.http.get(format!("{}{path}", self.url)).send().await?.error_for_status()?.bytes().await?)
            })?;
            // The next version would lead further away than this one is.
            let each = packument.len() / versions;
            if packument.len() + each / 2 >= bytes {
                break packument;
            }
        };
        fs::write(self.files.join(format!("{name}.json")), &packument)?;
        self.put_in_storage(name, &packument)?;
        Ok(Asked {
            what: format!("{} KB, {versions} versions", figure(packument.len() as f64 / 1e3)),
            paths: [path, format!("/@{DOMAIN}%2f{name}"), format!("/{name}.json")],
            bytes: packument.len(),
        })
    }

    /// A package whose tarball has so many bytes, but for some hundreds.
    fn tarball(&self, bench: &Bench, name: &str, bytes: usize) -> anyhow::Result<Asked> {
        let native = format!("@{DOMAIN}/{name}");
        let package = json!({ "name": native, "version": "1.0.0", "license": "MIT", "main": "index.js" });
        let tarball =
            tgz(&[("package/package.json", package.to_string().as_bytes()), ("package/data.bin", &noise("tarball", bytes - 300))]);
        let release = self.publisher.release(tarball.clone(), None)?;
        let packument = bench.wait(async {
            publish(&self.http, self.url, &self.publisher, &release).await?;
            anyhow::Ok(self.http.get(format!("{}/npm/@{DOMAIN}%2f{name}", self.url)).send().await?.error_for_status()?.bytes().await?)
        })?;
        self.put_in_storage(name, &packument)?;
        let file = format!("{name}-1.0.0.tgz");
        fs::write(self.files.join(&file), &tarball)?;
        fs::write(self.storage.join(format!("@{DOMAIN}/{name}")).join(&file), &tarball)?;
        let path = format!("/@{DOMAIN}/{name}/-/{file}");
        Ok(Asked {
            what: format!("{} KB", figure(tarball.len() as f64 / 1e3)),
            paths: [format!("/npm{path}"), path, format!("/{file}")],
            bytes: tarball.len(),
        })
    }

    /// Puts a package into verdaccio's storage, as verdaccio keeps what was published to it. It indents what it answers: the oldest
    /// versions are left out until that is no longer than our answer, so that it is never asked for more bytes than we are.
    fn put_in_storage(&self, name: &str, packument: &[u8]) -> anyhow::Result<()> {
        let mut document: Value = serde_json::from_slice(packument)?;
        let mut versions = document.get("versions").and_then(Value::as_object).context("a packument has versions")?.clone();
        let mut numbers: Vec<String> = versions.keys().cloned().collect();
        numbers.sort_by_key(|number| number.split('.').nth(1).and_then(|minor| minor.parse::<u64>().ok()));
        let mut oldest = numbers.iter();
        while versions.len() > 1 && serde_json::to_string_pretty(&document)?.len() > packument.len() {
            let Some(number) = oldest.next() else { break };
            versions.remove(number);
            let object = document.as_object_mut().context("a packument is an object")?;
            object.insert("versions".to_owned(), Value::Object(versions.clone()));
            if let Some(time) = object.get_mut("time").and_then(Value::as_object_mut) {
                time.remove(number);
            }
        }
        let object = document.as_object_mut().context("a packument is an object")?;
        for (key, value) in [("_attachments", json!({})), ("_distfiles", json!({})), ("_uplinks", json!({})), ("_rev", json!("1-1"))] {
            object.insert(key.to_owned(), value);
        }
        let folder = self.storage.join(format!("@{DOMAIN}/{name}"));
        fs::create_dir_all(&folder)?;
        Ok(fs::write(folder.join("package.json"), document.to_string())?)
    }
}
