//! How a domain is frozen, handed over, given up, contested and recovered, from outside. Below localhost a day is a second.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test is a sentence, and its helpers may stop where they stand"
)]

mod common;

use common::{Place, Running, Said, claimed, claimed_with_recovery};
use std::time::{Duration, Instant};

const DOMAIN: &str = "demo.localhost";

/// Makes a key; gives its file, its id and its public half.
fn key(place: &Place, name: &str) -> (String, String, String) {
    let file = place.path(name).to_str().unwrap().to_owned();
    let made = place.run(&["--json", "keygen", "--out", &file]).done().json();
    let text = |field: &str| made[field].as_str().unwrap().to_owned();
    (file, text("kid"), text("key"))
}

fn operator(registry: &Running) -> String {
    registry.data.join("keys/operator.pem").to_str().unwrap().to_owned()
}

/// What npm writes into lock files for the second version of greet.
fn integrity(url: &str) -> String {
    let url = format!("{url}/npm/@{DOMAIN}%2fgreet");
    let text = tokio::runtime::Runtime::new().unwrap().block_on(async { reqwest::get(url).await.unwrap().text().await.unwrap() });
    let packument: serde_json::Value = serde_json::from_str(&text).unwrap();
    packument["versions"]["1.0.1"]["dist"]["integrity"].as_str().unwrap().to_owned()
}

/// Says it again until the days are over that it waits for: the registry says until when.
#[track_caller]
fn when_its_time_comes(place: &Place, url: &str, args: &[&str], too_early: &str) -> Said {
    let begun = Instant::now();
    loop {
        let said = place.at(url, args);
        if said.code == 0 || begun.elapsed() > Duration::from_secs(60) {
            return said.done();
        }
        let said = said.ends(1, too_early);
        assert!(said.err.contains("UTC") || said.err.contains('Z'), "it says when: {said:?}");
        std::thread::sleep(Duration::from_millis(300));
    }
}

#[test]
fn a_frozen_domain_publishes_nothing_until_who_froze_it_thaws_it() {
    let place = Place::new();
    let registry = claimed(&place);
    let (url, operator) = (registry.url.as_str(), operator(&registry));
    let package = place.package("greet", "1.0.0", "");
    let package = package.to_str().unwrap();
    place.at(url, &["thaw", DOMAIN]).ends(1, "[not_frozen]");
    place.at(url, &["freeze", DOMAIN, "--reason", "weather"]).ends(2, "is not a reason");
    place
        .at(url, &["freeze", DOMAIN])
        .done()
        .says("demo.localhost is frozen by its own word (security)")
        .says("deedbox thaw demo.localhost ends it, from ");
    place.at(url, &["freeze", DOMAIN]).ends(1, "[already_frozen]");
    place.at(url, &["publish", package]).ends(1, "is frozen");
    place
        .at(url, &["freeze", DOMAIN, "--operator-key", &operator, "--reason", "other"])
        .done()
        .says("by the registry's word (other)")
        .says("it ends at");
    place.at(url, &["keys", "list", DOMAIN]).done().says("frozen by its own word since").says("frozen by the registry's word since");
    let listed = place.at(url, &["--json", "keys", "list", DOMAIN]).done().json();
    assert_eq!((&listed["frozen"][0]["by"], &listed["frozen"][1]["by"]), (&"owner".into(), &"operator".into()), "{listed}");
    let thawed = when_its_time_comes(&place, url, &["thaw", DOMAIN], "[too_soon]");
    thawed.says("another one is still in force: by the registry's word");
    place.at(url, &["publish", package]).ends(1, "is frozen");
    place.at(url, &["thaw", DOMAIN, "--operator-key", &operator]).done().says("demo.localhost is thawed");
    place.at(url, &["publish", package]).done();
}

