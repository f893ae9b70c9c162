//! What every route may use. Made once at the start; holds no state of a request.

use crate::answers::Answers;
use crate::budget::Budget;
use crate::clock::Clock;
use crate::config::Config;
use crate::log_files::LogFiles;
use crate::meters::Meters;
use crate::objects::ObjectShelf;
use crate::peers::Peers;
use crate::projections::Mounts;
use crate::recent::Recent;
use crate::refusal::Refused;
use crate::room::Room;
use crate::waiting::Waiting;
use crate::workers::Workers;
use deedbox_authority::Deciders;
use deedbox_intake::Door;
use deedbox_ledger::Ledger;
use deedbox_model::{Origin, Protocol, SecretKey, TimeMs};
use deedbox_replay::{Behind, Numbers};
use deedbox_store::{ProjectionId, RowStores};
use deedbox_view::Site;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::{AcquireError, Semaphore, SemaphorePermit, watch};

/// One registry.
pub(crate) struct App {
    pub(crate) config: Config,
    pub(crate) origin: Origin,
    /// The verifier key of the log, as one line without its end.
    pub(crate) vkey: String,
    pub(crate) site: Site,
    pub(crate) operator: SecretKey,
    pub(crate) receipt: SecretKey,
    pub(crate) door: Arc<Door>,
    pub(crate) log: LogFiles,
    pub(crate) rows: RowStores,
    pub(crate) objects: ObjectShelf,
    pub(crate) mounts: Mounts,
    pub(crate) answers: Answers,
    pub(crate) meters: Meters,
    pub(crate) many_proofs: Semaphore,
    /// Bodies that are unpacked.
    pub(crate) unpackings: Semaphore,
    /// Answers of projections that are read, rendered or coded.
    pub(crate) renderings: Arc<Semaphore>,
    /// The threads on which they are coded, and what is not made from rows is made.
    pub(crate) workers: Workers,
    /// Answers that hold much while they are made: one at a time.
    pub(crate) large_makings: Arc<Semaphore>,
    /// Places of work for those who read, and are not answered from memory.
    pub(crate) slots: Arc<Semaphore>,
    /// Places of work for those who send something, once all of it is here.
    pub(crate) askings: Arc<Semaphore>,
    pub(crate) pages: Semaphore,
    /// Places in which bodies are awaited.
    pub(crate) bodies: Arc<Waiting>,
    /// The same for uploads, whose senders have shown a permit.
    pub(crate) uploads: Arc<Waiting>,
    pub(crate) budget: Arc<Budget>,
    pub(crate) peers: Arc<Peers>,
    /// Downloads from the store, counted apart: slow readers never keep others from metadata.
    pub(crate) downloads: Arc<Semaphore>,
    /// Entries folded into every projection.
    pub(crate) folded: watch::Receiver<u64>,
    /// The protocol numbers of what is folded.
    pub(crate) numbers: watch::Receiver<Numbers>,
    /// The generations that are not folded that far.
    pub(crate) behind: watch::Receiver<Behind>,
    pub(crate) deciders: Deciders,
    pub(crate) writing: Writing,
    pub(crate) recent: Recent,
    pub(crate) clock: Clock,
    pub(crate) room: Room,
}

