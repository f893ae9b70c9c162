//! The golden bytes of `fixtures/`: they are what their seeds give, byte for byte, and every one of them says what it is said to say
//! when it is read, verified, judged and folded.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may stop where it stands")]

#[path = "fixtures/edges.rs"]
mod edges;
mod golden;
#[path = "fixtures/limits.rs"]
mod limits;

use std::sync::Arc;

use bytes::Bytes;
use deedbox_authority::DECIDERS;
use deedbox_model::envelope::Kind;
use deedbox_model::event::Acceptance;
use deedbox_model::permit::Permit;
use deedbox_model::{
    Envelope, EventId, Hasher, Manifest, ObjectRef, Protocol, PublicKey, SecretKey, Sha256Digest, Statement, StatementError,
};
use deedbox_npm::Npm;
use deedbox_replay::{Folder, Leaf, ReplayError, Replayer, Target, fingerprint};
use deedbox_store::{Files as _, LogStore, MemoryFiles, MemoryObjects, MemoryRows, Objects as _, ProjectionId};
use deedbox_tlog::bundle::{BundleId, parse_entries};
use deedbox_tlog::tree::root_from_leaf_hashes;
use deedbox_tlog::{
    ConsistencyProof, Hash, InclusionProof, KeyName, LogProof, Multiproof, Receipt, ReceiptKey, SignedCheckpoint, Tile, TileId,
    VerifierKey, detach_receipts, leaf_hash,
};
use deedbox_view::{ArtifactSource, Dialect as _, Said};
use golden::{Fields as _, TYPES, acceptances, array, read, statements};
use serde_json::Value as Json;

fn hash(json: &Json, name: &str) -> Hash {
    Hash(array(&json.bytes(name)))
}

fn hashes(json: &Json) -> Vec<Hash> {
    json.as_array().unwrap().iter().map(|hash| Hash::from_hex(hash.as_str().unwrap()).unwrap()).collect()
}

/// Reads CBOR with the model's type for any value, and says it as a fixture does: byte strings in hex.
fn says(bytes: &[u8]) -> Json {
    fn plain(value: serde_cbor::Value) -> Json {
        match value {
            serde_cbor::Value::Null => Json::Null,
            serde_cbor::Value::Bool(truth) => truth.into(),
            serde_cbor::Value::Integer(n) => u64::try_from(n).map_or_else(|_| i64::try_from(n).unwrap().into(), Json::from),
            serde_cbor::Value::Bytes(bytes) => hex::encode(bytes).into(),
            serde_cbor::Value::Text(text) => text.into(),
            serde_cbor::Value::Array(list) => list.into_iter().map(plain).collect(),
            serde_cbor::Value::Map(map) => {
                let text = |key| if let serde_cbor::Value::Text(text) = key { text } else { panic!("{key:?}") };
                Json::Object(map.into_iter().map(|(key, value)| (text(key), plain(value))).collect())
            }
            other => panic!("{other:?}"),
        }
    }
    plain(serde_cbor::from_slice(bytes).unwrap())
}

#[test]
fn the_committed_files_are_what_their_seeds_give() {
    let differences = xtask::fixtures::differences(&golden::root()).unwrap();
    assert_eq!(differences, Vec::<String>::new(), "if that is meant: cargo xtask fixtures");
    let total: usize = xtask::fixtures::files().unwrap().values().map(Vec::len).sum();
    assert!(total < 2_500_000, "{total} bytes are more than a checkout should carry");
}

/// The parts of an envelope are those that the fixture says, and its key signs exactly these bytes again.
fn check_envelope(case: &Json, kind: Kind, whole: &[u8]) {
    let key = SecretKey::from_seed(&array(&case.bytes("seed")));
    assert_eq!(key.public().to_bytes()[..], case.bytes("public_key"));
    assert_eq!(key.public().id().as_bytes(), case.bytes("kid"));
    let envelope = Envelope::decode(kind, whole).unwrap();
    assert_eq!(envelope.payload, case.bytes("payload"));
    assert_eq!(envelope.signed_bytes(), case.bytes("sig_structure"));
    assert_eq!(envelope.signature[..], case.bytes("signature"));
    envelope.verify(&key.public()).unwrap();
    assert_eq!(key.sign(&case.bytes("sig_structure"))[..], case.bytes("signature"));
    let claims = serde_json::json!({"iss": envelope.claims.issuer, "sub": envelope.claims.subject, "aud": envelope.claims.audience});
    assert_eq!(case["says"]["claims"], claims);
    assert_eq!(case["says"]["payload"], says(envelope.payload));
}

