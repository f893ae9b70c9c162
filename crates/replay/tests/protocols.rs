//! What a new protocol number may not change (spec/authority.md §1.4): entries of before it keep their verdict, their rows and their
//! fingerprint, though the new number can read what they could not say. The number is a pretended one: `testkit::pretended`.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, clippy::indexing_slicing, reason = "a test may stop where it stands")]

mod laid;

use deedbox_authority::rows::{RegistryRow, VoidRow, registry_key, void_key};
use deedbox_authority::{DECIDERS, Deciders, PROJECTION as AUTHORITY};
use deedbox_catalog::Catalog;
use deedbox_model::row::{decode_row, encode_row};
use deedbox_model::{EventId, Protocol, Row, Statement};
use deedbox_npm::Npm;
use deedbox_replay::{Fingerprint, Folder, Leaf, ReplayError, Replayer, fingerprint};
use deedbox_store::{LogStore, MemoryFiles, MemoryObjects, MemoryRows, Objects as _, RowBatch, RowStore};
use deedbox_testkit::{Registry, pretended, secret, time};
use deedbox_tlog::TreeHead;
use deedbox_view::Projection;
use laid::laid_out;
use std::collections::BTreeMap;
use std::sync::Arc;

const ID: &str = "npm:acme.example/widget";
/// Entries of an entry bundle, and so of the shortest run.
const BUNDLE: usize = 256;
/// Entries behind the change of rules that the log says something by.
const BEHIND: usize = 9;

/// A log that goes by protocol 1 up to an entry, and by the pretended number behind it.
struct Log {
    files: MemoryFiles,
    objects: MemoryObjects,
    entries: Vec<Vec<u8>>,
    target: TreeHead,
    /// The void entries, with their codes.
    void: BTreeMap<u64, &'static str>,
}

fn fill(entries: &mut Vec<Vec<u8>>, registry: &Registry, size: usize) {
    while entries.len() < size {
        let n = entries.len();
        entries.push(registry.claim(&format!("d{n}.example"), &secret((n % 200) as u8 + 20), time(n as u64)).0.bytes().to_vec());
    }
}

impl Log {
    /// The change of rules is entry `change`; behind it come `size` entries in all, and, if it is asked for, a change to a third number.
    async fn new(change: usize, size: usize, third: bool) -> Log {
        let registry = Registry::default();
        let at = |n: usize| time(n as u64);
        let created = registry.created(at(0));
        let (claim, acme) = registry.claim("acme.example", &secret(10), at(1));
        let (first, manifest) = acme.publish(ID, "1.0.0", None, at(2), &["latest"]);
        let retired_early = acme.retire(ID, "1.0.0", first.id(), at(3));
        let (granted, _) = registry.grant("beta.example", 11, at(4));
        let yank = acme.yank(ID, "1.0.0", first.id(), at(5));
        let unyank = acme.unyank(ID, "1.0.0", yank.id(), at(7));
        let mut entries = vec![
            created.bytes().to_vec(),
            claim.bytes().to_vec(),
            first.bytes().to_vec(),
            retired_early.clone(),
            granted.clone(),
            yank.bytes().to_vec(),
            acme.unyank_anew(ID, "1.0.0", yank.id(), at(6)),
            unyank.bytes().to_vec(),
        ];
        fill(&mut entries, &registry, change);

        let rules = registry.rules_changed(created.id(), pretended::TWO.number(), at(change));
        let (claim, _) = registry.claim("delta.example", &secret(12), at(change + 1));
        let (gamma_granted, gamma) = registry.grant("gamma.example", 13, at(change + 2));
        let (second, other) = gamma.publish("npm:gamma.example/gadget", "1.0.0", None, at(change + 3), &[]);
        let retired = acme.retire(ID, "1.0.0", unyank.id(), at(change + 4));
        let old_shape = acme.unyank(ID, "1.0.0", EventId::of(&retired), at(change + 5));
        entries.extend([rules.bytes().to_vec(), claim.bytes().to_vec(), gamma_granted, second.bytes().to_vec(), retired.clone()]);
        entries.extend([old_shape.bytes().to_vec(), acme.unyank_anew(ID, "1.0.0", EventId::of(&retired), at(change + 6))]);
        // The bytes of two void entries once more: now they say something.
        entries.extend([retired_early, granted]);
        fill(&mut entries, &registry, size);
        if third {
            entries.push(registry.rules_changed(rules.id(), 3, at(size)).bytes().to_vec());
            fill(&mut entries, &registry, size + 5);
        }

        let change = change as u64;
        let void = BTreeMap::from([
            (3, "undecodable"),
            (4, "undecodable"),
            (6, "undecodable"),
            (change + 5, "undecodable"),
            (change + 7, "stale_prev"),
        ]);
        let objects = MemoryObjects::new();
        for manifest in [manifest, other] {
            objects.put(manifest.encode().unwrap().into()).await.unwrap();
        }
        let (files, target) = laid_out(&entries).await;
        Log { files, objects, entries, target, void }
    }

