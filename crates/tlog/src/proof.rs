//! Inclusion and consistency proofs: planned, made from tiles, verified. RFC 6962 sections 2.1.1 and 2.1.2, verified as
//! RFC 9162 sections 2.1.3.2 and 2.1.4.2 say; `spec/log.md` section 7. Roots are compared with what a signed checkpoint says, elsewhere.

use crate::hash::{Hash, empty_root, node_hash};
use crate::tile::TileId;
use crate::tiles::{HashReader, ReadError, span_hash, tiles_holding};
use crate::tree::{Span, TreeError, complete_nodes, consistency_spans, inclusion_spans};

/// Why a proof proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The question lies outside the tree.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// More or fewer hashes than such a proof has.
    #[error("this proof has {expected} hashes, not {found}")]
    Length {
        /// Hashes that belong to it.
        expected: usize,
        /// Hashes that it had.
        found: usize,
    },
    /// The proof is about a tree of another size than the checkpoint.
    #[error("the proof is for a tree of {proof} leaves, the checkpoint says {checkpoint}")]
    Size {
        /// Size that the proof is for.
        proof: u64,
        /// Size that the checkpoint says.
        checkpoint: u64,
    },
    /// The hashes lead to another root.
    #[error("the proof does not lead to the root {expected}: the leaf, its index or the tree is another one")]
    Root {
        /// The root that was to be reached.
        expected: Hash,
    },
    /// The older tree isn't what it was said to be.
    #[error("the proof does not start from the root {expected}: the older tree is another one")]
    OldRoot {
        /// The older root that was to be reached.
        expected: Hash,
    },
}

/// That a leaf is at an index of a tree: the hashes beside its way to the root, the leaf's sibling first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InclusionProof {
    index: u64,
    size: u64,
    hashes: Vec<Hash>,
}

/// That one tree is the beginning of another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsistencyProof {
    old: u64,
    new: u64,
    hashes: Vec<Hash>,
}

/// The tiles that the inclusion proof of a leaf needs.
pub fn plan_inclusion(index: u64, size: u64) -> Result<Vec<TileId>, TreeError> {
    Ok(plan(&inclusion_spans(index, size)?, size))
}

/// Makes an inclusion proof from the tiles that [`plan_inclusion`] names.
pub fn prove_inclusion(index: u64, size: u64, reader: &impl HashReader) -> Result<InclusionProof, ReadError> {
    let hashes = read(&inclusion_spans(index, size)?, reader)?;
    Ok(InclusionProof { index, size, hashes })
}

/// The tiles that the consistency proof between two sizes needs: none if the older tree is empty or they are equal.
pub fn plan_consistency(old: u64, new: u64) -> Result<Vec<TileId>, TreeError> {
    Ok(plan(&consistency_spans(old, new)?, new))
}

/// Makes a consistency proof from the tiles that [`plan_consistency`] names.
pub fn prove_consistency(old: u64, new: u64, reader: &impl HashReader) -> Result<ConsistencyProof, ReadError> {
    let hashes = read(&consistency_spans(old, new)?, reader)?;
    Ok(ConsistencyProof { old, new, hashes })
}

impl InclusionProof {
    /// A proof that was received: refused unless it has exactly the number of hashes that belong to it.
    pub fn new(index: u64, size: u64, hashes: Vec<Hash>) -> Result<Self, ProofError> {
        check_length(inclusion_spans(index, size)?.len(), hashes.len())?;
        Ok(Self { index, size, hashes })
    }

    /// Index of the leaf.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// Size of the tree.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The hashes, the leaf's sibling first.
    pub fn hashes(&self) -> &[Hash] {
        &self.hashes
    }

    /// Checks that the leaf is at the index in the tree with this size and root, both from a signed checkpoint.
    pub fn verify(&self, leaf: &Hash, size: u64, root: &Hash) -> Result<(), ProofError> {
        if self.size != size {
            return Err(ProofError::Size { proof: self.size, checkpoint: size });
        }
        if self.root(leaf)? == *root { Ok(()) } else { Err(ProofError::Root { expected: *root }) }
    }