#[test]
fn a_domain_goes_to_whoever_accepted_it_and_its_users_need_not_ask() {
    let place = Place::new();
    let (registry, cold) = claimed_with_recovery(&place);
    let url = registry.url.as_str();
    let (one, two) = (place.package("greet", "1.0.0", ""), place.package("greet", "1.0.1", ""));
    place.publish(url, &one);
    let (next, kid, _) = key(&place, "next.pem");
    let file = place.path("accepted.json");
    let file = file.to_str().unwrap();
    place.at(url, &["--key", &next, "accept", DOMAIN, "--out", file]).done().says("that you accept demo.localhost").says(&kid);
    place.at(url, &["transfer", DOMAIN, "--to", file]).ends(2, "cannot be taken back");
    place.at(url, &["--key", &next, "transfer", DOMAIN, "--to", file, "--yes"]).ends(1, "[key_not_authorised]");
    place.at(url, &["transfer", DOMAIN, "--to", file, "--yes"]).ends(1, "[recovery_key_needed]");
    place.at(url, &["transfer", "other.localhost", "--to", file, "--yes"]).ends(1, "accepts demo.localhost, not other.localhost");
    // What is said in between makes it stale.
    place.at(url, &["freeze", DOMAIN]).done();
    place.at(url, &["--key", &cold, "transfer", DOMAIN, "--to", file, "--yes"]).ends(1, "let them make a new file");
    when_its_time_comes(&place, url, &["thaw", DOMAIN], "[too_soon]");
    std::fs::remove_file(file).unwrap();
    place.at(url, &["--key", &next, "accept", DOMAIN, "--out", file]).done();
    place.at(url, &["--key", &cold, "transfer", DOMAIN, "--to", file, "--yes"]).done().says(&format!("handed over to the key {kid}"));
    place.at(url, &["publish", two.to_str().unwrap()]).ends(1, "is not one of demo.localhost's keys");
    place.at(url, &["--key", &next, "publish", two.to_str().unwrap()]).done();
    place.at(url, &["keys", "list", DOMAIN]).done().says("handed over, ").says("1 keys of demo.localhost");
    for version in ["1.0.0", "1.0.1"] {
        place.at(url, &["verify", &format!("npm:{DOMAIN}/greet@{version}")]).done().says("verifies");
    }
    drop(registry);
    place.run(&["replay", "--verify", "--data", place.path("registry").to_str().unwrap()]).done();
}

#[test]
fn a_domain_that_was_given_up_is_claimed_again_in_every_way_and_its_old_packages_wait() {
    let place = Place::new();
    let (registry, cold) = claimed_with_recovery(&place);
    let (url, operator) = (registry.url.as_str(), operator(&registry));
    place.publish(url, &place.package("greet", "1.0.0", ""));
    let (next, kid, _) = key(&place, "next.pem");
    place.at(url, &["give-up", DOMAIN]).ends(2, "cannot be taken back");
    place.at(url, &["give-up", DOMAIN, "--yes"]).ends(1, "[recovery_key_needed]");
    place.at(url, &["--key", &cold, "give-up", DOMAIN, "--yes"]).done().says("is given up");
    place.at(url, &["--key", &cold, "give-up", DOMAIN, "--yes"]).ends(1, "[released]");
    place.at(url, &["accept", DOMAIN, "--out", "never.json"]).ends(1, "Claim it with deedbox claim");
    place.at(url, &["keys", "list", DOMAIN]).done().says("given up: nobody speaks for demo.localhost").says("0 keys");
    place.at(url, &["publish", place.package("greet", "1.0.1", "").to_str().unwrap()]).ends(1, "");
    // By the registry, below localhost.
    place
        .at(url, &["--key", &next, "claim", DOMAIN, "--recovery-key", &cold])
        .done()
        .says(&format!("for the key {kid}"))
        .says("somebody had demo.localhost before");
    place.at(url, &["--key", &next, "claim", DOMAIN, "--recovery-key", &cold]).done().says("was claimed before");
    let old = place.package("greet", "1.0.1", "");
    place.at(url, &["--key", &next, "publish", old.to_str().unwrap()]).ends(1, "changed hands without its last holder's word");
    place.at(url, &["--key", &next, "publish", place.package("fresh", "1.0.0", "").to_str().unwrap()]).done();
    // By the operator, with both keys and around a request.
    place.at(url, &["--key", &cold, "give-up", DOMAIN, "--yes"]).done();
    place.at(url, &["claim", DOMAIN, "--recovery-key", &cold, "--operator-key", &operator]).done().says("claimed demo.localhost as entry");
    place.at(url, &["--key", &cold, "give-up", DOMAIN, "--yes"]).done();
    place.at(url, &["--key", &next, "claim", DOMAIN, "--request", "request.json"]).done().says("your half of the claim of demo.localhost");
    place.at(url, &["claim", "--countersign", "request.json", "--operator-key", &operator]).done().says(&format!("for the key {kid}"));
    let listed = place.at(url, &["--json", "keys", "list", DOMAIN]).done().json();
    assert_eq!((&listed["through"], &listed["keys"][0]["kid"]), (&"reclaim".into(), &kid.as_str().into()), "{listed}");
    drop(registry);
    place.run(&["replay", "--verify", "--data", place.path("registry").to_str().unwrap()]).done();
}

