//! Every refusal that the program can give, provoked by somebody hostile (spec/api.md §1, spec/authority.md §5,
//! spec/objects.md §5, spec/projections/npm.md §4): each has its status, its code, words for people, and leaves nothing
//! behind. The list of codes is read from the sources, so that a code without a row here fails.

use crate::file_dialect::manifest_of;
use crate::tarballs::{self, claimed, gzip, inspected, member, member_of, package_json, pax, with};
use crate::world::{World, acceptance, artifact, header, now, object_path, parts, permit, permit_of};
use deedbox_ledger::{Point, Probe};
use deedbox_model::event::{Acceptance, AcceptanceTerms};
use deedbox_model::event::{ChannelSet, DomainClaimed, DomainKey, Event, Evidence, RegistryRulesChanged, Role, Rules};
use deedbox_model::{Domain, EventId, Manifest, ObjectRef, Origin, Sha256Digest, Statement, Subject, TimeMs, Verified};
use deedbox_npm::Npm;
use deedbox_server::codes::CODES;
use deedbox_testkit::{Owner, manifest, publish_event, secret};
use reqwest::{Method, RequestBuilder, Response};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

const ID: &str = "file:acme.localhost/widget";

/// Codes that no request can provoke at will, with the test that does.
const ELSEWHERE: [(&str, &str, &str); 4] = [
    // The same bytes again are answered with their receipt; only two writers could race to this.
    ("already_logged", "authority/tests/decide.rs", "the_same_bytes_twice_are_named_with_their_index"),
    // Only entry 0 can have parameters of the protocol that is in force, and a server makes it itself.
    ("unknown_parameters", "authority/tests/decide.rs", "a_newer_protocol_ends_this_codes_verdicts"),
    // A quarter of a gigabyte.
    ("tarball_too_large", "npm/tests/hostile.rs", "a_release_is_one_tarball_of_a_bounded_size"),
    // A disk that fails while it is read.
    ("artifact_unreadable", "npm/tests/hostile.rs", "a_release_is_one_tarball_of_a_bounded_size"),
];

/// The codes that were provoked.
#[derive(Default)]
struct Provoked(BTreeSet<String>);

