//! Whose a domain is, and its keys (spec/authority.md §4.3, §4.5). On what ground a claim stands is `evidence.rs`'s.

use super::{Stop, Writing, continue_chain, misfit, must_verify};
use crate::decision::Signed;
use crate::refusal::Refusal;
use crate::rows::{CoveredRow, DomainRow, EventRow, chain_key, covered_key, domain_key};
use deedbox_model::event::{DomainClaimed, DomainKey, DomainKeysChanged, Evidence, Role};
use deedbox_model::limits::DOMAIN_KEYS;
use deedbox_model::row::{Defect, Rows};
use deedbox_model::{Domain, EventId, PublicKey, Speaker, Statement, TimeMs};
use std::collections::BTreeMap;

/// Nobody has the domain.
pub(super) fn is_unclaimed(rows: &Rows, domain: &Domain) -> Result<(), Stop> {
    match rows.decoded::<DomainRow>(&domain_key(domain)?)? {
        Some(_) => Err(Refusal::AlreadyClaimed(domain.clone()).into()),
        None => Ok(()),
    }
}

/// Nobody who has a domain above has published under it.
pub(super) fn is_unused(rows: &Rows, domain: &Domain) -> Result<(), Stop> {
    match rows.decoded(&covered_key(domain)?)? {
        Some(CoveredRow { by }) => Err(Refusal::SubdomainInUse { domain: domain.clone(), by }.into()),
        None => Ok(()),
    }
}

pub(super) fn claim(writing: &mut Writing, rows: &Rows, statement: &Statement, domain: &Domain, e: &DomainClaimed) -> Result<(), Stop> {
    is_unclaimed(rows, domain)?;
    continue_chain(statement, None)?;
    if domain.is_localhost() != (e.evidence == Evidence::Localhost) {
        return Err(Refusal::WrongEvidence(domain.clone()).into());
    }
    is_unused(rows, domain)?;
    let keys = e.acceptance.terms().keys.clone();
    for key in &keys {
        writing.register(&key.key)?;
    }
    let row = DomainRow { tenure: writing.id, tenure_index: writing.index, evidence: e.evidence, keys, head: writing.id };
    writing.put_domain(domain, &row)?;
    Ok(())
}

/// A domain speaks about itself under its present tenure, with an admin key of its own that is valid at log time.
pub(super) fn speak_for_itself(
    rows: &Rows,
    domain: &Domain,
    signed: Signed<'_>,
    statement: &Statement,
    log_time: TimeMs,
) -> Result<DomainRow, Stop> {
    let Speaker::Domain { tenure, .. } = statement.speaker() else { return Err(misfit().into()) };
    let row: Option<DomainRow> = rows.decoded(&domain_key(domain)?)?;
    let row = row.ok_or_else(|| Refusal::NotClaimed(domain.clone()))?;
    let key = key_under(&row, domain, tenure, statement)?;
    if key.role != Role::Admin || !key.is_valid_at(log_time) {
        return Err(Refusal::KeyMayNot(domain.clone()).into());
    }
    must_verify(signed)?;
    Ok(row)
}

/// The key that a statement names, where it names the domain's present tenure too.
pub(super) fn key_under(row: &DomainRow, domain: &Domain, tenure: &EventId, statement: &Statement) -> Result<DomainKey, Refusal> {
    if *tenure != row.tenure {
        return Err(Refusal::OtherTenure { domain: domain.clone(), tenure: row.tenure });
    }
    let key = row.keys.iter().find(|key| key.key.id() == statement.kid());
    key.copied().ok_or_else(|| Refusal::KeyNotAuthorised(domain.to_string()))
}

/// Puts and removes keys. What only removes goes on from any event of the present tenure: nobody who writes fast keeps it out.
pub(super) fn change_keys(
    writing: &mut Writing,
    rows: &Rows,
    statement: &Statement,
    domain: &Domain,
    row: DomainRow,
    e: &DomainKeysChanged,
    log_time: TimeMs,
) -> Result<(), Stop> {
    if !e.put.is_empty() || !is_of_tenure(rows, statement, domain, &row)? {
        continue_chain(statement, Some(row.head))?;
    }
    let mut keys: BTreeMap<PublicKey, DomainKey> = row.keys.iter().map(|key| (key.key, *key)).collect();
    for id in &e.removed {
        let named = row.keys.iter().find(|key| key.key.id() == *id);
        let named = named.ok_or_else(|| Refusal::NoSuchKey { domain: domain.clone(), key: *id })?;
        keys.remove(&named.key);
    }
    for key in &e.put {
        if keys.insert(key.key, *key).as_ref() == Some(key) {
            return Err(Refusal::KeyUnchanged { domain: domain.clone(), key: key.key.id() }.into());
        }
    }
    if keys.len() > DOMAIN_KEYS {
        return Err(Refusal::TooManyKeys(domain.clone()).into());
    }
    if !keys.values().any(|key| key.role == Role::Admin && key.is_valid_at(log_time)) {
        return Err(Refusal::NoAdminLeft(domain.clone()).into());
    }
    for key in &e.put {
        writing.register(&key.key)?;
    }
    let row = DomainRow { keys: keys.into_values().collect(), head: writing.id, ..row };
    writing.put_domain(domain, &row)?;
    Ok(())
}

/// Whether a statement's `prev` is an event of this domain's chain, of its present tenure.
fn is_of_tenure(rows: &Rows, statement: &Statement, domain: &Domain, row: &DomainRow) -> Result<bool, Defect> {
    let Some(prev) = statement.prev() else { return Ok(false) };
    let found: Option<EventRow> = rows.decoded(&chain_key(domain, &prev)?)?;
    Ok(found.is_some_and(|event| event.index >= row.tenure_index))
}
