//! Statements that authority or the door refuses (spec/authority.md §5, spec/api.md §1).

use super::{ID, Provoked, crates, events};
use crate::file_dialect::manifest_of;
use crate::world::{World, acceptance, artifact, now};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use deedbox_model::event::{Acceptance, AcceptanceTerms};
use deedbox_model::event::{ChannelSet, DomainClaimed, DomainKey, Event, Evidence, RegistryRulesChanged, Role, Rules, Sight};
use deedbox_model::{Domain, EventId, Manifest, ObjectRef, Origin, SecretKey, Statement, Subject, TimeMs, Verified};
use deedbox_testkit::{Owner, manifest, publish_event, secret};
use reqwest::Method;
use serde_json::Value;

fn claim_of(world: &World, domain: &str, key: u8, keys: Vec<DomainKey>, evidence: Evidence) -> Verified<Statement> {
    let domain = Domain::parse(domain).unwrap();
    let acceptance = Acceptance::sign(&secret(key), &domain, &world.origin, &AcceptanceTerms::first(keys, now())).unwrap();
    let event = Event::from(DomainClaimed::unseen(evidence, acceptance));
    world.registry().say(&Subject::Domain(domain), None, now(), &event)
}

/// The claim that somebody accepted then.
fn claim_of_then(world: &World, domain: &str, n: u8, then: TimeMs) -> DomainClaimed {
    let terms = AcceptanceTerms::first(vec![key(n, Role::Admin, None)], then);
    let acceptance = Acceptance::sign(&secret(n), &Domain::parse(domain).unwrap(), &world.origin, &terms).unwrap();
    DomainClaimed::unseen(Evidence::Operator, acceptance)
}

fn key(n: u8, role: Role, until: Option<TimeMs>) -> DomainKey {
    DomainKey { key: secret(n).public(), from: None, role, until }
}

pub(super) fn earlier(ms: u64) -> TimeMs {
    TimeMs::new(now().as_ms() - ms).unwrap()
}

