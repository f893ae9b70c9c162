//! A file on this machine that is, or is to be, an artifact.

use crate::failure::{refused, wrong};
use deedbox_model::{Digests, Hasher, ObjectRef};
use deedbox_view::ArtifactSource;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;

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
        let (size, digests) = File::open(path).and_then(Hasher::read).map_err(|e| unreadable(path, &e))?;
        Ok(FileArtifact { name, path: path.to_owned(), size, digests })
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

/// A file with its address. Its other digests, which take ten times as long, may still be on their way.
pub(crate) struct AddressedFile {
    name: String,
    path: PathBuf,
    object: ObjectRef,
    digests: Digesting,
}

static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

enum Digesting {
    Done(Digests),
    Going(JoinHandle<std::io::Result<(u64, Digests)>>),
}

impl AddressedFile {
    /// Reads a file once for its address, and begins to read it again for the rest.
    pub(crate) fn begin(path: &Path) -> anyhow::Result<Self> {
        let object = File::open(path).and_then(ObjectRef::read).map_err(|e| unreadable(path, &e))?;
        let again = path.to_owned();
        let going = std::thread::Builder::new().spawn(move || {
            // It takes two threads: a second file beside it would only take turns with it.
            let _one = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
            File::open(again).and_then(Hasher::read)
        });
        let going = going.map_err(|e| unreadable(path, &e))?;
        Ok(AddressedFile { name: String::new(), path: path.to_owned(), object, digests: Digesting::Going(going) })
    }
    /// With this name in the release.
    pub(crate) fn renamed(self, name: String) -> Self {
        AddressedFile { name, ..self }
    }
    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
    /// Its name in the release.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }
    /// Its address and size.
    pub(crate) fn object(&self) -> ObjectRef {
        self.object
    }
    /// Whether its other digests may still be on their way.
    pub(crate) fn is_going(&self) -> bool {
        matches!(self.digests, Digesting::Going(_))
    }
    /// With all digests: seconds for a large one, so on a blocking thread.
    pub(crate) fn settle(self) -> anyhow::Result<FileArtifact> {
        let AddressedFile { name, path, object, digests } = self;
        let digests = match digests {
            Digesting::Done(digests) => digests,
            Digesting::Going(going) => {
                let done = going.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
                let (size, digests) = done.map_err(|e| unreadable(&path, &e))?;
                if (ObjectRef { size, sha256: digests.sha256 }) != object {
                    return Err(refused(format!("{} changed while it was read: publish it again when it is finished", path.display())));
                }
                digests
            }
        };
        Ok(FileArtifact { name, path, size: object.size, digests })
    }
}

impl From<FileArtifact> for AddressedFile {
    fn from(file: FileArtifact) -> Self {
        let object = file.object();
        let FileArtifact { name, path, digests, .. } = file;
        AddressedFile { name, path, object, digests: Digesting::Done(digests) }
    }
}

fn unreadable(path: &Path, error: &std::io::Error) -> anyhow::Error {
    wrong(format!("{}: {error}", path.display()))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_the_same_digests_whether_they_are_waited_for_or_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("layer");
        std::fs::write(&path, vec![7; 3_000_000]).unwrap();
        let at_once = FileArtifact::open(&path).unwrap();
        let begun = AddressedFile::begin(&path).unwrap().renamed("layer".to_owned());
        assert!(begun.is_going() && !AddressedFile::from(FileArtifact::open(&path).unwrap()).is_going());
        assert_eq!(begun.object(), at_once.object());
        let settled = begun.settle().unwrap();
        assert_eq!((settled.digests(), settled.size(), ArtifactSource::name(&settled)), (at_once.digests(), at_once.size(), "layer"));
    }

    #[test]
    fn a_file_that_changes_between_its_address_and_its_digests_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("layer");
        std::fs::write(&path, "one").unwrap();
        let digests = Digesting::Going(std::thread::spawn(|| Ok(Hasher::of(b"two"))));
        let file = AddressedFile { name: String::new(), object: ObjectRef::of(b"one"), path, digests };
        let words = file.settle().err().map(|e| e.to_string()).unwrap_or_default();
        assert!(words.contains("changed while it was read"), "{words}");
    }
}
