//! Whether a statement may be in the log already, without asking the rows for each statement: almost all are new.
//! It may be wrong in one direction only: it may call a statement new that is not. Such a statement goes the whole way, and the ledger,
//! which decides, finds it (docs/ARCHITECTURE.md, "The order of writing"). So this only saves work.

use crate::limits::REMEMBERED;
use deedbox_model::{EventId, TimeMs};
use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, PoisonError};

/// The statements appended last, and a time: no other statement in the log was signed after it.
pub(crate) struct Recent {
    most: usize,
    inner: Mutex<Inner>,
}

struct Inner {
    /// The first eight bytes of ids: two that are alike cost a question to the rows.
    ids: HashSet<u64>,
    order: VecDeque<(u64, TimeMs)>,
    /// No statement in the log that is not among these was signed after this.
    others_until: TimeMs,
}

impl Recent {
    /// `log_time` is log time now, which no statement in the log was signed after.
    pub(crate) fn new(log_time: TimeMs) -> Self {
        Self::of(REMEMBERED, log_time)
    }

    fn of(most: usize, log_time: TimeMs) -> Self {
        Recent { most, inner: Mutex::new(Inner { ids: HashSet::new(), order: VecDeque::new(), others_until: log_time }) }
    }

    /// Whether the rows must be asked.
    pub(crate) fn may_hold(&self, id: &EventId, time: TimeMs) -> bool {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        time <= inner.others_until || inner.ids.contains(&short(id))
    }

    /// A statement that was appended.
    pub(crate) fn add(&self, id: &EventId, time: TimeMs) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if !inner.ids.insert(short(id)) {
            return;
        }
        inner.order.push_back((short(id), time));
        if inner.order.len() > self.most
            && let Some((oldest, time)) = inner.order.pop_front()
        {
            inner.ids.remove(&oldest);
            inner.others_until = inner.others_until.max(time);
        }
    }
}

fn short(id: &EventId) -> u64 {
    id.0.iter().take(8).fold(0, |short, byte| short << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_was_appended_is_ever_taken_for_new() {
        let (id, at) = (|n: u64| EventId::of(&n.to_be_bytes()), |ms| TimeMs::new(ms).unwrap());
        let recent = Recent::of(10, at(1_000));
        assert!(recent.may_hold(&id(0), at(1_000)), "it may be from before the start");
        assert!(!recent.may_hold(&id(0), at(1_001)));
        // Signed in another order than appended.
        let time = |n: u64| at(1_001 + (n * 37) % 100);
        for n in 0..100 {
            assert!(!recent.may_hold(&id(n), at(2_000)));
            recent.add(&id(n), time(n));
            for before in 0..=n {
                assert!(recent.may_hold(&id(before), time(before)), "{before} after {n}");
            }
        }
        assert_eq!(recent.inner.lock().unwrap().ids.len(), 10);
        assert!(!recent.may_hold(&id(1_000), at(1_101)));
    }
}
