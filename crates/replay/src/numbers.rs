//! Which protocol number is in force at which index (spec/authority.md §1.4): by it an entry is read. Kept while folding goes on; `chain`
//! finds them at a start. Says nothing about what is not folded.

use deedbox_model::Protocol;
use std::collections::BTreeMap;

/// The numbers of a log, as far as it is folded.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Numbers {
    /// The first index of each number but the beginning's.
    from: BTreeMap<u64, u64>,
}

impl Numbers {
    /// The number in force at an index.
    pub fn at(&self, index: u64) -> u64 {
        self.from.range(..=index).next_back().map_or(Protocol::BEGINNING.number(), |(_, number)| *number)
    }

    /// The number in force at the next index to be folded.
    pub fn now(&self) -> u64 {
        self.from.last_key_value().map_or(Protocol::BEGINNING.number(), |(_, number)| *number)
    }

    /// One number, from an index on.
    pub(crate) fn only(from: u64, number: u64) -> Self {
        Numbers { from: BTreeMap::from([(from, number)]) }
    }

    /// An effective entry has set a number. Gives whether it is another one than before.
    pub(crate) fn set(&mut self, by: u64, number: u64) -> bool {
        let changes = number != self.now();
        if changes {
            self.from.insert(by + 1, number);
        }
        changes
    }
}
