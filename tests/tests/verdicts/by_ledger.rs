//! The ledger as it appends: every case through the door, once one after another, each a batch of its own, and once all together, in one batch.
//! A ledger never appends what is void, so there the codes are its answers.
//!
//! The door has its own word on a few: of a key that nobody registered it says so before authority can say anything else.

use super::by_replay::rows_of;
use super::count::{BATCH, Counts, LEDGER};
use super::judged::Case;
use deedbox_authority::DECIDERS;
use deedbox_intake::{Admitted, Door, IntakeRefusal, Policy, Published};
use deedbox_ledger::{Appended, Ledger, LedgerParts, NoProbe, Recovered, SubmitError};
use deedbox_model::event::Principal;
use deedbox_model::{Manifest, Origin, Protocol, Statement};
use deedbox_replay::{Folder, Replayer};
use deedbox_store::memory::{MemoryCommits, MemoryFiles, MemoryObjects, MemoryRows};
use deedbox_store::{Commits as _, LogStore, RowStore};
use deedbox_testkit::{Registry, publish_event};
use deedbox_view::{ArtifactSource, Dialect, InspectRefusal, Inspection, Said};
use std::ops::Range;
use std::sync::{Arc, Mutex};
use tokio::sync::{mpsc, watch};

pub(crate) async fn judge(told: &[Case], own: Range<usize>, objects: &Arc<MemoryObjects>, counts: &mut Counts) {
    // A void entry 0 takes the place of the creation in a log, and leaves it free in a ledger.
    let places = if told[0].refused.is_some() { 1 } else { told.len() };
    own.clone().filter(|at| *at >= places).for_each(|_| counts.add("not comparable at the ledger: it does not append a void entry 0"));
    let told = &told[..places];
    let origin = told[0].statement.event().created().map_or_else(|| Registry::default().origin, |created| created.origin.clone());
    let (one_by_one, together) = (Arc::new(MemoryRows::default()), Arc::new(MemoryRows::default()));
    let door = door(&origin, objects.clone(), one_by_one.clone());

    let (ledger, _) = start(&origin, objects, one_by_one.clone()).await;
    for (at, case) in told.iter().enumerate() {
        let judged = match admit(&door, case).await {
            Err(refusal) => is_kept_out_alike(case, &refusal),
            Ok(admitted) => is_answered_alike(at, case, ledger.submit(admitted).await),
        };
        count(own.contains(&at), judged, LEDGER, counts);
    }

    // The door has seen every key by now, so all can wait together.
    let (ledger, commits) = start(&origin, objects, together.clone()).await;
    let mut waiting = Vec::new();
    for (at, case) in told.iter().enumerate() {
        match admit(&door, case).await {
            Err(refusal) => count(own.contains(&at), is_kept_out_alike(case, &refusal), BATCH, counts),
            Ok(admitted) => {
                let answer = ledger.submit(admitted);
                waiting.push(async move { (at, case, answer.await) });
            }
        }
    }
    for (at, case, answer) in futures::future::join_all(waiting).await {
        count(own.contains(&at), is_answered_alike(at, case, answer), BATCH, counts);
    }
    let effective = told.iter().any(|case| case.refused.is_none());
    assert_eq!(commits.last().await.unwrap(), effective.then_some(0), "all in one batch");
    assert_eq!(ledger.head().borrow().tree.size, told.iter().filter(|case| case.refused.is_none()).count() as u64);
    assert_eq!(rows_of(one_by_one.as_ref()).await, rows_of(together.as_ref()).await, "one batch leaves other rows than many");
}

fn count(is_own: bool, judged: bool, by: &str, counts: &mut Counts) {
    match (is_own, judged) {
        (false, _) => {}
        (true, true) => counts.add(by),
        (true, false) => counts.add(&format!("not {by}: the door knows no such key")),
    }
}

/// The ledger's answer is the table's verdict.
fn is_answered_alike(at: usize, case: &Case, answer: Result<Appended, SubmitError>) -> bool {
    let said = match answer {
        Ok(appended) => appended.seen.then_some("already_logged"),
        Err(SubmitError::Refused(refusal)) => Some(refusal.code()),
        Err(other) => panic!("the ledger on entry {at}, {}: {other}", case.name()),
    };
    assert_eq!(said, case.refused, "the ledger on entry {at}, {}", case.name());
    true
}

