//! Appends in the ledger alone: admitted statements in, published checkpoints out, on the same disk. Replay folds authority's rows
//! behind it, as the ledger needs them; no other view is folded, and nobody speaks HTTP.

use crate::Bench;
use crate::fixture::{self, Mix, domain, key};
use crate::machine::{TICKS, Watch};
use crate::process::tree_ticks;
use crate::report::{Row, figure};
use anyhow::Context as _;
use deedbox_intake::{Admitted, Door, Policy};
use deedbox_ledger::{Appended, Ledger, LedgerParts, NoProbe, Recovered, SubmitError};
use deedbox_model::event::{DomainClaimed, Evidence, RegistryCreated, Rules};
use deedbox_model::{Domain, Event, EventId, Origin, SecretKey, Speaker, Statement, Subject};
use deedbox_npm::Npm;
use deedbox_replay::{Folder, Known, Replayer, Target};
use deedbox_store::{DiskFiles, Files, Objects, RowStore, SqliteRows, open_disk};
use deedbox_tests::publisher::{Publisher, now};
use std::collections::VecDeque;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Instant;
use tokio::sync::{mpsc, watch};

const ORIGIN: &str = "bench.localhost";
/// Statements that wait for their answers at once: under what the pool takes.
const WAITING: usize = 12_000;

pub(crate) fn in_process(bench: &mut Bench) -> anyhow::Result<()> {
    let (events, publishers) = (bench.pick(10_000, 50_000), bench.pick(32, 128));
    let data = bench.folder.path().join("ledger");
    let (rows, note) = bench.wait(async {
        let world = World::open(&data).await?;
        let publishers = world.publishers(publishers).await?;
        let prepared = fixture::prepare_all(&publishers, events, Mix::MIXED)?;
        for object in prepared.iter().flat_map(|one| &one.objects) {
            fixture::put_in_place(&data, object)?;
        }
        let mut admitted = Vec::with_capacity(events);
        for statement in prepared.iter().flat_map(|one| &one.statements) {
            admitted.push(world.admit(statement).await?);
        }
        world.append(admitted).await
    })?;
    for row in rows {
        bench.report.add(row.note(note.clone()));
    }
    Ok(())
}

struct World {
    ledger: Ledger,
    door: Door,
    origin: Origin,
    operator: SecretKey,
}

impl World {
    /// A new log, put together as the server does it, without views.
    async fn open(data: &Path) -> anyhow::Result<Self> {
        let disk = open_disk(data)?;
        let files: Arc<dyn Files> = Arc::new(disk.files.clone());
        let objects: Arc<dyn Objects> = Arc::new(disk.objects.clone());
        let rows: Arc<dyn RowStore> = Arc::new(SqliteRows::open(&data.join("rows.sqlite")).await?);
        let origin = Origin::parse(ORIGIN)?;
        let (operator, log_key) = (SecretKey::from_seed(&[1; 32]), SecretKey::from_seed(&[2; 32]));
        let created = RegistryCreated {
            rules: Rules { parameters: Vec::new(), protocol: deedbox_authority::PROTOCOL },
            origin: origin.clone(),
            log_keys: vec![log_key.public()],
            receipt_keys: vec![SecretKey::from_seed(&[3; 32]).public()],
            operator_keys: vec![operator.public()],
        };
        let recovered = Recovered::open(LedgerParts {
            origin: origin.clone(),
            log_key,
            commits: Arc::new(disk.commits),
            files: Arc::clone(&files),
            signer_memory: Arc::new(DiskFiles::open(&data.join("signer"))?),
            rows: Arc::clone(&rows),
            probe: Arc::new(NoProbe),
        })
        .await?;
        let target = Target { size: recovered.head().size, root: recovered.head().root };
        let folder = Folder { rows: Arc::clone(&rows), objects: Arc::clone(&objects), projections: Vec::new() };
        let replayer = Replayer::open(folder, files, target, &|_, _| {}).await?;
        let (batches, mut published) = mpsc::channel(16);
        let (ledger, writer) = recovered.start(replayer.folded(), batches)?;
        let (known, to_fold) = mpsc::channel(16);
        let (targets, heads) = watch::channel(target);
        let head = ledger.head();
        tokio::spawn(writer);
        tokio::spawn(replayer.run(to_fold, heads));
        tokio::spawn(async move {
            while let Some(deedbox_ledger::Batch { first, entries }) = published.recv().await {
                let now = {
                    let head = head.borrow();
                    Target { size: head.size, root: head.root }
                };
                targets.send_replace(now);
                if known.send(Known { first, entries }).await.is_err() {
                    return;
                }
            }
        });
        let policy = Policy { allow_local_claims: true, ..Policy::default() };
        let door = Door::new(origin.clone(), objects, rows, vec![Arc::new(Npm::new())], policy);
        let world = World { ledger, door, origin, operator };
        world.say(&Subject::Registry, &Event::RegistryCreated(created)).await?;
        Ok(world)
    }

    /// What the operator says, first of its chain.
    async fn say(&self, subject: &Subject, event: &Event) -> anyhow::Result<EventId> {
        let statement = Statement::sign(&self.operator, &self.origin, &Speaker::Registry, subject, None, now()?, event)?;
        Ok(self.ledger.submit(self.admit(statement.bytes()).await?).await?.id)
    }

    async fn publishers(&self, count: usize) -> anyhow::Result<Vec<Publisher>> {
        let mut publishers = Vec::with_capacity(count);
        for number in 0..count {
            let (key, domain) = (key(number), Domain::parse(&domain(number))?);
            let acceptance = Publisher::acceptance(&key, &domain, &self.origin)?;
            let event = Event::DomainClaimed(DomainClaimed { evidence: Evidence::Localhost, acceptance });
            let tenure = self.say(&Subject::Domain(domain.clone()), &event).await?;
            publishers.push(Publisher { key, domain, origin: self.origin.clone(), tenure });
        }
        Ok(publishers)
    }

    async fn admit(&self, statement: &[u8]) -> anyhow::Result<Admitted> {
        let verified = self.door.verify(Statement::decode(statement)?).await?;
        Ok(self.door.admit(verified, now()?).await?)
    }

    /// Keeps the pool full until all are answered.
    async fn append(&self, admitted: Vec<Admitted>) -> anyhow::Result<(Vec<Row>, String)> {
        type Waiting<'a> = Pin<Box<dyn Future<Output = Result<Appended, SubmitError>> + Send + 'a>>;
        let events = admitted.len() as u64;
        let mut head = self.ledger.head();
        let size = head.borrow().size + events;
        let noise = Watch::start()?;
        let ticks = tree_ticks(std::process::id())?;
        let begun = Instant::now();
        let published =
            tokio::spawn(async move { head.wait_for(|head| head.size >= size).await.map(|_| begun.elapsed().as_secs_f64()).ok() });
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
        let answered = begun.elapsed().as_secs_f64();
        let cpu_us = (tree_ticks(std::process::id())? - ticks) as f64 / TICKS * 1e6 / events as f64;
        let quiet = noise.so_far()?;
        let published = published.await?.context("the writer stopped")?;
        let row = |what: &str, seconds: f64| Row::new("ledger", what, events as f64 / seconds, "/s").cpu_us(cpu_us).quiet(quiet);
        let rows = vec![
            row("decided, claimed, signed, published", published).at_least(30_000.0),
            row("the same, and authority's rows folded", answered),
        ];
        Ok((rows, format!("{events} events, {}; {} s", Mix::MIXED.words(), figure(answered))))
    }
}
