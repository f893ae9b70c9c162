//! How a domain is frozen, handed over, given up and recovered, as a table of sentences: each refusal at least once, each end of a wait on both sides
//! (spec/authority.md §4.5, §4.7 to §4.11).

use super::judged::{Log, acme};
use deedbox_authority::{Decision, Refusal, Signed};
use deedbox_model::event::{
    Acceptance, AcceptanceTerms, DomainClaimed, DomainFrozen, DomainKey, DomainKeysChanged, DomainRecoveryCompleted,
    DomainRecoveryContested, DomainRecoveryOpened, DomainReleased, DomainThawed, DomainTransferred, Event, Evidence, Role,
};
use deedbox_model::time::DAY_MS;
use deedbox_model::{EventId, ReasonCode, Speaker, Statement, Subject, TimeMs, Verified};
use deedbox_testkit::{Owner, Registry, secret, time};

const ID: &str = "npm:acme.example/widget";
const FROZEN: DomainFrozen = DomainFrozen { reason: ReasonCode::Security };

/// This many days, and milliseconds, after the first moment of the world.
fn day(days: u64, ms: u64) -> TimeMs {
    time(days * DAY_MS + ms)
}

fn key(n: u8, role: Role) -> DomainKey {
    DomainKey { key: secret(n).public(), from: None, role, until: None }
}

/// A domain's chain, as whoever writes its next event has to know it.
#[derive(Clone)]
struct Chain {
    log: Log,
    registry: Registry,
    owner: Owner,
    head: EventId,
}

/// Acme with the admin keys 10 and 11, the publishing key 12, and the recovery keys that are asked for.
fn chain(recovery: &[u8]) -> Chain {
    let registry = Registry::default();
    let mut log = Log::default();
    log.accept(&registry.created(time(0)));
    let keys = [key(10, Role::Admin), key(11, Role::Admin), key(12, Role::Publish)].into_iter();
    let mut keys: Vec<DomainKey> = keys.chain(recovery.iter().map(|n| key(*n, Role::Recovery))).collect();
    keys.sort();
    let (claim, owner) = registry.claim_with("acme.example", &secret(10), keys, time(1));
    log.accept(&claim);
    Chain { log, registry, head: owner.tenure, owner }
}

impl Chain {
    fn says(&self, n: u8, prev: EventId, at: TimeMs, event: impl Into<Event>) -> Verified<Statement> {
        self.owner.by(n).say_of_itself(Some(prev), at, event)
    }
    fn registry_says(&self, prev: EventId, at: TimeMs, event: impl Into<Event>) -> Verified<Statement> {
        self.registry.say(&Subject::Domain(self.owner.domain.clone()), Some(prev), at, &event.into())
    }
    #[track_caller]
    fn accept(&mut self, statement: &Verified<Statement>) -> EventId {
        self.log.accept(statement);
        if statement.domain().is_some() {
            self.head = statement.id();
        }
        statement.id()
    }
    #[track_caller]
    fn said(&mut self, n: u8, at: TimeMs, event: impl Into<Event>) -> EventId {
        self.accept(&self.says(n, self.head, at, event))
    }
    #[track_caller]
    fn registry_said(&mut self, at: TimeMs, event: impl Into<Event>) -> EventId {
        self.accept(&self.registry_says(self.head, at, event))
    }
    #[track_caller]
    fn refused(&mut self, n: u8, at: TimeMs, event: impl Into<Event>, code: &str) -> Refusal {
        let statement = self.says(n, self.head, at, event);
        self.log.refuse(&statement, code)
    }
    #[track_caller]
    fn registry_refused(&mut self, at: TimeMs, event: impl Into<Event>, code: &str) -> Refusal {
        let statement = self.registry_says(self.head, at, event);
        self.log.refuse(&statement, code)
    }
    /// Effective, or refused with this code.
    #[track_caller]
    fn judge(&mut self, statement: &Verified<Statement>, refused: Option<&str>) {
        match refused {
            Some(code) => {
                self.log.refuse(statement, code);
            }
            None => {
                self.accept(statement);
            }
        }
    }
    /// The consent of a key to have the domain, on top of the head.
    fn accepted(&self, n: u8, at: TimeMs) -> Acceptance {
        self.owner.by(n).accept(Some(self.head), at)
    }
    fn opening(&self, n: u8, at: TimeMs) -> DomainRecoveryOpened {
        DomainRecoveryOpened { sight: None, evidence: Evidence::Operator, acceptance: self.accepted(n, at) }
    }
    #[track_caller]
    fn opened(&mut self, n: u8, at: TimeMs) -> EventId {
        self.registry_said(at, self.opening(n, at))
    }
    /// The domain is another holder's: what it says from here on it says under this event, with this key.
    fn holder(&mut self, tenure: EventId, n: u8) {
        self.owner = self.owner.under(tenure, n);
    }
    fn transfer(&self, n: u8, at: TimeMs) -> DomainTransferred {
        DomainTransferred { acceptance: self.accepted(n, at) }
    }
    #[track_caller]
    fn published(&mut self, version: &str, prev: Option<EventId>, at: TimeMs) -> EventId {
        let (release, _) = self.owner.publish(ID, version, prev, at, &["latest"]);
        self.accept(&release)
    }
}

