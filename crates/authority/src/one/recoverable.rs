//! Whether a recovery of a domain is to be had, and what comes next in it: what the rows say before anybody has looked at the domain. It spares a
//! claimant a way that ends in a refusal, and gives no right: the decider judges what is filed.

use super::Stop;
use super::evidence::{has_ground, is_fresh};
use crate::refusal::Refusal;
use crate::rows::{DomainRow, EventRow, RegistryRow, TimeRow, chain_key, domain_key, registry_key, time_key};
use deedbox_model::event::Acceptance;
use deedbox_model::row::{Defect, Keys, Rows};
use deedbox_model::{DnsAnchor, EventId, Subject, TimeMs};

/// What is to be filed next for a claimant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NextOfRecovery {
    /// Nothing is open: its opening.
    Open,
    /// Its wait is over: its completion.
    Complete {
        /// The event that opened it.
        opened: EventId,
        /// Whether a key of the domain contested it.
        contested: bool,
    },
}

/// The rows that [`next_of_recovery`] needs.
pub fn rows_of_recovery(acceptance: &Acceptance) -> Result<Keys, Defect> {
    let domain = acceptance.domain();
    let mut keys = Keys::from([registry_key()?, time_key()?, domain_key(domain)?]);
    if let Some(prev) = acceptance.terms().prev {
        keys.insert(chain_key(domain, &prev)?);
    }
    Ok(keys)
}

/// What comes next in the recovery that this acceptance asks for, and the anchors of DNS from which a look at the domain starts; or why nothing can
/// come now.
pub fn next_of_recovery(
    rows: &Rows,
    acceptance: &Acceptance,
    now: TimeMs,
) -> Result<Result<(NextOfRecovery, Vec<DnsAnchor>), Refusal>, Defect> {
    match next(rows, acceptance, now) {
        Ok(next) => Ok(Ok(next)),
        Err(Stop::Refused(refusal)) => Ok(Err(refusal)),
        Err(Stop::Defect(defect)) => Err(defect),
    }
}

fn next(rows: &Rows, acceptance: &Acceptance, now: TimeMs) -> Result<(NextOfRecovery, Vec<DnsAnchor>), Stop> {
    let domain = acceptance.domain();
    let registry: RegistryRow = rows.decoded(&registry_key()?)?.ok_or(Refusal::NotTheBeginning)?;
    let log_time = rows.decoded::<TimeRow>(&time_key()?)?.map(|row| row.time).unwrap_or_default().max(now);
    let row: DomainRow = rows.decoded(&domain_key(domain)?)?.ok_or_else(|| Refusal::NotClaimed(domain.clone()))?;
    if row.released {
        return Err(Refusal::Released(domain.clone()).into());
    }
    let next = match row.open_recovery(domain, log_time) {
        None => {
            if row.is_keys_only(log_time) {
                return Err(Refusal::KeysOnly(domain.clone()).into());
            }
            is_of_tenure(rows, acceptance, &row)?;
            is_fresh(domain, acceptance.terms().until, now, log_time)?;
            NextOfRecovery::Open
        }
        Some(open) if open.record != acceptance.record() => return Err(Refusal::RecoveryOpen(domain.clone()).into()),
        Some(open) => {
            let from = open.waits_until(domain);
            // Whoever contested it is heard at once, and not when the wait is over.
            if log_time < from && !open.contested {
                return Err(Refusal::TooSoon { domain: domain.clone(), from }.into());
            }
            NextOfRecovery::Complete { opened: open.opened, contested: open.contested }
        }
    };
    if !domain.is_localhost() {
        has_ground(&registry, domain)?;
    }
    Ok((next, registry.dns_anchors))
}

/// The acceptance goes on from an event of the present tenure.
fn is_of_tenure(rows: &Rows, acceptance: &Acceptance, row: &DomainRow) -> Result<(), Stop> {
    let (domain, prev) = (acceptance.domain(), acceptance.terms().prev);
    let known: Option<EventRow> = match prev {
        Some(prev) => rows.decoded(&chain_key(domain, &prev)?)?,
        None => None,
    };
    if known.is_some_and(|event| event.index >= row.tenure_index) {
        return Ok(());
    }
    Err(Refusal::StalePrev { subject: Subject::Domain(domain.clone()).to_string(), found: prev, head: Some(row.head) }.into())
}
