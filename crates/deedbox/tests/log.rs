//! What was said of a domain and a package, and what a key may do, from outside. Below localhost a day is a second.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test is a sentence, and its helpers may stop where they stand"
)]

mod common;

use common::{Place, Said, claimed};
use std::time::{Duration, Instant};

const DOMAIN: &str = "demo.localhost";
const ID: &str = "npm:demo.localhost/greet";

fn short(text: &serde_json::Value) -> String {
    format!("{}…", &text.as_str().unwrap()[..8])
}

/// What a command said, line by line, without the times.
fn lines(said: &Said) -> Vec<String> {
    let cut = |line: &str| {
        let (time, words) = line.split_at_checked(18).unwrap_or_default();
        assert!(time.len() == 18 && time.starts_with("20") && time.ends_with("  "), "{line}");
        words.to_owned()
    };
    let mut all: Vec<&str> = said.out.lines().collect();
    let last = all.pop().unwrap();
    all.into_iter().map(cut).chain([last.to_owned()]).collect()
}

#[test]
fn the_log_is_told_in_words_and_what_a_key_may_do_is_known_before_it_does_it() {
    let place = Place::new();
    let registry = claimed(&place);
    let url = registry.url.as_str();
    let own = &place.at(url, &["--json", "keys", "list", DOMAIN]).done().json()["keys"][0]["kid"];
    let ci = place.path("ci.pem").to_str().unwrap().to_owned();
    let made = place.run(&["--json", "keygen", "--out", &ci]).done().json();
    let (own, ci_short, ci_kid, ci_public) =
        (short(own), short(&made["kid"]), made["kid"].as_str().unwrap(), made["key"].as_str().unwrap());

    place.publish(url, &place.package("greet", "1.0.0", ""));
    place.at(url, &["can", "publish", ID]).done().says(&format!("yes: the key {own} may publish {ID}, by an admin key of {DOMAIN}"));
    place.at(url, &["can", "publish", ID, ci_kid]).ends(1, "[key_not_authorised]");
    place.at(url, &["can", "fly", ID]).ends(2, "an action is one of");
    place.at(url, &["can", "publish", DOMAIN]).ends(2, "");
    let granted = place.at(url, &["--json", "grant", DOMAIN, &ci, "--for", "npm:demo.localhost/"]).done().json();
    let (grant, grant_short) = (granted["event"].as_str().unwrap(), short(&granted["event"]));
    for key in [ci_kid, ci_public, ci.as_str()] {
        let said = place.at(url, &["can", "publish", ID, key]).done();
        said.says(&format!("yes: the key {ci_short} may publish {ID}, by the grant {grant} of {DOMAIN} of entry 3")).says("and its clock");
    }
    place
        .at(url, &["can", "yank", ID, ci_kid])
        .ends(1, &format!("no: the key {ci_short} may not yank {ID}: the grant {grant} is not for this"));
    place.at(url, &["publish", place.package("greet", "1.1.0", "").to_str().unwrap(), "--key", &ci]).done();
    place.at(url, &["revoke", DOMAIN, grant]).done();
    place.at(url, &["can", "publish", ID, ci_kid]).ends(1, "[grant_over]");
    place.at(url, &["freeze", DOMAIN]).done();
    place.at(url, &["can", "publish", ID]).ends(1, "[frozen]");
    let no = place.at(url, &["--json", "can", "publish", ID]);
    assert_eq!((no.code, &no.json()["may"], &no.json()["code"]), (1, &false.into(), &"frozen".into()));
    let begun = Instant::now();
    // It is known beforehand when it may be thawed.
    while place.at(url, &["can", "thaw", DOMAIN]).code != 0 {
        assert!(begun.elapsed() < Duration::from_secs(60));
        std::thread::sleep(Duration::from_millis(300));
    }
    place.at(url, &["thaw", DOMAIN]).done();
    place.at(url, &["can", "publish", ID]).done();

    let claim =
        format!("{DOMAIN} was claimed; it is below localhost, where nothing is shown (localhost). Key {own} (admin) speaks for it.");
    let given = format!("the grant {grant_short} lets key {ci_short} publish npm:demo.localhost/, by key {own} (admin)");
    let back = format!("the grant {grant_short} was taken back by key {own} (admin)");
    let frozen = format!("{DOMAIN} was frozen (security) by key {own} (admin), until it is thawed");
    let thawed = format!("{DOMAIN} was thawed by key {own} (admin)");
    let first = format!("{ID} 1.0.0 was published as latest by key {own} (admin)");
    let second = format!(
        "{ID} 1.1.0 was published as latest by key {ci_short}, which the grant {grant_short} of {DOMAIN} lets publish npm:demo.localhost/"
    );
    let sum = |n: usize, about: &str| {
        format!(
            "{n} events of {about} that the registry names, proven in the verified checkpoint of 8 entries. Times are UTC, and waits go by the \
             operator's clock. This does not show that the registry withholds nothing newer; statements without effect stand in the log only"
        )
    };
    // By somebody who has never been here.
    let stranger = Place::new();
    let of_domain = stranger.at(url, &["log", DOMAIN]).done();
    assert_eq!(lines(&of_domain), [&claim, &given, &back, &frozen, &thawed, &sum(5, DOMAIN)].map(String::as_str));
    let of_package = stranger.at(url, &["log", ID]).done();
    assert_eq!(lines(&of_package), [&claim, &first, &given, &second, &back, &frozen, &thawed, &sum(7, ID)].map(String::as_str));

    let json = stranger.at(url, &["--json", "log", ID]).done().json();
    let event = &json["events"][3];
    assert_eq!((&event["index"], &event["type"], &event["right"]), (&4.into(), &"release.published".into(), &"grant".into()));
    assert_eq!((&event["kid"], &event["grant"], &event["effective"]), (&ci_kid.into(), &grant.into(), &true.into()));
    assert_eq!((&event["evidence"], &event["words"]), (&"localhost".into(), &second.into()));
    stranger.at(url, &["log", DOMAIN, "--since", "2000-01-01"]).done().says("5 events of");
    stranger.at(url, &["log", DOMAIN, "--since", "9000-01-01"]).done().says("0 of the 5 events of");
    stranger.at(url, &["log", DOMAIN, "--since", "yesterday"]).ends(2, "takes a day");
    stranger.at(url, &["log", "other.localhost"]).ends(1, "nobody has claimed other.localhost itself");
    stranger.at(url, &["log", "npm:demo.localhost/none"]).ends(1, "nothing was published as");
}
