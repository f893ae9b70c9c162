//! Catching up has three runs under way at once: one is committed, one folded on top of it, of one the signatures are checked. What
//! comes of it is what folding entry after entry gives, also where each run needs what the one before it wrote.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, clippy::indexing_slicing, reason = "a test may stop where it stands")]

mod laid;

use deedbox_authority::{DECIDERS, PROJECTION as AUTHORITY};
use deedbox_catalog::Catalog;
use deedbox_model::{Batch, Changes, Defect, Keys, ProjectionId, Rows};
use deedbox_replay::{Folder, Leaf, ReplayError, Replayer};
use deedbox_store::{Files as _, LogStore, MemoryFiles, MemoryObjects, MemoryRows, Objects as _, RowStore, open_rows_in};
use deedbox_testkit::{Registry, secret, time};
use deedbox_tlog::TreeHead;
use deedbox_view::{Entry, Facts, Projection};
use laid::laid_out;
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::sync::{mpsc, watch};

/// Entries of an entry bundle, and so of the shortest run.
const BUNDLE: usize = 256;

/// A log of these entries, as its files are, and the objects that they name.
struct Log {
    files: MemoryFiles,
    objects: MemoryObjects,
    entries: Vec<Vec<u8>>,
    target: TreeHead,
}

impl Log {
    /// Entry 0, then claims, releases and channels in such a turn that keys, packages and channels of one run are used in the next one
    /// at once; `last` comes after them.
    async fn new(count: usize, protocol: Option<(usize, u64)>) -> Log {
        let registry = Registry::default();
        let objects = MemoryObjects::new();
        let created = registry.created(time(0));
        let mut entries = vec![created.bytes().to_vec()];
        let mut protocol = protocol;
        while entries.len() < count {
            let number = entries.len();
            if let Some((_, protocol)) = protocol.take_if(|(at, _)| number >= *at) {
                entries.push(registry.rules_changed(created.id(), protocol, time(number as u64)).bytes().to_vec());
                continue;
            }
            let at = time(number as u64);
            let domain = format!("d{number}.example");
            let (claim, owner) = registry.claim(&domain, &secret((number % 200) as u8 + 10), at);
            let id = format!("npm:{domain}/widget");
            let (first, manifest) = owner.publish(&id, "1.0.0", None, at, &["latest"]);
            let (second, other) = owner.publish(&id, "2.0.0", Some(first.id()), at, &[]);
            let moved = owner.set_channel(&id, "latest", "2.0.0", second.id(), at);
            let yanked = owner.yank(&id, "1.0.0", moved.id(), at);
            let late = owner.yank(&id, "2.0.0", moved.id(), at);
            for manifest in [manifest, other] {
                objects.put(manifest.encode().unwrap().into()).await.unwrap();
            }
            entries.extend([claim, first, second, moved, yanked, late].map(|statement| statement.bytes().to_vec()));
        }
        entries.truncate(count);
        let (files, target) = laid_out(&entries).await;
        Log { files, objects, entries, target }
    }

    fn stored(&self) -> LogStore {
        LogStore::in_files(Arc::new(self.files.clone()))
    }

    fn folder(&self, rows: Arc<dyn RowStore>) -> Folder {
        Folder { rows, objects: Arc::new(self.objects.clone()), projections: vec![Arc::new(Catalog)], deciders: DECIDERS }
    }

    /// Folds entry after entry, up to a size.
    async fn one_by_one(&self, size: u64) -> MemoryRows {
        let rows = MemoryRows::new();
        let folder = self.folder(Arc::new(rows.clone()));
        for (index, entry) in (0..size).zip(&self.entries) {
            folder.fold(index, vec![Leaf::Bytes(entry.clone())]).await.unwrap();
        }
        rows
    }

    async fn catch_up(&self, rows: Arc<dyn RowStore>) -> Result<(), ReplayError> {
        let replayer = Replayer::open(self.folder(rows), self.stored(), self.target, &|_, _| {}).await.unwrap();
        replayer.with_runs_of(BUNDLE).catch_up(self.target, &|_, _| {}).await
    }
}

