//! What clients do with bytes that are not those of their digest: one layer is another sound layer of the same size, so that nothing but
//! a digest tells them apart. Once it was changed on a registry's own disk, which then gives nobody all of it; once on the way. Each client
//! pulls both; what it did is the row that the guide has for it (docs/guides/oci.md, "Changed bytes"), so a client that takes to another way
//! makes its test fail.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop where it stands, and so may what it is made of"
)]

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    sync::{Mutex, PoisonError},
};

use deedbox_tests::{
    clients,
    images::{Bench, at},
    oci_engines::{Containerd, Docker},
    oci_layout::{Layer, Layout, MANIFEST, digest, noise},
    registry::{Running, Said},
    still::{self, Still},
};
use serde_json::json;

const GUIDE: &str = include_str!("../../docs/guides/oci.md");
/// Those that are tried here, as the guide calls them.
const CLIENTS: [&str; 8] =
    ["Skopeo", "Podman", "Buildah", "containerd, `ctr`", "Docker", "oras (Python)", "`deedbox publish docker://…`", "`deedbox verify`"];
const REFUSED: &str = "refused";
const TAKEN: &str = "taken";

/// Another layer for `app:1.0` and another chart for `charts/app:1.0` than was published.
struct Changed {
    /// Has them on its disk.
    registry: Running,
    /// Gives them out, as a host and port: what the registry said before, but for these two.
    way: String,
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
    let mut said = BTreeMap::from([("/v2/".to_owned(), Still { bytes: b"{}".to_vec(), ..Still::default() })]);
    keep(&mut said, &registry, "app", layout.path());
    keep(&mut said, &registry, "charts/app", charts.path());
    for (published, other) in [(&published.packed, &other.packed), (&chart, &other_chart)] {
        assert_eq!(published.len(), other.len(), "only a digest tells them apart");
        fs::write(registry.object(published), other).unwrap();
        let on_the_way: Vec<&mut Still> = said.values_mut().filter(|still| still.bytes == *published).collect();
        assert_eq!(on_the_way.len(), 1);
        on_the_way.into_iter().for_each(|still| still.bytes.clone_from(other));
    }
    let way = still::serve(said).unwrap();
    let changed: &'static Changed = Box::leak(Box::new(Changed { registry, way, layer: other, chart: other_chart }));
    *shared = Some(changed);
    changed
}

/// What the registry says at each address of an image: by its tag, and each blob of the layout by its digest.
fn keep(said: &mut BTreeMap<String, Still>, registry: &Running, name: &str, layout: &str) {
    let mut paths = vec!["manifests/1.0".to_owned()];
    for blob in fs::read_dir(Path::new(layout).join("blobs/sha256")).unwrap() {
        let hex = blob.unwrap().file_name().into_string().unwrap();
        paths.extend([format!("manifests/sha256:{hex}"), format!("blobs/sha256:{hex}")]);
    }
    let bench = Bench::new(&["curl"]);
    for path in paths {
        let path = format!("/v2/demo.localhost/{name}/{path}");
        let status = bench.run("curl", &["-sS", "-D", "head", "-o", "body", "-w", "%{http_code}", &format!("{}{path}", registry.url)]);
        if status.done().unwrap().out.trim() != "200" {
            continue;
        }
        let head = fs::read_to_string(bench.path("head")).unwrap();
        let fields = head.lines().filter_map(|line| line.split_once(": "));
        let fields = fields.filter(|(name, _)| ["content-type", "docker-content-digest"].contains(&name.to_ascii_lowercase().as_str()));
        let headers = fields.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        said.insert(path, Still { headers, bytes: fs::read(bench.path("body")).unwrap() });
    }
}

