//! Which protocol number is in force at which index (spec/authority.md §1.4): by it an entry is read. And which versions of projections are
//! in force with it. Kept while folding goes on; `chain` finds them at a start. Says nothing about what is not folded.

use deedbox_authority::{Deciders, Generations};
use deedbox_model::Protocol;
use deedbox_model::event::Rules;
use std::collections::BTreeMap;

/// The numbers of a log, as far as it is folded.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Numbers {
    /// What is in force from which index on, but for what is from the beginning.
    from: BTreeMap<u64, InForce>,
}

/// What an event puts in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InForce {
    number: u64,
    generations: Generations,
}

impl InForce {
    /// By these rules.
    pub(crate) fn by(deciders: &Deciders, rules: &Rules) -> Self {
        InForce { number: rules.protocol, generations: deciders.generations(rules) }
    }
}

impl Numbers {
    /// The number in force at an index.
    pub fn at(&self, index: u64) -> u64 {
        self.from.range(..=index).next_back().map_or(Protocol::BEGINNING.number(), |(_, set)| set.number)
    }

    /// The number in force at the next index to be folded.
    pub fn now(&self) -> u64 {
        self.from.last_key_value().map_or(Protocol::BEGINNING.number(), |(_, set)| set.number)
    }

    /// The version of a projection that is in force where so many entries are folded.
    pub fn version(&self, projection: &str, folded: u64) -> u32 {
        self.from.range(..=folded).next_back().map_or(1, |(_, set)| set.generations.version(projection))
    }

    /// One number, from an index on.
    pub(crate) fn only(from: u64, number: u64) -> Self {
        Numbers { from: BTreeMap::from([(from, InForce { number, generations: Generations::default() })]) }
    }

    /// An effective entry has set rules. Gives whether their number is another one than before.
    pub(crate) fn set(&mut self, by: u64, set: &InForce) -> bool {
        let changes = set.number != self.now();
        if changes {
            self.from.insert(by + 1, set.clone());
        }
        changes
    }
}
