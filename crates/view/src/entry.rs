//! What a projection folds: effective entries of the log, with the objects that they name. Void entries never come here.

use deedbox_model::event::{DomainEvent, Event, PackageEvent};
use deedbox_model::{Domain, Manifest, ObjectRef, PackageId, Statement, TimeMs, Verified};

/// An entry that authority found effective.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// Its index in the log.
    pub index: u64,
    /// Log time at that index: what "when" means for everybody.
    pub log_time: TimeMs,
    /// The statement.
    pub statement: &'a Verified<Statement>,
}

impl<'a> Entry<'a> {
    /// The package that it is about and what it says of it; none for the registry's events and those of domains.
    pub fn package(&self) -> Option<(&'a PackageId, &'a PackageEvent)> {
        match self.statement.event() {
            Event::Package(event) => self.statement.package().map(|id| (id, event)),
            Event::Registry(_) | Event::Domain(_) => None,
        }
    }

    /// The domain that it is about and what it says of it; none for the registry's events and those of packages.
    pub fn domain(&self) -> Option<(&'a Domain, &'a DomainEvent)> {
        match self.statement.event() {
            Event::Domain(event) => self.statement.domain().map(|domain| (domain, event)),
            Event::Registry(_) | Event::Package(_) => None,
        }
    }
}

/// The state of an object that an event names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact<T> {
    /// Present, with the right digest, and readable.
    Present(T),
    /// Withheld by an event: its digest stays, its bytes do not.
    Withheld,
    /// Present with the right digest, but not what the event says it is, by a code that everyone finds alike. A ledger
    /// that let this in is at fault; the release is shown as unreadable.
    Unreadable(&'static str),
}

impl<T> Fact<T> {
    /// The thing, if it is present.
    pub fn present(&self) -> Option<&T> {
        match self {
            Fact::Present(value) => Some(value),
            Fact::Withheld | Fact::Unreadable(_) => None,
        }
    }
}

/// The objects that an event names, as far as folding needs them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Facts {
    /// The manifest, for `release.published`.
    pub manifest: Option<Fact<Manifest>>,
    /// The message, for `release.deprecated` with one.
    pub message: Option<Fact<String>>,
}

/// Which objects have to be read before an event can be folded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FactsNeeded {
    /// A release manifest.
    pub manifest: Option<ObjectRef>,
    /// A message text.
    pub message: Option<ObjectRef>,
}

impl FactsNeeded {
    /// For this event.
    pub fn by(event: &Event) -> Self {
        match event {
            Event::Package(event) => Self::by_package_event(event),
            // They name no object.
            Event::Registry(_) | Event::Domain(_) => FactsNeeded::default(),
        }
    }

    fn by_package_event(event: &PackageEvent) -> Self {
        match event {
            PackageEvent::ReleasePublished(e) => FactsNeeded { manifest: Some(e.manifest), message: None },
            PackageEvent::ReleaseDeprecated(e) => {
                FactsNeeded { manifest: None, message: e.notice.as_ref().and_then(|notice| notice.message) }
            }
            PackageEvent::ReleaseYanked(_)
            | PackageEvent::ReleaseUnyanked(_)
            | PackageEvent::ChannelSet(_)
            | PackageEvent::ChannelRemoved(_) => FactsNeeded::default(),
        }
    }

    /// Reads a manifest object whose digest was checked: it must agree with the statement that names it.
    pub fn read_manifest(statement: &Statement, bytes: &[u8]) -> Fact<Manifest> {
        let manifest = match Manifest::decode(bytes) {
            Ok(manifest) => manifest,
            Err(_) => return Fact::Unreadable("not_a_manifest"),
        };
        let Some(published) = statement.event().published() else {
            return Fact::Unreadable("not_a_release");
        };
        let agrees = statement.package() == Some(&manifest.id)
            && published.version == manifest.version
            && published.native_name == manifest.native_name
            && published.native_version == manifest.native_version
            && published.artifacts == manifest.artifacts.len() as u64
            && published.total_size == manifest.total_size();
        if agrees { Fact::Present(manifest) } else { Fact::Unreadable("manifest_differs") }
    }

    /// Reads a message object whose digest was checked: UTF-8 without control characters.
    pub fn read_message(bytes: &[u8]) -> Fact<String> {
        match std::str::from_utf8(bytes) {
            Ok(text) if is_message(text) => Fact::Present(text.to_owned()),
            _ => Fact::Unreadable("not_a_message"),
        }
    }
}

/// Whether a text may be a deprecation message: 1 to 1,024 bytes, no control characters (a terminal prints it).
pub fn is_message(text: &str) -> bool {
    !text.is_empty() && text.len() <= deedbox_model::limits::MESSAGE_BYTES && !text.chars().any(char::is_control)
}
