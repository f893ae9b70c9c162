//! The ledger with its door and its replay over stores in memory: what is answered is in the log, once, and stays there.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, clippy::indexing_slicing, reason = "a test may stop where it stands")]

mod world;

use async_trait::async_trait;
use bytes::Bytes;
use deedbox_ledger::{STAGED, SubmitError};
use deedbox_model::{Origin, Protocol, Statement};
use deedbox_store::{Files, HEAD_PATH, MemoryFiles, StoreError};
use deedbox_testkit::time;
use deedbox_tlog::bundle::{BundleId, parse_entries};
use deedbox_tlog::{CHECKPOINT_PATH, KeyName, SignedCheckpoint, VerifierKey};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use world::{Stores, World};

#[tokio::test]
async fn a_first_start_makes_a_log_of_one_entry() {
    let stores = Stores::default();
    let world = World::start(&stores).await.unwrap();
    assert_eq!(world.ledger.head().borrow().tree.size, 1);
    let checkpoint = stores.files.get(CHECKPOINT_PATH).await.unwrap().unwrap();
    let signed = SignedCheckpoint::parse(&checkpoint).unwrap();
    let origin = KeyName::new(world.registry.origin.as_str()).unwrap();
    let key = VerifierKey::parse(&world.vkey).unwrap();
    let verified = signed.verify(&origin, &[key], &[]).unwrap();
    assert_eq!(verified.size(), 1);
    let bundle = stores.files.get("tile/entries/000.p/1").await.unwrap().unwrap();
    let entries = parse_entries(BundleId::new(0, 1).unwrap(), &bundle).unwrap();
    assert_eq!(Statement::decode(Protocol::ONE, entries[0]).unwrap().peek().event().type_name(), "registry.created");
    assert_eq!(verified.root(), &deedbox_tlog::leaf_hash(entries[0]));
}

#[tokio::test]
async fn many_at_once_share_commits_and_each_is_there_once() {
    let stores = Stores::default();
    let world = World::start(&stores).await.unwrap();
    let (claims, answers) = world.claim_many(0..700).await;
    for answer in &answers {
        assert!(answer.is_ok(), "{answer:?}");
    }
    assert_eq!(world.ledger.head().borrow().tree.size, 701);
    assert!(stores.commits.last().await.unwrap().unwrap() < 300, "batches were shared");
    world.check(&stores, &claims, &answers).await;
    assert!(stores.files.list(STAGED).await.unwrap().is_empty(), "what is published is staged no more");
}

/// Files that remember what was ever written under each path.
#[derive(Default)]
struct Remembering {
    files: MemoryFiles,
    written: Mutex<BTreeMap<String, Vec<Bytes>>>,
}

#[async_trait]
impl Files for Remembering {
    async fn put(&self, path: &str, bytes: Bytes) -> Result<(), StoreError> {
        {
            let mut written = self.written.lock().unwrap();
            let of = written.entry(path.to_owned()).or_default();
            if !of.contains(&bytes) {
                of.push(bytes.clone());
            }
        }
        self.files.put(path, bytes).await
    }
    async fn get(&self, path: &str) -> Result<Option<Bytes>, StoreError> {
        self.files.get(path).await
    }
    async fn delete(&self, path: &str) -> Result<(), StoreError> {
        self.files.delete(path).await
    }
    async fn list(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        self.files.list(prefix).await
    }
}

#[tokio::test]
async fn each_path_of_the_logs_files_has_one_content_for_ever_and_the_head_alone_is_replaced() {
    assert_eq!(HEAD_PATH, CHECKPOINT_PATH, "the store and the log mean one file");
    let files = Arc::new(Remembering::default());
    let mut stores = Stores { files: Arc::clone(&files) as Arc<dyn Files>, ..Stores::default() };
    for round in 0..3 {
        let world = World::start(&stores).await.unwrap();
        for batch in 0..4 {
            let first = round * 200 + batch * 50;
            let (claims, answers) = world.claim_many(first..first + 50).await;
            world.check(&stores, &claims, &answers).await;
        }
        world.stop().await;
        // The next start folds from the files.
        stores.rows = Default::default();
    }
    let written = files.written.lock().unwrap();
    assert!(written.len() > 20, "{written:?}");
    for (path, contents) in written.iter() {
        assert_eq!(contents.len() > 1, path == HEAD_PATH, "{path} was written with {} contents", contents.len());
    }
}

