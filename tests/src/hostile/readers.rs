//! Those who install meanwhile: packuments, checkpoints and tarballs, some requests at a time on connections that stay.

use super::{Latency, Target};
use futures::future::join_all;
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

/// Clients of each kind at once, each with this pause between two requests: a steady load, not a measurement of speed.
const CLIENTS: usize = 4;
const PAUSE: Duration = Duration::from_millis(10);
/// Where they come from: not from where the hostile ones come, as in the world. Of one address all would share its places.
const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));
/// A client that waits so long has failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// What they met with.
#[derive(Debug, Default)]
pub(crate) struct Readings {
    pub(crate) packument: Latency,
    pub(crate) checkpoint: Latency,
    pub(crate) tarball: Latency,
    pub(crate) refused: usize,
    pub(crate) failed: usize,
}

#[derive(Default)]
struct Reading {
    ms: Vec<f64>,
    refused: usize,
    failed: usize,
}

/// Reads for so long.
pub(crate) async fn read(target: &Target, stay: Duration) -> anyhow::Result<Readings> {
    let checkpoint = format!("{}/log/checkpoint", target.url);
    let mut readings = Readings::default();
    let urls = [target.packument.as_str(), &checkpoint, &target.tarball];
    let all = join_all(urls.map(|url| join_all((0..CLIENTS).map(|_| one(url, stay))))).await;
    for (readers, latency) in all.into_iter().zip([&mut readings.packument, &mut readings.checkpoint, &mut readings.tarball]) {
        let mut ms = Vec::new();
        for reader in readers {
            let reader = reader?;
            ms.extend(reader.ms);
            readings.refused += reader.refused;
            readings.failed += reader.failed;
        }
        ms.sort_by(f64::total_cmp);
        let at = |part: f64| ms.get(((ms.len() as f64 * part) as usize).min(ms.len().saturating_sub(1))).copied().unwrap_or_default();
        *latency = Latency { count: ms.len(), p50: at(0.5), p99: at(0.99) };
    }
    Ok(readings)
}

async fn one(url: &str, stay: Duration) -> anyhow::Result<Reading> {
    let http = reqwest::Client::builder().timeout(PATIENCE).local_address(ADDRESS).build()?;
    let (begun, mut reading) = (Instant::now(), Reading::default());
    while begun.elapsed() < stay {
        let asked = Instant::now();
        let answer = async {
            let answer = http.get(url).send().await?;
            let status = answer.status().as_u16();
            answer.bytes().await.map(|_| status)
        };
        match answer.await {
            Ok(200) => reading.ms.push(asked.elapsed().as_secs_f64() * 1e3),
            Ok(503) => reading.refused += 1,
            Ok(_) | Err(_) => reading.failed += 1,
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(reading)
}