    /// The root that the proof leads to from a leaf. Proves nothing by itself: for receipts, whose signature covers the root.
    pub fn root(&self, leaf: &Hash) -> Result<Hash, ProofError> {
        // RFC 9162 section 2.1.3.2, its fn and sn.
        let wrong_length = || ProofError::Length {
            expected: inclusion_spans(self.index, self.size).map_or(0, |spans| spans.len()),
            found: self.hashes.len(),
        };
        let (mut node, mut last) = (self.index, self.size.saturating_sub(1));
        let mut hash = *leaf;
        for sibling in &self.hashes {
            if last == 0 {
                return Err(wrong_length());
            }
            if node & 1 == 1 || node == last {
                hash = node_hash(sibling, &hash);
                while node & 1 == 0 && node != 0 {
                    node >>= 1;
                    last >>= 1;
                }
            } else {
                hash = node_hash(&hash, sibling);
            }
            node >>= 1;
            last >>= 1;
        }
        if last == 0 { Ok(hash) } else { Err(wrong_length()) }
    }
}

impl ConsistencyProof {
    /// A proof that was received: refused unless it has exactly the number of hashes that belong to it.
    pub fn new(old: u64, new: u64, hashes: Vec<Hash>) -> Result<Self, ProofError> {
        check_length(consistency_spans(old, new)?.len(), hashes.len())?;
        Ok(Self { old, new, hashes })
    }

    /// The hashes in the order of RFC 6962 section 2.1.2.
    pub fn hashes(&self) -> &[Hash] {
        &self.hashes
    }

    /// Checks that the newer tree begins with the older one. Both roots come from signed checkpoints of these sizes.
    pub fn verify(&self, old_root: &Hash, new_root: &Hash) -> Result<(), ProofError> {
        let (from, to) = self.roots(old_root)?;
        if from != *old_root {
            return Err(ProofError::OldRoot { expected: *old_root });
        }
        // Nothing leads from the empty tree to a later one: every tree begins with it.
        if to.is_some_and(|to| to != *new_root) {
            return Err(ProofError::Root { expected: *new_root });
        }
        Ok(())
    }

    /// Both roots that the proof leads to; no newer one from the empty tree.
    fn roots(&self, old_root: &Hash) -> Result<(Hash, Option<Hash>), ProofError> {
        if self.old == 0 {
            let to = if self.new == 0 { Some(empty_root()) } else { None };
            return Ok((empty_root(), to));
        }
        if self.old == self.new {
            return Ok((*old_root, Some(*old_root)));
        }
        // RFC 9162 section 2.1.4.2, its fn, sn, fr and sr.
        let wrong_length = || ProofError::Length {
            expected: consistency_spans(self.old, self.new).map_or(0, |spans| spans.len()),
            found: self.hashes.len(),
        };
        let mut hashes = self.hashes.iter();
        let first = if self.old.is_power_of_two() { old_root } else { hashes.next().ok_or_else(wrong_length)? };
        let (mut node, mut last) = (self.old - 1, self.new - 1);
        while node & 1 == 1 {
            node >>= 1;
            last >>= 1;
        }
        let (mut from, mut to) = (*first, *first);
        for hash in hashes {
            if last == 0 {
                return Err(wrong_length());
            }
            if node & 1 == 1 || node == last {
                from = node_hash(hash, &from);
                to = node_hash(hash, &to);
                while node & 1 == 0 && node != 0 {
                    node >>= 1;
                    last >>= 1;
                }
            } else {
                to = node_hash(&to, hash);
            }
            node >>= 1;
            last >>= 1;
        }
        if last == 0 { Ok((from, Some(to))) } else { Err(wrong_length()) }
    }
}

fn check_length(expected: usize, found: usize) -> Result<(), ProofError> {
    if expected == found { Ok(()) } else { Err(ProofError::Length { expected, found }) }
}

fn plan(spans: &[Span], size: u64) -> Vec<TileId> {
    tiles_holding(spans.iter().flat_map(|span| complete_nodes(*span)), size)
}

