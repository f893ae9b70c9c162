//! `serde_cbor`, an independent codec, against every canonical byte of the fixtures and of generated values: what it reads into its own
//! value and writes again is the same. spec/encoding.md §1; docs/decisions.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may stop where it stands")]

mod golden;

use deedbox_ledger::commit::{Commit, Nonce};
use deedbox_model::event::*;
use deedbox_model::permit::{Permit, PermitTerms};
use deedbox_model::*;
use deedbox_testkit::secret;
use golden::{Fields as _, acceptances, array, read, statements};
use proptest::prelude::*;
use proptest::sample::select;

/// Written again by the other codec.
fn again(bytes: &[u8]) -> Vec<u8> {
    let value: serde_cbor::Value = serde_cbor::from_slice(bytes).unwrap();
    serde_cbor::to_vec(&value).unwrap()
}

fn same(what: &str, bytes: &[u8]) {
    assert_eq!(hex::encode(again(bytes)), hex::encode(bytes), "{what}");
}

#[test]
fn every_payload_of_the_fixtures_comes_out_the_same() {
    for case in statements().iter().chain(&acceptances()).chain(read("manifests/permits.json").list("cases")) {
        same("a payload", &case.bytes("payload"));
        let protected = case.bytes("protected");
        // Header labels are small integers, which both orders of map keys leave as they are.
        same("a protected header", &protected);
    }
}

#[test]
fn every_manifest_and_row_of_the_fixtures_comes_out_the_same() {
    for case in read("manifests/npm.json").list("cases") {
        same("a manifest", &case["manifest"].bytes("bytes"));
    }
    for case in read("manifests/neutral.json").list("cases") {
        same("a manifest", &case.bytes("bytes"));
    }
    for log in golden::LOGS {
        let log = read(log);
        for projection in ["authority.1", "catalog.1", "npm.1"] {
            for row in log["rows"][projection].as_array().unwrap() {
                same(row.text("key"), &row.bytes("bytes"));
            }
        }
    }
}

#[test]
fn what_the_fixtures_refuse_as_cbor_never_comes_out_the_same_from_both() {
    // The other codec is laxer; whatever it reads, it writes in the canonical form, which is other bytes.
    for case in read("statements/refused.json").list("cbor") {
        let bytes = case.bytes("bytes");
        let rule = case.text("rule");
        // What it has a form for and we do not: it keeps what it reads.
        if ["a float", "a tag", "a map key that is not a text", "another simple value", "undefined"]
            .iter()
            .any(|ours| rule.starts_with(ours))
        {
            continue;
        }
        let Ok(value) = serde_cbor::from_slice::<serde_cbor::Value>(&bytes) else { continue };
        if rule.starts_with("an item inside") {
            assert_eq!(serde_cbor::to_vec(&value).unwrap(), bytes, "depth is our limit, not a spelling");
            continue;
        }
        assert_ne!(serde_cbor::to_vec(&value).unwrap(), bytes, "{rule}");
    }
}

fn version() -> impl Strategy<Value = Version> {
    "[0-9A-Za-z][0-9A-Za-z._+~!-]{0,127}".prop_map(|v| Version::parse(&v).unwrap())
}

fn channel() -> impl Strategy<Value = Channel> {
    "[0-9A-Za-z_][0-9A-Za-z._+-]{0,127}".prop_map(|c| Channel::parse(&c).unwrap())
}

fn native() -> impl Strategy<Value = String> {
    "[!-~]{1,64}"
}

fn object_ref(most: u64) -> impl Strategy<Value = ObjectRef> {
    (0..=most, any::<[u8; 32]>()).prop_map(|(size, bytes)| ObjectRef { size, sha256: Sha256Digest(bytes) })
}

fn event_id() -> impl Strategy<Value = EventId> {
    any::<[u8; 32]>().prop_map(EventId)
}

fn time() -> impl Strategy<Value = TimeMs> {
    prop_oneof![0..100_000u64, 0..=limits::TIME_MS].prop_map(|ms| TimeMs::new(ms).unwrap())
}

fn artifact_name() -> impl Strategy<Value = String> {
    "[a-z][ -\\[\\]-~&&[^/.]]{0,20}(/[a-z0-9]{1,9}){0,3}"
}

fn principal() -> impl Strategy<Value = Principal> {
    let more = proptest::collection::btree_set(select(vec![Algorithm::Md5, Algorithm::Sha1, Algorithm::Blake3, Algorithm::Sha512]), 0..4);
    (artifact_name(), 0..=limits::OBJECT_BYTES, more, any::<u8>()).prop_map(|(name, size, more, byte)| Principal {
        name,
        size,
        digests: more
            .into_iter()
            .chain([Algorithm::Sha256])
            .map(|a| (a, serde_bytes::ByteBuf::from(vec![byte; a.digest_bytes()])))
            .collect(),
    })
}

