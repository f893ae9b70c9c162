//! The log as bytes: RFC 6962 hashing, C2SP tiles, proofs, notes, checkpoints, cosignatures, and RFC 9942 receipts.
//! The normative text is `spec/log.md`. This crate knows no statement, no clock, no file, no network and no randomness:
//! the code that does I/O asks a `plan_*` function which tiles to fetch, fetches them, and hands them back to a `prove_*` function.
//!
//! Read in this order: [`hash`], [`tree`], [`tile`], [`frontier`], [`grow`], [`proof`], [`multiproof`], then [`note`], [`checkpoint`].

pub mod bundle;
pub mod checkpoint;
pub mod cosignature;
mod cosigned;
pub mod frontier;
pub mod grow;
pub mod hash;
pub mod key;
pub mod limits;
pub mod multiproof;
pub mod note;
pub mod proof;
pub mod proof_text;
pub mod receipt;
pub mod tile;
pub mod tiles;
pub mod tree;
pub mod tree_head;

pub use bundle::{BundleError, BundleId};
pub use checkpoint::{CHECKPOINT_PATH, Checkpoint, CheckpointError, Cosignature, SignedCheckpoint, VerifiedCheckpoint};
pub use cosignature::Cosigner;
pub use frontier::{Frontier, plan_frontier};
pub use grow::{Edge, Growth, plan_growth};
pub use hash::{HASH_BYTES, Hash, HashError, empty_root, leaf_hash, node_hash};
pub use key::{KeyError, KeyKind, KeyName, VerifierKey};
pub use multiproof::{Multiproof, MultiproofError, plan_multiproof, prove_multiproof};
pub use note::{Note, NoteError, NoteSignature, Signer};
pub use proof::{ConsistencyProof, InclusionProof, ProofError, plan_consistency, plan_inclusion, prove_consistency, prove_inclusion};
pub use proof_text::{LogProof, LogProofError};
pub use receipt::{Receipt, ReceiptClaims, ReceiptError, ReceiptKey, attach_receipts, detach_receipts};
pub use tile::{TILE_WIDTH, Tile, TileError, TileId};
pub use tiles::{HashReader, MissingTile, ReadError, Tiles};
pub use tree::{NodeId, TreeError};
pub use tree_head::TreeHead;
