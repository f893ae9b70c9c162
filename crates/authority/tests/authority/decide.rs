//! The decider as a table of sentences: each refusal at least once, each rule on both sides.

use super::judged::{Log, acme};
use deedbox_authority::{Decision, Refusal, Signed, decide, touches};
use deedbox_model::event::{ChannelRemoved, DomainEvent, DomainKey, Event, Evidence, ReleaseYanked, Role, Rules};
use deedbox_model::{Protocol, Row, Rows, Speaker, Statement, Subject};
use deedbox_testkit::{Owner, Registry, manifest, publish_event, secret, time};

const ID: &str = "npm:acme.example/widget";

/// Acme's widget with versions 1.0.0 (latest) and 1.1.0; gives the head too.
fn widget() -> (Log, Registry, Owner, deedbox_model::EventId) {
    let (mut log, registry, owner) = acme();
    let (first, _) = owner.publish(ID, "1.0.0", None, time(2), &["latest"]);
    log.accept(&first);
    let (second, _) = owner.publish(ID, "1.1.0", Some(first.id()), time(3), &[]);
    log.accept(&second);
    (log, registry, owner, second.id())
}

#[test]
fn a_log_begins_with_its_creation_and_only_there() {
    let registry = Registry::default();
    let mut log = Log::default();
    let (claim, _) = registry.claim("acme.example", &secret(10), time(1));
    log.refuse(&claim, "not_the_beginning");
    // Entry 0 was void: nothing can begin this log any more.
    log.refuse(&registry.created(time(0)), "not_the_beginning");

    let (mut log, registry, _) = acme();
    log.refuse(&registry.created(time(5)), "not_the_beginning");
}

#[test]
fn only_an_operator_key_that_it_names_creates_a_registry() {
    let registry = Registry::default();
    let event = Event::from(registry.created_event());
    let stranger = Statement::sign(&secret(9), &registry.origin, &Speaker::Registry, &Subject::Registry, None, time(0), &event).unwrap();
    Log::default().refuse(&stranger, "key_not_authorised");
}

#[test]
fn a_statement_for_another_registry_is_void_here() {
    let (mut log, _, owner) = acme();
    let elsewhere = Owner { origin: Registry::named("other.example").origin, ..owner };
    log.refuse(&elsewhere.publish(ID, "1.0.0", None, time(2), &[]).0, "other_audience");
}

#[test]
fn an_acceptance_for_another_registry_or_place_is_not_readable_here() {
    let here = Registry::default();
    let (claim, _) = Registry::named("other.example").claim("acme.example", &secret(10), time(1));
    let event = claim.event().clone();
    let subject = claim.subject().clone();
    assert!(Statement::sign(&here.operator, &here.origin, &Speaker::Registry, &subject, None, time(1), &event).is_err());
}

#[test]
fn the_same_bytes_twice_are_named_with_their_index() {
    let (mut log, _, owner) = acme();
    let (publish, _) = owner.publish(ID, "1.0.0", None, time(2), &[]);
    log.accept(&publish);
    assert_eq!(log.refuse(&publish, "already_logged"), Refusal::AlreadyLogged { index: 2 });
}

#[test]
fn a_statement_ten_minutes_behind_log_time_is_too_old_and_a_millisecond_less_is_not() {
    let (mut log, registry, owner) = acme();
    let (late, _) = registry.claim("late.example", &secret(11), time(600_002));
    log.accept(&late);
    log.refuse(&owner.publish(ID, "1.0.0", None, time(1), &[]).0, "too_old");
    log.accept(&owner.publish(ID, "1.0.0", None, time(2), &[]).0);
}

#[test]
fn a_void_entry_does_not_move_log_time() {
    let (mut log, _, owner) = acme();
    let stranger = Owner { key: secret(99), ..owner.clone() };
    log.refuse(&stranger.publish(ID, "9.0.0", None, time(10_000_000), &[]).0, "key_not_authorised");
    log.accept(&owner.publish(ID, "1.0.0", None, time(2), &[]).0);
}

