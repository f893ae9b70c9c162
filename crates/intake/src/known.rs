//! What this process has seen and need not ask for again: bounded, and only of things that never change. Forgetting
//! any of it costs time and changes no answer.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

/// At most twice `of_each` facts in two generations: when the newer one is full the older one is forgotten whole.
#[derive(Debug)]
pub(crate) struct Known<K, V> {
    of_each: usize,
    generations: Mutex<(HashMap<K, V>, HashMap<K, V>)>,
}

impl<K: Hash + Eq + Copy, V: Copy> Known<K, V> {
    pub(crate) fn new(of_each: usize) -> Self {
        Known { of_each, generations: Mutex::new((HashMap::new(), HashMap::new())) }
    }

    /// The fact, if it is remembered. One that is asked for stays longer.
    pub(crate) fn get(&self, key: &K) -> Option<V> {
        let mut generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(value) = generations.0.get(key) {
            return Some(*value);
        }
        let value = generations.1.get(key).copied()?;
        put(&mut generations, self.of_each, *key, value);
        Some(value)
    }

    /// Remembers a fact that stays true for ever.
    pub(crate) fn learn(&self, key: K, value: V) {
        put(&mut self.generations.lock().unwrap_or_else(PoisonError::into_inner), self.of_each, key, value);
    }
}

fn put<K: Hash + Eq, V>(generations: &mut (HashMap<K, V>, HashMap<K, V>), of_each: usize, key: K, value: V) {
    if generations.0.len() >= of_each {
        generations.1 = std::mem::take(&mut generations.0);
    }
    generations.0.insert(key, value);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_stays_and_the_rest_is_forgotten() {
        let known: Known<u32, u32> = Known::new(10);
        known.learn(1_000, 1);
        known.learn(1_001, 2);
        for n in 0..100 {
            known.learn(n, n);
            assert_eq!(known.get(&1_000), Some(1), "after {n}");
        }
        assert_eq!(known.get(&1_001), None);
        let generations = known.generations.lock().unwrap();
        assert!(generations.0.len() <= 10 && generations.1.len() <= 10);
    }
}
