//! What a start carries on, and what it does where something is wrong with it: damaged files, wrong clocks, disks that cannot be written.
//! Reading goes on, nothing is taken, and `/ready` says what to do.

use crate::world::{World, code, now};
use deedbox_model::time::DAY_MS as DAY;
use deedbox_model::{ObjectRef, Sha256Digest, TimeMs};
use deedbox_server::{OpenError, WallClock};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tempfile::TempDir;

const ID: &str = "file:acme.localhost/widget";

async fn ready(world: &World) -> (u16, Value) {
    let response = world.get("/ready").await;
    (response.status().as_u16(), response.json().await.unwrap())
}

/// Every file of a data directory with its digest, but the lock and what SQLite keeps beside its file.
fn files(data: &Path) -> BTreeMap<PathBuf, Sha256Digest> {
    let (mut found, mut folders) = (BTreeMap::new(), vec![data.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.file_name().unwrap().to_str().unwrap() {
                "lock" | "rows.sqlite-shm" | "rows.sqlite-wal" => {}
                _ if path.is_dir() => folders.push(path),
                _ => drop(found.insert(path.clone(), Sha256Digest::of(&std::fs::read(&path).unwrap()))),
            }
        }
    }
    found
}

async fn published() -> (Arc<TempDir>, deedbox_testkit::Owner) {
    let world = World::new().await;
    let owner = world.claim("acme.localhost", 10).await;
    world.publish(&owner, ID, "1.0.0", None).await;
    (world.stop().await, owner)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_would_be_extended_and_is_damaged_is_named_and_reading_goes_on() {
    let (dir, _) = published().await;
    let size = 3;
    for path in [
        format!("log/tile/entries/000.p/{size}"),
        format!("log/tile/0/000.p/{size}"),
        "log/checkpoint".to_owned(),
        "commits/x000/x000/002".to_owned(),
        "signer/last-signed".to_owned(),
    ] {
        let file = dir.path().join(&path);
        let whole = std::fs::read(&file).unwrap();
        let mut flipped = whole.clone();
        let at = flipped.len() - 20;
        flipped[at] ^= 1;
        std::fs::write(&file, &flipped).unwrap();
        let before = files(dir.path());

        let world = World::open(Arc::clone(&dir), |_| {}).await.unwrap();
        let (status, said) = ready(&world).await;
        assert_eq!((status, &said["reading"], &said["writing"]), (503, &Value::Bool(true), &Value::Bool(false)), "{path}: {said}");
        let why = said["dependencies"]["replay"].as_str().unwrap();
        assert!(why.contains(&path) && why.contains("backup"), "{path}: {why}");
        assert!(!said.to_string().contains(dir.path().to_str().unwrap()), "{said}");
        assert!(world.text("/log/checkpoint").await.contains(&format!("\n{size}\n")), "{path}");
        assert!(world.text(&format!("/file/{ID}")).await.contains("1.0.0"), "{path}");
        let response = world.append(&world.registry().claim("other.localhost", &deedbox_testkit::secret(11), now()).0).await;
        let text = response.text().await.unwrap();
        assert!(text.contains("\"store\"") && !text.contains("log/"), "what is wrong inside is for the operator: {text}");
        world.stop().await;
        // Beside the clock, which is kept whatever the log's files are.
        let after: BTreeMap<_, _> = files(dir.path());
        let changed: Vec<_> = after.iter().filter(|(path, digest)| before.get(*path) != Some(digest)).map(|(path, _)| path).collect();
        assert!(changed.iter().all(|path| path.ends_with("last-clock") || path.ends_with("rows.sqlite")), "{path}: {changed:?}");

        std::fs::write(&file, &whole).unwrap();
    }
    let world = World::open(dir, |_| {}).await.unwrap();
    assert_eq!(ready(&world).await.0, 200);
    world.claim("more.localhost", 12).await;
    world.stop().await;
}

/// The operator's guide, "Backup", case 5.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_memory_of_the_signer_stops_writing_until_it_is_written_again_as_the_guide_says() {
    let (dir, _) = published().await;
    std::fs::remove_dir_all(dir.path().join("signer")).unwrap();
    let world = World::open(Arc::clone(&dir), |_| {}).await.unwrap();
    let (status, said) = ready(&world).await;
    assert_eq!((status, &said["reading"], &said["writing"]), (503, &Value::Bool(true), &Value::Bool(false)), "{said}");
    assert!(said["dependencies"]["replay"].as_str().unwrap().contains("signer/last-signed: it is missing"), "{said}");
    assert!(world.text(&format!("/file/{ID}")).await.contains("1.0.0"));
    world.stop().await;

    let guide = include_str!("../../../../docs/guides/operate.md");
    let script = guide.split("```sh\n").filter_map(|rest| rest.split("```").next()).find(|script| script.contains("last-signed")).unwrap();
    let in_place = script.strip_prefix("cd deedbox-data\n").unwrap();
    let done = std::process::Command::new("sh").args(["-eu", "-c", in_place]).current_dir(dir.path()).status().unwrap();
    assert!(done.success());
    let world = World::open(dir, |_| {}).await.unwrap();
    assert_eq!(ready(&world).await.0, 200);
    world.claim("more.localhost", 12).await;
    world.stop().await;
}