#[test]
fn only_the_nearest_claimed_domain_speaks_for_a_package() {
    let (mut log, registry, acme) = acme();
    let (claim, team) = registry.claim("team.acme.example", &secret(20), time(2));
    log.accept(&claim);
    let team_id = "npm:team.acme.example/tool";
    log.refuse(&acme.publish(team_id, "1.0.0", None, time(3), &[]).0, "not_the_owner");
    log.accept(&team.publish(team_id, "1.0.0", None, time(3), &[]).0);
    let unclaimed = Owner { domain: "nobody.example".parse().unwrap(), ..acme.clone() };
    log.refuse(&unclaimed.publish("npm:nobody.example/x", "1.0.0", None, time(3), &[]).0, "not_claimed");
    // A subdomain that nobody claimed is its parent's.
    log.accept(&acme.publish("npm:labs.acme.example/tool", "1.0.0", None, time(4), &[]).0);
}

#[test]
fn a_domain_cannot_even_word_a_statement_about_anothers_package() {
    let (_, _, owner) = acme();
    let speaker = Speaker::Domain { domain: owner.domain.clone(), tenure: owner.tenure };
    let subject = Subject::Package("npm:other.example/widget".parse().unwrap());
    let event = Event::from(publish_event(&manifest("npm:other.example/widget", "1.0.0", b"x"), &[]));
    assert!(Statement::sign(&owner.key, &owner.origin, &speaker, &subject, None, time(2), &event).is_err());
}

#[test]
fn a_subdomain_under_which_the_parent_published_is_not_claimed_without_consent() {
    let (mut log, registry, owner) = acme();
    log.accept(&owner.publish("npm:a.b.acme.example/tool", "1.0.0", None, time(2), &[]).0);
    for domain in ["a.b.acme.example", "b.acme.example"] {
        log.refuse(&registry.claim(domain, &secret(20), time(3)).0, "subdomain_in_use");
    }
    log.accept(&registry.claim("c.acme.example", &secret(20), time(3)).0);
}

#[test]
fn a_claim_is_the_operators_and_happens_once() {
    let (mut log, registry, _) = acme();
    log.refuse(&registry.claim("acme.example", &secret(11), time(2)).0, "already_claimed");
    let (claim, _) = registry.claim("beta.example", &secret(11), time(2));
    let subject = claim.subject().clone();
    let forged = Statement::sign(&secret(11), &registry.origin, &Speaker::Registry, &subject, None, time(2), claim.event()).unwrap();
    log.refuse(&forged, "key_not_authorised");
}

#[test]
fn localhost_needs_no_evidence_and_nothing_else_goes_without() {
    let (mut log, registry, _) = acme();
    log.accept(&registry.claim("demo.localhost", &secret(30), time(2)).0);
    for domain in ["more.localhost", "beta.example"] {
        let (claim, _) = registry.claim(domain, &secret(31), time(3));
        let Event::Domain(DomainEvent::Claimed(mut claimed)) = claim.event().clone() else { panic!() };
        claimed.evidence = match claimed.evidence {
            Evidence::Localhost => Evidence::Operator,
            _ => Evidence::Localhost,
        };
        log.refuse(&registry.say(claim.subject(), None, time(3), &Event::from(claimed)), "wrong_evidence");
    }
}

#[test]
fn a_release_names_the_tenure_it_was_made_in() {
    let (mut log, _, owner) = acme();
    let earlier = Owner { tenure: deedbox_model::EventId([5; 32]), ..owner };
    log.refuse(&earlier.publish(ID, "1.0.0", None, time(2), &[]).0, "other_tenure");
}

