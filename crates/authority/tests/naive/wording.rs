//! How a move becomes the bytes of a statement, in the state that it is made in.

use super::cast::{id, secret};
use super::looks::Look as Known;
use super::model::{Holding, Model};
use super::moves::{CHANNELS, Fault, Ground, Key, Look, Move, PACKAGES, Prev, Shows, Under, VERSIONS, What, When, Which, domain};
use deedbox_model::event::{
    Acceptance, AcceptanceTerms, Action, ChannelRemoved, ChannelSet, DomainClaimed, DomainFrozen, DomainKey, DomainKeysChanged,
    DomainRecoveryCompleted, DomainRecoveryContested, DomainRecoveryOpened, DomainReleased, DomainThawed, DomainTransferred, Event,
    Evidence, Notice, PublisherGranted, PublisherRevoked, RegistryRulesChanged, RegistrySuffixesChanged, ReleaseDeprecated,
    ReleaseUnyanked, ReleaseYanked, Role, Rules, Sight,
};
use deedbox_model::{
    Domain, EventId, IdPattern, KeyId, Origin, PackageId, Parameters, ReasonCode, Speaker, Statement, Subject, SuffixRule, TimeMs, Version,
};
use deedbox_testkit::{Registry, manifest, publish_event, time, zones};

/// Says things into a history.
pub(crate) struct Wording<'a> {
    pub(crate) model: &'a mut Model,
    /// The bytes that were sent before.
    pub(crate) sent: &'a [Vec<u8>],
}

fn here() -> Origin {
    Origin::parse("registry.example/log").unwrap()
}

fn elsewhere() -> Origin {
    Origin::parse("other.example").unwrap()
}

fn rules(protocol: u64, parameters: &[u8], anchored: bool) -> Rules {
    let anchors = || Parameters { dns_anchors: zones::anchors() }.to_bytes().unwrap();
    Rules { protocol, parameters: if anchored { anchors() } else { parameters.to_vec() } }
}

fn moment(at: TimeMs, offset: i64) -> TimeMs {
    TimeMs::new(at.as_ms().checked_add_signed(offset).unwrap()).unwrap()
}

fn domain_keys(keys: &[Key], at: TimeMs) -> Vec<DomainKey> {
    let one = |key: &Key| DomainKey {
        key: secret(key.n).public(),
        from: key.from.map(|offset| moment(at, offset)),
        role: key.role,
        until: key.until.map(|offset| moment(at, offset)),
    };
    let mut keys: Vec<DomainKey> = keys.iter().map(one).collect();
    keys.sort_by_key(|key| key.key);
    keys.dedup_by_key(|key| key.key);
    keys
}

fn version(n: usize) -> Version {
    Version::parse(VERSIONS[n]).unwrap()
}

