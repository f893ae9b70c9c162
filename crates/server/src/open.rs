//! Composition: from a data directory to a registry that is ready to serve (docs/ARCHITECTURE.md, "Composition").
//!
//! ```text
//! lock → keys → finish claimed commits → fold up to the head → write, fold, sweep → listen
//! ```
//!
//! The same steps at the first start and at every other one; nothing is scanned. Where folding stops, where a file that would be
//! extended is not what was signed, or where nothing can be written, the registry serves what it has and takes no statement.

use crate::access::AccessSink;
use crate::answers::Answers;
use crate::app::{App, Writing};
use crate::carried::{Carried, carry_on, catch_up, clear_cut_off, open_rows, open_stores};
use crate::clock::Clock;
use crate::config::Config;
use crate::keys::{self, RegistryKeys};
use crate::limits::{BATCHES_WAITING, PAGES_AT_ONCE, PROOFS_AT_ONCE, UNPACKED_AT_ONCE, renderings_at_once};
use crate::log_files::LogFiles;
use crate::memory::Memory;
use crate::meters::Meters;
use crate::naming;
use crate::objects::ObjectShelf;
use crate::projections::Mounts;
use crate::recent::Recent;
use crate::room::Room;
use crate::submit::AUTHORITY;
use crate::workers::Workers;
use deedbox_authority::Deciders;
use deedbox_intake::{Door, IntakeRefusal, Policy};
use deedbox_ledger::{Batch, Head, LedgerError, LedgerParts, Probe, SubmitError};
use deedbox_model::event::{Event, RegistryCreated, Rules};
use deedbox_model::{Origin, Protocol, Speaker, Statement, Subject};
use deedbox_replay::{Folder, Known, Numbers, ReplayError, Replayer, Target};
use deedbox_store::{InFull, StoreError, Stores};
use deedbox_view::{Dialect, Projection, Site, SiteSigner};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinHandle;

/// Makes a site's signer from 32 secret bytes; none if they are not a key; then others are drawn.
pub type MakeSigner = Arc<dyn Fn(&[u8; 32]) -> Option<Arc<dyn SiteSigner>> + Send + Sync>;

/// Told how far a long folding has come: entries folded so far, and the target.
pub type OnProgress = Arc<dyn Fn(u64, u64) + Send + Sync>;

