//! How a domain goes to somebody who has none of its keys, and how that is contested, as a table of sentences: each refusal at least once, each end of a
//! wait on both sides (spec/authority.md §4.9 to §4.11).

use super::judged::Log;
use deedbox_authority::rows::{DomainRow, domain_key};
use deedbox_authority::{Decision, Refusal, Signed};
use deedbox_model::event::{
    DomainKey, DomainKeysChanged, DomainRecoveryCompleted, DomainRecoveryOpened, DomainReleased, DomainThawed, Evidence, Role,
};
use deedbox_model::holding::Freeze;
use deedbox_model::row::decode_row;
use deedbox_model::{EventId, Subject};
use deedbox_testkit::{Registry, secret, time};

use super::chain::*;

#[test]
fn a_recovery_waits_two_weeks_and_gives_the_domain_to_its_claimant() {
    let mut c = chain(&[]);
    let first = c.published("1.0.0", None, time(2));
    let opened = c.opened(30, time(3));
    let second = c.published("1.1.0", Some(first), time(4));
    c.registry_refused(day(14, 2), completing(EventId([3; 32])), "no_recovery");
    let refusal = c.registry_refused(day(14, 2), completing(opened), "too_soon");
    assert_eq!(refusal, Refusal::TooSoon { domain: c.owner.domain.clone(), from: day(14, 3) });
    let tenure = c.registry_said(day(14, 3), completing(opened));
    let (old, _) = c.owner.publish(ID, "1.2.0", Some(second), day(14, 4), &[]);
    c.log.refuse(&old, "other_tenure");
    c.holder(tenure, 30);
    for (held, at) in [(None, day(44, 3)), (Some("held"), day(44, 2))] {
        let mut c = c.clone();
        let statements = [
            c.owner.publish(ID, "1.2.0", Some(second), at, &[]).0,
            c.owner.set_channel(ID, "latest", "1.0.0", second, at),
            c.owner.remove_channel(ID, "latest", second, at),
        ];
        for statement in statements {
            c.clone().judge(&statement, held);
        }
        let yank = c.owner.yank(ID, "1.0.0", second, at);
        c.accept(&yank);
        let unyank = c.owner.unyank(ID, "1.0.0", yank.id(), at);
        c.judge(&unyank, held);
    }
    // After the first release of a package it is not held any more.
    let third = c.published("1.2.0", Some(second), day(44, 3));
    c.accept(&c.owner.set_channel(ID, "beta", "1.0.0", third, day(44, 3)));
}

#[test]
fn a_recovery_can_be_completed_for_thirty_days_after_its_wait() {
    let mut c = chain(&[]);
    let opened = c.opened(30, time(3));
    c.registry_refused(day(10, 0), c.opening(31, day(10, 0)), "recovery_open");
    let mut late = c.clone();
    late.registry_refused(day(44, 3), completing(opened), "no_recovery");
    late.refused(10, day(44, 3), contesting(Some(opened)), "no_recovery");
    late.opened(31, day(44, 3));
    c.registry_said(day(44, 2), completing(opened));
}

#[test]
fn the_operators_word_alone_prevails_over_nothing_but_the_operators_word() {
    let mut c = chain(&[]);
    c.registry_refused(time(3), DomainRecoveryOpened { evidence: Evidence::Localhost, ..c.opening(30, time(3)) }, "wrong_evidence");
    let opened = c.opened(30, time(3));
    let wrong = DomainRecoveryCompleted { evidence: Evidence::Localhost, ..completing(opened) };
    c.registry_refused(day(14, 3), wrong, "wrong_evidence");
}

