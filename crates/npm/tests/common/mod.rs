//! A small world for the tests of this crate: real tarballs, a signed log in memory, rows in a map, and a reader that
//! does what the shell does.

#![allow(dead_code, reason = "each test program uses its own part")]

use deedbox_model::event::*;
use deedbox_model::*;
use deedbox_npm::{Npm, RegistrySigner};
use deedbox_view::*;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::sync::Arc;

/// A file in memory.
pub(crate) struct Bytes(pub(crate) Vec<u8>);

impl ArtifactSource for Bytes {
    fn name(&self) -> &str {
        "given.tgz"
    }
    fn size(&self) -> u64 {
        self.0.len() as u64
    }
    fn digests(&self) -> Digests {
        Hasher::of(&self.0).1
    }
    fn open(&self) -> std::io::Result<Box<dyn Read + '_>> {
        Ok(Box::new(self.0.as_slice()))
    }
}

pub(crate) fn inspect(tarball: &[u8]) -> Result<Inspection, InspectRefusal> {
    inspect_with(&Npm::new(), tarball)
}

pub(crate) fn inspect_with(npm: &Npm, tarball: &[u8]) -> Result<Inspection, InspectRefusal> {
    npm.inspect(&Said::default(), &[&Bytes(tarball.to_vec())])
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gz = GzEncoder::new(Vec::new(), Compression::fast());
    gz.write_all(bytes).unwrap();
    gz.finish().unwrap()
}

/// One tar member as raw as a hostile one may be.
pub(crate) fn member(path: &[u8], kind: u8, data: &[u8]) -> Vec<u8> {
    let mut header = tar::Header::new_ustar();
    header.as_mut_bytes()[..path.len()].copy_from_slice(path);
    header.set_mode(0o644);
    header.set_mtime(499_162_500);
    header.set_size(data.len() as u64);
    header.as_mut_bytes()[156] = kind;
    header.set_cksum();
    let mut out = header.as_bytes().to_vec();
    out.extend(data);
    out.resize(out.len().div_ceil(512) * 512, 0);
    out
}

/// A tar of these files under `package/`.
pub(crate) fn tar_of(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, data) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(data.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(499_162_500);
        builder.append_data(&mut header, format!("package/{path}"), *data).unwrap();
    }
    builder.into_inner().unwrap()
}

