//! Threads that may block, of the connections' own, and as few as the connections: an allocator keeps for each thread some of what it
//! used last, and a connection's pages are nearest where it was used before.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::oneshot;

type Job = Box<dyn FnOnce() + Send>;

/// Threads that take jobs from one queue until it is dropped: as many as there were ever jobs at once.
pub(super) struct Threads {
    name: &'static str,
    queue: Sender<Job>,
    jobs: Arc<Mutex<Receiver<Job>>>,
    begun: AtomicUsize,
}

impl Threads {
    pub(super) fn named(name: &'static str) -> Self {
        let (queue, jobs) = channel();
        Threads { name, queue, jobs: Arc::new(Mutex::new(jobs)), begun: AtomicUsize::new(0) }
    }

    /// Does some work on one of them, as one of so many at this moment. A caller that stops waiting does not stop it; work that panics, panics
    /// here.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        at_work: usize,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, std::io::Error> {
        let (give, given) = oneshot::channel();
        let job: Job = Box::new(move || {
            // Nobody waits any more where this fails.
            let _ = give.send(catch_unwind(AssertUnwindSafe(work)));
        });
        self.begin(at_work)?;
        let ended = || std::io::Error::other("its threads have ended");
        self.queue.send(job).map_err(|_| ended())?;
        match given.await {
            Ok(Ok(done)) => Ok(done),
            // As if the work had been done here.
            Ok(Err(panicked)) => resume_unwind(panicked),
            Err(_) => Err(ended()),
        }
    }

    /// Begins another thread, if so many are needed.
    fn begin(&self, at_work: usize) -> std::io::Result<()> {
        let is_more = |begun: usize| (begun < at_work).then_some(begun + 1);
        if let Ok(number) = self.begun.fetch_update(Ordering::AcqRel, Ordering::Acquire, is_more) {
            let jobs = Arc::clone(&self.jobs);
            let begun = std::thread::Builder::new().name(format!("{}-{number}", self.name)).spawn(move || take(&jobs));
            if let Err(error) = begun {
                // Those that there are do it, if there are any.
                if self.begun.fetch_sub(1, Ordering::AcqRel) <= 1 {
                    return Err(error);
                }
            }
        }
        Ok(())
    }
}

fn take(jobs: &Mutex<Receiver<Job>>) {
    loop {
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = job else { return };
        job();
    }
}
