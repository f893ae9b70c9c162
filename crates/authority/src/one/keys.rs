//! A domain's keys (spec/authority.md §4.5).

use super::domain::Said;
use super::{Stop, Writing};
use crate::refusal::Refusal;
use crate::rows::{DomainKeyRow, DomainRow, Taken, domain_key_key};
use deedbox_model::KeyId;
use deedbox_model::event::{DomainKey, DomainKeysChanged, Role};
use deedbox_model::holding::days;
use deedbox_model::limits::{DOMAIN_KEYS, RECOVERY_KEY_DAYS};

/// Whether keys may be changed so, by the word of a key of this role. What only removes goes on from any event of the present tenure. Notes of each key
/// that is named who took it away.
pub(super) fn change(
    writing: &mut Writing,
    said: &Said<'_>,
    (row, role): (DomainRow, Role),
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
    if role == Role::Admin {
        leaves_recovery_alone(said, &row, e, &replaced)?;
    }
    let keys = row.keys_after(e);
    if keys.len() > DOMAIN_KEYS {
        return Err(Refusal::TooManyKeys(domain.clone()).into());
    }
    if !keys.iter().any(|key| key.role == Role::Admin && key.is_valid_at(said.log_time)) {
        return Err(Refusal::NoAdminLeft(domain.clone()).into());
    }
    if e.keys_only.unwrap_or(row.keys_only) && !keys.iter().any(|key| key.role == Role::Recovery) {
        return Err(Refusal::NoRecoveryKey(domain.clone()).into());
    }
    let spoke = |id: KeyId| replaced.iter().any(|key| key.key.id() == id && key.role.speaks_of_domain());
    // Of a publishing key that is removed there is nothing to note.
    for id in e.put.iter().map(|key| key.key.id()).chain(e.removed.iter().copied().filter(|id| spoke(*id))) {
        let key = domain_key_key(domain, &id)?;
        let known: Option<DomainKeyRow> = said.rows.decoded(&key)?;
        let known = known.filter(|known| known.index >= row.tenure_index);
        let mut next = known.unwrap_or(DomainKeyRow { index: writing.index, taken: None });
        if spoke(id) {
            next.taken = Some(Taken { at: said.log_time, by: said.statement.kid() });
        }
        writing.put(key, &next)?;
    }
    Ok(row)
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

/// What an admin key may not do to the recovery keys, which are above it; and where there are none yet, everybody has time to see that one comes.
fn leaves_recovery_alone(said: &Said<'_>, row: &DomainRow, e: &DomainKeysChanged, replaced: &[DomainKey]) -> Result<(), Refusal> {
    let needs_one = || Err(Refusal::RecoveryKeyNeeded(said.domain.clone()));
    if e.keys_only.is_some() {
        return needs_one();
    }
    let mut put = e.put.iter().filter(|key| key.role == Role::Recovery);
    if said.about().has_recovery_key(row) {
        let touched = put.next().is_some() || replaced.iter().any(|key| key.role == Role::Recovery);
        return if touched { needs_one() } else { Ok(()) };
    }
    let earliest = said.log_time.plus_ms(days(said.domain, RECOVERY_KEY_DAYS));
    if put.any(|key| key.from.is_none_or(|from| from < earliest)) {
        return Err(Refusal::RecoveryTooSoon { domain: said.domain.clone(), earliest });
    }
    Ok(())
}
