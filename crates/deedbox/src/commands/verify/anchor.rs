//! Whose word an answer of `verify` rests on: the registry and the log key are in every one.

use crate::context::{By, Named};
use crate::terminal;
use serde::Serialize;

/// Whose word an answer rests on.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Anchor {
    /// The registry's address; none where a proof and a key were all there was.
    registry: Option<String>,
    /// Who named it.
    named_by: String,
    /// The log key that everything was checked with.
    log_key: String,
}

impl Anchor {
    pub(super) fn of(named: Option<&Named>, log_key: String) -> Self {
        let by = match named.map(|named| &named.by) {
            Some(By::User) => "you".to_owned(),
            Some(By::Thing(thing)) => thing.clone(),
            None => "nobody".to_owned(),
        };
        Anchor { registry: named.map(|named| named.url.to_string()), named_by: by, log_key }
    }

    /// The log key that everything was checked with.
    pub(super) fn log_key(&self) -> &str {
        &self.log_key
    }

    pub(super) fn tell(&self) {
        match &self.registry {
            Some(registry) if self.named_by == "you" => terminal::say_line(&format!("  registry    {registry}")),
            Some(registry) => terminal::say_line(&format!("  registry    {registry} (named by {})", self.named_by)),
            None => terminal::say_line("  registry    none was asked"),
        }
        terminal::say_line(&format!("  log key     {}", self.log_key));
    }
}
