//! What was said of a domain or a package in words, as in the minutes of a meeting (spec/events.md): one line for each event, of every type. Words only;
//! what was shown, and by whose right it was said, is the client's.

use crate::terminal::moment;
use deedbox_authority::rows::DomainRow;
use deedbox_client::{Minute, Right};
use deedbox_model::event::{
    DomainEvent, DomainKey, DomainKeysChanged, DomainRecoveryContested, Event, Evidence, PackageEvent, PublisherGranted, RegistryEvent,
};
use deedbox_model::{Domain, EventId, KeyId, PackageId, TimeMs};

/// Hexadecimal digits of a key or an event that are shown: enough to tell those of one domain apart. Programs get all.
const DIGITS: usize = 8;

/// One line.
pub(crate) fn line(minute: &Minute) -> String {
    let time = minute.time.to_rfc3339();
    let time = time.get(..16).unwrap_or(&time).replace('T', " ");
    let no_effect = minute.no_effect().map(|why| format!(" (no effect: {why})")).unwrap_or_default();
    format!("{time}  {}{no_effect}", said(minute))
}

/// What was said, and by whom.
pub(crate) fn said(minute: &Minute) -> String {
    let who = who(minute);
    let statement = &minute.statement;
    match statement.event() {
        Event::Registry(event) => of_registry(event, &who),
        Event::Domain(event) => match statement.domain() {
            Some(domain) => of_domain(minute, domain, event, &who),
            None => format!("something was said of no domain by {who}"),
        },
        Event::Package(event) => match statement.package() {
            Some(id) => of_package(id, event, &who),
            None => format!("something was said of no package by {who}"),
        },
    }
}

/// Who said it, and by what right.
fn who(minute: &Minute) -> String {
    let key = short_key(&minute.kid());
    match &minute.right {
        Right::Operator => format!("the registry (its operator's key {key})"),
        Right::Key(role) => format!("key {key} ({})", role.as_str()),
        Right::Former => format!("key {key}, which it had before"),
        Right::Grant { grant, granted } => {
            let ids: Vec<&str> = granted.ids.iter().map(|id| id.as_str()).collect();
            let actions: Vec<&str> = granted.actions.iter().map(|action| action.as_str()).collect();
            let (grant, domain) = (short_event(grant), &granted.domain);
            format!("key {key}, which the grant {grant} of {domain} lets {} {}", list(&actions), list(&ids))
        }
        Right::None => format!("key {key}, which has no say here"),
    }
}

fn of_registry(event: &RegistryEvent, who: &str) -> String {
    match event {
        RegistryEvent::Created(e) => format!("the registry {} began, by {who}", e.origin),
        RegistryEvent::RulesChanged(e) => format!("the registry's rules were changed, under protocol {}, by {who}", e.rules.protocol),
        RegistryEvent::SuffixesChanged(e) => {
            format!("the registry's public suffix list got {} rules more and {} fewer, by {who}", e.put.len(), e.removed.len())
        }
    }
}