async fn assert_same(found: &dyn RowStore, expected: &dyn RowStore, size: u64) {
    for id in [AUTHORITY, deedbox_catalog::PROJECTION] {
        assert_eq!((found.cursor(&id).await.unwrap(), expected.cursor(&id).await.unwrap()), (size, size), "{id}");
        let [found, expected] = [found.scan(&id, "", None, 100_000).await.unwrap(), expected.scan(&id, "", None, 100_000).await.unwrap()];
        assert!(expected.len() > 100);
        assert_eq!(found, expected, "{id}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn runs_folded_ahead_of_their_commits_give_the_rows_of_entry_after_entry() {
    let directory = tempfile::tempdir().unwrap();
    // Sizes at, before and after the end of a run; one run alone; several.
    for (turn, count) in [BUNDLE - 1, BUNDLE, BUNDLE + 1, 4 * BUNDLE, 5 * BUNDLE + 7].into_iter().enumerate() {
        let log = Log::new(count, None).await;
        let expected = log.one_by_one(log.target.size).await;
        let folder = directory.path().join(turn.to_string());
        std::fs::create_dir(&folder).unwrap();
        let sqlite = open_rows_in(&folder).await.unwrap();
        for rows in [Arc::new(MemoryRows::new()) as Arc<dyn RowStore>, Arc::clone(sqlite.folded())] {
            log.catch_up(Arc::clone(&rows)).await.unwrap();
            assert_same(rows.as_ref(), &expected, log.target.size).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_protocol_ends_it_after_all_that_comes_before_is_committed() {
    for at in [BUNDLE - 1, BUNDLE, 2 * BUNDLE + 3] {
        let log = Log::new(4 * BUNDLE, Some((at, 2))).await;
        let rows = Arc::new(MemoryRows::new());
        let stopped = log.catch_up(Arc::clone(&rows) as Arc<dyn RowStore>).await.unwrap_err();
        let ReplayError::Undecided { index, protocol: 2 } = stopped else { panic!("{stopped}") };
        assert!(index >= at as u64 && index <= at as u64 + 7, "{index} beside {at}");
        assert_same(rows.as_ref(), &log.one_by_one(index).await, index).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_bundle_ends_it_after_the_runs_before_are_committed() {
    let log = Log::new(4 * BUNDLE, None).await;
    let path = deedbox_tlog::bundle::BundleId::holding(2 * BUNDLE as u64, log.target.size).unwrap().path();
    let mut bytes = log.files.get(&path).await.unwrap().unwrap().to_vec();
    bytes[700] ^= 1;
    log.files.put(&path, bytes.into()).await.unwrap();
    let rows = Arc::new(MemoryRows::new());
    let stopped = log.catch_up(Arc::clone(&rows) as Arc<dyn RowStore>).await.unwrap_err();
    assert!(matches!(stopped, ReplayError::Damaged(_)), "{stopped}");
    let committed = 2 * BUNDLE as u64;
    assert_same(rows.as_ref(), &log.one_by_one(committed).await, committed).await;
}

/// A generation of the catalog that nothing puts in force: its rows are those of the first.
struct Later;

impl Projection for Later {
    fn id(&self) -> ProjectionId {
        ProjectionId { version: 2, ..Catalog.id() }
    }
    fn touches(&self, entry: &Entry<'_>, facts: &Facts) -> Result<Keys, Defect> {
        Catalog.touches(entry, facts)
    }
    fn fold(&self, rows: &Rows, entry: &Entry<'_>, facts: &Facts) -> Result<Changes, Defect> {
        Catalog.fold(rows, entry, facts)
    }
}

/// A generation that cannot be folded.
struct Faulty;

impl Projection for Faulty {
    fn id(&self) -> ProjectionId {
        ProjectionId { name: "faulty", version: 2 }
    }
    fn touches(&self, _: &Entry<'_>, _: &Facts) -> Result<Keys, Defect> {
        Err(Defect::Unread("what is not there".to_owned()))
    }
    fn fold(&self, _: &Rows, _: &Entry<'_>, _: &Facts) -> Result<Changes, Defect> {
        Ok(Changes::new())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn generations_that_are_behind_are_folded_beside_what_comes_and_then_with_it() {
    let log = Log::new(4 * BUNDLE + 9, None).await;
    let (size, before) = (log.target.size, 3 * BUNDLE as u64 + 5);
    let rows = Arc::new(log.one_by_one(before).await);
    let with = |projections: &[Arc<dyn Projection>]| {
        let mut folder = log.folder(Arc::clone(&rows) as Arc<dyn RowStore>);
        folder.projections.extend(projections.iter().cloned());
        folder
    };
    let later = Later.id();
    let open = async |projections: &[Arc<dyn Projection>]| {
        Replayer::open_to_serve(with(projections), log.stored(), log.target, &|_, _| {}).await.unwrap()
    };
    let replayer = open(&[Arc::new(Later)]).await;
    assert_eq!(replayer.behind().borrow().of(&later), Some("none of it is folded yet"));
    assert_eq!(replayer.behind().borrow().of(&Catalog.id()), None);

    // Entries come while it is folded, and behind it.
    let (known, to_fold) = mpsc::channel(16);
    let (_targets, heads) = watch::channel(log.target);
    let (mut behind, mut folded) = (replayer.behind(), replayer.folded());
    let running = tokio::spawn(replayer.run(to_fold, heads));
    known.send(Batch { first: before, entries: Vec::new() }).await.unwrap();
    folded.wait_for(|folded| *folded == size).await.unwrap();
    behind.wait_for(|behind| behind.of(&later).is_none()).await.unwrap();
    drop(known);
    running.await.unwrap().unwrap();
    let expected = log.one_by_one(size).await;
    assert_same(rows.as_ref(), &expected, size).await;
    assert_eq!(rows.cursor(&later).await.unwrap(), size);
    let all = async |rows: &MemoryRows, id: &ProjectionId| rows.scan(id, "", None, 100_000).await.unwrap();
    assert_eq!(all(&rows, &later).await, all(&expected, &Catalog.id()).await);

    // One that cannot be folded says so, and the others go on; a caller that needs all of them is told at once.
    let replayer = open(&[Arc::new(Faulty)]).await;
    let mut behind = replayer.behind();
    let (known, to_fold) = mpsc::channel(16);
    let (_targets, heads) = watch::channel(log.target);
    let running = tokio::spawn(replayer.run(to_fold, heads));
    let stopped = behind.wait_for(|behind| behind.of(&Faulty.id()).is_some_and(|why| why.starts_with("it cannot be folded"))).await;
    assert!(stopped.is_ok());
    drop(known);
    running.await.unwrap().unwrap();
    let refused = Replayer::open(with(&[Arc::new(Faulty)]), log.stored(), log.target, &|_, _| {}).await.err();
    assert!(matches!(refused, Some(ReplayError::Defect(_))), "{refused:?}");
}

/// Rows as they are, under another cursor of authority's.
async fn with_cursor(rows: &MemoryRows, size: u64, cursor: u64) -> MemoryRows {
    let copy = MemoryRows::new();
    for (id, to) in [(AUTHORITY, cursor), (deedbox_catalog::PROJECTION, size)] {
        let changes = rows.scan(&id, "", None, 100_000).await.unwrap().into_iter().map(|(key, row)| (key, Some(row))).collect();
        copy.commit(&[deedbox_store::RowBatch { projection: id, from: 0, to, changes }]).await.unwrap();
    }
    copy
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_that_are_not_where_their_cursor_says_are_not_folded_on() {
    // The last entry is effective in one, void in the other.
    let mut last_is_void = BTreeSet::new();
    for count in [BUNDLE + 5, BUNDLE + 9] {
        let log = Log::new(count, None).await;
        let size = log.target.size;
        let rows = log.one_by_one(size).await;
        let void = deedbox_authority::rows::void_key(size - 1).unwrap();
        last_is_void.insert(rows.read(&AUTHORITY, &[void]).await.unwrap()[0].is_some());
        let open = async |rows: MemoryRows| {
            Replayer::open(log.folder(Arc::new(rows)), log.stored(), log.target, &|_, _| {})
                .await
                .map(|replayer| *replayer.folded().borrow())
        };
        assert_eq!(open(with_cursor(&rows, size, size).await).await.unwrap(), size);
        let flipped = (0..64).map(|bit| size ^ 1 << bit).chain((0..16).map(|before| size - 1 - before));
        for cursor in flipped {
            let refused = open(with_cursor(&rows, size, cursor).await).await.err().unwrap_or_else(|| panic!("{cursor} of {size}"));
            assert!(
                matches!(&refused, ReplayError::Rows(why) if why.contains("rows.sqlite") && why.contains("remove")),
                "{cursor}: {refused}"
            );
        }
        // Ahead of what is folded, and not beyond the log: half of the rows, and a cursor that says all.
        let half = log.one_by_one(size - 9).await;
        for cursor in size - 8..=size {
            assert!(matches!(open(with_cursor(&half, size - 9, cursor).await).await, Err(ReplayError::Rows(_))), "{cursor}");
        }
    }
    assert_eq!(last_is_void.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_of_another_log_are_not_folded_on() {
    let (log, other) = (Log::new(BUNDLE + 5, None).await, Log::new(BUNDLE + 5, Some((BUNDLE, 1))).await);
    assert_ne!(log.target.root, other.target.root);
    let rows = other.one_by_one(other.target.size).await;
    let refused = Replayer::open(log.folder(Arc::new(rows)), log.stored(), log.target, &|_, _| {}).await.err();
    assert!(matches!(refused, Some(ReplayError::Rows(_))), "{refused:?}");
}
