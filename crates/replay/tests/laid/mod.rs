//! Entries as a log's files: tiles and entry bundles in memory, and the size and root that they lead to.

use deedbox_store::{Files as _, MemoryFiles};
use deedbox_tlog::bundle::grow_bundles;
use deedbox_tlog::grow::Edge;
use deedbox_tlog::{TreeHead, leaf_hash};

pub(crate) async fn laid_out(entries: &[Vec<u8>]) -> (MemoryFiles, TreeHead) {
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
