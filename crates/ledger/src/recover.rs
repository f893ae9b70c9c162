//! Opening a log: what was claimed is finished, what was not is removed (docs/ARCHITECTURE.md, "The order of writing").
//! The normal path of every start; there is no other.

use crate::commit::Commit;
use crate::edge::{file, read_tile};
use crate::error::LedgerError;
use crate::head::Head;
use crate::place_of;
use crate::probe::Probe;
use crate::publish::{STAGED, Tree, staged_path, superseded};
use crate::signer::CheckpointSigner;
use bytes::Bytes;
use deedbox_authority::Deciders;
use deedbox_model::{Origin, SecretKey, Sha256Digest};
use deedbox_store::commits::commit_path;
use deedbox_store::{Commits, Files, LogStore, RowStore};
use deedbox_tlog::bundle::new_bundles;
use deedbox_tlog::tile::new_tiles;
use deedbox_tlog::{CHECKPOINT_PATH, Frontier, Hash, Tiles, TreeHead, plan_frontier};
use std::sync::Arc;

/// What a ledger is made of.
#[derive(Clone)]
pub struct LedgerParts {
    /// The log's origin.
    pub origin: Origin,
    /// The key that signs checkpoints.
    pub log_key: SecretKey,
    /// Numbered commits.
    pub commits: Arc<dyn Commits>,
    /// The log's files, and its head.
    pub log: LogStore,
    /// The signer's memory, apart from the log's files.
    pub signer_memory: Arc<dyn Files>,
    /// Authority's rows, which replay writes.
    pub rows: Arc<dyn RowStore>,
    /// What judges, by the protocol number in force.
    pub deciders: Deciders,
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
    let Claimed { served, after: claimed, last } = claimed_after(parts.commits.as_ref(), head.tree).await?;
    if signer.last().is_none() && head.tree.size > 0 {
        return Err(LedgerError::SignerMemory("it is missing"));
    }
    signer.agrees(head.tree, served)?;
    let mut tree = Tree::open(parts.log.clone(), head.tree).await?;
    if let (Some(last), Some((_, commit))) = (signer.last(), served)
        && last.size < head.tree.size
    {
        // Another process signed with this key since: its log must continue what this one signed.
        if root_at(parts.log.files.as_ref(), last.size, head.tree.size).await? != last.root {
            return Err(signer.refuses(head.tree));
        }
        signer.adopt(head.tree, commit).await?;
    }
    let commits = claimed.len() as u64;
    for commit in &claimed {
        let staged = staged_bundle(parts.log.files.as_ref(), commit).await?;
        let (published, leftovers) = tree.carry_out(commit, &staged, signer, parts.probe.as_ref()).await?;
        head = published;
        tree.clear(leftovers, parts.probe.as_ref()).await;
        tracing::info!(number = commit.number, size = head.tree.size, "finished a commit that was claimed and not published");
    }
    Ok(Finished { tree, last, head, commits })
}

/// The staged bundle that a claimed commit names, checked before anything is made of it.
async fn staged_bundle(files: &dyn Files, commit: &Commit) -> Result<Bytes, LedgerError> {
    let path = staged_path(&commit.bundle);
    let named_by = place_of(commit.number);
    let staged = files.get(&path).await?.ok_or_else(|| LedgerError::Missing(format!("{}, which {named_by} names,", file(&path))))?;
    if Sha256Digest::of(&staged) != commit.bundle {
        return Err(LedgerError::damaged(file(&path), format!("it is not the bundle that {named_by} names")));
    }
    Ok(staged)
}

/// The root that the tree of size `now` had when its size was `then`.
async fn root_at(files: &dyn Files, then: u64, now: u64) -> Result<Hash, LedgerError> {
    let signed_last = |e: &dyn std::fmt::Display| LedgerError::damaged("the tree that was signed last", e);
    let mut tiles = Tiles::new();
    for id in plan_frontier(then).map_err(|e| signed_last(&e))? {
        tiles.insert(read_tile(files, &id.as_wide_as(now)).await?);
    }
    Ok(Frontier::from_tiles(then, &tiles).map_err(|e| signed_last(&e))?.root())
}

/// The published head and the log's verifier key, of a log that cannot be extended: what readers are served meanwhile. Where the file
/// of the checkpoint is damaged, it is the one that the signer remembers, if the log's tiles lead to it: the same bytes, since a
/// signature is a function of what is signed. Writes nothing.
pub async fn published(parts: &LedgerParts) -> Result<(Head, String), LedgerError> {
    let signer = CheckpointSigner::without_memory(&parts.origin, &parts.log_key, Arc::clone(&parts.signer_memory))?;
    let vkey = signer.vkey();
    let damaged = match served_head(parts, &signer).await {
        Ok(head) => return Ok((head, vkey)),
        Err(damaged) => damaged,
    };
    let remembered = match CheckpointSigner::open(&parts.origin, &parts.log_key, Arc::clone(&parts.signer_memory)).await {
        Ok(signer) => signer.remembered()?,
        Err(_) => None,
    };
    let Some(signed) = remembered else { return Err(damaged) };
    let tree = signed.unverified().tree();
    match Tree::open(parts.log.clone(), tree).await {
        Ok(_) => Ok((Head { tree, checkpoint: Some(Arc::new(signed)) }, vkey)),
        Err(_) => Err(damaged),
    }
}

