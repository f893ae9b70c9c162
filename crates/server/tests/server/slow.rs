//! Those who stop in the middle: readers, senders of bodies, uploads (spec/api.md §8), with shorter times than a registry
//! has by itself.

use crate::world::{World, artifact, object_path, permit};
use deedbox_model::ObjectRef;
use deedbox_server::{Config, PublicUrl, Times};
use std::time::{Duration, Instant, SystemTime};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

const ID: &str = "file:acme.localhost/widget";

/// Reads to the end, which comes soon.
async fn rest(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut answer)).await.expect("the server hangs up");
    String::from_utf8_lossy(&answer).into_owned()
}

async fn send(world: &World, text: &str) -> TcpStream {
    let mut stream = TcpStream::connect(world.address).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    stream
}

/// Waits until what is kept is this again.
async fn is_again(world: &World, kept: &std::collections::BTreeMap<String, deedbox_model::Sha256Digest>) {
    let begun = Instant::now();
    while &world.kept() != kept {
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", world.kept().keys());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[test]
fn the_usual_times_are_those_of_the_specification() {
    let Times { header, answer, stall, pace, wait, stop, sweep_every, unreferenced } =
        Config::new("data", PublicUrl::parse("https://registry.example").unwrap()).times;
    let seconds = [header, answer, stall, pace, wait, stop, sweep_every, unreferenced].map(|time| time.as_secs());
    assert_eq!(seconds, [10, 60, 30, 300, 5, 30, 3_600, 86_400]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_stops_reading_is_let_go_and_keeps_nobody_from_downloads() {
    let world = World::with(|config| {
        config.max_requests = 1;
        config.times.stall = Duration::from_millis(500);
        config.times.wait = Duration::from_millis(20);
    })
    .await;
    let owner = world.claim("acme.localhost", 10).await;
    // More than the buffers of both ends hold.
    let content = vec![b'x'; 16 << 20];
    let statement = world.prepare(&owner, ID, "1.0.0", None, &content).await;
    world.must_append(&statement).await;
    let path = object_path(&ObjectRef::of(&artifact(ID, "1.0.0", &content)));
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let mut stream = socket.connect(world.address).await.unwrap();
    stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n").as_bytes()).await.unwrap();
    let mut head = [0; 100];
    stream.read_exact(&mut head).await.unwrap();
    assert!(head.starts_with(b"HTTP/1.1 200"));
    assert_eq!(world.get(&path).await.status(), 503, "the one place is taken");
    let begun = Instant::now();
    while world.get(&path).await.status() != 200 {
        assert!(begun.elapsed() < Duration::from_secs(10), "its place is never free again");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // What was on its way still comes, and then the end: never the whole object.
    let mut read = 0;
    let mut piece = vec![0; 1 << 20];
    while let Ok(n @ 1..) = stream.read(&mut piece).await {
        read += n;
    }
    assert!(read < content.len(), "{read}");
    world.stop().await;
}

/// A small buffer of the reader's and small reads: what its system takes at once is a few kilobytes.
async fn slow_reader(world: &World, path: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let mut stream = socket.connect(world.address).await.unwrap();
    stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n").as_bytes()).await.unwrap();
    stream
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_goes_on_slowly_and_steadily_is_never_cut_off() {
    let world = World::with(|config| config.times.stall = Duration::from_secs(2)).await;
    let owner = world.claim("acme.localhost", 10).await;
    let content = vec![b'x'; 4 << 20];
    let statement = world.prepare(&owner, ID, "1.0.0", None, &content).await;
    world.must_append(&statement).await;
    let bytes = artifact(ID, "1.0.0", &content);
    let mut stream = slow_reader(&world, &object_path(&ObjectRef::of(&bytes))).await;
    // 16 kB/s for three times the patience: the system here takes nothing for longer than that, for it holds more already.
    let begun = Instant::now();
    let (mut read, mut piece) = (0, vec![0; 1_600]);
    while begun.elapsed() < Duration::from_secs(6) {
        read += stream.read_exact(&mut piece).await.expect("it was cut off");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // And from here on quickly to the end.
    let mut rest = Vec::new();
    while read + rest.len() < bytes.len() {
        let mut more = vec![0; 1 << 16];
        let n = stream.read(&mut more).await.unwrap();
        assert!(n > 0, "it ended early");
        rest.extend_from_slice(&more[..n]);
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_takes_a_little_now_and_then_does_not_hold_a_download_for_ever() {
    let world = World::with(|config| {
        config.times.stall = Duration::from_secs(2);
        config.times.pace = Duration::from_secs(3);
    })
    .await;
    let owner = world.claim("acme.localhost", 10).await;
    let content = vec![b'x'; 4 << 20];
    let statement = world.prepare(&owner, ID, "1.0.0", None, &content).await;
    world.must_append(&statement).await;
    let mut stream = slow_reader(&world, &object_path(&ObjectRef::of(&artifact(ID, "1.0.0", &content)))).await;
    let begun = Instant::now();
    // Four kilobytes in a second: always something, and less than the least pace, which is here 64 KiB in three seconds.
    let mut piece = vec![0; 400];
    while let Ok(1..) = stream.read(&mut piece).await {
        assert!(begun.elapsed() < Duration::from_secs(60), "it is never let go");
        tokio::time::sleep(Duration::from_millis(100)).await;
        if begun.elapsed() > Duration::from_secs(8) {
            // What is still in the buffers of both ends comes at once.
            piece = vec![0; 1 << 20];
        }
    }
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    assert!(world.text("/metrics").await.contains("deedbox_connections "), "the registry goes on");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_that_stops_sending_is_told_so_and_leaves_nothing() {
    let world = World::with(|config| {
        config.times.stall = Duration::from_millis(300);
        config.pending_bytes_per_domain = 500_000;
    })
    .await;
    let owner = world.claim("acme.localhost", 10).await;
    let before = world.kept();
    let head = |method: &str, path: &str, length: usize| {
        format!(
            "{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/cose\r\nauthorization: {}\r\ncontent-length: {length}\r\n\r\n",
            permit(&owner)
        )
    };
    let object = object_path(&ObjectRef::of(b"never sent"));
    for (method, path) in [
        ("PUT", object.as_str()),
        ("POST", "/api/v1/events"),
        ("POST", "/api/v1/claims"),
        ("POST", "/api/v1/recoveries"),
        ("POST", "/api/v1/proofs"),
        ("POST", "/file/x"),
    ] {
        let mut stream = send(&world, &format!("{}some bytes", head(method, path, 8_000))).await;
        let answer = rest(&mut stream).await;
        assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("bad_request") && answer.contains("300ms"), "{path}: {answer}");
    }
    is_again(&world, &before).await;

    // Hung up in the middle, before the first byte, and with a byte too few.
    for sent in [0, 100_000, 449_999] {
        let mut stream = send(&world, &head("PUT", &object, 450_000)).await;
        stream.write_all(&vec![7; sent]).await.unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
        drop(stream);
        is_again(&world, &before).await;
    }
    for path in ["/api/v1/events", "/api/v1/claims", "/api/v1/recoveries"] {
        drop(send(&world, &format!("{}half", head("POST", path, 1_000))).await);
    }
    assert_eq!(world.upload(&owner, vec![6; 450_000]).await, 201, "the account is empty again");
    assert_eq!(world.json("/api/v1/registry").await["tree_size"], 2);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_comes_byte_by_byte_has_its_end() {
    let world = World::with(|config| config.times.answer = Duration::from_millis(500)).await;
    let before = world.kept();
    for path in ["/api/v1/events", "/api/v1/claims", "/api/v1/recoveries", "/api/v1/proofs", "/file/x"] {
        let head = format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/cose\r\ncontent-length: 8000\r\n\r\n");
        let (mut reader, mut writer) = send(&world, &head).await.into_split();
        let trickle = tokio::spawn(async move {
            while writer.write_all(b"x").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(50)).await
            }
        });
        let mut answer = vec![0; 2_000];
        let begun = Instant::now();
        let n = tokio::time::timeout(Duration::from_secs(10), reader.read(&mut answer)).await.unwrap().unwrap();
        let answer = String::from_utf8_lossy(&answer[..n]).into_owned();
        assert!(begun.elapsed() >= Duration::from_millis(400), "{path}");
        assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("did not come within 500ms"), "{path}: {answer}");
        assert!(answer.contains("connection: close"), "{answer}");
        trickle.abort();
    }
    assert_eq!(world.kept(), before);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_finish_does_not_keep_a_registry_from_stopping() {
    let mut world = World::with(|config| config.times.stop = Duration::from_millis(400)).await;
    let owner = world.claim("acme.localhost", 10).await;
    let path = object_path(&ObjectRef::of(b"never sent"));
    let head = format!("PUT {path} HTTP/1.1\r\nhost: x\r\nauthorization: {}\r\ncontent-length: 9\r\n\r\n", permit(&owner));
    let held = send(&world, &head).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    let begun = Instant::now();
    world.begin_to_stop();
    world.stop().await;
    assert!(begun.elapsed() < Duration::from_secs(10));
    drop(held);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sweep_takes_uploads_that_are_older_than_a_day_and_that_nobody_refers_to() {
    let world = World::with(|config| config.times.sweep_every = Duration::from_millis(200)).await;
    let owner = world.claim("acme.localhost", 10).await;
    let age = |bytes: &[u8], hours: u64| {
        let hex = ObjectRef::of(bytes).sha256.to_hex();
        let path = world.dir.path().join(format!("objects/sha256/{}/{}/{hex}", &hex[..2], &hex[2..4]));
        let file = std::fs::File::options().write(true).open(&path).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(hours * 3_600)).unwrap();
        path
    };
    world.publish(&owner, ID, "1.0.0", None).await;
    let published = age(&artifact(ID, "1.0.0", b""), 48);
    for bytes in [b"old", b"new"] {
        assert_eq!(world.upload(&owner, *bytes).await, 201);
    }
    // A publisher who asks whether an upload can be left out is told so for half of the day.
    let here = async |bytes: &[u8]| {
        let request = world.request(reqwest::Method::HEAD, &object_path(&ObjectRef::of(bytes)));
        request.header("authorization", permit(&owner)).send().await.unwrap().status().as_u16()
    };
    age(b"new", 11);
    assert_eq!(here(b"new").await, 200);
    age(b"new", 13);
    assert_eq!(here(b"new").await, 404);
    assert_eq!(here(&artifact(ID, "1.0.0", b"")).await, 200, "what is published is here whatever its age");
    let young = age(b"new", 23);
    let old = age(b"old", 25);
    let begun = Instant::now();
    while old.exists() {
        assert!(begun.elapsed() < Duration::from_secs(10), "the sweep does not come");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(young.exists() && published.exists());
    assert!(world.text("/metrics").await.contains("deedbox_swept_total 1\n"));
    world.stop().await;
}
