//! The log's files as a stranger's tool reads them (spec/api.md §2, spec/log.md).

use crate::world::{World, code, header, now};
use deedbox_model::{EventId, Protocol, Statement};
use deedbox_tlog::{BundleId, KeyName, SignedCheckpoint, TileId, Tiles, VerifiedCheckpoint, VerifierKey, leaf_hash, tree};
use reqwest::Method;

const ID: &str = "file:acme.localhost/widget";

async fn checkpoint(world: &World) -> VerifiedCheckpoint {
    let name = KeyName::new(world.origin.as_str()).unwrap();
    let key = VerifierKey::parse(world.text("/log/log.vkey").await.trim_end()).unwrap();
    SignedCheckpoint::parse(world.text("/log/checkpoint").await.as_bytes()).unwrap().verify(&name, &[key], &[]).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn tiles_and_bundles_lead_to_the_signed_root_and_partial_ones_are_the_beginning_of_wider_ones() {
    let world = World::new().await;
    let owner = world.claim("acme.localhost", 10).await;
    let mut prev: EventId = world.publish(&owner, ID, "1.0.0", None).await.id();
    for n in 0..300_u32 {
        let statement = if n % 2 == 0 { owner.yank(ID, "1.0.0", prev, now()) } else { owner.unyank(ID, "1.0.0", prev, now()) };
        prev = statement.id();
        world.must_append(&statement).await;
        // One after the other: a reader that held each of these checkpoints still gets each of their tiles.
        if n == 40 {
            assert_eq!(checkpoint(&world).await.size(), 44);
        }
    }
    let checkpoint = checkpoint(&world).await;
    assert_eq!(checkpoint.size(), 303);
    let mut tiles = Tiles::new();
    for id in deedbox_tlog::plan_frontier(303).unwrap() {
        tiles.insert_bytes(id, &world.bytes(&format!("/log/{}", id.path())).await).unwrap();
    }
    let frontier = deedbox_tlog::Frontier::from_tiles(303, &tiles).unwrap();
    assert_eq!(&frontier.root(), checkpoint.root());

    let full = world.bytes("/log/tile/0/000").await;
    let mut leaves = Vec::new();
    for (index, width) in [(0, 256), (1, 47)] {
        let id = BundleId::new(index, width).unwrap();
        let bytes = world.bytes(&format!("/log/{}", id.path())).await;
        for entry in deedbox_tlog::bundle::parse_entries(id, &bytes).unwrap() {
            Statement::decode(Protocol::ONE, entry).unwrap();
            leaves.push(leaf_hash(entry));
        }
    }
    assert_eq!(tree::root_from_leaf_hashes(&leaves), *checkpoint.root());
    for width in [1_u16, 44, 255] {
        let id = TileId::new(0, 0, width).unwrap();
        assert_eq!(world.bytes(&format!("/log/{}", id.path())).await, full[..id.byte_len()]);
        let id = BundleId::new(0, width).unwrap();
        let bytes = world.bytes(&format!("/log/{}", id.path())).await;
        assert_eq!(deedbox_tlog::bundle::parse_entries(id, &bytes).unwrap().len(), usize::from(width));
    }
    for nothing in [
        "tile/0/001",
        "tile/0/001.p/48",
        "tile/0/002.p/1",
        "tile/1/000",
        "tile/1/000.p/2",
        "tile/2/000.p/1",
        "tile/entries/001",
        "tile/entries/001.p/48",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/0",
        "tile/0/x000/000",
        "tile/8/000",
        "tile/0/000/",
        "tile/0/..",
        "staged",
        "nothing",
        "",
        "tile/0/%30%30%30",
        "tile/0/x999/x999/x999/x999/x999/x999/999",
    ] {
        let (status, code) = code(world.get(&format!("/log/{nothing}")).await).await;
        assert_eq!((status, code.as_str()), (404, "not_found"), "{nothing}");
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_checkpoint_is_asked_for_again_and_tiles_are_kept() {
    let world = World::new().await;
    let first = world.get("/log/checkpoint").await;
    assert_eq!(header(&first, "cache-control"), Some("public, no-cache"));
    assert_eq!(header(&first, "content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(header(&first, "access-control-allow-origin"), Some("*"));
    let etag = header(&first, "etag").unwrap().to_owned();
    let again = world.request(Method::GET, "/log/checkpoint").header("if-none-match", &etag).send().await.unwrap();
    assert_eq!(again.status(), 304);
    assert_eq!(header(&again, "etag"), Some(etag.as_str()));
    world.claim("acme.localhost", 10).await;
    let newer = world.request(Method::GET, "/log/checkpoint").header("if-none-match", &etag).send().await.unwrap();
    assert_eq!(newer.status(), 200);
    for path in ["/log/tile/0/000.p/1", "/log/tile/0/000.p/2", "/log/tile/entries/000.p/1"] {
        let tile = world.get(path).await;
        assert_eq!((tile.status().as_u16(), header(&tile, "cache-control")), (200, Some("public, max-age=31536000, immutable")), "{path}");
        assert_eq!(header(&tile, "content-type"), Some("application/octet-stream"));
    }
    let head = world.request(Method::HEAD, "/log/tile/0/000.p/2").send().await.unwrap();
    assert_eq!((head.status().as_u16(), header(&head, "content-length")), (200, Some("64")));
    assert!(head.bytes().await.unwrap().is_empty());
    let range = world.request(Method::GET, "/log/tile/0/000.p/2").header("range", "bytes=32-").send().await.unwrap();
    assert_eq!((range.status().as_u16(), header(&range, "content-range")), (206, Some("bytes 32-63/64")));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_read_one_by_one_and_by_the_page() {
    let world = World::new().await;
    let owner = world.claim("acme.localhost", 10).await;
    world.publish(&owner, ID, "1.0.0", None).await;
    let page = world.json("/api/v1/events?from=1&limit=1").await;
    assert_eq!((&page["tree_size"], &page["next"]), (&3.into(), &2.into()));
    assert_eq!(page["events"].as_array().unwrap().len(), 1);
    assert_eq!(page["events"][0]["type"], "domain.claimed");
    let last = world.json("/api/v1/events?from=2").await;
    assert_eq!((&last["next"], &last["events"][0]["void"]), (&serde_json::Value::Null, &serde_json::Value::Null));
    for beyond in ["3", "18446744073709551615"] {
        let page = world.json(&format!("/api/v1/events?from={beyond}")).await;
        assert_eq!((page["events"].as_array().unwrap().len(), &page["next"]), (0, &serde_json::Value::Null));
    }
    for bad in ["from=-1", "from=01", "from=x", "limit=0", "limit=1001", "from=%ff", "from=18446744073709551616"] {
        assert_eq!(code(world.get(&format!("/api/v1/events?{bad}")).await).await, (400, "bad_request".to_owned()), "{bad}");
    }
    for (which, status) in [("3", 404), ("00", 400), ("x", 400), (&"0".repeat(64), 404), (&"A".repeat(64), 400)] {
        assert_eq!(code(world.get(&format!("/api/v1/events/{which}")).await).await.0, status, "{which}");
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn entry_bundles_come_in_gzip_where_that_is_asked_for_each_form_with_its_own_tag() {
    use std::io::Read as _;
    let world = World::new().await;
    let owner = world.claim("acme.localhost", 10).await;
    let mut prev: EventId = world.publish(&owner, ID, "1.0.0", None).await.id();
    for n in 0..260_u32 {
        let statement = if n % 2 == 0 { owner.yank(ID, "1.0.0", prev, now()) } else { owner.unyank(ID, "1.0.0", prev, now()) };
        prev = statement.id();
        world.must_append(&statement).await;
    }
    for path in ["/log/tile/entries/000", "/log/tile/entries/000.p/200", "/log/tile/entries/001.p/7"] {
        let plain = world.get(path).await;
        let (etag, length) = (header(&plain, "etag").unwrap().to_owned(), header(&plain, "content-length").unwrap().to_owned());
        assert_eq!((header(&plain, "content-encoding"), header(&plain, "vary")), (None, Some("Accept-Encoding")), "{path}");
        let bytes = plain.bytes().await.unwrap();
        for accept in ["gzip", "gzip, br", "br;q=1.0, gzip;q=0.8, *;q=0.1"] {
            let ask = || world.request(Method::GET, path).header("accept-encoding", accept);
            let packed = ask().send().await.unwrap();
            let tag = header(&packed, "etag").unwrap().to_owned();
            assert_eq!((header(&packed, "content-encoding"), header(&packed, "vary")), (Some("gzip"), Some("Accept-Encoding")));
            assert_eq!(header(&packed, "cache-control"), Some("public, max-age=31536000, immutable"));
            assert!(tag != etag && !tag.starts_with("W/"), "{tag}");
            let packed = packed.bytes().await.unwrap();
            assert!(packed.len() < bytes.len());
            let mut unpacked = Vec::new();
            flate2::read::GzDecoder::new(&packed[..]).read_to_end(&mut unpacked).unwrap();
            assert_eq!(unpacked, bytes);
            let again = ask().header("if-none-match", &tag).send().await.unwrap();
            assert_eq!((again.status().as_u16(), header(&again, "vary")), (304, Some("Accept-Encoding")));
            assert_eq!(ask().header("if-none-match", &etag).send().await.unwrap().status(), 200, "it has the other form");
        }
        for accept in ["identity", "br", "gzip;q=0", ""] {
            let answer = world.request(Method::GET, path).header("accept-encoding", accept).send().await.unwrap();
            assert_eq!((header(&answer, "content-encoding"), header(&answer, "etag")), (None, Some(etag.as_str())), "{accept}");
        }
        let part = world.request(Method::GET, path).header("accept-encoding", "gzip").header("range", "bytes=0-1").send().await.unwrap();
        assert_eq!((part.status().as_u16(), header(&part, "content-encoding")), (206, None));
        assert_eq!(header(&part, "content-range"), Some(format!("bytes 0-1/{length}").as_str()));
    }
    let tile = world.request(Method::GET, "/log/tile/0/000").header("accept-encoding", "gzip").send().await.unwrap();
    assert_eq!((header(&tile, "content-encoding"), header(&tile, "vary")), (None, None), "hashes do not get smaller");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_anybody_may_read_the_log_and_see_why_they_may_not() {
    let world = World::new().await;
    for (method, path, status) in [
        (Method::GET, "/log/checkpoint", 200),
        (Method::HEAD, "/log/tile/0/000.p/1", 200),
        (Method::GET, "/log/tile/0/001", 404),
        (Method::GET, "/log/", 404),
        (Method::GET, "/log", 404),
        (Method::POST, "/log/checkpoint", 405),
        (Method::DELETE, "/log/tile/0/000", 405),
        (Method::OPTIONS, "/log/checkpoint", 204),
        (Method::OPTIONS, "/log/tile/entries/000.p/1", 204),
    ] {
        let answer = world.request(method.clone(), path).header("origin", "https://page.example").send().await.unwrap();
        assert_eq!((answer.status().as_u16(), header(&answer, "access-control-allow-origin")), (status, Some("*")), "{method} {path}");
        if method == Method::OPTIONS {
            assert_eq!(header(&answer, "access-control-allow-methods"), Some("GET, HEAD"));
            assert_eq!(header(&answer, "access-control-allow-headers"), Some("*"));
        }
    }
    assert_eq!(header(&world.get("/logs").await, "access-control-allow-origin"), None);
    assert_eq!(header(&world.get("/api/v1/events").await, "access-control-allow-origin"), None);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn statements_and_receipts_have_the_names_of_rfc_9943_too() {
    let world = World::new().await;
    let owner = world.claim("acme.localhost", 10).await;
    let statement = world.prepare(&owner, ID, "1.0.0", None, b"").await;
    let post = |media_type| world.post("/api/v1/events", media_type, statement.bytes().to_vec());
    assert_eq!(post("application/scitt-receipt+cose").await.status(), 400);
    assert_eq!(post("application/scitt-statement+cose").await.status(), 201);
    assert_eq!(post("application/cose; cose-type=\"cose-sign1\"").await.status(), 200);
    let ask = |path: &'static str, accept: &'static str| world.request(Method::GET, path).header("accept", accept).send();
    for (path, accept, media_type) in [
        ("/api/v1/events/2", "application/scitt-statement+cose", "application/scitt-statement+cose"),
        ("/api/v1/events/2", "application/cose", "application/cose"),
        ("/api/v1/events/2", "*/*", "application/json"),
        ("/api/v1/events/2", "text/html, application/cose;q=0.5, application/json;q=0.4", "application/cose"),
        ("/api/v1/events/2/proof", "application/scitt-receipt+cose", "application/scitt-receipt+cose"),
        ("/api/v1/events/2/proof", "application/cose", "application/cose; cose-type=\"cose-sign1\""),
        ("/api/v1/events/2/proof", "*/*", "text/plain; charset=utf-8"),
        ("/api/v1/events/2/proof?size=3", "*/*", "application/json"),
    ] {
        let answer = ask(path, accept).await.unwrap();
        assert_eq!((answer.status().as_u16(), header(&answer, "content-type")), (200, Some(media_type)), "{path} {accept}");
        assert_eq!(header(&answer, "vary"), Some("Accept"));
        if media_type.contains("cose") && !path.contains("proof") {
            assert_eq!(answer.bytes().await.unwrap()[..], statement.bytes()[..]);
        }
    }
    let receipts =
        (ask("/api/v1/events/2/proof", "application/cose").await, ask("/api/v1/events/2/proof", "application/scitt-receipt+cose").await);
    let (cose, scitt) = (receipts.0.unwrap().bytes().await.unwrap(), receipts.1.unwrap().bytes().await.unwrap());
    assert_eq!(cose, scitt, "the same receipt, for its signature is the same");
    for (path, accept) in [
        ("/api/v1/events/2", "text/html"),
        ("/api/v1/events/2", "application/scitt-receipt+cose"),
        ("/api/v1/events/2", "application/json;q=0"),
        ("/api/v1/events/2/proof", "application/scitt-statement+cose"),
        ("/api/v1/events/2/proof?size=3", "text/plain"),
    ] {
        assert_eq!(code(ask(path, accept).await.unwrap()).await, (406, "not_acceptable".to_owned()), "{path} {accept}");
    }
    world.stop().await;
}
