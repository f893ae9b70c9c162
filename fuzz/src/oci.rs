//! The target of images (spec/projections/oci.md §3): blobs and manifests that name each other. What is accepted is whole: every
//! descriptor leads to bytes of its digest and size, no file is more, none may be left out or changed, and each is answered.

use self::world::{Log, Store, get, inspect};
use crate::archive::said_well;
use deedbox_model::{Hasher, Manifest, ObjectRef};
use deedbox_oci::document::manifest_type;
use deedbox_oci::{Digest, Document, Oci};
use deedbox_testkit::folding::Bytes;
use deedbox_view::{ArtifactSource as _, Body, Dialect as _};
use serde_json::Value as Json;
use std::collections::BTreeMap;

/// The world of the room's own tests.
#[path = "../../crates/oci/tests/common/mod.rs"]
pub mod world;

/// Pieces, a zero byte between them: `b` and a blob, or `m` and a manifest. In a manifest a byte from 1 to 3 and a digit stand for
/// the SHA-256, the SHA-512 and the size of that piece: a fuzzer finds no digests.
pub fn image(data: &[u8]) {
    let mut pieces: Vec<(bool, Vec<u8>)> = Vec::new();
    for piece in data.split(|b| *b == 0).take(10) {
        let Some((kind, text)) = piece.split_first() else { continue };
        let bytes = if *kind == b'm' { filled(text, &pieces) } else { text.to_vec() };
        pieces.push((*kind == b'm', bytes));
    }
    let mut files: BTreeMap<String, (bool, Vec<u8>)> = BTreeMap::new();
    for (is_manifest, bytes) in pieces {
        let file = if is_manifest { world::manifest(&bytes) } else { world::blob(&bytes) };
        if is_manifest {
            document(&bytes);
        }
        files.insert(file.name().to_owned(), (is_manifest, bytes));
    }
    let sources: Vec<Bytes> = files.iter().map(|(name, (_, bytes))| Bytes::new(name, bytes.clone())).collect();
    let inspection = match inspect("1.0", &sources) {
        Ok(inspection) => inspection,
        Err(refusal) => return said_well(&refusal),
    };
    let manifest = &inspection.manifest;
    assert_eq!(Manifest::decode(&manifest.encode().unwrap()).as_ref(), Ok(manifest));
    let mut turned = sources.clone();
    turned.reverse();
    assert_eq!(inspect("1.0", &turned).as_ref(), Ok(&inspection), "the order of files says nothing");
    assert!(manifest.artifacts.iter().map(|artifact| &artifact.name).eq(files.keys()), "each file once, and no other");
    for (is_manifest, bytes) in files.values().filter(|(is_manifest, _)| *is_manifest) {
        let document: Json = serde_json::from_slice(bytes).unwrap();
        for (descriptor, _) in named(&document) {
            assert!(*is_manifest && leads_to(descriptor, &files), "{descriptor} leads nowhere in {document}");
        }
    }
    let root = &Oci.principal(manifest)[0].name;
    for at in 0..sources.len() {
        let mut fewer = sources.clone();
        let gone = fewer.remove(at);
        // Without its root, what it named may be a release.
        match inspect("1.0", &fewer) {
            Ok(_) => assert_eq!(gone.name(), root),
            Err(refusal) => said_well(&refusal),
        }
        // Other bytes under a claimed digest.
        let mut bytes = files[gone.name()].1.clone();
        match bytes.first_mut() {
            Some(byte) => *byte ^= 1,
            None => bytes.push(0),
        }
        fewer.insert(at, Bytes::new(gone.name(), bytes));
        assert_eq!(inspect("1.0", &fewer).unwrap_err().code, "artifact_name");
    }
    let mut more = sources.clone();
    more.push(world::blob(b"a blob that no manifest names"));
    assert!(inspect("1.0", &more).is_err());

    let mut log = Log::<Oci>::default();
    log.publish_inspected(&inspection);
    answered(&log.rows(), manifest, &files);
}

/// With digests and sizes of earlier pieces.
fn filled(text: &[u8], pieces: &[(bool, Vec<u8>)]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut bytes = text.iter();
    while let Some(byte) = bytes.next() {
        let piece =
            |digit: Option<&u8>| pieces.get(usize::from(digit?.wrapping_sub(b'0'))).map(|(_, bytes)| bytes.as_slice()).or(Some(&[]));
        match byte {
            1 => out.extend(world::sha256(piece(bytes.next()).unwrap_or_default()).into_bytes()),
            2 => out.extend(world::sha512(piece(bytes.next()).unwrap_or_default()).into_bytes()),
            3 => out.extend(piece(bytes.next()).unwrap_or_default().len().to_string().into_bytes()),
            other => out.push(*other),
        }
    }
    out
}