/// A clock that a test sets, by what it is ahead of the system's.
fn clock(ahead: &Arc<AtomicU64>) -> WallClock {
    let ahead = Arc::clone(ahead);
    WallClock::new(move || now().plus_ms(ahead.load(Ordering::Relaxed)))
}

#[tokio::test(flavor = "multi_thread")]
async fn one_start_with_a_clock_a_year_ahead_does_not_freeze_the_log() {
    let ahead = Arc::new(AtomicU64::new(0));
    let (dir, owner) = published().await;
    let open = async |accept: bool| {
        let hand = clock(&ahead);
        World::open(Arc::clone(&dir), move |config| {
            config.clock = hand;
            config.accept_clock = accept;
        })
        .await
        .unwrap()
    };
    let claim = async |world: &World, domain: &str| {
        // By the clock that the registry has.
        let then = now().plus_ms(ahead.load(Ordering::Relaxed));
        let body = crate::world::accepted_then(domain, &deedbox_testkit::secret(10), &world.origin, then);
        code_or_ok(world.post("/api/v1/claims", "application/cose", body).await).await
    };
    ahead.store(365 * DAY, Ordering::Relaxed);
    let world = open(false).await;
    assert_eq!(claim(&world, "a.localhost").await, (503, "clock".to_owned()));
    let yank = owner.yank(ID, "1.0.0", deedbox_model::EventId([0; 32]), now().plus_ms(365 * DAY));
    assert_eq!(code(world.append(&yank).await).await, (503, "clock".to_owned()));
    let (status, said) = ready(&world).await;
    assert_eq!((status, &said["reading"], &said["writing"]), (503, &Value::Bool(true), &Value::Bool(false)), "{said}");
    let why = said["dependencies"]["clock"].as_str().unwrap();
    assert!(why.contains("365 days after") && why.contains("--accept-clock"), "{why}");
    assert!(world.text(&format!("/file/{ID}")).await.contains("1.0.0"));
    // Set right, without a restart; set wrong again, while it runs.
    ahead.store(0, Ordering::Relaxed);
    assert_eq!(claim(&world, "a.localhost").await, (201, String::new()));
    assert_eq!(ready(&world).await.0, 200);
    ahead.store(400 * DAY, Ordering::Relaxed);
    assert_eq!(claim(&world, "b.localhost").await, (503, "clock".to_owned()));
    world.stop().await;

    // The operator says that it is right.
    ahead.store(30 * DAY, Ordering::Relaxed);
    let world = open(true).await;
    assert_eq!(claim(&world, "b.localhost").await, (201, String::new()));
    world.stop().await;
    // And it is known from now on, without the word.
    let world = open(false).await;
    assert_eq!(claim(&world, "c.localhost").await, (201, String::new()));
    world.stop().await;
    // It was wrong after all: log time is a month ahead, and that is said, with whose clock it is.
    ahead.store(0, Ordering::Relaxed);
    for accept in [false, true] {
        let world = open(accept).await;
        assert_eq!(claim(&world, "d.localhost").await, (503, "clock".to_owned()));
        let said = ready(&world).await.1;
        let why = said["dependencies"]["clock"].as_str().unwrap();
        assert!(why.contains("30 days behind the latest statement") || why.contains("29 days behind the latest statement"), "{why}");
        world.stop().await;
    }
}

