//! The adapters on disk: their suites, and what they promise beyond them.

use crate::disk::{DiskStore, open_disk};
use crate::{Begin, Commits, FileHead, Files, Left, Objects, StoreError, UploadId, conformance};
use bytes::Bytes;
use deedbox_model::ObjectRef;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tempfile::TempDir;

/// New, empty stores under one folder that cleans itself.
struct Stores {
    folder: TempDir,
    next: AtomicU64,
}

impl Stores {
    fn new() -> Self {
        Stores { folder: tempfile::tempdir().unwrap(), next: AtomicU64::new(0) }
    }
    fn open(&self) -> DiskStore {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        open_disk(&self.folder.path().join(number.to_string())).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn commits_on_disk_conform() {
    let stores = Stores::new();
    conformance::commits(async || stores.open().commits).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_on_disk_conform() {
    let stores = Stores::new();
    conformance::files(async || stores.open().files).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_on_disk_conforms() {
    let stores = Stores::new();
    conformance::head(async || FileHead::new(Arc::new(stores.open().files), "checkpoint")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_on_disk_conform() {
    let stores = Stores::new();
    conformance::objects(async || stores.open().objects).await;
}

/// Every file under a folder, by relative path.
fn tree(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { found.push(path.strip_prefix(folder).unwrap().to_owned()) }
        }
    }
    found.sort();
    found
}

#[tokio::test]
async fn everything_is_there_after_opening_again_where_the_paths_say() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("a/b/data");
    let store = open_disk(&data).unwrap();
    for number in 0..3 {
        store.commits.create(number, Bytes::from(number.to_string())).await.unwrap();
    }
    store.files.put("tile/0/000", Bytes::from_static(b"tile")).await.unwrap();
    let object = store.objects.put(Bytes::from_static(b"abc")).await.unwrap();
    drop(store);
    let store = open_disk(&data).unwrap();
    assert_eq!(store.commits.last().await.unwrap(), Some(2));
    assert_eq!(store.files.list("").await.unwrap(), ["tile/0/000"]);
    assert_eq!(store.objects.get(&object.sha256, 3).await.unwrap().unwrap(), "abc");
    let expected = [
        "commits/x000/x000/000",
        "commits/x000/x000/001",
        "commits/x000/x000/002",
        "lock",
        "log/tile/0/000",
        "objects/sha256/ba/78/ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    ];
    assert_eq!(tree(&data), expected.map(PathBuf::from));
}

#[tokio::test]
async fn a_directory_in_use_is_refused_and_free_when_the_lock_is_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let store = open_disk(folder.path()).unwrap();
    for _ in 0..2 {
        let refused = open_disk(folder.path()).err().unwrap();
        assert!(matches!(refused, StoreError::InUse { .. }));
        assert!(refused.to_string().contains("in use by another process"), "{refused}");
    }
    drop(store);
    open_disk(folder.path()).unwrap();
}

#[cfg(unix)]
#[test]
fn the_data_directory_is_for_nobody_else() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let _store = open_disk(&data).unwrap();
    for path in ["", "commits", "log", "objects", "incoming"] {
        assert_eq!(std::fs::metadata(data.join(path)).unwrap().permissions().mode() & 0o777, 0o700, "{path}");
    }
}

#[tokio::test]
async fn what_a_crash_leaves_beside_a_name_is_neither_read_nor_listed_nor_in_the_way() {
    let folder = tempfile::tempdir().unwrap();
    let store = open_disk(folder.path()).unwrap();
    store.files.put("tile/a", Bytes::from_static(b"old")).await.unwrap();
    std::fs::write(folder.path().join("log/tile/a#1"), b"ha").unwrap();
    std::fs::write(folder.path().join("log/tile/b#1"), b"half").unwrap();
    std::fs::create_dir_all(folder.path().join("commits/x000/x000")).unwrap();
    std::fs::write(folder.path().join("commits/x000/x000/000#1"), b"half").unwrap();
    assert_eq!(store.files.list("").await.unwrap(), ["tile/a"]);
    assert_eq!(store.files.get("tile/b").await.unwrap(), None);
    assert_eq!(store.commits.last().await.unwrap(), None);
    assert_eq!(store.commits.create(0, Bytes::from_static(b"whole")).await.unwrap(), crate::Created::Created);
    store.files.put("tile/a", Bytes::from_static(b"new")).await.unwrap();
    assert_eq!(store.files.get("tile/a").await.unwrap().unwrap(), "new");
}

#[tokio::test]
async fn an_upload_of_a_process_that_died_is_swept_by_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let store = open_disk(folder.path()).unwrap();
    // The name that this process would take first, as if its number had come round again.
    std::fs::write(folder.path().join(format!("incoming/{}-0", std::process::id())), b"half").unwrap();
    store.objects.put(Bytes::from_static(b"abc")).await.unwrap();
    assert_eq!(store.objects.sweep_temporary(0).await.unwrap(), 1);
    assert!(tree(&folder.path().join("incoming")).is_empty());
}

#[tokio::test]
async fn an_upload_that_was_swept_under_its_writer_fails_and_shows_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = open_disk(folder.path()).unwrap();
    let bytes = Bytes::from(vec![7; 3 << 20]);
    let mut upload = store.objects.begin().await.unwrap();
    upload.write(bytes.clone()).await.unwrap();
    assert_eq!(store.objects.sweep_temporary(0).await.unwrap(), 1);
    assert!(matches!(upload.finish(ObjectRef::of(&bytes)).await, Err(StoreError::Medium { .. })));
    assert_eq!(store.objects.stat(&ObjectRef::of(&bytes).sha256).await.unwrap(), None);
}

