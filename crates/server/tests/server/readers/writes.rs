//! What somebody who may not read all of it is told of why a write is refused: what they would be told if what is hidden were not there; and
//! where nothing else could be true, that something is in the way (docs/decisions/0017).

use super::{HIDDEN, OPEN, UNKNOWN, all_of, ask, is_secret, world};
use crate::file_dialect::manifest_of;
use crate::world::{World, acceptance, artifact, now, object_path, permit};
use deedbox_model::event::{Event, ReleaseYanked};
use deedbox_model::{EventId, ObjectRef, ReasonCode, Statement, Verified};
use deedbox_testkit::{Owner, publish_event, secret};
use deedbox_view::Resource;
use reqwest::{Method, RequestBuilder, Response};
use serde_json::Value;

const FRIEND: (&str, &str) = ("x-reader", "friend");
const STRANGER: (&str, &str) = ("x-reader", "somebody else");

fn post(world: &World, bytes: &[u8], who: (&str, &str)) -> RequestBuilder {
    let request = world.request(Method::POST, "/api/v1/events").header("content-type", "application/cose");
    request.header(who.0, who.1).body(bytes.to_vec())
}

async fn send(world: &World, statement: &Verified<Statement>, who: (&str, &str)) -> Response {
    post(world, statement.bytes(), who).send().await.unwrap()
}

/// Status, code, and the whole text.
async fn code(response: Response) -> (u16, String, String) {
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    let body: Value = serde_json::from_str(&text).unwrap();
    (status, body["error"]["code"].as_str().unwrap_or_default().to_owned(), text)
}

