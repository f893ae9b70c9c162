//! One budget of bytes for the whole process (spec/api.md §8). Code that is about to hold bytes in proportion to what a stranger sends
//! or asks takes their weight first, and the weight stays with the bytes: it is given back when the last of them is gone, in a body,
//! in hyper's queue or in a cache. Knows nothing of what the bytes are.

use crate::limits::GIVE_WAY_EVERY;
use crate::refusal::Refused;
use bytes::Bytes;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep, timeout_at};

/// Bytes are weighed in kibibytes: a semaphore's permits are counted in 32 bits.
const UNIT: usize = 1024;

/// The parts of the budget. What one kind of guest holds never keeps another kind waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Share {
    /// What is sent to the registry: bodies that are read whole or unpacked, and the pieces of uploads that are not on disk yet.
    Bodies,
    /// What projections make: rows being read, answers that are made, kept or sent.
    Answers,
    /// What is made of the log's entries: pages of events, proofs for many.
    Entries,
    /// What lies on disk: objects and files of the log in memory, and the pieces of downloads.
    Objects,
}

impl Share {
    pub(crate) const ALL: [Share; 4] = [Share::Bodies, Share::Answers, Share::Entries, Share::Objects];

    /// As metrics name it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Share::Bodies => "bodies",
            Share::Answers => "answers",
            Share::Entries => "entries",
            Share::Objects => "objects",
        }
    }
}

/// Asks somebody who holds weight of a share, and is slow with it, to let go. Called again and again while somebody else waits.
type GiveWay = Box<dyn Fn() + Send + Sync>;

/// How large a share is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    /// Bytes for those who take some.
    pub(crate) own: u64,
    /// Bytes beside these, which a cache may hold for good.
    pub(crate) cache: u64,
}

struct Part {
    units: usize,
    /// The most that one may take.
    most: usize,
    free: Arc<Semaphore>,
    give_way: OnceLock<GiveWay>,
    waited: AtomicU64,
    refused: AtomicU64,
}

/// The bytes that this process may hold for strangers.
pub(crate) struct Budget {
    parts: [Part; 4],
    /// How long somebody waits for bytes.
    wait: Duration,
}

/// Leave to hold so many bytes, until it is dropped.
#[derive(Debug)]
pub(crate) struct Weight {
    share: Share,
    permit: OwnedSemaphorePermit,
}

impl Budget {
    /// With shares of these sizes, in the order of `Share::ALL`, for which somebody waits so long.
    pub(crate) fn new(sizes: [Size; 4], wait: Duration) -> Self {
        let part = |size: Size| {
            let units = |bytes: u64| usize::try_from(bytes / UNIT as u64).unwrap_or(usize::MAX).clamp(1, u32::MAX as usize / 2);
            let (most, units) = (units(size.own), units(size.own.saturating_add(size.cache)));
            let free = Arc::new(Semaphore::new(units));
            Part { units, most, free, give_way: OnceLock::new(), waited: AtomicU64::new(0), refused: AtomicU64::new(0) }
        };
        Budget { parts: sizes.map(part), wait }
    }

    fn part(&self, share: Share) -> &Part {
        let [bodies, answers, entries, objects] = &self.parts;
        match share {
            Share::Bodies => bodies,
            Share::Answers => answers,
            Share::Entries => entries,
            Share::Objects => objects,
        }
    }

    /// Whom to ask when a share is used up. The first one that is given stays.
    pub(crate) fn when_short(&self, share: Share, give_way: impl Fn() + Send + Sync + 'static) {
        let _ = self.part(share).give_way.set(Box::new(give_way));
    }

    /// So many bytes, after waiting a bounded time for others to let go. More than the share has beside its cache counts as all
    /// of that: such a one is alone, and need not wait for what a cache never gives back.
    pub(crate) async fn take(&self, share: Share, bytes: usize) -> Result<Weight, Refused> {
        Ok(Weight { share, permit: self.permits(share, units_of(bytes)).await? })
    }

    /// So many bytes, if they are free now and `spare` bytes stay free for others.
    pub(crate) fn take_spare(&self, share: Share, bytes: usize, spare: usize) -> Option<Weight> {
        let (part, units) = (self.part(share), units_of(bytes));
        // Two who ask at once may leave less than that, which harms nobody.
        if part.free.available_permits() < units.saturating_add(spare.div_ceil(UNIT)) {
            return None;
        }
        let permit = Arc::clone(&part.free).try_acquire_many_owned(u32::try_from(units).ok()?).ok()?;
        Some(Weight { share, permit })
    }