#[test]
fn every_statement_reads_and_verifies_and_has_its_event_id() {
    let mut types = std::collections::BTreeSet::new();
    for case in statements() {
        let whole = case.bytes("statement");
        check_envelope(&case, Kind::Statement, &whole);
        let key = PublicKey::from_bytes(&array(&case.bytes("public_key"))).unwrap();
        let statement = Statement::decode(Protocol::ONE, &whole).unwrap().verify(&key).unwrap();
        assert_eq!(statement.id().to_hex(), case.text("event_id"));
        assert_eq!(leaf_hash(&whole).0[..], case.bytes("event_id"));
        let payload = &case["says"]["payload"];
        assert_eq!(statement.event().type_name(), payload.text("type"));
        assert_eq!(statement.time().as_ms(), payload.number("time"));
        assert_eq!(statement.prev().map(|id| id.to_hex()).as_deref(), payload["prev"].as_str());
        assert_eq!(statement.subject().to_string(), case["says"]["claims"].text("sub"));
        types.insert(statement.event().type_name());
        // A statement signed again from what was read is the same statement.
        let seed = SecretKey::from_seed(&array(&case.bytes("seed")));
        let (speaker, subject) = (statement.speaker(), statement.subject());
        let again =
            Statement::sign(&seed, statement.audience(), speaker, subject, statement.prev(), statement.time(), statement.event()).unwrap();
        assert_eq!(again.bytes()[..], whole);
    }
    assert_eq!(types, TYPES.into_iter().collect(), "every type of protocol 1 has a case");
}

#[test]
fn every_acceptance_and_permit_reads_and_verifies() {
    for case in acceptances() {
        let whole = case.bytes("acceptance");
        check_envelope(&case, Kind::Acceptance, &whole);
        let acceptance = Acceptance::decode(&whole).unwrap();
        assert_eq!(acceptance.domain().as_str(), case["says"]["claims"].text("iss"));
        assert_eq!(acceptance.terms().keys.len(), case["says"]["payload"].list("keys").len());
    }
    let permits = read("manifests/permits.json");
    let key = PublicKey::from_bytes(&array(&permits.bytes("public_key"))).unwrap();
    for case in permits.list("cases") {
        let whole = case.bytes("permit");
        check_envelope(case, Kind::Permit, &whole);
        let permit = Permit::verify(&whole, &key).unwrap();
        assert_eq!(permit.terms().until.as_ms(), case["says"]["payload"].number("until"));
    }
    for case in permits.list("refused") {
        assert!(Permit::verify(&case.bytes("permit"), &key).is_err(), "{}", case.text("rule"));
    }
}

#[test]
fn every_way_not_to_be_canonical_is_refused() {
    let refused = read("statements/refused.json");
    for hex in refused.list("cbor_taken") {
        deedbox_model::canonical::check(&hex::decode(hex.as_str().unwrap()).unwrap()).unwrap();
    }
    for case in refused.list("cbor") {
        let bytes = case.bytes("bytes");
        assert!(deedbox_model::canonical::check(&bytes).is_err(), "{}", case.text("rule"));
        assert!(deedbox_model::decode::<deedbox_model::Value>(&bytes).is_err(), "{}", case.text("rule"));
        assert!(deedbox_model::decode::<Option<u64>>(&bytes).is_err(), "{}", case.text("rule"));
    }
}

