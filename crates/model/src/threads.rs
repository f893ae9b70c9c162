//! How many threads there may be, and two things at once, for work that is long enough to be worth a thread. Not for waiting: nothing here knows a runtime.

use std::panic::resume_unwind;
use std::sync::{LazyLock, Mutex, PoisonError};

static CORES: LazyLock<usize> = LazyLock::new(|| std::thread::available_parallelism().map_or(1, std::num::NonZero::get));

/// Threads that can run at once on this machine, at least one. Asked of the system once: it reads three files for each answer, and this is
/// asked for with each row that is read.
pub fn cores() -> usize {
    *CORES
}

/// What both give; the second is done by another thread meanwhile. On a machine that has no thread to give, one after the other.
///
/// # Panics
///
/// If one of them does.
pub fn both<A, B: Send>(first: impl FnOnce() -> A, second: impl FnOnce() -> B + Send) -> (A, B) {
    // In a slot, since a thread that could not be begun does not give back what it was to do.
    let second = Mutex::new(Some(second));
    let take = || second.lock().unwrap_or_else(PoisonError::into_inner).take().map(|second| second());
    let (first, seconds) = std::thread::scope(|scope| {
        let other = std::thread::Builder::new().spawn_scoped(scope, take);
        (first(), other.map(|other| other.join().unwrap_or_else(|panic| resume_unwind(panic))))
    });
    match seconds.ok().flatten().or_else(take) {
        Some(second) => (first, second),
        None => unreachable!("the second is taken once, and what it gives is handed on"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_are_done_each_once() {
        let mut one = 0;
        let mut two = 0;
        assert_eq!(both(|| one += 1, || two += 1), ((), ()));
        assert_eq!((one, two), (1, 1));
        assert_eq!(both(|| "a".to_owned(), || 2), ("a".to_owned(), 2));
    }

    #[test]
    fn a_panic_of_either_comes_through() {
        for (first, second) in [(true, false), (false, true)] {
            let panics = std::panic::catch_unwind(|| both(|| assert!(!first), || assert!(!second)));
            assert!(panics.is_err());
        }
    }
}
