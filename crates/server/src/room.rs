//! Whether the disk takes what is written (docs/ARCHITECTURE.md, "A disk that is full"). Asked by writing: a small file among the staged
//! bundles, flushed and removed again, at most once in a few seconds, for `/ready` and, once something failed, before anything is taken. So
//! who sends is refused at once and in words, and taken again as soon as there is room. A crash leaves a staged file, which the next start
//! removes.

use crate::limits::{ROOM_KEPT, ROOM_PROBED_BYTES};
use crate::refusal::Refused;
use bytes::Bytes;
use deedbox_ledger::STAGED;
use deedbox_store::{Files, InFull, StoreError};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;
use tokio::sync::Mutex;

/// The disk of the log.
pub(crate) struct Room {
    files: Arc<dyn Files>,
    /// When it was asked last, and what it said.
    last: Mutex<Option<(Instant, Option<String>)>>,
    /// Whether something could not be written since it last said yes.
    suspect: AtomicBool,
    /// Why it is not asked: it was opened to be read.
    to_read: Option<String>,
}

impl Room {
    /// `to_read` says why nothing is written to it at all, not to ask either.
    pub(crate) fn new(files: Arc<dyn Files>, to_read: Option<String>) -> Self {
        Room { files, last: Mutex::new(None), suspect: AtomicBool::new(to_read.is_some()), to_read }
    }

    /// Something could not be written.
    pub(crate) fn suspect(&self) {
        self.suspect.store(true, Ordering::Relaxed);
    }

    /// What keeps the disk from taking anything, if something does.
    pub(crate) async fn why_not(&self) -> Option<String> {
        if self.to_read.is_some() {
            return self.to_read.clone();
        }
        let mut last = self.last.lock().await;
        if let Some((at, why)) = &*last
            && at.elapsed() < ROOM_KEPT
        {
            return why.clone();
        }
        let why = match self.probe().await {
            Ok(()) => None,
            Err(error) => {
                tracing::warn!(error = %InFull(&error), "nothing can be written");
                Some(error.to_string())
            }
        };
        self.suspect.store(why.is_some(), Ordering::Relaxed);
        *last = Some((Instant::now(), why.clone()));
        why
    }

    /// Refuses, where something failed and the disk still says no.
    pub(crate) async fn must_be(&self) -> Result<(), Refused> {
        if !self.suspect.load(Ordering::Relaxed) {
            return Ok(());
        }
        match self.why_not().await {
            None => Ok(()),
            Some(why) => Err(Refused::unavailable("store", format!("this registry serves and takes nothing for now: {why}"))),
        }
    }

    async fn probe(&self) -> Result<(), StoreError> {
        let path = format!("{STAGED}/room");
        let written = self.files.put(&path, Bytes::from_static(&[0; ROOM_PROBED_BYTES])).await;
        let removed = self.files.delete(&path).await;
        written.and(removed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use deedbox_store::faulty::{FaultPlan, FaultyFiles};
    use deedbox_store::memory::MemoryFiles;

    #[tokio::test]
    async fn who_sends_is_refused_while_the_disk_says_no_and_taken_again_by_itself() {
        let plan = FaultPlan::none();
        let files = MemoryFiles::default();
        let room = Room::new(Arc::new(FaultyFiles::new(files.clone(), plan.clone())), None);
        assert_eq!(room.why_not().await, None);
        assert!(files.list("").await.unwrap().is_empty(), "it leaves nothing");
        plan.stop_now();
        assert!(room.must_be().await.is_ok(), "nobody writes to ask as long as nothing failed");
        room.suspect();
        *room.last.lock().await = None;
        assert!(room.must_be().await.is_err());
        plan.revive();
        assert!(room.must_be().await.is_err(), "asked a moment ago");
        *room.last.lock().await = None;
        assert!(room.must_be().await.is_ok());
        assert!(!room.suspect.load(Ordering::Relaxed));
    }
}
