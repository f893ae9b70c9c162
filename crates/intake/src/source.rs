//! A stored object as a dialect reads it: synchronously, from the start, as often as it likes. Lives on a blocking thread.

use deedbox_model::{Artifact, Digests};
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
    pub(crate) digests: Digests,
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
        let stream = self
            .handle
            .block_on(self.objects.read(&self.digests.sha256, 0..self.artifact.size))
            .map_err(io::Error::other)?
            .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "the object is gone"))?;
        Ok(Box::new(StreamReader { handle: self.handle.clone(), stream, rest: bytes::Bytes::new() }))
    }
}

struct StreamReader {
    handle: Handle,
    stream: ObjectStream,
    rest: bytes::Bytes,
}

impl Read for StreamReader {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        while self.rest.is_empty() {
            match self.handle.block_on(self.stream.next()) {
                Some(piece) => self.rest = piece.map_err(io::Error::other)?,
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
