//! Real gems: those that Ruby and Debian's packages install, built again by RubyGems with the word whose they are (`ruby/rebuild.rb`), since
//! Ruby's own registry need not be in reach where the tests run.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Context as _;
use serde_json::Value;

use crate::{
    clients::{on_path, workspace},
    debian::debian,
    registry::{DOMAIN, Said},
};

/// Debian's packages of Ruby libraries; they bring what they depend on.
const PACKAGES: [&str; 14] = [
    "ruby",
    "bundler",
    "ruby-activesupport",
    "ruby-addressable",
    "ruby-bcrypt",
    "ruby-builder",
    "ruby-haml",
    "ruby-kramdown",
    "ruby-mime-types",
    "ruby-nokogiri",
    "ruby-rouge",
    "ruby-sinatra",
    "ruby-slop",
    "ruby-thor",
];

/// Gems out of those packages, of their dependencies, and of what comes with Ruby; one with a `+` is for every platform besides.
const GEMS: [&str; 39] = [
    "activesupport",
    "addressable",
    "bcrypt",
    "bigdecimal",
    "builder",
    "concurrent-ruby",
    "csv",
    "haml",
    "i18n",
    "json",
    "kramdown",
    "mime-types",
    "mime-types-data",
    "mini_portile2",
    "minitest",
    "mustermann",
    "nokogiri",
    "pkg-config",
    "power_assert",
    "public_suffix",
    "racc+",
    "rack",
    "rack-protection",
    "rake",
    "rbs",
    "rexml",
    "rouge",
    "rss",
    "ruby2_keywords",
    "sinatra",
    "slop",
    "temple",
    "test-unit",
    "thor",
    "tilt",
    "typeprof",
    "tzinfo",
    "webrick",
    "zeitwerk",
];

/// A gem that was built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RealGem {
    /// Its name, which stays.
    pub name: String,
    /// Its version.
    pub version: String,
    /// `ruby`, or the platform of its compiled parts.
    pub platform: String,
    /// `NAME-VERSION[-PLATFORM].gem`.
    pub file: PathBuf,
}

/// Builds them all into a folder that holds nothing else.
///
/// # Errors
/// When a package cannot be installed or a gem cannot be built; in words.
pub fn built(into: &Path) -> anyhow::Result<Vec<RealGem>> {
    built_of(&PACKAGES, &GEMS, into)
}

/// Builds gems that these of Debian's packages install into a folder that holds nothing else.
///
/// # Errors
/// When a package cannot be installed or a gem cannot be built; in words.
pub(crate) fn built_of(packages: &[&str], gems: &[&str], into: &Path) -> anyhow::Result<Vec<RealGem>> {
    debian(packages)?;
    let mut ruby = Command::new(on_path("ruby").context("Ruby is not installed: apt-get install ruby")?);
    ruby.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("LANG", "C.UTF-8").env("HOME", into);
    ruby.arg(workspace().join("tests/ruby/rebuild.rb")).arg(DOMAIN).arg(into).args(gems);
    let listed: Vec<Value> =
        serde_json::from_str(&Said::of(&mut ruby)?.done()?.out).context("rebuild.rb said something else than a list")?;
    let gem = |one: &Value| {
        let text = |key: &str| one.get(key).and_then(Value::as_str).with_context(|| format!("rebuild.rb gave no {key}")).map(str::to_owned);
        Ok(RealGem { name: text("name")?, version: text("version")?, platform: text("platform")?, file: text("file")?.into() })
    };
    listed.iter().map(gem).collect()
}
