//! Every case of authority's tables (crates/authority/tests/authority) once more: by the ledger as it appends, by replay as it follows a log that
//! holds the void entries too, and by the verifying client over a proof. All come to the verdict of the table.
//!
//! The tables are the same files. What differs is the `Log` that they drive: here it remembers what it was told, and what became of it. The test
//! below runs this program once more, as a child whose logs ask the others when they end, and adds up what they counted.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test stops where it is wrong")]

#[path = "../../../crates/authority/tests/authority/chain.rs"]
mod chain;
#[path = "../../../crates/authority/tests/authority/claims.rs"]
mod claims;
#[path = "../../../crates/authority/tests/authority/decide.rs"]
mod decide;
#[path = "../../../crates/authority/tests/authority/domain_keys.rs"]
mod domain_keys;
#[path = "../../../crates/authority/tests/authority/grants.rs"]
mod grants;
#[path = "../../../crates/authority/tests/authority/hands.rs"]
mod hands;
#[path = "../../../crates/authority/tests/authority/recovery.rs"]
mod recovery;

mod by_client;
mod by_ledger;
mod by_replay;
mod count;
mod judged;
mod objects;

use count::{COUNTS, Counts};
use std::process::Command;

#[test]
fn ledger_replay_and_client_judge_every_case_as_the_tables_do() {
    let counted = tempfile::NamedTempFile::new().unwrap();
    let me = std::env::current_exe().unwrap();
    let child = Command::new(me).env(COUNTS, counted.path()).args(["--skip", "ledger_replay_and_client"]).output().unwrap();
    let said = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success(), "{said}\n{}", String::from_utf8_lossy(&child.stderr));
    let counts = Counts::sum(&std::fs::read_to_string(counted.path()).unwrap());
    println!("{counts}");
    counts.are_plausible();
}

#[test]
fn no_table_is_left_out() {
    let tables = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/authority/tests/authority");
    for file in std::fs::read_dir(tables).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        let here = ["main.rs", "judged.rs", "may.rs"].contains(&name.as_str());
        assert!(here || include_str!("main.rs").contains(&format!("/authority/{name}\"]")), "{name} is not judged here");
    }
}
