//! Whether a domain may be frozen, thawed, handed over or given up (spec/authority.md §4.7, §4.8).

use super::Stop;
use super::domain::{About, By, Said};
use super::evidence::is_fresh;
use crate::refusal::Refusal;
use crate::rows::DomainRow;
use deedbox_model::event::{DomainKey, DomainTransferred, Role};
use deedbox_model::holding::Freeze;

/// Nobody can keep a freeze out by moving the head.
pub(super) fn freeze(said: &Said<'_>, (row, by): (DomainRow, By)) -> Result<DomainRow, Stop> {
    said.continues_tenure(&row)?;
    may_freeze(said.about(), &row, by)?;
    Ok(row)
}

pub(super) fn may_freeze(about: About<'_>, row: &DomainRow, by: By) -> Result<(), Refusal> {
    match by {
        By::Owner(_) if is_in_force(about, row.frozen.owner) => Err(Refusal::AlreadyFrozen(about.domain.clone())),
        By::Owner(_) | By::Operator => Ok(()),
    }
}

fn is_in_force(about: About<'_>, freeze: Option<Freeze>) -> bool {
    freeze.is_some_and(|freeze| freeze.is_in_force(about.log_time))
}

pub(super) fn thaw(said: &Said<'_>, (row, by): (DomainRow, By)) -> Result<DomainRow, Stop> {
    said.continues(&row)?;
    may_thaw(said.about(), &row, by)?;
    Ok(row)
}

/// Each thaws what it froze itself; what a key froze by contesting, a recovery key thaws that was one before. Nobody does in the first days.
pub(super) fn may_thaw(about: About<'_>, row: &DomainRow, by: By) -> Result<(), Refusal> {
    let in_force = |freeze: Option<Freeze>| freeze.filter(|freeze| freeze.is_in_force(about.log_time));
    let (owner, contest) = (in_force(row.frozen.owner), in_force(row.frozen.contest));
    let not_frozen = || Err(Refusal::NotFrozen(about.domain.clone()));
    match by {
        By::Operator if in_force(row.frozen.operator).is_none() => not_frozen(),
        By::Operator => Ok(()),
        By::Owner(_) if owner.is_none() && contest.is_none() => not_frozen(),
        By::Owner(key) => {
            let from = owner.into_iter().chain(contest).map(|freeze| row.thaws_from(about.domain, freeze)).max();
            if let Some(from) = from.filter(|from| about.log_time < *from) {
                return Err(Refusal::TooSoon { domain: about.domain.clone(), from });
            }
            if contest.is_some_and(|freeze| key.role != Role::Recovery || !key.is_valid_at(freeze.at)) {
                return Err(Refusal::RecoveryKeyNeeded(about.domain.clone()));
            }
            Ok(())
        }
    }
}

pub(super) fn transfer(said: &Said<'_>, spoken: (DomainRow, DomainKey), e: &DomainTransferred) -> Result<DomainRow, Stop> {
    let row = release(said, spoken)?;
    is_fresh(said.domain, e.acceptance.terms().until, said.statement.time(), said.log_time)?;
    Ok(row)
}

/// A domain can be given up, or handed over, at its head.
pub(super) fn release(said: &Said<'_>, (row, key): (DomainRow, DomainKey)) -> Result<DomainRow, Stop> {
    said.continues(&row)?;
    may_release(said.about(), &row, key.role)?;
    Ok(row)
}

/// While nothing is in dispute, for good, by a key that is kept offline.
pub(super) fn may_release(about: About<'_>, row: &DomainRow, role: Role) -> Result<(), Refusal> {
    about.is_not_frozen(row)?;
    if row.open_recovery(about.domain, about.log_time).is_some() {
        return Err(Refusal::RecoveryOpen(about.domain.clone()));
    }
    if role != Role::Recovery {
        return Err(Refusal::RecoveryKeyNeeded(about.domain.clone()));
    }
    Ok(())
}
