//! `deedbox fsck` on a real data directory: one flipped bit in each row, in each object and in what keeps them together is found,
//! named, and nothing else with it. That every bit is found, and not the one tried here alone, is tested where the comparison is
//! (crates/replay/tests/every_bit.rs; crates/ledger/tests for the log's own files).
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, clippy::indexing_slicing, reason = "a test may stop where it stands")]

use deedbox_model::{ProjectionId, Row, RowKey};
use deedbox_store::{RowBatch, RowStore, RowStores, open_rows_in};
use deedbox_tests::crash::{Programs, small};
use deedbox_tests::registry::program;
use sqlx::{AssertSqlSafe, ConnectOptions as _};
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

struct Stopped {
    _directory: tempfile::TempDir,
    data: PathBuf,
    deedbox: PathBuf,
}

impl Stopped {
    fn new() -> Self {
        let programs = Programs { crashing: env!("CARGO_BIN_EXE_crashing").into(), deedbox: program().expect("deedbox") };
        let directory = small(&programs).unwrap();
        let stopped = Stopped { data: directory.path().join("data"), _directory: directory, deedbox: programs.deedbox };
        assert_eq!(stopped.fsck(), [""; 0]);
        stopped
    }

    /// What it finds: `part: what`.
    fn fsck(&self) -> Vec<String> {
        let output = Command::new(&self.deedbox).args(["fsck", "--json", "--data"]).arg(&self.data).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        let shown = || format!("{text}{}", String::from_utf8_lossy(&output.stderr));
        let findings: serde_json::Value = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {}", shown()));
        // A crash leaves uploads that nothing names: these are said, and are not damage.
        let is_damage = |found: &&serde_json::Value| {
            assert!(found["harmless"] == false || found["part"] == "left over", "{found}");
            found["harmless"] == false
        };
        let words = |found: &serde_json::Value| format!("{}: {}", found["part"].as_str().unwrap(), found["what"].as_str().unwrap());
        let findings: Vec<_> = findings.as_array().unwrap().iter().filter(is_damage).map(words).collect();
        assert_eq!(output.status.code(), Some(i32::from(!findings.is_empty())), "{}", shown());
        findings
    }

    fn objects(&self) -> Vec<PathBuf> {
        let (mut found, mut folders) = (Vec::new(), vec![self.data.join("objects")]);
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() { folders.push(path) } else { found.push(path) }
            }
        }
        found
    }

    async fn rows(&self) -> RowStores {
        open_rows_in(&self.data).await.unwrap()
    }
}

fn projections() -> [ProjectionId; 3] {
    [deedbox_authority::PROJECTION, deedbox_catalog::PROJECTION, deedbox_npm::PROJECTION]
}

async fn all(rows: &dyn RowStore, id: &ProjectionId) -> Vec<(RowKey, Row)> {
    let all = rows.scan(id, "", None, 5_000).await.unwrap();
    assert!(!all.is_empty(), "{id}");
    all
}