fn of_domain(minute: &Minute, domain: &Domain, event: &DomainEvent, who: &str) -> String {
    let after = minute.domain.as_ref();
    match event {
        DomainEvent::Claimed(e) => {
            let again = if minute.statement.prev().is_some() { " again" } else { "" };
            format!("{domain} was claimed{again}; {}. {}", ground(e.evidence), speak(&e.acceptance.terms().keys))
        }
        DomainEvent::KeysChanged(e) => keys_changed(domain, e, who),
        DomainEvent::Frozen(e) => {
            let until = after
                .and_then(|row| freeze_of(row, minute))
                .map_or_else(|| "until it is thawed".to_owned(), |until| format!("until {} at the latest", moment(until)));
            format!("{domain} was frozen ({}) by {who}, {until}", e.reason)
        }
        DomainEvent::Thawed(_) => {
            let still = after.is_some_and(|row| row.frozen.are_in_force(minute.time));
            format!("{domain} was thawed by {who}{}", if still { "; another freeze is still in force" } else { "" })
        }
        DomainEvent::Transferred(e) => format!("{domain} was handed over by {who}. {}", speak(&e.acceptance.terms().keys)),
        DomainEvent::Released(_) => format!("{domain} was given up by {who}: nobody speaks for it until it is claimed again"),
        DomainEvent::RecoveryOpened(e) => {
            let keys: Vec<String> = e.acceptance.terms().keys.iter().map(|key| short_key(&key.key.id())).collect();
            let waits = waits(after, domain).map(|until| format!(": it waits until {until}")).unwrap_or_default();
            let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
            format!("a recovery of {domain} was opened for key {}, on evidence {}{waits}", list(&keys), e.evidence.as_str())
        }
        DomainEvent::RecoveryContested(e) => contested(minute, domain, e, who),
        DomainEvent::RecoveryCompleted(e) => {
            let keys = after.map(|row| format!(". {}", speak(&row.keys))).unwrap_or_default();
            let held = after.and_then(|row| row.holds_until(domain));
            let held = held.map(|until| format!(" Packages that were there wait until {}.", moment(until))).unwrap_or_default();
            format!("{domain} was recovered, on evidence {}{keys}{held}", e.evidence.as_str())
        }
        DomainEvent::Granted(e) => granted(minute, e, who),
        DomainEvent::Revoked(e) => format!("the grant {} was taken back by {who}", short_event(&e.grant)),
    }
}

/// Why a domain is whose it is.
fn ground(evidence: Evidence) -> &'static str {
    match evidence {
        Evidence::Localhost => "it is below localhost, where nothing is shown (localhost)",
        Evidence::Operator => "the registry vouches (operator)",
        Evidence::Dns => "the registry saw the record in DNS, whose zone is not signed (dns)",
        Evidence::Https => "the registry saw it at the domain's web server (https)",
        Evidence::Dnssec => "signed records of DNS show it (dnssec)",
    }
}

/// Until when the freeze holds that was just said: of the registry's own.
fn freeze_of(row: &DomainRow, minute: &Minute) -> Option<TimeMs> {
    let freeze = if minute.right == Right::Operator { row.frozen.operator } else { row.frozen.owner };
    freeze.and_then(|freeze| freeze.until)
}

fn waits(row: Option<&DomainRow>, domain: &Domain) -> Option<String> {
    Some(moment(row?.recovery.as_ref()?.waits_until(domain)))
}

fn contested(minute: &Minute, domain: &Domain, e: &DomainRecoveryContested, who: &str) -> String {
    let row = minute.domain.as_ref();
    let frozen = row.and_then(|row| row.frozen.contest).and_then(|freeze| freeze.until).map(moment);
    let frozen = frozen.map(|until| format!("{domain} is frozen until {until} at the latest"));
    match (&e.recovery, waits(row, domain), frozen) {
        (Some(_), Some(waits), Some(frozen)) => {
            format!("the recovery of {domain} was contested by {who}: it waits until {waits}, and {frozen}")
        }
        (Some(_), _, _) => format!("the recovery of {domain} was contested by {who}"),
        (None, _, Some(frozen)) => format!("that it was taken away was contested by {who}: {frozen}"),
        (None, _, None) => format!("that it was taken away was contested by {who}"),
    }
}

fn keys_changed(domain: &Domain, e: &DomainKeysChanged, who: &str) -> String {
    let put = e.put.iter().map(|key| format!("key {} became {} key of {domain}{}", short_key(&key.key.id()), article(key), times(key)));
    let removed = e.removed.iter().map(|kid| format!("key {} was taken away from {domain}", short_key(kid)));
    let only = e.keys_only.map(|only| match only {
        true => format!("only keys decide about {domain} from here on"),
        false => format!("evidence decides about {domain} too from here on"),
    });
    let all: Vec<String> = put.chain(removed).chain(only).collect();
    format!("{}, by {who}", all.join("; "))
}

fn article(key: &DomainKey) -> String {
    let role = key.role.as_str();
    format!("{} {role}", if role.starts_with('a') { "an" } else { "a" })
}

fn times(key: &DomainKey) -> String {
    let from = key.from.map(|from| format!(" from {}", moment(from))).unwrap_or_default();
    let until = key.until.map(|until| format!(" until {}", moment(until))).unwrap_or_default();
    format!("{from}{until}")
}

