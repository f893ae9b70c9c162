//! Places in which bodies are awaited (spec/api.md §8). They are not places of work: who waits here keeps nobody from being answered. When
//! all are taken, the address with the most of them gives up the one in which nothing has moved for longest.

use crate::limits::GIVES_WAY_AFTER;
use crate::peers::Address;
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tokio::sync::Notify;

struct Waiter {
    address: Address,
    /// When it came, in microseconds since the table was made.
    came: u64,
    shared: Arc<Shared>,
}

/// What a place and the table both know.
struct Shared {
    /// When a byte came last, in microseconds since the table was made.
    moved: AtomicU64,
    gives_way: Notify,
}

#[derive(Default)]
struct Inner {
    next: u64,
    waiters: BTreeMap<u64, Waiter>,
}

/// So many places, and who has them.
pub(crate) struct Waiting {
    began: Instant,
    most: usize,
    inner: Mutex<Inner>,
    gave_way: AtomicU64,
}

/// A place, until it is dropped or given up.
pub(crate) struct Place {
    waiting: Arc<Waiting>,
    number: u64,
    shared: Arc<Shared>,
}

impl Waiting {
    pub(crate) fn new(most: usize) -> Self {
        Waiting { began: Instant::now(), most: most.max(1), inner: Mutex::default(), gave_way: AtomicU64::new(0) }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place: there is always one, for somebody gives way.
    pub(crate) fn enter(self: &Arc<Self>, address: Address) -> Place {
        let mut inner = self.lock();
        if inner.waiters.len() >= self.most {
            self.one_gives_way(&mut inner, u64::MAX);
        }
        let (number, shared) = (inner.next, Arc::new(Shared { moved: AtomicU64::new(self.now()), gives_way: Notify::new() }));
        inner.next += 1;
        inner.waiters.insert(number, Waiter { address, came: self.now(), shared: Arc::clone(&shared) });
        Place { waiting: Arc::clone(self), number, shared }
    }

    /// Memory is short: one in which nothing has moved for a while gives way. Says whether there was one.
    pub(crate) fn give_way(&self) -> bool {
        self.a_while_ago().is_some_and(|before| self.one_gives_way(&mut self.lock(), before))
    }

    /// Memory is short, and something moves everywhere: of an address that has more than half of the places, while others wait too, the
    /// one that came first gives way, if it came a while ago. Who sends a byte from time to time never looks slow.
    pub(crate) fn busiest_gives_way(&self) -> bool {
        let mut inner = self.lock();
        self.a_while_ago().is_some_and(|before| self.one_of_the_busiest_gives_way(&mut inner, before))
    }

    fn one_of_the_busiest_gives_way(&self, inner: &mut Inner, before: u64) -> bool {
        let mut of_address: HashMap<Address, usize> = HashMap::new();
        for waiter in inner.waiters.values() {
            *of_address.entry(waiter.address).or_default() += 1;
        }
        let all = inner.waiters.len();
        let Some(busiest) = of_address.into_iter().find(|(_, count)| *count < all && count * 2 > all) else { return false };
        // Numbers are given in order.
        let first = inner.waiters.iter().find(|(_, waiter)| waiter.address == busiest.0).filter(|(_, waiter)| waiter.came <= before);
        let number = first.map(|(number, _)| *number);
        self.lets_go(inner, number)
    }

    fn a_while_ago(&self) -> Option<u64> {
        self.now().checked_sub(u64::try_from(GIVES_WAY_AFTER.as_micros()).unwrap_or(u64::MAX))
    }

    /// Of those in which nothing has moved since then.
    fn one_gives_way(&self, inner: &mut Inner, before: u64) -> bool {
        // Of each address how many there are, and in which nothing has moved for longest.
        let mut of_address: HashMap<Address, (usize, Reverse<(u64, u64)>)> = HashMap::new();
        for (number, waiter) in &inner.waiters {
            let moved = waiter.shared.moved.load(Ordering::Relaxed);
            if moved <= before {
                let (count, longest) = of_address.entry(waiter.address).or_insert((0, Reverse((moved, *number))));
                *count += 1;
                *longest = (*longest).max(Reverse((moved, *number)));
            }
        }
        let busiest = of_address.into_values().max();
        self.lets_go(inner, busiest.map(|(_, Reverse((_, number)))| number))
    }

    fn lets_go(&self, inner: &mut Inner, number: Option<u64>) -> bool {
        let Some(waiter) = number.and_then(|number| inner.waiters.remove(&number)) else { return false };
        self.gave_way.fetch_add(1, Ordering::Relaxed);
        waiter.shared.gives_way.notify_one();
        true
    }

    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    /// Places that are taken.
    pub(crate) fn taken(&self) -> usize {
        self.lock().waiters.len()
    }
    /// How often somebody gave way.
    pub(crate) fn gave_way(&self) -> u64 {
        self.gave_way.load(Ordering::Relaxed)
    }
}

impl Place {
    /// Bytes came.
    pub(crate) fn moves(&self) {
        self.shared.moved.store(self.waiting.now(), Ordering::Relaxed);
    }
    /// Done when the place is somebody else's.
    pub(crate) async fn gives_way(&self) {
        self.shared.gives_way.notified().await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.waiting.lock().waiters.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt as _;
    use std::net::IpAddr;

    fn address(last: u8) -> Address {
        IpAddr::from([192, 0, 2, last]).into()
    }
    fn gives_way(place: &Place) -> bool {
        place.gives_way().now_or_never().is_some()
    }

    #[test]
    fn the_oldest_place_of_the_address_with_most_is_given_up() {
        let waiting = Arc::new(Waiting::new(5));
        let places: Vec<Place> = [1, 2, 2, 2, 3].into_iter().map(|n| waiting.enter(address(n))).collect();
        let honest = waiting.enter(address(4));
        assert_eq!(places.iter().map(gives_way).collect::<Vec<_>>(), [false, true, false, false, false]);
        // However many one address wants, the others keep what they have.
        let greedy: Vec<Place> = (0..20).map(|_| waiting.enter(address(2))).collect();
        assert!(!gives_way(&honest) && !gives_way(&places[0]) && !gives_way(&places[4]));
        assert_eq!(greedy.iter().filter(|place| !gives_way(place)).count(), 2);
        assert_eq!((waiting.taken(), waiting.gave_way()), (5, 21));
        drop((places, honest, greedy));
        assert_eq!(waiting.taken(), 0);
    }

    #[test]
    fn of_one_address_the_place_in_which_nothing_moves_is_given_up() {
        let waiting = Arc::new(Waiting::new(3));
        let places: Vec<Place> = (0..3).map(|_| waiting.enter(address(1))).collect();
        std::thread::sleep(std::time::Duration::from_millis(1));
        places[0].moves();
        places[2].moves();
        let _newer = waiting.enter(address(1));
        assert_eq!(places.iter().map(gives_way).collect::<Vec<_>>(), [false, true, false]);
    }

    #[test]
    fn of_an_address_that_keeps_more_than_half_moving_the_oldest_gives_way_while_others_wait() {
        let waiting = Arc::new(Waiting::new(10));
        let places: Vec<Place> = (0..3).map(|_| waiting.enter(address(1))).collect();
        let later = waiting.now() + 1;
        assert!(!waiting.one_of_the_busiest_gives_way(&mut waiting.lock(), later), "nobody else waits");
        let honest = [waiting.enter(address(2)), waiting.enter(address(3))];
        let gives = |before| waiting.one_of_the_busiest_gives_way(&mut waiting.lock(), before);
        assert!(gives(u64::MAX));
        assert!(gives_way(&places[0]) && !gives_way(&places[1]) && !honest.iter().any(gives_way));
        assert!(!gives(u64::MAX), "two of four are not more than half");
        assert!(!waiting.busiest_gives_way(), "all came just now");
    }

    #[test]
    fn nobody_gives_way_to_memory_who_came_just_now() {
        let waiting = Arc::new(Waiting::new(5));
        let place = waiting.enter(address(1));
        assert!(!waiting.give_way());
        assert!(!gives_way(&place));
    }
}
