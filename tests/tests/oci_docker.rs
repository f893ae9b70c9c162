//! Docker's engine, and images of Docker's own media types: schema 2 manifests and manifest lists as tools write them are published as
//! they are, and what clients pull is the same to the byte (spec/projections/oci.md §3.1).
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop where it stands, and so may what it is made of"
)]

use std::{collections::BTreeMap, fs, path::Path};

use deedbox_tests::{
    images::{Bench, at},
    oci_engines::{Docker, OtherRegistry},
    oci_layout::{Layout, digest},
    registry::Running,
};
use serde_json::{Value, json};

const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";
const DOCKER_LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";

/// An answer's bytes and type.
fn answer(bench: &Bench, url: &str) -> (Vec<u8>, String) {
    let accept = format!("Accept: {DOCKER_LIST}, {DOCKER_MANIFEST}, */*");
    let said = bench.run("curl", &["-sSf", "-H", &accept, "-o", "got", "-w", "%{content_type}", url]).done().unwrap();
    (fs::read(bench.path("got")).unwrap(), said.out)
}

/// A manifest list, all its manifests and all their blobs in a registry, by digest, each with its type.
fn closure(bench: &Bench, repository: &str, tag: &str) -> BTreeMap<String, (Vec<u8>, String)> {
    let mut all = BTreeMap::new();
    let root = answer(bench, &format!("{repository}/manifests/{tag}"));
    let list: Value = serde_json::from_slice(&root.0).unwrap();
    all.insert(digest(&root.0), root);
    for platform in list["manifests"].as_array().unwrap() {
        assert_eq!(platform["mediaType"], DOCKER_MANIFEST);
        let named = platform["digest"].as_str().unwrap();
        let manifest = answer(bench, &format!("{repository}/manifests/{named}"));
        let members: Value = serde_json::from_slice(&manifest.0).unwrap();
        assert_eq!((&members["config"]["mediaType"], &members["layers"][0]["mediaType"]), (&json!(DOCKER_CONFIG), &json!(DOCKER_LAYER)));
        for blob in [&members["config"], &members["layers"][0]] {
            let named = blob["digest"].as_str().unwrap();
            all.insert(named.to_owned(), answer(bench, &format!("{repository}/blobs/{named}")));
        }
        all.insert(named.to_owned(), manifest);
    }
    all
}

/// The files of a folder in Skopeo's `dir:` form, by the digest of their bytes.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let files = fs::read_dir(folder).unwrap().map(|entry| fs::read(entry.unwrap().path()).unwrap());
    files.map(|bytes| (digest(&bytes), bytes)).collect()
}

#[test]
fn an_image_of_dockers_own_media_types_is_published_and_pulled_byte_for_byte() {
    let registry = Running::start().unwrap();
    let bench = Bench::new(&["docker-registry", "skopeo", "docker.io", "podman", "curl"]);
    let other = OtherRegistry::start(&bench).unwrap();
    let layout = Layout::new(bench.folder());
    layout.two_platforms("docker", "1.0");
    // Skopeo makes Docker's media types of it: a list, two schema 2 manifests, configurations and layers.
    let (from, to) = (format!("oci:{}:1.0", layout.path()), format!("docker://{}/team/docker:1.0", other.host));
    bench.skopeo(&["copy", "--all", "--format", "v2s2", "--dest-tls-verify=false", &from, &to]).done().unwrap();
    registry.deedbox(["publish", &to, "--id", "oci:demo.localhost/docker"]).unwrap().done().unwrap();

    let source = closure(&bench, &format!("http://{}/v2/team/docker", other.host), "1.0");
    let served = closure(&bench, &format!("{}/v2/demo.localhost/docker", registry.url), "1.0");
    assert_eq!(source.len(), 7, "a list, and a manifest, a configuration and a layer of each platform");
    assert_eq!(source.keys().collect::<Vec<_>>(), served.keys().collect::<Vec<_>>());
    for (digest, (bytes, media_type)) in &source {
        assert!(served[digest].0 == *bytes, "{digest}: other bytes");
        if media_type.contains("manifest") {
            assert_eq!(served[digest].1, *media_type, "{digest}");
        }
    }
    let root = digest(&answer(&bench, &format!("{}/v2/demo.localhost/docker/manifests/1.0", registry.url)).0);
    assert_eq!(source[&root].1, DOCKER_LIST);

    // Skopeo, all of it.
    let image = at(&registry, "docker");
    let tagged = format!("{image}:1.0");
    bench.skopeo(&["copy", "--all", "--src-tls-verify=false", &format!("docker://{tagged}"), "dir:copied"]).done().unwrap();
    let copied = files(&bench.folder().join("copied"));
    for (digest, (bytes, _)) in &source {
        assert!(copied.get(digest) == Some(bytes), "{digest} is not what Skopeo copied");
    }
    // Docker's engine: the image's id is the digest of its configuration, and it remembers by which list it came.
    let amd64 = source.values().find_map(|(bytes, media_type)| {
        let manifest: Value = (media_type == DOCKER_MANIFEST).then(|| serde_json::from_slice(bytes).unwrap())?;
        let config = manifest["config"]["digest"].as_str()?.to_owned();
        let of: Value = serde_json::from_slice(&source[&config].0).unwrap();
        (of["architecture"] == "amd64").then_some(config)
    });
    let amd64 = amd64.unwrap();
    let engine = Docker::start(&bench).unwrap();
    let docker = |args: &[&str]| engine.docker(&bench, args).done().unwrap().out.trim().to_owned();
    let pinned = format!("{image}@{root}");
    docker(&["pull", &pinned]);
    docker(&["pull", &tagged]);
    assert_eq!(docker(&["image", "inspect", "--format", "{{.Id}}", &tagged]), amd64);
    assert_eq!(docker(&["image", "inspect", "--format", "{{index .RepoDigests 0}}", &pinned]), pinned);
    // Podman, the same.
    let policy = bench.path("policy.json");
    bench.store("podman", &["pull", "--tls-verify=false", "--signature-policy", &policy, &tagged]).done().unwrap();
    let said = bench.store("podman", &["image", "inspect", "--format", "{{.Id}} {{.ManifestType}}", &tagged]).done().unwrap();
    assert_eq!(said.out.trim(), format!("{} {DOCKER_MANIFEST}", &amd64["sha256:".len()..]));
}
