//! Proofs as a verifier takes them (spec/api.md §3, §4).

use crate::world::{World, code, now};
use deedbox_client::Unproven;
use deedbox_tlog::{Hash, InclusionProof, KeyName, LogProof, Multiproof, Receipt, ReceiptKey, SignedCheckpoint, VerifierKey, leaf_hash};
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

const ID: &str = "file:acme.localhost/widget";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Proofs {
    hashes: serde_bytes::ByteBuf,
    indices: Vec<u64>,
    missing: Vec<String>,
    checkpoint: serde_bytes::ByteBuf,
    statements: Vec<serde_bytes::ByteBuf>,
}

async fn proof(world: &World, which: &str, accept: &str) -> reqwest::Response {
    world.request(Method::GET, &format!("/api/v1/events/{which}/proof")).header("accept", accept).send().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_entry_is_proven_in_three_forms() {
    let world = World::new().await;
    let owner = world.claim("acme.localhost", 10).await;
    let release = world.publish(&owner, ID, "1.0.0", None).await;
    world.must_append(&owner.yank(ID, "1.0.0", release.id(), now())).await;
    let leaf = leaf_hash(release.bytes());
    let name = KeyName::new(world.origin.as_str()).unwrap();
    let key = VerifierKey::parse(&world.vkey).unwrap();

    let text = proof(&world, &release.id().to_string(), "*/*").await.bytes().await.unwrap();
    let paper = LogProof::parse(&text).unwrap();
    assert_eq!(paper.proof().index(), 2);
    let checkpoint = paper.verify(&leaf, &name, &[key], &[]).unwrap();
    assert!(paper.verify(&Hash([0; 32]), &name, &[VerifierKey::parse(&world.vkey).unwrap()], &[]).is_err());

    let bytes = proof(&world, "2", "application/cose").await.bytes().await.unwrap();
    let receipt_key = world.registry().receipt.public();
    let receipt_key = ReceiptKey::new(receipt_key.id().as_bytes().to_vec(), &receipt_key.to_bytes()).unwrap();
    let root = Receipt::decode(&bytes).unwrap().verify(&receipt_key, world.origin.as_str(), ID, &leaf).unwrap();
    assert_eq!(&root, checkpoint.root());

    let hashes =
        |json: &Value| json["hashes"].as_array().unwrap().iter().map(|h| Hash::from_base64(h.as_str().unwrap()).unwrap()).collect();
    let body: Value = proof(&world, "2", "application/json").await.json().await.unwrap();
    InclusionProof::new(2, 4, hashes(&body)).unwrap().verify(&leaf, 4, checkpoint.root()).unwrap();
    assert_eq!(body["checkpoint"].as_str().unwrap(), world.text("/log/checkpoint").await);
    let body: Value = world.get("/api/v1/events/2/proof?size=4").await.json().await.unwrap();
    assert_eq!((body["size"].as_u64(), body["checkpoint"].is_string()), (Some(4), true), "the published size may be named");
    // The registry says its root as the checkpoint does: in base64.
    let registry: Value = world.get("/api/v1/registry").await.json().await.unwrap();
    assert_eq!(registry["root"].as_str().unwrap(), checkpoint.root().to_base64());
    // At the size before the yank, whose root is that of three leaves.
    let body: Value = world.get("/api/v1/events/2/proof?size=3").await.json().await.unwrap();
    let mut leaves = Vec::new();
    for index in 0..3 {
        let raw = world.request(Method::GET, &format!("/api/v1/events/{index}")).header("accept", "application/cose").send().await.unwrap();
        leaves.push(leaf_hash(&raw.bytes().await.unwrap()));
    }
    let root = deedbox_tlog::tree::root_from_leaf_hashes(&leaves);
    InclusionProof::new(2, 3, hashes(&body)).unwrap().verify(&leaf, 3, &root).unwrap();
    assert_eq!(body["checkpoint"], Value::Null, "the published checkpoint is of another size");
    for (path, status) in [("2/proof?size=2", 400), ("2/proof?size=5", 400), ("2/proof?size=x", 400), ("4/proof", 404)] {
        assert_eq!(code(world.get(&format!("/api/v1/events/{path}")).await).await.0, status, "{path}");
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_lock_file_is_proven_at_once_with_all_that_belongs_to_it() {
    let world = World::new().await;
    let owner = world.claim("acme.localhost", 10).await; // 1
    world.claim("other.localhost", 11).await; // 2
    let first = world.publish(&owner, ID, "1.0.0", None).await; // 3
    let second = world.publish(&owner, ID, "1.1.0", Some(first.id())).await; // 4
    world.publish(&owner, "file:acme.localhost/other", "1.0.0", None).await; // 5
    let yank = owner.yank(ID, "1.0.0", second.id(), now());
    world.must_append(&yank).await; // 6

    let question = json!({"releases": [format!("{ID}@1.0.0"), "file:acme.localhost/none@1.0.0"], "indices": [5, 5]});
    let answer = world.post("/api/v1/proofs", "application/json", question.to_string()).await;
    assert_eq!(answer.headers()["content-type"], "application/vnd.deedbox.proofs+cbor");
    let proofs: Proofs = deedbox_model::decode(&answer.bytes().await.unwrap()).unwrap();
    assert_eq!(proofs.indices, [0, 1, 3, 5, 6]);
    assert_eq!(proofs.missing, ["file:acme.localhost/none@1.0.0"]);
    let name = KeyName::new(world.origin.as_str()).unwrap();
    let key = VerifierKey::parse(&world.vkey).unwrap();
    let checkpoint = SignedCheckpoint::parse(&proofs.checkpoint).unwrap().verify(&name, &[key], &[]).unwrap();
    let leaves: Vec<(u64, Hash)> = proofs.indices.iter().copied().zip(proofs.statements.iter().map(|s| leaf_hash(s))).collect();
    let multiproof = Multiproof::from_bytes(checkpoint.size(), &proofs.hashes).unwrap();
    multiproof.verify(&leaves, checkpoint.size(), checkpoint.root()).unwrap();
    assert_eq!(proofs.statements[2], first.bytes()[..]);
    assert_eq!(proofs.statements[4], yank.bytes()[..]);

    let question = json!({"releases": [format!("{ID}@1.1.0")], "chains": true});
    let answer = world.post("/api/v1/proofs", "application/json", question.to_string()).await;
    let (chained, unchained) = Unproven::decode_answer(&answer.bytes().await.unwrap()).unwrap();
    assert_eq!(chained.statements().collect::<Vec<_>>()[2..], [&first, &second].map(|statement| &statement.bytes()[..]));
    assert_eq!(unchained, Some(Vec::new()));
    let question = json!({"releases": [format!("{ID}@1.0.0"), format!("{ID}@1")], "chains": true});
    let answer = world.post("/api/v1/proofs", "application/json", question.to_string()).await;
    let (chained, _) = Unproven::decode_answer(&answer.bytes().await.unwrap()).unwrap();
    assert_eq!((chained.statements().count(), chained.missing()), (5, &[format!("{ID}@1")][..]), "all of its events");

    let too_many: Vec<u64> = vec![0; 16_001];
    for (body, expected) in [
        (json!({"releases": ["no id"]}).to_string(), (400, "bad_request")),
        (json!({"indices": [7]}).to_string(), (400, "bad_request")),
        (json!({"indices": [-1]}).to_string(), (400, "bad_request")),
        (json!({"index": []}).to_string(), (400, "bad_request")),
        (json!({"chains": 1}).to_string(), (400, "bad_request")),
        ("[".to_owned(), (400, "bad_request")),
        (json!({"indices": too_many}).to_string(), (422, "too_many")),
        (" ".repeat(1024 * 1024 + 1), (413, "too_large")),
    ] {
        let (status, code) = code(world.post("/api/v1/proofs", "application/json", body).await).await;
        assert_eq!((status, code.as_str()), expected);
    }
    let nothing: Proofs =
        deedbox_model::decode(&world.post("/api/v1/proofs", "application/json", "{}").await.bytes().await.unwrap()).unwrap();
    assert_eq!(nothing.indices, [0]);
    world.stop().await;
}

/// More leaves than a multiproof may have need a log of as many entries and of yanks; what one question may ask is smaller, and
/// is met here from both sides.
#[tokio::test(flavor = "multi_thread")]
async fn as_much_as_one_question_may_ask_is_answered_and_one_more_is_refused() {
    const MOST: usize = 16_000;
    let world = World::new().await;
    let owner = world.claim("acme.localhost", 10).await; // 1
    world.publish(&owner, ID, "1.0.0", None).await; // 2
    let ask = |indices: usize, releases: usize| {
        let releases = vec![format!("{ID}@1.0.0"); releases];
        let question = json!({"indices": vec![1; indices], "releases": releases}).to_string();
        world.post("/api/v1/proofs", "application/json", question)
    };
    for (indices, releases) in [(MOST, 0), (MOST - 1, 1)] {
        let answer = ask(indices, releases).await;
        assert_eq!(answer.status(), 200, "{indices} and {releases}");
        let proofs: Proofs = deedbox_model::decode(&answer.bytes().await.unwrap()).unwrap();
        assert_eq!((proofs.indices.len(), proofs.statements.len()), (2 + releases, 2 + releases), "each entry once");
    }
    for (indices, releases) in [(MOST + 1, 0), (MOST, 1), (MOST - 1, 2)] {
        assert_eq!(code(ask(indices, releases).await).await, (422, "too_many".to_owned()), "{indices} and {releases}");
    }
    world.stop().await;
}