#[tokio::test]
async fn the_same_bytes_twice_give_the_first_index() {
    let stores = Stores::default();
    let world = World::start(&stores).await.unwrap();
    let (claim, _) = world.registry.claim("a.example", &deedbox_testkit::secret(9), time(1));
    let first = world.submit(&claim).await.unwrap();
    let second = world.submit(&claim).await.unwrap();
    assert!(!first.seen && second.seen);
    assert_eq!((first.index, first.id), (second.index, second.id));
    let (a, b) = tokio::join!(world.submit_claim("b.example", 2), world.submit_claim("b.example", 2));
    let (a, b) = (a.unwrap(), b.unwrap());
    assert_eq!(a.index, b.index);
    assert!(a.seen != b.seen, "both in one batch or not, one of them was first");
}

#[tokio::test]
async fn a_refused_statement_leaves_nothing() {
    let stores = Stores::default();
    let world = World::start(&stores).await.unwrap();
    world.submit_claim("a.example", 1).await.unwrap();
    let before = (stores.commits.last().await.unwrap(), stores.files.list("").await.unwrap());
    let (again, _) = world.registry.claim("a.example", &deedbox_testkit::secret(8), time(5));
    let Err(SubmitError::Refused(refusal)) = world.submit(&again).await else { panic!() };
    assert_eq!(refusal.code(), "already_claimed");
    assert_eq!((stores.commits.last().await.unwrap(), stores.files.list("").await.unwrap()), before);
}

#[tokio::test]
async fn a_second_start_goes_on_where_the_first_stopped() {
    let stores = Stores::default();
    let world = World::start(&stores).await.unwrap();
    let (mut claims, mut answers) = world.claim_many(0..300).await;
    world.stop().await;
    let world = World::start(&stores).await.unwrap();
    let (more, others) = world.claim_many(300..320).await;
    claims.extend(more);
    answers.extend(others);
    world.check(&stores, &claims, &answers).await;
    assert_eq!(world.ledger.head().borrow().tree.size, 321);
}

#[tokio::test]
async fn a_log_of_another_origin_is_not_opened() {
    let stores = Stores::default();
    World::start(&stores).await.unwrap().stop().await;
    let other = deedbox_testkit::Registry { origin: Origin::parse("other.example").unwrap(), ..Default::default() };
    assert!(World::start_as(&stores, other).await.is_err());
}

#[tokio::test]
async fn files_rolled_back_behind_the_signer_are_not_written() {
    let stores = Stores::default();
    let world = World::start(&stores).await.unwrap();
    world.claim_many(0..5).await;
    let backup = stores.copy_log().await;
    world.claim_many(5..10).await;
    world.stop().await;
    // The backup is put back, but the signer remembers more.
    let restored = Stores { signer: stores.signer.clone(), ..backup };
    let error = World::start(&restored).await.err().expect("it must not start");
    assert!(error.contains("older than"), "{error}");
    // What the signer remembers is on the newer files: with those it starts.
    assert!(World::start(&stores).await.is_ok());
}

#[tokio::test]
async fn a_log_whose_signer_has_lost_its_memory_is_not_opened() {
    let stores = Stores::default();
    World::start(&stores).await.unwrap().stop().await;
    let path = stores.signer.list("").await.unwrap().remove(0);
    stores.signer.delete(&path).await.unwrap();
    let error = World::start(&stores).await.err().expect("it must not start");
    assert!(error.contains("memory is missing"), "{error}");
    stores.signer.put(&path, "0 0 0\n".into()).await.unwrap();
    assert!(World::start(&stores).await.err().expect("it must not start").contains("damaged"));
}

#[tokio::test]
async fn two_writers_never_fork_and_the_loser_decides_anew() {
    let stores = Stores::default();
    let first = World::start(&stores).await.unwrap();
    // Another writer over the same log, with rows of its own.
    let second_stores = Stores { rows: Default::default(), ..stores.clone() };
    let second = World::start(&second_stores).await.unwrap();
    let mut answers = Vec::new();
    let mut claims = Vec::new();
    for round in 0..20u8 {
        let (a, b) = (format!("a{round}.example"), format!("b{round}.example"));
        let at = u64::from(round) + 1;
        let (a, b) = tokio::join!(first.submit_claim(&a, at), second.submit_claim(&b, at));
        for (name, answer) in [("a", a), ("b", b)] {
            claims.push(first.registry.claim(&format!("{name}{round}.example"), &deedbox_testkit::secret(9), time(u64::from(round) + 1)).0);
            answers.push(answer);
        }
    }
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    let size = |world: &World| world.ledger.head().borrow().tree.size;
    let newest = if size(&first) >= size(&second) { &first } else { &second };
    newest.check(&stores, &claims, &answers).await;
    // Both claim one name: the log has one of them.
    let (a, b) = tokio::join!(first.submit_claim("same.example", 100), second.submit_claim_with("same.example", 101, 7));
    assert!(a.is_ok() != b.is_ok(), "{a:?} {b:?}");
}
