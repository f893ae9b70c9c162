//! `/api/v1/events/{index or id}/proof`: that one entry is in the log, in three forms (spec/api.md §3): a tlog-proof, a
//! COSE receipt, or the hashes as JSON.

use crate::events::{COSE, Found, find};
use crate::gate::Asking;
use crate::negotiate::choose;
use crate::reading::Reading;
use crate::refusal::Refused;
use crate::reply::Plain;
use crate::request::{accept, decode_query, number};
use axum::extract::{Path, State};
use axum::response::Response;
use deedbox_model::{PublicKey, SecretKey, Statement};
use deedbox_tlog::{Hash, InclusionProof, LogProof, Receipt, ReceiptClaims, leaf_hash, plan_inclusion, prove_inclusion};
use deedbox_view::Cache;
use http::{HeaderMap, HeaderValue, Method, Uri, header};
use serde_json::json;
use std::sync::Arc;

const RECEIPT: &str = "application/cose; cose-type=\"cose-sign1\"";
/// The same for a receipt (RFC 9943).
const SCITT_RECEIPT: &str = "application/scitt-receipt+cose";
const JSON: &str = "application/json";
const TEXT: &str = "text/plain";

/// What reads the log and signs receipts: nothing else has the key of these.
pub(crate) struct Receipts {
    key: SecretKey,
    reading: Arc<Reading>,
}

impl Receipts {
    pub(crate) fn new(key: SecretKey, reading: Arc<Reading>) -> Self {
        Receipts { key, reading }
    }

    /// By which its signatures are known.
    pub(crate) fn key(&self) -> PublicKey {
        self.key.public()
    }
}

/// GET of a proof.
pub(crate) async fn get(
    State(receipts): State<Arc<Receipts>>,
    Asking(reader): Asking,
    method: Method,
    uri: Uri,
    Path(which): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let reading = receipts.reading.as_ref();
    let query = decode_query(uri.query().unwrap_or_default())?;
    let asked = match query.iter().find(|(name, _)| name == "size") {
        None => None,
        Some((_, text)) => Some(number(text).ok_or_else(|| Refused::bad_request("size is a decimal number without leading zeros"))?),
    };
    let found = find(reading, &reader, &which).await?;
    let head = reading.log.head(&found.bytes);
    let checkpoint = head.checkpoint.ok_or_else(|| Refused::not_found("the log has no entry yet"))?;
    let size = asked.unwrap_or(head.tree.size);
    if size > head.tree.size || size <= found.index {
        return Err(Refused::bad_request(format!(
            "size is more than the index {} and at most the published size {}",
            found.index, head.tree.size
        )));
    }
    let proof = inclusion(reading, &found, size).await?;
    // Receipt and tlog-proof are of the published checkpoint.
    let offered: &[&'static str] = if asked.is_some() { &[JSON] } else { &[TEXT, COSE, SCITT_RECEIPT, JSON] };
    let chosen = choose(&accept(&headers)?, offered)?;
    let plain = if chosen == JSON {
        let hashes: Vec<String> = proof.hashes().iter().map(Hash::to_base64).collect();
        // A proof is compared with a checkpoint of its own size; of another size the reader holds one, or had no reason to ask.
        let checkpoint = (size == head.tree.size).then(|| checkpoint.to_string());
        let body = json!({ "index": found.index, "size": size, "hashes": hashes, "checkpoint": checkpoint });
        Plain::new(JSON, format!("{body}\n"), Cache::Revalidate)
    } else if chosen != TEXT {
        let read = reading.folded.protocol_at(found.index).and_then(|protocol| Statement::decode(protocol, found.bytes.get()).ok());
        let statement = read.ok_or_else(|| {
            Refused::unprocessable("undecodable", "this entry is void and names no subject that a receipt could name: ask for text/plain")
        })?;
        let claims = ReceiptClaims {
            issuer: reading.identity.origin.to_string(),
            subject: statement.peek().subject().to_string(),
            key_id: receipts.key.public().id().as_bytes().to_vec(),
        };
        let receipt = issue(&receipts.key, claims, &leaf_hash(found.bytes.get()), &proof, &head.tree.root)?;
        let media_type = if chosen == COSE { RECEIPT } else { SCITT_RECEIPT };
        Plain::new(media_type, receipt.as_bytes().to_vec(), Cache::Revalidate)
    } else {
        let text = LogProof::new(Vec::new(), proof, (*checkpoint).clone()).map_err(|e| fault(&e))?;
        Plain::new("text/plain; charset=utf-8", text.to_string(), Cache::Revalidate)
    };
    Ok(plain.with(header::VARY, HeaderValue::from_static("Accept")).answer(&method, &headers))
}

async fn inclusion(reading: &Reading, of: &Found, size: u64) -> Result<InclusionProof, Refused> {
    let index = of.index;
    let tiles = reading.log.tiles(&of.bytes, plan_inclusion(index, size).map_err(|e| fault(&e))?).await?;
    prove_inclusion(index, size, &tiles).map_err(|e| fault(&e))
}

fn issue(key: &SecretKey, claims: ReceiptClaims, leaf: &Hash, proof: &InclusionProof, root: &Hash) -> Result<Receipt, Refused> {
    Receipt::issue(claims, leaf, proof, root, |bytes| key.sign(bytes)).map_err(|e| fault(&e))
}

/// A proof that cannot be made from a tree that is published: the files are damaged.
pub(crate) fn fault(error: &dyn std::fmt::Display) -> Refused {
    tracing::error!(%error, "a proof could not be made from the log's files; run deedbox fsck");
    Refused::internal()
}
