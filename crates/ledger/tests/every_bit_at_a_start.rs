//! Each bit of what a start goes on from is flipped once: the checkpoint, the partial tiles of every level, the open entry bundle, the
//! last commits, the signer's memory, and what a crash left claimed. A start names the file and extends nothing; what is published can
//! be read meanwhile wherever it is sound.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, clippy::indexing_slicing, reason = "a test may stop where it stands")]

mod world;

use deedbox_authority::DECIDERS;
use deedbox_ledger::{LedgerParts, NoProbe, Point, Probe, Recovered, STAGED, published};
use deedbox_store::commits::commit_path;
use deedbox_store::faulty::{Fault, FaultPlan, FaultyCommits, FaultyFiles};
use deedbox_store::memory::{MemoryCommits, MemoryFiles};
use deedbox_store::{Commits, Files};
use deedbox_tlog::CHECKPOINT_PATH;
use std::sync::Arc;
use world::{Stores, World};

fn parts(stores: &Stores) -> LedgerParts {
    let registry = deedbox_testkit::Registry::default();
    LedgerParts {
        origin: registry.origin.clone(),
        log_key: registry.log.clone(),
        commits: Arc::clone(&stores.commits),
        log: stores.log(),
        signer_memory: Arc::clone(&stores.signer),
        rows: Arc::clone(&stores.rows.0),
        deciders: DECIDERS,
        probe: Arc::new(NoProbe),
    }
}

/// What a start says, if it refuses.
async fn start(stores: &Stores) -> Result<u64, String> {
    Recovered::open(parts(stores)).await.map(|recovered| recovered.head().tree.size).map_err(|e| e.to_string())
}

fn flips(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> + '_ {
    (0..bytes.len() * 8).map(|bit| {
        let mut flipped = bytes.to_vec();
        flipped[bit / 8] ^= 1 << (bit % 8);
        flipped
    })
}

async fn all(files: &Arc<dyn Files>) -> Vec<(String, bytes::Bytes)> {
    let mut all = Vec::new();
    for path in files.list("").await.unwrap() {
        let bytes = files.get(&path).await.unwrap().unwrap();
        all.push((path, bytes));
    }
    all
}

async fn copied(commits: &Arc<dyn Commits>, changed: u64, bytes: Vec<u8>) -> Arc<dyn Commits> {
    let copy = MemoryCommits::default();
    for number in 0..=commits.last().await.unwrap().unwrap() {
        let bytes = if number == changed { bytes.clone().into() } else { commits.read(number).await.unwrap().unwrap() };
        copy.create(number, bytes).await.unwrap();
    }
    Arc::new(copy)
}

/// A log of so many entries, stopped in order; its last commits are small.
async fn stopped(entries: u64) -> Stores {
    let stores = Stores::default();
    let world = World::start(&stores).await.unwrap();
    world.claim_many(0..entries - 3).await;
    for last in entries - 3..entries - 1 {
        world.claim_many(last..last + 1).await;
    }
    world.stop().await;
    assert_eq!(start(&stores).await, Ok(entries));
    stores
}

/// Every bit of these files; each start names the file, and leaves every file as it was.
async fn each_bit_is_named(stores: &Stores, files: &Arc<dyn Files>, path: &str, also: &[&str]) -> u64 {
    let whole = files.get(path).await.unwrap().unwrap();
    let mut tried = 0;
    for flipped in flips(&whole) {
        files.put(path, flipped.clone().into()).await.unwrap();
        let before = (all(&stores.files).await, all(&stores.signer).await);
        let refused = start(stores).await.expect_err("it was carried on");
        assert!(refused.contains(path) && also.iter().all(|also| refused.contains(also)), "{path}: {refused}");
        assert!((all(&stores.files).await, all(&stores.signer).await) == before, "a start that refuses writes nothing");
        tried += 1;
    }
    files.put(path, whole).await.unwrap();
    start(stores).await.unwrap();
    tried
}