#[tokio::test]
async fn uploading_again_heals_a_damaged_object() {
    let folder = tempfile::tempdir().unwrap();
    let store = open_disk(folder.path()).unwrap();
    let object = store.objects.put(Bytes::from_static(b"abc")).await.unwrap();
    std::fs::write(folder.path().join("objects").join(crate::objects::object_path(&object.sha256)), b"abd").unwrap();
    store.objects.put(Bytes::from_static(b"abc")).await.unwrap();
    assert_eq!(store.objects.get(&object.sha256, 3).await.unwrap().unwrap(), "abc");
}

#[tokio::test]
async fn an_object_that_is_cut_short_while_it_is_read_ends_in_a_failure() {
    use futures::TryStreamExt;
    let folder = tempfile::tempdir().unwrap();
    let store = open_disk(folder.path()).unwrap();
    let object = store.objects.put(Bytes::from(vec![1; 4 << 20])).await.unwrap();
    let stream = store.objects.read(&object.sha256, 0..object.size).await.unwrap().unwrap();
    let path = folder.path().join("objects").join(crate::objects::object_path(&object.sha256));
    std::fs::File::options().write(true).open(path).unwrap().set_len(1 << 20).unwrap();
    assert!(matches!(stream.try_collect::<Vec<_>>().await, Err(StoreError::Damaged { .. })));
}