#[test]
fn a_key_speaks_only_within_its_time() {
    let registry = Registry::default();
    let mut log = Log::default();
    log.accept(&registry.created(time(0)));
    let mut keys = vec![
        DomainKey { key: secret(10).public(), from: None, role: Role::Admin, until: None },
        DomainKey { key: secret(11).public(), from: Some(time(100)), role: Role::Publish, until: Some(time(200)) },
    ];
    keys.sort_by_key(|k| k.key);
    let (claim, admin) = registry.claim_with("acme.example", &secret(10), keys, time(1));
    log.accept(&claim);
    let publisher = Owner { key: secret(11), ..admin };
    log.refuse(&publisher.publish(ID, "1.0.0", None, time(99), &[]).0, "key_may_not");
    let (first, _) = publisher.publish(ID, "1.0.0", None, time(100), &[]);
    log.accept(&first);
    let (second, _) = publisher.publish(ID, "1.0.1", Some(first.id()), time(199), &[]);
    log.accept(&second);
    log.refuse(&publisher.publish(ID, "1.0.2", Some(second.id()), time(200), &[]).0, "key_may_not");
}

#[test]
fn a_signature_that_was_not_verified_has_no_effect() {
    let (log, _, owner) = acme();
    let (publish, _) = owner.publish(ID, "1.0.0", None, time(2), &[]);
    assert_eq!(log.see(&publish, Signed::NotVerified(&publish)), Decision::Refused(Refusal::BadSignature));
    // A key nobody registered is named as that, whether or not its signature could be checked.
    let stranger = Owner { key: secret(99), ..owner };
    let (publish, _) = stranger.publish(ID, "1.0.0", None, time(2), &[]);
    for signed in [Signed::Verified(&publish), Signed::NotVerified(&publish)] {
        let Decision::Refused(refusal) = log.see(&publish, signed) else { panic!() };
        assert_eq!(refusal.code(), "key_not_authorised");
    }
}

#[test]
fn a_chain_is_continued_at_its_head_only() {
    let (mut log, _, owner, head) = widget();
    log.refuse(&owner.publish(ID, "2.0.0", None, time(4), &[]).0, "stale_prev");
    let refusal = log.refuse(&owner.yank(ID, "1.0.0", deedbox_model::EventId([1; 32]), time(4)), "stale_prev");
    assert!(matches!(refusal, Refusal::StalePrev { head: Some(h), .. } if h == head));
    log.accept(&owner.yank(ID, "1.0.0", head, time(4)));
}

#[test]
fn a_version_is_published_once_in_every_spelling() {
    let (mut log, _, owner, head) = widget();
    log.refuse(&owner.publish(ID, "1.0.0", Some(head), time(4), &[]).0, "version_exists");
    let mut other = manifest(ID, "1.0.0+build", b"x");
    other.native_version = "1.0.0".parse().unwrap();
    log.refuse(&owner.say(ID, Some(head), time(4), &Event::from(publish_event(&other, &[]))), "native_version_taken");
}

#[test]
fn a_native_name_has_one_holder_and_a_holder_one_native_name() {
    let (mut log, _, owner, head) = widget();
    let mut folded = manifest("npm:acme.example/Widget", "1.0.0", b"x");
    folded.native_name = ID.parse().unwrap();
    let event = Event::from(publish_event(&folded, &[]));
    log.refuse(&owner.say("npm:acme.example/Widget", None, time(4), &event), "native_name_taken");
    let mut renamed = manifest(ID, "2.0.0", b"x");
    renamed.native_name = "elsewhere".parse().unwrap();
    log.refuse(&owner.say(ID, Some(head), time(4), &Event::from(publish_event(&renamed, &[]))), "native_name_changed");
    // Another ecosystem has names of its own.
    let mut gem = manifest("gem:acme.example/widget", "1.0.0", b"x");
    gem.native_name = ID.parse().unwrap();
    log.accept(&owner.say("gem:acme.example/widget", None, time(4), &Event::from(publish_event(&gem, &[]))));
}