impl Wording<'_> {
    /// The bytes; none where the move says nothing here.
    pub(crate) fn bytes(&mut self, it: &Move) -> Option<Vec<u8>> {
        match it.what {
            What::Again { ago } => return self.sent.len().checked_sub(ago + 1).map(|n| self.sent[n].clone()),
            What::Garbage => return Some(self.sent.last().map_or_else(|| vec![0xff], |bytes| bytes[1..].to_vec())),
            _ => {}
        }
        let at = self.time(it.when);
        let prev = self.prev(it);
        let audience = if it.fault == Fault::Elsewhere { elsewhere() } else { here() };
        let event = self.event(it, at, prev, &audience)?;
        let speaker = self.speaker(it)?;
        let statement =
            Statement::sign_by(secret(it.by), &audience, &speaker, self.grant(it.grant), &subject(&it.what), prev, at, &event).ok()?;
        let mut bytes = statement.bytes().to_vec();
        if it.fault == Fault::Forged {
            *bytes.last_mut().unwrap() ^= 1;
        }
        Some(bytes)
    }

    fn time(&self, when: When) -> TimeMs {
        let now = if self.model.now == 0 { time(0).as_ms() } else { self.model.now };
        let at = match when {
            When::After(ms) => now + ms,
            When::Behind(ms) => now - ms,
            When::At(mark, offset) => match mark.at(self.model).map(|end| end.saturating_add_signed(offset)) {
                Some(end) if end >= now => end,
                _ => now + 1_000,
            },
        };
        TimeMs::new(at).unwrap()
    }

    fn grant(&self, n: Option<usize>) -> Option<EventId> {
        n.map(|n| self.model.grants.keys().nth(n).copied().unwrap_or(EventId([8; 32])))
    }

    fn prev(&self, it: &Move) -> Option<EventId> {
        let chain: Vec<EventId> = match (it.what.domain(), it.what.package()) {
            (Some(d), _) => self.model.domains.get(&domain(d)).map_or_else(Vec::new, |it| it.chain.iter().map(|(id, _)| *id).collect()),
            (_, Some(p)) => self.model.packages.get(&package(p)).map_or_else(Vec::new, |it| it.chain.iter().map(|(id, _)| *id).collect()),
            _ => self.model.registry.iter().map(|registry| registry.head).collect(),
        };
        match it.prev {
            Prev::Head => chain.last().copied(),
            Prev::Older(n) => chain.len().checked_sub(n + 1).and_then(|n| chain.get(n)).or(chain.first()).copied(),
            Prev::OtherChain => {
                let other = |d: &usize| Some(*d) != it.what.domain();
                (0..3).filter(other).find_map(|d| self.model.domains.get(&domain(d))).map(Holding::head)
            }
            Prev::None => None,
            Prev::Unknown => Some(EventId([7; 32])),
        }
    }

    fn speaker(&self, it: &Move) -> Option<Speaker> {
        let speaks = match &it.what {
            What::Keys { d, .. }
            | What::Transfer { d, .. }
            | What::Release { d }
            | What::Contest { d, .. }
            | What::Grant { d, .. }
            | What::Revoke { d, .. } => Some(domain(*d)),
            What::Freeze { d, registry: false } | What::Thaw { d, registry: false } => Some(domain(*d)),
            What::Publish { speaker: Some(d), .. } => Some(domain(*d)),
            what => what.package().map(|p| self.owner_of(p)),
        };
        let Some(domain) = speaks else { return Some(Speaker::Registry) };
        let holding = self.model.domains.get(&domain);
        let tenure = holding.map_or(EventId([5; 32]), |holding| match it.under {
            Under::Present => holding.tenure.event,
            Under::First => holding.chain[0].0,
            Under::Head => holding.head(),
        });
        Some(Speaker::Domain { domain, tenure })
    }

    fn owner_of(&self, p: usize) -> Domain {
        self.model.owner_of(&package(p)).map_or_else(|| package(p).domain().clone(), |(domain, _)| domain)
    }

    fn event(&mut self, it: &Move, at: TimeMs, prev: Option<EventId>, audience: &Origin) -> Option<Event> {
        Some(match &it.what {
            What::Create { protocol, parameters, anchored } => {
                let registry = Registry { origin: audience.clone(), ..Registry::default() };
                let mut event = registry.created_event();
                event.rules = rules(*protocol, parameters, *anchored);
                Event::from(event)
            }
            What::Rules { protocol, parameters, anchored } => {
                Event::from(RegistryRulesChanged { rules: rules(*protocol, parameters, *anchored) })
            }
            What::Suffixes { put, removed } => {
                let rules = |rules: &[&str]| {
                    let mut rules: Vec<SuffixRule> = rules.iter().map(|rule| SuffixRule::parse(rule).unwrap()).collect();
                    rules.sort();
                    rules.dedup();
                    rules
                };
                Event::from(RegistrySuffixesChanged { put: rules(put), removed: rules(removed) })
            }
            What::Claim { d, keys, ground, serves } => {
                let acceptance = accept(*d, keys, prev, at, *serves, audience)?;
                let (evidence, sight) = self.ground(*d, *ground, &acceptance.record(), at);
                Event::from(DomainClaimed { sight, evidence, acceptance })
            }
            What::Keys { put, removed, keys_only, .. } => {
                let mut removed: Vec<KeyId> = removed.iter().map(|n| id(*n)).collect();
                removed.sort();
                removed.dedup();
                Event::from(DomainKeysChanged { put: domain_keys(put, at), removed, keys_only: *keys_only })
            }
            What::Freeze { .. } => Event::from(DomainFrozen { reason: ReasonCode::Security }),
            What::Thaw { .. } => Event::from(DomainThawed {}),
            What::Transfer { d, keys, serves } => {
                Event::from(DomainTransferred { acceptance: accept(*d, keys, prev, at, *serves, audience)? })
            }
            What::Release { .. } => Event::from(DomainReleased {}),
            What::Open { d, keys, ground, serves } => {
                let acceptance = accept(*d, keys, prev, at, *serves, audience)?;
                let (evidence, sight) = self.ground(*d, *ground, &acceptance.record(), at);
                Event::from(DomainRecoveryOpened { sight, evidence, acceptance })
            }
            What::Grant { to, ids, actions, until, .. } => {
                let mut ids: Vec<IdPattern> = ids.iter().map(|pattern| IdPattern::parse(pattern).unwrap()).collect();
                ids.sort();
                ids.dedup();
                let actions =
                    Action::ALL.into_iter().enumerate().filter(|(n, _)| actions & (1 << n) != 0).map(|(_, action)| action).collect();
                Event::from(PublisherGranted { key: secret(*to).public(), ids, actions, until: until.map(|offset| moment(at, offset)) })
            }
            What::Revoke { grant, .. } => Event::from(PublisherRevoked { grant: self.grant(Some(*grant))? }),
            What::Contest { d, which } => Event::from(DomainRecoveryContested { recovery: self.which(*d, *which) }),
            What::Complete { d, which, ground } => {
                let recovery = self.which(*d, *which).unwrap_or(EventId([6; 32]));
                let record = self.model.domains.get(&domain(*d)).and_then(|it| it.recovery.as_ref()).map(|it| it.record.clone());
                let (evidence, sight) = self.ground(*d, *ground, &record.unwrap_or_else(|| "deedbox-claim=".to_owned()), at);
                Event::from(DomainRecoveryCompleted { sight, evidence, recovery })
            }
            what => of_a_package(what)?,
        })
    }

    fn which(&self, d: usize, which: Which) -> Option<EventId> {
        let holding = self.model.domains.get(&domain(d));
        match which {
            Which::TheLast => Some(holding.and_then(|it| it.recovery.as_ref()).map_or(EventId([6; 32]), |it| it.opened)),
            Which::TheHead => Some(holding.map_or(EventId([6; 32]), Holding::head)),
            Which::None => None,
        }
    }

    /// The class, and a look that this history knows from now on.
    fn ground(&mut self, d: usize, ground: Ground, record: &str, at: TimeMs) -> (Evidence, Option<Sight>) {
        let (evidence, look) = match ground {
            Ground::Localhost => return (Evidence::Localhost, None),
            Ground::Operator => return (Evidence::Operator, None),
            Ground::Dns(look) => (Evidence::Dns, look),
            Ground::Https(look) => (Evidence::Https, look),
            Ground::Dnssec(look) => (Evidence::Dnssec, look),
        };
        (evidence, Some(self.sight(d, evidence, look, record, at)))
    }

    fn sight(&mut self, d: usize, evidence: Evidence, look: Look, record: &str, at: TimeMs) -> Sight {
        let seen_at = moment(at, -look.ago);
        let signed_at = if look.shows == Shows::Stale { moment(seen_at, -2 * 86_400_000) } else { seen_at };
        // The zones of the tests have one level below `example`.
        let is_a_zone = DOMAIN_WITH_A_ZONE == d && look.shows != Shows::OtherDomain;
        let looked_at = if is_a_zone { domain(d) } else { Domain::parse("elsewhere.example").unwrap() };
        let signed = (evidence == Evidence::Dnssec) != (look.shows == Shows::Wrong && look.ago % 2 == 0);
        let text = signed.then(|| if look.shows == Shows::Wrong { "deedbox-claim=another".to_owned() } else { record.to_owned() });
        let mut sight = match &text {
            Some(text) => zones::signed(&looked_at, text, signed_at),
            None => zones::unsigned(&looked_at, signed_at),
        };
        let known = Known { domain: looked_at, signed_at: signed_at.as_ms(), text, anchor: zones::anchors().remove(0) };
        self.model.looks.add(&sight.records, known);
        sight.at = seen_at;
        sight
    }
}

