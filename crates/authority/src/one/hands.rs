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
        By::Owner(_) if is_in_force(said, row.frozen.owner) => Err(Refusal::AlreadyFrozen(said.domain.clone()).into()),
        By::Owner(_) | By::Operator => Ok(row),
    }
}

fn is_in_force(said: &Said<'_>, freeze: Option<Freeze>) -> bool {
    freeze.is_some_and(|freeze| freeze.is_in_force(said.log_time))
}

/// Each thaws what it froze itself; what a key froze by contesting, a recovery key thaws.
pub(super) fn thaw(said: &Said<'_>, (row, by): (DomainRow, By)) -> Result<DomainRow, Stop> {
    said.continues(&row)?;
    let (owner, contest) = (is_in_force(said, row.frozen.owner), is_in_force(said, row.frozen.contest));
    let not_frozen = || Err(Refusal::NotFrozen(said.domain.clone()).into());
    match by {
        By::Operator if !is_in_force(said, row.frozen.operator) => not_frozen(),
        By::Operator => Ok(row),
        By::Owner(_) if !owner && !contest => not_frozen(),
        By::Owner(role) => {
            let from = row.thaws_from(said.domain).filter(|from| owner && said.log_time < *from);
            if let Some(from) = from {
                return Err(Refusal::TooSoon { domain: said.domain.clone(), from }.into());
            }
            if contest && role != Role::Recovery {
                return Err(Refusal::RecoveryKeyNeeded(said.domain.clone()).into());
            }
            Ok(row)
        }
    }
}

pub(super) fn transfer(said: &Said<'_>, spoken: (DomainRow, Role), e: &DomainTransferred) -> Result<DomainRow, Stop> {
    let row = release(said, spoken)?;
    is_fresh(said.domain, e.acceptance.terms().until, said.statement.time(), said.log_time)?;
    Ok(row)
}

/// A domain can be given up, or handed over: at its head, while nothing is in dispute, by the highest of its keys.
pub(super) fn release(said: &Said<'_>, (row, role): (DomainRow, Role)) -> Result<DomainRow, Stop> {
    said.continues(&row)?;
    said.is_not_frozen(&row)?;
    if row.open_recovery(said.domain, said.log_time).is_some() {
        return Err(Refusal::RecoveryOpen(said.domain.clone()).into());
    }
    if role != Role::Recovery && said.has_recovery_key(&row) {
        return Err(Refusal::RecoveryKeyNeeded(said.domain.clone()).into());
    }
    Ok(row)
}