#[test]
fn every_refused_statement_is_refused_where_the_fixture_says() {
    let refused = read("statements/refused.json");
    for case in refused.list("statements_taken") {
        Statement::decode(Protocol::ONE, &case.bytes("statement")).unwrap_or_else(|error| panic!("{}: {error}", case.text("name")));
    }
    let mut seen = std::collections::BTreeSet::new();
    for case in refused.list("statements") {
        let rule = case.text("rule");
        let error = Statement::decode(Protocol::ONE, &case.bytes("statement")).map(|_| ()).expect_err(rule);
        let layer = match &error {
            StatementError::Envelope(_) => "envelope",
            StatementError::Payload(_) => "payload",
            StatementError::Text(_) => "claims",
            StatementError::UnknownType { .. } => "type",
            StatementError::Rule(_) => "rule",
        };
        assert_eq!(layer, case.text("layer"), "{rule}: {error}");
        // Whatever has the layout of an envelope is signed well: the rule alone is broken.
        if layer != "envelope" {
            let bytes = case.bytes("statement");
            let envelope = Envelope::decode(Kind::Statement, &bytes).unwrap();
            let key = (0..=255u8).map(|n| SecretKey::from_seed(&[n; 32]).public()).find(|key| key.id() == envelope.kid).unwrap();
            envelope.verify(&key).unwrap_or_else(|_| panic!("{rule}: signed badly"));
        }
        assert!(seen.insert(case.text("statement")), "{rule} stands there twice");
    }
}

#[test]
fn every_key_and_signature_has_its_verdict() {
    let refused = read("statements/refused.json");
    for case in refused.list("keys") {
        let taken = PublicKey::from_bytes(&array(&case.bytes("public_key"))).is_ok();
        assert_eq!(taken, case.text("verdict") == "taken", "{}", case.text("rule"));
    }
    for case in refused.list("signatures") {
        let statement =
            Statement::decode(Protocol::ONE, &case.bytes("statement")).unwrap_or_else(|error| panic!("{}: {error}", case.text("rule")));
        let key = PublicKey::from_bytes(&array(&case.bytes("public_key"))).unwrap();
        assert_eq!(statement.peek().kid(), key.id(), "{}: nothing else is wrong with it", case.text("rule"));
        assert_eq!(statement.verify(&key).is_ok(), case.text("verdict") == "verifies", "{}", case.text("rule"));
    }
}

/// A log as its files say it, in stores of memory.
struct Served {
    json: Json,
    entries: Vec<Vec<u8>>,
    files: Arc<MemoryFiles>,
    folder: Folder,
    target: Target,
}

const AUTHORITY: ProjectionId = ProjectionId { name: "authority", version: 1 };
const CATALOG: ProjectionId = ProjectionId { name: "catalog", version: 1 };
const NPM: ProjectionId = ProjectionId { name: "npm", version: 1 };

impl Served {
    async fn of(path: &str) -> Self {
        let json = read(path);
        let files = Arc::new(MemoryFiles::new());
        for file in json.list("tiles").iter().chain(json.list("bundles")) {
            files.put(file.text("path"), Bytes::from(file.bytes("bytes"))).await.unwrap();
        }
        let objects = MemoryObjects::new();
        for object in json["objects"].as_array().unwrap() {
            let put = objects.put(Bytes::from(object.bytes("bytes"))).await.unwrap();
            assert_eq!(put.sha256.to_hex(), object.text("sha256"));
        }
        let last = json.list("checkpoints").last().unwrap();
        let origin = KeyName::new(json.text("origin")).unwrap();
        let key = VerifierKey::parse(json.text("log_vkey")).unwrap();
        files.put("checkpoint", Bytes::copy_from_slice(last.text("note").as_bytes())).await.unwrap();
        let checkpoint = SignedCheckpoint::parse(last.text("note").as_bytes()).unwrap().verify(&origin, &[key], &[]).unwrap();
        let target = Target { size: checkpoint.size(), root: *checkpoint.root() };
        let entries = json.list("entries").iter().map(|entry| entry.bytes("statement")).collect();
        let projections: Vec<Arc<dyn deedbox_view::Projection>> = vec![Arc::new(deedbox_catalog::Catalog), Arc::new(Npm::new())];
        let folder = Folder { rows: Arc::new(MemoryRows::new()), objects: Arc::new(objects), projections, deciders: DECIDERS };
        Served { json, entries, files, folder, target }
    }

