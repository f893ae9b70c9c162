//! A release on its way: read, looked through, signed, proven.

use super::{Publisher, contents};
use crate::ecosystems::Ecosystems;
use crate::failure::{refused, refused_as};
use crate::packages::file::{AddressedFile, FileArtifact};
use crate::packages::{Found, LeftOut, Packages, Wish};
use crate::secrets::{Look, Seen, inside};
use crate::{home, terminal};
use deedbox_client::{ClientError, Included, Intent, Payload, SavedProof, Trusted, state, submit, upload};
use deedbox_model::event::ReleasePublished;
use deedbox_model::{Channel, Event, Manifest, ObjectRef, PackageId, SecretKey, Signer, Version};
use deedbox_view::{ArtifactSource, Dialect, Inspection, Said, encode_path};
use serde::Serialize;
use std::cmp::Ordering;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// A release that is in the log.
#[derive(Debug)]
pub(crate) struct Published {
    pub(crate) release: String,
    pub(crate) index: u64,
    pub(crate) event: String,
    pub(crate) seen: bool,
    pub(crate) tree_size: u64,
    pub(crate) url: String,
    pub(crate) proof: PathBuf,
}

/// What would be published.
#[derive(Debug, Serialize)]
pub(super) struct Described {
    pub(super) artifacts: Vec<DescribedArtifact>,
    manifest_sha256: String,
}

/// One of its artifacts.
#[derive(Debug, Serialize)]
pub(super) struct DescribedArtifact {
    pub(super) name: String,
    pub(super) size: u64,
    pub(super) sha256: String,
    /// What is in it, if it is an archive.
    pub(super) files: Vec<DescribedFile>,
    pub(super) more_files: u64,
}

/// A file in an artifact.
#[derive(Debug, Serialize)]
pub(super) struct DescribedFile {
    pub(super) path: String,
    pub(super) size: u64,
}

/// A release that is ready to be signed.
pub(crate) struct Release {
    manifest: Manifest,
    manifest_bytes: Vec<u8>,
    event: ReleasePublished,
    readme: Option<Vec<u8>>,
    artifacts: Vec<FileArtifact>,
    seen: Vec<Seen>,
    dialect: Arc<dyn Dialect>,
    /// Where its ecosystem's view shows it.
    view_path: String,
    /// The channel that its ecosystem sets by itself.
    implicit: Option<Channel>,
    rank: Option<u64>,
    rebuilt: &'static str,
    /// Which of the paths that were named it comes from.
    place: usize,
    path: String,
    /// Where it was packed; goes away with this.
    _folder: Option<tempfile::TempDir>,
}

/// What is at one path.
#[derive(Default)]
pub(super) struct Read {
    pub(super) releases: Vec<Release>,
    pub(super) refused: Vec<(String, anyhow::Error)>,
    pub(super) left_out: Vec<LeftOut>,
    pub(super) notes: Vec<String>,
}

impl Release {
    /// The releases at a path: a checkout, or what was packed of one. Where `ahead` says so, large files are sent while they are read, as
    /// soon as they were looked through.
    pub(super) async fn read(path: &Path, wish: Wish<'_>, publisher: &Publisher<'_>, ahead: bool) -> anyhow::Result<Read> {
        let Packages { found, refused, left_out, notes } = Ecosystems::default().find(path, wish).await?;
        let mut read = Read { refused, left_out, notes, ..Read::default() };
        let is_only = found.len() == 1 && read.refused.is_empty();
        for found in found {
            let at = found.artifacts.first().map(|artifact| artifact.path().display().to_string());
            match Self::read_one(found, &publisher.look, ahead.then_some(publisher)).await {
                Ok((release, words)) => {
                    read.releases.push(release);
                    read.notes.extend(words);
                }
                Err(error) if is_only => return Err(error),
                Err(error) => read.refused.push((at.unwrap_or_else(|| path.display().to_string()), error)),
            }
        }
        Ok(read)
    }

