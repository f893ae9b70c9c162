//! Bytes against a verified release: those of a file, and those that the registry hands out for it now.

use super::told::{Checked, Compared};
use crate::ecosystems::{Ecosystem, Ecosystems};
use crate::failure::refused;
use crate::packages::file::FileArtifact;
use crate::terminal;
use deedbox_client::{ClientError, Trusted, VerifyError};
use deedbox_model::{Algorithm, Hasher, Manifest, Sha256Digest};

impl Checked {
    pub(super) fn compare_file(&mut self, file: &FileArtifact) -> anyhow::Result<()> {
        let what = deedbox_view::ArtifactSource::name(file).to_owned();
        let artifact = self.release.compare(&what, file.size(), file.digests())?.to_owned();
        self.compared.push(Compared { what, artifact, size: file.size(), sha256: file.digests().sha256.to_hex() });
        Ok(())
    }

    /// What the registry hands out as the release's artifacts now.
    pub(super) async fn compare_downloads(&mut self, trusted: &Trusted) -> anyhow::Result<()> {
        let principal = self.release.principal().to_vec();
        let bar = terminal::bytes_bar(principal.iter().map(|artifact| artifact.size).sum(), "downloading");
        for artifact in &principal {
            let digest = artifact.digests.get(&Algorithm::Sha256).and_then(|digest| Sha256Digest::from_slice(digest));
            let digest = digest.ok_or_else(|| {
                refused(format!("{} of {} has no SHA-256 in the log, so it cannot be downloaded", artifact.name, self.release.name()))
            })?;
            let mut hasher = Hasher::new();
            let path = format!("objects/sha256/{}", digest.to_hex());
            let there = trusted.registry().download(&path, artifact.size, |piece| {
                hasher.update(piece);
                bar.inc(piece.len() as u64);
                Ok(())
            });
            let what = format!("{} from {}", artifact.name, trusted.registry().url());
            let differs = |why: String| VerifyError::OtherBytes { what: what.clone(), release: self.release.name(), why };
            match there.await {
                Ok(true) => {}
                Ok(false) => return Err(differs("the registry does not have it any more".to_owned()).into()),
                // An answer that is too long is the registry's bytes being others, not the network's fault.
                Err(error @ ClientError::Answer { .. }) => return Err(differs(error.to_string()).into()),
                Err(error) => return Err(error.into()),
            }
            let (size, digests) = hasher.finish();
            // With this one, whose address it was: the bytes of another of the release's files are other bytes.
            let is_same = artifact.digests.iter().all(|(algorithm, logged)| algorithm.pick(&digests) == logged.as_ref());
            if size != artifact.size || !is_same {
                let (is, logged) = (digests.sha256.to_address(), digest.to_address());
                return Err(differs(format!("it has {size} bytes and {is}; in the log {} bytes and {logged}", artifact.size)).into());
            }
            let name = artifact.name.to_string();
            self.compared.push(Compared { what: "downloaded".to_owned(), artifact: name, size, sha256: digests.sha256.to_hex() });
        }
        bar.finish_and_clear();
        self.compare_others(trusted).await
    }

    /// The artifacts that the statement does not name itself: its release manifest does, and the statement names that.
    async fn compare_others(&mut self, trusted: &Trusted) -> anyhow::Result<()> {
        if Ecosystems::default().of(self.release.id()).is_some_and(Ecosystem::statement_names_all) {
            return Ok(());
        }
        let Some(object) = self.release.manifest() else { return Ok(()) };
        let name = self.release.name();
        let differs = |what: &str, why: String| VerifyError::OtherBytes {
            what: format!("{what} from {}", trusted.registry().url()),
            release: name.clone(),
            why,
        };
        let mut bytes = Vec::new();
        let path = format!("objects/sha256/{}", object.sha256.to_hex());
        let read = download(trusted, &path, object.size, |piece| bytes.extend_from_slice(piece)).await?;
        let manifest = match Manifest::decode(&bytes) {
            Ok(manifest) if read.is_none() && object.matches(&bytes) => manifest,
            Ok(_) => return Err(differs("its release manifest", read.unwrap_or_else(|| "it has another digest".to_owned())).into()),
            Err(e) => return Err(differs("its release manifest", e.to_string()).into()),
        };
        let mut others: Vec<_> = manifest.artifacts.iter().collect();
        others.retain(|artifact| !self.compared.iter().any(|compared| compared.sha256 == artifact.digests.sha256.to_hex()));
        let bar = terminal::bytes_bar(others.iter().map(|artifact| artifact.size).sum(), "downloading");
        for artifact in others {
            let mut hasher = Hasher::new();
            let path = format!("objects/sha256/{}", artifact.digests.sha256.to_hex());
            let read = download(trusted, &path, artifact.size, |piece| {
                hasher.update(piece);
                bar.inc(piece.len() as u64);
            });
            if let Some(why) = read.await? {
                return Err(differs(&artifact.name, why).into());
            }
            let (size, digests) = hasher.finish();
            if size != artifact.size || digests != artifact.digests {
                let why = format!(
                    "it has {size} bytes and {}; in the log {} bytes and {}",
                    digests.sha256.to_address(),
                    artifact.size,
                    artifact.digests.sha256.to_address()
                );
                return Err(differs(&artifact.name, why).into());
            }
            let sha256 = digests.sha256.to_hex();
            self.compared.push(Compared { what: "downloaded".to_owned(), artifact: artifact.name.clone(), size, sha256 });
        }
        bar.finish_and_clear();
        Ok(())
    }
}

/// Streams an object; says why where the registry does not have these bytes.
async fn download(trusted: &Trusted, path: &str, size: u64, mut take: impl FnMut(&[u8])) -> Result<Option<String>, ClientError> {
    let there = trusted.registry().download(path, size, |piece| {
        take(piece);
        Ok(())
    });
    match there.await {
        Ok(true) => Ok(None),
        Ok(false) => Ok(Some("the registry does not have it any more".to_owned())),
        // An answer that is too long is the registry's bytes being others, not the network's fault.
        Err(error @ ClientError::Answer { .. }) => Ok(Some(error.to_string())),
        Err(error) => Err(error),
    }
}
