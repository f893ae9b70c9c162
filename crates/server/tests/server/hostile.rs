//! A hundred hostile connections of each kind beside readers (spec/api.md §8): the readers are served throughout, and what the hostile
//! ones held is given back. `cargo xtask hostile` does the same with a thousand, and measures.

use crate::tarballs::gzip;
use crate::world::{World, artifact, now, object_path, permit};
use deedbox_model::{EventId, ObjectRef};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;

const ID: &str = "file:acme.localhost/widget";
const OF_EACH_KIND: usize = 100;
/// How long they stay.
const STAY: Duration = Duration::from_secs(3);

/// Bytes in use of each share, and bodies that are awaited.
async fn held(world: &World) -> BTreeMap<String, u64> {
    let text = world.text("/metrics").await;
    let lines = text.lines().filter(|line| line.starts_with("deedbox_memory_bytes{") || line.starts_with("deedbox_bodies_awaited{"));
    let pair = |line: &str| line.rsplit_once(' ').map(|(name, value)| (name.to_owned(), value.parse().unwrap()));
    let held: BTreeMap<String, u64> = lines.filter_map(pair).collect();
    assert_eq!(held.len(), 6, "{text}");
    held
}

/// What a hostile connection sends, and then it takes nothing, or a byte now and then.
#[derive(Clone)]
struct Hostile {
    sends: Vec<u8>,
    trickles: bool,
}

impl Hostile {
    fn new(sends: impl Into<Vec<u8>>) -> Self {
        Hostile { sends: sends.into(), trickles: false }
    }

    async fn stay(self, address: std::net::SocketAddr) {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4_096).unwrap();
        let Ok(mut stream) = socket.connect(address).await else { return };
        let _ = stream.write_all(&self.sends).await;
        let mut byte = [0];
        loop {
            tokio::time::sleep(Duration::from_millis(200)).await;
            if self.trickles && stream.write_all(b"x").await.is_err() {
                return;
            }
            if !self.trickles
                && !matches!(tokio::time::timeout(Duration::from_millis(50), stream.read(&mut byte)).await, Ok(Ok(1)) | Err(_))
            {
                return;
            }
        }
    }
}

fn post(path: &str, more: &str, length: usize, body: &[u8]) -> Hostile {
    let head = format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/cose\r\n{more}content-length: {length}\r\n\r\n");
    Hostile::new([head.as_bytes(), body].concat())
}

