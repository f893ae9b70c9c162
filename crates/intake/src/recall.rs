//! Accounts and what lies on the disk: filled from it at a start, cleared of what is too old by the sweep (spec/objects.md §4.5, §4.6).
//! What nobody noted (a power failure may lose a note that was just written) is on no account, and is swept with the rest.

use crate::Door;
use crate::limits::RECALLED_AT_ONCE;
use crate::refusal::IntakeRefusal;
use deedbox_model::TimeMs;
use deedbox_store::{Left, Remnant, UploadId};

impl Door {
    /// Puts on the accounts what uploads of earlier processes left: parts younger than `older_than_ms`, and objects in place that no
    /// event refers to. Removes all other parts and notes. Called once, before anything is uploaded.
    pub async fn recall(&self, now: TimeMs, older_than_ms: u64) -> Result<(), IntakeRefusal> {
        let (parts, notes): (Vec<Remnant>, Vec<Remnant>) =
            self.objects.remnants().await?.into_iter().partition(|found| found.left == Left::Part);
        let youngest = earlier(now, older_than_ms).as_ms();
        let is_useful = |part: &Remnant| part.modified_ms >= youngest && part.bytes > 0 && part.bytes <= part.id.object.size;
        let (useful, useless): (Vec<_>, Vec<_>) = parts.into_iter().partition(is_useful);
        self.objects.forget(Left::Part, ids(useless)).await?;
        self.budget.recall(useful);

        for notes in notes.chunks(RECALLED_AT_ONCE) {
            let referenced = (self.published)(notes.iter().map(|note| note.id.object.sha256).collect()).await?;
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
    pub(crate) async fn sweep_accounts(&self, before: TimeMs) -> Result<u64, IntakeRefusal> {
        let mut removed = 0;
        // One that cannot be removed keeps no other from being removed. The next start finds it.
        let mut failed = Ok(());
        for old in self.budget.parts_before(before) {
            match self.objects.forget(Left::Part, vec![old.id().clone()]).await {
                Ok(()) => removed += 1,
                Err(error) => failed = Err(error),
            }
        }
        for address in self.budget.here_before(before) {
            if self.is_published(address).await? || self.objects.stat(&address).await?.is_none() {
                self.objects.forget(Left::Note, self.budget.settle(&[address])).await?;
            }
        }
        Ok(failed.map(|()| removed)?)
    }
}

/// So many milliseconds before, or the first moment there is.
pub(crate) fn earlier(now: TimeMs, ms: u64) -> TimeMs {
    TimeMs::new(now.as_ms().saturating_sub(ms)).unwrap_or_default()
}

fn ids(left: Vec<Remnant>) -> Vec<UploadId> {
    left.into_iter().map(|found| found.id).collect()
}