#[test]
fn a_recovery_needs_an_operator_key_and_the_claimants_fresh_words() {
    let mut c = chain(&[]);
    let stranger = Registry { operator: secret(99), ..c.registry.clone() };
    let subject = Subject::Domain(c.owner.domain.clone());
    let opening = c.opening(30, time(3));
    c.log.refuse(&stranger.say(&subject, Some(c.head), time(3), &opening.clone().into()), "key_not_authorised");
    let late = day(7, 4);
    c.registry_refused(late, opening, "acceptance_not_now");
    let unsigned = c.registry_says(c.head, late, c.opening(30, late));
    assert_eq!(c.log.see(&unsigned, Signed::NotVerified(&unsigned)), Decision::Refused(Refusal::BadSignature));
    let opened = c.opened(30, late);
    let completed = c.registry_says(c.head, day(22, 0), completing(opened));
    assert_eq!(c.log.see(&completed, Signed::NotVerified(&completed)), Decision::Refused(Refusal::BadSignature));
    c.log.refuse(&stranger.say(&subject, Some(c.head), day(22, 0), &completing(opened).into()), "key_not_authorised");
    let nobody = Subject::Domain("nobody.example".parse().unwrap());
    c.log.refuse(&c.registry.say(&nobody, Some(c.head), day(22, 0), &completing(opened).into()), "not_claimed");
    let stale = c.registry_says(EventId([8; 32]), day(22, 0), completing(opened));
    c.log.refuse(&stale, "stale_prev");
    // A recovery of an earlier place of this tenure is opened and completed all the same: a flood keeps neither out.
    let flooded = c.registry_says(c.owner.tenure, day(22, 0), completing(opened));
    c.accept(&flooded);
    // And the acceptance served once.
    c.registry_refused(day(22, 1), completing(opened), "no_recovery");
}

#[test]
fn a_contest_freezes_and_doubles_the_wait() {
    let mut c = chain(&[]);
    let opened = c.opened(30, time(3));
    c.refused(12, time(4), contesting(Some(opened)), "may_not_contest");
    c.refused(99, time(4), contesting(Some(opened)), "may_not_contest");
    c.said(11, time(4), contesting(Some(opened)));
    c.refused(10, time(5), contesting(Some(opened)), "already_contested");
    let (release, _) = c.owner.publish(ID, "1.0.0", None, time(5), &[]);
    c.log.refuse(&release, "frozen");
    c.refused(10, time(5), DomainThawed {}, "recovery_key_needed");
    c.registry_refused(day(28, 2), completing(opened), "too_soon");
    let mut lapsed = c.clone();
    let tenure = c.registry_said(day(28, 3), completing(opened));
    c.holder(tenure, 30);
    c.published("1.0.0", None, day(28, 4));
    // Nobody completes it: the freeze ends with it.
    let (release, _) = lapsed.owner.publish(ID, "1.0.0", None, day(58, 2), &[]);
    lapsed.log.refuse(&release, "frozen");
    lapsed.registry_refused(day(58, 3), completing(opened), "no_recovery");
    lapsed.published("1.0.0", None, day(58, 3));
}

#[test]
fn a_key_that_was_put_after_the_opening_contests_nothing() {
    let mut c = chain(&[]);
    let opened = c.opened(30, time(3));
    c.said(10, time(4), DomainKeysChanged::put(vec![key(20, Role::Admin)]));
    c.refused(20, time(5), contesting(Some(opened)), "may_not_contest");
    // Another role for an old key does not make it a new one.
    c.said(10, time(5), DomainKeysChanged::put(vec![DomainKey { until: Some(day(90, 0)), ..key(11, Role::Admin) }]));
    c.said(11, time(6), contesting(Some(opened)));
}

#[test]
fn a_key_that_was_taken_away_in_the_month_before_still_contests_a_recovery() {
    for (ms, refused) in [(2, None), (3, Some("may_not_contest"))] {
        let mut c = chain(&[]);
        c.said(10, time(2), removing(11));
        let opened = c.opened(30, day(30, ms));
        let contest = c.says(11, c.head, day(30, 9), contesting(Some(opened)));
        c.judge(&contest, refused);
    }
}

