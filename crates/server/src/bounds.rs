//! The part of a server that bounds its work (spec/api.md §8): places, threads, bodies, memory and times, and who is connected. Every route
//! has it. Knows nothing of what is done in its bounds.

use crate::budget::Budget;
use crate::config::{Config, Times};
use crate::error::OpenError;
use crate::limits::renderings_at_once;
use crate::memory::Memory;
use crate::meters::Meters;
use crate::peers::Peers;
use crate::places::Places;
use crate::waiting::Waiting;
use crate::workers::Workers;
use std::sync::Arc;

/// What bounds the work.
pub(crate) struct Bounds {
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
    pub(crate) times: Times,
}

impl Bounds {
    pub(crate) fn new(config: &Config, memory: Memory) -> Result<Self, OpenError> {
        let meters = Meters::new();
        Ok(Bounds {
            places: Places::new(config.max_requests, config.times.wait, meters.busy.clone()),
            meters,
            workers: Workers::new(renderings_at_once()).map_err(OpenError::Threads)?,
            bodies: memory.bodies,
            uploads: memory.uploads,
            budget: memory.budget,
            peers: memory.peers,
            times: config.times,
        })
    }
}