impl App {
    /// This machine's clock.
    pub(crate) fn now(&self) -> TimeMs {
        self.config.clock.now()
    }
    /// A place of work for a reader, who may wait for it a little.
    pub(crate) async fn slot(&self) -> Result<SemaphorePermit<'_>, Refused> {
        self.place(&self.slots).await
    }
    /// One of few places for a page of events: it is made anew each time, and who wants many keeps nobody from what is kept.
    pub(crate) async fn page(&self) -> Result<SemaphorePermit<'_>, Refused> {
        self.place(&self.pages).await
    }
    /// A place for a sender, when all of its request is here.
    pub(crate) async fn asking(&self) -> Result<SemaphorePermit<'_>, Refused> {
        self.place(&self.askings).await
    }

    /// One of few places for an answer with many proofs.
    pub(crate) async fn proofs(&self) -> Result<SemaphorePermit<'_>, Refused> {
        self.place(&self.many_proofs).await
    }

    /// One of few places to unpack a body.
    pub(crate) async fn unpacking(&self) -> Result<SemaphorePermit<'_>, Refused> {
        self.place(&self.unpackings).await
    }

    async fn place<'a>(&self, places: &'a Semaphore) -> Result<SemaphorePermit<'a>, Refused> {
        match places.try_acquire() {
            Ok(place) => Ok(place),
            Err(_) => self.in_turn(places.acquire()).await,
        }
    }

    /// A place that somebody waits for, but not for long.
    pub(crate) async fn in_turn<P>(&self, place: impl Future<Output = Result<P, AcquireError>>) -> Result<P, Refused> {
        match tokio::time::timeout(self.config.times.wait, place).await {
            Ok(Ok(place)) => Ok(place),
            _ => {
                self.meters.busy.increment(1);
                Err(Refused::unavailable("busy", "too many requests are under way"))
            }
        }
    }

    /// Entries folded into every projection.
    pub(crate) fn folded(&self) -> u64 {
        *self.folded.borrow()
    }

    /// The version of a projection that is in force where so many entries are folded.
    pub(crate) fn version_of(&self, projection: &str, folded: u64) -> u32 {
        self.numbers.borrow().version(projection, folded)
    }

    /// Why a generation cannot answer, if it cannot.
    pub(crate) fn why_not(&self, generation: &ProjectionId) -> Option<String> {
        if !self.mounts.ids().contains(generation) {
            return Some("this program does not have it; update it".to_owned());
        }
        self.behind.borrow().of(generation).map(str::to_owned)
    }

    /// Why a generation that is in force cannot answer, if there is such a one.
    pub(crate) fn lacking(&self) -> Option<String> {
        let folded = self.folded();
        self.mounts.ids().iter().find_map(|id| {
            let in_force = ProjectionId { name: id.name, version: self.version_of(id.name, folded) };
            self.why_not(&in_force).map(|why| format!("{in_force} is in force, and cannot answer: {why}"))
        })
    }

    /// The protocol number in force for a folded entry. None that is folded goes by a number that this program does not have.
    pub(crate) fn protocol_at(&self, index: u64) -> Option<&'static Protocol> {
        self.deciders.protocol(self.numbers.borrow().at(index))
    }

    /// The protocol number in force for what comes next, if this program has it.
    pub(crate) fn protocol_now(&self) -> Option<&'static Protocol> {
        self.deciders.protocol(self.numbers.borrow().now())
    }
}

/// Whether statements are taken.
pub(crate) struct Writing {
    state: RwLock<State>,
    stopping: AtomicBool,
}

enum State {
    Open(Ledger),
    Stopped { code: &'static str, why: String },
}

impl Writing {
    /// Statements are taken.
    pub(crate) fn open(ledger: Ledger) -> Self {
        Writing { state: RwLock::new(State::Open(ledger)), stopping: AtomicBool::new(false) }
    }
    /// None is taken, because of this.
    pub(crate) fn stopped(code: &'static str, why: String) -> Self {
        Writing { state: RwLock::new(State::Stopped { code, why }), stopping: AtomicBool::new(false) }
    }

    /// The way to the log, or why there is none.
    pub(crate) fn ledger(&self) -> Result<Ledger, Refused> {
        match &*self.state.read().unwrap_or_else(PoisonError::into_inner) {
            State::Open(ledger) => Ok(ledger.clone()),
            // Why is for who operates it: `/ready` and the log say it.
            State::Stopped { code, .. } => Err(Refused::unavailable(code, "this registry serves and takes no statement now")),
        }
    }

    /// Why no statement is taken, if none is.
    pub(crate) fn why_stopped(&self) -> Option<String> {
        match &*self.state.read().unwrap_or_else(PoisonError::into_inner) {
            State::Open(_) => None,
            State::Stopped { why, .. } => Some(why.clone()),
        }
    }

    /// From now on none is taken. Lets go of the ledger: when every submission under way is answered, the writer ends.
    pub(crate) fn stop(&self, code: &'static str, why: String) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        if matches!(*state, State::Open(_)) {
            *state = State::Stopped { code, why };
        }
    }

    /// The process is about to end: no proxy should send more.
    pub(crate) fn begin_to_stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }
    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// Statements waiting to be written.
    pub(crate) fn waiting(&self) -> usize {
        match &*self.state.read().unwrap_or_else(PoisonError::into_inner) {
            State::Open(ledger) => ledger.waiting(),
            State::Stopped { .. } => 0,
        }
    }
}

/// A duration as objects and statements count time.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The system's clock: `App::now` is what a registry goes by.
pub(crate) fn now() -> TimeMs {
    let ms = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX));
    TimeMs::default().plus_ms(ms)
}
