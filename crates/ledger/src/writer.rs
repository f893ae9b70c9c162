//! The writer: one task that turns what waits in the pool into commits, one batch at a time. While one is written the
//! next gathers; nothing waits longer than that.

use crate::commit::{Commit, Nonce, encode_batch, leaf_hashes};
use crate::error::{LedgerError, SubmitError};
use crate::head::Head;
use crate::limits::{GATHER_AT_MOST, GATHER_IDLE, MAX_BATCH_BYTES, MAX_BATCH_ENTRIES, MAX_POOL};
use crate::overlay::Overlay;
use crate::probe::Point;
use crate::publish::{Leftovers, Tree, staged_path};
use crate::recover::{LedgerParts, Recovered, finish_claimed};
use crate::signer::CheckpointSigner;
use bytes::Bytes;
use deedbox_authority::{Decision, Refusal, Signed};
use deedbox_intake::Admitted;
use deedbox_model::row::{Defect, Keys};
use deedbox_model::{Batch, EventId, Row, RowKey, Rows, Sha256Digest};
use deedbox_store::{Created, InFull};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot, watch};

/// An entry of the log: published, durable and folded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// Its index.
    pub index: u64,
    /// Its id.
    pub id: EventId,
    /// Whether it was there before.
    pub seen: bool,
}

struct Item {
    admitted: Arc<Admitted>,
    reply: oneshot::Sender<Result<Appended, SubmitError>>,
}

/// A handle on the writer.
#[derive(Clone)]
pub struct Ledger {
    pool: mpsc::Sender<Item>,
    head: watch::Receiver<Head>,
    folded: watch::Receiver<u64>,
}

impl Ledger {
    /// Appends a statement; comes back when it is in a published checkpoint, durable and folded.
    pub async fn submit(&self, admitted: Admitted) -> Result<Appended, SubmitError> {
        let (reply, answer) = oneshot::channel();
        let item = Item { admitted: Arc::new(admitted), reply };
        self.pool.try_send(item).map_err(|e| match e {
            mpsc::error::TrySendError::Full(_) => SubmitError::Busy,
            mpsc::error::TrySendError::Closed(_) => SubmitError::Stopped,
        })?;
        let appended = answer.await.map_err(|_| SubmitError::Stopped)??;
        let mut folded = self.folded.clone();
        folded.wait_for(|folded| *folded > appended.index).await.map_err(|_| SubmitError::Stopped)?;
        Ok(appended)
    }

    /// The published head, and its changes.
    pub fn head(&self) -> watch::Receiver<Head> {
        self.head.clone()
    }

    /// Statements waiting in the pool.
    pub fn waiting(&self) -> usize {
        MAX_POOL - self.pool.capacity()
    }
}

impl Recovered {
    /// Begins to write. `folded` is the number of entries that replay has folded, at least the head's size; `batches`
    /// takes each published batch. Gives the handle and the writer, which runs until every handle is dropped.
    pub fn start(
        self,
        folded: watch::Receiver<u64>,
        batches: mpsc::Sender<Batch>,
    ) -> Result<(Ledger, impl Future<Output = ()> + Send + 'static), LedgerError> {
        let mut nonce = [0; 16];
        getrandom::fill(&mut nonce).map_err(|e| LedgerError::Key(format!("no randomness: {e}")))?;
        let (pool, items) = mpsc::channel(MAX_POOL);
        let (head_sender, head) = watch::channel(self.head.clone());
        let writer = Writer {
            parts: self.parts,
            signer: self.signer,
            tree: self.tree,
            last: self.last,
            nonce: Nonce(nonce),
            overlay: Overlay::default(),
            unfolded: VecDeque::new(),
            folded: folded.clone(),
            head: head_sender,
            batches,
        };
        Ok((Ledger { pool, head, folded }, writer.run(items)))
    }
}

struct Writer {
    parts: LedgerParts,
    signer: CheckpointSigner,
    tree: Tree,
    last: Option<(Commit, Sha256Digest)>,
    nonce: Nonce,
    overlay: Overlay,
    /// Published entries that are not folded yet: their leases must not end before.
    unfolded: VecDeque<(u64, Arc<Admitted>)>,
    folded: watch::Receiver<u64>,
    head: watch::Sender<Head>,
    batches: mpsc::Sender<Batch>,
}

/// A batch that authority accepted, not claimed yet.
struct Decided {
    accepted: Vec<(Item, Appended)>,
    /// Answers that rest on the accepted ones: they are given once those are part of the log.
    others: Vec<(Item, Result<Appended, SubmitError>)>,
}

impl Writer {
    async fn run(mut self, mut items: mpsc::Receiver<Item>) {
        let mut batch = Vec::new();
        let mut before = 0;
        loop {
            batch.clear();
            if items.recv_many(&mut batch, MAX_BATCH_ENTRIES).await == 0 {
                return;
            }
            gather(&mut items, &mut batch, before).await;
            before = batch.len();
            let mut rest = std::mem::take(&mut batch);
            while !rest.is_empty() {
                let mut bytes = 0;
                let fits = rest.iter().take_while(|item| {
                    bytes += item.admitted.statement().bytes().len();
                    bytes <= MAX_BATCH_BYTES
                });
                let later = rest.split_off(fits.count().max(1));
                self.append(rest).await;
                rest = later;
            }
        }
    }

