//! Removing uploads that nobody refers to, each hour those that are older than a day (spec/objects.md §4). Asks the same rows that say what may be
//! read, without what is remembered of them.

use crate::app::{App, millis};
use crate::objects::CATALOG;
use deedbox_catalog::object_key;
use deedbox_intake::IntakeRefusal;
use deedbox_store::InFull;
use std::sync::Arc;

/// Sweeps until it is aborted. A sweep that is cut off leaves objects for the next one.
pub(crate) async fn run(app: Arc<App>) {
    loop {
        tokio::time::sleep(app.config.times.sweep_every).await;
        match once(&app).await {
            Ok(0) => {}
            Ok(removed) => tracing::info!(removed, "removed uploads that nobody referred to in time"),
            Err(error) => tracing::warn!(error = %InFull(&error), "could not sweep uploads; trying again next time"),
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
        .sweep(app.clock.for_ages(), millis(app.config.times.unreferenced), |address| async move {
            let key = object_key(&address)?;
            Ok(app.rows.read(&CATALOG, std::slice::from_ref(&key)).await?.into_iter().next().flatten().is_some())
        })
        .await?;
    app.meters.swept.increment(removed);
    Ok(removed)
}
