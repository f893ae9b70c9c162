//! The log's files as a stranger's tool reads them (spec/api.md §2, spec/log.md).

use crate::world::{World, code, header, now};
use deedbox_model::{EventId, Statement};
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
    for id in tree::plan_frontier(303).unwrap() {
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
            Statement::decode(entry).unwrap();
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
