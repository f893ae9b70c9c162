//! Opening a log: what was claimed is finished, what was not is removed (docs/ARCHITECTURE.md, "The order of writing").
//! The normal path of every start; there is no other.

use crate::commit::{Commit, CommitError};
use crate::head::Head;
use crate::probe::Probe;
use crate::publish::{STAGED, Tree, read_tile, staged_path, superseded};
use crate::signer::CheckpointSigner;
use bytes::Bytes;
use deedbox_model::{Origin, SecretKey, Sha256Digest};
use deedbox_store::{Commits, Files, RowStore, StoreError};
use deedbox_tlog::{CHECKPOINT_PATH, Frontier, SignedCheckpoint, Tiles, empty_root, plan_frontier};
use std::sync::Arc;

/// Why a log cannot be opened or written. None of these is the fault of a statement.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A commit record is not what it should be.
    #[error("{0}; run deedbox fsck")]
    Commit(#[from] CommitError),
    /// A file that the log needs is gone.
    #[error("{0} is missing from the log's files; run deedbox fsck")]
    Missing(String),
    /// A file of the log is damaged.
    #[error("the log's files are damaged: {0}; run deedbox fsck")]
    Damaged(String),
    /// The signer's memory does not read, or is gone while the log is not empty.
    #[error(
        "the signer's memory is missing or damaged: restore it from the machine that signed, or have the log continued under a new key"
    )]
    SignerMemory,
    /// The signer has signed something that these files do not lead to.
    #[error(
        "the signer has signed size {last_size} (root {last_root}) and will not sign size {size} (root {root}) here: these files are older than \
         the log, as after restoring a backup; fetch the missing entries from a mirror before writing"
    )]
    SignerRefuses {
        /// What it signed last.
        last_size: u64,
        /// That tree's root.
        last_root: String,
        /// What it was asked to sign.
        size: u64,
        /// That tree's root.
        root: String,
    },
    /// A key or an origin is none.
    #[error("{0}")]
    Key(String),
}

impl LedgerError {
    pub(crate) fn damaged(error: impl std::fmt::Display) -> Self {
        LedgerError::Damaged(error.to_string())
    }
}

/// What a ledger is made of.
pub struct LedgerParts {
    /// The log's origin.
    pub origin: Origin,
    /// The key that signs checkpoints.
    pub log_key: SecretKey,
    /// Numbered commits.
    pub commits: Arc<dyn Commits>,
    /// The log's files.
    pub files: Arc<dyn Files>,
    /// The signer's memory, apart from the log's files.
    pub signer_memory: Arc<dyn Files>,
    /// Authority's rows, which replay writes.
    pub rows: Arc<dyn RowStore>,
    /// Told of each point of the write order.
    pub probe: Arc<dyn Probe>,
}

/// An opened log: all that was claimed is published. Not writing yet: first replay has to reach `head().size`.
pub struct Recovered {
    pub(crate) parts: LedgerParts,
    pub(crate) signer: CheckpointSigner,
    pub(crate) tree: Tree,
    pub(crate) last: Option<(Commit, Sha256Digest)>,
    pub(crate) head: Head,
    pub(crate) finished: u64,
}

/// The log's files brought to the end of what is claimed.
pub(crate) struct Finished {
    pub(crate) tree: Tree,
    pub(crate) last: Option<(Commit, Sha256Digest)>,
    pub(crate) head: Head,
    pub(crate) commits: u64,
}

/// Finishes whatever is claimed and not published, by whichever writer: at a start, and when another writer was first.
pub(crate) async fn finish_claimed(parts: &LedgerParts, signer: &mut CheckpointSigner) -> Result<Finished, LedgerError> {
    let mut head = served_head(parts, signer).await?;
    let mut tree = Tree::open(Arc::clone(&parts.files), head.size).await?;
    if tree.edge.root() != head.root {
        return Err(LedgerError::Damaged(format!("the tiles at size {} have another root than the checkpoint", head.size)));
    }
    let Claimed { served, after: claimed, last } = claimed_after(parts.commits.as_ref(), head.size, head.root).await?;
    if signer.last().is_none() && head.size > 0 {
        return Err(LedgerError::SignerMemory);
    }
    if let (Some((size, root)), Some(commit)) = (signer.last(), served)
        && size < head.size
    {
        // Another process signed with this key since: its log must continue what this one signed.
        if root_at(parts.files.as_ref(), size, head.size).await? != root {
            return Err(signer.refuses(head.size, head.root));
        }
        signer.adopt(head.size, head.root, commit).await?;
    }
    let commits = claimed.len() as u64;
    for commit in &claimed {
        let path = staged_path(&commit.bundle);
        let staged = parts.files.get(&path).await?.ok_or(LedgerError::Missing(path))?;
        let (published, leftovers) = tree.carry_out(commit, &staged, signer, parts.probe.as_ref()).await?;
        head = published;
        tree.clear(leftovers, parts.probe.as_ref()).await;
        tracing::info!(number = commit.number, size = head.size, "finished a commit that was claimed and not published");
    }
    Ok(Finished { tree, last, head, commits })
}

