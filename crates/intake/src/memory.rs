//! Bytes of memory that work may hold at once, counted before it begins by what it may hold at most. Nothing is measured, and
//! nothing is refused: who finds no room waits, in order.

use std::sync::Arc;
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

/// Bytes of one unit: a semaphore counts no further than some thousand million.
const UNIT: u64 = 64 * 1024;

/// Room for so many bytes.
pub(crate) struct Memory {
    units: Arc<Semaphore>,
    all: u32,
}

/// Some of it, held until this is dropped: work that goes on where nobody waits for it any more takes this along.
pub(crate) type Room = OwnedSemaphorePermit;

impl Memory {
    pub(crate) fn new(bytes: u64) -> Self {
        let all = u32::try_from(bytes / UNIT).unwrap_or(u32::MAX);
        Memory { units: Arc::new(Semaphore::new(usize::try_from(all).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS))), all }
    }

    /// Waits for room. More than there is at all gets all of it.
    pub(crate) async fn room(&self, bytes: u64) -> Result<Room, AcquireError> {
        let units = u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX).min(self.all);
        Arc::clone(&self.units).acquire_many_owned(units).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    async fn waits(memory: &Memory, bytes: u64) -> bool {
        tokio::time::timeout(Duration::from_millis(50), memory.room(bytes)).await.is_err()
    }

    #[tokio::test]
    async fn room_is_given_up_to_the_last_byte_and_not_beyond() {
        let memory = Memory::new(10 * UNIT);
        let six = memory.room(6 * UNIT).await.unwrap();
        let three = memory.room(2 * UNIT + 1).await.unwrap();
        assert!(!waits(&memory, UNIT).await, "there is room for one more");
        assert!(waits(&memory, UNIT + 1).await, "there is none for two");
        drop(three);
        assert!(!waits(&memory, 4 * UNIT).await);
        assert!(waits(&memory, 4 * UNIT + 1).await);
        drop(six);
        assert!(!waits(&memory, 10 * UNIT).await);
    }

    #[tokio::test]
    async fn what_is_more_than_there_is_gets_all_of_it_alone() {
        let memory = Memory::new(10 * UNIT);
        let one = memory.room(1).await.unwrap();
        assert!(waits(&memory, u64::MAX).await);
        drop(one);
        let all = memory.room(u64::MAX).await.unwrap();
        assert!(waits(&memory, 1).await);
        drop(all);
    }
}
