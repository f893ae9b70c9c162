//! The demo's image: one layer with one letter, made from nothing, and pulled with each client of OCI registries that is here
//! into a store of its own. No container is run.

use crate::demo::DOMAIN;
use crate::demo::client::{Client, Tried};
use crate::demo::registry::DemoRegistry;
use crate::failure::refused;
use deedbox_model::Sha256Digest;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What the image holds.
const LETTER: &str = "Dear reader, this came out of an image, and the image out of a log.\n";
/// Files that are looked through for the letter: a store of one small image has some dozens.
const FILES: usize = 10_000;
/// What is read of one of them.
const FILE_BYTES: u64 = 1024 * 1024;
/// Times a tenth of a second that containerd has to come up and to end.
const PATIENCE: usize = 50;

/// Writes the image as an OCI layout.
pub(super) fn layout(dir: &Path) -> anyhow::Result<PathBuf> {
    let layout = dir.join("packages/letter");
    let blobs = layout.join("blobs/sha256");
    std::fs::create_dir_all(&blobs)?;
    let keep = |bytes: &[u8]| -> anyhow::Result<(String, usize)> {
        let hex = Sha256Digest::of(bytes).to_hex();
        std::fs::write(blobs.join(&hex), bytes)?;
        Ok((format!("sha256:{hex}"), bytes.len()))
    };
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_ustar();
    header.set_size(LETTER.len() as u64);
    header.set_mode(0o644);
    archive.append_data(&mut header, "letter.txt", LETTER.as_bytes())?;
    let (layer, layer_size) = keep(&archive.into_inner()?)?;
    let config = json!({ "architecture": "amd64", "os": "linux", "rootfs": { "type": "layers", "diff_ids": [layer] }, "config": {} });
    let (config, config_size) = keep(config.to_string().as_bytes())?;
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": { "mediaType": "application/vnd.oci.image.config.v1+json", "digest": config, "size": config_size },
        "layers": [{
            "mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": layer, "size": layer_size,
            // By this name a client of artifacts, as oras is, writes a layer to a file.
            "annotations": { "org.opencontainers.image.title": "letter.tar" },
        }],
    });
    let (manifest, manifest_size) = keep(manifest.to_string().as_bytes())?;
    let index = json!({
        "schemaVersion": 2,
        "manifests": [{ "mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": manifest, "size": manifest_size }],
    });
    std::fs::write(layout.join("index.json"), index.to_string())?;
    std::fs::write(layout.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#)?;
    Ok(layout)
}

/// Pulls it with each client that is here.
pub(super) async fn pull(registry: &DemoRegistry<'_>, tried: &Tried) -> anyhow::Result<()> {
    let image = format!("{}/{DOMAIN}/letter:1.0", registry.url.authority());
    if let Some(client) = tried.find("skopeo", "--version").await? {
        tried.tell(&client, skopeo(&client, &image)).await;
    }
    for name in ["podman", "buildah"] {
        if let Some(client) = tried.find(name, "--version").await? {
            tried.tell(&client, with_a_store(&client, &image)).await;
        }
    }
    if let Some(client) = tried.find("oras", "version").await? {
        tried.tell(&client, oras(&client, &image)).await;
    }
    if let Some(client) = tried.find("ctr", "--version").await? {
        match Containerd::start(&client).await {
            Some(daemon) => tried.tell(&client, ctr(&client, daemon, &image)).await,
            None => tried.lacks("ctr (no containerd can be started here)"),
        }
    }
    if let Some(client) = tried.find("docker", "--version").await? {
        let mut engine = client.program(Path::new("docker"), &client.home)?;
        with_its_settings(&mut engine);
        engine.args(["version", "--format", "{{.Server.Version}}"]);
        match tokio::time::timeout(Duration::from_secs(5), engine.output()).await {
            Ok(Ok(output)) if output.status.success() => tried.tell(&client, docker(&client, &image)).await,
            _ => tried.lacks("docker (no engine answers)"),
        }
    }
    Ok(())
}

async fn skopeo(client: &Client, image: &str) -> anyhow::Result<String> {
    let out = client.home.join("letter");
    let mut skopeo = client.command(&client.home)?;
    // Nobody's settings and no signatures but ours: this is a registry of one machine.
    skopeo.args(["--insecure-policy", "copy", "--src-tls-verify=false"]).arg(format!("docker://{image}"));
    client.run(skopeo.arg(format!("dir:{}", out.display()))).await?;
    holds_the_letter(&out, "copied")
}

