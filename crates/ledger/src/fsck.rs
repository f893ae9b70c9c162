//! Checking a log's own files: every commit, every entry, every tile, the checkpoint and the signer's memory, each
//! against the others. Reads all of it once, in the order of the log; changes nothing.

use crate::commit::Commit;
use crate::place_of;
use crate::publish::STAGED;
use crate::signer::{self, Signed};
use bytes::Bytes;
use deedbox_model::{Origin, Sha256Digest};
use deedbox_store::{Commits, Files, LogStore, StoreError};
use deedbox_tlog::bundle::{BundleId, new_bundles, parse_entries};

use deedbox_tlog::{CHECKPOINT_PATH, Edge, KeyName, SignedCheckpoint, Tile, TileId, TreeHead, VerifierKey, leaf_hash};
use sha2::Digest as _;
use std::fmt;
use std::sync::Arc;

/// Something in the log's files that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFinding {
    /// The file, or the commit, as a person can find it.
    pub place: String,
    /// In words.
    pub what: String,
    /// Whether it harms nobody: a left-over that may be removed.
    pub harmless: bool,
}

impl fmt::Display for LogFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.place, self.what)
    }
}

/// What checking came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogReport {
    /// Size of the checkpoint.
    pub size: u64,
    /// Commits checked.
    pub commits: u64,
    /// What is wrong.
    pub findings: Vec<LogFinding>,
}

impl LogReport {
    fn find(&mut self, place: impl Into<String>, what: impl fmt::Display) {
        self.findings.push(LogFinding { place: place.into(), what: what.to_string(), harmless: false });
    }
    fn left_over(&mut self, place: impl Into<String>, what: impl fmt::Display) {
        self.findings.push(LogFinding { place: place.into(), what: what.to_string(), harmless: true });
    }
}

/// The files of a log.
pub struct LogToCheck {
    /// Numbered commits.
    pub commits: Arc<dyn Commits>,
    /// The log's files, and its head.
    pub log: LogStore,
    /// The signer's memory.
    pub signer_memory: Arc<dyn Files>,
    /// The log's origin.
    pub origin: Origin,
    /// The verifier keys of its checkpoints.
    pub log_keys: Vec<VerifierKey>,
}

/// Checks everything. `progress` is told entries checked and entries in all.
pub async fn check_log(log: &LogToCheck, progress: &(dyn Fn(u64, u64) + Sync)) -> Result<LogReport, StoreError> {
    let mut report = LogReport::default();
    let checkpoint = checkpoint(log, &mut report).await?;
    report.size = checkpoint.map_or(0, |tree| tree.size);
    let commits = commits(log, &mut report).await?;
    report.commits = commits.len() as u64;

    match (checkpoint, commits.last()) {
        (Some(TreeHead { size, root }), Some(last)) => {
            if last.new_size > size {
                let what =
                    format!("is claimed up to size {} and published up to {size}: start the registry, it finishes this", last.new_size);
                report.left_over(place_of(last.number), what);
            }
            if !commits.iter().any(|commit| commit.new_size == size && commit.root_hash() == root) {
                report.find(CHECKPOINT_PATH, format!("has size {size} and root {root}, which no commit leads to"));
            }
            entries(log, &commits, TreeHead { size, root }, &mut report, progress).await?;
        }
        (Some(TreeHead { size, .. }), None) => report.find(CHECKPOINT_PATH, format!("has size {size}, and there is no commit")),
        (None, Some(last)) => {
            report.left_over(place_of(last.number), "is claimed and nothing is published: start the registry, it finishes this")
        }
        (None, None) => {}
    }
    memory(log, &commits, &mut report).await?;
    strays(log, &mut report).await?;
    Ok(report)
}

async fn checkpoint(log: &LogToCheck, report: &mut LogReport) -> Result<Option<TreeHead>, StoreError> {
    let Some(bytes) = log.log.head.get().await? else { return Ok(None) };
    let verified = KeyName::new(log.origin.as_str())
        .map_err(|e| e.to_string())
        .and_then(|origin| Ok((origin, SignedCheckpoint::parse(&bytes).map_err(|e| e.to_string())?)))
        .and_then(|(origin, signed)| signed.verify(&origin, &log.log_keys, &[]).map_err(|e| e.to_string()));
    match verified {
        Ok(verified) => Ok(Some(verified.tree())),
        Err(why) => {
            report.find(CHECKPOINT_PATH, format!("does not verify: {why}"));
            // What can be checked is checked: the size that it claims to have.
            let claimed = SignedCheckpoint::parse(&bytes).ok();
            Ok(claimed.map(|signed| signed.unverified().tree()))
        }
    }
}

/// Every commit that reads, in order, each checked to continue the one before it.
async fn commits(log: &LogToCheck, report: &mut LogReport) -> Result<Vec<Commit>, StoreError> {
    let Some(last) = log.commits.last().await? else { return Ok(Vec::new()) };
    let mut commits = Vec::new();
    let mut before: Option<(Commit, Bytes)> = None;
    for number in 0..=last {
        let Some(bytes) = log.commits.read(number).await? else {
            report.find(place_of(number), "is missing");
            before = None;
            continue;
        };
        match Commit::decode(number, &bytes) {
            Ok(commit) => {
                if let Some((previous, previous_bytes)) = &before
                    && let Err(error) = commit.continues(previous, previous_bytes)
                {
                    report.find(place_of(number), format!("and the one before it do not fit: {error}"));
                }
                commits.push(commit.clone());
                before = Some((commit, bytes));
            }
            Err(error) => {
                report.find(place_of(number), error);
                before = None;
            }
        }
    }
    Ok(commits)
}

