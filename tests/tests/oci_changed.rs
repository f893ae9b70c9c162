//! What clients do with bytes that are not those of their digest. A registry's disk is changed: one layer is another sound layer of the
//! same size, so that nothing but a digest tells them apart. Each client pulls it; what it did is the row that the guide has for it
//! (docs/guides/oci.md, "Changed bytes"), so a client that takes to another way makes its test fail.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop where it stands, and so may what it is made of"
)]

use std::{
    fs,
    sync::{Mutex, PoisonError},
};

use deedbox_tests::{
    clients,
    images::{Bench, at},
    oci_engines::{Containerd, Docker},
    oci_layout::{Layer, Layout, MANIFEST, digest, noise},
    registry::{Running, Said},
};
use serde_json::json;

const GUIDE: &str = include_str!("../../docs/guides/oci.md");
/// Those that are tried here, as the guide calls them.
const CLIENTS: [&str; 8] =
    ["Skopeo", "Podman", "Buildah", "containerd, `ctr`", "Docker", "oras (Python)", "`deedbox publish docker://…`", "`deedbox verify`"];
const REFUSED: &str = "refused";
const TAKEN: &str = "taken";

/// A registry that serves another layer for `app:1.0` and another chart for `charts/app:1.0` than was published.
struct Changed {
    registry: Running,
    layer: Layer,
    chart: Vec<u8>,
}

fn changed() -> &'static Changed {
    static SHARED: Mutex<Option<&'static Changed>> = Mutex::new(None);
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(changed) = *shared {
        return changed;
    }
    let registry = Running::start().unwrap();
    let scratch = tempfile::tempdir().unwrap();
    let layout = Layout::new(&scratch.path().join("app"));
    let (published, other) = (Layer::new("this is the app"), Layer::new("that is the app"));
    layout.names(layout.image(&published, "amd64"), "1.0");
    registry.deedbox(["publish", layout.path(), "--id", "oci:demo.localhost/app", "--version", "1.0"]).unwrap().done().unwrap();

    let charts = Layout::new(&scratch.path().join("charts"));
    let config = charts.blob("application/vnd.cncf.helm.config.v1+json", br#"{"name":"app","version":"1.0","apiVersion":"v2"}"#);
    let (chart, other_chart) = ([b"this chart".to_vec(), noise(1_500_000)].concat(), [b"that chart".to_vec(), noise(1_500_000)].concat());
    let mut packed = charts.blob("application/vnd.cncf.helm.chart.content.v1.tar+gzip", &chart);
    packed["annotations"] = json!({ "org.opencontainers.image.title": "app-1.0.tgz" });
    charts.names(charts.document(MANIFEST, &json!({ "schemaVersion": 2, "config": config, "layers": [packed] })), "1.0");
    registry.deedbox(["publish", charts.path(), "--id", "oci:demo.localhost/charts/app", "--version", "1.0"]).unwrap().done().unwrap();

    for id in ["app", "charts/app"] {
        registry.deedbox(["verify", &format!("oci:demo.localhost/{id}@1.0")]).unwrap().done().unwrap();
    }
    for (published, other) in [(&published.packed, &other.packed), (&chart, &other_chart)] {
        assert_eq!(published.len(), other.len(), "only a digest tells them apart");
        fs::write(registry.object(published), other).unwrap();
    }
    let changed: &'static Changed = Box::leak(Box::new(Changed { registry, layer: other, chart: other_chart }));
    *shared = Some(changed);
    changed
}

/// What the guide says that a client does, and the words that it says itself.
fn row(client: &str) -> (&'static str, &'static str) {
    let cells = rows().into_iter().find(|cells| cells[0] == client).unwrap_or_else(|| panic!("the guide has no row for {client}"));
    (cells[1], cells[2].trim_matches('`'))
}

/// The cells of the guide's table.
fn rows() -> Vec<Vec<&'static str>> {
    let table = GUIDE.split_once("## Changed bytes").unwrap().1.split_once("\n## ").unwrap().0;
    let lines = table.lines().filter(|line| line.starts_with('|')).skip(2);
    lines.map(|line| line.trim_matches('|').split('|').map(str::trim).collect()).collect()
}

/// It did not take them, and said why in the words that the guide has.
fn refused(client: &str, said: &Said) {
    let (what, words) = row(client);
    assert_eq!(what, REFUSED, "the guide says that {client} took it, and it did not: {}", said.all());
    assert!(!said.ok, "{client} took changed bytes: {}", said.all());
    assert!(words.len() > 8 && said.all().contains(words), "{client} did not say {words:?}: {}", said.all());
}

fn image() -> String {
    format!("{}:1.0", at(&changed().registry, "app"))
}

