//! `deedbox fsck`: a registry's own disk. The log's files against each other, every object against its address, what
//! releases name against what is there, and every row against the log. Changes nothing.

use super::replay::compare_views;
use crate::args::Fsck;
use crate::context::Context;
use crate::failure::refused;
use crate::left_overs::LeftOvers;
use crate::offline::Offline;
use crate::terminal;
use deedbox_authority::DECIDERS;
use deedbox_ledger::{LogToCheck, check_log};
use deedbox_model::{Manifest, ObjectRef, Origin, Sha256Digest, limits};
use deedbox_replay::objects::check_references;
use deedbox_replay::{LogReader, check_objects};
use deedbox_tlog::VerifiedCheckpoint;
use deedbox_view::FactsNeeded;
use serde::Serialize;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Something that is not as it should be.
#[derive(Serialize)]
struct Finding {
    part: &'static str,
    what: String,
    harmless: bool,
}

pub(crate) async fn run(context: &Context, args: Fsck) -> anyhow::Result<()> {
    let mut registry = Offline::open(&args.data)?;
    let (checkpoint, log_keys) = registry.checkpoint().await?;
    let mut findings = Vec::new();

    let bar = terminal::count_bar(checkpoint.size(), "log");
    let log = LogToCheck {
        commits: Arc::clone(&registry.stores.commits),
        log: registry.stores.log.clone(),
        signer_memory: Arc::clone(&registry.stores.signer),
        origin: registry.origin.clone(),
        log_keys,
    };
    let report = check_log(&log, &|done, _| bar.set_position(done)).await?;
    bar.finish_and_clear();

    let bar = terminal::bytes_bar(0, "objects");
    let damaged = check_objects(registry.stores.objects.as_ref(), &|bytes| bar.inc(bytes)).await?;
    bar.finish_and_clear();
    let manifests = manifests(&registry, &checkpoint).await;
    let (missing, referenced) = match manifests {
        Ok(named) => {
            let missing = check_references(registry.stores.objects.as_ref(), named.manifests.clone()).await?;
            (missing, Some(named.with_what_manifests_name(&registry).await?))
        }
        // A log that cannot be read to its end is among the findings.
        Err(_) => (Vec::new(), None),
    };
    let left_overs = LeftOvers::of(&mut registry, referenced.as_ref()).await?;
    findings.extend(report.findings.iter().map(|f| {
        let measure = left_overs.measure(&f.place).filter(|_| f.harmless).map(|measure| format!(" ({measure})")).unwrap_or_default();
        Finding { part: "log", what: format!("{}{measure} {}", f.place, f.what), harmless: f.harmless }
    }));
    for finding in damaged.iter().chain(&missing) {
        let what = finding.to_string();
        if !findings.iter().any(|found| found.what == what) {
            findings.push(Finding { part: "objects", what, harmless: false });
        }
    }

    findings.extend(parts(&registry).await?);

    match compare_views(&mut registry, &checkpoint).await {
        Ok(views) => {
            for view in views {
                findings.extend(view.differences.into_iter().map(|what| Finding { part: "rows", what, harmless: false }));
            }
        }
        Err(error) => {
            let what = format!("could not be compared with the log: {}", crate::failure::words(&error));
            findings.push(Finding { part: "rows", what, harmless: false });
        }
    }
    findings.extend(left_overs.found.into_iter().map(|what| Finding { part: "left over", what, harmless: true }));
    let Offline { stores, origin, .. } = registry;
    stores.close().await;
    tell(context, &args, &origin, checkpoint.size(), &findings)
}

fn tell(context: &Context, args: &Fsck, origin: &Origin, size: u64, findings: &[Finding]) -> anyhow::Result<()> {
    if context.json {
        terminal::say_json(&findings)?;
    } else {
        for finding in findings {
            terminal::say_line(&format!("{} {}: {}", if finding.harmless { "-" } else { "✗" }, finding.part, finding.what));
        }
    }
    let harmful = findings.iter().filter(|finding| !finding.harmless).count();
    if harmful > 0 {
        return Err(refused(format!(
            "{} has {harmful} faults: take objects and log files from a mirror or a backup, and rebuild rows with deedbox replay",
            args.data.display()
        )));
    }
    if !context.json {
        terminal::say(&format!("✓ {} entries of {}, every object and every row are as they should be", size, origin));
    }
    Ok(())
}

/// What uploads that broke off left: no damage, and no left-over either, but bytes that somebody may wonder about.
async fn parts(registry: &Offline) -> anyhow::Result<Option<Finding>> {
    use deedbox_store::Left;
    let parts: Vec<u64> =
        registry.stores.objects.remnants().await?.into_iter().filter(|found| found.left == Left::Part).map(|part| part.bytes).collect();
    let what = || {
        let bytes = terminal::bytes(parts.iter().sum());
        format!("{} of them broke off and can be continued, {bytes} in parts/: kept for a day after they began", parts.len())
    };
    Ok((!parts.is_empty()).then(|| Finding { part: "uploads", what: what(), harmless: true }))
}

/// Objects that entries name.
#[derive(Default)]
struct Named {
    /// Manifests that releases name. A void entry may name one that was never kept; only what is there is looked into.
    manifests: Vec<ObjectRef>,
    messages: Vec<Sha256Digest>,
}

impl Named {
    /// With what the manifests name in turn. What a damaged one names says nothing.
    async fn with_what_manifests_name(self, registry: &Offline) -> anyhow::Result<BTreeSet<Sha256Digest>> {
        let mut all: BTreeSet<Sha256Digest> = self.messages.into_iter().collect();
        for manifest in self.manifests {
            all.insert(manifest.sha256);
            if let Ok(Some(bytes)) = registry.stores.objects.get(&manifest.sha256, limits::MANIFEST_BYTES as u64).await
                && manifest.matches(&bytes)
                && let Ok(decoded) = Manifest::decode(&bytes)
            {
                all.extend(decoded.objects().map(|object| object.sha256));
            }
        }
        Ok(all)
    }
}

async fn manifests(registry: &Offline, checkpoint: &VerifiedCheckpoint) -> anyhow::Result<Named> {
    let mut log = LogReader::open(registry.stores.log.clone(), 0, checkpoint.tree()).await?;
    let mut named = Named::default();
    while let Some(entries) = log.next().await? {
        for entry in entries {
            for statement in DECIDERS.readings(&entry) {
                let FactsNeeded { manifest, message } = FactsNeeded::by(statement.peek().event());
                if let Some(manifest) = manifest
                    && registry.stores.objects.stat(&manifest.sha256).await?.is_some()
                {
                    named.manifests.push(manifest);
                }
                named.messages.extend(message.map(|message| message.sha256));
            }
        }
    }
    Ok(named)
}
