//! The suite of commits: create-only under concurrency, durable bytes, the last number.

use crate::{Commits, Created};
use bytes::Bytes;
use std::sync::Arc;

/// Tasks that race for one number. A sequential test misses stores that are create-only only when nobody hurries.
const RACERS: usize = 32;
const ROUNDS: u64 = 8;

/// Runs the suite. `make` gives a new, empty store at each call.
pub async fn commits<S: Commits + 'static>(make: impl AsyncFn() -> S) {
    let make = async || Arc::new(make().await) as Arc<dyn Commits>;
    an_empty_store_has_no_last(make().await).await;
    what_was_created_is_read_and_never_changes(make().await).await;
    of_many_racers_one_wins_and_all_see_its_bytes(make().await).await;
    for count in [1, 2, 3, 4, 5, 1_000, 1_001] {
        the_last_of(count, make().await).await;
    }
    any_size_comes_back_whole(make().await).await;
}

async fn an_empty_store_has_no_last(store: Arc<dyn Commits>) {
    assert_eq!(store.last().await.unwrap(), None);
    for number in [0, 1, 999, 1_000, u64::from(u32::MAX)] {
        assert_eq!(store.read(number).await.unwrap(), None);
    }
}

async fn what_was_created_is_read_and_never_changes(store: Arc<dyn Commits>) {
    assert_eq!(store.create(0, Bytes::from_static(b"first")).await.unwrap(), Created::Created);
    for again in [&b"second"[..], b"", b"first"] {
        let seen = store.create(0, Bytes::from_static(again)).await.unwrap();
        assert_eq!(seen, Created::Exists(Bytes::from_static(b"first")));
    }
    assert_eq!(store.read(0).await.unwrap().unwrap(), "first");
    assert_eq!(store.read(1).await.unwrap(), None);
}

async fn of_many_racers_one_wins_and_all_see_its_bytes(store: Arc<dyn Commits>) {
    for round in 0..ROUNDS {
        let start = Arc::new(tokio::sync::Barrier::new(RACERS));
        let racers: Vec<_> = (0..RACERS)
            .map(|racer| {
                let (store, start) = (store.clone(), start.clone());
                tokio::spawn(async move {
                    // Of different lengths, so that a mixture would show.
                    let mine = Bytes::from(vec![racer as u8 + 1; 1_000 + 777 * racer]);
                    start.wait().await;
                    (mine.clone(), store.create(round, mine).await.unwrap())
                })
            })
            .collect();
        let mut winners = Vec::new();
        let mut seen = Vec::new();
        for racer in racers {
            match racer.await.unwrap() {
                (mine, Created::Created) => winners.push(mine),
                (_, Created::Exists(theirs)) => seen.push(theirs),
            }
        }
        assert_eq!(winners.len(), 1, "round {round}: {} creates of one number succeeded", winners.len());
        assert_eq!(seen.len(), RACERS - 1);
        assert!(seen.iter().all(|theirs| *theirs == winners[0]), "round {round}: a loser saw other bytes than the winner's");
        assert_eq!(store.read(round).await.unwrap().unwrap(), winners[0]);
        assert_eq!(store.last().await.unwrap(), Some(round));
    }
}

async fn the_last_of(count: u64, store: Arc<dyn Commits>) {
    for number in 0..count {
        assert_eq!(store.create(number, Bytes::from(number.to_string())).await.unwrap(), Created::Created);
    }
    assert_eq!(store.last().await.unwrap(), Some(count - 1));
    assert_eq!(store.read(count).await.unwrap(), None);
    for number in [0, count / 2, count - 1] {
        assert_eq!(store.read(number).await.unwrap().unwrap(), number.to_string());
    }
}

async fn any_size_comes_back_whole(store: Arc<dyn Commits>) {
    for (number, size) in [0_usize, 1, 4_095, 4_096, 4_097, 3 << 20].into_iter().enumerate() {
        let bytes: Bytes = (0..size).map(|i| (i % 251) as u8).collect::<Vec<_>>().into();
        store.create(number as u64, bytes.clone()).await.unwrap();
        assert_eq!(store.read(number as u64).await.unwrap().unwrap(), bytes);
    }
}
