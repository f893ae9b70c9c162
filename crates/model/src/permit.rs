//! Upload permits (spec/objects.md §4): a short-lived envelope by which a key that may publish for a domain lets its
//! holder upload objects, on that domain's account. Never a leaf of the log.

use crate::domain::Domain;
use crate::encoding::{self, NotCanonical};
use crate::envelope::{self, Claims, Envelope, EnvelopeError, Kind};
use crate::event_id::EventId;
use crate::key::{BadSignature, KeyId, NotSigned, PublicKey, Signer};
use crate::origin::Origin;
use crate::said;
use crate::text::BadText;
use crate::time::TimeMs;
use serde::{Deserialize, Serialize};

pub use crate::limits::PERMIT_MS as MAX_PERMIT_MS;

/// The payload: canonical CBOR, keys `by time under until`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PermitTerms {
    /// The grant by which its key may publish; null for a key of the domain's own.
    pub by: Option<EventId>,
    /// When it was signed.
    pub time: TimeMs,
    /// The domain's tenure.
    pub under: EventId,
    /// Not valid from here on; at most 15 minutes after `time`.
    pub until: TimeMs,
}

/// A permit whose signature is checked. Whether its key may publish is the reader's next question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permit {
    domain: Domain,
    audience: Origin,
    kid: KeyId,
    terms: PermitTerms,
}

/// Why bytes are not a valid permit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PermitError {
    /// Not an envelope.
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
    /// Not canonical.
    #[error(transparent)]
    NotCanonical(#[from] NotCanonical),
    /// A name in the header is not valid.
    #[error(transparent)]
    Text(#[from] BadText),
    /// A rule is broken.
    #[error("{0}")]
    Rule(&'static str),
    /// The signature does not verify.
    #[error(transparent)]
    BadSignature(#[from] BadSignature),
    /// It was not signed.
    #[error(transparent)]
    NotSigned(#[from] NotSigned),
}

impl Permit {
    /// Signs one.
    pub fn sign(key: &dyn Signer, domain: &Domain, audience: &Origin, terms: &PermitTerms) -> Result<Vec<u8>, PermitError> {
        let payload = encoding::encode(terms)?;
        Ok(envelope::seal(Kind::Permit, key, Claims { issuer: domain.as_str(), subject: "upload", audience: audience.as_str() }, &payload)?)
    }

    /// The key that it names, the domain that it speaks for and the grant that it names, to look the key up; nothing is checked.
    pub fn peek(bytes: &[u8]) -> Result<(KeyId, Domain, Option<EventId>), PermitError> {
        let envelope = Envelope::decode(Kind::Permit, bytes)?;
        let terms: PermitTerms = encoding::decode(envelope.payload)?;
        Ok((envelope.kid, Domain::parse(envelope.claims.issuer)?, terms.by))
    }

    /// Reads it and checks the signature with the key of its `kid`.
    pub fn verify(bytes: &[u8], key: &PublicKey) -> Result<Self, PermitError> {
        let envelope = Envelope::decode(Kind::Permit, bytes)?;
        let terms: PermitTerms = encoding::decode(envelope.payload)?;
        if envelope.claims.subject != "upload" {
            return Err(PermitError::Rule("the subject of a permit is \"upload\""));
        }
        if terms.until <= terms.time || terms.until.as_ms() - terms.time.as_ms() > MAX_PERMIT_MS {
            return Err(PermitError::Rule(said!("a permit is valid for at most {} minutes: make a new one", MAX_PERMIT_MS / 60_000)));
        }
        envelope.verify(key)?;
        Ok(Permit {
            domain: Domain::parse(envelope.claims.issuer)?,
            audience: Origin::parse(envelope.claims.audience)?,
            kid: envelope.kid,
            terms,
        })
    }

    /// The domain on whose account objects go.
    pub fn domain(&self) -> &Domain {
        &self.domain
    }
    /// The registry it was made for.
    pub fn audience(&self) -> &Origin {
        &self.audience
    }
    /// The key that signed it.
    pub fn kid(&self) -> KeyId {
        self.kid
    }
    /// Tenure and times.
    pub fn terms(&self) -> &PermitTerms {
        &self.terms
    }
}
