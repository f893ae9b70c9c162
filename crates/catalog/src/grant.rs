//! The JSON of what a domain granted (spec/projections/catalog.md §3.5). An answer knows no clock: grants stand there also when they are over.

use crate::rows::GrantRow;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use deedbox_model::event::Action;
use deedbox_model::{IdPattern, TimeMs};
use serde::Serialize;

/// A list of grants.
#[derive(Serialize)]
pub(crate) struct Grants<'a> {
    pub(crate) domain: &'a str,
    pub(crate) grants: Vec<GrantJson>,
    pub(crate) next: Option<&'a str>,
}

/// One grant.
#[derive(Serialize)]
pub(crate) struct GrantJson {
    grant: String,
    index: u64,
    at: String,
    at_ms: u64,
    /// The key that gave it.
    by: String,
    tenure: String,
    alg: &'static str,
    key: String,
    kid: String,
    ids: Vec<IdPattern>,
    actions: Vec<Action>,
    until: Option<String>,
    until_ms: Option<u64>,
    /// The index of the event that revoked it.
    revoked: Option<u64>,
}

impl GrantJson {
    pub(crate) fn of(event: &str, row: GrantRow) -> Self {
        let GrantRow { index, at, kid, tenure, grant, revoked } = row;
        GrantJson {
            grant: event.to_owned(),
            index,
            at: at.to_rfc3339(),
            at_ms: at.as_ms(),
            by: kid.to_hex(),
            tenure: tenure.to_hex(),
            alg: "ed25519",
            key: STANDARD.encode(grant.key.to_bytes()),
            kid: grant.key.id().to_hex(),
            ids: grant.ids,
            actions: grant.actions,
            until: grant.until.map(TimeMs::to_rfc3339),
            until_ms: grant.until.map(TimeMs::as_ms),
            revoked,
        }
    }
}
