//! A catalog in memory, read and written exactly as a shell does it: rows that `touches` names and no others, rounds
//! as `plan` and `step` ask for them.
#![allow(dead_code, reason = "each test file uses its part of it")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may stop where it stands")]

use deedbox_catalog::{Catalog, DOMAINS, PACKAGES, SEARCH};
use deedbox_model::{Event, EventId, Manifest, ObjectRef, Row, RowKey, Rows, Statement, TimeMs, Verified};
use deedbox_testkit::{Owner, Registry, manifest, publish_event, secret, time};
use deedbox_view::question::{MAX_GET, MAX_ROUNDS, MAX_SCAN};
use deedbox_view::{Body, Entry, Fact, Facts, Method, Plan, Projection, Reads, Request, Response, ScanEnd, Site, Step, View};
use std::collections::BTreeMap;

pub(crate) type Table = BTreeMap<RowKey, Row>;

/// One entry with what was read for it.
#[derive(Clone)]
pub(crate) struct Told {
    pub(crate) statement: Verified<Statement>,
    pub(crate) facts: Facts,
}

/// A log and its rows.
#[derive(Clone, Default)]
pub(crate) struct World {
    pub(crate) table: Table,
    pub(crate) log: Vec<Told>,
    pub(crate) heads: BTreeMap<String, EventId>,
}

/// The time of an index: a second for each.
pub(crate) fn at(index: u64) -> TimeMs {
    time(index * 1000)
}

pub(crate) fn fold(table: &mut Table, index: u64, told: &Told) {
    let entry = Entry { index, log_time: at(index), statement: &told.statement };
    let keys = Catalog.touches(&entry, &told.facts).unwrap();
    let rows = Rows::new(keys.into_iter().map(|key| (key.clone(), table.get(&key).cloned())).collect());
    for (key, bytes) in Catalog.fold(&rows, &entry, &told.facts).unwrap() {
        match bytes {
            Some(bytes) => table.insert(key, Row { bytes: bytes.into(), seq: index }),
            None => table.remove(&key),
        };
    }
}

impl World {
    pub(crate) fn new() -> Self {
        let mut world = World::default();
        world.tell(Registry::default().created(at(0)), Facts::default());
        world
    }

    pub(crate) fn now(&self) -> TimeMs {
        at(self.log.len() as u64)
    }

    pub(crate) fn tell(&mut self, statement: Verified<Statement>, facts: Facts) {
        let told = Told { statement, facts };
        fold(&mut self.table, self.log.len() as u64, &told);
        self.heads.insert(told.statement.subject().to_string(), told.statement.id());
        self.log.push(told);
    }

    pub(crate) fn claim(&mut self, domain: &str, key: u8) -> Owner {
        let (claim, owner) = Registry::default().claim(domain, &secret(key), self.now());
        self.tell(claim, Facts::default());
        owner
    }

    pub(crate) fn head(&self, id: &str) -> Option<EventId> {
        self.heads.get(id).copied()
    }

    pub(crate) fn publish(&mut self, owner: &Owner, manifest: &Manifest, channels: &[&str]) -> ObjectRef {
        self.publish_as(owner, manifest, channels, Fact::Present(manifest.clone()))
    }

    pub(crate) fn publish_as(&mut self, owner: &Owner, manifest: &Manifest, channels: &[&str], fact: Fact<Manifest>) -> ObjectRef {
        let id = manifest.id.as_str();
        let event = publish_event(manifest, channels);
        let object = event.manifest;
        let statement = owner.say(id, self.head(id), self.now(), &Event::from(event));
        self.tell(statement, Facts { manifest: Some(fact), message: None });
        object
    }

    pub(crate) fn deprecate(&mut self, owner: &Owner, id: &str, version: &str, message: Option<&str>) {
        let statement = owner.deprecate(id, version, message, self.head(id).unwrap(), self.now());
        self.tell(statement, Facts { manifest: None, message: message.map(|m| Fact::Present(m.to_owned())) });
    }

    pub(crate) fn yank(&mut self, owner: &Owner, id: &str, version: &str) {
        let statement = owner.yank(id, version, self.head(id).unwrap(), self.now());
        self.tell(statement, Facts::default());
    }

