//! What every route may use. Made once at the start; holds no state of a request.

use crate::answers::Answers;
use crate::budget::Budget;
use crate::clock::Clock;
use crate::config::Config;
use crate::gate::Gate;
use crate::log_files::LogFiles;
use crate::meters::Meters;
use crate::mounts::{Generation, Mount, Mounts};
use crate::peers::Peers;
use crate::places::Places;
use crate::recent::Recent;
use crate::refusal::Refused;
use crate::room::Room;
use crate::shelf::ObjectShelf;
use crate::waiting::Waiting;
use crate::workers::Workers;
use crate::writing::Writing;
use deedbox_authority::Deciders;
use deedbox_intake::Door;
use deedbox_model::{Origin, ProjectionId, Protocol, SecretKey, TimeMs};
use deedbox_replay::{Behind, Numbers};
use deedbox_store::RowStores;
use deedbox_view::Site;
use std::sync::Arc;
use tokio::sync::watch;

/// One registry.
pub(crate) struct App {
    pub(crate) config: Config,
    pub(crate) origin: Origin,
    /// The verifier key of the log, as one line without its end.
    pub(crate) vkey: String,
    pub(crate) site: Site,
    pub(crate) receipt: SecretKey,
    pub(crate) door: Arc<Door>,
    /// Who may read what.
    pub(crate) gate: Gate,
    pub(crate) log: LogFiles,
    pub(crate) rows: RowStores,
    pub(crate) objects: ObjectShelf,
    pub(crate) mounts: Mounts,
    pub(crate) answers: Answers,
    pub(crate) meters: Meters,
    /// Places of work.
    pub(crate) places: Places,
    /// The threads on which answers are coded, and what is not made from rows is made.
    pub(crate) workers: Workers,
    /// Places in which bodies are awaited.
    pub(crate) bodies: Arc<Waiting>,
    /// The same for uploads, whose senders have shown a permit.
    pub(crate) uploads: Arc<Waiting>,
    pub(crate) budget: Arc<Budget>,
    pub(crate) peers: Arc<Peers>,
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

    /// The generation that is in force at a mount where so many entries are folded, if it can answer.
    pub(crate) fn in_force<'m>(&self, mount: &'m Mount, folded: u64) -> Result<&'m Generation, Refused> {
        let version = self.version_of(mount.name, folded);
        match (mount.of(version), self.why_not(&ProjectionId { name: mount.name, version })) {
            (Some(generation), None) => Ok(generation),
            // It answers elsewhere.
            (None, None) => Err(Refused::not_found("nothing is served at this address now".to_owned())),
            (_, Some(why)) => {
                tracing::warn!(projection = mount.name, version, why, "a generation that is in force cannot answer");
                Err(Refused::unavailable("undecided", "this registry cannot answer this now by the rules in force"))
            }
        }
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
