//! A server that has a pretended second protocol number (`testkit::pretended`): what it says of old entries stays, and what is sent is
//! read by the number in force.

use crate::world::{World, code, now, parts};
use deedbox_model::EventId;
use deedbox_server::Parts;
use deedbox_testkit::pretended;
use serde_json::Value;

const ID: &str = "file:acme.localhost/widget";

fn with_both() -> Parts {
    Parts { deciders: pretended::DECIDERS, ..parts() }
}

async fn send(world: &World, bytes: &[u8]) -> reqwest::Response {
    world.post("/api/v1/events", "application/cose", bytes.to_vec()).await
}

async fn events(world: &World) -> Vec<Value> {
    world.json("/api/v1/events?from=0&limit=100").await["events"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_are_read_by_the_number_of_their_index() {
    let world = World::open_with(std::sync::Arc::new(tempfile::TempDir::new().unwrap()), |_| {}, with_both()).await.unwrap();
    let owner = world.claim("acme.localhost", 10).await;
    let first = world.publish(&owner, ID, "1.0.0", None).await;
    let yank = owner.yank(ID, "1.0.0", first.id(), now());
    world.must_append(&yank).await;
    // Under protocol 1 this is not a statement; under the number to come, what follows it here is not.
    let retired = owner.retire(ID, "1.0.0", yank.id(), now());
    assert_eq!(code(send(&world, &retired).await).await, (422, "undecodable".to_owned()));
    let unyank = owner.unyank(ID, "1.0.0", yank.id(), now());
    let unyanked = world.must_append(&unyank).await;
    let head = EventId::from_hex(world.json("/api/v1/events/0").await["id"].as_str().unwrap()).unwrap();
    let rules = world.must_append(&world.registry().rules_changed(head, 2, now())).await;
    let before = events(&world).await;
    assert_eq!(before.len() as u64, rules + 1);
    assert!(before.iter().all(|event| event["body"].is_object()), "{before:?}");

    let again = owner.retire(ID, "1.0.0", unyank.id(), now());
    assert_eq!(send(&world, &again).await.status(), 201);
    let old_shape = owner.unyank(ID, "1.0.0", EventId::of(&again), now());
    assert_eq!(code(world.append(&old_shape).await).await, (422, "undecodable".to_owned()));
    assert_eq!(send(&world, &owner.unyank_anew(ID, "1.0.0", EventId::of(&again), now())).await.status(), 201);
    // What this registry signs itself is read by the number in force too.
    world.claim("beta.localhost", 11).await;

    let mut world = world;
    for _ in 0..2 {
        let all = events(&world).await;
        assert_eq!(all.len() as u64, rules + 4);
        assert_eq!(all[..before.len()], before[..], "what is said of old entries stays");
        assert!(all.iter().all(|event| event["status"] == "effective" && event["body"].is_object()), "{all:?}");
        // A receipt names the subject of the entry, which has to be read for that.
        for index in [unyanked, rules + 1] {
            let receipt =
                world.request(reqwest::Method::GET, &format!("/api/v1/events/{index}/proof")).header("accept", "application/cose");
            assert_eq!(receipt.send().await.unwrap().status(), 200, "entry {index}");
        }
        let dir = world.stop().await;
        world = World::open_with(dir, |_| {}, with_both()).await.unwrap();
    }
    world.stop().await;
}
