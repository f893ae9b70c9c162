//! Whose a domain is, who speaks for it, and its claim (spec/authority.md §4.3, §4.5). On what ground a claim stands is `evidence.rs`'s.

use super::{Stop, Writing, continue_chain, misfit, must_verify};
use crate::decision::Signed;
use crate::refusal::Refusal;
use crate::rows::*;
use deedbox_model::event::{DomainClaimed, DomainKey, Evidence, Role};
use deedbox_model::row::{Defect, Rows};
use deedbox_model::{Domain, EventId, Speaker, Statement, TimeMs};

/// The row of a domain, if anybody ever had it.
pub(super) fn known(rows: &Rows, domain: &Domain) -> Result<Option<DomainRow>, Defect> {
    rows.decoded(&domain_key(domain)?)
}

/// The row of a domain that has a holder.
pub(super) fn held(rows: &Rows, domain: &Domain) -> Result<DomainRow, Stop> {
    let row = known(rows, domain)?.ok_or_else(|| Refusal::NotClaimed(domain.clone()))?;
    if row.released {
        return Err(Refusal::Released(domain.clone()).into());
    }
    Ok(row)
}

/// Nobody has the domain: nobody ever had it, or its holder gave it up. Gives its row.
pub(super) fn is_unclaimed(rows: &Rows, domain: &Domain) -> Result<Option<DomainRow>, Stop> {
    match known(rows, domain)? {
        Some(row) if !row.released => Err(Refusal::AlreadyClaimed(domain.clone()).into()),
        row => Ok(row),
    }
}

/// Nobody who has a domain above has published under it.
pub(super) fn is_unused(rows: &Rows, domain: &Domain) -> Result<(), Stop> {
    match rows.decoded(&covered_key(domain)?)? {
        Some(CoveredRow { by }) => Err(Refusal::SubdomainInUse { domain: domain.clone(), by }.into()),
        None => Ok(()),
    }
}

/// A claim of what is below localhost says so, and no other does.
pub(super) fn is_its_evidence(domain: &Domain, evidence: Evidence) -> Result<(), Refusal> {
    if domain.is_localhost() == (evidence == Evidence::Localhost) { Ok(()) } else { Err(Refusal::WrongEvidence(domain.clone())) }
}

pub(super) fn claim(
    writing: &mut Writing,
    rows: &Rows,
    statement: &Statement,
    domain: &Domain,
    e: &DomainClaimed,
    log_time: TimeMs,
) -> Result<(), Stop> {
    let before = is_unclaimed(rows, domain)?;
    continue_chain(statement, before.as_ref().map(|row| row.head))?;
    is_its_evidence(domain, e.evidence)?;
    is_unused(rows, domain)?;
    let through = if before.is_some() { Through::Reclaim } else { Through::Claim };
    let row = new_tenure(writing, domain, log_time, through, e.evidence, e.acceptance.terms().keys.clone())?;
    writing.put_domain(domain, &row)?;
    Ok(())
}

/// The row of a domain whose holder begins here, with none of the rights that were given before. Registers the keys.
pub(super) fn new_tenure(
    writing: &mut Writing,
    domain: &Domain,
    log_time: TimeMs,
    through: Through,
    evidence: Evidence,
    keys: Vec<DomainKey>,
) -> Result<DomainRow, Defect> {
    for key in &keys {
        writing.register(&key.key)?;
        writing.put(domain_key_key(domain, &key.key.id())?, &DomainKeyRow { index: writing.index, taken: None })?;
    }
    Ok(DomainRow {
        tenure: writing.id,
        tenure_index: writing.index,
        tenure_at: log_time,
        through,
        evidence,
        keys,
        keys_only: false,
        frozen: Freezes::default(),
        recovery: None,
        before: None,
        released: false,
        head: writing.id,
    })
}

/// A domain speaks about itself under its present tenure, with a key of its own whose role speaks of the domain and that is valid at log time.
/// Gives its row and that role.
pub(super) fn speak_for_itself(
    rows: &Rows,
    domain: &Domain,
    signed: Signed<'_>,
    statement: &Statement,
    log_time: TimeMs,
) -> Result<(DomainRow, Role), Stop> {
    let row = held(rows, domain)?;
    let key = key_under(&row, domain, tenure_of(statement)?, statement)?;
    if !key.role.speaks_of_domain() || !key.is_valid_at(log_time) {
        return Err(Refusal::KeyMayNot(domain.clone()).into());
    }
    must_verify(signed)?;
    Ok((row, key.role))
}

/// The tenure under which a domain speaks.
pub(super) fn tenure_of(statement: &Statement) -> Result<&EventId, Refusal> {
    match statement.speaker() {
        Speaker::Domain { tenure, .. } => Ok(tenure),
        Speaker::Registry => Err(misfit()),
    }
}

/// A statement is made under the domain's present tenure.
pub(super) fn is_under(row: &DomainRow, domain: &Domain, tenure: &EventId) -> Result<(), Refusal> {
    if *tenure == row.tenure { Ok(()) } else { Err(Refusal::OtherTenure { domain: domain.clone(), tenure: row.tenure }) }
}

/// The key that a statement names, where it names the domain's present tenure too.
pub(super) fn key_under(row: &DomainRow, domain: &Domain, tenure: &EventId, statement: &Statement) -> Result<DomainKey, Refusal> {
    is_under(row, domain, tenure)?;
    let key = row.keys.iter().find(|key| key.key.id() == statement.kid());
    key.copied().ok_or_else(|| Refusal::KeyNotAuthorised(domain.to_string()))
}

/// The domain has a key of the role `recovery` that can be used.
pub(super) fn has_recovery_key(row: &DomainRow, log_time: TimeMs) -> bool {
    row.keys.iter().any(|key| key.role == Role::Recovery && key.is_valid_at(log_time))
}

/// The domain is not frozen.
pub(super) fn is_not_frozen(row: &DomainRow, domain: &Domain, log_time: TimeMs) -> Result<(), Refusal> {
    if row.frozen.are_in_force(log_time) { Err(Refusal::Frozen(domain.clone())) } else { Ok(()) }
}

/// A statement goes on from some event of this domain's chain, of its present tenure: nobody who writes fast keeps it out.
pub(super) fn continue_tenure(rows: &Rows, statement: &Statement, domain: &Domain, row: &DomainRow) -> Result<(), Stop> {
    if !is_of_tenure(rows, statement, domain, row)? {
        continue_chain(statement, Some(row.head))?;
    }
    Ok(())
}

/// Whether a statement's `prev` is an event of this domain's chain, of its present tenure.
pub(super) fn is_of_tenure(rows: &Rows, statement: &Statement, domain: &Domain, row: &DomainRow) -> Result<bool, Defect> {
    let Some(prev) = statement.prev() else { return Ok(false) };
    let found: Option<EventRow> = rows.decoded(&chain_key(domain, &prev)?)?;
    Ok(found.is_some_and(|event| event.index >= row.tenure_index))
}
