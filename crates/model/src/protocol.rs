//! Protocol numbers, as far as reading goes: which event types each of them has (spec/authority.md §1.4, spec/events.md §1).
//!
//! A number's types never change once a log goes by it: a new type, or a new shape of an old one, comes with a new number. So an entry
//! that was void because nobody could read it stays void, whatever later numbers can read. This file never guesses which number is in
//! force: the caller says so. How statements are judged by a number is authority's to say.

use crate::encoding::NotCanonical;
use crate::event::{
    Body, ChannelRemoved, ChannelSet, DomainClaimed, DomainFrozen, DomainKeysChanged, DomainRecoveryCompleted, DomainRecoveryContested,
    DomainRecoveryOpened, DomainReleased, DomainThawed, DomainTransferred, Event, PublisherGranted, PublisherRevoked, RegistryCreated,
    RegistryRulesChanged, RegistrySuffixesChanged, ReleaseDeprecated, ReleasePublished, ReleaseUnyanked, ReleaseYanked,
};
use crate::payload::{self, Frame};

/// What a payload comes to.
pub(crate) type Read = (Event, Frame);

/// How one event type is read.
#[derive(Debug)]
pub struct EventType {
    name: &'static str,
    read: fn(&[u8]) -> Result<Read, NotCanonical>,
}

impl EventType {
    /// The type that has this body.
    pub const fn of<B: Body + Into<Event>>() -> Self {
        EventType { name: B::TYPE, read: read::<B> }
    }

    pub(crate) fn read(&self, payload: &[u8]) -> Result<Read, NotCanonical> {
        (self.read)(payload)
    }
}

fn read<B: Body + Into<Event>>(payload: &[u8]) -> Result<Read, NotCanonical> {
    let (body, frame) = payload::read::<B>(payload)?;
    Ok((body.into(), frame))
}

/// A protocol number with the event types that it has.
pub struct Protocol {
    number: u64,
    before: Option<&'static Protocol>,
    types: &'static [EventType],
}

impl Protocol {
    /// Protocol 1.
    pub const ONE: &'static Protocol = &Protocol {
        number: 1,
        before: None,
        types: &[
            EventType::of::<RegistryCreated>(),
            EventType::of::<RegistryRulesChanged>(),
            EventType::of::<RegistrySuffixesChanged>(),
            EventType::of::<DomainClaimed>(),
            EventType::of::<DomainKeysChanged>(),
            EventType::of::<DomainFrozen>(),
            EventType::of::<DomainThawed>(),
            EventType::of::<DomainTransferred>(),
            EventType::of::<DomainReleased>(),
            EventType::of::<DomainRecoveryOpened>(),
            EventType::of::<DomainRecoveryContested>(),
            EventType::of::<DomainRecoveryCompleted>(),
            EventType::of::<PublisherGranted>(),
            EventType::of::<PublisherRevoked>(),
            EventType::of::<ReleasePublished>(),
            EventType::of::<ReleaseYanked>(),
            EventType::of::<ReleaseUnyanked>(),
            EventType::of::<ReleaseDeprecated>(),
            EventType::of::<ChannelSet>(),
            EventType::of::<ChannelRemoved>(),
        ],
    };

    /// The number by which entry 0 is read and judged, whatever number it names. No number is smaller.
    pub const BEGINNING: &'static Protocol = Self::ONE;

    /// The newest number that this program has: what is signed here is checked by it.
    pub const NEWEST: &'static Protocol = Self::ONE;

    /// A later number: it has every type of the one before, and these. A type of the same name takes the place of the one before's.
    pub const fn after(before: &'static Protocol, number: u64, types: &'static [EventType]) -> Self {
        Protocol { number, before: Some(before), types }
    }

    /// The number.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// How a type of this name is read, if the number has one.
    pub(crate) fn event_type(&self, name: &str) -> Option<&EventType> {
        self.types.iter().find(|known| known.name == name).or_else(|| self.before.and_then(|before| before.event_type(name)))
    }
}

impl std::fmt::Debug for Protocol {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Protocol").field(&self.number).finish()
    }
}
