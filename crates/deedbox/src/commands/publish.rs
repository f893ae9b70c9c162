//! `deedbox publish`: from a directory with its native manifest, or a packed artifact, to a release in the log. Packing
//! is the ecosystem's own tool's work; what is in the result is read here as the server will read it again.

use crate::args::Publish;
use crate::context::{self, Context};
use crate::failure::{refused, wrong};
use crate::{home, terminal};
use anyhow::Context as _;
use deedbox_client::http::encode_path;
use deedbox_client::{ClientError, Included, Intent, Payload, SavedProof, Trusted, submit, upload};
use deedbox_model::event::ReleasePublished;
use deedbox_model::{Channel, Digests, Event, Hasher, Manifest, ObjectRef, PackageId, SecretKey, Version};
use deedbox_npm::PackageName;
use deedbox_view::{ArtifactSource, Dialect, Inspection};
use serde::Serialize;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

/// Scripts that npm runs around packing for a publish, in its order.
const SCRIPTS: [&str; 4] = ["prepublishOnly", "prepack", "prepare", "postpack"];
/// A package.json that is looked at before packing.
const PACKAGE_JSON_BYTES: u64 = 4 * 1024 * 1024;

/// A release that is in the log, for programs.
#[derive(Debug, Serialize)]
pub(crate) struct Published {
    pub(crate) release: String,
    pub(crate) index: u64,
    pub(crate) event: String,
    pub(crate) seen: bool,
    pub(crate) tree_size: u64,
    pub(crate) url: String,
    pub(crate) proof: PathBuf,
    pub(crate) channels: Vec<String>,
}

pub(crate) async fn run(context: &Context, args: Publish) -> anyhow::Result<()> {
    if args.paths.len() > 1 && (args.id.is_some() || args.version.is_some()) {
        return Err(wrong("--id and --version are about one package: publish the paths one by one"));
    }
    let id = args.id.as_deref().map(context::package).transpose()?;
    let version = args.version.as_deref().map(Version::parse).transpose().map_err(|e| wrong(e.to_string()))?;
    let mut channels = args.channel.iter().map(|channel| context::channel(channel)).collect::<Result<Vec<_>, _>>()?;
    channels.sort();
    channels.dedup();

    let mut releases = Vec::new();
    for path in &args.paths {
        let release = Release::read(path).await.with_context(|| path.display().to_string())?;
        release.must_be(id.as_ref(), version.as_ref())?;
        releases.push(if channels.is_empty() { release } else { release.with_channels(channels.clone()) });
    }
    if args.dry_run {
        for release in &releases {
            release.describe(context)?;
        }
        return Ok(());
    }
    let key = context.secret_key()?;
    let trusted = context.trusted().await?;
    let mut all = Vec::new();
    for release in &releases {
        let published = release.publish(&trusted, &key).await.with_context(|| format!("{} was not published", release.name()))?;
        if !context.json {
            let how = if published.seen { "was published before, with the same bytes, as" } else { "published as" };
            terminal::say(&format!(
                "{} {how} entry {}\n  {}\n  proof: {}",
                published.release,
                published.index,
                published.url,
                published.proof.display()
            ));
        }
        all.push(published);
    }
    if context.json { terminal::say_json(&all) } else { Ok(()) }
}

/// A file with its digests.
pub(crate) struct FileArtifact {
    name: String,
    path: PathBuf,
    size: u64,
    digests: Digests,
}

impl FileArtifact {
    /// Reads a file once.
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        let unreadable = |e: std::io::Error| wrong(format!("{}: {e}", path.display()));
        let mut file = File::open(path).map_err(unreadable)?;
        let mut hasher = Hasher::new();
        let mut piece = vec![0; 64 * 1024];
        loop {
            let read = file.read(&mut piece).map_err(unreadable)?;
            if read == 0 {
                break;
            }
            hasher.update(piece.get(..read).unwrap_or_default());
        }
        let (size, digests) = hasher.finish();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        Ok(FileArtifact { name, path: path.to_owned(), size, digests })
    }
    /// Bytes.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }
    /// All digests.
    pub(crate) fn digests(&self) -> &Digests {
        &self.digests
    }
}

