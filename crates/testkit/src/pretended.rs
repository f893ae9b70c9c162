//! A protocol number that nobody goes by: 2, with two event types that protocol 1 does not have, another shape of one that it has, and
//! parameters that put versions of projections in force.
//! For tests of what a new number may not change. Nothing that ships can read it, for nothing that ships depends on this crate.

use crate::world::{Owner, Registry, secret};
use deedbox_authority::{Decider, Deciders, Generations};
use deedbox_model::envelope::{Claims, Kind, seal};
use deedbox_model::event::{
    Acceptance, AcceptanceTerms, Body, DomainClaimed, DomainKey, Event, Evidence, ReleaseUnyanked, ReleaseYanked, Role, Rules,
};
use deedbox_model::{Domain, EventId, EventType, Protocol, ReasonCode, SecretKey, TimeMs, Version, decode, encode};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

static TYPES: [EventType; 3] = [EventType::of::<DomainGranted>(), EventType::of::<ReleaseRetired>(), EventType::of::<Unyanked>()];

/// The pretended number: all of protocol 1, `domain.granted` and `release.retired`, and `release.unyanked` with a reason.
pub static TWO: Protocol = Protocol::after(Protocol::ONE, 2, &TYPES);

static BOTH: [Decider; 2] = [Decider::by_the_rules_of_one(Protocol::ONE), Decider::by_the_rules_of_one(&TWO).with_generations(generations)];

/// What judges by protocol 1 and by the pretended number.
pub const DECIDERS: Deciders = Deciders::new(&BOTH);

/// The rules of the pretended number with these versions of projections in force.
pub fn rules(generations: &[(&str, u32)]) -> Rules {
    let named: BTreeMap<&str, u32> = generations.iter().copied().collect();
    Rules { parameters: encode(&named).unwrap(), protocol: TWO.number() }
}

/// Its parameters are a map from names of projections to versions. What is not puts nothing in force.
fn generations(parameters: &[u8]) -> Generations {
    decode::<BTreeMap<String, u32>>(parameters).unwrap_or_default().into_iter().collect()
}

/// `domain.granted`: what `domain.claimed` says.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct DomainGranted {
    evidence: Evidence,
    acceptance: Acceptance,
}

/// `release.retired`: what `release.yanked` says with the reason `other`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ReleaseRetired {
    version: Version,
}

/// `release.unyanked` in another shape: under protocol 1 these bytes are not a statement, and under this number those of protocol 1 are not.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Unyanked {
    reason: ReasonCode,
    version: Version,
}

impl Body for DomainGranted {
    const TYPE: &'static str = "domain.granted";
    fn check(&self) -> Result<(), &'static str> {
        Ok(())
    }
}
impl Body for ReleaseRetired {
    const TYPE: &'static str = "release.retired";
    fn check(&self) -> Result<(), &'static str> {
        Ok(())
    }
}
impl Body for Unyanked {
    const TYPE: &'static str = ReleaseUnyanked::TYPE;
    fn check(&self) -> Result<(), &'static str> {
        Ok(())
    }
}

impl From<DomainGranted> for Event {
    fn from(body: DomainGranted) -> Self {
        DomainClaimed::unseen(body.evidence, body.acceptance).into()
    }
}
impl From<ReleaseRetired> for Event {
    fn from(body: ReleaseRetired) -> Self {
        ReleaseYanked { reason: ReasonCode::Other, version: body.version }.into()
    }
}
impl From<Unyanked> for Event {
    fn from(body: Unyanked) -> Self {
        ReleaseUnyanked { version: body.version }.into()
    }
}

#[derive(Serialize)]
struct Payload<B> {
    body: B,
    by: Option<EventId>,
    prev: Option<EventId>,
    time: TimeMs,
    r#type: &'static str,
    under: Option<EventId>,
}

fn signed<B: Body>(key: &SecretKey, claims: Claims<'_>, body: B, prev: Option<EventId>, time: TimeMs, under: Option<EventId>) -> Vec<u8> {
    let payload = encode(&Payload { body, by: None, prev, time, r#type: B::TYPE, under }).unwrap();
    seal(Kind::Statement, key, claims, &payload).unwrap()
}

impl Registry {
    /// `domain.granted`, to the key of this number. Gives its owner too, in case it takes effect.
    pub fn grant(&self, domain: &str, owner: u8, at: TimeMs) -> (Vec<u8>, Owner) {
        let (key, domain) = (secret(owner), Domain::parse(domain).unwrap());
        let keys = vec![DomainKey { key: key.public(), from: None, role: Role::Admin, until: None }];
        let acceptance = Acceptance::sign(&key, &domain, &self.origin, &AcceptanceTerms::first(keys, at)).unwrap();
        let evidence = if domain.is_localhost() { Evidence::Localhost } else { Evidence::Operator };
        let (origin, subject) = (self.origin.as_str(), format!("domain:{domain}"));
        let claims = Claims { issuer: origin, subject: &subject, audience: origin };
        let bytes = signed(&self.operator, claims, DomainGranted { evidence, acceptance }, None, at, None);
        let tenure = EventId::of(&bytes);
        (bytes, Owner { origin: self.origin.clone(), domain, key, tenure, grant: None })
    }
}

impl Owner {
    fn say_new<B: Body>(&self, id: &str, prev: EventId, at: TimeMs, body: B) -> Vec<u8> {
        let claims = Claims { issuer: self.domain.as_str(), subject: id, audience: self.origin.as_str() };
        signed(&self.key, claims, body, Some(prev), at, Some(self.tenure))
    }
    /// `release.retired`.
    pub fn retire(&self, id: &str, version: &str, prev: EventId, at: TimeMs) -> Vec<u8> {
        self.say_new(id, prev, at, ReleaseRetired { version: Version::parse(version).unwrap() })
    }
    /// `release.unyanked` in the pretended number's shape.
    pub fn unyank_anew(&self, id: &str, version: &str, prev: EventId, at: TimeMs) -> Vec<u8> {
        self.say_new(id, prev, at, Unyanked { reason: ReasonCode::Mistake, version: Version::parse(version).unwrap() })
    }
}
