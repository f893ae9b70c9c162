//! How long a packument of ten thousand versions takes to render from its rows, on one core: `cargo bench -p deedbox-npm`. Compare
//! ratios on one machine, not seconds between machines. It is to stay below 150 ms; the first one with a new signing key signs every version.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a measurement is printed and may stop where it stands"
)]

#[path = "../tests/common/mod.rs"]
mod common;

use common::{Log, WIDGET, abbreviated, release, site, text};
use deedbox_npm::Npm;
use deedbox_view::{Reads, Request, Site, Step, View as _};
use std::time::Instant;

const VERSIONS: u64 = 10_000;
const FIELDS: &str = r#","description":"A widget.","license":"MIT","main":"index.js","bin":"./cli.js","dependencies":{"a":"^1.0.0","b":"2","c":"~3.1.0"},"devDependencies":{"d":"*"},"engines":{"node":">=20"}"#;

fn main() {
    let mut log = Log::default();
    let template = release(WIDGET, "1.0.0", FIELDS).manifest;
    for n in 0..VERSIONS {
        let mut manifest = template.clone();
        manifest.version = common::version(&format!("1.{}.{}", n / 100, n % 100));
        manifest.native_version = deedbox_model::NativeVersion::parse(manifest.version.as_str()).unwrap();
        manifest.artifacts[0].digests = deedbox_model::Hasher::of(&n.to_be_bytes()).1;
        log.publish_as(&manifest, &["latest"]);
    }
    let rows = log.rows();
    let npm = Npm::new();
    let (full, short) = (Request::get("/npm/", "@acme.example/widget"), abbreviated("@acme.example/widget"));
    let unsigned = Site { signers: Default::default(), ..site() };
    for (what, request, site) in [
        ("full, unsigned", &full, unsigned.clone()),
        ("abbreviated, unsigned", &short, unsigned),
        ("full, signed", &full, site()),
        ("abbreviated, signed", &short, site()),
    ] {
        let mut reads = Reads::default();
        let question = npm.parse(request);
        let mut plan = question.plan();
        loop {
            rows.read(&plan, 5_000, &mut reads);
            match question.step(&reads).unwrap() {
                Step::Read(next) => plan = next,
                Step::Ready => break,
            }
        }
        let mut times = Vec::new();
        let mut size = 0;
        for _ in 0..6 {
            let before = Instant::now();
            size = text(&question.render(&reads, &site).unwrap()).len();
            times.push(before.elapsed());
        }
        let first = times.remove(0);
        let best = times.iter().min().unwrap();
        println!("{what}: first {first:?}, best of {} later {best:?}, {size} bytes", times.len());
    }
}
