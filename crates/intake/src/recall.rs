//! Accounts and what lies on the disk: filled from it at a start, cleared of what is too old by the sweep (spec/objects.md §4.5, §4.6).
//! What nobody noted (a power failure may lose a note that was just written) is on no account, and is swept with the rest.

use crate::Door;
use crate::limits::RECALLED_AT_ONCE;
use crate::refusal::IntakeRefusal;
use deedbox_model::{Sha256Digest, TimeMs};
use deedbox_store::{Left, Remnant, UploadId};
use std::future::Future;

impl Door {
    /// Puts on the accounts what uploads of earlier processes left: parts younger than `older_than_ms`, and objects in place that no
    /// event refers to. Removes all other parts and notes. Called once, before anything is uploaded; `are_referenced` answers from rows, for
    /// at most `RECALLED_AT_ONCE` at a time.
    pub async fn recall<F, Fut>(&self, now: TimeMs, older_than_ms: u64, are_referenced: F) -> Result<(), IntakeRefusal>
    where
        F: Fn(Vec<Sha256Digest>) -> Fut,
        Fut: Future<Output = Result<Vec<bool>, IntakeRefusal>>,
    {
        let (parts, notes): (Vec<Remnant>, Vec<Remnant>) =
            self.objects.remnants().await?.into_iter().partition(|found| found.left == Left::Part);
        let youngest = earlier(now, older_than_ms).as_ms();
        let is_useful = |part: &Remnant| part.modified_ms >= youngest && part.bytes > 0 && part.bytes <= part.id.object.size;
        let (useful, useless): (Vec<_>, Vec<_>) = parts.into_iter().partition(is_useful);
        self.objects.forget(Left::Part, ids(useless)).await?;
        self.budget.recall(useful);

        for notes in notes.chunks(RECALLED_AT_ONCE) {
            let referenced = are_referenced(notes.iter().map(|note| note.id.object.sha256).collect()).await?;
            let (mut unpublished, mut settled) = (Vec::new(), Vec::new());
            for (note, is_referenced) in notes.iter().zip(referenced) {
                let stat = self.objects.stat(&note.id.object.sha256).await?;
                let is_here = !is_referenced && stat.is_some_and(|stat| stat.object == note.id.object);
                if is_here { unpublished.push(note.clone()) } else { settled.push(note.clone()) }
            }
            self.objects.forget(Left::Note, ids(settled)).await?;
            self.budget.recall(unpublished);
        }
        Ok(())
    }

    /// Removes parts that were kept before this, and takes off the accounts what was published or removed since.
    pub(crate) async fn sweep_accounts<F, Fut>(&self, before: TimeMs, is_referenced: F) -> Result<u64, IntakeRefusal>
    where
        F: Fn(Sha256Digest) -> Fut,
        Fut: Future<Output = Result<bool, IntakeRefusal>>,
    {
        let mut removed = 0;
        for old in self.budget.parts_before(before) {
            self.objects.forget(Left::Part, vec![old.id().clone()]).await?;
            removed += 1;
        }
        for address in self.budget.here_before(before) {
            if is_referenced(address).await? || self.objects.stat(&address).await?.is_none() {
                self.objects.forget(Left::Note, self.budget.settle(&[address])).await?;
            }
        }
        Ok(removed)
    }
}

/// So many milliseconds before, or the first moment there is.
pub(crate) fn earlier(now: TimeMs, ms: u64) -> TimeMs {
    TimeMs::new(now.as_ms().saturating_sub(ms)).unwrap_or_default()
}

fn ids(left: Vec<Remnant>) -> Vec<UploadId> {
    left.into_iter().map(|found| found.id).collect()
}
