//! The second part of the demo: a gem, a Maven project's parent and an image, published and installed with each client that
//! the machine has. Those that it lacks are named; nothing is fetched from anywhere but the demo's own registry.

use super::demo::{Story, command, must_succeed};
use super::publish::Release;
use crate::failure::refused;
use crate::packages::Wish;
use deedbox_client::{RegistryUrl, Trusted};
use deedbox_model::{PackageId, SecretKey, Sha256Digest, Version};
use serde_json::json;
use std::path::{Path, PathBuf};

const GEMSPEC: &str = include_str!("../../demo/gem/chime.gemspec");
const GEM: &str = include_str!("../../demo/gem/chime.rb");
const PARENT: &str = include_str!("../../demo/maven/parent.xml");
const PROJECT: &str = include_str!("../../demo/maven/project.xml");
/// What the image holds.
const LETTER: &str = "Dear reader, this came out of an image, and the image out of a log.\n";

/// The demo's registry and its publisher.
pub(super) struct Others<'a> {
    pub(super) dir: &'a Path,
    pub(super) url: &'a RegistryUrl,
    pub(super) trusted: &'a Trusted,
    pub(super) key: &'a SecretKey,
}

impl Others<'_> {
    /// All of it; gives the clients that are not here.
    pub(super) async fn run(&self, story: &mut Story) -> anyhow::Result<Vec<&'static str>> {
        let mut missing = Vec::new();
        if has("gem").await {
            self.gem(story).await?;
        } else {
            missing.push("gem");
        }
        if has("mvn").await {
            self.maven(story).await?;
        } else {
            missing.push("mvn");
        }
        self.image(story).await?;
        if has("skopeo").await {
            self.skopeo(story).await?;
        } else {
            missing.push("skopeo");
        }
        Ok(missing)
    }

    async fn publish(&self, path: &Path, id: Option<&str>, version: Option<&str>, story: &mut Story) -> anyhow::Result<()> {
        let id = id.map(PackageId::parse).transpose()?;
        let version = version.map(Version::parse).transpose()?;
        for release in
            Release::read(path, Wish { id: id.as_ref(), version: version.as_ref(), registry: Some(self.trusted.registry()) }).await?
        {
            let published = release.publish(self.trusted, self.key).await?;
            story.tick(&format!("signed and published {}: entry {}", published.release, published.index));
        }
        Ok(())
    }

    async fn gem(&self, story: &mut Story) -> anyhow::Result<()> {
        let source = self.dir.join("packages/chime");
        std::fs::create_dir_all(source.join("lib"))?;
        std::fs::write(source.join("chime.gemspec"), GEMSPEC)?;
        std::fs::write(source.join("lib/chime.rb"), GEM)?;
        self.publish(&source, None, None, story).await?;
        let home = self.dir.join("gems");
        std::fs::create_dir_all(&home)?;
        let mut install = command(Path::new("gem"), &home);
        install.env("HOME", &home).args(["install", "chime", "--no-document", "--clear-sources", "--source"]);
        install.arg(format!("{}/gem/demo.localhost/", self.url)).arg("--install-dir").arg(&home);
        must_succeed("gem install", &install.output().await?)?;
        let mut ruby = command(Path::new("ruby"), &home);
        let library = home.join("gems/chime-1.0.0/lib");
        let ran = ruby.arg("-I").arg(library).args(["-rchime", "-e", "puts Chime.at(3)"]).output().await?;
        must_succeed("ruby", &ran)?;
        story.tick(&format!("installed it with the real gem and ran it: {}", String::from_utf8_lossy(&ran.stdout).trim()));
        Ok(())
    }

    /// A project whose parent is in the registry: reading it is all that Maven can do without plugins from elsewhere.
    async fn maven(&self, story: &mut Story) -> anyhow::Result<()> {
        let source = self.dir.join("packages/house-parent");
        let project = self.dir.join("house");
        for (folder, pom) in [(&source, PARENT), (&project, PROJECT)] {
            std::fs::create_dir_all(folder)?;
            std::fs::write(folder.join("pom.xml"), pom)?;
        }
        self.publish(&source, Some("maven:demo.localhost/house-parent"), None, story).await?;
        std::fs::write(
            project.join("settings.xml"),
            format!(
                "<settings><mirrors><mirror><id>demo</id><mirrorOf>*</mirrorOf><url>{}/maven/</url></mirror></mirrors></settings>\n",
                self.url
            ),
        )?;
        let mut mvn = command(Path::new("mvn"), &project);
        mvn.args(["-B", "-C", "-q", "-s", "settings.xml", "validate"]);
        mvn.arg(format!("-Dmaven.repo.local={}", project.join("repository").display()));
        must_succeed("mvn validate", &mvn.output().await?)?;
        if !project.join("repository/localhost/demo/house-parent/1.0.0/house-parent-1.0.0.pom").is_file() {
            return Err(refused("mvn did not take the parent from the registry"));
        }
        story.tick("read a project with the real mvn, whose parent came from the registry with its checksum");
        Ok(())
    }

    /// An image from nothing: one layer with one file, as an OCI layout.
    async fn image(&self, story: &mut Story) -> anyhow::Result<()> {
        let layout = self.dir.join("packages/letter");
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
            "layers": [{ "mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": layer, "size": layer_size }],
        });
        let (manifest, manifest_size) = keep(manifest.to_string().as_bytes())?;
        let index = json!({
            "schemaVersion": 2,
            "manifests": [{ "mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": manifest, "size": manifest_size }],
        });
        std::fs::write(layout.join("index.json"), index.to_string())?;
        std::fs::write(layout.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#)?;
        self.publish(&layout, Some("oci:demo.localhost/letter"), Some("1.0"), story).await
    }

    async fn skopeo(&self, story: &mut Story) -> anyhow::Result<()> {
        let out = self.dir.join("letter");
        let from = format!("docker://{}/demo.localhost/letter:1.0", self.url.authority());
        let mut skopeo = command(Path::new("skopeo"), self.dir);
        // Nobody's settings and no signatures but ours: this is a registry of one machine.
        skopeo.args(["--insecure-policy", "copy", "--src-tls-verify=false", &from]).arg(format!("dir:{}", out.display()));
        must_succeed("skopeo copy", &skopeo.output().await?)?;
        let layer = std::fs::read_dir(&out)?.filter_map(|entry| entry.ok().map(|entry| entry.path())).find(holds_the_letter);
        if layer.is_none() {
            return Err(refused("skopeo copied another image than the one that was published"));
        }
        story.tick("copied the image with the real skopeo, and found the letter in it");
        Ok(())
    }
}

fn holds_the_letter(path: &PathBuf) -> bool {
    std::fs::read(path).is_ok_and(|bytes| bytes.windows(LETTER.len()).any(|window| window == LETTER.as_bytes()))
}

/// Whether a client is here and says its version.
async fn has(program: &str) -> bool {
    let output = tokio::process::Command::new(program).arg("--version").stdin(std::process::Stdio::null()).output().await;
    output.is_ok_and(|output| output.status.success())
}
