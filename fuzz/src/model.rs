//! Targets of the model: statements, acceptances, permits, manifests, canonical CBOR and texts (spec/encoding.md,
//! spec/statements.md, spec/events.md §4.2, spec/objects.md §2 and §4). What is accepted must have one spelling, and independent
//! readers must see the same in it.

use coset::TaggedCborSerializable as _;
use deedbox_model::envelope::{self, Claims, Envelope, Kind};
use deedbox_model::event::Acceptance;
use deedbox_model::permit::{MAX_PERMIT_MS, Permit, PermitTerms};
use deedbox_model::{
    Channel, Domain, Ecosystem, EventId, Manifest, Name, NativeName, NativeVersion, Origin, PackageId, Protocol, ReasonCode, SecretKey,
    Sha256Digest, Speaker, Statement, Subject, Value, Version,
};
use deedbox_npm::{PackageName, PackageVersion};
use deedbox_testkit::secret;
use std::str::FromStr;

/// The origin of every seed.
pub const ORIGIN: &str = "registry.example/log";

/// Any bytes as a statement.
pub fn statement(data: &[u8]) {
    let Ok(read) = Statement::decode(Protocol::ONE, data) else { return };
    let said = read.peek();
    assert_eq!(said.id(), EventId::of(data));
    assert_eq!(&**said.bytes(), data);
    let envelope = Envelope::decode(Kind::Statement, data).unwrap();
    one_value(envelope.payload);
    second_reader(data, &envelope);
    if let (Some(id), Speaker::Domain { domain, .. }) = (said.package(), said.speaker()) {
        assert!(id.domain().self_and_parents().any(|parent| parent == *domain));
    }

    // The same words from another key: the same payload, byte for byte.
    let key = secret(99);
    let again =
        Statement::sign_by(&key, said.audience(), said.speaker(), said.by(), said.subject(), said.prev(), said.time(), said.event())
            .unwrap();
    let other = Envelope::decode(Kind::Statement, again.bytes()).unwrap();
    assert_eq!((other.payload, other.claims), (envelope.payload, envelope.claims));
    assert_eq!(again.event(), said.event());

    for n in [1, 10, 20] {
        if secret(n).public().id() == said.kid() {
            let flipped: Vec<u8> = data.iter().enumerate().map(|(at, byte)| byte ^ u8::from(at + 1 == data.len())).collect();
            let verifies = |bytes: &[u8]| Statement::decode(Protocol::ONE, bytes).unwrap().verify(&secret(n).public()).is_ok();
            assert!(!(verifies(data) && verifies(&flipped)), "two signatures over one message in one envelope");
        }
    }
}

/// A signed envelope around any payload: what the fuzzer cannot sign, the harness does.
pub fn payload(data: &[u8]) {
    let Some((speaker, payload)) = data.split_first() else { return };
    let (key, issuer, subject) = match speaker % 6 {
        0 => (secret(1), ORIGIN, "registry"),
        1 => (secret(1), ORIGIN, "domain:acme.example"),
        2 => (secret(1), ORIGIN, "domain:demo.localhost"),
        3 => (secret(10), "acme.example", "npm:acme.example/widget"),
        4 => (secret(10), "acme.example", "npm:team.acme.example/tool"),
        _ => (secret(20), "beta.example", "npm:acme.example/widget"),
    };
    statement(&envelope::seal(Kind::Statement, &key, Claims { issuer, subject, audience: ORIGIN }, payload).unwrap());
}

/// Any bytes as an acceptance, or signed around any terms.
pub fn acceptance(data: &[u8]) {
    let Some((first, terms)) = data.split_first() else { return };
    let sealed = match first {
        0xd2 => data.to_vec(),
        n => seal_small(Kind::Acceptance, &secret(n % 16), "domain:acme.example", terms),
    };
    let Ok(read) = Acceptance::decode(&sealed) else { return };
    assert_eq!(read.bytes(), sealed);
    let envelope = Envelope::decode(Kind::Acceptance, &sealed).unwrap();
    one_value(envelope.payload);
    second_reader(&sealed, &envelope);
    assert_eq!(deedbox_model::encode(read.terms()).unwrap(), envelope.payload);
    assert!(read.terms().keys.iter().any(|key| key.key.id() == read.kid() && envelope.verify(&key.key).is_ok()));
}