impl ArtifactSource for FileArtifact {
    fn name(&self) -> &str {
        &self.name
    }
    fn size(&self) -> u64 {
        self.size
    }
    fn digests(&self) -> Digests {
        self.digests
    }
    fn open(&self) -> std::io::Result<Box<dyn Read + '_>> {
        Ok(Box::new(File::open(&self.path)?))
    }
}

/// A release that is ready to be signed.
pub(crate) struct Release {
    manifest: Manifest,
    manifest_bytes: Vec<u8>,
    event: ReleasePublished,
    readme: Option<Vec<u8>>,
    artifact: FileArtifact,
    /// Where it was packed; goes away with this.
    _packed: Option<tempfile::TempDir>,
}

impl Release {
    /// From a directory or a packed artifact.
    pub(crate) async fn read(path: &Path) -> anyhow::Result<Self> {
        let metadata = std::fs::metadata(path).map_err(|e| wrong(format!("{}: {e}", path.display())))?;
        let (artifact, packed) = if metadata.is_dir() {
            let (dir, file) = pack(path).await?;
            (file, Some(dir))
        } else {
            (path.to_owned(), None)
        };
        let dialect = dialect_of(&artifact)?;
        // Hashing and reading an archive would hold up everything else on this thread.
        tokio::task::spawn_blocking(move || Self::inspect(dialect.as_ref(), &artifact, packed)).await?
    }

    fn inspect(dialect: &dyn Dialect, path: &Path, packed: Option<tempfile::TempDir>) -> anyhow::Result<Self> {
        let artifact = FileArtifact::open(path)?;
        let Inspection { manifest, readme, channels } =
            dialect.inspect(&[&artifact]).map_err(|refusal| refused(format!("{} [{}]", refusal.message, refusal.code)))?;
        let manifest_bytes = manifest.encode().map_err(|e| refused(e.to_string()))?;
        let event = ReleasePublished {
            version: manifest.version.clone(),
            channels,
            manifest: ObjectRef::of(&manifest_bytes),
            artifacts: manifest.artifacts.len() as u64,
            principal: dialect.principal(&manifest),
            total_size: manifest.total_size(),
            native_name: manifest.native_name.clone(),
            native_version: manifest.native_version.clone(),
        };
        Ok(Release { manifest, manifest_bytes, event, readme, artifact, _packed: packed })
    }

    fn name(&self) -> String {
        format!("{}@{}", self.manifest.id, self.manifest.version)
    }

    fn with_channels(mut self, channels: Vec<Channel>) -> Self {
        self.event.channels = channels;
        self
    }

    fn must_be(&self, id: Option<&PackageId>, version: Option<&Version>) -> anyhow::Result<()> {
        let (found_id, found_version) = (&self.manifest.id, &self.manifest.version);
        if let Some(id) = id.filter(|id| *id != found_id) {
            return Err(refused(format!("you asked for {id}, but the package itself says {found_id}: change its own manifest")));
        }
        if let Some(version) = version.filter(|version| *version != found_version) {
            return Err(refused(format!(
                "you asked for version {version}, but the package itself says {found_version}: change its own manifest"
            )));
        }
        Ok(())
    }

