//! The wrappers that fail: invisible without a plan, and each fault leaves exactly what it says.

use crate::conformance;
use crate::disk::open_disk;
use crate::faulty::{Fault, FaultPlan, FaultyCommits, FaultyFiles, FaultyObjects, FaultyRows};
use crate::{
    Commits, Created, FileHead, Files, HeadCell, MemoryCommits, MemoryFiles, MemoryObjects, MemoryRows, Objects, RowBatch, RowStore,
    StoreError, Swapped,
};
use bytes::Bytes;
use deedbox_model::{ObjectRef, ProjectionId, Row, RowKey};
use std::sync::Arc;

const NPM: ProjectionId = ProjectionId { name: "npm", version: 1 };

#[tokio::test]
async fn without_a_plan_nothing_is_different() {
    conformance::commits(async || FaultyCommits::new(MemoryCommits::new(), FaultPlan::none())).await;
    conformance::files(async || FaultyFiles::new(MemoryFiles::new(), FaultPlan::none())).await;
    conformance::rows(async || FaultyRows::new(MemoryRows::new(), FaultPlan::none())).await;
    conformance::objects(async || FaultyObjects::new(MemoryObjects::new(), FaultPlan::none())).await;
}

#[tokio::test]
async fn a_commit_whose_answer_was_lost_is_there_and_any_other_failed_one_is_not() {
    for fault in Fault::ALL {
        let inner = MemoryCommits::new();
        let store = FaultyCommits::new(inner.clone(), FaultPlan::fail_at(2, fault));
        assert_eq!(store.create(0, Bytes::from_static(b"0")).await.unwrap(), Created::Created);
        assert!(matches!(store.create(1, Bytes::from_static(b"1")).await, Err(StoreError::Medium { .. })));
        let there = fault == Fault::After;
        assert_eq!(inner.read(1).await.unwrap().is_some(), there, "{fault:?}");
        // Tried again, the third write works.
        let expected = if there { Created::Exists(Bytes::from_static(b"1")) } else { Created::Created };
        assert_eq!(store.create(1, Bytes::from_static(b"again")).await.unwrap(), expected);
    }
}

#[tokio::test]
async fn a_file_is_old_or_new_after_any_fault() {
    for fault in Fault::ALL {
        let inner = MemoryFiles::new();
        let plan = FaultPlan::fail_at(2, fault).and_at(3, fault);
        let store = FaultyFiles::new(inner.clone(), plan.clone());
        store.put("a", Bytes::from_static(b"old")).await.unwrap();
        assert!(store.put("a", Bytes::from_static(b"new")).await.is_err());
        assert_eq!(inner.get("a").await.unwrap().unwrap(), if fault == Fault::After { "new" } else { "old" });
        assert!(store.delete("a").await.is_err());
        assert_eq!(inner.get("a").await.unwrap().is_none(), fault == Fault::After);
        assert_eq!(plan.log(), ["files.put a", "files.put a", "files.delete a"]);
    }
}

#[tokio::test]
async fn a_head_is_old_or_new_after_any_fault() {
    for fault in Fault::ALL {
        let inner = MemoryFiles::new();
        let plan = FaultPlan::fail_at(2, fault);
        let head = FileHead::new(Arc::new(FaultyFiles::new(inner.clone(), plan.clone())), "head");
        let (old, new) = (Bytes::from_static(b"old"), Bytes::from_static(b"new"));
        assert_eq!(head.swap(None, old.clone()).await.unwrap(), Swapped::Done);
        assert!(head.swap(Some(old.clone()), new.clone()).await.is_err());
        let now = if fault == Fault::After { new.clone() } else { old };
        assert_eq!(inner.get("head").await.unwrap(), Some(now.clone()));
        // Tried again, it goes on from what is there.
        assert_eq!(head.swap(head.get().await.unwrap(), new).await.unwrap(), Swapped::Done);
        assert_eq!(plan.log(), ["files.put head"; 3]);
    }
}

