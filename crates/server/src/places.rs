//! Places of work (spec/api.md §8): how much is done at once, and how long somebody waits for a turn. A request that waits for bytes waits
//! elsewhere (`waiting`); what is held in memory is weighed elsewhere (`budget`).

use crate::limits::{LOOKS_AT_ONCE, PAGES_AT_ONCE, PROOFS_AT_ONCE, UNPACKED_AT_ONCE, renderings_at_once};
use crate::peers::Address;
use crate::refusal::Refused;
use metrics::Counter;
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{AcquireError, Semaphore, SemaphorePermit};

/// All of them.
pub(crate) struct Places {
    /// For those who read, and are not answered from memory.
    slots: Semaphore,
    /// For those who send something, once all of it is here.
    askings: Semaphore,
    pages: Semaphore,
    many_proofs: Semaphore,
    /// Looks at domains.
    lookings: Semaphore,
    /// Who has one under way.
    lookers: Arc<Mutex<HashSet<Address>>>,
    /// Bodies that are unpacked.
    unpackings: Semaphore,
    /// Answers of projections that are read, rendered or coded.
    pub(crate) renderings: Arc<Semaphore>,
    /// Answers that hold much while they are made: one at a time.
    pub(crate) large_makings: Arc<Semaphore>,
    /// Downloads from the store, counted apart: slow readers never keep others from metadata.
    pub(crate) downloads: Arc<Semaphore>,
    /// How many requests may have one.
    most: usize,
    /// How long somebody waits for one.
    wait: Duration,
    /// Counts those who waited in vain.
    busy: Counter,
}

/// A look that is under way.
pub(crate) struct OnlyLook {
    lookers: Arc<Mutex<HashSet<Address>>>,
    of: Address,
}

impl Drop for OnlyLook {
    fn drop(&mut self) {
        self.lookers.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.of);
    }
}

impl Places {
    /// For so many requests, of which each waits so long.
    pub(crate) fn new(most: usize, wait: Duration, busy: Counter) -> Self {
        Places {
            slots: Semaphore::new(most),
            askings: Semaphore::new(most),
            pages: Semaphore::new(PAGES_AT_ONCE),
            many_proofs: Semaphore::new(PROOFS_AT_ONCE),
            lookings: Semaphore::new(LOOKS_AT_ONCE),
            lookers: Arc::default(),
            unpackings: Semaphore::new(UNPACKED_AT_ONCE),
            renderings: Arc::new(Semaphore::new(renderings_at_once())),
            large_makings: Arc::new(Semaphore::new(1)),
            downloads: Arc::new(Semaphore::new(most)),
            most,
            wait,
            busy,
        }
    }

    /// A place of work for a reader, who may wait for it a little.
    pub(crate) async fn slot(&self) -> Result<SemaphorePermit<'_>, Refused> {
        self.place(&self.slots).await
    }
    /// Readers that have one.
    pub(crate) fn slots_taken(&self) -> usize {
        self.most.saturating_sub(self.slots.available_permits())
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
    /// One of few places for a look at a domain.
    pub(crate) async fn looking(&self) -> Result<SemaphorePermit<'_>, Refused> {
        self.place(&self.lookings).await
    }
    /// The only look of this sender: nobody keeps all places with domains whose name servers are slow.
    pub(crate) fn only_look(&self, of: Address) -> Result<OnlyLook, Refused> {
        if !self.lookers.lock().unwrap_or_else(PoisonError::into_inner).insert(of) {
            self.busy.increment(1);
            return Err(Refused::unavailable("busy", "another look at a domain is under way for the same sender"));
        }
        Ok(OnlyLook { lookers: Arc::clone(&self.lookers), of })
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
        match tokio::time::timeout(self.wait, place).await {
            Ok(Ok(place)) => Ok(place),
            _ => {
                self.busy.increment(1);
                Err(Refused::unavailable("busy", "too many requests are under way"))
            }
        }
    }
}
