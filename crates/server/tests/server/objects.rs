//! Objects as clients and proxies read them: tags, ranges, HEAD, small ones from memory and large ones from the store
//! (spec/api.md §5).

use crate::world::{World, artifact, code, header, object_path, permit};
use deedbox_model::ObjectRef;
use reqwest::Method;

const ID: &str = "file:acme.localhost/widget";

#[tokio::test(flavor = "multi_thread")]
async fn small_and_large_objects_are_read_alike() {
    let world = World::new().await;
    let owner = world.claim("acme.localhost", 10).await;
    let mut prev = None;
    for (version, rest) in [("1.0.0", vec![b'a'; 1_000]), ("2.0.0", (0..3_000_000_u32).map(|n| n as u8).collect())] {
        let statement = world.prepare(&owner, ID, version, prev, &rest).await;
        world.must_append(&statement).await;
        prev = Some(statement.id());
        let bytes = artifact(ID, version, &rest);
        let object = ObjectRef::of(&bytes);
        let (size, etag) = (bytes.len(), format!("\"{}\"", object.sha256.to_address()));
        for (path, media_type) in
            [(object_path(&object), "application/octet-stream"), (format!("/file/{ID}@{version}"), "application/x-file")]
        {
            // Twice: from the store, and then from memory if it is small.
            for _ in 0..2 {
                let whole = world.get(&path).await;
                assert_eq!(whole.status(), 200);
                for (name, value) in [
                    ("etag", etag.as_str()),
                    ("content-type", media_type),
                    ("cache-control", "public, max-age=31536000, immutable"),
                    ("accept-ranges", "bytes"),
                    ("x-content-type-options", "nosniff"),
                    ("content-length", &size.to_string()),
                ] {
                    assert_eq!(header(&whole, name), Some(value), "{name} of {path}");
                }
                assert_eq!(whole.bytes().await.unwrap(), bytes);
            }
            let compressed = world.request(Method::GET, &path).header("accept-encoding", "gzip, br").send().await.unwrap();
            assert_eq!(header(&compressed, "content-encoding"), None, "an object is sent as it is");
            let head = world.request(Method::HEAD, &path).send().await.unwrap();
            assert_eq!((head.status().as_u16(), header(&head, "content-length")), (200, Some(size.to_string().as_str())));
            assert_eq!(header(&head, "etag"), Some(etag.as_str()));
            let last = size - 1;
            for (range, if_range, expected, content_range) in [
                ("bytes=0-9", None, 0..10, format!("bytes 0-9/{size}")),
                ("bytes=-5", None, size - 5..size, format!("bytes {}-{last}/{size}", size - 5)),
                ("bytes=500-", Some(etag.as_str()), 500..size, format!("bytes 500-{last}/{size}")),
            ] {
                let mut request = world.request(Method::GET, &path).header("range", range);
                if let Some(tag) = if_range {
                    request = request.header("if-range", tag);
                }
                let part = request.send().await.unwrap();
                assert_eq!((part.status().as_u16(), header(&part, "content-range")), (206, Some(content_range.as_str())));
                assert_eq!(part.bytes().await.unwrap(), bytes[expected]);
            }
            for (range, if_range, status) in [
                ("bytes=0-0,2-2", None, 200),
                ("bytes=0-0", Some("\"other\""), 200),
                (&*format!("bytes={size}-"), None, 416),
                ("bytes=-0", None, 416),
            ] {
                let mut request = world.request(Method::GET, &path).header("range", range);
                if let Some(tag) = if_range {
                    request = request.header("if-range", tag);
                }
                let answer = request.send().await.unwrap();
                assert_eq!(answer.status(), status, "{range}");
                if status == 416 {
                    assert_eq!(header(&answer, "content-range"), Some(format!("bytes */{size}").as_str()));
                }
            }
            for tag in [etag.clone(), format!("W/{etag}"), format!("\"x\", {etag}"), "*".to_owned()] {
                let request = world.request(Method::GET, &path).header("if-none-match", &tag).header("range", "bytes=0-0");
                let answer = request.send().await.unwrap();
                assert_eq!((answer.status().as_u16(), header(&answer, "etag")), (304, Some(etag.as_str())), "{tag}");
            }
        }
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_has_one_spelling_and_nothing_else_is_below_objects() {
    let world = World::new().await;
    let hex = "ab".repeat(32);
    for (path, status) in [
        (format!("/objects/sha256/{hex}"), 404),
        (format!("/objects/sha256/{}", hex.to_uppercase()), 400),
        (format!("/objects/sha256/{}", &hex[1..]), 400),
        (format!("/objects/sha256/%61{}", &hex[1..]), 400),
        (format!("/objects/sha512/{hex}"), 404),
        (format!("/objects/sha256/{hex}/"), 404),
        ("/objects/sha256/..%2f..%2fkeys%2flog.pem".to_owned(), 400),
    ] {
        assert_eq!(code(world.get(&path).await).await.0, status, "{path}");
    }
    let deleted = world.request(Method::DELETE, &format!("/objects/sha256/{hex}")).send().await.unwrap();
    assert_eq!(header(&deleted, "allow"), Some("GET,HEAD,PUT,PATCH"));
    assert_eq!(code(deleted).await, (405, "method_not_allowed".to_owned()));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_published_object_is_not_put_on_an_account_again() {
    let world = World::with(|config| config.pending_bytes_per_domain = 10_000).await;
    let owner = world.claim("acme.localhost", 10).await;
    let mut prev = None;
    for n in 0..5 {
        // Each publish fills most of the account and empties it.
        let statement = world.prepare(&owner, ID, &format!("1.0.{n}"), prev, &[n; 8_000]).await;
        world.must_append(&statement).await;
        prev = Some(statement.id());
    }
    let bytes = artifact(ID, "1.0.0", &[0; 8_000]);
    for _ in 0..3 {
        let again = world.put(ObjectRef::of(&bytes), Some(&permit(&owner)), bytes.clone()).await;
        assert_eq!(again.status(), 200);
    }
    assert_eq!(world.upload(&owner, vec![9; 9_900]).await, 201);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_is_damaged_on_disk_is_never_sent_from_memory_as_if_it_were_whole() {
    let world = World::new().await;
    let owner = world.claim("acme.localhost", 10).await;
    world.publish(&owner, ID, "1.0.0", None).await;
    let object = ObjectRef::of(&artifact(ID, "1.0.0", b""));
    let hex = object.sha256.to_hex();
    let path = world.dir.path().join(format!("objects/sha256/{}/{}/{hex}", &hex[..2], &hex[2..4]));
    std::fs::write(&path, vec![b'x'; object.size as usize]).unwrap();
    assert_eq!(code(world.get(&object_path(&object)).await).await, (503, "store".to_owned()));
    std::fs::remove_file(&path).unwrap();
    assert_eq!(code(world.get(&object_path(&object)).await).await, (503, "store".to_owned()));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_object_that_is_damaged_on_disk_is_never_sent_to_its_end() {
    let world = World::new().await;
    let owner = world.claim("acme.localhost", 10).await;
    let rest = vec![b'r'; 2_500_000];
    let statement = world.prepare(&owner, ID, "1.0.0", None, &rest).await;
    world.must_append(&statement).await;
    let good = artifact(ID, "1.0.0", &rest);
    let object = ObjectRef::of(&good);
    let hex = object.sha256.to_hex();
    let path = world.dir.path().join(format!("objects/sha256/{}/{}/{hex}", &hex[..2], &hex[2..4]));
    // The connection may end before the head is read, too.
    let whole = async || world.request(Method::GET, &object_path(&object)).send().await?.error_for_status()?.bytes().await;
    // Before it was ever sent, and after it was found whole; the first, a middle and the last byte.
    for damaged in [0, good.len() / 2, good.len() - 1] {
        let mut bad = good.clone();
        bad[damaged] ^= 1;
        std::fs::write(&path, &bad).unwrap();
        for _ in 0..2 {
            assert!(whole().await.is_err(), "byte {damaged}");
        }
        std::fs::write(&path, &good).unwrap();
        for _ in 0..2 {
            assert!(whole().await.unwrap() == good, "byte {damaged}");
        }
    }
    std::fs::write(&path, &good[..good.len() - 1]).unwrap();
    assert!(whole().await.is_err(), "cut off");
    world.stop().await;
}
