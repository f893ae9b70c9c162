//! Tiles of the log, fetched as planned and no others (spec/log.md §2, §7.3). Proves nothing by itself.

use crate::error::ClientError;
use crate::http::Registry;
use crate::limits;
use deedbox_tlog::tiles::tiles_holding;
use deedbox_tlog::tree::{Span, complete_nodes};
use deedbox_tlog::{Frontier, Hash, TileId, Tiles, plan_consistency};
use futures::{StreamExt as _, TryStreamExt as _, stream};

/// The tiles that a consistency proof from `old` to `new` needs, and those that the older tree's root needs: all as
/// they are in the newer tree.
pub(crate) fn plan(old: u64, new: u64) -> Result<Vec<TileId>, ClientError> {
    let wrong = |e: deedbox_tlog::TreeError| ClientError::Here(e.to_string());
    let mut ids = plan_consistency(old, new).map_err(wrong)?;
    ids.extend(tiles_holding(complete_nodes(Span { start: 0, end: old }), new));
    ids.sort();
    ids.dedup();
    Ok(ids)
}

/// Fetches tiles; none if one of them is not there, partial or full.
pub(crate) async fn fetch(registry: &Registry, ids: Vec<TileId>) -> Result<Option<Tiles>, ClientError> {
    let fetched: Vec<Option<(TileId, Vec<u8>)>> =
        stream::iter(ids).map(|id| one(registry, id)).buffered(limits::TILES_AT_ONCE).try_collect().await?;
    let mut tiles = Tiles::new();
    for tile in fetched {
        let Some((id, bytes)) = tile else { return Ok(None) };
        tiles.insert_bytes(id, &bytes).map_err(|e| registry.answer(&path(&id), "a tile", e))?;
    }
    Ok(Some(tiles))
}

async fn one(registry: &Registry, id: TileId) -> Result<Option<(TileId, Vec<u8>)>, ClientError> {
    if let Some(bytes) = registry.get(&path(&id), id.byte_len()).await? {
        return Ok(Some((id, bytes)));
    }
    if id.is_full() {
        return Ok(None);
    }
    // A partial tile may be gone once the full one is there (C2SP tlog-tiles).
    let full = id.full();
    Ok(registry.get(&path(&full), full.byte_len()).await?.map(|bytes| (full, bytes)))
}

/// The root of the first `size` entries, by tiles of a larger tree.
pub(crate) fn root_of_first(size: u64, tiles: &Tiles) -> Option<Hash> {
    Frontier::from_tiles(size, tiles).ok().map(|frontier| frontier.root())
}

fn path(id: &TileId) -> String {
    format!("log/{}", id.path())
}