/// Only acme.example is right below `example`.
const DOMAIN_WITH_A_ZONE: usize = 0;

pub(crate) fn package(p: usize) -> PackageId {
    PackageId::parse(PACKAGES[p].0).unwrap()
}

fn subject(what: &What) -> Subject {
    match (what.domain(), what.package()) {
        (Some(d), _) => Subject::Domain(domain(d)),
        (_, Some(p)) => Subject::Package(package(p)),
        _ => Subject::Registry,
    }
}

fn accept(d: usize, keys: &[Key], prev: Option<EventId>, at: TimeMs, serves: i64, audience: &Origin) -> Option<Acceptance> {
    let admin = keys.iter().find(|key| key.role == Role::Admin)?;
    let terms = AcceptanceTerms { keys: domain_keys(keys, at), prev, until: moment(at, serves) };
    Acceptance::sign(secret(admin.n), &domain(d), audience, &terms).ok()
}

fn of_a_package(what: &What) -> Option<Event> {
    Some(match what {
        What::Publish { p, version, native_version, native_name, channels, .. } => {
            let mut manifest = manifest(PACKAGES[*p].0, VERSIONS[*version], b"x");
            manifest.native_name = native_name.parse().unwrap();
            manifest.native_version = VERSIONS[*native_version].parse().unwrap();
            let channels: Vec<&str> = channels.iter().map(|n| CHANNELS[*n]).collect();
            Event::from(publish_event(&manifest, &channels))
        }
        What::Yank { version: v, .. } => Event::from(ReleaseYanked { reason: ReasonCode::Broken, version: version(*v) }),
        What::Unyank { version: v, .. } => Event::from(ReleaseUnyanked { version: version(*v) }),
        What::Deprecate { version: v, notice, .. } => {
            let notice = notice.then_some(Notice { reason: ReasonCode::Superseded, message: None });
            Event::from(ReleaseDeprecated { notice, version: version(*v) })
        }
        What::SetChannel { channel, version: v, .. } => {
            Event::from(ChannelSet { channel: CHANNELS[*channel].parse().unwrap(), version: version(*v) })
        }
        What::RemoveChannel { channel, .. } => Event::from(ChannelRemoved { channel: CHANNELS[*channel].parse().unwrap() }),
        _ => return None,
    })
}