#[test]
fn a_recovery_key_is_above_the_admin_keys_once_everybody_had_time_to_see_it() {
    let place = Place::new();
    let registry = claimed(&place);
    let url = registry.url.as_str();
    let (offline, kid, public) = key(&place, "offline.pem");
    place.at(url, &["keys", "only", DOMAIN, "on"]).ends(1, "[recovery_key_needed]");
    place.at(url, &["keys", "put", DOMAIN, &public, "--role", "recovery", "--from", "2020-01-01"]).ends(1, "[recovery_too_soon]");
    let put = place.at(url, &["keys", "put", DOMAIN, &public, "--role", "recovery"]).done();
    put.says(&format!("{kid} is a key of demo.localhost now (recovery, from "));
    place.at(url, &["keys", "list", DOMAIN]).done().says(&format!("{kid}  recovery, from "));
    place.at(url, &["--key", &offline, "keys", "only", DOMAIN, "on"]).ends(1, "[key_may_not]");
    let begun = Instant::now();
    while place.at(url, &["--key", &offline, "keys", "only", DOMAIN, "on"]).code != 0 {
        assert!(begun.elapsed() < Duration::from_secs(60));
        std::thread::sleep(Duration::from_millis(500));
    }
    place.at(url, &["keys", "list", DOMAIN]).done().says("only keys decide about it");
    place.at(url, &["keys", "remove", DOMAIN, &kid]).ends(1, "[recovery_key_needed]");
    place.at(url, &["--key", &offline, "keys", "remove", DOMAIN, &kid]).ends(1, "[no_recovery_key]");
    place.at(url, &["give-up", DOMAIN, "--yes"]).ends(1, "[recovery_key_needed]");
    place.at(url, &["--key", &offline, "keys", "only", DOMAIN, "off"]).done().says("evidence decides about demo.localhost too now");
    place.at(url, &["--key", &offline, "publish", place.package("greet", "1.0.0", "").to_str().unwrap()]).ends(1, "");
}

#[test]
fn what_a_key_has_signed_is_listed_and_its_releases_are_yanked_by_another() {
    let place = Place::new();
    let registry = claimed(&place);
    let url = registry.url.as_str();
    let (stolen, kid, public) = key(&place, "stolen.pem");
    place.at(url, &["keys", "put", DOMAIN, &public, "--role", "admin"]).done();
    place.publish(url, &place.package("greet", "1.0.0", ""));
    for version in ["1.0.1", "1.0.2"] {
        place.at(url, &["--key", &stolen, "publish", place.package("greet", version, "").to_str().unwrap()]).done();
    }
    place.at(url, &["yank", &format!("npm:{DOMAIN}/greet@1.0.1")]).done();
    let listed = place.at(url, &["statements", &kid]).done().says("2 events by the key");
    assert!(
        listed.out.contains("release.published") && listed.out.contains("greet@1.0.2") && !listed.out.contains("greet@1.0.0"),
        "{listed:?}"
    );
    place.at(url, &["statements", &kid, "--since", "2099-01-01"]).done().says("0 events");
    place.at(url, &["statements", "abc"]).ends(2, "is not the id of a key");
    let nobody = key(&place, "nobody.pem").0;
    place.at(url, &["--key", &nobody, "statements", &kid, "--yank"]).ends(1, "1 releases could not be yanked");
    let yanked = place.at(url, &["--json", "statements", &kid, "--yank"]).done().json();
    let outcomes = yanked["yanks"].as_array().unwrap().iter().map(|yank| yank["outcome"].as_str().unwrap()).collect::<Vec<_>>();
    assert_eq!(outcomes, ["was_yanked", "yanked"], "{yanked}");
    place.at(url, &["verify", &format!("npm:{DOMAIN}/greet@1.0.2")]).done().says("YANKED (security");
    place.at(url, &["verify", &format!("npm:{DOMAIN}/greet@1.0.0")]).done().says("neither yanked");
}

