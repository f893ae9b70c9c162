//! From an empty directory to a release that is read back, and everything that is refused on the way (spec/api.md §1, §3,
//! §5, §6).

use crate::world::{World, acceptance, artifact, code, header, now, object_path, permit, permit_of};
use deedbox_model::event::{Event, ReleasePublished};
use deedbox_model::{Domain, ObjectRef, Origin};
use deedbox_testkit::{Owner, manifest, publish_event, secret};
use reqwest::{Method, StatusCode};
use std::os::unix::fs::PermissionsExt as _;

const ID: &str = "file:acme.localhost/widget";

#[tokio::test(flavor = "multi_thread")]
async fn the_first_start_makes_a_log_with_one_entry_and_keys_that_only_the_owner_reads() {
    let world = World::new().await;
    assert!(world.origin.as_str().starts_with("localhost/") && world.origin.as_str().ends_with("/log"), "{}", world.origin);
    let registry = world.json("/api/v1/registry").await;
    assert_eq!(registry["tree_size"], 1);
    assert_eq!(registry["origin"], world.origin.as_str());
    assert_eq!(registry["protocol"], 1);
    assert_eq!(registry["vkey"].as_str().unwrap(), world.vkey);
    assert_eq!(registry["ecosystems"], serde_json::json!(["file"]));
    assert_eq!(registry["projections"][0]["folded"], 1);
    for name in ["operator", "log", "receipt"] {
        let path = world.dir.path().join(format!("keys/{name}.pem"));
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let first = world.json("/api/v1/events/0").await;
    assert_eq!((&first["type"], &first["status"]), (&"registry.created".into(), &"effective".into()));
    assert_eq!(world.text("/log/log.vkey").await, format!("{}\n", world.vkey));
    assert_eq!(world.get("/health").await.status(), StatusCode::OK);
    assert_eq!(world.json("/ready").await["ready"], true);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_published_is_read_back_at_once() {
    let world = World::new().await;
    let owner = world.claim("acme.localhost", 10).await;
    let statement = world.prepare(&owner, ID, "1.0.0", None, b"hello").await;
    let object = ObjectRef::of(&artifact(ID, "1.0.0", b"hello"));
    assert_eq!(world.get(&object_path(&object)).await.status(), StatusCode::NOT_FOUND, "uploaded, not published");

    let response = world.append(&statement).await;
    assert_eq!(response.status(), StatusCode::CREATED);
    assert_eq!(header(&response, "location"), Some("/api/v1/events/2"));
    let body: serde_json::Value = response.json().await.unwrap();
    assert_eq!(body, serde_json::json!({"index": 2, "id": statement.id().to_hex(), "seen": false, "tree_size": 3}));

    assert_eq!(world.bytes(&object_path(&object)).await, artifact(ID, "1.0.0", b"hello"));
    assert_eq!(world.bytes(&format!("/file/{ID}@1.0.0")).await, artifact(ID, "1.0.0", b"hello"));
    assert!(world.text(&format!("/file/{ID}")).await.contains("\"1.0.0\""));
    let package = world.get(&format!("/api/v1/packages/{ID}")).await;
    assert_eq!((package.status(), header(&package, "deedbox-tree-size")), (StatusCode::OK, Some("3")));

    let again = world.append(&statement).await;
    assert_eq!(again.status(), StatusCode::OK);
    let again: serde_json::Value = again.json().await.unwrap();
    assert_eq!((again["seen"].as_bool(), again["index"].as_u64()), (Some(true), Some(2)));
    assert_eq!(world.json("/api/v1/registry").await["tree_size"], 3, "nothing was appended twice");

    let by_id = world.json(&format!("/api/v1/events/{}", statement.id())).await;
    assert_eq!(by_id, world.json("/api/v1/events/2").await);
    assert_eq!(
        by_id["body"]["manifest"]["size"].as_u64().unwrap() as usize,
        manifest(ID, "1.0.0", &artifact(ID, "1.0.0", b"hello")).encode().unwrap().len()
    );
    let raw = world.request(Method::GET, "/api/v1/events/2").header("accept", "application/cose").send().await.unwrap();
    assert_eq!(raw.bytes().await.unwrap(), statement.bytes()[..]);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_refusal_has_its_status_and_code() {
    let world = World::new().await;
    let owner = world.claim("acme.localhost", 10).await;
    let first = world.publish(&owner, ID, "1.0.0", None).await;
    let taken = world.prepare(&owner, ID, "1.0.0", Some(first.id()), b"").await;
    let second = world.prepare(&owner, ID, "1.1.0", Some(first.id()), b"").await;

    let stale = world.prepare(&owner, ID, "2.0.0", None, b"").await;
    let response = world.append(&stale).await;
    assert_eq!(response.status(), StatusCode::CONFLICT);
    let body: serde_json::Value = response.json().await.unwrap();
    assert_eq!(body["error"]["code"], "stale_prev");
    assert_eq!(body["error"]["head"], first.id().to_hex());

    let other_origin = Owner { origin: Origin::parse("other.example").unwrap(), ..owner.clone() };
    let stranger = Owner { key: secret(99), ..owner.clone() };
    let missing = manifest(ID, "3.0.0", b"never uploaded");
    let missing = owner.say(ID, Some(first.id()), now(), &Event::from(publish_event(&missing, &[])));
    let late = owner.yank(ID, "1.0.0", first.id(), deedbox_model::TimeMs::new(now().as_ms() - 11 * 60 * 1000).unwrap());
    let early = owner.yank(ID, "1.0.0", first.id(), now().plus_ms(3 * 60 * 1000));
    for (statement, expected) in [
        (&taken, (422, "version_exists")),
        (&other_origin.yank(ID, "1.0.0", first.id(), now()), (422, "other_audience")),
        (&stranger.yank(ID, "1.0.0", first.id(), now()), (422, "key_not_authorised")),
        (&missing, (422, "object_missing")),
        (&late, (422, "from_the_past")),
        (&early, (422, "from_the_future")),
        (&owner.yank(ID, "9.9.9", first.id(), now()), (422, "no_such_release")),
    ] {
        let (status, code) = code(world.append(statement).await).await;
        assert_eq!((status, code.as_str()), expected);
    }
    // Another ecosystem than the server knows.
    let bytes = artifact("other:acme.localhost/x", "1.0.0", b"");
    let other = manifest("other:acme.localhost/x", "1.0.0", &bytes);
    world.upload(&owner, bytes).await;
    world.upload(&owner, other.encode().unwrap()).await;
    let other = owner.say("other:acme.localhost/x", None, now(), &Event::from(publish_event(&other, &[])));
    assert_eq!(code(world.append(&other).await).await, (422, "unknown_ecosystem".to_owned()));

    for (media_type, body, expected) in [
        ("application/cose", vec![0; 65_536], (413, "too_large")),
        ("application/cose", b"no statement".to_vec(), (422, "undecodable")),
        ("application/json", second.bytes().to_vec(), (400, "bad_request")),
    ] {
        let (status, code) = code(world.post("/api/v1/events", media_type, body).await).await;
        assert_eq!((status, code.as_str()), expected);
    }
    let mut forged = second.bytes().to_vec();
    *forged.last_mut().unwrap() ^= 1;
    assert_eq!(code(world.post("/api/v1/events", "application/cose", forged).await).await, (422, "bad_signature".to_owned()));
    assert_eq!(world.json("/api/v1/registry").await["tree_size"], 3, "nothing of it was appended");
    world.must_append(&second).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn claims_below_localhost_are_filed_only_where_that_is_allowed() {
    let world = World::with(|config| config.allow_local_claims = false).await;
    let refused = world.post("/api/v1/claims", "application/cose", acceptance("acme.localhost", &secret(10), &world.origin)).await;
    assert_eq!(code(refused).await, (422, "local_claims".to_owned()));
    // The operator files other claims as statements.
    let (claim, owner) = world.registry().claim("acme.example", &secret(10), now());
    world.must_append(&claim).await;
    assert_eq!(owner.domain, Domain::parse("acme.example").unwrap());
    // The same evidence that the route gives is refused as a statement too.
    let (local, _) = world.registry().claim("acme.localhost", &secret(10), now());
    assert_eq!(code(world.append(&local).await).await, (422, "local_claims".to_owned()));
    world.stop().await;

    let world = World::new().await;
    for (body, expected) in [
        (acceptance("acme.example", &secret(10), &world.origin), (422, "looks_nowhere")),
        (acceptance("acme.localhost", &secret(10), &Origin::parse("other.example").unwrap()), (422, "other_audience")),
        (b"none".to_vec(), (422, "undecodable")),
        (vec![0; 9_000], (413, "too_large")),
    ] {
        let (status, code) = code(world.post("/api/v1/claims", "application/cose", body).await).await;
        assert_eq!((status, code.as_str()), expected);
    }
    world.claim("acme.localhost", 10).await;
    let twice = world.post("/api/v1/claims", "application/cose", acceptance("acme.localhost", &secret(11), &world.origin)).await;
    assert!(matches!(code(twice).await.0, 409 | 422));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_needs_a_good_permit_and_exactly_its_bytes() {
    let world = World::with(|config| {
        config.max_object_bytes = 10_000;
        config.pending_bytes_per_domain = 15_000;
    })
    .await;
    let owner = world.claim("acme.localhost", 10).await;
    let bytes = b"some bytes".to_vec();
    let object = ObjectRef::of(&bytes);
    let stranger = Owner { key: secret(99), ..owner.clone() };
    let unclaimed = Owner { domain: Domain::parse("other.localhost").unwrap(), ..owner.clone() };
    let elsewhere = Owner { origin: Origin::parse("other.example").unwrap(), ..owner.clone() };
    let past = deedbox_model::TimeMs::new(now().as_ms() - 120_000).unwrap();
    for (name, permit) in [
        ("none", None),
        ("another scheme", Some("Bearer abc".to_owned())),
        ("no base64", Some("Deedbox ???".to_owned())),
        ("no permit", Some("Deedbox YWJj".to_owned())),
        ("a stranger's key", Some(permit(&stranger))),
        ("an unclaimed domain", Some(permit(&unclaimed))),
        ("another registry", Some(permit(&elsewhere))),
        ("expired", Some(permit_of(&owner, past, 60_000))),
        ("not valid yet", Some(permit_of(&owner, now().plus_ms(180_000), 60_000))),
    ] {
        let response = world.put(object, permit.as_deref(), bytes.clone()).await;
        assert_eq!(header(&response, "www-authenticate"), Some("Deedbox"), "{name}");
        assert_eq!(code(response).await, (401, "permit".to_owned()), "{name}");
    }
    let good = permit(&owner);
    let other = ObjectRef { sha256: ObjectRef::of(b"other").sha256, ..object };
    assert_eq!(code(world.put(other, Some(&good), bytes.clone()).await).await, (422, "digest_mismatch".to_owned()));
    let large = vec![7; 10_001];
    assert_eq!(code(world.put(ObjectRef::of(&large), Some(&good), large).await).await, (413, "too_large".to_owned()));
    assert_eq!(world.upload(&owner, vec![1; 9_000]).await, StatusCode::CREATED);
    let over = vec![2; 9_000];
    assert_eq!(code(world.put(ObjectRef::of(&over), Some(&good), over).await).await, (429, "budget".to_owned()));
    assert_eq!(world.put(object, Some(&good), bytes.clone()).await.status(), StatusCode::CREATED);
    assert_eq!(world.put(object, Some(&good), bytes.clone()).await.status(), StatusCode::OK, "it was here");
    let chunked = reqwest::Body::wrap_stream(futures::stream::iter([Ok::<_, std::io::Error>(bytes::Bytes::from_static(b"some bytes"))]));
    let chunked = world.request(Method::PUT, &object_path(&object)).header("authorization", &good).body(chunked).send().await.unwrap();
    assert_eq!(code(chunked).await, (400, "bad_request".to_owned()));
    assert_eq!(std::fs::read_dir(world.dir.path().join("incoming")).unwrap().count(), 0, "nothing is left of what failed");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_learns_nothing_of_what_is_uploaded_and_not_published() {
    let world = World::new().await;
    let owner = world.claim("acme.localhost", 10).await;
    world.upload(&owner, b"secret".to_vec()).await;
    let (here, not_here) = (object_path(&ObjectRef::of(b"secret")), object_path(&ObjectRef::of(b"nothing")));
    let mut answers = Vec::new();
    for path in [&here, &not_here] {
        for method in [Method::GET, Method::HEAD] {
            let response = world.request(method.clone(), path).send().await.unwrap();
            assert_eq!(response.status(), StatusCode::NOT_FOUND);
            let headers = response.headers().len();
            let text = response.text().await.unwrap().replace(&here[16..], "").replace(&not_here[16..], "");
            answers.push((method, headers, text));
        }
    }
    assert_eq!(answers[..2], answers[2..]);
    for (path, status) in [(&here, StatusCode::OK), (&not_here, StatusCode::NOT_FOUND)] {
        let response = world.request(Method::HEAD, path).header("authorization", permit(&owner)).send().await.unwrap();
        assert_eq!(response.status(), status);
        let response = world.request(Method::HEAD, path).header("authorization", "Deedbox YWJj").send().await.unwrap();
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "whether it is here or not");
        let response = world.request(Method::GET, path).header("authorization", permit(&owner)).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "a permit to upload reads nothing");
    }
    // Who may upload elsewhere is a stranger here: by no method, condition or part, and not by sending the same bytes.
    let other = world.claim("other.localhost", 11).await;
    let mut answers = Vec::new();
    for path in [&here, &not_here] {
        for (method, name, value) in [
            (Method::HEAD, "x", "y"),
            (Method::HEAD, "if-none-match", "*"),
            (Method::GET, "if-none-match", "*"),
            (Method::GET, "if-match", "*"),
            (Method::GET, "range", "bytes=0-0"),
            (Method::HEAD, "range", "bytes=0-0"),
            (Method::GET, "if-modified-since", "Sat, 21 Nov 2026 07:00:00 GMT"),
        ] {
            let request = world.request(method.clone(), path).header("authorization", permit(&other)).header(name, value);
            let response = request.send().await.unwrap();
            assert_eq!(response.status(), StatusCode::NOT_FOUND, "{method} {name}");
            let names: Vec<String> = response.headers().keys().map(ToString::to_string).collect();
            let text = response.text().await.unwrap().replace(&here[16..], "").replace(&not_here[16..], "");
            answers.push((method, name, names, text));
        }
    }
    assert_eq!(answers[..7], answers[7..]);
    // Nor by a statement that names them, in its own name or in theirs, with the right size or another.
    let (id, own) = ("file:acme.localhost/tool", "file:other.localhost/tool");
    let in_their_name = Owner { origin: owner.origin.clone(), domain: owner.domain.clone(), key: secret(11), ..owner.clone() };
    let prepared = world.prepare(&owner, id, "1.0.0", None, b"").await;
    let Some(published) = prepared.event().published() else { panic!("{prepared:?}") };
    for bytes in [published.manifest.size, published.manifest.size + 1] {
        for (id, speaker) in [(id, &in_their_name), (own, &other)] {
            let manifest = ObjectRef { size: bytes, ..published.manifest };
            let event = Event::from(ReleasePublished { manifest, ..published.clone() });
            let refused = world.append(&speaker.say(id, None, now(), &event)).await;
            assert_eq!(code(refused).await, (422, "object_missing".to_owned()), "{id} {bytes}");
        }
    }
    world.must_append(&prepared).await;
    assert_eq!(world.upload(&other, b"secret".to_vec()).await, StatusCode::CREATED);
    assert_eq!(world.upload(&other, b"nothing".to_vec()).await, StatusCode::CREATED);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_publish_at_once_and_each_reads_its_own() {
    let world = World::new().await;
    let owner = world.claim("acme.localhost", 10).await;
    let publish = |n: usize| {
        let (world, owner) = (&world, &owner);
        async move {
            let id = format!("file:acme.localhost/widget-{n}");
            let statement = world.prepare(owner, &id, "1.0.0", None, b"").await;
            let index = world.must_append(&statement).await;
            assert!(world.text(&format!("/file/{id}")).await.contains("1.0.0"), "read at once");
            index
        }
    };
    let mut indices = futures::future::join_all((0..200).map(publish)).await;
    indices.sort();
    assert_eq!(indices, (2..202).collect::<Vec<u64>>());
    world.stop().await;
}
