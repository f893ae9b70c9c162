//! Whether a domain may go to somebody who has none of its keys, and who may say no (spec/authority.md §4.9 to §4.11).

use super::domain::{About, Said, is_its_evidence, is_strong_enough, is_under};
use super::evidence::{is_fresh, is_seen};
use super::{Stop, Writing, must_verify};
use crate::decision::Signed;
use crate::refusal::Refusal;
use crate::rows::{DomainKeyRow, DomainRow, RegistryRow, Taken, domain_key_key};
use deedbox_model::event::{DomainKey, DomainRecoveryCompleted, DomainRecoveryContested, DomainRecoveryOpened, Evidence};
use deedbox_model::holding::{Recovery, days};
use deedbox_model::limits::{CONTEST_DAYS, TAKEN_DAYS};
use deedbox_model::{EventId, KeyId, TimeMs};

pub(super) fn open(said: &Said<'_>, registry: &RegistryRow, e: &DomainRecoveryOpened) -> Result<DomainRow, Stop> {
    let row = said.about().held()?;
    said.continues_tenure(&row)?;
    may_open(said.about(), &row, e.evidence)?;
    is_fresh(said.domain, e.acceptance.terms().until, said.statement.time(), said.log_time)?;
    if let Some(sight) = &e.sight {
        is_seen(said, registry, (e.evidence, sight), &e.acceptance.record())?;
    }
    Ok(row)
}

/// Whether a recovery can begin on evidence of this class.
pub(super) fn may_open(about: About<'_>, row: &DomainRow, evidence: Evidence) -> Result<(), Refusal> {
    decides_by_evidence(about, row)?;
    if row.open_recovery(about.domain, about.log_time).is_some() {
        return Err(Refusal::RecoveryOpen(about.domain.clone()));
    }
    is_its_evidence(about.domain, evidence)?;
    is_strong_enough(row, about.domain, evidence)
}

fn decides_by_evidence(about: About<'_>, row: &DomainRow) -> Result<(), Refusal> {
    if row.is_keys_only(about.log_time) { Err(Refusal::KeysOnly(about.domain.clone())) } else { Ok(()) }
}

/// Whether this key may say no: to a recovery, or to that it was taken away, which it says once.
pub(super) fn contest(writing: &mut Writing, said: &Said<'_>, signed: Signed<'_>, e: &DomainRecoveryContested) -> Result<DomainRow, Stop> {
    let row = said.about().held()?;
    is_under(&row, said.domain, said.tenure()?)?;
    let kid = said.statement.kid();
    let key = domain_key_key(said.domain, &kid)?;
    let known: Option<DomainKeyRow> = said.rows.decoded(&key)?;
    let known = known.filter(|known| known.index >= row.tenure_index);
    let recovery = e.recovery.as_ref().map(|named| named_and_open(said.about(), &row, named)).transpose()?;
    let may = match recovery {
        Some(recovery) => may_contest_recovery(said, &row, recovery, known, kid),
        None => may_contest_taking(said, known, kid),
    };
    if !may {
        return Err(Refusal::MayNotContest(said.domain.clone()).into());
    }
    must_verify(signed)?;
    said.continues_tenure(&row)?;
    if recovery.is_some_and(|recovery| recovery.contested) {
        return Err(Refusal::AlreadyContested(said.domain.clone()).into());
    }
    if let (None, Some(DomainKeyRow { index, taken: Some(taken) })) = (recovery, known) {
        writing.put(key, &DomainKeyRow { index, taken: Some(Taken { contested: true, ..taken }) })?;
    }
    Ok(row)
}

fn named_and_open<'a>(about: About<'_>, row: &'a DomainRow, named: &EventId) -> Result<&'a Recovery, Refusal> {
    let recovery = row.open_recovery(about.domain, about.log_time).filter(|recovery| recovery.opened == *named);
    recovery.ok_or_else(|| Refusal::NoRecovery(about.domain.clone()))
}

/// A key that speaks of the domain and was there when the recovery was opened; or that was taken away since, or in the days before.
fn may_contest_recovery(said: &Said<'_>, row: &DomainRow, recovery: &Recovery, known: Option<DomainKeyRow>, kid: KeyId) -> bool {
    let Some(known) = known.filter(|known| known.index < recovery.index) else { return false };
    let is_one = |key: &DomainKey| key.key.id() == kid && key.role.speaks_of_domain() && key.is_valid_at(said.log_time);
    let lately = |at: TimeMs| at.plus_ms(days(said.domain, TAKEN_DAYS)) >= recovery.at;
    row.keys.iter().any(is_one) || known.taken.is_some_and(|taken| lately(taken.at))
}

/// A key that spoke of the domain until another key took it away, a few days ago. It says so once.
fn may_contest_taking(said: &Said<'_>, known: Option<DomainKeyRow>, kid: KeyId) -> bool {
    let lately = |at: TimeMs| said.log_time <= at.plus_ms(days(said.domain, CONTEST_DAYS));
    known.and_then(|known| known.taken).is_some_and(|taken| taken.by != kid && !taken.contested && lately(taken.at))
}

pub(super) fn complete(said: &Said<'_>, registry: &RegistryRow, e: &DomainRecoveryCompleted) -> Result<DomainRow, Stop> {
    let row = said.about().held()?;
    said.continues_tenure(&row)?;
    let recovery = may_complete(said.about(), &row, &e.recovery, e.evidence)?;
    if let Some(sight) = &e.sight {
        is_seen(said, registry, (e.evidence, sight), &recovery.record)?;
    }
    Ok(row)
}

/// Whether the recovery of this name can end on evidence of this class.
pub(super) fn may_complete<'a>(about: About<'_>, row: &'a DomainRow, named: &EventId, evidence: Evidence) -> Result<&'a Recovery, Refusal> {
    let recovery = named_and_open(about, row, named)?;
    let from = recovery.waits_until(about.domain);
    if about.log_time < from {
        return Err(Refusal::TooSoon { domain: about.domain.clone(), from });
    }
    is_its_evidence(about.domain, evidence)?;
    is_strong_enough(row, about.domain, evidence)?;
    Ok(recovery)
}