#[test]
fn a_thief_who_takes_every_other_key_is_contested_and_recovered_from() {
    let mut c = chain(&[]);
    // Key 10 is stolen. It takes away 11, and weakens what it does not take.
    let before = c.head;
    c.said(
        10,
        time(3),
        DomainKeysChanged { removed: vec![secret(11).public().id()], ..DomainKeysChanged::put(vec![key(66, Role::Admin)]) },
    );
    // However fast the thief writes, the holder says no from where they stood.
    c.said(66, time(4), DomainKeysChanged::put(vec![key(67, Role::Admin)]));
    let contest = c.says(11, before, time(5), contesting(None));
    c.accept(&contest);
    let again = c.says(11, before, time(6), contesting(None));
    c.log.refuse(&again, "may_not_contest");
    let (release, _) = c.owner.by(66).publish(ID, "6.6.6", None, time(6), &[]);
    c.log.refuse(&release, "frozen");
    c.refused(66, time(6), c.transfer(68, time(6)), "frozen");
    c.refused(66, time(6), DomainReleased {}, "frozen");
    c.refused(66, time(6), DomainThawed {}, "recovery_key_needed");
    // The holder shows that the domain is theirs. The thief contests, and it stays frozen.
    let opened = c.opened(30, day(10, 0));
    c.said(66, day(10, 1), contesting(Some(opened)));
    let (release, _) = c.owner.by(66).publish(ID, "6.6.6", None, day(37, 0), &[]);
    c.log.refuse(&release, "frozen");
    let tenure = c.registry_said(day(38, 0), completing(opened));
    c.holder(tenure, 66);
    c.refused(66, day(38, 1), FROZEN, "key_not_authorised");
    c.holder(tenure, 30);
    c.published("1.0.0", None, day(38, 1));
}

#[test]
fn a_key_contests_for_a_week_that_another_took_it_away_and_what_it_did_itself_never() {
    let mut c = chain(&[]);
    c.said(10, time(3), removing(11));
    let week = c.says(11, c.head, day(7, 3), contesting(None));
    c.clone().accept(&week);
    let late = c.says(11, c.head, day(7, 4), contesting(None));
    c.log.refuse(&late, "may_not_contest");
    let mut itself = chain(&[]);
    itself.said(11, time(3), removing(11));
    itself.refused(11, time(4), contesting(None), "may_not_contest");
    // Nor does one that still is what it was, or that never spoke of the domain.
    itself.refused(10, time(4), contesting(None), "may_not_contest");
    itself.said(10, time(5), removing(12));
    itself.refused(12, time(6), contesting(None), "may_not_contest");
}

#[test]
fn a_key_that_is_weakened_contests_like_one_that_is_taken_away() {
    for change in [key(11, Role::Publish), DomainKey { until: Some(time(4)), ..key(11, Role::Admin) }] {
        let mut c = chain(&[]);
        c.said(10, time(3), DomainKeysChanged::put(vec![change]));
        // That it is put back does not end it.
        c.said(10, time(4), DomainKeysChanged::put(vec![DomainKey { until: Some(time(5)), ..key(11, Role::Admin) }]));
        c.said(11, time(6), contesting(None));
    }
}

#[test]
fn the_freeze_of_a_contest_ends_after_two_weeks_or_with_the_recovery_that_was_opened() {
    let mut c = chain(&[]);
    c.said(10, time(3), removing(11));
    c.said(11, time(4), contesting(None));
    let mut alone = c.clone();
    let (release, _) = alone.owner.publish(ID, "1.0.0", None, day(14, 3), &[]);
    alone.log.refuse(&release, "frozen");
    alone.published("1.0.0", None, day(14, 4));
    // What has ended stays as it ended.
    alone.opened(30, day(14, 5));
    let key = domain_key(&alone.owner.domain).unwrap();
    let row: DomainRow = decode_row(&key, &alone.log.rows[&key].bytes).unwrap();
    assert_eq!(row.frozen.contest, Some(Freeze { at: time(4), until: Some(day(14, 4)) }));
    c.opened(30, day(14, 3));
    let (release, _) = c.owner.publish(ID, "1.0.0", None, day(58, 2), &[]);
    c.log.refuse(&release, "frozen");
    c.published("1.0.0", None, day(58, 3));
    // The other way round: a recovery is open when a key contests.
    let mut c = chain(&[]);
    c.opened(30, time(3));
    c.said(10, time(4), removing(11));
    c.said(11, time(5), contesting(None));
    let (release, _) = c.owner.publish(ID, "1.0.0", None, day(44, 2), &[]);
    c.log.refuse(&release, "frozen");
    c.published("1.0.0", None, day(44, 3));
}

