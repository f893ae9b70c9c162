//! The JSON of a domain (spec/projections/catalog.md §3.5): whose it is, since when and on what ground, how it stands, and its keys. What is in force at a
//! moment is for the reader to see by the times: an answer knows no clock.

use crate::rows::DomainRow;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use deedbox_model::event::{DomainKey, Evidence, Role};
use deedbox_model::holding::{Freeze, Recovery, Through};
use deedbox_model::{self as model, TimeMs};
use serde::Serialize;

/// One domain that was claimed.
#[derive(Serialize)]
pub(crate) struct Domain {
    domain: String,
    tenure: String,
    tenure_index: u64,
    tenure_at: String,
    tenure_ms: u64,
    through: Through,
    head: String,
    evidence: Evidence,
    released: bool,
    frozen: Vec<FreezeJson>,
    recovery: Option<RecoveryJson>,
    /// Until when the packages that were there before are held.
    held_until: Option<String>,
    /// From when on only keys decide.
    keys_only: Option<String>,
    keys_only_ms: Option<u64>,
    keys: Vec<KeyJson>,
}

#[derive(Serialize)]
struct FreezeJson {
    by: &'static str,
    at: String,
    at_ms: u64,
    until: Option<String>,
    until_ms: Option<u64>,
}

#[derive(Serialize)]
struct RecoveryJson {
    opened: String,
    index: u64,
    at: String,
    at_ms: u64,
    evidence: Evidence,
    record: String,
    contested: bool,
    waits_until: String,
    waits_until_ms: u64,
    open_until: String,
    open_until_ms: u64,
    keys: Vec<KeyJson>,
}

#[derive(Serialize)]
struct KeyJson {
    alg: &'static str,
    key: String,
    kid: String,
    role: Role,
    from: Option<String>,
    from_ms: Option<u64>,
    until: Option<String>,
    until_ms: Option<u64>,
}

impl KeyJson {
    fn of(key: &DomainKey) -> Self {
        KeyJson {
            alg: "ed25519",
            key: STANDARD.encode(key.key.to_bytes()),
            kid: key.key.id().to_hex(),
            role: key.role,
            from: key.from.map(TimeMs::to_rfc3339),
            from_ms: key.from.map(TimeMs::as_ms),
            until: key.until.map(TimeMs::to_rfc3339),
            until_ms: key.until.map(TimeMs::as_ms),
        }
    }
}

impl RecoveryJson {
    fn of(domain: &model::Domain, recovery: &Recovery) -> Self {
        let (waits_until, open_until) = (recovery.waits_until(domain), recovery.open_until(domain));
        RecoveryJson {
            opened: recovery.opened.to_hex(),
            index: recovery.index,
            at: recovery.at.to_rfc3339(),
            at_ms: recovery.at.as_ms(),
            evidence: recovery.evidence,
            record: recovery.record.clone(),
            contested: recovery.contested,
            waits_until: waits_until.to_rfc3339(),
            waits_until_ms: waits_until.as_ms(),
            open_until: open_until.to_rfc3339(),
            open_until_ms: open_until.as_ms(),
            keys: recovery.keys.iter().map(KeyJson::of).collect(),
        }
    }
}

impl Domain {
    pub(crate) fn of(domain: &model::Domain, row: &DomainRow) -> Self {
        let freeze = |(by, freeze): (&'static str, Option<Freeze>)| {
            freeze.map(|freeze| FreezeJson {
                by,
                at: freeze.at.to_rfc3339(),
                at_ms: freeze.at.as_ms(),
                until: freeze.until.map(TimeMs::to_rfc3339),
                until_ms: freeze.until.map(TimeMs::as_ms),
            })
        };
        Domain {
            domain: domain.to_string(),
            tenure: row.tenure.to_hex(),
            tenure_index: row.tenure_index,
            tenure_at: row.tenure_at.to_rfc3339(),
            tenure_ms: row.tenure_at.as_ms(),
            through: row.through,
            head: row.head.to_hex(),
            evidence: row.evidence,
            released: row.released,
            frozen: row.frozen.all().into_iter().filter_map(freeze).collect(),
            recovery: row.recovery.as_ref().map(|recovery| RecoveryJson::of(domain, recovery)),
            held_until: row.holds_until(domain).map(TimeMs::to_rfc3339),
            keys_only: row.keys_only.map(TimeMs::to_rfc3339),
            keys_only_ms: row.keys_only.map(TimeMs::as_ms),
            keys: row.keys.iter().map(KeyJson::of).collect(),
        }
    }
}

/// A list of domains.
#[derive(Serialize)]
pub(crate) struct Domains<'a> {
    pub(crate) domains: Vec<Domain>,
    pub(crate) next: Option<&'a str>,
}