impl Provoked {
    /// Sends what must be refused, and looks for what it left.
    async fn by(&mut self, world: &World, what: &str, request: RequestBuilder, expected: (u16, &str)) {
        let before = world.kept();
        let response = request.send().await.unwrap();
        self.is(world, what, response, expected).await;
        // A file of an upload is removed as its connection ends.
        for _ in 0..40 {
            if world.kept() == before {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let new: Vec<String> = world.kept().into_keys().filter(|path| !before.contains_key(path)).collect();
        panic!("{what} left {new:?}, or changed something");
    }

    async fn is(&mut self, world: &World, what: &str, response: Response, (status, code): (u16, &str)) {
        let retry = header(&response, "retry-after").map(str::to_owned);
        let media_type = header(&response, "content-type").unwrap().to_owned();
        assert!(response.headers().contains_key("x-request-id"), "{what}");
        let found = response.status().as_u16();
        let text = response.text().await.unwrap();
        let body: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{what}: {found} {text:?}"));
        let error = &body["error"];
        assert_eq!((found, error["code"].as_str().unwrap()), (status, code), "{what}: {text}");
        assert_eq!(media_type, "application/json", "{what}");
        for words in ["message", "help"] {
            let words = error[words].as_str().unwrap();
            assert!(words.split(' ').count() >= 3 && words.len() < 1_000, "{what}: {words:?}");
            assert!(!words.chars().any(char::is_control), "{what}: {words:?}");
            assert!(!words.contains(world.dir.path().to_str().unwrap()), "{what} tells a stranger where this machine keeps things");
        }
        assert_eq!(retry.is_some(), matches!(status, 503 | 429), "{what}");
        match CODES.iter().find(|listed| listed.name == code) {
            Some(listed) => assert!(listed.statuses.contains(&status), "{what}: {status} {code}"),
            None => assert_eq!(status, 422, "a dialect's code"),
        }
        self.0.insert(code.to_owned());
    }

    async fn statement(&mut self, world: &World, what: &str, statement: &Verified<Statement>, expected: (u16, &str)) {
        self.bytes(world, what, statement.bytes().to_vec(), expected).await;
    }
    async fn bytes(&mut self, world: &World, what: &str, bytes: Vec<u8>, expected: (u16, &str)) {
        self.by(world, what, events(world, bytes), expected).await;
    }
}

fn events(world: &World, bytes: Vec<u8>) -> RequestBuilder {
    world.request(Method::POST, "/api/v1/events").header("content-type", "application/cose").body(bytes)
}

fn hostile_parts() -> deedbox_server::Parts {
    let mut parts = parts();
    parts.dialects.push(Arc::new(Npm::with_limits(tarballs::LIMITS)));
    parts
}

async fn hostile_world() -> World {
    World::open_with(Arc::new(TempDir::new().unwrap()), |_| {}, hostile_parts()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_code_that_the_program_has_is_provoked_and_leaves_nothing_behind() {
    let mut provoked = Provoked::default();
    let world = hostile_world().await;
    let owner = world.claim("acme.localhost", 10).await;
    of_authority(&world, &owner, &mut provoked).await;
    of_the_door(&world, &owner, &mut provoked).await;
    of_npm(&world, &owner, &mut provoked).await;
    of_requests(&world, &owner, &mut provoked).await;
    world.stop().await;
    of_uploads(&mut provoked).await;
    of_a_registry_that_is_not_well(&mut provoked).await;

    let Provoked(mut seen) = provoked;
    for (code, file, test) in ELSEWHERE {
        let source = std::fs::read_to_string(crates().join(file)).unwrap();
        assert!(source.contains(&format!("fn {test}(")) && source.contains(&format!("\"{code}\"")), "{file} no longer provokes {code}");
        assert!(seen.insert(code.to_owned()), "{code} can be provoked over HTTP");
    }
    let listed: BTreeSet<String> = CODES.iter().map(|code| code.name.to_owned()).collect();
    let ours = codes_in_sources();
    assert_eq!(listed, ours, "deedbox_server::codes::CODES is not what the sources say");
    let all: BTreeSet<String> = ours.into_iter().chain(codes_of_npm()).collect();
    let missing: Vec<&String> = all.difference(&seen).collect();
    assert!(missing.is_empty(), "nobody provokes {missing:?}");
    let unknown: Vec<&String> = seen.difference(&all).collect();
    assert!(unknown.is_empty(), "no source has {unknown:?}");
}

fn crates() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn sources(of: &str) -> Vec<String> {
    sources_in(&crates().join(of).join("src"))
}

fn sources_in(folder: &Path) -> Vec<String> {
    let mut texts = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|e| e == "rs") && path.file_name().is_some_and(|name| name != "codes.rs") {
            let text = std::fs::read_to_string(path).unwrap();
            texts.push(text.split("\n#[cfg(test)]").next().unwrap().to_owned());
        }
    }
    texts
}

/// Each text in quotes that comes right after one of these.
fn quoted_after(text: &str, marks: &[&str]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for mark in marks {
        for (at, _) in text.match_indices(mark) {
            if let Some(rest) = text[at + mark.len()..].trim_start().strip_prefix('"') {
                found.insert(rest.split('"').next().unwrap().to_owned());
            }
        }
    }
    found
}

/// The codes that this server, its door, authority and the catalog can give.
fn codes_in_sources() -> BTreeSet<String> {
    let mut codes = BTreeSet::new();
    for of in ["authority", "intake"] {
        let text = std::fs::read_to_string(crates().join(of).join("src/refusal.rs")).unwrap();
        codes.extend(quoted_after(&text, &["=>"]));
    }
    // The door's words for these are answered under the name that every body's limit and every fault of the program has.
    assert!(codes.remove("object_too_large") && codes.remove("defect"));
    let statuses: Vec<String> =
        ["BAD_REQUEST", "NOT_FOUND", "UNAUTHORIZED", "METHOD_NOT_ALLOWED", "CONFLICT", "PAYLOAD_TOO_LARGE", "INTERNAL_SERVER_ERROR"]
            .into_iter()
            .chain(["REQUEST_HEADER_FIELDS_TOO_LARGE", "UNPROCESSABLE_ENTITY", "SERVICE_UNAVAILABLE", "TOO_MANY_REQUESTS"])
            .map(|status| format!("StatusCode::{status},"))
            .collect();
    let mut marks: Vec<&str> = statuses.iter().map(String::as_str).collect();
    marks.extend(["unprocessable(", "unavailable(", "writing.stop(", "Writing::stopped(", "ReplayError::Undecided { .. } =>"]);
    for text in sources("server") {
        codes.extend(quoted_after(&text, &marks));
    }
    for text in sources("catalog") {
        codes.extend(quoted_after(&text, &["Refused::new(400,", "Refused::new(404,", "Refused::new(405,", "Refused::new(422,"]));
        assert_eq!(text.matches("Refused::new(").count(), text.matches("Refused::new(4").count() + text.matches("Refused::new(\n").count());
        for status in ["400", "404", "405", "422"] {
            for (at, _) in text.match_indices("Refused::new(\n") {
                let inner = text[at + "Refused::new(".len()..].trim_start();
                if let Some(rest) = inner.strip_prefix(status) {
                    codes.extend(quoted_after(&format!("@{}", rest.trim_start_matches([',', ' ', '\n'])), &["@"]));
                }
            }
        }
    }
    codes
}

fn codes_of_npm() -> BTreeSet<String> {
    let mut codes = BTreeSet::new();
    let archive = crates().join("archive/src");
    let tar = [std::fs::read_to_string(archive.join("tar.rs")).unwrap()];
    for text in sources("npm").iter().chain(&tar).chain(&sources_in(&archive.join("tar"))) {
        codes.extend(quoted_after(text, &["refuse(", "InspectRefusal::new("]));
    }
    // Of a manner of archives that npm's are not: without extension headers.
    assert!(codes.remove("archive_extension"));
    assert!(codes.len() > 30, "{codes:?}");
    codes
}

fn claim_of(world: &World, domain: &str, key: u8, keys: Vec<DomainKey>, evidence: Evidence) -> Verified<Statement> {
    let domain = Domain::parse(domain).unwrap();
    let acceptance = Acceptance::sign(&secret(key), &domain, &world.origin, &AcceptanceTerms { keys, prev: None }).unwrap();
    let event = Event::DomainClaimed(DomainClaimed { evidence, acceptance });
    world.registry().say(&Subject::Domain(domain), None, now(), &event)
}

fn key(n: u8, role: Role, until: Option<TimeMs>) -> DomainKey {
    DomainKey { key: secret(n).public(), from: None, role, until }
}

fn earlier(ms: u64) -> TimeMs {
    TimeMs::new(now().as_ms() - ms).unwrap()
}

async fn of_authority(world: &World, owner: &Owner, provoked: &mut Provoked) {
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
        world.registry().say(&Subject::Registry, Some(prev), now(), &Event::RegistryRulesChanged(RegistryRulesChanged { rules }))
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
    let set_again = Event::ChannelSet(ChannelSet { channel: "next".parse().unwrap(), version: "1.0.0".parse().unwrap() });
    for (what, statement, expected) in [
        ("a second beginning", world.registry().created(now()), refused("not_the_beginning")),
        ("a statement for another registry", elsewhere.yank(ID, "1.0.0", head, now()), refused("other_audience")),
        ("a statement from eleven minutes ago", owner.yank(ID, "1.0.0", head, earlier(11 * 60_000)), refused("too_old")),
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
        ("the protocol in force", rules(beginning, 1, b""), refused("protocol_not_newer")),
        ("the protocol in force, with parameters", rules(beginning, 1, b"x"), refused("protocol_not_newer")),
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
    let mut forged = below.yank("file:below.acme.localhost/x", "1.0.0", head, now()).bytes().to_vec();
    *forged.last_mut().unwrap() ^= 1;
    provoked.bytes(world, "a forged signature", forged, refused("bad_signature")).await;

    // Each way in which a statement is not canonical, or is none: the same bytes that every implementation refuses.
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
async fn of_the_door(world: &World, owner: &Owner, provoked: &mut Provoked) {
    let id = "file:acme.localhost/door";
    let refused = |code| (422, code);
    let publish = |manifest: ObjectRef, of: &Manifest| {
        let mut event = publish_event(of, &[]);
        event.manifest = manifest;
        owner.say(of.id.as_str(), None, now(), &Event::ReleasePublished(event))
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
    let without = owner.say(id, None, now(), &Event::ReleasePublished(event));
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
        ("a domain that is not local", acceptance("acme.example", &secret(10), &world.origin), refused("local_claims")),
        ("an acceptance for another registry", acceptance("b.localhost", &secret(10), &elsewhere), refused("other_audience")),
        ("no acceptance", b"none".to_vec(), refused("undecodable")),
        ("a permit", b"\xd2\x84".to_vec(), refused("undecodable")),
        ("a claimed domain", acceptance("acme.localhost", &secret(11), &world.origin), refused("already_claimed")),
    ] {
        provoked.by(world, what, post(body), expected).await;
    }
    assert_eq!(world.kept(), before);
}

fn object_id() -> EventId {
    EventId([7; 32])
}

/// Each code of the npm dialect: a tarball that goes up whole, with a manifest that is right about its bytes.
async fn of_npm(world: &World, owner: &Owner, provoked: &mut Provoked) {
    let json = package_json("1.0.0", "");
    let file = |path: &str| member(path, b'0', b"x");
    let plain = |more: &[Vec<u8>]| with(&json, more);
    let fields = |more: &str| with(&package_json("1.0.0", more), &[]);
    let only = |json: &str| with(json, &[]);
    let nested = |n: usize| format!(",\"author\":{}{}", "[".repeat(n), "]".repeat(n));
    let mut long_header = member("x", b'x', b"");
    long_header[124..135].copy_from_slice(b"77777777777");
    tarballs::sum(&mut long_header);
    let mut bad_sum = file("package/x");
    bad_sum[148] ^= 1;
    let mut old_header = file("package/x");
    old_header[257..265].fill(0);
    tarballs::sum(&mut old_header);
    let scripts = format!(",\"scripts\":{{\"x\":\"{}\"}}", "y".repeat(deedbox_npm::limits::NATIVE_BYTES));
    let long_json = format!("{json}{}", " ".repeat(deedbox_npm::limits::PACKAGE_JSON_BYTES as usize));
    for (code, tarball) in [
        ("archive_not_gzip", b"<html>".to_vec()),
        ("archive_damaged", plain(&[bad_sum])),
        ("archive_damaged", plain(&[])[..60].to_vec()),
        ("archive_bytes_after_gzip", [plain(&[]), gzip(b"hidden")].concat()),
        ("archive_data_after_end", plain(&[vec![0; 1_024], file("package/hidden")])),
        ("archive_header", plain(&[old_header])),
        ("archive_link", plain(&[member("package/l", b'2', b"")])),
        ("archive_link", plain(&[pax(&[("linkpath", "/etc/passwd")]), file("package/x")])),
        ("archive_device", plain(&[member("package/d", b'3', b"")])),
        ("archive_sparse", plain(&[member("package/s", b'S', b"x")])),
        ("archive_member_kind", plain(&[member("package/x", b'V', b"")])),
        ("archive_path_escapes", plain(&[file("package/../../x")])),
        ("archive_path_escapes", plain(&[file("/etc/passwd")])),
        ("archive_path_unsafe", plain(&[file("package/..\\x")])),
        ("archive_path_not_utf8", plain(&[member_of(b"package/\xfc", b'0', b"x")])),
        ("archive_path_too_long", plain(&[file(&format!("package/{}x", "a/".repeat(17)))])),
        ("archive_path_too_long", plain(&[pax(&[("path", &format!("package/{}", "a".repeat(300)))]), file("package/x")])),
        ("archive_duplicate_member", plain(&[file("package/x"), file("package/x")])),
        ("archive_members_collide", plain(&[file("package/README"), file("package/readme")])),
        ("archive_two_manifests", plain(&[file("package/package.json")])),
        ("archive_no_top_folder", plain(&[file("x")])),
        ("archive_two_top_folders", plain(&[file("other/x")])),
        ("archive_extension_malformed", plain(&[pax(&[("size", "0")]), file("package/x")])),
        ("archive_extension_too_large", plain(&[long_header])),
        ("archive_too_many_members", plain(&(0..20).map(|n| file(&format!("package/{n}"))).collect::<Vec<_>>())),
        ("archive_too_large", plain(&[member("package/zeros", b'0', &vec![0; 9 << 20])])),
        ("package_json_missing", gzip(&[file("package/x"), vec![0; 1_024]].concat())),
        ("package_json_too_large", only(&long_json)),
        ("package_json_malformed", only("{")),
        ("package_json_duplicate_key", fields(",\"version\":\"1.0.0\"")),
        ("package_json_too_deep", fields(&nested(deedbox_npm::limits::FIELD_DEPTH + 1))),
        ("package_json_too_deep", fields(&nested(deedbox_npm::limits::JSON_DEPTH))),
        ("package_json_field", fields(",\"dependencies\":{\"a\":1}")),
        ("package_json_field", fields(",\"peerDependencies\":\"x\"")),
        ("package_json_tag", fields(",\"publishConfig\":{\"tag\":\"1.x\"}")),
        ("package_json_private", fields(",\"private\":true")),
        ("package_json_name", only("{\"name\":\"widget\",\"version\":\"1.0.0\"}")),
        ("package_json_version", only("{\"name\":\"@acme.localhost/widget\",\"version\":\"v1\"}")),
        ("package_json_too_much", fields(&scripts)),
    ] {
        let manifest = claimed("1.0.0", &tarball);
        let statement = tarballs::prepare(world, owner, &manifest, &[&tarball], None).await;
        provoked.statement(world, code, &statement, (422, code)).await;
    }
    let two = plain(&[]);
    let mut manifest = claimed("1.0.0", &two);
    let mut second = manifest.artifacts[0].clone();
    second.name.push('2');
    manifest.artifacts.push(second);
    let statement = tarballs::prepare(world, owner, &manifest, &[&two], None).await;
    provoked.statement(world, "two tarballs", &statement, (422, "artifact_count")).await;
    // A tarball that says another name or version than its id is another release.
    for other in [
        only(&package_json("1.0.1", "")),
        only("{\"name\":\"@acme.localhost/other\",\"version\":\"1.0.0\"}"),
        fields(",\"dependencies\":{\"a\":\"1\"}"),
    ] {
        let manifest = claimed("1.0.0", &other);
        let statement = tarballs::prepare(world, owner, &manifest, &[&other], None).await;
        provoked.statement(world, "another release", &statement, (422, "manifest_differs")).await;
    }
    // Just within the limits it is published.
    let most: Vec<Vec<u8>> = (0..19).map(|n| file(&format!("package/{n}"))).collect();
    let good = with(&package_json("1.0.0", &nested(deedbox_npm::limits::FIELD_DEPTH)), &most);
    let statement = tarballs::prepare(world, owner, &inspected(&good), &[&good], None).await;
    world.must_append(&statement).await;
    assert!(world.text("/npm/@acme.localhost%2fwidget").await.contains("\"1.0.0\""));
    assert_eq!(statement.package().unwrap().as_str(), tarballs::ID);
}

/// Requests that do not read, of the wrong kind, or too large: each limit on both sides.
async fn of_requests(world: &World, owner: &Owner, provoked: &mut Provoked) {
    let get = |path: &str| world.request(Method::GET, path);
    let bad = (400, "bad_request");
    let hex = "ab".repeat(32);
    let pairs = |n: usize| format!("/api/v1/events?{}", vec!["limit=1"; n].join("&"));
    let query = |n: usize| format!("/api/v1/events?limit=1&x={}", "y".repeat(n - "limit=1&x=".len()));
    let path = |n: usize| format!("/file/{}", "a".repeat(n));
    let accept = |n: usize| get("/api/v1/events/0").header("accept", "a".repeat(n));
    // A limit's own size is not refused for its size.
    for request in [get(&pairs(64)), get(&query(8_192)), accept(1_024)] {
        assert_eq!(request.send().await.unwrap().status(), 200);
    }
    assert_eq!(get(&path(2_048)).send().await.unwrap().status(), 404);
    for (what, request, expected) in [
        ("65 pairs", get(&pairs(65)), bad),
        ("a query of 8,193 bytes", get(&query(8_193)), bad),
        ("a path of 2,049 bytes", get(&path(2_049)), bad),
        ("an Accept of 1,025 bytes", accept(1_025), bad),
        ("an Accept that is no text", get("/api/v1/events/0").header("accept", &b"\xff"[..]), bad),
        ("a NUL", get("/file/a%00"), bad),
        ("half an escape", get("/file/a%4"), bad),
        ("no UTF-8", get("/file/%ff"), bad),
        ("no UTF-8 in a query", get("/api/v1/events?from=%ff"), bad),
        ("a number with a zero before it", get("/api/v1/events?from=01"), bad),
        ("a number with a sign", get("/api/v1/events?from=+1"), bad),
        ("a page of nothing", get("/api/v1/events?limit=0"), bad),
        ("a page of 1,001", get("/api/v1/events?limit=1001"), bad),
        ("an index in another spelling", get("/api/v1/events/00"), bad),
        ("an id in capitals", get(&format!("/api/v1/events/{}", hex.to_uppercase())), bad),
        ("a size in another spelling", get("/api/v1/events/0/proof?size=01"), bad),
        ("an address in capitals", get(&format!("/objects/sha256/{}", hex.to_uppercase())), bad),
        ("a package in capitals", get("/api/v1/packages/file:ACME.localhost/widget"), bad),
        ("no statement by its header", world.request(Method::POST, "/api/v1/events").body("x"), bad),
        ("an index past the end", get("/api/v1/events/1000000"), (404, "not_found")),
        ("an id that is none", get(&format!("/api/v1/events/{hex}")), (404, "not_found")),
        ("a tile in another spelling", get("/log/tile/0/0"), (404, "not_found")),
        ("an object that is none", get(&format!("/objects/sha256/{hex}")), (404, "not_found")),
        ("a package that is none", get("/api/v1/packages/file:acme.localhost/none"), (404, "no_such_package")),
        ("a release that is none", get(&format!("/api/v1/packages/{ID}@9.9.9")), (404, "no_such_release")),
        ("a domain that is nobody's", get("/api/v1/domains/nobody.localhost"), (404, "not_claimed")),
        ("nothing", get("/nothing"), (404, "not_found")),
        ("a method", world.request(Method::DELETE, "/api/v1/events"), (405, "method_not_allowed")),
        ("a method of a projection", world.request(Method::OPTIONS, "/file/x"), (405, "method_not_allowed")),
        ("a panic", get("/file/panic"), (500, "internal")),
    ] {
        provoked.by(world, what, request, expected).await;
    }

    // Bodies: what is as long as it may be is refused for another reason, or not at all; a byte more is too large.
    let cose = "application/cose";
    for (path, media_type, limit, within) in [
        ("/api/v1/events", cose, 65_535, (422, "undecodable")),
        ("/api/v1/claims", cose, 8 * 1024, (422, "undecodable")),
        ("/api/v1/proofs", "application/json", 1024 * 1024, bad),
    ] {
        let post = |n: usize| world.request(Method::POST, path).header("content-type", media_type).body(vec![b'x'; n]);
        provoked.by(world, path, post(limit), within).await;
        provoked.by(world, path, post(limit + 1), (413, "too_large")).await;
        // Also where nobody says how many will come.
        let pieces = futures::stream::iter((0..=limit / 1_000).map(|_| Ok::<_, std::io::Error>(vec![b'x'; 1_000])));
        let chunked = world.request(Method::POST, path).header("content-type", media_type).body(reqwest::Body::wrap_stream(pieces));
        provoked.by(world, path, chunked, (413, "too_large")).await;
    }
    let ask = |bytes: Vec<u8>| world.request(Method::POST, "/file/x").body(bytes);
    let unpacking = |n: usize| ask(gzip(&vec![b'x'; n])).header("content-encoding", "gzip");
    for answered in [ask(vec![b'x'; 1024 * 1024]), unpacking(8 * 1024 * 1024)] {
        assert_eq!(answered.send().await.unwrap().status(), 200);
    }
    provoked.by(world, "a query of a byte more", ask(vec![b'x'; 1024 * 1024 + 1]), (413, "too_large")).await;
    provoked.by(world, "a query that unpacks to a byte more", unpacking(8 * 1024 * 1024 + 1), (413, "too_large")).await;
    provoked.by(world, "no gzip", ask(b"x".to_vec()).header("content-encoding", "gzip"), bad).await;
    provoked.by(world, "another coding", ask(b"x".to_vec()).header("content-encoding", "br"), bad).await;

    let ask = |body: String| world.request(Method::POST, "/api/v1/proofs").body(body);
    let indices = |n: usize| serde_json::json!({ "indices": vec![0; n] }).to_string();
    assert_eq!(ask(indices(16_000)).send().await.unwrap().status(), 200);
    provoked.by(world, "16,001 indices", ask(indices(16_001)), (422, "too_many")).await;
    let none = |n: usize| serde_json::json!({ "releases": vec!["file:a.localhost/b@1"; n] }).to_string();
    assert_eq!(ask(none(16_000)).send().await.unwrap().status(), 200);
    provoked.by(world, "16,001 releases", ask(none(16_001)), (422, "too_many")).await;
    provoked.by(world, "a release in capitals", ask("{\"releases\":[\"file:A.localhost/b@1\"]}".to_owned()), bad).await;
    provoked.by(world, "a key twice", ask("{\"indices\":[0],\"indices\":[1]}".to_owned()), bad).await;
    provoked.by(world, "an index past the end", ask("{\"indices\":[1000000]}".to_owned()), bad).await;
    let header = |n: usize| get("/health").header("a", "a".repeat(n));
    assert_eq!(header(30 * 1024).send().await.unwrap().status(), 200);
    let long = header(32 * 1024).send().await.unwrap();
    assert_eq!(long.status(), 431);
    // Where it is much too large, it is refused before anybody could say why.
    if long.headers().contains_key("x-request-id") {
        provoked.is(world, "a head that is a little too large", long, (431, "too_large")).await;
    }
    assert_eq!(owner.domain.as_str(), "acme.localhost");
}

/// Uploads: permits, sizes, digests, budgets.
async fn of_uploads(provoked: &mut Provoked) {
    let world = World::with(|config| {
        config.max_object_bytes = 10_000;
        config.pending_bytes_per_domain = 15_000;
    })
    .await;
    let owner = world.claim("acme.localhost", 10).await;
    let put = |object: ObjectRef, permit: Option<String>, bytes: Vec<u8>| {
        let request = world.request(Method::PUT, &object_path(&object)).body(bytes);
        match permit {
            Some(permit) => request.header("authorization", permit),
            None => request,
        }
    };
    let bytes = b"some bytes".to_vec();
    let object = ObjectRef::of(&bytes);
    let good = permit(&owner);
    let stranger = Owner { key: secret(99), ..owner.clone() };
    let unclaimed = Owner { domain: Domain::parse("other.localhost").unwrap(), ..owner.clone() };
    let elsewhere = Owner { origin: Origin::parse("other.example").unwrap(), ..owner.clone() };
    let tenureless = Owner { tenure: object_id(), ..owner.clone() };
    let second_spelling = format!("{good}A");
    for (what, permit) in [
        ("none", None),
        ("another scheme", Some("Bearer abc".to_owned())),
        ("no base64", Some("Deedbox ???".to_owned())),
        ("no permit", Some("Deedbox YWJj".to_owned())),
        ("a byte more", Some(second_spelling)),
        ("a permit of 9 KiB", Some(format!("Deedbox {}", "A".repeat(12_000)))),
        ("a stranger's key", Some(permit(&stranger))),
        ("an unclaimed domain", Some(permit(&unclaimed))),
        ("another registry", Some(permit(&elsewhere))),
        ("another tenure", Some(permit(&tenureless))),
        ("expired", Some(permit_of(&owner, earlier(120_000), 60_000))),
        ("not valid yet", Some(permit_of(&owner, now().plus_ms(180_000), 60_000))),
    ] {
        provoked.by(&world, what, put(object, permit, bytes.clone()), (401, "permit")).await;
    }
    let good = || Some(good.clone());
    let other = ObjectRef { sha256: Sha256Digest::of(b"other"), ..object };
    provoked.by(&world, "another digest", put(other, good(), bytes.clone()), (422, "digest_mismatch")).await;
    let large = vec![7; 10_001];
    provoked.by(&world, "a byte too many", put(ObjectRef::of(&large), good(), large), (413, "too_large")).await;
    let largest = vec![7; 10_000];
    assert_eq!(put(ObjectRef::of(&largest), good(), largest).send().await.unwrap().status(), 201);
    let over = vec![2; 5_001];
    provoked.by(&world, "a byte over budget", put(ObjectRef::of(&over), good(), over), (429, "budget")).await;
    let last = vec![2; 5_000];
    assert_eq!(put(ObjectRef::of(&last), good(), last).send().await.unwrap().status(), 201);
    let stream = futures::stream::iter([Ok::<_, std::io::Error>(bytes::Bytes::from_static(b"some bytes"))]);
    let chunked = world.request(Method::PUT, &object_path(&object)).header("authorization", good().unwrap());
    provoked.by(&world, "no length", chunked.body(reqwest::Body::wrap_stream(stream)), (400, "bad_request")).await;
    world.stop().await;
}

/// Removes an object as the writer passes a point, once it is told which.
#[derive(Default)]
struct Remover(Mutex<Option<PathBuf>>);

impl Probe for Remover {
    fn passed(&self, point: Point) {
        if point == Point::Claimed
            && let Some(path) = self.0.lock().unwrap().take()
        {
            std::fs::remove_file(path).unwrap();
        }
    }
}

async fn of_a_registry_that_is_not_well(provoked: &mut Provoked) {
    // Full.
    let world = World::with(|config| config.max_requests = 1).await;
    let mut held = TcpStream::connect(world.address).await.unwrap();
    held.write_all(b"POST /api/v1/proofs HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n").await.unwrap();
    while world.get("/log/checkpoint").await.status() != 503 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    provoked.by(&world, "no room", world.request(Method::GET, "/log/checkpoint"), (503, "busy")).await;
    drop(held);
    world.stop().await;

    // Out of patience: the rest of a question does not come.
    let world = World::with(|config| config.times.answer = Duration::from_millis(300)).await;
    let never = futures::stream::pending::<Result<bytes::Bytes, std::io::Error>>();
    let slow = world.request(Method::POST, "/api/v1/proofs").body(reqwest::Body::wrap_stream(never));
    provoked.by(&world, "a question without end", slow, (503, "timeout")).await;
    world.stop().await;

    // A protocol that this program does not know.
    let world = World::new().await;
    let owner = world.claim("acme.localhost", 10).await;
    let first = world.publish(&owner, ID, "1.0.0", None).await;
    let bytes = artifact(ID, "1.0.0", b"");
    let on_disk = |world: &World, object: ObjectRef| {
        let hex = object.sha256.to_hex();
        world.dir.path().join(format!("objects/sha256/{}/{}/{hex}", &hex[..2], &hex[2..4]))
    };
    std::fs::remove_file(on_disk(&world, ObjectRef::of(&bytes))).unwrap();
    let lost = world.request(Method::GET, &object_path(&ObjectRef::of(&bytes)));
    provoked.by(&world, "a lost object", lost, (503, "store")).await;
    let head = EventId::from_hex(world.json("/api/v1/events/0").await["id"].as_str().unwrap()).unwrap();
    world.must_append(&world.registry().rules_changed(head, 2, now())).await;
    let yank = owner.yank(ID, "1.0.0", first.id(), now());
    provoked.statement(&world, "a newer protocol", &yank, (503, "undecided")).await;
    world.stop().await;

    // A manifest that is lost between the claim and the folding: nobody can say what became of the statement.
    let remover = Arc::new(Remover::default());
    let mut parts = parts();
    parts.probe = remover.clone();
    let world = World::open_with(Arc::new(TempDir::new().unwrap()), |_| {}, parts).await.unwrap();
    let owner = world.claim("acme.localhost", 10).await;
    let statement = world.prepare(&owner, ID, "1.0.0", None, b"").await;
    let manifest = manifest_of(ID, "1.0.0", &artifact(ID, "1.0.0", b"")).encode().unwrap();
    let path = on_disk(&world, ObjectRef::of(&manifest));
    *remover.0.lock().unwrap() = Some(path.clone());
    let response = world.append(&statement).await;
    provoked.is(&world, "a fold that stopped", response, (503, "stopping")).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let again = world.append(&statement).await;
    provoked.is(&world, "and stays stopped", again, (503, "store")).await;
    let dir = world.stop().await;
    std::fs::write(path, manifest).unwrap();
    let world = World::open(dir, |_| {}).await.unwrap();
    let again = world.append(&statement).await;
    assert_eq!(again.status(), 200, "the same bytes tell what became of them");
    world.stop().await;
}

#[test]
fn a_code_is_found_wherever_it_is_written() {
    let text = "a => \"one\",\n refuse(\n    \"two\", x) refuse(code) Refused::new(StatusCode::CONFLICT, \"three\")";
    assert_eq!(quoted_after(text, &["=>", "refuse(", "StatusCode::CONFLICT,"]), BTreeSet::from(["one", "two", "three"].map(str::to_owned)));
}
