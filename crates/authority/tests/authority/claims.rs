//! On what ground a claim stands (spec/authority.md §4.3), and what puts that ground in force (§4.2, §4.6): a table of statements against
//! states, each with its verdict.

use super::judged::Log;
use deedbox_authority::rows::{DomainRow, domain_key, suffix_key};
use deedbox_authority::{Refusal, is_free, rows_of_free};
use deedbox_model::event::{
    Acceptance, AcceptanceTerms, DomainClaimed, DomainKey, DomainRecoveryCompleted, DomainRecoveryOpened, Event, Evidence, Role, Rules,
    Sight,
};
use deedbox_model::holding::Through;
use deedbox_model::limits::{ACCEPTANCE_MS, SIGHT_MS};
use deedbox_model::row::decode_row;
use deedbox_model::{Domain, EventId, Parameters, Rows, Statement, Subject, SuffixRule, TimeMs, Verified};
use deedbox_testkit::{Owner, Registry, secret, time, zones};

const LOOK: [Evidence; 3] = [Evidence::Dns, Evidence::Https, Evidence::Dnssec];

fn domain(text: &str) -> Domain {
    Domain::parse(text).unwrap()
}

fn rules() -> Rules {
    Rules { protocol: 1, parameters: Parameters { dns_anchors: zones::anchors() }.to_bytes().unwrap() }
}

/// A registry whose rules name the root of the tests' zones, and which has a suffix list. Gives the head of the registry's chain.
fn grounded() -> (Log, Registry, EventId) {
    let registry = Registry::default();
    let mut log = Log::default();
    let created = registry.created(time(0));
    log.accept(&created);
    let anchored = registry.rules_changed_to(created.id(), rules(), time(1));
    log.accept(&anchored);
    let suffixes = registry.suffixes_changed(anchored.id(), &["!kept.wild.example", "*.wild.example", "host.example"], &[], time(2));
    log.accept(&suffixes);
    (log, registry, suffixes.id())
}

/// What a look of this class shows, if all is well.
fn shows(evidence: Evidence, at: TimeMs) -> impl FnOnce(&Domain, &str) -> Sight {
    move |domain, record| match evidence {
        Evidence::Dnssec => zones::signed(domain, record, at),
        _ => zones::unsigned(domain, at),
    }
}

/// A claim of acme.example, with its acceptance good until then.
fn until(registry: &Registry, until: TimeMs, at: TimeMs) -> Verified<Statement> {
    let (key, domain) = (secret(10), domain("acme.example"));
    let keys = vec![DomainKey { key: key.public(), from: None, role: Role::Admin, until: None }];
    let terms = AcceptanceTerms { keys, prev: None, until };
    let acceptance = Acceptance::sign(&key, &domain, &registry.origin, &terms).unwrap();
    registry.say(&Subject::Domain(domain), None, at, &Event::from(DomainClaimed::unseen(Evidence::Operator, acceptance)))
}

#[test]
fn a_claim_stands_on_what_a_look_shows_and_its_row_says_the_class() {
    for evidence in LOOK {
        let (mut log, registry, _) = grounded();
        let (claim, owner) = registry.claim_seen("acme.example", &secret(10), evidence, time(5), shows(evidence, time(4)));
        log.accept(&claim);
        let key = domain_key(&domain("acme.example")).unwrap();
        let row: DomainRow = decode_row(&key, &log.rows[&key].bytes).unwrap();
        assert_eq!((row.evidence, row.tenure), (evidence, claim.id()));
        log.accept(&owner.publish("npm:acme.example/widget", "1.0.0", None, time(6), &[]).0);
    }
}