    /// Appends one batch, or as much of it as authority accepts. Every item is answered.
    async fn append(&mut self, mut items: Vec<Item>) {
        loop {
            let folded = *self.folded.borrow();
            self.overlay.forget(folded);
            while self.unfolded.front().is_some_and(|(index, _)| *index < folded) {
                self.unfolded.pop_front();
            }
            let begun = Instant::now();
            let Some(decided) = self.decide(items).await else { return };
            let decided_in = begun.elapsed();
            let (accepted, appended): (Vec<Item>, Vec<Appended>) = decided.accepted.into_iter().unzip();
            if accepted.is_empty() {
                answer_all(decided.others);
                return;
            }
            self.parts.probe.passed(Point::Decided);
            match self.claim(&accepted).await {
                Ok(Claim::Ours(commit, staged)) => {
                    let claimed_in = begun.elapsed();
                    let leftovers = self.finish(&commit, &staged).await;
                    tracing::debug!(entries = accepted.len(), ?decided_in, ?claimed_in, published_in = ?begun.elapsed(), "published");
                    let entries = accepted.iter().map(|item| Arc::clone(item.admitted.statement())).collect();
                    self.unfolded.extend((commit.old_size..).zip(accepted.iter().map(|item| Arc::clone(&item.admitted))));
                    self.publish(Batch { first: commit.old_size, entries }).await;
                    answer_all(accepted.into_iter().zip(appended.into_iter().map(Ok)));
                    answer_all(decided.others);
                    self.tree.clear(leftovers, self.parts.probe.as_ref()).await;
                    return;
                }
                Ok(Claim::Lost) => {
                    // Another writer was first. Its commit is finished like our own; then everything is decided anew,
                    // on rows that hold it.
                    self.overlay.clear();
                    self.take_over().await;
                    items = accepted;
                    items.extend(decided.others.into_iter().map(|(item, _)| item));
                }
                Err(error) => {
                    self.overlay.clear();
                    self.wait_until_folded(self.tree.edge.size()).await;
                    // What it displays is for anybody; its causes are for the log.
                    let why = error.to_string();
                    tracing::error!(error = %InFull(&error), "a batch could not be staged; nothing was appended");
                    let all = accepted.into_iter().chain(decided.others.into_iter().map(|(item, _)| item));
                    answer_all(all.map(|item| (item, Err(SubmitError::Store(why.clone())))));
                    return;
                }
            }
        }
    }

    /// Decides each item on top of those before it. A change of rules ends the batch: what waits behind it was read by the rules of
    /// before, and is not judged by others. None if nothing could be read; then every item is answered.
    async fn decide(&mut self, items: Vec<Item>) -> Option<Decided> {
        let deciders = self.parts.deciders;
        let keys: Result<Vec<Keys>, Defect> = items.iter().map(|item| deciders.touches(item.admitted.statement())).collect();
        let read = match &keys {
            Err(defect) => Err(SubmitError::Defect(defect.to_string())),
            Ok(keys) => {
                let all: Keys = keys.iter().flatten().cloned().collect();
                self.overlay.read(&self.parts.rows, all).await.map_err(SubmitError::from)
            }
        };
        let (mut rows, keys): (BTreeMap<RowKey, Option<Row>>, Vec<Keys>) = match (read, keys) {
            (Ok(rows), Ok(keys)) => (rows, keys),
            (Err(error), _) => {
                answer_all(items.into_iter().map(|item| (item, Err(error.clone()))));
                return None;
            }
            (_, Err(_)) => return None,
        };
        let mut decided = Decided { accepted: Vec::new(), others: Vec::new() };
        let mut index = self.tree.edge.size();
        for (item, keys) in items.into_iter().zip(keys) {
            let statement = item.admitted.statement();
            let id = statement.id();
            let answer = match deciders.decide(&Rows::select(&rows, &keys), index, Signed::Verified(statement)) {
                Ok(Decision::Effective(effective)) => {
                    for (key, bytes) in effective.changes {
                        let row = bytes.map(|bytes| Row { bytes: bytes.into(), seq: index });
                        rows.insert(key.clone(), row.clone());
                        self.overlay.write(index, key, row);
                    }
                    decided.accepted.push((item, Appended { index, id, seen: false }));
                    index += 1;
                    continue;
                }
                Ok(Decision::Refused(Refusal::AlreadyLogged { index })) => Ok(Appended { index, id, seen: true }),
                Ok(Decision::Refused(refusal)) => Err(SubmitError::Refused(refusal)),
                Ok(Decision::Undecided { protocol }) => Err(SubmitError::Undecided(protocol)),
                Err(defect) => Err(SubmitError::Defect(defect.to_string())),
            };
            decided.others.push((item, answer));
        }
        Some(decided)
    }

