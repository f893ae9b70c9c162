//! A registry made by hand: statements, a tree, checkpoints and proofs, without any of the server's code. Tests doctor it.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses its part")]

use deedbox_client::Unproven;
use deedbox_model::event::*;
use deedbox_model::{
    Algorithm, Channel, Domain, Event, EventId, Hasher, NativeName, NativeVersion, ObjectRef, Origin, PackageId, SecretKey, Speaker,
    Statement, Subject, TimeMs, Version,
};
use deedbox_tlog::key::KeyKind;
use deedbox_tlog::{Checkpoint, Edge, Hash, KeyName, Signer, Tiles, VerifierKey, leaf_hash, prove_multiproof};
use std::collections::BTreeMap;

pub const T0: u64 = 1_790_000_000_000;

/// One registry's keys and entries.
#[derive(Clone)]
pub struct HandMade {
    pub origin: Origin,
    pub operator: SecretKey,
    pub log: SecretKey,
    pub publisher: SecretKey,
    pub tenure: EventId,
    pub entries: Vec<Vec<u8>>,
    heads: BTreeMap<PackageId, EventId>,
}

pub fn time(ms: u64) -> TimeMs {
    TimeMs::new(T0 + ms).unwrap()
}

impl HandMade {
    /// A registry whose first two entries are its creation and the claim of acme.example.
    pub fn new() -> Self {
        let key = |n: u8| SecretKey::from_seed(&[n; 32]);
        let (operator, log, receipt, publisher) = (key(1), key(2), key(3), key(4));
        let origin = Origin::parse("registry.example").unwrap();
        let mut made = HandMade { origin, operator, log, publisher, tenure: EventId([0; 32]), entries: Vec::new(), heads: BTreeMap::new() };
        let created = Event::from(RegistryCreated {
            rules: Rules { parameters: Vec::new(), protocol: 1 },
            origin: made.origin.clone(),
            log_keys: vec![made.log.public()],
            receipt_keys: vec![receipt.public()],
            operator_keys: vec![made.operator.public()],
        });
        made.say(&made.operator.clone(), &Speaker::Registry, &Subject::Registry, None, 0, &created);
        made.tenure = made.claim("acme.example", &made.publisher.clone(), 1);
        made
    }

    /// Appends a claim by the operator.
    pub fn claim(&mut self, domain: &str, owner: &SecretKey, ms: u64) -> EventId {
        let domain = Domain::parse(domain).unwrap();
        let keys = vec![DomainKey { key: owner.public(), from: None, role: Role::Admin, until: None }];
        let acceptance = Acceptance::sign(owner, &domain, &self.origin, &AcceptanceTerms::first(keys, time(ms))).unwrap();
        let event = Event::from(DomainClaimed::unseen(Evidence::Operator, acceptance));
        self.say(&self.operator.clone(), &Speaker::Registry, &Subject::Domain(domain), None, ms, &event)
    }

    /// Appends a statement, whatever it says and with any key.
    pub fn say(&mut self, key: &SecretKey, speaker: &Speaker, subject: &Subject, prev: Option<EventId>, ms: u64, event: &Event) -> EventId {
        let statement = Statement::sign(key, &self.origin, speaker, subject, prev, time(ms), event).unwrap();
        self.entries.push(statement.bytes().to_vec());
        statement.id()
    }

    /// Appends an event of a package, by its owner.
    pub fn package(&mut self, id: &str, event: &Event) -> EventId {
        self.package_by(&self.publisher.clone(), self.tenure, id, event)
    }

    /// Appends an event of a package, by anybody.
    pub fn package_by(&mut self, key: &SecretKey, tenure: EventId, id: &str, event: &Event) -> EventId {
        let id = PackageId::parse(id).unwrap();
        let speaker = Speaker::Domain { domain: Domain::parse("acme.example").unwrap(), tenure };
        let prev = self.heads.get(&id).copied();
        let ms = self.entries.len() as u64;
        let event_id = self.say(key, &speaker, &Subject::Package(id.clone()), prev, ms, event);
        self.heads.insert(id, event_id);
        event_id
    }

    /// Appends a release of these bytes.
    pub fn publish(&mut self, id: &str, version: &str, artifact: &[u8]) -> EventId {
        self.package(id, &release(id, version, artifact))
    }

    pub fn leaves(&self, size: usize) -> Vec<Hash> {
        self.entries[..size].iter().map(|entry| leaf_hash(entry)).collect()
    }

    pub fn root(&self, size: usize) -> Hash {
        Edge::empty().grow(&self.leaves(size)).unwrap().root
    }

    /// Every tile of the first `size` entries.
    pub fn tiles(&self, size: usize) -> Tiles {
        Edge::empty().grow(&self.leaves(size)).unwrap().tiles.into_iter().collect()
    }

    pub fn vkey(&self) -> VerifierKey {
        let name = KeyName::new(self.origin.as_str()).unwrap();
        VerifierKey::new(name, KeyKind::Ed25519, &self.log.public().to_bytes()).unwrap()
    }

    pub fn checkpoint(&self, size: usize) -> String {
        self.checkpoint_by(&self.log, size, self.root(size))
    }

    pub fn checkpoint_by(&self, key: &SecretKey, size: usize, root: Hash) -> String {
        let name = KeyName::new(self.origin.as_str()).unwrap();
        let signer = Signer::new(name.clone(), ed25519_dalek::SigningKey::from_bytes(&key.seed())).unwrap();
        Checkpoint::new(name, size as u64, root).unwrap().sign(&signer).unwrap().to_string()
    }

    /// A proof of these entries in the tree of the first `size`.
    pub fn proof(&self, size: usize, indices: &[u64]) -> Unproven {
        let proof = prove_multiproof(indices, size as u64, &self.tiles(size)).unwrap();
        let entries = indices.iter().map(|index| (*index, self.entries[*index as usize].clone())).collect();
        Unproven::from_parts(entries, &proof, self.checkpoint(size), Vec::new())
    }
}

/// A release with one artifact.
pub fn release(id: &str, version: &str, artifact: &[u8]) -> Event {
    let (size, digests) = Hasher::of(artifact);
    let name = id.rsplit('/').next().unwrap();
    let picked = [Algorithm::Sha1, Algorithm::Sha256, Algorithm::Sha512].map(|a| (a, a.pick(&digests).into()));
    Event::from(ReleasePublished {
        version: Version::parse(version).unwrap(),
        channels: vec![Channel::parse("latest").unwrap()],
        manifest: ObjectRef::of(format!("manifest of {id}@{version}").as_bytes()),
        artifacts: 1,
        principal: vec![Principal { name: format!("{name}-{version}.tgz"), size, digests: picked.into() }],
        total_size: size,
        native_name: NativeName::parse(&format!("@acme.example/{name}")).unwrap(),
        native_version: NativeVersion::parse(version).unwrap(),
    })
}