    pub(crate) fn unyank(&mut self, owner: &Owner, id: &str, version: &str) {
        let statement = owner.unyank(id, version, self.head(id).unwrap(), self.now());
        self.tell(statement, Facts::default());
    }

    pub(crate) fn set_channel(&mut self, owner: &Owner, id: &str, channel: &str, version: &str) {
        let statement = owner.set_channel(id, channel, version, self.head(id).unwrap(), self.now());
        self.tell(statement, Facts::default());
    }

    pub(crate) fn remove_channel(&mut self, owner: &Owner, id: &str, channel: &str) {
        let statement = owner.remove_channel(id, channel, self.head(id).unwrap(), self.now());
        self.tell(statement, Facts::default());
    }

    /// The answer to a request, with the rows of the first round.
    pub(crate) fn ask_with_first(&self, request: &Request) -> (Response, Vec<(RowKey, Row)>) {
        let mut reads = Reads::default();
        let question = Catalog.parse(request);
        let mut plan = question.plan();
        let mut first = None;
        loop {
            match plan {
                Plan::Nothing => {}
                Plan::Get(keys) => {
                    assert!(keys.len() <= MAX_GET);
                    reads.last_scan = None;
                    for key in keys {
                        reads.rows.insert(key.clone(), self.table.get(&key).cloned());
                    }
                }
                Plan::Scan { prefix, after, limit } => {
                    assert!((1..=MAX_SCAN).contains(&limit));
                    let found: Vec<_> = self
                        .table
                        .iter()
                        .filter(|(key, _)| key.as_str().starts_with(prefix.as_str()) && after.as_ref().is_none_or(|after| *key > after))
                        .take(limit as usize)
                        .map(|(key, row)| (key.clone(), row.clone()))
                        .collect();
                    reads.last_scan = Some(ScanEnd { last: found.last().map(|(key, _)| key.clone()), more: found.len() == limit as usize });
                    for (key, row) in found {
                        reads.rows.insert(key, Some(row));
                    }
                }
            }
            reads.rounds += 1;
            first.get_or_insert_with(|| reads.rows.iter().map(|(key, row)| (key.clone(), row.clone())).collect());
            assert!(reads.rounds <= MAX_ROUNDS);
            match question.step(&reads).unwrap() {
                Step::Ready => break,
                Step::Read(next) => plan = next,
            }
        }
        let site = Site { base_url: "http://registry.example".to_owned(), log_key: String::new(), signers: BTreeMap::new() };
        (question.render(&reads, &site).unwrap(), first.unwrap())
    }

    pub(crate) fn ask(&self, url: &str) -> (u16, serde_json::Value) {
        json(&self.ask_with_first(&get(url)).0)
    }
}

/// The status and the body.
pub(crate) fn json(response: &Response) -> (u16, serde_json::Value) {
    let Body::Bytes(bytes) = &response.body else { panic!("{response:?}") };
    (response.status, serde_json::from_slice(bytes).unwrap())
}

/// A GET of a path with a query, nothing escaped.
pub(crate) fn get(url: &str) -> Request {
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    let (mount, path) = [PACKAGES, DOMAINS, SEARCH]
        .into_iter()
        .find_map(|mount| path.strip_prefix(mount).map(|rest| (mount, rest)))
        .unwrap_or_else(|| panic!("{url} is below no mount"));
    let pair = |pair: &str| pair.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
    Request { query: query.split('&').filter_map(pair).collect(), ..Request::get(mount, path) }
}

pub(crate) fn write(url: &str) -> Request {
    Request { method: Method::Write, ..get(url) }
}

/// A manifest that says something about itself.
pub(crate) fn described(id: &str, version: &str, description: &str, keywords: &[&str]) -> Manifest {
    let mut manifest = manifest(id, version, format!("{id}@{version}").as_bytes());
    manifest.metadata.description = (!description.is_empty()).then(|| description.to_owned());
    manifest.metadata.keywords = keywords.iter().map(|&word| word.to_owned()).collect();
    manifest
}
