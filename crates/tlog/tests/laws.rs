//! Laws of the tree that hold for every size, index and step. `spec/log.md` sections 1, 2, 3, 7 and 8.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may stop where it stands")]

use deedbox_tlog::bundle::{encode_entries, grow_bundles, parse_entries};
use deedbox_tlog::tile::new_tiles;
use deedbox_tlog::tree::root_from_leaf_hashes;
use deedbox_tlog::{
    BundleId, ConsistencyProof, Edge, Frontier, Hash, InclusionProof, Tile, TileId, Tiles, leaf_hash, plan_frontier, plan_growth,
    plan_multiproof, prove_consistency, prove_inclusion, prove_multiproof,
};
use proptest::prelude::*;
use std::sync::LazyLock;

const LARGEST: usize = 70_000;

static LEAVES: LazyLock<Vec<Hash>> = LazyLock::new(|| (0..LARGEST as u64).map(|i| leaf_hash(&i.to_be_bytes())).collect());

/// A tree of a few sizes that the laws are tried on, made once.
static TREES: LazyLock<Vec<(u64, Tiles, Hash)>> = LazyLock::new(|| {
    [1usize, 2, 3, 7, 8, 100, 255, 256, 257, 700, 1024, LARGEST]
        .into_iter()
        .map(|size| {
            let growth = Edge::empty().grow(&LEAVES[..size]).unwrap();
            (size as u64, growth.tiles.into_iter().collect(), growth.root)
        })
        .collect()
});

fn tree() -> impl Strategy<Value = &'static (u64, Tiles, Hash)> {
    (0..TREES.len()).prop_map(|at| &TREES[at])
}

