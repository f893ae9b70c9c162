//! A domain goes to somebody who has none of its keys, or is kept from that (spec/authority.md §4.9 to §4.11).

use super::domain::{continue_tenure, held, is_its_evidence, is_under, new_tenure, tenure_of};
use super::evidence::{is_fresh, is_seen};
use super::wait::days;
use super::{Stop, Writing, must_verify};
use crate::decision::Signed;
use crate::limits::{COMPLETION_DAYS, CONTEST_DAYS, CONTEST_FREEZE_DAYS, CONTESTED_DAYS, RECOVERY_DAYS, TAKEN_DAYS};
use crate::refusal::Refusal;
use crate::rows::*;
use deedbox_model::event::{DomainKey, DomainRecoveryCompleted, DomainRecoveryContested, DomainRecoveryOpened, Evidence};
use deedbox_model::row::Rows;
use deedbox_model::{Domain, EventId, KeyId, Statement, TimeMs};

/// Until when its holder can say no.
fn waits_until(domain: &Domain, recovery: &Recovery) -> TimeMs {
    let wait = if recovery.contested { CONTESTED_DAYS } else { RECOVERY_DAYS };
    recovery.at.plus_ms(days(domain, wait))
}

/// Until when it can be completed.
fn open_until(domain: &Domain, recovery: &Recovery) -> TimeMs {
    waits_until(domain, recovery).plus_ms(days(domain, COMPLETION_DAYS))
}

/// Whether it can still come to something.
pub(super) fn is_open(domain: &Domain, recovery: &Recovery, log_time: TimeMs) -> bool {
    log_time < open_until(domain, recovery)
}

fn decides_by_evidence(row: &DomainRow, domain: &Domain) -> Result<(), Refusal> {
    if row.keys_only { Err(Refusal::KeysOnly(domain.clone())) } else { Ok(()) }
}

/// The operator's word alone prevails over nothing but the operator's word.
fn is_strong_enough(row: &DomainRow, domain: &Domain, evidence: Evidence) -> Result<(), Refusal> {
    is_its_evidence(domain, evidence)?;
    if evidence == Evidence::Operator && row.evidence != Evidence::Operator {
        return Err(Refusal::WeakerEvidence(domain.clone()));
    }
    Ok(())
}

pub(super) fn open(
    writing: &mut Writing,
    rows: &Rows,
    registry: &RegistryRow,
    statement: &Statement,
    domain: &Domain,
    e: &DomainRecoveryOpened,
    log_time: TimeMs,
) -> Result<(), Stop> {
    let row = held(rows, domain)?;
    continue_tenure(rows, statement, domain, &row)?;
    decides_by_evidence(&row, domain)?;
    if row.recovery.as_ref().is_some_and(|recovery| is_open(domain, recovery, log_time)) {
        return Err(Refusal::RecoveryOpen(domain.clone()).into());
    }
    is_strong_enough(&row, domain, e.evidence)?;
    let (terms, record) = (e.acceptance.terms(), e.acceptance.record());
    is_fresh(domain, terms.until, statement.time(), log_time)?;
    if let Some(sight) = &e.sight {
        is_seen(registry, statement, domain, (e.evidence, sight), &record, log_time)?;
    }
    for key in &terms.keys {
        writing.register(&key.key)?;
    }
    let (opened, index, keys) = (writing.id, writing.index, terms.keys.clone());
    let recovery = Recovery { opened, index, at: log_time, record, evidence: e.evidence, keys, contested: false };
    // The dispute that a contest began goes on as long as there is a way to end it.
    let contest = row.frozen.contest.filter(|freeze| freeze.is_in_force(log_time));
    let contest = contest.map(|freeze| Freeze { until: Some(open_until(domain, &recovery)), ..freeze });
    let frozen = Freezes { contest, ..row.frozen };
    writing.put_domain(domain, &DomainRow { recovery: Some(recovery), frozen, head: writing.id, ..row })?;
    Ok(())
}

