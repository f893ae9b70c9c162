//! A key that is none of a domain's speaks for some of its packages, from outside.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test is a sentence, and its helpers may stop where they stand"
)]

mod common;

use common::{Place, claimed};

const DOMAIN: &str = "demo.localhost";

#[test]
fn a_granted_key_publishes_what_it_is_granted_and_nothing_else() {
    let place = Place::new();
    let registry = claimed(&place);
    let url = registry.url.as_str();
    let ci = place.path("ci.pem").to_str().unwrap().to_owned();
    let made = place.run(&["--json", "keygen", "--out", &ci]).done().json();
    let package = |name: &str, version: &str| place.package(name, version, "").to_str().unwrap().to_owned();
    let (greet, other) = (package("greet", "1.0.0"), package("other", "1.0.0"));

    place.at(url, &["publish", &greet, "--key", &ci]).ends(1, "has no grant of it");
    place.at(url, &["grants", DOMAIN]).done().says("0 grants of demo.localhost");
    place.at(url, &["grant", DOMAIN, &ci, "--for", "npm:acme.example/"]).ends(2, "grants what is its own");
    place.at(url, &["grant", DOMAIN, &ci, "--for", "npm:demo.localhost/*"]).ends(2, "is not a package name");
    let granted = place.at(url, &["--json", "grant", DOMAIN, &ci, "--for", "npm:demo.localhost/greet"]).done().json();
    let grant = granted["event"].as_str().unwrap().to_owned();
    assert_eq!(granted["type"], "publisher.granted");

    place.at(url, &["publish", &greet, "--key", &ci]).done();
    place.at(url, &["publish", &other, "--key", &ci]).ends(1, "none of its grants that are in force is for this");
    place.at(url, &["yank", "npm:demo.localhost/greet@1.0.0", "--reason", "broken", "--key", &ci]).ends(1, "is for this");
    place.at(url, &["verify", "npm:demo.localhost/greet@1.0.0"]).done().says(&format!(", by the grant {grant} of demo.localhost"));

    let listed = place.at(url, &["--json", "grants", DOMAIN]).done().json();
    assert_eq!((&listed["grants"][0]["kid"], &listed["grants"][0]["over"]), (&made["kid"], &serde_json::Value::Null));
    place.at(url, &["revoke", DOMAIN, "not-a-grant"]).ends(2, "is not the id of a grant");
    place.at(url, &["revoke", DOMAIN, &grant]).done().says("what is signed by it from now on has no effect");
    place.at(url, &["revoke", DOMAIN, &grant]).ends(1, "[grant_over]");
    place.at(url, &["grants", DOMAIN]).done().says("over: revoked").says("1 grants of demo.localhost, of which 0 are in force");
    let next = package("greet", "1.1.0");
    place.at(url, &["publish", &next, "--key", &ci]).ends(1, "none of its grants that are in force");
    place.at(url, &["verify", "npm:demo.localhost/greet@1.0.0"]).done();
}

#[test]
fn whoever_takes_a_key_away_is_told_of_the_grants_that_it_leaves() {
    let place = Place::new();
    let registry = claimed(&place);
    let url = registry.url.as_str();
    let key = |name: &str| {
        let file = place.path(name).to_str().unwrap().to_owned();
        let made = place.run(&["--json", "keygen", "--out", &file]).done().json();
        (file, made["kid"].as_str().unwrap().to_owned())
    };
    let ((second, kid), (ci, ci_kid)) = (key("second.pem"), key("ci.pem"));
    place.at(url, &["keys", "put", DOMAIN, &second, "--role", "admin"]).done();
    place.at(url, &["--key", &second, "grant", DOMAIN, &ci, "--for", "npm:demo.localhost/"]).done();
    place.at(url, &["keys", "remove", DOMAIN, &kid]).done().says(&format!("it gave a grant to the key {ci_kid}, which stays"));
    let package = place.package("greet", "1.0.0", "");
    place.at(url, &["--key", &ci, "publish", package.to_str().unwrap()]).done();
}
