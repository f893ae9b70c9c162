//! What a release of images is, and what it is not (spec/projections/oci.md §3).
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may stop where it stands, its helpers too")]

mod common;

use common::*;
use deedbox_oci::{Kind, Oci, artifact_name};
use deedbox_view::{ArtifactSource as _, Dialect as _};
use serde_json::json;

fn refusal(files: &[Bytes]) -> &'static str {
    let refusal = inspect("1.0", files).unwrap_err();
    assert!(refusal.message.contains(' ') && refusal.message.len() < 500, "{}", refusal.message);
    refusal.code
}

/// The files of an image with one manifest changed as text.
fn changed(image: &Image, from: &str, to: &str) -> Vec<Bytes> {
    let bytes = String::from_utf8(image.manifest.clone()).unwrap().replace(from, to).into_bytes();
    assert_ne!(bytes, image.manifest);
    let name = manifest(&image.manifest).name().to_owned();
    let mut files: Vec<Bytes> = image.files.iter().filter(|file| file.name() != name).cloned().collect();
    files.push(manifest(&bytes));
    files
}

#[test]
fn an_image_is_its_manifest_and_all_that_it_names() {
    let image = image_with(
        &["one", "two"],
        json!({ "annotations": {
            "org.opencontainers.image.description": "An app", "org.opencontainers.image.licenses": "MIT",
            "org.opencontainers.image.url": "https://acme.example/", "org.opencontainers.image.source": "https://acme.example/src",
        } }),
    );
    let found = inspect("1.0", &image.files).unwrap();
    let manifest_file = manifest(&image.manifest);
    assert_eq!(found.channels.iter().map(ToString::to_string).collect::<Vec<_>>(), ["latest"]);
    assert_eq!((found.manifest.native_name.as_str(), found.manifest.native_version.as_str()), ("acme.example/app", "1.0"));
    let roles: Vec<(&str, &str)> =
        found.manifest.artifacts.iter().map(|artifact| (artifact.role.as_str(), artifact.media_type.as_str())).collect();
    assert_eq!(roles.iter().filter(|role| **role == ("layer", LAYER_TYPE)).count(), 2);
    assert!(roles.contains(&("config", CONFIG_TYPE)) && roles.contains(&("manifest", OCI_MANIFEST)) && roles.len() == 4);
    let principal = Oci.principal(&found.manifest);
    assert_eq!(principal.len(), 1);
    assert_eq!(principal[0].name, manifest_file.name());
    assert_eq!(Oci.view_path(&found.manifest).unwrap(), "v2/acme.example/app/manifests/1.0");
    let metadata = &found.manifest.metadata;
    assert_eq!((metadata.description.as_deref(), metadata.licence.as_deref()), (Some("An app"), Some("MIT")));
    assert!(found.manifest.encode().is_ok());
    // The order in which files are given changes nothing.
    let mut other = image.files.clone();
    other.reverse();
    assert_eq!(inspect("1.0", &other).unwrap(), found);
}

#[test]
fn an_index_brings_every_platform_and_shared_layers_once() {
    let index = index(&[image(&["base", "amd64"]), image(&["base", "arm64"])]);
    let found = inspect("1.0", &index.files).unwrap();
    // One index, two manifests, two configurations, three layers.
    assert_eq!(found.manifest.artifacts.len(), 8);
    assert_eq!(Oci.principal(&found.manifest)[0].name, manifest(&index.manifest).name());
    let nested = common::index(&[]);
    assert!(inspect("1.0", &nested.files).is_ok(), "an index of nothing");
}

#[test]
fn sha512_descriptors_name_the_same_files() {
    let image = image(&["one"]);
    let long = sha512(b"one");
    let files = changed(&image, &sha256(b"one"), &long);
    let found = inspect("1.0", &files).unwrap();
    assert!(found.manifest.artifacts.iter().any(|artifact| artifact.name == artifact_name(Kind::Blob, &blob(b"one").digests().sha256)));
    assert_eq!(refusal(&changed(&image, &sha256(b"one"), &sha512(b"two"))), "closure_missing");
}

#[test]
fn latest_is_set_unless_it_is_a_variant_or_about_another_manifest() {
    let plain = image(&["one"]);
    for (version, expected) in [("1.0", 1), ("v2", 1), ("1.0-rc.1", 0), ("1.0-alpine", 0), ("sha256-ab.sig", 0)] {
        assert_eq!(inspect(version, &plain.files).unwrap().channels.len(), expected, "{version}");
    }
    assert!(inspect("1.0", &about(&plain, "text/x", "note").files).unwrap().channels.is_empty());
}

