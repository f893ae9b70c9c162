//! The registry's own chain, followed back from its head at a start: which of its events set a protocol number (spec/authority.md §1.4).
//! Writes nothing, and says nothing about what is not folded.

use crate::cursor::REMOVE;
use crate::fold::{Folder, ReplayError};
use crate::log::LogReader;
use crate::numbers::{InForce, Numbers};
use deedbox_authority::PROJECTION as AUTHORITY;
use deedbox_authority::rows::{EventRow, RegistryRow, event_key, registry_key};
use deedbox_model::row::{Keys, decode_row};
use deedbox_model::{EventId, Protocol};
use deedbox_store::LogStore;
use deedbox_tlog::TreeHead;

/// The protocol numbers of what is folded: the rows lead to the registry's last event, and from there each event names the one before it.
pub(crate) async fn numbers(folder: &Folder, log: &LogStore, target: TreeHead) -> Result<Numbers, ReplayError> {
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

/// An effective entry by its id, which must come before an index.
async fn effective(folder: &Folder, log: &LogStore, target: TreeHead, event: EventId, before: u64) -> Result<(u64, Vec<u8>), ReplayError> {
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