/// The door keeps out nothing but what is void, and says the same of it; or it has never seen the key, and says that.
fn is_kept_out_alike(case: &Case, refusal: &IntakeRefusal) -> bool {
    let name = case.name();
    let expected = case.refused.unwrap_or_else(|| panic!("the door keeps out {name}, which is effective: {refusal}"));
    assert!(matches!(refusal, IntakeRefusal::Authority(_)), "{name}: {refusal}");
    assert!([expected, "key_not_authorised"].contains(&refusal.code()), "the door on {name}: {refusal}");
    refusal.code() == expected
}

async fn admit(door: &Door, case: &Case) -> Result<Admitted, IntakeRefusal> {
    let unverified = Statement::decode(Protocol::ONE, case.bytes()).unwrap();
    let verified = door.verify(unverified).await?;
    door.admit(verified, case.statement.time()).await
}

/// A ledger and its replay over new stores, which write for as long as the handle is there.
async fn start(origin: &Origin, objects: &Arc<MemoryObjects>, rows: Arc<dyn RowStore>) -> (Ledger, Arc<MemoryCommits>) {
    let files = Arc::new(MemoryFiles::default());
    let commits = Arc::new(MemoryCommits::default());
    let log = || LogStore::in_files(files.clone());
    let parts = LedgerParts {
        origin: origin.clone(),
        log_key: Registry::default().log,
        commits: commits.clone(),
        log: log(),
        signer_memory: Arc::new(MemoryFiles::default()),
        rows: Arc::clone(&rows),
        deciders: DECIDERS,
        probe: Arc::new(NoProbe),
    };
    let recovered = Recovered::open(parts).await.unwrap();
    let folder = Folder { rows, objects: objects.clone(), projections: Vec::new(), deciders: DECIDERS };
    let now = recovered.head().tree;
    let replayer = Replayer::open(folder, log(), now, &|_, _| {}).await.unwrap();
    let (batches, published) = mpsc::channel(16);
    let (ledger, writer) = recovered.start(replayer.folded(), batches).unwrap();
    let (target, targets) = watch::channel(now);
    let mut heads = ledger.head();
    tokio::spawn(writer);
    tokio::spawn(async move {
        while heads.changed().await.is_ok() {
            target.send_replace(heads.borrow_and_update().tree);
        }
    });
    tokio::spawn(async move {
        // An error ends folding, and with it every answer: whoever waits is told `Stopped`.
        let _ended = replayer.run(published, targets).await;
    });
    (ledger, commits)
}

fn door(origin: &Origin, objects: Arc<MemoryObjects>, rows: Arc<dyn RowStore>) -> Door {
    let everything: Published = Arc::new(|of| Box::pin(async move { Ok(vec![true; of.len()]) }));
    let dialects = ["npm", "gem", "oci"].map(|ecosystem| Arc::new(Believing { ecosystem, manifest: Mutex::default() }) as Arc<dyn Dialect>);
    let policy = Policy { allow_local_claims: true, ..Policy::default() };
    Door::new(origin.clone(), objects, rows, dialects.into(), policy, everything)
}

/// A dialect that finds in the artifacts what the manifest says: what is in them is not what is tested here.
struct Believing {
    ecosystem: &'static str,
    /// The manifest that it was asked about last.
    manifest: Mutex<Option<Manifest>>,
}

impl Dialect for Believing {
    fn ecosystem(&self) -> &'static str {
        self.ecosystem
    }
    fn inspect(&self, _: &Said<'_>, _: &[&dyn ArtifactSource]) -> Result<Inspection, InspectRefusal> {
        let manifest = self.manifest.lock().unwrap().clone().expect("the door asks for its principal artifacts first");
        Ok(Inspection { manifest, readme: None, channels: Vec::new() })
    }
    fn principal(&self, manifest: &Manifest) -> Vec<Principal> {
        *self.manifest.lock().unwrap() = Some(manifest.clone());
        publish_event(manifest, &[]).principal
    }
    fn view_path(&self, _: &Manifest) -> Option<String> {
        None
    }
}
