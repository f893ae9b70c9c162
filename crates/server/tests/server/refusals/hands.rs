//! What is refused where a domain changes hands (spec/authority.md §4.4, §4.5, §4.7 to §4.11). Below localhost a day is a second.

use super::statements::earlier;
use super::{Provoked, hostile_world};
use crate::world::{World, now};
use deedbox_model::event::{
    Action, DomainClaimed, DomainFrozen, DomainKey, DomainKeysChanged, DomainRecoveryCompleted, DomainRecoveryContested,
    DomainRecoveryOpened, DomainReleased, DomainThawed, Event, Evidence, PublisherGranted, PublisherRevoked, Role,
};
use deedbox_model::holding::days;
use deedbox_model::limits::{KEYS_ONLY_DAYS, RECOVERY_DAYS};
use deedbox_model::{EventId, ReasonCode, Statement, Subject, Verified};
use deedbox_testkit::{Owner, secret};
use reqwest::{Method, RequestBuilder};
use std::time::Duration;

const FREEZE: DomainFrozen = DomainFrozen { reason: ReasonCode::Security };

fn refused(code: &str) -> (u16, &str) {
    (422, code)
}

fn key(n: u8, role: Role) -> DomainKey {
    DomainKey { key: secret(n).public(), from: None, role, until: None }
}

/// Something that the registry says of a domain.
fn by_registry(world: &World, owner: &Owner, prev: EventId, event: impl Into<Event>) -> Verified<Statement> {
    world.registry().say(&Subject::Domain(owner.domain.clone()), Some(prev), now(), &event.into())
}

/// A recovery for the key of this number.
fn opened(world: &World, owner: &Owner, n: u8) -> Verified<Statement> {
    let evidence = if owner.domain.is_localhost() { Evidence::Localhost } else { Evidence::Operator };
    let acceptance = owner.by(n).accept(Some(owner.tenure), now());
    by_registry(world, owner, owner.tenure, DomainRecoveryOpened { sight: None, evidence, acceptance })
}

fn recoveries(world: &World, acceptance: &deedbox_model::event::Acceptance) -> RequestBuilder {
    let request = world.request(Method::POST, "/api/v1/recoveries").header("content-type", "application/cose");
    request.body(acceptance.bytes().to_vec())
}

pub(super) async fn of_hands(provoked: &mut Provoked) {
    let world = hostile_world().await;
    of_freezes(&world, provoked).await;
    of_grants(&world, provoked).await;
    of_recovery_keys(&world, provoked).await;
    of_recoveries(&world, provoked).await;
    // The last, for it moves log time.
    of_old_statements(&world, provoked).await;
    world.stop().await;
}

async fn of_grants(world: &World, provoked: &mut Provoked) {
    let owner = world.claim("granting.localhost", 30).await;
    let id = "file:granting.localhost/widget";
    let first = world.publish(&owner, id, "1.0.0", None).await;
    let granted =
        PublisherGranted { key: secret(31).public(), ids: vec![id.parse().unwrap()], actions: vec![Action::Channel], until: None };
    let granted = owner.say_of_itself(Some(owner.tenure), now(), granted);
    world.must_append(&granted).await;
    let yank = |grant| owner.granted(grant, 31).yank(id, "1.0.0", first.id(), now());
    provoked.statement(world, "a yank by a grant to move channels", &yank(granted.id()), refused("not_granted")).await;
    provoked.statement(world, "a yank by what is not a grant", &yank(first.id()), refused("no_such_grant")).await;
    let revoked = owner.say_of_itself(Some(granted.id()), now(), PublisherRevoked { grant: granted.id() });
    world.must_append(&revoked).await;
    provoked.statement(world, "a yank by a grant that is revoked", &yank(granted.id()), refused("grant_over")).await;
}

async fn of_freezes(world: &World, provoked: &mut Provoked) {
    let owner = world.claim("freezing.localhost", 30).await;
    let id = "file:freezing.localhost/widget";
    let first = world.publish(&owner, id, "1.0.0", None).await;
    let thaw = owner.say_of_itself(Some(owner.tenure), now(), DomainThawed {});
    provoked.statement(world, "a thaw of what is not frozen", &thaw, refused("not_frozen")).await;
    let frozen = owner.say_of_itself(Some(owner.tenure), now(), FREEZE);
    world.must_append(&frozen).await;
    let again = owner.say_of_itself(Some(frozen.id()), now(), DomainFrozen { reason: ReasonCode::Other });
    let early = owner.say_of_itself(Some(frozen.id()), now(), DomainThawed {});
    provoked.statement(world, "a second freeze", &again, refused("already_frozen")).await;
    let moved = owner.set_channel(id, "next", "1.0.0", first.id(), now());
    provoked.statement(world, "a channel of a frozen domain", &moved, refused("frozen")).await;
    provoked.statement(world, "a thaw at once", &early, refused("too_soon")).await;

    let owner = claimed_with_recovery(world, "leaving.localhost").await;
    let id = "file:leaving.localhost/widget";
    let first = world.publish(&owner, id, "1.0.0", None).await;
    let left = owner.by(40).say_of_itself(Some(owner.tenure), now(), DomainReleased {});
    world.must_append(&left).await;
    provoked.statement(world, "of what was given up", &owner.yank(id, "1.0.0", first.id(), now()), refused("released")).await;
    let next = owner.by(31);
    let claimed = DomainClaimed::unseen(Evidence::Localhost, next.accept(Some(left.id()), now()));
    let claimed = by_registry(world, &owner, left.id(), claimed);
    world.must_append(&claimed).await;
    let next = owner.under(claimed.id(), 31);
    let held = world.prepare(&next, id, "1.0.1", Some(first.id()), b"").await;
    provoked.statement(world, "a release at once after it was claimed again", &held, refused("held")).await;
}

