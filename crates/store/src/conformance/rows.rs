//! The suite of rows: order by bytes, prefixes at their edges, cursors, all or nothing.

use crate::{RowBatch, RowReader, RowStore, StoreError, read_rows};
use deedbox_model::{ProjectionId, Row, RowKey};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::task::Poll;

pub(super) const NPM_1: ProjectionId = ProjectionId { name: "npm", version: 1 };
pub(super) const NPM_2: ProjectionId = ProjectionId { name: "npm", version: 2 };
pub(super) const LONG: ProjectionId = ProjectionId { name: "a-name-of-exactly-32-bytes-12345", version: u32::MAX };

/// Runs the suite. `make` gives a new, empty store at each call.
pub async fn rows<S: RowStore + 'static>(make: impl AsyncFn() -> S) {
    let make = async || Arc::new(make().await) as Arc<dyn RowStore>;
    an_unknown_projection_is_empty(make().await).await;
    rows_are_read_in_the_order_of_the_keys(make().await).await;
    rows_are_replaced_and_deleted(make().await).await;
    every_allowed_character_is_a_key_like_any_other(make().await).await;
    scans_are_ordered_by_bytes(make().await).await;
    prefixes_at_their_edges(make().await).await;
    pages_follow_each_other_without_gap_or_repeat(make().await).await;
    a_scan_stops_behind_the_row_with_which_it_has_its_bytes(make().await).await;
    a_batch_that_does_not_continue_the_cursor_changes_nothing(make().await).await;
    batches_of_several_projections_are_all_or_nothing(make().await).await;
    batches_of_one_projection_are_taken_in_order(make().await).await;
    generations_do_not_see_each_other(make().await).await;
    clearing_takes_rows_and_cursor(make().await).await;
    generations_are_told_and_one_is_dropped_with_its_cursor(make().await).await;
    large_batches_and_reads(make().await).await;
    large_rows_and_numbers_come_back_as_they_were(make().await).await;
    readers_beside_a_writer_see_whole_rows_and_never_go_back(make().await).await;
    one_reader_has_the_rows_before_a_batch_or_after_it(make().await).await;
    what_stops_waiting_does_not_stop_the_work(make().await).await;
    of_many_writers_one_continues_the_cursor(make().await).await;
    a_projection_without_a_proper_name_is_refused(make().await).await;
}

pub(super) fn key(text: impl Into<String>) -> RowKey {
    RowKey::new(text).unwrap()
}

pub(super) fn row(text: &str, seq: u64) -> Row {
    Row { bytes: text.as_bytes().into(), seq }
}

pub(super) fn batch(projection: ProjectionId, from: u64, to: u64, changes: impl IntoIterator<Item = (RowKey, Option<Row>)>) -> RowBatch {
    RowBatch { projection, from, to, changes: changes.into_iter().collect() }
}

fn written<'a>(keys: impl IntoIterator<Item = &'a str>, seq: u64) -> BTreeMap<RowKey, Option<Row>> {
    keys.into_iter().map(|text| (key(text), Some(row(text, seq)))).collect()
}

async fn scanned(store: &Arc<dyn RowStore>, prefix: &str, after: Option<&str>, limit: u32) -> Vec<String> {
    let rows = store.scan(&NPM_1, prefix, after, limit).await.unwrap();
    for (key, row) in &rows {
        assert_eq!(*row.bytes, *key.as_str().as_bytes(), "a row under another's key");
    }
    rows.into_iter().map(|(key, _)| key.as_str().to_owned()).collect()
}

