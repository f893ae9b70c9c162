//! What statements say: the event types of protocol number 1, each with its body (spec/events.md).
//!
//! A body is a map of exactly the fields below; a field that may be absent is null. Types that are reserved for later
//! protocol numbers are named in spec/events.md and have no form here: a log that uses one under protocol 1 holds a
//! void entry.

use crate::channel::Channel;
use crate::digest::{Algorithm, ObjectRef};
use crate::domain::Domain;
use crate::encoding::{self, NotCanonical};
use crate::envelope::{self, Claims, Envelope, EnvelopeError, Kind};
use crate::event_id::EventId;
use crate::key::{BadSignature, KeyId, PublicKey, SecretKey};
use crate::limits;
use crate::native::{NativeName, NativeVersion};
use crate::origin::Origin;
use crate::reason::ReasonCode;
use crate::subject::Subject;
use crate::time::TimeMs;
use crate::version::Version;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A protocol number and its rules, in a form that no later number changes: a verifier that lacks the number can
/// still tell that it does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// Canonical CBOR whose meaning the protocol number gives. Protocol 1: empty bytes.
    #[serde(with = "serde_bytes")]
    pub parameters: Vec<u8>,
    /// The protocol number.
    pub protocol: u64,
}

/// `registry.created`: entry 0 of every log, signed by one of its own operator keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegistryCreated {
    /// The protocol number in force from here.
    pub rules: Rules,
    /// The origin; equal to the audience of every statement.
    pub origin: Origin,
    /// Keys that sign checkpoints, 1 to 8, ascending by their bytes.
    pub log_keys: Vec<PublicKey>,
    /// Keys that sign receipts, 1 to 8, ascending; none is a log key.
    pub receipt_keys: Vec<PublicKey>,
    /// Keys that speak for the registry, 1 to 8, ascending; none is one of the others.
    pub operator_keys: Vec<PublicKey>,
}

/// `registry.rules.changed`: another protocol number from the next index on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegistryRulesChanged {
    /// The rules in force from the next index on.
    pub rules: Rules,
}

/// What a key may do for its domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Everything, keys included.
    Admin,
    /// Releases, their standing, and channels.
    Publish,
}

/// A key of a domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DomainKey {
    /// The key.
    pub key: PublicKey,
    /// Valid from this log time on; null: at any time. It need not be before `until`: such a key may never be used.
    pub from: Option<TimeMs>,
    /// What it may do.
    pub role: Role,
    /// Valid before this log time; null: without end.
    pub until: Option<TimeMs>,
}

impl DomainKey {
    /// Whether it may be used at this log time.
    pub fn is_valid_at(&self, time: TimeMs) -> bool {
        self.from.is_none_or(|from| from <= time) && self.until.is_none_or(|until| time < until)
    }
}

/// On what ground the operator filed a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Evidence {
    /// A name below `localhost`: nothing to show.
    Localhost,
    /// The operator vouches.
    Operator,
}

/// `domain.claimed`: a domain has an owner. The operator's statement around the claimant's acceptance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DomainClaimed {
    /// On what ground.
    pub evidence: Evidence,
    /// The claimant's own signed words.
    pub acceptance: Acceptance,
}

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
}

impl Acceptance {
    /// Signs the terms with an admin key that they name.
    pub fn sign(key: &SecretKey, domain: &Domain, audience: &Origin, terms: &AcceptanceTerms) -> Result<Self, AcceptanceError> {
        let payload = encoding::encode(terms)?;
        let subject = Subject::Domain(domain.clone()).to_string();
        let claims = Claims { issuer: domain.as_str(), subject: &subject, audience: audience.as_str() };
        Self::decode(&envelope::seal(Kind::Acceptance, key, claims, &payload))
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
        if terms.keys.is_empty() || terms.keys.len() > limits::FIRST_KEYS {
            return Err(AcceptanceError::Rule("a domain has 1 to 16 first keys"));
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

/// An artifact that lock files name, with the digests that they use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Principal {
    /// Its name in the manifest.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// `sha256` always, others as the ecosystem's lock files use them.
    pub digests: BTreeMap<Algorithm, serde_bytes::ByteBuf>,
}

/// `release.published`: a version exists, for ever with these bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleasePublished {
    /// The version.
    pub version: Version,
    /// Channels set with it, 0 to 8, ascending.
    pub channels: Vec<Channel>,
    /// The release manifest.
    pub manifest: ObjectRef,
    /// Number of artifacts in the manifest.
    pub artifacts: u64,
    /// Principal artifacts, 0 to 8, ascending by name.
    pub principal: Vec<Principal>,
    /// Sum of the artifacts' sizes in bytes.
    pub total_size: u64,
    /// The package's key in its ecosystem.
    pub native_name: NativeName,
    /// The version's key in its package.
    pub native_version: NativeVersion,
}

/// `release.yanked`: not chosen any more; still there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleaseYanked {
    /// Why.
    pub reason: ReasonCode,
    /// Which.
    pub version: Version,
}

/// `release.unyanked`: may be chosen again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleaseUnyanked {
    /// Which.
    pub version: Version,
}

/// Why a release should not be used any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Notice {
    /// The code.
    pub reason: ReasonCode,
    /// Words for people: a UTF-8 text object of at most 1,024 bytes.
    pub message: Option<ObjectRef>,
}

/// `release.deprecated`: a notice is put up, or (null) taken down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleaseDeprecated {
    /// The notice, or null for none.
    pub notice: Option<Notice>,
    /// Which.
    pub version: Version,
}

/// `channel.set`: a channel points at a version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChannelSet {
    /// The channel.
    pub channel: Channel,
    /// The version.
    pub version: Version,
}