/// What the binary puts in.
pub struct Parts {
    /// The ecosystems that can be published.
    pub dialects: Vec<Arc<dyn Dialect>>,
    /// Every other projection; `catalog` is among them.
    pub projections: Vec<Arc<dyn Projection>>,
    /// What signs for this site, by projection. Each one's secret is kept in `<data>/keys/<projection>.pem`.
    pub signers: Vec<(&'static str, MakeSigner)>,
    /// What judges, by the protocol number in force.
    pub deciders: Deciders,
    /// Told of each point of the write order.
    pub probe: Arc<dyn Probe>,
    /// Told how far the start has come.
    pub progress: OnProgress,
}

/// Why a registry does not start.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "each variant says itself in words below")]
pub enum OpenError {
    #[error("{path}: {why}")]
    File { path: String, why: String },
    #[error("{0} does not give a valid name for a log: give one with --origin, like registry.example/log")]
    NoOrigin(String),
    #[error("the log in {data} is named {found} for ever, not {asked}: leave --origin out, or give another --data for another log")]
    OtherOrigin { data: String, found: Origin, asked: Origin },
    #[error(
        "{data} is not empty and holds no registry: there is {found:?} in it. Give --data a directory that is empty, or does not exist yet"
    )]
    Foreign { data: String, found: String },
    #[error("{data} cannot be a data directory: {why}")]
    NoFolder { data: String, why: String },
    #[error("there is a log in {0} and no registry.json: restore it from a backup; it says {{\"origin\": …}} as the log's checkpoint does")]
    NoName(String),
    #[error("the projections lack {0}: without it no object could be read")]
    NoProjection(&'static str),
    #[error("two projections answer below {0}")]
    MountTwice(&'static str),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    Replay(#[from] ReplayError),
    #[error("this machine gives no threads to make answers on: {0}")]
    Threads(std::io::Error),
    #[error("the first entry of the log could not be made: {0}")]
    First(String),
}

impl OpenError {
    pub(crate) fn file(path: &Path, why: impl std::fmt::Display) -> Self {
        OpenError::File { path: path.display().to_string(), why: why.to_string() }
    }
}

impl From<IntakeRefusal> for OpenError {
    fn from(refusal: IntakeRefusal) -> Self {
        OpenError::First(refusal.to_string())
    }
}
impl From<SubmitError> for OpenError {
    fn from(error: SubmitError) -> Self {
        OpenError::First(error.to_string())
    }
}

/// An opened registry.
pub struct Server {
    pub(crate) app: Arc<App>,
    /// The writer, then what hands its batches on, then the replayer: in this order they end.
    pub(crate) tasks: Vec<JoinHandle<()>>,
    pub(crate) stores: Stores,
    pub(crate) access: Option<AccessSink>,
    is_new: bool,
}

impl Server {
    /// Opens the data directory, or makes it, and begins to write and to fold. Needs a tokio runtime.
    pub async fn open(config: Config, parts: Parts) -> Result<Server, OpenError> {
        naming::must_be_ours(&config.data)?;
        let mut stores = open_stores(&config)?;
        let is_new = stores.commits.last().await?.is_none() && stores.log.head.get().await?.is_none();
        let named = keys::read_origin(&config.data)?;
        let origin = match &named {
            Some(origin) => naming::must_be_asked_for(&config, origin)?,
            None if !is_new => return Err(OpenError::NoName(config.data.display().to_string())),
            None if stores.unwritable().is_some() => {
                let why = "there is no registry in it, and this start cannot make one".to_owned();
                return Err(OpenError::NoFolder { data: config.data.display().to_string(), why });
            }
            None => naming::new_origin(&config)?,
        };
        let keys = RegistryKeys::open(&config.data, is_new && stores.unwritable().is_none())?;
        if named.is_none() {
            keys::write_origin(&config.data, &origin)?;
        }

        let rows = open_rows(&mut stores).await?;
        // Nothing is opened after the rows: what can be written is known.
        let to_read = stores.unwritable().map(ToString::to_string);
        let mut site = site(&config, &parts, to_read.is_none())?;
        let mut projections = parts.projections;
        projections.extend(parts.dialects.iter().map(|dialect| Arc::clone(dialect) as Arc<dyn Projection>));
        let mounts = Mounts::new(&projections)?;

        let ledger_parts = LedgerParts {
            origin: origin.clone(),
            log_key: keys.log.clone(),
            commits: Arc::clone(&stores.commits),
            log: stores.log.clone(),
            signer_memory: Arc::clone(&stores.signer),
            rows: Arc::clone(rows.decisions()),
            deciders: parts.deciders,
            probe: parts.probe,
        };
        let Carried { recovered, head, vkey, why_not } = carry_on(ledger_parts, to_read.as_deref()).await?;
        if let Some(recovered) = &recovered {
            clear_cut_off(&stores, recovered).await;
        }
        site.log_key.clone_from(&vkey);

        let folder =
            Folder { rows: Arc::clone(rows.folded()), objects: Arc::clone(&stores.objects), projections, deciders: parts.deciders };
        let (replayer, caught_up) = catch_up(&folder, &stores.log, &head, parts.progress.as_ref()).await;
        let folded = match &replayer {
            Some(replayer) => replayer.folded(),
            None => watch::channel(rows.decisions().cursor(&AUTHORITY).await?.min(head.size)).1,
        };
        let numbers = match &replayer {
            Some(replayer) => replayer.numbers(),
            None => watch::channel(Numbers::default()).1,
        };
        let log_time = folder.log_time().await?;
        let recent = Recent::new(log_time);
        let known_time = (head.size > 0).then_some(log_time);
        let clock = Clock::open(config.clock.clone(), Arc::clone(&stores.signer), to_read.is_none(), known_time, config.accept_clock).await;

        let policy = Policy {
            allow_local_claims: config.allow_local_claims,
            pending_bytes_per_domain: config.pending_bytes_per_domain,
            max_object_bytes: config.max_object_bytes,
        };
        let door = Arc::new(Door::new(
            origin.clone(),
            Arc::clone(&stores.objects),
            Arc::clone(rows.decisions()),
            parts.dialects,
            policy,
            crate::sweep::published(rows.views()),
        ));
        if to_read.is_none() {
            crate::sweep::recall(&door, clock.for_ages(), config.times.unreferenced).await;
        }

        let mut started = None;
        let (head, writing) = match (recovered, caught_up) {
            (Some(recovered), Ok(())) => {
                let (batches, published) = mpsc::channel(BATCHES_WAITING);
                let (ledger, writer) = recovered.start(folded.clone(), batches)?;
                let head = ledger.head();
                started = Some((writer, published));
                (head, Writing::open(ledger))
            }
            (None, _) => (watch::channel(head).1, Writing::stopped("store", why_not)),
            (Some(_), Err(error)) => {
                tracing::error!(error = %InFull(&error), "the log could not be folded: serving what is folded, taking no statement");
                let (_, head) = watch::channel(head);
                (head, Writing::stopped(code_of(&error), error.to_string()))
            }
        };
        let memory = Memory::new(&config);
        let app = Arc::new(App {
            vkey,
            site,
            room: Room::new(Arc::clone(&stores.log.files), to_read),
            clock,
            log: LogFiles::new(stores.log.clone(), head.clone(), config.object_cache_bytes / 2, &memory),
            objects: ObjectShelf::new(Arc::clone(&stores.objects), Arc::clone(rows.views()), config.object_cache_bytes / 2, &memory),
            answers: Answers::new(config.answer_cache_bytes),
            meters: Meters::new(),
            many_proofs: Semaphore::new(PROOFS_AT_ONCE),
            unpackings: Semaphore::new(UNPACKED_AT_ONCE),
            renderings: Arc::new(Semaphore::new(renderings_at_once())),
            workers: Workers::new(renderings_at_once()).map_err(OpenError::Threads)?,
            large_makings: Arc::new(Semaphore::new(1)),
            slots: Arc::new(Semaphore::new(config.max_requests)),
            askings: Arc::new(Semaphore::new(config.max_requests)),
            pages: Semaphore::new(PAGES_AT_ONCE),
            bodies: memory.bodies,
            uploads: memory.uploads,
            budget: memory.budget,
            peers: memory.peers,
            downloads: Arc::new(Semaphore::new(config.max_requests)),
            origin,
            operator: keys.operator,
            receipt: keys.receipt,
            door,
            rows,
            mounts,
            folded,
            numbers,
            deciders: parts.deciders,
            writing,
            recent,
            config,
        });

        let mut tasks = Vec::new();
        if let (Some((writer, published)), Some(replayer)) = (started, replayer) {
            let (known, to_fold) = mpsc::channel(BATCHES_WAITING);
            let (targets, heads) = watch::channel(target_of(&head.borrow()));
            tasks.push(tokio::spawn(writer));
            tasks.push(tokio::spawn(hand_on(published, known, targets, head)));
            tasks.push(tokio::spawn(fold(Arc::clone(&app), replayer, to_fold, heads)));
        }
        let server = Server { app, tasks, stores, access: None, is_new };
        if server.app.log.size() == 0 {
            server.create(keys.log.public()).await?;
        }
        Ok(server)
    }

    /// The origin: the name of the log.
    pub fn origin(&self) -> &Origin {
        &self.app.origin
    }

    /// The verifier key of the log.
    pub fn vkey(&self) -> &str {
        &self.app.vkey
    }

    /// Whether this start made the log.
    pub fn is_new(&self) -> bool {
        self.is_new
    }

    /// Writes a line for each request from now on.
    pub fn log_access(&mut self, sink: AccessSink) {
        self.access = Some(sink);
    }

    /// Number of published entries.
    pub fn size(&self) -> u64 {
        self.app.log.size()
    }

    /// Entry 0, by the way that every statement takes.
    async fn create(&self, log_key: deedbox_model::PublicKey) -> Result<(), OpenError> {
        let app = &self.app;
        let now = app.clock.check().map_err(|wrong| OpenError::First(wrong.to_string()))?;
        let created = RegistryCreated {
            rules: Rules { parameters: Vec::new(), protocol: deedbox_authority::PROTOCOL },
            origin: app.origin.clone(),
            log_keys: vec![log_key],
            receipt_keys: vec![app.receipt.public()],
            operator_keys: vec![app.operator.public()],
        };
        let first = |e: &dyn std::fmt::Display| OpenError::First(e.to_string());
        let event = Event::from(created);
        let statement = Statement::sign(&app.operator, &app.origin, &Speaker::Registry, &Subject::Registry, None, now, &event)
            .map_err(|e| first(&e))?;
        let decoded = Statement::decode(Protocol::BEGINNING, statement.bytes()).map_err(|e| first(&e))?;
        let admitted = app.door.admit(app.door.verify(decoded).await?, now).await?;
        let ledger = app.writing.ledger().map_err(|_| OpenError::First("nothing can be written".to_owned()))?;
        let appended = ledger.submit(admitted).await?;
        app.recent.add(&appended.id, statement.time());
        app.clock.appended(statement.time());
        Ok(())
    }
}

fn site(config: &Config, parts: &Parts, may_write: bool) -> Result<Site, OpenError> {
    let mut signers: BTreeMap<&'static str, Arc<dyn SiteSigner>> = BTreeMap::new();
    for (name, make) in &parts.signers {
        signers.insert(name, keys::site_key(&config.data, name, may_write, make.as_ref())?);
    }
    // The log's key is known when the log is.
    Ok(Site { base_url: config.public_url.as_str().to_owned(), log_key: String::new(), signers })
}

pub(crate) fn target_of(head: &Head) -> Target {
    Target { size: head.size, root: head.root }
}

/// The code with which statements are refused after such an error.
fn code_of(error: &ReplayError) -> &'static str {
    match error {
        ReplayError::Undecided { .. } => "undecided",
        _ => "store",
    }
}

