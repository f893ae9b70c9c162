//! How a domain is frozen, handed over and given up, and its recovery keys, as a table of sentences: each refusal at least once, each end of a wait on both
//! sides (spec/authority.md §4.5, §4.7, §4.8).

use super::judged::acme;
use deedbox_authority::{Decision, Refusal, Signed};
use deedbox_model::event::{
    Acceptance, AcceptanceTerms, DomainClaimed, DomainKey, DomainKeysChanged, DomainReleased, DomainThawed, DomainTransferred, Event,
    Evidence, Role,
};
use deedbox_model::{EventId, Speaker, Statement, Subject};
use deedbox_testkit::{Registry, secret, time};

use super::chain::*;

// --- frozen, thawed ---

#[test]
fn what_is_frozen_brings_nothing_into_use_and_hands_nothing_over() {
    let mut c = chain(&[40]);
    let first = c.published("1.0.0", None, time(2));
    c.said(10, time(3), FROZEN);
    let mut c = c;
    let (next, _) = c.owner.publish(ID, "1.1.0", Some(first), time(4), &[]);
    c.log.refuse(&next, "frozen");
    c.log.refuse(&c.owner.set_channel(ID, "next", "1.0.0", first, time(4)), "frozen");
    c.refused(10, time(4), DomainKeysChanged::put(vec![key(20, Role::Publish)]), "frozen");
    c.refused(40, time(4), c.transfer(30, time(4)), "frozen");
    c.refused(40, time(4), DomainReleased {}, "frozen");
    c.said(10, time(4), removing(12));
    // What takes a release out of use passes, and what brings it back does not.
    let yank = c.owner.yank(ID, "1.0.0", first, time(5));
    c.accept(&yank);
    let notice = c.owner.deprecate(ID, "1.0.0", Some("old"), yank.id(), time(5));
    c.accept(&notice);
    c.log.refuse(&c.owner.unyank(ID, "1.0.0", notice.id(), time(6)), "frozen");
    c.log.refuse(&c.owner.deprecate(ID, "1.0.0", None, notice.id(), time(6)), "frozen");
}

#[test]
fn nobody_thaws_what_the_domain_froze_before_the_third_day_is_over() {
    let mut c = chain(&[40]);
    c.said(10, time(3), FROZEN);
    for n in [10, 11, 40] {
        let refusal = c.refused(n, day(3, 2), DomainThawed {}, "too_soon");
        assert_eq!(refusal, Refusal::TooSoon { domain: c.owner.domain.clone(), from: day(3, 3) });
    }
    c.refused(10, day(3, 2), FROZEN, "already_frozen");
    c.registry_refused(day(3, 2), DomainThawed {}, "not_frozen");
    c.said(11, day(3, 3), DomainThawed {});
    c.refused(11, day(3, 3), DomainThawed {}, "not_frozen");
    c.published("1.0.0", None, day(3, 4));
}

#[test]
fn admin_and_recovery_keys_freeze_and_nobody_else_does() {
    for n in [10, 40] {
        chain(&[40]).said(n, time(2), FROZEN);
    }
    let mut c = chain(&[]);
    c.refused(12, time(2), FROZEN, "key_may_not");
    c.refused(99, time(2), FROZEN, "key_not_authorised");
    let stranger = Registry { operator: secret(99), ..c.registry.clone() };
    let by_stranger = stranger.say(&Subject::Domain(c.owner.domain.clone()), Some(c.head), time(2), &FROZEN.into());
    c.log.refuse(&by_stranger, "key_not_authorised");
    let nobody = Subject::Domain("nobody.example".parse().unwrap());
    c.log.refuse(&c.registry.say(&nobody, Some(c.head), time(2), &FROZEN.into()), "not_claimed");
    let earlier = c.owner.under(EventId([5; 32]), 10).say_of_itself(Some(c.head), time(2), FROZEN);
    c.log.refuse(&earlier, "other_tenure");
    let unsigned = c.registry_says(c.head, time(2), FROZEN);
    assert_eq!(c.log.see(&unsigned, Signed::NotVerified(&unsigned)), Decision::Refused(Refusal::BadSignature));
    let unsigned = c.says(10, c.head, time(2), FROZEN);
    assert_eq!(c.log.see(&unsigned, Signed::NotVerified(&unsigned)), Decision::Refused(Refusal::BadSignature));
}

