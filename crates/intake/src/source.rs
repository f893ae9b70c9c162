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
    /// As the manifest says; whoever makes this compares them with the bytes before a dialect sees it.
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
        Ok(StreamReader { handle: self.handle.clone(), stream, rest: bytes::Bytes::new() })
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
    stream: ObjectStream,
    rest: bytes::Bytes,
}

impl StreamReader {
    fn piece(&mut self) -> io::Result<Option<bytes::Bytes>> {
        self.handle.block_on(self.stream.next()).transpose().map_err(io::Error::other)
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
