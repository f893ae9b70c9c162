//! Who is connected, and who gives way when places or memory are short (spec/api.md §8). A connection that waits for its peer (silent,
//! slow with a head, or slow with reading) is closed for one that does not; of these, one of the address that has most of them.
//! Judges nobody by what it asks.

use crate::limits::{GIVES_WAY_AFTER, GIVES_WAY_AT_ONCE};
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tokio::sync::Notify;

/// Who shares fairly with others: an IPv4 address, or the /64 network of an IPv6 address, which is what one customer has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Address(u64);

impl From<IpAddr> for Address {
    fn from(ip: IpAddr) -> Self {
        match ip.to_canonical() {
            // No /64 network in use begins with 32 zero bits.
            IpAddr::V4(ip) => Address(u64::from(ip.to_bits())),
            IpAddr::V6(ip) => Address(u64::try_from(ip.to_bits() >> 64).unwrap_or_default()),
        }
    }
}

/// A connection as others see it.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) ip: IpAddr,
    address: Address,
    began: Instant,
    /// A request of it is being answered.
    is_working: AtomicBool,
    /// When it last began to wait for its peer, or got a byte out; in milliseconds since its table was made.
    touched: AtomicU64,
    /// Since when it cannot write; 0 if it can.
    stalled: AtomicU64,
    /// Requests that were answered.
    answered: AtomicU32,
    /// The last answer refused a body that nobody has read.
    lingers: AtomicBool,
    is_closing: AtomicBool,
    close: Notify,
}

impl Peer {
    fn now(&self) -> u64 {
        // Never 0, which says that nothing is stalled.
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX).saturating_add(1)
    }

    /// A request of it came.
    pub(crate) fn begin(&self) {
        self.is_working.store(true, Ordering::Relaxed);
    }
    /// Its answer is on its way.
    pub(crate) fn done(&self) {
        self.touched.store(self.now(), Ordering::Relaxed);
        self.answered.fetch_add(1, Ordering::Relaxed);
        self.is_working.store(false, Ordering::Relaxed);
    }
    /// Requests that were answered.
    pub(crate) fn answered(&self) -> u32 {
        self.answered.load(Ordering::Relaxed)
    }

    /// Bytes went out.
    pub(crate) fn moves(&self) {
        self.touched.store(self.now(), Ordering::Relaxed);
        self.stalled.store(0, Ordering::Relaxed);
    }
    /// Bytes do not go out.
    pub(crate) fn stalls(&self) {
        let _ = self.stalled.compare_exchange(0, self.now(), Ordering::Relaxed, Ordering::Relaxed);
    }

    /// Its last answer is sent though its body was not read: what is still on its way must not cut that answer off.
    pub(crate) fn linger(&self) {
        self.lingers.store(true, Ordering::Relaxed);
    }
    pub(crate) fn lingers(&self) -> bool {
        self.lingers.load(Ordering::Relaxed)
    }

    fn give_way(&self) {
        if !self.is_closing.swap(true, Ordering::Relaxed) {
            self.close.notify_one();
        }
    }
    /// Done when it has to give way.
    pub(crate) async fn closes(&self) {
        self.close.notified().await;
    }
}

#[derive(Default)]
struct Inner {
    next: u64,
    open: BTreeMap<u64, Arc<Peer>>,
    by_address: HashMap<Address, usize>,
}

/// All connections.
pub(crate) struct Peers {
    began: Instant,
    most: usize,
    inner: Mutex<Inner>,
}

/// A connection's place; free again when it is dropped.
pub(crate) struct Connected {
    peers: Arc<Peers>,
    number: u64,
    pub(crate) peer: Arc<Peer>,
}

impl Drop for Connected {
    fn drop(&mut self) {
        let mut inner = self.peers.lock();
        inner.open.remove(&self.number);
        let address = self.peer.address;
        if let Some(count) = inner.by_address.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                inner.by_address.remove(&address);
            }
        }
    }
}