#[tokio::test]
async fn strangers_among_the_objects_are_not_listed() {
    use futures::TryStreamExt;
    let folder = tempfile::tempdir().unwrap();
    let store = open_disk(folder.path()).unwrap();
    let object = store.objects.put(Bytes::from_static(b"abc")).await.unwrap();
    let place = folder.path().join("objects/sha256/ba/78");
    for name in ["notes.txt", &"A".repeat(64), &object.sha256.to_hex()[1..]] {
        std::fs::write(place.join(name), b"x").unwrap();
    }
    std::fs::write(folder.path().join("objects/sha256/ba/file"), b"x").unwrap();
    let listed: Vec<_> = store.objects.list().await.unwrap().try_collect().await.unwrap();
    assert_eq!(listed.iter().map(|stat| stat.object).collect::<Vec<_>>(), [object]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_that_cannot_be_written_is_read_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let store = open_disk(folder.path()).unwrap();
    store.commits.create(0, Bytes::from_static(b"zero")).await.unwrap();
    store.files.put("checkpoint", Bytes::from_static(b"one")).await.unwrap();
    let object = store.objects.put(Bytes::from_static(b"two")).await.unwrap();
    assert!(matches!(crate::disk::open_disk_to_read(folder.path()).err(), Some(StoreError::InUse { .. })));
    drop(store);
    let before = tree(folder.path());
    let store = crate::disk::open_disk_to_read(folder.path()).unwrap();
    assert!(matches!(open_disk(folder.path()).err(), Some(StoreError::InUse { .. })), "it is locked while it is read");
    assert_eq!(store.commits.read(0).await.unwrap().unwrap(), "zero");
    assert_eq!(store.commits.last().await.unwrap(), Some(0));
    assert_eq!(store.files.get("checkpoint").await.unwrap().unwrap(), "one");
    assert_eq!(store.objects.get(&object.sha256, 3).await.unwrap().unwrap(), "two");
    assert_eq!(tree(folder.path()), before);
    drop(store);
    std::fs::remove_file(folder.path().join("lock")).unwrap();
    drop(crate::disk::open_disk_to_read(folder.path()).unwrap());
    assert!(!folder.path().join("lock").exists(), "it is not made where nothing can be");
    let missing = crate::disk::open_disk_to_read(&folder.path().join("nothing")).err().unwrap();
    assert!(matches!(missing, StoreError::Medium { .. }));
    assert!(!folder.path().join("nothing").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_dead_process_was_writing_is_cleared_where_it_wrote_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let store = open_disk(folder.path()).unwrap();
    store.commits.create(0, Bytes::from_static(b"zero")).await.unwrap();
    for path in ["checkpoint", "tile/0/000.p/1", "tile/0/001"] {
        store.files.put(path, Bytes::from_static(b"one")).await.unwrap();
    }
    let left = ["incoming/4711-0", "commits/x000/x000/001#1", "log/checkpoint#2", "log/tile/0/000.p/2#1", "log/tile/0/002#17"];
    let stays = ["log/tile/0/003#", "log/tile/0/#3", "log/tile/0/004#x"];
    for path in left.iter().chain(&stays) {
        std::fs::write(folder.path().join(path), b"half").unwrap();
    }
    let paths = |paths: &[&str]| paths.iter().map(|path| (*path).to_owned()).collect::<Vec<_>>();
    let files = paths(&["checkpoint", "tile/0/000.p/1", "tile/0/001", "tile/7/000"]);
    assert_eq!(store.clear_cut_off(paths(&["x000/x000/001", "x000/x001/000"]), files).await.unwrap(), 5);
    let tree: Vec<_> = tree(folder.path()).into_iter().map(|path| path.display().to_string()).collect();
    assert!(left.iter().all(|path| !tree.contains(&(*path).to_owned())), "{tree:?}");
    assert!(stays.iter().all(|path| tree.contains(&(*path).to_owned())), "{tree:?}");
    assert_eq!(store.files.list("").await.unwrap(), ["checkpoint", "tile/0/000.p/1", "tile/0/001"]);

    let mut walked = Vec::new();
    crate::disk::files_of(folder.path(), "", |file| walked.push(file.path)).await.unwrap();
    walked.sort();
    assert_eq!(walked, tree);
}

/// A killed process writes nothing more: what it wrote is there, its digests are not.
#[tokio::test(flavor = "multi_thread")]
async fn a_part_survives_a_kill_and_one_that_was_damaged_never_becomes_an_object() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = Bytes::from((0..2_000_000_u32).map(|n| (n % 251) as u8).collect::<Vec<_>>());
    let object = ObjectRef::of(&bytes);
    let whose = UploadId { account: "acme.example".parse().unwrap(), object };
    for damaged in [false, true] {
        let store = open_disk(folder.path()).unwrap();
        let mut upload = store.objects.begin_for(&whose, Begin::Anew).await.unwrap();
        upload.write(bytes.slice(..1_500_000)).await.unwrap();
        // Waits for what is being written, as the file of a killed process shows it; its digests go with it.
        upload.keep().await;
        drop(store);
        let store = open_disk(folder.path()).unwrap();
        let found = store.objects.remnants().await.unwrap();
        assert_eq!((found.len(), &found[0].id, found[0].left, found[0].bytes), (1, &whose, Left::Part, 1_500_000));
        let path = folder.path().join(format!("parts/acme.example/{}.2000000", object.sha256));
        if damaged {
            let mut part = std::fs::read(&path).unwrap();
            part[700_000] ^= 1;
            std::fs::write(&path, part).unwrap();
        }
        let mut upload = store.objects.begin_for(&whose, Begin::Again).await.unwrap();
        assert_eq!(upload.received(), 1_500_000);
        upload.write(bytes.slice(1_500_000..)).await.unwrap();
        let finished = upload.finish(object).await;
        assert!(if damaged { matches!(finished, Err(StoreError::DigestMismatch { .. })) } else { finished.is_ok() });
        assert_eq!(store.objects.stat(&object.sha256).await.unwrap().is_some(), !damaged);
        assert!(!path.exists(), "in place, or gone");
        store.objects.delete(&object.sha256).await.unwrap();
        store.objects.forget(Left::Note, vec![whose.clone()]).await.unwrap();
    }
    // A part that is longer than the whole is not taken for a part.
    let store = open_disk(folder.path()).unwrap();
    let path = folder.path().join(format!("parts/acme.example/{}.2000000", object.sha256));
    std::fs::write(&path, vec![0; 2_000_001]).unwrap();
    for name in ["x", "x.here", "0.0"] {
        std::fs::write(folder.path().join("parts/acme.example").join(name), "").unwrap();
    }
    assert_eq!(store.objects.remnants().await.unwrap().len(), 1, "names of others are passed over");
    assert_eq!(store.objects.begin_for(&whose, Begin::Again).await.unwrap().received(), 0);
}
