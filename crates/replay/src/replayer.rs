//! The replayer: brings every projection to the published head and keeps it there.

use crate::FOLD_ENTRIES;
use crate::fold::{AUTHORITY, Folder, ReplayError, id_of};
use crate::leaf::Leaf;
use crate::log::{LogReader, Target};
use deedbox_model::{Statement, TimeMs, Verified};
use deedbox_store::Files;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// A run of entries that the writer of this process has just published.
#[derive(Debug, Clone)]
pub struct Known {
    /// Index of the first.
    pub first: u64,
    /// The entries.
    pub entries: Vec<Arc<Verified<Statement>>>,
}

/// Told how far a long catching-up has come: entries folded so far, and the target.
pub type Progress<'a> = &'a (dyn Fn(u64, u64) + Send + Sync);

/// Brings rows to the head of a log.
pub struct Replayer {
    folder: Folder,
    files: Arc<dyn Files>,
    cursor: u64,
    folded: watch::Sender<u64>,
}

impl Replayer {
    /// Finds out where the rows are. A projection that is not where authority is (a new one, or one whose rows were
    /// cleared) is folded again from the beginning.
    pub async fn open(folder: Folder, files: Arc<dyn Files>, target: Target, progress: Progress<'_>) -> Result<Self, ReplayError> {
        let cursor = folder.rows.cursor(&AUTHORITY).await?;
        if cursor > target.size {
            return Err(ReplayError::Damaged(format!(
                "the rows are folded up to {cursor}, the log ends at {}: they are another log's, or the log was rolled back",
                target.size
            )));
        }
        let replayer = Replayer { folder, files, cursor, folded: watch::Sender::new(cursor) };
        for projection in replayer.folder.projections.clone() {
            let id = id_of(projection.as_ref());
            if replayer.folder.rows.cursor(&id).await? != cursor {
                replayer.folder.rows.clear(&id).await?;
                replayer.fold_again(projection.as_ref(), target, progress).await?;
            }
        }
        Ok(replayer)
    }

    /// Number of entries folded, and its changes.
    pub fn folded(&self) -> watch::Receiver<u64> {
        self.folded.subscribe()
    }

    /// Reads the log's files up to a target and folds them.
    pub async fn catch_up(&mut self, target: Target, progress: Progress<'_>) -> Result<(), ReplayError> {
        if self.cursor >= target.size {
            return Ok(());
        }
        let mut log = LogReader::open(Arc::clone(&self.files), self.cursor, target).await?;
        let mut leaves: Vec<Leaf> = Vec::new();
        loop {
            let next = log.next().await?;
            let ended = next.is_none();
            leaves.extend(next.unwrap_or_default().into_iter().map(Leaf::Bytes));
            if leaves.len() >= FOLD_ENTRIES || (ended && !leaves.is_empty()) {
                self.fold(std::mem::take(&mut leaves)).await?;
                progress(self.cursor, target.size);
            }
            if ended {
                return Ok(());
            }
        }
    }

    async fn fold(&mut self, leaves: Vec<Leaf>) -> Result<(), ReplayError> {
        let result = self.folder.fold(self.cursor, leaves).await;
        // An undecided entry ends a fold after what comes before it was committed.
        self.cursor = match &result {
            Ok(folded) => self.cursor + folded.entries,
            Err(_) => self.folder.rows.cursor(&AUTHORITY).await?,
        };
        self.folded.send_replace(self.cursor);
        result.map(|_| ())
    }

    /// Folds what the writer publishes, from memory where it follows on, else from the files. Ends when the writer does,
    /// or with an error that trying again would not mend.
    pub async fn run(mut self, mut known: mpsc::Receiver<Known>, mut heads: watch::Receiver<Target>) -> Result<(), ReplayError> {
        loop {
            let result = tokio::select! {
                run = known.recv() => match run {
                    None => return Ok(()),
                    Some(run) if run.first == self.cursor => self.fold(run.entries.into_iter().map(Leaf::Verified).collect()).await,
                    Some(run) if run.first + run.entries.len() as u64 <= self.cursor => Ok(()),
                    Some(_) => self.follow(*heads.borrow_and_update()).await,
                },
                changed = heads.changed() => match changed {
                    Err(_) => return Ok(()),
                    // A batch of this process follows on the other channel; another writer's comes only from the files.
                    Ok(()) => {
                        tokio::task::yield_now().await;
                        continue;
                    }
                },
            };
            let mut pause = Duration::from_millis(50);
            let mut result = result;
            while let Err(error) = result {
                // A partial tile of the target may have given way to a wider one since; then there is a newer target.
                let gave_way = matches!(error, ReplayError::Missing(_)) && heads.has_changed().unwrap_or(false);
                if !error.is_passing() && !gave_way {
                    return Err(error);
                }
                tracing::error!(%error, "folding failed; trying again in {pause:?}");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(Duration::from_secs(5));
                let target = *heads.borrow_and_update();
                result = self.follow(target).await;
            }
        }
    }

    async fn follow(&mut self, target: Target) -> Result<(), ReplayError> {
        self.catch_up(target, &|_, _| {}).await
    }

    async fn fold_again(
        &self,
        projection: &dyn deedbox_view::Projection,
        target: Target,
        progress: Progress<'_>,
    ) -> Result<(), ReplayError> {
        let mut log = LogReader::open(Arc::clone(&self.files), 0, target).await?;
        let mut log_time = TimeMs::default();
        let mut at = 0;
        while at < self.cursor {
            let Some(mut entries) = log.next().await? else { break };
            entries.truncate(usize::try_from(self.cursor - at).unwrap_or(usize::MAX));
            let leaves: Vec<Leaf> = entries.into_iter().map(Leaf::Bytes).collect();
            let count = leaves.len() as u64;
            log_time = self.folder.fold_again(projection, at, log_time, leaves).await?;
            at += count;
            progress(at, self.cursor);
        }
        Ok(())
    }
}