#[test]
fn the_registrys_freeze_ends_after_two_weeks_or_is_said_again_and_is_its_own() {
    let mut c = chain(&[]);
    c.registry_said(time(2), FROZEN);
    c.refused(10, day(5, 2), DomainThawed {}, "not_frozen");
    let (release, _) = c.owner.publish(ID, "1.0.0", None, day(14, 1), &[]);
    c.log.refuse(&release, "frozen");
    let mut lapsed = c.clone();
    lapsed.published("1.0.0", None, day(14, 2));
    c.registry_said(day(14, 1), FROZEN);
    let (release, _) = c.owner.publish(ID, "1.0.0", None, day(28, 0), &[]);
    c.log.refuse(&release, "frozen");
    c.said(10, day(28, 0), FROZEN);
    c.registry_said(day(28, 0), DomainThawed {});
    c.registry_refused(day(28, 0), DomainThawed {}, "not_frozen");
    let (release, _) = c.owner.publish(ID, "1.0.0", None, day(30, 0), &[]);
    c.log.refuse(&release, "frozen");
    c.said(10, day(31, 0), DomainThawed {});
    c.published("1.0.0", None, day(31, 0));
}

#[test]
fn nobody_keeps_a_freeze_out_by_writing_fast() {
    let mut c = chain(&[]);
    let seen = c.head;
    for n in 50..53 {
        c.said(11, time(3), DomainKeysChanged::put(vec![key(n, Role::Publish)]));
    }
    let stale = c.says(10, seen, time(4), DomainThawed {});
    c.log.refuse(&stale, "stale_prev");
    let unknown = c.says(10, EventId([7; 32]), time(4), FROZEN);
    c.log.refuse(&unknown, "stale_prev");
    let frozen = c.says(10, seen, time(4), FROZEN);
    c.accept(&frozen);
    let late = c.registry_says(seen, time(4), FROZEN);
    c.accept(&late);
}

// --- recovery keys ---

#[test]
fn a_recovery_key_speaks_of_the_domain_and_not_of_its_packages() {
    let mut c = chain(&[40]);
    let (release, _) = c.owner.by(40).publish(ID, "1.0.0", None, time(2), &[]);
    c.log.refuse(&release, "key_may_not");
    c.said(
        40,
        time(2),
        DomainKeysChanged { removed: vec![secret(10).public().id()], ..DomainKeysChanged::put(vec![key(13, Role::Admin)]) },
    );
    c.said(13, time(3), removing(11));
}

#[test]
fn an_admin_key_leaves_the_recovery_keys_alone() {
    let mut c = chain(&[40]);
    c.refused(10, time(2), removing(40), "recovery_key_needed");
    c.refused(10, time(2), DomainKeysChanged::put(vec![key(40, Role::Publish)]), "recovery_key_needed");
    let later = DomainKey { from: Some(day(60, 0)), ..key(41, Role::Recovery) };
    c.refused(10, time(2), DomainKeysChanged::put(vec![later]), "recovery_key_needed");
    c.refused(40, time(2), DomainKeysChanged::put(vec![key(41, Role::Recovery)]), "recovery_too_soon");
    c.refused(10, time(2), DomainKeysChanged { keys_only: Some(true), ..DomainKeysChanged::put(vec![]) }, "recovery_key_needed");
    c.said(40, time(2), DomainKeysChanged::put(vec![later]));
    c.said(41, day(60, 0), removing(40));
}

#[test]
fn a_recovery_key_that_an_admin_key_puts_is_above_it_after_thirty_days() {
    let mut c = chain(&[]);
    let from = |at| DomainKeysChanged::put(vec![DomainKey { from: Some(at), ..key(40, Role::Recovery) }]);
    c.refused(10, time(2), DomainKeysChanged::put(vec![key(40, Role::Recovery)]), "recovery_too_soon");
    let refusal = c.refused(10, time(2), from(day(30, 1)), "recovery_too_soon");
    assert_eq!(refusal, Refusal::RecoveryTooSoon { domain: c.owner.domain.clone(), earliest: day(30, 2) });
    c.refused(10, time(2), DomainKeysChanged { keys_only: Some(true), ..DomainKeysChanged::put(vec![]) }, "recovery_key_needed");
    c.said(10, time(2), from(day(30, 2)));
    c.refused(40, day(30, 1), FROZEN, "key_may_not");
    let mut early = c.clone();
    early.said(11, day(30, 1), removing(40));
    c.refused(11, day(30, 2), removing(40), "recovery_key_needed");
}

