//! Folding: a run of leaves, judged in order and turned into rows of authority and of every projection, in one commit.

use crate::leaf::{self, Leaf, Opened};
use crate::limits::OBJECTS_AT_ONCE;
use crate::numbers::{InForce, Numbers};
use deedbox_authority::rows::{KeyRow, TimeRow, VoidRow, key_key, registry_key, time_key, void_key};
use deedbox_authority::{Deciders, Decision, PROJECTION as AUTHORITY, protocol_in_force, touches_undecodable, void_changes};
use deedbox_model::row::{Changes, Defect, Keys, decode_row};
use deedbox_model::{KeyId, ObjectRef, ProjectionId, Protocol, PublicKey, Row, RowKey, Rows, Statement, TimeMs, Verified, limits};
use deedbox_store::limits::READ_KEYS;
use deedbox_store::{Objects, RowBatch, RowStore, StoreError};
use deedbox_view::{Entry, Fact, Facts, FactsNeeded, Projection};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::watch;

/// Why folding stops. None of these is the fault of a statement.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A projection or a row is at fault.
    #[error(transparent)]
    Defect(#[from] Defect),
    /// A file of the log is gone.
    #[error("log/{0} is missing; put back what it was, from a backup or a mirror; deedbox fsck names everything that is damaged")]
    Missing(String),
    /// A file of the log is damaged.
    #[error("the log is damaged: {0}; put back what it was, from a backup or a mirror; deedbox fsck names everything that is damaged")]
    Damaged(String),
    /// The rows are not those of their cursor, or of this log.
    #[error("{0}")]
    Rows(String),
    /// An object that an event names is gone or damaged.
    #[error("object {address}, which entry {index} names, is {what}: fetch it again from a mirror or a backup; run deedbox fsck")]
    Object {
        /// Its address.
        address: String,
        /// The entry.
        index: u64,
        /// `missing`, or how it is damaged.
        what: String,
    },
    /// A newer protocol than this program knows is in force.
    #[error(
        "judged up to index {index}, undecided from there: protocol {protocol} is in force, which this program does not know; update it"
    )]
    Undecided {
        /// The first index without a verdict.
        index: u64,
        /// The protocol in force there.
        protocol: u64,
    },
    /// A thread could not do its work.
    #[error("a worker stopped: {0}")]
    Worker(String),
}

impl ReplayError {
    pub(crate) fn damaged(error: impl std::fmt::Display) -> Self {
        ReplayError::Damaged(error.to_string())
    }

    /// Whether trying again may help.
    pub fn is_passing(&self) -> bool {
        matches!(self, ReplayError::Store(StoreError::Medium { .. }))
    }
}

/// An effective entry with the objects that it names.
struct Item {
    index: u64,
    log_time: TimeMs,
    statement: Arc<Verified<Statement>>,
    facts: Facts,
}

impl Item {
    fn entry(&self) -> Entry<'_> {
        Entry { index: self.index, log_time: self.log_time, statement: &self.statement }
    }
}

/// Leaves that are decoded by one protocol number and whose signatures are checked.
pub(crate) struct Run {
    opened: Vec<Opened>,
    /// The keys that they register, if they turn out to be effective.
    pub(crate) registers: BTreeMap<KeyId, PublicKey>,
}

/// A run that is folded and not committed yet. The one after it may be folded on top of it meanwhile.
pub(crate) struct Ahead {
    batches: Vec<RowBatch>,
    folded: Folded,
    /// The cursor after it.
    pub(crate) to: u64,
    /// What its entries put in force, with their indices.
    sets: Vec<(u64, InForce)>,
    /// Whether it ends at its last entry, and not before the first one that another protocol number is in force for.
    pub(crate) is_whole: bool,
}

