//! Which protocol number is in force at which index (spec/authority.md §1.4): by it an entry is read. And which versions of projections are
//! in force with it. Found by following the registry's own chain back from its head, then kept while folding goes on. Says nothing about
//! what is not folded.

use crate::cursor::REMOVE;
use crate::fold::{AUTHORITY, Folder, ReplayError};
use crate::log::{LogReader, Target};
use deedbox_authority::rows::{EventRow, RegistryRow, event_key, registry_key};
use deedbox_authority::{Deciders, Generations};
use deedbox_model::event::Rules;
use deedbox_model::row::{Keys, decode_row};
use deedbox_model::{EventId, Protocol};
use deedbox_store::LogStore;
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

    /// Of what is folded: the rows lead to the registry's last event, and from there each event names the one before it.
    pub(crate) async fn of(folder: &Folder, log: &LogStore, target: Target) -> Result<Self, ReplayError> {
        let mut numbers = Numbers::default();
        let key = registry_key()?;
        let rows = folder.read(&AUTHORITY, Keys::from([key.clone()])).await?;
        let Some(Some(row)) = rows.get(&key) else { return Ok(numbers) };
        let registry: RegistryRow = decode_row(&key, &row.bytes)?;
        // Numbers only grow, and none is smaller than the beginning's: where that one is in force, no other ever was.
        let mut next = (registry.protocol != Protocol::BEGINNING.number()).then_some(registry.head);
        let mut set = Vec::new();
        let mut before = target.size;
        while let Some(event) = next {
            let (index, entry) = effective(folder, log, target, event, before).await?;
            // The two types that set a number are the same in every number; of any other only what it continues is asked.
            let read = folder.deciders.readings(&entry).next();
            let read = read.ok_or_else(|| ReplayError::Damaged(format!("entry {index} is effective, and cannot be read")))?;
            set.extend(read.peek().event().rules_after().map(|rules| (index, InForce::by(&folder.deciders, rules))));
            (next, before) = (read.peek().prev(), index);
        }
        for (index, set) in set.iter().rev() {
            numbers.set(*index, set);
        }
        if numbers.now() != registry.protocol {
            let (said, found) = (registry.protocol, numbers.now());
            return Err(ReplayError::Rows(format!(
                "the rows say that protocol {said} is in force, and the log says protocol {found}: {REMOVE}"
            )));
        }
        Ok(numbers)
    }
}

/// An effective entry by its id, which must come before an index.
async fn effective(folder: &Folder, log: &LogStore, target: Target, event: EventId, before: u64) -> Result<(u64, Vec<u8>), ReplayError> {
    let nowhere = || ReplayError::Rows(format!("the rows name event {event} of the registry, and do not lead to its entry: {REMOVE}"));
    let key = event_key(&event)?;
    let rows = folder.read(&AUTHORITY, Keys::from([key.clone()])).await?;
    let Some(Some(row)) = rows.get(&key) else { return Err(nowhere()) };
    let index = decode_row::<EventRow>(&key, &row.bytes)?.index;
    if index >= before {
        return Err(nowhere());
    }
    let entries = LogReader::open(log.clone(), index, target).await?.next().await?;
    let entry = entries.and_then(|entries| entries.into_iter().next()).filter(|entry| EventId::of(entry) == event);
    Ok((index, entry.ok_or_else(nowhere)?))
}
