//! A stored object as a dialect reads it: synchronously, from the start, as often as it likes. Lives on a blocking thread.
//! A small one is in memory; a large one comes in pieces.

use deedbox_model::{Artifact, Digests, Hasher};
use deedbox_store::{ObjectStream, Objects};
use deedbox_view::ArtifactSource;
use futures::StreamExt as _;
use std::io::{self, Read};
use std::sync::Arc;
use tokio::runtime::Handle;

/// One stored artifact.
pub(crate) struct StoredArtifact {
    pub(crate) objects: Arc<dyn Objects>,
    pub(crate) handle: Handle,
    pub(crate) artifact: Artifact,
    /// As the manifest says; the code that makes this compares them with the bytes before a dialect sees it.
    pub(crate) digests: Digests,
    /// Its bytes, if it is small.
    pub(crate) held: Option<bytes::Bytes>,
}

impl StoredArtifact {
    /// Its size and all digests, from its bytes.
    pub(crate) fn hash(&self) -> io::Result<(u64, Digests)> {
        if let Some(bytes) = &self.held {
            return Ok(Hasher::of(bytes));
        }
        let mut reader = self.stream()?;
        let mut hasher = Hasher::new();
        while let Some(piece) = reader.piece()? {
            hasher.update(&piece);
        }
        Ok(hasher.finish())
    }

    fn stream(&self) -> io::Result<StreamReader> {
        let stream = self
            .handle
            .block_on(self.objects.read(&self.digests.sha256, 0..self.artifact.size))
            .map_err(io::Error::other)?
            .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "the object is gone"))?;
        Ok(StreamReader { handle: self.handle.clone(), stream: Some(stream), rest: bytes::Bytes::new() })
    }
}

impl ArtifactSource for StoredArtifact {
    fn name(&self) -> &str {
        &self.artifact.name
    }
    fn size(&self) -> u64 {
        self.artifact.size
    }
    fn digests(&self) -> Digests {
        self.digests
    }
    fn open(&self) -> io::Result<Box<dyn Read + '_>> {
        match &self.held {
            Some(bytes) => Ok(Box::new(bytes.as_ref())),
            None => Ok(Box::new(self.stream()?)),
        }
    }
}

struct StreamReader {
    handle: Handle,
    /// None after its end: a reader may ask again there, a stream must not.
    stream: Option<ObjectStream>,
    rest: bytes::Bytes,
}

impl StreamReader {
    fn piece(&mut self) -> io::Result<Option<bytes::Bytes>> {
        let Some(stream) = &mut self.stream else { return Ok(None) };
        let piece = self.handle.block_on(stream.next()).transpose().map_err(io::Error::other)?;
        if piece.is_none() {
            self.stream = None;
        }
        Ok(piece)
    }
}

impl Read for StreamReader {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        while self.rest.is_empty() {
            match self.piece()? {
                Some(piece) => self.rest = piece,
                None => return Ok(0),
            }
        }
        let taken = self.rest.split_to(self.rest.len().min(buf.len()));
        for (to, from) in buf.iter_mut().zip(taken.iter()) {
            *to = *from;
        }
        Ok(taken.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use deedbox_model::Hasher;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_reader_may_ask_again_at_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let settings = deedbox_store::StoreSettings::in_folder(folder.path());
        let stores = deedbox_store::Stores::open(&settings, deedbox_store::Opening::ToWrite).unwrap();
        let bytes = vec![7; 300_000];
        let object = stores.objects.put(bytes.clone().into()).await.unwrap();
        let artifact = Artifact {
            name: "file".to_owned(),
            role: "file".to_owned(),
            size: object.size,
            digests: Hasher::of(&bytes).1,
            media_type: "application/octet-stream".to_owned(),
        };
        let digests = artifact.digests;
        let source = StoredArtifact { objects: Arc::clone(&stores.objects), handle: Handle::current(), artifact, digests, held: None };
        let read = tokio::task::spawn_blocking(move || {
            let mut reader = source.open().unwrap();
            let mut found = Vec::new();
            reader.read_to_end(&mut found).unwrap();
            assert_eq!(reader.read(&mut [0; 8]).unwrap(), 0);
            assert_eq!(reader.read(&mut [0; 8]).unwrap(), 0);
            found
        });
        assert_eq!(read.await.unwrap(), bytes);
    }
}
