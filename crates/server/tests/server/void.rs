//! A log with entries that are void: another writer of the same log appended them without judging (spec/authority.md §1).
//! They keep their index, change nothing, are reported with their reason, and nobody stumbles over them.

use crate::world::{World, code, now};
use deedbox_ledger::STAGED;
use deedbox_ledger::commit::{Commit, Nonce, encode_batch};
use deedbox_model::Sha256Digest;
use deedbox_store::{Opening, StoreSettings, Stores};
use deedbox_testkit::{Owner, secret};
use deedbox_tlog::{LogProof, leaf_hash, tree};
use reqwest::Method;
use std::path::Path;

const ID: &str = "file:acme.localhost/widget";

/// Claims a batch of these entries, after those that are there, as a writer does that judges nothing.
async fn claim_unjudged(data: &Path, before: &[Vec<u8>], entries: &[&[u8]]) {
    let stores = Stores::open(&StoreSettings::in_folder(data), Opening::ToWrite).unwrap();
    let number = stores.commits.last().await.unwrap().unwrap();
    let last = stores.commits.read(number).await.unwrap().unwrap();
    let old_size = Commit::decode(number, &last).unwrap().new_size;
    assert_eq!(old_size, before.len() as u64);
    let leaves: Vec<_> = before.iter().map(Vec::as_slice).chain(entries.iter().copied()).map(leaf_hash).collect();
    let batch = encode_batch(entries.iter().copied());
    let bundle = Sha256Digest::of(&batch);
    stores.log.files.put(&format!("{STAGED}/{bundle}"), batch.into()).await.unwrap();
    let commit = Commit {
        root: Sha256Digest(tree::root_from_leaf_hashes(&leaves).0),
        nonce: Nonce([9; 16]),
        bundle,
        number: number + 1,
        new_size: leaves.len() as u64,
        old_size,
        previous: Some(Sha256Digest::of(&last)),
    };
    stores.commits.create(number + 1, commit.encode().unwrap().into()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn void_entries_are_served_with_their_reasons_and_change_nothing() {
    let world = World::new().await;
    let owner = world.claim("acme.localhost", 10).await;
    let first = world.publish(&owner, ID, "1.0.0", None).await;
    let mut before = Vec::new();
    for index in 0..3 {
        let raw = world.request(Method::GET, &format!("/api/v1/events/{index}")).header("accept", "application/cose").send().await.unwrap();
        before.push(raw.bytes().await.unwrap().to_vec());
    }
    let page = world.text(&format!("/file/{ID}")).await;
    let stranger = Owner { key: secret(99), ..owner.clone() };
    let stolen = stranger.yank(ID, "1.0.0", first.id(), now());
    let stale = owner.yank(ID, "1.0.0", deedbox_model::EventId([7; 32]), now());
    let mut forged = owner.yank(ID, "1.0.0", first.id(), now()).bytes().to_vec();
    *forged.last_mut().unwrap() ^= 1;
    let dir = world.stop().await;
    let entries: [&[u8]; 5] = [stolen.bytes(), b"no statement", stale.bytes(), &forged, first.bytes()];
    claim_unjudged(dir.path(), &before, &entries).await;

    // The next start finishes what is claimed, also by another writer; and so does one that has lost its rows.
    let mut dir = dir;
    for lost in [false, true] {
        if lost {
            for file in ["rows.sqlite", "rows.sqlite-wal", "rows.sqlite-shm"] {
                let _ = std::fs::remove_file(dir.path().join(file));
            }
        }
        let world = World::open(dir, |_| {}).await.unwrap();
        assert!(world.text("/log/checkpoint").await.starts_with(&format!("{}\n8\n", world.origin)));
        let events = world.json("/api/v1/events").await;
        let found: Vec<(&str, &str)> = events["events"].as_array().unwrap()[3..]
            .iter()
            .map(|event| (event["status"].as_str().unwrap(), event["void"].as_str().unwrap()))
            .collect();
        let reasons = ["key_not_authorised", "undecodable", "stale_prev", "bad_signature", "already_logged"];
        assert_eq!(found, reasons.map(|reason| ("void", reason)));
        for (index, (reason, entry)) in (3_u64..).zip(reasons.iter().zip(entries)) {
            let event = world.json(&format!("/api/v1/events/{index}")).await;
            assert_eq!(event["void"].as_str(), Some(*reason));
            assert_eq!(event["type"].is_null(), *reason == "undecodable");
            let raw = world.request(Method::GET, &format!("/api/v1/events/{index}")).header("accept", "application/cose").send().await;
            assert_eq!(raw.unwrap().bytes().await.unwrap(), entry[..]);
            let proof = world.bytes(&format!("/api/v1/events/{index}/proof")).await;
            let name = deedbox_tlog::KeyName::new(world.origin.as_str()).unwrap();
            let key = deedbox_tlog::VerifierKey::parse(&world.vkey).unwrap();
            LogProof::parse(&proof).unwrap().verify(&leaf_hash(entry), &name, &[key], &[]).unwrap();
        }
        let receipt = world.request(Method::GET, "/api/v1/events/4/proof").header("accept", "application/cose").send().await.unwrap();
        assert_eq!(code(receipt).await, (422, "undecodable".to_owned()));
        assert_eq!(code(world.get(&format!("/api/v1/events/{}", stolen.id())).await).await, (404, "not_found".to_owned()));
        assert_eq!(world.json(&format!("/api/v1/events/{}", first.id())).await["index"], 2, "an id names the effective entry");
        assert_eq!(world.text(&format!("/file/{ID}")).await, page.replace(&url_in(&page), &world.url), "nothing is yanked");
        dir = world.stop().await;
    }

    // A stranger who checks it comes to the same: the release verifies, and the chain goes on from its own head.
    let world = World::open(dir, |_| {}).await.unwrap();
    world.must_append(&owner.yank(ID, "1.0.0", first.id(), now())).await;
    let registry = deedbox_client::Registry::new(deedbox_client::RegistryUrl::parse(&world.url).unwrap()).unwrap();
    let home = tempfile::TempDir::new().unwrap();
    let trusted =
        deedbox_client::Trusted::open(registry, &deedbox_client::Home::at(home.path().to_owned()), Some(&world.vkey), now()).await.unwrap();
    let (id, version) = (ID.parse().unwrap(), "1.0.0".parse().unwrap());
    let (_, proven) = trusted.prove(&deedbox_client::Query::release(&id, &version)).await.unwrap();
    let release = deedbox_client::verify::judge(&proven, &world.origin, trusted.key()).unwrap().release(&id, &version).unwrap();
    assert_eq!((release.index(), release.standing().yanked.as_ref().map(|(_, index)| *index)), (2, Some(8)));
    world.stop().await;
}

/// The address that a page was made for: each world has another port.
fn url_in(page: &str) -> String {
    page.split('"').find(|text| text.starts_with("http://")).unwrap().to_owned()
}