    fn describe(&self, context: &Context) -> anyhow::Result<()> {
        #[derive(Serialize)]
        struct Described {
            release: String,
            artifact: String,
            size: u64,
            sha256: String,
            manifest_sha256: String,
            channels: Vec<String>,
        }
        let described = Described {
            release: self.name(),
            artifact: self.manifest.artifacts.first().map(|artifact| artifact.name.clone()).unwrap_or_default(),
            size: self.artifact.size,
            sha256: self.artifact.digests.sha256.to_hex(),
            manifest_sha256: self.event.manifest.sha256.to_hex(),
            channels: self.event.channels.iter().map(ToString::to_string).collect(),
        };
        if context.json {
            return terminal::say_json(&described);
        }
        terminal::say(&format!(
            "would publish {} ({}, {}, sha256:{}){}\n  nothing was signed or sent",
            described.release,
            described.artifact,
            terminal::bytes(described.size),
            described.sha256,
            if described.channels.is_empty() { String::new() } else { format!(" as {}", described.channels.join(", ")) }
        ));
        Ok(())
    }

    /// Objects up, statement signed and sent, inclusion checked, own projection seen, proof kept.
    pub(crate) async fn publish(&self, trusted: &Trusted, key: &SecretKey) -> anyhow::Result<Published> {
        let (id, version) = (&self.manifest.id, &self.manifest.version);
        let mut objects = vec![
            (ObjectRef { size: self.artifact.size, sha256: self.artifact.digests.sha256 }, Payload::File(self.artifact.path.clone())),
            (self.event.manifest, Payload::Bytes(self.manifest_bytes.clone())),
        ];
        if let Some(readme) = &self.readme {
            objects.push((ObjectRef::of(readme), Payload::Bytes(readme.clone())));
        }
        let bar = terminal::bytes_bar(objects.iter().map(|(object, _)| object.size).sum(), &self.name());
        upload(trusted, key, id.domain(), objects, home::now(), &|bytes| bar.inc(bytes)).await?;
        bar.finish_and_clear();

        let intent = Intent { id: id.clone(), event: Event::ReleasePublished(self.event.clone()) };
        let included = match submit(trusted, key, &intent, &home::now).await {
            Err(ClientError::Refused { code, message, .. }) if code == "version_exists" => {
                return self.published_before(trusted, &message).await;
            }
            other => other?,
        };
        let Included { index, event, seen, tree_size, mut judged, proof } = included;
        judged.release(id, version)?;
        let saved = SavedProof::new(trusted.registry().url().as_str(), id, version, proof).keep(trusted.place())?;
        self.wait_for_view(trusted).await?;
        Ok(self.published(trusted, index, event.to_hex(), seen, tree_size, saved))
    }

    /// The version is there already: no refusal if it is this one, as after a break between sending and reading the answer.
    async fn published_before(&self, trusted: &Trusted, message: &str) -> anyhow::Result<Published> {
        let (id, version) = (&self.manifest.id, &self.manifest.version);
        let (unproven, proven) = trusted.prove(&deedbox_client::Query::release(id, version)).await?;
        let release = deedbox_client::verify::judge(&proven, &trusted.pin().origin, trusted.key())?.release(id, version)?;
        if release.manifest() != Some(self.event.manifest) {
            return Err(refused(format!("{message} (entry {}, with other contents)", release.index())));
        }
        let saved = SavedProof::new(trusted.registry().url().as_str(), id, version, unproven).keep(trusted.place())?;
        Ok(self.published(trusted, release.index(), release.event().to_hex(), true, release.tree_size(), saved))
    }

    fn published(&self, trusted: &Trusted, index: u64, event: String, seen: bool, tree_size: u64, proof: PathBuf) -> Published {
        Published {
            release: self.name(),
            index,
            event,
            seen,
            tree_size,
            url: trusted.registry().url().join(&self.view_path()),
            proof,
            channels: self.event.channels.iter().map(ToString::to_string).collect(),
        }
    }

    fn view_path(&self) -> String {
        match PackageName::from_id(&self.manifest.id) {
            Ok(name) => format!("npm/{}/{}", name.native(), encode_path(self.event.native_version.as_str())),
            Err(_) => format!("api/v1/packages/{}@{}", encode_path(self.manifest.id.as_str()), encode_path(self.manifest.version.as_str())),
        }
    }

