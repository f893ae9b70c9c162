//! Files on disk, over object_store's file system. Never serves a name that `check_path` did not pass.

use super::commits::store_path;
use super::place::{Place, blocking, is_absent, medium};
use crate::error::StoreError;
use crate::files::{Files, check_path, check_prefix};
use async_trait::async_trait;
use bytes::Bytes;
use futures::TryStreamExt;
use object_store::local::LocalFileSystem;
use object_store::{ObjectStore, ObjectStoreExt, PutMode};
use std::path::Path;
use std::sync::Arc;

/// Files on disk; a clone is the same store.
#[derive(Clone)]
pub(crate) struct DiskFiles {
    place: Arc<Place>,
    files: Arc<LocalFileSystem>,
}

impl DiskFiles {
    /// Opens a folder of files by itself, making it (mode 0700) where it is missing. The caller holds the lock of the data
    /// directory that it is in.
    ///
    /// Errors: `Medium` if it cannot be made or opened.
    pub(crate) fn open(dir: &Path) -> Result<Self, StoreError> {
        Self::new(Arc::new(Place::open(dir)?))
    }
    pub(super) async fn clear_temporary_beside(&self, paths: Vec<String>) -> Result<u64, StoreError> {
        let place = self.place.clone();
        blocking(move || place.clear_temporary_beside(&paths)).await
    }
    /// Opens one that is there, where nothing can be written.
    ///
    /// Errors: `Medium` if it is not there.
    pub(crate) fn open_to_read(dir: &Path) -> Result<Self, StoreError> {
        Self::new(Arc::new(Place::open_to_read(dir)?))
    }
    /// Removes the temporary files of a process that died from its own folder; gives their number. Only while nobody writes.
    pub(crate) async fn clear_temporary(&self) -> Result<u64, StoreError> {
        self.clear_temporary_beside(vec![String::new()]).await
    }
    pub(super) fn new(place: Arc<Place>) -> Result<Self, StoreError> {
        let root = place.root().display().to_string();
        let files = LocalFileSystem::new_with_prefix(place.root()).map_err(medium("opening", &root))?.with_fsync(true);
        Ok(DiskFiles { place, files: Arc::new(files) })
    }
}

#[async_trait]
impl Files for DiskFiles {
    async fn put(&self, path: &str, bytes: Bytes) -> Result<(), StoreError> {
        check_path(path)?;
        if !self.place.knows_folder_of(Path::new(path)) {
            let (place, path) = (self.place.clone(), path.to_owned());
            blocking(move || place.make_folder_of(Path::new(&path))).await?;
        }
        // Inside: write to a name beside it, flush, rename over, flush the folder. A crash before the rename leaves the
        // old bytes and a `name#1`, which is never listed; one after it leaves the new bytes, or after a power failure
        // the old ones.
        let put = self.files.put_opts(&store_path(path)?, bytes.into(), PutMode::Overwrite.into()).await;
        put.map(drop).map_err(medium("writing", path))
    }
    async fn get(&self, path: &str) -> Result<Option<Bytes>, StoreError> {
        check_path(path)?;
        match self.files.get(&store_path(path)?).await {
            Ok(found) => found.bytes().await.map(Some).map_err(medium("reading", path)),
            Err(e) if is_absent(&e) => Ok(None),
            Err(e) => Err(medium("reading", path)(e)),
        }
    }
    async fn delete(&self, path: &str) -> Result<(), StoreError> {
        check_path(path)?;
        match self.files.delete(&store_path(path)?).await {
            Err(e) if !is_absent(&e) => Err(medium("removing", path)(e)),
            _ => Ok(()),
        }
    }
    async fn list(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        check_prefix(prefix)?;
        let mut paths = Vec::new();
        let under = if prefix.is_empty() { None } else { Some(store_path(prefix)?) };
        if let Some(itself) = &under {
            // The listing below is of what lies under it only.
            match self.files.head(itself).await {
                Ok(_) => paths.push(prefix.to_owned()),
                Err(e) if is_absent(&e) => {}
                Err(e) => return Err(medium("listing", prefix)(e)),
            }
        }
        let mut found = self.files.list(under.as_ref());
        loop {
            let file = match found.try_next().await {
                Ok(Some(file)) => file,
                Ok(None) => break,
                // Part of the prefix is a file: nothing lies under it.
                Err(e) if is_absent(&e) => break,
                Err(e) => return Err(medium("listing", prefix)(e)),
            };
            let path = String::from(file.location);
            // A name that nobody could have put is not ours.
            if check_path(&path).is_ok() {
                paths.push(path);
            }
        }
        paths.sort_unstable();
        Ok(paths)
    }
}
