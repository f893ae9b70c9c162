//! A projection without a server: a signed log in memory, rows in a map, and a reader that does what the shell does.

use crate::world::Registry;
use deedbox_model::event::{
    ChannelRemoved, ChannelSet, Event, Evidence, Notice, ReleaseDeprecated, ReleasePublished, ReleaseUnyanked, ReleaseYanked, Sight,
};
use deedbox_model::{
    Channel, Digests, Domain, EventId, Hasher, Manifest, ObjectRef, Origin, PackageId, ReasonCode, Row, RowKey, Rows, SecretKey, Speaker,
    Statement, Subject, TimeMs, Verified, Version,
};
use deedbox_view::question::{MAX_GET, MAX_ROUNDS, MAX_SCAN, MAX_SCAN_BYTES};
use deedbox_view::{
    ArtifactSource, Body, Dialect, Entry, Fact, Facts, Inspection, Plan, Projection, Question, Reads, Request, Response, ScanEnd, Site,
    Step, View,
};
use std::collections::BTreeMap;
use std::io::Read;

/// A file in memory.
#[derive(Debug, Clone)]
pub struct Bytes {
    /// Its name, as its dialect wants it.
    pub name: String,
    /// All of it.
    pub bytes: Vec<u8>,
    /// Computed once.
    pub digests: Digests,
}

impl Bytes {
    /// With this name.
    pub fn new(name: &str, bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        Bytes { name: name.to_owned(), digests: Hasher::of(&bytes).1, bytes }
    }
}

impl ArtifactSource for Bytes {
    fn name(&self) -> &str {
        &self.name
    }
    fn size(&self) -> u64 {
        self.bytes.len() as u64
    }
    fn digests(&self) -> Digests {
        self.digests
    }
    fn open(&self) -> std::io::Result<Box<dyn Read + '_>> {
        Ok(Box::new(self.bytes.as_slice()))
    }
}

/// An entry with the facts that its objects give.
#[derive(Debug, Clone)]
pub struct Logged {
    /// Its index.
    pub index: u64,
    /// Log time there.
    pub log_time: TimeMs,
    /// The statement.
    pub statement: Verified<Statement>,
    /// What its objects say.
    pub facts: Facts,
}

impl Logged {
    fn entry(&self) -> Entry<'_> {
        Entry { index: self.index, log_time: self.log_time, statement: &self.statement }
    }
}

/// A log in memory, signed with a real key, of one dialect's packages. An entry comes each minute.
#[derive(Debug)]
pub struct Log<D> {
    key: SecretKey,
    /// Who reads it.
    pub dialect: D,
    /// All entries.
    pub entries: Vec<Logged>,
}

impl<D: Dialect + Projection + Default> Default for Log<D> {
    fn default() -> Self {
        Log { key: SecretKey::from_seed(&[3; 32]), dialect: D::default(), entries: Vec::new() }
    }
}

impl<D: Dialect + Projection + Default> Log<D> {
    /// Any event.
    pub fn append(&mut self, id: &str, event: Event, facts: Facts) -> &mut Self {
        let index = self.entries.len() as u64;
        let log_time = TimeMs::new(1_795_248_000_000 + index * 60_000).unwrap();
        let id = PackageId::parse(id).unwrap();
        let speaker = Speaker::Domain { domain: id.domain().clone(), tenure: EventId([9; 32]) };
        let origin = Origin::parse("registry.example/log").unwrap();
        let statement = Statement::sign(&self.key, &origin, &speaker, &Subject::Package(id), None, log_time, &event).unwrap();
        self.entries.push(Logged { index, log_time, statement, facts });
        self
    }

    /// A claim of a domain, by an operator with the same key.
    pub fn claim(&mut self, domain: &str) -> &mut Self {
        let index = self.entries.len() as u64;
        let log_time = TimeMs::new(1_795_248_000_000 + index * 60_000).unwrap();
        let registry = Registry { operator: self.key.clone(), ..Registry::default() };
        let (statement, _) = registry.claim(domain, &self.key, log_time);
        self.entries.push(Logged { index, log_time, statement, facts: Facts::default() });
        self
    }