async fn an_unknown_projection_is_empty(store: Arc<dyn RowStore>) {
    assert_eq!(store.cursor(&NPM_1).await.unwrap(), 0);
    assert_eq!(store.read(&NPM_1, &[key("a"), key("b")]).await.unwrap(), [None, None]);
    assert!(store.read(&NPM_1, &[]).await.unwrap().is_empty());
    assert!(store.scan(&NPM_1, "", None, 10).await.unwrap().is_empty());
    store.clear(&NPM_1).await.unwrap();
    assert_eq!(store.cursor(&NPM_1).await.unwrap(), 0);
    store.commit(&[]).await.unwrap();
    // A run of entries that change no row moves the cursor all the same.
    store.commit(&[batch(NPM_1, 0, 7, [])]).await.unwrap();
    assert_eq!(store.cursor(&NPM_1).await.unwrap(), 7);
    assert_eq!(store.read(&NPM_1, &[key("a")]).await.unwrap(), [None]);
}

async fn rows_are_read_in_the_order_of_the_keys(store: Arc<dyn RowStore>) {
    store.commit(&[batch(NPM_1, 0, 3, written(["a", "b", "c"], 2))]).await.unwrap();
    let keys = [key("c"), key("x"), key("a"), key("c"), key("b"), key("aa")];
    let rows = store.read(&NPM_1, &keys).await.unwrap();
    assert_eq!(rows, [Some(row("c", 2)), None, Some(row("a", 2)), Some(row("c", 2)), Some(row("b", 2)), None]);
}

async fn rows_are_replaced_and_deleted(store: Arc<dyn RowStore>) {
    store.commit(&[batch(NPM_1, 0, 1, written(["a", "b", "c"], 0))]).await.unwrap();
    let changes = [(key("a"), Some(row("new", 1))), (key("b"), None), (key("never"), None), (key("d"), Some(row("", 1)))];
    store.commit(&[batch(NPM_1, 1, 2, changes)]).await.unwrap();
    let rows = store.read(&NPM_1, &[key("a"), key("b"), key("c"), key("d"), key("never")]).await.unwrap();
    assert_eq!(rows, [Some(row("new", 1)), None, Some(row("c", 0)), Some(row("", 1)), None]);
    store.commit(&[batch(NPM_1, 2, 3, [(key("b"), Some(row("back", 2)))])]).await.unwrap();
    assert_eq!(store.read(&NPM_1, &[key("b")]).await.unwrap(), [Some(row("back", 2))]);
    let all: Vec<_> = store.scan(&NPM_1, "", None, 10).await.unwrap().into_iter().map(|(key, _)| key).collect();
    assert_eq!(all, [key("a"), key("b"), key("c"), key("d")]);
}

async fn every_allowed_character_is_a_key_like_any_other(store: Arc<dyn RowStore>) {
    let characters: Vec<char> = (b'!'..=b'~').map(char::from).collect();
    let mut texts: Vec<String> = characters.iter().map(|c| c.to_string()).collect();
    texts.extend(characters.iter().flat_map(|c| [format!("k{c}"), format!("k{c}x"), format!("{c}{c}")]));
    texts.push(characters.iter().collect());
    texts.extend(["\\u0041", "\\n", "'; DROP TABLE cursors; --", "\"]", "?1", "_design/x", "$ref"].map(|t| t.replace(' ', "_")));
    texts.push("k".repeat(1_200));
    texts.sort_unstable();
    texts.dedup();
    store.commit(&[batch(NPM_1, 0, 1, written(texts.iter().map(String::as_str), 0))]).await.unwrap();
    assert_eq!(scanned(&store, "", None, 10_000).await, texts);
    for text in &texts {
        let expected: Vec<_> = texts.iter().filter(|t| t.starts_with(text)).cloned().collect();
        assert_eq!(scanned(&store, text, None, 10_000).await, expected, "under {text}");
    }
    let keys: Vec<_> = texts.iter().map(key).collect();
    let read = store.read(&NPM_1, &keys).await.unwrap();
    assert!(read.iter().zip(&texts).all(|(found, text)| *found == Some(row(text, 0))));
    // Each of them can be deleted, and takes nothing with it.
    let (gone, kept): (Vec<_>, Vec<_>) = texts.iter().cloned().enumerate().partition(|(n, _)| n % 2 == 0);
    store.commit(&[batch(NPM_1, 1, 2, gone.iter().map(|(_, text)| (key(text), None)))]).await.unwrap();
    assert_eq!(scanned(&store, "", None, 10_000).await, kept.into_iter().map(|(_, text)| text).collect::<Vec<_>>());
}

