//! Other people's Merkle trees and notes against the logs of the fixtures: `rs_merkle` on roots and multiproofs, `tlog_tiles` on tiles,
//! roots and proofs, `signed_note` on checkpoints. spec/log.md. (Sweeps over many sizes are in `crates/tlog/tests`.)
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may stop where it stands")]

mod golden;

use golden::{Fields as _, array, read};
use rs_merkle::{Hasher as _, MerkleProof, MerkleTree};
use serde_json::Value as Json;
use sha2::{Digest as _, Sha256};
use signed_note::{StandardVerifier, Verifier as _, VerifierList};
use tlog_tiles as theirs;

/// RFC 6962's hashing, written here once more.
#[derive(Clone)]
struct Rfc6962;

impl rs_merkle::Hasher for Rfc6962 {
    type Hash = [u8; 32];

    fn hash(entry: &[u8]) -> [u8; 32] {
        Sha256::digest([&[0], entry].concat()).into()
    }

    fn concat_and_hash(left: &[u8; 32], right: Option<&[u8; 32]>) -> [u8; 32] {
        right.map_or(*left, |right| Sha256::digest([&[1][..], left, right].concat()).into())
    }
}

fn entries(log: &Json) -> Vec<Vec<u8>> {
    log.list("entries").iter().map(|entry| entry.bytes("statement")).collect()
}

fn leaves(entries: &[Vec<u8>]) -> Vec<[u8; 32]> {
    entries.iter().map(|entry| Rfc6962::hash(entry)).collect()
}

#[test]
fn rs_merkle_has_the_same_roots_and_multiproofs() {
    for path in golden::LOGS {
        let log = read(path);
        let leaves = leaves(&entries(&log));
        for (leaf, entry) in leaves.iter().zip(log.list("entries")) {
            assert_eq!(leaf[..], entry.bytes("event_id"));
        }
        for root in log.list("roots") {
            let size = root.number("size") as usize;
            let tree = MerkleTree::<Rfc6962>::from_leaves(&leaves[..size]);
            assert_eq!(tree.root().unwrap()[..], root.bytes("root"), "{path} at {size}");
            // A proof by the oracle, of every third entry, verifies with our code; one by ours is byte for byte the oracle's.
            let indices: Vec<u64> = (0..size as u64).step_by(3).collect();
            let places: Vec<usize> = indices.iter().map(|index| *index as usize).collect();
            let tiles: deedbox_tlog::Tiles = {
                let hashes: Vec<deedbox_tlog::Hash> = leaves[..size].iter().map(|leaf| deedbox_tlog::Hash(*leaf)).collect();
                deedbox_tlog::Edge::empty().grow(&hashes).unwrap().tiles.into_iter().collect()
            };
            let ours = deedbox_tlog::prove_multiproof(&indices, size as u64, &tiles).unwrap();
            assert_eq!(ours.to_bytes(), tree.proof(&places).to_bytes());
            let named: Vec<_> = places.iter().map(|place| (*place as u64, deedbox_tlog::Hash(leaves[*place]))).collect();
            ours.verify(&named, size as u64, &deedbox_tlog::Hash(tree.root().unwrap())).unwrap();
        }
    }
}

#[test]
fn rs_merkle_takes_our_multiproofs_and_the_forgeries_that_are_said_to_fool_it() {
    let fixture = read("proofs/multiproofs.json");
    let bare = |case: &Json| {
        let leaves = case["leaves"].as_array().unwrap();
        let places: Vec<usize> = leaves.iter().map(|leaf| leaf.number("index") as usize).collect();
        let hashes: Vec<[u8; 32]> = leaves.iter().map(|leaf| array(&leaf.bytes("leaf_hash"))).collect();
        let Ok(proof) = MerkleProof::<Rfc6962>::from_bytes(&case.bytes("proof")) else { return false };
        // The bare verifier panics on some nonsense: that is not acceptance either.
        let root = array(&case.bytes("root"));
        let size = case.number("proof_size") as usize;
        std::panic::catch_unwind(|| proof.verify(root, &places, &hashes, size)).unwrap_or(false)
    };
    for case in fixture.list("cases") {
        assert!(bare(case), "{case}");
    }
    let mut fooled = 0;
    for case in fixture.list("refused") {
        let said = case["a_bare_root_would_match"].as_bool().unwrap();
        assert_eq!(bare(case), said, "{}", case.text("rule"));
        fooled += usize::from(said);
    }
    assert!(fooled >= 4, "the forgeries are there");
}

