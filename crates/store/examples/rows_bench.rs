//! How fast rows go in and out of SQLite: batches of 1,000 in, 500 keys at a time out. Run it in release:
//! `cargo run --release -p deedbox-store --example rows_bench [rows] [bytes a row]`. Prints rows a second.
//! Not a test: judges nothing.
#![allow(clippy::print_stdout, reason = "it prints figures")]

use deedbox_model::{ProjectionId, Row, RowKey};
use deedbox_store::{RowBatch, StoreError, open_rows_in};
use std::collections::BTreeMap;
use std::time::Instant;

const PROJECTION: ProjectionId = ProjectionId { name: "bench", version: 1 };

fn key(number: u64) -> Result<RowKey, StoreError> {
    // Spread over the tree, as the names of packages are.
    let spread = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    RowKey::new(format!("package/{spread:016x}.example/{number}")).map_err(|e| StoreError::medium("a key", e))
}

fn rate(what: &str, rows: u64, since: Instant) {
    let seconds = since.elapsed().as_secs_f64();
    println!("{what:<44} {:>9.0} rows/s  {:>8.1} ms", rows as f64 / seconds, seconds * 1_000.0);
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let rows: u64 = arguments.next().map_or(Ok(100_000), |n| n.parse())?;
    let size: usize = arguments.next().map_or(Ok(200), |n| n.parse())?;
    let folder = tempfile::tempdir()?;
    let rows_of = open_rows_in(folder.path()).await?;
    let store = rows_of.folded();
    println!("{rows} rows of {size} bytes");

    for round in ["insert, batches of 1,000", "replace, batches of 1,000"] {
        let from = store.cursor(&PROJECTION).await?;
        let since = Instant::now();
        for start in (0..rows).step_by(1_000) {
            let mut changes = BTreeMap::new();
            for number in start..(start + 1_000).min(rows) {
                let mut bytes = vec![b'x'; size];
                bytes.iter_mut().zip(number.to_be_bytes()).for_each(|(byte, n)| *byte = n);
                changes.insert(key(number)?, Some(Row { bytes: bytes.into(), seq: number }));
            }
            let batch = RowBatch { projection: PROJECTION, from: from + start, to: from + (start + 1_000).min(rows), changes };
            store.commit(&[batch]).await?;
        }
        rate(round, rows, since);
    }

    for keys_at_once in [1_u64, 50, 500, 1_000] {
        let rounds = (rows / keys_at_once).min(2_000);
        let since = Instant::now();
        for round in 0..rounds {
            let keys = (0..keys_at_once).map(|i| key((round * keys_at_once + i) * 7_919 % rows)).collect::<Result<Vec<_>, _>>()?;
            let found = store.read(&PROJECTION, &keys).await?;
            if found.iter().any(Option::is_none) {
                return Err("a row is missing".into());
            }
        }
        rate(&format!("read, {keys_at_once} keys at once"), rounds * keys_at_once, since);
    }

    let since = Instant::now();
    let mut after: Option<String> = None;
    let mut seen = 0;
    loop {
        let page = store.scan(&PROJECTION, "package/", after.as_deref(), 1_000).await?;
        let Some((last, _)) = page.last() else { break };
        after = Some(last.as_str().to_owned());
        seen += page.len() as u64;
    }
    rate("scan, pages of 1,000", seen, since);

    let since = Instant::now();
    for start in (0..rows / 2).step_by(1_000) {
        let changes = (start..(start + 1_000).min(rows / 2)).map(|number| Ok((key(number)?, None))).collect::<Result<_, StoreError>>()?;
        let at = store.cursor(&PROJECTION).await?;
        store.commit(&[RowBatch { projection: PROJECTION, from: at, to: at, changes }]).await?;
    }
    rate("delete half, batches of 1,000", rows / 2, since);
    let since = Instant::now();
    store.clear(&PROJECTION).await?;
    rate("clear the other half", rows / 2, since);
    Ok(())
}
