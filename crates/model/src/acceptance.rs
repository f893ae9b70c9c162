//! A claimant's acceptance (spec/events.md §4.2): the words without which an operator can claim nothing for anybody. An envelope of its own
//! kind, inside `domain.claimed`. Decoding looks at no clock: whether its keys may be used is asked where they are.

use crate::digest::Sha256Digest;
use crate::domain::Domain;
use crate::domain_key::{DomainKey, Role};
use crate::encoding::{self, NotCanonical};
use crate::envelope::{self, Claims, Envelope, EnvelopeError, Kind};
use crate::event_id::EventId;
use crate::key::{BadSignature, KeyId, NotSigned, Signer};
use crate::limits;
use crate::origin::Origin;
use crate::said;
use crate::subject::Subject;
use crate::time::{DAY_MS, TimeMs};
use serde::{Deserialize, Serialize};

/// The label below a domain at which its claimant puts a TXT record.
pub const CLAIM_LABEL: &str = "_deedbox";
/// Where a web server has the file that shows it.
pub const CLAIM_PATH: &str = "/.well-known/deedbox.json";
/// What the value of that record begins with.
const CLAIM_RECORD: &str = "deedbox-claim=";

/// The claimant's acceptance: an envelope of its own, signed by one of the admin keys that it names, made for this
/// registry and for this place in the domain's chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acceptance {
    bytes: Vec<u8>,
    claims: AcceptedClaims,
    terms: AcceptanceTerms,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct AcceptedClaims {
    domain: Domain,
    audience: Origin,
    kid: KeyId,
}

/// What a claimant accepts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AcceptanceTerms {
    /// The first keys of the domain, 1 to 16, ascending by their bytes, at least one an admin.
    pub keys: Vec<DomainKey>,
    /// The head of the domain's chain that this acceptance continues; null for a first claim.
    pub prev: Option<EventId>,
    /// The last moment at which it may be used: it serves for a few days, and never again.
    pub until: TimeMs,
}

impl AcceptanceTerms {
    /// For a first claim with these keys, made now. It ends a day before it would have to, for the registry's clock may be behind.
    pub fn first(keys: Vec<DomainKey>, now: TimeMs) -> Self {
        Self::after(None, keys, now)
    }

    /// The same on top of this event of the domain's chain.
    pub fn after(prev: Option<EventId>, keys: Vec<DomainKey>, now: TimeMs) -> Self {
        AcceptanceTerms { keys, prev, until: now.plus_ms(limits::ACCEPTANCE_MS - DAY_MS) }
    }
}

/// Why bytes are not an acceptance.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AcceptanceError {
    /// Not an envelope.
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
    /// The terms are not canonical.
    #[error(transparent)]
    NotCanonical(#[from] NotCanonical),
    /// A rule of its own is broken.
    #[error("{0}")]
    Rule(&'static str),
    /// The signature does not verify.
    #[error(transparent)]
    BadSignature(#[from] BadSignature),
    /// It was not signed.
    #[error(transparent)]
    NotSigned(#[from] NotSigned),
}

impl Acceptance {
    /// Signs the terms with an admin key that they name.
    pub fn sign(key: &dyn Signer, domain: &Domain, audience: &Origin, terms: &AcceptanceTerms) -> Result<Self, AcceptanceError> {
        let payload = encoding::encode(terms)?;
        let subject = Subject::Domain(domain.clone()).to_string();
        let claims = Claims { issuer: domain.as_str(), subject: &subject, audience: audience.as_str() };
        Self::decode(&envelope::seal(Kind::Acceptance, key, claims, &payload)?)
    }

    /// Reads the one spelling and checks all that needs nothing else, the signature by one of its own admin keys included. The times of
    /// its keys are not looked at: there is no log time here.
    pub fn decode(bytes: &[u8]) -> Result<Self, AcceptanceError> {
        let envelope = Envelope::decode(Kind::Acceptance, bytes)?;
        let terms: AcceptanceTerms = encoding::decode(envelope.payload)?;
        let domain = Domain::parse(envelope.claims.issuer)
            .map_err(|_| AcceptanceError::Rule("an acceptance is spoken by the domain that it claims"))?;
        let audience =
            Origin::parse(envelope.claims.audience).map_err(|_| AcceptanceError::Rule("the audience of an acceptance is an origin"))?;
        if envelope.claims.subject != Subject::Domain(domain.clone()).to_string() {
            return Err(AcceptanceError::Rule("the subject of an acceptance is the domain that it claims"));
        }
        if terms.keys.is_empty() || terms.keys.len() > limits::DOMAIN_KEYS {
            return Err(AcceptanceError::Rule(said!("a domain has 1 to {} first keys", limits::DOMAIN_KEYS)));
        }
        if !terms.keys.is_sorted_by(|a, b| a.key < b.key) {
            return Err(AcceptanceError::Rule("the keys of a domain are ascending by their bytes, each named once"));
        }
        let signer = terms.keys.iter().find(|k| k.role == Role::Admin && k.key.id() == envelope.kid);
        let Some(signer) = signer else {
            return Err(AcceptanceError::Rule("an acceptance is signed by an admin key that it names"));
        };
        envelope.verify(&signer.key)?;
        let claims = AcceptedClaims { domain, audience, kid: envelope.kid };
        Ok(Acceptance { bytes: bytes.to_vec(), claims, terms })
    }

    /// The envelope's bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
    /// Its digest, `sha256:<hex>`: the claimant puts it where everybody can see it. So what is seen there is for these keys, in this registry,
    /// and for a few days.
    pub fn address(&self) -> String {
        Sha256Digest::of(&self.bytes).to_address()
    }
    /// The value of the TXT record at `_deedbox.<domain>` that shows it.
    pub fn record(&self) -> String {
        format!("{CLAIM_RECORD}{}", self.address())
    }
    /// The domain that speaks, and is claimed.
    pub fn domain(&self) -> &Domain {
        &self.claims.domain
    }
    /// The registry it was made for.
    pub fn audience(&self) -> &Origin {
        &self.claims.audience
    }
    /// The key that signed it.
    pub fn kid(&self) -> KeyId {
        self.claims.kid
    }
    /// What was accepted.
    pub fn terms(&self) -> &AcceptanceTerms {
        &self.terms
    }
}

impl Serialize for Acceptance {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_bytes(&self.bytes)
    }
}
impl<'de> Deserialize<'de> for Acceptance {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let bytes = serde_bytes::ByteBuf::deserialize(d)?;
        Acceptance::decode(&bytes).map_err(serde::de::Error::custom)
    }
}
