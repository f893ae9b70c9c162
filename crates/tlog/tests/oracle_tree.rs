//! Tiles, roots and proofs compared with an independent implementation, `tlog_tiles`: what we write it reads, what it proves we verify,
//! and both say the same bytes. `spec/log.md` sections 1, 2 and 7.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may stop where it stands")]

use deedbox_tlog::tile::new_tiles;
use deedbox_tlog::{
    ConsistencyProof, Edge, Hash, InclusionProof, Tile, TileId, Tiles, empty_root, leaf_hash, plan_consistency, plan_inclusion,
    prove_consistency, prove_inclusion,
};
use tlog_tiles as theirs;

/// Every stored hash of a tree, as the other implementation numbers them.
#[derive(Default)]
struct Stored(Vec<theirs::Hash>);

impl theirs::HashReader for Stored {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<theirs::Hash>, theirs::Error> {
        Ok(indexes.iter().map(|index| self.0[*index as usize]).collect())
    }
}

/// Both implementations over the same leaves.
struct Both {
    size: u64,
    edge: Edge,
    tiles: Tiles,
    stored: Stored,
}

impl Both {
    fn new() -> Self {
        Self { size: 0, edge: Edge::empty(), tiles: Tiles::new(), stored: Stored::default() }
    }

    /// Grows both trees and checks that we wrote exactly the tiles that the other one would have, under the same paths.
    fn grow_to(&mut self, size: u64) {
        let entries: Vec<[u8; 8]> = (self.size..size).map(u64::to_be_bytes).collect();
        let leaves: Vec<Hash> = entries.iter().map(|entry| leaf_hash(entry)).collect();
        for (index, entry) in (self.size..).zip(&entries) {
            let hashes = theirs::stored_hashes(index, entry, &self.stored).unwrap();
            self.stored.0.extend(hashes);
        }
        let growth = self.edge.grow(&leaves).unwrap();
        assert_eq!(growth.root, self.their_root(size), "root at {size}");

        let expected = theirs::Tile::new_tiles(8, self.size, size);
        let mut ids: Vec<TileId> = growth.tiles.iter().map(Tile::id).collect();
        ids.sort();
        assert_eq!(ids, new_tiles(self.size, size).collect::<Vec<_>>());
        assert_eq!(ids.len(), expected.len(), "tiles at {size}");
        for tile in expected {
            let id = TileId::new(tile.level(), tile.level_index(), u16::try_from(tile.width()).unwrap()).unwrap();
            // The other implementation still writes the height into the path.
            assert_eq!(id.path().replacen("tile/", "tile/8/", 1), tile.path());
            let ours = growth.tiles.iter().find(|ours| ours.id() == id).unwrap();
            assert_eq!(ours.to_bytes(), tile.read_data(&self.stored).unwrap(), "{id} at {size}");
        }
        self.tiles.extend(growth.tiles);
        self.edge = growth.edge;
        self.size = size;
    }

    fn their_root(&self, size: u64) -> Hash {
        if size == 0 {
            return empty_root();
        }
        Hash(theirs::tree_hash(size, &self.stored).unwrap().0)
    }

    /// Only the tiles that were planned: making a proof from them shows that the plan is enough.
    fn planned(&self, plan: &[TileId]) -> Tiles {
        plan.iter().map(|id| (**self.tiles.get(id).unwrap()).clone()).collect()
    }

    fn inclusion(&self, index: u64, size: u64, root: &Hash) {
        let tiles = self.planned(&plan_inclusion(index, size).unwrap());
        let ours = prove_inclusion(index, size, &tiles).unwrap();
        let their = theirs::prove_record(size, index, &self.stored).unwrap();
        assert_eq!(ours.hashes(), their.iter().map(|h| Hash(h.0)).collect::<Vec<_>>(), "{index} of {size}");
        let leaf = leaf_hash(&index.to_be_bytes());
        let received = InclusionProof::new(index, size, ours.hashes().to_vec()).unwrap();
        received.verify(&leaf, size, root).unwrap();
        theirs::check_record(&their, size, theirs::Hash(root.0), index, theirs::Hash(leaf.0)).unwrap();
    }

