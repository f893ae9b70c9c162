//! One compact proof that many leaves are in one tree, as `rs_merkle` verifies it. `spec/log.md` section 8.
//! `rs_merkle`'s verifier alone accepts forgeries (repeated or unsorted indices, indices beyond the tree, a size that the prover chose,
//! spare hashes): [`Multiproof::verify`] refuses all of them before it asks.

use crate::hash::{HASH_BYTES, Hash, leaf_hash, node_hash};
use crate::limits::MAX_MULTIPROOF_LEAVES;
use crate::tile::TileId;
use crate::tiles::{HashReader, MissingTile, span_hash, tiles_holding};
use crate::tree::{Span, TreeError, check_size, complete_nodes};

/// Why a multiproof proves nothing, or cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MultiproofError {
    /// It is about no leaf.
    #[error("a multiproof needs at least one leaf")]
    NoLeaves,
    /// It is about too many leaves.
    #[error("a multiproof is for at most {MAX_MULTIPROOF_LEAVES} leaves, not {0}; ask in parts")]
    TooManyLeaves(usize),
    /// Indices that don't rise: unsorted, or one of them twice.
    #[error("the indices of a multiproof rise strictly; {after} comes after {before}")]
    NotRising {
        /// The index before.
        before: u64,
        /// The index that should have been larger.
        after: u64,
    },
    /// Something outside the tree.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// The proof is about a tree of another size than the checkpoint.
    #[error("the multiproof is for a tree of {proof} leaves, the checkpoint says {checkpoint}")]
    Size {
        /// Size that the prover named.
        proof: u64,
        /// Size that the checkpoint says.
        checkpoint: u64,
    },
    /// More or fewer hashes than these leaves need.
    #[error("a multiproof of these leaves has {expected} hashes, not {found}")]
    Length {
        /// Hashes that belong to it.
        expected: usize,
        /// Hashes that it had.
        found: usize,
    },
    /// Bytes that aren't whole hashes, or more than any multiproof has.
    #[error("a multiproof is whole hashes of 32 bytes, at most {max} bytes; these are {found} bytes")]
    Bytes {
        /// Most bytes that are read.
        max: usize,
        /// Bytes that there were.
        found: usize,
    },
    /// A tile that making the proof needs.
    #[error(transparent)]
    Missing(#[from] MissingTile),
    /// The hashes lead to another root.
    #[error("the multiproof does not lead to the root {0}: a leaf, an index or the tree is another one")]
    Root(Hash),
}

/// Most bytes that are read as a multiproof: each leaf needs at most one hash a level, and levels near the root are shared.
const MAX_BYTES: usize = MAX_MULTIPROOF_LEAVES * 63 * HASH_BYTES;

/// The hashes that, with the leaf hashes of the proven indices, give the root: bottom layer first, each layer from the left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Multiproof {
    size: u64,
    hashes: Vec<Hash>,
}

/// The tiles that a multiproof needs.
pub fn plan_multiproof(indices: &[u64], size: u64) -> Result<Vec<TileId>, MultiproofError> {
    let spans = multiproof_spans(indices.iter().copied(), size)?;
    Ok(tiles_holding(spans.into_iter().flat_map(complete_nodes), size))
}

/// Makes a multiproof from the tiles that [`plan_multiproof`] names.
pub fn prove_multiproof(indices: &[u64], size: u64, reader: &impl HashReader) -> Result<Multiproof, MultiproofError> {
    let spans = multiproof_spans(indices.iter().copied(), size)?;
    let hashes = spans.into_iter().map(|span| span_hash(span, reader)).collect::<Result<_, _>>()?;
    Ok(Multiproof { size, hashes })
}

impl Multiproof {
    /// Reads the bytes of a proof that says it is for a tree of `size` leaves.
    pub fn from_bytes(size: u64, bytes: &[u8]) -> Result<Self, MultiproofError> {
        let (hashes, rest) = bytes.as_chunks::<HASH_BYTES>();
        if !rest.is_empty() || bytes.len() > MAX_BYTES {
            return Err(MultiproofError::Bytes { max: MAX_BYTES, found: bytes.len() });
        }
        Ok(Self { size, hashes: hashes.iter().copied().map(Hash).collect() })
    }

    /// From hashes already read.
    pub fn from_hashes(size: u64, hashes: Vec<Hash>) -> Self {
        Self { size, hashes }
    }