async fn scans_are_ordered_by_bytes(store: Arc<dyn RowStore>) {
    let mut texts = ["a", "B", "b", "A", "a1", "a10", "a2", "a-b", "a.b", "a/b", "a_b", "aB", "Z", "~", "!", "10", "9", "ab", "a~", "a!"];
    store.commit(&[batch(NPM_1, 0, 1, written(texts, 0))]).await.unwrap();
    texts.sort_unstable_by(|a, b| a.as_bytes().cmp(b.as_bytes()));
    assert_eq!(scanned(&store, "", None, 100).await, texts);
}

async fn prefixes_at_their_edges(store: Arc<dyn RowStore>) {
    let texts = ["a", "a!", "a.", "a/", "a/!", "a/b", "a/b/c", "a/~", "a/~~", "a0", "a0/x", "aa", "b", "~", "~~"];
    store.commit(&[batch(NPM_1, 0, 1, written(texts, 0))]).await.unwrap();
    for (prefix, after, expected) in [
        ("a", None, &["a", "a!", "a.", "a/", "a/!", "a/b", "a/b/c", "a/~", "a/~~", "a0", "a0/x", "aa"][..]),
        ("a/", None, &["a/", "a/!", "a/b", "a/b/c", "a/~", "a/~~"]),
        ("a/", Some("a"), &["a/", "a/!", "a/b", "a/b/c", "a/~", "a/~~"]),
        ("a/", Some("a/"), &["a/!", "a/b", "a/b/c", "a/~", "a/~~"]),
        ("a/", Some("a/a"), &["a/b", "a/b/c", "a/~", "a/~~"]),
        ("a/", Some("a/b"), &["a/b/c", "a/~", "a/~~"]),
        ("a/", Some("a/~~"), &[]),
        ("a/", Some("a0"), &[]),
        ("a/", Some("zzz"), &[]),
        ("a/", Some(""), &["a/", "a/!", "a/b", "a/b/c", "a/~", "a/~~"]),
        ("a0", None, &["a0", "a0/x"]),
        ("a00", None, &[]),
        ("~", None, &["~", "~~"]),
        ("~~~", None, &[]),
        ("", Some("aa"), &["b", "~", "~~"]),
        ("", Some("~~"), &[]),
        ("%", None, &[]),
        ("a_", None, &[]),
        ("*", None, &[]),
        // What no key can begin with begins none.
        ("é", None, &[]),
        ("a\0", None, &[]),
        ("a ", None, &[]),
        ("\u{7f}", None, &[]),
        ("\u{10ffff}", None, &[]),
        ("", Some("é"), &[]),
        ("a/", Some("a/b\0"), &["a/b/c", "a/~", "a/~~"]),
    ] {
        assert_eq!(scanned(&store, prefix, after, 100).await, expected, "under {prefix:?} after {after:?}");
    }
}

async fn pages_follow_each_other_without_gap_or_repeat(store: Arc<dyn RowStore>) {
    let texts: Vec<String> = (0..57).map(|n| format!("p/{n}")).collect();
    let mut sorted = texts.clone();
    sorted.sort_unstable();
    store.commit(&[batch(NPM_1, 0, 1, written(texts.iter().map(String::as_str).chain(["o", "q"]), 0))]).await.unwrap();
    for limit in [1, 2, 19, 56, 57, 58, u32::MAX] {
        let mut seen: Vec<String> = Vec::new();
        loop {
            let page = scanned(&store, "p/", seen.last().map(String::as_str), limit).await;
            assert!(page.len() <= limit as usize);
            if page.is_empty() {
                break;
            }
            seen.extend(page);
        }
        assert_eq!(seen, sorted, "pages of {limit}");
    }
    assert!(scanned(&store, "p/", None, 0).await.is_empty());
}

