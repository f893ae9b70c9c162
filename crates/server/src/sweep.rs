//! Removing uploads that nobody refers to, each hour those that are older than a day (spec/objects.md §4). Knows nothing of how they
//! are written.

use crate::clock::millis;
use crate::taking::Taking;
use deedbox_catalog::{PROJECTION as CATALOG, object_key};
use deedbox_intake::{Door, IntakeRefusal, Published};
use deedbox_model::TimeMs;
use deedbox_store::{InFull, RowStore};
use deedbox_view::question::MAX_GET;
use std::sync::Arc;
use std::time::Duration;

/// Which objects an effective event refers to, by the rows and without what is remembered of them.
pub(crate) fn published(rows: &Arc<dyn RowStore>) -> Published {
    let rows = Arc::clone(rows);
    Arc::new(move |addresses| {
        let rows = Arc::clone(&rows);
        Box::pin(async move {
            let keys = addresses.iter().map(object_key).collect::<Result<Vec<_>, _>>()?;
            let mut published = Vec::with_capacity(keys.len());
            for keys in keys.chunks(MAX_GET) {
                published.extend(rows.read(&CATALOG, keys).await?.into_iter().map(|row| row.is_some()));
            }
            Ok(published)
        })
    })
}

/// Fills the domains' accounts from what uploads of earlier processes left. Where the disk does not tell, they begin empty, and what
/// lies there is swept when it is old enough. It removes what nobody can go on with: not for a start that may write nothing.
pub(crate) async fn recall(door: &Door, now: TimeMs, unreferenced: Duration) {
    if let Err(error) = door.recall(now, millis(unreferenced)).await {
        tracing::warn!(error = %InFull(&error), "what earlier uploads left could not be read: every domain's account begins empty");
    }
}

/// Sweeps until it is aborted. A sweep that is cut off leaves objects for the next one.
pub(crate) async fn run(taking: Arc<Taking>) {
    loop {
        tokio::time::sleep(taking.bounds.times.sweep_every).await;
        match once(&taking).await {
            Ok(0) => {}
            Ok(removed) => tracing::info!(removed, "removed uploads that nobody referred to in time"),
            Err(error) => tracing::warn!(error = %InFull(&error), "could not sweep uploads; trying again next time"),
        }
    }
}

pub(crate) async fn once(taking: &Taking) -> Result<u64, IntakeRefusal> {
    if taking.writing.why_stopped().is_some() {
        // What is published and not folded has no row yet: removing anything could remove that.
        return Ok(0);
    }
    let removed = taking.door.sweep(taking.clock.for_ages(), millis(taking.bounds.times.unreferenced)).await?;
    taking.bounds.meters.swept.increment(removed);
    Ok(removed)
}
