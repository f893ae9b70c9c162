//! Where things are kept on this machine, and what time it is: the environment is asked here and nowhere else.

use crate::failure::wrong;
use deedbox_client::Home;
use deedbox_model::TimeMs;
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// `deedbox.toml`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    /// The registry's address.
    pub(crate) registry: Option<String>,
    /// The publisher's key file.
    pub(crate) key: Option<PathBuf>,
    /// The log's verifier key.
    pub(crate) log_key: Option<String>,
    /// The domain of packages that do not say whose they are.
    pub(crate) domain: Option<String>,
}

/// A settings file is a few lines.
const SETTINGS_BYTES: u64 = 64 * 1024;

/// `$DEEDBOX_HOME`, or `$XDG_DATA_HOME/deedbox`, or `~/.local/share/deedbox`.
pub(crate) fn home() -> anyhow::Result<Home> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(home) = set("DEEDBOX_HOME") {
        return Ok(Home::at(home));
    }
    if let Some(data) = set("XDG_DATA_HOME").filter(|path| path.is_absolute()) {
        return Ok(Home::at(data.join("deedbox")));
    }
    match set("HOME") {
        Some(home) => Ok(Home::at(home.join(".local/share/deedbox"))),
        None => Err(wrong("there is no home directory to keep pins and proofs in: set DEEDBOX_HOME")),
    }
}

/// `deedbox.toml` of this directory or of the nearest one above it.
pub(crate) fn settings() -> anyhow::Result<Settings> {
    let here = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("."));
    for dir in here.ancestors() {
        let path = dir.join("deedbox.toml");
        if path.is_file() {
            return read(&path);
        }
    }
    Ok(Settings::default())
}

fn read(path: &Path) -> anyhow::Result<Settings> {
    let unreadable = |why: String| wrong(format!("{}: {why}", path.display()));
    if std::fs::metadata(path).map_err(|e| unreadable(e.to_string()))?.len() > SETTINGS_BYTES {
        return Err(unreadable("it is too large to be settings".to_owned()));
    }
    let text = std::fs::read_to_string(path).map_err(|e| unreadable(e.to_string()))?;
    // The parser's own words show the line, and that may be a key.
    let mut settings: Settings = toml::from_str(&text).map_err(|e| {
        let line = e.span().and_then(|span| text.get(..span.start)).map_or(1, |before| before.matches('\n').count() + 1);
        unreadable(format!("line {line}: {}", e.message()))
    })?;
    // A relative key file is meant beside the settings, wherever the command runs.
    if let (Some(key), Some(dir)) = (&settings.key, path.parent()) {
        settings.key = Some(dir.join(key));
    }
    Ok(settings)
}

/// The time by this machine's clock.
pub(crate) fn now() -> TimeMs {
    let ms = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX));
    TimeMs::default().plus_ms(ms)
}
