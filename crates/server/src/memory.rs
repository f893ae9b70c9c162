//! What bounds the memory of a registry, put together: the budget of bytes, and those who give way when a part of it is used up.

use crate::budget::{Budget, Share, Size};
use crate::config::Config;
use crate::limits::{
    CONNECTIONS_PER_REQUEST, LOG_READS_AT_ONCE, MEMORY_PARTS_OF_ANSWERS, MEMORY_PARTS_OF_BODIES, MEMORY_PARTS_OF_ENTRIES,
    MEMORY_PARTS_OF_OBJECTS, READS_AT_ONCE,
};
use crate::peers::Peers;
use crate::waiting::Waiting;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// All of it.
pub(crate) struct Memory {
    pub(crate) budget: Arc<Budget>,
    pub(crate) peers: Arc<Peers>,
    pub(crate) bodies: Arc<Waiting>,
    pub(crate) uploads: Arc<Waiting>,
    /// Reads of objects at once.
    pub(crate) reads: Arc<Semaphore>,
    /// Reads of whole files of the log at once: how long one is, is known when it is read.
    pub(crate) log_reads: Arc<Semaphore>,
}

impl Memory {
    pub(crate) fn new(config: &Config) -> Self {
        let all = MEMORY_PARTS_OF_BODIES + MEMORY_PARTS_OF_ANSWERS + MEMORY_PARTS_OF_ENTRIES + MEMORY_PARTS_OF_OBJECTS;
        let parts = |n: u64| config.memory_bytes / all * n;
        // What a cache holds is weighed like everything else: it may be at a slow reader's when the cache has forgotten it.
        let sizes = Share::ALL.map(|share| match share {
            Share::Bodies => Size { own: parts(MEMORY_PARTS_OF_BODIES), cache: 0 },
            Share::Answers => Size { own: parts(MEMORY_PARTS_OF_ANSWERS), cache: config.answer_cache_bytes },
            Share::Entries => Size { own: parts(MEMORY_PARTS_OF_ENTRIES), cache: 0 },
            Share::Objects => Size { own: parts(MEMORY_PARTS_OF_OBJECTS), cache: config.object_cache_bytes },
        });
        let memory = Memory {
            budget: Arc::new(Budget::new(sizes, config.times.wait)),
            peers: Arc::new(Peers::new(config.max_requests.saturating_mul(CONNECTIONS_PER_REQUEST))),
            bodies: Arc::new(Waiting::new(config.max_requests)),
            uploads: Arc::new(Waiting::new(config.max_requests)),
            reads: Arc::new(Semaphore::new(READS_AT_ONCE)),
            log_reads: Arc::new(Semaphore::new(LOG_READS_AT_ONCE)),
        };
        let (short, long) = (Arc::clone(&memory.bodies), Arc::clone(&memory.uploads));
        memory.budget.when_short(Share::Bodies, move || {
            let (of_short, of_long) = (short.give_way(), long.give_way());
            if !of_short && !of_long {
                short.busiest_gives_way();
            }
        });
        for share in [Share::Answers, Share::Entries, Share::Objects] {
            let peers = Arc::clone(&memory.peers);
            memory.budget.when_short(share, move || peers.slow_readers_give_way());
        }
        memory
    }
}