fn granted(minute: &Minute, e: &PublisherGranted, who: &str) -> String {
    let actions: Vec<&str> = e.actions.iter().map(|action| action.as_str()).collect();
    let ids: Vec<&str> = e.ids.iter().map(|id| id.as_str()).collect();
    let until = e.until.map(|until| format!(" until {}", moment(until))).unwrap_or_default();
    let (grant, key) = (short_event(&minute.statement.id()), short_key(&e.key.id()));
    format!("the grant {grant} lets key {key} {} {}{until}, by {who}", list(&actions), list(&ids))
}

fn of_package(id: &PackageId, event: &PackageEvent, who: &str) -> String {
    match event {
        PackageEvent::ReleasePublished(e) => {
            let channels: Vec<&str> = e.channels.iter().map(|channel| channel.as_str()).collect();
            let channels = if channels.is_empty() { String::new() } else { format!(" as {}", list(&channels)) };
            format!("{id} {} was published{channels} by {who}", e.version)
        }
        PackageEvent::ReleaseYanked(e) => format!("{id} {} was yanked ({}) by {who}", e.version, e.reason),
        PackageEvent::ReleaseUnyanked(e) => format!("the yank of {id} {} was taken back by {who}", e.version),
        PackageEvent::ReleaseDeprecated(e) => match &e.notice {
            Some(notice) => format!("{id} {} was deprecated ({}) by {who}", e.version, notice.reason),
            None => format!("the notice on {id} {} was taken down by {who}", e.version),
        },
        PackageEvent::ChannelSet(e) => format!("the channel {} of {id} was pointed at {} by {who}", e.channel, e.version),
        PackageEvent::ChannelRemoved(e) => format!("the channel {} of {id} was removed by {who}", e.channel),
    }
}

/// The keys that a domain has from here on.
fn speak(keys: &[DomainKey]) -> String {
    let all: Vec<String> = keys.iter().map(|key| format!("{} ({})", short_key(&key.key.id()), key.role.as_str())).collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    match all.as_slice() {
        [one] => format!("Key {one} speaks for it."),
        _ => format!("The keys {} speak for it.", list(&all)),
    }
}

fn list(all: &[&str]) -> String {
    match all {
        [first @ .., before, last] if !first.is_empty() => format!("{}, {before} and {last}", first.join(", ")),
        _ => all.join(" and "),
    }
}

pub(crate) fn short_key(kid: &KeyId) -> String {
    short(&kid.to_hex())
}

fn short_event(event: &EventId) -> String {
    short(&event.to_hex())
}

fn short(hex: &str) -> String {
    format!("{}…", hex.get(..DIGITS).unwrap_or(hex))
}

#[cfg(test)]
mod tests {
    use super::*;
    use deedbox_authority::Refusal;
    use deedbox_authority::rows::GrantRow;
    use deedbox_client::VerifyError;
    use deedbox_model::event::{
        Action, Body as _, DomainClaimed, DomainFrozen, DomainRecoveryCompleted, DomainRecoveryOpened, DomainReleased, DomainThawed,
        DomainTransferred, PublisherRevoked, RegistryRulesChanged, Role, Rules,
    };
    use deedbox_model::holding::Place;
    use deedbox_model::time::DAY_MS;
    use deedbox_model::{ReasonCode, Statement, Subject, Verified};
    use deedbox_testkit::{Owner, Registry, manifest, publish_event, secret, time};
    use std::collections::BTreeSet;

    const ID: &str = "npm:acme.example/widget";

    fn minute(statement: &Statement, right: Right, domain: Option<DomainRow>) -> Minute {
        let (statement, time) = (statement.clone(), statement.time());
        Minute { index: 7, time, statement, right, evidence: None, domain, refused: None }
    }

    fn short_of(n: u8) -> String {
        short_key(&secret(n).public().id())
    }

    /// A chain of a domain's events, and its row after each.
    struct Told {
        registry: Registry,
        owner: Owner,
        row: DomainRow,
        types: BTreeSet<&'static str>,
    }

