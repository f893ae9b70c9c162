//! The cast: a registry with its operator, and owners of domains.

use deedbox_model::event::{
    Acceptance, AcceptanceTerms, ChannelRemoved, ChannelSet, DomainClaimed, DomainKey, DomainKeysChanged, Event, Evidence, Notice,
    Principal, RegistryCreated, RegistryRulesChanged, RegistrySuffixesChanged, ReleaseDeprecated, ReleasePublished, ReleaseUnyanked,
    ReleaseYanked, Role, Rules, Sight,
};
use deedbox_model::{
    Algorithm, Artifact, Domain, EventId, Hasher, KeyId, Manifest, Metadata, ObjectRef, Origin, PackageId, ReasonCode, SecretKey, Speaker,
    Statement, Subject, SuffixRule, TimeMs, Value, Verified, Version,
};

/// The key whose seed is this number in every byte.
pub fn secret(n: u8) -> SecretKey {
    SecretKey::from_seed(&[n; 32])
}

/// A moment: this many milliseconds after the first of the world, 2026-11-21T07:00:00Z.
pub fn time(ms: u64) -> TimeMs {
    TimeMs::new(1_795_244_400_000 + ms).unwrap()
}

/// A registry: operator key 1, log key 2, receipt key 3.
#[derive(Debug, Clone)]
pub struct Registry {
    /// Its origin.
    pub origin: Origin,
    /// Speaks for it.
    pub operator: SecretKey,
    /// Signs checkpoints.
    pub log: SecretKey,
    /// Signs receipts.
    pub receipt: SecretKey,
}

impl Default for Registry {
    fn default() -> Self {
        Registry { origin: Origin::parse("registry.example/log").unwrap(), operator: secret(1), log: secret(2), receipt: secret(3) }
    }
}

impl Registry {
    /// A registry of another origin, with the same keys.
    pub fn named(origin: &str) -> Self {
        Registry { origin: Origin::parse(origin).unwrap(), ..Self::default() }
    }

    /// The body of entry 0.
    pub fn created_event(&self) -> RegistryCreated {
        RegistryCreated {
            rules: Rules { parameters: vec![], protocol: 1 },
            origin: self.origin.clone(),
            log_keys: vec![self.log.public()],
            receipt_keys: vec![self.receipt.public()],
            operator_keys: vec![self.operator.public()],
        }
    }

    /// Entry 0.
    pub fn created(&self, at: TimeMs) -> Verified<Statement> {
        self.say(&Subject::Registry, None, at, &Event::from(self.created_event()))
    }

    /// Something the operator says.
    pub fn say(&self, subject: &Subject, prev: Option<EventId>, at: TimeMs, event: &Event) -> Verified<Statement> {
        Statement::sign(&self.operator, &self.origin, &Speaker::Registry, subject, prev, at, event).unwrap()
    }

    /// Another protocol number.
    pub fn rules_changed(&self, prev: EventId, protocol: u64, at: TimeMs) -> Verified<Statement> {
        self.rules_changed_to(prev, Rules { parameters: vec![], protocol }, at)
    }

    /// Another protocol number, with its parameters.
    pub fn rules_changed_to(&self, prev: EventId, rules: Rules, at: TimeMs) -> Verified<Statement> {
        self.say(&Subject::Registry, Some(prev), at, &Event::from(RegistryRulesChanged { rules }))
    }

    /// A first claim of a domain by one admin key.
    pub fn claim(&self, domain: &str, owner: &SecretKey, at: TimeMs) -> (Verified<Statement>, Owner) {
        let key = DomainKey { key: owner.public(), from: None, role: Role::Admin, until: None };
        self.claim_with(domain, owner, vec![key], at)
    }

    /// A first claim with these keys.
    pub fn claim_with(&self, domain: &str, owner: &SecretKey, keys: Vec<DomainKey>, at: TimeMs) -> (Verified<Statement>, Owner) {
        let domain = Domain::parse(domain).unwrap();
        let terms = AcceptanceTerms::first(keys, at);
        let acceptance = Acceptance::sign(owner, &domain, &self.origin, &terms).unwrap();
        let evidence = if domain.is_localhost() { Evidence::Localhost } else { Evidence::Operator };
        self.claim_that(domain, owner, DomainClaimed::unseen(evidence, acceptance), at)
    }

