//! Targets of the log's bytes (spec/log.md): notes, keys, tiles, bundles and every proof, held against one small honest tree. What
//! is read must be written back as it was; what verifies must be what that tree holds, since nobody here can break SHA-256 or
//! Ed25519.

use deedbox_tlog::{
    BundleId, Checkpoint, ConsistencyProof, Cosigner, Edge, Hash, InclusionProof, KeyName, LogProof, Multiproof, Note, Receipt,
    ReceiptClaims, ReceiptKey, SignedCheckpoint, Signer, Tile, TileId, Tiles, VerifierKey, attach_receipts, bundle, detach_receipts,
    leaf_hash, prove_consistency, prove_inclusion, prove_multiproof,
};
use ed25519_dalek::{Signer as _, SigningKey};
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// The sizes whose checkpoints are signed.
pub const SIZES: [u64; 6] = [0, 1, 2, 7, 256, 300];
/// Leaves of the honest tree.
const LEAVES: u64 = 300;
/// Key id in receipts.
const KID: &[u8] = b"receipts";
/// Subject of receipts.
const SUBJECT: &str = "npm:acme.example/widget";

/// The honest tree and who signs it.
pub struct Honest {
    /// Signs checkpoints.
    pub log: Signer,
    /// Cosigns them.
    pub witness: Cosigner,
    /// Leaf hashes; entry `i` is `i` in eight bytes.
    pub leaves: Vec<Hash>,
    /// All tiles.
    pub tiles: Tiles,
    /// The root at each size from 0.
    pub roots: Vec<Hash>,
    /// What was signed, by size.
    pub signed: BTreeMap<u64, SignedCheckpoint>,
}

/// Made once.
pub fn honest() -> &'static Honest {
    static HONEST: OnceLock<Honest> = OnceLock::new();
    HONEST.get_or_init(|| {
        let origin = origin();
        let log = Signer::new(origin.clone(), SigningKey::from_bytes(&[1; 32])).unwrap();
        let witness = Cosigner::new("witness.example".parse().unwrap(), SigningKey::from_bytes(&[2; 32])).unwrap();
        let leaves: Vec<Hash> = (0..LEAVES).map(|i| leaf_hash(&i.to_be_bytes())).collect();
        let root = |size: usize| Edge::empty().grow(&leaves[..size]).unwrap().root;
        let roots: Vec<Hash> = (0..=leaves.len()).map(root).collect();
        let tiles = Edge::empty().grow(&leaves).unwrap().tiles.into_iter().collect();
        let sign = |size: u64| {
            let checkpoint = Checkpoint::new(origin.clone(), size, roots[size as usize]).unwrap();
            let cosignature = witness.cosign(&checkpoint, 1_795_244_400).unwrap();
            (size, checkpoint.sign(&log).unwrap().with_signature(cosignature).unwrap())
        };
        let signed = SIZES.into_iter().map(sign).collect();
        Honest { log, witness, leaves, tiles, roots, signed }
    })
}

impl Honest {
    /// A receipt of this leaf in the whole tree.
    pub fn receipt(&self, index: u64) -> Receipt {
        let claims = ReceiptClaims { issuer: origin().to_string(), subject: SUBJECT.to_owned(), key_id: KID.to_vec() };
        let proof = prove_inclusion(index, LEAVES, &self.tiles).unwrap();
        let key = SigningKey::from_bytes(&[3; 32]);
        Receipt::issue(claims, &self.leaves[index as usize], &proof, &self.roots[LEAVES as usize], |m| key.sign(m).to_bytes()).unwrap()
    }
}

fn origin() -> KeyName {
    "registry.example/log".parse().unwrap()
}

/// Any bytes as a note, and as the checkpoint in one.
pub fn note(data: &[u8]) {
    let Ok(note) = Note::parse(data) else {
        assert!(SignedCheckpoint::parse(data).is_err());
        return;
    };
    assert_eq!(note.to_string().as_bytes(), data);
    assert_eq!(Note::new(note.text(), note.signatures().to_vec()).as_ref(), Ok(&note));
    let world = honest();
    let keys = [world.log.verifier().clone(), world.witness.verifier().clone()];
    let signed = || world.signed.values().any(|signed| signed.unverified().to_string() == note.text());
    if note.verify(&keys).is_ok() {
        assert!(signed(), "a signature over a text that nobody signed");
    }
    let Ok(checkpoint) = SignedCheckpoint::parse(data) else { return };
    assert_eq!(checkpoint.to_string().as_bytes(), data);
    assert_eq!(checkpoint.unverified().to_string(), note.text());
    let verified = checkpoint.verify(&origin(), &keys[..1], &keys[1..]);
    if let Ok(verified) = verified {
        assert!(signed());
        assert_eq!(verified.root(), &world.roots[verified.size() as usize]);
        // A signature that is there already is not added again.
        let first = checkpoint.signatures()[0].clone();
        assert_eq!(checkpoint.with_signature(first).unwrap(), checkpoint);
    }
}

