//! A domain is frozen, thawed, handed over or given up (spec/authority.md §4.7, §4.8).

use super::domain::{continue_tenure, has_recovery_key, held, is_not_frozen, new_tenure, speak_for_itself};
use super::evidence::is_fresh;
use super::recovery::is_open;
use super::wait::days;
use super::{Stop, Writing, begun, continue_chain, registry};
use crate::decision::Signed;
use crate::limits::{OPERATOR_FREEZE_DAYS, THAW_DAYS};
use crate::refusal::Refusal;
use crate::rows::{Before, DomainRow, Freeze, Freezes, RegistryRow, Through};
use deedbox_model::event::{DomainTransferred, Role};
use deedbox_model::row::Rows;
use deedbox_model::{Domain, Speaker, Statement, TimeMs};

/// Who speaks: the domain with a key of this role, or the registry.
pub(super) enum By {
    Owner(Role),
    Operator,
}

/// Either the domain speaks of itself, or the registry of a domain that has a holder.
pub(super) fn speak(
    rows: &Rows,
    registry_row: Option<RegistryRow>,
    domain: &Domain,
    signed: Signed<'_>,
    statement: &Statement,
    log_time: TimeMs,
) -> Result<(DomainRow, By), Stop> {
    match statement.speaker() {
        Speaker::Domain { .. } => {
            let (row, role) = speak_for_itself(rows, domain, signed, statement, log_time)?;
            Ok((row, By::Owner(role)))
        }
        Speaker::Registry => {
            registry::speak_for(&begun(registry_row)?, signed, statement)?;
            Ok((held(rows, domain)?, By::Operator))
        }
    }
}

/// Nobody can keep a freeze out by moving the head.
pub(super) fn freeze(
    writing: &mut Writing,
    rows: &Rows,
    statement: &Statement,
    domain: &Domain,
    (row, by): (DomainRow, By),
    log_time: TimeMs,
) -> Result<(), Stop> {
    continue_tenure(rows, statement, domain, &row)?;
    let frozen = match by {
        By::Owner(_) if row.frozen.owner.is_some_and(|freeze| freeze.is_in_force(log_time)) => {
            return Err(Refusal::AlreadyFrozen(domain.clone()).into());
        }
        By::Owner(_) => Freezes { owner: Some(Freeze { at: log_time, until: None }), ..row.frozen },
        By::Operator => {
            let until = Some(log_time.plus_ms(days(domain, OPERATOR_FREEZE_DAYS)));
            Freezes { operator: Some(Freeze { at: log_time, until }), ..row.frozen }
        }
    };
    writing.put_domain(domain, &DomainRow { frozen, head: writing.id, ..row })?;
    Ok(())
}

pub(super) fn thaw(
    writing: &mut Writing,
    statement: &Statement,
    domain: &Domain,
    (row, by): (DomainRow, By),
    log_time: TimeMs,
) -> Result<(), Stop> {
    continue_chain(statement, Some(row.head))?;
    let in_force = |freeze: Option<Freeze>| freeze.filter(|freeze| freeze.is_in_force(log_time));
    let (owner, contest, operator) = (in_force(row.frozen.owner), in_force(row.frozen.contest), in_force(row.frozen.operator));
    let frozen = match by {
        By::Operator if operator.is_none() => return Err(Refusal::NotFrozen(domain.clone()).into()),
        By::Operator => Freezes { operator: None, ..row.frozen },
        By::Owner(_) if owner.is_none() && contest.is_none() => return Err(Refusal::NotFrozen(domain.clone()).into()),
        By::Owner(role) => {
            let from = owner.map(|freeze| freeze.at.plus_ms(days(domain, THAW_DAYS)));
            if let Some(from) = from.filter(|from| log_time < *from) {
                return Err(Refusal::TooSoon { domain: domain.clone(), from }.into());
            }
            if contest.is_some() && role != Role::Recovery {
                return Err(Refusal::RecoveryKeyNeeded(domain.clone()).into());
            }
            Freezes { owner: None, contest: None, ..row.frozen }
        }
    };
    writing.put_domain(domain, &DomainRow { frozen, head: writing.id, ..row })?;
    Ok(())
}

/// A domain can be handed over or given up: at its head, while nothing is in dispute, by the highest of its keys.
fn may_go(statement: &Statement, domain: &Domain, row: &DomainRow, role: Role, log_time: TimeMs) -> Result<(), Refusal> {
    continue_chain(statement, Some(row.head))?;
    is_not_frozen(row, domain, log_time)?;
    if row.recovery.as_ref().is_some_and(|recovery| is_open(domain, recovery, log_time)) {
        return Err(Refusal::RecoveryOpen(domain.clone()));
    }
    if role != Role::Recovery && has_recovery_key(row, log_time) {
        return Err(Refusal::RecoveryKeyNeeded(domain.clone()));
    }
    Ok(())
}

pub(super) fn transfer(
    writing: &mut Writing,
    statement: &Statement,
    domain: &Domain,
    (row, role): (DomainRow, Role),
    e: &DomainTransferred,
    log_time: TimeMs,
) -> Result<(), Stop> {
    may_go(statement, domain, &row, role, log_time)?;
    let terms = e.acceptance.terms();
    is_fresh(domain, terms.until, statement.time(), log_time)?;
    let next = new_tenure(writing, domain, log_time, Through::Transfer, row.evidence, terms.keys.clone())?;
    let before = Some(Before { at: log_time, by: statement.kid(), keys: row.keys });
    writing.put_domain(domain, &DomainRow { before, ..next })?;
    Ok(())
}

pub(super) fn release(
    writing: &mut Writing,
    statement: &Statement,
    domain: &Domain,
    (row, role): (DomainRow, Role),
    log_time: TimeMs,
) -> Result<(), Stop> {
    may_go(statement, domain, &row, role, log_time)?;
    let row = DomainRow {
        keys: Vec::new(),
        keys_only: false,
        frozen: Freezes::default(),
        recovery: None,
        before: None,
        released: true,
        head: writing.id,
        ..row
    };
    writing.put_domain(domain, &row)?;
    Ok(())
}
