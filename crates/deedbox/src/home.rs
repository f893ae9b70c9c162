//! Where things are kept on this machine, what settings say, and what time it is: the environment is asked here and nowhere else.
//!
//! A project's settings may be the project's that is being checked: they name a registry, never a log key, and files of other users, or
//! that others may write, are not read.

use crate::failure::{refused, wrong};
use deedbox_client::Home;
use deedbox_model::TimeMs;
use serde::Deserialize;
use std::fs::File;
use std::io::Read as _;
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
    /// The log's verifier key; read from the user's own settings only.
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

/// What is wrong with settings: said where something of them is needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    words: String,
    is_misuse: bool,
}

impl Problem {
    pub(crate) fn wrong(words: String) -> Self {
        Problem { words, is_misuse: true }
    }
    pub(crate) fn refused(words: String) -> Self {
        Problem { words, is_misuse: false }
    }
    pub(crate) fn error(&self) -> anyhow::Error {
        if self.is_misuse { wrong(self.words.clone()) } else { refused(self.words.clone()) }
    }
}

/// What the settings files say.
#[derive(Debug)]
pub(crate) struct Found {
    /// The user's own, in the folder of pins and keys.
    pub(crate) own: Result<Settings, Problem>,
    /// Those of the project, and where they are.
    pub(crate) project: Option<(PathBuf, Result<Settings, Problem>)>,
    /// A project's file that is not read since it may be of others, and why.
    pub(crate) passed_over: Option<String>,
}

/// The user's own `deedbox.toml`, and that of this directory or of the nearest one above it.
pub(crate) fn settings(home: &Home) -> Found {
    let own = home.path().join("deedbox.toml");
    let mut found = Found { own: Ok(Settings::default()), project: None, passed_over: None };
    if own.is_file() {
        found.own = match open(&own) {
            Ok(Opened::Mine(file)) => read(&own, file),
            Ok(Opened::Others(why)) => Err(Problem::refused(why)),
            Err(problem) => Err(problem),
        };
    }
    let here = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("."));
    let mut paths = here.ancestors().map(|dir| dir.join("deedbox.toml"));
    let Some(path) = paths.find(|path| path.is_file()) else { return found };
    if is_same_file(&path, &own) {
        return found;
    }
    match open(&path) {
        Ok(Opened::Mine(file)) => found.project = Some((path.clone(), read(&path, file))),
        Ok(Opened::Others(why)) => found.passed_over = Some(why),
        Err(problem) => found.project = Some((path, Err(problem))),
    }
    found
}

fn is_same_file(a: &Path, b: &Path) -> bool {
    matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}

/// A settings file that was opened.
enum Opened {
    Mine(File),
    /// Somebody else wrote it, or could: why it is not read.
    Others(String),
}

/// Opens settings once: who they belong to is asked of what was opened, and that is what is read.
fn open(path: &Path) -> Result<Opened, Problem> {
    let unreadable = |e: std::io::Error| Problem::wrong(format!("{}: {e}", path.display()));
    let file = File::open(path).map_err(unreadable)?;
    Ok(match not_of_others(path, &file).map_err(unreadable)? {
        Ok(()) => Opened::Mine(file),
        Err(why) => Opened::Others(why),
    })
}

/// Refuses settings that somebody else wrote or could write, or that somebody else's link leads to: they decide which registry is asked.
#[cfg(unix)]
fn not_of_others(path: &Path, file: &File) -> std::io::Result<Result<(), String>> {
    use std::os::unix::fs::MetadataExt as _;
    let of = |file: &std::fs::Metadata| Owner { user: file.uid(), group: file.gid(), mode: file.mode() };
    let me = of(&of_this_process()?);
    let link = std::fs::symlink_metadata(path)?;
    if link.is_symlink()
        && let Err(why) = (Owner { mode: 0, ..of(&link) }).is_mine(&me)
    {
        return Ok(Err(why(path)));
    }
    Ok(of(&file.metadata()?).is_mine(&me).map_err(|why| why(path)))
}

