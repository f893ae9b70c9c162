//! Images whose names say what they are, and archives whose index names more than they hold.

use super::outcomes;
use crate::common::{Place, claimed};
use deedbox_model::Sha256Digest;
use serde_json::{Value, json};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// Writes a blob of a layout; gives its descriptor.
fn blob(place: &Place, layout: &str, media_type: &str, bytes: &[u8]) -> Value {
    let hex = Sha256Digest::of(bytes).to_hex();
    place.write(&format!("{layout}/blobs/sha256/{hex}"), bytes);
    json!({ "mediaType": media_type, "digest": format!("sha256:{hex}"), "size": bytes.len() })
}

/// An image of one layer for a platform.
fn image(place: &Place, layout: &str, architecture: &str) -> Value {
    let layer = blob(place, layout, "application/vnd.oci.image.layer.v1.tar", format!("layer of {architecture}").as_bytes());
    let config = json!({ "architecture": architecture, "os": "linux", "rootfs": { "type": "layers", "diff_ids": [layer["digest"]] } });
    let config = blob(place, layout, "application/vnd.oci.image.config.v1+json", config.to_string().as_bytes());
    let manifest = json!({ "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer] });
    let mut descriptor = blob(place, layout, MANIFEST, manifest.to_string().as_bytes());
    descriptor["platform"] = json!({ "os": "linux", "architecture": architecture });
    descriptor
}

/// A layout of an index over these images, called `name`.
fn index(place: &Place, layout: &str, images: &[Value], name: &str) -> String {
    let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": images });
    let mut root = blob(place, layout, INDEX, index.to_string().as_bytes());
    root["annotations"] = json!({ "org.opencontainers.image.ref.name": "1.0", "io.containerd.image.name": name });
    place.write(&format!("{layout}/index.json"), json!({ "schemaVersion": 2, "manifests": [root] }).to_string());
    place.write(&format!("{layout}/oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#);
    place.path(layout).display().to_string()
}

fn missing(architecture: &str) -> Value {
    let digest = format!("sha256:{}", Sha256Digest::of(architecture.as_bytes()).to_hex());
    json!({ "mediaType": MANIFEST, "digest": digest, "size": 9, "platform": { "os": "linux", "architecture": architecture } })
}

#[test]
fn an_archive_with_one_whole_image_is_that_image_and_says_what_is_not_there() {
    let place = Place::new();
    let registry = claimed(&place);
    let url = registry.url.as_str();
    let here = image(&place, "one", "amd64");
    let attestation = json!({ "mediaType": MANIFEST, "digest": missing("att")["digest"], "size": 9, "platform": { "os": "unknown", "architecture": "unknown" } });
    let sparse =
        index(&place, "one", &[here.clone(), missing("arm64"), missing("s390x"), attestation], "127.0.0.1:1/demo.localhost/one:1.0");
    let said = place.at(url, &["publish", &sparse]).done().says("oci:demo.localhost/one@1.0 published");
    let digest = here["digest"].as_str().unwrap();
    for words in ["holds one image, for linux/amd64", "names 2 more that are not here (linux/arm64, linux/s390x)", digest] {
        assert!(said.err.contains(words), "{words}: {said:?}");
    }
    let json = place.at(url, &["publish", "--json", &sparse]).done();
    assert_eq!(outcomes(&json), ["oci:demo.localhost/one@1.0 unchanged"]);
    assert!(json.json()["warnings"][0].as_str().unwrap().contains("linux/arm64"));

    let images = [image(&place, "two", "amd64"), image(&place, "two", "arm64"), missing("s390x")];
    let two = index(&place, "two", &images, "registry.example/demo.localhost/two:1.0");
    place
        .at(url, &["publish", &two])
        .ends(1, "names images that are not here (linux/s390x) beside those that are (linux/amd64, linux/arm64)");
    let none = index(&place, "none", &[missing("amd64"), missing("arm64")], "registry.example/demo.localhost/none:1.0");
    place.at(url, &["publish", &none]).ends(1, "and none that is here whole");
    let images = [image(&place, "all", "amd64"), image(&place, "all", "arm64")];
    let all = index(&place, "all", &images, "registry.example/demo.localhost/all:1.0");
    let said = place.at(url, &["publish", "--json", &all]).done();
    assert_eq!(
        (outcomes(&said), said.json()["warnings"].as_array().unwrap().len()),
        (vec!["oci:demo.localhost/all@1.0 published".to_owned()], 0)
    );
}

#[test]
fn an_image_needs_no_flags_where_its_name_or_the_key_says_whose_it_is() {
    let place = Place::new();
    let registry = claimed(&place);
    let url = registry.url.as_str();
    let one = [image(&place, "plain", "amd64")];
    let plain = index(&place, "plain", &one, "tools/app:1.0");
    place.at(url, &["publish", &plain]).done().says("oci:demo.localhost/tools/app@1.0 published");
    // A name that is only a tag says nothing, and the refusal says what to say.
    let root = json!({ "schemaVersion": 2, "manifests": [one[0]] });
    place.write("plain/index.json", root.to_string());
    place.at(url, &["publish", &plain]).ends(1, "--id");
    place.at(url, &["publish", &plain, "--id", "oci:demo.localhost/named", "--version", "1.0"]).done();
    // A key inside a layer is found by its path there.
    let pem = format!("-----{} PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", "BEGIN", "Ab1+".repeat(16));
    let mut tar = tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
    let mut header = tar::Header::new_gnu();
    header.set_size(pem.len() as u64);
    header.set_mode(0o644);
    tar.append_data(&mut header, "etc/ssl/server.key", pem.as_bytes()).unwrap();
    let layer = blob(&place, "keyed", "application/vnd.oci.image.layer.v1.tar+gzip", &tar.into_inner().unwrap().finish().unwrap());
    let config = blob(&place, "keyed", "application/vnd.oci.image.config.v1+json", b"{\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[]}}");
    let manifest = json!({ "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer] });
    let manifest = blob(&place, "keyed", MANIFEST, manifest.to_string().as_bytes());
    let keyed = index(&place, "keyed", &[manifest], "registry.example/demo.localhost/keyed:1.0");
    place.at(url, &["publish", &keyed]).ends(1, "etc/ssl/server.key, line 1");
    place.at(url, &["publish", &keyed, "--allow-private-key", "etc/ssl/server.key"]).done();
}
