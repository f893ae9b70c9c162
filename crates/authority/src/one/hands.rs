//! Whether a domain may be frozen, thawed, handed over or given up (spec/authority.md §4.7, §4.8).

use super::Stop;
use super::domain::{By, Said};
use super::evidence::is_fresh;
use crate::refusal::Refusal;
use crate::rows::DomainRow;
use deedbox_model::event::{DomainTransferred, Role};
use deedbox_model::holding::Freeze;

/// Nobody can keep a freeze out by moving the head.
pub(super) fn freeze(said: &Said<'_>, (row, by): (DomainRow, By)) -> Result<DomainRow, Stop> {
    said.continues_tenure(&row)?;
    match by {
        By::Owner if is_in_force(said, row.frozen.owner) => Err(Refusal::AlreadyFrozen(said.domain.clone()).into()),
        By::Owner | By::Operator => Ok(row),
    }
}

fn is_in_force(said: &Said<'_>, freeze: Option<Freeze>) -> bool {
    freeze.is_some_and(|freeze| freeze.is_in_force(said.log_time))
}

/// Each thaws what it froze itself; what a key froze by contesting, a recovery key thaws that was one before. Nobody does in the first days.
pub(super) fn thaw(said: &Said<'_>, (row, by): (DomainRow, By)) -> Result<DomainRow, Stop> {
    said.continues(&row)?;
    let in_force = |freeze: Option<Freeze>| freeze.filter(|freeze| freeze.is_in_force(said.log_time));
    let (owner, contest, operator) = (in_force(row.frozen.owner), in_force(row.frozen.contest), in_force(row.frozen.operator));
    let is_frozen = match by {
        By::Owner => owner.is_some() || contest.is_some(),
        By::Operator => operator.is_some(),
    };
    if !is_frozen {
        return Err(Refusal::NotFrozen(said.domain.clone()).into());
    }
    if let By::Owner = by {
        let from = owner.into_iter().chain(contest).map(|freeze| row.thaws_from(said.domain, freeze)).max();
        if let Some(from) = from.filter(|from| said.log_time < *from) {
            return Err(Refusal::TooSoon { domain: said.domain.clone(), from }.into());
        }
        if contest.is_some_and(|freeze| !was_recovery_key(said, &row, freeze)) {
            return Err(Refusal::RecoveryKeyNeeded(said.domain.clone()).into());
        }
    }
    Ok(row)
}

/// Whether the key that speaks was a recovery key when this began.
fn was_recovery_key(said: &Said<'_>, row: &DomainRow, freeze: Freeze) -> bool {
    let kid = said.statement.kid();
    row.keys.iter().any(|key| key.key.id() == kid && key.role == Role::Recovery && key.is_valid_at(freeze.at))
}

pub(super) fn transfer(said: &Said<'_>, spoken: (DomainRow, Role), e: &DomainTransferred) -> Result<DomainRow, Stop> {
    let row = release(said, spoken)?;
    is_fresh(said.domain, e.acceptance.terms().until, said.statement.time(), said.log_time)?;
    Ok(row)
}

/// A domain can be given up, or handed over, for good: at its head, while nothing is in dispute, by a key that is kept offline.
pub(super) fn release(said: &Said<'_>, (row, role): (DomainRow, Role)) -> Result<DomainRow, Stop> {
    said.continues(&row)?;
    said.is_not_frozen(&row)?;
    if row.open_recovery(said.domain, said.log_time).is_some() {
        return Err(Refusal::RecoveryOpen(said.domain.clone()).into());
    }
    if role != Role::Recovery {
        return Err(Refusal::RecoveryKeyNeeded(said.domain.clone()).into());
    }
    Ok(row)
}