/// What belongs to whom this process is.
#[cfg(unix)]
fn of_this_process() -> std::io::Result<std::fs::Metadata> {
    match std::fs::metadata("/proc/self") {
        Ok(process) if cfg!(target_os = "linux") => Ok(process),
        // Whose files it makes is who it is.
        _ => tempfile::tempfile().and_then(|file| file.metadata()),
    }
}

/// Who a file belongs to, and who may write it.
#[cfg(unix)]
struct Owner {
    user: u32,
    group: u32,
    mode: u32,
}

#[cfg(unix)]
impl Owner {
    /// Whether nobody but `me` and the administrator wrote it or can write it.
    fn is_mine(&self, me: &Owner) -> Result<(), fn(&Path) -> String> {
        if self.user != me.user && self.user != 0 {
            return Err(|path| {
                format!("{} belongs to another user, so it is not read: copy it, or give --registry and --log-key yourself", path.display())
            });
        }
        // A group that has its user's own number has that user alone in it, on the systems that make such groups.
        let own_group = self.group == me.group && me.group == me.user;
        if self.mode & 0o002 != 0 || (self.mode & 0o020 != 0 && !own_group) {
            return Err(|path| format!("others may write {}, so it is not read: chmod go-w it, and look at what it says", path.display()));
        }
        Ok(())
    }
}

#[cfg(not(unix))]
fn not_of_others(_: &Path, _: &File) -> std::io::Result<Result<(), String>> {
    Ok(Ok(()))
}

fn read(path: &Path, file: File) -> Result<Settings, Problem> {
    let unreadable = |why: String| Problem::wrong(format!("{}: {why}", path.display()));
    let mut text = String::new();
    file.take(SETTINGS_BYTES + 1).read_to_string(&mut text).map_err(|e| unreadable(e.to_string()))?;
    if text.len() as u64 > SETTINGS_BYTES {
        return Err(unreadable("it is too large to be settings".to_owned()));
    }
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

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn settings_are_judged_and_read_as_they_were_opened() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let (path, link) = (dir.path().join("a"), dir.path().join("b"));
        std::fs::write(&path, "registry = \"https://registry.example\"\n").unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        let Ok(Opened::Mine(file)) = open(&link) else { panic!("it is mine") };
        // Whatever lies at the path by now.
        std::fs::rename(&path, dir.path().join("c")).unwrap();
        std::fs::write(&path, "nonsense").unwrap();
        assert_eq!(read(&link, file).unwrap().registry.as_deref(), Some("https://registry.example"));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o666)).unwrap();
        assert!(matches!(open(&link), Ok(Opened::Others(_))));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        std::fs::write(&path, "#".repeat(SETTINGS_BYTES as usize + 1)).unwrap();
        let Ok(Opened::Mine(file)) = open(&path) else { panic!("it is mine") };
        assert!(read(&path, file).unwrap_err().words.contains("too large"));
        // A process is who its files are.
        use std::os::unix::fs::MetadataExt as _;
        assert_eq!(of_this_process().unwrap().uid(), std::fs::metadata(&path).unwrap().uid());
    }

    #[test]
    fn settings_are_read_only_where_nobody_else_can_write_them() {
        let me = Owner { user: 1000, group: 1000, mode: 0o600 };
        let file = |user, group, mode| Owner { user, group, mode }.is_mine(&me).is_ok();
        for (user, group, mode) in [(1000, 1000, 0o100_644), (1000, 1000, 0o100_664), (0, 0, 0o100_644), (1000, 100, 0o100_640)] {
            assert!(file(user, group, mode), "{user} {group} {mode:o}");
        }
        for (user, group, mode) in [
            (1001, 1000, 0o100_644),
            (1000, 1000, 0o100_646),
            (1000, 100, 0o100_664),
            (0, 0, 0o100_666),
            (0, 0, 0o100_664),
            (65534, 0, 0o100_600),
        ] {
            assert!(!file(user, group, mode), "{user} {group} {mode:o}");
        }
        // A group of many is not one's own, though it is one's first.
        let of_many = Owner { user: 1000, group: 100, mode: 0o600 };
        assert!(Owner { user: 1000, group: 100, mode: 0o100_664 }.is_mine(&of_many).is_err());
    }
}
