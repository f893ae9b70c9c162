//! Requests and uploads that are refused whatever they say, and a registry that is not well (spec/api.md §1, spec/objects.md §5).

use super::statements::{earlier, object_id};
use super::{ID, Provoked};
use crate::file_dialect::manifest_of;
use crate::tarballs::gzip;
use crate::world::{World, artifact, now, object_path, parts, permit, permit_of};
use deedbox_ledger::{Point, Probe};
use deedbox_model::{Domain, EventId, ObjectRef, Origin, Sha256Digest};
use deedbox_testkit::{Owner, secret};
use reqwest::Method;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

/// Requests that do not read, of the wrong kind, or too large: each limit on both sides.
pub(super) async fn of_requests(world: &World, owner: &Owner, provoked: &mut Provoked) {
    let get = |path: &str| world.request(Method::GET, path);
    let bad = (400, "bad_request");
    let hex = "ab".repeat(32);
    let pairs = |n: usize| format!("/api/v1/events?{}", vec!["limit=1"; n].join("&"));
    let query = |n: usize| format!("/api/v1/events?limit=1&x={}", "y".repeat(n - "limit=1&x=".len()));
    let path = |n: usize| format!("/file/{}", "a".repeat(n));
    let accept = |n: usize| get("/api/v1/events/0").header("accept", format!("*/*;x={}", "a".repeat(n - "*/*;x=".len())));
    // A limit's own size is not refused for its size.
    for request in [get(&pairs(64)), get(&query(8_192)), accept(1_024)] {
        assert_eq!(request.send().await.unwrap().status(), 200);
    }
    assert_eq!(get(&path(2_048)).send().await.unwrap().status(), 404);
    for (what, request, expected) in [
        ("65 pairs", get(&pairs(65)), bad),
        ("a query of 8,193 bytes", get(&query(8_193)), bad),
        ("a path of 2,049 bytes", get(&path(2_049)), bad),
        ("an Accept of 1,025 bytes", accept(1_025), bad),
        ("an Accept that is not a text", get("/api/v1/events/0").header("accept", &b"\xff"[..]), bad),
        ("a NUL", get("/file/a%00"), bad),
        ("half an escape", get("/file/a%4"), bad),
        ("no UTF-8", get("/file/%ff"), bad),
        ("no UTF-8 in a query", get("/api/v1/events?from=%ff"), bad),
        ("a number with a zero before it", get("/api/v1/events?from=01"), bad),
        ("a number with a sign", get("/api/v1/events?from=+1"), bad),
        ("a page of nothing", get("/api/v1/events?limit=0"), bad),
        ("a page of 1,001", get("/api/v1/events?limit=1001"), bad),
        ("an index in another spelling", get("/api/v1/events/00"), bad),
        ("an id in capitals", get(&format!("/api/v1/events/{}", hex.to_uppercase())), bad),
        ("a size in another spelling", get("/api/v1/events/0/proof?size=01"), bad),
        ("an address in capitals", get(&format!("/objects/sha256/{}", hex.to_uppercase())), bad),
        ("a package in capitals", get("/api/v1/packages/file:ACME.localhost/widget"), bad),
        ("no statement by its header", world.request(Method::POST, "/api/v1/events").body("x"), bad),
        ("an index past the end", get("/api/v1/events/1000000"), (404, "not_found")),
        ("an id that does not exist", get(&format!("/api/v1/events/{hex}")), (404, "not_found")),
        ("a tile in another spelling", get("/log/tile/0/0"), (404, "not_found")),
        ("an object that does not exist", get(&format!("/objects/sha256/{hex}")), (404, "not_found")),
        ("a package that does not exist", get("/api/v1/packages/file:acme.localhost/none"), (404, "no_such_package")),
        ("a release that does not exist", get(&format!("/api/v1/packages/{ID}@9.9.9")), (404, "no_such_release")),
        ("a domain that is nobody's", get("/api/v1/domains/nobody.localhost"), (404, "not_claimed")),
        ("nothing", get("/nothing"), (404, "not_found")),
        ("a method", world.request(Method::DELETE, "/api/v1/events"), (405, "method_not_allowed")),
        ("a method of a projection", world.request(Method::OPTIONS, "/file/x"), (405, "method_not_allowed")),
        ("an Accept of nothing we have", get("/api/v1/events/0").header("accept", "text/html"), (406, "not_acceptable")),
        ("the same of a proof", get("/api/v1/events/0/proof").header("accept", "image/png"), (406, "not_acceptable")),
        ("a panic", get("/file/panic"), (500, "internal")),
    ] {
        provoked.by(world, what, request, expected).await;
    }

    // Bodies: what is as long as it may be is refused for another reason, or not at all; a byte more is too large.
    let cose = "application/cose";
    for (path, media_type, limit, within) in [
        ("/api/v1/events", cose, 65_535, (422, "undecodable")),
        ("/api/v1/claims", cose, 8 * 1024, (422, "undecodable")),
        ("/api/v1/recoveries", cose, 8 * 1024, (422, "undecodable")),
        ("/api/v1/proofs", "application/json", 1024 * 1024, bad),
    ] {
        let post = |n: usize| world.request(Method::POST, path).header("content-type", media_type).body(vec![b'x'; n]);
        provoked.by(world, path, post(limit), within).await;
        provoked.by(world, path, post(limit + 1), (413, "too_large")).await;
        // Also where nobody says how many will come.
        let pieces = futures::stream::iter((0..=limit / 1_000).map(|_| Ok::<_, std::io::Error>(vec![b'x'; 1_000])));
        let chunked = world.request(Method::POST, path).header("content-type", media_type).body(reqwest::Body::wrap_stream(pieces));
        provoked.by(world, path, chunked, (413, "too_large")).await;
    }
    let ask = |bytes: Vec<u8>| world.request(Method::POST, "/file/x").body(bytes);
    let unpacking = |n: usize| ask(gzip(&vec![b'x'; n])).header("content-encoding", "gzip");
    for answered in [ask(vec![b'x'; 1024 * 1024]), unpacking(8 * 1024 * 1024)] {
        assert_eq!(answered.send().await.unwrap().status(), 200);
    }
    provoked.by(world, "a query of a byte more", ask(vec![b'x'; 1024 * 1024 + 1]), (413, "too_large")).await;
    provoked.by(world, "a query that unpacks to a byte more", unpacking(8 * 1024 * 1024 + 1), (413, "too_large")).await;
    provoked.by(world, "no gzip", ask(b"x".to_vec()).header("content-encoding", "gzip"), bad).await;
    provoked.by(world, "another coding", ask(b"x".to_vec()).header("content-encoding", "br"), bad).await;

    let ask = |body: String| world.request(Method::POST, "/api/v1/proofs").body(body);
    let indices = |n: usize| serde_json::json!({ "indices": vec![0; n] }).to_string();
    assert_eq!(ask(indices(16_000)).send().await.unwrap().status(), 200);
    provoked.by(world, "16,001 indices", ask(indices(16_001)), (422, "too_many")).await;
    let none = |n: usize| serde_json::json!({ "releases": vec!["file:a.localhost/b@1"; n] }).to_string();
    assert_eq!(ask(none(16_000)).send().await.unwrap().status(), 200);
    provoked.by(world, "16,001 releases", ask(none(16_001)), (422, "too_many")).await;
    provoked.by(world, "a release in capitals", ask("{\"releases\":[\"file:A.localhost/b@1\"]}".to_owned()), bad).await;
    provoked.by(world, "a key twice", ask("{\"indices\":[0],\"indices\":[1]}".to_owned()), bad).await;
    provoked.by(world, "an index past the end", ask("{\"indices\":[1000000]}".to_owned()), bad).await;
    let header = |n: usize| get("/health").header("a", "a".repeat(n));
    assert_eq!(header(30 * 1024).send().await.unwrap().status(), 200);
    let long = header(32 * 1024).send().await.unwrap();
    assert_eq!(long.status(), 431);
    // Where it is much too large, it is refused before anybody could say why.
    if long.headers().contains_key("x-request-id") {
        provoked.is(world, "a head that is a little too large", long, (431, "too_large")).await;
    }
    assert_eq!(owner.domain.as_str(), "acme.localhost");
}

