//! The laws of a projection, tried on random histories and random requests.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may stop where it stands")]

mod world;

use deedbox_catalog::{Catalog, DOMAINS, PACKAGES, SEARCH};
use deedbox_model::Rows;
use deedbox_testkit::Owner;
use deedbox_view::{Entry, Fact, Method, Projection, Request};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use world::{Table, World, at, described, fold, get, json};

const IDS: [&str; 4] = ["npm:acme.example/widget", "npm:acme.example/widget-core", "oci:beta.example/a/b", "npm:beta.example/gauge"];
const TEXTS: [&str; 4] = ["A widget", "A gauge for widgets", "", "Bücher und mehr"];
const CHANNELS: [&str; 3] = ["latest", "next", "v1"];

/// Something that may happen; what cannot happen now is passed over.
#[derive(Debug, Clone)]
enum Deed {
    Claim(usize),
    Publish { id: usize, text: usize, channels: Vec<usize>, standing: u8 },
    Yank(usize, usize),
    Notice(usize, usize, bool),
    Point(usize, usize, usize),
    Remove(usize, usize),
}

fn deed() -> impl Strategy<Value = Deed> {
    let id = 0..IDS.len();
    prop_oneof![
        1 => (0..3usize).prop_map(Deed::Claim),
        6 => (id.clone(), 0..TEXTS.len(), proptest::sample::subsequence(vec![0, 1, 2], 0..3), 0..8u8)
            .prop_map(|(id, text, channels, standing)| Deed::Publish { id, text, channels, standing }),
        2 => (id.clone(), 0..4usize).prop_map(|(id, v)| Deed::Yank(id, v)),
        2 => (id.clone(), 0..4usize, any::<bool>()).prop_map(|(id, v, up)| Deed::Notice(id, v, up)),
        2 => (id.clone(), 0..3usize, 0..4usize).prop_map(|(id, c, v)| Deed::Point(id, c, v)),
        1 => (id, 0..3usize).prop_map(|(id, c)| Deed::Remove(id, c)),
    ]
}

/// What has happened, as far as the next deed must know.
struct Actors {
    world: World,
    owners: Vec<Owner>,
    extra: BTreeSet<usize>,
    releases: BTreeMap<usize, Vec<(String, bool)>>,
    channels: BTreeSet<(usize, usize)>,
}

impl Actors {
    fn new() -> Self {
        let mut world = World::new();
        let owners = vec![world.claim("acme.example", 10), world.claim("beta.example", 11)];
        Actors { world, owners, extra: BTreeSet::new(), releases: BTreeMap::new(), channels: BTreeSet::new() }
    }

    fn act(&mut self, deed: &Deed) {
        let owner = |id: &usize| self.owners[usize::from(IDS[*id].contains("beta"))].clone();
        match deed {
            Deed::Claim(n) => {
                if self.extra.insert(*n) {
                    self.world.claim(["team.acme.example", "gamma.example", "demo.localhost"][*n], 20);
                }
            }
            Deed::Publish { id, text, channels, standing } => {
                let owner = owner(id);
                let releases = self.releases.entry(*id).or_default();
                let version = format!("1.{}.0", releases.len());
                releases.push((version.clone(), false));
                self.channels.extend(channels.iter().map(|c| (*id, *c)));
                let channels: Vec<&str> = channels.iter().map(|c| CHANNELS[*c]).collect();
                let manifest = described(IDS[*id], &version, TEXTS[*text], &["tool"]);
                let fact = match standing {
                    0 => Fact::Withheld,
                    1 => Fact::Unreadable("not_a_manifest"),
                    _ => Fact::Present(manifest.clone()),
                };
                self.world.publish_as(&owner, &manifest, &channels, fact);
            }
            Deed::Yank(id, v) => {
                let owner = owner(id);
                if let Some((version, yanked)) = self.releases.get_mut(id).and_then(|releases| releases.get_mut(*v)) {
                    *yanked = !*yanked;
                    let (version, yanked) = (version.clone(), *yanked);
                    if yanked { self.world.yank(&owner, IDS[*id], &version) } else { self.world.unyank(&owner, IDS[*id], &version) }
                }
            }
            Deed::Notice(id, v, up) => {
                if let Some((version, _)) = self.releases.get(id).and_then(|releases| releases.get(*v)) {
                    self.world.deprecate(&owner(id), IDS[*id], version, up.then_some("use another"));
                }
            }
            Deed::Point(id, c, v) => {
                if let Some((version, _)) = self.releases.get(id).and_then(|releases| releases.get(*v)) {
                    self.channels.insert((*id, *c));
                    self.world.set_channel(&owner(id), IDS[*id], CHANNELS[*c], version);
                }
            }
            Deed::Remove(id, c) => {
                if self.channels.remove(&(*id, *c)) {
                    self.world.remove_channel(&owner(id), IDS[*id], CHANNELS[*c]);
                }
            }
        }
    }
}

