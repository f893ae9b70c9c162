//! A second generation of a view, mounted beside the first (spec/projections/README.md §1.5): it is folded while the first one answers, and
//! answers when an event has put it in force. A program that does not have it, or has not folded it, is not ready then, and answers nothing
//! in its place. The event's protocol number is the pretended one.

use crate::file_dialect::Files;
use crate::world::{World, code, now, parts};
use deedbox_model::event::PackageEvent;
use deedbox_model::{Changes, Defect, EventId, Keys, ProjectionId, RowKey, Rows};
use deedbox_server::Parts;
use deedbox_testkit::pretended;
use deedbox_view::*;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::Mutex;

const ID: &str = "file:acme.localhost/widget";
const AT: &str = "/file/file:acme.localhost/widget";

/// The second generation: it counts releases. It folds nothing while somebody holds the lock.
#[derive(Clone, Default)]
struct Second(Arc<Mutex<()>>);

fn key(id: &str) -> Result<RowKey, Defect> {
    RowKey::new(format!("count/{id}"))
}

impl Projection for Second {
    fn id(&self) -> ProjectionId {
        ProjectionId { version: 2, ..Files.id() }
    }
    fn touches(&self, entry: &Entry<'_>, _: &Facts) -> Result<Keys, Defect> {
        entry.package().map(|(id, _)| key(id.as_str())).into_iter().collect()
    }
    fn fold(&self, rows: &Rows, entry: &Entry<'_>, _: &Facts) -> Result<Changes, Defect> {
        tokio::task::block_in_place(|| drop(self.0.blocking_lock()));
        let Some((id, PackageEvent::ReleasePublished(_))) = entry.package() else { return Ok(Changes::new()) };
        let count: u64 = rows.decoded(&key(id.as_str())?)?.unwrap_or_default();
        let mut changes = Changes::new();
        changes.put(key(id.as_str())?, &(count + 1))?;
        Ok(changes)
    }
}

impl View for Second {
    fn reads(&self) -> ProjectionId {
        self.id()
    }
    fn mounts(&self) -> &'static [&'static str] {
        Files.mounts()
    }
    fn parse(&self, request: &Request) -> Box<dyn Question> {
        Box::new(Asked(request.path.clone()))
    }
}

struct Asked(String);

impl Question for Asked {
    fn resource(&self) -> Option<Resource> {
        Some(Resource::Nothing)
    }
    fn plan(&self) -> Plan {
        key(&self.0).map_or(Plan::Nothing, |key| Plan::Get(vec![key]))
    }
    fn step(&self, _: &Reads) -> Result<Step, Defect> {
        Ok(Step::Ready)
    }
    fn render(&self, reads: &Reads, _: &Site) -> Result<Response, Defect> {
        let count: Option<u64> = reads.rows.decoded(&key(&self.0)?)?;
        Ok(Response::json(format!("{{\"releases\":{}}}", count.unwrap_or_default()).into_bytes()))
    }
}

fn first_alone() -> Parts {
    Parts { deciders: pretended::DECIDERS, ..parts() }
}

fn with_both(second: &Second) -> Parts {
    let mut parts = first_alone();
    parts.projections.push(Arc::new(second.clone()));
    parts.views.push(Arc::new(second.clone()));
    parts
}

async fn is_ready(world: &World) -> bool {
    world.get("/ready").await.status() == 200
}

/// Asks until the registry is ready: what it waits for takes milliseconds.
async fn until_ready(world: &World) {
    let asking = async {
        while !is_ready(world).await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), asking).await.unwrap();
}