/// Any bytes as a permit, or signed around any terms.
pub fn permit(data: &[u8]) {
    let Some((first, terms)) = data.split_first() else { return };
    let (sealed, key) = match first {
        0xd2 => (data.to_vec(), secret(10)),
        n => (seal_small(Kind::Permit, &secret(n % 16), "upload", terms), secret(n % 16)),
    };
    let peeked = Permit::peek(&sealed);
    let Ok(read) = Permit::verify(&sealed, &key.public()) else { return };
    assert_eq!(peeked.unwrap(), (read.kid(), read.domain().clone(), read.terms().by));
    assert_eq!(read.kid(), key.public().id());
    let envelope = Envelope::decode(Kind::Permit, &sealed).unwrap();
    one_value(envelope.payload);
    let PermitTerms { time, until, .. } = read.terms();
    assert!(time < until && until.as_ms() - time.as_ms() <= MAX_PERMIT_MS);
    assert_eq!(Permit::sign(&key, read.domain(), read.audience(), read.terms()).unwrap(), sealed);
}

/// Any bytes as a release manifest.
pub fn manifest(data: &[u8]) {
    let Ok(read) = Manifest::decode(data) else { return };
    one_value(data);
    assert_eq!(read.encode().unwrap(), data);
    assert!(read.objects().count() >= read.artifacts.len());
    assert!(read.total_size() >= read.artifacts.iter().map(|artifact| artifact.size).max().unwrap_or(0));
    for artifact in &read.artifacts {
        let path = std::path::Path::new(&artifact.name);
        assert!(path.components().all(|part| matches!(part, std::path::Component::Normal(_))), "{path:?}");
    }
}

/// The strict reader beside `serde_cbor`: what one accepts as canonical, both do.
pub fn canonical(data: &[u8]) {
    let ours = deedbox_model::canonical::check(data).is_ok();
    let theirs = serde_cbor::from_slice::<serde_cbor::Value>(data).ok();
    let again = theirs.as_ref().map(|value| serde_cbor::to_vec(value).unwrap());
    let round = again.as_deref() == Some(data);
    if ours {
        assert!(round, "canonical here, and serde_cbor writes it as {again:02x?}");
    } else if round && theirs.is_some_and(|value| in_our_model(&value, 0)) {
        panic!("not canonical here, and serde_cbor reads and writes it as it is");
    }
}

fn in_our_model(value: &serde_cbor::Value, depth: usize) -> bool {
    use serde_cbor::Value;
    depth <= deedbox_model::limits::CBOR_DEPTH
        && match value {
            Value::Null | Value::Bool(_) | Value::Integer(_) | Value::Bytes(_) | Value::Text(_) => true,
            Value::Array(list) => list.iter().all(|item| in_our_model(item, depth + 1)),
            Value::Map(map) => map.iter().all(|(key, value)| matches!(key, Value::Text(_)) && in_our_model(value, depth + 1)),
            _ => false,
        }
}

/// A value without a shape of its own: whatever is canonical and fits 64 bits with sign is one.
pub fn value(data: &[u8]) {
    match deedbox_model::decode::<Value>(data) {
        Ok(value) => {
            one_value(data);
            assert_eq!(deedbox_model::encode(&value).unwrap(), data);
        }
        Err(error) => {
            if deedbox_model::canonical::check(data).is_ok() {
                let theirs = serde_cbor::from_slice(data).unwrap();
                assert!(!fits(&theirs), "{error}: {theirs:?}");
            }
        }
    }
}

fn fits(value: &serde_cbor::Value) -> bool {
    use serde_cbor::Value;
    match value {
        Value::Integer(n) => i64::try_from(*n).is_ok(),
        Value::Array(list) => list.iter().all(fits),
        Value::Map(map) => map.values().all(fits),
        _ => true,
    }
}