    /// The rows in the store are those of the fixture, and no others.
    async fn check_rows(&self) {
        for projection in [AUTHORITY, CATALOG, NPM] {
            let expected = &self.json["rows"][projection.to_string()];
            let found = self.folder.rows.scan(&projection, "", None, 5_000).await.unwrap();
            assert_eq!(found.len(), expected.as_array().unwrap().len(), "rows of {projection}");
            for ((key, row), expected) in found.iter().zip(expected.as_array().unwrap()) {
                assert_eq!((key.as_str(), row.seq), (expected.text("key"), expected.number("seq")), "{projection}");
                assert_eq!(*row.bytes, *expected.bytes("bytes"), "{projection} {key}");
            }
        }
    }

    async fn check_fingerprints(&self, expected: &Json) {
        for projection in [AUTHORITY, CATALOG, NPM] {
            let found = fingerprint(self.folder.rows.as_ref(), &projection).await.unwrap();
            let expected_one = &expected[projection.to_string()];
            assert_eq!(found.size, expected.number("size"));
            assert_eq!(found.rows, expected_one.number("rows"));
            assert_eq!(found.digest.to_hex(), expected_one.text("sha256"), "{projection} at {}", found.size);
        }
    }

    /// The verdict that authority's rows hold on an entry.
    async fn verdict(&self, index: u64, entry: &[u8]) -> (String, Option<String>) {
        let key = |text: String| deedbox_model::RowKey::new(text).unwrap();
        let void = deedbox_authority::rows::void_key(index).unwrap();
        let event = key(format!("event/{}", EventId::of(entry)));
        let rows = self.folder.rows.read(&AUTHORITY, &[void.clone(), event]).await.unwrap();
        match (&rows[0], &rows[1]) {
            (Some(row), _) => {
                let row: deedbox_authority::rows::VoidRow = deedbox_model::row::decode_row(&void, &row.bytes).unwrap();
                ("void".to_owned(), Some(row.code))
            }
            (None, Some(_)) => ("effective".to_owned(), None),
            (None, None) => panic!("no verdict on {index}"),
        }
    }
}

/// The logs that protocol 1 judges to their end.
const JUDGED: [&str; 6] =
    ["logs/small.json", "logs/verdicts.json", "logs/order.json", "logs/edges.json", "logs/contents.json", "logs/void-beginning.json"];

#[tokio::test]
async fn replaying_the_logs_files_gives_their_verdicts_and_their_rows() {
    let mut codes = std::collections::BTreeSet::new();
    for path in JUDGED {
        let log = Served::of(path).await;
        let mut replayer = Replayer::open(log.folder.clone(), LogStore::in_files(log.files.clone()), log.target, &|_, _| {}).await.unwrap();
        replayer.catch_up(log.target, &|_, _| {}).await.unwrap();
        assert_eq!(*replayer.folded().borrow(), log.json.number("judged_up_to"));
        log.check_rows().await;
        log.check_fingerprints(log.json.list("fingerprints").last().unwrap()).await;
        for (index, entry) in (0..).zip(log.json.list("entries")) {
            let (verdict, code) = log.verdict(index, &log.entries[index as usize]).await;
            assert_eq!((verdict.as_str(), code.as_deref()), (entry.text("verdict"), entry["code"].as_str()), "{}", entry.text("name"));
            codes.extend(code);
        }
    }
    // The table of spec/authority.md §5, read from the text.
    let spec = std::fs::read_to_string(golden::root().join("spec/authority.md")).unwrap();
    let (_, table) = spec.split_once("## 5. Refusals").unwrap();
    let cells = table.lines().filter(|line| line.starts_with("| `")).filter_map(|line| line.split('|').nth(1));
    let listed: std::collections::BTreeSet<String> =
        cells.flat_map(|cell| cell.split(',').map(|code| code.trim().trim_matches('`').to_owned()).collect::<Vec<_>>()).collect();
    assert!(listed.len() > 20);
    assert_eq!(codes, listed, "some entry of the fixtures is void by each code of the specification");
}

