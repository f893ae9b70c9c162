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

/// Numbered, create-only, never deleted, without gaps. That there are none is the caller's doing: it creates number
/// n + 1 only after it has seen number n.
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

/// The relative path of a commit: decimal digits in groups of three, at least three groups, all but the last led by `x`.
/// 1234 is `x000/x001/234`. No folder ever holds more than 1,000 commits and 1,000 folders; paths of the first thousand
/// million sort like their numbers.
pub fn commit_path(number: u64) -> String {
    let mut groups = vec![format!("{:03}", number % 1_000)];
    let mut rest = number / 1_000;
    while rest > 0 || groups.len() < 3 {
        groups.push(format!("x{:03}", rest % 1_000));
        rest /= 1_000;
    }
    groups.reverse();
    groups.join("/")
}

/// The highest number for which `exists` says yes, where there are no gaps: doubling until it says no, then halving.
/// O(log n) questions; for adapters whose medium cannot list in order.
pub async fn last_without_gaps<F, R>(exists: F) -> Result<Option<u64>, StoreError>
where
    F: Fn(u64) -> R,
    R: Future<Output = Result<bool, StoreError>>,
{
    if !exists(0).await? {
        return Ok(None);
    }
    let mut there: u64 = 0;
    let mut absent: u64 = 1;
    while exists(absent).await? {
        there = absent;
        absent = match absent.checked_mul(2) {
            Some(next) => next,
            None => return Err(StoreError::damaged("the commits", "there is no end to them")),
        };
    }
    while absent - there > 1 {
        let middle = there + (absent - there) / 2;
        if exists(middle).await? {
            there = middle;
        } else {
            absent = middle;
        }
    }
    Ok(Some(there))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_has_one_path() {
        for (number, path) in [
            (0, "x000/x000/000"),
            (7, "x000/x000/007"),
            (999, "x000/x000/999"),
            (1_000, "x000/x001/000"),
            (1_234, "x000/x001/234"),
            (999_999_999, "x999/x999/999"),
            (1_000_000_000, "x001/x000/x000/000"),
            (u64::MAX, "x018/x446/x744/x073/x709/x551/615"),
        ] {
            assert_eq!(commit_path(number), path);
        }
    }

    #[tokio::test]
    async fn the_last_is_found_with_few_questions() {
        for count in [0_u64, 1, 2, 3, 4, 5, 1_000, 1_023, 1_024, 1_025, 1 << 40] {
            let asked = std::sync::atomic::AtomicU64::new(0);
            let last = last_without_gaps(|number| {
                asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                async move { Ok(number < count) }
            })
            .await
            .unwrap();
            assert_eq!(last, count.checked_sub(1));
            let bits = u64::from(64 - count.leading_zeros());
            assert!(asked.into_inner() <= 2 * bits + 2, "{count}");
        }
    }
}