impl Ahead {
    /// A row as this run leaves it, if it changes it.
    fn row(&self, projection: &ProjectionId, key: &RowKey) -> Option<&Option<Row>> {
        self.batches.iter().find(|batch| batch.projection == *projection)?.changes.get(key)
    }
    /// Notes what it puts in force: when it is committed.
    pub(crate) fn note(&self, numbers: &watch::Sender<Numbers>) {
        for (index, set) in &self.sets {
            numbers.send_if_modified(|numbers| numbers.set(*index, set));
        }
    }
}

/// What folding a run came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Folded {
    /// Entries folded, void ones included.
    pub entries: u64,
    /// How many of them are void.
    pub void: u64,
}

/// Folds into one row store.
#[derive(Clone)]
pub struct Folder {
    /// Where the rows are.
    pub rows: Arc<dyn RowStore>,
    /// Where the objects are.
    pub objects: Arc<dyn Objects>,
    /// Every projection but authority.
    pub projections: Vec<Arc<dyn Projection>>,
    /// What judges, by the protocol number in force.
    pub deciders: Deciders,
}

impl Folder {
    /// Folds leaves that begin at index `first`, where every projection's rows are. All of it is committed, or, on an
    /// error, what comes before the entry at fault.
    pub async fn fold(&self, first: u64, leaves: Vec<Leaf>) -> Result<Folded, ReplayError> {
        let numbers = watch::Sender::new(Numbers::only(first, self.in_force().await?));
        self.fold_by(first, leaves, &numbers).await
    }

    /// The protocol number in force at the cursor.
    async fn in_force(&self) -> Result<u64, ReplayError> {
        let keys = Keys::from([registry_key()?]);
        let rows = self.read(&AUTHORITY, keys.clone()).await?;
        Ok(protocol_in_force(&Rows::select(&rows, &keys))?)
    }

    /// The same by the protocol numbers in force, which it goes on with as it commits. What follows an entry that sets another
    /// number is decoded again, by that number.
    pub(crate) async fn fold_by(&self, first: u64, mut leaves: Vec<Leaf>, numbers: &watch::Sender<Numbers>) -> Result<Folded, ReplayError> {
        let mut folded = Folded::default();
        let mut in_force = numbers.borrow().now();
        while !leaves.is_empty() {
            let at = first + folded.entries;
            let protocol = self.protocol(at, in_force)?;
            let run = self.open(protocol, leaves, &BTreeMap::new()).await?;
            let ahead = self.fold_ahead(at, &run, None).await?;
            self.commit(&ahead).await?;
            ahead.note(numbers);
            folded.entries += ahead.folded.entries;
            folded.void += ahead.folded.void;
            let done = usize::try_from(ahead.folded.entries).unwrap_or(usize::MAX);
            leaves = run.opened.iter().skip(done).map(|leaf| Leaf::Bytes(leaf.bytes().to_vec())).collect();
            if !ahead.is_whole {
                in_force = self.in_force().await?;
            }
        }
        Ok(folded)
    }