/// Every entry against its tile, every tile against the entries, every commit against both.
async fn entries(
    log: &LogToCheck,
    commits: &[Commit],
    TreeHead { size, root }: TreeHead,
    report: &mut LogReport,
    progress: &(dyn Fn(u64, u64) + Sync),
) -> Result<(), StoreError> {
    let mut edge = Edge::empty();
    let mut boundaries = commits.iter().filter(|commit| commit.new_size <= size).peekable();
    let mut batch = sha2::Sha256::new();
    for id in new_bundles(0, size) {
        let path = id.path();
        let Some(bytes) = log.log.files.get(&path).await? else {
            report.find(path, "is missing: the entries behind it cannot be checked");
            return Ok(());
        };
        let entries = match parse_entries(id, &bytes) {
            Ok(entries) => entries,
            Err(error) => {
                report.find(path, format!("is damaged: {error}; the entries behind it cannot be checked"));
                return Ok(());
            }
        };
        let mut leaves = Vec::with_capacity(entries.len());
        for entry in entries {
            leaves.push(leaf_hash(entry));
            // An entry read from a bundle has a length of 16 bits.
            batch.update((entry.len() as u16).to_be_bytes());
            batch.update(entry);
            let at = edge.size() + leaves.len() as u64;
            while boundaries.peek().is_some_and(|commit| commit.new_size <= at) {
                let Some(commit) = boundaries.next() else { break };
                let digest = Sha256Digest(std::mem::take(&mut batch).finalize().into());
                if digest != commit.bundle {
                    report.find(
                        place_of(commit.number),
                        format!("names another bundle than entries {} to {}", commit.old_size, commit.new_size),
                    );
                }
                let grown = edge.grow(&leaves).map(|growth| growth.root).unwrap_or_else(|_| edge.root());
                if grown != commit.root_hash() {
                    report.find(place_of(commit.number), format!("names another root than its {} entries lead to", commit.new_size));
                }
            }
        }
        let Ok(growth) = edge.grow(&leaves) else {
            report.find(path, "is past the largest tree");
            return Ok(());
        };
        for tile in growth.tiles.iter().filter(|tile| tile.id().is_full()) {
            compare_tile(log, tile, report).await?;
        }
        edge = growth.edge;
        progress(edge.size(), size);
    }
    for tile in edge.open_tiles() {
        compare_tile(log, &tile, report).await?;
    }
    if edge.root() != root {
        report.find(CHECKPOINT_PATH, format!("has root {root}; the entries lead to {}", edge.root()));
    }
    Ok(())
}

async fn compare_tile(log: &LogToCheck, tile: &Tile, report: &mut LogReport) -> Result<(), StoreError> {
    let path = tile.id().path();
    match log.log.files.get(&path).await? {
        None => report.find(path, "is missing"),
        Some(bytes) if bytes == tile.to_bytes() => {}
        Some(_) => report.find(path, "has other hashes than the entries give"),
    }
    Ok(())
}

async fn memory(log: &LogToCheck, commits: &[Commit], report: &mut LogReport) -> Result<(), StoreError> {
    let place = format!("the signer's memory (signer/{})", signer::MEMORY);
    match log.signer_memory.get(signer::MEMORY).await? {
        None if report.size == 0 => {}
        None => report.find(place, "is missing: without it the log's key could sign a second history"),
        Some(bytes) => match signer::parse(&bytes) {
            None => report.find(place, "does not read"),
            Some(Signed { tree: TreeHead { size, root }, commit }) => {
                let named = commits.iter().find(|c| c.new_size == size && c.root_hash() == root);
                let digest = named.and_then(|c| c.encode().ok()).map(|bytes| Sha256Digest::of(&bytes));
                match named {
                    Some(c) if digest != Some(commit) => report.find(place_of(c.number), "is not the one that the signer remembers"),
                    Some(_) if size >= report.size => {}
                    _ => report.find(place, format!("says size {size} and root {root}, which is not where this log is")),
                }
            }
        },
    }
    Ok(())
}

/// Files that belong to no checkpoint of this size.
async fn strays(log: &LogToCheck, report: &mut LogReport) -> Result<(), StoreError> {
    let size = report.size;
    for path in log.log.files.list("").await? {
        let tile = TileId::parse(&path).ok();
        let bundle = BundleId::parse(&path).ok();
        let last_of = |first: u64| size.saturating_sub(first).min(256);
        let known = match (tile, bundle) {
            (Some(id), _) => {
                let hashes = size.checked_shr(8 * u32::from(id.level())).unwrap_or(0);
                u64::from(id.width()) == hashes.saturating_sub(id.index() * 256).min(256)
            }
            (None, Some(id)) => u64::from(id.width()) == last_of(id.first()),
            (None, None) => path == CHECKPOINT_PATH,
        };
        if known {
            continue;
        }
        if path.starts_with(&format!("{STAGED}/")) {
            report.left_over(path, "is staged and not published: the next start finishes or removes it");
        } else if tile.is_some() || bundle.is_some() {
            report.left_over(path, "has given way to a wider one and may be removed");
        } else {
            report.find(path, "is not a file of a log");
        }
    }
    Ok(())
}
