//! A registry in one process: door, ledger, replay, over stores that outlive it.
#![allow(dead_code, reason = "each test program uses a part of it")]

use deedbox_authority::{DECIDERS, Deciders};
use deedbox_intake::{Admitted, Door, Policy, Published};
use deedbox_ledger::{Appended, Ledger, LedgerParts, LogToCheck, NoProbe, Probe, Recovered, SubmitError, check_log};
use deedbox_model::{Protocol, Statement, Verified};
use deedbox_replay::{Folder, Replayer};
use deedbox_store::memory::{MemoryCommits, MemoryFiles, MemoryObjects, MemoryRows};
use deedbox_store::{Commits, Files, LogStore, Objects, RowStore};
use deedbox_testkit::{Registry, secret, time};
use deedbox_tlog::VerifierKey;
use std::sync::Arc;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

/// What outlives a process.
#[derive(Clone)]
pub(crate) struct Stores {
    pub(crate) commits: Arc<dyn Commits>,
    pub(crate) files: Arc<dyn Files>,
    pub(crate) signer: Arc<dyn Files>,
    pub(crate) objects: Arc<dyn Objects>,
    pub(crate) rows: Rows,
}

#[derive(Clone)]
pub(crate) struct Rows(pub(crate) Arc<dyn RowStore>);

impl Default for Rows {
    fn default() -> Self {
        Rows(Arc::new(MemoryRows::default()))
    }
}

impl Default for Stores {
    fn default() -> Self {
        Stores {
            commits: Arc::new(MemoryCommits::default()),
            files: Arc::new(MemoryFiles::default()),
            signer: Arc::new(MemoryFiles::default()),
            objects: Arc::new(MemoryObjects::default()),
            rows: Rows::default(),
        }
    }
}

impl Stores {
    /// The log of these files.
    pub(crate) fn log(&self) -> LogStore {
        LogStore::in_files(Arc::clone(&self.files))
    }

    /// A copy of commits and files as they are now; rows and signer are new.
    pub(crate) async fn copy_log(&self) -> Stores {
        let copy = Stores::default();
        for number in 0..=self.commits.last().await.unwrap().unwrap() {
            copy.commits.create(number, self.commits.read(number).await.unwrap().unwrap()).await.unwrap();
        }
        for path in self.files.list("").await.unwrap() {
            copy.files.put(&path, self.files.get(&path).await.unwrap().unwrap()).await.unwrap();
        }
        copy
    }
}

pub(crate) struct World {
    pub(crate) registry: Registry,
    pub(crate) ledger: Ledger,
    pub(crate) vkey: String,
    /// Commits that this start finished.
    pub(crate) finished: u64,
    door: Arc<Door>,
    tasks: Vec<JoinHandle<()>>,
}

impl World {
    pub(crate) async fn start(stores: &Stores) -> Result<World, String> {
        World::start_as(stores, Registry::default()).await
    }

    pub(crate) async fn start_as(stores: &Stores, registry: Registry) -> Result<World, String> {
        World::start_probed(stores, registry, Arc::new(NoProbe)).await
    }

    pub(crate) async fn start_probed(stores: &Stores, registry: Registry, probe: Arc<dyn Probe>) -> Result<World, String> {
        World::start_with(stores, registry, probe, DECIDERS).await
    }

    /// A program that has these protocol numbers.
    pub(crate) async fn start_by(stores: &Stores, deciders: Deciders) -> Result<World, String> {
        World::start_with(stores, Registry::default(), Arc::new(NoProbe), deciders).await
    }

    async fn start_with(stores: &Stores, registry: Registry, probe: Arc<dyn Probe>, deciders: Deciders) -> Result<World, String> {
        let parts = LedgerParts {
            origin: registry.origin.clone(),
            log_key: registry.log.clone(),
            commits: Arc::clone(&stores.commits),
            log: stores.log(),
            signer_memory: Arc::clone(&stores.signer),
            rows: Arc::clone(&stores.rows.0),
            deciders,
            probe,
        };
        let recovered = Recovered::open(parts).await.map_err(|e| e.to_string())?;
        let finished = recovered.finished();
        let vkey = recovered.vkey();
        let folder = Folder { rows: Arc::clone(&stores.rows.0), objects: Arc::clone(&stores.objects), projections: Vec::new(), deciders };
        let now = recovered.head().tree;
        let mut replayer = Replayer::open(folder, stores.log(), now, &|_, _| {}).await.map_err(|e| e.to_string())?;
        replayer.catch_up(now, &|_, _| {}).await.map_err(|e| e.to_string())?;

        let (batches, published) = mpsc::channel(16);
        let (ledger, writer) = recovered.start(replayer.folded(), batches).map_err(|e| e.to_string())?;
        let (target_sender, targets) = watch::channel(now);
        let mut heads = ledger.head();
        let tasks = vec![
            tokio::spawn(writer),
            tokio::spawn(async move {
                while heads.changed().await.is_ok() {
                    target_sender.send_replace(heads.borrow_and_update().tree);
                }
            }),
            tokio::spawn(async move {
                // An error ends folding, and with it every answer: the tests see `Stopped`.
                let _ended = replayer.run(published, targets).await;
            }),
        ];
        let policy = Policy { allow_local_claims: true, ..Policy::default() };
        // No statement here names an object.
        let nothing: Published = Arc::new(|of| Box::pin(async move { Ok(vec![false; of.len()]) }));
        let door = Arc::new(Door::new(
            registry.origin.clone(),
            Arc::clone(&stores.objects),
            Arc::clone(&stores.rows.0),
            Vec::new(),
            policy,
            nothing,
        ));
        let world = World { registry, ledger, vkey, finished, door, tasks };
        if now.size == 0 {
            world.submit(&world.registry.created(time(0))).await.map_err(|e| e.to_string())?;
        }
        Ok(world)
    }

