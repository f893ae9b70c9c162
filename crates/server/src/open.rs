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
use crate::app::App;
use crate::bounds::Bounds;
use crate::carried::{Carried, carry_on, catch_up, clear_cut_off, open_rows, open_stores};
use crate::clerk::Clerk;
use crate::clock::Clock;
use crate::config::Config;
use crate::error::OpenError;
use crate::folded::Folded;
use crate::gate::{Gate, ReadPolicy};
use crate::identity::{Identity, Said};
use crate::keys::{self, RegistryKeys};
use crate::limits::BATCHES_WAITING;
use crate::log_files::LogFiles;
use crate::look::Look;
use crate::memory::Memory;
use crate::mounts::Mounts;
use crate::naming;
use crate::one_proof::Receipts;
use crate::readiness::Health;
use crate::reading::Reading;
use crate::recent::Recent;
use crate::room::Room;
use crate::shelf::ObjectShelf;
use crate::taking::Taking;
use crate::views::Views;
use crate::writing::Writing;
use deedbox_authority::{Deciders, PROJECTION as AUTHORITY};
use deedbox_intake::{Door, Policy};
use deedbox_ledger::{Head, LedgerParts, Probe};
use deedbox_model::{Batch, Origin};
use deedbox_replay::{Behind, Folder, Numbers, ReplayError, Replayer};
use deedbox_store::{InFull, Stores};
use deedbox_tlog::TreeHead;
use deedbox_view::{Dialect, Projection, Site, SiteSigner, View};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

/// Makes a site's signer from 32 secret bytes; none if they are not a key; then others are drawn.
pub type MakeSigner = Arc<dyn Fn(&[u8; 32]) -> Option<Arc<dyn SiteSigner>> + Send + Sync>;

/// Told how far a long folding has come: entries folded so far, and the target.
pub type OnProgress = Arc<dyn Fn(u64, u64) + Send + Sync>;

/// What the binary puts in.
pub struct Parts {
    /// The ecosystems that can be published.
    pub dialects: Vec<Arc<dyn Dialect>>,
    /// What folds rows; `catalog` is among them.
    pub projections: Vec<Arc<dyn Projection>>,
    /// What answers from these rows.
    pub views: Vec<Arc<dyn View>>,
    /// What signs for this site, by ecosystem. Each one's secret is kept in `<data>/keys/<ecosystem>.pem`.
    pub signers: Vec<(&'static str, MakeSigner)>,
    /// Who may read what.
    pub policy: Arc<dyn ReadPolicy>,
    /// What judges, by the protocol number in force.
    pub deciders: Deciders,
    /// Who looks at domains that are claimed; none for a registry that takes its operator's word alone.
    pub look: Option<Arc<dyn Look>>,
    /// Told of each point of the write order.
    pub probe: Arc<dyn Probe>,
    /// Told how far the start has come.
    pub progress: OnProgress,
}

/// An opened registry.
pub struct Server {
    pub(crate) app: App,
    vkey: String,
    /// The writer, then what hands its batches on, then the replayer: in this order they end.
    pub(crate) tasks: Vec<JoinHandle<()>>,
    pub(crate) stores: Stores,
    pub(crate) access: Option<AccessSink>,
    /// What speaks for the registry.
    pub(crate) clerk: Arc<Clerk>,
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
        let projections = parts.projections;
        let mounts = Mounts::new(&parts.views)?;

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
            None => watch::channel(rows.decisions().cursor(&AUTHORITY).await?.min(head.tree.size)).1,
        };
        let numbers = match &replayer {
            Some(replayer) => replayer.numbers(),
            None => watch::channel(Numbers::default()).1,
        };
        let behind = match &replayer {
            Some(replayer) => replayer.behind(),
            None => watch::channel(Behind::default()).1,
        };
        let log_time = folder.log_time().await?;
        let recent = Recent::new(log_time);
        let known_time = (head.tree.size > 0).then_some(log_time);
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
        let log = Arc::new(LogFiles::new(stores.log.clone(), head.clone(), config.object_cache_bytes / 2, &memory));
        let shelf = ObjectShelf::new(Arc::clone(&stores.objects), Arc::clone(rows.views()), config.object_cache_bytes / 2, &memory);
        let (objects, bounds) = (Arc::new(shelf), Arc::new(Bounds::new(&config, memory)?));
        let folded = Arc::new(Folded::new(folded, numbers, behind, parts.deciders, mounts.ids().to_vec()));
        let gate = Gate::new(parts.policy);
        let said = Said {
            public_url: config.public_url.as_str().to_owned(),
            ecosystems: door.ecosystems(),
            allow_local_claims: config.allow_local_claims,
        };
        let views = Arc::new(Views {
            gate: gate.clone(),
            mounts,
            answers: Answers::new(config.answer_cache_bytes),
            rows: Arc::clone(rows.views()),
            objects: Arc::clone(&objects),
            site,
            folded: Arc::clone(&folded),
            bounds: Arc::clone(&bounds),
        });
        let reading = Arc::new(Reading {
            gate,
            log,
            objects,
            rows,
            folded,
            identity: Identity::new(origin.clone(), vkey.clone(), said),
            bounds: Arc::clone(&bounds),
        });
        let taking = Arc::new(Taking {
            door,
            writing: Arc::new(writing),
            recent,
            room: Arc::new(Room::new(Arc::clone(&stores.log.files), to_read)),
            clock: Arc::new(clock),
            wall: config.clock,
            allow_local_claims: config.allow_local_claims,
            look: parts.look,
            reading: Arc::clone(&reading),
            bounds: Arc::clone(&bounds),
        });
        let health = Arc::new(Health {
            log: Arc::clone(&reading.log),
            rows: Arc::clone(reading.rows.decisions()),
            objects: Arc::clone(&reading.objects),
            folded: Arc::clone(&reading.folded),
            writing: Arc::clone(&taking.writing),
            room: Arc::clone(&taking.room),
            clock: Arc::clone(&taking.clock),
            bounds: Arc::clone(&bounds),
        });
        let receipts = Arc::new(Receipts::new(keys.receipt, Arc::clone(&reading)));
        let (client_address_header, max_requests) = (config.client_address_header, config.max_requests);
        let app = App { bounds, views, reading, receipts, taking, health, client_address_header, max_requests };

