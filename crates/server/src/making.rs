//! The memory of an answer while it is made (spec/api.md §8): taken before it is used, and carried on by the answer's bytes. Of large ones
//! one is made at a time: two that hold half of the memory each would wait for each other.

use crate::bounds::Bounds;
use crate::budget::{Budget, Share, Weight};
use crate::limits::{LARGE_MAKING_BYTES, MAKING_BYTES};
use crate::refusal::Refused;
use bytes::Bytes;
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;

/// What an answer may hold while it is made.
pub(crate) struct Making {
    weight: Weight,
    large: Option<OwnedSemaphorePermit>,
}

impl Making {
    /// Begins with little, of the share of what it is made of.
    pub(crate) async fn begin(bounds: &Bounds, share: Share) -> Result<Self, Refused> {
        Ok(Making { weight: bounds.budget.take(share, MAKING_BYTES).await?, large: None })
    }

    /// The same of the share of answers, if that is free now.
    pub(crate) fn begin_now(bounds: &Bounds) -> Option<Self> {
        Some(Making { weight: bounds.budget.take_spare(Share::Answers, MAKING_BYTES, 0)?, large: None })
    }

    /// Whether it may hold so many bytes from here on, as far as they are free now: for who may not wait.
    pub(crate) fn hold_now(&mut self, bounds: &Bounds, bytes: usize) -> bool {
        if bytes > LARGE_MAKING_BYTES && self.large.is_none() {
            let Ok(large) = Arc::clone(&bounds.places.large_makings).try_acquire_owned() else { return false };
            self.large = Some(large);
        }
        self.weight.grow_now(&bounds.budget, bytes)
    }

    /// From here on it may hold so many bytes.
    pub(crate) async fn hold(&mut self, bounds: &Bounds, bytes: usize) -> Result<(), Refused> {
        if bytes > LARGE_MAKING_BYTES && self.large.is_none() {
            // A request that waits here may hold a place of work.
            self.large = Some(bounds.places.in_turn(Arc::clone(&bounds.places.large_makings).acquire_owned()).await?);
        }
        self.weight.grow(&bounds.budget, bytes).await
    }

    /// It is made: these bytes, which keep their weight. What they have more than was expected is not thrown away.
    pub(crate) fn made(self, budget: &Budget, bytes: impl Into<Bytes>) -> Bytes {
        let bytes = bytes.into();
        let mut weight = self.weight;
        weight.shrink(bytes.len());
        weight.grow_if_free(budget, bytes.len());
        weight.carry(bytes)
    }

    /// It is made, in several pieces: their weight.
    pub(crate) fn weight(self, bytes: usize) -> Arc<Weight> {
        let mut weight = self.weight;
        weight.shrink(bytes);
        Arc::new(weight)
    }
}
