//! A real browser on a registry's pages: Debian's Chromium, driven by `clients/playwright/look.cjs`, without scripts and with profiles
//! of its own. What it saw is told; what of it is right the tests say.

use std::{fs, path::PathBuf, process::Command};

use anyhow::Context as _;

use crate::{
    clients::{self, target_folder},
    debian::debian,
    registry::Said,
};

/// A page as the browser saw it.
#[derive(Debug)]
pub struct Seen(serde_json::Value);

impl Seen {
    fn field(&self, name: &str) -> Option<&serde_json::Value> {
        self.0.get(name)
    }

    /// A text that it tells: `name`, `title`, `text`, `address`, `background`.
    #[must_use]
    pub fn text(&self, field: &str) -> &str {
        self.field(field).and_then(serde_json::Value::as_str).unwrap_or_default()
    }

    /// A number that it tells: `status`, `width`, `scroll`, `unlabelled`.
    #[must_use]
    pub fn number(&self, field: &str) -> u64 {
        self.field(field).and_then(serde_json::Value::as_u64).unwrap_or(u64::MAX)
    }

    /// A list that it tells: `errors`, `elsewhere`, `links`.
    #[must_use]
    pub fn list(&self, field: &str) -> Vec<&str> {
        self.field(field).and_then(serde_json::Value::as_array).into_iter().flatten().filter_map(serde_json::Value::as_str).collect()
    }

    /// A header of the answer.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.field("headers").and_then(|headers| headers.get(name)).and_then(serde_json::Value::as_str).unwrap_or_default()
    }
}

/// Where the screenshots are.
#[must_use]
pub fn shots() -> PathBuf {
    target_folder().join("shots")
}

/// Looks at the pages of a registry, each at two widths and in both colour schemes: the front page, what a search for a word shows, the
/// page of the first package that it finds by clicking, that of one other package, and that of none.
///
/// # Errors
/// When Chromium or what drives it cannot be installed or started; in words.
pub fn look(url: &str, word: &str, package: &str) -> anyhow::Result<Vec<Seen>> {
    debian(&["chromium"])?;
    let driver = clients::playwright()?;
    let home = tempfile::tempdir()?;
    fs::create_dir_all(shots())?;
    let mut command: Command = driver.command(home.path(), home.path());
    let said = Said::of(command.args([url, word, package]).arg(shots()))?.done().context("Chromium was driven")?;
    let seen: Vec<serde_json::Value> = serde_json::from_str(said.out.trim())?;
    Ok(seen.into_iter().map(Seen).collect())
}