    /// A first claim by one admin key, on a ground that rests on a look. `look` is told the record that the claimant puts.
    pub fn claim_seen(
        &self,
        domain: &str,
        owner: &SecretKey,
        evidence: Evidence,
        at: TimeMs,
        look: impl FnOnce(&Domain, &str) -> Sight,
    ) -> (Verified<Statement>, Owner) {
        let domain = Domain::parse(domain).unwrap();
        let key = DomainKey { key: owner.public(), from: None, role: Role::Admin, until: None };
        let acceptance = Acceptance::sign(owner, &domain, &self.origin, &AcceptanceTerms::first(vec![key], at)).unwrap();
        let sight = Some(look(&domain, &acceptance.record()));
        self.claim_that(domain, owner, DomainClaimed { sight, evidence, acceptance }, at)
    }

    fn claim_that(&self, domain: Domain, owner: &SecretKey, claimed: DomainClaimed, at: TimeMs) -> (Verified<Statement>, Owner) {
        let statement = self.say(&Subject::Domain(domain.clone()), None, at, &Event::from(claimed));
        let tenure = statement.id();
        (statement, Owner { origin: self.origin.clone(), domain, key: owner.clone(), tenure, grant: None })
    }

    /// Other rules of the public suffix list.
    pub fn suffixes_changed(&self, prev: EventId, put: &[&str], removed: &[&str], at: TimeMs) -> Verified<Statement> {
        let rules = |rules: &[&str]| rules.iter().map(|rule| SuffixRule::parse(rule).unwrap()).collect();
        let event = RegistrySuffixesChanged { put: rules(put), removed: rules(removed) };
        self.say(&Subject::Registry, Some(prev), at, &Event::from(event))
    }
}

/// Who holds a domain.
#[derive(Debug, Clone)]
pub struct Owner {
    /// The registry that it speaks to.
    pub origin: Origin,
    /// The domain.
    pub domain: Domain,
    /// The key that it signs with.
    pub key: SecretKey,
    /// Its tenure.
    pub tenure: EventId,
    /// The grant by which the key speaks of packages; none for a key of the domain's own.
    pub grant: Option<EventId>,
}

