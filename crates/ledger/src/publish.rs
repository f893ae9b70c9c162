//! From a claimed commit to a published checkpoint: the same steps whether the writer goes on or a start finishes what
//! a crash left. Each step may be done again.

use crate::commit::{Commit, CommitError, decode_batch, leaf_hashes};
use crate::edge::read_edge;
use crate::error::LedgerError;
use crate::head::Head;
use crate::place_of;
use crate::probe::{Point, Probe};
use crate::signer::CheckpointSigner;
use bytes::Bytes;
use deedbox_model::Sha256Digest;
use deedbox_store::{HeadCell, InFull, LogStore, Swapped};
use deedbox_tlog::bundle::{BundleId, grow_bundles};
use deedbox_tlog::grow::{Edge, plan_growth};
use deedbox_tlog::{SignedCheckpoint, TileId, TreeHead};
use futures::future::{join_all, try_join_all};
use std::sync::Arc;

/// The folder of staged bundles among the log's files. Never served.
pub const STAGED: &str = "staged";

/// The path of a staged bundle.
pub(crate) fn staged_path(bundle: &Sha256Digest) -> String {
    format!("{STAGED}/{bundle}")
}

/// The log's files at one size, ready to grow.
pub(crate) struct Tree {
    pub(crate) log: LogStore,
    pub(crate) edge: Edge,
    /// The entries of the open entry bundle, in its encoding: at most 16 MiB, as a rule some 100 KiB.
    pub(crate) open_bundle: Vec<u8>,
}

impl Tree {
    /// Reads the right edge at this size, all of it checked: it must lead to this root.
    pub(crate) async fn open(log: LogStore, tree: TreeHead) -> Result<Self, LedgerError> {
        let (edge, open_bundle) = read_edge(log.files.as_ref(), tree).await?;
        Ok(Tree { log, edge, open_bundle })
    }

    /// Carries out a claimed commit: signs what was claimed, writes tiles and bundles, and then the checkpoint.
    ///
    /// A crash at any line leaves a claimed commit whose checkpoint is not served, which the next start carries out again.
    pub(crate) async fn carry_out(
        &mut self,
        commit: &Commit,
        staged: &[u8],
        signer: &mut CheckpointSigner,
        probe: &dyn Probe,
    ) -> Result<(Head, Leftovers), LedgerError> {
        let other = || LedgerError::Commit(CommitError::OtherBundle { number: commit.number });
        if Sha256Digest::of(staged) != commit.bundle {
            return Err(other());
        }
        let entries = decode_batch(staged).ok_or_else(other)?;
        let wrong = |e: &dyn std::fmt::Display| LedgerError::damaged(place_of(commit.number), e);
        let growth = self.edge.grow(&leaf_hashes(entries.iter().copied())).map_err(|e| wrong(&e))?;
        if growth.edge.size() != commit.new_size || growth.root != commit.root_hash() || self.edge.size() != commit.old_size {
            return Err(other());
        }
        let old = TreeHead { size: self.edge.size(), root: self.edge.root() };
        let new = TreeHead { size: growth.edge.size(), root: growth.root };
        let bundles = grow_bundles(old.size, &self.open_bundle, &entries).map_err(|e| wrong(&e))?;
        let tiles = growth.tiles.iter().map(|tile| (tile.id().path(), Bytes::from(tile.to_bytes())));
        let open_bundle = match bundles.last() {
            Some((id, bytes)) if !id.is_full() => bytes.clone(),
            _ => Vec::new(),
        };
        let writes: Vec<(String, Bytes)> = tiles.chain(bundles.into_iter().map(|(id, bytes)| (id.path(), Bytes::from(bytes)))).collect();
        // The memory and all of these are durable before the checkpoint that needs them is served; in which order does not
        // matter, and each waits for the disk.
        let files = &self.log.files;
        let signing = async {
            let signed = signer.sign(old, new, commit).await?;
            probe.passed(Point::SignerRemembers);
            Ok::<SignedCheckpoint, LedgerError>(signed)
        };
        let writing = async {
            for some in writes.chunks(16) {
                try_join_all(some.iter().map(|(path, bytes)| files.put(path, bytes.clone()))).await?;
            }
            probe.passed(Point::TilesWritten);
            Ok::<(), LedgerError>(())
        };
        let (signed, written) = futures::join!(signing, writing);
        let signed = signed?;
        written?;

        serve(self.log.head.as_ref(), &signed, commit.new_size, signer).await?;
        probe.passed(Point::CheckpointWritten);

        let mut leftovers = superseded(old.size, new.size);
        leftovers.push(staged_path(&commit.bundle));
        self.edge = growth.edge;
        self.open_bundle = open_bundle;
        Ok((Head { tree: new, checkpoint: Some(Arc::new(signed)) }, Leftovers(leftovers)))
    }

    /// Removes what a commit left over. It takes room and does no harm: a failure here is not one of the commit, and who waits
    /// for an answer need not wait for this. A crash at any line leaves some of it, which the next start removes.
    pub(crate) async fn clear(&self, leftovers: Leftovers, probe: &dyn Probe) {
        join_all(leftovers.0.iter().map(|path| async move {
            if let Err(error) = self.log.files.delete(path).await {
                tracing::warn!(%path, error = %InFull(&error), "could not remove a file that nobody needs any more");
            }
        }))
        .await;
        probe.passed(Point::StagedRemoved);
    }
}

/// Paths that nobody needs any more, now that a wider checkpoint is served.
#[must_use = "what is left over is removed with `clear`, before the next commit"]
pub(crate) struct Leftovers(Vec<String>);

/// Replaces the served checkpoint. If another writer has finished the same commit and has gone on since, its newer one stays: the
/// head only grows. One that does not verify is replaced: what this process extends it has checked itself.
async fn serve(head: &dyn HeadCell, signed: &SignedCheckpoint, size: u64, signer: &CheckpointSigner) -> Result<(), LedgerError> {
    let new = Bytes::from(signed.to_string());
    let mut served = head.get().await?;
    while size_of(served.as_ref(), signer) < size {
        match head.swap(served, new.clone()).await? {
            Swapped::Done => break,
            Swapped::Other(now) => served = now,
        }
    }
    Ok(())
}

/// The size of a served checkpoint; 0 without one, or if it does not verify.
fn size_of(served: Option<&Bytes>, signer: &CheckpointSigner) -> u64 {
    let Some(bytes) = served else { return 0 };
    match signer.verified(bytes) {
        Ok(checkpoint) => checkpoint.size(),
        Err(error) => {
            tracing::error!(error = %InFull(&error), "the served checkpoint is damaged; it is written anew");
            0
        }
    }
}

/// The partial tiles and bundles of the old size that wider ones have taken the place of. Who still holds an older
/// checkpoint is served the beginning of the wider one.
pub(crate) fn superseded(old: u64, new: u64) -> Vec<String> {
    let now: Vec<TileId> = plan_growth(new).unwrap_or_default();
    let mut paths: Vec<String> =
        plan_growth(old).unwrap_or_default().into_iter().filter(|id| !now.contains(id)).map(|id| id.path()).collect();
    if let Some(id) = BundleId::open(old)
        && BundleId::open(new) != Some(id)
    {
        paths.push(id.path());
    }
    paths
}
