//! Statements: the leaves of the log (spec/statements.md). One COSE_Sign1 around one payload of five fields.
//!
//! `Unverified` is what was read; `Verified` exists only through a signature that was checked with the key of its
//! `kid`. Whether that key was allowed to speak is authority's question, not this file's.

use crate::Domain;
use crate::encoding::{self, NotCanonical};
use crate::envelope::{self, Claims, Envelope, EnvelopeError, Kind};
use crate::event::{Chain, Event};
use crate::event_id::EventId;
use crate::key::{BadSignature, KeyId, PublicKey, SecretKey};
use crate::origin::Origin;
use crate::subject::Subject;
use crate::text::BadText;
use crate::time::TimeMs;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
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
    id: EventId,
    bytes: Arc<[u8]>,
    kid: KeyId,
    speaker: Speaker,
    subject: Subject,
    audience: Origin,
    prev: Option<EventId>,
    time: TimeMs,
    event: Event,
}

/// Why bytes are not a statement of protocol number 1.
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
    /// A type that protocol 1 does not have.
    #[error("{0:?} is not an event type of protocol 1")]
    UnknownType(String),
    /// A rule between the fields is broken.
    #[error("{0}")]
    Rule(&'static str),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Payload<B> {
    body: B,
    prev: Option<EventId>,
    time: TimeMs,
    r#type: String,
    under: Option<EventId>,
}

#[derive(Deserialize)]
struct TypeOnly {
    r#type: String,
}

impl Statement {
    /// Signs an event. Refuses what reading would refuse, so that nothing is signed in vain.
    pub fn sign(
        key: &SecretKey,
        audience: &Origin,
        speaker: &Speaker,
        subject: &Subject,
        prev: Option<EventId>,
        time: TimeMs,
        event: &Event,
    ) -> Result<Verified<Statement>, StatementError> {
        let (issuer, under) = match speaker {
            Speaker::Registry => (audience.as_str(), None),
            Speaker::Domain { domain, tenure } => (domain.as_str(), Some(*tenure)),
        };
        let payload = encode_payload(event, prev, time, under)?;
        let subject = subject.to_string();
        let claims = Claims { issuer, subject: &subject, audience: audience.as_str() };
        let bytes = envelope::seal(Kind::Statement, key, claims, &payload);
        let unverified = Self::decode(&bytes)?;
        unverified.verify(&key.public()).map_err(|_| StatementError::Rule("the signing key does not verify its own signature"))
    }

    /// Reads the one spelling. Says nothing about the signature.
    pub fn decode(bytes: &[u8]) -> Result<Unverified<Statement>, StatementError> {
        let envelope = Envelope::decode(Kind::Statement, bytes)?;
        let (event, prev, time, under) = decode_payload(envelope.payload)?;
        let audience = Origin::parse(envelope.claims.audience)?;
        let subject = Subject::parse(envelope.claims.subject)?;
        let speaker = match under {
            None if envelope.claims.issuer == audience.as_str() => Speaker::Registry,
            None => return Err(StatementError::Rule("without `under` the registry speaks, and iss is the origin")),
            Some(tenure) => Speaker::Domain { domain: Domain::parse(envelope.claims.issuer)?, tenure },
        };
        match (event.chain(), &subject, &speaker) {
            (Chain::Registry, Subject::Registry, Speaker::Registry) => {}
            (Chain::Domain, Subject::Domain(_), Speaker::Registry) => {}
            (Chain::Package, Subject::Package(id), Speaker::Domain { domain, .. }) => {
                if !id.domain().is_within(domain) {
                    return Err(StatementError::Rule("a domain speaks about packages under itself or under its subdomains"));
                }
            }
            (Chain::Registry, ..) => return Err(StatementError::Rule("this event is the registry's, about itself")),
            (Chain::Domain, ..) => return Err(StatementError::Rule("this event is the registry's, about a domain")),
            (Chain::Package, ..) => return Err(StatementError::Rule("this event is a domain's, about a package")),
        }
        event.check().map_err(StatementError::Rule)?;
        if let Event::RegistryCreated(created) = &event
            && (created.origin != audience || prev.is_some())
        {
            return Err(StatementError::Rule("a registry is created for its own origin, as the first of its chain"));
        }
        if let (Event::DomainClaimed(claimed), Subject::Domain(domain)) = (&event, &subject) {
            let acceptance = &claimed.acceptance;
            if acceptance.domain() != domain || acceptance.audience() != &audience || acceptance.terms().prev != prev {
                return Err(StatementError::Rule(
                    "the acceptance was made for another domain, another registry or another place in the chain",
                ));
            }
        }
        let signature = envelope.signature;
        let signed_bytes = envelope.signed_bytes();
        let statement =
            Statement { id: EventId::of(bytes), kid: envelope.kid, bytes: bytes.into(), speaker, subject, audience, prev, time, event };
        Ok(Unverified { signature, signed_bytes, inner: statement })
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
}

fn encode_payload(event: &Event, prev: Option<EventId>, time: TimeMs, under: Option<EventId>) -> Result<Vec<u8>, NotCanonical> {
    fn one<B: Serialize>(
        body: &B,
        event: &Event,
        prev: Option<EventId>,
        time: TimeMs,
        under: Option<EventId>,
    ) -> Result<Vec<u8>, NotCanonical> {
        encoding::encode(&Payload { body, prev, time, r#type: event.type_name().to_owned(), under })
    }
    match event {
        Event::RegistryCreated(body) => one(body, event, prev, time, under),
        Event::RegistryRulesChanged(body) => one(body, event, prev, time, under),
        Event::DomainClaimed(body) => one(body, event, prev, time, under),
        Event::ReleasePublished(body) => one(body, event, prev, time, under),
        Event::ReleaseYanked(body) => one(body, event, prev, time, under),
        Event::ReleaseUnyanked(body) => one(body, event, prev, time, under),
        Event::ReleaseDeprecated(body) => one(body, event, prev, time, under),
        Event::ChannelSet(body) => one(body, event, prev, time, under),
        Event::ChannelRemoved(body) => one(body, event, prev, time, under),
    }
}

type Decoded = (Event, Option<EventId>, TimeMs, Option<EventId>);

fn decode_payload(bytes: &[u8]) -> Result<Decoded, StatementError> {
    fn one<B: Serialize + DeserializeOwned>(bytes: &[u8], wrap: fn(B) -> Event) -> Result<Decoded, StatementError> {
        let p: Payload<B> = encoding::decode(bytes)?;
        Ok((wrap(p.body), p.prev, p.time, p.under))
    }
    crate::canonical::check(bytes).map_err(NotCanonical::from)?;
    let TypeOnly { r#type } = serde_ipld_dagcbor::from_slice(bytes).map_err(|e| NotCanonical::Shape(e.to_string()))?;
    match r#type.as_str() {
        "registry.created" => one(bytes, Event::RegistryCreated),
        "registry.rules.changed" => one(bytes, Event::RegistryRulesChanged),
        "domain.claimed" => one(bytes, Event::DomainClaimed),
        "release.published" => one(bytes, Event::ReleasePublished),
        "release.yanked" => one(bytes, Event::ReleaseYanked),
        "release.unyanked" => one(bytes, Event::ReleaseUnyanked),
        "release.deprecated" => one(bytes, Event::ReleaseDeprecated),
        "channel.set" => one(bytes, Event::ChannelSet),
        "channel.removed" => one(bytes, Event::ChannelRemoved),
        _ => Err(StatementError::UnknownType(r#type.chars().take(80).collect())),
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