/// One manifest alone: another reader of JSON finds the same members in it.
fn document(bytes: &[u8]) {
    let read = match Document::read(bytes) {
        Ok(read) => read,
        Err(refusal) => return said_well(&refusal),
    };
    assert_eq!(Document::read(bytes).as_ref(), Ok(&read));
    assert_eq!(manifest_type(read.media_type), Some(read.media_type));
    let json: Json = serde_json::from_slice(bytes).unwrap();
    let theirs = named(&json);
    assert_eq!(theirs.len(), read.members.len(), "{json}");
    for ((descriptor, _), member) in theirs.iter().zip(&read.members) {
        assert_eq!(descriptor["digest"].as_str(), Some(member.descriptor.digest.to_string().as_str()));
        assert_eq!(descriptor["size"].as_u64(), Some(member.descriptor.size));
        assert_eq!(descriptor["mediaType"].as_str(), Some(member.descriptor.media_type.as_str()));
    }
    let subject = read.subject.map(|subject| subject.digest.to_string());
    assert_eq!(json["subject"]["digest"].as_str(), subject.as_deref());
    for (key, value) in &read.annotations {
        assert_eq!(json["annotations"][key].as_str(), Some(value.as_str()));
    }
    if let Some(said) = json["mediaType"].as_str() {
        assert_eq!(said, read.media_type);
    }
}

/// Every descriptor of a manifest but its subject, with where it stands, in the order of a manifest.
fn named(document: &Json) -> Vec<(&Json, &'static str)> {
    let config = document.get("config").map(|config| (config, "config"));
    let lists = ["layers", "blobs", "manifests"].into_iter();
    let lists = lists.flat_map(|name| document[name].as_array().into_iter().flatten().map(move |item| (item, name)));
    config.into_iter().chain(lists).collect()
}

fn leads_to(descriptor: &Json, files: &BTreeMap<String, (bool, Vec<u8>)>) -> bool {
    let Some(digest) = descriptor["digest"].as_str().and_then(Digest::parse) else { return false };
    let is_manifest = descriptor["mediaType"].as_str().is_some_and(|media_type| manifest_type(media_type).is_some());
    files.values().any(|(kind, bytes)| {
        digest.is_of(&Hasher::of(bytes).1) && descriptor["size"].as_u64() == Some(bytes.len() as u64) && (*kind || !is_manifest)
    })
}

fn answered(rows: &Store<Oci>, manifest: &Manifest, files: &BTreeMap<String, (bool, Vec<u8>)>) {
    for (artifact, (is_manifest, bytes)) in manifest.artifacts.iter().zip(files.values()) {
        let folder = if *is_manifest { "manifests" } else { "blobs" };
        for digest in [world::sha256(bytes), world::sha512(bytes)] {
            let response = get(rows, &format!("acme.example/app/{folder}/{digest}"));
            assert_eq!((response.status, &response.body), (200, &Body::Object(ObjectRef::of(bytes))), "{digest}");
            assert_eq!(world::header(&response, "docker-content-digest"), Some(digest.as_str()));
            assert!(!is_manifest || response.media_type == artifact.media_type.as_str());
        }
    }
    let tagged = get(rows, "acme.example/app/manifests/1.0");
    let root = &Oci.principal(manifest)[0];
    assert_eq!((tagged.status, &tagged.body), (200, &Body::Object(ObjectRef::of(&files[&root.name].1))));
    let tags: Json = serde_json::from_str(&world::text(&get(rows, "acme.example/app/tags/list"))).unwrap();
    // What is about another manifest answers by its tag and is not in the list (spec/projections/oci.md §7).
    let is_about_another = Document::read(&files[&root.name].1).unwrap().subject.is_some();
    assert_eq!(tags["tags"].as_array().unwrap().iter().any(|tag| tag == "1.0"), !is_about_another, "{tags}");
    for (_, bytes) in files.values().filter(|(is_manifest, _)| *is_manifest) {
        let Some(subject) = Document::read(bytes).unwrap().subject else { continue };
        let list = world::text(&get(rows, &format!("acme.example/app/referrers/{}", subject.digest)));
        let list: Json = serde_json::from_str(&list).unwrap();
        let digest = world::sha256(bytes);
        let found = list["manifests"].as_array().unwrap().iter().filter(|one| one["digest"].as_str() == Some(&digest)).count();
        assert_eq!(found, 1, "{list}");
    }
}