/// The files of a log as another implementation fetches them.
struct Served<'a>(&'a Json);

impl theirs::TileReader for Served<'_> {
    fn height(&self) -> u8 {
        8
    }

    fn read_tiles(&self, tiles: &[theirs::Tile]) -> Result<Vec<Vec<u8>>, theirs::Error> {
        let read = |tile: &theirs::Tile| {
            // The other implementation still has the height in a path.
            let path = tile.path().replacen("tile/8/", "tile/", 1);
            self.0.list("tiles").iter().find(|file| file.text("path") == path).unwrap_or_else(|| panic!("no {path}")).bytes("bytes")
        };
        Ok(tiles.iter().map(read).collect())
    }

    fn save_tiles(&self, _: &[theirs::Tile], _: &[Vec<u8>]) {}
}

/// Every stored hash of a tree, as the other implementation numbers them.
#[derive(Default)]
struct Stored(Vec<theirs::Hash>);

impl theirs::HashReader for Stored {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<theirs::Hash>, theirs::Error> {
        Ok(indexes.iter().map(|index| self.0[*index as usize]).collect())
    }
}

fn stored(entries: &[Vec<u8>]) -> Stored {
    let mut stored = Stored::default();
    for (index, entry) in (0..).zip(entries) {
        let hashes = theirs::stored_hashes(index, entry, &stored).unwrap();
        stored.0.extend(hashes);
    }
    stored
}

#[test]
fn tlog_tiles_has_the_same_roots_and_proves_every_entry_from_the_served_tiles() {
    for path in golden::LOGS {
        let log = read(path);
        let entries = entries(&log);
        let stored = stored(&entries);
        for root in log.list("roots") {
            assert_eq!(theirs::tree_hash(root.number("size"), &stored).unwrap().0[..], root.bytes("root"));
        }
        let size = log.number("size");
        let root = theirs::Hash(array(&log.list("roots").last().unwrap().bytes("root")));
        let served = Served(&log);
        let reader = theirs::TileHashReader::new(size, root, &served);
        for (index, entry) in (0..).zip(&entries) {
            let proof = theirs::prove_record(size, index, &reader).unwrap();
            theirs::check_record(&proof, size, root, index, theirs::record_hash(entry)).unwrap();
        }
        let expected: Vec<String> =
            theirs::Tile::new_tiles(8, 0, size).iter().map(|tile| tile.path().replacen("tile/8/", "tile/", 1)).collect();
        let mut found: Vec<&str> = log.list("tiles").iter().map(|file| file.text("path")).collect();
        found.sort_unstable();
        assert_eq!(found, expected);
    }
}

