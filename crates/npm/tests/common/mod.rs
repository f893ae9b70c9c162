//! A small world for the tests of this crate: real tarballs, a signed log in memory, rows in a map, and a reader that
//! does what the shell does.

#![allow(dead_code, unused_imports, reason = "each test program uses its own part")]

use deedbox_model::*;
use deedbox_npm::{Npm, RegistrySigner};
pub(crate) use deedbox_testkit::archives::{gzip, gzip_stored, member, pax, tar};
use deedbox_testkit::folding::Bytes;
pub(crate) use deedbox_testkit::folding::text;
use deedbox_view::*;
use std::sync::Arc;

pub(crate) fn inspect(tarball: &[u8]) -> Result<Inspection, InspectRefusal> {
    inspect_with(&Npm::new(), tarball)
}

pub(crate) fn inspect_with(npm: &Npm, tarball: &[u8]) -> Result<Inspection, InspectRefusal> {
    npm.inspect(&Said::default(), &[&Bytes::new("given.tgz", tarball)])
}

/// Stored, not compressed: its digests stay the same whatever the compressor's version. The files are under `package/`.
pub(crate) fn tarball(files: &[(&str, &[u8])]) -> Vec<u8> {
    let paths: Vec<String> = files.iter().map(|(path, _)| format!("package/{path}")).collect();
    let files: Vec<(&str, &[u8])> = paths.iter().map(String::as_str).zip(files.iter().map(|(_, data)| *data)).collect();
    gzip_stored(&tar(&files))
}

pub(crate) fn package_json(version: &str, more: &str) -> String {
    format!("{{\"name\":\"@acme.example/widget\",\"version\":\"{version}\"{more}}}")
}

/// A release of `@acme.example/widget`, or of the package that the id names.
pub(crate) fn release(id: &str, version: &str, more: &str) -> Inspection {
    let (domain, name) = id.strip_prefix("npm:").unwrap().split_once('/').unwrap();
    let json = format!("{{\"name\":\"@{domain}/{name}\",\"version\":\"{version}\"{more}}}");
    inspect(&tarball(&[("package.json", json.as_bytes()), ("index.js", b"module.exports = 1\n")])).unwrap()
}

pub(crate) const WIDGET: &str = "npm:acme.example/widget";

/// A log of npm packages.
pub(crate) type Log = deedbox_testkit::folding::Log<Npm>;
/// Its rows.
pub(crate) type Store = deedbox_testkit::folding::Store<Npm>;

/// What only npm's packages need.
pub(crate) trait NpmLog {
    fn publish(&mut self, id: &str, version: &str, more: &str) -> &mut Self;
}

impl NpmLog for Log {
    fn publish(&mut self, id: &str, version: &str, more: &str) -> &mut Self {
        self.publish_inspected(&release(id, version, more))
    }
}

/// Answers under npm's mount, by a site with a key.
pub(crate) trait NpmStore {
    fn reply(&self, request: &Request) -> Response;

    fn get(&self, path: &str) -> (u16, String) {
        let response = self.reply(&Request::get("/npm/", path));
        (response.status, text(&response))
    }

    fn json(&self, path: &str) -> serde_json::Value {
        let (status, body) = self.get(path);
        assert_eq!(status, 200, "{path}: {body}");
        serde_json::from_str(&body).unwrap()
    }
}

impl NpmStore for Store {
    fn reply(&self, request: &Request) -> Response {
        self.answer_at(&site(), request, 5_000)
    }
}

pub(crate) fn published(manifest: &Manifest, channels: &[&str]) -> deedbox_model::Event {
    deedbox_testkit::folding::published(&Npm::new(), manifest, channels)
}

pub(crate) fn version(v: &str) -> Version {
    Version::parse(v).unwrap()
}
pub(crate) fn channel(c: &str) -> Channel {
    Channel::parse(c).unwrap()
}

pub(crate) fn abbreviated(path: &str) -> Request {
    let accept = "application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8, */*".to_owned();
    Request { accept, ..Request::get("/npm/", path) }
}

pub(crate) fn site() -> Site {
    let signer: Arc<dyn SiteSigner> = Arc::new(RegistrySigner::from_scalar(&[7; 32]).unwrap());
    Site { base_url: "https://registry.example".to_owned(), log_key: String::new(), signers: [("npm", signer)].into() }
}