fn published() -> impl Strategy<Value = Event> {
    let names = (version(), native(), native());
    let channels = proptest::collection::btree_set(channel(), 0..=8);
    let principal = proptest::collection::vec(principal(), 0..=8);
    (names, channels, principal, object_ref(limits::MANIFEST_BYTES as u64), 1..=8_192u64, any::<u64>()).prop_map(
        |((version, name, native_version), channels, mut principal, manifest, artifacts, total_size)| {
            principal.sort_by(|a, b| a.name.cmp(&b.name));
            principal.dedup_by(|a, b| a.name == b.name);
            Event::from(ReleasePublished {
                version,
                channels: channels.into_iter().collect(),
                manifest,
                artifacts,
                principal,
                total_size,
                native_name: NativeName::parse(&name).unwrap(),
                native_version: NativeVersion::parse(&native_version).unwrap(),
            })
        },
    )
}

fn package_event() -> impl Strategy<Value = Event> {
    let reason = || select(ReasonCode::ALL.to_vec());
    let notice = (reason(), proptest::option::of(object_ref(1_024))).prop_map(|(reason, message)| Notice { reason, message });
    prop_oneof![
        published(),
        (reason(), version()).prop_map(|(reason, version)| Event::from(ReleaseYanked { reason, version })),
        version().prop_map(|version| Event::from(ReleaseUnyanked { version })),
        (proptest::option::of(notice), version()).prop_map(|(notice, version)| Event::from(ReleaseDeprecated { notice, version })),
        (channel(), version()).prop_map(|(channel, version)| Event::from(ChannelSet { channel, version })),
        channel().prop_map(|channel| Event::from(ChannelRemoved { channel })),
    ]
}

fn rules() -> impl Strategy<Value = Rules> {
    (any::<u64>(), proptest::collection::vec(any::<u8>(), 0..40)).prop_map(|(protocol, parameters)| Rules { protocol, parameters })
}

fn public_keys(from: u8) -> impl Strategy<Value = Vec<PublicKey>> {
    (1..=8u8).prop_map(move |count| {
        let mut keys: Vec<PublicKey> = (from..from + count).map(|n| secret(n).public()).collect();
        keys.sort();
        keys
    })
}

fn origin() -> Origin {
    Origin::parse("registry.example/log").unwrap()
}

fn registry_event() -> impl Strategy<Value = Event> {
    let keys = (public_keys(10), public_keys(20), public_keys(30));
    prop_oneof![
        rules().prop_map(|rules| Event::from(RegistryRulesChanged { rules })),
        (suffixes('p'), suffixes('r')).prop_map(|(put, removed)| Event::from(RegistrySuffixesChanged { put, removed })),
        (rules(), keys).prop_map(|(rules, (log_keys, receipt_keys, operator_keys))| Event::from(RegistryCreated {
            rules,
            origin: origin(),
            log_keys,
            receipt_keys,
            operator_keys
        })),
    ]
}

/// Terms of an acceptance by key 50.
fn terms() -> impl Strategy<Value = AcceptanceTerms> {
    let key = (51..80u8, any::<bool>(), proptest::option::of(time()), proptest::option::of(time()));
    (proptest::collection::vec(key, 0..=15), time()).prop_map(|(keys, until)| {
        let role = |admin| if admin { Role::Admin } else { Role::Publish };
        let others = keys.into_iter().map(|(n, admin, from, until)| DomainKey { key: secret(n).public(), from, role: role(admin), until });
        let mut keys: Vec<DomainKey> = others.collect();
        keys.push(DomainKey { key: secret(50).public(), from: None, role: Role::Admin, until: None });
        keys.sort_by_key(|key| key.key);
        keys.dedup_by_key(|key| key.key);
        AcceptanceTerms { keys, prev: None, until }
    })
}

/// On what ground a claim stands.
fn ground() -> impl Strategy<Value = (Evidence, Option<Sight>)> {
    let seen = prop_oneof![Just(Evidence::Dns), Just(Evidence::Https), Just(Evidence::Dnssec)];
    let sight = (time(), proptest::collection::vec(any::<u8>(), 1..600)).prop_map(|(at, records)| Some(Sight { at, records }));
    prop_oneof![prop_oneof![Just(Evidence::Localhost), Just(Evidence::Operator)].prop_map(|evidence| (evidence, None)), (seen, sight)]
}