    impl Told {
        fn after(&mut self, statement: &Verified<Statement>) -> Option<DomainRow> {
            let Event::Domain(event) = statement.event() else { return None };
            let place = Place { index: 7, log_time: statement.time() };
            let row = DomainRow::after(Some(&self.row), &self.owner.domain, statement, event, place)?;
            self.row = row.clone();
            Some(row)
        }
        /// The line of an event, with its key's ids and the event's as they are cut.
        #[track_caller]
        fn tells(&mut self, statement: &Verified<Statement>, right: Right, expected: &str) {
            let row = self.after(statement);
            self.types.insert(statement.event().type_name());
            let expected = expected
                .replace("KEY1", &short_of(1))
                .replace("OWN", &short_of(10))
                .replace("NEXT", &short_of(30))
                .replace("CI", &short_of(60))
                .replace("THIS", &short_event(&statement.id()));
            assert_eq!(line(&minute(statement, right, row)), expected);
        }
        fn itself(&self, at: TimeMs, event: impl Into<Event>) -> Verified<Statement> {
            self.owner.say_of_itself(Some(self.row.head), at, event)
        }
        fn registry(&self, at: TimeMs, event: impl Into<Event>) -> Verified<Statement> {
            self.registry.say(&Subject::Domain(self.owner.domain.clone()), Some(self.row.head), at, &event.into())
        }
    }

    fn claimed() -> (Told, Verified<Statement>) {
        let registry = Registry::default();
        let (claim, owner) = registry.claim("acme.example", &secret(10), time(1));
        let Event::Domain(event) = claim.event() else { panic!() };
        let row = DomainRow::after(None, &owner.domain, &claim, event, Place { index: 1, log_time: time(1) }).unwrap();
        (Told { registry, owner, row, types: BTreeSet::new() }, claim)
    }

    fn key(n: u8, role: Role) -> DomainKey {
        DomainKey { key: secret(n).public(), from: None, role, until: None }
    }

