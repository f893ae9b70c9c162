//! What a key has signed, by the registry's own list of events (spec/api.md §3). Unproven words: good for finding what to look at, and never for
//! believing that there is nothing else.

use crate::error::ClientError;
use crate::http::Registry;
use crate::limits;
use deedbox_model::{KeyId, TimeMs};
use serde::{Deserialize, Serialize};

/// An event of the list.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct EventState {
    /// Its index.
    pub index: u64,
    /// Its event, in hex.
    pub id: String,
    /// `effective` or `void`.
    pub status: String,
    /// Its type; none where it does not decode.
    pub r#type: Option<String>,
    /// What it is about.
    pub subject: Option<String>,
    /// The key that signed it, in hex.
    pub kid: Option<String>,
    /// When its signer says that it was signed.
    pub time: Option<String>,
    /// What it says; only the version is looked at.
    #[serde(default)]
    pub body: Option<VersionOf>,
}

/// The version that an event names.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct VersionOf {
    /// As it is written.
    pub version: Option<String>,
}

impl EventState {
    /// Whether it has an effect.
    pub fn is_effective(&self) -> bool {
        self.status == "effective"
    }
}

#[derive(Deserialize)]
struct EventPage {
    tree_size: u64,
    events: Vec<EventState>,
    next: Option<u64>,
}

/// The events that this key has signed since then, oldest first. `read` is told after each page how many of how many entries were read.
pub async fn signed_by(
    registry: &Registry,
    key: &KeyId,
    since: Option<TimeMs>,
    read: impl Fn(u64, u64),
) -> Result<Vec<EventState>, ClientError> {
    let (kid, since) = (key.to_hex(), since.map(TimeMs::to_rfc3339));
    // Times of one spelling and one length are ordered as their texts are.
    let is_its = |event: &EventState| {
        event.kid.as_ref() == Some(&kid) && since.as_ref().is_none_or(|since| event.time.as_ref().is_some_and(|time| time >= since))
    };
    let mut found = Vec::new();
    let mut from = 0;
    loop {
        let path = format!("api/v1/events?from={from}&limit={}", limits::EVENTS_AT_ONCE);
        let bytes = registry.get(&path, limits::EVENTS_BYTES).await?;
        let page: EventPage = registry.json(&path, &bytes.ok_or_else(|| registry.answer(&path, "a page of events", "there is none"))?)?;
        found.extend(page.events.into_iter().filter(|event| is_its(event)));
        if found.len() > limits::SIGNED_EVENTS {
            return Err(ClientError::Here(format!(
                "this key has signed more than {} events: ask for a shorter time",
                limits::SIGNED_EVENTS
            )));
        }
        match page.next {
            Some(next) if next > from => from = next,
            _ => return Ok(found),
        }
        read(from, page.tree_size);
    }
}
