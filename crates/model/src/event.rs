//! What statements say: the event types, each with its body (spec/events.md), in the three chains that they continue.
//!
//! A body is a map of exactly the fields below; a field that may be absent is null. Which of the types can be read is said
//! by the protocol number in force (`protocol.rs`): a log that uses another one under that number holds a void entry.
//! Types that are reserved for later numbers are named in spec/events.md and have no form here.
//!
//! An event is matched by its chain first. So a room says in one arm that a chain is not its business, names every event of
//! the chain that is, and does not compile when an event is added of which it has said nothing.

pub use crate::acceptance::{Acceptance, AcceptanceError, AcceptanceTerms, CLAIM_LABEL};
use crate::channel::Channel;
use crate::digest::{Algorithm, ObjectRef};
pub use crate::domain_key::{DomainKey, Role};
use crate::encoding::NotCanonical;
use crate::key::{KeyId, PublicKey};
use crate::limits;
use crate::native::{NativeName, NativeVersion};
use crate::origin::Origin;
use crate::payload::Frame;
use crate::reason::ReasonCode;
use crate::said;
use crate::suffix::SuffixRule;
use crate::time::TimeMs;
use crate::version::Version;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The body of one event type.
pub trait Body: Serialize + DeserializeOwned + Into<Event> {
    /// Its `type` in a payload.
    const TYPE: &'static str;

    /// The rules that the types of its fields do not already carry (spec/events.md, the limits of each type).
    fn check(&self) -> Result<(), &'static str>;
}

/// A protocol number and its rules, in a form that no later number changes: a verifier that lacks the number can
/// still tell that it does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// Canonical CBOR whose meaning the protocol number gives ([`crate::Parameters`] for protocol 1).
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

impl Body for RegistryCreated {
    const TYPE: &'static str = "registry.created";

    fn check(&self) -> Result<(), &'static str> {
        let kinds = [&self.log_keys, &self.receipt_keys, &self.operator_keys];
        for keys in kinds {
            if keys.is_empty() || keys.len() > limits::REGISTRY_KEYS {
                return Err(said!("a registry has 1 to {} keys of each kind", limits::REGISTRY_KEYS));
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
}

/// `registry.rules.changed`: another protocol number from the next index on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegistryRulesChanged {
    /// The rules in force from the next index on.
    pub rules: Rules,
}

impl Body for RegistryRulesChanged {
    const TYPE: &'static str = "registry.rules.changed";

    fn check(&self) -> Result<(), &'static str> {
        Ok(())
    }
}

/// `registry.suffixes.changed`: other rules of the public suffix list from the next index on. A claim that was judged by the rules before
/// stays as it was judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegistrySuffixesChanged {
    /// Rules that come into force, ascending.
    pub put: Vec<SuffixRule>,
    /// Rules that go out of force, ascending; none of them is put.
    pub removed: Vec<SuffixRule>,
}

impl Body for RegistrySuffixesChanged {
    const TYPE: &'static str = "registry.suffixes.changed";

    fn check(&self) -> Result<(), &'static str> {
        let RegistrySuffixesChanged { put, removed } = self;
        if put.is_empty() && removed.is_empty() {
            return Err("a change of suffixes puts or removes at least one rule");
        }
        if put.len() + removed.len() > limits::SUFFIX_RULES {
            return Err(said!("a change of suffixes names at most {} rules", limits::SUFFIX_RULES));
        }
        if !put.is_sorted_by(|a, b| a < b) || !removed.is_sorted_by(|a, b| a < b) {
            return Err("rules of the suffix list ascend by their bytes, each named once");
        }
        if put.iter().any(|rule| removed.binary_search(rule).is_ok()) {
            return Err("a rule of the suffix list is put or removed, not both");
        }
        Ok(())
    }
}

/// The class of a claim: on what ground the operator filed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Evidence {
    /// A name below `localhost`: nothing to show.
    Localhost,
    /// The operator vouches.
    Operator,
    /// The operator saw the claimant's digest in DNS, where the domain's zone is not signed.
    Dns,
    /// The operator saw it at the domain's own address over HTTPS, where the domain's zone is not signed.
    Https,
    /// The records of DNS, signed from the root down, show it to everybody.
    Dnssec,
}

impl Evidence {
    /// Its one word.
    pub fn as_str(self) -> &'static str {
        match self {
            Evidence::Localhost => "localhost",
            Evidence::Operator => "operator",
            Evidence::Dns => "dns",
            Evidence::Https => "https",
            Evidence::Dnssec => "dnssec",
        }
    }

    /// Whether it rests on a look at the domain.
    pub fn is_seen(self) -> bool {
        match self {
            Evidence::Localhost | Evidence::Operator => false,
            Evidence::Dns | Evidence::Https | Evidence::Dnssec => true,
        }
    }
}

/// What the operator saw of a domain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sight {
    /// When.
    pub at: TimeMs,
    /// Records of DNS with their signatures, from the root down (spec/dnssec.md): for `dnssec` to the claimant's own record, for the others to
    /// the proof that the zone is not signed.
    #[serde(with = "serde_bytes")]
    pub records: Vec<u8>,
}

/// `domain.claimed`: a domain has an owner. The operator's statement around the claimant's acceptance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DomainClaimed {
    /// What was seen; there exactly for the classes that rest on it.
    pub sight: Option<Sight>,
    /// On what ground.
    pub evidence: Evidence,
    /// The claimant's own signed words.
    pub acceptance: Acceptance,
}

impl DomainClaimed {
    /// A claim that rests on no look at the domain.
    pub fn unseen(evidence: Evidence, acceptance: Acceptance) -> Self {
        DomainClaimed { sight: None, evidence, acceptance }
    }
}

impl Body for DomainClaimed {
    const TYPE: &'static str = "domain.claimed";