fn completing(recovery: EventId) -> DomainRecoveryCompleted {
    DomainRecoveryCompleted { sight: None, evidence: Evidence::Operator, recovery }
}

fn removing(n: u8) -> DomainKeysChanged {
    DomainKeysChanged::remove(vec![secret(n).public().id()])
}

fn contesting(recovery: Option<EventId>) -> DomainRecoveryContested {
    DomainRecoveryContested { recovery }
}

// --- frozen, thawed ---

#[test]
fn what_is_frozen_takes_nothing_of_its_packages_and_hands_nothing_over() {
    let mut c = chain(&[]);
    let first = c.published("1.0.0", None, time(2));
    c.said(10, time(3), FROZEN);
    let mut c = c;
    let (next, _) = c.owner.publish(ID, "1.1.0", Some(first), time(4), &[]);
    c.log.refuse(&next, "frozen");
    c.log.refuse(&c.owner.yank(ID, "1.0.0", first, time(4)), "frozen");
    c.refused(10, time(4), DomainKeysChanged::put(vec![key(20, Role::Publish)]), "frozen");
    c.refused(10, time(4), c.transfer(30, time(4)), "frozen");
    c.refused(10, time(4), DomainReleased {}, "frozen");
    c.said(10, time(4), removing(12));
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
    c.refused(10, time(2), DomainKeysChanged { keys_only: Some(true), ..DomainKeysChanged::put(vec![]) }, "recovery_key_needed");
    c.said(40, time(2), DomainKeysChanged::put(vec![key(41, Role::Recovery)]));
    c.said(41, time(3), removing(40));
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
fn only_keys_decide_where_a_recovery_key_says_so() {
    let mut c = chain(&[40]);
    let only = |on| DomainKeysChanged { keys_only: Some(on), ..DomainKeysChanged::put(vec![]) };
    c.said(40, time(2), only(true));
    c.registry_refused(time(3), c.opening(30, time(3)), "keys_only");
    c.refused(40, time(3), removing(40), "no_recovery_key");
    c.refused(40, time(3), DomainKeysChanged::put(vec![key(40, Role::Admin)]), "no_recovery_key");
    c.said(40, time(3), only(false));
    let opened = c.opened(30, time(4));
    c.said(40, time(5), only(true));
    c.registry_refused(day(14, 4), completing(opened), "keys_only");
}

// --- handed over, given up ---

#[test]
fn a_transfer_ends_all_keys_and_the_next_holder_publishes_at_once() {
    let mut c = chain(&[]);
    let first = c.published("1.0.0", None, time(2));
    c.refused(12, time(3), c.transfer(30, time(3)), "key_may_not");
    let tenure = c.said(10, time(3), c.transfer(30, time(3)));
    let (old, _) = c.owner.publish(ID, "1.1.0", Some(first), time(4), &[]);
    c.log.refuse(&old, "other_tenure");
    c.holder(tenure, 10);
    c.refused(10, time(4), removing(30), "key_not_authorised");
    c.holder(tenure, 30);
    c.published("1.1.0", Some(first), time(4));
}

#[test]
fn a_transfer_needs_the_next_holders_fresh_words_for_this_place() {
    let mut c = chain(&[]);
    let terms = |until| AcceptanceTerms { keys: vec![key(30, Role::Admin)], prev: Some(c.head), until };
    let accepted = |until| Acceptance::sign(&secret(30), &c.owner.domain, &c.owner.origin, &terms(until)).unwrap();
    let [past, last, week, longer] = [time(9), time(10), day(7, 10), day(7, 11)].map(accepted);
    c.refused(10, time(10), DomainTransferred { acceptance: past }, "acceptance_not_now");
    c.refused(10, time(10), DomainTransferred { acceptance: longer }, "acceptance_not_now");
    for acceptance in [last, week] {
        c.clone().said(10, time(10), DomainTransferred { acceptance });
    }
    let elsewhere = c.owner.by(30).accept(Some(EventId([9; 32])), time(10));
    let speaker = Speaker::Domain { domain: c.owner.domain.clone(), tenure: c.owner.tenure };
    let subject = Subject::Domain(c.owner.domain.clone());
    let event = Event::from(DomainTransferred { acceptance: elsewhere });
    assert!(Statement::sign(&secret(10), &c.owner.origin, &speaker, &subject, Some(c.head), time(10), &event).is_err());
    // The same acceptance a second time has another place.
    let used = c.transfer(30, time(10));
    c.said(10, time(10), used.clone());
    let again = Statement::sign(&secret(10), &c.owner.origin, &speaker, &subject, Some(c.owner.tenure), time(11), &used.into()).unwrap();
    c.log.refuse(&again, "other_tenure");
}

#[test]
fn where_there_are_recovery_keys_they_hand_over_and_give_up() {
    let mut c = chain(&[40]);
    c.refused(10, time(2), c.transfer(30, time(2)), "recovery_key_needed");
    c.refused(10, time(2), DomainReleased {}, "recovery_key_needed");
    c.clone().said(40, time(2), c.transfer(30, time(2)));
    c.said(40, time(2), DomainReleased {});
}

#[test]
fn a_domain_that_was_given_up_has_nobody_and_is_claimed_on_top_of_that() {
    let mut c = chain(&[]);
    let first = c.published("1.0.0", None, time(2));
    let stale = c.says(10, EventId([7; 32]), time(3), DomainReleased {});
    c.log.refuse(&stale, "stale_prev");
    let released = c.said(10, time(3), DomainReleased {});
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
fn the_packages_of_a_domain_that_was_given_up_do_not_fall_to_the_one_above() {
    let (mut log, registry, acme) = acme();
    let (claim, team) = registry.claim("team.acme.example", &secret(20), time(2));
    log.accept(&claim);
    let (tool, _) = team.publish("npm:team.acme.example/tool", "1.0.0", None, time(3), &[]);
    log.accept(&tool);
    log.accept(&team.say_of_itself(Some(team.tenure), time(4), DomainReleased {}));
    log.refuse(&acme.publish("npm:team.acme.example/tool", "1.1.0", Some(tool.id()), time(5), &[]).0, "not_the_owner");
    log.refuse(&team.publish("npm:team.acme.example/tool", "1.1.0", Some(tool.id()), time(5), &[]).0, "released");
}

// --- recovery ---

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
