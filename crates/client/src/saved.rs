//! Proofs kept as files (spec/saved-proofs.md): all that is needed to verify a release years later, without a network and without this
//! registry, but for the key that one believes. Canonical CBOR; the extension is `.deedbox-proof`.

use crate::error::ClientError;
use crate::limits;
use crate::paths::{self, Place};
use crate::proofs::Unproven;
use crate::trust::verify_checkpoint;
use crate::verify::{VerifiedRelease, judge};
use crate::verify_error::VerifyError;
use deedbox_authority::DECIDERS;
use deedbox_model::{Algorithm, Origin, PackageId, Sha256Digest, Version};
use deedbox_tlog::VerifierKey;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

const FORMAT: &str = "deedbox-proof-1";
const EXTENSION: &str = "deedbox-proof";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Encoded {
    proof: serde_bytes::ByteBuf,
    format: String,
    release: String,
    registry: String,
}

/// A proof of one release, as it is kept. Nothing in it is verified, and its registry's address only says where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedProof {
    registry: String,
    id: PackageId,
    version: Version,
    unproven: Unproven,
}

impl SavedProof {
    /// Of what a registry answered about one release.
    pub fn new(registry: &str, id: &PackageId, version: &Version, unproven: Unproven) -> Self {
        SavedProof { registry: registry.to_owned(), id: id.clone(), version: version.clone(), unproven }
    }

    /// Reads the bytes of a file.
    pub fn decode(bytes: &[u8]) -> Result<Self, String> {
        let encoded: Encoded = deedbox_model::decode(bytes).map_err(|e| e.to_string())?;
        if encoded.format != FORMAT {
            return Err("another format".to_owned());
        }
        let (id, version) = encoded.release.split_once('@').ok_or("it names no release")?;
        Ok(SavedProof {
            registry: encoded.registry,
            id: PackageId::parse(id).map_err(|e| e.to_string())?,
            version: Version::parse(version).map_err(|e| e.to_string())?,
            unproven: Unproven::decode(&encoded.proof)?,
        })
    }

    /// The bytes of a file.
    pub fn encode(&self) -> Result<Vec<u8>, String> {
        let encoded = Encoded {
            proof: self.unproven.encode()?.into(),
            format: FORMAT.to_owned(),
            release: format!("{}@{}", self.id, self.version),
            registry: self.registry.clone(),
        };
        deedbox_model::encode(&encoded).map_err(|e| e.to_string())
    }

    /// Reads a file.
    pub fn read(path: &Path) -> Result<Self, ClientError> {
        let bytes = paths::read(path, limits::SAVED_PROOF_BYTES)?.ok_or_else(|| ClientError::file(path, "there is no such file"))?;
        Self::decode(&bytes).map_err(|e| ClientError::file(path, format!("not a saved proof: {e}")))
    }

    /// Keeps it among the proofs of a registry; gives the path. A newer proof of the same release takes the place of an older one.
    pub fn keep(&self, place: &Place) -> Result<PathBuf, ClientError> {
        let path = Self::path(place, &self.id, &self.version);
        self.write(&path)?;
        Ok(path)
    }

    /// Where the proof of a release is kept.
    pub fn path(place: &Place, id: &PackageId, version: &Version) -> PathBuf {
        // An id may be longer than a file's name, and two may look alike with underscores: the digest tells them apart.
        let name = format!("{id}@{version}");
        let readable: String = name.replace([':', '/'], "_").chars().take(120).collect();
        let digest: String = Sha256Digest::of(name.as_bytes()).to_hex().chars().take(12).collect();
        place.proofs().join(format!("{readable}-{digest}.{EXTENSION}"))
    }

    /// Writes it to a file.
    pub fn write(&self, path: &Path) -> Result<(), ClientError> {
        let bytes = self.encode().map_err(ClientError::Here)?;
        paths::write(path, &bytes)
    }

    /// Where it came from, by its own word.
    pub fn registry(&self) -> &str {
        &self.registry
    }
    /// `id@version`, by its own word.
    pub fn name(&self) -> String {
        format!("{}@{}", self.id, self.version)
    }

    /// The checkpoint in which it was proven, as a signed note; nothing is verified by that.
    pub fn checkpoint(&self) -> &str {
        self.unproven.checkpoint()
    }

    /// Verifies it with the key of a log that one believes; needs no network.
    pub fn verify(&self, key: &VerifierKey) -> Result<VerifiedRelease, VerifyError> {
        let checkpoint = verify_checkpoint(self.unproven.checkpoint().as_bytes(), key)?;
        let origin = Origin::parse(key.name().as_str()).map_err(|e| VerifyError::OtherRegistry(e.to_string()))?;
        let proven = self.unproven.clone().prove(&checkpoint)?;
        judge(&proven, &origin, key)?.release(&self.id, &self.version)
    }

    /// Whether one of its statements says that this release has an artifact with this digest. Nothing is verified by that.
    fn names(&self, digest: &Sha256Digest) -> bool {
        self.unproven.statements().any(|bytes| {
            DECIDERS.readings(bytes).any(|statement| {
                let principal = statement.peek().event().published().map_or(&[][..], |e| e.principal.as_slice());
                principal.iter().any(|p| p.digests.get(&Algorithm::Sha256).is_some_and(|d| d.as_ref() == digest.as_bytes()))
            })
        })
    }
}

/// The saved proof of a file with this digest, if there is one.
pub fn find(place: &Place, digest: &Sha256Digest) -> Result<Option<(PathBuf, SavedProof)>, ClientError> {
    let dir = place.proofs();
    let entries = match std::fs::read_dir(&dir) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(ClientError::file(&dir, e)),
    };
    let files = entries.filter_map(|entry| entry.ok().map(|entry| entry.path()));
    for (count, path) in files.filter(|path| path.extension().is_some_and(|e| e == EXTENSION)).enumerate() {
        if count >= limits::SAVED_PROOFS {
            return Err(ClientError::file(&dir, "there are too many saved proofs to search: name the release, or its proof with --proof"));
        }
        // A file that does not read is not the one that is looked for.
        let Ok(proof) = SavedProof::read(&path) else { continue };
        if proof.names(digest) {
            return Ok(Some((path, proof)));
        }
    }
    Ok(None)
}
