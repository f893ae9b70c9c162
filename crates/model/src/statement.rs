//! Statements: the leaves of the log (spec/statements.md). One COSE_Sign1 around one payload of six fields.
//!
//! Which bytes are a statement depends on the protocol number in force, so the caller says which one that is.
//! `Unverified` is what was read; `Verified` exists only through a signature that was checked with the key of its
//! `kid`. Whether that key was allowed to speak is authority's question, not this file's.

use crate::Domain;
use crate::encoding::NotCanonical;
use crate::envelope::{self, Claims, Envelope, EnvelopeError, Kind};
use crate::event::{DomainEvent, Event, SaidBy};
use crate::event_id::EventId;
use crate::key::{BadSignature, KeyId, NotSigned, PublicKey, Signer};
use crate::origin::Origin;
use crate::payload::{self, Frame};
use crate::protocol::Protocol;
use crate::subject::Subject;
use crate::text::BadText;
use crate::time::TimeMs;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Who speaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Speaker {
    /// The registry: `iss` is the origin, `under` is null.
    Registry,
    /// A domain, under the event that gave it its present tenure.
    Domain {
        /// `iss`.
        domain: Domain,
        /// `under`.
        tenure: EventId,
    },
}

/// The contents of a statement. Has private fields: one is made by signing or by reading, and is always whole.
#[derive(Debug, Clone)]
pub struct Statement {
    protocol: &'static Protocol,
    id: EventId,
    bytes: Arc<[u8]>,
    kid: KeyId,
    speaker: Speaker,
    subject: Subject,
    audience: Origin,
    by: Option<EventId>,
    prev: Option<EventId>,
    time: TimeMs,
    event: Event,
}