/// At the cursor where it is, one row of each of some projections.
async fn write(rows: &dyn RowStore, changes: impl IntoIterator<Item = (ProjectionId, RowKey, Row)>) {
    let mut batches = Vec::new();
    for (projection, key, row) in changes {
        let at = rows.cursor(&projection).await.unwrap();
        batches.push(RowBatch { projection, from: at, to: at, changes: [(key, Some(row))].into() });
    }
    rows.commit(&batches).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_bit_of_each_row_is_named_with_its_projection() {
    let stopped = tokio::task::spawn_blocking(Stopped::new).await.unwrap();
    let opened = stopped.rows().await;
    let rows = opened.folded().as_ref();
    let mut of_each = Vec::new();
    for id in projections() {
        of_each.push((id.clone(), all(rows, &id).await));
    }
    let most = of_each.iter().map(|(_, rows)| rows.len()).max().unwrap();
    // One row of each projection at once, until each had its turn; an odd turn flips the number of its last entry.
    for at in 0..most {
        let mut good = Vec::new();
        let (mut bad, mut want) = (Vec::new(), Vec::new());
        for (id, rows) in &of_each {
            let Some((key, row)) = rows.get(at) else { continue };
            let mut flipped = row.clone();
            let what = if at % 8 == 7 {
                flipped.seq ^= 1 << (at % 64);
                "names another entry as its last than the log gives"
            } else {
                let bit = at * 7_919 % (row.bytes.len() * 8);
                Arc::make_mut(&mut flipped.bytes)[bit / 8] ^= 1 << (bit % 8);
                "has other bytes than the log gives"
            };
            want.push(format!("rows: row {key} of {id} {what}"));
            bad.push((id.clone(), key.clone(), flipped));
            good.push((id.clone(), key.clone(), row.clone()));
        }
        write(rows, bad).await;
        assert_eq!(stopped.fsck(), want);
        write(rows, good).await;
    }
    assert_eq!(stopped.fsck(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_bit_of_a_cursor_or_of_a_key_is_named_with_its_projection() {
    let stopped = tokio::task::spawn_blocking(Stopped::new).await.unwrap();
    let opened = stopped.rows().await;
    let rows = opened.folded().as_ref();
    let file = stopped.data.join("rows.sqlite");
    let mut raw = sqlx::sqlite::SqliteConnectOptions::new().filename(&file).connect().await.unwrap();
    let mut done = async |sql: String| {
        let changed = sqlx::query(AssertSqlSafe(sql)).execute(&mut raw).await.unwrap().rows_affected();
        assert_eq!(changed, 1);
    };
    for id in projections() {
        let size = rows.cursor(&id).await.unwrap();
        for (flipped, what) in [
            (size ^ 1 << 40, format!("says that {} entries are folded", size ^ 1 << 40)),
            (size - 1, format!("is folded up to {}", size - 1)),
        ] {
            done(format!("UPDATE cursors SET folded = {flipped} WHERE projection = '{id}'")).await;
            let found = stopped.fsck();
            let [only] = found.as_slice() else { panic!("{found:?}") };
            assert!(only.starts_with(&format!("rows: {id} {what}")), "{only}");
            done(format!("UPDATE cursors SET folded = {size} WHERE projection = '{id}'")).await;
        }

        let (key, _) = all(rows, &id).await.swap_remove(1);
        let mut bytes = key.as_str().as_bytes().to_vec();
        bytes[1] ^= 0x80;
        let (good, bad) = (hex::encode(key.as_str()), hex::encode(bytes));
        done(format!("UPDATE \"rows {id}\" SET key = CAST(x'{bad}' AS TEXT) WHERE key = CAST(x'{good}' AS TEXT)")).await;
        let found = stopped.fsck();
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].starts_with(&format!("rows: {id} has a row that cannot be read")), "{found:?}");
        assert_eq!(found[1], format!("rows: row {key} of {id} is missing"));
        done(format!("UPDATE \"rows {id}\" SET key = CAST(x'{good}' AS TEXT) WHERE key = CAST(x'{bad}' AS TEXT)")).await;
    }
    assert_eq!(stopped.fsck(), [""; 0]);
}

#[test]
fn a_flipped_bit_of_each_object_is_named_by_its_address() {
    let stopped = Stopped::new();
    let objects = stopped.objects();
    assert!(objects.len() >= 7, "{objects:?}");
    for (n, path) in objects.iter().enumerate() {
        let whole = std::fs::read(path).unwrap();
        let mut flipped = whole.clone();
        let bit = n * 7_919 % (whole.len() * 8);
        flipped[bit / 8] ^= 1 << (bit % 8);
        std::fs::write(path, flipped).unwrap();
        let address = path.file_name().unwrap().to_str().unwrap();
        let found = stopped.fsck();
        assert_eq!(found[0], format!("objects: object sha256:{address} has other bytes than its address says"));
        // Rows cannot be folded from a damaged manifest; what stops the fold is the same object.
        assert!(found.len() <= 2 && found.iter().all(|what| what.contains(address)), "{found:?}");
        std::fs::write(path, whole).unwrap();
    }
    assert_eq!(stopped.fsck(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_file_that_nothing_refers_to_is_listed_with_what_removes_it() {
    let stopped = tokio::task::spawn_blocking(Stopped::new).await.unwrap();
    let unpublished = deedbox_model::ObjectRef::of(b"uploaded and not published");
    let object = format!("objects/{}", deedbox_store::objects::object_path(&unpublished.sha256));
    let left = [
        ("incoming/4711-0", "the next start removes it"),
        ("log/staged/room", "the next start finishes or removes it"),
        ("log/checkpoint#1", "the next start removes"),
        ("commits/x000/x000/001#1", "the next start removes"),
        ("signer/last-signed#1", "the next start removes"),
        (object.as_str(), "a day old"),
        ("notes.txt", "not a file of a registry"),
        ("log/tile/0/000.p/1", "a wider one"),
    ];
    for (path, _) in left {
        let path = stopped.data.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, b"uploaded and not published").unwrap();
    }
    let rows = stopped.rows().await;
    let older = ProjectionId { name: "npm", version: 7_000 };
    let row = Row { bytes: b"x".as_slice().into(), seq: 0 };
    rows.folded()
        .commit(&[RowBatch { projection: older, from: 0, to: 1, changes: [(RowKey::new("a").unwrap(), Some(row))].into() }])
        .await
        .unwrap();
    rows.close().await;
    drop(rows);
    let output = Command::new(&stopped.deedbox).args(["fsck", "--json", "--data"]).arg(&stopped.data).output().unwrap();
    assert!(output.status.success(), "left-overs are not faults: {}", String::from_utf8_lossy(&output.stdout));
    let findings: Vec<serde_json::Value> = serde_json::from_slice(&output.stdout).unwrap();
    let said: Vec<&str> = findings.iter().map(|found| found["what"].as_str().unwrap()).collect();
    for (path, words) in left {
        let path = path.strip_prefix("log/").filter(|path| !path.contains('#')).unwrap_or(path);
        let of: Vec<_> = said.iter().filter(|said| said.starts_with(&format!("{path} ("))).collect();
        assert!(matches!(of.as_slice(), [said] if said.contains(words) && said.contains("26 bytes, just written")), "{path}: {said:?}");
    }
    assert!(said.iter().any(|said| said.contains("npm.7000") && said.contains("deedbox replay")), "{said:?}");
    assert_eq!(findings.len(), left.len() + 1, "{said:?}");
}
