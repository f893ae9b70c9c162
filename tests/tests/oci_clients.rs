//! Clients of OCI registries as they are in use, unmodified, against a real registry: what they pull, list and refuse, and what
//! `deedbox publish` takes from the tools that make images (spec/projections/oci.md, docs/guides/oci.md).
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop where it stands, and so may what it is made of"
)]

use std::{
    fs,
    process::Command,
    sync::{Mutex, PoisonError},
};

use deedbox_tests::{
    clients,
    images::{Bench, at},
    oci_engines::{Containerd, Docker, OtherRegistry},
    oci_layout::{Layout, MANIFEST, root_digest},
    registry::{Running, Said},
};
use serde_json::{Value, json};

/// One registry for all tests here, with the two-platform image `app:1.0` in it.
fn shared() -> &'static Running {
    static SHARED: Mutex<Option<&'static Running>> = Mutex::new(None);
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(running) = *shared {
        return running;
    }
    let running: &'static Running = Box::leak(Box::new(Running::start().unwrap()));
    let scratch = tempfile::tempdir().unwrap();
    let layout = Layout::new(scratch.path());
    layout.two_platforms("app", "1.0");
    running.deedbox(["publish", layout.path(), "--id", "oci:demo.localhost/app", "--version", "1.0"]).unwrap().done().unwrap();
    *shared = Some(running);
    running
}

fn inspected(bench: &Bench, image: &str) -> Value {
    let said = bench.skopeo(&["inspect", "--tls-verify=false", &format!("docker://{image}")]).done().unwrap();
    serde_json::from_str(&said.out).unwrap()
}

#[test]
fn skopeo_inspects_lists_and_copies_every_byte() {
    let (registry, bench) = (shared(), Bench::new(&["skopeo"]));
    let image = at(registry, "app");
    let found = inspected(&bench, &format!("{image}:1.0"));
    assert_eq!(found["RepoTags"], json!(["1.0", "latest"]));
    let tags = bench.skopeo(&["list-tags", "--tls-verify=false", &format!("docker://{image}")]).done().unwrap();
    assert_eq!(serde_json::from_str::<Value>(&tags.out).unwrap()["Tags"], json!(["1.0", "latest"]));
    bench.skopeo(&["copy", "--all", "--src-tls-verify=false", &format!("docker://{image}:latest"), "oci:all:1.0"]).done().unwrap();
    let scratch = tempfile::tempdir().unwrap();
    let layout = Layout::new(scratch.path());
    layout.two_platforms("app", "1.0");
    assert_eq!(root_digest(&bench.folder().join("all")), root_digest(layout.folder()));
    for blob in fs::read_dir(layout.folder().join("blobs/sha256")).unwrap() {
        let blob = blob.unwrap();
        let copied = bench.folder().join("all/blobs/sha256").join(blob.file_name());
        assert_eq!(fs::read(blob.path()).unwrap(), fs::read(copied).unwrap());
    }
}

#[test]
fn one_platform_of_two_is_pulled_alone_and_by_digest() {
    let (registry, bench) = (shared(), Bench::new(&["skopeo"]));
    let image = at(registry, "app");
    let from = format!("docker://{image}:1.0");
    bench.skopeo(&["--override-arch", "arm64", "copy", "--src-tls-verify=false", &from, "oci:arm:1.0"]).done().unwrap();
    let digest = root_digest(&bench.folder().join("arm"));
    assert_eq!(fs::read_dir(bench.folder().join("arm/blobs/sha256")).unwrap().count(), 3, "a manifest, a configuration, a layer");
    let pinned = inspected(&bench, &format!("{image}@{digest}"));
    assert_eq!((&pinned["Architecture"], pinned["Digest"].as_str()), (&json!("arm64"), Some(digest.as_str())));
}

