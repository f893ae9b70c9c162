//! `deedbox publish`: from a directory with its native manifest, or a packed artifact, to a release in the log. Packing
//! is the ecosystem's own tool's work; what is in the result is read here as the server will read it again.

use crate::args::Publish;
use crate::context::{self, Context};
use crate::failure::{refused, wrong};
use crate::packages::file::{AddressedFile, FileArtifact};
use crate::packages::{self, Found, Wish};
use crate::{home, interrupt, terminal};
use anyhow::Context as _;
use deedbox_client::{ClientError, Included, Intent, Payload, Registry, SavedProof, Trusted, submit, upload};
use deedbox_model::event::ReleasePublished;
use deedbox_model::{Channel, Event, Manifest, ObjectRef, PackageId, SecretKey, Version};
use deedbox_view::{ArtifactSource, Inspection, Said, encode_path};
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::sync::OnceCell;

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

    let publisher = Publisher { context, opened: OnceCell::new() };
    let registry = context.url_if_given().map(|url| Registry::new(url.clone())).transpose()?;
    let mut releases = Vec::new();
    for path in &args.paths {
        let wish = Wish { id: id.as_ref(), version: version.as_ref(), registry: registry.as_ref() };
        let ahead = (!args.dry_run).then_some(&publisher);
        let found = Release::read(path, wish, ahead).await.with_context(|| path.display().to_string())?;
        if found.len() > 1 && (id.is_some() || version.is_some()) {
            let count = found.len();
            return Err(wrong(format!("{} holds {count} releases, and --id and --version are about one", path.display())));
        }
        for release in found {
            release.must_be(id.as_ref(), version.as_ref())?;
            releases.push(if channels.is_empty() { release } else { release.with_channels(channels.clone()) });
        }
    }
    if args.dry_run {
        for release in &releases {
            release.describe(context)?;
        }
        return Ok(());
    }
    let (key, trusted) = publisher.open().await?;
    let mut all = Vec::new();
    for release in &releases {
        let published = release.publish(trusted, key).await.with_context(|| format!("{} was not published", release.name()))?;
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

/// Who publishes, and where: asked for when it is first needed, so that what is wrong with a package is said before what is wrong here.
pub(crate) struct Publisher<'a> {
    context: &'a Context,
    opened: OnceCell<(SecretKey, Trusted)>,
}

impl Publisher<'_> {
    async fn open(&self) -> anyhow::Result<&(SecretKey, Trusted)> {
        let open = || async { anyhow::Ok((self.context.secret_key()?, self.context.trusted().await?)) };
        self.opened.get_or_try_init(open).await
    }

    /// Uploads what is so large that its digests take seconds, while they are computed. What comes of it is forgotten by the registry
    /// after a day if the rest is refused; where it breaks off, `Release::publish` sends what is missing.
    async fn upload_ahead(&self, id: Option<PackageId>, files: Vec<(ObjectRef, Payload)>) -> anyhow::Result<()> {
        let Some(id) = id.filter(|_| !files.is_empty()) else { return Ok(()) };
        let (key, trusted) = self.open().await?;
        let bar = terminal::bytes_bar(files.iter().map(|(object, _)| object.size).sum(), id.as_str());
        upload(trusted, key, id.domain(), files, &home::now, &|bytes| sent(&bar, bytes)).await?;
        bar.finish_and_clear();
        Ok(())
    }
}

fn sent(bar: &indicatif::ProgressBar, bytes: u64) {
    bar.inc(bytes);
    interrupt::sent(bytes);
}

/// A release that is ready to be signed.
pub(crate) struct Release {
    manifest: Manifest,
    manifest_bytes: Vec<u8>,
    event: ReleasePublished,
    readme: Option<Vec<u8>>,
    artifacts: Vec<FileArtifact>,
    /// Where its ecosystem's view shows it.
    view_path: String,
    /// Where it was packed; goes away with this.
    _folder: Option<tempfile::TempDir>,
}

impl Release {
    /// The releases at a path: a checkout, or what was packed of one. With a publisher, large files may be sent while they are read.
    pub(crate) async fn read(path: &Path, wish: Wish<'_>, ahead: Option<&Publisher<'_>>) -> anyhow::Result<Vec<Self>> {
        let mut releases = Vec::new();
        for found in packages::find(path, wish).await? {
            let (id, large) = (found.id.clone(), found.artifacts.iter().filter(|artifact| artifact.is_going()));
            let large = large.map(|artifact| (artifact.object(), Payload::File(artifact.path().to_owned()))).collect();
            let sent = async {
                match ahead {
                    Some(publisher) => publisher.upload_ahead(id, large).await,
                    None => Ok(()),
                }
            };
            // Reading an archive would hold up everything else on this thread.
            let inspected = async { tokio::task::spawn_blocking(move || Self::inspect(found)).await? };
            releases.push(tokio::try_join!(inspected, sent)?.0);
        }
        Ok(releases)
    }

