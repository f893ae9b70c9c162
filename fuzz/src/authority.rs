//! The target of the decider (spec/authority.md): the input chooses statements, well made and badly made, and appends them to a log.
//! The laws: no statement is a defect; a void entry writes its void row and nothing else; what history fixed (a release's event, who
//! holds a name, a key) is never rewritten; log time only grows.

use deedbox_authority::rows::{DomainRow, EventRow, GrantRow, PackageRow, ReleaseRow, TimeRow, VersionRow};
use deedbox_authority::{Decision, Effective, Refusal, Signed, decide, touches, touches_undecodable, void_changes};
use deedbox_model::event::{
    Action, ChannelRemoved, DomainClaimed, DomainEvent, DomainFrozen, DomainKey, DomainRecoveryCompleted, DomainRecoveryContested,
    DomainRecoveryOpened, DomainReleased, DomainThawed, DomainTransferred, Event, Evidence, Notice, PublisherGranted, PublisherRevoked,
    ReleaseDeprecated, ReleaseUnyanked, Role,
};
use deedbox_model::limits::DOMAIN_KEYS;
use deedbox_model::row::decode_row;
use deedbox_model::{Changes, EventId, Protocol, ReasonCode, Row, RowKey, Rows, Statement, Subject, TimeMs, Verified};
use deedbox_testkit::{Owner, Registry, manifest, publish_event, secret, time};
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};

/// Steps of one log.
const STEPS: usize = 24;
/// Bytes of one step.
pub const STEP: usize = 6;

const DOMAINS: [&str; 6] =
    ["acme.example", "team.acme.example", "a.team.acme.example", "beta.example", "demo.localhost", "x.demo.localhost"];
const IDS: [&str; 8] = [
    "npm:acme.example/widget",
    "npm:acme.example/Widget",
    "gem:acme.example/widget",
    "npm:team.acme.example/tool",
    "npm:a.team.acme.example/tool",
    "npm:beta.example/widget",
    "npm:demo.localhost/widget",
    "npm:other.example/widget",
];
const VERSIONS: [&str; 4] = ["1.0.0", "1.0.0+build", "2.0.0", "2.0.0-rc.1"];
const CHANNELS: [&str; 3] = ["latest", "next", "old"];

/// The bytes that chose it, what it goes on from, its time, log time, its tenure, the recovery and the grant at hand.
type Parts = ([u8; STEP], Option<EventId>, TimeMs, TimeMs, Option<EventId>, [Option<EventId>; 2]);

thread_local! {
    /// Statements by all that they are made of (log time too: keys begin and end by it): signing is what takes the time.
    static MADE: RefCell<HashMap<Parts, Verified<Statement>>> = RefCell::default();
}

/// A log as far as it went.
#[derive(Default)]
struct World {
    rows: BTreeMap<RowKey, Row>,
    next: u64,
    heads: BTreeMap<String, EventId>,
    tenures: BTreeMap<&'static str, EventId>,
    made: Vec<Verified<Statement>>,
    /// The last recovery that was opened, and the last grant.
    opened: Option<EventId>,
    grant: Option<EventId>,
    /// The type of the last effective event.
    made_last: Option<String>,
}

/// A log of at most 24 statements, six bytes each.
pub fn log(data: &[u8]) {
    let mut world = World::default();
    for step in data.chunks_exact(STEP).take(STEPS) {
        let &[kind, who, what, prev, when, how] = step else { return };
        let Some(statement) = world.make([kind, who, what, prev, when, how]) else { continue };
        let undecodable = Refusal::Undecodable("chosen so".to_owned());
        let signed = match how & 31 {
            30 => Signed::NotVerified(&statement),
            31 => Signed::Undecodable { protocol: Protocol::ONE, refusal: &undecodable },
            _ => Signed::Verified(&statement),
        };
        if !world.append(&statement, signed) {
            return;
        }
    }
}