/// The root that the tree of size `now` had when its size was `then`.
async fn root_at(files: &dyn Files, then: u64, now: u64) -> Result<deedbox_tlog::Hash, LedgerError> {
    let mut tiles = Tiles::new();
    for id in plan_frontier(then).map_err(LedgerError::damaged)? {
        let id = id.as_wide_as(now);
        let bytes = read_tile(files, &id).await?;
        tiles.insert_bytes(id, &bytes).map_err(LedgerError::damaged)?;
    }
    Ok(Frontier::from_tiles(then, &tiles).map_err(LedgerError::damaged)?.root())
}

impl Recovered {
    /// Opens the log.
    pub async fn open(parts: LedgerParts) -> Result<Self, LedgerError> {
        let mut signer = CheckpointSigner::open(&parts.origin, &parts.log_key, Arc::clone(&parts.signer_memory)).await?;
        let Finished { tree, last, head, commits } = finish_claimed(&parts, &mut signer).await?;
        if signer.last().is_some_and(|last| last != (head.size, head.root)) {
            return Err(signer.refuses(head.size, head.root));
        }
        // A stop between the last checkpoint and the clearing behind it left these.
        if let Some((commit, _)) = &last {
            for path in superseded(commit.old_size, commit.new_size) {
                parts.files.delete(&path).await?;
            }
        }
        // What is staged now was never claimed: its senders got no answer, and will ask again.
        for path in parts.files.list(STAGED).await? {
            parts.files.delete(&path).await?;
        }
        Ok(Recovered { parts, signer, tree, last, head, finished: commits })
    }

    /// The published head.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// Commits that the last stop left claimed and this start finished.
    pub fn finished(&self) -> u64 {
        self.finished
    }

    /// The verifier key of the log, as `log.vkey` serves it.
    pub fn vkey(&self) -> String {
        self.signer.vkey()
    }
}

/// The checkpoint that is served now.
async fn served_head(parts: &LedgerParts, signer: &CheckpointSigner) -> Result<Head, LedgerError> {
    let Some(bytes) = parts.files.get(CHECKPOINT_PATH).await? else {
        return Ok(Head { size: 0, root: empty_root(), checkpoint: None });
    };
    let signed = SignedCheckpoint::parse(&bytes).map_err(LedgerError::damaged)?;
    let verified = signed.verify(signer.name(), std::slice::from_ref(signer.verifier()), &[]).map_err(LedgerError::damaged)?;
    Ok(Head { size: verified.size(), root: *verified.root(), checkpoint: Some(Arc::new(verified.signed().clone())) })
}

/// The end of the chain of commits.
struct Claimed {
    /// The digest of the commit that ends at the served size.
    served: Option<Sha256Digest>,
    /// The commits that lead past it, ascending.
    after: Vec<Commit>,
    /// The last commit of all.
    last: Option<(Commit, Sha256Digest)>,
}

/// Reads back from the last commit to the one that ends at this size, checking that each continues the one before it.
async fn claimed_after(commits: &dyn Commits, size: u64, root: deedbox_tlog::Hash) -> Result<Claimed, LedgerError> {
    let Some(mut number) = commits.last().await? else {
        return if size == 0 {
            Ok(Claimed { served: None, after: Vec::new(), last: None })
        } else {
            Err(LedgerError::Missing("commit 0".to_owned()))
        };
    };
    let mut found: Vec<(Commit, Bytes)> = Vec::new();
    loop {
        let bytes = commits.read(number).await?.ok_or_else(|| LedgerError::Missing(format!("commit {number}")))?;
        let commit = Commit::decode(number, &bytes)?;
        if let Some((next, _)) = found.last() {
            next.continues(&commit, &bytes)?;
        }
        let is_served = commit.new_size == size;
        if commit.new_size < size || (is_served && commit.root_hash() != root) {
            return Err(LedgerError::Damaged(format!("the checkpoint at size {size} is not that of any commit")));
        }
        found.push((commit, bytes));
        if is_served || number == 0 {
            break;
        }
        number -= 1;
    }
    let with_digest = |(commit, bytes): &(Commit, Bytes)| (commit.clone(), Sha256Digest::of(bytes));
    let last = found.first().map(with_digest);
    let served = found.last().map(with_digest).filter(|(commit, _)| commit.new_size == size).map(|(_, digest)| digest);
    let mut after: Vec<Commit> = found.into_iter().map(|(commit, _)| commit).filter(|commit| commit.new_size > size).collect();
    after.reverse();
    Ok(Claimed { served, after, last })
}
