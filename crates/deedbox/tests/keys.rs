//! The keys of a domain, from outside: added, used, replaced, taken away, and what is verified afterwards.
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

/// Makes a key; gives its file, its id and its public half.
fn key(place: &Place, name: &str) -> (String, String, String) {
    let file = place.path(name).to_str().unwrap().to_owned();
    let made = place.run(&["--json", "keygen", "--out", &file]).done().json();
    let text = |field: &str| made[field].as_str().unwrap().to_owned();
    (file, text("kid"), text("key"))
}

#[test]
fn a_second_key_publishes_until_it_is_taken_away_and_what_it_published_stays() {
    let place = Place::new();
    let registry = claimed(&place);
    let url = registry.url.as_str();
    let (ci, ci_kid, ci_public) = key(&place, "ci.pem");
    let (one, two) = (place.package("greet", "1.0.0", ""), place.package("greet", "1.0.1", ""));
    let (one, two) = (one.to_str().unwrap(), two.to_str().unwrap());

    place.at(url, &["--key", &ci, "publish", one]).ends(1, "is not one of demo.localhost's keys");
    place.at(url, &["keys", "put", DOMAIN, &ci_public]).done().says(&format!("{ci_kid} is a key of demo.localhost now (publish)"));
    place.at(url, &["keys", "put", DOMAIN, &ci_public]).ends(1, "[key_unchanged]");
    place.at(url, &["--key", &ci, "publish", one]).done().says("published as entry 3");
    place.at(url, &["--key", &ci, "keys", "put", DOMAIN, &ci_public, "--role", "admin"]).ends(1, "[key_may_not]");
    let listed = place.at(url, &["keys", "list", DOMAIN]).done();
    listed.says(&format!("{ci_kid}  publish")).says("2 keys of demo.localhost, by the 2 of its events");

    place.at(url, &["keys", "remove", DOMAIN, &ci_kid]).done().says("took").says("has no effect");
    place.at(url, &["keys", "remove", DOMAIN, &ci_kid]).ends(1, "[no_such_key]");
    place.at(url, &["--key", &ci, "publish", two]).ends(1, "is not one of demo.localhost's keys");
    place.at(url, &["publish", two]).done();
    // By somebody who has never been here: with every change of keys between the claim and the release.
    let stranger = Place::new();
    for version in ["1.0.0", "1.0.1"] {
        let said = stranger.at(url, &["verify", &format!("npm:{DOMAIN}/greet@{version}")]).done();
        said.says("verifies").says("allowed by  entry 1, the claim of demo.localhost");
    }
    drop(registry);
    place.run(&["replay", "--verify", "--data", place.path("registry").to_str().unwrap()]).done();
}

#[test]
fn an_admin_hands_over_and_the_last_one_stays() {
    let place = Place::new();
    let registry = claimed(&place);
    let url = registry.url.as_str();
    let listed = place.at(url, &["--json", "keys", "list", DOMAIN]).done().json();
    let first = listed["keys"][0]["kid"].as_str().unwrap().to_owned();
    place.at(url, &["keys", "remove", DOMAIN, &first]).ends(1, "[no_admin_left]");
    let (second, kid, _) = key(&place, "second.pem");
    place.at(url, &["keys", "put", DOMAIN, &second, "--role", "admin", "--from", "2020-01-01", "--until", "2099-12-31"]).done();
    place.at(url, &["--key", &second, "keys", "remove", DOMAIN, &first]).done();
    place.at(url, &["keys", "put", DOMAIN, &second]).ends(1, "[key_not_authorised]");
    let listed = place.at(url, &["--json", "keys", "list", DOMAIN]).done().json();
    assert_eq!(listed["keys"].as_array().unwrap().len(), 1, "{listed}");
    assert_eq!((&listed["keys"][0]["kid"], &listed["keys"][0]["until"]), (&kid.into(), &"2099-12-31T00:00:00.000Z".into()), "{listed}");
}

#[test]
fn what_is_no_key_no_role_and_no_day_is_refused_before_anything_is_signed() {
    let place = Place::new();
    let registry = claimed(&place);
    let url = registry.url.as_str();
    let (_, _, public) = key(&place, "other.pem");
    place.at(url, &["keys", "put", DOMAIN, "not-a-key"]).ends(2, "neither a public key");
    place.at(url, &["keys", "put", DOMAIN, &public, "--role", "owner"]).ends(2, "is not a role");
    place.at(url, &["keys", "put", DOMAIN, &public, "--until", "2027-02-30"]).ends(2, "takes a day");
    place.at(url, &["keys", "remove", DOMAIN, "abc"]).ends(2, "is not the id of a key");
    place.at(url, &["keys", "list", "sub.demo.localhost"]).ends(1, "has no keys of its own");
    place.at(url, &["keys", "list", "nobody.localhost"]).ends(1, "nobody has claimed nobody.localhost itself");
}
