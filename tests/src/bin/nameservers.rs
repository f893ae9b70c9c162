//! Name servers as a program, for a test that lives in a network of its own (tests/tests/journeys.rs): a root, `example` and `acme.example`,
//! all signed. Its argument is a folder, in which it writes `anchors` (a file for `deedbox serve --dns-anchors`), `zones` (the port at which
//! zones are changed) and, when everything answers, `resolver` (an address). Runs until it is ended.

use std::{env, fs, path::PathBuf};

use anyhow::Context as _;
use deedbox_tests::nameservers::{Nameservers, Signing, Zone};

fn main() -> anyhow::Result<()> {
    let folder = PathBuf::from(env::args_os().nth(1).context("name a folder")?);
    fs::create_dir_all(&folder)?;
    let servers = Nameservers::start(&[Zone::new("example", Signing::Nsec, ""), Zone::new("acme.example", Signing::Nsec, "")])?;
    fs::write(folder.join("anchors"), servers.anchors_file())?;
    fs::write(folder.join("zones"), servers.zones()?.port().to_string())?;
    // Whoever waits for it must not read half of it.
    fs::write(folder.join("resolver.new"), servers.resolver().to_string())?;
    fs::rename(folder.join("resolver.new"), folder.join("resolver"))?;
    loop {
        std::thread::park();
    }
}
