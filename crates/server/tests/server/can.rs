//! `GET /api/v1/can` (spec/api.md §7): the same yes and no as the statement that does it gets, with the rule or the refusal.

use crate::world::{World, code, now};
use deedbox_model::event::{Action, DomainFrozen, PublisherGranted, PublisherRevoked};
use deedbox_model::{EventId, ReasonCode, Statement, Subject, Verified};
use deedbox_testkit::{Owner, secret};
use reqwest::StatusCode;
use serde_json::{Value, json};

const DOMAIN: &str = "acme.localhost";
const ID: &str = "file:acme.localhost/widget";
/// The key that is granted something.
const CI: u8 = 31;

fn kid(n: u8) -> String {
    secret(n).public().id().to_hex()
}

async fn can(world: &World, action: &str, id: &str, kid: &str) -> Value {
    world.json(&format!("/api/v1/can?action={action}&id={id}&key={kid}")).await
}

async fn say(world: &World, owner: &Owner, prev: EventId, event: impl Into<deedbox_model::Event>) -> Verified<Statement> {
    let statement = owner.say_of_itself(Some(prev), now(), event);
    world.must_append(&statement).await;
    statement
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_told_what_it_may_and_by_which_rule_until_it_may_not() {
    let world = World::new().await;
    let free = can(&world, "claim", DOMAIN, &kid(CI)).await;
    assert_eq!(free["may"], true, "{free}");
    let owner = world.claim(DOMAIN, 10).await;
    let claimed = can(&world, "claim", DOMAIN, &kid(CI)).await;
    assert_eq!((&claimed["may"], &claimed["code"]), (&json!(false), &json!("already_claimed")), "{claimed}");
    let own = can(&world, "publish", ID, &kid(10)).await;
    let sentence = "an admin key of acme.localhost, by its claim of entry 1 (evidence localhost)";
    let expected = json!({
        "may": true, "action": "publish", "id": ID, "kid": kid(10), "tree_size": 2,
        "rule": { "sentence": sentence, "section": "spec/authority.md §4.4" },
    });
    assert_eq!(own, expected);

    let nobodys = can(&world, "publish", ID, &kid(CI)).await;
    assert_eq!((&nobodys["may"], &nobodys["code"]), (&json!(false), &json!("key_not_authorised")));
    let granted =
        PublisherGranted { key: secret(CI).public(), ids: vec![ID.parse().unwrap()], actions: vec![Action::Publish], until: None };
    let grant = say(&world, &owner, owner.tenure, granted).await;
    let by_grant = can(&world, "publish", ID, &kid(CI)).await;
    let sentence = format!("the grant {} of acme.localhost of entry 2, for {ID}", grant.id());
    assert_eq!((&by_grant["may"], &by_grant["rule"]["sentence"]), (&json!(true), &json!(sentence)), "{by_grant}");
    // What it may, it does.
    let prepared = world.prepare(&owner, ID, "1.0.0", None, b"").await;
    world.must_append(&owner.granted(grant.id(), CI).say(ID, None, now(), prepared.event())).await;
    for (action, id, code) in [
        ("yank", ID, "not_granted"),
        ("publish", "file:acme.localhost/other", "not_granted"),
        ("keys", DOMAIN, "key_not_authorised"),
        ("publish", "file:nobody.localhost/x", "not_claimed"),
        ("thaw", DOMAIN, "key_not_authorised"),
    ] {
        assert_eq!(can(&world, action, id, &kid(CI)).await["code"], code, "{action} {id}");
    }

    let revoked = say(&world, &owner, grant.id(), PublisherRevoked { grant: grant.id() }).await;
    assert_eq!(can(&world, "publish", ID, &kid(CI)).await["code"], "grant_over");
    say(&world, &owner, revoked.id(), DomainFrozen { reason: ReasonCode::Security }).await;
    let frozen = can(&world, "publish", ID, &kid(10)).await;
    assert_eq!(frozen["code"], "frozen");
    assert!(frozen["message"].as_str().unwrap().contains("deedbox thaw"), "{frozen}");
    assert_eq!(can(&world, "thaw", DOMAIN, &kid(10)).await["code"], "too_soon");
    let operator = world.registry().operator.public().id().to_hex();
    assert_eq!(can(&world, "freeze", DOMAIN, &operator).await["may"], true);
    let by_registry = world.registry().say(
        &Subject::Domain(owner.domain.clone()),
        Some(owner.tenure),
        now(),
        &DomainFrozen { reason: ReasonCode::Other }.into(),
    );
    world.must_append(&by_registry).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_asked_is_refused() {
    let world = World::new().await;
    let kid = kid(10);
    for query in [
        String::new(),
        format!("action=publish&id={ID}"),
        format!("action=publish&action=yank&id={ID}&key={kid}"),
        format!("action=sign&id={ID}&key={kid}"),
        format!("action=publish&id={DOMAIN}&key={kid}"),
        format!("action=keys&id={ID}&key={kid}"),
        format!("action=keys&id={DOMAIN}&key={}", kid.to_uppercase()),
        format!("action=keys&id={DOMAIN}&key=%00"),
    ] {
        let refused = code(world.get(&format!("/api/v1/can?{query}")).await).await;
        assert_eq!(refused, (400, "bad_request".to_owned()), "{query}");
    }
    assert_eq!(world.post("/api/v1/can", "text/plain", "").await.status(), StatusCode::METHOD_NOT_ALLOWED);
    world.stop().await;
}