#[test]
fn a_stolen_admin_key_is_contested_and_the_domain_recovered_by_the_operators_word() {
    let place = Place::new();
    let registry = claimed(&place);
    let (url, operator) = (registry.url.as_str(), operator(&registry));
    let listed = place.at(url, &["--json", "keys", "list", DOMAIN]).done().json();
    let first = listed["keys"][0]["kid"].as_str().unwrap().to_owned();
    place.publish(url, &place.package("greet", "1.0.0", ""));
    let (stolen, _, public) = key(&place, "stolen.pem");
    let (fresh, fresh_kid, _) = key(&place, "fresh.pem");
    place.at(url, &["contest", DOMAIN]).ends(1, "[may_not_contest]");
    place.at(url, &["keys", "put", DOMAIN, &public, "--role", "admin"]).done();
    place.at(url, &["--key", &stolen, "keys", "remove", DOMAIN, &first]).done();
    place.at(url, &["contest", DOMAIN]).done().says("contested that your key was taken from demo.localhost").says("it is frozen until");
    place.at(url, &["--key", &stolen, "publish", place.package("greet", "6.6.6", "").to_str().unwrap()]).ends(1, "is frozen");
    place.at(url, &["--key", &stolen, "thaw", DOMAIN]).ends(1, "[too_soon]");
    // By the operator's word: around what the claimant wrote elsewhere.
    place.at(url, &["--key", &fresh, "accept", DOMAIN, "--out", "accepted.json"]).done().says(&fresh_kid);
    let recover = ["recover", "--countersign", "accepted.json", "--operator-key", &operator];
    place.at(url, &["recover", "--countersign", "accepted.json"]).done().says("asks for demo.localhost");
    place.at(url, &recover).done().says("opened a recovery of demo.localhost: until");
    place.at(url, &["keys", "list", DOMAIN]).done().says("recovery open (entry ").says(&fresh_kid).says("frozen by a key that contests");
    place.at(url, &["--key", &stolen, "recover", DOMAIN]).ends(1, "is one of demo.localhost's keys");
    place.at(url, &["--key", &stolen, "contest", DOMAIN]).done().says("contested the recovery of demo.localhost: it waits longer");
    place.at(url, &recover).ends(1, "A key of the domain contested it, so only the registry's operator can complete it");
    when_its_time_comes(&place, url, &recover, "[too_soon]").says(&format!("demo.localhost is recovered for the key {fresh_kid}"));
    place.at(url, &["keys", "list", DOMAIN]).done().says("recovered, ").says("packages of before wait until").says("1 keys of");
    let next = place.package("greet", "1.0.1", "");
    let publish = ["--key", &fresh, "publish", next.to_str().unwrap()];
    place.at(url, &publish).ends(1, "[held]");

    // After 30 days it goes through, and whoever verifies it is asked once whether they accept who has the domain now.
    when_its_time_comes(&place, url, &publish, "[held]");
    let release = format!("npm:{DOMAIN}/greet@1.0.1");
    place.at(url, &["verify", &format!("npm:{DOMAIN}/greet@1.0.0")]).done().says("the claim of demo.localhost");
    let refused = place.at(url, &["verify", &release]).ends(1, "it was recovered at ").ends(1, "[tenure_not_accepted]");
    assert!(!refused.out.contains('✓'), "{refused:?}");
    let json = place.at(url, &["--json", "verify", &release]).ends(1, "--accept-tenure").json();
    assert_eq!(
        (&json["verified"], &json["through"], &json["error"]["code"]),
        (&false.into(), &"recovery".into(), &"tenure_not_accepted".into())
    );
    place.at(url, &["verify", "--offline", &release]).ends(1, "[tenure_not_accepted]");
    let lock = format!(
        "{{\"lockfileVersion\":3,\"packages\":{{\"node_modules/@{DOMAIN}/greet\":{{\"version\":\"1.0.1\",\"resolved\":\"{url}/npm/@{DOMAIN}/greet/-/greet-1.0.1.tgz\",\"integrity\":\"{}\"}}}}}}",
        integrity(url)
    );
    place.write("package-lock.json", &lock);
    place.write("other/package-lock.json", lock.replace("1.0.1", "1.0.0"));
    place.at(url, &["verify", "--lockfile", "package-lock.json"]).ends(1, "does not verify");
    // Not where anything else does not verify.
    place.at(url, &["verify", "--lockfile", "other/package-lock.json", "--accept-tenure"]).ends(1, "does not verify");
    place.at(url, &["verify", &release, next.join("package.json").to_str().unwrap(), "--accept-tenure"]).ends(1, "is not what");
    place.at(url, &["verify", &release]).ends(1, "[tenure_not_accepted]");
    let stranger = Place::new();
    stranger.write("package-lock.json", &lock);
    stranger.at(url, &["verify", "--lockfile", "package-lock.json", "--accept-tenure"]).done().says("1 verified");
    stranger.at(url, &["verify", &release]).done();
    let accepted = place.at(url, &["verify", &release, "--accept-tenure"]).done().says("the recovery of demo.localhost");
    assert!(accepted.err.contains("accepted the holder of demo.localhost"), "{accepted:?}");
    place.at(url, &["verify", &release]).done().says("verifies");
    place.at(url, &["verify", "--offline", &release]).done();
    place.at(url, &["verify", "--lockfile", "package-lock.json"]).done();
    drop(registry);
    place.run(&["replay", "--verify", "--data", place.path("registry").to_str().unwrap()]).done();
}