#[tokio::test]
async fn folding_the_logs_entry_by_entry_gives_every_fingerprint_and_log_time() {
    for path in JUDGED {
        let log = Served::of(path).await;
        let prints = log.json.list("fingerprints");
        assert_eq!(prints.len(), log.entries.len());
        for (index, entry) in (0..).zip(&log.entries) {
            log.folder.fold(index, vec![Leaf::Bytes(entry.clone())]).await.unwrap();
            log.check_fingerprints(&prints[index as usize]).await;
            assert_eq!(log.folder.log_time().await.unwrap().as_ms(), log.json.list("entries")[index as usize].number("log_time"));
        }
        log.check_rows().await;
    }
}

#[tokio::test]
async fn a_log_under_protocol_2_is_judged_up_to_where_it_begins() {
    let log = Served::of("logs/protocol2.json").await;
    let judged = log.json.number("judged_up_to");
    let mut replayer = Replayer::open(log.folder.clone(), LogStore::in_files(log.files.clone()), log.target, &|_, _| {}).await.unwrap();
    let stopped = replayer.catch_up(log.target, &|_, _| {}).await.unwrap_err();
    let number = log.json.number("protocol_in_force");
    assert!(matches!(stopped, ReplayError::Undecided { index, protocol } if index == judged && protocol == number), "{stopped}");
    for (index, entry) in (0..).zip(log.json.list("entries")) {
        if index < judged {
            assert_eq!(log.verdict(index, &log.entries[index as usize]).await.0, entry.text("verdict"));
        } else {
            assert_eq!(entry.text("verdict"), "undecided");
        }
    }
    log.check_rows().await;
    log.check_fingerprints(log.json.list("fingerprints").last().unwrap()).await;
    assert_eq!(log.json.list("fingerprints").len() as u64, judged);
}

#[tokio::test]
async fn roots_tiles_bundles_and_checkpoints_of_the_logs_fit_their_entries() {
    for path in golden::LOGS {
        let log = Served::of(path).await;
        let leaves: Vec<Hash> = log.entries.iter().map(|entry| leaf_hash(entry)).collect();
        for (entry, leaf) in log.json.list("entries").iter().zip(&leaves) {
            assert_eq!(&hash(entry, "event_id"), leaf);
        }
        for root in log.json.list("roots") {
            assert_eq!(root_from_leaf_hashes(&leaves[..root.number("size") as usize]), hash(root, "root"));
        }
        assert_eq!(root_from_leaf_hashes(&leaves), log.target.root);
        for tile in log.json.list("tiles") {
            let id = TileId::parse(tile.text("path")).unwrap();
            assert_eq!(Tile::parse(id, &tile.bytes("bytes")).unwrap().hashes(), leaves, "one tile holds these logs");
        }
        for bundle in log.json.list("bundles") {
            let id = BundleId::parse(bundle.text("path")).unwrap();
            assert_eq!(parse_entries(id, &bundle.bytes("bytes")).unwrap(), log.entries);
        }
        let origin = KeyName::new(log.json.text("origin")).unwrap();
        let key = VerifierKey::parse(log.json.text("log_vkey")).unwrap();
        for checkpoint in log.json.list("checkpoints") {
            let signed = SignedCheckpoint::parse(checkpoint.text("note").as_bytes()).unwrap();
            let verified = signed.verify(&origin, std::slice::from_ref(&key), &[]).unwrap();
            assert_eq!(verified.size(), checkpoint.number("size"));
            assert_eq!(verified.root(), &root_from_leaf_hashes(&leaves[..verified.size() as usize]));
        }
    }
}

fn numbers(size: u64) -> Vec<Hash> {
    (0..size).map(|index| leaf_hash(&index.to_be_bytes())).collect()
}

