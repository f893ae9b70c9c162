//! The right edge of a log as its files have it, checked before anything is appended: the partial tiles of every level against the
//! root, the open entry bundle, entry by entry, against the partial tile. Names the file that does not fit; mends none.

use crate::error::LedgerError;
use deedbox_store::Files;
use deedbox_tlog::bundle::{BundleId, parse_entries};
use deedbox_tlog::grow::{Edge, plan_growth};
use deedbox_tlog::{Hash, TILE_WIDTH, Tile, TileId, Tiles, TreeHead, leaf_hash};

/// Reads the edge at this size, which must lead to this root, and the bytes of its open bundle.
pub(crate) async fn read_edge(files: &dyn Files, TreeHead { size, root }: TreeHead) -> Result<(Edge, Vec<u8>), LedgerError> {
    let plan = plan_growth(size).map_err(|e| LedgerError::damaged("the checkpoint", e))?;
    let mut tiles = Tiles::new();
    for id in &plan {
        tiles.insert(read_tile(files, id).await?);
    }
    let edge = Edge::from_tiles(size, &tiles).map_err(|e| LedgerError::damaged("the partial tiles", e))?;
    let open = match BundleId::open(size) {
        None => None,
        Some(id) => Some((id, read_bundle(files, id).await?)),
    };
    if edge.root() != root {
        return Err(wrong_tile(files, size, root, &plan, open.as_ref()).await?);
    }
    let Some((id, bytes)) = open else { return Ok((edge, Vec::new())) };
    let level_0 = edge.open_tiles().find(|tile| tile.id().level() == 0);
    let hashes = level_0.as_ref().map_or(&[][..], |tile| tile.hashes());
    let leaves = leaves_of(id, &bytes)?;
    if let Some((index, _)) = (id.first()..).zip(leaves.iter().zip(hashes)).find(|(_, (found, expected))| found != expected) {
        return Err(LedgerError::damaged(file(&id.path()), format!("entry {index} in it is not the one that the log has")));
    }
    if leaves.len() != hashes.len() {
        return Err(LedgerError::damaged(file(&id.path()), "it has another number of entries than its tile has hashes"));
    }
    Ok((edge, bytes))
}

/// A file of the log as messages name it.
pub(crate) fn file(path: &str) -> String {
    format!("log/{path}")
}

/// Reads a tile of exactly this width.
pub(crate) async fn read_tile(files: &dyn Files, id: &TileId) -> Result<Tile, LedgerError> {
    let path = id.path();
    let bytes = files.get(&path).await?.ok_or_else(|| LedgerError::Missing(file(&path)))?;
    Tile::parse(*id, &bytes).map_err(|e| LedgerError::damaged(file(&path), e))
}

async fn read_bundle(files: &dyn Files, id: BundleId) -> Result<Vec<u8>, LedgerError> {
    let path = id.path();
    let bytes = files.get(&path).await?.ok_or_else(|| LedgerError::Missing(file(&path)))?;
    leaves_of(id, &bytes)?;
    Ok(bytes.to_vec())
}

fn leaves_of(id: BundleId, bytes: &[u8]) -> Result<Vec<Hash>, LedgerError> {
    let entries = parse_entries(id, bytes).map_err(|e| LedgerError::damaged(file(&id.path()), e))?;
    Ok(entries.into_iter().map(leaf_hash).collect())
}

/// Which of the partial tiles is the one that does not fit: the one with which, made again from what lies below it, all of them lead
/// to the root. Read only where something is wrong: at most 255 full tiles a level.
async fn wrong_tile(
    files: &dyn Files,
    size: u64,
    root: Hash,
    plan: &[TileId],
    open: Option<&(BundleId, Vec<u8>)>,
) -> Result<LedgerError, LedgerError> {
    for wrong in plan {
        let Some(hashes) = made_again(files, wrong, open).await else { continue };
        let mut tiles = Tiles::new();
        for id in plan {
            tiles.insert(if id == wrong { hashes.clone() } else { read_tile(files, id).await? });
        }
        if Edge::from_tiles(size, &tiles).is_ok_and(|edge| edge.root() == root) {
            return Ok(LedgerError::damaged(file(&wrong.path()), "its hashes are not those of what lies below it"));
        }
    }
    let paths: Vec<String> = plan.iter().map(|id| file(&id.path())).collect();
    Ok(LedgerError::damaged(paths.join(" or "), format!("together they do not lead to the root of the checkpoint at size {size}")))
}

/// A partial tile, made from the open bundle or from the full tiles below it; none if these cannot be read.
async fn made_again(files: &dyn Files, id: &TileId, open: Option<&(BundleId, Vec<u8>)>) -> Option<Tile> {
    let hashes = match id.level().checked_sub(1) {
        None => open.and_then(|(bundle, bytes)| leaves_of(*bundle, bytes).ok())?,
        Some(below) => {
            let mut hashes = Vec::with_capacity(id.width().into());
            let first = id.index().saturating_mul(TILE_WIDTH.into());
            for index in (first..).take(id.width().into()) {
                let full = TileId::new(below, index, TILE_WIDTH).ok()?;
                // A full tile is 8 rows high: its root is the hash in the tile above.
                hashes.push(read_tile(files, &full).await.ok()?.node(8, 0)?);
            }
            hashes
        }
    };
    let bytes: Vec<u8> = hashes.iter().flat_map(|hash| hash.0).collect();
    Tile::parse(*id, &bytes).ok()
}
