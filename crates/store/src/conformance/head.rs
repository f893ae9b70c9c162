//! The suite of the head: compared before it is replaced, whole, and won by one.

use crate::{HeadCell, StoreError, Swapped};
use bytes::Bytes;
use std::sync::Arc;

/// Runs the suite. `make` gives a new, empty head at each call.
pub async fn head<H: HeadCell + 'static>(make: impl AsyncFn() -> H) {
    let make = async || Arc::new(make().await) as Arc<dyn HeadCell>;
    it_is_replaced_by_who_knows_what_it_is(make().await).await;
    of_many_who_replace_one_value_one_wins(make().await).await;
    readers_see_whole_values(make().await).await;
}

fn value(text: &'static str) -> Option<Bytes> {
    Some(Bytes::from_static(text.as_bytes()))
}

async fn it_is_replaced_by_who_knows_what_it_is(cell: Arc<dyn HeadCell>) {
    assert_eq!(cell.get().await.unwrap(), None);
    assert_eq!(cell.swap(value("never there"), Bytes::from_static(b"one")).await.unwrap(), Swapped::Other(None));
    assert_eq!(cell.get().await.unwrap(), None);
    assert_eq!(cell.swap(None, Bytes::from_static(b"one")).await.unwrap(), Swapped::Done);
    assert_eq!(cell.get().await.unwrap(), value("one"));
    for wrong in [None, value("two"), value("on"), value("one "), value("")] {
        assert_eq!(cell.swap(wrong, Bytes::from_static(b"two")).await.unwrap(), Swapped::Other(value("one")));
        assert_eq!(cell.get().await.unwrap(), value("one"));
    }
    // The same value again, a longer one, an empty one, and on from there.
    for (expected, new) in [("one", "one"), ("one", "a longer one"), ("a longer one", ""), ("", "two")] {
        assert_eq!(cell.swap(value(expected), Bytes::from_static(new.as_bytes())).await.unwrap(), Swapped::Done);
        assert_eq!(cell.get().await.unwrap(), value(new));
    }
}

async fn of_many_who_replace_one_value_one_wins(cell: Arc<dyn HeadCell>) {
    let mut now = None;
    for round in 0..8_u8 {
        let racers: Vec<_> = (0..32_u8)
            .map(|racer| {
                let (cell, expected) = (Arc::clone(&cell), now.clone());
                let mine = Bytes::from(vec![round, racer]);
                tokio::spawn(async move { (mine.clone(), cell.swap(expected, mine).await) })
            })
            .collect();
        let (mut winners, mut seen) = (Vec::new(), Vec::new());
        for racer in racers {
            match racer.await.unwrap() {
                (mine, Ok(Swapped::Done)) => winners.push(mine),
                (_, Ok(Swapped::Other(found))) => seen.push(found),
                (_, Err(error)) => panic!("{error}"),
            }
        }
        assert_eq!(winners.len(), 1, "round {round}");
        now = winners.pop();
        assert!(seen.iter().all(|found| *found == now), "who lost sees what won");
        assert_eq!(cell.get().await.unwrap(), now);
    }
}

async fn readers_see_whole_values(cell: Arc<dyn HeadCell>) {
    let whole = |turn: u8| Bytes::from(vec![turn; 50_000 + usize::from(turn)]);
    assert_eq!(cell.swap(None, whole(0)).await.unwrap(), Swapped::Done);
    let writer = {
        let cell = Arc::clone(&cell);
        tokio::spawn(async move {
            for turn in 1..=20_u8 {
                assert_eq!(cell.swap(Some(whole(turn - 1)), whole(turn)).await?, Swapped::Done);
            }
            Ok::<(), StoreError>(())
        })
    };
    while !writer.is_finished() {
        let seen = cell.get().await.unwrap().unwrap();
        assert!(seen == whole(seen[0]), "bytes of two values");
        tokio::task::yield_now().await;
    }
    writer.await.unwrap().unwrap();
}