    /// The same where all must be well, as in the program's own story.
    pub(crate) async fn read_own(ecosystems: Ecosystems, path: &Path, wish: Wish<'_>, key: &SecretKey) -> anyhow::Result<Vec<Self>> {
        let look = Arc::new(Look::new(Some(key), &[]));
        let packages = ecosystems.find(path, wish).await?;
        if let Some((_, error)) = packages.refused.into_iter().next() {
            return Err(error);
        }
        let mut releases = Vec::new();
        for found in packages.found {
            releases.push(Self::read_one(found, &look, None).await?.0);
        }
        Ok(releases)
    }

    async fn read_one(found: Found, look: &Arc<Look>, ahead: Option<&Publisher<'_>>) -> anyhow::Result<(Self, Vec<String>)> {
        // Nothing is sent before it was looked through: what a registry has been sent cannot be called back.
        let seen = contents::look(look, &found.artifacts).await?;
        let words = contents::judge(&seen)?;
        let (id, large) = (found.id.clone(), found.artifacts.iter().filter(|artifact| artifact.is_going()));
        let large = large.map(|artifact| (artifact.object(), Payload::File(artifact.path().to_owned()))).collect();
        let sent = async {
            match ahead {
                Some(publisher) => publisher.upload_ahead(id, large).await,
                None => Ok(()),
            }
        };
        // Reading an archive would hold up everything else on this thread.
        let inspected = async { tokio::task::spawn_blocking(move || Self::inspect(found, seen)).await? };
        Ok((tokio::try_join!(inspected, sent)?.0, words))
    }

    fn inspect(found: Found, seen: Vec<Seen>) -> anyhow::Result<Self> {
        let Found { dialect, artifacts, id, version, rank, rebuilt, folder } = found;
        let artifacts = artifacts.into_iter().map(AddressedFile::settle).collect::<anyhow::Result<Vec<_>>>()?;
        let sources: Vec<&dyn ArtifactSource> = artifacts.iter().map(|artifact| artifact as &dyn ArtifactSource).collect();
        let said = Said { id: id.as_ref(), version: version.as_ref() };
        let Inspection { manifest, readme, channels } =
            dialect.inspect(&said, &sources).map_err(|refusal| refused_as(refusal.code, refusal.message))?;
        let manifest_bytes = manifest.encode().map_err(|e| refused(e.to_string()))?;
        // What the package itself asks for is meant; only latest comes by itself.
        let implicit = channels.iter().find(|channel| channel.as_str() == "latest").cloned();
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
        let (place, path, _folder) = (0, String::new(), folder);
        Ok(Release {
            manifest,
            manifest_bytes,
            event,
            readme,
            artifacts,
            seen,
            dialect,
            view_path,
            implicit,
            rank,
            rebuilt,
            place,
            path,
            _folder,
        })
    }

    /// The same, from one of the paths that were named.
    pub(super) fn at(self, place: usize, path: &Path) -> Self {
        Release { place, path: path.display().to_string(), ..self }
    }

    pub(super) fn name(&self) -> String {
        format!("{}@{}", self.manifest.id, self.manifest.version)
    }
    pub(super) fn id(&self) -> &PackageId {
        &self.manifest.id
    }
    pub(super) fn version(&self) -> &Version {
        &self.manifest.version
    }
    pub(super) fn dialect(&self) -> &dyn Dialect {
        self.dialect.as_ref()
    }
    pub(super) fn rank(&self) -> Option<u64> {
        self.rank
    }
    pub(super) fn place(&self) -> usize {
        self.place
    }
    pub(super) fn path(&self) -> &str {
        &self.path
    }
    pub(super) fn channels(&self) -> Vec<String> {
        self.event.channels.iter().map(ToString::to_string).collect()
    }
    pub(super) fn manifest_object(&self) -> ObjectRef {
        self.event.manifest
    }
    /// The channel that is set without anybody having said so.
    pub(super) fn implicit_channel(&self) -> Option<&Channel> {
        self.implicit.as_ref()
    }