        let mut tasks = Vec::new();
        if let (Some((writer, published)), Some(replayer)) = (started, replayer) {
            let (known, to_fold) = mpsc::channel(BATCHES_WAITING);
            let (targets, heads) = watch::channel(head.borrow().tree);
            tasks.push(tokio::spawn(writer));
            tasks.push(tokio::spawn(hand_on(published, known, targets, head)));
            tasks.push(tokio::spawn(fold(Arc::clone(&app.taking.writing), replayer, to_fold, heads)));
        }
        let clerk = Arc::new(Clerk::new(keys.operator, origin));
        let server = Server { app, vkey, tasks, stores, access: None, clerk, is_new };
        if server.size() == 0 {
            server.create(keys.log.public(), config.dns_anchors.as_deref()).await?;
        }
        server.put_in_force(config.dns_anchors, config.suffixes).await?;
        Ok(server)
    }

    /// The origin: the name of the log.
    pub fn origin(&self) -> &Origin {
        &self.app.reading.identity.origin
    }

    /// The verifier key of the log.
    pub fn vkey(&self) -> &str {
        &self.vkey
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
        self.app.reading.log.size()
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
    known: mpsc::Sender<Batch>,
    targets: watch::Sender<TreeHead>,
    mut head: watch::Receiver<Head>,
) {
    loop {
        tokio::select! {
            batch = published.recv() => {
                let Some(batch) = batch else { return };
                targets.send_replace(head.borrow().tree);
                if known.send(batch).await.is_err() {
                    return;
                }
            }
            changed = head.changed() => {
                if changed.is_err() {
                    // The writer has ended; what it published before that is still to be handed on.
                    while let Some(batch) = published.recv().await {
                        if known.send(batch).await.is_err() {
                            return;
                        }
                    }
                    return;
                }
                targets.send_replace(head.borrow_and_update().tree);
            }
        }
    }
}

/// Folds until the writer ends. Where folding cannot go on, no more statements are taken: nobody could read them back.
async fn fold(writing: Arc<Writing>, replayer: Replayer, known: mpsc::Receiver<Batch>, heads: watch::Receiver<TreeHead>) {
    if let Err(error) = replayer.run(known, heads).await {
        tracing::error!(error = %InFull(&error), "folding has stopped: serving what is folded, taking no statement");
        writing.stop(code_of(&error), error.to_string());
    }
}