impl World {
    /// Makes the statement that these bytes choose. `how` spoils it: its key, its tenure, its audience.
    fn make(&mut self, bytes: [u8; STEP]) -> Option<Verified<Statement>> {
        let [kind, who, what, prev, when, how] = bytes;
        if kind % 16 == 15 {
            return self.made.get(usize::from(what)).cloned();
        }
        let domain = DOMAINS[usize::from(who) % DOMAINS.len()];
        let id = IDS[usize::from(who >> 3) % IDS.len()];
        let version = VERSIONS[usize::from(what) % 4];
        let channel = CHANNELS[usize::from(what >> 2) % 3];
        let subject = match kind % 16 {
            0 | 1 => "registry".to_owned(),
            2 | 3 => format!("domain:{domain}"),
            _ => id.to_owned(),
        };
        let prev = match prev % 8 {
            7 => None,
            6 => self.made.get(usize::from(prev >> 3)).map(|statement| statement.id()),
            _ => self.heads.get(&subject).copied(),
        };
        // From ten minutes behind to a little ahead.
        let base = self.rows.get(&RowKey::new("time").unwrap()).map_or(time(0), |row| {
            let TimeRow { time } = decode_row(&RowKey::new("time").unwrap(), &row.bytes).unwrap();
            time
        });
        let at = match when {
            0..=199 => base.plus_ms(u64::from(when)),
            200..=239 => TimeMs::new(base.as_ms() - u64::from(when - 199) * 15_001).unwrap(),
            240..=254 => base.plus_ms(u64::from(when - 239) * 3_600_000),
            255 => TimeMs::new(deedbox_model::limits::TIME_MS).unwrap(),
        };
        let tenure = match how >> 5 & 3 {
            0..=2 => self.tenures.get(domain).copied(),
            _ => self.made.first().map(|statement| statement.id()),
        };
        let cached = (bytes, prev, at, base, tenure, [self.opened, self.grant]);
        if let Some(made) = MADE.with_borrow(|all| all.get(&cached).cloned()) {
            return Some(made);
        }

        let registry = Registry {
            operator: secret(if how & 31 == 29 { 9 } else { 1 }),
            ..if how & 31 == 28 { Registry::named("other.example") } else { Registry::default() }
        };
        let key = key_of(domain);
        let owner = Owner {
            origin: registry.origin.clone(),
            domain: domain.parse().ok()?,
            key: secret(match how & 31 {
                26 => key + 1,
                27 => key_of(DOMAINS[usize::from(what) % DOMAINS.len()]),
                _ => key,
            }),
            tenure: tenure.unwrap_or(EventId([5; 32])),
            grant: (kind & 16 != 0).then(|| self.grant.unwrap_or(EventId([6; 32]))),
        };
        // A domain cannot even word a statement about a package that is not its own.
        let about = id.parse::<deedbox_model::PackageId>().ok()?;
        if kind % 16 > 3 && !about.domain().is_within(&owner.domain) {
            return None;
        }
        let zero = EventId([0; 32]);
        let reason = ReasonCode::Other;
        let made = match kind % 16 {
            0 => {
                let mut event = registry.created_event();
                event.rules.protocol = if what & 1 == 0 { 1 } else { u64::from(what >> 1) };
                event.rules.parameters = vec![0; usize::from(how >> 7)];
                if prev.is_some() {
                    return None;
                }
                registry.say(&Subject::Registry, None, at, &Event::from(event))
            }
            1 => registry.rules_changed(prev.unwrap_or(zero), u64::from(what % 4), at),
            3 if what & 3 == 0 && prev.is_some() => {
                let (at_hand, frozen) = (self.opened.unwrap_or(zero), DomainFrozen { reason });
                let evidence = if owner.domain.is_localhost() { Evidence::Localhost } else { Evidence::Operator };
                let subject = Subject::Domain(owner.domain.clone());
                let acceptance = owner.by(key + (what >> 6)).accept(prev, at);
                let itself = |event: Event| owner.say_of_itself(prev, at, event);
                let by_registry = |event: Event| registry.say(&subject, prev, at, &event);
                match (what >> 2) % 11 {
                    0 => itself(frozen.into()),
                    1 => by_registry(frozen.into()),
                    2 => itself(DomainThawed {}.into()),
                    3 => by_registry(DomainThawed {}.into()),
                    4 => itself(DomainTransferred { acceptance }.into()),
                    5 => itself(DomainReleased {}.into()),
                    6 => by_registry(DomainRecoveryOpened { sight: None, evidence, acceptance }.into()),
                    7 => itself(DomainRecoveryContested { recovery: (how & 32 == 0).then_some(at_hand) }.into()),
                    8 => by_registry(DomainRecoveryCompleted { sight: None, evidence, recovery: at_hand }.into()),
                    9 => {
                        let ids = vec![format!("npm:{domain}/").parse().ok()?];
                        let until = (how & 64 != 0).then(|| base.plus_ms(u64::from(what)));
                        itself(PublisherGranted { key: secret(key).public(), ids, actions: Action::ALL.to_vec(), until }.into())
                    }
                    _ => itself(PublisherRevoked { grant: self.grant.unwrap_or(zero) }.into()),
                }
            }
            3 if what & 3 != 0 && prev.is_some() => {
                let put = DomainKey {
                    key: secret(key + what % 4).public(),
                    from: (how & 32 != 0).then(|| base.plus_ms(u64::from(when))),
                    role: Role::ALL[usize::from(what >> 4) % 3],
                    until: (how & 64 != 0).then(|| base.plus_ms(u64::from(what))),
                };
                let gone = secret(key + (what >> 2) % 4);
                let is_both = gone.public() == put.key;
                match what & 3 {
                    1 => owner.change_keys(prev, at, &[put], &[]),
                    2 => owner.change_keys(prev, at, &[], &[&gone]),
                    _ if is_both => return None,
                    _ => owner.change_keys(prev, at, &[put], &[&gone]),
                }
            }
            2 | 3 => {
                let role = |role, n, from, until| DomainKey { key: secret(n).public(), from, role, until };
                let mut keys = vec![
                    role(Role::Admin, key, None, None),
                    role(Role::Publish, key + 1, Some(base.plus_ms(u64::from(what))), Some(base.plus_ms(u64::from(what) * 8))),
                ];
                keys.sort_by_key(|key| key.key);
                keys.retain(|kept| what & 1 == 0 || kept.role == Role::Admin);
                if prev.is_some() {
                    return None;
                }
                let (claim, _) = registry.claim_with(domain, &secret(key), keys, at);
                match (claim.event(), how >> 7) {
                    (Event::Domain(DomainEvent::Claimed(claimed)), 1) => {
                        let evidence = if owner.domain.is_localhost() { Evidence::Operator } else { Evidence::Localhost };
                        registry.say(claim.subject(), None, at, &Event::from(DomainClaimed { evidence, ..claimed.clone() }))
                    }
                    _ => claim,
                }
            }
            4..=7 => {
                let mut manifest = manifest(id, version, b"bytes");
                // Names fold, and build metadata is dropped, as a dialect would do it.
                manifest.native_name = if what & 16 == 0 { id.to_lowercase() } else { "npm:acme.example/other".to_owned() }.parse().ok()?;
                manifest.native_version = version.split('+').next()?.parse().ok()?;
                let channels: &[&str] = match what >> 5 {
                    0 => &[],
                    1 => &["next", "old"],
                    _ => &["latest"],
                };
                owner.say(id, prev, at, &Event::from(publish_event(&manifest, channels)))
            }
            8 => owner.yank(id, version, prev.unwrap_or(zero), at),
            9 => owner.say(id, prev, at, &Event::from(ReleaseUnyanked { version: version.parse().ok()? })),
            10 => {
                let notice = (what & 16 == 0).then_some(Notice { reason, message: None });
                owner.say(id, prev, at, &Event::from(ReleaseDeprecated { notice, version: version.parse().ok()? }))
            }
            11 => owner.deprecate(id, version, (what & 16 == 0).then_some("words"), prev.unwrap_or(zero), at),
            12 | 13 => owner.set_channel(id, channel, version, prev.unwrap_or(zero), at),
            _ => owner.say(id, prev, at, &Event::from(ChannelRemoved { channel: channel.parse().ok()? })),
        };
        MADE.with_borrow_mut(|all| {
            if all.len() >= 20_000 {
                all.clear();
            }
            all.insert(cached, made.clone());
        });
        Some(made)
    }