/// Podman and Buildah, which keep images in one kind of store.
async fn with_a_store(client: &Client, image: &str) -> anyhow::Result<String> {
    let (store, policy) = (client.home.join("store"), client.home.join("policy.json"));
    std::fs::write(&policy, r#"{"default":[{"type":"insecureAcceptAnything"}]}"#)?;
    let mut program = client.command(&client.home)?;
    program.arg("--root").arg(&store).arg("--runroot").arg(client.home.join("run")).args(["--storage-driver", "vfs"]);
    client.run(program.args(["pull", "--quiet", "--tls-verify=false", "--signature-policy"]).arg(&policy).arg(image)).await?;
    holds_the_letter(&store, "pulled")
}

async fn oras(client: &Client, image: &str) -> anyhow::Result<String> {
    let out = client.home.join("letter");
    let mut oras = client.command(&client.home)?;
    client.run(oras.args(["pull", "--plain-http", "--output"]).arg(&out).arg(image)).await?;
    holds_the_letter(&out, "pulled")
}

async fn ctr(client: &Client, daemon: Containerd, image: &str) -> anyhow::Result<String> {
    let mut ctr = client.command(&client.home)?;
    ctr.arg("--address").arg(daemon.socket()).args([
        "images",
        "pull",
        "--plain-http",
        "--snapshotter",
        "native",
        "--platform",
        "linux/amd64",
    ]);
    let pulled = client.run(ctr.arg(image)).await;
    daemon.stop().await;
    pulled?;
    holds_the_letter(&client.home.join("root"), "pulled")
}

/// An engine has its own store: what comes into it is taken out again.
async fn docker(client: &Client, image: &str) -> anyhow::Result<String> {
    let run = |args: &[&str]| -> anyhow::Result<tokio::process::Command> {
        let mut docker = client.command(&client.home)?;
        with_its_settings(&mut docker);
        docker.args(args);
        Ok(docker)
    };
    client.run(&mut run(&["pull", "--quiet", "--platform", "linux/amd64", image])?).await?;
    let saved = client.home.join("saved");
    std::fs::create_dir_all(&saved)?;
    let save = client.run(run(&["save", "--output"])?.arg(saved.join("letter.tar")).arg(image)).await;
    client.run(&mut run(&["image", "rm", image])?).await?;
    save?;
    holds_the_letter(&saved, "pulled and saved")
}

/// Which engine is meant stands in the settings of the user who runs this.
fn with_its_settings(docker: &mut tokio::process::Command) {
    if let Some(home) = std::env::var_os("HOME") {
        docker.env("HOME", home);
    }
}

/// A containerd for this one client: what `ctr` speaks to.
struct Containerd {
    child: tokio::process::Child,
    /// A socket's path has little room.
    folder: tempfile::TempDir,
}

impl Containerd {
    /// None where there is none, or it does not come up: it wants to be root.
    async fn start(client: &Client) -> Option<Self> {
        let folder = tempfile::tempdir().ok()?;
        let quoted = |path: PathBuf| serde_json::Value::from(path.to_string_lossy()).to_string();
        let settings = format!(
            "version = 2\nroot = {}\nstate = {}\ndisabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n[grpc]\n  address = {}\n",
            quoted(client.home.join("root")),
            quoted(folder.path().join("state")),
            quoted(folder.path().join("socket"))
        );
        let path = client.home.join("containerd.toml");
        std::fs::write(&path, settings).ok()?;
        let mut containerd = client.program(Path::new("containerd"), &client.home).ok()?;
        containerd.arg("--config").arg(&path).stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
        let mut daemon = Containerd { child: containerd.spawn().ok()?, folder };
        for _ in 0..PATIENCE {
            tokio::time::sleep(Duration::from_millis(100)).await;
            if daemon.child.try_wait().ok()?.is_some() {
                return None;
            }
            let mut ctr = client.command(&client.home).ok()?;
            let answer = ctr.arg("--address").arg(daemon.socket()).arg("version").output().await;
            if answer.is_ok_and(|output| output.status.success()) {
                return Some(daemon);
            }
        }
        None
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("socket")
    }

    /// Its own way to end lets it put away what it mounted.
    async fn stop(mut self) {
        if let Some(id) = self.child.id() {
            let _ = tokio::process::Command::new("kill").arg(id.to_string()).status().await;
        }
        // Dropped, it is killed.
        let _ = tokio::time::timeout(Duration::from_millis(100 * PATIENCE as u64), self.child.wait()).await;
    }
}

/// That the letter is in some file below a folder.
fn holds_the_letter(folder: &Path, how: &str) -> anyhow::Result<String> {
    let mut folders = vec![folder.to_owned()];
    let mut left = FILES;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let entry = entry?;
            let kind = entry.file_type()?;
            left = left.saturating_sub(1);
            if left == 0 {
                break;
            }
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() && entry.metadata()?.len() <= FILE_BYTES && has_the_letter(&entry.path()) {
                return Ok(format!("{how} the image, and the letter is in it"));
            }
        }
    }
    Err(refused("took another image than the one that was published"))
}

fn has_the_letter(path: &Path) -> bool {
    std::fs::read(path).is_ok_and(|bytes| bytes.windows(LETTER.len()).any(|window| window == LETTER.as_bytes()))
}