/// What the guide says that a client does with bytes that were changed on the way, and the words that it says itself.
fn row(client: &str) -> (&'static str, &'static str) {
    let cells = rows().into_iter().find(|cells| cells[0] == client).unwrap_or_else(|| panic!("the guide has no row for {client}"));
    (cells[2], cells[3].trim_matches('`'))
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

/// It did not take what the registry has on its disk, of which it got a part.
fn refused_damaged(client: &str, said: &Said) {
    let cells = rows().into_iter().find(|cells| cells[0] == client).unwrap();
    assert_eq!(cells[1], REFUSED);
    assert!(!said.ok, "{client} took damaged bytes: {}", said.all());
}

/// Changed on the way.
fn image() -> String {
    format!("{}/demo.localhost/app:1.0", changed().way)
}

/// Changed on the registry's disk.
fn damaged() -> String {
    format!("{}:1.0", at(&changed().registry, "app"))
}

#[test]
fn the_changed_layer_comes_whole_on_the_way_and_never_from_the_registry_itself() {
    let (changed, bench) = (changed(), Bench::new(&["curl"]));
    let published = Layer::new("this is the app");
    let path = format!("v2/demo.localhost/app/blobs/{}", digest(&published.packed));
    bench.run("curl", &["-sSf", "-o", "got", &format!("http://{}/{path}", changed.way)]).done().unwrap();
    assert_eq!(fs::read(bench.path("got")).unwrap(), changed.layer.packed);
    assert_ne!(published.packed, changed.layer.packed);
    assert!(!bench.run("curl", &["-sSf", "-o", "part", &format!("{}/{path}", changed.registry.url)]).ok);
    assert!(fs::read(bench.path("part")).unwrap().len() < published.packed.len());
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
    let said = bench.skopeo(&["copy", "--src-tls-verify=false", &format!("docker://{}", damaged()), "oci:damaged:1.0"]);
    refused_damaged("Skopeo", &said);
}

#[test]
fn podman_and_buildah_refuse_a_changed_layer_and_keep_no_image() {
    for (client, program) in [("Podman", "podman"), ("Buildah", "buildah")] {
        let bench = Bench::new(&[program]);
        let policy = bench.path("policy.json");
        let pull = |image: &str| bench.store(program, &["pull", "--tls-verify=false", "--signature-policy", &policy, image]);
        refused(client, &pull(&image()));
        refused_damaged(client, &pull(&damaged()));
        assert_eq!(bench.store(program, &["images", "-q"]).done().unwrap().out, "", "{client} has it");
    }
}

#[test]
fn containerd_refuses_a_changed_layer_and_keeps_no_image() {
    let bench = Bench::new(&["containerd"]);
    let engine = Containerd::start(&bench).unwrap();
    let pull = |image: &str| {
        engine.ctr(&bench, &["images", "pull", "--plain-http", "--snapshotter", "native", "--platform", "linux/amd64", image])
    };
    refused("containerd, `ctr`", &pull(&image()));
    refused_damaged("containerd, `ctr`", &pull(&damaged()));
    let content = engine.ctr(&bench, &["content", "ls", "-q"]).done().unwrap().out;
    assert!(!content.contains(&digest(&changed().layer.packed)), "it keeps the changed layer: {content}");
}

#[test]
fn the_docker_engine_refuses_a_changed_layer_and_keeps_no_image() {
    let bench = Bench::new(&["docker.io"]);
    let engine = Docker::start(&bench).unwrap();
    refused("Docker", &engine.docker(&bench, &["pull", &image()]));
    refused_damaged("Docker", &engine.docker(&bench, &["pull", &damaged()]));
    assert_eq!(engine.docker(&bench, &["images", "-q"]).done().unwrap().out, "");
}

/// Its `download_blob` compares no digest: its user must.
#[test]
fn oras_for_python_takes_what_was_changed_on_the_way_and_not_what_is_damaged_in_the_registry() {
    let (changed, bench) = (changed(), Bench::new(&[]));
    let oras = clients::oras().unwrap();
    let script = "import sys, oras.client\nhost, image, out = sys.argv[1:4]\n\
                  print(oras.client.OrasClient(hostname=host, insecure=True).pull(target=image + ':1.0', outdir=out))\n";
    let pull = |image: &str, out: &str| {
        let host = image.split('/').next().unwrap();
        Said::of(oras.command(bench.folder(), bench.folder()).args(["-c", script, host, image, &bench.path(out)])).unwrap()
    };
    let said = pull(&format!("{}/demo.localhost/charts/app", changed.way), "out");
    assert_eq!(row("oras (Python)").0, TAKEN);
    assert!(said.ok, "it refuses now: say so in the guide, and here: {}", said.all());
    assert!(fs::read(bench.path("out/app-1.0.tgz")).unwrap() == changed.chart, "it got the changed chart, whole");

    refused_damaged("oras (Python)", &pull(&at(&changed.registry, "charts/app"), "damaged"));
    let said = changed.registry.deedbox(["verify", "oci:demo.localhost/charts/app@1.0"]).unwrap();
    assert!(!said.ok, "{}", said.all());
}

#[test]
fn a_publish_from_a_registry_with_a_changed_layer_is_refused() {
    let registry = Running::start().unwrap();
    let from = format!("docker://{}", image());
    refused("`deedbox publish docker://…`", &registry.deedbox(["publish", &from, "--id", "oci:demo.localhost/copy"]).unwrap());
    let from = format!("docker://{}", damaged());
    refused_damaged("`deedbox publish docker://…`", &registry.deedbox(["publish", &from, "--id", "oci:demo.localhost/copy"]).unwrap());
    assert!(!registry.object(&changed().layer.packed).exists(), "it was sent");
}

#[test]
fn verify_refuses_a_changed_layer() {
    let changed = changed();
    let said = changed.registry.deedbox(["verify", "oci:demo.localhost/app@1.0"]).unwrap();
    refused_damaged("`deedbox verify`", &said);
    assert!(said.all().contains("the answer broke off"), "{}", said.all());
    // By its manifest alone it is still the release: what is wrong are bytes of a layer.
    let manifest = format!("{}/v2/demo.localhost/app/manifests/1.0", changed.registry.url);
    let bench = Bench::new(&["curl"]);
    bench.run("curl", &["-sSf", "-o", "manifest", &manifest]).done().unwrap();
    let file = bench.path("manifest");
    let verify = || changed.registry.deedbox(["verify", "oci:demo.localhost/app@1.0", "--no-download", &file]).unwrap();
    verify().done().unwrap();
    fs::write(&file, &changed.layer.packed).unwrap();
    refused("`deedbox verify`", &verify());
}