/// Hands each published batch on to the replayer, after the head that it leads to.
async fn hand_on(
    mut published: mpsc::Receiver<Batch>,
    known: mpsc::Sender<Known>,
    targets: watch::Sender<Target>,
    mut head: watch::Receiver<Head>,
) {
    loop {
        tokio::select! {
            batch = published.recv() => {
                let Some(Batch { first, entries }) = batch else { return };
                targets.send_replace(target_of(&head.borrow()));
                if known.send(Known { first, entries }).await.is_err() {
                    return;
                }
            }
            changed = head.changed() => {
                if changed.is_err() {
                    // The writer has ended; what it published before that is still to be handed on.
                    while let Some(Batch { first, entries }) = published.recv().await {
                        if known.send(Known { first, entries }).await.is_err() {
                            return;
                        }
                    }
                    return;
                }
                targets.send_replace(target_of(&head.borrow_and_update()));
            }
        }
    }
}

/// Folds until the writer ends. Where folding cannot go on, no more statements are taken: nobody could read them back.
async fn fold(app: Arc<App>, replayer: Replayer, known: mpsc::Receiver<Known>, heads: watch::Receiver<Target>) {
    if let Err(error) = replayer.run(known, heads).await {
        tracing::error!(error = %InFull(&error), "folding has stopped: serving what is folded, taking no statement");
        app.writing.stop(code_of(&error), error.to_string());
    }
}