    /// The answer to the statement comes when it is folded; this sees that the native view shows it too.
    async fn wait_for_view(&self, trusted: &Trusted) -> anyhow::Result<()> {
        let path = self.view_path();
        for wait_ms in [0, 50, 100, 200, 400, 800, 1_600, 3_200] {
            tokio::time::sleep(Duration::from_millis(wait_ms)).await;
            if trusted.registry().get(&path, deedbox_client::limits::JSON_BYTES).await?.is_some() {
                return Ok(());
            }
        }
        Err(refused(format!(
            "it is in the log, but {} does not show it yet: the registry's views are behind; look at {}",
            trusted.registry().url().join(&path),
            trusted.registry().url().join("ready")
        )))
    }
}

fn dialect_of(artifact: &Path) -> anyhow::Result<Arc<dyn Dialect>> {
    let name = artifact.to_string_lossy();
    let npm = name.ends_with(".tgz") || name.ends_with(".tar.gz");
    context::dialects().into_iter().find(|dialect| npm && dialect.ecosystem() == "npm").ok_or_else(|| {
        wrong(format!(
            "{} is not an artifact of an ecosystem that is known here: give a .tgz, or a directory with a package.json",
            artifact.display()
        ))
    })
}

/// The machine's own `npm pack`, with the scripts that `npm publish` would run.
async fn pack(dir: &Path) -> anyhow::Result<(tempfile::TempDir, PathBuf)> {
    let package_json = dir.join("package.json");
    if !package_json.is_file() {
        return Err(wrong(format!("{} has no package.json: name a directory that has one, or a packed .tgz", dir.display())));
    }
    let bytes = context::read_file(&package_json, PACKAGE_JSON_BYTES)?;
    let json: serde_json::Value =
        serde_json::from_slice(&bytes).map_err(|e| wrong(format!("{}: not JSON ({e})", package_json.display())))?;
    if json.get("private").and_then(serde_json::Value::as_bool) == Some(true) {
        return Err(refused(format!("{} says \"private\": true, so it is not to be published", package_json.display())));
    }
    let scripts: Vec<&str> =
        SCRIPTS.into_iter().filter(|name| json.get("scripts").and_then(|scripts| scripts.get(name)).is_some()).collect();
    if !scripts.is_empty() {
        terminal::note(&format!("npm runs the package's own scripts: {}", scripts.join(", ")));
    }
    if scripts.contains(&"prepublishOnly") {
        npm(dir, &["run", "prepublishOnly"]).await?;
    }
    let out = tempfile::tempdir()?;
    let destination = out.path().to_string_lossy().into_owned();
    npm(dir, &["pack", "--loglevel=error", "--pack-destination", &destination]).await?;
    let mut packed = std::fs::read_dir(out.path())?.filter_map(|entry| entry.ok().map(|entry| entry.path()));
    match (packed.next(), packed.next()) {
        (Some(file), None) => Ok((out, file)),
        _ => Err(refused("npm pack did not leave exactly one file; pack it yourself and give the .tgz")),
    }
}

async fn npm(dir: &Path, args: &[&str]) -> anyhow::Result<()> {
    let mut command = tokio::process::Command::new("npm");
    command.args(args).current_dir(dir).stdin(Stdio::null()).env("npm_config_update_notifier", "false");
    // Standard output is for this program's own answer; what npm and the scripts say is shown if they fail.
    let output = command.output().await.map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => {
            refused("npm is not on this machine: install Node.js with npm, or pack elsewhere and give the .tgz")
        }
        _ => refused(format!("npm cannot be run: {e}")),
    })?;
    if output.status.success() {
        return Ok(());
    }
    terminal::note(&deedbox_client::http::printable_lines(&String::from_utf8_lossy(&output.stdout)));
    terminal::note(&deedbox_client::http::printable_lines(&String::from_utf8_lossy(&output.stderr)));
    Err(refused(format!("npm {} failed in {}: its words are above", args.first().unwrap_or(&""), dir.display())))
}
