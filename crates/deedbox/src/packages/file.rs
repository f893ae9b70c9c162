//! A file on this machine that is, or is to be, an artifact.

use crate::failure::wrong;
use deedbox_model::{Digests, Hasher, ObjectRef};
use deedbox_view::ArtifactSource;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// A file with its digests.
pub(crate) struct FileArtifact {
    name: String,
    path: PathBuf,
    size: u64,
    digests: Digests,
}

impl FileArtifact {
    /// Reads a file once, to its end: seconds for a large one, so on a blocking thread.
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        Self::named(path, name)
    }
    /// The same under another name in the release.
    pub(crate) fn named(path: &Path, name: String) -> anyhow::Result<Self> {
        let unreadable = |e: std::io::Error| wrong(format!("{}: {e}", path.display()));
        let mut file = File::open(path).map_err(unreadable)?;
        let mut hasher = Hasher::new();
        let mut piece = vec![0; 1024 * 1024];
        loop {
            let read = file.read(&mut piece).map_err(unreadable)?;
            if read == 0 {
                break;
            }
            hasher.update(piece.get(..read).unwrap_or_default());
        }
        let (size, digests) = hasher.finish();
        Ok(FileArtifact { name, path: path.to_owned(), size, digests })
    }
    /// With this name in the release.
    pub(crate) fn renamed(self, name: String) -> Self {
        FileArtifact { name, ..self }
    }
    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
    /// Its address and size.
    pub(crate) fn object(&self) -> ObjectRef {
        ObjectRef { size: self.size, sha256: self.digests.sha256 }
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
