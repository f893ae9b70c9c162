//! Images in memory, as every test of this crate makes them.
#![allow(dead_code, unused_imports, reason = "each test file uses some of it")]

use deedbox_model::{Hasher, PackageId, Version};
pub(crate) use deedbox_oci::document::{DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST};
use deedbox_oci::{Kind, Oci, artifact_name};
pub(crate) use deedbox_testkit::folding::{Bytes, Log, Store, text};
use deedbox_view::{ArtifactSource, Dialect as _, InspectRefusal, Inspection, Request, Response, Said};

pub(crate) const ID: &str = "oci:acme.example/app";
pub(crate) const CONFIG_TYPE: &str = "application/vnd.oci.image.config.v1+json";
pub(crate) const LAYER_TYPE: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

pub(crate) fn sha256(bytes: &[u8]) -> String {
    format!("sha256:{}", Hasher::of(bytes).1.sha256)
}
pub(crate) fn sha512(bytes: &[u8]) -> String {
    format!("sha512:{}", Hasher::of(bytes).1.sha512)
}
pub(crate) fn descriptor(media_type: &str, bytes: &[u8]) -> serde_json::Value {
    serde_json::json!({ "mediaType": media_type, "digest": sha256(bytes), "size": bytes.len() })
}
pub(crate) fn blob(bytes: &[u8]) -> Bytes {
    Bytes::new(&artifact_name(Kind::Blob, &Hasher::of(bytes).1.sha256), bytes)
}
pub(crate) fn manifest(bytes: &[u8]) -> Bytes {
    Bytes::new(&artifact_name(Kind::Manifest, &Hasher::of(bytes).1.sha256), bytes)
}

/// An image: its manifest, and all of it.
#[derive(Debug, Clone)]
pub(crate) struct Image {
    pub(crate) manifest: Vec<u8>,
    pub(crate) files: Vec<Bytes>,
}

/// An image of some layers, with more members in its manifest.
pub(crate) fn image_with(layers: &[&str], more: serde_json::Value) -> Image {
    let config = format!("{{\"architecture\":\"amd64\",\"layers\":{layers:?}}}").into_bytes();
    let named: Vec<_> = layers.iter().map(|layer| descriptor(LAYER_TYPE, layer.as_bytes())).collect();
    let mut document = serde_json::json!({
        "schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": descriptor(CONFIG_TYPE, &config), "layers": named,
    });
    document.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let bytes = serde_json::to_vec(&document).unwrap();
    let mut files = vec![manifest(&bytes), blob(&config)];
    files.extend(layers.iter().map(|layer| blob(layer.as_bytes())));
    Image { manifest: bytes, files: unique(files) }
}
pub(crate) fn image(layers: &[&str]) -> Image {
    image_with(layers, serde_json::json!({}))
}

/// An index of images.
pub(crate) fn index(images: &[Image]) -> Image {
    let manifests: Vec<_> = images.iter().map(|image| descriptor(OCI_MANIFEST, &image.manifest)).collect();
    let bytes = serde_json::to_vec(&serde_json::json!({ "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests })).unwrap();
    let mut files = vec![manifest(&bytes)];
    files.extend(images.iter().flat_map(|image| image.files.clone()));
    Image { manifest: bytes, files: unique(files) }
}

/// An artifact about another manifest.
pub(crate) fn about(subject: &Image, artifact_type: &str, note: &str) -> Image {
    let more = serde_json::json!({
        "artifactType": artifact_type, "subject": descriptor(OCI_MANIFEST, &subject.manifest), "annotations": { "note": note },
    });
    image_with(&[note], more)
}

fn unique(mut files: Vec<Bytes>) -> Vec<Bytes> {
    files.sort_by(|a, b| a.name().cmp(b.name()));
    files.dedup_by(|a, b| a.name() == b.name());
    files
}

pub(crate) fn inspect_as(id: Option<&str>, version: Option<&str>, files: &[Bytes]) -> Result<Inspection, InspectRefusal> {
    let id = id.map(|id| PackageId::parse(id).unwrap());
    let version = version.map(|version| Version::parse(version).unwrap());
    let sources: Vec<&dyn ArtifactSource> = files.iter().map(|file| file as &dyn ArtifactSource).collect();
    Oci.inspect(&Said { id: id.as_ref(), version: version.as_ref() }, &sources)
}
pub(crate) fn inspect(version: &str, files: &[Bytes]) -> Result<Inspection, InspectRefusal> {
    inspect_as(Some(ID), Some(version), files)
}

pub(crate) fn publish(log: &mut Log<Oci>, version: &str, image: &Image) {
    log.publish_inspected(&inspect(version, &image.files).unwrap());
}

pub(crate) fn get(store: &Store<Oci>, path: &str) -> Response {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let mut request = Request::get("/v2/", path);
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    request.query = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    store.answer(&request)
}
pub(crate) fn header<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    response.headers.iter().find(|(n, _)| *n == name).map(|(_, value)| value.as_str())
}
pub(crate) fn code(response: &Response) -> String {
    let json: serde_json::Value = serde_json::from_str(&text(response)).unwrap();
    json["errors"][0]["code"].as_str().unwrap().to_owned()
}
