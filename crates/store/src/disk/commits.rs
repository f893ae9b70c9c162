//! Commits on disk, over object_store's file system. Never replaces one.

use super::place::{Place, blocking, is_absent, medium};
use crate::commits::{Commits, Created, commit_path, last_without_gaps};
use crate::error::StoreError;
use async_trait::async_trait;
use bytes::Bytes;
use object_store::local::LocalFileSystem;
use object_store::path::Path as StorePath;
use object_store::{ObjectStore, ObjectStoreExt, PutMode};
use std::path::Path;
use std::sync::Arc;

/// Commits on disk; a clone is the same store.
#[derive(Clone)]
pub(crate) struct DiskCommits {
    place: Arc<Place>,
    files: Arc<LocalFileSystem>,
}

impl DiskCommits {
    pub(super) fn new(place: Arc<Place>) -> Result<Self, StoreError> {
        let root = place.root().display().to_string();
        let files = LocalFileSystem::new_with_prefix(place.root()).map_err(medium("opening", &root))?.with_fsync(true);
        Ok(DiskCommits { place, files: Arc::new(files) })
    }
    pub(super) async fn clear_temporary_beside(&self, paths: Vec<String>) -> Result<u64, StoreError> {
        let place = self.place.clone();
        blocking(move || place.clear_temporary_beside(&paths)).await
    }
    async fn get(&self, path: &str) -> Result<Option<Bytes>, StoreError> {
        match self.files.get(&store_path(path)?).await {
            Ok(found) => found.bytes().await.map(Some).map_err(medium("reading commit", path)),
            Err(e) if is_absent(&e) => Ok(None),
            Err(e) => Err(medium("reading commit", path)(e)),
        }
    }
}

#[async_trait]
impl Commits for DiskCommits {
    async fn create(&self, number: u64, bytes: Bytes) -> Result<Created, StoreError> {
        let path = commit_path(number);
        if !self.place.knows_folder_of(Path::new(&path)) {
            let (place, path) = (self.place.clone(), path.clone());
            blocking(move || place.make_folder_of(Path::new(&path))).await?;
        }
        // Inside: write to a name beside it, flush, link to its own name (which fails if that exists), flush the
        // folder. A crash before the link leaves `234#1`, which nothing reads; one after it leaves the commit.
        match self.files.put_opts(&store_path(&path)?, bytes.into(), PutMode::Create.into()).await {
            Ok(_) => Ok(Created::Created),
            Err(object_store::Error::AlreadyExists { .. }) => {
                // Its maker may not have flushed the folder yet, and the caller will build on it.
                let (place, folder_of) = (self.place.clone(), path.clone());
                blocking(move || place.flush_folder_of(Path::new(&folder_of))).await?;
                match self.get(&path).await? {
                    Some(there) => Ok(Created::Exists(there)),
                    None => Err(StoreError::damaged(format!("commit {number}"), "it was there and is gone")),
                }
            }
            Err(e) => Err(medium("creating commit", &path)(e)),
        }
    }
    async fn read(&self, number: u64) -> Result<Option<Bytes>, StoreError> {
        self.get(&commit_path(number)).await
    }
    async fn last(&self) -> Result<Option<u64>, StoreError> {
        last_without_gaps(|number| async move {
            let path = commit_path(number);
            match self.files.head(&store_path(&path)?).await {
                Ok(_) => Ok(true),
                Err(e) if is_absent(&e) => Ok(false),
                Err(e) => Err(medium("looking for commit", &path)(e)),
            }
        })
        .await
    }
}

/// A path that was made or checked by us, as object_store's.
pub(super) fn store_path(path: &str) -> Result<StorePath, StoreError> {
    StorePath::parse(path).map_err(|e| StoreError::refused(format!("the path {path:?}"), e))
}
