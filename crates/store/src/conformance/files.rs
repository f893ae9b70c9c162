//! The suite of files: whole replacement, listing, and paths that are not valid.

use crate::{Files, StoreError};
use bytes::Bytes;
use std::sync::Arc;

/// Runs the suite. `make` gives a new, empty store at each call.
pub async fn files<S: Files + 'static>(make: impl AsyncFn() -> S) {
    let make = async || Arc::new(make().await) as Arc<dyn Files>;
    what_was_put_is_read_until_it_is_replaced_or_deleted(make().await).await;
    any_size_comes_back_whole(make().await).await;
    listing_is_by_whole_segments_and_in_order(make().await).await;
    hostile_paths_are_refused(make().await).await;
    readers_never_see_a_mixture(make().await).await;
    writers_of_many_new_folders_do_not_disturb_each_other(make().await).await;
}

async fn what_was_put_is_read_until_it_is_replaced_or_deleted(store: Arc<dyn Files>) {
    assert_eq!(store.get("checkpoint").await.unwrap(), None);
    for bytes in [&b"old"[..], b"a much longer new one", b"", b"x"] {
        store.put("checkpoint", Bytes::from_static(bytes)).await.unwrap();
        assert_eq!(store.get("checkpoint").await.unwrap().unwrap(), bytes);
    }
    store.put("tile/0/x001/234.p/5", Bytes::from_static(b"tile")).await.unwrap();
    assert_eq!(store.get("tile/0/x001/234.p/5").await.unwrap().unwrap(), "tile");
    // A folder is not a file, and nothing is under a file.
    for absent in ["tile", "tile/0", "tile/0/x001/234.p/6", "tile/0/x001/234", "checkpoint/under"] {
        assert_eq!(store.get(absent).await.unwrap(), None, "{absent}");
        store.delete(absent).await.unwrap();
    }
    assert!(store.get("tile/0/x001/234.p/5").await.unwrap().is_some());
    for _ in 0..2 {
        store.delete("checkpoint").await.unwrap();
        assert_eq!(store.get("checkpoint").await.unwrap(), None);
    }
    store.put("checkpoint", Bytes::from_static(b"again")).await.unwrap();
    assert_eq!(store.get("checkpoint").await.unwrap().unwrap(), "again");
}

async fn any_size_comes_back_whole(store: Arc<dyn Files>) {
    for size in [0_usize, 1, 4_096, (1 << 20) + 1] {
        let bytes: Bytes = (0..size).map(|i| (i % 251) as u8).collect::<Vec<_>>().into();
        store.put("sized", bytes.clone()).await.unwrap();
        assert_eq!(store.get("sized").await.unwrap().unwrap(), bytes);
    }
}

async fn listing_is_by_whole_segments_and_in_order(store: Arc<dyn Files>) {
    assert!(store.list("").await.unwrap().is_empty());
    let mut all = ["a/b", "a/b-c", "a/b.d", "a/c/d/e", "a0", "a-b/c", "A", "b/a/b", "z", "_", "a/B"];
    for path in all {
        store.put(path, Bytes::from_static(b"x")).await.unwrap();
    }
    all.sort_unstable();
    assert_eq!(store.list("").await.unwrap(), all);
    for (prefix, expected) in [
        ("a", &["a/B", "a/b", "a/b-c", "a/b.d", "a/c/d/e"][..]),
        ("a/b", &["a/b"]),
        ("a/c", &["a/c/d/e"]),
        ("a/c/d/e", &["a/c/d/e"]),
        ("b", &["b/a/b"]),
        ("a/c/d/e/f", &[]),
        ("c", &[]),
        ("z", &["z"]),
    ] {
        assert_eq!(store.list(prefix).await.unwrap(), expected, "under {prefix}");
    }
    store.delete("a/b").await.unwrap();
    assert_eq!(store.list("a/b").await.unwrap(), Vec::<String>::new());
}

async fn hostile_paths_are_refused(store: Arc<dyn Files>) {
    let long_segment = "s".repeat(201);
    let long_path = ["d"; 600].join("/");
    let hostile = [
        "",
        "/",
        "/etc/passwd",
        "a/",
        "a//b",
        ".",
        "..",
        "../a",
        "a/..",
        "a/../b",
        "a/./b",
        "./a",
        "a\\b",
        "a b",
        "a\0b",
        "a\nb",
        "a%2fb",
        "%2e%2e/a",
        "a#1",
        "é",
        "a:b",
        "~",
        "a*",
        "a?b",
        "C:/a",
        &long_segment,
        &long_path,
    ];
    for path in hostile {
        assert!(matches!(store.put(path, Bytes::from_static(b"x")).await, Err(StoreError::Refused { .. })), "put {path:?}");
        assert!(matches!(store.get(path).await, Err(StoreError::Refused { .. })), "get {path:?}");
        assert!(matches!(store.delete(path).await, Err(StoreError::Refused { .. })), "delete {path:?}");
        if !path.is_empty() {
            assert!(matches!(store.list(path).await, Err(StoreError::Refused { .. })), "list {path:?}");
        }
    }
    assert!(store.list("").await.unwrap().is_empty());
    // What only looks hostile.
    for path in ["...", "a..b", "-rf", "a/.hidden", &"s".repeat(200)] {
        store.put(path, Bytes::from_static(b"x")).await.unwrap();
        assert!(store.get(path).await.unwrap().is_some(), "{path}");
    }
}

async fn readers_never_see_a_mixture(store: Arc<dyn Files>) {
    store.put("turn", Bytes::from(vec![0; 100_000])).await.unwrap();
    let writer = {
        let store = store.clone();
        tokio::spawn(async move {
            for turn in 1..=20_u8 {
                store.put("turn", Bytes::from(vec![turn; 100_000 + usize::from(turn)])).await.unwrap();
            }
        })
    };
    while !writer.is_finished() {
        let seen = store.get("turn").await.unwrap().unwrap();
        assert!(seen.iter().all(|byte| *byte == seen[0]), "bytes of two writes in one file");
        assert_eq!(seen.len(), 100_000 + usize::from(seen[0]));
        tokio::task::yield_now().await;
    }
    writer.await.unwrap();
}

async fn writers_of_many_new_folders_do_not_disturb_each_other(store: Arc<dyn Files>) {
    let writers: Vec<_> = (0..32)
        .map(|n| {
            let store = store.clone();
            tokio::spawn(async move { store.put(&format!("deep/a/b/c/{}/{n}", n % 3), Bytes::from(n.to_string())).await.unwrap() })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    assert_eq!(store.list("deep").await.unwrap().len(), 32);
}
