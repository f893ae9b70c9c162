//! The replayer: brings every projection to the published head and keeps it there.

use crate::chain;
use crate::cursor;
use crate::fold::{Ahead, Folder, ReplayError, Run};
use crate::leaf::Leaf;
use crate::limits::FOLD_ENTRIES;
use crate::log::{LogReader, Target};
use crate::numbers::Numbers;
use deedbox_authority::PROJECTION as AUTHORITY;
use deedbox_model::{Batch, KeyId, Protocol, PublicKey, TimeMs};
use deedbox_store::{InFull, LogStore};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// Told how far a long catching-up has come: entries folded so far, and the target.
pub type Progress<'a> = &'a (dyn Fn(u64, u64) + Send + Sync);

/// Brings rows to the head of a log.
pub struct Replayer {
    folder: Folder,
    log: LogStore,
    cursor: u64,
    folded: watch::Sender<u64>,
    numbers: watch::Sender<Numbers>,
    run_entries: usize,
}

impl Replayer {
    /// Finds out where the rows are. A projection that is not where authority is (a new one, or one whose rows were
    /// cleared) is folded again from the beginning.
    pub async fn open(folder: Folder, log: LogStore, target: Target, progress: Progress<'_>) -> Result<Self, ReplayError> {
        let cursor = folder.rows.cursor(&AUTHORITY).await?;
        cursor::check(&folder, &log, cursor, target).await?;
        let numbers = watch::Sender::new(chain::numbers(&folder, &log, target).await?);
        let replayer = Replayer { folder, log, cursor, folded: watch::Sender::new(cursor), numbers, run_entries: FOLD_ENTRIES };
        for projection in replayer.folder.projections.clone() {
            let id = projection.id();
            if replayer.folder.rows.cursor(&id).await? != cursor {
                replayer.folder.rows.clear(&id).await?;
                replayer.fold_again(projection.as_ref(), target, progress).await?;
            }
        }
        Ok(replayer)
    }

    /// Reads and folds so many entries at once, or as many more as an entry bundle has, instead of `FOLD_ENTRIES`.
    #[must_use]
    pub fn with_runs_of(self, entries: usize) -> Self {
        Replayer { run_entries: entries, ..self }
    }

    /// Number of entries folded, and its changes.
    pub fn folded(&self) -> watch::Receiver<u64> {
        self.folded.subscribe()
    }

    /// The protocol numbers of what is folded, and their changes. A number is here before its entry counts as folded.
    pub fn numbers(&self) -> watch::Receiver<Numbers> {
        self.numbers.subscribe()
    }

    /// Reads the log's files up to a target and folds them.
    pub async fn catch_up(&mut self, target: Target, progress: Progress<'_>) -> Result<(), ReplayError> {
        loop {
            // The rows are asked: a commit that failed before may be there all the same.
            let numbers = chain::numbers(&self.folder, &self.log, target).await?;
            let in_force = numbers.now();
            self.numbers.send_if_modified(|known| std::mem::replace(known, numbers.clone()) != numbers);
            if self.cursor >= target.size {
                return Ok(());
            }
            let protocol = self.folder.protocol(self.cursor, in_force)?;
            self.catch_up_by(protocol, target, progress).await?;
        }
    }

    /// The same as long as this protocol number is in force. Where it ends, so do the runs under way: what they had decoded
    /// ahead is dropped, and is read once more by the number that is in force then.
    async fn catch_up_by(&mut self, protocol: &'static Protocol, target: Target, progress: Progress<'_>) -> Result<(), ReplayError> {
        let mut log = LogReader::open(self.log.clone(), self.cursor, target).await?;
        let folder = self.folder.clone();
        // Three runs are under way: one is committed, the next is folded on top of it, in order and on one thread, and of the one
        // after that the signatures are checked on the others.
        let (mut ahead, mut keys): (Option<Ahead>, BTreeMap<KeyId, PublicKey>) = (None, BTreeMap::new());
        let run_entries = self.run_entries;
        let mut next = read_run(&folder, protocol, &mut log, run_entries, &keys).await;
        loop {
            let (run, unreadable) = match next {
                Ok(run) => (run, None),
                Err(error) => (None, Some(error)),
            };
            let from = ahead.as_ref().map_or(self.cursor, |ahead| ahead.to);
            let registers = run.as_ref().map(|run| run.registers.clone()).unwrap_or_default();
            // Neither the run that is committed nor the one that is folded is in rows yet.
            keys.extend(registers.clone());
            let is_last = run.is_none();
            let (committed, folded, read) = futures::join!(
                async {
                    match &ahead {
                        Some(ahead) => folder.commit(ahead).await,
                        None => Ok(()),
                    }
                },
                async {
                    match run {
                        Some(run) => folder.fold_ahead(from, &run, ahead.as_ref()).await.map(Some),
                        None => Ok(None),
                    }
                },
                async { if is_last { Ok(None) } else { read_run(&folder, protocol, &mut log, run_entries, &keys).await } }
            );
            if let Some(ahead) = ahead.take() {
                self.committed(committed, &ahead).await?;
                progress(self.cursor, target.size);
            }
            if let Some(error) = unreadable {
                return Err(error);
            }
            match folded? {
                None => return Ok(()),
                Some(folded) if folded.is_whole => ahead = Some(folded),
                Some(folded) => {
                    let committed = folder.commit(&folded).await;
                    return self.committed(committed, &folded).await;
                }
            }
            keys = registers;
            next = read;
        }
    }