/// Uploads: permits, sizes, digests, budgets.
pub(super) async fn of_uploads(provoked: &mut Provoked) {
    let world = World::with(|config| {
        config.max_object_bytes = 10_000;
        config.pending_bytes_per_domain = 15_000;
    })
    .await;
    let owner = world.claim("acme.localhost", 10).await;
    let put = |object: ObjectRef, permit: Option<String>, bytes: Vec<u8>| {
        let request = world.request(Method::PUT, &object_path(&object)).body(bytes);
        match permit {
            Some(permit) => request.header("authorization", permit),
            None => request,
        }
    };
    let bytes = b"some bytes".to_vec();
    let object = ObjectRef::of(&bytes);
    let good = permit(&owner);
    let stranger = Owner { key: secret(99), ..owner.clone() };
    let unclaimed = Owner { domain: Domain::parse("other.localhost").unwrap(), ..owner.clone() };
    let elsewhere = Owner { origin: Origin::parse("other.example").unwrap(), ..owner.clone() };
    let tenureless = Owner { tenure: object_id(), ..owner.clone() };
    let second_spelling = format!("{good}A");
    for (what, permit) in [
        ("none", None),
        ("another scheme", Some("Bearer abc".to_owned())),
        ("no base64", Some("Deedbox ???".to_owned())),
        ("no permit", Some("Deedbox YWJj".to_owned())),
        ("a byte more", Some(second_spelling)),
        ("a permit of 9 KiB", Some(format!("Deedbox {}", "A".repeat(12_000)))),
        ("a stranger's key", Some(permit(&stranger))),
        ("an unclaimed domain", Some(permit(&unclaimed))),
        ("another registry", Some(permit(&elsewhere))),
        ("another tenure", Some(permit(&tenureless))),
        ("expired", Some(permit_of(&owner, earlier(120_000), 60_000))),
        ("not valid yet", Some(permit_of(&owner, now().plus_ms(180_000), 60_000))),
    ] {
        provoked.by(&world, what, put(object, permit, bytes.clone()), (401, "permit")).await;
    }
    let good = || Some(good.clone());
    let other = ObjectRef { sha256: Sha256Digest::of(b"other"), ..object };
    provoked.by(&world, "another digest", put(other, good(), bytes.clone()), (422, "digest_mismatch")).await;
    let large = vec![7; 10_001];
    provoked.by(&world, "a byte too many", put(ObjectRef::of(&large), good(), large), (413, "too_large")).await;
    let largest = vec![7; 10_000];
    assert_eq!(put(ObjectRef::of(&largest), good(), largest).send().await.unwrap().status(), 201);
    let over = vec![2; 5_001];
    provoked.by(&world, "a byte over budget", put(ObjectRef::of(&over), good(), over), (429, "budget")).await;
    let last = vec![2; 5_000];
    assert_eq!(put(ObjectRef::of(&last), good(), last).send().await.unwrap().status(), 201);
    let stream = futures::stream::iter([Ok::<_, std::io::Error>(bytes::Bytes::from_static(b"some bytes"))]);
    let chunked = world.request(Method::PUT, &object_path(&object)).header("authorization", good().unwrap());
    provoked.by(&world, "no length", chunked.body(reqwest::Body::wrap_stream(stream)), (400, "bad_request")).await;
    world.stop().await;

    // One that broke off is gone on with from where it is, by one at a time.
    let world = World::new().await;
    let owner = world.claim("acme.localhost", 10).await;
    let large = vec![3; 2 << 20];
    let object = ObjectRef::of(&large);
    let patch = |offset: &str, media_type: &str, rest: usize| {
        let request = world.request(Method::PATCH, &object_path(&object)).header("authorization", permit(&owner));
        request.header("upload-offset", offset).header("content-type", media_type).body(vec![3; rest])
    };
    let partial = "application/partial-upload";
    provoked.by(&world, "nothing to go on with", patch("1", partial, (2 << 20) - 1), (409, "upload_offset")).await;
    for (what, request) in [
        ("another media type", patch("0", "application/octet-stream", 2 << 20)),
        ("no number", patch("x", partial, 1)),
        ("another spelling", patch("01", partial, 1)),
        ("a sign", patch("+1", partial, 1)),
        ("too much", patch("18446744073709551615", partial, 1)),
    ] {
        provoked.by(&world, what, request, (400, "bad_request")).await;
    }
    let held = crate::uploads::hold(&world, &owner, object, &large[..1 << 20]).await;
    provoked.by(&world, "another goes on with it", patch("1048576", partial, 1 << 20), (409, "upload_under_way")).await;
    drop(held);
    world.stop().await;
}