    /// As a client would: the bytes, through the door, into the log.
    pub(crate) async fn submit(&self, statement: &Verified<Statement>) -> Result<Appended, SubmitError> {
        self.ledger.submit(self.admit(Protocol::ONE, statement.bytes()).await).await
    }

    /// Through the door, as this protocol number reads it.
    pub(crate) async fn admit(&self, protocol: &'static Protocol, bytes: &[u8]) -> Admitted {
        let verified = self.door.verify(Statement::decode(protocol, bytes).unwrap()).await.unwrap();
        // This writer's clock says what the signer's says.
        let now = verified.time();
        self.door.admit(verified, now).await.unwrap()
    }

    /// The same where the store may fail at the door too.
    pub(crate) async fn try_submit(&self, statement: &Verified<Statement>) -> Result<Appended, SubmitError> {
        let store = |e: deedbox_intake::IntakeRefusal| SubmitError::Store(e.to_string());
        let verified = self.door.verify(Statement::decode(Protocol::ONE, statement.bytes()).unwrap()).await.map_err(store)?;
        let now = verified.time();
        self.ledger.submit(self.door.admit(verified, now).await.map_err(store)?).await
    }

    pub(crate) async fn submit_claim(&self, domain: &str, at: u64) -> Result<Appended, SubmitError> {
        self.submit_claim_with(domain, at, 9).await
    }

    pub(crate) async fn submit_claim_with(&self, domain: &str, at: u64, key: u8) -> Result<Appended, SubmitError> {
        self.submit(&self.registry.claim(domain, &secret(key), time(at)).0).await
    }

    /// Claims `d<n>.example` for each number, all at once.
    pub(crate) async fn claim_many(&self, numbers: std::ops::Range<u64>) -> (Vec<Verified<Statement>>, Vec<Result<Appended, SubmitError>>) {
        let claims: Vec<_> = numbers.map(|n| self.registry.claim(&format!("d{n}.example"), &secret(9), time(n)).0).collect();
        let answers = futures::future::join_all(claims.iter().map(|claim| self.submit(claim))).await;
        (claims, answers)
    }

    /// What was answered is in the log under its index, and once; the log's files agree with each other.
    pub(crate) async fn check(&self, stores: &Stores, claims: &[Verified<Statement>], answers: &[Result<Appended, SubmitError>]) {
        let head = self.ledger.head().borrow().clone();
        let mut log = deedbox_replay::LogReader::open(stores.log(), 0, head.tree).await.unwrap();
        let mut entries = Vec::new();
        while let Some(next) = log.next().await.unwrap() {
            entries.extend(next);
        }
        for (claim, answer) in claims.iter().zip(answers) {
            let found = entries.iter().filter(|entry| entry.as_slice() == claim.bytes().as_ref()).count();
            match answer {
                Ok(appended) => {
                    assert_eq!(entries[usize::try_from(appended.index).unwrap()], claim.bytes().as_ref());
                    assert_eq!(found, 1);
                }
                Err(_) => assert!(found <= 1),
            }
        }
        let report = check_log(&self.files_to_check(stores), &|_, _| {}).await.unwrap();
        let wrong: Vec<_> = report.findings.iter().filter(|finding| !finding.harmless).collect();
        assert!(wrong.is_empty(), "{wrong:?}");
        assert_eq!(report.size, head.tree.size);
    }

    pub(crate) fn files_to_check(&self, stores: &Stores) -> LogToCheck {
        LogToCheck {
            commits: Arc::clone(&stores.commits),
            log: stores.log(),
            signer_memory: Arc::clone(&stores.signer),
            origin: self.registry.origin.clone(),
            log_keys: vec![VerifierKey::parse(&self.vkey).unwrap()],
        }
    }

    /// As the operator stops it: nothing is lost that was answered.
    pub(crate) async fn stop(self) {
        drop(self.ledger);
        for task in self.tasks {
            task.await.unwrap();
        }
    }

    /// As a crash stops it: everything ends where it is.
    pub(crate) fn kill(self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}