/// Any text as a verifier key.
pub fn vkey(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(key) = VerifierKey::parse(text) {
        assert_eq!(key.to_string(), text);
        assert_eq!(VerifierKey::new(key.name().clone(), key.kind(), key.public_key()).unwrap(), key);
    }
    if let Ok(name) = text.parse::<KeyName>() {
        assert_eq!(name.as_str(), text);
    }
}

/// A path, a line end, and a tile's or a bundle's bytes.
pub fn tile(data: &[u8]) {
    let at = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let (path, bytes) = data.split_at(at);
    let Ok(path) = std::str::from_utf8(path) else { return };
    let bytes = bytes.get(1..).unwrap_or_default();
    assert!(TileId::parse(path).is_err() || BundleId::parse(path).is_err(), "{path} is both");
    if let Ok(id) = TileId::parse(path) {
        assert_eq!(id.path(), path);
        assert_eq!(TileId::new(id.level(), id.index(), id.width()), Ok(id));
        assert!(id.full().is_full() && id.as_wide_as(deedbox_tlog::limits::MAX_TREE_SIZE).width() >= id.width());
        // Cut or filled up, so that short inputs reach wide tiles.
        let mut bytes = bytes.to_vec();
        if bytes.len() % 2 == 0 {
            bytes.resize(id.byte_len(), 7);
        }
        if let Ok(tile) = Tile::parse(id, &bytes) {
            assert_eq!(tile.to_bytes(), bytes);
            assert_eq!(tile.hashes().len(), usize::from(id.width()));
            let nodes = (0..=9).map(|row| (0..300).filter(|position| tile.node(row, *position).is_some()).count());
            let width = usize::from(id.width());
            assert_eq!(nodes.collect::<Vec<_>>(), (0..=9).map(|row| if row > 8 { 0 } else { width >> row }).collect::<Vec<_>>());
        }
    }
    if let Ok(id) = BundleId::parse(path) {
        assert_eq!(id.path(), path);
        assert_eq!(BundleId::new(id.index(), id.width()), Ok(id));
        entries(id, bytes);
    }
}

/// A width, a number of new entries, and a bundle's bytes.
pub fn bundle(data: &[u8]) {
    let [width, more, bytes @ ..] = data else { return };
    let Ok(id) = BundleId::new(1, u16::from(*width)) else { return };
    entries(id, bytes);
    // Growing a bundle gives what writing all of its entries at once gives.
    let size = id.first() + u64::from(id.width());
    let news: Vec<[u8; 1]> = (0..*more).map(|n| [n]).collect();
    match (bundle::parse_entries(id, bytes), bundle::grow_bundles(size, bytes, &news)) {
        (Ok(old), Ok(grown)) => {
            let all: Vec<&[u8]> = old.into_iter().chain(news.iter().map(<[u8; 1]>::as_slice)).collect();
            let chunks: Vec<&[&[u8]]> = all.chunks(256).collect();
            assert_eq!(grown.len(), if news.is_empty() { 0 } else { chunks.len() });
            for ((id, bytes), chunk) in grown.iter().zip(chunks) {
                assert_eq!(usize::from(id.width()), chunk.len());
                assert_eq!(bytes, &bundle::encode_entries(chunk).unwrap());
            }
        }
        (Err(_), Err(_)) => {}
        (old, grown) => panic!("{old:?} and {grown:?}"),
    }
}

fn entries(id: BundleId, bytes: &[u8]) {
    if let Ok(entries) = bundle::parse_entries(id, bytes) {
        assert_eq!(entries.len(), usize::from(id.width()));
        assert_eq!(bundle::encode_entries(&entries).unwrap(), bytes);
    }
}