/// Removes an object as the writer passes a point, once it is told which.
#[derive(Default)]
struct Remover(Mutex<Option<PathBuf>>);

impl Probe for Remover {
    fn passed(&self, point: Point) {
        if point == Point::Claimed
            && let Some(path) = self.0.lock().unwrap().take()
        {
            std::fs::remove_file(path).unwrap();
        }
    }
}

pub(super) async fn of_a_registry_that_is_not_well(provoked: &mut Provoked) {
    // Full: of two bodies that do not come one has no place.
    let world = World::with(|config| config.max_requests = 1).await;
    let never = || reqwest::Body::wrap_stream(futures::stream::pending::<Result<bytes::Bytes, std::io::Error>>());
    let (first, second) = (world.request(Method::POST, "/api/v1/proofs").body(never()), async {
        while !world.text("/metrics").await.contains("deedbox_bodies_awaited{kind=\"short\"} 1\n") {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let mut held = TcpStream::connect(world.address).await.unwrap();
        held.write_all(b"POST /api/v1/proofs HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n").await.unwrap();
        held
    });
    let ((), held) = tokio::join!(provoked.by(&world, "no room", first, (503, "busy")), second);
    drop(held);
    world.stop().await;

    // Out of patience: the statement may be appended and may not.
    let world = World::new().await;
    let owner = world.claim("acme.localhost", 10).await;
    let slow = world.prepare(&owner, ID, "1.0.0", None, b"slow").await;
    let world = World::open(world.stop().await, |config| config.times.answer = Duration::from_millis(30)).await.unwrap();
    let response = world.append(&slow).await;
    provoked.is(&world, "a slow inspection", response, (503, "timeout")).await;
    world.stop().await;

    // A protocol that this program does not know.
    let world = World::new().await;
    let owner = world.claim("acme.localhost", 10).await;
    let first = world.publish(&owner, ID, "1.0.0", None).await;
    let bytes = artifact(ID, "1.0.0", b"");
    let on_disk = |world: &World, object: ObjectRef| {
        let hex = object.sha256.to_hex();
        world.dir.path().join(format!("objects/sha256/{}/{}/{hex}", &hex[..2], &hex[2..4]))
    };
    std::fs::remove_file(on_disk(&world, ObjectRef::of(&bytes))).unwrap();
    let lost = world.request(Method::GET, &object_path(&ObjectRef::of(&bytes)));
    provoked.by(&world, "a lost object", lost, (503, "store")).await;
    let head = EventId::from_hex(world.json("/api/v1/events/0").await["id"].as_str().unwrap()).unwrap();
    world.must_append(&world.registry().rules_changed(head, 2, now())).await;
    let yank = owner.yank(ID, "1.0.0", first.id(), now());
    provoked.statement(&world, "a newer protocol", &yank, (503, "undecided")).await;
    world.stop().await;

    // A manifest that is lost between the claim and the folding: nobody can say what became of the statement.
    let remover = Arc::new(Remover::default());
    let mut parts = parts();
    parts.probe = remover.clone();
    let world = World::open_with(Arc::new(TempDir::new().unwrap()), |_| {}, parts).await.unwrap();
    let owner = world.claim("acme.localhost", 10).await;
    let statement = world.prepare(&owner, ID, "1.0.0", None, b"").await;
    let manifest = manifest_of(ID, "1.0.0", &artifact(ID, "1.0.0", b"")).encode().unwrap();
    let path = on_disk(&world, ObjectRef::of(&manifest));
    *remover.0.lock().unwrap() = Some(path.clone());
    let response = world.append(&statement).await;
    provoked.is(&world, "a fold that stopped", response, (503, "stopping")).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let again = world.append(&statement).await;
    provoked.is(&world, "and stays stopped", again, (503, "store")).await;
    let dir = world.stop().await;
    std::fs::write(path, manifest).unwrap();
    let world = World::open(dir, |_| {}).await.unwrap();
    let again = world.append(&statement).await;
    assert_eq!(again.status(), 200, "the same bytes tell what became of them");
    world.stop().await;
}