/// `channel.removed`: a channel points at nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChannelRemoved {
    /// The channel.
    pub channel: Channel,
}

/// One event of protocol number 1.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "each variant is its body's type, documented there")]
pub enum Event {
    RegistryCreated(RegistryCreated),
    RegistryRulesChanged(RegistryRulesChanged),
    DomainClaimed(DomainClaimed),
    ReleasePublished(ReleasePublished),
    ReleaseYanked(ReleaseYanked),
    ReleaseUnyanked(ReleaseUnyanked),
    ReleaseDeprecated(ReleaseDeprecated),
    ChannelSet(ChannelSet),
    ChannelRemoved(ChannelRemoved),
}

/// Which chain an event continues, and so who may speak in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chain {
    /// Subject `registry`; the registry speaks.
    Registry,
    /// Subject a domain; the registry speaks (in protocol 1).
    Domain,
    /// Subject a package; its domain speaks.
    Package,
}

impl Event {
    /// Its `type` in a payload.
    pub fn type_name(&self) -> &'static str {
        match self {
            Event::RegistryCreated(_) => "registry.created",
            Event::RegistryRulesChanged(_) => "registry.rules.changed",
            Event::DomainClaimed(_) => "domain.claimed",
            Event::ReleasePublished(_) => "release.published",
            Event::ReleaseYanked(_) => "release.yanked",
            Event::ReleaseUnyanked(_) => "release.unyanked",
            Event::ReleaseDeprecated(_) => "release.deprecated",
            Event::ChannelSet(_) => "channel.set",
            Event::ChannelRemoved(_) => "channel.removed",
        }
    }

    /// Its chain.
    pub fn chain(&self) -> Chain {
        match self {
            Event::RegistryCreated(_) | Event::RegistryRulesChanged(_) => Chain::Registry,
            Event::DomainClaimed(_) => Chain::Domain,
            Event::ReleasePublished(_)
            | Event::ReleaseYanked(_)
            | Event::ReleaseUnyanked(_)
            | Event::ReleaseDeprecated(_)
            | Event::ChannelSet(_)
            | Event::ChannelRemoved(_) => Chain::Package,
        }
    }

    /// The version that it is about, where it is about one.
    pub fn version(&self) -> Option<&Version> {
        match self {
            Event::ReleasePublished(e) => Some(&e.version),
            Event::ReleaseYanked(e) => Some(&e.version),
            Event::ReleaseUnyanked(e) => Some(&e.version),
            Event::ReleaseDeprecated(e) => Some(&e.version),
            Event::ChannelSet(e) => Some(&e.version),
            Event::RegistryCreated(_) | Event::RegistryRulesChanged(_) | Event::DomainClaimed(_) | Event::ChannelRemoved(_) => None,
        }
    }

    /// The rules of a body that its fields' types do not already carry (spec/events.md, "limits" of each type).
    pub(crate) fn check(&self) -> Result<(), &'static str> {
        match self {
            Event::RegistryCreated(e) => {
                let kinds = [&e.log_keys, &e.receipt_keys, &e.operator_keys];
                for keys in kinds {
                    if keys.is_empty() || keys.len() > limits::REGISTRY_KEYS {
                        return Err("a registry has 1 to 8 keys of each kind");
                    }
                    if !keys.is_sorted_by(|a, b| a < b) {
                        return Err("the keys of one kind are ascending by their bytes, each named once");
                    }
                }
                let mut all: Vec<&PublicKey> = kinds.into_iter().flatten().collect();
                all.sort();
                if !all.is_sorted_by(|a, b| a < b) {
                    return Err("log, receipt and operator keys are distinct keys");
                }
                Ok(())
            }
            Event::ReleasePublished(e) => {
                if e.channels.len() > limits::CHANNELS_PER_PUBLISH {
                    return Err("a publish sets at most 8 channels");
                }
                if !e.channels.is_sorted_by(|a, b| a < b) {
                    return Err("channels are ascending, each named once");
                }
                if e.principal.len() > limits::PRINCIPAL_ARTIFACTS {
                    return Err("a statement names at most 8 principal artifacts");
                }
                if !e.principal.is_sorted_by(|a, b| a.name < b.name) {
                    return Err("principal artifacts are ascending by name, each named once");
                }
                for artifact in &e.principal {
                    crate::manifest::check_artifact_name(&artifact.name)?;
                    if !artifact.digests.contains_key(&Algorithm::Sha256) {
                        return Err("a principal artifact has a sha256 digest");
                    }
                    if artifact.digests.iter().any(|(algorithm, digest)| digest.len() != algorithm.digest_bytes()) {
                        return Err("a digest has the length of its algorithm");
                    }
                    if artifact.size > limits::OBJECT_BYTES {
                        return Err("an object is at most 64 GiB");
                    }
                }
                if e.artifacts == 0 || e.artifacts > limits::ARTIFACTS as u64 {
                    return Err("a release has 1 to 8,192 artifacts");
                }
                if e.manifest.size > limits::MANIFEST_BYTES as u64 {
                    return Err("a release manifest is at most 4 MiB");
                }
                Ok(())
            }
            Event::ReleaseDeprecated(e) => match e.notice.as_ref().and_then(|n| n.message) {
                Some(message) if message.size > limits::MESSAGE_BYTES as u64 => Err("a message is at most 1,024 bytes"),
                _ => Ok(()),
            },
            Event::RegistryRulesChanged(_)
            | Event::DomainClaimed(_)
            | Event::ReleaseYanked(_)
            | Event::ReleaseUnyanked(_)
            | Event::ChannelSet(_)
            | Event::ChannelRemoved(_) => Ok(()),
        }
    }
}
