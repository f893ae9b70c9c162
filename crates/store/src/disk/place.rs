//! A folder of ours and the folders under it: made when needed, and flushed before anything in them counts as durable.
//! Knows nothing of what the files mean.

use crate::error::StoreError;
use std::collections::HashSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// A folder.
pub(crate) struct Place {
    root: PathBuf,
    /// Folders under the root whose names are known to be on the medium, by relative path. A set of its own, because
    /// that a folder is visible does not mean that: another task may be between making and flushing it. One entry per
    /// folder, which hold up to 1,000 commits, 256 tiles or a 65,536th of all objects.
    flushed: Mutex<HashSet<PathBuf>>,
}

impl Place {
    /// Makes the folder (mode 0700) and those above it where they are missing, durably.
    pub(crate) fn open(root: &Path) -> Result<Self, StoreError> {
        make_private(root).map_err(|e| StoreError::medium(format!("making {}", root.display()), e))?;
        let root = fs::canonicalize(root).map_err(|e| StoreError::medium(format!("opening {}", root.display()), e))?;
        if let Some(above) = root.parent() {
            // Folders further up are the operator's; one that forbids reading cannot be flushed, and need not be by us.
            match flush_folder(above) {
                Err(e) if e.kind() == io::ErrorKind::PermissionDenied => {}
                done => done.map_err(|e| StoreError::medium(format!("flushing {}", above.display()), e))?,
            }
        }
        Ok(Place { root, flushed: Mutex::new(HashSet::new()) })
    }
    /// Its path, absolute.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }
    /// Whether the folder of this relative path is known to be durable.
    pub(crate) fn knows_folder_of(&self, path: &Path) -> bool {
        path.parent().is_none_or(|folder| folder.as_os_str().is_empty() || self.knows(folder))
    }
    fn knows(&self, folder: &Path) -> bool {
        self.flushed.lock().unwrap_or_else(PoisonError::into_inner).contains(folder)
    }
    /// Makes the folder of this relative path, durably: flushes each folder that got, or may just have got, a new name.
    /// A crash within leaves empty folders, which are found and flushed again when they are next needed.
    pub(crate) fn make_folder_of(&self, path: &Path) -> Result<(), StoreError> {
        let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) else { return Ok(()) };
        let unknown: Vec<&Path> = folder.ancestors().take_while(|f| !f.as_os_str().is_empty() && !self.knows(f)).collect();
        if unknown.is_empty() {
            return Ok(());
        }
        let failed = |e| StoreError::medium(format!("making {}", self.root.join(folder).display()), e);
        make_private(&self.root.join(folder)).map_err(failed)?;
        for made in &unknown {
            let above = made.parent().unwrap_or(Path::new(""));
            flush_folder(&self.root.join(above)).map_err(failed)?;
        }
        self.flushed.lock().unwrap_or_else(PoisonError::into_inner).extend(unknown.iter().map(|f| f.to_path_buf()));
        Ok(())
    }
    /// Flushes the folder that holds this relative path.
    pub(crate) fn flush_folder_of(&self, path: &Path) -> Result<(), StoreError> {
        let folder = self.root.join(path.parent().unwrap_or(Path::new("")));
        flush_folder(&folder).map_err(|e| StoreError::medium(format!("flushing {}", folder.display()), e))
    }
    /// Flushes the folder itself.
    pub(crate) fn flush(&self) -> Result<(), StoreError> {
        flush_folder(&self.root).map_err(|e| StoreError::medium(format!("flushing {}", self.root.display()), e))
    }
}

/// Makes a folder and those above it that are missing, for nobody but us.
pub(super) fn make_private(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Puts the names in a folder on the medium.
#[cfg(unix)]
fn flush_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
/// A folder cannot be flushed here; the system does it by itself.
#[cfg(not(unix))]
fn flush_folder(_folder: &Path) -> io::Result<()> {
    Ok(())
}

/// Puts everything that is visible on the medium.
#[cfg(target_os = "linux")]
pub(crate) fn flush_file_system(dir: &Path) -> Result<(), StoreError> {
    let failed = |e: io::Error| StoreError::medium(format!("flushing the file system of {}", dir.display()), e);
    let folder = File::open(dir).map_err(failed)?;
    rustix::fs::syncfs(&folder).map_err(|e| failed(e.into()))
}
/// Only Linux offers it for one file system; elsewhere a kill that is followed by a power failure within seconds may
/// lose the last file that was made visible.
#[cfg(not(target_os = "linux"))]
pub(crate) fn flush_file_system(_dir: &Path) -> Result<(), StoreError> {
    Ok(())
}

/// Runs what blocks on a thread where it may.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, StoreError> + Send + 'static) -> Result<T, StoreError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(e) => Err(StoreError::medium("work on the disk", e)),
    }
}

/// What an object_store failure says, in one line.
pub(crate) fn medium(what: &str, path: &str) -> impl FnOnce(object_store::Error) -> StoreError {
    let what = format!("{what} {path}");
    move |e| StoreError::medium(what, e)
}

/// Whether a failure says that there is no such file: also when part of its path is a file, or all of
/// it a folder.
pub(crate) fn is_absent(error: &object_store::Error) -> bool {
    let mut cause: Option<&dyn std::error::Error> = match error {
        object_store::Error::NotFound { .. } => return true,
        other => Some(other),
    };
    while let Some(error) = cause {
        if error.downcast_ref::<io::Error>().is_some_and(|e| matches!(e.kind(), io::ErrorKind::NotADirectory | io::ErrorKind::IsADirectory))
        {
            return true;
        }
        cause = error.source();
    }
    false
}
