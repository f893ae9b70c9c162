//! Leases: objects that an admission on its way refers to are not swept, from before it looks for them until its event
//! is folded.

use deedbox_model::Sha256Digest;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

type Counts = BTreeMap<Sha256Digest, usize>;

/// All leases of this process, the only writer.
#[derive(Debug, Clone, Default)]
pub(crate) struct Leases(Arc<Mutex<Counts>>);

/// Holds objects until it is dropped.
#[derive(Debug)]
pub(crate) struct Lease {
    leases: Leases,
    objects: Vec<Sha256Digest>,
}

impl Lease {
    /// What it holds.
    pub(crate) fn objects(&self) -> &[Sha256Digest] {
        &self.objects
    }
}

impl Leases {
    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a lease on each of these.
    pub(crate) fn take(&self, objects: Vec<Sha256Digest>) -> Lease {
        let mut counts = self.lock();
        for object in &objects {
            *counts.entry(*object).or_default() += 1;
        }
        drop(counts);
        Lease { leases: self.clone(), objects }
    }

    /// Whether somebody holds it.
    pub(crate) fn holds(&self, object: &Sha256Digest) -> bool {
        self.lock().contains_key(object)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut counts = self.leases.lock();
        for object in &self.objects {
            if let Some(count) = counts.get_mut(object) {
                *count -= 1;
                if *count == 0 {
                    counts.remove(object);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_held_until_the_last_lease_is_gone() {
        let leases = Leases::default();
        let object = Sha256Digest([1; 32]);
        let first = leases.take(vec![object]);
        let second = leases.take(vec![object]);
        drop(first);
        assert!(leases.holds(&object));
        drop(second);
        assert!(!leases.holds(&object));
    }
}