/// A yank of the first release, on top of this.
fn yank(owner: &Owner, id: &str, prev: Option<EventId>) -> Verified<Statement> {
    let event = Event::from(ReleaseYanked { reason: ReasonCode::Broken, version: "1.0.0".parse().unwrap() });
    owner.say(id, prev, now(), &event)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_statement_tells_nothing_of_a_package_that_is_hidden() {
    let world = world(is_secret).await;
    let owner = world.claim("acme.localhost", 10).await;
    let first = world.publish(&owner, HIDDEN, "1.0.0", None).await;
    let second = yank(&owner, HIDDEN, Some(first.id()));
    world.must_append(&second).await;
    let (old, head) = (first.id(), second.id());
    let release = async |id: &str, version: &str, prev, rest: &str| world.prepare(&owner, id, version, prev, rest.as_bytes()).await;

    // What is so of any package that is not there.
    for (what, hidden, unknown, to_friend, to_stranger) in [
        ("an old head", yank(&owner, HIDDEN, Some(old)), yank(&owner, UNKNOWN, Some(old)), (409, "stale_prev"), (409, "stale_prev")),
        ("no head", yank(&owner, HIDDEN, None), yank(&owner, UNKNOWN, None), (409, "stale_prev"), (422, "no_such_release")),
        (
            "what is yanked",
            yank(&owner, HIDDEN, Some(head)),
            yank(&owner, UNKNOWN, Some(head)),
            (422, "already_yanked"),
            (409, "stale_prev"),
        ),
        (
            "a channel that is not",
            owner.remove_channel(HIDDEN, "none", head, now()),
            owner.remove_channel(UNKNOWN, "none", head, now()),
            (422, "no_such_channel"),
            (409, "stale_prev"),
        ),
        (
            "the same version",
            release(HIDDEN, "1.0.0", Some(head), "other").await,
            release(UNKNOWN, "1.0.0", Some(head), "other").await,
            (422, "version_exists"),
            (409, "stale_prev"),
        ),
        (
            "another native name",
            release(HIDDEN, "2.0.0", Some(head), "native_name=other").await,
            release(UNKNOWN, "2.0.0", Some(head), "native_name=other").await,
            (422, "native_name_changed"),
            (409, "stale_prev"),
        ),
    ] {
        let (status, found, _) = code(send(&world, &hidden, FRIEND).await).await;
        assert_eq!((status, found.as_str()), to_friend, "{what}");
        for who in [STRANGER, ("x-other", "")] {
            let found = all_of(send(&world, &hidden, who).await, HIDDEN).await;
            assert_eq!(found, all_of(send(&world, &unknown, who).await, UNKNOWN).await, "{what}");
            assert!(found.0 == to_stranger.0 && found.2.contains(to_stranger.1), "{what}: {found:?}");
        }
    }

    // What could be appended if nothing were there.
    let other = "file:acme.localhost/other";
    for (what, statement, to_friend) in [
        ("a first release", release(HIDDEN, "4.0.0", None, "").await, (409, "stale_prev")),
        ("its native name", release(other, "1.0.0", None, &format!("native_name={HIDDEN}")).await, (422, "native_name_taken")),
    ] {
        let (status, found, text) = code(send(&world, &statement, FRIEND).await).await;
        assert_eq!((status, found.as_str()), to_friend, "{what}");
        assert!(text.contains("secret"), "{what}");
        let (status, found, text) = code(send(&world, &statement, STRANGER).await).await;
        assert_eq!((status, found.as_str()), (422, "in_the_way"), "{what}");
        assert!(!text.contains("secret") && !text.contains(&head.to_hex()) && !text.contains("head"), "{text}");
    }

    // What is not hidden is told as ever; and who has a statement's bytes is told that they are logged.
    let open = world.publish(&owner, OPEN, "1.0.0", None).await;
    let (_, found, text) = code(send(&world, &release(OPEN, "1.1.0", None, "").await, STRANGER).await).await;
    assert!(found == "stale_prev" && text.contains(&open.id().to_hex()), "{text}");
    let (_, found, text) = code(send(&world, &release(OPEN, "1.0.0", Some(open.id()), "other").await, STRANGER).await).await;
    assert!(found == "version_exists", "{text}");
    assert_eq!(send(&world, &first, STRANGER).await.status(), 200);
    world.stop().await;
}

const DOMAIN: &str = "team.acme.localhost";
/// As long, and claimed by nobody; the domain above them both is everybody's to see.
const NOBODYS: &str = "nope.acme.localhost";

fn is_of_the_domain(resource: &Resource) -> bool {
    match resource {
        Resource::Domain(domain) => domain.as_str() == DOMAIN,
        Resource::Package(id) => id.domain().as_str() == DOMAIN,
        _ => false,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hidden_domain_is_one_that_nobody_has_claimed() {
    let world = world(is_of_the_domain).await;
    let above = world.claim("acme.localhost", 12).await;
    let owner = world.claim(DOMAIN, 10).await;
    let first = world.publish(&owner, &format!("file:{DOMAIN}/secret"), "1.0.0", None).await;
    // Whoever they are, of both domains.
    let of = |domain: &str| {
        let owner = Owner { domain: domain.parse().unwrap(), ..owner.clone() };
        let id = format!("file:{domain}/secret");
        let say = |owner: &Owner| yank(owner, &id, Some(first.id())).bytes().to_vec();
        let mut forged = say(&owner);
        *forged.last_mut().unwrap() ^= 1;
        [
            say(&above),
            say(&Owner { tenure: first.id(), ..owner.clone() }),
            say(&Owner { key: secret(12), ..owner.clone() }),
            forged,
            say(&Owner { key: secret(99), ..owner.clone() }),
            yank(&owner, &id, Some(EventId::of(b"other"))).bytes().to_vec(),
        ]
    };
    let told = [
        ("not_the_owner", "stale_prev"),
        ("other_tenure", "not_the_owner"),
        ("key_not_authorised", "not_the_owner"),
        ("bad_signature", "bad_signature"),
        ("key_not_authorised", "key_not_authorised"),
        ("stale_prev", "not_the_owner"),
    ];
    for ((hidden, unknown), (to_friend, to_stranger)) in of(DOMAIN).iter().zip(&of(NOBODYS)).zip(told) {
        assert_eq!(code(post(&world, hidden, FRIEND).send().await.unwrap()).await.1, to_friend);
        let found = all_of(post(&world, hidden, STRANGER).send().await.unwrap(), DOMAIN).await;
        assert!(found.2.contains(to_stranger), "{to_friend}: {found:?}");
        assert_eq!(found, all_of(post(&world, unknown, STRANGER).send().await.unwrap(), NOBODYS).await, "{to_friend}");
    }

    let claim = |who: (&str, &str)| {
        let request = world.request(Method::POST, "/api/v1/claims").header("content-type", "application/cose");
        request.header(who.0, who.1).body(acceptance(DOMAIN, &secret(15), &world.origin))
    };
    assert_eq!(code(claim(FRIEND).send().await.unwrap()).await.1, "already_claimed");
    assert_eq!(code(claim(STRANGER).send().await.unwrap()).await.1, "in_the_way");
    // Whoever may not read a domain recovers it no more than one that nobody has.
    let recover = async |domain: &str, who: (&str, &str)| {
        let claimant = Owner { domain: domain.parse().unwrap(), key: secret(15), ..owner.clone() };
        let request = world.request(Method::POST, "/api/v1/recoveries").header("content-type", "application/cose");
        request.header(who.0, who.1).body(claimant.accept(Some(owner.tenure), now()).bytes().to_vec()).send().await.unwrap()
    };
    assert_eq!(recover(DOMAIN, FRIEND).await.status(), 201);
    let found = all_of(recover(DOMAIN, STRANGER).await, DOMAIN).await;
    assert!(found.2.contains("not_claimed"), "{found:?}");
    assert_eq!(found, all_of(recover(NOBODYS, STRANGER).await, NOBODYS).await);

    let object = ObjectRef::of(b"sent by nobody");
    let put = async |domain: &str, who: (&str, &str)| {
        let stranger = Owner { domain: domain.parse().unwrap(), key: secret(99), ..owner.clone() };
        let request = world.request(Method::PUT, &object_path(&object)).header("authorization", permit(&stranger));
        request.header(who.0, who.1).body("sent by nobody").send().await.unwrap()
    };
    assert!(code(put(DOMAIN, FRIEND).await).await.2.contains("is not one of"));
    let found = all_of(put(DOMAIN, STRANGER).await, DOMAIN).await;
    assert_eq!(found, all_of(put(NOBODYS, STRANGER).await, NOBODYS).await);
    assert_eq!(found.0, 401);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_of_a_hidden_package_is_named_by_nobody_who_has_not_sent_it() {
    let world = world(is_secret).await;
    let owner = world.claim("acme.localhost", 10).await;
    world.publish(&owner, HIDDEN, "1.0.0", None).await;
    let other = world.claim("other.localhost", 12).await;
    let id = "file:other.localhost/mine";
    let (hidden, unknown) = (artifact(HIDDEN, "1.0.0", b""), artifact(HIDDEN, "9.9.9", b""));
    let release = async |bytes: &[u8], who| {
        let manifest = manifest_of(id, "1.0.0", bytes);
        assert!(world.upload(&other, manifest.encode().unwrap()).await.is_success());
        send(&world, &other.say(id, None, now(), &Event::from(publish_event(&manifest, &[]))), who).await
    };
    let put = async |bytes: &[u8], who: (&str, &str)| {
        let request = world.request(Method::PUT, &object_path(&ObjectRef::of(bytes))).header("authorization", permit(&other));
        request.header(who.0, who.1).body(bytes.to_vec()).send().await.unwrap().status().as_u16()
    };
    let address = |bytes: &[u8]| ObjectRef::of(bytes).sha256.to_string();
    let head = async |bytes: &[u8]| {
        let headers = [("authorization", permit(&other))];
        let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        all_of(ask(&world, Method::HEAD, &object_path(&ObjectRef::of(bytes)), &headers).await, &address(bytes)).await
    };
    // Who may read it may name it, and need not send it.
    assert_eq!(put(&hidden, FRIEND).await, 200);
    let (_, to_friend, _) = code(release(&hidden, FRIEND).await).await;
    assert!(!to_friend.is_empty() && to_friend != "object_missing", "{to_friend}");
    // To anybody else it is as one that nobody has sent, until they have.
    assert_eq!(head(&hidden).await, head(&unknown).await);
    let found = all_of(release(&hidden, STRANGER).await, &address(&hidden)).await;
    assert!(found.2.contains("object_missing"), "{found:?}");
    assert_eq!(found, all_of(release(&unknown, STRANGER).await, &address(&unknown)).await);
    assert_eq!((put(&hidden, STRANGER).await, put(&unknown, STRANGER).await), (201, 201));
    assert_eq!(code(release(&hidden, STRANGER).await).await.1, to_friend, "what it says is for its sender");
    world.stop().await;
}