#[test]
fn the_keys_before_a_transfer_contest_it_for_a_week() {
    let mut c = chain(&[]);
    let tenure = c.said(10, time(3), c.transfer(66, time(3)));
    c.holder(tenure, 66);
    c.refused(12, time(4), contesting(None), "may_not_contest");
    c.refused(10, time(4), contesting(None), "may_not_contest");
    let late = c.says(11, c.head, day(7, 4), contesting(None));
    c.clone().log.refuse(&late, "may_not_contest");
    let week = c.says(11, c.head, day(7, 3), contesting(None));
    c.accept(&week);
    let (release, _) = c.owner.publish(ID, "6.6.6", None, day(7, 4), &[]);
    c.log.refuse(&release, "frozen");
    c.refused(11, day(7, 4), contesting(None), "may_not_contest");
}

#[test]
fn a_recovery_key_thaws_what_a_contest_froze() {
    let mut c = chain(&[40]);
    let opened = c.opened(30, time(3));
    c.said(10, time(4), contesting(Some(opened)));
    c.said(40, time(5), DomainThawed {});
    c.published("1.0.0", None, time(6));
}

#[test]
fn nothing_is_handed_over_while_a_recovery_is_open() {
    let mut c = chain(&[]);
    c.opened(30, time(3));
    c.refused(10, time(4), c.transfer(31, time(4)), "recovery_open");
    c.refused(10, time(4), DomainReleased {}, "recovery_open");
    c.clone().said(10, day(44, 3), DomainReleased {});
    c.said(10, day(44, 3), c.transfer(31, day(44, 3)));
}

#[test]
fn what_the_domain_froze_stays_frozen_after_a_recovery() {
    let mut c = chain(&[]);
    let opened = c.opened(30, time(3));
    c.said(10, time(4), FROZEN);
    let tenure = c.registry_said(day(14, 3), completing(opened));
    c.holder(tenure, 30);
    let (release, _) = c.owner.publish(ID, "1.0.0", None, day(14, 4), &[]);
    c.log.refuse(&release, "frozen");
    c.said(30, day(14, 4), DomainThawed {});
    c.published("1.0.0", None, day(14, 5));
}

#[test]
fn below_localhost_a_day_is_a_second() {
    let registry = Registry::default();
    let mut log = Log::default();
    log.accept(&registry.created(time(0)));
    let (claim, owner) = registry.claim("acme.localhost", &secret(10), time(1));
    log.accept(&claim);
    let frozen = owner.say_of_itself(Some(owner.tenure), time(2), FROZEN);
    log.accept(&frozen);
    log.refuse(&owner.say_of_itself(Some(frozen.id()), time(3_001), DomainThawed {}), "too_soon");
    log.accept(&owner.say_of_itself(Some(frozen.id()), time(3_002), DomainThawed {}));
    let subject = Subject::Domain(owner.domain.clone());
    let acceptance = owner.by(30).accept(Some(owner.tenure), time(4_000));
    let opened = DomainRecoveryOpened { sight: None, evidence: Evidence::Localhost, acceptance };
    let opened = registry.say(&subject, Some(owner.tenure), time(4_000), &opened.into());
    log.accept(&opened);
    let completed = DomainRecoveryCompleted { sight: None, evidence: Evidence::Localhost, recovery: opened.id() };
    log.refuse(&registry.say(&subject, Some(owner.tenure), time(17_999), &completed.clone().into()), "too_soon");
    log.accept(&registry.say(&subject, Some(owner.tenure), time(18_000), &completed.into()));
}

#[test]
fn an_operator_who_dates_a_statement_ahead_moves_log_time_for_everybody() {
    // What ends a wait early is one statement of the operator's, dated weeks ahead: it stands in the log, and all who sign by a right clock are
    // refused from then on.
    let mut c = chain(&[]);
    let opened = c.opened(30, time(3));
    c.registry_said(day(14, 3), completing(opened));
    let (release, _) = c.registry.claim("beta.example", &secret(50), time(4));
    c.log.refuse(&release, "too_old");
}
