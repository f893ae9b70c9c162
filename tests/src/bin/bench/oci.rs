//! What image clients read, beside Debian's docker-registry, which holds the same image.

use crate::Bench;
use crate::fixture::{key, publish, serve};
use crate::load::wrk_with;
use crate::peers::docker_registry;
use crate::report::{Row, figure};
use anyhow::{Context as _, ensure};
use deedbox_testkit::archives::noise;
use deedbox_tests::debian::debian;
use deedbox_tests::packed;
use deedbox_tests::publisher::Publisher;
use std::process::Command;

const GROUP: &str = "oci";
const DOMAIN: &str = "bench.localhost";
/// Without it, a docker-registry answers with an error.
const ACCEPT: &str = "Accept: application/vnd.oci.image.manifest.v1+json";

pub(crate) fn beside_docker_registry(bench: &mut Bench) -> anyhow::Result<()> {
    debian(&["wrk", "docker-registry", "skopeo"])?;
    let folder = bench.folder.path().join(GROUP);
    let ours = serve(bench, &folder.join("registry"))?;
    let (manifest, blobs) = bench.wait(async {
        let http = reqwest::Client::new();
        let publisher = Publisher::claim(&http, &ours.url, key(0), DOMAIN).await?;
        let layers: Vec<Vec<u8>> = [4_096, 1 << 20].map(|length| noise("layer", length)).to_vec();
        let (packed, manifest) = packed::image(&publisher.domain, "app", "1.0.0", layers)?;
        let blobs: Vec<(usize, String)> =
            packed.artifacts.iter().skip(2).map(|layer| (layer.bytes.len(), layer.digests.sha256.to_string())).collect();
        publish(&http, &ours.url, &publisher, &publisher.release_of(packed, None)?).await?;
        anyhow::Ok((manifest, blobs))
    })?;
    let theirs = docker_registry(&folder)?;
    let image = |url: &str| format!("docker://{}/{DOMAIN}/app:1.0.0", url.trim_start_matches("http://"));
    let copied = Command::new("skopeo")
        .args(["copy", "--quiet", "--preserve-digests", "--src-tls-verify=false", "--dest-tls-verify=false"])
        .args([image(&ours.url), image(&theirs.url)])
        .output()
        .context("skopeo")?;
    ensure!(copied.status.success(), "skopeo: {}", String::from_utf8_lossy(&copied.stderr));
    let mut asked = vec![
        ("manifest by tag".to_owned(), format!("/v2/{DOMAIN}/app/manifests/1.0.0")),
        ("manifest by digest".to_owned(), format!("/v2/{DOMAIN}/app/manifests/sha256:{manifest}")),
    ];
    for (size, digest) in blobs {
        asked.push((format!("blob of {} KB", figure(size as f64 / 1e3)), format!("/v2/{DOMAIN}/app/blobs/sha256:{digest}")));
    }
    for (what, path) in asked {
        let mut same = Vec::new();
        for url in [&ours.url, &theirs.url] {
            let request = reqwest::Client::new().get(format!("{url}{path}")).header("accept", ACCEPT.trim_start_matches("Accept: "));
            same.push(bench.wait(async { request.send().await?.error_for_status()?.bytes().await })?);
        }
        ensure!(same.first() == same.get(1), "{path} is not the same in both");
        bench.say(&format!("  {path}"));
        let [our, their] = [wrk_with(bench, &ours, &path, &[ACCEPT])?, wrk_with(bench, &theirs, &path, &[ACCEPT])?];
        for (name, read) in [("deedbox", our), ("docker-registry", their)] {
            let row = Row::new(GROUP, format!("{what}: {name}"), read.rate, "req/s");
            bench.report.add(row.cpu_us(read.cpu_us).quiet(read.quiet));
        }
        let row = Row::new(GROUP, format!("{what}: docker-registry's CPU over ours"), their.cpu_us / our.cpu_us, "times");
        bench.report.add(row.at_least(20.0));
    }
    Ok(())
}
