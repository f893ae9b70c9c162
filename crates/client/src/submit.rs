//! Making statements and sending them: on the present head, under the present tenure, once. When the head has moved,
//! the statement is signed again only if what came between does not touch what it says. An answer is believed when the
//! event is in a verified checkpoint.

use crate::error::ClientError;
use crate::limits;
use crate::proofs::{Query, Unproven};
use crate::right::{Wanted, right};
use crate::state::{self, HistoryState};
use crate::trust::Trusted;
use crate::verify::{Judged, judge};
use deedbox_model::event::PackageEvent;
use deedbox_model::{Event, EventId, PackageId, Signer, Statement, Subject, TimeMs};
use serde::Deserialize;

/// What somebody wants to say about a package.
#[derive(Debug, Clone)]
pub struct Intent {
    /// The package.
    pub id: PackageId,
    /// What happened.
    pub event: Event,
}

/// A statement that is in the log.
#[derive(Debug)]
pub struct Included {
    /// Its index.
    pub index: u64,
    /// Its event.
    pub event: EventId,
    /// Whether it was there before.
    pub seen: bool,
    /// Entries of the tree in which it was shown.
    pub tree_size: u64,
    /// What was shown with it.
    pub judged: Judged,
    /// The proof, to be kept.
    pub proof: Unproven,
}

#[derive(Deserialize)]
pub(crate) struct Answered {
    pub(crate) index: u64,
    id: String,
    seen: bool,
}