fn get(path: &str) -> Hostile {
    Hostile::new(format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n"))
}

/// What is held when it does not change any more.
async fn settled(world: &World) -> BTreeMap<String, u64> {
    let mut last = held(world).await;
    loop {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let now = held(world).await;
        if now == last {
            return now;
        }
        last = now;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_are_served_beside_hostile_connections_of_each_kind_and_all_memory_comes_back() {
    let world = World::new().await;
    let owner = world.claim("acme.localhost", 10).await;
    let large = vec![b'x'; 8 << 20];
    let statement = world.prepare(&owner, ID, "1.0.0", None, &large).await;
    world.must_append(&statement).await;
    let mut prev: EventId = statement.id();
    for n in 0..150_u32 {
        let statement = if n % 2 == 0 { owner.yank(ID, "1.0.0", prev, now()) } else { owner.unyank(ID, "1.0.0", prev, now()) };
        prev = statement.id();
        world.must_append(&statement).await;
    }
    let object = object_path(&ObjectRef::of(&artifact(ID, "1.0.0", &large)));
    let all: Vec<u64> = (0..150).collect();
    let question = serde_json::json!({ "indices": all }).to_string();
    let upload = |n: usize| {
        let head = format!(
            "PUT /objects/sha256/{n:064x} HTTP/1.1\r\nhost: x\r\nauthorization: {}\r\ncontent-length: 90000\r\n\r\n",
            permit(&owner)
        );
        Hostile::new([head.as_bytes(), &[7; 20_000]].concat())
    };
    let bomb = gzip(&vec![0; 8 * 1024 * 1024 + 1]);
    type Kind<'a> = (&'static str, Box<dyn Fn(usize) -> Hostile + 'a>);
    let kinds: [Kind<'_>; 8] = [
        ("bodies of one byte", Box::new(|n| post(["/api/v1/events", "/api/v1/claims", "/file/x"][n % 3], "", 8_000, b"x"))),
        ("large bodies that end early", Box::new(|_| post("/api/v1/proofs", "", 1 << 20, &vec![b' '; 200_000]))),
        (
            "uploads without a permit",
            Box::new(|n| Hostile::new(format!("PUT /objects/sha256/{n:064x} HTTP/1.1\r\nhost: x\r\ncontent-length: 90000\r\n\r\nx"))),
        ),
        ("uploads with a permit", Box::new(upload)),
        ("gzip bombs", Box::new(|_| post("/file/x", "content-encoding: gzip\r\n", bomb.len(), &bomb))),
        ("readers of pages", Box::new(|n| get(&format!("/api/v1/events?from={}&limit=1000", n % 9)))),
        ("readers of proofs", Box::new(|_| post("/api/v1/proofs", "", question.len(), question.as_bytes()))),
        ("readers of downloads", Box::new(|_| get(&object))),
    ];
    // What is kept is kept before the first of them.
    let packument = format!("/file/{ID}");
    for path in [packument.as_str(), "/api/v1/events?limit=1000", "/log/checkpoint", "/log/tile/0/000.p/150", "/health"] {
        world.text(path).await;
    }
    let proofs = world.post("/api/v1/proofs", "application/json", question.clone()).await;
    assert_eq!(proofs.status(), 200);
    // All of it: an answer has its weight until the last byte of it is sent.
    proofs.bytes().await.unwrap();
    let before = settled(&world).await;
    let slow_heads = Hostile { sends: b"GET /health HTTP/1.1\r\nhost: x\r\nx: ".to_vec(), trickles: true };

    for (kind, make) in kinds.into_iter().chain([("slow heads", Box::new(move |_| slow_heads.clone()) as Box<dyn Fn(usize) -> Hostile>)]) {
        let mut hostile = JoinSet::new();
        for n in 0..OF_EACH_KIND {
            hostile.spawn(make(n).stay(world.address));
        }
        let (is_over, asked) = (AtomicBool::new(false), AtomicUsize::new(0));
        let reader = |path: &str| {
            let (world, is_over, asked, path) = (&world, &is_over, &asked, path.to_owned());
            async move {
                while !is_over.load(Ordering::Relaxed) {
                    let answer = world.get(&path).await;
                    assert_eq!(answer.status(), 200, "{path} beside {kind}: {}", answer.text().await.unwrap());
                    answer.bytes().await.unwrap();
                    asked.fetch_add(1, Ordering::Relaxed);
                }
            }
        };
        let readers = futures::future::join_all([packument.as_str(), "/log/checkpoint", "/log/tile/0/000.p/1"].map(reader));
        let end = async {
            tokio::time::sleep(STAY).await;
            is_over.store(true, Ordering::Relaxed);
        };
        tokio::join!(readers, end);
        assert!(asked.load(Ordering::Relaxed) > 30, "beside {kind}: {asked:?}");
        hostile.shutdown().await;
        let begun = Instant::now();
        while held(&world).await != before {
            assert!(begun.elapsed() < Duration::from_secs(10), "after {kind}: {:?} and not {before:?}", held(&world).await);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    world.stop().await;
}

/// As in a registry with a tenth of the usual memory: who takes nothing gives way, and new ones are served.
#[tokio::test(flavor = "multi_thread")]
async fn who_takes_nothing_gives_way_where_memory_is_short() {
    let world = World::with(|config| {
        config.memory_bytes = 9 << 19;
        config.answer_cache_bytes = 0;
        config.object_cache_bytes = 0;
    })
    .await;
    let owner = world.claim("acme.localhost", 10).await;
    let large = vec![b'x'; 4 << 20];
    let statement = world.prepare(&owner, ID, "1.0.0", None, &large).await;
    world.must_append(&statement).await;
    let object = object_path(&ObjectRef::of(&artifact(ID, "1.0.0", &large)));
    // A megabyte for objects, 32 KiB for each slow download: one in two has to go.
    let mut slow = JoinSet::new();
    for _ in 0..60 {
        slow.spawn(get(&object).stay(world.address));
    }
    tokio::time::sleep(Duration::from_secs(3)).await;
    let whole = world.get(&object).await;
    assert_eq!(whole.status(), 200);
    assert_eq!(whole.bytes().await.unwrap().len(), large.len() + artifact(ID, "1.0.0", b"").len() + 1);
    let text = world.text("/metrics").await;
    let count = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<f64>().ok()).unwrap();
    assert!(count("deedbox_memory_waits_total{kind=\"objects\"}") > 0.0, "{text}");
    assert_eq!(count("deedbox_memory_limit_bytes{kind=\"objects\"}"), f64::from(1 << 20));
    slow.shutdown().await;
    let begun = Instant::now();
    while held(&world).await.values().any(|bytes| *bytes > 0) {
        assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", held(&world).await);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // Without memory for it a body is refused after a while, and readers go on.
    let mut bodies = Vec::new();
    for _ in 0..80 {
        let mut stream = TcpStream::connect(world.address).await.unwrap();
        stream.write_all(&post("/api/v1/proofs", "", 1 << 20, &[b' '; 10_000]).sends).await.unwrap();
        bodies.push(stream);
    }
    let asked = world.post("/api/v1/proofs", "application/json", "{}").await;
    assert_eq!(asked.status(), 200, "those that have waited longest give way");
    assert_eq!(world.get("/log/checkpoint").await.status(), 200);
    drop(bodies);
    world.stop().await;
}