#[test]
fn podman_pulls_with_the_settings_that_setup_writes() {
    let (registry, bench) = (shared(), Bench::new(&["podman"]));
    let dir = bench.path("");
    registry.deedbox(["setup", "oci", "--domain", "demo.localhost", "--dir", &dir]).unwrap().done().unwrap();
    let (root, run, policy) = (bench.path("store"), bench.path("run"), bench.path("policy.json"));
    let podman = |args: &[&str]| {
        let mut command = bench.command("podman");
        command.env("CONTAINERS_REGISTRIES_CONF", bench.path("registries.conf"));
        Said::of(command.args(["--root", &root, "--runroot", &run, "--storage-driver", "vfs"]).args(args)).unwrap()
    };
    podman(&["pull", "--signature-policy", &policy, "demo.localhost/app:1.0"]).done().unwrap();
    let said = podman(&["image", "inspect", "demo.localhost/app:1.0"]).done().unwrap();
    let image: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(image[0]["Config"]["Cmd"], json!(["/content"]));
    // What podman saves is published, in both of its forms.
    for (format, version) in [("oci-archive", "1.0"), ("docker-archive", "1.1")] {
        let file = bench.path(&format!("{format}.tar"));
        podman(&["save", "--format", format, "-o", &file, "demo.localhost/app:1.0"]).done().unwrap();
        registry.deedbox(["publish", &file, "--id", "oci:demo.localhost/podman", "--version", version]).unwrap().done().unwrap();
        podman(&["pull", "--signature-policy", &policy, &format!("demo.localhost/podman:{version}")]).done().unwrap();
        let said = podman(&["image", "inspect", &format!("demo.localhost/podman:{version}")]).done().unwrap();
        let again: Value = serde_json::from_str(&said.out).unwrap();
        assert_eq!(again[0]["RootFS"], image[0]["RootFS"], "{format}");
    }
}

#[test]
fn buildah_pulls_and_builds_on_what_it_pulled() {
    let (registry, bench) = (shared(), Bench::new(&["buildah"]));
    let (image, policy) = (format!("{}:1.0", at(registry, "app")), bench.path("policy.json"));
    bench.store("buildah", &["pull", "--tls-verify=false", "--signature-policy", &policy, &image]).done().unwrap();
    let from = bench.store("buildah", &["from", "--pull-never", "--signature-policy", &policy, &image]).done().unwrap();
    let container = from.out.trim().to_owned();
    bench.store("buildah", &["config", "--label", "made=here", &container]).done().unwrap();
    let layout = bench.path("built");
    let to = format!("oci:{layout}:2.0");
    bench.store("buildah", &["commit", "--signature-policy", &policy, &container, &to]).done().unwrap();
    registry.deedbox(["publish", &layout, "--id", "oci:demo.localhost/built", "--version", "2.0"]).unwrap().done().unwrap();
    let skopeo = Bench::new(&["skopeo"]);
    assert_eq!(inspected(&skopeo, &format!("{}:2.0", at(registry, "built")))["Labels"]["made"], "here");
}

#[test]
fn umoci_makes_an_image_from_nothing_and_unpacks_it_again() {
    let (registry, bench) = (shared(), Bench::new(&["umoci", "skopeo"]));
    let layout = bench.path("made");
    bench.run("umoci", &["init", "--layout", &layout]).done().unwrap();
    bench.run("umoci", &["new", "--image", &format!("{layout}:1.0")]).done().unwrap();
    fs::write(bench.path("program"), "a program").unwrap();
    let program = bench.path("program");
    bench.run("umoci", &["insert", "--rootless", "--image", &format!("{layout}:1.0"), &program, "/program"]).done().unwrap();
    bench.run("umoci", &["config", "--image", &format!("{layout}:1.0"), "--config.cmd", "/program"]).done().unwrap();
    registry.deedbox(["publish", &layout, "--id", "oci:demo.localhost/made", "--version", "1.0"]).unwrap().done().unwrap();
    let from = format!("docker://{}:1.0", at(registry, "made"));
    bench.skopeo(&["copy", "--src-tls-verify=false", &from, "oci:back:1.0"]).done().unwrap();
    bench.run("umoci", &["unpack", "--rootless", "--image", "back:1.0", "bundle"]).done().unwrap();
    assert_eq!(fs::read_to_string(bench.path("bundle/rootfs/program")).unwrap(), "a program");
}