impl Peers {
    /// With so many places.
    pub(crate) fn new(most: usize) -> Self {
        Peers { began: Instant::now(), most, inner: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Connections that are open.
    pub(crate) fn open(&self) -> usize {
        self.lock().open.len()
    }

    /// A place for a new connection. Where there is none, or its address has half of all, one that waits for its peer gives way: of
    /// that address, or of the one that has most. None if nobody can.
    pub(crate) fn enter(self: &Arc<Self>, ip: IpAddr) -> Option<Connected> {
        let address = Address::from(ip);
        let mut inner = self.lock();
        let of_address = inner.by_address.get(&address).copied().unwrap_or_default();
        if of_address >= self.most.div_ceil(2) {
            if !one_gives_way(&inner, address, Peer::since_it_waits) && inner.open.len() >= self.most {
                return None;
            }
        } else if inner.open.len() >= self.most && give_way(&inner, 1, Peer::since_it_waits) == 0 {
            return None;
        }
        let peer = Arc::new(Peer {
            ip,
            address,
            began: self.began,
            is_working: AtomicBool::new(false),
            touched: AtomicU64::new(0),
            stalled: AtomicU64::new(0),
            answered: AtomicU32::new(0),
            lingers: AtomicBool::new(false),
            is_closing: AtomicBool::new(false),
            close: Notify::new(),
        });
        peer.touched.store(peer.now(), Ordering::Relaxed);
        let number = inner.next;
        inner.next += 1;
        inner.open.insert(number, Arc::clone(&peer));
        *inner.by_address.entry(address).or_default() += 1;
        drop(inner);
        Some(Connected { peers: Arc::clone(self), number, peer })
    }

    /// Memory is short: some of those who take nothing of their answers give way.
    pub(crate) fn slow_readers_give_way(&self) {
        give_way(&self.lock(), GIVES_WAY_AT_ONCE, Peer::since_it_stalls);
    }
}

impl Peer {
    /// Since when this connection only waits for its peer; none if it does not.
    fn since_it_waits(&self) -> Option<u64> {
        let is_waiting = !self.is_closing.load(Ordering::Relaxed) && !self.is_working.load(Ordering::Relaxed);
        is_waiting.then(|| self.touched.load(Ordering::Relaxed))
    }

    /// Since when its peer takes nothing, if it is long enough to give way.
    fn since_it_stalls(&self) -> Option<u64> {
        let since = self.stalled.load(Ordering::Relaxed);
        let patience = u64::try_from(GIVES_WAY_AFTER.as_millis()).unwrap_or(u64::MAX);
        let is_slow = !self.is_closing.load(Ordering::Relaxed) && since != 0 && since.saturating_add(patience) <= self.now();
        is_slow.then_some(since)
    }
}

/// The one of this address that has waited longest gives way; whether there is one.
fn one_gives_way(inner: &Inner, address: Address, since: fn(&Peer) -> Option<u64>) -> bool {
    let of_address = inner.open.values().filter(|peer| peer.address == address);
    let longest = of_address.filter_map(|peer| Some((since(peer)?, peer))).min_by_key(|(since, _)| *since);
    longest.inspect(|(_, peer)| peer.give_way()).is_some()
}

/// At most so many of the address that has most of them give way, those first that have waited longest; gives how many.
fn give_way(inner: &Inner, most: usize, since: fn(&Peer) -> Option<u64>) -> usize {
    let mut waiting: HashMap<Address, Vec<(u64, &Peer)>> = HashMap::new();
    for peer in inner.open.values() {
        if let Some(since) = since(peer) {
            waiting.entry(peer.address).or_default().push((since, peer));
        }
    }
    // Of two that have as many, the one whose longest has waited longer.
    let busiest = waiting.into_values().max_by_key(|peers| (peers.len(), peers.iter().map(|(since, _)| u64::MAX - since).max()));
    let Some(mut peers) = busiest else { return 0 };
    if most < peers.len() {
        peers.select_nth_unstable_by_key(most, |(since, _)| *since);
    }
    peers.iter().take(most).map(|(_, peer)| peer.give_way()).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }
    fn is_closing(connected: &Connected) -> bool {
        connected.peer.is_closing.load(Ordering::Relaxed)
    }
    fn waits_since(connected: &Connected, ms: u64) {
        connected.peer.touched.store(ms, Ordering::Relaxed);
    }

    #[test]
    fn an_address_is_one_customer() {
        let of = |text: &str| Address::from(text.parse::<IpAddr>().unwrap());
        assert_eq!(of("192.0.2.1"), of("::ffff:192.0.2.1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
        assert_eq!(of("2001:db8:0:1::1"), of("2001:db8:0:1:ffff::2"));
        assert_ne!(of("2001:db8:0:1::1"), of("2001:db8:0:2::1"));
    }

    #[test]
    fn the_longest_silent_one_of_the_address_with_most_gives_way_and_never_one_that_is_answered() {
        let peers = Arc::new(Peers::new(6));
        let of: Vec<Connected> = [1, 2, 2, 3, 4, 5].into_iter().map(|n| peers.enter(ip(n)).unwrap()).collect();
        for (connected, ms) in of.iter().zip([1, 3, 2, 1, 1, 1]) {
            waits_since(connected, ms);
        }
        let more = peers.enter(ip(6)).unwrap();
        assert_eq!(of.iter().map(is_closing).collect::<Vec<_>>(), [false, false, true, false, false, false]);
        drop(more);
        for connected in &of {
            connected.peer.begin();
        }
        assert!(peers.enter(ip(7)).is_none(), "nobody who is answered gives way");
        of[0].peer.done();
        waits_since(&of[0], 1);
        assert!(peers.enter(ip(7)).is_some() && is_closing(&of[0]));
        drop(of);
        assert_eq!(peers.open(), 0);
        assert!(peers.lock().by_address.is_empty());
    }

    #[test]
    fn one_address_never_has_more_than_half_of_the_places_with_silence() {
        let peers = Arc::new(Peers::new(8));
        let mut open: Vec<Connected> = Vec::new();
        for n in 0..6 {
            let connected = peers.enter(ip(1)).unwrap();
            waits_since(&connected, n + 1);
            open.push(connected);
        }
        let closing: Vec<bool> = open.iter().map(is_closing).collect();
        assert_eq!(closing, [true, true, false, false, false, false]);
    }

    #[test]
    fn only_who_takes_nothing_gives_way_to_memory() {
        let peers = Arc::new(Peers::new(8));
        let (slow, quick) = (peers.enter(ip(1)).unwrap(), peers.enter(ip(2)).unwrap());
        slow.peer.stalls();
        peers.slow_readers_give_way();
        assert!(!is_closing(&slow), "not at once");
        slow.peer.stalled.store(1, Ordering::Relaxed);
        let later = Peers { began: Instant::now() - 2 * GIVES_WAY_AFTER, most: 8, inner: Mutex::default() };
        let later = Arc::new(later);
        let (stuck, moving) = (later.enter(ip(1)).unwrap(), later.enter(ip(1)).unwrap());
        stuck.peer.stalled.store(1, Ordering::Relaxed);
        moving.peer.stalled.store(1, Ordering::Relaxed);
        moving.peer.moves();
        later.slow_readers_give_way();
        assert!(is_closing(&stuck) && !is_closing(&moving) && !is_closing(&quick));
    }
}