#[test]
fn name_and_version_are_what_the_publisher_says_and_must_be_a_repository_and_a_tag() {
    let image = image(&["one"]);
    for (id, version, code) in [
        (None, Some("1.0"), "id_missing"),
        (Some(ID), None, "version_missing"),
        (Some("oci:acme.example/App"), Some("1.0"), "repository_name"),
        (Some("npm:acme.example/app"), Some("1.0"), "repository_name"),
        (Some(ID), Some("1.0+build"), "version_tag"),
        (Some(ID), Some("1~2"), "version_tag"),
        (Some(ID), Some("latest"), "version_tag"),
    ] {
        assert_eq!(inspect_as(id, version, &image.files).unwrap_err().code, code, "{id:?} {version:?}");
    }
}

#[test]
fn what_is_missing_superfluous_or_not_what_its_descriptor_says_is_refused() {
    let one = image(&["one", "two"]);
    let two = image(&["three"]);
    let both = index(&[one.clone(), two.clone()]);
    for file in &both.files {
        let rest: Vec<Bytes> = both.files.iter().filter(|other| other.name() != file.name()).cloned().collect();
        // Without the index there are two roots; without a manifest its blobs have no one who names them.
        let expected = if file.name() == manifest(&both.manifest).name() { "root_twice" } else { "closure_missing" };
        assert_eq!(refusal(&rest), expected, "without {}", file.name());
    }
    let with = |more: &[Bytes]| [one.files.clone(), more.to_vec()].concat();
    assert_eq!(refusal(&with(&[blob(b"superfluous")])), "closure_superfluous");
    assert_eq!(refusal(&with(&two.files)), "root_twice");
    assert_eq!(refusal(&with(&[blob(b"one")])), "artifact_twice");
    assert_eq!(refusal(&with(&[Bytes::new("blobs/sha256/ab", *b"x")])), "artifact_name");
    assert_eq!(refusal(&with(&[Bytes::new(&artifact_name(Kind::Blob, &blob(b"a").digests().sha256), *b"b")])), "artifact_name");
    assert_eq!(refusal(&[]), "artifact_count");
    assert_eq!(refusal(&[blob(b"x")]), "root_missing");
    assert_eq!(refusal(&changed(&one, "\"size\":3", "\"size\":4")), "descriptor_size");
    assert_eq!(refusal(&changed(&both, OCI_MANIFEST, DOCKER_MANIFEST)), "descriptor_media_type");
    assert_eq!(refusal(&changed(&both, OCI_MANIFEST, "text/plain")), "root_twice", "manifests that are named as blobs only");
    assert_eq!(refusal(&changed(&one, "\"layers\"", "\"Layers\"")), "manifest_key");
}

#[test]
fn a_layer_that_is_kept_elsewhere_must_be_here_too() {
    let more = json!({ "layers": [{
        "mediaType": "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", "digest": sha256(b"foreign"), "size": 7,
        "urls": ["https://elsewhere.example/layer"],
    }] });
    let without = image_with(&[], more);
    assert_eq!(refusal(&without.files), "closure_missing");
    let mut with = without.files.clone();
    with.push(blob(b"foreign"));
    assert!(inspect("1.0", &with).is_ok());
}

#[test]
fn bytes_may_be_manifest_and_blob_of_one_release() {
    let inner = image(&["one"]);
    let index = serde_json::to_vec(&json!({ "schemaVersion": 2, "manifests": [
        descriptor(OCI_MANIFEST, &inner.manifest), descriptor("application/octet-stream", &inner.manifest),
    ] }))
    .unwrap();
    let files = [inner.files.clone(), vec![manifest(&index), blob(&inner.manifest)]].concat();
    let found = inspect("1.0", &files).unwrap();
    assert_eq!(
        found.manifest.artifacts.iter().filter(|artifact| artifact.digests.sha256 == blob(&inner.manifest).digests().sha256).count(),
        2
    );
}

#[test]
fn annotations_of_what_refers_to_others_are_bounded() {
    let subject = image(&["one"]);
    let long = "x".repeat(300 * 1024);
    assert_eq!(refusal(&about(&subject, "text/x", &long).files), "referrers_too_large");
    let many: Vec<Image> = (0..257).map(|n| about(&subject, "text/x", &n.to_string())).collect();
    assert_eq!(refusal(&index(&many).files), "referrers_too_many");
    assert!(inspect("1.0", &index(&many[..256]).files).is_ok());
}

#[test]
fn too_many_or_too_large_manifests_are_refused_before_they_are_parsed() {
    let large = manifest(&vec![b' '; 4 * 1024 * 1024 + 1]);
    assert_eq!(refusal(&[large]), "manifest_too_large");
    let many: Vec<Bytes> = (0..1_025).map(|n| manifest(format!("{{\"schemaVersion\":2,\"manifests\":[],\"n\":{n}}}").as_bytes())).collect();
    assert_eq!(refusal(&many), "closure_too_large");
}