    #[test]
    fn every_event_has_its_words() {
        const ADMIN: Right = Right::Key(Role::Admin);
        let (mut t, claim) = claimed();
        let first = minute(&claim, Right::Operator, Some(t.row.clone()));
        let words = "2026-11-21 07:00  acme.example was claimed; the registry vouches (operator). Key OWN (admin) speaks for it.";
        assert_eq!(line(&first), words.replace("OWN", &short_of(10)));
        t.types.insert(claim.event().type_name());

        let put = DomainKeysChanged {
            removed: vec![secret(12).public().id()],
            keys_only: Some(true),
            ..DomainKeysChanged::put(vec![DomainKey { until: Some(time(0)), ..key(30, Role::Publish) }])
        };
        let words = "2026-11-21 07:00  key NEXT became a publish key of acme.example until 2026-11-21 07:00:00 UTC; key TAKEN was taken away \
                     from acme.example; only keys decide about acme.example from here on, by key OWN (admin)";
        t.tells(&t.itself(time(2), put), ADMIN, &words.replace("TAKEN", &short_of(12)));
        let grant = PublisherGranted {
            key: secret(60).public(),
            ids: vec!["npm:acme.example/".parse().unwrap(), "oci:acme.example/".parse().unwrap()],
            actions: Action::ALL.to_vec(),
            until: None,
        };
        let given = t.itself(time(3), grant.clone());
        let lets = "channel, publish and yank npm:acme.example/ and oci:acme.example/";
        t.tells(&given, ADMIN, &format!("2026-11-21 07:00  the grant THIS lets key CI {lets}, by key OWN (admin)"));

        // By the grant, and by a key of the domain's own.
        let granted = GrantRow {
            domain: t.owner.domain.clone(),
            tenure: t.owner.tenure,
            key: grant.key,
            ids: grant.ids,
            actions: grant.actions,
            until: None,
            revoked: false,
        };
        let by = || Right::Grant { grant: given.id(), granted: Box::new(granted.clone()) };
        let ci = t.owner.granted(given.id(), 60);
        let published = ci.say(ID, None, time(4), &publish_event(&manifest(ID, "1.1.0", b"x"), &["beta", "latest"]).into());
        let clause = format!("key CI, which the grant {} of acme.example lets {lets}", short_event(&given.id()));
        t.tells(&published, by(), &format!("2026-11-21 07:00  {ID} 1.1.0 was published as beta and latest by {clause}"));
        let plain = t.owner.publish(ID, "1.2.0", None, time(4), &[]).0;
        t.tells(&plain, Right::Key(Role::Publish), &format!("2026-11-21 07:00  {ID} 1.2.0 was published by key OWN (publish)"));
        let (owner, head) = (t.owner.clone(), published.id());
        for (statement, words) in [
            (owner.yank(ID, "1.0.0", head, time(5)), "1.0.0 was yanked (broken)"),
            (owner.deprecate(ID, "1.0.0", Some("old"), head, time(5)), "1.0.0 was deprecated (superseded)"),
        ] {
            t.tells(&statement, ADMIN, &format!("2026-11-21 07:00  {ID} {words} by key OWN (admin)"));
        }
        for (statement, words) in [
            (owner.unyank(ID, "1.0.0", head, time(5)), format!("the yank of {ID} 1.0.0 was taken back")),
            (owner.deprecate(ID, "1.0.0", None, head, time(5)), format!("the notice on {ID} 1.0.0 was taken down")),
            (owner.set_channel(ID, "beta", "1.0.0", head, time(5)), format!("the channel beta of {ID} was pointed at 1.0.0")),
            (owner.remove_channel(ID, "beta", head, time(5)), format!("the channel beta of {ID} was removed")),
        ] {
            t.tells(&statement, ADMIN, &format!("2026-11-21 07:00  {words} by key OWN (admin)"));
        }

        let grant = short_event(&given.id());
        let revoked = t.itself(time(6), PublisherRevoked { grant: given.id() });
        t.tells(&revoked, ADMIN, &format!("2026-11-21 07:00  the grant {grant} was taken back by key OWN (admin)"));
        let frozen = DomainFrozen { reason: ReasonCode::Security };
        let words = "2026-11-21 07:00  acme.example was frozen (security) by key OWN (admin), until it is thawed";
        t.tells(&t.itself(time(7), frozen.clone()), ADMIN, words);
        let words = "2026-11-21 07:00  acme.example was frozen (security) by the registry (its operator's key KEY1), until 2026-12-05 \
                     07:00:00 UTC at the latest";
        t.tells(&t.registry(time(8), frozen), Right::Operator, words);
        let words = "2026-11-21 07:00  acme.example was thawed by key OWN (admin); another freeze is still in force";
        t.tells(&t.itself(time(9), DomainThawed {}), ADMIN, words);
        let words = "2026-11-21 07:00  acme.example was thawed by the registry (its operator's key KEY1)";
        t.tells(&t.registry(time(9), DomainThawed {}), Right::Operator, words);

        let opening = |t: &Told, at| {
            let acceptance = t.owner.by(30).accept(Some(t.row.head), at);
            t.registry(at, DomainRecoveryOpened { sight: None, evidence: Evidence::Operator, acceptance })
        };
        let opened = opening(&t, time(10));
        let words = "2026-11-21 07:00  a recovery of acme.example was opened for key NEXT, on evidence operator: it waits until 2026-12-05 \
                     07:00:00 UTC";
        t.tells(&opened, Right::Operator, words);
        let words = "2026-11-21 07:00  the recovery of acme.example was contested by key OWN (admin): it waits until 2026-12-19 07:00:00 \
                     UTC, and acme.example is frozen until 2026-12-26 07:00:00 UTC at the latest";
        t.tells(&t.itself(time(11), DomainRecoveryContested { recovery: Some(opened.id()) }), ADMIN, words);
        let words = "2026-11-21 07:00  that it was taken away was contested by key OWN, which it had before: acme.example is frozen until \
                     2026-12-26 07:00:00 UTC at the latest";
        t.tells(&t.itself(time(12), DomainRecoveryContested { recovery: None }), Right::Former, words);
        let completed = DomainRecoveryCompleted { sight: None, evidence: Evidence::Operator, recovery: opened.id() };
        let words = "2026-12-20 07:00  acme.example was recovered, on evidence operator. Key NEXT (admin) speaks for it. Packages that were \
                     there wait until 2027-01-19 07:00:00 UTC.";
        t.tells(&t.registry(time(29 * DAY_MS), completed), Right::Operator, words);
        let acceptance = t.owner.by(10).accept(Some(t.row.head), time(29 * DAY_MS));
        let words = "2026-12-20 07:00  acme.example was handed over by key OWN (admin). Key OWN (admin) speaks for it.";
        t.tells(&t.itself(time(29 * DAY_MS), DomainTransferred { acceptance }), ADMIN, words);
        let words = "2026-12-20 07:00  acme.example was given up by key OWN (admin): nobody speaks for it until it is claimed again";
        t.tells(&t.itself(time(29 * DAY_MS), DomainReleased {}), ADMIN, words);
        let acceptance = t.owner.accept(Some(t.row.head), time(29 * DAY_MS));
        let again = t.registry(time(29 * DAY_MS), DomainClaimed { sight: None, evidence: Evidence::Operator, acceptance });
        let words = "2026-12-20 07:00  acme.example was claimed again; the registry vouches (operator). Key OWN (admin) speaks for it.";
        t.tells(&again, Right::Operator, words);

        let created = t.registry.created(time(0));
        let words = "2026-11-21 07:00  the registry registry.example/log began, by the registry (its operator's key KEY1)";
        t.tells(&created, Right::Operator, words);
        let rules = RegistryRulesChanged { rules: Rules { protocol: 1, parameters: vec![] } };
        let changed = t.registry.say(&Subject::Registry, Some(created.id()), time(1), &rules.into());
        let words = "2026-11-21 07:00  the registry's rules were changed, under protocol 1, by the registry (its operator's key KEY1)";
        t.tells(&changed, Right::Operator, words);
        let suffixes = t.registry.suffixes_changed(created.id(), &["a.example", "b.example"], &["c.example"], time(1));
        let words = "2026-11-21 07:00  the registry's public suffix list got 2 rules more and 1 fewer, by the registry (its operator's key \
                     KEY1)";
        t.tells(&suffixes, Right::Operator, words);
        // The match is exhaustive; so is this table.
        assert_eq!(t.types.len(), 20, "{:?}", t.types);
        assert!(t.types.contains(DomainReleased::TYPE));
    }