    /// The hashes one after the other.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.hashes.iter().flat_map(|hash| hash.0).collect()
    }

    /// The hashes, bottom layer first, each layer from the left.
    pub fn hashes(&self) -> &[Hash] {
        &self.hashes
    }

    /// Checks that every leaf is at its index in the tree with this size and root, both from a signed checkpoint.
    pub fn verify(&self, leaves: &[(u64, Hash)], size: u64, root: &Hash) -> Result<(), MultiproofError> {
        if self.size != size {
            return Err(MultiproofError::Size { proof: self.size, checkpoint: size });
        }
        let expected = multiproof_spans(leaves.iter().map(|(index, _)| *index), size)?.len();
        if expected != self.hashes.len() {
            return Err(MultiproofError::Length { expected, found: self.hashes.len() });
        }
        let indices = leaves.iter().map(|(index, _)| usize::try_from(*index)).collect::<Result<Vec<_>, _>>();
        let (Ok(indices), Ok(count)) = (indices, usize::try_from(size)) else {
            return Err(TreeError::TooLarge(size).into());
        };
        let hashes: Vec<[u8; HASH_BYTES]> = leaves.iter().map(|(_, hash)| hash.0).collect();
        let proof = rs_merkle::MerkleProof::<Rfc6962>::new(self.hashes.iter().map(|hash| hash.0).collect());
        if proof.verify(root.0, &indices, &hashes, count) { Ok(()) } else { Err(MultiproofError::Root(*root)) }
    }
}

/// The subtrees whose roots make a multiproof: bottom layer first, each layer from the left. Refuses what no proof can be about.
pub fn multiproof_spans(indices: impl ExactSizeIterator<Item = u64>, size: u64) -> Result<Vec<Span>, MultiproofError> {
    check_size(size)?;
    if indices.len() > MAX_MULTIPROOF_LEAVES {
        return Err(MultiproofError::TooManyLeaves(indices.len()));
    }
    let mut nodes: Vec<u64> = Vec::with_capacity(indices.len());
    for index in indices {
        if let Some(before) = nodes.last().copied().filter(|before| *before >= index) {
            return Err(MultiproofError::NotRising { before, after: index });
        }
        if index >= size {
            return Err(TreeError::IndexBeyondSize { index, size }.into());
        }
        nodes.push(index);
    }
    if nodes.is_empty() {
        return Err(MultiproofError::NoLeaves);
    }
    let mut spans = Vec::new();
    let (mut level, mut width) = (0u32, size);
    while width > 1 {
        let mut parents: Vec<u64> = Vec::with_capacity(nodes.len());
        for (at, node) in nodes.iter().enumerate() {
            let sibling = node ^ 1;
            let known = if node & 1 == 1 { at.checked_sub(1) } else { Some(at + 1) };
            let known = known.and_then(|at| nodes.get(at)) == Some(&sibling);
            // The last node of a layer with an odd number of nodes has no sibling and moves up as it is.
            if !known && sibling < width {
                let end = (sibling + 1).saturating_mul(1 << level).min(size);
                spans.push(Span { start: sibling << level, end });
            }
            if parents.last() != Some(&(node >> 1)) {
                parents.push(node >> 1);
            }
        }
        nodes = parents;
        level += 1;
        width = width.div_ceil(2);
    }
    Ok(spans)
}

/// RFC 6962's hashing, as `rs_merkle` asks for it. A node without a right sibling moves up unhashed, which is RFC 6962's shape.
#[derive(Clone)]
struct Rfc6962;

impl rs_merkle::Hasher for Rfc6962 {
    type Hash = [u8; HASH_BYTES];

    fn hash(data: &[u8]) -> Self::Hash {
        leaf_hash(data).0
    }

