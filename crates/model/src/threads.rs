//! How many threads there may be, two things at once, and many on all cores, for work that is long enough to be worth a thread. Not for
//! waiting: nothing here knows a runtime.

use std::panic::resume_unwind;
use std::sync::{LazyLock, Mutex, PoisonError};

static CORES: LazyLock<usize> = LazyLock::new(|| std::thread::available_parallelism().map_or(1, std::num::NonZero::get));

/// Fewer statements than these are decoded or verified in less time than threads take to begin.
const WORTH_A_THREAD: usize = 16;

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

/// Maps in order, in as many pieces as there are cores; small inputs on this thread alone.
///
/// # Panics
///
/// If `f` does.
pub fn on_all_cores<A: Send, B: Send>(items: Vec<A>, f: impl Fn(A) -> B + Sync) -> Vec<B> {
    let cores = cores();
    if cores == 1 || items.len() < WORTH_A_THREAD {
        return items.into_iter().map(f).collect();
    }
    let piece = items.len().div_ceil(cores);
    let mut items = items.into_iter();
    let pieces: Vec<Vec<A>> =
        std::iter::from_fn(|| Some(items.by_ref().take(piece).collect::<Vec<_>>()).filter(|p| !p.is_empty())).collect();
    let f = &f;
    std::thread::scope(|scope| {
        let threads: Vec<_> = pieces.into_iter().map(|piece| scope.spawn(move || piece.into_iter().map(f).collect::<Vec<B>>())).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic))).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_come_back_in_their_order() {
        for count in [0, 1, WORTH_A_THREAD - 1, WORTH_A_THREAD, 1000] {
            let items: Vec<usize> = (0..count).collect();
            assert_eq!(on_all_cores(items.clone(), |item| item * 2), items.iter().map(|item| item * 2).collect::<Vec<_>>());
        }
    }

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
