//! The replayer: brings every projection to the published head and keeps it there.

use crate::behind::{self, Behind, Pass, Progress};
use crate::chain;
use crate::cursor;
use crate::fold::{Ahead, Folder, ReplayError, Run};
use crate::leaf::Leaf;
use crate::limits::{FIRST_PAUSE, FOLD_ENTRIES, LAST_PAUSE};
use crate::log::LogReader;
use crate::numbers::Numbers;
use deedbox_authority::PROJECTION as AUTHORITY;
use deedbox_model::{Batch, KeyId, ProjectionId, Protocol, PublicKey};
use deedbox_store::{InFull, LogStore};
use deedbox_tlog::TreeHead;
use deedbox_view::Projection;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

/// Brings rows to the head of a log.
pub struct Replayer {
    folder: Folder,
    log: LogStore,
    cursor: u64,
    folded: watch::Sender<u64>,
    numbers: watch::Sender<Numbers>,
    behind: watch::Sender<Behind>,
    /// The generations that are behind, until `run` folds them beside what comes.
    pass: Option<Pass>,
    run_entries: usize,
}

impl Replayer {
    /// Finds out where the rows are. Generations that are not where authority is (new ones, or those whose rows were
    /// cleared) are folded again from the beginning, all of them in one pass.
    pub async fn open(folder: Folder, log: LogStore, target: TreeHead, progress: Progress<'_>) -> Result<Self, ReplayError> {
        Self::open_with(folder, log, target, progress, |_, _| true).await
    }

    /// The same, but generations that are not in force yet are folded by `run`, beside what comes: nothing is answered from them before
    /// an event puts them in force.
    pub async fn open_to_serve(folder: Folder, log: LogStore, target: TreeHead, progress: Progress<'_>) -> Result<Self, ReplayError> {
        let is_in_force =
            |replayer: &Replayer, id: &ProjectionId| replayer.numbers.borrow().version(id.name, replayer.cursor) == id.version;
        Self::open_with(folder, log, target, progress, is_in_force).await
    }

    async fn open_with(
        folder: Folder,
        log: LogStore,
        target: TreeHead,
        progress: Progress<'_>,
        is_needed: impl Fn(&Replayer, &ProjectionId) -> bool,
    ) -> Result<Self, ReplayError> {
        let cursor = folder.rows.cursor(&AUTHORITY).await?;
        cursor::check(&folder, &log, cursor, target).await?;
        let numbers = watch::Sender::new(chain::numbers(&folder, &log, target).await?);
        let (folded, behind) = (watch::Sender::new(cursor), watch::Sender::new(Behind::default()));
        let mut replayer = Replayer { folder, log, cursor, folded, numbers, behind, pass: None, run_entries: FOLD_ENTRIES };
        let (mut needed, mut later) = (replayer.folder_of(Vec::new()), replayer.folder_of(Vec::new()));
        for projection in std::mem::take(&mut replayer.folder.projections) {
            let id = projection.id();
            let folder = match replayer.folder.rows.cursor(&id).await? {
                at if at == cursor => &mut replayer.folder,
                _ if is_needed(&replayer, &id) => &mut needed,
                _ => &mut later,
            };
            folder.projections.push(projection);
        }
        if !needed.projections.is_empty() {
            let mut pass = Pass::begin(needed, replayer.log.clone()).await?;
            pass.up_to(cursor, target, &replayer.numbers, progress).await?;
            replayer.take_on(pass);
        }
        if !later.projections.is_empty() {
            let pass = Pass::begin(later, replayer.log.clone()).await?;
            behind::tell(&replayer.behind, &pass.ids().collect::<Vec<_>>(), "none of it is folded yet");
            replayer.pass = Some(pass);
        }
        Ok(replayer)
    }

    /// The same stores, with these projections.
    fn folder_of(&self, projections: Vec<Arc<dyn Projection>>) -> Folder {
        Folder { projections, ..self.folder.clone() }
    }