    /// A claim that says that it rests on a look. What it shows is for nobody here to judge.
    pub fn claim_seen(&mut self, domain: &str, evidence: Evidence) -> &mut Self {
        let index = self.entries.len() as u64;
        let log_time = TimeMs::new(1_795_248_000_000 + index * 60_000).unwrap();
        let registry = Registry { operator: self.key.clone(), ..Registry::default() };
        let look = |_: &Domain, _: &str| Sight { at: log_time, records: vec![0] };
        let (statement, _) = registry.claim_seen(domain, &self.key, evidence, log_time, look);
        self.entries.push(Logged { index, log_time, statement, facts: Facts::default() });
        self
    }

    /// A release as it was inspected, with the channels that its author did not have to name.
    pub fn publish_inspected(&mut self, inspection: &Inspection) -> &mut Self {
        let channels: Vec<&str> = inspection.channels.iter().map(Channel::as_str).collect();
        self.publish_as(&inspection.manifest, &channels)
    }

    /// A release with these channels.
    pub fn publish_as(&mut self, manifest: &Manifest, channels: &[&str]) -> &mut Self {
        let facts = Facts { manifest: Some(Fact::Present(manifest.clone())), message: None };
        let event = published(&self.dialect, manifest, channels);
        self.append(manifest.id.as_str(), event, facts)
    }

    /// A yank.
    pub fn yank(&mut self, id: &str, v: &str, reason: ReasonCode) -> &mut Self {
        self.append(id, Event::from(ReleaseYanked { reason, version: version(v) }), Facts::default())
    }
    /// The end of a yank.
    pub fn unyank(&mut self, id: &str, v: &str) -> &mut Self {
        self.append(id, Event::from(ReleaseUnyanked { version: version(v) }), Facts::default())
    }
    /// A deprecation, with a message where there is a fact.
    pub fn deprecate(&mut self, id: &str, v: &str, reason: ReasonCode, message: Option<Fact<String>>) -> &mut Self {
        let object = message.as_ref().map(|_| ObjectRef::of(b"message"));
        let notice = Some(Notice { reason, message: object });
        self.append(id, Event::from(ReleaseDeprecated { notice, version: version(v) }), Facts { manifest: None, message })
    }
    /// The end of a deprecation.
    pub fn undeprecate(&mut self, id: &str, v: &str) -> &mut Self {
        self.append(id, Event::from(ReleaseDeprecated { notice: None, version: version(v) }), Facts::default())
    }
    /// A channel that points at a version.
    pub fn channel(&mut self, id: &str, name: &str, v: &str) -> &mut Self {
        self.append(id, Event::from(ChannelSet { channel: channel(name), version: version(v) }), Facts::default())
    }
    /// A channel that is gone.
    pub fn remove_channel(&mut self, id: &str, name: &str) -> &mut Self {
        self.append(id, Event::from(ChannelRemoved { channel: channel(name) }), Facts::default())
    }
    /// All of it, folded one by one.
    pub fn rows(&self) -> Store<D> {
        let mut store = Store::default();
        store.follow(&self.entries, 1);
        store
    }
}

/// The event that publishes a manifest of this dialect.
pub fn published(dialect: &dyn Dialect, manifest: &Manifest, channels: &[&str]) -> Event {
    let mut channels: Vec<Channel> = channels.iter().map(|c| channel(c)).collect();
    channels.sort();
    Event::from(ReleasePublished {
        version: manifest.version.clone(),
        channels,
        manifest: ObjectRef::of(&manifest.encode().unwrap()),
        artifacts: manifest.artifacts.len() as u64,
        principal: dialect.principal(manifest),
        total_size: manifest.total_size(),
        native_name: manifest.native_name.clone(),
        native_version: manifest.native_version.clone(),
    })
}

fn version(v: &str) -> Version {
    Version::parse(v).unwrap()
}
fn channel(c: &str) -> Channel {
    Channel::parse(c).unwrap()
}

/// Rows in memory, as replay keeps them.
#[derive(Debug, Clone, Default)]
pub struct Store<D> {
    pub(crate) projection: D,
    /// All of them.
    pub rows: BTreeMap<RowKey, Row>,
}

impl<D> PartialEq for Store<D> {
    fn eq(&self, other: &Self) -> bool {
        self.rows == other.rows
    }
}