    fn consistency(&self, old: u64, new: u64, root: &Hash) {
        let tiles = self.planned(&plan_consistency(old, new).unwrap());
        let ours = prove_consistency(old, new, &tiles).unwrap();
        let old_root = self.their_root(old);
        let received = ConsistencyProof::new(old, new, ours.hashes().to_vec()).unwrap();
        received.verify(&old_root, root).unwrap();
        // The other implementation has no proof from the empty tree.
        if old > 0 {
            let their = theirs::prove_tree(new, old, &self.stored).unwrap();
            assert_eq!(ours.hashes(), their.iter().map(|h| Hash(h.0)).collect::<Vec<_>>(), "{old} to {new}");
            let (old_root, root) = (theirs::Hash(old_root.0), theirs::Hash(root.0));
            theirs::check_tree(&their, new, root, old, old_root).unwrap();
        }
    }
}

/// Indices or older sizes worth asking for below `size`: all of a small tree, of a larger one those at edges of tiles and powers of two.
fn interesting(size: u64) -> Vec<u64> {
    if size <= 48 {
        return (0..size).collect();
    }
    let mut all: Vec<u64> = [1u64, 2, 128, 256, 512, 1024, 32_768, 65_280, 65_536]
        .into_iter()
        .flat_map(|edge| [edge.saturating_sub(1), edge, edge + 1])
        .chain([0, size / 3, size / 2, size - 2, size - 1])
        .filter(|at| *at < size)
        .collect();
    all.sort_unstable();
    all.dedup();
    all
}

#[test]
fn every_tree_up_to_1200_leaves_has_the_tiles_roots_and_proofs_of_another_implementation() {
    let mut both = Both::new();
    for size in 0..=1200u64 {
        both.grow_to(size);
        let root = both.their_root(size);
        // Every size has its tiles and its root compared; beyond the first full tile every third has its proofs compared too.
        if size > 260 && !size.is_multiple_of(3) {
            continue;
        }
        for at in interesting(size) {
            both.inclusion(at, size, &root);
            both.consistency(at, size, &root);
        }
        both.consistency(size, size, &root);
    }
}

#[test]
fn trees_around_65536_leaves_do_too() {
    let mut both = Both::new();
    for size in [254, 65_280, 65_534, 65_535, 65_536, 65_537, 65_538] {
        both.grow_to(size);
        let root = both.their_root(size);
        for at in interesting(size) {
            both.inclusion(at, size, &root);
            both.consistency(at, size, &root);
        }
    }
}

/// Our tiles as the other implementation fetches them.
struct Served<'a>(&'a Tiles);

impl theirs::TileReader for Served<'_> {
    fn height(&self) -> u8 {
        8
    }

    fn read_tiles(&self, tiles: &[theirs::Tile]) -> Result<Vec<Vec<u8>>, theirs::Error> {
        let read = |tile: &theirs::Tile| {
            let path = tile.path().replacen("tile/8/", "tile/", 1);
            self.0.get(&TileId::parse(&path).unwrap()).unwrap().to_bytes()
        };
        Ok(tiles.iter().map(read).collect())
    }

    fn save_tiles(&self, _: &[theirs::Tile], _: &[Vec<u8>]) {}
}

#[test]
fn another_implementation_proves_leaves_from_our_tiles() {
    let mut both = Both::new();
    for size in [1, 2, 255, 256, 257, 1000, 66_000] {
        both.grow_to(size);
        let root = theirs::Hash(both.edge.root().0);
        let served = Served(&both.tiles);
        let reader = theirs::TileHashReader::new(size, root, &served);
        for index in interesting(size) {
            let proof = theirs::prove_record(size, index, &reader).unwrap();
            let leaf = theirs::record_hash(&index.to_be_bytes());
            theirs::check_record(&proof, size, root, index, leaf).unwrap();
        }
    }
}
