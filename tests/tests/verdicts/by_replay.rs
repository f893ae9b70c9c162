//! Replay follows a log that holds all entries, void ones too: once as it catches up with the log's files, many entries at a time, and once entry
//! by entry, after every object is gone: a verdict rests on rows and on the entry's own bytes. Both leave the rows of the table's log, the codes of the void
//! entries among them, byte for byte.

use super::count::{Counts, REPLAY};
use super::judged::Case;
use deedbox_authority::{DECIDERS, PROJECTION as AUTHORITY};
use deedbox_model::{Row, RowKey};
use deedbox_replay::{Folder, Leaf, Replayer};
use deedbox_store::{Files as _, LogStore, MemoryFiles, MemoryObjects, MemoryRows, RowStore};
use deedbox_tlog::bundle::grow_bundles;
use deedbox_tlog::grow::Edge;
use deedbox_tlog::{TreeHead, leaf_hash};
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

pub(crate) async fn judge(
    told: &[Case],
    own: Range<usize>,
    objects: &Arc<MemoryObjects>,
    expected: &BTreeMap<RowKey, Row>,
    counts: &mut Counts,
) {
    let entries: Vec<Vec<u8>> = told.iter().map(|case| case.bytes().to_vec()).collect();
    let (files, target) = laid_out(&entries).await;
    let rows = MemoryRows::default();
    let mut replayer = Replayer::open(folder(&rows, objects), LogStore::in_files(Arc::new(files)), target, &|_, _| {}).await.unwrap();
    replayer.catch_up(target, &|_, _| {}).await.unwrap();
    compare(&rows_of(&rows).await, expected, told);

    let (rows, gone) = (MemoryRows::default(), Arc::new(MemoryObjects::default()));
    for (index, entry) in (0..).zip(entries) {
        folder(&rows, &gone).fold(index, vec![Leaf::Bytes(entry)]).await.unwrap();
    }
    compare(&rows_of(&rows).await, expected, told);
    own.for_each(|_| counts.add(REPLAY));
}

fn compare(found: &BTreeMap<RowKey, Row>, expected: &BTreeMap<RowKey, Row>, told: &[Case]) {
    let keys = found.keys().chain(expected.keys());
    let others: Vec<&RowKey> = keys.filter(|key| found.get(*key) != expected.get(*key)).collect();
    let names: Vec<String> = told.iter().map(Case::name).collect();
    assert!(others.is_empty(), "replay has other rows: {others:?}, after {names:#?}");
}

fn folder(rows: &MemoryRows, objects: &Arc<MemoryObjects>) -> Folder {
    Folder { rows: Arc::new(rows.clone()), objects: objects.clone(), projections: Vec::new(), deciders: DECIDERS }
}

/// Every row of authority's.
pub(crate) async fn rows_of(rows: &dyn RowStore) -> BTreeMap<RowKey, Row> {
    rows.scan(&AUTHORITY, "", None, u32::MAX).await.unwrap().into_iter().collect()
}

/// Entries as a log's files, and the size and root that they lead to.
async fn laid_out(entries: &[Vec<u8>]) -> (MemoryFiles, TreeHead) {
    let growth = Edge::empty().grow(&entries.iter().map(|entry| leaf_hash(entry)).collect::<Vec<_>>()).unwrap();
    let files = MemoryFiles::default();
    for tile in &growth.tiles {
        files.put(&tile.id().path(), tile.to_bytes().into()).await.unwrap();
    }
    for (id, bytes) in grow_bundles(0, &[], entries).unwrap() {
        files.put(&id.path(), bytes.into()).await.unwrap();
    }
    (files, TreeHead { size: entries.len() as u64, root: growth.root })
}