impl<D: Projection> Store<D> {
    /// Folds entries in batches, as replay does: reads all rows that a batch touches at once, lays changes over them, and
    /// reads what only rows name for each entry. Gives the number of rows written.
    pub fn follow(&mut self, entries: &[Logged], batch: usize) -> usize {
        let projection = &self.projection;
        let mut written = 0;
        for batch in entries.chunks(batch) {
            let mut overlay: BTreeMap<RowKey, Option<Row>> = BTreeMap::new();
            for logged in batch {
                for key in projection.touches(&logged.entry(), &logged.facts).unwrap() {
                    let row = self.rows.get(&key).cloned();
                    overlay.entry(key).or_insert(row);
                }
            }
            for logged in batch {
                let mut keys = projection.touches(&logged.entry(), &logged.facts).unwrap();
                let next = projection.touches_next(&Rows::select(&overlay, &keys), &logged.entry(), &logged.facts).unwrap();
                assert!(next.len() <= MAX_GET);
                for key in next {
                    let row = self.rows.get(&key).cloned();
                    overlay.entry(key.clone()).or_insert(row);
                    keys.insert(key);
                }
                for (key, bytes) in projection.fold(&Rows::select(&overlay, &keys), &logged.entry(), &logged.facts).unwrap() {
                    assert!(keys.contains(&key), "{key} was changed but not touched");
                    overlay.insert(key, bytes.map(|bytes| Row { bytes: bytes.into(), seq: logged.index }));
                    written += 1;
                }
            }
            for (key, row) in overlay {
                match row {
                    Some(row) => self.rows.insert(key, row),
                    None => self.rows.remove(&key),
                };
            }
        }
        written
    }
}

impl<D> Store<D> {
    /// One round of reading, with at most so many rows in a scan.
    pub fn read(&self, plan: &Plan, limit: u32, reads: &mut Reads) {
        match plan {
            Plan::Nothing => {}
            Plan::Get(keys) => {
                assert!(keys.len() <= MAX_GET);
                for key in keys {
                    reads.rows.insert(key.clone(), self.rows.get(key).cloned());
                }
                reads.last_scan = None;
            }
            Plan::Scan { prefix, after, limit: wanted } => {
                assert!(*wanted <= MAX_SCAN);
                let limit = limit.min(*wanted);
                let start = after.clone().unwrap_or_else(|| prefix.clone());
                let all = self.rows.range(start..).filter(|(key, _)| after.as_ref() != Some(key));
                let mut found = all.take_while(|(key, _)| key.as_str().starts_with(prefix.as_str()));
                let (mut last, mut bytes) = (after.clone(), 0);
                for (key, row) in found.by_ref().take(limit as usize) {
                    reads.rows.insert(key.clone(), Some(row.clone()));
                    last = Some(key.clone());
                    bytes += key.as_str().len() + row.bytes.len();
                    if bytes as u64 >= MAX_SCAN_BYTES {
                        break;
                    }
                }
                reads.last_scan = Some(ScanEnd { last, more: found.next().is_some() });
            }
        }
        reads.rounds += 1;
    }

    /// Answers as the shell does, with at most so many rows in one scan.
    pub fn answer_to(&self, question: &dyn Question, site: &Site, scan_limit: u32) -> Response {
        self.answer_with(question, site, scan_limit).0
    }

    /// The same, with all that was read for it.
    pub fn answer_with(&self, question: &dyn Question, site: &Site, scan_limit: u32) -> (Response, Reads) {
        let mut reads = Reads::default();
        self.read(&question.plan(), scan_limit, &mut reads);
        loop {
            assert!(reads.rounds <= MAX_ROUNDS);
            match question.step(&reads).unwrap() {
                Step::Ready => return (question.render(&reads, site).unwrap(), reads),
                Step::Read(plan) => self.read(&plan, scan_limit, &mut reads),
            }
        }
    }
}

impl<D: View> Store<D> {
    /// Answers a request as the shell does, with at most so many rows in one scan.
    pub fn answer_at(&self, site: &Site, request: &Request, scan_limit: u32) -> Response {
        self.answer_to(self.projection.parse(request).as_ref(), site, scan_limit)
    }

    /// Answers at a site without keys.
    pub fn answer(&self, request: &Request) -> Response {
        self.answer_at(&site(), request, MAX_SCAN)
    }
}

/// A site without keys.
pub fn site() -> Site {
    Site { base_url: "https://registry.example".to_owned(), log_key: String::new(), signers: BTreeMap::new() }
}

/// The body as text; an object's address where it is one.
pub fn text(response: &Response) -> String {
    match &response.body {
        Body::Bytes(bytes) => String::from_utf8(bytes.clone()).unwrap(),
        Body::Empty => String::new(),
        Body::Object(object) => object.sha256.to_address(),
    }
}
