//! The fuzz targets of Deedbox, one for each parser of hostile input (fuzz/README.md). One binary holds them all, because linking
//! one is quick and linking twenty is not; `DEEDBOX_FUZZ_TARGET` names the one to run (`list` prints them all), and
//! `DEEDBOX_FUZZ_SEEDS` a folder to write the seeds of all of them to instead. A target never looks at a clock, and keeps nothing from
//! one input to the next but caches.
#![no_main]

mod archive;
mod authority;
mod dnssec;
mod gem;
mod ledger;
mod marshal;
mod maven;
mod memory;
mod model;
mod npm;
mod oci;
mod requests;
mod seeds;
mod tlog;
mod versions;

use std::sync::OnceLock;

/// What runs one input; it panics when a law is broken.
type Run = fn(&[u8]);

/// Every target: its name, the most bytes of an input (past every branch, short enough to be quick), and what runs one.
const TARGETS: &[(&str, usize, Run)] = &[
    ("statement", 4_096, model::statement),
    ("payload", 2_048, model::payload),
    ("acceptance", 2_048, model::acceptance),
    ("permit", 1_024, model::permit),
    ("manifest", 8_192, model::manifest),
    ("canonical", 1_024, model::canonical),
    ("value", 1_024, model::value),
    ("texts", 600, model::texts),
    ("note", 4_096, tlog::note),
    ("vkey", 400, tlog::vkey),
    ("tile", 2_048, tlog::tile),
    ("bundle", 4_096, tlog::bundle),
    ("log_proof", 8_192, tlog::log_proof),
    ("receipt", 4_096, tlog::receipt),
    ("transparent", 8_192, tlog::transparent),
    ("multiproof", 2_048, tlog::multiproof),
    ("proof", 2_048, tlog::proof),
    ("commit", 1_024, ledger::commit),
    ("tgz", 8_192, npm::tgz),
    ("tar", 16_384, npm::tar),
    ("package_json", 4_096, npm::package_json),
    ("package_lock", 4_096, npm::package_lock),
    ("npm_request", 2_100, requests::npm),
    ("catalog_request", 2_100, requests::catalog),
    ("zip", 2_048, archive::zip),
    ("orders", 120, versions::orders),
    ("pom", 4_096, maven::pom),
    ("gem_metadata", 4_096, gem::metadata),
    ("gem", 8_192, gem::whole),
    ("oci", 4_096, oci::image),
    ("native_request", 2_100, requests::native),
    ("authority", 144, authority::log),
    ("dnssec", 1_024, dnssec::chain),
];

static TARGET: OnceLock<Run> = OnceLock::new();

fn begin() {
    if let Ok(folder) = std::env::var("DEEDBOX_FUZZ_SEEDS") {
        seeds::write(std::path::Path::new(&folder));
        std::process::exit(0);
    }
    let name = std::env::var("DEEDBOX_FUZZ_TARGET").unwrap_or_default();
    if name == "list" {
        TARGETS.iter().for_each(|(name, bytes, _)| println!("{name} {bytes}"));
        std::process::exit(0);
    }
    let Some((_, _, run)) = TARGETS.iter().find(|(known, ..)| *known == name) else {
        eprintln!("DEEDBOX_FUZZ_TARGET is {name:?}: `list` prints the names it may have");
        std::process::exit(2);
    };
    TARGET.get_or_init(|| *run);
}

libfuzzer_sys::fuzz_target!(init: begin(), |data: &[u8]| {
    if let Some(run) = TARGET.get() {
        run(data);
    }
});