async fn code_or_ok(response: reqwest::Response) -> (u16, String) {
    if response.status().is_success() { (response.status().as_u16(), String::new()) } else { code(response).await }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_is_not_begun_by_a_clock_that_was_never_set() {
    let dir = Arc::new(TempDir::new().unwrap());
    let refused = World::open(Arc::clone(&dir), |config| config.clock = WallClock::new(TimeMs::default)).await.err().unwrap();
    assert!(matches!(&refused, OpenError::NotSaid(why) if why.contains("1970-01-01") && why.contains("set the clock")), "{refused}");
    World::open(dir, |_| {}).await.unwrap().stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_written_is_served_and_left_as_it_is() {
    let (dir, owner) = published().await;
    // A part that nobody can go on with any more, which a start that may write removes.
    let world = World::open(dir, |_| {}).await.unwrap();
    let whole = vec![7; 1 << 20];
    let object = ObjectRef::of(&whole);
    crate::uploads::cut(&world, &owner, object, &whole[..500_000]).await;
    let parts = crate::uploads::files(&world, "parts");
    let dir = world.stop().await;
    let long_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(3 * 24 * 60 * 60);
    for part in &parts {
        std::fs::File::options().write(true).open(part).unwrap().set_modified(long_ago).unwrap();
    }
    let before = files(dir.path());
    let world = World::open(Arc::clone(&dir), |config| config.read_only = true).await.unwrap();
    let refused = world.put(object, Some(&crate::world::permit(&owner)), whole).await;
    assert_eq!(code(refused).await, (503, "store".to_owned()), "nobody could name what is uploaded now");
    assert!(world.text(&format!("/file/{ID}")).await.contains("1.0.0"));
    assert!(world.text("/log/checkpoint").await.contains("\n3\n"));
    world.text("/api/v1/events/2/proof").await;
    let (status, said) = ready(&world).await;
    assert_eq!((status, &said["reading"], &said["writing"]), (503, &Value::Bool(true), &Value::Bool(false)), "{said}");
    assert!(said["dependencies"]["replay"].as_str().unwrap().contains("can be read and not written"), "{said}");
    let yank = owner.yank(ID, "1.0.0", deedbox_model::EventId([0; 32]), now());
    assert_eq!(code(world.append(&yank).await).await, (503, "store".to_owned()));
    world.stop().await;
    assert_eq!(files(dir.path()), before);
    World::open(dir, |_| {}).await.unwrap().stop().await;
    let nothing = Arc::new(TempDir::new().unwrap());
    assert!(World::open(Arc::clone(&nothing), |config| config.read_only = true).await.is_err());
    assert!(std::fs::read_dir(nothing.path()).unwrap().next().is_none(), "nothing is made where nothing may be");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_stops_taking_anything_goes_on_serving_and_is_used_again_by_itself() {
    let world = World::new().await;
    let owner = world.claim("acme.localhost", 10).await;
    world.publish(&owner, ID, "1.0.0", None).await;
    assert_eq!(ready(&world).await.0, 200);
    // Nothing can be staged where the folder of staged bundles is a file.
    let staged = world.dir.path().join("log/staged");
    std::fs::remove_dir_all(&staged).unwrap();
    std::fs::write(&staged, b"").unwrap();
    let claim = async |domain: &str| {
        let body = crate::world::acceptance(domain, &deedbox_testkit::secret(10), &world.origin);
        world.post("/api/v1/claims", "application/cose", body).await
    };
    for _ in 0..2 {
        let response = claim("b.localhost").await;
        assert_eq!(response.status(), 503);
        let text = response.text().await.unwrap();
        assert!(text.contains("the disk failed") && !text.contains("staged") && !text.contains("os error"), "{text}");
    }
    let mut said = ready(&world).await;
    // What the disk said a moment ago may be believed still.
    for _ in 0..100 {
        if said.0 == 503 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        said = ready(&world).await;
    }
    assert_eq!(
        (said.0, &said.1["reading"], &said.1["dependencies"]["disk"]),
        (503, &Value::Bool(true), &"the disk failed".into()),
        "{}",
        said.1
    );
    assert!(world.text(&format!("/file/{ID}")).await.contains("1.0.0"));

    std::fs::remove_file(&staged).unwrap();
    for _ in 0..100 {
        if ready(&world).await.0 == 200 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert_eq!(claim("b.localhost").await.status(), 201);
    assert_eq!(ready(&world).await.0, 200);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_removes_what_the_last_process_was_writing() {
    let (dir, _) = published().await;
    let left = [
        "incoming/4711-0",
        "log/checkpoint#1",
        "log/staged/ab#1",
        "log/tile/0/000.p/3#1",
        "commits/x000/x000/003#1",
        "signer/last-signed#1",
    ];
    for path in left {
        std::fs::create_dir_all(dir.path().join(path).parent().unwrap()).unwrap();
        std::fs::write(dir.path().join(path), b"half").unwrap();
    }
    World::open(Arc::clone(&dir), |_| {}).await.unwrap().stop().await;
    for path in left {
        assert!(!dir.path().join(path).exists(), "{path}");
    }
}