    fn folder(&self, rows: &MemoryRows, deciders: Deciders, projections: Vec<Arc<dyn Projection>>) -> Folder {
        Folder { rows: Arc::new(rows.clone()), objects: Arc::new(self.objects.clone()), projections, deciders }
    }

    /// Folds up to a size, so many entries at once.
    async fn folded(&self, deciders: Deciders, size: u64, at_once: usize) -> (MemoryRows, Result<(), ReplayError>) {
        let rows = MemoryRows::new();
        let folder = self.folder(&rows, deciders, both());
        let mut first = 0;
        for some in self.entries[..size as usize].chunks(at_once) {
            match folder.fold(first, some.iter().cloned().map(Leaf::Bytes).collect()).await {
                Ok(folded) => assert_eq!(folded.entries, some.len() as u64),
                Err(error) => return (rows, Err(error)),
            }
            first += some.len() as u64;
        }
        (rows, Ok(()))
    }

    async fn replayer(&self, folder: Folder) -> Replayer {
        Replayer::open(folder, LogStore::in_files(Arc::new(self.files.clone())), self.target, &|_, _| {}).await.unwrap()
    }

    /// The codes of the void entries as the rows have them.
    async fn void(&self, rows: &MemoryRows) -> BTreeMap<u64, String> {
        let mut void = BTreeMap::new();
        for index in 0..self.target.size {
            let key = void_key(index).unwrap();
            if let Some(row) = &rows.read(&AUTHORITY, std::slice::from_ref(&key)).await.unwrap()[0] {
                void.insert(index, decode_row::<VoidRow>(&key, &row.bytes).unwrap().code);
            }
        }
        void
    }
}

fn both() -> Vec<Arc<dyn Projection>> {
    vec![Arc::new(Catalog), Arc::new(Npm::new())]
}

async fn fingerprints(rows: &MemoryRows) -> Vec<Fingerprint> {
    let mut all = Vec::new();
    for id in [AUTHORITY, Catalog.id(), Npm::new().id()] {
        all.push(fingerprint(rows, &id).await.unwrap());
    }
    all
}

fn assert_void(found: &BTreeMap<u64, String>, expected: &BTreeMap<u64, &'static str>) {
    assert_eq!(
        found.iter().map(|(index, code)| (*index, code.as_str())).collect::<Vec<_>>(),
        expected.clone().into_iter().collect::<Vec<_>>()
    );
}