impl Recovered {
    /// Opens the log.
    pub async fn open(parts: LedgerParts) -> Result<Self, LedgerError> {
        let mut signer = CheckpointSigner::open(&parts.origin, &parts.log_key, Arc::clone(&parts.signer_memory)).await?;
        let Finished { tree, last, head, commits } = finish_claimed(&parts, &mut signer).await?;
        if signer.last().is_some_and(|last| last != head.tree) {
            return Err(signer.refuses(head.tree));
        }
        // A stop between the last checkpoint and the clearing behind it left these.
        if let Some((commit, _)) = &last {
            for path in superseded(commit.old_size, commit.new_size) {
                parts.log.files.delete(&path).await?;
            }
        }
        // What is staged now was never claimed: its senders got no answer, and will ask again.
        for path in parts.log.files.list(STAGED).await? {
            parts.log.files.delete(&path).await?;
        }
        Ok(Recovered { parts, signer, tree, last, head, finished: commits })
    }

    /// The paths beside which a process that died may have left a file half written: those of its last batch, among the commits and among
    /// the log's files. Nothing that was written before is looked at.
    pub fn written_last(&self) -> (Vec<String>, Vec<String>) {
        let (number, old) = self.last.as_ref().map_or((None, 0), |(last, _)| (Some(last.number), last.old_size));
        let next = number.map_or(0, |number| number.saturating_add(1));
        let commits = number.into_iter().chain([next]).map(commit_path).collect();
        let mut files = vec![CHECKPOINT_PATH.to_owned(), staged_path(&Sha256Digest([0; 32]))];
        files.extend(new_tiles(old, self.head.tree.size).map(|id| id.path()));
        files.extend(new_bundles(old, self.head.tree.size).map(|id| id.path()));
        (commits, files)
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

/// The checkpoint that is served now. A second commit is made only when the checkpoint of the first is served: without one, it is gone.
async fn served_head(parts: &LedgerParts, signer: &CheckpointSigner) -> Result<Head, LedgerError> {
    let Some(bytes) = parts.log.head.get().await? else {
        if parts.commits.last().await?.is_some_and(|last| last > 0) {
            return Err(LedgerError::Missing(file(CHECKPOINT_PATH)));
        }
        return Ok(Head { tree: TreeHead::empty(), checkpoint: None });
    };
    let verified = signer.verified(&bytes)?;
    Ok(Head { tree: verified.tree(), checkpoint: Some(Arc::new(verified.signed().clone())) })
}

/// The end of the chain of commits.
struct Claimed {
    /// The number and the digest of the commit that ends at the served size.
    served: Option<(u64, Sha256Digest)>,
    /// The commits that lead past it, ascending.
    after: Vec<Commit>,
    /// The last commit of all.
    last: Option<(Commit, Sha256Digest)>,
}

/// Reads back from the last commit to the one before the one that ends at this size, checking that each continues the one before it.
async fn claimed_after(commits: &dyn Commits, tree: TreeHead) -> Result<Claimed, LedgerError> {
    let TreeHead { size, root } = tree;
    let Some(mut number) = commits.last().await? else {
        return if size == 0 {
            Ok(Claimed { served: None, after: Vec::new(), last: None })
        } else {
            Err(LedgerError::Missing(place_of(0)))
        };
    };
    let mut found: Vec<(Commit, Bytes)> = Vec::new();
    loop {
        let (commit, bytes) = read_commit(commits, number).await?;
        if let Some((next, _)) = found.last() {
            next.continues(&commit, &bytes)?;
        }
        let is_served = commit.new_size == size;
        if is_served && commit.root_hash() != root {
            return Err(LedgerError::damaged(place_of(number), "it leads to another root than the checkpoint of its size has"));
        }
        if commit.new_size < size {
            return Err(LedgerError::damaged(
                between(&commit, found.last()),
                format!("no commit ends at the size of the checkpoint, {size}"),
            ));
        }
        found.push((commit, bytes));
        if is_served || number == 0 {
            break;
        }
        number -= 1;
    }
    if let (Some((served, _)), Some(before)) = (found.last(), number.checked_sub(1)) {
        let (before, bytes) = read_commit(commits, before).await?;
        served.continues(&before, &bytes)?;
    }
    let with_digest = |(commit, bytes): &(Commit, Bytes)| (commit.clone(), Sha256Digest::of(bytes));
    let last = found.first().map(with_digest);
    let served = found.last().map(with_digest).filter(|(commit, _)| commit.new_size == size);
    let served = served.map(|(commit, digest)| (commit.number, digest));
    let mut after: Vec<Commit> = found.into_iter().map(|(commit, _)| commit).filter(|commit| commit.new_size > size).collect();
    after.reverse();
    Ok(Claimed { served, after, last })
}

async fn read_commit(commits: &dyn Commits, number: u64) -> Result<(Commit, Bytes), LedgerError> {
    let bytes = commits.read(number).await?.ok_or_else(|| LedgerError::Missing(place_of(number)))?;
    Ok((Commit::decode(number, &bytes)?, bytes))
}

/// What is at fault where commits pass over the size of the checkpoint: one of the two beside it, or one that is gone.
fn between(before: &Commit, after: Option<&(Commit, Bytes)>) -> String {
    match after {
        Some((after, _)) => format!("{} or {}", place_of(before.number), place_of(after.number)),
        None => format!("{}, or {}, which is missing,", place_of(before.number), place_of(before.number.saturating_add(1))),
    }
}
