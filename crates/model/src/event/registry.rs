//! What the registry says of itself (spec/events.md §3).

use super::body::Body;
use crate::key::PublicKey;
use crate::limits;
use crate::origin::Origin;
use crate::said;
use crate::suffix::SuffixRule;
use serde::{Deserialize, Serialize};

/// A protocol number and its rules, in a form that no later number changes: a verifier that lacks the number can
/// still tell that it does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// Canonical CBOR whose meaning the protocol number gives ([`crate::Parameters`] for protocol 1).
    #[serde(with = "serde_bytes")]
    pub parameters: Vec<u8>,
    /// The protocol number.
    pub protocol: u64,
}

/// `registry.created`: entry 0 of every log, signed by one of its own operator keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegistryCreated {
    /// The protocol number in force from here.
    pub rules: Rules,
    /// The origin; equal to the audience of every statement.
    pub origin: Origin,
    /// Keys that sign checkpoints, 1 to 8, ascending by their bytes.
    pub log_keys: Vec<PublicKey>,
    /// Keys that sign receipts, 1 to 8, ascending; none is a log key.
    pub receipt_keys: Vec<PublicKey>,
    /// Keys that speak for the registry, 1 to 8, ascending; none is one of the others.
    pub operator_keys: Vec<PublicKey>,
}

impl Body for RegistryCreated {
    const TYPE: &'static str = "registry.created";

    fn check(&self) -> Result<(), &'static str> {
        let kinds = [&self.log_keys, &self.receipt_keys, &self.operator_keys];
        for keys in kinds {
            if keys.is_empty() || keys.len() > limits::REGISTRY_KEYS {
                return Err(said!("a registry has 1 to {} keys of each kind", limits::REGISTRY_KEYS));
            }
            if !keys.is_sorted_by(|a, b| a < b) {
                return Err("the keys of one kind are ascending by their bytes, each named once");
            }
        }
        let mut all: Vec<&PublicKey> = kinds.into_iter().flatten().collect();
        all.sort();
        if !all.is_sorted_by(|a, b| a < b) {
            return Err("log, receipt and operator keys are distinct keys");
        }
        Ok(())
    }
}

/// `registry.rules.changed`: another protocol number from the next index on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegistryRulesChanged {
    /// The rules in force from the next index on.
    pub rules: Rules,
}

impl Body for RegistryRulesChanged {
    const TYPE: &'static str = "registry.rules.changed";

    fn check(&self) -> Result<(), &'static str> {
        Ok(())
    }
}

/// `registry.suffixes.changed`: other rules of the public suffix list from the next index on. A claim that was judged by the rules before
/// stays as it was judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegistrySuffixesChanged {
    /// Rules that come into force, ascending.
    pub put: Vec<SuffixRule>,
    /// Rules that go out of force, ascending; none of them is put.
    pub removed: Vec<SuffixRule>,
}

impl Body for RegistrySuffixesChanged {
    const TYPE: &'static str = "registry.suffixes.changed";

    fn check(&self) -> Result<(), &'static str> {
        let RegistrySuffixesChanged { put, removed } = self;
        if put.is_empty() && removed.is_empty() {
            return Err("a change of suffixes puts or removes at least one rule");
        }
        if put.len() + removed.len() > limits::SUFFIX_RULES {
            return Err(said!("a change of suffixes names at most {} rules", limits::SUFFIX_RULES));
        }
        if !put.is_sorted_by(|a, b| a < b) || !removed.is_sorted_by(|a, b| a < b) {
            return Err("rules of the suffix list ascend by their bytes, each named once");
        }
        if put.iter().any(|rule| removed.binary_search(rule).is_ok()) {
            return Err("a rule of the suffix list is put or removed, not both");
        }
        Ok(())
    }
}
