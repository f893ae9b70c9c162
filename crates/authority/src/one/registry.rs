//! What the registry says of itself (spec/authority.md §4.1, §4.2, §4.6). Decides nothing about domains.

use super::{Stop, Writing, continue_chain, must_verify};
use crate::decision::Signed;
use crate::refusal::Refusal;
use crate::rows::{EventRow, RegistryRow, registry_key, rules_key, suffix_key};
use deedbox_model::event::{RegistryCreated, RegistrySuffixesChanged, Rules};
use deedbox_model::row::Rows;
use deedbox_model::{Parameters, Protocol, Statement};

/// Entry 0 names its own keys; it is signed by one of the operator keys in it.
pub(super) fn create(writing: &mut Writing, signed: Signed<'_>, statement: &Statement, e: &RegistryCreated) -> Result<(), Stop> {
    if writing.index != 0 {
        return Err(Refusal::NotTheBeginning.into());
    }
    if !e.operator_keys.iter().any(|key| key.id() == statement.kid()) {
        return Err(Refusal::KeyNotAuthorised("the registry".to_owned()).into());
    }
    must_verify(signed)?;
    let dns_anchors = parameters(&e.rules)?.unwrap_or_default().dns_anchors;
    if e.rules.protocol == 0 {
        return Err(Refusal::ProtocolNotNewer { found: 0, in_force: 0 }.into());
    }
    for key in e.operator_keys.iter().chain(&e.log_keys).chain(&e.receipt_keys) {
        writing.register(key)?;
    }
    writing.put(
        registry_key()?,
        &RegistryRow {
            origin: e.origin.clone(),
            protocol: e.rules.protocol,
            log_keys: e.log_keys.clone(),
            receipt_keys: e.receipt_keys.clone(),
            operator_keys: e.operator_keys.clone(),
            dns_anchors,
            suffixes: 0,
            head: writing.id,
        },
    )?;
    Ok(())
}

/// What the rules' parameters say, where they are this number's to judge.
fn parameters(rules: &Rules) -> Result<Option<Parameters>, Refusal> {
    let one = Protocol::ONE.number();
    if rules.protocol != one {
        return Ok(None);
    }
    Parameters::of(rules).map(Some).map_err(|why| Refusal::UnknownParameters { protocol: one, why })
}

/// The registry speaks with one of its operator keys.
pub(super) fn speak_for(registry: &RegistryRow, signed: Signed<'_>, statement: &Statement) -> Result<(), Refusal> {
    if !registry.operator_keys.iter().any(|key| key.id() == statement.kid()) {
        return Err(Refusal::KeyNotAuthorised("the registry".to_owned()));
    }
    must_verify(signed)
}

/// The registry speaks of itself.
pub(super) fn speak(registry: RegistryRow, signed: Signed<'_>, statement: &Statement) -> Result<RegistryRow, Refusal> {
    speak_for(&registry, signed, statement)?;
    continue_chain(statement, Some(registry.head))?;
    Ok(registry)
}

pub(super) fn change_rules(writing: &mut Writing, registry: RegistryRow, rules: &Rules) -> Result<(), Stop> {
    let (found, in_force) = (rules.protocol, registry.protocol);
    let parameters = parameters(rules)?;
    if found < in_force || found == in_force && parameters.is_none() {
        return Err(Refusal::ProtocolNotNewer { found, in_force }.into());
    }
    // Those of a later number are its own to read.
    let dns_anchors = parameters.map_or_else(|| registry.dns_anchors.clone(), |parameters| parameters.dns_anchors);
    if found == in_force && dns_anchors == registry.dns_anchors {
        return Err(Refusal::RulesUnchanged.into());
    }
    writing.put(rules_key(writing.index)?, &EventRow { index: writing.index })?;
    writing.put(registry_key()?, &RegistryRow { protocol: found, dns_anchors, head: writing.id, ..registry })?;
    Ok(())
}

pub(super) fn change_suffixes(writing: &mut Writing, rows: &Rows, registry: RegistryRow, e: &RegistrySuffixesChanged) -> Result<(), Stop> {
    for rule in &e.put {
        let key = suffix_key(rule)?;
        if rows.get(&key)?.is_some() {
            return Err(Refusal::SuffixUnchanged(rule.clone()).into());
        }
        writing.put(key, &EventRow { index: writing.index })?;
    }
    for rule in &e.removed {
        let key = suffix_key(rule)?;
        if rows.get(&key)?.is_none() {
            return Err(Refusal::NoSuchSuffix(rule.clone()).into());
        }
        writing.changes.delete(key);
    }
    let suffixes = (registry.suffixes + e.put.len() as u64).saturating_sub(e.removed.len() as u64);
    writing.put(registry_key()?, &RegistryRow { suffixes, head: writing.id, ..registry })?;
    Ok(())
}
