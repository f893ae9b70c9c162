//! What statements say: the event types, each with its body (spec/events.md), in the three chains that they continue.
//!
//! A body is a map of exactly the fields below; a field that may be absent is null. Which of the types can be read is said
//! by the protocol number in force (`protocol.rs`): a log that uses another one under that number holds a void entry.
//! Types that are reserved for later numbers are named in spec/events.md and have no form here.
//!
//! An event is matched by its chain first. So a room says in one arm that a chain is not its business, names every event of
//! the chain that is, and does not compile when an event is added of which it has said nothing.

mod body;
mod domain;
mod grant;
mod hands;
mod package;
mod registry;

pub use crate::acceptance::{Acceptance, AcceptanceError, AcceptanceTerms, CLAIM_LABEL, CLAIM_PATH};
use crate::channel::Channel;
pub use crate::domain_key::{DomainKey, Role};
use crate::encoding::NotCanonical;
use crate::key::PublicKey;
use crate::payload::Frame;
use crate::version::Version;
pub use body::Body;
pub use domain::{DomainClaimed, DomainKeysChanged, Evidence, Sight};
pub use grant::{Action, PublisherGranted, PublisherRevoked};
pub use hands::{
    DomainFrozen, DomainRecoveryCompleted, DomainRecoveryContested, DomainRecoveryOpened, DomainReleased, DomainThawed, DomainTransferred,
};
pub use package::{ChannelRemoved, ChannelSet, Notice, Principal, ReleaseDeprecated, ReleasePublished, ReleaseUnyanked, ReleaseYanked};
pub use registry::{RegistryCreated, RegistryRulesChanged, RegistrySuffixesChanged, Rules};

/// The events of one chain, and what is said of all of them alike.
macro_rules! events {
    ($(#[$doc:meta])* $chain:ident: $events:ident { $($event:ident($body:ty)),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        #[allow(missing_docs, reason = "each variant is its body's type, documented there")]
        pub enum $events {
            $($event($body)),+
        }

        impl $events {
            /// Its `type` in a payload.
            pub fn type_name(&self) -> &'static str {
                match self {
                    $($events::$event(_) => <$body>::TYPE),+
                }
            }
            fn check(&self) -> Result<(), &'static str> {
                match self {
                    $($events::$event(body) => body.check()),+
                }
            }
            fn encode(&self, frame: Frame) -> Result<Vec<u8>, NotCanonical> {
                match self {
                    $($events::$event(body) => frame.encode(<$body>::TYPE, body)),+
                }
            }
        }

        $(impl From<$body> for Event {
            fn from(body: $body) -> Self {
                Event::$chain($events::$event(body))
            }
        })+
    };
}

events! {
    /// The registry's own chain: its subject is `registry`, and the registry speaks.
    Registry: RegistryEvent {
        Created(RegistryCreated),
        RulesChanged(RegistryRulesChanged),
        SuffixesChanged(RegistrySuffixesChanged),
    }
}

events! {
    /// A domain's chain: its subject is the domain. The registry speaks where it says whose the domain is, else the domain itself, and both
    /// can freeze it.
    Domain: DomainEvent {
        Claimed(DomainClaimed),
        KeysChanged(DomainKeysChanged),
        Frozen(DomainFrozen),
        Thawed(DomainThawed),
        Transferred(DomainTransferred),
        Released(DomainReleased),
        RecoveryOpened(DomainRecoveryOpened),
        RecoveryContested(DomainRecoveryContested),
        RecoveryCompleted(DomainRecoveryCompleted),
        Granted(PublisherGranted),
        Revoked(PublisherRevoked),
    }
}

events! {
    /// A package's chain: its subject is the package, and its domain speaks.
    Package: PackageEvent {
        ReleasePublished(ReleasePublished),
        ReleaseYanked(ReleaseYanked),
        ReleaseUnyanked(ReleaseUnyanked),
        ReleaseDeprecated(ReleaseDeprecated),
        ChannelSet(ChannelSet),
        ChannelRemoved(ChannelRemoved),
    }
}