#[tokio::test]
async fn each_bit_of_what_a_start_goes_on_from_is_named_and_not_extended() {
    // Partial tiles of two levels, and a bundle of three entries after a full one.
    let stores = stopped(259).await;
    let size = 259;
    let mut tried = 0;
    for (path, _) in all(&stores.files).await {
        if ["tile/0/000", "tile/entries/000"].contains(&path.as_str()) {
            // Full: nothing is appended to them, and a start does not read what it does not go on from.
            continue;
        }
        tried += each_bit_is_named(&stores, &stores.files.clone(), &path, &[]).await;
    }
    assert!(tried > 10_000, "{tried}");
    let paths: Vec<_> = all(&stores.files).await.into_iter().map(|(path, _)| path).collect();
    assert!(paths.contains(&"tile/1/000.p/1".to_owned()) && paths.contains(&"tile/entries/001.p/3".to_owned()), "{paths:?}");

    // What is published is served meanwhile, also without its checkpoint's file.
    let good = stores.files.get(CHECKPOINT_PATH).await.unwrap().unwrap();
    stores.files.delete(CHECKPOINT_PATH).await.unwrap();
    let refused = start(&stores).await.unwrap_err();
    assert!(refused.contains("log/checkpoint is missing"), "{refused}");
    assert_eq!(published(&parts(&stores)).await.unwrap().0.checkpoint.unwrap().to_string().into_bytes(), good.to_vec());
    stores.files.put(CHECKPOINT_PATH, good.clone()).await.unwrap();
    for path in ["tile/entries/001.p/3", "tile/0/001.p/3", "tile/1/000.p/1", CHECKPOINT_PATH] {
        let whole = stores.files.get(path).await.unwrap().unwrap();
        let mut flipped = whole.to_vec();
        flipped[20] ^= 1;
        stores.files.put(path, flipped.into()).await.unwrap();
        let (head, _) = published(&parts(&stores)).await.unwrap();
        assert_eq!((head.tree.size, head.checkpoint.unwrap().to_string().into_bytes()), (size, good.to_vec()), "{path}");
        stores.files.put(path, whole).await.unwrap();
    }
}

#[tokio::test]
async fn each_bit_of_the_last_commits_and_of_the_signers_memory_is_named() {
    let stores = stopped(7).await;
    let last = stores.commits.last().await.unwrap().unwrap();
    let mut tried = 0;
    for number in [last, last - 1] {
        let whole = stores.commits.read(number).await.unwrap().unwrap();
        for flipped in flips(&whole) {
            let changed = Stores { commits: copied(&stores.commits, number, flipped).await, ..stores.clone() };
            let refused = start(&changed).await.expect_err("it was carried on");
            // The last commit names the digest of the one before it: of these two, nothing says which is the damaged one.
            assert!(refused.contains(&commit_path(number)) || refused.contains(&commit_path(number + 1)), "commit {number}: {refused}");
            tried += 1;
        }
    }
    tried += each_bit_is_named(&stores, &stores.signer.clone(), "last-signed", &["signer/"]).await;
    assert!(tried > 3_000, "{tried}");
}

#[tokio::test]
async fn a_last_commit_that_is_gone_is_named() {
    let stores = stopped(7).await;
    let last = stores.commits.last().await.unwrap().unwrap();
    let copy = MemoryCommits::default();
    for number in 0..last {
        copy.create(number, stores.commits.read(number).await.unwrap().unwrap()).await.unwrap();
    }
    let refused = start(&Stores { commits: Arc::new(copy), ..stores }).await.unwrap_err();
    assert!(refused.contains(&commit_path(last)) && refused.contains("missing"), "{refused}");
}

/// A log whose last batch was claimed, or signed too, and not published.
async fn claimed(point: Point) -> Stores {
    struct Dies(Point, FaultPlan);
    impl Probe for Dies {
        fn passed(&self, point: Point) {
            if point == self.0 {
                self.1.stop_now();
            }
        }
    }
    let clean = Stores::default();
    let world = World::start(&clean).await.unwrap();
    world.claim_many(0..4).await;
    world.stop().await;
    let plan = FaultPlan::none();
    let (commits, files, signer) = (Arc::clone(&clean.commits), Arc::clone(&clean.files), Arc::clone(&clean.signer));
    let dying = Stores {
        commits: Arc::new(FaultyCommits::new(commits, plan.clone())),
        files: Arc::new(FaultyFiles::new(files, plan.clone())),
        signer: Arc::new(FaultyFiles::new(signer, plan.clone())),
        ..clean.clone()
    };
    let world = World::start_probed(&dying, deedbox_testkit::Registry::default(), Arc::new(Dies(point, plan))).await.unwrap();
    let patience = std::time::Duration::from_millis(200);
    assert!(tokio::time::timeout(patience, world.claim_many(4..6)).await.is_err(), "nobody is answered");
    world.kill();
    Stores { rows: Default::default(), ..clean }
}