#[test]
fn only_keys_decide_thirty_days_after_a_recovery_key_says_so() {
    let mut c = chain(&[40]);
    let only = |on| DomainKeysChanged { keys_only: Some(on), ..DomainKeysChanged::put(vec![]) };
    c.said(40, time(2), only(true));
    c.refused(40, time(3), removing(40), "no_recovery_key");
    c.refused(40, time(3), DomainKeysChanged::put(vec![key(40, Role::Admin)]), "no_recovery_key");
    // Said again, it begins no later.
    c.said(40, time(3), only(true));
    // What was opened before is completed, though keys alone decide by then.
    let mut open = c.clone();
    let opened = open.opened(30, day(30, 1));
    open.registry_said(day(44, 1), completing(opened));
    c.registry_refused(day(30, 2), c.opening(30, day(30, 2)), "keys_only");
    c.said(40, day(30, 3), only(false));
    c.opened(30, day(30, 4));
}

// --- handed over, given up ---

#[test]
fn a_transfer_ends_all_keys_and_the_next_holder_publishes_at_once() {
    let mut c = chain(&[40]);
    let first = c.published("1.0.0", None, time(2));
    c.refused(12, time(3), c.transfer(30, time(3)), "key_may_not");
    let tenure = c.said(40, time(3), c.transfer(30, time(3)));
    let (old, _) = c.owner.publish(ID, "1.1.0", Some(first), time(4), &[]);
    c.log.refuse(&old, "other_tenure");
    c.holder(tenure, 10);
    c.refused(10, time(4), removing(30), "key_not_authorised");
    c.holder(tenure, 30);
    c.published("1.1.0", Some(first), time(4));
}

#[test]
fn a_transfer_needs_the_next_holders_fresh_words_for_this_place() {
    let mut c = chain(&[40]);
    let terms = |until| AcceptanceTerms { keys: vec![key(30, Role::Admin)], prev: Some(c.head), until };
    let accepted = |until| Acceptance::sign(&secret(30), &c.owner.domain, &c.owner.origin, &terms(until)).unwrap();
    let [past, last, week, longer] = [time(9), time(10), day(7, 10), day(7, 11)].map(accepted);
    c.refused(40, time(10), DomainTransferred { acceptance: past }, "acceptance_not_now");
    c.refused(40, time(10), DomainTransferred { acceptance: longer }, "acceptance_not_now");
    for acceptance in [last, week] {
        c.clone().said(40, time(10), DomainTransferred { acceptance });
    }
    let elsewhere = c.owner.by(30).accept(Some(EventId([9; 32])), time(10));
    let speaker = Speaker::Domain { domain: c.owner.domain.clone(), tenure: c.owner.tenure };
    let subject = Subject::Domain(c.owner.domain.clone());
    let event = Event::from(DomainTransferred { acceptance: elsewhere });
    assert!(Statement::sign(&secret(10), &c.owner.origin, &speaker, &subject, Some(c.head), time(10), &event).is_err());
    // The same acceptance a second time has another place.
    let used = c.transfer(30, time(10));
    c.said(40, time(10), used.clone());
    let again = Statement::sign(&secret(40), &c.owner.origin, &speaker, &subject, Some(c.owner.tenure), time(11), &used.into()).unwrap();
    c.log.refuse(&again, "other_tenure");
}

#[test]
fn only_a_recovery_key_hands_over_and_gives_up() {
    for recovery in [&[][..], &[40]] {
        let mut c = chain(recovery);
        c.refused(10, time(2), c.transfer(30, time(2)), "recovery_key_needed");
        c.refused(10, time(2), DomainReleased {}, "recovery_key_needed");
    }
    let mut c = chain(&[40]);
    c.clone().said(40, time(2), c.transfer(30, time(2)));
    c.said(40, time(2), DomainReleased {});
}