/// Any text as each kind of text.
pub fn texts(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let id = one_spelling::<PackageId>(text, 255, "@");
    if let Some(id) = &id {
        assert_eq!(format!("{}:{}/{}", id.ecosystem(), id.domain(), id.name()), text);
        assert_eq!(PackageId::new(id.ecosystem(), id.domain(), id.name()).as_ref(), Ok(id));
        if let Ok(name) = PackageName::from_id(id) {
            assert_eq!(name.id().as_ref(), Ok(id));
            assert_eq!(PackageName::from_native(&name.native()), Ok(name));
        }
    }
    one_spelling::<Ecosystem>(text, 32, "@:/");
    one_spelling::<Name>(text, 255, "@:");
    one_spelling::<Version>(text, 128, "@:/");
    one_spelling::<Channel>(text, 128, "@:/");
    one_spelling::<Origin>(text, 200, "@:+ ");
    one_spelling::<NativeName>(text, 512, " ");
    one_spelling::<NativeVersion>(text, 512, " ");
    if let Some(domain) = one_spelling::<Domain>(text, 253, "@:/") {
        let parents: Vec<Domain> = domain.self_and_parents().collect();
        assert_eq!(parents.first(), Some(&domain));
        assert!(parents.iter().all(|parent| domain.is_within(parent) && Domain::parse(parent.as_str()).is_ok()));
    }
    let subject = Subject::parse(text);
    assert!(subject.as_ref().is_ok_and(|s| matches!(s, Subject::Package(_))) == id.is_some() || text.starts_with("domain:"));
    if let Ok(subject) = subject {
        assert_eq!(subject.to_string(), text);
    }
    if let Some(code) = ReasonCode::parse(text) {
        assert_eq!(code.as_str(), text);
    }
    if let Some(digest) = Sha256Digest::from_hex(text) {
        assert_eq!(digest.to_hex(), text);
    }
    if let Ok(name) = PackageName::from_native(text) {
        assert_eq!(name.native(), text);
        let id = name.id().unwrap();
        assert_eq!(PackageName::from_id(&id).unwrap(), name);
        assert_eq!(name.native_key().unwrap().as_str(), text);
    }
    if let Ok(version) = PackageVersion::parse(text) {
        assert_eq!(version.neutral().as_str(), text);
        assert!(version.precedence(&version).is_eq() && version.fallback_order(&version).is_eq());
        let native = PackageVersion::parse(version.native()).unwrap();
        assert!(native.precedence(&version).is_eq());
        assert_eq!(version.native_key().unwrap(), native.native_key().unwrap());
    }
}

/// Accepted: displayed as it was written, printable, short, and without what separates it from others.
fn one_spelling<T: FromStr + ToString + PartialEq>(text: &str, bytes: usize, never: &str) -> Option<T> {
    let read = T::from_str(text).ok()?;
    assert_eq!(read.to_string(), text);
    assert!((1..=bytes).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic()), "{text:?}");
    assert!(!text.contains(|c| never.contains(c)), "{text:?}");
    assert!(T::from_str(&read.to_string()).is_ok_and(|again| again == read));
    Some(read)
}

fn seal_small(kind: Kind, key: &SecretKey, subject: &str, payload: &[u8]) -> Vec<u8> {
    envelope::seal(kind, key, Claims { issuer: "acme.example", subject, audience: ORIGIN }, payload).unwrap()
}

/// Canonical bytes are what an independent library writes for the value that it reads in them.
fn one_value(bytes: &[u8]) {
    let value: serde_cbor::Value = serde_cbor::from_slice(bytes).unwrap();
    assert_eq!(serde_cbor::to_vec(&value).unwrap(), bytes);
}

/// An independent COSE library reads the same envelope, signs the same bytes, and writes it as it is.
fn second_reader(bytes: &[u8], ours: &Envelope<'_>) {
    let theirs = coset::CoseSign1::from_tagged_slice(bytes).unwrap();
    assert_eq!(theirs.protected.header.key_id, ours.kid.as_bytes());
    assert_eq!(theirs.payload.as_deref(), Some(ours.payload));
    assert_eq!(theirs.tbs_data(&[]), ours.signed_bytes());
    assert_eq!(theirs.to_tagged_vec().unwrap(), bytes);
}
