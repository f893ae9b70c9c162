//! The suite of objects: nothing visible before its digest is known, nothing left behind, ranges at their edges.

use crate::{Begin, Left, Objects, StoreError, UploadId};
use bytes::Bytes;
use deedbox_model::{Hasher, ObjectRef, Sha256Digest};
use futures::{StreamExt, TryStreamExt};
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

/// Empty, tiny, around the pieces that adapters read and write in, and larger than any of them.
const SIZES: [usize; 8] = [0, 1, 2, 262_143, 262_144, 262_145, (1 << 20) + 1, (5 << 20) + 13];

/// Runs the suite. `make` gives a new, empty store at each call.
pub async fn objects<S: Objects + 'static>(make: impl AsyncFn() -> S) {
    let make = async || Arc::new(make().await) as Arc<dyn Objects>;
    an_object_that_was_never_put_is_absent(make().await).await;
    what_was_put_is_read_whole(make().await).await;
    what_was_uploaded_is_read_whole_with_all_digests(make().await).await;
    a_mismatch_leaves_nothing_behind(make().await).await;
    an_upload_is_seen_by_nobody_before_it_is_finished(make().await).await;
    a_cut_off_upload_is_swept(make().await).await;
    a_sweep_spares_what_is_young(make().await).await;
    uploads_of_one_object_at_once_all_succeed(make().await).await;
    ranges_at_their_edges(make().await).await;
    an_object_above_the_limit_is_not_read(make().await).await;
    what_was_put_again_is_new_again(make().await).await;
    listing_gives_each_object_once(make().await).await;
    a_stream_is_whole_whatever_else_happens(make().await).await;
    a_part_is_gone_on_with_from_where_it_broke_off(make().await).await;
    parts_of_two_accounts_and_of_two_objects_never_mix(make().await).await;
    a_note_says_whose_an_object_is_until_it_is_forgotten(make().await).await;
}

fn bytes_of(size: usize, seed: u8) -> Bytes {
    (0..size).map(|i| (i as u64).wrapping_mul(31).wrapping_add(u64::from(seed)).rotate_left(5) as u8).collect::<Vec<_>>().into()
}

async fn upload(store: &Arc<dyn Objects>, bytes: &Bytes, piece: usize) -> deedbox_model::Digests {
    let mut upload = store.begin().await.unwrap();
    for start in (0..bytes.len()).step_by(piece) {
        upload.write(bytes.slice(start..(start + piece).min(bytes.len()))).await.unwrap();
    }
    upload.finish(ObjectRef::of(bytes)).await.unwrap()
}

async fn read(store: &Arc<dyn Objects>, object: &ObjectRef, range: Range<u64>) -> Vec<u8> {
    let stream = store.read(&object.sha256, range).await.unwrap().unwrap();
    let pieces: Vec<Bytes> = stream.try_collect().await.unwrap();
    assert!(pieces.iter().all(|piece| !piece.is_empty()), "an empty piece ends some writers' bodies");
    pieces.concat()
}

async fn listed(store: &Arc<dyn Objects>) -> Vec<ObjectRef> {
    let stats: Vec<_> = store.list().await.unwrap().try_collect().await.unwrap();
    stats.into_iter().map(|stat| stat.object).collect()
}

async fn an_object_that_was_never_put_is_absent(store: Arc<dyn Objects>) {
    let address = Sha256Digest::of(b"never");
    assert_eq!(store.stat(&address).await.unwrap(), None);
    assert_eq!(store.get(&address, 100).await.unwrap(), None);
    assert!(store.read(&address, 0..1).await.unwrap().is_none());
    store.delete(&address).await.unwrap();
    assert!(listed(&store).await.is_empty());
    assert_eq!(store.sweep_temporary(0).await.unwrap(), 0);
}

async fn what_was_put_is_read_whole(store: Arc<dyn Objects>) {
    for size in SIZES {
        let bytes = bytes_of(size, 1);
        let object = store.put(bytes.clone()).await.unwrap();
        assert_eq!(object, ObjectRef::of(&bytes));
        assert_eq!(store.stat(&object.sha256).await.unwrap().unwrap().object, object);
        assert_eq!(store.get(&object.sha256, size as u64).await.unwrap().unwrap(), bytes);
        assert_eq!(read(&store, &object, 0..size as u64).await, bytes);
        store.delete(&object.sha256).await.unwrap();
        assert_eq!(store.stat(&object.sha256).await.unwrap(), None);
        assert_eq!(store.get(&object.sha256, size as u64).await.unwrap(), None);
    }
    assert_eq!(store.sweep_temporary(0).await.unwrap(), 0);
}