    /// A protocol number that is in force from an index on, or that nothing from there on can be judged.
    pub(crate) fn protocol(&self, index: u64, number: u64) -> Result<&'static Protocol, ReplayError> {
        self.deciders.protocol(number).ok_or(ReplayError::Undecided { index, protocol: number })
    }

    /// Commits what was folded ahead.
    pub(crate) async fn commit(&self, ahead: &Ahead) -> Result<(), ReplayError> {
        if ahead.folded.entries == 0 {
            return Ok(());
        }
        let begun = Instant::now();
        self.rows.commit(&ahead.batches).await?;
        let rows: usize = ahead.batches.iter().map(|batch| batch.changes.len()).sum();
        tracing::debug!(entries = ahead.folded.entries, rows, took = ?begun.elapsed(), "committed rows");
        Ok(())
    }

    /// Folds a run that is opened already, on top of one that may not be committed yet, and commits nothing.
    /// Ends before an entry that another protocol number is in force for than the one that it was decoded by.
    pub(crate) async fn fold_ahead(&self, first: u64, run: &Run, below: Option<&Ahead>) -> Result<Ahead, ReplayError> {
        let begun = Instant::now();
        let Run { opened, .. } = run;
        let touches = |leaf: &Opened| leaf.statement().map_or_else(touches_undecodable, |statement| self.deciders.touches(statement));
        let keys: Vec<Keys> = opened.iter().map(touches).collect::<Result<_, _>>()?;
        let mut state = self.read_over(below, &AUTHORITY, keys.iter().flatten().cloned().collect()).await?;
        let mut changed: BTreeMap<RowKey, Option<Row>> = BTreeMap::new();
        let mut effective: Vec<(u64, TimeMs, Arc<Verified<Statement>>)> = Vec::new();
        let mut folded = Folded::default();
        let (mut sets, mut is_whole) = (Vec::new(), true);

        for ((index, leaf), keys) in (first..).zip(opened).zip(&keys) {
            let changes = match (self.deciders.decide(&Rows::select(&state, keys), index, leaf.signed())?, leaf) {
                (Decision::Effective(done), Opened::Verified(statement)) => {
                    sets.extend(statement.event().rules_after().map(|rules| (index, InForce::by(&self.deciders, rules))));
                    effective.push((index, done.log_time, Arc::clone(statement)));
                    done.changes
                }
                (Decision::Effective(_), _) => {
                    return Err(ReplayError::Worker("an unverified statement was found effective".to_owned()));
                }
                (Decision::Refused(refusal), _) => {
                    folded.void += 1;
                    void_changes(index, &refusal)?
                }
                (Decision::Undecided { .. }, _) => {
                    is_whole = false;
                    break;
                }
            };
            apply(&mut state, &mut changed, index, changes);
            folded.entries += 1;
        }

        let to = first + folded.entries;
        let mut batches = vec![RowBatch { projection: AUTHORITY, from: first, to, changes: changed }];
        let judged_in = begun.elapsed();
        let items = self.items(effective).await?;
        let read_in = begun.elapsed();
        for projection in &self.projections {
            batches.push(self.fold_one(projection.as_ref(), first, to, &items, below).await?);
        }
        tracing::debug!(entries = folded.entries, ?judged_in, ?read_in, folded_in = ?begun.elapsed(), "folded");
        Ok(Ahead { batches, folded, to, sets, is_whole })
    }

    /// Folds leaves into the projections alone, all of which are at `first`, by the verdicts that authority's rows hold already and the
    /// protocol numbers that were in force. `log_time` is log time before `first`; gives log time after.
    pub(crate) async fn fold_again(
        &self,
        first: u64,
        mut log_time: TimeMs,
        leaves: Vec<Leaf>,
        numbers: &Numbers,
    ) -> Result<TimeMs, ReplayError> {
        let to = first + leaves.len() as u64;
        let opened = self.open_by(numbers, first, leaves).await?;
        let voids = (first..to).map(void_key).collect::<Result<Keys, _>>()?;
        let voids = self.read(&AUTHORITY, voids).await?;
        let mut effective = Vec::new();
        for (index, leaf) in (first..).zip(opened) {
            let key = void_key(index)?;
            if let Some(Some(row)) = voids.get(&key) {
                decode_row::<VoidRow>(&key, &row.bytes)?;
                continue;
            }
            let Opened::Verified(statement) = leaf else {
                return Err(ReplayError::Damaged(format!("entry {index} was found effective once and does not verify now")));
            };
            log_time = log_time.max(statement.time());
            effective.push((index, log_time, statement));
        }
        let items = self.items(effective).await?;
        let mut batches = Vec::with_capacity(self.projections.len());
        for projection in &self.projections {
            batches.push(self.fold_one(projection.as_ref(), first, to, &items, None).await?);
        }
        self.rows.commit(&batches).await?;
        Ok(log_time)
    }

    /// Log time as authority's rows have it.
    pub async fn log_time(&self) -> Result<TimeMs, ReplayError> {
        let key = time_key()?;
        let rows = self.read(&AUTHORITY, Keys::from([key.clone()])).await?;
        match rows.get(&key) {
            Some(Some(row)) => Ok(decode_row::<TimeRow>(&key, &row.bytes)?.time),
            _ => Ok(TimeMs::default()),
        }
    }

    /// Opens folded leaves that begin at index `first`, each by the protocol number that was in force for it.
    async fn open_by(&self, numbers: &Numbers, first: u64, mut leaves: Vec<Leaf>) -> Result<Vec<Opened>, ReplayError> {
        let mut opened = Vec::with_capacity(leaves.len());
        while !leaves.is_empty() {
            let at = first + opened.len() as u64;
            let number = numbers.at(at);
            let same = (at..).take(leaves.len()).take_while(|index| numbers.at(*index) == number).count();
            let later = leaves.split_off(same);
            opened.extend(self.open(self.protocol(at, number)?, leaves, &BTreeMap::new()).await?.opened);
            leaves = later;
        }
        Ok(opened)
    }

    /// Decodes leaves by one protocol number and checks their signatures, on all cores and off the threads that answer requests.
    /// `before` are the keys that entries before these register and that may not be in rows yet.
    pub(crate) async fn open(
        &self,
        protocol: &'static Protocol,
        leaves: Vec<Leaf>,
        before: &BTreeMap<KeyId, PublicKey>,
    ) -> Result<Run, ReplayError> {
        let worker = |e: tokio::task::JoinError| ReplayError::Worker(e.to_string());
        let decoded = tokio::task::spawn_blocking(move || leaf::decode_all(protocol, leaves)).await.map_err(worker)?;
        let registers = leaf::registered(&decoded);
        let mut keys = registers.clone();
        keys.extend(before);
        keys.extend(self.registered_keys(leaf::kids(&decoded).filter(|kid| !keys.contains_key(kid)).collect()).await?);
        let opened = tokio::task::spawn_blocking(move || leaf::verify_all(decoded, &keys)).await.map_err(worker)?;
        Ok(Run { opened, registers })
    }

    async fn registered_keys(&self, mut kids: Vec<KeyId>) -> Result<BTreeMap<KeyId, PublicKey>, ReplayError> {
        kids.sort();
        kids.dedup();
        let rows = self.read(&AUTHORITY, kids.iter().map(key_key).collect::<Result<_, _>>()?).await?;
        let mut keys = BTreeMap::new();
        for (key, row) in rows {
            if let Some(row) = row {
                let KeyRow { key } = decode_row(&key, &row.bytes)?;
                keys.insert(key.id(), key);
            }
        }
        Ok(keys)
    }

    /// The rows under these keys as they are after the run below, committed or not.
    async fn read_over(
        &self,
        below: Option<&Ahead>,
        projection: &ProjectionId,
        mut keys: Keys,
    ) -> Result<BTreeMap<RowKey, Option<Row>>, ReplayError> {
        let mut over = BTreeMap::new();
        if let Some(below) = below {
            keys.retain(|key| match below.row(projection, key) {
                Some(row) => {
                    over.insert(key.clone(), row.clone());
                    false
                }
                None => true,
            });
        }
        let mut rows = self.read(projection, keys).await?;
        rows.append(&mut over);
        Ok(rows)
    }

    pub(crate) async fn read(&self, projection: &ProjectionId, keys: Keys) -> Result<BTreeMap<RowKey, Option<Row>>, ReplayError> {
        let keys: Vec<RowKey> = keys.into_iter().collect();
        let mut rows = BTreeMap::new();
        for chunk in keys.chunks(READ_KEYS) {
            let found = self.rows.read(projection, chunk).await?;
            rows.extend(chunk.iter().cloned().zip(found));
        }
        Ok(rows)
    }

    /// Reads the objects that effective entries name, some at once, in order.
    async fn items(&self, effective: Vec<(u64, TimeMs, Arc<Verified<Statement>>)>) -> Result<Vec<Item>, ReplayError> {
        stream::iter(effective)
            .map(|(index, log_time, statement)| async move {
                let facts = self.facts(index, &statement).await?;
                Ok::<Item, ReplayError>(Item { index, log_time, statement, facts })
            })
            .buffered(OBJECTS_AT_ONCE)
            .try_collect()
            .await
    }

    async fn facts(&self, index: u64, statement: &Statement) -> Result<Facts, ReplayError> {
        let needed = FactsNeeded::by(statement.event());
        let mut facts = Facts::default();
        // Objects are for views: a verdict rests on none.
        if self.projections.is_empty() {
            return Ok(facts);
        }
        if let Some(object) = needed.manifest {
            facts.manifest = Some(match self.object(index, &object, limits::MANIFEST_BYTES as u64).await? {
                Some(bytes) => FactsNeeded::read_manifest(statement, &bytes),
                None => Fact::Unreadable("not_a_manifest"),
            });
        }
        if let Some(object) = needed.message {
            facts.message = Some(match self.object(index, &object, limits::MESSAGE_BYTES as u64).await? {
                Some(bytes) => FactsNeeded::read_message(&bytes),
                None => Fact::Unreadable("not_a_message"),
            });
        }
        Ok(facts)
    }

    /// An object with the right digest; none if its stated size is past the limit.
    async fn object(&self, index: u64, object: &ObjectRef, limit: u64) -> Result<Option<bytes::Bytes>, ReplayError> {
        let fault = |what: String| ReplayError::Object { address: object.sha256.to_address(), index, what };
        if object.size > limit {
            return Ok(None);
        }
        match self.objects.get(&object.sha256, limit).await {
            Ok(Some(bytes)) if object.matches(&bytes) => Ok(Some(bytes)),
            Ok(Some(_)) => Err(fault("damaged: its bytes are not those of its address".to_owned())),
            Ok(None) => Err(fault("missing".to_owned())),
            Err(StoreError::Damaged { details }) => Err(fault(format!("damaged: {}", details.why()))),
            Err(error) => Err(error.into()),
        }
    }

    async fn fold_one(
        &self,
        projection: &dyn Projection,
        from: u64,
        to: u64,
        items: &[Item],
        below: Option<&Ahead>,
    ) -> Result<RowBatch, ReplayError> {
        let id = projection.id();
        let keys: Vec<Keys> = items.iter().map(|item| projection.touches(&item.entry(), &item.facts)).collect::<Result<_, _>>()?;
        let mut state = self.read_over(below, &id, keys.iter().flatten().cloned().collect()).await?;
        let mut changed: BTreeMap<RowKey, Option<Row>> = BTreeMap::new();
        for (item, keys) in items.iter().zip(&keys) {
            let mut rows = Rows::select(&state, keys);
            let next = projection.touches_next(&rows, &item.entry(), &item.facts)?;
            if !next.is_empty() {
                let unread: Keys = next.iter().filter(|key| !state.contains_key(*key)).cloned().collect();
                for (key, row) in self.read_over(below, &id, unread).await? {
                    // What an entry before this one wrote in this batch is not in the store yet.
                    let row = changed.get(&key).cloned().unwrap_or(row);
                    state.insert(key, row);
                }
                rows = Rows::select(&state, &keys.union(&next).cloned().collect());
            }
            let changes = projection.fold(&rows, &item.entry(), &item.facts)?;
            apply(&mut state, &mut changed, item.index, changes);
        }
        Ok(RowBatch { projection: id, from, to, changes: changed })
    }
}

/// Writes changes over what was read, and notes them for the commit.
fn apply(state: &mut BTreeMap<RowKey, Option<Row>>, changed: &mut BTreeMap<RowKey, Option<Row>>, index: u64, changes: Changes) {
    for (key, bytes) in changes {
        let row = bytes.map(|bytes| Row { bytes: bytes.into(), seq: index });
        if let Some(slot) = state.get_mut(&key) {
            slot.clone_from(&row);
        }
        changed.insert(key, row);
    }
}