#[test]
fn the_registry_serves_the_changed_layer() {
    let (changed, bench) = (changed(), Bench::new(&["curl"]));
    let published = Layer::new("this is the app");
    let url = format!("{}/v2/demo.localhost/app/blobs/{}", changed.registry.url, digest(&published.packed));
    bench.run("curl", &["-sSf", "-o", "got", &url]).done().unwrap();
    assert_eq!(fs::read(bench.path("got")).unwrap(), changed.layer.packed);
    assert_ne!(published.packed, changed.layer.packed);
}

#[test]
fn the_guide_has_a_row_for_each_client_that_is_tried_and_no_other() {
    let named: Vec<&str> = rows().into_iter().map(|cells| cells[0]).collect();
    assert_eq!(named, CLIENTS);
}

#[test]
fn skopeo_refuses_a_changed_layer() {
    let bench = Bench::new(&["skopeo"]);
    let said = bench.skopeo(&["copy", "--src-tls-verify=false", &format!("docker://{}", image()), "oci:out:1.0"]);
    refused("Skopeo", &said);
}

#[test]
fn podman_and_buildah_refuse_a_changed_layer_and_keep_no_image() {
    for (client, program) in [("Podman", "podman"), ("Buildah", "buildah")] {
        let bench = Bench::new(&[program]);
        let policy = bench.path("policy.json");
        refused(client, &bench.store(program, &["pull", "--tls-verify=false", "--signature-policy", &policy, &image()]));
        assert_eq!(bench.store(program, &["images", "-q"]).done().unwrap().out, "", "{client} has it");
    }
}

#[test]
fn containerd_refuses_a_changed_layer_and_keeps_no_image() {
    let bench = Bench::new(&["containerd"]);
    let engine = Containerd::start(&bench).unwrap();
    let pull = ["images", "pull", "--plain-http", "--snapshotter", "native", "--platform", "linux/amd64", &image()];
    refused("containerd, `ctr`", &engine.ctr(&bench, &pull));
    let content = engine.ctr(&bench, &["content", "ls", "-q"]).done().unwrap().out;
    assert!(!content.contains(&digest(&changed().layer.packed)), "it keeps the changed layer: {content}");
}

#[test]
fn the_docker_engine_refuses_a_changed_layer_and_keeps_no_image() {
    let bench = Bench::new(&["docker.io"]);
    let engine = Docker::start(&bench).unwrap();
    refused("Docker", &engine.docker(&bench, &["pull", &image()]));
    assert_eq!(engine.docker(&bench, &["images", "-q"]).done().unwrap().out, "");
}

/// Its `download_blob` compares no digest: whoever uses it must.
#[test]
fn oras_for_python_takes_changed_bytes_and_verify_refuses_what_it_took() {
    let (changed, bench) = (changed(), Bench::new(&[]));
    let oras = clients::oras().unwrap();
    let image = at(&changed.registry, "charts/app");
    let (host, out) = (image.split('/').next().unwrap(), bench.path("out"));
    let script = "import sys, oras.client\nhost, image, out = sys.argv[1:4]\n\
                  print(oras.client.OrasClient(hostname=host, insecure=True).pull(target=image + ':1.0', outdir=out))\n";
    let said = Said::of(oras.command(bench.folder(), bench.folder()).args(["-c", script, host, &image, &out])).unwrap();
    assert_eq!(row("oras (Python)").0, TAKEN);
    assert!(said.ok, "it refuses now: say so in the guide, and here: {}", said.all());
    let got = bench.path("out/app-1.0.tgz");
    assert!(fs::read(&got).unwrap() == changed.chart, "it got the changed chart, whole");

    let said = changed.registry.deedbox(["verify", "oci:demo.localhost/charts/app@1.0"]).unwrap();
    assert!(!said.ok && said.all().contains("is not what oci:demo.localhost/charts/app@1.0 says"), "{}", said.all());
}

#[test]
fn a_publish_from_a_registry_with_a_changed_layer_is_refused() {
    let registry = Running::start().unwrap();
    let from = format!("docker://{}", image());
    refused("`deedbox publish docker://…`", &registry.deedbox(["publish", &from, "--id", "oci:demo.localhost/copy"]).unwrap());
    assert!(!registry.object(&changed().layer.packed).exists(), "it was sent");
}

#[test]
fn verify_refuses_a_changed_layer() {
    let changed = changed();
    refused("`deedbox verify`", &changed.registry.deedbox(["verify", "oci:demo.localhost/app@1.0"]).unwrap());
    // By its manifest alone it is still the release: what is wrong are bytes of a layer.
    let manifest = format!("{}/v2/demo.localhost/app/manifests/1.0", changed.registry.url);
    let bench = Bench::new(&["curl"]);
    bench.run("curl", &["-sSf", "-o", "manifest", &manifest]).done().unwrap();
    let file = bench.path("manifest");
    let verify = || changed.registry.deedbox(["verify", "oci:demo.localhost/app@1.0", "--no-download", &file]).unwrap();
    verify().done().unwrap();
    fs::write(&file, &changed.layer.packed).unwrap();
    assert!(!verify().ok, "{}", verify().all());
}