/// Any text as a proof on paper.
pub fn log_proof(data: &[u8]) {
    let Ok(proof) = LogProof::parse(data) else { return };
    assert_eq!(proof.to_string().as_bytes(), data);
    let world = honest();
    let (log, witness) = (world.log.verifier().clone(), world.witness.verifier().clone());
    let index = proof.proof().index();
    for leaf in world.leaves.iter().take(16).chain(world.leaves.last()) {
        if proof.verify(leaf, &origin(), std::slice::from_ref(&log), std::slice::from_ref(&witness)).is_ok() {
            assert_eq!(world.leaves.get(index as usize), Some(leaf), "a leaf that is not at {index}");
        }
    }
}

/// Any bytes as a receipt.
pub fn receipt(data: &[u8]) {
    let Ok(receipt) = Receipt::decode(data) else { return };
    assert_eq!(receipt.as_bytes(), data);
    let world = honest();
    let key = ReceiptKey::new(KID.to_vec(), SigningKey::from_bytes(&[3; 32]).verifying_key().as_bytes()).unwrap();
    let index = receipt.proof().index();
    let leaf = world.leaves.get(index as usize).unwrap_or(&world.leaves[0]);
    if let Ok(root) = receipt.verify(&key, "registry.example/log", SUBJECT, leaf) {
        assert_eq!((receipt.proof().size(), root), (LEAVES, world.roots[LEAVES as usize]));
        assert!(index < LEAVES);
    }
    let other = leaf_hash(b"other");
    assert!(receipt.verify(&key, "registry.example/log", SUBJECT, &other).is_err());
}

/// Any bytes as a statement with receipts in its unprotected header.
pub fn transparent(data: &[u8]) {
    let Ok((statement, receipts)) = detach_receipts(data) else { return };
    let bare = (statement.clone(), Vec::new());
    assert_eq!(detach_receipts(&statement), Ok(bare));
    let read: Vec<Receipt> = receipts.iter().filter_map(|receipt| Receipt::decode(receipt).ok()).collect();
    if !read.is_empty() && read.len() == receipts.len() {
        let again = attach_receipts(&statement, &read).unwrap();
        assert_eq!(detach_receipts(&again), Ok((statement, receipts)));
    }
}

/// Reads numbers off the front of an input.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn byte(&mut self) -> u8 {
        let (first, rest) = self.0.split_first().unwrap_or((&0, &[]));
        self.0 = rest;
        *first
    }
    fn take(&mut self, n: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(n.min(self.0.len()));
        self.0 = rest;
        taken
    }
    fn number(&mut self) -> u64 {
        let mut bytes = [0; 8];
        let taken = self.take(8);
        bytes[..taken.len()].copy_from_slice(taken);
        u64::from_be_bytes(bytes)
    }
    /// Mostly within the honest tree, sometimes far beyond it.
    fn size(&mut self) -> u64 {
        match self.byte() {
            255 => self.number(),
            byte => u64::from(byte) * u64::from(self.byte()) % (LEAVES + 2),
        }
    }
    fn hash(&mut self) -> Hash {
        let mut hash = [0; 32];
        let taken = self.take(32);
        hash[..taken.len()].copy_from_slice(taken);
        Hash(hash)
    }
    /// Honest hashes with some of them changed, left out or added, as the rest of the input says.
    fn spoil(&mut self, mut hashes: Vec<Hash>) -> Vec<Hash> {
        for _ in 0..self.byte() % 4 {
            let at = usize::from(self.byte());
            match self.byte() % 5 {
                0 => drop((at < hashes.len()).then(|| hashes.remove(at))),
                1 => hashes.insert(at.min(hashes.len()), self.hash()),
                2 => hashes.insert(at.min(hashes.len()), honest().leaves[at]),
                3 if at < hashes.len() => hashes[at].0[usize::from(self.byte() % 32)] ^= self.byte(),
                _ if hashes.len() > 1 => {
                    let (a, b) = (at % hashes.len(), usize::from(self.byte()) % hashes.len());
                    hashes.swap(a, b);
                }
                _ => {}
            }
        }
        hashes
    }
}