fn read(spans: &[Span], reader: &impl HashReader) -> Result<Vec<Hash>, ReadError> {
    Ok(spans.iter().map(|span| span_hash(*span, reader)).collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::leaf_hash;
    use crate::{Edge, Tiles};

    /// The roots of the trees over the eight leaves that RFC 6962's own test data use.
    const LEAVES: [&str; 8] = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
    const ROOT_8: &str = "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328";

    fn tree() -> (Vec<Hash>, Tiles) {
        let leaves: Vec<_> = LEAVES.iter().map(|hex| leaf_hash(&hex::decode(hex).unwrap())).collect();
        let tiles = Edge::empty().grow(&leaves).unwrap().tiles.into_iter().collect();
        (leaves, tiles)
    }

    #[test]
    fn the_known_tree_of_eight_leaves_has_its_known_root_and_path() {
        let (leaves, tiles) = tree();
        let root = Hash::from_hex(ROOT_8).unwrap();
        let proof = prove_inclusion(5, 8, &tiles).unwrap();
        let expected = [
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ];
        assert_eq!(proof.hashes().iter().map(Hash::to_string).collect::<Vec<_>>(), expected);
        assert_eq!(proof.verify(&leaves[5], 8, &root), Ok(()));
    }

    #[test]
    fn a_proof_with_a_hash_too_many_or_too_few_is_refused() {
        let (_, tiles) = tree();
        let hashes = prove_inclusion(5, 7, &tiles).unwrap().hashes().to_vec();
        let mut longer = hashes.clone();
        longer.push(leaf_hash(b""));
        for wrong in [&hashes[1..], &longer, &[]] {
            assert!(matches!(InclusionProof::new(5, 7, wrong.to_vec()), Err(ProofError::Length { expected: 3, .. })));
        }
        let hashes = prove_consistency(3, 7, &tiles).unwrap().hashes().to_vec();
        assert!(ConsistencyProof::new(3, 7, hashes[1..].to_vec()).is_err());
        assert!(ConsistencyProof::new(4, 7, hashes).is_err());
        assert!(ConsistencyProof::new(0, 7, vec![leaf_hash(b"")]).is_err());
        assert!(ConsistencyProof::new(7, 7, vec![leaf_hash(b"")]).is_err());
    }

    #[test]
    fn a_proof_for_another_size_than_the_checkpoints_is_refused() {
        let (leaves, tiles) = tree();
        let proof = prove_inclusion(5, 7, &tiles).unwrap();
        let root = proof.root(&leaves[5]).unwrap();
        assert_eq!(proof.verify(&leaves[5], 7, &root), Ok(()));
        assert_eq!(proof.verify(&leaves[5], 8, &root), Err(ProofError::Size { proof: 7, checkpoint: 8 }));
    }

    #[test]
    fn every_tree_begins_with_the_empty_tree_and_with_itself() {
        let root = Hash::from_hex(ROOT_8).unwrap();
        let from_empty = ConsistencyProof::new(0, 8, vec![]).unwrap();
        assert_eq!(from_empty.verify(&empty_root(), &root), Ok(()));
        assert_eq!(from_empty.verify(&root, &root), Err(ProofError::OldRoot { expected: root }));
        let equal = ConsistencyProof::new(8, 8, vec![]).unwrap();
        assert_eq!(equal.verify(&root, &root), Ok(()));
        assert!(equal.verify(&root, &empty_root()).is_err());
        let empty = ConsistencyProof::new(0, 0, vec![]).unwrap();
        assert_eq!(empty.verify(&empty_root(), &empty_root()), Ok(()));
        assert!(empty.verify(&empty_root(), &root).is_err());
    }

    #[test]
    fn a_proof_from_tiles_that_were_not_fetched_names_the_tile() {
        let error = prove_inclusion(5, 8, &Tiles::new()).unwrap_err();
        assert_eq!(error.to_string(), "the tile tile/0/000.p/5 is needed and was not fetched");
        assert!(prove_inclusion(8, 8, &Tiles::new()).is_err());
        assert!(prove_consistency(9, 8, &Tiles::new()).is_err());
    }
}
