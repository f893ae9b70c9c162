//! `/api/v1/registry`: what a registry says about itself (spec/api.md §7). A reader believes of it only what the log proves.

use crate::entry_json::{dns_anchor, keys};
use crate::gate::{Asking, Authorized};
use crate::headers::TREE_SIZE;
use crate::identity::Itself;
use crate::reading::Reading;
use crate::refusal::Refused;
use crate::reply::json;
use axum::extract::State;
use axum::response::Response;
use deedbox_authority::PROJECTION as AUTHORITY;
use deedbox_authority::rows::{RegistryRow, registry_key};
use deedbox_model::row::decode_row;
use deedbox_store::read_one;
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
    /// How many rules of the public suffix list are in force.
    suffixes: u64,
    /// Where trust in DNS begins, by the rules in force.
    dns_anchors: Vec<Value>,
    ecosystems: &'a [&'static str],
    allow_local_claims: bool,
    projections: Vec<ProjectionJson>,
}

#[derive(Serialize)]
struct ProjectionJson {
    name: &'static str,
    version: u32,
    folded: u64,
}

/// GET.
pub(crate) async fn get(State(reading): State<Arc<Reading>>, Asking(reader): Asking) -> Result<Response, Refused> {
    let itself = reading.gate.ask(&reader, Itself).ok_or_else(|| Refused::not_found("nothing is served at \"/api/v1/registry\""))?;
    told(&reading, &itself).await
}

/// What it says of itself, for who may read that.
async fn told(reading: &Reading, itself: &Authorized<Itself>) -> Result<Response, Refused> {
    let folded = reading.folded.size();
    let key = registry_key()?;
    let row = read_one(reading.rows.decisions().as_ref(), &AUTHORITY, &key).await?;
    let row = row.ok_or_else(|| Refused::unavailable("store", "the log's first entry is not folded yet"))?;
    let row: RegistryRow = decode_row(&key, &row.bytes)?;
    let head = reading.log.head(itself);
    let (vkey, said) = reading.identity.said(itself);
    let body = RegistryJson {
        origin: reading.identity.origin.as_str(),
        public_url: &said.public_url,
        vkey,
        tree_size: head.tree.size,
        root: head.tree.root.to_base64(),
        protocol: row.protocol,
        operator_keys: keys(&row.operator_keys),
        receipt_keys: keys(&row.receipt_keys),
        log_keys: keys(&row.log_keys),
        registry_head: row.head.to_hex(),
        suffixes: row.suffixes,
        dns_anchors: row.dns_anchors.iter().map(dns_anchor).collect(),
        ecosystems: &said.ecosystems,
        allow_local_claims: said.allow_local_claims,
        projections: reading.folded.all_in_force(folded).map(|id| ProjectionJson { name: id.name, version: id.version, folded }).collect(),
    };
    let mut response = json(StatusCode::OK, &body);
    response.headers_mut().insert(TREE_SIZE, HeaderValue::from(folded));
    Ok(response)
}
