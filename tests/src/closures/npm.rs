//! Packages as npm brings them: `npm install` of a project fills npm's own cache with the tarballs of the whole tree. Their names have no
//! domain, so the name in `package.json` is changed, and nothing else of the tarball: every header, every other byte stays.

use std::{
    collections::BTreeMap,
    fs,
    io::{Read as _, Write as _},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use deedbox_npm::Npm;
use deedbox_testkit::folding::Bytes;
use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use serde_json::{Value, json};

use super::{Closure, Release, Standing, client, refusal};
use crate::{clients::on_path, registry::DOMAIN};

/// Projects, and what each is made of.
const PROJECTS: [(&str, &[(&str, &str)]); 4] = [
    ("a server (express)", &[("express", "4.21.1"), ("mongoose", "8.8.1"), ("axios", "1.7.7"), ("winston", "3.17.0")]),
    ("a linter (eslint)", &[("eslint", "9.15.0"), ("typescript-eslint", "8.15.0"), ("prettier", "3.3.3")]),
    (
        "a bundler (webpack)",
        &[("webpack", "5.96.1"), ("webpack-cli", "5.1.4"), ("webpack-dev-server", "5.1.0"), ("@babel/preset-env", "7.26.0")],
    ),
    ("a page (react, jest)", &[("react-dom", "18.3.1"), ("jest", "29.7.0"), ("vite", "5.4.11"), ("tailwindcss", "3.4.15")]),
];

pub(super) fn closures(folder: &Path) -> anyhow::Result<Vec<Closure>> {
    let mut closures = Vec::new();
    for (n, (project, wants)) in PROJECTS.iter().enumerate() {
        let home = folder.join(n.to_string());
        install(&home, wants)?;
        let mut releases = BTreeMap::new();
        for package in locked(&home)? {
            let Some(tarball) = package.brought(&home)? else { continue };
            let release = package.release(&tarball, &folder.join("renamed"))?;
            // In the order of versions, as they were published at home.
            let (major, minor, patch) = numbers(&package.version);
            releases.insert((package.name.clone(), major, minor, patch, package.version.clone()), release);
        }
        ensure!(!releases.is_empty(), "npm brought nothing of {project}");
        closures.push(Closure { ecosystem: "npm", project, releases: releases.into_values().collect(), _held: None });
    }
    Ok(closures)
}

fn numbers(version: &str) -> (u64, u64, u64) {
    let core = version.split(['-', '+']).next().unwrap_or_default();
    let mut parts = core.split('.').map(|part| part.parse().unwrap_or(0));
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0), parts.next().unwrap_or(0))
}

fn install(home: &Path, wants: &[(&str, &str)]) -> anyhow::Result<()> {
    if home.join("node_modules/.package-lock.json").is_file() {
        return Ok(());
    }
    fs::create_dir_all(home)?;
    let wants: BTreeMap<_, _> = wants.iter().copied().collect();
    fs::write(home.join("package.json"), json!({ "private": true, "dependencies": wants }).to_string())?;
    let npm = on_path("npm").context("npm is not installed: this wants Node.js 20 or newer with its npm")?;
    let mut command = Command::new(npm);
    command.current_dir(home).args([
        "install",
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
        "--no-update-notifier",
        "--loglevel=error",
        "--cache",
    ]);
    client(command.arg(home.join("cache")))
}

/// A package of a lock file.
struct Locked {
    name: String,
    version: String,
    integrity: String,
}

fn locked(home: &Path) -> anyhow::Result<Vec<Locked>> {
    let lock: Value = serde_json::from_slice(&fs::read(home.join("package-lock.json"))?)?;
    let packages = lock.get("packages").and_then(Value::as_object).context("npm's lock file has no packages")?;
    let locked = packages.iter().filter_map(|(path, package)| {
        let text = |key: &str| package.get(key).and_then(Value::as_str).map(str::to_owned);
        let (_, name) = path.rsplit_once("node_modules/")?;
        Some(Locked { name: text("name").unwrap_or_else(|| name.to_owned()), version: text("version")?, integrity: text("integrity")? })
    });
    Ok(locked.collect())
}

impl Locked {
    /// The tarball in npm's cache; none of a package for another platform, which npm lists and does not fetch.
    fn brought(&self, home: &Path) -> anyhow::Result<Option<Vec<u8>>> {
        let (algorithm, digest) = self.integrity.split_once('-').context("an integrity without an algorithm")?;
        let digest = hex::encode(BASE64.decode(digest)?);
        let (Some(first), Some(second), Some(rest)) = (digest.get(..2), digest.get(2..4), digest.get(4..)) else { bail!("a short digest") };
        let file = home.join("cache/_cacache/content-v2").join(algorithm).join(first).join(second).join(rest);
        Ok(if file.is_file() { Some(fs::read(file)?) } else { None })
    }

