//! Who else may speak for a domain's packages (spec/authority.md §4.4, §4.12, §4.13).

use super::domain::Said;
use super::{Stop, Writing};
use crate::refusal::Refusal;
use crate::rows::{DomainRow, GrantRow, grant_key};
use deedbox_model::event::{PublisherGranted, PublisherRevoked};
use deedbox_model::row::Rows;
use deedbox_model::{Domain, EventId};

/// A grant of this domain's present tenure.
pub(super) fn of_tenure(rows: &Rows, grant: &EventId, domain: &Domain, row: &DomainRow) -> Result<GrantRow, Stop> {
    let found: Option<GrantRow> = rows.decoded(&grant_key(grant)?)?;
    let found = found.filter(|found| &found.domain == domain && found.tenure == row.tenure);
    Ok(found.ok_or_else(|| Refusal::NoSuchGrant { domain: domain.clone(), grant: *grant })?)
}

pub(super) fn grant(writing: &mut Writing, said: &Said<'_>, row: DomainRow, e: &PublisherGranted) -> Result<DomainRow, Stop> {
    said.continues(&row)?;
    said.about().is_not_frozen(&row)?;
    let granted = GrantRow {
        domain: said.domain.clone(),
        tenure: row.tenure,
        key: e.key,
        ids: e.ids.clone(),
        actions: e.actions.clone(),
        until: e.until,
        revoked: false,
    };
    if !granted.is_in_force(said.log_time) {
        return Err(Refusal::GrantOver { domain: said.domain.clone(), grant: writing.id }.into());
    }
    writing.register(&e.key)?;
    writing.put(grant_key(&writing.id)?, &granted)?;
    Ok(row)
}

/// Lands from any event of the tenure, frozen or not: nobody who writes fast keeps it out.
pub(super) fn revoke(writing: &mut Writing, said: &Said<'_>, row: DomainRow, e: &PublisherRevoked) -> Result<DomainRow, Stop> {
    said.continues_tenure(&row)?;
    let granted = of_tenure(said.rows, &e.grant, said.domain, &row)?;
    if granted.revoked {
        return Err(Refusal::GrantOver { domain: said.domain.clone(), grant: e.grant }.into());
    }
    writing.put(grant_key(&e.grant)?, &GrantRow { revoked: true, ..granted })?;
    Ok(row)
}