    async fn fold(&mut self, leaves: Vec<Leaf>) -> Result<(), ReplayError> {
        let result = self.folder.fold_by(self.cursor, leaves, &self.numbers).await.map(|folded| self.cursor + folded.entries);
        self.folded_to(result).await
    }

    async fn committed(&mut self, committed: Result<(), ReplayError>, ahead: &Ahead) -> Result<(), ReplayError> {
        if committed.is_ok() {
            ahead.note(&self.numbers);
        }
        self.folded_to(committed.map(|()| ahead.to)).await
    }

    async fn folded_to(&mut self, result: Result<u64, ReplayError>) -> Result<(), ReplayError> {
        // An undecided entry ends a fold after what comes before it was committed.
        self.cursor = match &result {
            Ok(to) => *to,
            Err(_) => self.folder.rows.cursor(&AUTHORITY).await?,
        };
        self.folded.send_replace(self.cursor);
        result.map(|_| ())
    }

    /// Folds what the writer publishes, from memory where it follows on, else from the files up to the newest head. Ends
    /// when the writer does, or with an error that trying again would not mend.
    pub async fn run(mut self, mut known: mpsc::Receiver<Batch>, mut heads: watch::Receiver<Target>) -> Result<(), ReplayError> {
        while let Some(first) = known.recv().await {
            // What has gathered while the last run was folded is folded at once.
            let mut runs = vec![first];
            let mut entries = 0;
            while let Some(run) = runs.last()
                && entries + run.entries.len() < self.run_entries
                && let Ok(next) = known.try_recv()
            {
                entries += run.entries.len();
                runs.push(next);
            }
            let mut result = self.fold_known(runs, &mut heads).await;
            let mut pause = Duration::from_millis(50);
            while let Err(error) = result {
                // A partial tile of the target may have given way to a wider one since; then there is a newer target.
                let gave_way = matches!(error, ReplayError::Missing(_)) && heads.has_changed().unwrap_or(false);
                if !error.is_passing() && !gave_way {
                    return Err(error);
                }
                tracing::error!(error = %InFull(&error), "folding failed; trying again in {pause:?}");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(Duration::from_secs(5));
                result = self.follow(&mut heads).await;
            }
        }
        Ok(())
    }

    async fn fold_known(&mut self, runs: Vec<Batch>, heads: &mut watch::Receiver<Target>) -> Result<(), ReplayError> {
        let mut leaves = Vec::new();
        let mut next = self.cursor;
        for run in runs {
            if run.first == next && !run.entries.is_empty() {
                next += run.entries.len() as u64;
                leaves.extend(run.entries.into_iter().map(Leaf::Verified));
            } else if run.first >= next {
                // Another writer's entries, which only the files have.
                return self.follow(heads).await;
            }
        }
        if leaves.is_empty() { Ok(()) } else { self.fold(leaves).await }
    }

    async fn follow(&mut self, heads: &mut watch::Receiver<Target>) -> Result<(), ReplayError> {
        let target = *heads.borrow_and_update();
        self.catch_up(target, &|_, _| {}).await
    }

    async fn fold_again(
        &self,
        projection: &dyn deedbox_view::Projection,
        target: Target,
        progress: Progress<'_>,
    ) -> Result<(), ReplayError> {
        let mut log = LogReader::open(self.log.clone(), 0, target).await?;
        let mut log_time = TimeMs::default();
        let mut at = 0;
        while at < self.cursor {
            let Some(mut entries) = log.next().await? else { break };
            entries.truncate(usize::try_from(self.cursor - at).unwrap_or(usize::MAX));
            let leaves: Vec<Leaf> = entries.into_iter().map(Leaf::Bytes).collect();
            let count = leaves.len() as u64;
            let numbers = self.numbers.borrow().clone();
            log_time = self.folder.fold_again(projection, at, log_time, leaves, &numbers).await?;
            at += count;
            progress(at, self.cursor);
        }
        Ok(())
    }
}

/// The next run of a log, opened by this protocol number; none at its target. `before` are the keys that the two runs before it register: those of
/// earlier ones are in rows.
async fn read_run(
    folder: &Folder,
    protocol: &'static Protocol,
    log: &mut LogReader,
    entries: usize,
    before: &BTreeMap<KeyId, PublicKey>,
) -> Result<Option<Run>, ReplayError> {
    let mut leaves: Vec<Leaf> = Vec::new();
    while leaves.len() < entries
        && let Some(entries) = log.next().await?
    {
        leaves.extend(entries.into_iter().map(Leaf::Bytes));
    }
    if leaves.is_empty() { Ok(None) } else { Ok(Some(folder.open(protocol, leaves, before).await?)) }
}