    /// From here on these generations, which are where authority is, are folded with the others.
    fn take_on(&mut self, pass: Pass) {
        behind::done(&self.behind, pass.ids());
        self.folder.projections.extend(pass.folder.projections);
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

    /// The generations that are behind, and its changes.
    pub fn behind(&self) -> watch::Receiver<Behind> {
        self.behind.subscribe()
    }

    /// Reads the log's files up to a target and folds them.
    pub async fn catch_up(&mut self, target: TreeHead, progress: Progress<'_>) -> Result<(), ReplayError> {
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
    async fn catch_up_by(&mut self, protocol: &'static Protocol, target: TreeHead, progress: Progress<'_>) -> Result<(), ReplayError> {
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
    pub async fn run(mut self, mut known: mpsc::Receiver<Batch>, mut heads: watch::Receiver<TreeHead>) -> Result<(), ReplayError> {
        let (mut passes, (caught_up, mut waiting)) = (JoinSet::new(), mpsc::channel(1));
        if let Some(pass) = self.pass.take() {
            self.begin(&mut passes, pass, &heads, &caught_up);
        }
        let ended = loop {
            let first = tokio::select! {
                first = known.recv() => match first {
                    Some(first) => first,
                    None => break Ok(()),
                },
                Some(pass) = waiting.recv() => {
                    if let Some(pass) = self.close_up(pass, &heads).await {
                        self.begin(&mut passes, pass, &heads, &caught_up);
                    }
                    continue;
                }
            };
            if let Err(error) = self.fold_what_comes(first, &mut known, &mut heads).await {
                break Err(error);
            }
        };
        // If the rows are closed after this, nobody is writing them.
        passes.shutdown().await;
        ended
    }

    /// Folds the generations that are behind on a task of their own.
    fn begin(&self, passes: &mut JoinSet<()>, pass: Pass, heads: &watch::Receiver<TreeHead>, caught_up: &mpsc::Sender<Pass>) {
        passes.spawn(pass.run(self.folded(), heads.clone(), self.numbers.clone(), self.behind.clone(), caught_up.clone()));
    }

    /// Folds the last entries into generations that have caught up, while nothing else is folded, and takes them on. Gives them back where
    /// that fails: their pass tries again, or says why it does not.
    async fn close_up(&mut self, mut pass: Pass, heads: &watch::Receiver<TreeHead>) -> Option<Pass> {
        let target = *heads.borrow();
        match pass.up_to(self.cursor, target, &self.numbers, &|_, _| {}).await {
            Ok(()) if pass.is_at(self.cursor) => {
                self.take_on(pass);
                None
            }
            _ => Some(pass),
        }
    }

    /// Folds a run, and what has come meanwhile.
    async fn fold_what_comes(
        &mut self,
        first: Batch,
        known: &mut mpsc::Receiver<Batch>,
        heads: &mut watch::Receiver<TreeHead>,
    ) -> Result<(), ReplayError> {
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
        let mut result = self.fold_known(runs, heads).await;
        let mut pause = FIRST_PAUSE;
        while let Err(error) = result {
            // A partial tile of the target may have given way to a wider one since; then there is a newer target.
            let gave_way = matches!(error, ReplayError::Missing(_)) && heads.has_changed().unwrap_or(false);
            if !error.is_passing() && !gave_way {
                return Err(error);
            }
            tracing::error!(error = %InFull(&error), "folding failed; trying again in {pause:?}");
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LAST_PAUSE);
            result = self.follow(heads).await;
        }
        Ok(())
    }

    async fn fold_known(&mut self, runs: Vec<Batch>, heads: &mut watch::Receiver<TreeHead>) -> Result<(), ReplayError> {
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

    async fn follow(&mut self, heads: &mut watch::Receiver<TreeHead>) -> Result<(), ReplayError> {
        let target = *heads.borrow_and_update();
        self.catch_up(target, &|_, _| {}).await
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
