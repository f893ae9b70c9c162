//! RFC 6962 tree, C2SP tiles, proofs, notes, checkpoints, cosignatures and RFC 9942 receipts. Knows only bytes.