#[test]
fn the_tree_of_numbers_has_these_roots_and_tiles_and_no_other_spelling_of_a_path() {
    let tree = read("proofs/tree.json");
    for root in tree.list("roots") {
        assert_eq!(root_from_leaf_hashes(&numbers(root.number("size"))), hash(root, "root"));
    }
    let leaves = numbers(tree.number("size"));
    for tile in tree.list("tiles") {
        let id = TileId::parse(tile.text("path")).unwrap();
        assert_eq!(id.path(), tile.text("path"));
        let bytes = tile.bytes("bytes");
        let found = Tile::parse(id, &bytes).unwrap();
        match id.level() {
            0 => assert_eq!(found.hashes(), &leaves[256 * id.index() as usize..][..id.width() as usize]),
            _ => assert_eq!(found.hashes(), [root_from_leaf_hashes(&leaves[..256])]),
        }
        assert!(Tile::parse(id, &bytes[1..]).is_err());
    }
    let paths: Vec<&str> = tree.list("tiles").iter().map(|tile| tile.text("path")).collect();
    assert_eq!(paths, ["tile/0/000", "tile/0/001.p/44", "tile/1/000.p/1"]);
    for path in tree.list("paths_taken") {
        let path = path.as_str().unwrap();
        let again = TileId::parse(path).map(|id| id.path()).or_else(|_| BundleId::parse(path).map(|id| id.path()));
        assert_eq!(again.unwrap(), path);
    }
    for case in tree.list("tiles_refused") {
        let id = TileId::parse(case.text("path")).unwrap();
        assert!(Tile::parse(id, &case.bytes("bytes")).is_err(), "{}", case.text("rule"));
    }
    for path in tree.list("paths_refused") {
        let path = path.as_str().unwrap();
        assert!(TileId::parse(path).is_err() && BundleId::parse(path).is_err(), "{path}");
    }
}

#[test]
fn inclusion_and_consistency_proofs_have_their_verdicts() {
    let inclusion = read("proofs/inclusion.json");
    let verify = |case: &Json| {
        let proof = InclusionProof::new(case.number("index"), case.number("proof_size"), hashes(&case["proof"]));
        proof.is_ok_and(|proof| proof.verify(&hash(case, "leaf_hash"), case.number("size"), &hash(case, "root")).is_ok())
    };
    for case in inclusion.list("cases") {
        assert!(verify(case), "{case}");
        assert_eq!(numbers(case.number("size"))[case.number("index") as usize], hash(case, "leaf_hash"));
    }
    for case in inclusion.list("refused") {
        assert!(!verify(case), "{}", case.text("rule"));
    }
    let consistency = read("proofs/consistency.json");
    let verify = |case: &Json| {
        let proof = ConsistencyProof::new(case.number("old_size"), case.number("new_size"), hashes(&case["proof"]));
        proof.is_ok_and(|proof| proof.verify(&hash(case, "old_root"), &hash(case, "new_root")).is_ok())
    };
    for case in consistency.list("cases") {
        assert!(verify(case), "{case}");
        assert_eq!(root_from_leaf_hashes(&numbers(case.number("old_size"))), hash(case, "old_root"));
    }
    for case in consistency.list("refused") {
        assert!(!verify(case), "{}", case.text("rule"));
    }
}

#[test]
fn multiproofs_have_their_verdicts() {
    let proofs = read("proofs/multiproofs.json");
    let verify = |case: &Json| {
        let leaves: Vec<(u64, Hash)> =
            case["leaves"].as_array().unwrap().iter().map(|leaf| (leaf.number("index"), hash(leaf, "leaf_hash"))).collect();
        let proof = Multiproof::from_bytes(case.number("proof_size"), &case.bytes("proof"));
        proof.is_ok_and(|proof| proof.verify(&leaves, case.number("size"), &hash(case, "root")).is_ok())
    };
    for case in proofs.list("cases") {
        assert!(verify(case), "{case}");
    }
    for case in proofs.list("refused") {
        assert!(!verify(case), "{}", case.text("rule"));
    }
    // Every leaf of a tree needs no hash beside it: the largest question, and one leaf more.
    for case in proofs.list("every_leaf") {
        let leaves: Vec<(u64, Hash)> = (0..).zip(numbers(case.number("size"))).collect();
        let proof = Multiproof::from_bytes(case.number("size"), &[]);
        let verdict = proof.is_ok_and(|proof| proof.verify(&leaves, case.number("size"), &hash(case, "root")).is_ok());
        assert_eq!(verdict, case.text("verdict") == "taken", "{} leaves", leaves.len());
    }
}