/// Stored, not compressed: its digests stay the same whatever the compressor's version.
pub(crate) fn tarball(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut gz = GzEncoder::new(Vec::new(), Compression::none());
    gz.write_all(&tar_of(files)).unwrap();
    gz.finish().unwrap()
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

/// An entry with the facts that its objects give.
#[derive(Clone)]
pub(crate) struct Logged {
    pub(crate) index: u64,
    pub(crate) log_time: TimeMs,
    pub(crate) statement: Verified<Statement>,
    pub(crate) facts: Facts,
}

/// A log in memory, signed with real keys.
pub(crate) struct Log {
    key: SecretKey,
    pub(crate) entries: Vec<Logged>,
}

impl Default for Log {
    fn default() -> Self {
        Log { key: SecretKey::from_seed(&[3; 32]), entries: Vec::new() }
    }
}

impl Log {
    pub(crate) fn append(&mut self, id: &str, event: Event, facts: Facts) -> &mut Self {
        let index = self.entries.len() as u64;
        let log_time = TimeMs::new(1_795_248_000_000 + index * 60_000).unwrap();
        let id = PackageId::parse(id).unwrap();
        let speaker = Speaker::Domain { domain: id.domain().clone(), tenure: EventId([9; 32]) };
        let origin = Origin::parse("registry.example/log").unwrap();
        let statement = Statement::sign(&self.key, &origin, &speaker, &Subject::Package(id), None, log_time, &event).unwrap();
        self.entries.push(Logged { index, log_time, statement, facts });
        self
    }

    pub(crate) fn publish(&mut self, id: &str, version: &str, more: &str) -> &mut Self {
        let inspection = release(id, version, more);
        let channels: Vec<String> = inspection.channels.iter().map(ToString::to_string).collect();
        self.publish_as(&inspection.manifest, &channels.iter().map(String::as_str).collect::<Vec<_>>())
    }

    pub(crate) fn publish_as(&mut self, manifest: &Manifest, channels: &[&str]) -> &mut Self {
        let facts = Facts { manifest: Some(Fact::Present(manifest.clone())), message: None };
        self.append(manifest.id.as_str(), published(manifest, channels), facts)
    }

    pub(crate) fn yank(&mut self, id: &str, v: &str, reason: ReasonCode) -> &mut Self {
        self.append(id, Event::ReleaseYanked(ReleaseYanked { reason, version: version(v) }), Facts::default())
    }
    pub(crate) fn unyank(&mut self, id: &str, v: &str) -> &mut Self {
        self.append(id, Event::ReleaseUnyanked(ReleaseUnyanked { version: version(v) }), Facts::default())
    }
    pub(crate) fn deprecate(&mut self, id: &str, v: &str, reason: ReasonCode, message: Option<Fact<String>>) -> &mut Self {
        let object = message.as_ref().map(|_| ObjectRef::of(b"message"));
        let notice = Some(Notice { reason, message: object });
        self.append(id, Event::ReleaseDeprecated(ReleaseDeprecated { notice, version: version(v) }), Facts { manifest: None, message })
    }
    pub(crate) fn undeprecate(&mut self, id: &str, v: &str) -> &mut Self {
        self.append(id, Event::ReleaseDeprecated(ReleaseDeprecated { notice: None, version: version(v) }), Facts::default())
    }
    pub(crate) fn channel(&mut self, id: &str, name: &str, v: &str) -> &mut Self {
        self.append(id, Event::ChannelSet(ChannelSet { channel: channel(name), version: version(v) }), Facts::default())
    }
    pub(crate) fn remove_channel(&mut self, id: &str, name: &str) -> &mut Self {
        self.append(id, Event::ChannelRemoved(ChannelRemoved { channel: channel(name) }), Facts::default())
    }
    pub(crate) fn rows(&self) -> Store {
        let mut store = Store::default();
        store.follow(&self.entries, 1);
        store
    }
}

pub(crate) fn published(manifest: &Manifest, channels: &[&str]) -> Event {
    let mut channels: Vec<Channel> = channels.iter().map(|c| channel(c)).collect();
    channels.sort();
    Event::ReleasePublished(ReleasePublished {
        version: manifest.version.clone(),
        channels,
        manifest: ObjectRef::of(&manifest.encode().unwrap()),
        artifacts: manifest.artifacts.len() as u64,
        principal: Npm::new().principal(manifest),
        total_size: manifest.total_size(),
        native_name: manifest.native_name.clone(),
        native_version: manifest.native_version.clone(),
    })
}

pub(crate) fn version(v: &str) -> Version {
    Version::parse(v).unwrap()
}
pub(crate) fn channel(c: &str) -> Channel {
    Channel::parse(c).unwrap()
}

/// Rows in memory, as replay keeps them.
#[derive(Default, Clone, PartialEq, Eq, Debug)]
pub(crate) struct Store {
    pub(crate) rows: BTreeMap<RowKey, Row>,
}

impl Store {
    /// Folds entries in batches, as replay does: reads all rows that a batch touches at once, lays changes over them.
    pub(crate) fn follow(&mut self, entries: &[Logged], batch: usize) {
        let npm = Npm::new();
        for batch in entries.chunks(batch) {
            let mut overlay: BTreeMap<RowKey, Option<Row>> = BTreeMap::new();
            for logged in batch {
                let entry = Entry { index: logged.index, log_time: logged.log_time, statement: &logged.statement };
                for key in npm.touches(&entry, &logged.facts).unwrap() {
                    let row = self.rows.get(&key).cloned();
                    overlay.entry(key).or_insert(row);
                }
            }
            for logged in batch {
                let entry = Entry { index: logged.index, log_time: logged.log_time, statement: &logged.statement };
                let keys = npm.touches(&entry, &logged.facts).unwrap();
                let seen = keys.iter().map(|key| (key.clone(), overlay[key].clone())).collect();
                for (key, bytes) in npm.fold(&Rows::new(seen), &entry, &logged.facts).unwrap() {
                    assert!(keys.contains(&key), "{key} was changed but not touched");
                    overlay.insert(key, bytes.map(|bytes| Row { bytes, seq: logged.index }));
                }
            }
            for (key, row) in overlay {
                match row {
                    Some(row) => self.rows.insert(key, row),
                    None => self.rows.remove(&key),
                };
            }
        }
    }

    pub(crate) fn read(&self, plan: &Plan, limit: u32, reads: &mut Reads) {
        match plan {
            Plan::Nothing => {}
            Plan::Get(keys) => {
                assert!(keys.len() <= deedbox_view::projection::MAX_GET);
                for key in keys {
                    reads.rows.insert(key.clone(), self.rows.get(key).cloned());
                }
                reads.last_scan = None;
            }
            Plan::Scan { prefix, after, .. } => {
                let start = after.clone().unwrap_or_else(|| prefix.clone());
                let all = self.rows.range(start..).filter(|(key, _)| after.as_ref() != Some(key));
                let mut found = all.take_while(|(key, _)| key.as_str().starts_with(prefix.as_str()));
                let mut last = after.clone();
                for (key, row) in found.by_ref().take(limit as usize) {
                    reads.rows.insert(key.clone(), Some(row.clone()));
                    last = Some(key.clone());
                }
                reads.last_scan = Some(ScanEnd { last, more: found.next().is_some() });
            }
        }
        reads.rounds += 1;
    }

    /// Answers as the shell does.
    pub(crate) fn answer_at(&self, site: &Site, request: &Request, scan_limit: u32) -> Response {
        let npm = Npm::new();
        let mut reads = Reads::default();
        self.read(&npm.plan(request), scan_limit, &mut reads);
        loop {
            assert!(reads.rounds <= deedbox_view::projection::MAX_ROUNDS);
            match npm.step(request, &reads).unwrap() {
                Step::Ready => return npm.render(request, &reads, site).unwrap(),
                Step::Read(plan) => self.read(&plan, scan_limit, &mut reads),
            }
        }
    }

    pub(crate) fn answer(&self, request: &Request) -> Response {
        self.answer_at(&site(), request, 5_000)
    }

    pub(crate) fn get(&self, path: &str) -> (u16, String) {
        let response = self.answer(&Request::get("/npm/", path));
        (response.status, text(&response))
    }

    pub(crate) fn json(&self, path: &str) -> serde_json::Value {
        let (status, body) = self.get(path);
        assert_eq!(status, 200, "{path}: {body}");
        serde_json::from_str(&body).unwrap()
    }
}

pub(crate) fn text(response: &Response) -> String {
    match &response.body {
        Body::Bytes(bytes) => String::from_utf8(bytes.clone()).unwrap(),
        Body::Empty => String::new(),
        Body::Object(object) => object.sha256.to_address(),
    }
}

pub(crate) fn abbreviated(path: &str) -> Request {
    let accept = "application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8, */*".to_owned();
    Request { accept, ..Request::get("/npm/", path) }
}

pub(crate) fn site() -> Site {
    let signer: Arc<dyn SiteSigner> = Arc::new(RegistrySigner::from_scalar(&[7; 32]).unwrap());
    Site { base_url: "https://registry.example".to_owned(), signers: [("npm", signer)].into() }
}