#[test]
fn what_the_records_do_not_show_is_no_ground() {
    let (log, registry, _) = grounded();
    let other = domain("other.example");
    let claim = |evidence, look: &dyn Fn(&Domain, &str) -> Sight| {
        registry.claim_seen("acme.example", &secret(10), evidence, time(5), |domain, record| look(domain, record)).0
    };
    let flipped = |mut sight: Sight| {
        let middle = sight.records.len() / 2;
        sight.records[middle] ^= 1;
        sight
    };
    let cases: [(&str, Verified<Statement>); 9] = [
        ("a record of another claim", claim(Evidence::Dnssec, &|domain, _| zones::signed(domain, "deedbox-claim=sha256:00", time(4)))),
        (
            "the right record with something behind it",
            claim(Evidence::Dnssec, &|d, record| zones::signed(d, &format!("{record} "), time(4))),
        ),
        ("the right record at another domain", claim(Evidence::Dnssec, &|_, record| zones::signed(&other, record, time(4)))),
        (
            "the proof that the zone is not signed, as if it were the record",
            claim(Evidence::Dnssec, &|domain, _| zones::unsigned(domain, time(4))),
        ),
        ("a signed zone passed off as unsigned, by DNS", claim(Evidence::Dns, &|domain, record| zones::signed(domain, record, time(4)))),
        (
            "a signed zone passed off as unsigned, by HTTPS",
            claim(Evidence::Https, &|domain, record| zones::signed(domain, record, time(4))),
        ),
        ("another domain's zone is not signed", claim(Evidence::Dns, &|_, _| zones::unsigned(&other, time(4)))),
        ("one bit is another", claim(Evidence::Dnssec, &|domain, record| flipped(zones::signed(domain, record, time(4))))),
        (
            "signatures of two days ago",
            claim(Evidence::Dnssec, &|domain, record| {
                let old = TimeMs::new(time(4).as_ms() - 2 * 86_400_000).unwrap();
                Sight { at: time(4), ..zones::signed(domain, record, old) }
            }),
        ),
    ];
    for (what, claim) in cases {
        let refusal = log.clone().refuse(&claim, "not_shown");
        assert!(matches!(refusal, Refusal::NotShown { .. }), "{what}");
    }
}

#[test]
fn a_look_is_of_the_hour_before_and_never_from_ahead() {
    let (log, registry, _) = grounded();
    let at = time(2 * SIGHT_MS);
    let claim = |seen: u64| registry.claim_seen("acme.example", &secret(10), Evidence::Dns, at, shows(Evidence::Dns, time(seen))).0;
    log.clone().accept(&claim(SIGHT_MS));
    log.clone().accept(&claim(2 * SIGHT_MS));
    log.clone().refuse(&claim(SIGHT_MS - 1), "sight_too_old");
    log.clone().refuse(&claim(2 * SIGHT_MS + 1), "sight_too_old");
    // A statement that is dated back does not make an old look young.
    let mut later = log.clone();
    later.accept(&registry.claim("later.example", &secret(11), time(2 * SIGHT_MS + 1)).0);
    later.refuse(&claim(SIGHT_MS), "sight_too_old");
}

#[test]
fn an_acceptance_serves_for_a_week_and_every_class_asks_for_it() {
    let (log, registry, _) = grounded();
    let at = time(1_000_000);
    for (until_ms, is_good) in [(0, true), (ACCEPTANCE_MS, true), (ACCEPTANCE_MS + 1, false)] {
        let claim = until(&registry, at.plus_ms(until_ms), at);
        if is_good {
            log.clone().accept(&claim);
        } else {
            log.clone().refuse(&claim, "acceptance_not_now");
        }
    }
    log.clone().refuse(&until(&registry, time(999_999), at), "acceptance_not_now");
    // Log time counts, not the time that the statement says.
    let mut later = log.clone();
    later.accept(&registry.claim("later.example", &secret(11), time(1_000_100)).0);
    later.refuse(&until(&registry, time(1_000_050), time(1_000_000)), "acceptance_not_now");
    // Below localhost, too.
    let (local, _) = registry.claim("demo.localhost", &secret(10), time(3));
    log.clone().accept(&local);
    let Event::Domain(event) = local.event().clone() else { panic!() };
    let week_later = registry.say(local.subject(), None, time(3 + ACCEPTANCE_MS), &Event::Domain(event));
    log.clone().refuse(&week_later, "acceptance_not_now");
}

#[test]
fn nobody_claims_a_public_suffix_on_any_ground() {
    let (log, registry, _) = grounded();
    for (name, is_suffix) in [
        ("host.example", true),
        ("mine.host.example", false),
        ("a.wild.example", true),
        ("mine.a.wild.example", false),
        ("kept.wild.example", false),
        // The rule is about the names below it.
        ("wild.example", false),
        ("example.example", false),
    ] {
        let (claim, _) = registry.claim(name, &secret(10), time(5));
        if is_suffix {
            log.clone().refuse(&claim, "public_suffix");
        } else {
            log.clone().accept(&claim);
        }
    }
    let (seen, _) = registry.claim_seen("host.example", &secret(10), Evidence::Dnssec, time(5), shows(Evidence::Dnssec, time(4)));
    log.clone().refuse(&seen, "public_suffix");
}