pub(super) fn contest(
    writing: &mut Writing,
    rows: &Rows,
    signed: Signed<'_>,
    statement: &Statement,
    domain: &Domain,
    e: &DomainRecoveryContested,
    log_time: TimeMs,
) -> Result<(), Stop> {
    let row = held(rows, domain)?;
    is_under(&row, domain, tenure_of(statement)?)?;
    let kid = statement.kid();
    let known: Option<DomainKeyRow> = rows.decoded(&domain_key_key(domain, &kid)?)?;
    let known = known.filter(|known| known.index >= row.tenure_index);
    match &e.recovery {
        Some(named) => {
            let recovery = named_and_open(&row, domain, named, log_time)?;
            if !may_contest_recovery(&row, domain, recovery, known, kid, log_time) {
                return Err(Refusal::MayNotContest(domain.clone()).into());
            }
            must_verify(signed)?;
            continue_tenure(rows, statement, domain, &row)?;
            if recovery.contested {
                return Err(Refusal::AlreadyContested(domain.clone()).into());
            }
            let recovery = Recovery { contested: true, ..recovery.clone() };
            let contest = Some(Freeze { at: log_time, until: Some(open_until(domain, &recovery)) });
            let frozen = Freezes { contest, ..row.frozen };
            writing.put_domain(domain, &DomainRow { recovery: Some(recovery), frozen, head: writing.id, ..row })?;
        }
        None => {
            if !may_contest_taking(&row, domain, known, kid, log_time) {
                return Err(Refusal::MayNotContest(domain.clone()).into());
            }
            must_verify(signed)?;
            continue_tenure(rows, statement, domain, &row)?;
            let open = row.recovery.as_ref().filter(|recovery| is_open(domain, recovery, log_time));
            let until = log_time.plus_ms(days(domain, CONTEST_FREEZE_DAYS));
            let until = open.map_or(until, |recovery| until.max(open_until(domain, recovery)));
            let frozen = Freezes { contest: Some(Freeze { at: log_time, until: Some(until) }), ..row.frozen };
            if let Some(known) = known {
                writing.put(domain_key_key(domain, &kid)?, &DomainKeyRow { taken: None, ..known })?;
            }
            writing.put_domain(domain, &DomainRow { before: None, frozen, head: writing.id, ..row })?;
        }
    }
    Ok(())
}

fn named_and_open<'a>(row: &'a DomainRow, domain: &Domain, named: &EventId, log_time: TimeMs) -> Result<&'a Recovery, Refusal> {
    let recovery = row.recovery.as_ref().filter(|recovery| recovery.opened == *named && is_open(domain, recovery, log_time));
    recovery.ok_or_else(|| Refusal::NoRecovery(domain.clone()))
}

/// A key that speaks of the domain and was there when the recovery was opened; or that was taken away since, or in the days before.
fn may_contest_recovery(
    row: &DomainRow,
    domain: &Domain,
    recovery: &Recovery,
    known: Option<DomainKeyRow>,
    kid: KeyId,
    log_time: TimeMs,
) -> bool {
    let Some(known) = known.filter(|known| known.index < recovery.index) else { return false };
    let is_one = |key: &DomainKey| key.key.id() == kid && key.role.speaks_of_domain() && key.is_valid_at(log_time);
    row.keys.iter().any(is_one) || known.taken.is_some_and(|taken| taken.at.plus_ms(days(domain, TAKEN_DAYS)) >= recovery.at)
}

/// A key that spoke of the domain until another key took it away, or handed the domain over, a few days ago.
fn may_contest_taking(row: &DomainRow, domain: &Domain, known: Option<DomainKeyRow>, kid: KeyId, log_time: TimeMs) -> bool {
    let lately = |at: TimeMs, by: KeyId| by != kid && log_time <= at.plus_ms(days(domain, CONTEST_DAYS));
    let was_one = |before: &&Before| before.keys.iter().any(|key| key.key.id() == kid && key.role.speaks_of_domain());
    known.and_then(|known| known.taken).is_some_and(|taken| lately(taken.at, taken.by))
        || row.before.as_ref().filter(was_one).is_some_and(|before| lately(before.at, before.by))
}

pub(super) fn complete(
    writing: &mut Writing,
    rows: &Rows,
    registry: &RegistryRow,
    statement: &Statement,
    domain: &Domain,
    e: &DomainRecoveryCompleted,
    log_time: TimeMs,
) -> Result<(), Stop> {
    let row = held(rows, domain)?;
    continue_tenure(rows, statement, domain, &row)?;
    let recovery = named_and_open(&row, domain, &e.recovery, log_time)?;
    decides_by_evidence(&row, domain)?;
    let from = waits_until(domain, recovery);
    if log_time < from {
        return Err(Refusal::TooSoon { domain: domain.clone(), from }.into());
    }
    is_strong_enough(&row, domain, e.evidence)?;
    if let Some(sight) = &e.sight {
        is_seen(registry, statement, domain, (e.evidence, sight), &recovery.record, log_time)?;
    }
    let next = new_tenure(writing, domain, log_time, Through::Recovery, e.evidence, recovery.keys.clone())?;
    let frozen = Freezes { contest: None, ..row.frozen };
    writing.put_domain(domain, &DomainRow { frozen, ..next })?;
    Ok(())
}
