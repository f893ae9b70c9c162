//! `/health`, `/ready`, `/metrics`: for who operates the registry (spec/api.md §7).

use crate::bounds::Bounds;
use crate::clock::Clock;
use crate::folded::Folded;
use crate::limits::PATIENCE;
use crate::log_files::{LogFiles, Unread};
use crate::reply::json;
use crate::room::Room;
use crate::shelf::ObjectShelf;
use crate::writing::Writing;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use deedbox_authority::PROJECTION as AUTHORITY;
use deedbox_model::Sha256Digest;
use deedbox_store::RowStore;
use http::{StatusCode, header};
use serde::Serialize;
use std::sync::Arc;

/// The part of a server that an operator looks at: whether what it needs works, and what it counts. Gives nothing of what is in there.
pub(crate) struct Health {
    pub(crate) log: Arc<LogFiles>,
    /// The rows that verdicts need.
    pub(crate) rows: Arc<dyn RowStore>,
    pub(crate) objects: Arc<ObjectShelf>,
    pub(crate) folded: Arc<Folded>,
    pub(crate) writing: Arc<Writing>,
    pub(crate) room: Arc<Room>,
    pub(crate) clock: Arc<Clock>,
    pub(crate) bounds: Arc<Bounds>,
}

/// 200 while the process answers.
pub(crate) async fn health() -> &'static str {
    "ok\n"
}

#[derive(Serialize)]
struct ReadyJson {
    ready: bool,
    /// What is published can be read.
    reading: bool,
    /// Statements and uploads are taken.
    writing: bool,
    dependencies: DependenciesJson,
}

#[derive(Serialize)]
struct DependenciesJson {
    log: String,
    rows: String,
    objects: String,
    replay: String,
    disk: String,
    clock: String,
}

/// 200 if reading and writing work, else 503 with the reason. Files are named as they lie in the data directory, never where that is.
pub(crate) async fn ready(State(health): State<Arc<Health>>) -> Response {
    let log = log_answers(&health);
    let rows = async {
        health.rows.cursor(&AUTHORITY).await.map_err(|error| error.to_string())?;
        health.folded.lacking().map_or(Ok(()), Err)
    };
    let objects = async { health.objects.stat(&Sha256Digest([0; 32])).await.map(drop) };
    let disk = async { health.room.why_not().await.map_or(Ok(()), Err) };
    let (log, rows, objects, disk) = tokio::join!(probe(log), probe(rows), probe(objects), probe(disk));
    let replay = match health.writing.why_stopped() {
        _ if health.writing.is_stopping() => "the registry is stopping".to_owned(),
        Some(why) => why,
        None => "ok".to_owned(),
    };
    let clock = health.clock.check().map_or_else(|wrong| wrong.to_string(), |_| "ok".to_owned());
    let dependencies = DependenciesJson { log, rows, objects, replay, disk, clock };
    let all_ok = |of: &[&String]| of.iter().all(|state| *state == "ok");
    let reading = all_ok(&[&dependencies.log, &dependencies.rows, &dependencies.objects]);
    let writing = reading && all_ok(&[&dependencies.replay, &dependencies.disk, &dependencies.clock]);
    let ready = reading && writing;
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let mut response = json(status, &ReadyJson { ready, reading, writing, dependencies });
    if !ready {
        response.headers_mut().insert(header::RETRY_AFTER, 1.into());
    }
    response
}

/// Whether the log's files can be read: its first bundle; or, while there is no memory for that, its checkpoint.
async fn log_answers(health: &Health) -> Result<(), Unread> {
    match tokio::time::timeout(PATIENCE / 2, health.log.entries(0, 1)).await {
        Err(_) | Ok(Err(Unread::Short(_))) => Ok(health.log.checkpoint_size().await.map(drop)?),
        Ok(read) => read.map(drop),
    }
}

async fn probe<E: std::fmt::Display>(check: impl Future<Output = Result<(), E>>) -> String {
    match tokio::time::timeout(PATIENCE, check).await {
        Ok(Ok(())) => "ok".to_owned(),
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("no answer within {} seconds", PATIENCE.as_secs()),
    }
}

/// Prometheus text.
pub(crate) async fn metrics(State(health): State<Arc<Health>>) -> Response {
    health.bounds.meters.tree_size.set(health.log.size() as f64);
    health.bounds.meters.folded.set(health.folded.size() as f64);
    health.bounds.meters.waiting.set(health.writing.waiting() as f64);
    health.bounds.meters.under_way.set(health.bounds.places.slots_taken() as f64);
    health.bounds.meters.connections.set(health.bounds.peers.open() as f64);
    health.bounds.meters.hold(&health.bounds.budget, [&health.bounds.bodies, &health.bounds.uploads]);
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], health.bounds.meters.render()).into_response()
}