async fn a_scan_stops_behind_the_row_with_which_it_has_its_bytes(store: Arc<dyn RowStore>) {
    let texts: Vec<String> = (0..100).map(|n| format!("k/{n:02}")).collect();
    // Each of these has 1,000 bytes with its key, and the last a hundred thousand.
    let wide = |text: &String| Row { bytes: vec![b'x'; if text == "k/99" { 99_996 } else { 996 }].into(), seq: 0 };
    store.commit(&[batch(NPM_1, 0, 1, texts.iter().map(|text| (key(text), Some(wide(text)))))]).await.unwrap();
    for (after, limit, bytes, expected) in [
        (None, 1_000, u64::MAX, 0..100),
        (None, 1_000, 0, 0..1),
        (None, 1_000, 1, 0..1),
        (None, 1_000, 1_000, 0..1),
        (None, 1_000, 1_001, 0..2),
        (None, 1_000, 50_000, 0..50),
        (None, 1_000, 50_001, 0..51),
        (None, 20, 50_000, 0..20),
        (None, 0, 50_000, 0..0),
        (Some("k/49"), 1_000, 3_000, 50..53),
        (Some("k/89"), 1_000, 9_001, 90..100),
        (Some("k/97"), 1_000, 1_000, 98..99),
        (Some("k/98"), 1_000, 1, 99..100),
        (Some("k/99"), 1_000, 1, 100..100),
    ] {
        let found = read_rows(store.as_ref(), &NPM_1, move |rows| rows.scan("k/", after, limit, bytes)).await.unwrap().unwrap();
        let found: Vec<&str> = found.iter().map(|(key, _)| key.as_str()).collect();
        assert_eq!(found, texts[expected], "after {after:?}, {limit} rows, {bytes} bytes");
    }
    assert!(read_rows(store.as_ref(), &NPM_2, |rows| rows.scan("", None, 9, 9)).await.unwrap().unwrap().is_empty());
}

async fn a_batch_that_does_not_continue_the_cursor_changes_nothing(store: Arc<dyn RowStore>) {
    store.commit(&[batch(NPM_1, 0, 5, written(["a"], 4))]).await.unwrap();
    for from in [0, 4, 6, u64::MAX] {
        let moved = store.commit(&[batch(NPM_1, from, u64::MAX, [(key("a"), None), (key("b"), Some(row("b", 9)))])]).await;
        match moved {
            Err(StoreError::CursorMoved { projection, found, expected }) => {
                assert_eq!((projection.as_str(), found, expected), ("npm.1", 5, from))
            }
            other => panic!("{other:?}"),
        }
    }
    let backwards = store.commit(&[batch(NPM_1, 5, 4, [(key("a"), None)])]).await;
    assert!(matches!(backwards, Err(StoreError::Refused { .. })), "{backwards:?}");
    assert_eq!(store.cursor(&NPM_1).await.unwrap(), 5);
    assert_eq!(store.read(&NPM_1, &[key("a"), key("b")]).await.unwrap(), [Some(row("a", 4)), None]);
    // A batch may change rows without moving the cursor.
    store.commit(&[batch(NPM_1, 5, 5, written(["b"], 4))]).await.unwrap();
    assert_eq!(store.read(&NPM_1, &[key("b")]).await.unwrap(), [Some(row("b", 4))]);
}

