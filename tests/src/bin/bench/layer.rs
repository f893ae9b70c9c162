//! A large layer published by the command that people use: how fast, and what it takes of memory, beside what the disk and the digests
//! allow on their own.

use crate::Bench;
use crate::fixture::{key, serve, without_settings};
use crate::machine::Watch;
use crate::report::{Row, figure};
use anyhow::{Context as _, ensure};
use deedbox_model::Hasher;
use deedbox_model::threads::both;
use deedbox_oci::{Kind, artifact_name};
use deedbox_testkit::archives::noise;
use deedbox_tests::packed;
use deedbox_tests::publisher::Publisher;
use serde_json::json;
use std::fs::{self, File};
use std::hint::black_box;
use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const GROUP: &str = "layer";
const DOMAIN: &str = "bench.localhost";

pub(crate) fn published(bench: &mut Bench) -> anyhow::Result<()> {
    let size = bench.pick(100_000_000, 1_000_000_000);
    let megabytes = size as f64 / 1e6;
    let folder = bench.folder.path().join(GROUP);
    let home = folder.join("home");
    fs::create_dir_all(&home)?;
    let layer = noise("layer", size);
    let disk = megabytes / write_through(&folder.join("written"), &layer)?;
    let begun = Instant::now();
    black_box(Hasher::of(black_box(&layer)));
    let digests = megabytes / begun.elapsed().as_secs_f64();
    let allowed = disk.min(digests);
    let begun = Instant::now();
    both(|| black_box(Hasher::of(black_box(&layer))), || black_box(Hasher::of(black_box(&layer))));
    let of_both = megabytes / begun.elapsed().as_secs_f64();

    let server = serve(bench, &folder.join("registry"))?;
    let publisher = bench.wait(Publisher::claim(&reqwest::Client::new(), &server.url, key(0), DOMAIN))?;
    fs::write(home.join("key.pem"), publisher.key.to_pem())?;
    set_mode(&home.join("key.pem"))?;
    let layout = folder.join("layout");
    lay_out(&layout, &publisher, layer)?;

    let before = server.resident()?;
    let noise = Watch::start()?;
    let begun = Instant::now();
    let mut command = Command::new(&bench.deedbox);
    without_settings(&mut command);
    command.arg("publish").arg(&layout).args(["--id", &format!("oci:{DOMAIN}/large"), "--version", "1.0.0", "--registry", &server.url]);
    command.arg("--key").arg(home.join("key.pem")).env("HOME", &home).env("XDG_CONFIG_HOME", &home).env("XDG_DATA_HOME", &home);
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(home.join("said"))?).spawn()?;
    let (done, client, server_peak) = watched(child, || server.resident())?;
    let seconds = begun.elapsed().as_secs_f64();
    ensure!(done, "deedbox publish: {}", fs::read_to_string(home.join("said"))?);
    let quiet = noise.so_far()?;
    let rate = megabytes / seconds;
    let row = Row::new(GROUP, format!("a layer of {} MB, published", figure(megabytes)), rate, "MB/s").quiet(quiet);
    bench.report.add(row.note(format!(
        "{} s; the disk alone {} MB/s, all five digests alone {} MB/s, on two threads; computed twice at the same time, as by a publisher and a registry on one machine, {} MB/s",
        figure(seconds),
        figure(disk),
        figure(digests),
        figure(of_both)
    )));
    let row = Row::new(GROUP, "share of what the slower of disk and digests allows", rate / allowed * 100.0, "%");
    bench.report.add(row.at_least(80.0).quiet(quiet));
    let row = Row::new(GROUP, "share of what the digests of both allow, on this one machine", rate / of_both * 100.0, "%");
    bench.report.add(row.quiet(quiet));
    let grown = server_peak.saturating_sub(before) as f64 / 1e6;
    bench.report.add(Row::new(GROUP, "the registry's memory grew by", grown, "MB").below(64.0).quiet(quiet));
    bench.report.add(Row::new(GROUP, "the publisher's memory, at most", client as f64 / 1e6, "MB").quiet(quiet));
    server.stop();
    Ok(())
}

/// Seconds to write bytes to a new file and wait for the medium.
fn write_through(path: &Path, bytes: &[u8]) -> anyhow::Result<f64> {
    let begun = Instant::now();
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    let seconds = begun.elapsed().as_secs_f64();
    fs::remove_file(path)?;
    Ok(seconds)
}

/// An image in OCI layout.
fn lay_out(layout: &Path, publisher: &Publisher, layer: Vec<u8>) -> anyhow::Result<()> {
    let (packed, digest) = packed::image(&publisher.domain, "large", "1.0.0", vec![layer])?;
    fs::create_dir_all(layout.join("blobs/sha256"))?;
    fs::write(layout.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#)?;
    let is_manifest = artifact_name(Kind::Manifest, &deedbox_model::Sha256Digest::from_hex(&digest).context("a digest")?);
    let mut size = 0;
    for artifact in &packed.artifacts {
        if artifact.name == is_manifest {
            size = artifact.bytes.len();
        }
        fs::write(layout.join("blobs/sha256").join(artifact.digests.sha256.to_string()), &artifact.bytes)?;
    }
    let index = json!({
        "schemaVersion": 2, "manifests": [{
            "mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": format!("sha256:{digest}"), "size": size,
            "annotations": { "org.opencontainers.image.ref.name": "1.0.0" },
        }],
    });
    Ok(fs::write(layout.join("index.json"), index.to_string())?)
}

/// Waits for a process; gives whether it went well, and the most memory that it and the server held meanwhile, in bytes.
fn watched(mut child: Child, server: impl Fn() -> anyhow::Result<u64>) -> anyhow::Result<(bool, u64, u64)> {
    let (mut own, mut served) = (0, 0);
    loop {
        let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let held = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
        own = own.max(held.trim().trim_end_matches("kB").trim().parse::<u64>().unwrap_or(0) * 1024);
        served = served.max(server()?);
        if let Some(status) = child.try_wait()? {
            return Ok((status.success(), own, served));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A key that others may read is refused.
fn set_mode(path: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    Ok(fs::set_permissions(path, fs::Permissions::from_mode(0o600))?)
}