#[test]
fn a_list_that_changes_later_changes_no_claim() {
    let (mut log, registry, head) = grounded();
    let (claim, owner) = registry.claim("new.example", &secret(10), time(5));
    log.accept(&claim);
    log.accept(&registry.suffixes_changed(head, &["new.example"], &["host.example"], time(6)));
    log.accept(&owner.publish("npm:new.example/widget", "1.0.0", None, time(7), &[]).0);
    log.accept(&registry.claim("host.example", &secret(11), time(8)).0);
    log.refuse(&registry.claim("new.example", &secret(12), time(9)).0, "already_claimed");
}

#[test]
fn the_suffix_list_changes_by_rules_that_are_not_as_they_should_be() {
    let (log, registry, head) = grounded();
    let change = |put: &[&str], removed: &[&str]| registry.suffixes_changed(head, put, removed, time(5));
    log.clone().refuse(&change(&["host.example"], &[]), "suffix_unchanged");
    log.clone().refuse(&change(&[], &["com"]), "no_such_suffix");
    log.clone().refuse(&registry.suffixes_changed(EventId([7; 32]), &["com"], &[], time(5)), "stale_prev");
    let event = change(&["com"], &[]).event().clone();
    let by_another = Registry { operator: secret(99), ..registry.clone() }.say(&Subject::Registry, Some(head), time(5), &event);
    log.clone().refuse(&by_another, "key_not_authorised");
    let mut log = log;
    let all = ["!kept.wild.example", "*.wild.example", "host.example"];
    let emptied = change(&[], &all);
    log.accept(&emptied);
    assert!(all.iter().all(|rule| !log.rows.contains_key(&suffix_key(&SuffixRule::parse(rule).unwrap()).unwrap())));
    // Without a list, nothing that is seen counts.
    let (claim, _) = registry.claim_seen("acme.example", &secret(10), Evidence::Dnssec, time(6), shows(Evidence::Dnssec, time(5)));
    log.refuse(&claim, "no_ground");
}

#[test]
fn without_anchors_or_a_list_the_operators_word_is_all_there_is() {
    for evidence in LOOK {
        let registry = Registry::default();
        let mut log = Log::default();
        let created = registry.created(time(0));
        log.accept(&created);
        let claim = || registry.claim_seen("acme.example", &secret(10), evidence, time(5), shows(evidence, time(4))).0;
        log.clone().refuse(&claim(), "no_ground");
        log.accept(&registry.suffixes_changed(created.id(), &["com"], &[], time(1)));
        log.clone().refuse(&claim(), "no_ground");
        log.accept(&registry.claim("acme.example", &secret(10), time(5)).0);
    }
}

#[test]
fn an_anchor_of_the_operators_own_serves_only_where_the_rules_name_it() {
    let (mut log, registry, head) = grounded();
    let (claim, _) = registry.claim_seen("acme.example", &secret(10), Evidence::Dnssec, time(8), shows(Evidence::Dnssec, time(7)));
    // Another root is put in force, in the open: what the first one signed shows nothing any more.
    let mut anchors = zones::anchors();
    anchors[0].digest[0] ^= 1;
    let other = Rules { protocol: 1, parameters: Parameters { dns_anchors: anchors }.to_bytes().unwrap() };
    let changed = registry.rules_changed_to(head, other, time(5));
    log.accept(&changed);
    log.clone().refuse(&claim, "not_shown");
    log.accept(&registry.rules_changed_to(changed.id(), rules(), time(6)));
    log.accept(&claim);
}

#[test]
fn rules_change_to_parameters_that_are_others_and_read() {
    let (log, registry, head) = grounded();
    let change = |protocol, parameters: Vec<u8>| registry.rules_changed_to(head, Rules { protocol, parameters }, time(5));
    log.clone().refuse(&change(1, rules().parameters), "rules_unchanged");
    log.clone().refuse(&change(1, vec![0xff]), "unknown_parameters");
    log.clone().refuse(&change(0, vec![]), "protocol_not_newer");
    log.clone().accept(&change(1, vec![]));
    log.clone().accept(&change(2, vec![0xff]));
}

