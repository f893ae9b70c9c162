//! How fast the tree grows, proves and verifies, on one core: `cargo bench -p deedbox-tlog`. Compare ratios on one machine, not seconds
//! between machines. Growing is to reach a million leaves a second; the rest is printed to be watched.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a measurement is printed and may stop where it stands"
)]

use deedbox_tlog::limits::MAX_MULTIPROOF_LEAVES;
use deedbox_tlog::{Edge, Hash, Tiles, leaf_hash, prove_inclusion, prove_multiproof};
use std::time::Instant;

const LEAVES: u64 = 1_000_000;

fn main() {
    let entry = [0x5a; 570];
    let leaves: Vec<Hash> = timed("leaf hashes of 570-byte entries", LEAVES, || {
        (0..LEAVES).map(|i| leaf_hash(&[&i.to_be_bytes()[..], &entry].concat())).collect()
    });
    let growth = timed("leaves grown at once", LEAVES, || Edge::empty().grow(&leaves).unwrap());
    timed("leaves grown in hundreds", LEAVES, || leaves.chunks(100).fold(Edge::empty(), |edge, batch| edge.grow(batch).unwrap().edge));
    let (root, tiles): (Hash, Tiles) = (growth.root, growth.tiles.into_iter().collect());

    let at = |i: u64| i.wrapping_mul(0x9e37_79b9_7f4a_7c15) % LEAVES;
    timed("inclusion proofs, tiles seen for the first time", 10_000, || {
        (0..10_000).map(|i| prove_inclusion(at(i), LEAVES, &tiles).unwrap()).collect::<Vec<_>>()
    });
    let proofs = timed("inclusion proofs, inner nodes known", 10_000, || {
        (0..10_000).map(|i| prove_inclusion(at(i), LEAVES, &tiles).unwrap()).collect::<Vec<_>>()
    });
    timed("inclusion proofs verified", 10_000, || {
        for proof in &proofs {
            proof.verify(&leaves[proof.index() as usize], LEAVES, &root).unwrap();
        }
    });
    for count in [1_000, 4_000, MAX_MULTIPROOF_LEAVES] {
        let mut indices: Vec<u64> = (0..count as u64).map(at).collect();
        indices.sort_unstable();
        indices.dedup();
        let proof = timed(&format!("leaves of a multiproof of {count}, proven"), count as u64, || {
            prove_multiproof(&indices, LEAVES, &tiles).unwrap()
        });
        let proven: Vec<_> = indices.iter().map(|i| (*i, leaves[*i as usize])).collect();
        timed(&format!("leaves of a multiproof of {count}, verified"), count as u64, || {
            proof.verify(&proven, LEAVES, &root).unwrap();
        });
    }
}

fn timed<T>(what: &str, count: u64, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = work();
    let seconds = start.elapsed().as_secs_f64();
    println!("{:>12.0} /s  {what} ({:.1} ms)", count as f64 / seconds, seconds * 1e3);
    result
}
