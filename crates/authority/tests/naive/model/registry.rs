//! What the registry says of itself: §4.1, §4.2 and §4.6.

use super::{Code, Model, Said, check};
use deedbox_model::event::{RegistryCreated, RegistryRulesChanged, RegistrySuffixesChanged, Rules};
use deedbox_model::{DnsAnchor, Domain, EventId, Origin, Parameters, PublicKey, SuffixRule};
use std::collections::BTreeMap;

/// The registry, as it stands.
#[derive(Clone)]
pub(crate) struct Registry {
    pub(crate) origin: Origin,
    pub(crate) protocol: u64,
    pub(crate) log_keys: Vec<PublicKey>,
    pub(crate) receipt_keys: Vec<PublicKey>,
    pub(crate) operator_keys: Vec<PublicKey>,
    pub(crate) anchors: Vec<DnsAnchor>,
    /// Each rule in force, and the index of the event that put it.
    pub(crate) suffixes: BTreeMap<SuffixRule, u64>,
    /// The indices of the changes of rules.
    pub(crate) rules: Vec<u64>,
    pub(crate) head: EventId,
    /// The index of the head.
    pub(crate) head_at: u64,
}

impl Registry {
    /// §4.3 check 8.
    pub(super) fn is_public_suffix(&self, domain: &Domain) -> bool {
        let in_force = |rule: String| self.suffixes.keys().any(|known| known.as_str() == rule);
        let rest = domain.as_str().split_once('.').expect("two labels").1;
        (in_force(domain.to_string()) || in_force(format!("*.{rest}"))) && !in_force(format!("!{domain}"))
    }
}

/// The anchors in these rules, if they are rules of protocol 1.
fn anchors(rules: &Rules) -> Result<Option<Vec<DnsAnchor>>, Code> {
    if rules.protocol != 1 {
        return Ok(None);
    }
    match Parameters::of(rules) {
        Ok(parameters) => Ok(Some(parameters.dns_anchors)),
        Err(_) => Err("unknown_parameters"),
    }
}

impl Model {
    /// "`kid` is the id of one of the operator keys in `registry`", "the signature verifies".
    pub(super) fn an_operator_says(&self, said: &Said<'_>) -> Result<(), Code> {
        let registry = self.registry.as_ref().expect("§3 check 3");
        check(registry.operator_keys.iter().any(|key| key.id() == said.kid()), "key_not_authorised")?;
        self.signature_verifies(said)
    }

    pub(super) fn created(&mut self, said: &Said<'_>, event: &RegistryCreated) -> Result<(), Code> {
        check(said.index == 0, "not_the_beginning")?;
        let key = event.operator_keys.iter().find(|key| key.id() == said.kid());
        check(key.is_some(), "key_not_authorised")?;
        said.verifies_with(key)?;
        let anchors = anchors(&event.rules)?;
        check(event.rules.protocol != 0, "protocol_not_newer")?;
        self.register(said, [&event.log_keys, &event.receipt_keys, &event.operator_keys].into_iter().flatten().copied());
        self.registry = Some(Registry {
            origin: event.origin.clone(),
            protocol: event.rules.protocol,
            log_keys: event.log_keys.clone(),
            receipt_keys: event.receipt_keys.clone(),
            operator_keys: event.operator_keys.clone(),
            anchors: anchors.unwrap_or_default(),
            suffixes: BTreeMap::new(),
            rules: Vec::new(),
            head: said.id(),
            head_at: said.index,
        });
        Ok(())
    }

    pub(super) fn rules_changed(&mut self, said: &Said<'_>, event: &RegistryRulesChanged) -> Result<(), Code> {
        self.an_operator_says(said)?;
        let registry = self.registry.as_mut().expect("§3 check 3");
        check(said.prev() == Some(registry.head), "stale_prev")?;
        let anchors = anchors(&event.rules)?;
        let (number, in_force) = (event.rules.protocol, registry.protocol);
        check(number > in_force || (number == 1 && in_force == 1), "protocol_not_newer")?;
        check(number > in_force || anchors.as_ref() != Some(&registry.anchors), "rules_unchanged")?;
        registry.protocol = number;
        (registry.head, registry.head_at) = (said.id(), said.index);
        registry.rules.push(said.index);
        if let Some(anchors) = anchors {
            registry.anchors = anchors;
        }
        Ok(())
    }

    pub(super) fn suffixes_changed(&mut self, said: &Said<'_>, event: &RegistrySuffixesChanged) -> Result<(), Code> {
        self.an_operator_says(said)?;
        let registry = self.registry.as_mut().expect("§3 check 3");
        check(said.prev() == Some(registry.head), "stale_prev")?;
        check(!event.put.iter().any(|rule| registry.suffixes.contains_key(rule)), "suffix_unchanged")?;
        check(event.removed.iter().all(|rule| registry.suffixes.contains_key(rule)), "no_such_suffix")?;
        for rule in &event.put {
            registry.suffixes.insert(rule.clone(), said.index);
        }
        for rule in &event.removed {
            registry.suffixes.remove(rule);
        }
        (registry.head, registry.head_at) = (said.id(), said.index);
        Ok(())
    }
}
