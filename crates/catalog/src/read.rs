//! What to read for an answer (spec/projections/catalog.md §3). The first rows are always such that no answer changes
//! while they stay: the row of a package is rewritten by each of its events, `totals` by each event that is anybody's.

use crate::limits::{CHANNEL_ROUNDS, CHANNEL_SCAN, CHANNELS_SHOWN, RELEASES_SHOWN, SEARCH_SCAN};
use crate::render;
use crate::route::{Route, Search};
use crate::rows::*;
use deedbox_model::{Defect, PackageId, RowKey, Version};
use deedbox_view::{Plan, Reads, Step};

/// The first round.
pub(crate) fn plan(route: &Route) -> Result<Plan, Defect> {
    Ok(match route {
        Route::Packages { prefix, after, limit } => {
            let after = after.as_ref().map(|id| RowKey::new(format!("{PACKAGE}{id}"))).transpose()?;
            page(RowKey::new(format!("{PACKAGE}{prefix}"))?, after, *limit)
        }
        Route::Package(id) | Route::Versions { id, .. } | Route::Channels { id, .. } | Route::History { id, .. } => {
            Plan::Get(vec![package_key(id)?])
        }
        Route::Release(id, version) => Plan::Get(vec![package_key(id)?, release_key(id, version)?]),
        Route::Domains { after, limit } => {
            let after = after.as_ref().map(domain_key).transpose()?;
            page(RowKey::new(DOMAIN)?, after, *limit)
        }
        Route::DomainHistory { domain, .. } | Route::Grants { domain, .. } => Plan::Get(vec![domain_key(domain)?]),
        Route::Domain(domain) => Plan::Get(domain.self_and_parents().map(|domain| domain_key(&domain)).collect::<Result<_, _>>()?),
        Route::Search(_) => Plan::Get(vec![totals_key()?]),
    })
}

/// The rounds after it.
pub(crate) fn step(route: &Route, reads: &Reads) -> Result<Step, Defect> {
    let next = match route {
        Route::Packages { .. } | Route::Domains { .. } | Route::Domain(_) => None,
        Route::Package(id) => package(id, reads)?,
        Route::Versions { id, after, limit } => {
            let after = after.as_ref().map(|version| release_key(id, version)).transpose()?;
            view(id, "release", after, *limit, reads)?
        }
        Route::Channels { id, after, limit } => {
            let after = after.as_ref().map(|channel| channel_key(id, channel)).transpose()?;
            view(id, "channel", after, *limit, reads)?
        }
        Route::History { id, after, limit } => {
            let after = after.map(|index| history_key(id, index)).transpose()?;
            view(id, "history", after, *limit, reads)?
        }
        Route::DomainHistory { domain, after, limit } => {
            if reads.rounds > 1 || reads.rows.get(&domain_key(domain)?)?.is_none() {
                None
            } else {
                let after = after.map(|index| domain_history_key(domain, index)).transpose()?;
                Some(page(domain_history_prefix(domain)?, after, *limit))
            }
        }
        Route::Grants { domain, after, limit } => {
            if reads.rounds > 1 || reads.rows.get(&domain_key(domain)?)?.is_none() {
                None
            } else {
                let after = after.map(|event| grant_key(domain, &event)).transpose()?;
                Some(page(grant_prefix(domain)?, after, *limit))
            }
        }
        Route::Release(id, version) => release(id, version, reads)?,
        Route::Search(search) => find(search, reads)?,
    };
    Ok(next.map_or(Step::Ready, Step::Read))
}

/// One row more than is shown says whether there is a next page.
fn page(prefix: RowKey, after: Option<RowKey>, limit: u32) -> Plan {
    Plan::Scan { prefix, after, limit: limit + 1 }
}

fn view(id: &PackageId, kind: &str, after: Option<RowKey>, limit: u32, reads: &Reads) -> Result<Option<Plan>, Defect> {
    if reads.rounds > 1 || reads.rows.get(&package_key(id)?)?.is_none() {
        return Ok(None);
    }
    Ok(Some(page(of_package(kind, id)?, after, limit)))
}

fn package(id: &PackageId, reads: &Reads) -> Result<Option<Plan>, Defect> {
    if reads.rows.get(&package_key(id)?)?.is_none() {
        return Ok(None);
    }
    Ok(match reads.rounds {
        1 => Some(page(of_package("channel", id)?, None, CHANNELS_SHOWN)),
        2 => Some(page(of_package("newest", id)?, None, RELEASES_SHOWN)),
        3 => {
            let versions = render::newest(id, reads)?;
            Some(Plan::Get(versions.iter().map(|version| release_key(id, version)).collect::<Result<_, _>>()?))
        }
        _ => None,
    })
}

fn release(id: &PackageId, version: &Version, reads: &Reads) -> Result<Option<Plan>, Defect> {
    if reads.rows.get(&release_key(id, version)?)?.is_none() || reads.rounds >= CHANNEL_ROUNDS {
        return Ok(None);
    }
    let prefix = of_package("channel", id)?;
    Ok(match &reads.last_scan {
        None => Some(Plan::Scan { prefix, after: None, limit: CHANNEL_SCAN }),
        Some(end) if end.more => Some(Plan::Scan { prefix, after: end.last.clone(), limit: CHANNEL_SCAN }),
        Some(_) => None,
    })
}

/// One scan for each word, then the packages of this page.
fn find(search: &Search, reads: &Reads) -> Result<Option<Plan>, Defect> {
    let scans = usize::try_from(reads.rounds.saturating_sub(1)).unwrap_or(usize::MAX);
    if let Some(prefix) = search.prefixes.get(scans) {
        return Ok(Some(page(RowKey::new(prefix.as_str())?, None, SEARCH_SCAN)));
    }
    if scans > search.prefixes.len() {
        return Ok(None);
    }
    let found = render::found(search, reads)?;
    let keys: Vec<RowKey> = found.page.iter().map(|hit| RowKey::new(format!("{PACKAGE}{}", hit.id))).collect::<Result<_, _>>()?;
    Ok((!keys.is_empty()).then_some(Plan::Get(keys)))
}