pub(super) async fn of_authority(world: &World, owner: &Owner, provoked: &mut Provoked) {
    let refused = |code| (422, code);
    let first = world.publish(owner, ID, "1.0.0", None).await;
    let second = world.publish(owner, ID, "1.1.0", Some(first.id())).await;
    let third = owner.yank(ID, "1.1.0", second.id(), now());
    world.must_append(&third).await;
    let set = owner.set_channel(ID, "next", "1.0.0", third.id(), now());
    world.must_append(&set).await;
    let head = set.id();
    // A subdomain of its own, one that the owner has published under, and a domain with a key whose time is over.
    let below = world.claim("below.acme.localhost", 12).await;
    world.publish(owner, "file:used.acme.localhost/widget", "1.0.0", None).await;
    let mut keys = vec![key(13, Role::Admin, None), key(14, Role::Publish, Some(earlier(60_000)))];
    keys.sort_by_key(|key| key.key.id());
    let timed = claim_of(world, "timed.localhost", 13, keys, Evidence::Localhost);
    world.must_append(&timed).await;
    let timed = Owner { domain: "timed.localhost".parse().unwrap(), key: secret(14), tenure: timed.id(), ..owner.clone() };

    let rules = |prev, protocol, parameters: &[u8]| {
        let rules = Rules { parameters: parameters.to_vec(), protocol };
        world.registry().say(&Subject::Registry, Some(prev), now(), &Event::from(RegistryRulesChanged { rules }))
    };
    let beginning = EventId::from_hex(world.json("/api/v1/events/0").await["id"].as_str().unwrap()).unwrap();
    let stranger = Owner { key: secret(99), ..owner.clone() };
    let other_key = Owner { key: secret(12), ..owner.clone() };
    let elsewhere = Owner { origin: Origin::parse("other.example").unwrap(), ..owner.clone() };
    let tenureless = Owner { tenure: first.id(), ..owner.clone() };
    let nobody = Owner { domain: "nobody.localhost".parse().unwrap(), ..owner.clone() };
    let prepare = |id: &'static str, version: &'static str, prev: Option<EventId>, rest: &'static str| async move {
        world.prepare(owner, id, version, prev, rest.as_bytes()).await
    };
    let of_owner = DomainKey { key: owner.key.public(), from: None, role: Role::Admin, until: None };
    let mut sixteen: Vec<DomainKey> = (100..116).map(|n| key(n, Role::Publish, None)).collect();
    sixteen.sort();
    let change = |put: &[DomainKey], removed: &[&SecretKey]| owner.change_keys(Some(owner.tenure), now(), put, removed);
    let in_force = STANDARD.decode(world.json("/api/v1/events/0").await["body"]["rules"]["parameters"].as_str().unwrap()).unwrap();
    let seen = |at: TimeMs, records: &[u8]| {
        let look = |_: &Domain, _: &str| Sight { at, records: records.to_vec() };
        world.registry().claim_seen("seen.example", &secret(15), Evidence::Dnssec, now(), look).0
    };
    let set_again = Event::from(ChannelSet { channel: "next".parse().unwrap(), version: "1.0.0".parse().unwrap() });
    for (what, statement, expected) in [
        ("a second beginning", world.registry().created(now()), refused("not_the_beginning")),
        ("a statement for another registry", elsewhere.yank(ID, "1.0.0", head, now()), refused("other_audience")),
        ("a statement from eleven minutes ago", owner.yank(ID, "1.0.0", head, earlier(11 * 60_000)), refused("from_the_past")),
        ("a domain that nobody has", nobody.yank("file:nobody.localhost/x", "1.0.0", head, now()), refused("not_claimed")),
        ("a parent about its child's", owner.yank("file:below.acme.localhost/x", "1.0.0", head, now()), refused("not_the_owner")),
        ("another tenure", tenureless.yank(ID, "1.0.0", head, now()), refused("other_tenure")),
        ("a key that nobody knows", stranger.yank(ID, "1.0.0", head, now()), refused("key_not_authorised")),
        ("another domain's key", other_key.yank(ID, "1.0.0", head, now()), refused("key_not_authorised")),
        ("a key whose time is over", timed.yank("file:timed.localhost/x", "1.0.0", head, now()), refused("key_may_not")),
        ("an old head", owner.yank(ID, "1.0.0", first.id(), now()), (409, "stale_prev")),
        ("no head", prepare(ID, "4.0.0", None, "").await, (409, "stale_prev")),
        ("the same version", prepare(ID, "1.0.0", Some(head), "other").await, refused("version_exists")),
        ("the same native version", prepare(ID, "1.0.1", Some(head), "native_version=1.0.0").await, refused("native_version_taken")),
        ("another native name", prepare(ID, "2.0.0", Some(head), "native_name=other").await, refused("native_name_changed")),
        (
            "somebody's native name",
            prepare("file:acme.localhost/other", "1.0.0", None, "native_name=file:acme.localhost/widget").await,
            refused("native_name_taken"),
        ),
        ("a yank of nothing", owner.yank(ID, "9.9.9", head, now()), refused("no_such_release")),
        ("a yank of what is yanked", owner.yank(ID, "1.1.0", head, now()), refused("already_yanked")),
        ("an unyank of what is not", owner.unyank(ID, "1.0.0", head, now()), refused("not_yanked")),
        ("the end of no notice", owner.deprecate(ID, "1.0.0", None, head, now()), refused("not_deprecated")),
        ("the channel that is", owner.say(ID, Some(head), now(), &set_again), refused("channel_unchanged")),
        ("a channel that is not", owner.remove_channel(ID, "none", head, now()), refused("no_such_channel")),
        ("a key that the domain has as it is", change(&[of_owner], &[]), refused("key_unchanged")),
        ("the end of a key that is not there", change(&[], &[&secret(99)]), refused("no_such_key")),
        ("the end of the only admin", change(&[], &[&owner.key]), refused("no_admin_left")),
        ("a seventeenth key", change(&sixteen, &[]), refused("too_many_keys")),
        ("an older protocol", rules(beginning, 0, b""), refused("protocol_not_newer")),
        ("the rules in force", rules(beginning, 1, &in_force), refused("rules_unchanged")),
        ("bytes that are not parameters", rules(beginning, 1, b"x"), refused("unknown_parameters")),
        ("a look, where there is no suffix list", seen(now(), b"x"), refused("no_ground")),
        ("a rule that is not in force", world.registry().suffixes_changed(beginning, &[], &["com"], now()), refused("no_such_suffix")),
        (
            "a claimed domain",
            claim_of(world, "acme.localhost", 15, vec![key(15, Role::Admin, None)], Evidence::Localhost),
            refused("already_claimed"),
        ),
        (
            "evidence below localhost",
            claim_of(world, "new.localhost", 15, vec![key(15, Role::Admin, None)], Evidence::Operator),
            refused("wrong_evidence"),
        ),
        (
            "a domain below which its parent has published",
            claim_of(world, "used.acme.localhost", 15, vec![key(15, Role::Admin, None)], Evidence::Localhost),
            refused("subdomain_in_use"),
        ),
    ] {
        provoked.statement(world, what, &statement, expected).await;
    }
    let suffixes = world.registry().suffixes_changed(beginning, &["host.example"], &[], now());
    world.must_append(&suffixes).await;
    let lapsed = {
        let old = claim_of_then(world, "lapsed.example", 15, earlier(8 * 86_400_000));
        world.registry().say(&Subject::Domain("lapsed.example".parse().unwrap()), None, now(), &Event::from(old))
    };
    for (what, statement, expected) in [
        (
            "a rule that is in force",
            world.registry().suffixes_changed(suffixes.id(), &["host.example"], &[], now()),
            refused("suffix_unchanged"),
        ),
        ("a public suffix", world.registry().claim("host.example", &secret(15), now()).0, refused("public_suffix")),
        ("an acceptance of last week", lapsed, refused("acceptance_not_now")),
        ("a look of two hours ago", seen(earlier(2 * 3_600_000), b"x"), refused("sight_too_old")),
        ("records that show nothing", seen(earlier(1_000), b"x"), refused("not_shown")),
    ] {
        provoked.statement(world, what, &statement, expected).await;
    }
    let mut forged = below.yank("file:below.acme.localhost/x", "1.0.0", head, now()).bytes().to_vec();
    *forged.last_mut().unwrap() ^= 1;
    provoked.bytes(world, "a forged signature", forged, refused("bad_signature")).await;

    // Each way in which bytes are not canonical, or not a statement: the same bytes that every implementation refuses.
    let fixtures = std::fs::read_to_string(crates().join("../fixtures/statements/refused.json")).unwrap();
    let fixtures: Value = serde_json::from_str(&fixtures).unwrap();
    let statements = fixtures["statements"].as_array().unwrap();
    assert!(statements.len() > 150);
    let before = world.kept();
    for refusal in statements {
        let (rule, bytes) = (refusal["rule"].as_str().unwrap(), hex::decode(refusal["statement"].as_str().unwrap()).unwrap());
        let response = events(world, bytes).send().await.unwrap();
        provoked.is(world, rule, response, refused("undecodable")).await;
    }
    for bytes in fixtures["cbor"].as_array().unwrap() {
        let response = events(world, hex::decode(bytes["bytes"].as_str().unwrap()).unwrap()).send().await.unwrap();
        provoked.is(world, bytes["rule"].as_str().unwrap(), response, refused("undecodable")).await;
    }
    assert_eq!(world.kept(), before);
}

