//! Which version of each projection is in force (spec/projections/README.md §1.5). A protocol number explains it from the parameters that
//! come with it; protocol 1 says nothing of it. Says nothing of what a projection is, or whether a program has it.

use std::collections::BTreeMap;

/// The versions in force: those that are named; of every other projection version 1.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Generations(BTreeMap<String, u32>);

impl Generations {
    /// The version of a projection.
    pub fn version(&self, projection: &str) -> u32 {
        self.0.get(projection).copied().unwrap_or(1)
    }
}

impl FromIterator<(String, u32)> for Generations {
    fn from_iter<I: IntoIterator<Item = (String, u32)>>(named: I) -> Self {
        Generations(named.into_iter().collect())
    }
}