    fn release(&self, tarball: &[u8], renamed: &Path) -> anyhow::Result<Release> {
        let segment = self.name.trim_start_matches('@').replace('/', "__").to_ascii_lowercase();
        let name = format!("{}@{}", self.name, self.version);
        let tarball = with_name(tarball, &self.name, &format!("@{DOMAIN}/{segment}")).with_context(|| name.clone())?;
        let native = self.version.split('+').next().unwrap_or_default();
        let file = renamed.join(format!("{segment}-{native}.tgz"));
        let source = Bytes::new("package.tgz", tarball);
        let standing = match refusal(&Npm::new(), None, None, &[&source]) {
            Some(refused) => refused,
            None => {
                fs::create_dir_all(renamed)?;
                fs::write(&file, &source.bytes)?;
                let path = format!("npm/@{DOMAIN}/{segment}/-/{segment}-{native}.tgz");
                let files: Vec<(String, PathBuf)> = vec![(path, file.clone())];
                Standing::ToPublish { words: vec![file.into()], files, domain: DOMAIN.to_owned() }
            }
        };
        Ok(Release { name, standing })
    }
}

const BLOCK: usize = 512;

/// The tarball with another name in the `package.json` of its top folder.
fn with_name(tarball: &[u8], from: &str, to: &str) -> anyhow::Result<Vec<u8>> {
    let mut tar = Vec::new();
    GzDecoder::new(tarball).read_to_end(&mut tar)?;
    let mut out = Vec::with_capacity(tar.len() + BLOCK);
    let mut rest = tar.as_slice();
    let mut is_done = false;
    // Where a pax header of the next member begins: that of package.json says its old size, and goes.
    let mut extension = None;
    while let Some((header, behind)) = rest.split_at_checked(BLOCK) {
        if header.iter().all(|b| *b == 0) {
            break;
        }
        let header = tar::Header::from_byte_slice(header);
        let size = usize::try_from(header.entry_size()?)?;
        let padded = size.div_ceil(BLOCK) * BLOCK;
        let (data, behind) = behind.split_at_checked(padded).context("the tarball is cut off")?;
        let path = String::from_utf8_lossy(&header.path_bytes()).into_owned();
        let is_it = path.split('/').filter(|segment| *segment != ".").count() == 2 && path.ends_with("/package.json");
        if is_it && header.entry_type().is_file() && !is_done {
            let json = named(data.get(..size).unwrap_or_default(), from, to)?;
            out.truncate(extension.unwrap_or(out.len()));
            let mut header = header.clone();
            header.set_size(json.len() as u64);
            header.set_cksum();
            out.extend_from_slice(header.as_bytes());
            out.extend_from_slice(&json);
            out.resize(out.len().next_multiple_of(BLOCK), 0);
            is_done = true;
            extension = None;
        } else {
            extension = (header.as_bytes()[156] == b'x').then_some(out.len());
            out.extend_from_slice(header.as_bytes());
            out.extend_from_slice(data);
        }
        rest = behind;
    }
    ensure!(is_done, "there is no package.json");
    out.extend_from_slice(rest);
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(&out)?;
    Ok(gzip.finish()?)
}

/// The text of package.json with another value of `name`, and no other letter changed.
fn named(json: &[u8], from: &str, to: &str) -> anyhow::Result<Vec<u8>> {
    let text = std::str::from_utf8(json)?;
    for (at, key) in text.match_indices("\"name\"") {
        let after = text.get(at + key.len()..).unwrap_or_default();
        let value = after.trim_start().strip_prefix(':').map(str::trim_start).unwrap_or_default();
        if value.starts_with(&format!("\"{from}\"")) {
            let begins = text.len() - value.len();
            let (before, after) = (text.get(..begins).unwrap_or_default(), value.get(from.len() + 2..).unwrap_or_default());
            return Ok(format!("{before}\"{to}\"{after}").into_bytes());
        }
    }
    bail!("its package.json does not say that it is {from}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use deedbox_testkit::archives::{gzip, member};

    #[test]
    fn a_name_is_changed_and_nothing_else() {
        let json = b"{ \"author\": {\"name\": \"A\"},\n  \"name\" : \"a\", \"version\":\"1.0.0\" }";
        let tar = [
            member("package/x", b'0', b"x"),
            member("package/package.json", b'0', json),
            member("package/d/package.json", b'0', json),
            vec![0; 1024],
        ]
        .concat();
        let out = with_name(&gzip(&tar), "a", "@demo.localhost/a").unwrap();
        let mut back = Vec::new();
        GzDecoder::new(out.as_slice()).read_to_end(&mut back).unwrap();
        let mut archive = tar::Archive::new(back.as_slice());
        let files: Vec<(String, String)> = archive
            .entries()
            .unwrap()
            .map(|entry| {
                let mut entry = entry.unwrap();
                let mut text = String::new();
                entry.read_to_string(&mut text).unwrap();
                (entry.path().unwrap().display().to_string(), text)
            })
            .collect();
        let old = String::from_utf8(json.to_vec()).unwrap();
        let new = old.replace("\"a\"", "\"@demo.localhost/a\"");
        assert_eq!(
            files,
            [
                ("package/x".to_owned(), "x".to_owned()),
                ("package/package.json".to_owned(), new),
                ("package/d/package.json".to_owned(), old)
            ]
        );
        assert!(with_name(&gzip(&tar), "b", "@demo.localhost/b").is_err());
        assert!(numbers("1.10.0-rc.1") > numbers("1.9.9"));
    }
}