/// Why bytes are not a statement of the protocol number that they were read by.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StatementError {
    /// Not an envelope.
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
    /// The payload is not canonical or not of its type's shape.
    #[error("the payload: {0}")]
    Payload(#[from] NotCanonical),
    /// A header claim is not what it should be.
    #[error(transparent)]
    Text(#[from] BadText),
    /// A type that the protocol number does not have.
    #[error("{name:?} is not an event type of protocol {protocol}")]
    UnknownType {
        /// The beginning of it.
        name: String,
        /// The number.
        protocol: u64,
    },
    /// A rule between the fields is broken.
    #[error("{0}")]
    Rule(&'static str),
    /// It was not signed.
    #[error(transparent)]
    NotSigned(#[from] NotSigned),
}

impl Statement {
    /// Signs an event. Refuses what reading by the newest number of this program would refuse, so that nothing is signed in
    /// vain. Who appends it reads it again, by the number in force there.
    pub fn sign(
        key: &dyn Signer,
        audience: &Origin,
        speaker: &Speaker,
        subject: &Subject,
        prev: Option<EventId>,
        time: TimeMs,
        event: &Event,
    ) -> Result<Verified<Statement>, StatementError> {
        Self::sign_by(key, audience, speaker, None, subject, prev, time, event)
    }

    /// The same by a grant, with the key that it is for: null is a key of the speaker's own.
    #[allow(clippy::too_many_arguments, reason = "these are the fields of a statement")]
    pub fn sign_by(
        key: &dyn Signer,
        audience: &Origin,
        speaker: &Speaker,
        by: Option<EventId>,
        subject: &Subject,
        prev: Option<EventId>,
        time: TimeMs,
        event: &Event,
    ) -> Result<Verified<Statement>, StatementError> {
        let (issuer, under) = match speaker {
            Speaker::Registry => (audience.as_str(), None),
            Speaker::Domain { domain, tenure } => (domain.as_str(), Some(*tenure)),
        };
        let payload = event.encode(Frame { by, prev, time, under })?;
        let subject = subject.to_string();
        let claims = Claims { issuer, subject: &subject, audience: audience.as_str() };
        let bytes = envelope::seal(Kind::Statement, key, claims, &payload)?;
        let unverified = Self::decode(Protocol::NEWEST, &bytes)?;
        unverified.verify(&key.public()).map_err(|_| StatementError::Rule("the signing key does not verify its own signature"))
    }

    /// Reads the one spelling, by the rules of the protocol number in force where the bytes stand. Says nothing about the
    /// signature.
    pub fn decode(protocol: &'static Protocol, bytes: &[u8]) -> Result<Unverified<Statement>, StatementError> {
        let envelope = Envelope::decode(Kind::Statement, bytes)?;
        let (event, Frame { by, prev, time, under }) = read_payload(protocol, envelope.payload)?;
        let audience = Origin::parse(envelope.claims.audience)?;
        let subject = Subject::parse(envelope.claims.subject)?;
        let speaker = match under {
            None if envelope.claims.issuer == audience.as_str() => Speaker::Registry,
            None => return Err(StatementError::Rule("without `under` the registry speaks, and iss is the origin")),
            Some(tenure) => Speaker::Domain { domain: Domain::parse(envelope.claims.issuer)?, tenure },
        };
        fits(&event, &subject, &speaker).map_err(StatementError::Rule)?;
        if by.is_some() && !matches!(event, Event::Package(_)) {
            return Err(StatementError::Rule("a grant is for what is said of packages"));
        }
        if let (Event::Domain(DomainEvent::Granted(granted)), Subject::Domain(domain)) = (&event, &subject)
            && !granted.is_within(domain)
        {
            return Err(StatementError::Rule("a domain grants what is its own, or below it"));
        }
        event.check().map_err(StatementError::Rule)?;
        if let Some(created) = event.created()
            && (created.origin != audience || prev.is_some())
        {
            return Err(StatementError::Rule("a registry is created for its own origin, as the first of its chain"));
        }
        if let (Event::Domain(event), Subject::Domain(domain)) = (&event, &subject)
            && let Some(acceptance) = event.acceptance()
            && (acceptance.domain() != domain || acceptance.audience() != &audience || acceptance.terms().prev != prev)
        {
            return Err(StatementError::Rule("the acceptance was made for another domain, another registry or another place in the chain"));
        }
        let signature = envelope.signature;
        let signed_bytes = envelope.signed_bytes();
        let (id, kid) = (EventId::of(bytes), envelope.kid);
        let statement = Statement { protocol, id, kid, bytes: bytes.into(), speaker, subject, audience, by, prev, time, event };
        Ok(Unverified { signature, signed_bytes, inner: statement })
    }

    /// By which protocol number it was read.
    pub fn protocol(&self) -> &'static Protocol {
        self.protocol
    }
    /// The RFC 6962 leaf hash.
    pub fn id(&self) -> EventId {
        self.id
    }
    /// The leaf.
    pub fn bytes(&self) -> &Arc<[u8]> {
        &self.bytes
    }
    /// The key that is said to have signed; in a `Verified`, that did.
    pub fn kid(&self) -> KeyId {
        self.kid
    }
    /// Who speaks.
    pub fn speaker(&self) -> &Speaker {
        &self.speaker
    }
    /// About what.
    pub fn subject(&self) -> &Subject {
        &self.subject
    }
    /// To which log.
    pub fn audience(&self) -> &Origin {
        &self.audience
    }
    /// The grant by which its key may say it; none for a key of the speaker's own.
    pub fn by(&self) -> Option<EventId> {
        self.by
    }
    /// The last event of this subject, as the signer knew it.
    pub fn prev(&self) -> Option<EventId> {
        self.prev
    }
    /// When it was signed, by the signer's clock.
    pub fn time(&self) -> TimeMs {
        self.time
    }
    /// What it says.
    pub fn event(&self) -> &Event {
        &self.event
    }
    /// The package that it is about, if it is about one.
    pub fn package(&self) -> Option<&crate::PackageId> {
        match &self.subject {
            Subject::Package(id) => Some(id),
            Subject::Registry | Subject::Domain(_) => None,
        }
    }
    /// The domain that it is about, if it is about one.
    pub fn domain(&self) -> Option<&Domain> {
        match &self.subject {
            Subject::Domain(domain) => Some(domain),
            Subject::Registry | Subject::Package(_) => None,
        }
    }
}

/// An event is about a subject of its own chain, and said by whoever says such events.
fn fits(event: &Event, subject: &Subject, speaker: &Speaker) -> Result<(), &'static str> {
    match (event, subject) {
        (Event::Registry(_), Subject::Registry) if *speaker == Speaker::Registry => Ok(()),
        (Event::Registry(_), _) => Err("this event is the registry's, about itself"),
        (Event::Domain(event), Subject::Domain(subject)) => match (event.said_by(), speaker) {
            (SaidBy::Registry | SaidBy::Either, Speaker::Registry) => Ok(()),
            (SaidBy::Itself | SaidBy::Either, Speaker::Domain { domain, .. }) if domain == subject => Ok(()),
            (SaidBy::Itself | SaidBy::Either, Speaker::Domain { .. }) => Err("a domain says this of itself, and of nobody else"),
            (SaidBy::Itself, Speaker::Registry) => Err("this event is a domain's, about itself"),
            (SaidBy::Registry, Speaker::Domain { .. }) => Err("this event is the registry's, about a domain"),
        },
        (Event::Domain(_), _) => Err("this event is about a domain"),
        (Event::Package(_), Subject::Package(id)) => match speaker {
            Speaker::Domain { domain, .. } if id.domain().is_within(domain) => Ok(()),
            Speaker::Domain { .. } => Err("a domain speaks about packages under itself or under its subdomains"),
            Speaker::Registry => Err("this event is a domain's, about a package"),
        },
        (Event::Package(_), _) => Err("this event is a domain's, about a package"),
    }
}

fn read_payload(protocol: &'static Protocol, bytes: &[u8]) -> Result<(Event, Frame), StatementError> {
    let r#type = payload::type_of(bytes)?;
    match protocol.event_type(&r#type) {
        Some(known) => Ok(known.read(bytes)?),
        None => Err(StatementError::UnknownType { name: r#type.chars().take(80).collect(), protocol: protocol.number() }),
    }
}

/// Something read whose signature is not checked yet. What it says may be looked at, to find the key; not believed.
#[derive(Debug, Clone)]
pub struct Unverified<T> {
    inner: T,
    signature: [u8; 64],
    signed_bytes: Vec<u8>,
}

impl<T> Unverified<T> {
    /// What it says, to look up what checking needs.
    pub fn peek(&self) -> &T {
        &self.inner
    }
}

impl Unverified<Statement> {
    /// Checks the signature with the key of `kid`, strictly. Consumes itself: what fails is gone.
    pub fn verify(self, key: &PublicKey) -> Result<Verified<Statement>, BadSignature> {
        if key.id() != self.inner.kid {
            return Err(BadSignature);
        }
        key.verify(&self.signed_bytes, &self.signature)?;
        Ok(Verified(self.inner))
    }
    /// The same; what fails is given back as what it is, a statement that nobody vouches for.
    pub fn verify_or_give_back(self, key: &PublicKey) -> Result<Verified<Statement>, Box<Statement>> {
        if key.id() == self.inner.kid && key.verify(&self.signed_bytes, &self.signature).is_ok() {
            return Ok(Verified(self.inner));
        }
        Err(Box::new(self.inner))
    }
    /// The same with the one of these keys that it names.
    pub fn verify_with(self, keys: &BTreeMap<KeyId, PublicKey>) -> Result<Verified<Statement>, Box<Statement>> {
        match keys.get(&self.inner.kid) {
            Some(key) => self.verify_or_give_back(key),
            None => Err(Box::new(self.inner)),
        }
    }
}

/// Something whose signature verifies under the key that it names. Only checking makes one.
#[derive(Debug, Clone)]
pub struct Verified<T>(T);

impl<T> std::ops::Deref for Verified<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}