/// A domain of key 30, with the recovery key 40.
async fn claimed_with_recovery(world: &World, domain: &str) -> Owner {
    let mut keys = vec![key(30, Role::Admin), key(40, Role::Recovery)];
    keys.sort();
    let (claim, owner) = world.registry().claim_with(domain, &secret(30), keys, now());
    world.must_append(&claim).await;
    owner
}

async fn of_recovery_keys(world: &World, provoked: &mut Provoked) {
    let owner = claimed_with_recovery(world, "keyed.localhost").await;
    let change = |owner: &Owner, prev: EventId, put: &[DomainKey], keys_only| {
        let event = DomainKeysChanged { put: put.to_vec(), removed: Vec::new(), keys_only };
        owner.say_of_itself(Some(prev), now(), event)
    };
    let above = owner.by(40);
    let early = change(&above, owner.tenure, &[key(31, Role::Recovery)], None);
    provoked.statement(world, "a recovery key of today", &early, refused("recovery_too_soon")).await;
    let only = change(&owner, owner.tenure, &[], Some(true));
    provoked.statement(world, "only keys, by an admin key", &only, refused("recovery_key_needed")).await;
    let only = change(&above, owner.tenure, &[], Some(true));
    world.must_append(&only).await;
    let removed = above.change_keys(Some(only.id()), now(), &[], &[&secret(40)]);
    provoked.statement(world, "the end of the last recovery key", &removed, refused("no_recovery_key")).await;
    let from = only.time().plus_ms(days(&owner.domain, KEYS_ONLY_DAYS));
    while now() < from {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    provoked.statement(world, "a recovery, where only keys decide", &opened(world, &owner, 32), refused("keys_only")).await;
    let asked = recoveries(world, &owner.by(32).accept(Some(owner.tenure), now()));
    provoked.by(world, "the same by the registry", asked, refused("keys_only")).await;
}

async fn of_recoveries(world: &World, provoked: &mut Provoked) {
    let owner = world.claim("lost.localhost", 30).await;
    let complete =
        |prev, recovery| by_registry(world, &owner, prev, DomainRecoveryCompleted { sight: None, evidence: Evidence::Localhost, recovery });
    let nothing = complete(owner.tenure, EventId([7; 32]));
    provoked.statement(world, "the end of no recovery", &nothing, refused("no_recovery")).await;
    let acceptance = owner.by(32).accept(Some(owner.tenure), now());
    let nobodys = Owner { domain: "nobodys.localhost".parse().unwrap(), ..owner.by(32) };
    for (what, acceptance, expected) in [
        ("a recovery of what nobody has", nobodys.accept(None, now()), refused("not_claimed")),
        ("a recovery under another tenure", owner.by(32).accept(Some(EventId([7; 32])), now()), (409, "stale_prev")),
        ("a recovery of last week", owner.by(32).accept(Some(owner.tenure), earlier(8 * 86_400_000)), refused("acceptance_not_now")),
    ] {
        provoked.by(world, what, recoveries(world, &acceptance), expected).await;
    }
    let answer = recoveries(world, &acceptance).send().await.unwrap();
    assert_eq!(answer.status(), 201);
    let opened_at = now();
    let opening: serde_json::Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
    let opening = EventId::from_hex(opening["id"].as_str().unwrap()).unwrap();
    provoked.by(world, "the same again, too early", recoveries(world, &acceptance), refused("too_soon")).await;
    let other = owner.by(33).accept(Some(owner.tenure), now());
    provoked.by(world, "another one beside it", recoveries(world, &other), refused("recovery_open")).await;
    provoked.statement(world, "the same as a statement", &opened(world, &owner, 33), refused("recovery_open")).await;
    let contest = |n: u8, prev| owner.by(n).say_of_itself(Some(prev), now(), DomainRecoveryContested { recovery: Some(opening) });
    provoked.statement(world, "the claimant's own no", &contest(32, opening), refused("may_not_contest")).await;
    let contested = contest(30, opening);
    world.must_append(&contested).await;
    provoked.statement(world, "a second no", &contest(30, contested.id()), refused("already_contested")).await;
    provoked.by(world, "a recovery that was contested", recoveries(world, &acceptance), refused("contested")).await;
    // The operator decides by hand, when the longer wait is over.
    let too_early = complete(contested.id(), opening);
    provoked.statement(world, "the operator, too early", &too_early, refused("too_soon")).await;
    assert!(now() < opened_at.plus_ms(days(&owner.domain, RECOVERY_DAYS)), "this machine is too slow for this test");

    // What was claimed by the operator's word is recovered by it.
    let (claim, word) = world.registry().claim("word.example", &secret(30), now());
    world.must_append(&claim).await;
    let asked = recoveries(world, &word.by(32).accept(Some(word.tenure), now()));
    provoked.by(world, "a recovery where nobody looks", asked, refused("no_ground")).await;
    world.must_append(&opened(world, &word, 32)).await;
}

async fn of_old_statements(world: &World, provoked: &mut Provoked) {
    let owner = world.claim("late.localhost", 30).await;
    let ahead = owner.say_of_itself(Some(owner.tenure), now().plus_ms(110_000), FREEZE);
    world.must_append(&ahead).await;
    let late = owner.say_of_itself(Some(ahead.id()), earlier(9 * 60_000), DomainThawed {});
    provoked.statement(world, "ten minutes before log time, which is ahead of the clock", &late, refused("too_old")).await;
}
