//! A second implementation in plain JavaScript that follows `spec/` and shares no code with this one (`tests/js/verify.mjs`), against
//! the fixtures: a test of the specification as much as of the program.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may stop where it stands")]

mod golden;

use std::process::{Command, Stdio};

use golden::{Fields as _, read, root, statements};

#[test]
fn a_second_implementation_of_the_specification_derives_the_fixtures_again() {
    let script = root().join("tests/js/verify.mjs");
    let output = Command::new("node").arg(&script).arg(root().join("fixtures")).stdin(Stdio::null()).output();
    let output = output.expect("node cannot be started: this test needs Node.js 20 or newer");
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));

    // It has looked at all of them: a loop over nothing says 0.
    let logs = golden::LOGS.map(read);
    let entries = || logs.iter().flat_map(|log| log.list("entries"));
    let with = |verdict: &str| entries().filter(|entry| entry["verdict"] == verdict).count();
    let undecodable = entries().filter(|entry| entry["code"] == "undecodable").count();
    let refused = read("statements/refused.json");
    let expected = [
        ("entries", entries().count()),
        ("statements", with("effective") + with("void") - undecodable + statements().len()),
        ("cbor", refused.list("cbor").len()),
        ("texts", read("texts.json").list("kinds").iter().map(|kind| kind.list("taken").len() + kind.list("refused").len()).sum()),
        ("refused", refused.list("statements").iter().filter(|case| read_from_layout(case)).count()),
    ];
    for (name, count) in expected {
        assert!(said.split_whitespace().any(|pair| pair == format!("{name}={count}")), "{name}={count} is not in: {said}");
    }
}

/// What that program refuses: the layout of envelopes, payloads that are not canonical, and the shapes of the events that it looks into. Of
/// the texts' grammars it reads `texts.json`.
fn read_from_layout(case: &serde_json::Value) -> bool {
    let events = ["§2", "§3.4", "§4.1", "§4.4", "§4.6", "§4.7", "§4.9", "§4.10"].map(|section| format!("events {section}"));
    let place = case.text("where");
    case.text("layer") == "envelope" || place == "encoding §1.2" || events.iter().any(|section| section == place)
}
