//! `/health`, `/ready`, `/metrics`: for who operates the registry (spec/api.md §7).

use crate::app::App;
use crate::limits::PATIENCE;
use crate::log_files::Unread;
use crate::reply::json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use deedbox_authority::PROJECTION as AUTHORITY;
use deedbox_model::Sha256Digest;
use http::{StatusCode, header};
use serde::Serialize;
use std::sync::Arc;

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
pub(crate) async fn ready(State(app): State<Arc<App>>) -> Response {
    let log = log_answers(&app);
    let rows = async {
        app.rows.decisions().cursor(&AUTHORITY).await.map_err(|error| error.to_string())?;
        app.lacking().map_or(Ok(()), Err)
    };
    let objects = async { app.objects.stat(&Sha256Digest([0; 32])).await.map(drop) };
    let disk = async { app.room.why_not().await.map_or(Ok(()), Err) };
    let (log, rows, objects, disk) = tokio::join!(probe(log), probe(rows), probe(objects), probe(disk));
    let replay = match app.writing.why_stopped() {
        _ if app.writing.is_stopping() => "the registry is stopping".to_owned(),
        Some(why) => why,
        None => "ok".to_owned(),
    };
    let clock = app.clock.check().map_or_else(|wrong| wrong.to_string(), |_| "ok".to_owned());
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
async fn log_answers(app: &App) -> Result<(), Unread> {
    match tokio::time::timeout(PATIENCE / 2, app.log.entries(0, 1)).await {
        Err(_) | Ok(Err(Unread::Short(_))) => Ok(app.log.checkpoint_size().await.map(drop)?),
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
pub(crate) async fn metrics(State(app): State<Arc<App>>) -> Response {
    app.meters.tree_size.set(app.log.size() as f64);
    app.meters.folded.set(app.folded() as f64);
    app.meters.waiting.set(app.writing.waiting() as f64);
    app.meters.under_way.set(app.places.slots_taken() as f64);
    app.meters.connections.set(app.peers.open() as f64);
    app.meters.hold(&app.budget, [&app.bodies, &app.uploads]);
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], app.meters.render()).into_response()
}