    /// Stages the bundle and claims the next number. An error means that nothing was claimed.
    async fn claim(&mut self, accepted: &[Item]) -> Result<Claim, LedgerError> {
        let entries = || accepted.iter().map(|item| item.admitted.statement().bytes().as_ref());
        let staged = Bytes::from(encode_batch(entries()));
        let growth = self.tree.edge.grow(&leaf_hashes(entries())).map_err(|e| LedgerError::damaged("the batch", e))?;
        let commit = Commit {
            root: Sha256Digest(growth.root.0),
            nonce: self.nonce,
            bundle: Sha256Digest::of(&staged),
            number: self.last.as_ref().map_or(0, |(last, _)| last.number.saturating_add(1)),
            new_size: growth.edge.size(),
            old_size: self.tree.edge.size(),
            previous: self.last.as_ref().map(|(_, digest)| *digest),
        };
        let bytes = Bytes::from(commit.encode().map_err(|e| LedgerError::damaged("the new commit", e))?);
        let path = staged_path(&commit.bundle);
        if let Err(error) = self.parts.log.files.put(&path, staged.clone()).await {
            // It may be there all the same; if it cannot be removed either, the next start does.
            let _left = self.parts.log.files.delete(&path).await;
            return Err(error.into());
        }
        self.parts.probe.passed(Point::Staged);

        // From the first try on, the commit may exist whatever the store answers: ask until it says which.
        let mut pause = Pause::new();
        let created = loop {
            match self.parts.commits.create(commit.number, bytes.clone()).await {
                Ok(created) => break created,
                Err(error) => pause.after("claiming a commit", &error).await,
            }
        };
        match created {
            Created::Created => {}
            Created::Exists(found) if found == bytes => {}
            Created::Exists(_) => return Ok(Claim::Lost),
        }
        self.parts.probe.passed(Point::Claimed);
        self.last = Some((commit.clone(), Sha256Digest::of(&bytes)));
        Ok(Claim::Ours(commit, staged))
    }

    /// Carries out a claimed commit, however long the store takes to let it: it is part of the log, and nothing else can
    /// be appended before it is published.
    async fn finish(&mut self, commit: &Commit, staged: &[u8]) -> Leftovers {
        let mut pause = Pause::new();
        loop {
            match self.tree.carry_out(commit, staged, &mut self.signer, self.parts.probe.as_ref()).await {
                Ok((head, leftovers)) => {
                    self.head.send_replace(head);
                    return leftovers;
                }
                Err(error) => pause.after("publishing a commit", &error).await,
            }
        }
    }

    /// Brings everything to where another writer has got, by the code of every start.
    async fn take_over(&mut self) {
        let mut pause = Pause::new();
        let finished = loop {
            match finish_claimed(&self.parts, &mut self.signer).await {
                Ok(finished) => break finished,
                // Files that the other writer is just replacing, as a rule.
                Err(error) => pause.after("taking over from another writer", &error).await,
            }
        };
        let first = self.tree.edge.size();
        self.tree = finished.tree;
        self.last = finished.last;
        self.head.send_replace(finished.head);
        self.publish(Batch { first, entries: Vec::new() }).await;
        self.wait_until_folded(self.tree.edge.size()).await;
    }

    async fn publish(&mut self, batch: Batch) {
        // Replay that is gone has said why; who waits for its folding is told that the registry is stopping.
        let _gone = self.batches.send(batch).await;
    }

    async fn wait_until_folded(&mut self, size: u64) {
        let _gone = self.folded.wait_for(|folded| *folded >= size).await;
    }
}

/// Lets more come to a batch that is much smaller than the one before it. Who was answered together sends the next statements
/// almost together: without this, the first of them would be written alone and all others wait for it. A lone publisher never
/// waits here, but for once after a crowd has left.
async fn gather(items: &mut mpsc::Receiver<Item>, batch: &mut Vec<Item>, before: usize) {
    let until = tokio::time::Instant::now() + GATHER_AT_MOST;
    while batch.len() * 2 < before && tokio::time::Instant::now() < until {
        let room = MAX_BATCH_ENTRIES.saturating_sub(batch.len());
        match tokio::time::timeout(GATHER_IDLE, items.recv_many(batch, room)).await {
            Ok(came) if came > 0 => {}
            _ => return,
        }
    }
}

enum Claim {
    Ours(Commit, Bytes),
    Lost,
}

fn answer_all(items: impl IntoIterator<Item = (Item, Result<Appended, SubmitError>)>) {
    for (item, answer) in items {
        let _gone = item.reply.send(answer);
    }
}

/// Waits between tries of what must be done: 50 ms, doubling to 5 s.
struct Pause(Duration);

impl Pause {
    fn new() -> Self {
        Pause(Duration::from_millis(50))
    }
    async fn after(&mut self, what: &str, error: &(dyn std::error::Error + Send + Sync + 'static)) {
        tracing::error!(error = %InFull(error), "{what} failed; trying again in {:?}", self.0);
        tokio::time::sleep(self.0).await;
        self.0 = (self.0 * 2).min(Duration::from_secs(5));
    }
}