#[test]
fn containerd_pulls_a_platform() {
    let (registry, bench) = (shared(), Bench::new(&["containerd"]));
    let containerd = Containerd::start(&bench).unwrap();
    let ctr = |args: &[&str]| containerd.ctr(&bench, args);
    let image = format!("{}:1.0", at(registry, "app"));
    ctr(&["images", "pull", "--plain-http", "--snapshotter", "native", "--platform", "linux/arm64", &image]).done().unwrap();
    assert!(ctr(&["images", "ls", "-q"]).done().unwrap().out.contains(&image));
}

#[test]
fn the_docker_engine_pulls_and_what_it_saves_is_published() {
    let (registry, bench) = (shared(), Bench::new(&["docker.io", "skopeo"]));
    let engine = Docker::start(&bench).unwrap();
    let docker = |args: &[&str]| engine.docker(&bench, args);
    let image = format!("{}:1.0", at(registry, "app"));
    docker(&["pull", &image]).done().unwrap();
    let file = bench.path("saved.tar");
    docker(&["save", "-o", &file, &image]).done().unwrap();
    // The same archive gives the same manifest each time: a second publish finds the first.
    for how in ["published as", "was published before"] {
        let said = registry.deedbox(["publish", &file, "--id", "oci:demo.localhost/saved", "--version", "1.0"]).unwrap().done().unwrap();
        assert!(said.out.contains(how), "{}", said.out);
    }
    let saved = format!("{}:1.0", at(registry, "saved"));
    docker(&["pull", &saved]).done().unwrap();
    let id = |image: &str| docker(&["image", "inspect", "--format", "{{.Id}}", image]).done().unwrap().out;
    assert_eq!(id(&saved), id(&image), "the configuration stayed byte for byte");
    let said = docker(&["push", &saved]);
    assert!(!said.ok && said.all().contains("deedbox publish"), "{}", said.all());
}

#[test]
fn an_image_comes_over_from_another_registry_byte_for_byte() {
    let (registry, bench) = (shared(), Bench::new(&["docker-registry", "skopeo"]));
    let other = OtherRegistry::start(&bench).unwrap();
    let layout = Layout::new(bench.folder());
    let root = layout.two_platforms("source", "3.0");
    let source = format!("docker://{}/team/source:3.0", other.host);
    let from = format!("oci:{}:3.0", layout.path());
    bench.skopeo(&["copy", "--all", "--dest-tls-verify=false", &from, &source]).done().unwrap();
    // Its tag is the version, where nothing else is said.
    registry.deedbox(["publish", &source, "--id", "oci:demo.localhost/source"]).unwrap().done().unwrap();
    let found = inspected(&bench, &format!("{}:3.0", at(registry, "source")));
    assert_eq!(found["Digest"], root["digest"]);
    let said = registry.deedbox(["publish", &format!("docker://{}/team/none:1", other.host), "--id", "oci:demo.localhost/none"]).unwrap();
    assert!(!said.ok && said.err.contains("404"), "{}", said.err);
}

