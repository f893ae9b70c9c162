//! A domain's keys (spec/authority.md §4.5).

use super::domain::Said;
use super::{Stop, Writing};
use crate::refusal::Refusal;
use crate::rows::{DomainKeyRow, DomainRow, Taken, domain_key_key};
use deedbox_model::KeyId;
use deedbox_model::event::{DomainKey, DomainKeysChanged, Role};
use deedbox_model::holding::days;
use deedbox_model::limits::{DOMAIN_KEYS, RECOVERY_KEY_DAYS};

/// Whether keys may be changed so, by the word of this key. What only removes goes on from any event of the present tenure. Notes of each key
/// that is named who took it away.
pub(super) fn change(
    writing: &mut Writing,
    said: &Said<'_>,
    (row, by): (DomainRow, DomainKey),
    e: &DomainKeysChanged,
) -> Result<DomainRow, Stop> {
    let domain = said.domain;
    if e.only_removes() {
        said.continues_tenure(&row)?;
    } else {
        said.continues(&row)?;
        said.about().is_not_frozen(&row)?;
    }
    let replaced = replaced(said, &row, e)?;
    if by.role == Role::Admin {
        leaves_recovery_alone(said, &row, e, &replaced)?;
    }
    begins_late(said, e)?;
    let keys = row.keys_after(e);
    if keys.len() > DOMAIN_KEYS {
        return Err(Refusal::TooManyKeys(domain.clone()).into());
    }
    if !keys.iter().any(|key| key.role == Role::Admin && key.is_valid_at(said.log_time)) {
        return Err(Refusal::NoAdminLeft(domain.clone()).into());
    }
    if e.keys_only.unwrap_or(row.keys_only.is_some()) && !keys.iter().any(|key| key.role == Role::Recovery) {
        return Err(Refusal::NoRecoveryKey(domain.clone()).into());
    }
    note_taken(writing, said, &row, e, &replaced)?;
    Ok(row)
}

/// Notes of each key that spoke of the domain by whose word it does so no more, or otherwise; and of each that is put since when it is there.
fn note_taken(writing: &mut Writing, said: &Said<'_>, row: &DomainRow, e: &DomainKeysChanged, replaced: &[DomainKey]) -> Result<(), Stop> {
    let speaks = |key: &DomainKey| key.role.speaks_of_domain() && key.is_valid_at(said.log_time);
    let spoke = |id: KeyId| replaced.iter().any(|key| key.key.id() == id && speaks(key));
    let is_back = |id: KeyId| e.put.iter().any(|key| key.key.id() == id && speaks(key) && key.until.is_none());
    for id in e.put.iter().map(|key| key.key.id()).chain(e.removed.iter().copied().filter(|id| spoke(*id))) {
        let key = domain_key_key(said.domain, &id)?;
        let known: Option<DomainKeyRow> = said.rows.decoded(&key)?;
        let known = known.filter(|known| known.index >= row.tenure_index);
        let mut next = known.unwrap_or(DomainKeyRow { index: writing.index, taken: None });
        if spoke(id) {
            next.taken = Some(Taken { at: said.log_time, by: said.statement.kid(), contested: false });
        } else if is_back(id) {
            next.taken = None;
        }
        writing.put(key, &next)?;
    }
    Ok(())
}

/// The keys of the domain that are removed, or get another role or other times, as they were.
fn replaced(said: &Said<'_>, row: &DomainRow, e: &DomainKeysChanged) -> Result<Vec<DomainKey>, Refusal> {
    let known = |id: KeyId| row.keys.iter().find(|key| key.key.id() == id).copied();
    let mut replaced = Vec::new();
    for id in &e.removed {
        replaced.push(known(*id).ok_or_else(|| Refusal::NoSuchKey { domain: said.domain.clone(), key: *id })?);
    }
    for key in &e.put {
        let before = known(key.key.id());
        if before == Some(*key) {
            return Err(Refusal::KeyUnchanged { domain: said.domain.clone(), key: key.key.id() });
        }
        replaced.extend(before);
    }
    Ok(replaced)
}

/// What an admin key may not do to the recovery keys, which are above it.
fn leaves_recovery_alone(said: &Said<'_>, row: &DomainRow, e: &DomainKeysChanged, replaced: &[DomainKey]) -> Result<(), Refusal> {
    let touched = e.put.iter().chain(replaced).any(|key| key.role == Role::Recovery);
    if e.keys_only.is_some() || touched && said.about().has_recovery_key(row) {
        return Err(Refusal::RecoveryKeyNeeded(said.domain.clone()));
    }
    Ok(())
}

/// Whoever puts a recovery key: everybody has time to see that one comes, and to take it away.
fn begins_late(said: &Said<'_>, e: &DomainKeysChanged) -> Result<(), Refusal> {
    let earliest = said.log_time.plus_ms(days(said.domain, RECOVERY_KEY_DAYS));
    let mut put = e.put.iter().filter(|key| key.role == Role::Recovery);
    if put.any(|key| key.from.is_none_or(|from| from < earliest)) {
        return Err(Refusal::RecoveryTooSoon { domain: said.domain.clone(), earliest });
    }
    Ok(())
}
