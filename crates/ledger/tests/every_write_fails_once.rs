//! Every write of a small history fails once: before it is done, and after; once as a passing fault of the medium, once
//! as the end of the process. Whatever was answered is in the log, once; what was not may be sent again; the files agree
//! with each other, and rows are those of a rebuild.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, clippy::indexing_slicing, reason = "a test may stop where it stands")]

mod world;

use deedbox_authority::{DECIDERS, PROJECTION as AUTHORITY};
use deedbox_ledger::{Appended, SubmitError};
use deedbox_model::{Statement, Verified};
use deedbox_replay::{Folder, Replayer, compare, fingerprint};
use deedbox_store::RowStore;
use deedbox_store::faulty::{Fault, FaultPlan, FaultyCommits, FaultyFiles, FaultyRows};
use deedbox_store::memory::{MemoryCommits, MemoryFiles, MemoryObjects, MemoryRows};
use deedbox_testkit::Registry;
use std::sync::Arc;
use std::time::Duration;
use world::{Rows, Stores, World};

#[derive(Default, Clone)]
struct Medium {
    commits: MemoryCommits,
    files: MemoryFiles,
    signer: MemoryFiles,
    objects: MemoryObjects,
    rows: MemoryRows,
}

impl Medium {
    fn through(&self, plan: &FaultPlan) -> Stores {
        Stores {
            commits: Arc::new(FaultyCommits::new(self.commits.clone(), plan.clone())),
            files: Arc::new(FaultyFiles::new(self.files.clone(), plan.clone())),
            signer: Arc::new(FaultyFiles::new(self.signer.clone(), plan.clone())),
            objects: Arc::new(self.objects.clone()),
            rows: Rows(Arc::new(FaultyRows::new(self.rows.clone(), plan.clone()))),
        }
    }
}

type Answers = Vec<Result<Appended, SubmitError>>;

/// Three rounds of claims, four at once, on whatever is left of the log. Who gets no answer in a minute goes away.
async fn history(stores: &Stores) -> (Option<World>, Vec<Verified<Statement>>, Answers) {
    let minute = Duration::from_secs(60);
    let registry = Registry::default();
    let mut claims = Vec::new();
    let mut answers = Vec::new();
    let world = match tokio::time::timeout(minute, World::start(stores)).await {
        Ok(Ok(world)) => Some(world),
        Ok(Err(_)) | Err(_) => None,
    };
    for round in 0..3u64 {
        let some: Vec<_> = (0..4u64)
            .map(|n| registry.claim(&format!("r{round}n{n}.example"), &deedbox_testkit::secret(9), deedbox_testkit::time(round + 1)).0)
            .collect();
        if let Some(world) = &world {
            let sent = some
                .iter()
                .map(|claim| async { tokio::time::timeout(minute, world.try_submit(claim)).await.unwrap_or(Err(SubmitError::Stopped)) });
            answers.extend(futures::future::join_all(sent).await);
        } else {
            answers.extend(some.iter().map(|_| Err(SubmitError::Stopped)));
        }
        claims.extend(some);
    }
    (world, claims, answers)
}

/// The rows are those that the log gives from zero.
async fn rows_equal_a_rebuild(stores: &Stores, world: &World) {
    let head = world.ledger.head().borrow().clone();
    let target = head.tree;
    let scratch: Arc<dyn RowStore> = Arc::new(MemoryRows::default());
    let folder = Folder { rows: Arc::clone(&scratch), objects: Arc::clone(&stores.objects), projections: Vec::new(), deciders: DECIDERS };
    let mut replayer = Replayer::open(folder, stores.log(), target, &|_, _| {}).await.unwrap();
    replayer.catch_up(target, &|_, _| {}).await.unwrap();
    let differences = compare(stores.rows.0.as_ref(), scratch.as_ref(), &AUTHORITY, 10).await.unwrap();
    assert!(differences.is_empty(), "{differences:?}");
    let (a, b) = (fingerprint(stores.rows.0.as_ref(), &AUTHORITY).await.unwrap(), fingerprint(scratch.as_ref(), &AUTHORITY).await.unwrap());
    assert_eq!(a, b);
    assert_eq!(a.size, head.tree.size);
}

/// Number of writes of an undisturbed history.
async fn writes() -> u64 {
    let plan = FaultPlan::none();
    let (world, claims, answers) = history(&Medium::default().through(&plan)).await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    assert_eq!(claims.len(), 12);
    world.unwrap().kill();
    plan.writes()
}