async fn what_was_uploaded_is_read_whole_with_all_digests(store: Arc<dyn Objects>) {
    for size in SIZES {
        for piece in [size.max(1), 100_000, 8_191] {
            let bytes = bytes_of(size, 2);
            let digests = upload(&store, &bytes, piece).await;
            assert_eq!((size as u64, digests), Hasher::of(&bytes));
            let object = ObjectRef::of(&bytes);
            assert_eq!(read(&store, &object, 0..object.size).await, bytes);
        }
    }
    assert_eq!(store.sweep_temporary(0).await.unwrap(), 0);
}

async fn a_mismatch_leaves_nothing_behind(store: Arc<dyn Objects>) {
    for size in SIZES {
        let bytes = bytes_of(size, 3);
        let right = ObjectRef::of(&bytes);
        let wrong = [
            ObjectRef { size: right.size + 1, ..right },
            ObjectRef { size: right.size.wrapping_sub(1), ..right },
            ObjectRef { sha256: Sha256Digest::of(b"other"), ..right },
            ObjectRef::of(b"other"),
        ];
        for expected in wrong {
            let mut upload = store.begin().await.unwrap();
            upload.write(bytes.clone()).await.unwrap();
            match upload.finish(expected).await {
                Err(StoreError::DigestMismatch { found, found_size, expected: said, expected_size }) => {
                    assert_eq!((found, found_size), (right.sha256.to_hex(), right.size));
                    assert_eq!((said, expected_size), (expected.sha256.to_hex(), expected.size));
                }
                other => panic!("{other:?}"),
            }
            assert_eq!(store.stat(&right.sha256).await.unwrap(), None);
            assert_eq!(store.stat(&expected.sha256).await.unwrap(), None);
        }
    }
    assert!(listed(&store).await.is_empty());
    assert_eq!(store.sweep_temporary(0).await.unwrap(), 0, "a refused upload left a temporary file");
}

async fn an_upload_is_seen_by_nobody_before_it_is_finished(store: Arc<dyn Objects>) {
    let bytes = bytes_of(3 << 20, 4);
    let object = ObjectRef::of(&bytes);
    let mut upload = store.begin().await.unwrap();
    upload.write(bytes.clone()).await.unwrap();
    upload.write(Bytes::new()).await.unwrap();
    assert_eq!(store.stat(&object.sha256).await.unwrap(), None);
    assert!(listed(&store).await.is_empty());
    upload.finish(object).await.unwrap();
    assert_eq!(store.get(&object.sha256, object.size).await.unwrap().unwrap(), bytes);

    let mut upload = store.begin().await.unwrap();
    upload.write(bytes_of(3 << 20, 5)).await.unwrap();
    upload.abort().await;
    assert_eq!(listed(&store).await, [object]);
    assert_eq!(store.sweep_temporary(0).await.unwrap(), 0, "an aborted upload left a temporary file");
}

async fn a_cut_off_upload_is_swept(store: Arc<dyn Objects>) {
    let kept = store.put(Bytes::from_static(b"kept")).await.unwrap();
    for size in [0, 1, 3 << 20] {
        let mut upload = store.begin().await.unwrap();
        upload.write(bytes_of(size, 6)).await.unwrap();
        drop(upload);
    }
    // A store may sweep by itself; what counts is that nothing is left.
    assert!(store.sweep_temporary(0).await.unwrap() <= 3);
    assert_eq!(store.sweep_temporary(0).await.unwrap(), 0);
    assert_eq!(listed(&store).await, [kept]);
}

async fn a_sweep_spares_what_is_young(store: Arc<dyn Objects>) {
    let bytes = bytes_of(2 << 20, 7);
    let mut upload = store.begin().await.unwrap();
    upload.write(bytes.slice(..1 << 20)).await.unwrap();
    assert_eq!(store.sweep_temporary(3_600_000).await.unwrap(), 0);
    upload.write(bytes.slice(1 << 20..)).await.unwrap();
    upload.finish(ObjectRef::of(&bytes)).await.unwrap();
}

async fn uploads_of_one_object_at_once_all_succeed(store: Arc<dyn Objects>) {
    let bytes = bytes_of((1 << 20) + 77, 8);
    let object = ObjectRef::of(&bytes);
    let uploads: Vec<_> = (0..16)
        .map(|n| {
            let (store, bytes) = (store.clone(), bytes.clone());
            tokio::spawn(async move {
                if n % 4 == 0 {
                    assert_eq!(store.put(bytes.clone()).await.unwrap(), ObjectRef::of(&bytes));
                } else {
                    upload(&store, &bytes, 10_000 * (n + 1)).await;
                }
                // A caller that was told that it is there finds it, whole, from then on.
                assert_eq!(store.get(&object.sha256, object.size).await.unwrap().unwrap(), bytes);
            })
        })
        .collect();
    for upload in uploads {
        upload.await.unwrap();
    }
    assert_eq!(listed(&store).await, [object]);
    assert_eq!(store.sweep_temporary(0).await.unwrap(), 0);
}