#[test]
fn a_domain_that_was_given_up_has_nobody_and_is_claimed_on_top_of_that() {
    let mut c = chain(&[40]);
    let first = c.published("1.0.0", None, time(2));
    let stale = c.says(40, EventId([7; 32]), time(3), DomainReleased {});
    c.log.refuse(&stale, "stale_prev");
    let released = c.said(40, time(3), DomainReleased {});
    let (release, _) = c.owner.publish(ID, "1.1.0", Some(first), time(4), &[]);
    c.log.refuse(&release, "released");
    c.refused(10, time(4), FROZEN, "released");
    c.registry_refused(time(4), FROZEN, "released");
    c.registry_refused(time(4), c.opening(30, time(4)), "released");
    c.registry_refused(time(4), completing(released), "released");
    c.refused(10, time(4), contesting(None), "released");
    let first_claim = c.registry.claim("acme.example", &secret(30), time(5)).0;
    c.log.refuse(&first_claim, "stale_prev");
    let again = |c: &Chain, at| DomainClaimed::unseen(Evidence::Operator, c.accepted(30, at));
    let tenure = c.registry_said(time(5), again(&c, time(5)));
    c.registry_refused(time(6), again(&c, time(6)), "already_claimed");
    c.holder(tenure, 30);
    // What was there waits; what is new does not.
    let (held, _) = c.owner.publish(ID, "1.1.0", Some(first), day(30, 4), &[]);
    let (new, _) = c.owner.publish("npm:acme.example/other", "1.0.0", None, time(6), &[]);
    c.accept(&new);
    c.log.refuse(&held, "held");
    c.published("1.1.0", Some(first), day(30, 5));
}

#[test]
fn a_transfer_does_not_end_a_hold() {
    let mut c = chain(&[40]);
    let first = c.published("1.0.0", None, time(2));
    let released = c.said(40, time(3), DomainReleased {});
    // The next holder has a recovery key from the start, and hands the domain to itself.
    let mut keys = vec![key(30, Role::Admin), key(41, Role::Recovery)];
    keys.sort();
    let terms = AcceptanceTerms::after(Some(released), keys, time(4));
    let acceptance = Acceptance::sign(&secret(30), &c.owner.domain, &c.owner.origin, &terms).unwrap();
    let tenure = c.registry_said(time(4), DomainClaimed::unseen(Evidence::Operator, acceptance));
    c.holder(tenure, 30);
    let tenure = c.said(41, time(5), c.transfer(30, time(5)));
    c.holder(tenure, 30);
    let (held, _) = c.owner.publish(ID, "1.1.0", Some(first), day(30, 3), &[]);
    c.log.refuse(&held, "held");
    let yank = c.owner.yank(ID, "1.0.0", first, time(6));
    c.accept(&yank);
    let notice = c.owner.deprecate(ID, "1.0.0", Some("old"), yank.id(), time(6));
    c.accept(&notice);
    c.log.refuse(&c.owner.deprecate(ID, "1.0.0", None, notice.id(), time(7)), "held");
    c.published("1.1.0", Some(notice.id()), day(30, 4));
}

#[test]
fn the_packages_of_a_domain_that_was_given_up_do_not_fall_to_the_one_above() {
    let (mut log, registry, acme) = acme();
    let mut keys = vec![key(20, Role::Admin), key(40, Role::Recovery)];
    keys.sort();
    let (claim, team) = registry.claim_with("team.acme.example", &secret(20), keys, time(2));
    log.accept(&claim);
    let (tool, _) = team.publish("npm:team.acme.example/tool", "1.0.0", None, time(3), &[]);
    log.accept(&tool);
    log.accept(&team.by(40).say_of_itself(Some(team.tenure), time(4), DomainReleased {}));
    log.refuse(&acme.publish("npm:team.acme.example/tool", "1.1.0", Some(tool.id()), time(5), &[]).0, "not_the_owner");
    log.refuse(&team.publish("npm:team.acme.example/tool", "1.1.0", Some(tool.id()), time(5), &[]).0, "released");
}