impl Owner {
    /// Something that it says about a package.
    pub fn say(&self, id: &str, prev: Option<EventId>, at: TimeMs, event: &Event) -> Verified<Statement> {
        let speaker = Speaker::Domain { domain: self.domain.clone(), tenure: self.tenure };
        let subject = Subject::Package(PackageId::parse(id).unwrap());
        Statement::sign_by(&self.key, &self.origin, &speaker, self.grant, &subject, prev, at, event).unwrap()
    }
    /// Other keys of its domain.
    pub fn change_keys(&self, prev: Option<EventId>, at: TimeMs, put: &[DomainKey], removed: &[&SecretKey]) -> Verified<Statement> {
        let mut removed: Vec<KeyId> = removed.iter().map(|key| key.public().id()).collect();
        removed.sort();
        self.say_of_itself(prev, at, DomainKeysChanged { put: put.to_vec(), removed, keys_only: None })
    }
    /// Something that its domain says of itself.
    pub fn say_of_itself(&self, prev: Option<EventId>, at: TimeMs, event: impl Into<Event>) -> Verified<Statement> {
        let speaker = Speaker::Domain { domain: self.domain.clone(), tenure: self.tenure };
        Statement::sign(&self.key, &self.origin, &speaker, &Subject::Domain(self.domain.clone()), prev, at, &event.into()).unwrap()
    }
    /// This key's consent to have the domain, alone and as admin, on top of this event.
    pub fn accept(&self, prev: Option<EventId>, at: TimeMs) -> Acceptance {
        let key = DomainKey { key: self.key.public(), from: None, role: Role::Admin, until: None };
        Acceptance::sign(&self.key, &self.domain, &self.origin, &AcceptanceTerms::after(prev, vec![key], at)).unwrap()
    }
    /// The same domain by another key.
    pub fn by(&self, n: u8) -> Self {
        Owner { key: secret(n), ..self.clone() }
    }
    /// Whoever has this grant, with another key.
    pub fn granted(&self, grant: EventId, n: u8) -> Self {
        Owner { grant: Some(grant), ..self.by(n) }
    }
    /// The same domain under another tenure, by another key.
    pub fn under(&self, tenure: EventId, n: u8) -> Self {
        Owner { tenure, ..self.by(n) }
    }
    /// A release of one small file, with its manifest.
    pub fn publish(
        &self,
        id: &str,
        version: &str,
        prev: Option<EventId>,
        at: TimeMs,
        channels: &[&str],
    ) -> (Verified<Statement>, Manifest) {
        let manifest = manifest(id, version, format!("{id}@{version}").as_bytes());
        (self.say(id, prev, at, &Event::from(publish_event(&manifest, channels))), manifest)
    }
    /// A yank.
    pub fn yank(&self, id: &str, v: &str, prev: EventId, at: TimeMs) -> Verified<Statement> {
        self.say(id, Some(prev), at, &Event::from(ReleaseYanked { reason: ReasonCode::Broken, version: version(v) }))
    }
    /// The end of a yank.
    pub fn unyank(&self, id: &str, v: &str, prev: EventId, at: TimeMs) -> Verified<Statement> {
        self.say(id, Some(prev), at, &Event::from(ReleaseUnyanked { version: version(v) }))
    }
    /// A deprecation with a message, or its end.
    pub fn deprecate(&self, id: &str, v: &str, message: Option<&str>, prev: EventId, at: TimeMs) -> Verified<Statement> {
        let notice = message.map(|m| Notice { reason: ReasonCode::Superseded, message: Some(ObjectRef::of(m.as_bytes())) });
        self.say(id, Some(prev), at, &Event::from(ReleaseDeprecated { notice, version: version(v) }))
    }
    /// A channel that points at a version.
    pub fn set_channel(&self, id: &str, channel: &str, v: &str, prev: EventId, at: TimeMs) -> Verified<Statement> {
        self.say(id, Some(prev), at, &Event::from(ChannelSet { channel: channel.parse().unwrap(), version: version(v) }))
    }
    /// A channel that is gone.
    pub fn remove_channel(&self, id: &str, channel: &str, prev: EventId, at: TimeMs) -> Verified<Statement> {
        self.say(id, Some(prev), at, &Event::from(ChannelRemoved { channel: channel.parse().unwrap() }))
    }
}

fn version(v: &str) -> Version {
    Version::parse(v).unwrap()
}

/// A manifest of one file with these bytes; native keys are the id and the version themselves.
pub fn manifest(id: &str, v: &str, bytes: &[u8]) -> Manifest {
    let (size, digests) = Hasher::of(bytes);
    Manifest {
        id: PackageId::parse(id).unwrap(),
        native: Value::Null,
        source: None,
        version: version(v),
        metadata: Metadata::default(),
        artifacts: vec![Artifact {
            name: "file".to_owned(),
            role: "file".to_owned(),
            size,
            digests,
            media_type: "application/octet-stream".to_owned(),
        }],
        native_name: id.parse().unwrap(),
        native_version: v.parse().unwrap(),
    }
}

/// The event that publishes this manifest.
pub fn publish_event(manifest: &Manifest, channels: &[&str]) -> ReleasePublished {
    let principal = manifest.artifacts.iter().take(8).map(|artifact| Principal {
        name: artifact.name.clone(),
        size: artifact.size,
        digests: [Algorithm::Sha256, Algorithm::Sha512]
            .into_iter()
            .map(|algorithm| (algorithm, serde_bytes::ByteBuf::from(algorithm.pick(&artifact.digests))))
            .collect(),
    });
    ReleasePublished {
        version: manifest.version.clone(),
        channels: channels.iter().map(|c| c.parse().unwrap()).collect(),
        manifest: ObjectRef::of(&manifest.encode().unwrap()),
        artifacts: manifest.artifacts.len() as u64,
        principal: principal.collect(),
        total_size: manifest.total_size(),
        native_name: manifest.native_name.clone(),
        native_version: manifest.native_version.clone(),
    }
}