#[test]
fn nothing_that_ships_has_the_pretended_number() {
    let number = pretended::TWO.number();
    assert_eq!(DECIDERS.protocol(number).map(Protocol::number), None);
    assert_eq!(Protocol::NEWEST.number(), Protocol::ONE.number());
    let (bytes, _) = Registry::default().grant("beta.example", 11, time(4));
    assert!(Statement::decode(Protocol::ONE, &bytes).is_err() && Statement::decode(&pretended::TWO, &bytes).is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn entries_of_an_old_number_keep_verdict_rows_and_fingerprint_under_a_new_one() {
    let change = 20;
    let log = Log::new(change, change + BEHIND + 5, false).await;
    let (old, behind) = (change as u64 + 1, log.target.size);

    let (by_one, done) = log.folded(DECIDERS, old, 7).await;
    done.unwrap();
    let (by_both, done) = log.folded(pretended::DECIDERS, old, 7).await;
    done.unwrap();
    assert_eq!(fingerprints(&by_one).await, fingerprints(&by_both).await);

    // A program without the number comes as far, and says so; what it has folded is not touched.
    for at_once in [1, 7, 100] {
        let (stopped, error) = log.folded(DECIDERS, behind, at_once).await;
        assert!(matches!(error, Err(ReplayError::Undecided { index, protocol: 2 }) if index == old), "{error:?}");
        assert_eq!(fingerprints(&stopped).await, fingerprints(&by_one).await);
    }

    // One that has it goes on, by the new rules behind the change, and by the old ones before it.
    let mut all = Vec::new();
    for at_once in [1, 7, 100] {
        let (rows, done) = log.folded(pretended::DECIDERS, behind, at_once).await;
        done.unwrap();
        assert_void(&log.void(&rows).await, &log.void);
        all.push(fingerprints(&rows).await);
    }
    assert!(all.iter().all(|fingerprints| *fingerprints == all[0]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn runs_that_were_decoded_ahead_of_a_change_of_rules_are_decoded_again() {
    // The change as the last entry of a run, as the first of one, in the middle, and in the first of several runs.
    for change in [BUNDLE - 1, BUNDLE, BUNDLE + 100, 2 * BUNDLE - 3, 20] {
        let log = Log::new(change, 3 * BUNDLE + 9, false).await;
        let (expected, done) = log.folded(pretended::DECIDERS, log.target.size, 1).await;
        done.unwrap();
        let rows = MemoryRows::new();
        let replayer = log.replayer(log.folder(&rows, pretended::DECIDERS, both())).await;
        let mut replayer = replayer.with_runs_of(BUNDLE);
        replayer.catch_up(log.target, &|_, _| {}).await.unwrap();
        assert_eq!(fingerprints(&rows).await, fingerprints(&expected).await, "change at {change}");
        assert_void(&log.void(&rows).await, &log.void);
        let numbers = replayer.numbers().borrow().clone();
        let change = change as u64;
        assert_eq!([0, change, change + 1, log.target.size].map(|index| numbers.at(index)), [1, 1, 2, 2]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_finds_out_which_number_was_in_force_where() {
    let change = 300;
    let log = Log::new(change, 2 * BUNDLE, false).await;
    let change = change as u64;
    // Rows of before the change, of the change itself, and of the end.
    for folded in [0, change, change + 1, change + 4, log.target.size] {
        let (rows, done) = log.folded(pretended::DECIDERS, folded, 50).await;
        done.unwrap();
        let mut replayer = log.replayer(log.folder(&rows, pretended::DECIDERS, both())).await;
        let now = replayer.numbers().borrow().now();
        assert_eq!(now, if folded > change { 2 } else { 1 }, "folded {folded}");
        replayer.catch_up(log.target, &|_, _| {}).await.unwrap();
        assert_void(&log.void(&rows).await, &log.void);
        assert_eq!([change, change + 1].map(|index| replayer.numbers().borrow().at(index)), [1, 2]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_view_that_is_folded_again_reads_each_entry_by_the_number_of_its_index() {
    let log = Log::new(300, 2 * BUNDLE, false).await;
    let (expected, done) = log.folded(pretended::DECIDERS, log.target.size, 50).await;
    done.unwrap();
    // Rows without npm's; the next start has it among its views.
    let rows = MemoryRows::new();
    let mut replayer = log.replayer(log.folder(&rows, pretended::DECIDERS, vec![Arc::new(Catalog)])).await;
    replayer.catch_up(log.target, &|_, _| {}).await.unwrap();
    log.replayer(log.folder(&rows, pretended::DECIDERS, both())).await;
    assert_eq!(fingerprints(&rows).await, fingerprints(&expected).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_change_of_rules_is_undecided_from_there() {
    let log = Log::new(20, BUNDLE + 20, true).await;
    let third = BUNDLE as u64 + 20;
    let rows = MemoryRows::new();
    let mut replayer = log.replayer(log.folder(&rows, pretended::DECIDERS, both())).await;
    let stopped = replayer.catch_up(log.target, &|_, _| {}).await;
    assert!(matches!(stopped, Err(ReplayError::Undecided { index, protocol: 3 }) if index == third + 1), "{stopped:?}");
    let (expected, done) = log.folded(pretended::DECIDERS, third + 1, 1).await;
    done.unwrap();
    assert_eq!(fingerprints(&rows).await, fingerprints(&expected).await);
    // The next start follows the registry's chain over both changes, and goes no further.
    let replayer = log.replayer(log.folder(&rows, pretended::DECIDERS, both())).await;
    let numbers = replayer.numbers().borrow().clone();
    assert_eq!([20, 21, third, third + 1].map(|index| numbers.at(index)), [1, 2, 2, 3]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_that_name_another_number_than_the_log_are_not_folded_on() {
    let log = Log::new(20, BUNDLE, false).await;
    for (folded, said, found) in [(10, 2, 1), (log.target.size, 3, 2)] {
        let (rows, done) = log.folded(pretended::DECIDERS, folded, 50).await;
        done.unwrap();
        let key = registry_key().unwrap();
        let row = rows.read(&AUTHORITY, std::slice::from_ref(&key)).await.unwrap()[0].clone().unwrap();
        let registry = RegistryRow { protocol: said, ..decode_row(&key, &row.bytes).unwrap() };
        let row = Row { bytes: encode_row(&registry).unwrap().into(), seq: row.seq };
        let changes = [(key, Some(row))].into();
        rows.commit(&[RowBatch { projection: AUTHORITY, from: folded, to: folded, changes }]).await.unwrap();
        let folder = log.folder(&rows, pretended::DECIDERS, both());
        let refused = Replayer::open(folder, LogStore::in_files(Arc::new(log.files.clone())), log.target, &|_, _| {})
            .await
            .err()
            .unwrap()
            .to_string();
        let words = format!("the rows say that protocol {said} is in force, and the log says protocol {found}");
        assert!(refused.contains(&words) && refused.contains("remove"), "{refused}");
    }
}