async fn batches_of_several_projections_are_all_or_nothing(store: Arc<dyn RowStore>) {
    let both = |from: u64, other: u64| {
        vec![batch(NPM_1, from, from + 1, written(["a"], from)), batch(LONG, other, other + 1, written(["a", "b"], other))]
    };
    store.commit(&both(0, 0)).await.unwrap();
    for (from, other) in [(1, 0), (0, 1), (1, 2), (7, 7)] {
        assert!(matches!(store.commit(&both(from, other)).await, Err(StoreError::CursorMoved { .. })));
        assert_eq!((store.cursor(&NPM_1).await.unwrap(), store.cursor(&LONG).await.unwrap()), (1, 1));
        assert_eq!(store.read(&NPM_1, &[key("a")]).await.unwrap(), [Some(row("a", 0))]);
        assert_eq!(store.read(&LONG, &[key("a")]).await.unwrap(), [Some(row("a", 0))]);
    }
    let mut with_a_new_one = both(1, 9);
    with_a_new_one.insert(0, batch(NPM_2, 0, 1, written(["x"], 0)));
    assert!(store.commit(&with_a_new_one).await.is_err());
    assert_eq!(store.cursor(&NPM_2).await.unwrap(), 0);
    assert_eq!(store.read(&NPM_2, &[key("x")]).await.unwrap(), [None]);
    store.commit(&both(1, 1)).await.unwrap();
    assert_eq!((store.cursor(&NPM_1).await.unwrap(), store.cursor(&LONG).await.unwrap()), (2, 2));
    assert_eq!(store.read(&LONG, &[key("b"), key("c")]).await.unwrap(), [Some(row("b", 1)), None]);
}

async fn batches_of_one_projection_are_taken_in_order(store: Arc<dyn RowStore>) {
    let first = batch(NPM_1, 0, 2, [(key("a"), Some(row("old", 0))), (key("b"), Some(row("b", 1)))]);
    let second = batch(NPM_1, 2, 4, [(key("a"), Some(row("new", 2))), (key("b"), None)]);
    assert!(matches!(store.commit(&[second.clone(), first.clone()]).await, Err(StoreError::CursorMoved { .. })));
    assert_eq!(store.cursor(&NPM_1).await.unwrap(), 0);
    store.commit(&[first, second]).await.unwrap();
    assert_eq!(store.cursor(&NPM_1).await.unwrap(), 4);
    assert_eq!(store.read(&NPM_1, &[key("a"), key("b")]).await.unwrap(), [Some(row("new", 2)), None]);
}

async fn generations_do_not_see_each_other(store: Arc<dyn RowStore>) {
    store.commit(&[batch(NPM_1, 0, 1, written(["a"], 0)), batch(NPM_2, 0, 9, written(["b"], 8))]).await.unwrap();
    assert_eq!(store.read(&NPM_1, &[key("a"), key("b")]).await.unwrap(), [Some(row("a", 0)), None]);
    assert_eq!(store.read(&NPM_2, &[key("a"), key("b")]).await.unwrap(), [None, Some(row("b", 8))]);
    assert_eq!(store.scan(&NPM_2, "", None, 9).await.unwrap(), [(key("b"), row("b", 8))]);
    assert_eq!((store.cursor(&NPM_1).await.unwrap(), store.cursor(&NPM_2).await.unwrap()), (1, 9));
}

async fn clearing_takes_rows_and_cursor(store: Arc<dyn RowStore>) {
    store.commit(&[batch(NPM_1, 0, 5, written(["a", "b"], 4)), batch(NPM_2, 0, 5, written(["a"], 4))]).await.unwrap();
    for _ in 0..2 {
        store.clear(&NPM_1).await.unwrap();
        assert_eq!(store.cursor(&NPM_1).await.unwrap(), 0);
        assert_eq!(store.read(&NPM_1, &[key("a")]).await.unwrap(), [None]);
        assert!(store.scan(&NPM_1, "", None, 9).await.unwrap().is_empty());
        assert_eq!(store.cursor(&NPM_2).await.unwrap(), 5);
        assert_eq!(store.read(&NPM_2, &[key("a")]).await.unwrap(), [Some(row("a", 4))]);
    }
    store.commit(&[batch(NPM_1, 0, 1, written(["c"], 0))]).await.unwrap();
    assert_eq!(scanned(&store, "", None, 9).await, ["c"]);
}

