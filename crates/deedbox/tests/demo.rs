//! The demo, as anyone would run it, with the machine's own npm.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test is a sentence, and its helpers may stop where they stand"
)]

mod common;

use common::Place;

#[test]
fn the_demo_tells_its_story_in_under_two_minutes() {
    let place = Place::new();
    let start = std::time::Instant::now();
    let said = place.run(&["demo", "--once", "--port", "18417", "--dir", "story"]).done();
    assert!(start.elapsed().as_secs() < 120, "{:?}", start.elapsed());
    let said = said
        .says("claimed demo.localhost with it: entry 1")
        .says("published npm:demo.localhost/hello-deedbox@1.0.0: entry 4")
        .says("en  Hello, Ada!  (8 letters, 11 bytes)")
        .says("3 of 3 packages")
        .says("npm, with an empty cache, refuses it (EINTEGRITY)")
        .says("is not what npm:demo.localhost/greet@1.0.0 says")
        .says("put the byte back: it verifies again")
        .says("published oci:demo.localhost/letter@1.0")
        .says("Where to look");
    // What packing a gem or a parent POM has to say goes there; nothing else does.
    assert!(said.err.lines().all(|line| line.starts_with("gem build runs ") || line.contains(" is packed as pom")), "{said:?}");
    // What it leaves is whole, and can be used as the last screen says.
    let data = place.path("story/registry");
    place.run(&["fsck", "--data", data.to_str().unwrap()]).done();
    place.run(&["demo", "--once", "--dir", "story"]).ends(2, "is there already");
}

#[test]
fn without_npm_it_says_what_to_install() {
    let place = Place::new();
    let output = place.deedbox().args(["demo", "--once"]).env("PATH", place.path("empty")).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let words = String::from_utf8(output.stderr).unwrap();
    assert!(words.contains("node is not on this machine") && words.contains("install Node.js 20 or newer"), "{words}");
}