    fn check(&self) -> Result<(), &'static str> {
        if self.sight.is_some() != self.evidence.is_seen() {
            return Err("a claim by dns, https or dnssec says what was seen, and no other does");
        }
        let records = self.sight.as_ref().map(|sight| sight.records.len());
        if records.is_some_and(|bytes| bytes == 0 || bytes > limits::RECORDS_BYTES) {
            return Err(said!("the records of DNS in a claim have 1 to {} bytes", limits::RECORDS_BYTES));
        }
        Ok(())
    }
}

/// `domain.keys.changed`: other keys of a domain from the next index on. What its keys signed before stays as it was judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DomainKeysChanged {
    /// Keys that are added, or get another role or other times, 0 to 16, ascending by their bytes.
    pub put: Vec<DomainKey>,
    /// Keys that are taken away, 0 to 16, ascending; none of them is put.
    pub removed: Vec<KeyId>,
}

impl Body for DomainKeysChanged {
    const TYPE: &'static str = "domain.keys.changed";

    fn check(&self) -> Result<(), &'static str> {
        let DomainKeysChanged { put, removed } = self;
        if put.is_empty() && removed.is_empty() {
            return Err("a change of keys puts or removes at least one");
        }
        if put.len() > limits::DOMAIN_KEYS || removed.len() > limits::DOMAIN_KEYS {
            return Err(said!("a change of keys puts at most {} keys, and removes at most as many", limits::DOMAIN_KEYS));
        }
        if !put.is_sorted_by(|a, b| a.key < b.key) || !removed.is_sorted_by(|a, b| a < b) {
            return Err("keys that are put ascend by their bytes, keys that are removed by their ids, each named once");
        }
        if put.iter().any(|key| removed.contains(&key.key.id())) {
            return Err("a key is put or removed, not both");
        }
        Ok(())
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

impl Body for ReleasePublished {
    const TYPE: &'static str = "release.published";

    fn check(&self) -> Result<(), &'static str> {
        if self.channels.len() > limits::CHANNELS_PER_PUBLISH {
            return Err(said!("a publish sets at most {} channels", limits::CHANNELS_PER_PUBLISH));
        }
        if !self.channels.is_sorted_by(|a, b| a < b) {
            return Err("channels are ascending, each named once");
        }
        if self.principal.len() > limits::PRINCIPAL_ARTIFACTS {
            return Err(said!("a statement names at most {} principal artifacts", limits::PRINCIPAL_ARTIFACTS));
        }
        if !self.principal.is_sorted_by(|a, b| a.name < b.name) {
            return Err("principal artifacts are ascending by name, each named once");
        }
        for artifact in &self.principal {
            crate::manifest::check_artifact_name(&artifact.name)?;
            if !artifact.digests.contains_key(&Algorithm::Sha256) {
                return Err("a principal artifact has a sha256 digest");
            }
            if artifact.digests.iter().any(|(algorithm, digest)| digest.len() != algorithm.digest_bytes()) {
                return Err("a digest has the length of its algorithm");
            }
            if artifact.size > limits::OBJECT_BYTES {
                return Err(said!("an object is at most {} GiB", limits::OBJECT_BYTES >> 30));
            }
        }
        if self.artifacts == 0 || self.artifacts > limits::ARTIFACTS as u64 {
            return Err(said!("a release has 1 to {} artifacts", limits::ARTIFACTS));
        }
        if self.manifest.size > limits::MANIFEST_BYTES as u64 {
            return Err(said!("a release manifest is at most {} MiB", limits::MANIFEST_BYTES >> 20));
        }
        Ok(())
    }
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

impl Body for ReleaseYanked {
    const TYPE: &'static str = "release.yanked";

    fn check(&self) -> Result<(), &'static str> {
        Ok(())
    }
}

/// `release.unyanked`: may be chosen again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleaseUnyanked {
    /// Which.
    pub version: Version,
}

impl Body for ReleaseUnyanked {
    const TYPE: &'static str = "release.unyanked";

    fn check(&self) -> Result<(), &'static str> {
        Ok(())
    }
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

impl Body for ReleaseDeprecated {
    const TYPE: &'static str = "release.deprecated";

    fn check(&self) -> Result<(), &'static str> {
        match self.notice.as_ref().and_then(|notice| notice.message) {
            Some(message) if message.size > limits::MESSAGE_BYTES as u64 => {
                Err(said!("a message is at most {} bytes", limits::MESSAGE_BYTES))
            }
            _ => Ok(()),
        }
    }
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

impl Body for ChannelSet {
    const TYPE: &'static str = "channel.set";

    fn check(&self) -> Result<(), &'static str> {
        Ok(())
    }
}

/// `channel.removed`: a channel points at nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChannelRemoved {
    /// The channel.
    pub channel: Channel,
}

impl Body for ChannelRemoved {
    const TYPE: &'static str = "channel.removed";

    fn check(&self) -> Result<(), &'static str> {
        Ok(())
    }
}

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
    /// A domain's chain: its subject is the domain. The registry speaks where it says whose the domain is, then the domain itself.
    Domain: DomainEvent {
        Claimed(DomainClaimed),
        KeysChanged(DomainKeysChanged),
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

impl DomainEvent {
    /// Whether the domain says it of itself. Else the registry says it.
    pub fn is_its_own(&self) -> bool {
        match self {
            DomainEvent::Claimed(_) => false,
            DomainEvent::KeysChanged(_) => true,
        }
    }

    /// The keys that it registers.
    pub fn keys(&self) -> &[DomainKey] {
        match self {
            DomainEvent::Claimed(e) => &e.acceptance.terms().keys,
            DomainEvent::KeysChanged(e) => &e.put,
        }
    }
}

impl PackageEvent {
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