    fn concat_and_hash(left: &Self::Hash, right: Option<&Self::Hash>) -> Self::Hash {
        right.map_or(*left, |right| node_hash(&Hash(*left), &Hash(*right)).0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Edge, Tiles};

    fn tree(size: u64) -> (Vec<Hash>, Tiles, Hash) {
        let leaves: Vec<_> = (0..size).map(|i| leaf_hash(&i.to_be_bytes())).collect();
        let growth = Edge::empty().grow(&leaves).unwrap();
        (leaves, growth.tiles.into_iter().collect(), growth.root)
    }

    fn named(leaves: &[Hash], indices: &[u64]) -> Vec<(u64, Hash)> {
        indices.iter().map(|i| (*i, leaves[*i as usize])).collect()
    }

    fn raw(proof: &Multiproof, leaves: &[(u64, Hash)], size: usize, root: &Hash) -> bool {
        let (indices, hashes): (Vec<_>, Vec<_>) = leaves.iter().map(|(i, hash)| (*i as usize, hash.0)).unzip();
        let hashes_of_proof = proof.hashes.iter().map(|hash| hash.0).collect();
        rs_merkle::MerkleProof::<Rfc6962>::new(hashes_of_proof).verify(root.0, &indices, &hashes, size)
    }

    #[test]
    fn every_small_set_of_leaves_of_every_small_tree_is_proven() {
        for size in 1..=300u64 {
            let (leaves, tiles, root) = tree(size);
            // Every set of leaves up to 11, every single leaf of each tenth size, and a spread of patterns for all.
            let mut sets: Vec<Vec<u64>> = vec![
                (0..size).collect(),
                (0..size).step_by(2).collect(),
                (0..size).skip(1).step_by(3).collect(),
                vec![0],
                vec![size - 1],
                vec![size / 2],
            ];
            if size % 10 == 3 {
                sets.extend((0..size).map(|index| vec![index]));
            }
            if size <= 11 {
                sets = (1..1u32 << size).map(|set| (0..size).filter(|i| set >> i & 1 == 1).collect()).collect();
            }
            for indices in sets.into_iter().filter(|set| !set.is_empty()) {
                let proof = prove_multiproof(&indices, size, &tiles).unwrap();
                let proven = named(&leaves, &indices);
                assert_eq!(proof.verify(&proven, size, &root), Ok(()), "{indices:?} of {size}");
                let again = Multiproof::from_bytes(size, &proof.to_bytes()).unwrap();
                assert_eq!(again, proof);
            }
        }
    }

    #[test]
    fn the_hashes_are_in_the_order_of_rs_merkles_own_proofs() {
        for size in [1u64, 2, 3, 5, 8, 13, 100, 255, 256, 257, 300] {
            let (leaves, tiles, root) = tree(size);
            let raw_leaves: Vec<_> = leaves.iter().map(|leaf| leaf.0).collect();
            let oracle = rs_merkle::MerkleTree::<Rfc6962>::from_leaves(&raw_leaves);
            assert_eq!(oracle.root(), Some(root.0), "the shape is RFC 6962's at {size}");
            for step in 1..=7 {
                let indices: Vec<u64> = (0..size).rev().step_by(step).collect::<Vec<_>>().into_iter().rev().collect();
                let places: Vec<usize> = indices.iter().map(|i| *i as usize).collect();
                let ours = prove_multiproof(&indices, size, &tiles).unwrap();
                assert_eq!(ours.to_bytes(), oracle.proof(&places).to_bytes(), "{size} step {step}");
            }
        }
    }

    #[test]
    fn the_tiles_planned_are_enough_and_none_is_spare() {
        let (_, tiles, _) = tree(1_000);
        let indices = [3, 4, 255, 256, 700, 999];
        let plan = plan_multiproof(&indices, 1_000).unwrap();
        let fetch = |without: Option<usize>| -> Tiles {
            let kept = plan.iter().enumerate().filter(|(at, _)| Some(*at) != without);
            kept.map(|(_, id)| (**tiles.get(id).unwrap()).clone()).collect()
        };
        assert!(prove_multiproof(&indices, 1_000, &fetch(None)).is_ok());
        for without in 0..plan.len() {
            let error = prove_multiproof(&indices, 1_000, &fetch(Some(without))).unwrap_err();
            assert!(matches!(error, MultiproofError::Missing(_)));
        }
    }

    #[test]
    fn unsorted_or_repeated_indices_are_refused_though_rs_merkle_accepts_unsorted_ones() {
        let (leaves, tiles, root) = tree(20);
        let proof = prove_multiproof(&[3, 9], 20, &tiles).unwrap();
        let swapped = named(&leaves, &[9, 3]);
        assert!(raw(&proof, &swapped, 20, &root), "the hole is there");
        let refused = Err(MultiproofError::NotRising { before: 9, after: 3 });
        assert_eq!(proof.verify(&swapped, 20, &root), refused);
        let twice = named(&leaves, &[3, 3]);
        assert_eq!(proof.verify(&twice, 20, &root), Err(MultiproofError::NotRising { before: 3, after: 3 }));
        assert_eq!(plan_multiproof(&[3, 3], 20), Err(MultiproofError::NotRising { before: 3, after: 3 }));
    }

    #[test]
    fn a_leaf_that_is_not_in_the_log_is_refused_though_rs_merkle_accepts_it_under_a_repeated_index() {
        // The bare verifier pairs nodes by position: the first two make the root, and what follows is never hashed.
        let (leaves, _, root) = tree(2);
        let forged = [(0, leaves[0]), (0, leaves[1]), (0, leaf_hash(b"forged"))];
        let proof = Multiproof::from_hashes(2, vec![leaf_hash(b"junk"); 3]);
        assert!(raw(&proof, &forged, 2, &root), "the hole is there");
        let refused = Err(MultiproofError::NotRising { before: 0, after: 0 });
        assert_eq!(proof.verify(&forged, 2, &root), refused);
    }

    #[test]
    fn an_index_beyond_the_tree_is_refused_though_rs_merkle_accepts_it() {
        let (leaves, tiles, root) = tree(5);
        let proof = prove_multiproof(&[0], 5, &tiles).unwrap();
        let forged: Vec<u64> = (5..64).filter(|i| raw(&proof, &[(*i, leaves[0])], 5, &root)).collect();
        assert!(forged.contains(&8), "the hole is there");
        for index in forged {
            let refused = Err(TreeError::IndexBeyondSize { index, size: 5 }.into());
            assert_eq!(proof.verify(&[(index, leaves[0])], 5, &root), refused);
        }
    }

    #[test]
    fn a_size_other_than_the_checkpoints_is_refused_though_rs_merkle_believes_it() {
        let (leaves, tiles, root) = tree(5);
        let mut proof = prove_multiproof(&[0], 5, &tiles).unwrap();
        let other: Vec<u64> = (6..=8).filter(|size| raw(&proof, &named(&leaves, &[0]), *size as usize, &root)).collect();
        assert_eq!(other, [6, 7, 8], "the hole is there");
        for size in other {
            proof.size = size;
            let refused = Err(MultiproofError::Size { proof: size, checkpoint: 5 });
            assert_eq!(proof.verify(&named(&leaves, &[0]), 5, &root), refused);
        }
    }

    #[test]
    fn spare_hashes_are_refused_though_rs_merkle_ignores_them() {
        let (leaves, tiles, root) = tree(20);
        let mut proof = prove_multiproof(&[3, 9], 20, &tiles).unwrap();
        let expected = proof.hashes.len();
        proof.hashes.push(leaf_hash(b"spare"));
        let proven = named(&leaves, &[3, 9]);
        assert!(raw(&proof, &proven, 20, &root), "the hole is there");
        let refused = Err(MultiproofError::Length { expected, found: expected + 1 });
        assert_eq!(proof.verify(&proven, 20, &root), refused);
        proof.hashes.truncate(expected - 1);
        assert!(matches!(proof.verify(&proven, 20, &root), Err(MultiproofError::Length { .. })));
    }

    #[test]
    fn trailing_bytes_are_refused() {
        let (_, tiles, _) = tree(20);
        let mut bytes = prove_multiproof(&[3, 9], 20, &tiles).unwrap().to_bytes();
        bytes.push(0);
        assert!(matches!(Multiproof::from_bytes(20, &bytes), Err(MultiproofError::Bytes { .. })));
    }

    #[test]
    fn a_proof_of_nothing_proves_nothing() {
        let root = leaf_hash(b"");
        let proof = Multiproof::from_hashes(1, vec![root]);
        assert_eq!(proof.verify(&[], 1, &root), Err(MultiproofError::NoLeaves));
        let of_empty_tree = Multiproof::from_hashes(0, vec![]);
        assert!(of_empty_tree.verify(&[(0, root)], 0, &crate::empty_root()).is_err());
    }

    #[test]
    fn more_leaves_than_the_limit_are_refused_before_any_work() {
        let many: Vec<(u64, Hash)> = (0..=MAX_MULTIPROOF_LEAVES as u64).map(|i| (i, leaf_hash(b""))).collect();
        let proof = Multiproof::from_hashes(1 << 40, vec![]);
        let refused = Err(MultiproofError::TooManyLeaves(MAX_MULTIPROOF_LEAVES + 1));
        assert_eq!(proof.verify(&many, 1 << 40, &leaf_hash(b"")), refused);
    }

    #[test]
    fn another_leaf_another_index_or_another_root_is_not_proven() {
        let (leaves, tiles, root) = tree(20);
        let proof = prove_multiproof(&[3, 9], 20, &tiles).unwrap();
        for wrong in
            [vec![(3, leaves[9]), (9, leaves[3])], vec![(3, leaves[3]), (9, leaf_hash(b"x"))], vec![(2, leaves[3]), (9, leaves[9])]]
        {
            assert_eq!(proof.verify(&wrong, 20, &root), Err(MultiproofError::Root(root)));
        }
        let other = leaf_hash(b"");
        assert_eq!(proof.verify(&named(&leaves, &[3, 9]), 20, &other), Err(MultiproofError::Root(other)));
    }
}