async fn generations_are_told_and_one_is_dropped_with_its_cursor(store: Arc<dyn RowStore>) {
    assert!(store.generations().await.unwrap().is_empty());
    store.commit(&[batch(NPM_2, 0, 9, written(["a", "b"], 8)), batch(NPM_1, 0, 5, written(["a"], 4))]).await.unwrap();
    assert_eq!(store.generations().await.unwrap(), [(NPM_1.to_string(), 1), (NPM_2.to_string(), 2)]);
    for id in ["npm.2", "npm.2", "never.1", "a\"b", ""] {
        store.drop_generation(id).await.unwrap();
    }
    assert_eq!(store.generations().await.unwrap(), [(NPM_1.to_string(), 1)]);
    assert_eq!((store.cursor(&NPM_1).await.unwrap(), store.cursor(&NPM_2).await.unwrap()), (5, 0));
    assert_eq!(store.read(&NPM_2, &[key("a")]).await.unwrap(), [None]);
    assert!(store.scan(&NPM_2, "", None, 9).await.unwrap().is_empty());
    // It can be made again.
    store.commit(&[batch(NPM_2, 0, 1, written(["c"], 0))]).await.unwrap();
    assert_eq!(store.scan(&NPM_2, "", None, 9).await.unwrap(), [(key("c"), row("c", 0))]);
}

async fn large_batches_and_reads(store: Arc<dyn RowStore>) {
    let texts: Vec<String> = (0..10_000).map(|n| format!("k/{:05}", n * 7_919 % 10_000)).collect();
    store.commit(&[batch(NPM_1, 0, 10_000, written(texts.iter().map(String::as_str), 9_999))]).await.unwrap();
    assert_eq!(store.scan(&NPM_1, "k/", None, 20_000).await.unwrap().len(), 10_000);
    // Around the sizes of one statement, and past what the port asks for.
    for count in [1, 499, 500, 501, 999, 1_000, 1_001, 2_500] {
        let keys: Vec<_> = texts.iter().take(count).map(key).collect();
        let rows = store.read(&NPM_1, &keys).await.unwrap();
        assert_eq!(rows.len(), count);
        assert!(rows.iter().zip(&keys).all(|(found, key)| *found == Some(row(key.as_str(), 9_999))));
    }
    let halved = texts.iter().enumerate().map(|(n, text)| (key(text), (n % 2 == 0).then(|| row("even", 10_000))));
    store.commit(&[batch(NPM_1, 10_000, 10_001, halved)]).await.unwrap();
    let left = store.scan(&NPM_1, "", None, u32::MAX).await.unwrap();
    assert_eq!(left.len(), 5_000);
    assert!(left.iter().all(|(_, found)| *found == row("even", 10_000)));
}

async fn large_rows_and_numbers_come_back_as_they_were(store: Arc<dyn RowStore>) {
    let sizes = [0, 1, 4_096, 8_192, 65_536, (1 << 20) + 1];
    let rows: BTreeMap<_, _> = sizes
        .into_iter()
        .map(|size| {
            (key(format!("size/{size:08}")), Row { bytes: (0..size).map(|i| (i * 7 % 256) as u8).collect(), seq: u64::MAX - size as u64 })
        })
        .collect();
    let changes = rows.iter().map(|(key, row)| (key.clone(), Some(row.clone())));
    store.commit(&[batch(NPM_1, 0, u64::MAX, changes)]).await.unwrap();
    assert_eq!(store.cursor(&NPM_1).await.unwrap(), u64::MAX);
    let scanned: BTreeMap<_, _> = store.scan(&NPM_1, "size/", None, 100).await.unwrap().into_iter().collect();
    assert_eq!(scanned, rows);
    let keys: Vec<_> = rows.keys().cloned().collect();
    let read = store.read(&NPM_1, &keys).await.unwrap();
    assert!(read.into_iter().map(Option::unwrap).eq(rows.into_values()));
}