    #[test]
    fn what_has_no_effect_says_so_and_promises_nothing() {
        let (t, _) = claimed();
        let frozen = t.owner.publish(ID, "1.0.0", None, time(2), &[]).0;
        let refused = |refusal| Some(VerifyError::NotAuthorised { index: 7, what: String::new(), refusal });
        let minute_of = |statement: &Statement, right, refusal| Minute { refused: refused(refusal), ..minute(statement, right, None) };
        let void = minute_of(&frozen, Right::Key(Role::Admin), Refusal::Frozen(t.owner.domain.clone()));
        let words = format!("2026-11-21 07:00  {ID} 1.0.0 was published by key {} (admin) (no effect: frozen)", short_of(10));
        assert_eq!(line(&void), words);
        let opening = DomainRecoveryOpened {
            sight: None,
            evidence: Evidence::Operator,
            acceptance: t.owner.by(30).accept(Some(t.row.head), time(3)),
        };
        let void = minute_of(&t.registry(time(3), opening), Right::None, Refusal::KeysOnly(t.owner.domain.clone()));
        assert!(
            line(&void).ends_with(&format!("for key {}, on evidence operator (no effect: keys_only)", short_of(30))),
            "{}",
            line(&void)
        );
        let stranger = t.owner.by(99).say_of_itself(Some(t.row.head), time(4), DomainThawed {});
        let void = minute_of(&stranger, Right::None, Refusal::KeyNotAuthorised(t.owner.domain.to_string()));
        assert!(line(&void).contains("was thawed by key") && line(&void).contains("which has no say here (no effect: key_not_authorised)"));
    }
}