/// One event, by the chain that it continues.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Of the registry.
    Registry(RegistryEvent),
    /// Of a domain.
    Domain(DomainEvent),
    /// Of a package.
    Package(PackageEvent),
}

impl RegistryEvent {
    /// The rules in force after it, if it sets them.
    pub fn rules(&self) -> Option<&Rules> {
        match self {
            RegistryEvent::Created(e) => Some(&e.rules),
            RegistryEvent::RulesChanged(e) => Some(&e.rules),
            RegistryEvent::SuffixesChanged(_) => None,
        }
    }
}

/// Who says something of a domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SaidBy {
    /// The registry.
    Registry,
    /// The domain itself.
    Itself,
    /// The one or the other.
    Either,
}

impl DomainEvent {
    /// Who says it.
    pub fn said_by(&self) -> SaidBy {
        match self {
            DomainEvent::Claimed(_) | DomainEvent::RecoveryOpened(_) | DomainEvent::RecoveryCompleted(_) => SaidBy::Registry,
            DomainEvent::KeysChanged(_)
            | DomainEvent::Transferred(_)
            | DomainEvent::Released(_)
            | DomainEvent::RecoveryContested(_)
            | DomainEvent::Granted(_)
            | DomainEvent::Revoked(_) => SaidBy::Itself,
            DomainEvent::Frozen(_) | DomainEvent::Thawed(_) => SaidBy::Either,
        }
    }

    /// The next holder's consent, if it holds one.
    pub fn acceptance(&self) -> Option<&Acceptance> {
        match self {
            DomainEvent::Claimed(e) => Some(&e.acceptance),
            DomainEvent::Transferred(e) => Some(&e.acceptance),
            DomainEvent::RecoveryOpened(e) => Some(&e.acceptance),
            DomainEvent::KeysChanged(_)
            | DomainEvent::Frozen(_)
            | DomainEvent::Thawed(_)
            | DomainEvent::Released(_)
            | DomainEvent::RecoveryContested(_)
            | DomainEvent::RecoveryCompleted(_)
            | DomainEvent::Granted(_)
            | DomainEvent::Revoked(_) => None,
        }
    }

    /// What was seen of the domain, if it rests on that.
    pub fn sight(&self) -> Option<&Sight> {
        match self {
            DomainEvent::Claimed(e) => e.sight.as_ref(),
            DomainEvent::RecoveryOpened(e) => e.sight.as_ref(),
            DomainEvent::RecoveryCompleted(e) => e.sight.as_ref(),
            DomainEvent::KeysChanged(_)
            | DomainEvent::Frozen(_)
            | DomainEvent::Thawed(_)
            | DomainEvent::Transferred(_)
            | DomainEvent::Released(_)
            | DomainEvent::RecoveryContested(_)
            | DomainEvent::Granted(_)
            | DomainEvent::Revoked(_) => None,
        }
    }

    /// Whether it gives the domain a new holder, under a tenure of its own.
    pub fn begins_tenure(&self) -> bool {
        match self {
            DomainEvent::Claimed(_) | DomainEvent::Transferred(_) | DomainEvent::RecoveryCompleted(_) => true,
            DomainEvent::KeysChanged(_)
            | DomainEvent::Frozen(_)
            | DomainEvent::Thawed(_)
            | DomainEvent::Released(_)
            | DomainEvent::RecoveryOpened(_)
            | DomainEvent::RecoveryContested(_)
            | DomainEvent::Granted(_)
            | DomainEvent::Revoked(_) => false,
        }
    }

    /// The keys that it registers.
    pub fn keys(&self) -> &[DomainKey] {
        match self {
            DomainEvent::KeysChanged(e) => &e.put,
            other => other.acceptance().map_or(&[], |acceptance| &acceptance.terms().keys),
        }
    }
}