#[test]
fn yanks_deprecations_and_channels_say_only_what_is_new() {
    let (mut log, _, owner, head) = widget();
    let yank = owner.yank(ID, "1.0.0", head, time(4));
    log.refuse(&owner.yank(ID, "7.0.0", head, time(4)), "no_such_release");
    log.refuse(&owner.unyank(ID, "1.0.0", head, time(4)), "not_yanked");
    log.accept(&yank);
    log.refuse(&owner.yank(ID, "1.0.0", yank.id(), time(5)), "already_yanked");
    let unyank = owner.unyank(ID, "1.0.0", yank.id(), time(5));
    log.accept(&unyank);

    log.refuse(&owner.deprecate(ID, "1.0.0", None, unyank.id(), time(6)), "not_deprecated");
    let notice = owner.deprecate(ID, "1.0.0", Some("use gadget"), unyank.id(), time(6));
    log.accept(&notice);
    let lifted = owner.deprecate(ID, "1.0.0", None, notice.id(), time(7));
    log.accept(&lifted);

    log.refuse(&owner.set_channel(ID, "latest", "1.0.0", lifted.id(), time(8)), "channel_unchanged");
    log.refuse(&owner.set_channel(ID, "next", "7.0.0", lifted.id(), time(8)), "no_such_release");
    log.refuse(&owner.remove_channel(ID, "next", lifted.id(), time(8)), "no_such_channel");
    let set = owner.set_channel(ID, "latest", "1.1.0", lifted.id(), time(8));
    log.accept(&set);
    let removed = owner.remove_channel(ID, "latest", set.id(), time(9));
    log.accept(&removed);
    log.refuse(&owner.remove_channel(ID, "latest", removed.id(), time(10)), "no_such_channel");
}

#[test]
fn a_package_begins_with_a_release() {
    let (mut log, _, owner) = acme();
    let yank = Event::from(ReleaseYanked { reason: deedbox_model::ReasonCode::Other, version: "1.0.0".parse().unwrap() });
    log.refuse(&owner.say(ID, None, time(2), &yank), "no_such_release");
    let removed = Event::from(ChannelRemoved { channel: "latest".parse().unwrap() });
    log.refuse(&owner.say(ID, None, time(2), &removed), "no_such_channel");
}

#[test]
fn a_newer_protocol_ends_this_codes_verdicts() {
    let (mut log, registry, owner) = acme();
    let created = registry.created(time(0)).id();
    log.refuse(&registry.rules_changed(created, 1, time(2)), "rules_unchanged");
    let parameters = Rules { parameters: vec![0xa0], protocol: 1 };
    let mut event = registry.created_event();
    event.rules = parameters;
    let odd = registry.say(&Subject::Registry, None, time(0), &Event::from(event));
    Log::default().refuse(&odd, "unknown_parameters");
    log.accept(&registry.rules_changed(created, 2, time(2)));
    let (publish, _) = owner.publish(ID, "1.0.0", None, time(3), &[]);
    assert_eq!(log.see(&publish, Signed::Verified(&publish)), Decision::Undecided { protocol: 2 });
    // Neither a second beginning nor bytes that protocol 1 cannot read get a verdict any more.
    let again = registry.created(time(3));
    assert_eq!(log.see(&again, Signed::Verified(&again)), Decision::Undecided { protocol: 2 });
    let unreadable = Refusal::Undecodable("an event of protocol 2".to_owned());
    assert_eq!(
        log.see(&publish, Signed::Undecodable { protocol: Protocol::ONE, refusal: &unreadable }),
        Decision::Undecided { protocol: 2 }
    );
}

#[test]
fn a_row_that_is_damaged_is_a_defect_and_never_a_verdict() {
    let (mut log, _, owner) = acme();
    let (publish, _) = owner.publish(ID, "1.0.0", None, time(2), &[]);
    for (key, row) in log.rows.clone() {
        log.rows.insert(key.clone(), Row { bytes: [0xff].into(), ..row.clone() });
        let rows = Rows::new(touches(&publish).unwrap().into_iter().map(|k| (k.clone(), log.rows.get(&k).cloned())).collect());
        let touched = rows.get(&key).is_ok();
        assert_eq!(decide(&rows, log.next, Signed::Verified(&publish)).is_err(), touched, "{key}");
        log.rows.insert(key, row);
    }
}