fn requests() -> Vec<Request> {
    let mut urls: Vec<String> = [
        "/api/v1/packages/",
        "/api/v1/packages/?limit=1",
        "/api/v1/packages/?limit=2&after=npm:acme.example/widget",
        "/api/v1/packages/?prefix=oci:",
        "/api/v1/packages/?prefix=npm:acme.example/widget",
        "/api/v1/domains/",
        "/api/v1/domains/?limit=1&after=acme.example",
        "/api/v1/domains/acme.example",
        "/api/v1/domains/x.team.acme.example",
        "/api/v1/domains/demo.localhost",
        "/api/v1/search/?q=widget",
        "/api/v1/search/?q=a&limit=1",
        "/api/v1/search/?q=bücher",
        "/api/v1/search/?q=tool widgets&ecosystem=npm",
        "/api/v1/search/?q=tool&after=2:npm:acme.example/widget",
    ]
    .map(str::to_owned)
    .into();
    for id in IDS {
        for view in ["", "?view=versions", "?view=versions&limit=1&after=1.0.0", "?view=channels", "?view=history", "?view=history&after=4"]
        {
            urls.push(format!("/api/v1/packages/{id}{view}"));
        }
        for version in ["1.0.0", "1.1.0", "1.2.0"] {
            urls.push(format!("/api/v1/packages/{id}@{version}"));
        }
    }
    urls.iter().map(|url| get(url)).collect()
}

/// Folds a log in batches: each batch reads the table once for all that its entries touch, as a store would.
fn fold_in_batches(world: &World, sizes: &[usize]) -> Table {
    let mut table = Table::new();
    let mut sizes = sizes.iter().cycle();
    let mut next = 0;
    while next < world.log.len() {
        let end = (next + sizes.next().unwrap()).min(world.log.len());
        let mut seen = Table::new();
        for (index, told) in world.log.iter().enumerate().take(end).skip(next) {
            let entry = Entry { index: index as u64, log_time: at(index as u64), statement: &told.statement };
            for key in Catalog.touches(&entry, &told.facts).unwrap() {
                if let Some(row) = table.get(&key) {
                    seen.insert(key, row.clone());
                }
            }
        }
        for (index, told) in world.log.iter().enumerate().take(end).skip(next) {
            let entry = Entry { index: index as u64, log_time: at(index as u64), statement: &told.statement };
            let keys = Catalog.touches(&entry, &told.facts).unwrap();
            let rows = Rows::new(keys.into_iter().map(|key| (key.clone(), seen.get(&key).cloned())).collect());
            for (key, bytes) in Catalog.fold(&rows, &entry, &told.facts).unwrap() {
                match bytes {
                    Some(bytes) => {
                        table.insert(key.clone(), deedbox_model::Row { bytes: bytes.clone().into(), seq: index as u64 });
                        seen.insert(key, deedbox_model::Row { bytes: bytes.into(), seq: index as u64 });
                    }
                    None => {
                        table.remove(&key);
                        seen.remove(&key);
                    }
                }
            }
        }
        next = end;
    }
    table
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn an_answer_stays_while_the_rows_of_its_first_round_stay(deeds in proptest::collection::vec(deed(), 1..25)) {
        let requests = requests();
        let mut actors = Actors::new();
        let mut before: Vec<_> = requests.iter().map(|request| actors.world.ask_with_first(request)).collect();
        for deed in &deeds {
            actors.act(deed);
            for (request, before) in requests.iter().zip(&mut before) {
                let now = actors.world.ask_with_first(request);
                if now.1 == before.1 {
                    prop_assert_eq!(&now.0, &before.0, "{:?} after {:?}", request, deed);
                }
                *before = now;
            }
        }
    }

    #[test]
    fn rows_from_increments_are_rows_from_zero(deeds in proptest::collection::vec(deed(), 1..40), sizes in proptest::collection::vec(1..9usize, 1..4)) {
        let mut actors = Actors::new();
        deeds.iter().for_each(|deed| actors.act(deed));
        let mut zero = Table::new();
        for (index, told) in actors.world.log.iter().enumerate() {
            fold(&mut zero, index as u64, told);
        }
        prop_assert_eq!(&zero, &actors.world.table);
        prop_assert_eq!(fold_in_batches(&actors.world, &sizes), zero);
    }

    #[test]
    fn no_request_makes_it_panic_or_answer_without_words(
        mount in proptest::sample::select(vec![PACKAGES, DOMAINS, SEARCH, "/elsewhere/"]),
        path in prop_oneof![".{0,40}", "[a-z]{1,4}:[a-z.]{1,12}/[a-z/@.0-9]{0,20}", Just(String::new()), Just("npm:acme.example/widget".to_owned())],
        query in proptest::collection::vec((proptest::sample::select(vec!["q", "after", "limit", "view", "prefix", "ecosystem"]), prop_oneof![".{0,20}", "[0-9]{0,22}", "[a-z]{1,9}", Just("versions".to_owned()), Just("history".to_owned())]), 0..4),
        method in proptest::sample::select(vec![Method::Get, Method::Post, Method::Write]),
    ) {
        let mut actors = Actors::new();
        for text in 0..TEXTS.len() {
            actors.act(&Deed::Publish { id: 0, text, channels: vec![0], standing: 7 });
        }
        let query = query.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let (response, _) = actors.world.ask_with_first(&Request { method, query, ..Request::get(mount, &path) });
        let (status, body) = json(&response);
        match status {
            200 => prop_assert!(body.get("error").is_none()),
            400 | 404 | 405 => prop_assert!(body["error"]["message"].is_string() && body["error"]["help"].is_string()),
            other => prop_assert!(false, "{other}"),
        }
    }
}
