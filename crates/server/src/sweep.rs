//! Removing uploads that nobody refers to, each hour those that are older than a day (spec/objects.md §4). Asks the same rows that say what may be
//! read, without what is remembered of them.

use crate::app::{App, millis, now};
use crate::objects::CATALOG;
use deedbox_catalog::object_key;
use deedbox_intake::{Door, IntakeRefusal};
use deedbox_model::Sha256Digest;
use deedbox_store::RowStore;
use std::sync::Arc;
use std::time::Duration;

/// Fills the domains' accounts from what uploads of earlier processes left. Where the disk does not tell, they begin empty, and what
/// lies there is swept when it is old enough.
pub(crate) async fn recall(door: &Door, rows: &Arc<dyn RowStore>, unreferenced: Duration) {
    let are_referenced = |addresses: Vec<Sha256Digest>| async move {
        let keys = addresses.iter().map(object_key).collect::<Result<Vec<_>, _>>()?;
        Ok(rows.read(&CATALOG, &keys).await?.into_iter().map(|row| row.is_some()).collect())
    };
    if let Err(error) = door.recall(now(), millis(unreferenced), are_referenced).await {
        tracing::warn!(%error, "what earlier uploads left could not be read: every domain's account begins empty");
    }
}

/// Sweeps until it is aborted. A sweep that is cut off leaves objects for the next one.
pub(crate) async fn run(app: Arc<App>) {
    loop {
        tokio::time::sleep(app.config.times.sweep_every).await;
        match once(&app).await {
            Ok(0) => {}
            Ok(removed) => tracing::info!(removed, "removed uploads that nobody referred to in time"),
            Err(error) => tracing::warn!(%error, "could not sweep uploads; trying again next time"),
        }
    }
}

pub(crate) async fn once(app: &App) -> Result<u64, IntakeRefusal> {
    if app.writing.why_stopped().is_some() {
        // What is published and not folded has no row yet: removing anything could remove that.
        return Ok(0);
    }
    let removed = app
        .door
        .sweep(now(), millis(app.config.times.unreferenced), |address| async move {
            let key = object_key(&address)?;
            Ok(app.rows.read(&CATALOG, std::slice::from_ref(&key)).await?.into_iter().next().flatten().is_some())
        })
        .await?;
    app.meters.swept.increment(removed);
    Ok(removed)
}