    /// Appends it, as the writer and the replayer do. False where no verdict is given any more.
    fn append(&mut self, statement: &Verified<Statement>, signed: Signed<'_>) -> bool {
        let undecodable = matches!(signed, Signed::Undecodable { .. });
        let keys = if undecodable { touches_undecodable().unwrap() } else { touches(statement).unwrap() };
        let rows = Rows::new(keys.into_iter().map(|key| (key.clone(), self.rows.get(&key).cloned())).collect());
        let decision = decide(&rows, self.next, signed).unwrap();
        assert_eq!(decide(&rows, self.next, signed).as_ref(), Ok(&decision), "two verdicts on one statement");
        match decision {
            Decision::Undecided { protocol } => {
                assert!(protocol != 1 && self.next > 0);
                return false;
            }
            Decision::Refused(refusal) => {
                assert!(!refusal.to_string().is_empty());
                let changes = void_changes(self.next, &refusal).unwrap();
                assert_eq!(changes.iter().count(), 1);
                let void = format!("void/{:020}", self.next);
                assert!(changes.iter().all(|(key, _)| key.as_str() == void && !self.rows.contains_key(key)));
                self.write(changes);
            }
            Decision::Effective(effective) => {
                assert!(matches!(signed, Signed::Verified(_)), "effective without a signature");
                self.laws(statement, &effective);
                let changed: Vec<RowKey> = effective.changes.iter().map(|(key, _)| key.clone()).collect();
                self.write(effective.changes);
                self.heads.insert(statement.subject().to_string(), statement.id());
                match statement.event() {
                    Event::Domain(DomainEvent::RecoveryOpened(_)) => self.opened = Some(statement.id()),
                    Event::Domain(DomainEvent::Granted(_)) => self.grant = Some(statement.id()),
                    _ => {}
                }
                if let (Event::Domain(event), Subject::Domain(domain)) = (statement.event(), statement.subject())
                    && event.begins_tenure()
                    && let Some(domain) = DOMAINS.into_iter().find(|known| *known == domain.as_str())
                {
                    self.tenures.insert(domain, statement.id());
                }
                self.made_last = Some(statement.event().type_name().to_owned());
                self.whole(&changed);
                self.again(statement);
            }
        }
        self.made.push(statement.clone());
        true
    }