#[tokio::test(start_paused = true)]
async fn a_process_that_dies_at_any_write_loses_nothing_it_answered() {
    let writes = writes().await;
    assert!(writes > 20, "{writes}");
    for nth in 1..=writes {
        for fault in [Fault::Before, Fault::After] {
            let medium = Medium::default();
            let plan = FaultPlan::stop_at(nth, fault);
            let (world, claims, answers) = history(&medium.through(&plan)).await;
            if let Some(world) = world {
                world.kill();
            }
            // Started again, on the same medium.
            let clean = FaultPlan::none();
            let stores = medium.through(&clean);
            let world = World::start(&stores).await.unwrap_or_else(|e| panic!("write {nth} {fault:?}: {e}\n{:?}", plan.log()));
            let report = deedbox_ledger::check_log(&world.files_to_check(&stores), &|_, _| {}).await.unwrap();
            assert!(report.findings.is_empty(), "write {nth} {fault:?} left {:?}", report.findings);
            world.check(&stores, &claims, &answers).await;
            rows_equal_a_rebuild(&stores, &world).await;
            // Who got no answer asks again, with the same bytes.
            let mut again = Vec::new();
            for claim in &claims {
                again.push(world.submit(claim).await);
            }
            assert!(again.iter().all(Result::is_ok), "write {nth} {fault:?}: {again:?}");
            world.check(&stores, &claims, &again).await;
            world.kill();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_write_that_fails_in_passing_is_got_over_without_a_restart() {
    let writes = writes().await;
    for nth in 1..=writes {
        for fault in [Fault::Before, Fault::After] {
            let medium = Medium::default();
            let plan = FaultPlan::fail_at(nth, fault);
            let stores = medium.through(&plan);
            let (world, claims, answers) = history(&stores).await;
            // The very first entry may be refused by a failing store: then the registry says so and is started again.
            let world = match world {
                Some(world) => world,
                None => World::start(&stores).await.unwrap_or_else(|e| panic!("write {nth} {fault:?}: {e}\n{:?}", plan.log())),
            };
            for answer in &answers {
                assert!(matches!(answer, Ok(_) | Err(SubmitError::Store(_) | SubmitError::Stopped)), "write {nth} {fault:?}: {answer:?}");
            }
            let mut again = Vec::new();
            for claim in &claims {
                again.push(tokio::time::timeout(Duration::from_secs(60), world.submit(claim)).await.expect("it must go on"));
            }
            assert!(again.iter().all(Result::is_ok), "write {nth} {fault:?}: {again:?}\n{:?}", plan.log());
            world.check(&stores, &claims, &answers).await;
            world.check(&stores, &claims, &again).await;
            rows_equal_a_rebuild(&stores, &world).await;
            world.kill();
        }
    }
}

#[tokio::test]
async fn every_flipped_bit_of_the_log_is_found_and_named() {
    let medium = Medium::default();
    let plan = FaultPlan::none();
    let stores = medium.through(&plan);
    let world = World::start(&stores).await.unwrap();
    for round in 0..3 {
        world.claim_many(round * 2..round * 2 + 2).await;
    }
    let files = world.files_to_check(&stores);
    world.stop().await;
    use deedbox_store::Files as _;
    for (name, store) in [("log", &medium.files), ("signer", &medium.signer)] {
        for path in store.list("").await.unwrap() {
            let bytes = store.get(&path).await.unwrap().unwrap();
            for bit in 0..bytes.len() * 8 {
                let mut changed = bytes.to_vec();
                changed[bit / 8] ^= 1 << (bit % 8);
                store.put(&path, changed.into()).await.unwrap();
                let report = deedbox_ledger::check_log(&files, &|_, _| {}).await.unwrap();
                assert!(report.findings.iter().any(|f| !f.harmless), "{name} {path}: bit {bit} is not found");
            }
            store.put(&path, bytes).await.unwrap();
        }
    }
    // Commits are create-only: changed ones are put into a copy.
    let last = deedbox_store::Commits::last(&medium.commits).await.unwrap().unwrap();
    for number in 0..=last {
        let original = deedbox_store::Commits::read(&medium.commits, number).await.unwrap().unwrap();
        for bit in 0..original.len() * 8 {
            let commits = MemoryCommits::default();
            for other in 0..=last {
                let mut bytes = deedbox_store::Commits::read(&medium.commits, other).await.unwrap().unwrap().to_vec();
                if other == number {
                    bytes[bit / 8] ^= 1 << (bit % 8);
                }
                deedbox_store::Commits::create(&commits, other, bytes.into()).await.unwrap();
            }
            let files = deedbox_ledger::LogToCheck { commits: Arc::new(commits), ..copy(&files) };
            let report = deedbox_ledger::check_log(&files, &|_, _| {}).await.unwrap();
            assert!(report.findings.iter().any(|f| !f.harmless), "commit {number}: bit {bit} is not found");
        }
    }
}

fn copy(files: &deedbox_ledger::LogToCheck) -> deedbox_ledger::LogToCheck {
    deedbox_ledger::LogToCheck {
        commits: Arc::clone(&files.commits),
        log: files.log.clone(),
        signer_memory: Arc::clone(&files.signer_memory),
        origin: files.origin.clone(),
        log_keys: files.log_keys.clone(),
    }
}