async fn readers_beside_a_writer_see_whole_rows_and_never_go_back(store: Arc<dyn RowStore>) {
    const ROUNDS: u64 = 30;
    let keys: Vec<_> = (0..200).map(|n| key(format!("k/{n:03}"))).collect();
    let round_of = {
        let keys = keys.clone();
        move |round: u64| {
            let bytes = round.to_string().repeat(100).into_bytes();
            batch(NPM_1, round, round + 1, keys.iter().map(|key| (key.clone(), Some(Row { bytes: bytes.clone().into(), seq: round }))))
        }
    };
    store.commit(&[round_of(0)]).await.unwrap();
    let writer = {
        let store = store.clone();
        tokio::spawn(async move {
            for round in 1..ROUNDS {
                store.commit(&[round_of(round)]).await.unwrap();
            }
        })
    };
    let readers: Vec<_> = (0..3)
        .map(|_| {
            let (store, keys) = (store.clone(), keys.clone());
            tokio::spawn(async move {
                let mut last = 0;
                while last + 1 < ROUNDS {
                    let cursor = store.cursor(&NPM_1).await.unwrap();
                    let rows = store.read(&NPM_1, &keys).await.unwrap();
                    for row in rows {
                        let row = row.unwrap();
                        assert_eq!(*row.bytes, *row.seq.to_string().repeat(100).as_bytes(), "a row of two writes");
                        assert!(row.seq + 1 >= cursor, "a row older than the cursor that was read before it");
                        assert!(row.seq >= last, "a row went back");
                    }
                    last = cursor - 1;
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    writer.await.unwrap();
    for reader in readers {
        reader.await.unwrap();
    }
}

/// Rounds of the torn batch, and its keys: enough that a store that writes row by row is read in the middle of one.
const TURNS: u64 = 40;
const WIDTH: usize = 60;

/// What one reader finds in its state, read again and again: the cursor, and each row with the turn that wrote it.
fn looked(rows: &mut dyn RowReader, keys: &[RowKey]) -> Result<(u64, Vec<Option<u64>>), StoreError> {
    let cursor = rows.cursor()?;
    let mut seen: Vec<Option<u64>> = rows.read(keys)?.into_iter().map(|row| row.map(|row| row.seq)).collect();
    for _ in 0..3 {
        std::thread::yield_now();
        let again: Vec<_> = rows.read(keys)?.into_iter().map(|row| row.map(|row| row.seq)).collect();
        assert_eq!(again, seen, "one reader sees two states of the same rows");
        let scanned: BTreeMap<_, _> = rows.scan("", None, u32::MAX, u64::MAX)?.into_iter().map(|(key, row)| (key, row.seq)).collect();
        seen = keys.iter().map(|key| scanned.get(key).copied()).collect();
        assert_eq!(seen, again, "a scan sees another state than a read before it");
        assert_eq!(rows.cursor()?, cursor, "the cursor moves under a reader");
    }
    Ok((cursor, seen))
}

/// Each turn writes every row, and makes or deletes one of them: a reader that sees rows of two turns is torn.
pub(crate) async fn one_reader_has_the_rows_before_a_batch_or_after_it(store: Arc<dyn RowStore>) {
    let keys: Arc<Vec<RowKey>> = Arc::new((0..WIDTH).map(|n| key(format!("k/{n:02}"))).collect());
    let turn = {
        let keys = Arc::clone(&keys);
        move |turn: u64| {
            // The row in the middle is there in every other turn.
            let row_of = |n: usize| (n != WIDTH / 2 || turn.is_multiple_of(2)).then(|| row("x", turn));
            batch(NPM_1, turn, turn + 1, keys.iter().enumerate().map(|(n, key)| (key.clone(), row_of(n))).collect::<Vec<_>>())
        }
    };
    store.commit(&[turn(0)]).await.unwrap();
    let readers: Vec<_> = (0..3)
        .map(|_| {
            let (store, keys) = (Arc::clone(&store), Arc::clone(&keys));
            tokio::spawn(async move {
                let mut last = 1;
                while last < TURNS {
                    let keys = Arc::clone(&keys);
                    let (cursor, seen) = read_rows(store.as_ref(), &NPM_1, move |rows| looked(rows, &keys)).await.unwrap().unwrap();
                    for (n, found) in seen.into_iter().enumerate() {
                        let wanted = (n != WIDTH / 2 || cursor % 2 == 1).then_some(cursor - 1);
                        assert_eq!(found, wanted, "row {n} at cursor {cursor}: rows of two turns");
                    }
                    assert!(cursor >= last, "a cursor went back");
                    last = cursor;
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    for number in 1..TURNS {
        store.commit(&[turn(number)]).await.unwrap();
        // Each of them looks at many of these.
        tokio::task::yield_now().await;
    }
    for reader in readers {
        reader.await.unwrap();
    }
}

async fn what_stops_waiting_does_not_stop_the_work(store: Arc<dyn RowStore>) {
    store.commit(&[batch(NPM_1, 0, 1, written(["a"], 0))]).await.unwrap();
    let (began, begun) = std::sync::mpsc::channel();
    let (done, finished) = std::sync::mpsc::channel();
    let work = read_rows(store.as_ref(), &NPM_1, move |rows| {
        began.send(()).unwrap();
        std::thread::yield_now();
        done.send(rows.read(&[key("a")]).unwrap()).unwrap();
    });
    {
        let mut work = std::pin::pin!(work);
        // Asked until it is under way, and dropped then.
        let mut is_pending = async || std::future::poll_fn(|context| Poll::Ready(work.as_mut().poll(context).is_pending())).await;
        while is_pending().await && begun.try_recv().is_err() {
            tokio::task::yield_now().await;
        }
    }
    let found = tokio::task::spawn_blocking(move || finished.recv()).await.unwrap();
    assert_eq!(found.unwrap(), [Some(row("a", 0))]);
    // Its reader can be used again, and nothing waits for it.
    for _ in 0..100 {
        assert_eq!(store.cursor(&NPM_1).await.unwrap(), 1);
    }
}

async fn of_many_writers_one_continues_the_cursor(store: Arc<dyn RowStore>) {
    for round in 0..4 {
        let writers: Vec<_> = (0..8_u64)
            .map(|writer| {
                let store = store.clone();
                let mine = Row { bytes: writer.to_be_bytes().into(), seq: round };
                tokio::spawn(async move { (writer, store.commit(&[batch(NPM_1, round, round + 1, [(key("who"), Some(mine))])]).await) })
            })
            .collect();
        let mut winners = Vec::new();
        for writer in writers {
            match writer.await.unwrap() {
                (writer, Ok(())) => winners.push(writer),
                (_, Err(StoreError::CursorMoved { .. })) => {}
                (_, Err(e)) => panic!("{e}"),
            }
        }
        assert_eq!(winners.len(), 1);
        let who = Row { bytes: winners[0].to_be_bytes().into(), seq: round };
        assert_eq!(store.read(&NPM_1, &[key("who")]).await.unwrap(), [Some(who)]);
    }
}

async fn a_projection_without_a_proper_name_is_refused(store: Arc<dyn RowStore>) {
    for (name, version) in [
        ("", 1),
        ("npm", 0),
        ("Npm", 1),
        ("1npm", 1),
        ("-npm", 1),
        ("npm 1", 1),
        ("npm\"; DROP TABLE cursors; --", 1),
        ("n.p", 1),
        ("a-name-of-more-than-32-bytes-1234", 1),
    ] {
        let bad = ProjectionId { name, version };
        assert!(matches!(store.cursor(&bad).await, Err(StoreError::Refused { .. })), "{name:?}");
        assert!(matches!(store.read(&bad, &[key("a")]).await, Err(StoreError::Refused { .. })), "{name:?}");
        assert!(matches!(store.scan(&bad, "", None, 1).await, Err(StoreError::Refused { .. })), "{name:?}");
        assert!(matches!(store.clear(&bad).await, Err(StoreError::Refused { .. })), "{name:?}");
        assert!(matches!(store.commit(&[batch(bad, 0, 1, [])]).await, Err(StoreError::Refused { .. })), "{name:?}");
    }
}