#[test]
fn oras_pulls_a_chart_and_finds_what_refers_to_it() {
    let (registry, bench) = (shared(), Bench::new(&["curl"]));
    let oras = clients::oras().unwrap();
    let layout = Layout::new(bench.folder());
    // As Helm packs it.
    let config = layout.blob("application/vnd.cncf.helm.config.v1+json", br#"{"name":"chart","version":"0.1.0","apiVersion":"v2"}"#);
    let mut chart = layout.blob("application/vnd.cncf.helm.chart.content.v1.tar+gzip", b"a chart");
    chart["annotations"] = json!({ "org.opencontainers.image.title": "chart-0.1.0.tgz" });
    let root = layout.document(MANIFEST, &json!({ "schemaVersion": 2, "config": config, "layers": [chart] }));
    layout.names(root.clone(), "0.1.0");
    registry.deedbox(["publish", layout.path(), "--id", "oci:demo.localhost/charts/chart", "--version", "0.1.0"]).unwrap().done().unwrap();
    // A signature in the shape that cosign and notation give it.
    let empty = layout.blob("application/vnd.oci.empty.v1+json", b"{}");
    let signature = json!({ "schemaVersion": 2, "mediaType": MANIFEST, "artifactType": "application/x-signature", "config": empty,
        "layers": [layout.blob("application/octet-stream", b"a signature")], "subject": root });
    layout.names(layout.document(MANIFEST, &signature), "0.1.0-sig");
    registry
        .deedbox(["publish", layout.path(), "--id", "oci:demo.localhost/charts/chart", "--version", "0.1.0-sig"])
        .unwrap()
        .done()
        .unwrap();

    let image = at(registry, "charts/chart");
    let script = "import sys, oras.client\nhost, image, out = sys.argv[1:4]\nclient = oras.client.OrasClient(hostname=host, insecure=True)\n\
                  print(sorted(client.get_tags(image)))\nprint(client.pull(target=image + ':0.1.0', outdir=out))\n\
                  print(client.get_manifest(image + ':0.1.0-sig')['artifactType'])\n";
    let out = bench.path("out");
    let host = image.split('/').next().unwrap().to_owned();
    let said = Said::of(oras.command(bench.folder(), bench.folder()).args(["-c", script, &host, &image, &out])).unwrap();
    assert!(said.clone().done().unwrap().out.contains("['0.1.0', 'latest']"), "{}", said.all());
    // A signature is not a version of the chart to choose, and is there for a client that names it.
    assert!(said.out.contains("application/x-signature"), "{}", said.all());
    assert_eq!(fs::read_to_string(bench.path("out/chart-0.1.0.tgz")).unwrap(), "a chart");

    let referrers = |filter: &str| -> Value {
        let url = format!("{}/v2/demo.localhost/charts/chart/referrers/{}{filter}", registry.url, root["digest"].as_str().unwrap());
        let said = Said::of(Command::new("curl").args(["-sSf", &url])).unwrap().done().unwrap();
        serde_json::from_str(&said.out).unwrap()
    };
    assert_eq!(referrers("")["manifests"][0]["artifactType"], "application/x-signature");
    assert_eq!(referrers("?artifactType=text/other")["manifests"], json!([]));
}

#[test]
fn a_yanked_image_has_no_tag_and_stays_where_it_is_pinned() {
    let (registry, bench) = (shared(), Bench::new(&["skopeo"]));
    let layout = Layout::new(bench.folder());
    let root = layout.two_platforms("yanked", "1.0");
    registry.deedbox(["publish", layout.path(), "--id", "oci:demo.localhost/yanked", "--version", "1.0"]).unwrap().done().unwrap();
    registry.deedbox(["yank", "oci:demo.localhost/yanked@1.0"]).unwrap().done().unwrap();
    let image = at(registry, "yanked");
    for tag in ["1.0", "latest"] {
        let said = bench.skopeo(&["inspect", "--tls-verify=false", &format!("docker://{image}:{tag}")]);
        assert!(!said.ok && said.err.contains("manifest unknown"), "{}", said.err);
    }
    assert_eq!(inspected(&bench, &format!("{image}@{}", root["digest"].as_str().unwrap()))["Os"], "linux");
}

#[test]
fn what_is_no_release_is_refused_before_anything_is_sent() {
    let (registry, bench) = (shared(), Bench::new(&[]));
    let layout = Layout::new(bench.folder());
    let root = layout.two_platforms("broken", "1.0");
    let publish = |more: &[&str]| registry.deedbox([&["publish", layout.path(), "--dry-run"], more].concat()).unwrap();
    let named = ["--id", "oci:demo.localhost/broken", "--version", "1.0"];
    assert!(publish(&named).ok);
    assert!(publish(&named[2..]).err.contains("--id oci:DOMAIN/NAME"));
    assert!(publish(&["--id", "oci:demo.localhost/broken", "--version", "latest"]).err.contains("a tag that moves"));
    let path = layout.folder().join("blobs/sha256").join(&root["digest"].as_str().unwrap()[7..]);
    let index = fs::read(&path).unwrap();
    fs::write(&path, [index, b" ".to_vec()].concat()).unwrap();
    let said = publish(&named);
    assert!(!said.ok && said.err.contains("its bytes have sha256:"), "{}", said.err);
    fs::remove_file(path).unwrap();
    assert!(publish(&named).err.contains("does not have sha256:"));
}