impl Intent {
    /// Whether an event of the same package, which came in between, touches what this one says.
    fn is_touched_by(&self, other: &HistoryState) -> bool {
        let same_version = self.event.version().is_some_and(|version| other.version.as_deref() == Some(version.as_str()));
        let sets = |channel: &str| other.channels.iter().any(|other| other == channel);
        let event = match &self.event {
            Event::Package(event) => event,
            // Nothing of a package's chain touches what is said of a domain or of the registry.
            Event::Registry(_) | Event::Domain(_) => return false,
        };
        match event {
            PackageEvent::ReleasePublished(e) => {
                (same_version && other.r#type == "release.published") || e.channels.iter().any(|channel| sets(channel.as_str()))
            }
            PackageEvent::ChannelSet(e) => {
                sets(e.channel.as_str()) || (same_version && matches!(other.r#type.as_str(), "release.yanked" | "release.unyanked"))
            }
            PackageEvent::ChannelRemoved(e) => sets(e.channel.as_str()),
            PackageEvent::ReleaseYanked(_) | PackageEvent::ReleaseUnyanked(_) | PackageEvent::ReleaseDeprecated(_) => {
                same_version && other.r#type.starts_with("release.")
            }
        }
    }

    fn query(&self, index: u64) -> Query {
        let releases = match self.event.version() {
            Some(version) => vec![format!("{}@{version}", self.id)],
            None => Vec::new(),
        };
        Query { releases, indices: vec![0, index], chains: false }
    }
}

/// Says it: signs on the present head, sends, waits for inclusion, and checks that. `now` is asked for each signature.
pub async fn submit(trusted: &Trusted, key: &dyn Signer, intent: &Intent, now: &dyn Fn() -> TimeMs) -> Result<Included, ClientError> {
    let Event::Package(event) = &intent.event else {
        return Err(ClientError::Here(format!("{} is not said of a package", intent.event.type_name())));
    };
    let wanted = Wanted::Said(&intent.id, event.action());
    let right = right(trusted, intent.id.domain(), key, wanted, now()).await?;
    let speaker = right.speaker();
    let subject = Subject::Package(intent.id.clone());
    let registry = trusted.registry();
    let mut head = match state::package(registry, &intent.id).await? {
        None => None,
        Some(package) => Some(
            EventId::from_hex(&package.head).ok_or_else(|| registry.answer("api/v1/packages/", "a package", "its head is not an event"))?,
        ),
    };
    let mut tries = 0;
    loop {
        let statement = Statement::sign_by(key, &trusted.pin().origin, &speaker, right.by, &subject, head, now(), &intent.event)
            .map_err(|e| ClientError::Here(format!("this statement cannot be made: {e}")))?;
        match post(trusted, "api/v1/events", statement.bytes()).await {
            Ok(answered) => return included(trusted, &statement, answered, |index| intent.query(index)).await,
            Err(ClientError::Refused { status: 409, code, head: now_head, message, .. })
                if code == "stale_prev" && tries < limits::REBASES =>
            {
                tries += 1;
                let between = state::history_after(registry, &intent.id, head).await?;
                if let Some(other) = between.iter().find(|other| intent.is_touched_by(other)) {
                    return Err(ClientError::Here(format!(
                        "{} has changed meanwhile: entry {} ({}) concerns the same thing. Nothing was sent. Look at that entry, and run the command again if you still want to",
                        intent.id, other.index, other.r#type
                    )));
                }
                if now_head == head {
                    return Err(ClientError::Here(format!("the registry says that the head moved, and names the same one: {message}")));
                }
                head = now_head;
            }
            Err(error) => return Err(error),
        }
    }
}

/// Sends bytes that a registry takes once, however often they come.
pub(crate) async fn post(trusted: &Trusted, path: &str, bytes: &[u8]) -> Result<Answered, ClientError> {
    let registry = trusted.registry();
    let body = registry.post(path, "application/cose", bytes.to_vec(), limits::JSON_BYTES).await?;
    registry.json(path, &body)
}

pub(crate) fn event_id(trusted: &Trusted, answered: &Answered) -> Result<EventId, ClientError> {
    EventId::from_hex(&answered.id)
        .ok_or_else(|| trusted.registry().answer("api/v1/events", "an appended event", "its id is not an event's"))
}

pub(crate) async fn included(
    trusted: &Trusted,
    statement: &Statement,
    answered: Answered,
    query: impl Fn(u64) -> Query,
) -> Result<Included, ClientError> {
    if event_id(trusted, &answered)? != statement.id() {
        return Err(trusted.registry().answer("api/v1/events", "the event that was sent", "it names another event"));
    }
    let query = query(answered.index);
    proven(trusted, statement.id(), answered, query).await
}

/// Checks that the event is at its index in a verified checkpoint, and effective.
pub(crate) async fn proven(trusted: &Trusted, event: EventId, answered: Answered, mut query: Query) -> Result<Included, ClientError> {
    if !query.indices.contains(&answered.index) {
        query.indices.push(answered.index);
    }
    let (unproven, proven) = trusted.prove(&query).await?;
    let mut judged = judge(&proven, &trusted.pin().origin, trusted.key())?;
    judged.must_have_effect(&event)?;
    let bytes = proven.entries().iter().find(|(index, _)| *index == answered.index).map(|(_, bytes)| bytes);
    if bytes.map(|bytes| EventId::of(bytes)) != Some(event) {
        return Err(trusted.registry().answer(
            "api/v1/events",
            "an event that is in the log",
            format!("entry {} of the verified tree is another one, so the answer is not true", answered.index),
        ));
    }
    let tree_size = proven.checkpoint().size();
    Ok(Included { index: answered.index, event, seen: answered.seen, tree_size, judged, proof: unproven })
}

#[cfg(test)]
mod tests {
    use super::*;
    use deedbox_model::event::{ChannelSet, ReleaseYanked};
    use deedbox_model::{Channel, ReasonCode, Version};

    fn other(kind: &str, version: Option<&str>, channels: &[&str]) -> HistoryState {
        HistoryState {
            index: 9,
            event: String::new(),
            r#type: kind.to_owned(),
            version: version.map(str::to_owned),
            channels: channels.iter().map(|c| (*c).to_owned()).collect(),
        }
    }

    #[test]
    fn a_statement_is_signed_again_only_over_what_does_not_touch_it() {
        let id = PackageId::parse("npm:acme.example/widget").unwrap();
        let version = Version::parse("1.0.0").unwrap();
        let yank = Intent { id: id.clone(), event: Event::from(ReleaseYanked { reason: ReasonCode::Broken, version: version.clone() }) };
        let latest = Intent { id, event: Event::from(ChannelSet { channel: Channel::parse("latest").unwrap(), version }) };
        for (intent, event, touched) in [
            (&yank, other("release.published", Some("2.0.0"), &["latest"]), false),
            (&yank, other("release.deprecated", Some("1.0.0"), &[]), true),
            (&yank, other("channel.set", Some("1.0.0"), &["latest"]), false),
            (&latest, other("release.published", Some("2.0.0"), &["latest"]), true),
            (&latest, other("release.published", Some("2.0.0"), &["next"]), false),
            (&latest, other("channel.removed", None, &["latest"]), true),
            (&latest, other("release.yanked", Some("1.0.0"), &[]), true),
            (&latest, other("release.yanked", Some("0.9.0"), &[]), false),
        ] {
            assert_eq!(intent.is_touched_by(&event), touched, "{event:?}");
        }
    }
}
