//! `/api/v1/registry`: what a registry says about itself (spec/api.md §7). A reader believes of it only what the log proves.

use crate::app::App;
use crate::entry_json::keys;
use crate::gate::Asking;
use crate::headers::TREE_SIZE;
use crate::refusal::Refused;
use crate::reply::json;
use axum::extract::State;
use axum::response::Response;
use deedbox_authority::PROJECTION as AUTHORITY;
use deedbox_authority::rows::{RegistryRow, registry_key};
use deedbox_model::ProjectionId;
use deedbox_model::row::decode_row;
use deedbox_store::read_one;
use deedbox_view::Resource;
use http::{HeaderValue, StatusCode};
use serde::Serialize;
use serde_json::Value;
use std::sync::Arc;

#[derive(Serialize)]
struct RegistryJson<'a> {
    origin: &'a str,
    public_url: &'a str,
    vkey: &'a str,
    tree_size: u64,
    root: String,
    protocol: u64,
    operator_keys: Vec<Value>,
    receipt_keys: Vec<Value>,
    log_keys: Vec<Value>,
    registry_head: String,
    ecosystems: Vec<&'static str>,
    allow_local_claims: bool,
    projections: Vec<ProjectionJson>,
}

#[derive(Serialize)]
struct ProjectionJson {
    name: &'static str,
    version: u32,
    folded: u64,
}

/// The generations that answer.
fn in_force(app: &App, folded: u64) -> impl Iterator<Item = &ProjectionId> {
    app.mounts.ids().iter().filter(move |id| app.version_of(id.name, folded) == id.version)
}

/// GET.
pub(crate) async fn get(State(app): State<Arc<App>>, Asking(reader): Asking) -> Result<Response, Refused> {
    if !app.gate.may_read(&reader, &[Resource::Registry]) {
        return Err(Refused::not_found("nothing is served at \"/api/v1/registry\""));
    }
    let folded = app.folded();
    let key = registry_key()?;
    let row = read_one(app.rows.decisions().as_ref(), &AUTHORITY, &key).await?;
    let row = row.ok_or_else(|| Refused::unavailable("store", "the log's first entry is not folded yet"))?;
    let row: RegistryRow = decode_row(&key, &row.bytes)?;
    let head = app.log.head();
    let body = RegistryJson {
        origin: app.origin.as_str(),
        public_url: app.config.public_url.as_str(),
        vkey: &app.vkey,
        tree_size: head.tree.size,
        root: head.tree.root.to_base64(),
        protocol: row.protocol,
        operator_keys: keys(&row.operator_keys),
        receipt_keys: keys(&row.receipt_keys),
        log_keys: keys(&row.log_keys),
        registry_head: row.head.to_hex(),
        ecosystems: app.door.ecosystems(),
        allow_local_claims: app.config.allow_local_claims,
        projections: in_force(&app, folded).map(|id| ProjectionJson { name: id.name, version: id.version, folded }).collect(),
    };
    let mut response = json(StatusCode::OK, &body);
    response.headers_mut().insert(TREE_SIZE, HeaderValue::from(folded));
    Ok(response)
}
