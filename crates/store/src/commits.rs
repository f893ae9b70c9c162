//! The port of commits: create-only numbered objects. Creating number n is the one point at which a batch becomes
//! part of the log; everything before it leaves nothing, everything after it can be done again.

use crate::error::StoreError;
use async_trait::async_trait;
use bytes::Bytes;

/// What creating gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Created {
    /// It was not there and is now, durably.
    Created,
    /// It was there: these bytes. May be our own, from a try whose answer was lost: compare the nonce.
    Exists(Bytes),
}

/// Numbered, create-only, never deleted, without gaps.
///
/// Durability: when `create` says `Created`, the bytes survive a crash. Ordering: of many concurrent creates of one
/// number exactly one is `Created`; all others see its bytes whole.
#[async_trait]
pub trait Commits: Send + Sync {
    /// Creates commit `number`.
    async fn create(&self, number: u64, bytes: Bytes) -> Result<Created, StoreError>;
    /// Reads commit `number`.
    async fn read(&self, number: u64) -> Result<Option<Bytes>, StoreError>;
    /// The highest number that exists. Since there are no gaps, found by doubling and halving: O(log n) reads.
    async fn last(&self) -> Result<Option<u64>, StoreError>;
}