    async fn permits(&self, share: Share, units: usize) -> Result<OwnedSemaphorePermit, Refused> {
        let part = self.part(share);
        let units = u32::try_from(units.min(part.most)).unwrap_or(u32::MAX);
        if let Ok(permit) = Arc::clone(&part.free).try_acquire_many_owned(units) {
            return Ok(permit);
        }
        part.waited.fetch_add(1, Ordering::Relaxed);
        let until = Instant::now() + self.wait;
        let acquired = async {
            let mut acquired = std::pin::pin!(Arc::clone(&part.free).acquire_many_owned(units));
            loop {
                if let Some(give_way) = part.give_way.get() {
                    give_way();
                }
                tokio::select! {
                    permit = &mut acquired => return permit,
                    () = sleep(GIVE_WAY_EVERY) => {}
                }
            }
        };
        match timeout_at(until, acquired).await {
            Ok(Ok(permit)) => Ok(permit),
            _ => {
                part.refused.fetch_add(1, Ordering::Relaxed);
                Err(Refused::unavailable("busy", "all the memory that this kind of request may take is in use"))
            }
        }
    }

    /// Bytes of a share.
    pub(crate) fn limit(&self, share: Share) -> u64 {
        (self.part(share).units * UNIT) as u64
    }
    /// Bytes of a share that somebody holds.
    pub(crate) fn in_use(&self, share: Share) -> u64 {
        let part = self.part(share);
        (part.units.saturating_sub(part.free.available_permits()) * UNIT) as u64
    }
    /// How often somebody waited for bytes of a share.
    pub(crate) fn waited(&self, share: Share) -> u64 {
        self.part(share).waited.load(Ordering::Relaxed)
    }
    /// How often somebody waited in vain, and was refused.
    pub(crate) fn refused(&self, share: Share) -> u64 {
        self.part(share).refused.load(Ordering::Relaxed)
    }
}

fn units_of(bytes: usize) -> usize {
    bytes.div_ceil(UNIT)
}

impl Weight {
    /// At least so many bytes from here on.
    pub(crate) async fn grow(&mut self, budget: &Budget, bytes: usize) -> Result<(), Refused> {
        let most = budget.part(self.share).most;
        let more = units_of(bytes).min(most).saturating_sub(self.permit.num_permits());
        if more > 0 {
            self.permit.merge(budget.permits(self.share, more).await?);
        }
        Ok(())
    }

    /// As `grow`, if that is free now; says whether it was.
    pub(crate) fn grow_now(&mut self, budget: &Budget, bytes: usize) -> bool {
        let part = budget.part(self.share);
        let more = units_of(bytes).min(part.most).saturating_sub(self.permit.num_permits());
        if more == 0 {
            return true;
        }
        let permit = u32::try_from(more).ok().and_then(|more| Arc::clone(&part.free).try_acquire_many_owned(more).ok());
        permit.map(|permit| self.permit.merge(permit)).is_some()
    }

    /// As `grow`, as far as that is free now.
    pub(crate) fn grow_if_free(&mut self, budget: &Budget, bytes: usize) {
        let part = budget.part(self.share);
        let more = units_of(bytes).min(part.units).saturating_sub(self.permit.num_permits());
        if let Ok(permit) = Arc::clone(&part.free).try_acquire_many_owned(u32::try_from(more).unwrap_or(u32::MAX)) {
            self.permit.merge(permit);
        }
    }

    /// At most so many bytes from here on.
    pub(crate) fn shrink(&mut self, bytes: usize) {
        drop(self.permit.split(self.permit.num_permits().saturating_sub(units_of(bytes))));
    }

    /// These bytes, which have this weight for as long as any of them is somewhere.
    pub(crate) fn carry(self, bytes: Bytes) -> Bytes {
        carried(bytes, &Arc::new(self))
    }
}

