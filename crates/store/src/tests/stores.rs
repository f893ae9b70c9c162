//! `Stores`: opened from settings, kept from others, given back by closing.

use crate::layout::{STORE_FILES, STORE_FOLDERS};
use crate::{Created, Failing, Opening, RowBatch, StoreError, StoreSettings, Stores, Swapped};
use bytes::Bytes;
use deedbox_model::{ProjectionId, Row, RowKey};

const NPM: ProjectionId = ProjectionId { name: "npm", version: 1 };

fn batch(from: u64) -> RowBatch {
    let row = Row { bytes: [1].into(), seq: from };
    RowBatch { projection: NPM, from, to: from + 1, changes: [(RowKey::new("a").unwrap(), Some(row))].into() }
}

#[tokio::test(flavor = "multi_thread")]
async fn stores_are_kept_from_others_until_they_are_closed_and_read_back_without_being_written() {
    let folder = tempfile::tempdir().unwrap();
    let settings = StoreSettings::in_folder(folder.path());
    let one = Bytes::from_static(b"one");
    let mut stores = Stores::open(&settings, Opening::ToWrite).unwrap();
    assert!(stores.unwritable().is_none());
    let object = stores.objects.put(one.clone()).await.unwrap();
    assert_eq!(stores.commits.create(0, one.clone()).await.unwrap(), Created::Created);
    stores.log.files.put("tile/0/000.p/1", one.clone()).await.unwrap();
    assert_eq!(stores.log.head.swap(None, one.clone()).await.unwrap(), Swapped::Done);
    stores.signer.put("last-signed", one.clone()).await.unwrap();
    let rows = stores.rows().await.unwrap();
    rows.folded().commit(&[batch(0)]).await.unwrap();
    assert_eq!((rows.decisions().cursor(&NPM).await.unwrap(), rows.views().cursor(&NPM).await.unwrap()), (1, 1));
    for opening in [Opening::ToWrite, Opening::ToWriteOrRead, Opening::ToRead] {
        assert!(matches!(Stores::open(&settings, opening), Err(StoreError::InUse { .. })), "{opening:?}");
    }
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(STORE_FILES.contains(&name.as_str()) || STORE_FOLDERS.contains(&name.as_str()), "{name}");
    }
    stores.close().await;
    assert!(rows.folded().commit(&[batch(1)]).await.is_err(), "they are closed for everybody who still has them");

    let mut stores = Stores::open(&settings, Opening::ToRead).unwrap();
    assert_eq!(stores.unwritable().and_then(StoreError::how), Some(Failing::ReadOnly));
    assert!(stores.objects.stat(&object.sha256).await.unwrap().is_some());
    assert_eq!(stores.commits.last().await.unwrap(), Some(0));
    assert_eq!(stores.log.files.get("tile/0/000.p/1").await.unwrap(), Some(one.clone()));
    assert_eq!(stores.log.head.get().await.unwrap(), Some(one.clone()));
    assert_eq!(stores.signer.get("last-signed").await.unwrap(), Some(one));
    let rows = stores.rows().await.unwrap();
    assert_eq!(rows.views().cursor(&NPM).await.unwrap(), 1);
    assert_eq!(rows.folded().commit(&[batch(1)]).await.unwrap_err().how(), Some(Failing::ReadOnly));
    stores.close().await;
    // Dropped, it is left as by a crash; the next one that opens it goes on.
    let mut stores = Stores::open(&settings, Opening::ToWriteOrRead).unwrap();
    stores.rows().await.unwrap().folded().commit(&[batch(1)]).await.unwrap();
    drop(stores);
    let mut stores = Stores::open(&settings, Opening::ToWrite).unwrap();
    assert_eq!(stores.rows().await.unwrap().decisions().cursor(&NPM).await.unwrap(), 2);
    stores.close().await;
}

#[tokio::test]
async fn rows_that_cannot_be_opened_leave_the_rest_usable() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("rows.sqlite"), vec![b'x'; 10_000]).unwrap();
    let mut stores = Stores::open(&StoreSettings::in_folder(folder.path()), Opening::ToWrite).unwrap();
    for _ in 0..2 {
        assert!(matches!(stores.rows().await, Err(StoreError::Damaged { .. })));
    }
    assert!(stores.unwritable().is_none());
    stores.signer.put("last-signed", Bytes::from_static(b"one")).await.unwrap();
    stores.close().await;
}
