//! Starting, stopping, starting again.

use crate::world::{World, code, now, object_path, permit};
use deedbox_model::{ObjectRef, Origin};
use deedbox_server::OpenError;
use std::sync::Arc;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const ID: &str = "file:acme.localhost/widget";

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_goes_on_with_the_same_checkpoint_and_the_same_state() {
    let world = World::new().await;
    let owner = world.claim("acme.localhost", 10).await;
    let first = world.publish(&owner, ID, "1.0.0", None).await;
    let paths = ["/log/checkpoint", "/log/log.vkey", "/api/v1/events", "/api/v1/packages/file:acme.localhost/widget"];
    let mut before = Vec::new();
    for path in paths {
        before.push(world.text(path).await);
    }
    let origin = world.origin.clone();
    let dir = world.stop().await;
    let world = World::open(dir, |_| {}).await.unwrap();
    assert_eq!(world.origin, origin, "drawn once");
    for (path, before) in paths.iter().zip(&before) {
        assert_eq!(&world.text(path).await, before, "{path}");
    }
    world.publish(&owner, ID, "1.1.0", Some(first.id())).await;
    assert_eq!(world.json("/api/v1/registry").await["tree_size"], 4);
    world.stop().await;
}

/// Objects are taken away first: a statement that is in the log is answered without a look at them, so that nobody makes the
/// registry inspect a release again by sending what everybody can read.
#[tokio::test(flavor = "multi_thread")]
async fn every_logged_statement_gets_its_first_answer_again_before_and_after_a_restart() {
    let world = World::new().await;
    let owner = world.claim("acme.localhost", 10).await;
    let published = world.publish(&owner, ID, "1.0.0", None).await;
    world.must_append(&owner.yank(ID, "1.0.0", published.id(), now())).await;
    let objects = world.dir.path().join("objects/sha256");
    std::fs::rename(&objects, world.dir.path().join("away")).unwrap();
    let mut entries = Vec::new();
    for index in 0..4 {
        let request = world.request(reqwest::Method::GET, &format!("/api/v1/events/{index}")).header("accept", "application/cose");
        entries.push(request.send().await.unwrap().bytes().await.unwrap());
    }
    let sent_again = async |world: &World| {
        for (index, bytes) in entries.iter().enumerate() {
            let answer = world.post("/api/v1/events", "application/cose", bytes.clone()).await;
            assert_eq!(answer.status(), reqwest::StatusCode::OK, "entry {index}");
            let answer: serde_json::Value = answer.json().await.unwrap();
            assert_eq!((&answer["index"], &answer["seen"]), (&index.into(), &true.into()));
        }
    };
    sent_again(&world).await;
    let world = World::open(world.stop().await, |_| {}).await.unwrap();
    sent_again(&world).await;
    assert_eq!(world.json("/api/v1/registry").await["tree_size"], 4);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_are_lost_are_folded_again() {
    let world = World::new().await;
    let owner = world.claim("acme.localhost", 10).await;
    world.publish(&owner, ID, "1.0.0", None).await;
    let before = world.text("/api/v1/packages/file:acme.localhost/widget").await;
    let dir = world.stop().await;
    for file in ["rows.sqlite", "rows.sqlite-wal", "rows.sqlite-shm"] {
        let _ = std::fs::remove_file(dir.path().join(file));
    }
    let world = World::open(dir, |_| {}).await.unwrap();
    assert_eq!(world.text("/api/v1/packages/file:acme.localhost/widget").await, before);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_serves_one_process_and_its_name_and_keys_are_never_made_anew() {
    let world = World::new().await;
    let again = World::open(Arc::clone(&world.dir), |_| {}).await;
    assert!(again.is_err_and(|e| e.to_string().contains("in use")));
    let dir = world.stop().await;
    let name = dir.path().join("registry.json");
    let kept = std::fs::read(&name).unwrap();
    std::fs::remove_file(&name).unwrap();
    assert!(matches!(World::open(Arc::clone(&dir), |_| {}).await, Err(OpenError::NoName(_))));
    assert!(!name.exists());
    std::fs::write(&name, kept).unwrap();
    let key = dir.path().join("keys/log.pem");
    std::fs::rename(&key, dir.path().join("elsewhere")).unwrap();
    assert!(World::open(Arc::clone(&dir), |_| {}).await.is_err_and(|e| e.to_string().contains("backup")));
    assert!(!key.exists());
    std::fs::rename(dir.path().join("elsewhere"), &key).unwrap();
    World::open(dir, |_| {}).await.unwrap().stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_cannot_fold_serves_and_takes_no_statement() {
    let world = World::new().await;
    let owner = world.claim("acme.localhost", 10).await;
    let first = world.publish(&owner, ID, "1.0.0", None).await;
    let registry = world.registry();
    let head = deedbox_model::EventId::from_hex(world.json("/api/v1/events/0").await["id"].as_str().unwrap()).unwrap();
    world.must_append(&registry.rules_changed(head, 2, now())).await;
    // A protocol that this program does not know is in force now: the next statement has no verdict here.
    let yank = owner.yank(ID, "1.0.0", first.id(), now());
    assert_eq!(code(world.append(&yank).await).await, (503, "undecided".to_owned()));
    assert!(world.text(&format!("/file/{ID}")).await.contains("1.0.0"));
    let dir = world.stop().await;

    // A manifest that is gone stops the folding of lost rows.
    let manifest = deedbox_testkit::manifest(ID, "1.0.0", format!("{ID}@1.0.0").as_bytes()).encode().unwrap();
    let hex = ObjectRef::of(&manifest).sha256.to_hex();
    std::fs::remove_file(dir.path().join(format!("objects/sha256/{}/{}/{hex}", &hex[..2], &hex[2..4]))).unwrap();
    for file in ["rows.sqlite", "rows.sqlite-wal", "rows.sqlite-shm"] {
        let _ = std::fs::remove_file(dir.path().join(file));
    }
    let world = World::open(dir, |_| {}).await.unwrap();
    let ready = world.get("/ready").await;
    assert_eq!(ready.status(), 503);
    let ready: serde_json::Value = ready.json().await.unwrap();
    assert_eq!((&ready["ready"], &ready["dependencies"]["log"]), (&false.into(), &"ok".into()));
    assert!(ready["dependencies"]["replay"].as_str().unwrap().contains(&hex));
    assert_eq!(code(world.append(&yank).await).await, (503, "store".to_owned()));
    assert!(world.text("/log/checkpoint").await.starts_with(&format!("{}\n4\n", world.origin)));
    assert_eq!(world.get("/health").await.status(), 200);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_under_way_is_finished_before_the_server_stops() {
    let mut world = World::new().await;
    let owner = world.claim("acme.localhost", 10).await;
    let bytes = vec![5_u8; 400_000];
    let object = ObjectRef::of(&bytes);
    let mut stream = TcpStream::connect(world.address).await.unwrap();
    let head = format!(
        "PUT {} HTTP/1.1\r\nhost: x\r\nauthorization: {}\r\ncontent-length: {}\r\n\r\n",
        object_path(&object),
        permit(&owner),
        bytes.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&bytes[..100_000]).await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    world.begin_to_stop();
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    assert!(TcpStream::connect(world.address).await.is_err(), "nobody new is let in");
    stream.write_all(&bytes[100_000..]).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    let dir = world.stop().await;
    let hex = object.sha256.to_hex();
    assert_eq!(std::fs::read(dir.path().join(format!("objects/sha256/{}/{}/{hex}", &hex[..2], &hex[2..4]))).unwrap(), bytes);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_is_cut_off_leaves_nothing_and_gives_its_budget_back() {
    let world = World::with(|config| config.pending_bytes_per_domain = 500_000).await;
    let owner = world.claim("acme.localhost", 10).await;
    let bytes = vec![5_u8; 400_000];
    let object = ObjectRef::of(&bytes);
    for _ in 0..3 {
        let mut stream = TcpStream::connect(world.address).await.unwrap();
        let head = format!(
            "PUT {} HTTP/1.1\r\nhost: x\r\nauthorization: {}\r\ncontent-length: {}\r\n\r\n",
            object_path(&object),
            permit(&owner),
            bytes.len()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(&bytes[..100_000]).await.unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        drop(stream);
    }
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    let response = world.request(reqwest::Method::HEAD, &object_path(&object)).header("authorization", permit(&owner)).send().await;
    assert_eq!(response.unwrap().status(), 404);
    assert_eq!(world.upload(&owner, vec![6; 450_000]).await, 201, "the account is empty again");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_start_that_was_cut_off_is_begun_again() {
    let dir = Arc::new(TempDir::new().unwrap());
    // Keys were made, the name was not written yet.
    World::open(Arc::clone(&dir), |_| {}).await.unwrap().stop().await;
    let other = Arc::new(TempDir::new().unwrap());
    std::fs::create_dir(other.path().join("keys")).unwrap();
    std::fs::copy(dir.path().join("keys/operator.pem"), other.path().join("keys/operator.pem")).unwrap();
    let world = World::open(Arc::clone(&other), |_| {}).await.unwrap();
    let operator = world.registry().operator;
    assert_eq!(operator.public(), crate::world::read_key(&dir.path().join("keys/operator.pem")).public());
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_registries_on_loopback_addresses_are_never_one_log_and_a_public_one_is_its_prefix() {
    let (one, other) = (World::new().await, World::new().await);
    assert_ne!(one.origin, other.origin);
    for origin in [&one.origin, &other.origin] {
        let parts: Vec<&str> = origin.as_str().split('/').collect();
        assert!(matches!(parts[..], ["localhost", drawn, "log"] if drawn.len() == 16), "{origin}");
    }
    other.stop().await;
    let named = |url: &str| {
        let url = deedbox_server::PublicUrl::parse(url).unwrap();
        World::with(|config| config.public_url = url)
    };
    for (url, origin) in [
        ("https://registry.example", "registry.example/log"),
        ("https://registry.example:8443/team", "registry.example/team/log"),
        ("http://192.0.2.1:8080", "192.0.2.1/log"),
    ] {
        let world = named(url).await;
        assert_eq!(world.origin.as_str(), origin);
        world.stop().await;
    }
    // An address that gives no name is told so, and one that is asked for is taken.
    let ipv6 = deedbox_server::PublicUrl::parse("http://[2001:db8::1]").unwrap();
    let refused = World::open(Arc::new(TempDir::new().unwrap()), |config| config.public_url = ipv6.clone()).await;
    assert!(refused.is_err_and(|e| e.to_string().contains("--origin")));
    let asked = Origin::parse("registry.example/log").unwrap();
    let dir = one.stop().await;
    let set = |config: &mut deedbox_server::Config| config.origin = Some(asked.clone());
    let before = everything(dir.path());
    match World::open(Arc::clone(&dir), set).await {
        Err(error @ OpenError::OtherOrigin { .. }) => assert!(error.to_string().contains("for ever, not registry.example/log")),
        _ => panic!("a log has one name"),
    }
    assert_eq!(everything(dir.path()), before);
    let world = World::open(Arc::new(TempDir::new().unwrap()), set).await.unwrap();
    assert_eq!(world.origin, asked);
    let world = World::open(world.stop().await, set).await.unwrap();
    world.stop().await;
}

/// Every path below a folder.
fn everything(folder: &std::path::Path) -> std::collections::BTreeSet<std::path::PathBuf> {
    let mut found = std::collections::BTreeSet::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(everything(&path));
        }
        found.insert(path);
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_with_anything_of_others_is_refused_before_anything_is_written() {
    for foreign in ["README.md", ".git", "package.json", "rows.sqlite3", "objects.bak", "Keys"] {
        let dir = Arc::new(TempDir::new().unwrap());
        std::fs::create_dir(dir.path().join("objects")).unwrap();
        std::fs::write(dir.path().join(foreign), "x").unwrap();
        let before = everything(dir.path());
        match World::open(Arc::clone(&dir), |_| {}).await {
            Err(error @ OpenError::Foreign { .. }) => assert!(error.to_string().contains(foreign) && error.to_string().contains("--data")),
            _ => panic!("{foreign} was taken"),
        }
        assert_eq!(everything(dir.path()), before);
    }
    let dir = Arc::new(TempDir::new().unwrap());
    std::fs::write(dir.path().join("file"), "x").unwrap();
    let refused = World::open(Arc::clone(&dir), |config| config.data = dir.path().join("file")).await;
    assert!(refused.is_err_and(|e| e.to_string().contains("it is a file")));
    // The root of a file system has a folder of its own.
    let dir = Arc::new(TempDir::new().unwrap());
    std::fs::create_dir(dir.path().join("lost+found")).unwrap();
    let world = World::open(dir, |_| {}).await.unwrap();
    // Once there is a registry, what else lies beside it is nobody's business here.
    let dir = world.stop().await;
    std::fs::write(dir.path().join("notes.txt"), "x").unwrap();
    World::open(dir, |_| {}).await.unwrap().stop().await;
}
