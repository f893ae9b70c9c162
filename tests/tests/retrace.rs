//! Everything that was asked during the tests is answered the same from a log that is replayed on an empty disk. Cargo runs this file
//! after those with real clients, by its name; alone, it has its own registry to ask.
#![allow(clippy::unwrap_used, reason = "a test may stop where it stands")]

use std::{fs, path::Path};

use deedbox_tests::{
    answer::ask,
    asked::Question,
    registry::{Running, Served, Source, answered_otherwise},
    retrace::{copy_all, retrace},
};
use sqlx::{Connection as _, Row as _};

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_was_asked_is_answered_again_from_a_replayed_log_and_a_row_that_lies_is_noticed() {
    let running = Running::start().unwrap();
    running.publish(&[Source::plain("again", "1.0.0"), Source::plain("again", "1.1.0")], &[]).unwrap();
    running.deedbox(["yank", "npm:demo.localhost/again@1.0.0", "--reason", "broken"]).unwrap().done().unwrap();
    let host = running.url.strip_prefix("http://").unwrap().to_owned();
    let mut questions: Vec<Question> = [
        "/npm/@demo.localhost%2fagain",
        "/npm/-/v1/search?text=again",
        "/api/v1/packages",
        "/log/checkpoint",
        "/npm/-/npm/v1/keys",
        "/v2/",
    ]
    .map(Question::get)
    .into();
    let post = Question::get("/api/v1/proofs").with("content-type", "application/json");
    questions.push(Question { method: "POST".to_owned(), body: br#"{"indices":[0,1]}"#.to_vec(), ..post });
    let answers = ask(host.parse().unwrap(), &host, &questions).await.unwrap();
    assert!(answers.iter().all(|answer| answer.status == 200), "{answers:?}");
    let missing = ask(host.parse().unwrap(), &host, &[Question::get("/npm/@demo.localhost%2fnever")]).await.unwrap();
    assert_eq!(missing.first().map(|answer| answer.status), Some(404));
    let folder = running.folder().to_owned();
    drop(running);

    a_row_that_lies_is_noticed(&folder).await;

    let retraced = retrace(Served::all().unwrap(), &answered_otherwise()).await.unwrap();
    println!("{} questions to {} registries gave the same: {:?}", retraced.questions, retraced.registries, retraced.kinds);
    assert!(!folder.exists(), "what was compared is removed");
    for kind in ["GET", "HEAD", "POST", "200", "206", "304", "404", "416", "gzip", "br"] {
        assert!(retraced.kinds.get(kind).is_some_and(|count| *count > 0), "nothing was compared that is {kind}: {retraced:?}");
    }
}

/// What the whole comparison is for: in a copy, a row of one version says the other one, of the same length.
async fn a_row_that_lies_is_noticed(folder: &Path) {
    let scratch = tempfile::tempdir().unwrap();
    let (copy, failed) = (scratch.path().join("registry-copy"), scratch.path().join("failed"));
    copy_all(folder, &copy).unwrap();
    let mut rows = sqlx::SqliteConnection::connect(copy.join("registry/rows.sqlite").to_str().unwrap()).await.unwrap();
    let tables = sqlx::query("SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE '%bytes BLOB%'").fetch_all(&mut rows).await;
    let mut changed = 0;
    for table in tables.unwrap() {
        let table: String = table.get(0);
        let found = sqlx::query(sqlx::AssertSqlSafe(format!("SELECT key, bytes FROM \"{table}\""))).fetch_all(&mut rows).await.unwrap();
        for row in found {
            let (key, mut bytes): (String, Vec<u8>) = (row.get(0), row.get(1));
            let Some(at) = bytes.windows(16).position(|part| part == b"again for tests\"") else { continue };
            bytes.splice(at..at + 5, *b"never");
            let update = sqlx::AssertSqlSafe(format!("UPDATE \"{table}\" SET bytes = ? WHERE key = ?"));
            sqlx::query(update).bind(bytes).bind(key).execute(&mut rows).await.unwrap();
            changed += 1;
        }
    }
    rows.close().await.unwrap();
    assert!(changed > 0, "no row says what the package is");

    let said = retrace(vec![Served::of(&copy).unwrap()], &failed).await.unwrap_err().to_string();
    assert!(said.contains("/npm/@demo.localhost%2fagain") && said.contains("answers differ"), "{said}");
    assert!(!copy.exists(), "it stays, but not where the next run would find it");
    let differences = fs::read_to_string(failed.join("registry-copy/differences.txt")).unwrap();
    assert!(differences.contains("/npm/@demo.localhost%2fagain"), "{differences}");
}