async fn copy_of(files: &Arc<dyn Files>) -> Arc<dyn Files> {
    let copy = MemoryFiles::default();
    for (path, bytes) in all(files).await {
        copy.put(&path, bytes).await.unwrap();
    }
    Arc::new(copy)
}

#[tokio::test(start_paused = true)]
async fn each_bit_of_what_a_crash_left_claimed_is_named_and_not_finished() {
    for (point, signed) in [(Point::Claimed, false), (Point::SignerRemembers, true)] {
        let stores = claimed(point).await;
        let mut tried = 0;
        let number = stores.commits.last().await.unwrap().unwrap();
        for path in stores.files.list(STAGED).await.unwrap() {
            tried += {
                let whole = stores.files.get(&path).await.unwrap().unwrap();
                let mut tried = 0;
                for flipped in flips(&whole) {
                    stores.files.put(&path, flipped.into()).await.unwrap();
                    let refused = start(&stores).await.expect_err("it was finished");
                    assert!(refused.contains(&path), "{refused}");
                    tried += 1;
                }
                stores.files.put(&path, whole).await.unwrap();
                tried
            };
        }
        let whole = stores.commits.read(number).await.unwrap().unwrap();
        let nonce = deedbox_ledger::Commit::decode(number, &whole).unwrap().nonce.0;
        let nonce_at = whole.windows(16).position(|window| window == nonce).unwrap();
        for (bit, flipped) in flips(&whole).enumerate() {
            let copy = Stores { files: copy_of(&stores.files).await, signer: copy_of(&stores.signer).await, ..stores.clone() };
            let changed = Stores { commits: copied(&stores.commits, number, flipped).await, ..copy };
            // The writer that claimed it is gone, and nobody has signed it yet: its nonce says nothing to anybody.
            if !signed && (nonce_at..nonce_at + 16).contains(&(bit / 8)) {
                assert_eq!(start(&changed).await, Ok(7));
                continue;
            }
            let refused = start(&changed).await.expect_err("it was finished");
            assert!(refused.contains(&commit_path(number)) || refused.contains(&commit_path(number - 1)), "{bit}: {refused}");
            tried += 1;
        }
        assert!(tried > 5_000, "{tried}");
        // What readers are served meanwhile is what was published before.
        let (head, _) = published(&parts(&stores)).await.unwrap();
        assert_eq!(head.tree.size, 5);
        assert_eq!(start(&stores).await, Ok(7), "undamaged it is finished");
    }
}

#[tokio::test]
async fn a_checkpoint_that_is_damaged_while_the_writer_runs_is_written_anew() {
    let stores = Stores::default();
    let world = World::start(&stores).await.unwrap();
    world.claim_many(0..3).await;
    let good = String::from_utf8(stores.files.get(CHECKPOINT_PATH).await.unwrap().unwrap().to_vec()).unwrap();
    // A damaged size, larger than any that comes: believed, no checkpoint would ever be written again.
    let damaged = good.replacen("\n4\n", "\n4000\n", 1);
    assert_ne!(damaged, good);
    stores.files.put(CHECKPOINT_PATH, damaged.into()).await.unwrap();
    let (claims, answers) = world.claim_many(3..5).await;
    world.check(&stores, &claims, &answers).await;
    world.stop().await;
    assert_eq!(start(&stores).await, Ok(6));
}

#[tokio::test]
async fn a_start_that_cannot_write_leaves_what_is_published_readable() {
    let stores = stopped(7).await;
    let plan = FaultPlan::fail_at(1, Fault::Before);
    let failing = Stores { files: Arc::new(FaultyFiles::new(Arc::clone(&stores.files), plan)), ..stores.clone() };
    assert!(start(&failing).await.is_err(), "it cannot clear what the last batch left");
    assert_eq!(published(&parts(&failing)).await.unwrap().0.tree.size, 7);
}