/// Rules of the public suffix list, ascending.
fn suffixes(first: char) -> impl Strategy<Value = Vec<SuffixRule>> {
    proptest::collection::btree_set("(!x\\.|\\*\\.)?[a-z]{1,9}", 1..20)
        .prop_map(move |rules| rules.into_iter().map(|rule| SuffixRule::parse(&format!("{rule}.{first}")).unwrap()).collect())
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        proptest::collection::vec(any::<u8>(), 0..40).prop_map(Value::Bytes),
        any::<String>().prop_map(Value::Text),
    ];
    leaf.prop_recursive(4, 40, 8, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..8).prop_map(Value::List),
            proptest::collection::btree_map(any::<String>(), inner, 0..8).prop_map(Value::Map),
        ]
    })
}

/// The payload of what was signed, and the whole read back.
fn payload_of(statement: &Statement) -> Vec<u8> {
    Envelope::decode(envelope::Kind::Statement, statement.bytes()).unwrap().payload.to_vec()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn every_event_of_a_package_comes_out_the_same(event in package_event(), prev in proptest::option::of(event_id()), tenure in event_id(), at in time()) {
        let domain = Domain::parse("acme.example").unwrap();
        let subject = Subject::Package(PackageId::parse("npm:acme.example/widget").unwrap());
        let speaker = Speaker::Domain { domain, tenure };
        let statement = Statement::sign(&secret(1), &origin(), &speaker, &subject, prev, at, &event).unwrap();
        prop_assert_eq!(statement.event(), &event);
        let payload = payload_of(&statement);
        prop_assert_eq!(again(&payload), payload);
    }

    #[test]
    fn every_event_of_the_registry_comes_out_the_same(event in registry_event(), prev in event_id(), at in time()) {
        let prev = if event.created().is_some() { None } else { Some(prev) };
        let statement = Statement::sign(&secret(1), &origin(), &Speaker::Registry, &Subject::Registry, prev, at, &event).unwrap();
        let payload = payload_of(&statement);
        prop_assert_eq!(again(&payload), payload);
    }

    #[test]
    fn every_claim_and_acceptance_comes_out_the_same(terms in terms(), at in time(), (evidence, sight) in ground()) {
        let domain = Domain::parse("acme.example").unwrap();
        let acceptance = Acceptance::sign(&secret(50), &domain, &origin(), &terms).unwrap();
        let inner = Envelope::decode(envelope::Kind::Acceptance, acceptance.bytes()).unwrap().payload.to_vec();
        prop_assert_eq!(again(&inner), inner);
        let event = Event::from(DomainClaimed { evidence, sight, acceptance });
        let statement = Statement::sign(&secret(1), &origin(), &Speaker::Registry, &Subject::Domain(domain), None, at, &event).unwrap();
        let payload = payload_of(&statement);
        prop_assert_eq!(again(&payload), payload);
    }

    #[test]
    fn every_permit_comes_out_the_same(at in 0..limits::TIME_MS - 900_000, ms in 1..=900_000u64, under in event_id()) {
        let (time, until) = (TimeMs::new(at).unwrap(), TimeMs::new(at + ms).unwrap());
        let domain = Domain::parse("acme.example").unwrap();
        let permit = Permit::sign(&secret(1), &domain, &origin(), &PermitTerms { by: None, time, under, until }).unwrap();
        prop_assert!(Permit::verify(&permit, &secret(1).public()).is_ok());
        let payload = Envelope::decode(envelope::Kind::Permit, &permit).unwrap().payload.to_vec();
        prop_assert_eq!(again(&payload), payload);
    }

    #[test]
    fn every_manifest_comes_out_the_same(native in value(), name in artifact_name(), content in proptest::collection::vec(any::<u8>(), 0..64)) {
        let mut manifest = deedbox_testkit::manifest("npm:acme.example/widget", "1.0.0", &content);
        manifest.native = native;
        manifest.artifacts[0].name = name;
        let bytes = manifest.encode().unwrap();
        prop_assert_eq!(Manifest::decode(&bytes).unwrap(), manifest);
        prop_assert_eq!(again(&bytes), bytes);
    }

    #[test]
    fn every_commit_record_comes_out_the_same(number in any::<u64>(), old in any::<u64>(), digests in any::<[[u8; 32]; 3]>(), nonce in any::<[u8; 16]>()) {
        let [root, bundle, previous] = digests.map(Sha256Digest);
        let previous = (number > 0).then_some(previous);
        let commit = Commit { root, nonce: Nonce(nonce), bundle, number, new_size: old.saturating_add(1), old_size: old, previous };
        let bytes = commit.encode().unwrap();
        prop_assert_eq!(again(&bytes), bytes);
    }
}

#[test]
fn the_seeds_of_the_fixtures_are_those_of_the_keys() {
    for key in read("keys.json").list("keys") {
        let secret = SecretKey::from_seed(&array(&key.bytes("seed")));
        assert_eq!(
            (secret.public().to_bytes().to_vec(), secret.public().id().to_hex()),
            (key.bytes("public_key"), key.text("kid").to_owned())
        );
    }
}