/// A multiproof of chosen leaves: from the honest prover, spoilt, or made of nothing but the input.
pub fn multiproof(data: &[u8]) {
    let world = honest();
    let mut input = Bytes(data);
    let size = input.size();
    let mut leaves = Vec::new();
    for _ in 0..input.byte() % 24 {
        let index = input.size();
        let hash = match input.byte() {
            0 => input.hash(),
            1 => world.leaves[usize::from(input.byte())],
            _ => world.leaves.get(index as usize).copied().unwrap_or(Hash([0; 32])),
        };
        leaves.push((index, hash));
    }
    let sort = input.byte() & 1 == 0;
    if sort {
        leaves.sort();
        leaves.dedup_by_key(|(index, _)| *index);
    }
    let indices: Vec<u64> = leaves.iter().map(|(index, _)| *index).collect();
    let true_leaves = leaves.iter().all(|(index, hash)| world.leaves.get(*index as usize) == Some(hash));
    let root = world.roots.get(size as usize).copied().unwrap_or(world.roots[LEAVES as usize]);
    let made = if size <= LEAVES { prove_multiproof(&indices, size, &world.tiles).ok() } else { None };
    if let Some(made) = &made {
        assert_eq!(made.verify(&leaves, size, &root).is_ok(), true_leaves, "an honest proof");
        let bytes = made.to_bytes();
        assert_eq!(Multiproof::from_bytes(size, &bytes).as_ref(), Ok(made));
    }
    let claimed = if input.byte() == 1 { input.size() } else { size };
    let hashes = input.spoil(made.map(|made| made.hashes().to_vec()).unwrap_or_default());
    let mut bytes: Vec<u8> = hashes.iter().flat_map(|hash| hash.0).collect();
    bytes.extend(input.0);
    if let Ok(proof) = Multiproof::from_bytes(claimed, &bytes) {
        assert_eq!(proof.to_bytes(), bytes);
        // Size and root belong together: of other sizes only this is asked, that verifying ends.
        if proof.verify(&leaves, size, &root).is_ok() && size <= LEAVES {
            assert!(claimed == size && !leaves.is_empty() && true_leaves, "a forged multiproof: {leaves:?} in {size}");
            assert!(indices.iter().all(|index| *index < size));
        }
    }
}

/// An inclusion proof and a consistency proof in the same way.
pub fn proof(data: &[u8]) {
    let world = honest();
    let mut input = Bytes(data);
    let (index, size, claimed) = (input.size(), input.size(), input.size());
    let root_at = |size: u64| world.roots.get(size as usize).copied();

    let made = if size <= LEAVES { prove_inclusion(index, size, &world.tiles).ok() } else { None };
    if let (Some(made), Some(root)) = (&made, root_at(size)) {
        assert_eq!(made.verify(&world.leaves[index as usize], size, &root), Ok(()));
    }
    let hashes = input.spoil(made.map(|made| made.hashes().to_vec()).unwrap_or_default());
    let leaf = world.leaves[usize::from(input.byte())];
    for size in [size, claimed] {
        let Ok(proof) = InclusionProof::new(index, size, hashes.clone()) else { continue };
        // Size and root belong together: a checkpoint's signature binds them. Of other sizes only this is asked, that they end.
        let Some(root) = root_at(size) else {
            let _ = proof.verify(&leaf, size, &world.roots[LEAVES as usize]);
            continue;
        };
        if proof.verify(&leaf, size, &root).is_ok() {
            assert!(index < size && world.leaves[index as usize] == leaf, "a forged inclusion proof");
        }
    }

    let (old, new) = (index, size);
    let made = if new <= LEAVES { prove_consistency(old, new, &world.tiles).ok() } else { None };
    if let (Some(made), Some(from), Some(to)) = (&made, root_at(old), root_at(new)) {
        assert_eq!(made.verify(&from, &to), Ok(()));
    }
    let hashes = input.spoil(made.map(|made| made.hashes().to_vec()).unwrap_or_default());
    let any = input.hash();
    for (old, new) in [(old, new), (old, claimed), (claimed, new)] {
        let Ok(proof) = ConsistencyProof::new(old, new, hashes.clone()) else { continue };
        let roots = [root_at(old), root_at(claimed), Some(any)];
        for from in roots.into_iter().flatten() {
            let verified = proof.verify(&from, &root_at(new).unwrap_or(any)).is_ok();
            if verified && root_at(new).is_some() && old > 0 && old != new {
                assert!(root_at(old) == Some(from), "a forged consistency proof: {old} to {new}");
            }
        }
    }
}