#[test]
fn notes_and_keys_have_their_verdicts() {
    let notes = read("proofs/notes.json");
    let origin = KeyName::new(notes.text("origin")).unwrap();
    let log = [VerifierKey::parse(notes.text("log_vkey")).unwrap()];
    let witnesses: Vec<VerifierKey> =
        notes.list("witness_vkeys").iter().map(|key| VerifierKey::parse(key.as_str().unwrap()).unwrap()).collect();
    let verify = |note: &str| SignedCheckpoint::parse(note.as_bytes())?.verify(&origin, &log, &witnesses);
    for case in notes.list("cases") {
        let verified = verify(case.text("note")).unwrap();
        assert_eq!((verified.size(), verified.root()), (case.number("size"), &hash(case, "root")));
        let found: Vec<Json> =
            verified.cosignatures().iter().map(|c| serde_json::json!({"by": c.key.name().as_str(), "time": c.time})).collect();
        assert_eq!(&found, case["cosigned"].as_array().unwrap());
        assert_eq!(verified.signed().to_string(), case.text("note"));
    }
    for case in notes.list("refused") {
        assert!(verify(case.text("note")).is_err(), "{}", case.text("rule"));
    }
    for vkey in notes.list("vkeys_taken") {
        let vkey = vkey.as_str().unwrap();
        assert_eq!(VerifierKey::parse(vkey).unwrap().to_string(), vkey);
    }
    for case in notes.list("vkeys_refused") {
        assert!(VerifierKey::parse(case.text("vkey")).is_err(), "{}", case.text("rule"));
    }
}

#[test]
fn proofs_on_paper_have_their_verdicts() {
    let paper = read("proofs/tlog-proof.json");
    let origin = KeyName::new(paper.text("origin")).unwrap();
    let log = [VerifierKey::parse(paper.text("log_vkey")).unwrap()];
    let witnesses = [VerifierKey::parse(paper.text("witness_vkey")).unwrap()];
    let verify = |case: &Json| {
        let proof = LogProof::parse(case.text("text").as_bytes())?;
        proof.verify(&leaf_hash(&case.bytes("entry")), &origin, &log, &witnesses).map(|checkpoint| (proof, checkpoint))
    };
    for case in paper.list("cases") {
        let (proof, checkpoint) = verify(case).unwrap();
        assert_eq!(proof.to_string(), case.text("text"));
        assert_eq!(proof.proof().index(), case.number("index"));
        assert_eq!(proof.extra(), case.bytes("extra"));
        assert_eq!(checkpoint.cosignatures().len() as u64, case.number("witnesses"));
    }
    for case in paper.list("refused") {
        assert!(verify(case).is_err(), "{}", case.text("rule"));
    }
}

#[test]
fn receipts_and_transparent_statements_have_their_verdicts() {
    let receipts = read("proofs/receipts.json");
    let key = ReceiptKey::new(receipts.bytes("kid"), &array(&receipts.bytes("public_key"))).unwrap();
    let log = read("logs/small.json");
    let roots = log.list("roots");
    let verify = |bytes: &[u8], subject: &str, leaf: &Hash| {
        Receipt::decode(bytes).and_then(|receipt| receipt.verify(&key, receipts.text("issuer"), subject, leaf))
    };
    for case in receipts.list("cases") {
        let entry = case.bytes("statement");
        assert_eq!(log.list("entries")[case.number("index") as usize].bytes("statement"), entry);
        let public = PublicKey::from_bytes(&array(&case.bytes("publisher_public_key"))).unwrap();
        let statement = Statement::decode(Protocol::ONE, &entry).unwrap().verify(&public).unwrap();
        assert_eq!(statement.subject().to_string(), case.text("subject"));
        let mut found = Vec::new();
        for (receipt, size) in case.list("receipts").iter().zip(case.list("sizes")) {
            let bytes = hex::decode(receipt.as_str().unwrap()).unwrap();
            let root = verify(&bytes, case.text("subject"), &hash(case, "leaf_hash")).unwrap();
            assert_eq!(root, hash(&roots[size.as_u64().unwrap() as usize - 1], "root"), "the receipt is for a root of the log");
            found.push(bytes);
        }
        assert_eq!(detach_receipts(&case.bytes("transparent_statement")).unwrap(), (entry, found));
    }
    for case in receipts.list("refused").iter().chain(receipts.list("refused_spellings")) {
        assert!(verify(&case.bytes("receipt"), case.text("subject"), &hash(case, "leaf_hash")).is_err(), "{}", case.text("rule"));
    }
}