/// Why it is not ready, of its rows.
async fn why(world: &World) -> String {
    let response = world.get("/ready").await;
    assert_eq!(response.status(), 503);
    let body: serde_json::Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
    assert_eq!((&body["reading"], &body["writing"]), (&json!(false), &json!(false)), "{body}");
    body["dependencies"]["rows"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_generation_answers_from_the_event_on_that_puts_it_in_force() {
    let world = World::open_with(Arc::new(TempDir::new().unwrap()), |_| {}, first_alone()).await.unwrap();
    let owner = world.claim("acme.localhost", 10).await;
    let first = world.publish(&owner, ID, "1.0.0", None).await;
    let dir = world.stop().await;

    // The second generation is new, and is held up: the first answers what is published meanwhile.
    let second = Second::default();
    let held = second.0.lock().await;
    let world = World::open_with(dir, |_| {}, with_both(&second)).await.unwrap();
    let next = world.publish(&owner, ID, "1.1.0", Some(first.id())).await;
    assert!(world.text(AT).await.contains("\"versions\":[\"1.0.0\",\"1.1.0\","));
    assert!(is_ready(&world).await);

    // The event comes before it is folded: nothing answers in its place, and everything else does.
    let head = EventId::from_hex(world.json("/api/v1/events/0").await["id"].as_str().unwrap()).unwrap();
    world.must_append(&world.registry().rules_changed_to(head, pretended::rules(&[("file", 2)]), now())).await;
    assert_eq!(code(world.get(AT).await).await, (503, "undecided".to_owned()));
    assert!(why(&world).await.starts_with("file.2 is in force, and cannot answer: "), "{}", why(&world).await);
    assert!(world.text(&format!("/api/v1/packages/{ID}")).await.contains("1.1.0"));

    drop(held);
    until_ready(&world).await;
    assert_eq!(world.text(AT).await, "{\"releases\":2}");
    // From now on it is folded with the others: a publisher reads it back at once.
    let last = world.publish(&owner, ID, "1.2.0", Some(next.id())).await;
    assert_eq!(world.text(AT).await, "{\"releases\":3}");
    let projections = world.json("/api/v1/registry").await["projections"].clone();
    let versions: Vec<_> = projections.as_array().unwrap().iter().map(|one| (one["name"].clone(), one["version"].clone())).collect();
    assert_eq!(versions, [(json!("catalog"), json!(1)), (json!("file"), json!(2))]);
    let dir = world.stop().await;

    // A program that has the first generation alone answers other things, and says what it lacks.
    let world = World::open_with(dir, |_| {}, first_alone()).await.unwrap();
    assert_eq!(code(world.get(AT).await).await, (503, "undecided".to_owned()));
    assert_eq!(why(&world).await, "file.2 is in force, and cannot answer: this program does not have it; update it");
    assert!(world.text(&format!("/api/v1/packages/{ID}")).await.contains("1.2.0"));
    world.publish(&owner, ID, "1.3.0", Some(last.id())).await;
    let dir = world.stop().await;

    // What it folded without the second is folded into it by the start after, which does not answer before.
    let world = World::open_with(dir, |_| {}, with_both(&second)).await.unwrap();
    assert!(is_ready(&world).await);
    assert_eq!(world.text(AT).await, "{\"releases\":4}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_first_generation_answered_is_not_given_for_the_second() {
    let second = Second::default();
    let world = World::open_with(Arc::new(TempDir::new().unwrap()), |_| {}, with_both(&second)).await.unwrap();
    let owner = world.claim("acme.localhost", 10).await;
    world.publish(&owner, ID, "1.0.0", None).await;
    let kept = world.get(AT).await;
    let tag = kept.headers()["etag"].clone();
    assert!(kept.text().await.unwrap().contains("versions"));
    let head = EventId::from_hex(world.json("/api/v1/events/0").await["id"].as_str().unwrap()).unwrap();
    world.must_append(&world.registry().rules_changed_to(head, pretended::rules(&[("file", 2)]), now())).await;
    let again = world.request(reqwest::Method::GET, AT).header("if-none-match", tag).send().await.unwrap();
    assert_eq!((again.status().as_u16(), again.text().await.unwrap()), (200, "{\"releases\":1}".to_owned()));
    world.stop().await;
}
