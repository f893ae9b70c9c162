//! Whether another protocol came into force (docs/decisions/0006, spec/events.md §3.3): the registry says what the head of
//! its own chain is, and the chain is followed back to the beginning. A proof of one release shows nothing of that chain.
//!
//! Sound in one direction: what is found makes a verdict undecided, and never makes one. A registry that hides the change
//! is found out by who reads the whole log, and by nothing here.

use crate::error::ClientError;
use crate::limits;
use crate::trust::Trusted;
use crate::verify_error::VerifyError;
use deedbox_model::{EventId, Protocol};
use serde::Deserialize;
use serde_json::Value;

/// An event by which a protocol came into force that this program does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RulesChange {
    /// Its entry: what comes after it is undecided here.
    pub index: u64,
    /// The protocol.
    pub protocol: u64,
}

impl RulesChange {
    /// Refuses a verdict on an entry that comes after it.
    pub fn decides(&self, index: u64) -> Result<(), VerifyError> {
        if index > self.index { Err(VerifyError::UndecidedFrom { index: self.index, protocol: self.protocol }) } else { Ok(()) }
    }
}

#[derive(Deserialize)]
struct RegistryState {
    registry_head: String,
}

#[derive(Deserialize)]
struct RegistryEvent {
    index: u64,
    r#type: Option<String>,
    prev: Option<String>,
    #[serde(default)]
    body: Value,
}

/// The first change to a protocol that this program does not know, by the registry's word; none if there is none.
pub async fn rules_change(trusted: &Trusted) -> Result<Option<RulesChange>, ClientError> {
    let registry = trusted.registry();
    let path = "api/v1/registry";
    let answer = |why: &str| registry.answer(path, "the head of a registry's own chain", why);
    let state: RegistryState = registry.get_json(path).await?.ok_or_else(|| answer("there is nothing"))?;
    let mut head = state.registry_head;
    let mut first = None;
    for _ in 0..limits::REGISTRY_CHAIN {
        if head == trusted.pin().created {
            return Ok(first);
        }
        if EventId::from_hex(&head).is_none() {
            return Err(answer("it is not an event"));
        }
        let event: RegistryEvent =
            registry.get_json(&format!("api/v1/events/{head}")).await?.ok_or_else(|| answer("the log has no such event"))?;
        let protocol = event.body.pointer("/rules/protocol").and_then(Value::as_u64);
        if event.r#type.as_deref() == Some("registry.rules.changed")
            // Even where this program has the number: a proof does not show the change, so what follows it would be read by the old rules.
            && let Some(protocol) = protocol.filter(|protocol| *protocol != Protocol::BEGINNING.number())
        {
            first = Some(RulesChange { index: event.index, protocol });
        }
        head = event.prev.ok_or_else(|| answer("the chain does not lead to the pinned beginning"))?;
    }
    Err(answer("the chain is longer than any registry's"))
}