/// What only the door sees.
pub(super) async fn of_the_door(world: &World, owner: &Owner, provoked: &mut Provoked) {
    let id = "file:acme.localhost/door";
    let refused = |code| (422, code);
    let publish = |manifest: ObjectRef, of: &Manifest| {
        let mut event = publish_event(of, &[]);
        event.manifest = manifest;
        owner.say(of.id.as_str(), None, now(), &Event::from(event))
    };
    let bytes = artifact(id, "1.0.0", b"");
    let good = manifest_of(id, "1.0.0", &bytes);
    let encoded = good.encode().unwrap();
    let object = ObjectRef::of(&encoded);
    provoked.statement(world, "nothing uploaded", &publish(object, &good), refused("object_missing")).await;
    world.upload(owner, encoded.clone()).await;
    provoked.statement(world, "no artifact", &publish(object, &good), refused("object_missing")).await;
    world.upload(owner, bytes.clone()).await;
    let sized = ObjectRef { size: object.size + 1, ..object };
    provoked.statement(world, "a manifest of another size", &publish(sized, &good), refused("object_size")).await;
    provoked.statement(world, "too early", &owner.yank(id, "1.0.0", object_id(), now().plus_ms(180_000)), refused("from_the_future")).await;

    // Second spellings of a manifest: each is another object, and none is a manifest.
    let mut long_head = encoded.clone();
    assert_eq!(long_head[0], 0xa8, "a map of eight");
    long_head.splice(0..1, [0xb8, 8]);
    let mut endless = encoded.clone();
    endless[0] = 0xbf;
    endless.push(0xff);
    let mut tagged = encoded.clone();
    tagged.splice(0..0, [0xd9, 0xd9, 0xf7]);
    for (what, bytes) in [
        ("no manifest", b"{}".to_vec()),
        ("a byte behind it", [encoded.as_slice(), &[0]].concat()),
        ("a byte less", encoded[..encoded.len() - 1].to_vec()),
        ("a length that is not the shortest", long_head),
        ("a map without length", endless),
        ("a tag before it", tagged),
    ] {
        world.upload(owner, bytes.clone()).await;
        provoked.statement(world, what, &publish(ObjectRef::of(&bytes), &good), refused("manifest")).await;
    }
    let other = manifest_of(id, "1.0.1", &bytes);
    provoked.statement(world, "the manifest of another version", &publish(object, &other), refused("manifest")).await;

    // Digests that are claimed and wrong, each by itself; and words that the artifact does not say.
    type Change = (&'static str, fn(&mut Manifest));
    let changes: [Change; 6] = [
        ("md5", |m| m.artifacts[0].digests.md5.0[0] ^= 1),
        ("sha1", |m| m.artifacts[0].digests.sha1.0[0] ^= 1),
        ("blake3", |m| m.artifacts[0].digests.blake3.0[0] ^= 1),
        ("sha512", |m| m.artifacts[0].digests.sha512.0[0] ^= 1),
        ("a description", |m| m.metadata.description = Some("trust me".to_owned())),
        ("native metadata", |m| m.native = deedbox_model::Value::Bool(true)),
    ];
    for (what, change) in changes {
        let mut changed = good.clone();
        change(&mut changed);
        let bytes = changed.encode().unwrap();
        world.upload(owner, bytes.clone()).await;
        provoked.statement(world, what, &publish(ObjectRef::of(&bytes), &changed), refused("manifest_differs")).await;
    }
    let mut missing = good.clone();
    missing.artifacts[0].digests.sha256.0[0] ^= 1;
    let bytes = missing.encode().unwrap();
    world.upload(owner, bytes.clone()).await;
    provoked.statement(world, "sha256", &publish(ObjectRef::of(&bytes), &missing), refused("object_missing")).await;
    let mut resized = good.clone();
    resized.artifacts[0].size += 1;
    let bytes = resized.encode().unwrap();
    world.upload(owner, bytes.clone()).await;
    provoked.statement(world, "an artifact's size", &publish(ObjectRef::of(&bytes), &resized), refused("object_size")).await;
    let mut event = publish_event(&good, &[]);
    event.principal.clear();
    let without = owner.say(id, None, now(), &Event::from(event));
    provoked.statement(world, "no principal artifacts", &without, refused("principal_differs")).await;

    let unknown = "other:acme.localhost/x";
    let bytes = artifact(unknown, "1.0.0", b"");
    let manifest = manifest(unknown, "1.0.0", &bytes);
    world.upload(owner, bytes).await;
    world.upload(owner, manifest.encode().unwrap()).await;
    let unknown = publish(ObjectRef::of(&manifest.encode().unwrap()), &manifest);
    provoked.statement(world, "an ecosystem that nobody knows", &unknown, refused("unknown_ecosystem")).await;

    for text in ["two\nlines", "\u{1b}[31mred"] {
        let message = owner.deprecate(ID, "1.0.0", Some(text), object_id(), now());
        world.upload(owner, text.as_bytes().to_vec()).await;
        provoked.statement(world, "a message that no terminal should see", &message, refused("message")).await;
    }

    let before = world.kept();
    let post = |body: Vec<u8>| world.request(Method::POST, "/api/v1/claims").header("content-type", "application/cose").body(body);
    let elsewhere = Origin::parse("other.example").unwrap();
    for (what, body, expected) in [
        ("a domain that nobody looks at", acceptance("acme.example", &secret(10), &world.origin), refused("looks_nowhere")),
        ("an acceptance for another registry", acceptance("b.localhost", &secret(10), &elsewhere), refused("other_audience")),
        ("no acceptance", b"none".to_vec(), refused("undecodable")),
        ("a permit", b"\xd2\x84".to_vec(), refused("undecodable")),
        ("a claimed domain", acceptance("acme.localhost", &secret(11), &world.origin), refused("already_claimed")),
    ] {
        provoked.by(world, what, post(body), expected).await;
    }
    assert_eq!(world.kept(), before);
}

pub(super) fn object_id() -> EventId {
    EventId([7; 32])
}