/// A log with every kind of thing that a path can lead to.
pub fn rows() -> Store<Oci> {
    use self::world::{ID, about, image, index, publish};
    use deedbox_model::ReasonCode;
    use deedbox_view::{Fact, Facts};
    let mut log = Log::<Oci>::default();
    let base = image(&["base"]);
    publish(&mut log, "1.0", &base);
    publish(&mut log, "1.1", &index(&[image(&["base", "amd64"]), image(&["base", "arm64"])]));
    publish(&mut log, "1.2", &image(&["broken"]));
    log.yank(ID, "1.2", ReasonCode::Broken);
    publish(&mut log, "sbom-1", &about(&base, "application/x-sbom", "one"));
    publish(&mut log, "sig-1", &about(&base, "application/x-sig", "two"));
    for (version, fact) in [("4.0", Fact::Withheld), ("4.1", Fact::Unreadable("not_a_manifest"))] {
        let manifest = inspect(version, &image(&[version]).files).unwrap().manifest;
        let event = deedbox_testkit::folding::published(&Oci, &manifest, &[]);
        log.append(ID, event, Facts { manifest: Some(fact), message: None });
    }
    log.rows()
}

/// An image, an index of two, one with a subject, an artifact, Docker's list, and data within a descriptor.
pub fn seeds(add: &mut dyn FnMut(&'static str, Vec<u8>)) {
    use self::world::{CONFIG_TYPE, DOCKER_MANIFEST, LAYER_TYPE, OCI_INDEX, OCI_MANIFEST};
    let of = |media_type: &str, piece: u8, how: u8| {
        let (how, piece) = (char::from(how), char::from(b'0' + piece));
        format!("{{\"mediaType\":\"{media_type}\",\"digest\":\"{how}{piece}\",\"size\":\u{3}{piece}}}")
    };
    let image = |config: u8, layers: &[u8], how: u8, more: &str| {
        let layers: Vec<String> = layers.iter().map(|layer| of(LAYER_TYPE, *layer, how)).collect();
        format!("m{{\"schemaVersion\":2,\"config\":{},\"layers\":[{}]{more}}}", of(CONFIG_TYPE, config, how), layers.join(","))
    };
    let list = |media_type: &str, kind: &str, of_them: &[String]| {
        format!("m{{\"schemaVersion\":2,\"mediaType\":\"{media_type}\",\"{kind}\":[{}]}}", of_them.join(","))
    };
    let said = ",\"mediaType\":\"application/vnd.docker.distribution.manifest.v2+json\"";
    let notes = ",\"annotations\":{\"org.opencontainers.image.title\":\"w\",\"org.opencontainers.image.licenses\":\"MIT\"}";
    let about = format!(",\"artifactType\":\"text/x\",\"subject\":{}{notes}", of(OCI_MANIFEST, 9, 1));
    let data = ",\"data\":\"e30=\"}";
    for pieces in [
        vec!["b{}".into(), "blayer".into(), image(0, &[1], 1, notes)],
        vec!["b{}".into(), "blayer".into(), image(0, &[1, 1], 2, said)],
        vec![
            "b{}".into(),
            "b1".into(),
            "b2".into(),
            image(0, &[1], 1, ""),
            image(0, &[1, 2], 1, ""),
            list(OCI_INDEX, "manifests", &[of(OCI_MANIFEST, 3, 1), of(OCI_MANIFEST, 4, 2)]),
        ],
        vec!["b{}".into(), image(0, &[], 1, &about)],
        vec![
            "b{}".into(),
            image(0, &[], 1, said),
            list("application/vnd.docker.distribution.manifest.list.v2+json", "manifests", &[of(DOCKER_MANIFEST, 1, 1)]),
        ],
        vec!["bx".into(), list("application/vnd.oci.artifact.manifest.v1+json", "blobs", &[of("text/plain", 0, 1)])],
        vec!["b{}".into(), image(0, &[], 1, "").replacen('}', data, 1)],
        vec!["b{}".into(), image(0, &[], 1, ",\"Layers\":[]")],
        vec!["b{}".into(), image(0, &[], 1, ""), image(0, &[], 1, notes)],
    ] {
        add("oci", pieces.join("\0").into_bytes());
    }
}