proptest! {
    #[test]
    fn an_inclusion_proof_verifies_for_its_leaf_index_size_and_root_and_for_no_other(
        (size, tiles, root) in tree(),
        at in any::<prop::sample::Index>(),
        other in any::<prop::sample::Index>(),
        bit in 0usize..256,
        hash_at in any::<prop::sample::Index>(),
    ) {
        let (index, other) = (at.index(*size as usize), other.index(*size as usize));
        let leaf = LEAVES[index];
        let proof = prove_inclusion(index as u64, *size, tiles).unwrap();
        prop_assert!(proof.verify(&leaf, *size, root).is_ok());

        let flip = |hash: &Hash| {
            let mut bytes = hash.0;
            bytes[bit / 8] ^= 1 << (bit % 8);
            Hash(bytes)
        };
        prop_assert!(proof.verify(&flip(&leaf), *size, root).is_err());
        prop_assert!(proof.verify(&leaf, *size, &flip(root)).is_err());
        if index != other {
            prop_assert!(proof.verify(&LEAVES[other], *size, root).is_err());
            let moved = InclusionProof::new(other as u64, *size, proof.hashes().to_vec());
            prop_assert!(!moved.is_ok_and(|moved| moved.verify(&leaf, *size, root).is_ok()));
        }
        let mut hashes = proof.hashes().to_vec();
        if !hashes.is_empty() {
            let at = hash_at.index(hashes.len());
            hashes[at] = flip(&hashes[at]);
            let altered = InclusionProof::new(index as u64, *size, hashes).unwrap();
            prop_assert!(altered.verify(&leaf, *size, root).is_err());
        }
    }

    #[test]
    fn a_consistency_proof_verifies_for_its_two_roots_and_for_no_other(
        (new, tiles, root) in tree(),
        at in any::<prop::sample::Index>(),
        hash_at in any::<prop::sample::Index>(),
        bit in 0u8..8,
    ) {
        let old = at.index(*new as usize + 1);
        let old_root = root_from_leaf_hashes(&LEAVES[..old]);
        let proof = prove_consistency(old as u64, *new, tiles).unwrap();
        prop_assert!(proof.verify(&old_root, root).is_ok());
        let wrong = leaf_hash(b"wrong");
        prop_assert!(proof.verify(&wrong, root).is_err());
        if old > 0 {
            prop_assert!(proof.verify(&old_root, &wrong).is_err());
        }
        let mut hashes = proof.hashes().to_vec();
        if !hashes.is_empty() {
            let at = hash_at.index(hashes.len());
            hashes[at].0[0] ^= 1 << bit;
            let altered = ConsistencyProof::new(old as u64, *new, hashes).unwrap();
            prop_assert!(altered.verify(&old_root, root).is_err());
        }
    }

    #[test]
    fn a_multiproof_verifies_for_its_leaves_and_for_no_others(
        (size, tiles, root) in tree(),
        picks in prop::collection::vec(any::<prop::sample::Index>(), 1..40),
        wrong in any::<prop::sample::Index>(),
        bit in 0u8..8,
    ) {
        let mut indices: Vec<u64> = picks.iter().map(|pick| pick.index(*size as usize) as u64).collect();
        indices.sort_unstable();
        indices.dedup();
        let plan = plan_multiproof(&indices, *size).unwrap();
        let planned: Tiles = plan.iter().map(|id| (**tiles.get(id).unwrap()).clone()).collect();
        let proof = prove_multiproof(&indices, *size, &planned).unwrap();
        let mut leaves: Vec<(u64, Hash)> = indices.iter().map(|i| (*i, LEAVES[*i as usize])).collect();
        prop_assert!(proof.verify(&leaves, *size, root).is_ok());

        let mut bytes = proof.to_bytes();
        if !bytes.is_empty() {
            let at = wrong.index(bytes.len());
            bytes[at] ^= 1 << bit;
            let altered = deedbox_tlog::Multiproof::from_bytes(*size, &bytes).unwrap();
            prop_assert!(altered.verify(&leaves, *size, root).is_err());
        }
        let at = wrong.index(leaves.len());
        leaves[at].1.0[0] ^= 1 << bit;
        prop_assert!(proof.verify(&leaves, *size, root).is_err());
    }

    #[test]
    fn growing_in_steps_gives_the_tiles_of_growing_at_once(steps in prop::collection::vec(0usize..700, 1..8)) {
        let size: usize = steps.iter().sum();
        let at_once = Edge::empty().grow(&LEAVES[..size]).unwrap();
        let mut edge = Edge::empty();
        let mut tiles = Tiles::new();
        let mut at = 0;
        for step in steps {
            let growth = edge.grow(&LEAVES[at..at + step]).unwrap();
            at += step;
            tiles.extend(growth.tiles);
            // What a restart would do: read the edge back from the tiles that were planned.
            let planned: Tiles =
                plan_growth(at as u64).unwrap().iter().map(|id| (**tiles.get(id).unwrap()).clone()).collect();
            edge = Edge::from_tiles(at as u64, &planned).unwrap();
            prop_assert_eq!(&edge, &growth.edge);
        }
        prop_assert_eq!(edge.root(), at_once.root);
        prop_assert_eq!(edge.root(), root_from_leaf_hashes(&LEAVES[..size]));
        let all: Tiles = at_once.tiles.into_iter().collect();
        prop_assert_eq!(all.iter().map(|tile| tile.id()).collect::<Vec<_>>(), new_tiles(0, size as u64).collect::<Vec<_>>());
        for tile in all.iter() {
            prop_assert_eq!(tiles.get(&tile.id()), Some(tile));
        }
    }

    #[test]
    fn a_frontier_read_from_tiles_has_the_root_of_the_tree((size, tiles, root) in tree()) {
        let plan = plan_frontier(*size).unwrap();
        let planned: Tiles = plan.iter().map(|id| (**tiles.get(id).unwrap()).clone()).collect();
        let frontier = Frontier::from_tiles(*size, &planned).unwrap();
        prop_assert_eq!(frontier.root(), *root);
        prop_assert_eq!(Frontier::from_hashes(*size, frontier.hashes().to_vec()).unwrap(), frontier);
    }

    #[test]
    fn the_path_of_every_tile_and_bundle_leads_back_to_it(level in 0u8..7, index in any::<u64>(), width in 1u16..=256) {
        let index = index >> (8 * level + 9);
        let tile = TileId::new(level, index, width).unwrap();
        prop_assert_eq!(TileId::parse(&tile.path()), Ok(tile));
        let bundle = BundleId::new(index, width).unwrap();
        prop_assert_eq!(BundleId::parse(&bundle.path()), Ok(bundle));
    }

    #[test]
    fn a_path_that_is_read_is_written_back_the_same(path in "tile/(entries|[0-9]{1,2})/(x?[0-9]{1,4}/){0,3}[0-9]{2,3}(\\.p/[0-9]{1,3})?") {
        if let Ok(tile) = TileId::parse(&path) {
            prop_assert_eq!(tile.path(), path);
        } else if let Ok(bundle) = BundleId::parse(&path) {
            prop_assert_eq!(bundle.path(), path);
        }
    }

    #[test]
    fn entries_come_back_out_of_their_bundle(entries in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..50), 1..=256)) {
        let bytes = encode_entries(&entries).unwrap();
        let id = BundleId::new(3, u16::try_from(entries.len()).unwrap()).unwrap();
        prop_assert_eq!(parse_entries(id, &bytes).unwrap(), entries.iter().map(Vec::as_slice).collect::<Vec<_>>());
        let grown = grow_bundles(0, &[], &entries).unwrap();
        prop_assert_eq!(&grown[0].1, &bytes);
    }

    #[test]
    fn no_bytes_make_a_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..400), text in "\\PC{0,200}") {
        for input in [&bytes[..], text.as_bytes()] {
            let _ = deedbox_tlog::Note::parse(input);
            let _ = deedbox_tlog::SignedCheckpoint::parse(input);
            let _ = deedbox_tlog::LogProof::parse(input);
            let _ = deedbox_tlog::Receipt::decode(input);
            let _ = deedbox_tlog::detach_receipts(input);
            let _ = deedbox_tlog::Multiproof::from_bytes(9, input);
            let _ = parse_entries(BundleId::new(0, 3).unwrap(), input);
            let _ = Tile::parse(TileId::new(0, 0, 3).unwrap(), input);
        }
        let _ = TileId::parse(&text);
        let _ = deedbox_tlog::VerifierKey::parse(&text);
        let _ = deedbox_tlog::Checkpoint::parse(&text);
    }
}