    fn write(&mut self, changes: Changes) {
        for (key, bytes) in changes {
            match bytes {
                Some(bytes) => self.rows.insert(key, Row { bytes: bytes.into(), seq: self.next }),
                None => self.rows.remove(&key),
            };
        }
        self.next += 1;
    }

    /// What an effective statement may change.
    fn laws(&self, statement: &Statement, effective: &Effective) {
        let changed = |key: String| {
            let key = RowKey::new(key).unwrap();
            let bytes = effective.changes.iter().find(|(found, _)| **found == key).and_then(|(_, bytes)| bytes);
            bytes.unwrap_or_else(|| panic!("{key} is not written"))
        };
        let key = RowKey::new("time").unwrap();
        let TimeRow { time } = decode_row(&key, changed("time".to_owned())).unwrap();
        assert_eq!(time, effective.log_time);
        let before = self.rows.get(&key).map(|row| decode_row::<TimeRow>(&key, &row.bytes).unwrap().time);
        assert_eq!(time, before.unwrap_or_default().max(statement.time()), "log time is the larger of the two");
        let event = format!("event/{}", statement.id());
        assert!(!self.rows.contains_key(&RowKey::new(event.clone()).unwrap()), "one event twice");
        assert_eq!(decode_row::<EventRow>(&key, changed(event)).unwrap().index, self.next);

        for (key, new) in effective.changes.iter() {
            let Some(old) = self.rows.get(key) else { continue };
            let (kind, _) = key.as_str().split_once('/').unwrap_or((key.as_str(), ""));
            let Some(new) = new else {
                assert_eq!(kind, "channel", "{key} is deleted");
                continue;
            };
            match kind {
                "registry" | "time" | "package" | "channel" | "covered" | "domainkey" => {}
                "grant" => {
                    let (old, new): (GrantRow, GrantRow) = (decode_row(key, &old.bytes).unwrap(), decode_row(key, new).unwrap());
                    assert!(!old.revoked && GrantRow { revoked: true, ..old } == new, "{key} is more than revoked");
                }
                "domain" => {
                    let (old, new): (DomainRow, DomainRow) = (decode_row(key, &old.bytes).unwrap(), decode_row(key, new).unwrap());
                    let Event::Domain(event) = statement.event() else { panic!("{key} is changed by another event") };
                    let same = (old.tenure, old.tenure_index) == (new.tenure, new.tenure_index);
                    assert_eq!(same, !event.begins_tenure(), "{key} has another tenure");
                    assert_ne!(old, new, "{key} changes nothing");
                }
                "release" => {
                    let (old, new): (ReleaseRow, ReleaseRow) = (decode_row(key, &old.bytes).unwrap(), decode_row(key, new).unwrap());
                    assert_eq!((old.event, old.index), (new.event, new.index), "{key} names another event");
                }
                "key" | "native" => assert_eq!(*old.bytes, *new, "{key} is rewritten"),
                _ => panic!("{key} is rewritten"),
            }
        }
    }