#[test]
fn whether_a_domain_is_free_is_told_as_its_claim_would_be_judged() {
    let (mut log, registry, head) = grounded();
    let (claim, owner) = registry.claim("acme.example", &secret(10), time(5));
    log.accept(&claim);
    log.accept(&owner.publish("npm:used.acme.example/widget", "1.0.0", None, time(6), &[]).0);
    let free = |log: &Log, name: &str| {
        let keys = rows_of_free(&domain(name)).unwrap();
        let rows = Rows::new(keys.into_iter().map(|key| (key.clone(), log.rows.get(&key).cloned())).collect());
        is_free(&rows, &domain(name)).unwrap()
    };
    assert_eq!(free(&log, "new.example"), Ok(zones::anchors()));
    for (name, code) in [
        ("acme.example", "already_claimed"),
        ("used.acme.example", "subdomain_in_use"),
        ("host.example", "public_suffix"),
        ("a.wild.example", "public_suffix"),
    ] {
        assert_eq!(free(&log, name).unwrap_err().code(), code);
        let (claim, _) = registry.claim_seen(name, &secret(20), Evidence::Dns, time(8), shows(Evidence::Dns, time(7)));
        log.clone().refuse(&claim, code);
    }
    log.accept(&registry.rules_changed_to(head, Rules { protocol: 1, parameters: vec![] }, time(9)));
    assert_eq!(free(&log, "new.example").unwrap_err().code(), "no_ground");
}

/// A recovery of a domain on what a look shows: opened, and completed after its wait.
fn recovery(registry: &Registry, owner: &Owner, evidence: Evidence, at: TimeMs, look: impl FnOnce(&str) -> Sight) -> Verified<Statement> {
    let acceptance = owner.by(30).accept(Some(owner.tenure), at);
    let sight = Some(look(&acceptance.record()));
    let event = DomainRecoveryOpened { sight, evidence, acceptance };
    registry.say(&Subject::Domain(owner.domain.clone()), Some(owner.tenure), at, &Event::from(event))
}

#[test]
fn a_recovery_is_seen_when_it_is_opened_and_again_when_it_is_completed() {
    for (claimed, recovered) in [(Evidence::Dnssec, Evidence::Dns), (Evidence::Dns, Evidence::Dnssec), (Evidence::Https, Evidence::Https)] {
        let (mut log, registry, _) = grounded();
        let (claim, owner) = registry.claim_seen("acme.example", &secret(10), claimed, time(5), shows(claimed, time(4)));
        log.accept(&claim);
        let acme = owner.domain.clone();
        let seen = |evidence, record: &str, at| shows(evidence, at)(&acme, record);
        let alone =
            DomainRecoveryOpened { sight: None, evidence: Evidence::Operator, acceptance: owner.accept(Some(owner.tenure), time(6)) };
        let subject = Subject::Domain(acme.clone());
        log.refuse(&registry.say(&subject, Some(owner.tenure), time(6), &alone.into()), "weaker_evidence");
        log.refuse(&recovery(&registry, &owner, recovered, time(SIGHT_MS + 7), |record| seen(recovered, record, time(6))), "sight_too_old");
        log.refuse(&recovery(&registry, &owner, Evidence::Dnssec, time(7), |_| seen(Evidence::Dnssec, "another", time(6))), "not_shown");
        let mut bare = Log::default();
        let created = registry.created(time(0));
        bare.accept(&created);
        let (claim, unseen) = registry.claim("acme.example", &secret(10), time(5));
        bare.accept(&claim);
        bare.refuse(&recovery(&registry, &unseen, recovered, time(7), |record| seen(recovered, record, time(6))), "no_ground");

        let mut record = String::new();
        let opened = recovery(&registry, &owner, recovered, time(7), |put| {
            record = put.to_owned();
            seen(recovered, put, time(6))
        });
        log.accept(&opened);
        let wait = 14 * 86_400_000;
        let complete = |evidence, sight: Option<Sight>, at| {
            let event = DomainRecoveryCompleted { sight, evidence, recovery: opened.id() };
            registry.say(&subject, Some(opened.id()), at, &Event::from(event))
        };
        let (early, at) = (time(wait + 6), time(wait + 8));
        log.refuse(&complete(recovered, Some(seen(recovered, &record, early)), early), "too_soon");
        log.refuse(&complete(Evidence::Operator, None, at), "weaker_evidence");
        log.refuse(&complete(recovered, Some(seen(recovered, &record, time(7))), at), "sight_too_old");
        let gone = seen(Evidence::Dnssec, "deedbox-claim=sha256:00", time(wait + 7));
        log.refuse(&complete(Evidence::Dnssec, Some(gone), at), "not_shown");
        log.accept(&complete(recovered, Some(seen(recovered, &record, time(wait + 7))), at));
        let key = domain_key(&acme).unwrap();
        let row: DomainRow = decode_row(&key, &log.rows[&key].bytes).unwrap();
        assert_eq!((row.evidence, row.through, row.keys[0].key), (recovered, Through::Recovery, secret(30).public()));
    }
}