async fn ranges_at_their_edges(store: Arc<dyn Objects>) {
    for size in SIZES {
        let bytes = bytes_of(size, 9);
        let object = store.put(bytes.clone()).await.unwrap();
        let size = size as u64;
        let inside = [(0, size), (0, 0), (size, size), (0, 1), (size.saturating_sub(1), size), (size / 2, size), (size / 3, size / 2)];
        for (start, end) in inside.into_iter().filter(|(start, end)| start <= end && *end <= size) {
            assert_eq!(read(&store, &object, start..end).await, bytes[start as usize..end as usize], "{start}..{end} of {size}");
        }
        #[allow(clippy::reversed_empty_ranges, reason = "that is what is refused")]
        let outside = [0..size + 1, size..size + 1, size + 1..size + 1, 2..1, 0..u64::MAX, u64::MAX..u64::MAX];
        for range in outside {
            let refused = store.read(&object.sha256, range.clone()).await;
            assert!(matches!(refused, Err(StoreError::Refused { .. })), "{range:?} of {size}");
        }
    }
}

async fn an_object_above_the_limit_is_not_read(store: Arc<dyn Objects>) {
    let object = store.put(bytes_of(1_000, 10)).await.unwrap();
    for (limit, fits) in [(0, false), (999, false), (1_000, true), (u64::MAX, true)] {
        match store.get(&object.sha256, limit).await {
            Ok(found) => assert!(fits && found.is_some(), "{limit}"),
            Err(e) => assert!(!fits && matches!(e, StoreError::Damaged { .. }), "{limit}: {e}"),
        }
    }
}

async fn what_was_put_again_is_new_again(store: Arc<dyn Objects>) {
    let bytes = bytes_of(100, 11);
    let object = store.put(bytes.clone()).await.unwrap();
    let first = store.stat(&object.sha256).await.unwrap().unwrap().modified_ms;
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    store.put(bytes.clone()).await.unwrap();
    let second = store.stat(&object.sha256).await.unwrap().unwrap().modified_ms;
    assert!(second > first, "an upload of what is there would be cleared as if it were old");
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    upload(&store, &bytes, 10).await;
    assert!(store.stat(&object.sha256).await.unwrap().unwrap().modified_ms > second);
}

async fn listing_gives_each_object_once(store: Arc<dyn Objects>) {
    let mut put = BTreeSet::new();
    for n in 0..300_u32 {
        put.insert(store.put(Bytes::from(n.to_string())).await.unwrap());
    }
    let all = listed(&store).await;
    assert_eq!(all.len(), put.len());
    assert_eq!(all.into_iter().collect::<BTreeSet<_>>(), put);
}

async fn a_stream_is_whole_whatever_else_happens(store: Arc<dyn Objects>) {
    let bytes = bytes_of((4 << 20) + 1, 12);
    let object = store.put(bytes.clone()).await.unwrap();
    let mut stream = store.read(&object.sha256, 0..object.size).await.unwrap().unwrap();
    let mut seen = stream.next().await.unwrap().unwrap().to_vec();
    store.put(bytes.clone()).await.unwrap();
    while let Some(piece) = stream.next().await {
        seen.extend_from_slice(&piece.unwrap());
    }
    assert_eq!(seen, bytes);
    // One that is given up half way disturbs nobody.
    drop(store.read(&object.sha256, 0..object.size).await.unwrap().unwrap().next().await);
    assert_eq!(read(&store, &object, 1..object.size - 1).await, bytes[1..bytes.len() - 1]);
}

fn id(account: &str, object: ObjectRef) -> UploadId {
    UploadId { account: account.parse().unwrap(), object }
}

/// What uploads left: whose it is, what, and its bytes.
async fn left(store: &Arc<dyn Objects>) -> BTreeSet<(String, Left, ObjectRef, u64)> {
    let all = store.remnants().await.unwrap();
    all.into_iter().map(|found| (found.id.account.to_string(), found.left, found.id.object, found.bytes)).collect()
}