impl PackageEvent {
    /// What somebody who is not of the domain must be granted, to say it.
    pub fn action(&self) -> Action {
        match self {
            PackageEvent::ReleasePublished(_) => Action::Publish,
            PackageEvent::ReleaseYanked(_) | PackageEvent::ReleaseUnyanked(_) | PackageEvent::ReleaseDeprecated(_) => Action::Yank,
            PackageEvent::ChannelSet(_) | PackageEvent::ChannelRemoved(_) => Action::Channel,
        }
    }

    /// The version that it is about, if it is about one.
    pub fn version(&self) -> Option<&Version> {
        match self {
            PackageEvent::ReleasePublished(e) => Some(&e.version),
            PackageEvent::ReleaseYanked(e) => Some(&e.version),
            PackageEvent::ReleaseUnyanked(e) => Some(&e.version),
            PackageEvent::ReleaseDeprecated(e) => Some(&e.version),
            PackageEvent::ChannelSet(e) => Some(&e.version),
            PackageEvent::ChannelRemoved(_) => None,
        }
    }

    /// The channels that it sets or removes.
    pub fn channels(&self) -> &[Channel] {
        match self {
            PackageEvent::ReleasePublished(e) => &e.channels,
            PackageEvent::ChannelSet(e) => std::slice::from_ref(&e.channel),
            PackageEvent::ChannelRemoved(e) => std::slice::from_ref(&e.channel),
            PackageEvent::ReleaseYanked(_) | PackageEvent::ReleaseUnyanked(_) | PackageEvent::ReleaseDeprecated(_) => &[],
        }
    }
}

impl Event {
    /// Its `type` in a payload.
    pub fn type_name(&self) -> &'static str {
        match self {
            Event::Registry(event) => event.type_name(),
            Event::Domain(event) => event.type_name(),
            Event::Package(event) => event.type_name(),
        }
    }

    /// The creation of a registry, if it is that: what entry 0 has to be.
    pub fn created(&self) -> Option<&RegistryCreated> {
        if let Event::Registry(RegistryEvent::Created(e)) = self { Some(e) } else { None }
    }

    /// The keys that it registers, if it turns out to be effective.
    pub fn registered_keys(&self) -> Vec<PublicKey> {
        match self {
            Event::Registry(RegistryEvent::Created(e)) => {
                e.operator_keys.iter().chain(&e.log_keys).chain(&e.receipt_keys).copied().collect()
            }
            Event::Domain(DomainEvent::Granted(e)) => vec![e.key],
            Event::Domain(event) => event.keys().iter().map(|key| key.key).collect(),
            Event::Registry(RegistryEvent::RulesChanged(_) | RegistryEvent::SuffixesChanged(_)) | Event::Package(_) => Vec::new(),
        }
    }

    /// The new release, if it publishes one.
    pub fn published(&self) -> Option<&ReleasePublished> {
        if let Event::Package(PackageEvent::ReleasePublished(e)) = self { Some(e) } else { None }
    }

    /// The version of a package that it is about, if it is about one.
    pub fn version(&self) -> Option<&Version> {
        match self {
            Event::Package(event) => event.version(),
            Event::Registry(_) | Event::Domain(_) => None,
        }
    }

    /// The rules in force after it, if it sets them.
    pub fn rules_after(&self) -> Option<&Rules> {
        match self {
            Event::Registry(event) => event.rules(),
            Event::Domain(_) | Event::Package(_) => None,
        }
    }

    pub(crate) fn check(&self) -> Result<(), &'static str> {
        match self {
            Event::Registry(event) => event.check(),
            Event::Domain(event) => event.check(),
            Event::Package(event) => event.check(),
        }
    }

    /// The payload that says it.
    pub(crate) fn encode(&self, frame: Frame) -> Result<Vec<u8>, NotCanonical> {
        match self {
            Event::Registry(event) => event.encode(frame),
            Event::Domain(event) => event.encode(frame),
            Event::Package(event) => event.encode(frame),
        }
    }
}
