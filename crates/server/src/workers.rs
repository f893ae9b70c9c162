//! The threads that make what is not rendered from rows: codings, packed bundles, proofs, pages of events (spec/api.md §8). What is
//! rendered is made where its rows are read, on threads that are as few. These are few, since an allocator keeps for each thread some of
//! what it used last: on the many threads that wait for disks the same work leaves hundreds of megabytes behind. Knows nothing of what is
//! made; each caller has a permit for it already, so the queue is as short as the permits are few.

use crate::refusal::Refused;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::oneshot;

type Job = Box<dyn FnOnce() + Send>;

/// A queue, and threads that take from it until it is dropped.
pub(crate) struct Workers {
    queue: Sender<Job>,
}

impl Workers {
    /// So many threads.
    pub(crate) fn new(threads: usize) -> io::Result<Self> {
        let (queue, jobs) = channel();
        let jobs = Arc::new(Mutex::new(jobs));
        for number in 0..threads.max(1) {
            let jobs = Arc::clone(&jobs);
            std::thread::Builder::new().name(format!("making-{number}")).spawn(move || work(&jobs))?;
        }
        Ok(Workers { queue })
    }

    /// Does it on one of the threads. Once it is in the queue it is done to its end, whether or not anybody waits. Work that panics is one
    /// answer that fails.
    pub(crate) async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Refused> {
        let (made, waiting) = oneshot::channel();
        let job: Job = Box::new(move || drop(made.send(work())));
        self.queue.send(job).map_err(|_| Refused::internal())?;
        waiting.await.map_err(|_| Refused::internal())
    }
}

fn work(jobs: &Mutex<Receiver<Job>>) {
    loop {
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = job else { return };
        // The hook has written what happened; the one that waits is told by the end of its channel.
        let _ = catch_unwind(AssertUnwindSafe(job));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::sync::Barrier;

    #[tokio::test]
    async fn work_is_done_on_as_many_threads_as_there_are_and_one_that_panics_goes_on() {
        let workers = Workers::new(2).unwrap();
        assert!(workers.run::<()>(|| panic!("this answer fails")).await.is_err());
        let meeting = Arc::new(Barrier::new(2));
        let name = || std::thread::current().name().unwrap().to_owned();
        let together = || {
            let meeting = Arc::clone(&meeting);
            workers.run(move || {
                meeting.wait();
                name()
            })
        };
        let (one, other) = tokio::join!(together(), together());
        assert_eq!(BTreeSet::from([one.unwrap(), other.unwrap()]), BTreeSet::from(["making-0".to_owned(), "making-1".to_owned()]));
    }

    #[tokio::test]
    async fn what_nobody_waits_for_is_done_all_the_same() {
        let workers = Workers::new(1).unwrap();
        let (told, heard) = std::sync::mpsc::channel();
        let mut left = Box::pin(workers.run(move || told.send(7)));
        assert!(futures::poll!(&mut left).is_pending() || heard.try_recv().is_ok());
        drop(left);
        drop(workers);
        assert_eq!(heard.recv(), Ok(7));
    }
}