    /// The order of its ecosystem's versions; equal where the ecosystem has no order.
    pub(super) fn compare(&self, other: &Self) -> Ordering {
        self.dialect.compare_versions(self.version(), other.version()).unwrap_or(Ordering::Equal)
    }

    pub(super) fn with_channels(mut self, channels: Vec<Channel>) -> Self {
        self.event.channels = channels;
        self.implicit = None;
        self
    }

    pub(super) fn must_be(&self, id: Option<&PackageId>, version: Option<&Version>) -> anyhow::Result<()> {
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

    pub(super) fn describe(&self) -> Described {
        let of = |a: &deedbox_model::Artifact| {
            let seen =
                self.artifacts.iter().zip(&self.seen).find(|(file, _)| file.object().sha256 == a.digests.sha256).map(|(_, seen)| seen);
            let files = seen.iter().flat_map(|seen| &seen.files);
            DescribedArtifact {
                name: a.name.clone(),
                size: a.size,
                sha256: a.digests.sha256.to_hex(),
                files: files.map(|file| DescribedFile { path: inside(&file.path).to_owned(), size: file.size }).collect(),
                more_files: seen.map_or(0, |seen| seen.more_files),
            }
        };
        Described { artifacts: self.manifest.artifacts.iter().map(of).collect(), manifest_sha256: self.event.manifest.sha256.to_hex() }
    }

    /// Objects up, statement signed and sent, inclusion checked, own projection seen, proof kept.
    pub(crate) async fn publish(&self, trusted: &Trusted, key: &dyn Signer) -> anyhow::Result<Published> {
        let (id, version) = (self.id(), self.version());
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
        upload(trusted, key, id.domain(), objects, &home::now, &|bytes| super::sent(&bar, bytes)).await?;
        bar.finish_and_clear();

        let intent = Intent { id: id.clone(), event: Event::from(self.event.clone()) };
        let included = match submit(trusted, key, &intent, &home::now).await {
            // Somebody was faster, perhaps this command before its answer was lost.
            Err(ClientError::Refused { code, .. })
                if code == "version_exists" && state::release(trusted.registry(), id, version).await?.is_some() =>
            {
                return self.published_before(trusted).await;
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
    pub(super) async fn published_before(&self, trusted: &Trusted) -> anyhow::Result<Published> {
        let (id, version) = (self.id(), self.version());
        let (unproven, proven) = trusted.prove(&deedbox_client::Query::release(id, version)).await?;
        let release = deedbox_client::verify::judge(&proven, &trusted.pin().origin, trusted.key())?.release(id, version)?;
        if release.manifest() != Some(self.event.manifest) {
            return Err(self.other_contents(release.index()));
        }
        let saved = SavedProof::new(trusted.registry().url().as_str(), id, version, unproven).keep(trusted.place())?;
        Ok(self.published(trusted, release.index(), release.event().to_hex(), true, release.tree_size(), saved))
    }

    /// The version is there with other contents, as after a job that was run again and has built anew.
    pub(super) fn other_contents(&self, index: u64) -> anyhow::Error {
        refused_as(
            "version_exists",
            format!(
                "version {} of {} exists already, as entry {index}, with other contents, and a published version never changes: publish another version. If a job has \
                 built the same sources again, publish what it built the first time, or make it build the same bytes ({}). With --skip-existing, \
                 versions that exist are left out",
                self.version(),
                self.id(),
                self.rebuilt
            ),
        )
    }

    fn published(&self, trusted: &Trusted, index: u64, event: String, seen: bool, tree_size: u64, proof: PathBuf) -> Published {
        let url = trusted.registry().url().join(&self.view_path);
        Published { release: self.name(), index, event, seen, tree_size, url, proof }
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