    fn inspect(found: Found) -> anyhow::Result<Self> {
        let Found { dialect, artifacts, id, version, folder } = found;
        let artifacts = artifacts.into_iter().map(AddressedFile::settle).collect::<anyhow::Result<Vec<_>>>()?;
        let sources: Vec<&dyn ArtifactSource> = artifacts.iter().map(|artifact| artifact as &dyn ArtifactSource).collect();
        let said = Said { id: id.as_ref(), version: version.as_ref() };
        let Inspection { manifest, readme, channels } =
            dialect.inspect(&said, &sources).map_err(|refusal| refused(format!("{} [{}]", refusal.message, refusal.code)))?;
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
        let view_path = dialect
            .view_path(&manifest)
            .unwrap_or_else(|| format!("api/v1/packages/{}@{}", encode_path(manifest.id.as_str()), encode_path(manifest.version.as_str())));
        Ok(Release { manifest, manifest_bytes, event, readme, artifacts, view_path, _folder: folder })
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
        struct DescribedArtifact {
            name: String,
            size: u64,
            sha256: String,
        }
        #[derive(Serialize)]
        struct Described {
            release: String,
            artifacts: Vec<DescribedArtifact>,
            manifest_sha256: String,
            channels: Vec<String>,
        }
        let described = Described {
            release: self.name(),
            artifacts: self
                .manifest
                .artifacts
                .iter()
                .map(|a| DescribedArtifact { name: a.name.clone(), size: a.size, sha256: a.digests.sha256.to_hex() })
                .collect(),
            manifest_sha256: self.event.manifest.sha256.to_hex(),
            channels: self.event.channels.iter().map(ToString::to_string).collect(),
        };
        if context.json {
            return terminal::say_json(&described);
        }
        let channels = if described.channels.is_empty() { String::new() } else { format!(" as {}", described.channels.join(", ")) };
        terminal::say(&format!("would publish {}{channels}", described.release));
        for artifact in &described.artifacts {
            terminal::say(&format!("  {} ({}, sha256:{})", artifact.name, terminal::bytes(artifact.size), artifact.sha256));
        }
        terminal::say("  nothing was signed or sent");
        Ok(())
    }

    /// Objects up, statement signed and sent, inclusion checked, own projection seen, proof kept.
    pub(crate) async fn publish(&self, trusted: &Trusted, key: &SecretKey) -> anyhow::Result<Published> {
        let (id, version) = (&self.manifest.id, &self.manifest.version);
        let mut objects: Vec<(ObjectRef, Payload)> =
            self.artifacts.iter().map(|artifact| (artifact.object(), Payload::File(artifact.path().to_owned()))).collect();
        // Two artifacts of the same bytes are one object.
        objects.sort_by_key(|(object, _)| *object);
        objects.dedup_by_key(|(object, _)| *object);
        objects.push((self.event.manifest, Payload::Bytes(self.manifest_bytes.clone())));
        if let Some(readme) = &self.readme {
            objects.push((ObjectRef::of(readme), Payload::Bytes(readme.clone())));
        }
        let bar = terminal::bytes_bar(objects.iter().map(|(object, _)| object.size).sum(), &self.name());
        upload(trusted, key, id.domain(), objects, &home::now, &|bytes| sent(&bar, bytes)).await?;
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
            url: trusted.registry().url().join(&self.view_path),
            proof,
            channels: self.event.channels.iter().map(ToString::to_string).collect(),
        }
    }

    /// The answer to the statement comes when it is folded; this sees that the native view shows it too.
    async fn wait_for_view(&self, trusted: &Trusted) -> anyhow::Result<()> {
        let path = &self.view_path;
        for wait_ms in [0, 50, 100, 200, 400, 800, 1_600, 3_200] {
            tokio::time::sleep(Duration::from_millis(wait_ms)).await;
            if trusted.registry().is_there(path).await? {
                return Ok(());
            }
        }
        Err(refused(format!(
            "it is in the log, but {} does not show it yet: the registry's views are behind; look at {}",
            trusted.registry().url().join(path),
            trusted.registry().url().join("ready")
        )))
    }
}