    /// What holds of all rows together: looked for at those that changed, since only they can have broken it.
    fn whole(&self, changed: &[RowKey]) {
        for (key, row) in changed.iter().filter_map(|key| self.rows.get_key_value(key)) {
            if let Some(id) = key.as_str().strip_prefix("package/") {
                let of = format!("release/{id}@");
                let releases = self.rows.keys().filter(|key| key.as_str().starts_with(&of)).count();
                assert_eq!(decode_row::<PackageRow>(key, &row.bytes).unwrap().releases, releases as u64, "{key}");
            } else if let Some((id, _)) = key.as_str().strip_prefix("channel/").and_then(|rest| rest.split_once('@')) {
                let VersionRow { version } = decode_row(key, &row.bytes).unwrap();
                assert!(self.rows.contains_key(&RowKey::new(format!("release/{id}@{version}")).unwrap()), "{key} leads nowhere");
            } else if key.as_str().starts_with("domain/") {
                let domain: DomainRow = decode_row(key, &row.bytes).unwrap();
                assert!((domain.tenure == domain.head) == (domain.tenure_index == self.next - 1), "{key}");
                assert!(if domain.released { domain.keys.is_empty() } else { (1..=DOMAIN_KEYS).contains(&domain.keys.len()) });
                assert!(domain.keys.is_sorted_by(|a, b| a.key < b.key), "{key}");
                // A claim may name keys that can never be used; a change leaves one that can.
                let TimeRow { time } = decode_row(key, &self.rows[&RowKey::new("time").unwrap()].bytes).unwrap();
                let is_admin = |key: &DomainKey| key.role == Role::Admin && key.is_valid_at(time);
                let changed_keys = self.made_last.as_ref().is_some_and(|event| event == "domain.keys.changed");
                assert!(!changed_keys || domain.keys.iter().any(is_admin), "{key} has no admin");
                let chain = RowKey::new(key.as_str().replacen("domain/", "chain/", 1) + &format!("@{}", domain.head)).unwrap();
                assert_eq!(decode_row::<EventRow>(&chain, &self.rows[&chain].bytes).unwrap().index, self.next - 1, "{key}");
            }
        }
    }

    /// The same bytes once more are named with their index, or stand behind what bars everything after them.
    fn again(&self, statement: &Verified<Statement>) {
        let rows = Rows::new(touches(statement).unwrap().into_iter().map(|key| (key.clone(), self.rows.get(&key).cloned())).collect());
        match decide(&rows, self.next, Signed::Verified(statement)).unwrap() {
            Decision::Refused(Refusal::AlreadyLogged { index }) => assert_eq!(index, self.next - 1),
            Decision::Refused(Refusal::NotTheBeginning) => assert!(statement.event().created().is_some()),
            Decision::Undecided { protocol } => assert!(protocol > 1),
            other => panic!("{other:?}"),
        }
    }
}

fn key_of(domain: &str) -> u8 {
    10 + 2 * DOMAINS.iter().position(|known| *known == domain).unwrap_or(0) as u8
}
