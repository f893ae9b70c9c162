//! A domain's keys (spec/authority.md §4.5).

use super::domain::{continue_tenure, has_recovery_key, is_not_frozen};
use super::wait::days;
use super::{Stop, Writing, continue_chain};
use crate::limits::RECOVERY_KEY_DAYS;
use crate::refusal::Refusal;
use crate::rows::{DomainKeyRow, DomainRow, Taken, domain_key_key};
use deedbox_model::event::{DomainKey, DomainKeysChanged, Role};
use deedbox_model::limits::DOMAIN_KEYS;
use deedbox_model::row::Rows;
use deedbox_model::{Domain, KeyId, PublicKey, Statement, TimeMs};
use std::collections::BTreeMap;

/// Puts and removes keys, by the word of a key of this role. What only removes goes on from any event of the present tenure.
pub(super) fn change(
    writing: &mut Writing,
    rows: &Rows,
    statement: &Statement,
    domain: &Domain,
    (row, role): (DomainRow, Role),
    e: &DomainKeysChanged,
    log_time: TimeMs,
) -> Result<(), Stop> {
    if e.only_removes() {
        continue_tenure(rows, statement, domain, &row)?;
    } else {
        continue_chain(statement, Some(row.head))?;
        is_not_frozen(&row, domain, log_time)?;
    }
    let mut keys: BTreeMap<PublicKey, DomainKey> = row.keys.iter().map(|key| (key.key, *key)).collect();
    let mut replaced: Vec<DomainKey> = Vec::new();
    for id in &e.removed {
        let named = row.keys.iter().find(|key| key.key.id() == *id);
        let named = named.ok_or_else(|| Refusal::NoSuchKey { domain: domain.clone(), key: *id })?;
        replaced.extend(keys.remove(&named.key));
    }
    for key in &e.put {
        let before = keys.insert(key.key, *key);
        if before == Some(*key) {
            return Err(Refusal::KeyUnchanged { domain: domain.clone(), key: key.key.id() }.into());
        }
        replaced.extend(before);
    }
    if role == Role::Admin {
        leaves_recovery_alone(&row, domain, e, &replaced, log_time)?;
    }
    if keys.len() > DOMAIN_KEYS {
        return Err(Refusal::TooManyKeys(domain.clone()).into());
    }
    if !keys.values().any(|key| key.role == Role::Admin && key.is_valid_at(log_time)) {
        return Err(Refusal::NoAdminLeft(domain.clone()).into());
    }
    let keys_only = e.keys_only.unwrap_or(row.keys_only);
    if keys_only && !keys.values().any(|key| key.role == Role::Recovery) {
        return Err(Refusal::NoRecoveryKey(domain.clone()).into());
    }
    for key in &e.put {
        writing.register(&key.key)?;
    }
    let was = |id: KeyId| replaced.iter().any(|key| key.key.id() == id && key.role.speaks_of_domain());
    let taken = Taken { at: log_time, by: statement.kid() };
    for id in e.put.iter().map(|key| key.key.id()).chain(e.removed.iter().copied()) {
        let key = domain_key_key(domain, &id)?;
        let known: Option<DomainKeyRow> = rows.decoded(&key)?;
        let known = known.filter(|known| known.index >= row.tenure_index);
        let mut next = known.unwrap_or(DomainKeyRow { index: writing.index, taken: None });
        if was(id) {
            next.taken = Some(taken);
        }
        writing.put(key, &next)?;
    }
    let row = DomainRow { keys: keys.into_values().collect(), keys_only, head: writing.id, ..row };
    writing.put_domain(domain, &row)?;
    Ok(())
}

/// What an admin key may not do to the recovery keys, which are above it; and where there are none yet, everybody has time to see that one comes.
fn leaves_recovery_alone(
    row: &DomainRow,
    domain: &Domain,
    e: &DomainKeysChanged,
    replaced: &[DomainKey],
    log_time: TimeMs,
) -> Result<(), Refusal> {
    let needs_one = || Err(Refusal::RecoveryKeyNeeded(domain.clone()));
    if e.keys_only.is_some() {
        return needs_one();
    }
    let mut put = e.put.iter().filter(|key| key.role == Role::Recovery);
    if has_recovery_key(row, log_time) {
        let touched = put.next().is_some() || replaced.iter().any(|key| key.role == Role::Recovery);
        return if touched { needs_one() } else { Ok(()) };
    }
    let earliest = log_time.plus_ms(days(domain, RECOVERY_KEY_DAYS));
    if put.any(|key| key.from.is_none_or(|from| from < earliest)) {
        return Err(Refusal::RecoveryTooSoon { domain: domain.clone(), earliest });
    }
    Ok(())
}
