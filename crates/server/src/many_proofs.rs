//! `POST /api/v1/proofs`: one multiproof for a whole lock file (spec/api.md §4).

use crate::app::App;
use crate::events::shortened;
use crate::limits::{PROOFS_ASKED, PROOFS_BODY_BYTES, PROOFS_STATEMENT_BYTES};
use crate::objects::CATALOG;
use crate::one_proof::fault;
use crate::refusal::Refused;
use crate::reply::{TREE_SIZE, cache_control};
use crate::request::read_body;
use crate::submit::AUTHORITY;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use deedbox_authority::rows::{EventRow, event_key};
use deedbox_catalog::rows::{ReleaseRow, release_key};
use deedbox_model::row::decode_row;
use deedbox_model::{EventId, PackageId, Row, RowKey, Version};
use deedbox_store::ProjectionId;
use deedbox_tlog::limits::MAX_MULTIPROOF_LEAVES;
use deedbox_tlog::{plan_multiproof, prove_multiproof};
use deedbox_view::Cache;
use http::{HeaderValue, header};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use std::collections::BTreeSet;
use std::sync::Arc;

const MEDIA_TYPE: &str = "application/vnd.deedbox.proofs+cbor";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    #[serde(default)]
    releases: Vec<String>,
    #[serde(default)]
    indices: Vec<u64>,
}

#[derive(Serialize)]
struct Answer {
    hashes: ByteBuf,
    indices: Vec<u64>,
    missing: Vec<String>,
    checkpoint: ByteBuf,
    statements: Vec<ByteBuf>,
}

/// POST of ids and indices.
pub(crate) async fn post(State(app): State<Arc<App>>, request: Request) -> Result<Response, Refused> {
    let (parts, body) = request.into_parts();
    let bytes = read_body(&parts.headers, body, "the question", PROOFS_BODY_BYTES, app.config.times.stall).await?;
    let asked: Asked = serde_json::from_slice(&bytes)
        .map_err(|e| Refused::bad_request(format!("the body is not {{\"releases\", \"indices\"}} in JSON: {e}")))?;
    if asked.releases.len() + asked.indices.len() > PROOFS_ASKED {
        return Err(Refused::unprocessable("too_many", format!("more than {PROOFS_ASKED} releases and indices: ask in parts")));
    }
    let _one_of_few = app.many_proofs.acquire().await.map_err(|_| Refused::internal())?;

    // Rows first, head after: the published tree has every entry that is folded.
    let folded = app.folded();
    let mut indices = BTreeSet::from([0]);
    indices.extend(&asked.indices);
    let missing = add_releases(&app, &asked.releases, &mut indices).await?;
    let head = app.log.head();
    let checkpoint = head.checkpoint.ok_or_else(|| Refused::not_found("the log has no entry yet"))?;
    if let Some(beyond) = indices.range(head.size..).next() {
        return Err(Refused::bad_request(format!("index {beyond} is not below the published size {}", head.size)));
    }
    if indices.len() > MAX_MULTIPROOF_LEAVES {
        let words =
            format!("with the claims and yanks that belong to them, these are more than {MAX_MULTIPROOF_LEAVES} entries: ask in parts");
        return Err(Refused::unprocessable("too_many", words));
    }
    let indices: Vec<u64> = indices.into_iter().collect();
    let statements = statements(&app, &indices).await?;
    let tiles = app.log.tiles(plan_multiproof(&indices, head.size).map_err(|e| fault(&e))?).await?;
    let proof = prove_multiproof(&indices, head.size, &tiles).map_err(|e| fault(&e))?;
    let answer =
        Answer { hashes: ByteBuf::from(proof.to_bytes()), indices, missing, checkpoint: ByteBuf::from(checkpoint.to_string()), statements };
    let bytes = deedbox_model::encode(&answer).map_err(|e| fault(&e))?;
    let mut response = Response::new(Body::from(bytes));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    response.headers_mut().insert(header::CACHE_CONTROL, cache_control(Cache::Never));
    response.headers_mut().insert(TREE_SIZE, HeaderValue::from(folded));
    Ok(response)
}

/// Adds what belongs to each release: its event, the claim that it was made under, and the yank and the notice that are
/// in force. Gives those that the registry does not have.
async fn add_releases(app: &App, releases: &[String], indices: &mut BTreeSet<u64>) -> Result<Vec<String>, Refused> {
    let mut keys = Vec::with_capacity(releases.len());
    for release in releases {
        let parsed = release.rsplit_once('@').and_then(|(id, version)| Some((PackageId::parse(id).ok()?, Version::parse(version).ok()?)));
        let Some((id, version)) = parsed else {
            let words = format!("{:?} is no release: it is written ecosystem:domain/name@version", shortened(release));
            return Err(Refused::bad_request(words));
        };
        keys.push(release_key(&id, &version)?);
    }
    let mut missing = Vec::new();
    let mut tenures: BTreeSet<EventId> = BTreeSet::new();
    for ((key, row), release) in keys.iter().zip(read(app, &CATALOG, &keys).await?).zip(releases) {
        let Some(row) = row else {
            missing.push(release.clone());
            continue;
        };
        let row: ReleaseRow = decode_row(key, &row.bytes)?;
        indices.insert(row.index);
        indices.extend(row.yanked.map(|yanked| yanked.index));
        indices.extend(row.notice.map(|notice| notice.index));
        tenures.insert(row.tenure);
    }
    let keys = tenures.iter().map(event_key).collect::<Result<Vec<_>, _>>()?;
    for (key, row) in keys.iter().zip(read(app, &AUTHORITY, &keys).await?) {
        if let Some(row) = row {
            indices.insert(decode_row::<EventRow>(key, &row.bytes)?.index);
        }
    }
    Ok(missing)
}

async fn read(app: &App, projection: &ProjectionId, keys: &[RowKey]) -> Result<Vec<Option<Row>>, Refused> {
    let mut rows = Vec::with_capacity(keys.len());
    for some in keys.chunks(deedbox_view::projection::MAX_GET) {
        rows.extend(app.rows.read(projection, some).await?);
    }
    Ok(rows)
}

/// The statements at ascending indices, each bundle read once.
async fn statements(app: &App, indices: &[u64]) -> Result<Vec<ByteBuf>, Refused> {
    let mut statements = Vec::with_capacity(indices.len());
    let mut total = 0;
    for group in indices.chunk_by(|a, b| a / 256 == b / 256) {
        let (Some(first), Some(last)) = (group.first(), group.last()) else { continue };
        let entries = app.log.entries(*first, *last + 1).await?;
        for index in group {
            let at = usize::try_from(index - first).unwrap_or(usize::MAX);
            let entry = entries.get(at).ok_or_else(|| fault(&format!("entry {index} is missing")))?;
            total += entry.len();
            if total > PROOFS_STATEMENT_BYTES {
                return Err(Refused::unprocessable(
                    "too_many",
                    format!("the statements have more than {PROOFS_STATEMENT_BYTES} bytes: ask in parts"),
                ));
            }
            statements.push(ByteBuf::from(entry.to_vec()));
        }
    }
    Ok(statements)
}
