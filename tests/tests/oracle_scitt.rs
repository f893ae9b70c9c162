//! scitt-cose, an implementation of SCITT by others, in Python, against the fixtures: it verifies every statement, acceptance, permit,
//! receipt and transparent statement, and refuses each of them with a bit changed. spec/statements.md §1.6, spec/log.md §10.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may stop where it stands")]

mod golden;

use golden::{Fields as _, acceptances, read, root, statements};

#[test]
fn scitt_cose_verifies_the_fixtures_and_refuses_them_when_they_are_tampered_with() {
    let client = deedbox_tests::clients::scitt_cose().unwrap();
    assert_eq!(client.version, "0.5.0");
    let home = tempfile::tempdir().unwrap();
    let mut command = client.command(home.path(), home.path());
    // No bytecode beside a source of the checkout.
    command.arg("-B").arg(root().join("tests/python/scitt_fixtures.py")).arg(root().join("fixtures"));
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    // It has looked at all of them: a loop over nothing says 0.
    let envelopes = statements().len()
        + statements().iter().filter(|case| case.get("acceptance").is_some()).count()
        + read("manifests/permits.json").list("cases").len();
    assert!(acceptances().len() >= 4);
    let receipts = read("proofs/receipts.json");
    let count: usize = receipts.list("cases").iter().map(|case| case.list("receipts").len()).sum();
    let transparent = receipts.list("cases").len();
    let refused = 5 * envelopes + 4 * count + transparent + receipts.list("refused").len();
    assert_eq!(said.trim(), format!("statements={envelopes} receipts={count} transparent={transparent} refused={refused}"));
}
