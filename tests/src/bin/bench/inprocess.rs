//! A registry put together in this process as the server does it, without HTTP: to append more than a network would carry in the
//! time, and to count the rows that are written.

use crate::fixture::{domain, key};
use anyhow::Context as _;
use async_trait::async_trait;
use deedbox_authority::DECIDERS;
use deedbox_catalog::Catalog;
use deedbox_intake::{Admitted, Door, Policy, Published};
use deedbox_ledger::{Appended, Ledger, LedgerParts, NoProbe, Recovered, SubmitError};
use deedbox_model::event::{DomainClaimed, Evidence, RegistryCreated, Rules};
use deedbox_model::{Domain, Event, EventId, Origin, ProjectionId, Protocol, SecretKey, Speaker, Statement, Subject};
use deedbox_replay::{Folder, Replayer};
use deedbox_store::{Opening, RowBatch, RowStore, RowWork, StoreError, StoreSettings, Stores};
use deedbox_tests::publisher::{Publisher, now};
use deedbox_view::Projection;
use std::collections::VecDeque;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

/// Statements that wait for their answers at once: under what the pool takes.
const WAITING: usize = 12_000;

/// Which views are folded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Views {
    /// Authority's rows alone, which the ledger needs.
    None,
    /// All that the program has.
    All,
}

/// With what a registry signs.
pub(crate) struct Keys {
    origin: Origin,
    operator: SecretKey,
    log: SecretKey,
    receipt: SecretKey,
}

impl Keys {
    /// The same each time, for a new registry.
    pub(crate) fn fixed() -> anyhow::Result<Self> {
        let key = |n| SecretKey::from_seed(&[n; 32]);
        Ok(Keys { origin: Origin::parse("bench.localhost")?, operator: key(1), log: key(2), receipt: key(3) })
    }

    /// Those of a registry that the program has made and that has stopped.
    pub(crate) fn of(data: &Path) -> anyhow::Result<Self> {
        let key = |name: &str| -> anyhow::Result<SecretKey> {
            let pem = std::fs::read_to_string(data.join("keys").join(name))?;
            SecretKey::from_pem(&pem).with_context(|| format!("{name} holds no key"))
        };
        let named: serde_json::Value = serde_json::from_slice(&std::fs::read(data.join("registry.json"))?)?;
        let origin = named.get("origin").and_then(|origin| origin.as_str()).context("the registry's name")?;
        Ok(Keys { origin: Origin::parse(origin)?, operator: key("operator.pem")?, log: key("log.pem")?, receipt: key("receipt.pem")? })
    }
}

/// The parts, running.
pub(crate) struct InProcess {
    pub(crate) ledger: Ledger,
    pub(crate) origin: Origin,
    stores: Stores,
    written: Arc<AtomicU64>,
    door: Door,
    operator: SecretKey,
    tasks: Vec<JoinHandle<()>>,
}

impl InProcess {
    /// Opens a data directory, or makes it.
    pub(crate) async fn open(data: &Path, keys: Keys, views: Views) -> anyhow::Result<Self> {
        let mut stores = Stores::open(&StoreSettings::in_folder(data), Opening::ToWrite)?;
        let objects = Arc::clone(&stores.objects);
        let all = Arc::clone(stores.rows().await?.folded());
        let written = Arc::new(AtomicU64::new(0));
        let rows: Arc<dyn RowStore> = Arc::new(Counting { rows: all, written: Arc::clone(&written) });
        let Keys { origin, operator, log, receipt } = keys;
        let log_key = log.public();
        let recovered = Recovered::open(LedgerParts {
            origin: origin.clone(),
            log_key: log,
            commits: Arc::clone(&stores.commits),
            log: stores.log.clone(),
            signer_memory: Arc::clone(&stores.signer),
            rows: Arc::clone(&rows),
            deciders: DECIDERS,
            probe: Arc::new(NoProbe),
        })
        .await?;
        let mut projections: Vec<Arc<dyn Projection>> = Vec::new();
        if views == Views::All {
            projections.push(Arc::new(Catalog));
            projections.extend(deedbox::ecosystems::projections());
        }
        let target = recovered.head().tree;
        let folder = Folder { rows: Arc::clone(&rows), objects: Arc::clone(&objects), projections, deciders: DECIDERS };
        let mut replayer = Replayer::open(folder, stores.log.clone(), target, &|_, _| {}).await?;
        replayer.catch_up(target, &|_, _| {}).await?;
        let (batches, mut published) = mpsc::channel(16);
        let (ledger, writer) = recovered.start(replayer.folded(), batches)?;
        let (known, to_fold) = mpsc::channel(16);
        let (targets, heads) = watch::channel(target);
        let head = ledger.head();
        let handing_on = async move {
            while let Some(batch) = published.recv().await {
                let now = {
                    let head = head.borrow();
                    head.tree
                };
                targets.send_replace(now);
                if known.send(batch).await.is_err() {
                    return;
                }
            }
        };
        let tasks =
            vec![tokio::spawn(writer), tokio::spawn(async move { drop(replayer.run(to_fold, heads).await) }), tokio::spawn(handing_on)];
        let policy = Policy { allow_local_claims: true, ..Policy::default() };
        // Objects are put in place without an upload: to the door they are everybody's.
        let everybodys: Published = Arc::new(|of| Box::pin(async move { Ok(vec![true; of.len()]) }));
        let door = Door::new(origin.clone(), objects, rows, deedbox::ecosystems::dialects(), policy, everybodys);
        let registry = InProcess { ledger, origin: origin.clone(), stores, written, door, operator, tasks };
        if target.size == 0 {
            let created = RegistryCreated {
                rules: Rules { parameters: Vec::new(), protocol: deedbox_authority::PROTOCOL },
                origin,
                log_keys: vec![log_key],
                receipt_keys: vec![receipt.public()],
                operator_keys: vec![registry.operator.public()],
            };
            registry.say(&Subject::Registry, &Event::from(created)).await?;
        }
        Ok(registry)
    }