#[tokio::test]
async fn rows_are_all_or_nothing_after_any_fault() {
    for fault in Fault::ALL {
        let inner = MemoryRows::new();
        let plan = FaultPlan::fail_at(1, fault);
        let store = FaultyRows::new(inner.clone(), plan.clone());
        let changes = (0..10).map(|n| (RowKey::new(n.to_string()).unwrap(), Some(Row { bytes: [].into(), seq: 0 }))).collect();
        assert!(store.commit(&[RowBatch { projection: NPM, from: 0, to: 1, changes }]).await.is_err());
        let rows = inner.scan(&NPM, "", None, 100).await.unwrap().len();
        let expected = if fault == Fault::After { (10, 1) } else { (0, 0) };
        assert_eq!((rows, inner.cursor(&NPM).await.unwrap()), expected, "{fault:?}");
        assert_eq!(plan.log(), ["rows.commit npm.1 0..1"]);
    }
}

#[tokio::test]
async fn an_upload_that_fails_at_any_write_shows_nothing_unless_it_was_finished() {
    let folder = tempfile::tempdir().unwrap();
    let disk = open_disk(folder.path()).unwrap();
    let bytes = Bytes::from(vec![9; 2 << 20]);
    let object = ObjectRef::of(&bytes);
    // begin, two pieces, finish
    for nth in 1..=4 {
        for fault in Fault::ALL {
            let plan = FaultPlan::fail_at(nth, fault);
            let store = FaultyObjects::new(disk.objects.clone(), plan.clone());
            let outcome = async {
                let mut upload = store.begin().await?;
                // A caller that overlooks a failed write must not get an object out of it.
                let _ = upload.write(bytes.slice(..1 << 20)).await;
                let _ = upload.write(bytes.slice(1 << 20..)).await;
                upload.finish(object).await
            };
            assert!(outcome.await.is_err(), "write {nth} {fault:?}");
            let never_begun = nth == 1 && fault == Fault::Before;
            let finished = nth == 4 && fault == Fault::After;
            assert_eq!(disk.objects.stat(&object.sha256).await.unwrap().is_some(), finished, "write {nth} {fault:?}");
            let left = disk.objects.sweep_temporary(0).await.unwrap();
            assert_eq!(left, if finished || never_begun { 0 } else { 1 }, "write {nth} {fault:?}");
            disk.objects.delete(&object.sha256).await.unwrap();
        }
    }
    for fault in Fault::ALL {
        let store = FaultyObjects::new(disk.objects.clone(), FaultPlan::fail_at(1, fault));
        assert!(store.put(bytes.clone()).await.is_err());
        assert_eq!(disk.objects.stat(&object.sha256).await.unwrap().is_some(), fault == Fault::After);
        assert_eq!(disk.objects.sweep_temporary(0).await.unwrap(), u64::from(fault == Fault::Short));
        disk.objects.delete(&object.sha256).await.unwrap();
    }
}

#[tokio::test]
async fn after_a_stop_everything_fails_until_it_is_revived() {
    let plan = FaultPlan::stop_at(2, Fault::After);
    let commits = FaultyCommits::new(MemoryCommits::new(), plan.clone());
    let files = FaultyFiles::new(MemoryFiles::new(), plan.clone());
    commits.create(0, Bytes::new()).await.unwrap();
    assert!(!plan.is_stopped());
    assert!(files.put("a", Bytes::from_static(b"a")).await.is_err());
    assert!(plan.is_stopped());
    for _ in 0..2 {
        assert!(files.get("a").await.is_err());
        assert!(files.put("b", Bytes::new()).await.is_err());
        assert!(commits.last().await.is_err());
        assert!(commits.create(1, Bytes::new()).await.is_err());
    }
    assert_eq!(plan.writes(), 2);
    plan.revive();
    assert_eq!(files.list("").await.unwrap(), ["a"]);
    assert_eq!(commits.last().await.unwrap(), Some(0));
    commits.create(1, Bytes::new()).await.unwrap();
}