async fn a_part_is_gone_on_with_from_where_it_broke_off(store: Arc<dyn Objects>) {
    for (size, cuts) in [(3 << 20, vec![1, 1 << 20]), (600_000, vec![299_999, 300_000, 599_999]), (5, vec![2])] {
        let bytes = bytes_of(size, 13);
        let object = ObjectRef::of(&bytes);
        let whose = id("acme.example", object);
        let mut at = 0;
        for (nth, cut) in cuts.iter().enumerate() {
            let how = if nth == 0 { Begin::Anew } else { Begin::Again };
            let mut upload = store.begin_for(&whose, how).await.unwrap();
            assert_eq!(upload.received(), at as u64);
            upload.write(bytes.slice(at..*cut)).await.unwrap();
            at = *cut;
            assert_eq!(upload.keep().await, at as u64);
            assert_eq!(store.stat(&object.sha256).await.unwrap(), None, "a part is not an object");
            assert_eq!(left(&store).await, BTreeSet::from([("acme.example".to_owned(), Left::Part, object, at as u64)]));
        }
        let mut upload = store.begin_for(&whose, Begin::Again).await.unwrap();
        upload.write(bytes.slice(at..)).await.unwrap();
        assert_eq!(upload.finish(object).await.unwrap(), Hasher::of(&bytes).1);
        assert_eq!(read(&store, &object, 0..object.size).await, bytes);
        assert_eq!(left(&store).await, BTreeSet::from([("acme.example".to_owned(), Left::Note, object, 0)]));
        store.forget(Left::Note, vec![whose.clone()]).await.unwrap();
        // Given up, begun anew, or of nothing: no byte of it is left.
        for how in [Begin::Anew, Begin::Again] {
            let mut upload = store.begin_for(&whose, how).await.unwrap();
            assert_eq!(upload.received(), 0);
            upload.write(bytes.slice(..1)).await.unwrap();
            upload.abort().await;
            assert!(left(&store).await.is_empty());
        }
        assert_eq!(store.begin_for(&whose, Begin::Anew).await.unwrap().keep().await, 0);
        assert!(left(&store).await.is_empty(), "an empty part is not worth keeping");
    }
    assert_eq!(store.sweep_temporary(0).await.unwrap(), 0);
}

async fn parts_of_two_accounts_and_of_two_objects_never_mix(store: Arc<dyn Objects>) {
    let (bytes, others) = (bytes_of(400_000, 14), bytes_of(400_000, 15));
    let (object, other) = (ObjectRef::of(&bytes), ObjectRef::of(&others));
    // The same address with other bytes, another size, another object: none of them is what acme sent.
    let shorter = ObjectRef { size: object.size - 1, ..object };
    for (whose, bytes) in [
        (id("acme.example", object), &bytes),
        (id("other.example", object), &others),
        (id("acme.example", shorter), &others),
        (id("acme.example", other), &others),
    ] {
        let mut upload = store.begin_for(&whose, Begin::Anew).await.unwrap();
        upload.write(bytes.slice(..200_000)).await.unwrap();
        assert_eq!(upload.keep().await, 200_000);
    }
    let mut upload = store.begin_for(&id("other.example", object), Begin::Again).await.unwrap();
    upload.write(bytes.slice(200_000..)).await.unwrap();
    assert!(matches!(upload.finish(object).await, Err(StoreError::DigestMismatch { .. })));
    assert_eq!(store.stat(&object.sha256).await.unwrap(), None);
    let mut upload = store.begin_for(&id("acme.example", object), Begin::Again).await.unwrap();
    upload.write(bytes.slice(200_000..)).await.unwrap();
    upload.finish(object).await.unwrap();
    let mut upload = store.begin_for(&id("acme.example", object), Begin::Apart).await.unwrap();
    upload.write(bytes.slice(..200_000)).await.unwrap();
    assert_eq!(upload.keep().await, 0, "what began apart has no part");
    let acme = "acme.example".to_owned();
    let expected =
        [(acme.clone(), Left::Note, object, 0), (acme.clone(), Left::Part, shorter, 200_000), (acme, Left::Part, other, 200_000)];
    assert_eq!(left(&store).await, BTreeSet::from(expected), "what did not match is gone, and nothing else");
    store.forget(Left::Part, vec![id("acme.example", shorter), id("acme.example", other), id("none.example", other)]).await.unwrap();
    assert_eq!(left(&store).await.len(), 1);
    assert_eq!(store.sweep_temporary(0).await.unwrap(), 0);
}

async fn a_note_says_whose_an_object_is_until_it_is_forgotten(store: Arc<dyn Objects>) {
    let bytes = bytes_of(1_000, 16);
    let object = ObjectRef::of(&bytes);
    let owners = ["acme.example", "other.example"];
    for (account, how) in owners.into_iter().zip([Begin::Apart, Begin::Anew]) {
        let mut upload = store.begin_for(&id(account, object), how).await.unwrap();
        upload.write(bytes.clone()).await.unwrap();
        upload.finish(object).await.unwrap();
    }
    store.put(bytes_of(1_000, 17)).await.unwrap();
    assert_eq!(left(&store).await, owners.map(|owner| (owner.to_owned(), Left::Note, object, 0)).into());
    store.forget(Left::Note, owners.map(|owner| id(owner, object)).to_vec()).await.unwrap();
    assert!(left(&store).await.is_empty());
    assert_eq!(store.get(&object.sha256, object.size).await.unwrap().unwrap(), bytes, "the object stays");
}
