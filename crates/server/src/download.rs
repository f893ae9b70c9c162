//! Large objects on their way out (spec/api.md §8). How much of one is in memory is weighed: a reader that keeps up gets it in large
//! pieces, read ahead, as long as there is room for that; everybody else in small ones, of which each is read when the one before it has
//! gone. No file is open while a slow reader makes up its mind.

use crate::budget::{Budget, Share, Weight, carried};
use crate::limits::{READ_AHEAD_BYTES, READ_AHEAD_SPARE_BYTES, SLOW_DOWNLOAD_BYTES, SLOW_PIECE_BYTES, WINDOW_BYTES};
use crate::refusal::Refused;
use bytes::{Bytes, BytesMut};
use deedbox_model::Sha256Digest;
use deedbox_store::{ObjectStream, Objects, StoreError};
use futures::{StreamExt as _, stream};
use std::ops::Range;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// What downloads need of the shelf.
#[derive(Clone)]
pub(crate) struct Source {
    pub(crate) objects: Arc<dyn Objects>,
    pub(crate) budget: Arc<Budget>,
    /// Reads of files at once.
    pub(crate) reads: Arc<Semaphore>,
}

struct Download {
    source: Source,
    address: Sha256Digest,
    left: Range<u64>,
    /// Of what every download may hold.
    least: Arc<Weight>,
    /// A stretch that is read ahead.
    ahead: Option<(ObjectStream, Arc<Weight>)>,
}

/// These bytes of an object, piece by piece. Refused where too much is in memory for one more.
pub(crate) async fn pieces(source: &Source, address: Sha256Digest, range: Range<u64>) -> Result<ObjectStream, Refused> {
    let least = Arc::new(source.budget.take(Share::Objects, SLOW_DOWNLOAD_BYTES).await?);
    let download = Download { source: source.clone(), address, left: range, least, ahead: None };
    Ok(stream::unfold(download, |mut download| async move {
        let piece = download.next().await?;
        // After a failure there is nothing more.
        if piece.is_err() {
            download.left = 0..0;
            download.ahead = None;
        }
        Some((piece, download))
    })
    .boxed())
}

impl Download {
    async fn next(&mut self) -> Option<Result<Bytes, StoreError>> {
        loop {
            if let Some((pieces, weight)) = &mut self.ahead {
                match pieces.next().await {
                    Some(Ok(piece)) => {
                        self.left.start = self.left.start.saturating_add(piece.len() as u64);
                        return Some(Ok(carried(piece, weight)));
                    }
                    Some(Err(error)) => return Some(Err(error)),
                    None => self.ahead = None,
                }
            }
            if self.left.is_empty() {
                return None;
            }
            if let Some(weight) = self.room_ahead() {
                let opened = {
                    let _one_of_few = Arc::clone(&self.source.reads).acquire_owned().await;
                    self.open(WINDOW_BYTES).await
                };
                match opened {
                    Ok(pieces) => self.ahead = Some((pieces, Arc::new(weight))),
                    Err(error) => return Some(Err(error)),
                }
                continue;
            }
            return Some(self.small_piece().await);
        }
    }

    fn room_ahead(&self) -> Option<Weight> {
        let is_worth_it = self.left.end - self.left.start > SLOW_DOWNLOAD_BYTES as u64;
        is_worth_it.then(|| self.source.budget.take_spare(Share::Objects, READ_AHEAD_BYTES, READ_AHEAD_SPARE_BYTES))?
    }

    async fn open(&mut self, most: u64) -> Result<ObjectStream, StoreError> {
        let end = self.left.end.min(self.left.start.saturating_add(most));
        let address = self.address;
        let missing = || StoreError::damaged(format!("object {}", address.to_address()), "it is missing");
        self.source.objects.read(&self.address, self.left.start..end).await?.ok_or_else(missing)
    }

    async fn small_piece(&mut self) -> Result<Bytes, StoreError> {
        // Until it is read: each read takes a thread.
        let _one_of_few = Arc::clone(&self.source.reads).acquire_owned().await;
        let mut pieces = self.open(SLOW_PIECE_BYTES).await?;
        let mut piece = BytesMut::new();
        while let Some(more) = pieces.next().await {
            let more = more?;
            self.left.start = self.left.start.saturating_add(more.len() as u64);
            // One piece, as a rule.
            if piece.is_empty() && self.left.is_empty() {
                return Ok(carried(more, &self.least));
            }
            piece.extend_from_slice(&more);
        }
        if piece.is_empty() {
            return Err(StoreError::damaged(format!("object {}", self.address.to_address()), "it ends before its size"));
        }
        Ok(carried(piece.freeze(), &self.least))
    }
}
