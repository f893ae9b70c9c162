//! Generations whose rows are not where authority's are: new ones, and those whose rows were removed. They are folded from the beginning,
//! all of them in one pass over the log, by the verdicts that are in authority's rows already; what is folded is never judged anew. Those
//! that nothing asks yet are folded while others answer; when they are where authority is, the replayer takes them on.
//!
//! A crash here leaves rows that are behind: the next start begins with them again.

use crate::fold::{Folder, ReplayError};
use crate::limits::{FIRST_PAUSE, LAST_PAUSE};
use crate::log::LogReader;
use crate::numbers::Numbers;
use deedbox_model::{ProjectionId, TimeMs};
use deedbox_store::{InFull, LogStore};
use deedbox_tlog::TreeHead;
use std::collections::BTreeMap;
use tokio::sync::{mpsc, watch};

/// Told how far a long catching-up has come: entries folded so far, and the target.
pub type Progress<'a> = &'a (dyn Fn(u64, u64) + Send + Sync);

/// The generations that are behind, and in words how far they are. Every other generation of the program is where authority is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Behind(BTreeMap<ProjectionId, String>);

impl Behind {
    /// How far a generation is, if it is behind.
    pub fn of(&self, generation: &ProjectionId) -> Option<&str> {
        self.0.get(generation).map(String::as_str)
    }
}

/// The pass.
pub(crate) struct Pass {
    /// What it folds into, and the projections that are behind.
    pub(crate) folder: Folder,
    log: LogStore,
    /// Entries folded so far, and log time behind them.
    at: u64,
    log_time: TimeMs,
}

impl Pass {
    /// Begins with these projections, whose rows are removed.
    pub(crate) async fn begin(folder: Folder, log: LogStore) -> Result<Self, ReplayError> {
        for projection in &folder.projections {
            folder.rows.clear(&projection.id()).await?;
        }
        Ok(Pass { folder, log, at: 0, log_time: TimeMs::default() })
    }

    /// Folds up to so many entries, which are folded into authority's rows and are in the target's log.
    pub(crate) async fn up_to(
        &mut self,
        until: u64,
        target: TreeHead,
        numbers: &watch::Sender<Numbers>,
        progress: Progress<'_>,
    ) -> Result<(), ReplayError> {
        if self.at >= until {
            return Ok(());
        }
        let mut log = LogReader::open(self.log.clone(), self.at, target).await?;
        while self.at < until {
            let Some(mut entries) = log.next().await? else { break };
            entries.truncate(usize::try_from(until - self.at).unwrap_or(usize::MAX));
            let leaves = entries.into_iter().map(crate::leaf::Leaf::Bytes).collect::<Vec<_>>();
            let count = leaves.len() as u64;
            let known = numbers.borrow().clone();
            self.log_time = self.folder.fold_again(self.at, self.log_time, leaves, &known).await?;
            self.at += count;
            progress(self.at, until);
        }
        Ok(())
    }

    /// Folds until it is where authority is, and then hands itself over to the replayer. Ends without that where trying again would not
    /// mend what stops it: the generations stay behind, and `behind` says why.
    pub(crate) async fn run(
        mut self,
        folded: watch::Receiver<u64>,
        mut heads: watch::Receiver<TreeHead>,
        numbers: watch::Sender<Numbers>,
        behind: watch::Sender<Behind>,
        caught_up: mpsc::Sender<Pass>,
    ) {
        let mut pause = FIRST_PAUSE;
        loop {
            let (before, until, target) = (self.at, *folded.borrow(), *heads.borrow_and_update());
            if self.at >= until {
                // Where nobody takes it, the replayer has ended.
                drop(caught_up.send(self).await);
                return;
            }
            let ids: Vec<ProjectionId> = self.ids().collect();
            let told = |at: u64, of: u64| tell(&behind, &ids, &format!("it is folded up to {at} of {of} entries"));
            match self.up_to(until.min(target.size), target, &numbers, &told).await {
                Ok(()) if self.at > before => pause = FIRST_PAUSE,
                // What is folded and not in this target's log is in that of the next.
                Ok(()) => {
                    if heads.changed().await.is_err() {
                        return;
                    }
                }
                // A partial tile of the target may have given way to a wider one since.
                Err(error) if error.is_passing() || matches!(error, ReplayError::Missing(_)) => {
                    tracing::error!(error = %InFull(&error), "folding a generation that is behind failed; trying again in {pause:?}");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LAST_PAUSE);
                }
                Err(error) => {
                    tracing::error!(error = %InFull(&error), "a generation that is behind cannot be folded; the others go on");
                    tell(&behind, &ids, &format!("it cannot be folded: {error}"));
                    return;
                }
            }
        }
    }

    /// Whether its generations are where authority is.
    pub(crate) fn is_at(&self, cursor: u64) -> bool {
        self.at == cursor
    }

    /// Whose rows it folds.
    pub(crate) fn ids(&self) -> impl Iterator<Item = ProjectionId> + '_ {
        self.folder.projections.iter().map(|projection| projection.id())
    }
}

/// Says how far these generations are.
pub(crate) fn tell(behind: &watch::Sender<Behind>, ids: &[ProjectionId], what: &str) {
    behind.send_modify(|behind| behind.0.extend(ids.iter().map(|id| (id.clone(), what.to_owned()))));
}

/// Says that these are behind no more.
pub(crate) fn done(behind: &watch::Sender<Behind>, ids: impl Iterator<Item = ProjectionId>) {
    behind.send_modify(|behind| ids.for_each(|id| drop(behind.0.remove(&id))));
}
