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
    io::Write as _,
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use deedbox_tests::{
    clients,
    images::{Bench, at},
    registry::{Running, Said},
};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

const GUIDE: &str = include_str!("../../docs/guides/oci.md");
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

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

fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

/// An OCI layout, written here.
struct Layout(PathBuf);

impl Layout {
    fn new(parent: &Path) -> Self {
        let folder = parent.join("layout");
        fs::create_dir_all(folder.join("blobs/sha256")).unwrap();
        fs::write(folder.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
        Layout(folder)
    }
    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
    fn blob(&self, media_type: &str, bytes: &[u8]) -> Value {
        let digest = digest(bytes);
        fs::write(self.0.join("blobs/sha256").join(&digest[7..]), bytes).unwrap();
        json!({ "mediaType": media_type, "digest": digest, "size": bytes.len() })
    }
    fn document(&self, media_type: &str, document: &Value) -> Value {
        self.blob(media_type, &serde_json::to_vec(document).unwrap())
    }
    fn names(&self, mut root: Value, name: &str) {
        root["annotations"] = json!({ "org.opencontainers.image.ref.name": name });
        let index = json!({ "schemaVersion": 2, "manifests": [root] });
        fs::write(self.0.join("index.json"), serde_json::to_vec(&index).unwrap()).unwrap();
    }
    fn image(&self, what: &str, architecture: &str) -> Value {
        let mut tar = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_ustar();
        // Larger than what a registry keeps in memory, and nothing that gets smaller when it is packed.
        let content = [format!("{what} {architecture}\n").into_bytes(), noise(1_500_000)].concat();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, "content", content.as_slice()).unwrap();
        let tar = tar.into_inner().unwrap();
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&tar).unwrap();
        let layer = self.blob(LAYER, &gzip.finish().unwrap());
        let config = json!({ "architecture": architecture, "os": "linux", "config": { "Cmd": ["/content"] },
            "rootfs": { "type": "layers", "diff_ids": [digest(&tar)] } });
        let config = self.document(CONFIG, &config);
        let document = json!({ "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer] });
        let mut manifest = self.document(MANIFEST, &document);
        manifest["platform"] = json!({ "architecture": architecture, "os": "linux" });
        manifest
    }
    /// An index of an image for amd64 and one for arm64.
    fn two_platforms(&self, what: &str, name: &str) -> Value {
        let manifests = json!([self.image(what, "amd64"), self.image(what, "arm64")]);
        let root = self.document(INDEX, &json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": manifests }));
        self.names(root.clone(), name);
        root
    }
}

/// Bytes that look random and are always the same.
fn noise(length: usize) -> Vec<u8> {
    let mut state: u32 = 1;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    (0..length).map(|_| next()).collect()
}

/// A daemon that ends with the test.
struct Daemon(Child);

impl Daemon {
    fn start(command: &mut Command, is_up: impl Fn() -> bool) -> anyhow::Result<Self> {
        let mut daemon = Daemon(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().with_context(|| format!("{command:?}"))?);
        let began = Instant::now();
        while !is_up() {
            if let Some(status) = daemon.0.try_wait()? {
                anyhow::bail!("{command:?} ended with {status}");
            }
            ensure!(began.elapsed() < Duration::from_secs(60), "{command:?} did not come up within a minute");
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(daemon)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Its own way to end lets it put away what it mounted.
        let _ = Command::new("kill").arg(self.0.id().to_string()).status();
        let _ = self.0.wait();
    }
}

fn root_digest(layout: &Path) -> String {
    let index: Value = serde_json::from_slice(&fs::read(layout.join("index.json")).unwrap()).unwrap();
    index["manifests"][0]["digest"].as_str().unwrap().to_owned()
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
    assert_eq!(root_digest(&bench.folder().join("all")), root_digest(&layout.0));
    for blob in fs::read_dir(layout.0.join("blobs/sha256")).unwrap() {
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
fn a_layer_that_was_changed_is_refused_by_skopeo_and_by_verify() {
    let bench = Bench::new(&["skopeo"]);
    let registry = Running::start().unwrap();
    let layout = Layout::new(bench.folder());
    layout.two_platforms("changed", "1.0");
    registry.deedbox(["publish", layout.path(), "--id", "oci:demo.localhost/changed", "--version", "1.0"]).unwrap().done().unwrap();
    registry.deedbox(["verify", "oci:demo.localhost/changed@1.0"]).unwrap().done().unwrap();
    let blobs = fs::read_dir(layout.0.join("blobs/sha256")).unwrap().map(|blob| fs::read(blob.unwrap().path()).unwrap());
    let layer = blobs.max_by_key(Vec::len).unwrap();
    let mut changed = layer.clone();
    let middle = changed.len() / 2;
    changed[middle] ^= 1;
    fs::write(registry.object(&layer), changed).unwrap();
    let from = format!("docker://{}:1.0", at(&registry, "changed"));
    let said = bench.skopeo(&["copy", "--all", "--src-tls-verify=false", &from, "oci:out:1.0"]);
    assert!(!said.ok && said.all().contains("Digest did not match"), "{}", said.all());
    let said = registry.deedbox(["verify", "oci:demo.localhost/changed@1.0"]).unwrap();
    assert!(!said.ok && said.all().contains("is not what oci:demo.localhost/changed@1.0 says"), "{}", said.all());
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
    let socket = bench.path("containerd.sock");
    let config =
        format!("version = 2\nroot = {:?}\nstate = {:?}\n[grpc]\n  address = {socket:?}\n", bench.path("root"), bench.path("state"));
    fs::write(bench.path("containerd.toml"), config).unwrap();
    let (config, ctr) = (bench.path("containerd.toml"), |args: &[&str]| bench.run("ctr", &[&["-a", &socket], args].concat()));
    let _daemon = Daemon::start(bench.command("containerd").args(["--config", &config]), || ctr(&["version"]).ok).unwrap();
    let image = format!("{}:1.0", at(registry, "app"));
    ctr(&["images", "pull", "--plain-http", "--snapshotter", "native", "--platform", "linux/arm64", &image]).done().unwrap();
    assert!(ctr(&["images", "ls", "-q"]).done().unwrap().out.contains(&image));
}

#[test]
fn the_docker_engine_pulls_and_what_it_saves_is_published() {
    let (registry, bench) = (shared(), Bench::new(&["docker.io", "skopeo"]));
    let socket = format!("unix://{}", bench.path("docker.sock"));
    let docker = |args: &[&str]| bench.run("docker", &[&["-H", &socket], args].concat());
    let (data, exec, pid) = (bench.path("data"), bench.path("exec"), bench.path("docker.pid"));
    let mut dockerd = bench.command("dockerd");
    dockerd.args([
        "--iptables=false",
        "--ip6tables=false",
        "--bridge=none",
        "--storage-driver",
        "vfs",
        "--insecure-registry",
        "127.0.0.0/8",
    ]);
    dockerd.args(["--data-root", &data, "--exec-root", &exec, "--pidfile", &pid, "-H", &socket]);
    let _daemon = Daemon::start(&mut dockerd, || docker(&["info"]).ok).unwrap();
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
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let config =
        format!("version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: {}\nhttp:\n  addr: 127.0.0.1:{port}\n", bench.path("registry"));
    fs::write(bench.path("config.yml"), config).unwrap();
    let mut serve = bench.command("docker-registry");
    serve.args(["serve", &bench.path("config.yml")]);
    let _daemon = Daemon::start(&mut serve, || TcpStream::connect(("127.0.0.1", port)).is_ok()).unwrap();
    let layout = Layout::new(bench.folder());
    let root = layout.two_platforms("source", "3.0");
    let source = format!("docker://127.0.0.1:{port}/team/source:3.0");
    let from = format!("oci:{}:3.0", layout.path());
    bench.skopeo(&["copy", "--all", "--dest-tls-verify=false", &from, &source]).done().unwrap();
    // Its tag is the version, where nothing else is said.
    registry.deedbox(["publish", &source, "--id", "oci:demo.localhost/source"]).unwrap().done().unwrap();
    let found = inspected(&bench, &format!("{}:3.0", at(registry, "source")));
    assert_eq!(found["Digest"], root["digest"]);
    let said = registry.deedbox(["publish", &format!("docker://127.0.0.1:{port}/team/none:1"), "--id", "oci:demo.localhost/none"]).unwrap();
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
                  print(sorted(client.get_tags(image)))\nprint(client.pull(target=image + ':0.1.0', outdir=out))\n";
    let out = bench.path("out");
    let host = image.split('/').next().unwrap().to_owned();
    let said = Said::of(oras.command(bench.folder(), bench.folder()).args(["-c", script, &host, &image, &out])).unwrap();
    assert!(said.clone().done().unwrap().out.contains("['0.1.0', '0.1.0-sig', 'latest']"), "{}", said.all());
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
    let path = layout.0.join("blobs/sha256").join(&root["digest"].as_str().unwrap()[7..]);
    let index = fs::read(&path).unwrap();
    fs::write(&path, [index, b" ".to_vec()].concat()).unwrap();
    let said = publish(&named);
    assert!(!said.ok && said.err.contains("its bytes have sha256:"), "{}", said.err);
    fs::remove_file(path).unwrap();
    assert!(publish(&named).err.contains("does not have sha256:"));
}

#[test]
fn every_command_of_the_guide_is_one_that_is_tried_here() {
    const TRIED: &str = include_str!("oci_clients.rs");
    let commands = GUIDE.lines().filter_map(|line| line.strip_prefix("    "));
    let mut count = 0;
    for command in commands {
        let mut words = command.split_whitespace().skip_while(|word| word.contains('=') && !word.starts_with('-'));
        let (program, verb) = (words.next().unwrap(), words.next().unwrap_or_default());
        let is_tried = TRIED.contains(&format!("\"{verb}\"")) && (program == "deedbox" || TRIED.contains(&format!("\"{program}\"")));
        assert!(is_tried, "{command}");
        count += 1;
    }
    assert!(count >= 8, "{count} commands");
}