/// A tarball of a fixture.
struct Tarball(Vec<u8>);

impl ArtifactSource for Tarball {
    fn name(&self) -> &str {
        "given.tgz"
    }
    fn size(&self) -> u64 {
        self.0.len() as u64
    }
    fn digests(&self) -> deedbox_model::Digests {
        Hasher::of(&self.0).1
    }
    fn open(&self) -> std::io::Result<Box<dyn std::io::Read + '_>> {
        Ok(Box::new(self.0.as_slice()))
    }
}

fn check_manifest(json: &Json) -> Manifest {
    let bytes = json.bytes("bytes");
    assert_eq!(Sha256Digest::of(&bytes).to_hex(), json.text("sha256"));
    assert_eq!(bytes.len() as u64, json.number("size"));
    assert_eq!(says(&bytes), json["says"]);
    let manifest = Manifest::decode(&bytes).unwrap();
    assert_eq!(manifest.encode().unwrap(), bytes);
    manifest
}

#[test]
fn the_npm_tarballs_read_as_their_manifests() {
    let npm = read("manifests/npm.json");
    let logs = ["logs/small.json", "logs/contents.json"].map(read);
    for case in npm.list("cases") {
        let tarball = Tarball(case.bytes("tarball"));
        let manifest = check_manifest(&case["manifest"]);
        let inspection = Npm::new().inspect(&Said::default(), &[&tarball]).unwrap();
        assert_eq!(inspection.manifest, manifest);
        assert_eq!(inspection.readme.as_deref().map(ObjectRef::of), manifest.metadata.readme);
        assert_eq!(inspection.readme, Some(case.bytes("readme")));
        let channels: Vec<&str> = inspection.channels.iter().map(|channel| channel.as_str()).collect();
        assert_eq!(serde_json::json!(channels), case["channels"]);
        assert_eq!(manifest.artifacts[0].size, tarball.size());
        assert_eq!(manifest.artifacts[0].digests, tarball.digests());
        assert_eq!(says(&deedbox_model::encode(&Npm::new().principal(&manifest)).unwrap()), case["principal"]);
        // A log publishes this very manifest.
        let object = ObjectRef::of(&case["manifest"].bytes("bytes"));
        let published = logs
            .iter()
            .flat_map(|log| log.list("entries"))
            .filter_map(|entry| Statement::decode(Protocol::ONE, &entry.bytes("statement")).ok());
        let named = published.filter(|s| s.peek().event().published().is_some_and(|e| e.manifest == object)).count();
        assert!(named >= 1, "{}", manifest.version);
    }
}

#[test]
fn manifests_have_their_verdicts() {
    let neutral = read("manifests/neutral.json");
    for case in neutral.list("long") {
        let bytes = golden::joined(case.list("bytes"));
        assert_eq!(bytes.len() as u64, case.number("size"));
        assert_eq!(Manifest::decode(&bytes).is_ok(), case.text("verdict") == "taken", "{} bytes", bytes.len());
    }
    for case in neutral.list("cases") {
        check_manifest(case);
    }
    for case in neutral.list("refused") {
        assert!(Manifest::decode(&case.bytes("bytes")).is_err(), "{}", case.text("rule"));
    }
}

#[test]
fn the_readme_of_the_fixtures_speaks_of_every_file() {
    let readme = std::fs::read_to_string(golden::root().join("fixtures/README.md")).unwrap();
    for path in xtask::fixtures::files()
        .unwrap()
        .keys()
        .filter(|path| path.as_str() == "statements/refused.json" || !path.starts_with("statements/"))
    {
        assert!(readme.contains(path.as_str()), "{path} is not explained");
    }
    assert!(readme.contains("statements/<type>.json"));
}