#[test]
fn tlog_tiles_makes_the_proofs_of_the_tree_of_numbers_and_takes_them() {
    let numbers = |size: u64| -> Vec<Vec<u8>> { (0..size).map(|index| index.to_be_bytes().to_vec()).collect() };
    let all = stored(&numbers(300));
    let hashes = |case: &Json| -> Vec<theirs::Hash> {
        case["proof"].as_array().unwrap().iter().map(|hash| theirs::Hash(array(&hex::decode(hash.as_str().unwrap()).unwrap()))).collect()
    };
    let hash = |case: &Json, name: &str| theirs::Hash(array(&case.bytes(name)));
    for case in read("proofs/inclusion.json").list("cases") {
        let (size, index) = (case.number("size"), case.number("index"));
        assert_eq!(theirs::prove_record(size, index, &all).unwrap(), hashes(case));
        theirs::check_record(&hashes(case), size, hash(case, "root"), index, hash(case, "leaf_hash")).unwrap();
    }
    for case in read("proofs/consistency.json").list("cases") {
        let (old, new) = (case.number("old_size"), case.number("new_size"));
        // The other implementation has no proof from the empty tree.
        if old > 0 {
            assert_eq!(theirs::prove_tree(new, old, &all).unwrap(), hashes(case));
            theirs::check_tree(&hashes(case), new, hash(case, "new_root"), old, hash(case, "old_root")).unwrap();
        }
    }
    let tree = read("proofs/tree.json");
    for root in tree.list("roots").iter().filter(|root| root.number("size") > 0) {
        assert_eq!(theirs::tree_hash(root.number("size"), &all).unwrap().0[..], root.bytes("root"));
    }
    for tile in theirs::Tile::new_tiles(8, 0, 300) {
        let path = tile.path().replacen("tile/8/", "tile/", 1);
        let file = tree.list("tiles").iter().find(|file| file.text("path") == path).unwrap();
        assert_eq!(tile.read_data(&all).unwrap(), file.bytes("bytes"));
    }
}

fn verifiers(vkey: &str) -> VerifierList {
    VerifierList::new(vec![Box::new(StandardVerifier::new(vkey).unwrap())])
}

#[test]
fn signed_note_verifies_every_checkpoint_and_writes_it_back() {
    let mut checkpoints: Vec<(String, String, u64, Vec<u8>)> = Vec::new();
    for path in golden::LOGS {
        let log = read(path);
        for checkpoint in log.list("checkpoints") {
            let size = checkpoint.number("size");
            let root = log.list("roots")[size as usize - 1].bytes("root");
            checkpoints.push((log.text("log_vkey").to_owned(), checkpoint.text("note").to_owned(), size, root));
        }
    }
    let notes = read("proofs/notes.json");
    for case in notes.list("cases") {
        checkpoints.push((notes.text("log_vkey").to_owned(), case.text("note").to_owned(), case.number("size"), case.bytes("root")));
    }
    for (vkey, note, size, root) in checkpoints {
        let key = StandardVerifier::new(&vkey).unwrap();
        let read = signed_note::Note::from_bytes(note.as_bytes()).unwrap();
        let (known, _) = read.verify(&verifiers(&vkey)).unwrap();
        assert!(!known.is_empty());
        assert_eq!(read.to_bytes(), note.as_bytes());
        let checkpoint = theirs::Checkpoint::from_bytes(read.text()).unwrap();
        assert_eq!((checkpoint.origin(), checkpoint.size()), (key.name(), size));
        assert_eq!(checkpoint.hash().0[..], root);
    }
}

#[test]
fn signed_note_takes_of_the_refused_notes_only_what_it_leaves_to_its_caller() {
    // It reads a note, not a checkpoint, and knows no cosignatures; we may refuse more, never less.
    let notes = read("proofs/notes.json");
    let vkey = notes.text("log_vkey");
    let takes = |note: &str| {
        let Ok(read) = signed_note::Note::from_bytes(note.as_bytes()) else { return false };
        read.verify(&verifiers(vkey)).is_ok_and(|(known, _)| !known.is_empty())
    };
    let taken: Vec<&str> = notes.list("refused").iter().filter(|case| takes(case.text("note"))).map(|case| case.text("rule")).collect();
    let its_callers = [
        // It looks at the first of several signatures by one key, we at each (spec/log.md §5.8).
        "a second signature of the log that is not good",
        "another origin",
        "a size with a leading zero",
        "a size with a sign",
        "a size past 2^63 - 1",
        "no size",
        "a root without padding",
        "a root in the alphabet of URLs",
        "a root of 31 bytes",
        "a root whose unused bits are not zero",
        "the empty tree with another root",
        "an extension line",
        "an empty extension line",
        "a space after the origin",
        "a cosignature at another time than the one that was signed",
        "a cosignature at a time past 2^63 - 1",
        "a cosignature of 71 bytes",
    ];
    assert_eq!(taken, its_callers);
    assert!(notes.list("refused").len() > taken.len() + 10, "it refuses the rest too");
}