    /// What the operator says, first of its chain.
    async fn say(&self, subject: &Subject, event: &Event) -> anyhow::Result<EventId> {
        let statement = Statement::sign(&self.operator, &self.origin, &Speaker::Registry, subject, None, now()?, event)?;
        Ok(self.ledger.submit(self.admit(statement.bytes()).await?).await?.id)
    }

    /// A domain and a key for each publisher.
    pub(crate) async fn publishers(&self, count: usize) -> anyhow::Result<Vec<Publisher>> {
        let mut publishers = Vec::with_capacity(count);
        for number in 0..count {
            publishers.push(self.publisher(key(number), &domain(number)).await?);
        }
        Ok(publishers)
    }

    /// A claim of one domain.
    pub(crate) async fn publisher(&self, key: SecretKey, domain: &str) -> anyhow::Result<Publisher> {
        let domain = Domain::parse(domain)?;
        let acceptance = Publisher::acceptance(&key, &domain, &self.origin, now()?)?;
        let event = Event::from(DomainClaimed::unseen(Evidence::Localhost, acceptance));
        let tenure = self.say(&Subject::Domain(domain.clone()), &event).await?;
        Ok(Publisher { key, domain, origin: self.origin.clone(), tenure })
    }

    /// By the door that every statement takes.
    pub(crate) async fn admit(&self, statement: &[u8]) -> anyhow::Result<Admitted> {
        let verified = self.door.verify(Statement::decode(Protocol::ONE, statement)?).await?;
        Ok(self.door.admit(verified, now()?).await?)
    }

    /// Keeps the pool full until all are answered, in order.
    pub(crate) async fn append_all(&self, admitted: Vec<Admitted>) -> anyhow::Result<()> {
        type Waiting<'a> = Pin<Box<dyn Future<Output = Result<Appended, SubmitError>> + Send + 'a>>;
        let mut waiting: VecDeque<Waiting<'_>> = VecDeque::new();
        for one in admitted {
            if waiting.len() >= WAITING
                && let Some(first) = waiting.pop_front()
            {
                first.await?;
            }
            let mut submitted: Waiting<'_> = Box::pin(self.ledger.submit(one));
            // Asked once it is in the pool, so that what belongs together stays in order.
            match std::future::poll_fn(|cx| Poll::Ready(submitted.as_mut().poll(cx))).await {
                Poll::Ready(answer) => drop(answer?),
                Poll::Pending => waiting.push_back(submitted),
            }
        }
        for one in waiting {
            one.await?;
        }
        Ok(())
    }

    /// Rows written or deleted since the start, in all projections.
    pub(crate) fn rows_written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// Ends all of it, so that another process may open the directory.
    pub(crate) async fn close(self) -> anyhow::Result<()> {
        drop(self.ledger);
        drop(self.door);
        for task in self.tasks {
            task.await?;
        }
        self.stores.close().await;
        Ok(())
    }
}

/// Counts what is committed.
struct Counting {
    rows: Arc<dyn RowStore>,
    written: Arc<AtomicU64>,
}

#[async_trait]
impl RowStore for Counting {
    async fn with_rows(&self, projection: &ProjectionId, work: RowWork) -> Result<(), StoreError> {
        self.rows.with_rows(projection, work).await
    }
    async fn commit(&self, batches: &[RowBatch]) -> Result<(), StoreError> {
        self.written.fetch_add(batches.iter().map(|batch| batch.changes.len() as u64).sum(), Ordering::Relaxed);
        self.rows.commit(batches).await
    }
    async fn clear(&self, projection: &ProjectionId) -> Result<(), StoreError> {
        self.rows.clear(projection).await
    }
    async fn generations(&self) -> Result<Vec<(String, u64)>, StoreError> {
        self.rows.generations().await
    }
    async fn drop_generation(&self, id: &str) -> Result<(), StoreError> {
        self.rows.drop_generation(id).await
    }
    async fn close(&self) {
        self.rows.close().await;
    }
}