/// These bytes, which share a weight with others: it is given back with the last of all of them.
pub(crate) fn carried(bytes: Bytes, weight: &Arc<Weight>) -> Bytes {
    struct Carried {
        bytes: Bytes,
        _weight: Arc<Weight>,
    }
    impl AsRef<[u8]> for Carried {
        fn as_ref(&self) -> &[u8] {
            &self.bytes
        }
    }
    Bytes::from_owner(Carried { bytes, _weight: Arc::clone(weight) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;

    const MIB: usize = 1 << 20;
    const WAIT: Duration = Duration::from_secs(5);

    fn budget() -> Budget {
        sized([MIB as u64, 2 * MIB as u64, MIB as u64, MIB as u64], WAIT)
    }
    fn sized(bytes: [u64; 4], wait: Duration) -> Budget {
        Budget::new(bytes.map(|own| Size { own, cache: 0 }), wait)
    }

    #[tokio::test]
    async fn nobody_waits_for_what_a_cache_never_gives_back() {
        const SHORT: Duration = Duration::from_millis(20);
        let budget = Budget::new([Size { own: MIB as u64, cache: MIB as u64 }; 4], SHORT);
        assert_eq!(budget.limit(Share::Answers), 2 * MIB as u64);
        let _cached = budget.take(Share::Answers, MIB).await.unwrap();
        let mut large = budget.take(Share::Answers, 100 * MIB).await.unwrap();
        large.grow(&budget, 200 * MIB).await.unwrap();
        assert_eq!(budget.in_use(Share::Answers), 2 * MIB as u64);
        assert_eq!(budget.waited(Share::Answers), 0);
    }

    #[tokio::test]
    async fn a_weight_lives_as_long_as_any_of_its_bytes() {
        let budget = budget();
        let weight = budget.take(Share::Answers, MIB).await.unwrap();
        let whole = weight.carry(Bytes::from(vec![7; MIB]));
        let part = whole.slice(10..20);
        drop(whole);
        assert_eq!(budget.in_use(Share::Answers), MIB as u64);
        drop(part);
        assert_eq!(budget.in_use(Share::Answers), 0);
    }

    #[tokio::test]
    async fn a_weight_grows_and_shrinks_and_shares_do_not_touch_each_other() {
        let budget = budget();
        let mut weight = budget.take(Share::Answers, 1).await.unwrap();
        assert_eq!(budget.in_use(Share::Answers), UNIT as u64);
        weight.grow(&budget, MIB).await.unwrap();
        weight.grow(&budget, 5).await.unwrap();
        assert_eq!(budget.in_use(Share::Answers), MIB as u64);
        weight.shrink(10 * UNIT);
        weight.shrink(MIB);
        assert_eq!(budget.in_use(Share::Answers), 10 * UNIT as u64);
        let _all = budget.take(Share::Bodies, MIB).await.unwrap();
        assert!(budget.take_spare(Share::Bodies, 1, 0).is_none());
        assert!(budget.take_spare(Share::Objects, MIB / 2, MIB / 2).is_some());
        assert!(budget.take_spare(Share::Objects, MIB / 2, MIB / 2 + UNIT).is_none());
        // More than there ever is takes all there is.
        drop(weight);
        drop(budget.take(Share::Answers, 100 * MIB).await.unwrap());
        assert_eq!(budget.in_use(Share::Answers), 0);
    }

    #[tokio::test]
    async fn who_may_not_wait_grows_by_what_is_free_or_not_at_all() {
        let budget = Budget::new([Size { own: MIB as u64, cache: UNIT as u64 }; 4], WAIT);
        let mut weight = budget.take(Share::Answers, 1).await.unwrap();
        assert!(weight.grow_now(&budget, 0) && weight.grow_now(&budget, MIB / 2));
        let other = budget.take(Share::Answers, MIB / 2).await.unwrap();
        assert!(!weight.grow_now(&budget, MIB / 2 + 2 * UNIT));
        assert_eq!(budget.in_use(Share::Answers), MIB as u64, "it took nothing");
        assert!(weight.grow_now(&budget, MIB / 2 + UNIT));
        drop(other);
        // More than there ever is counts as all of it, beside the cache.
        assert!(weight.grow_now(&budget, 100 * MIB));
        assert_eq!(budget.in_use(Share::Answers), MIB as u64);
        assert_eq!((budget.waited(Share::Answers), budget.refused(Share::Answers)), (0, 0));
    }

    #[tokio::test]
    async fn who_waits_in_vain_is_refused_and_who_is_slow_is_asked_to_let_go() {
        const SHORT: Duration = Duration::from_millis(20);
        let budget = sized([MIB as u64; 4], SHORT);
        let held = budget.take(Share::Bodies, MIB).await.unwrap();
        let begun = Instant::now();
        let refused = budget.take(Share::Bodies, 1).await.unwrap_err();
        assert_eq!((refused.status.as_u16(), refused.code), (503, "busy"));
        assert_eq!((budget.waited(Share::Bodies), budget.refused(Share::Bodies)), (1, 1));
        assert!(begun.elapsed() >= SHORT);
        drop(held);

        let budget = sized([MIB as u64; 4], Duration::from_secs(60));
        let held = budget.take(Share::Bodies, MIB).await.unwrap();
        let asked = Arc::new(AtomicUsize::new(0));
        let (slow, count) = (std::sync::Mutex::new(Some(held)), Arc::clone(&asked));
        budget.when_short(Share::Bodies, move || {
            if count.fetch_add(1, Ordering::Relaxed) == 1 {
                drop(slow.lock().unwrap().take());
            }
        });
        budget.take(Share::Bodies, MIB).await.unwrap();
        assert_eq!((asked.load(Ordering::Relaxed), budget.refused(Share::Bodies)), (2, 0));
    }
}
