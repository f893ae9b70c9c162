//! A claim in two halves: the publisher's is a file, and the operator's key is on another machine.

use super::text;
use crate::common::{Place, Running};

#[test]
fn a_claim_is_made_in_two_halves_and_neither_machine_has_both_keys() {
    let (operator, publisher) = (Place::new(), Place::new());
    let registry = Running::start(&operator, &[]);
    let url = registry.url.as_str();
    publisher.run(&["keygen"]).done();
    publisher.at(url, &["claim", "acme.example"]).ends(1, "the operator puts a list in force");
    let made = publisher.at(url, &["claim", "acme.example", "--request", "request.json"]).done().says("nothing was sent");
    publisher.at(url, &["claim", "acme.example", "--request", "request.json"]).ends(2, "is there already");
    let kid = made.out.lines().find(|line| line.trim().len() == 64).unwrap().trim().to_owned();

    let sent = operator.write("sent.json", std::fs::read(publisher.path("request.json")).unwrap());
    let shown = operator.at(url, &["claim", "--countersign", text(&sent)]).done();
    assert!(shown.out.contains("asks for acme.example in the log ") && shown.out.contains(&kid), "{shown:?}");
    let json = operator.at(url, &["claim", "--json", "--countersign", text(&sent)]).done().json();
    assert_eq!((json["filed"].as_bool(), json["keys"][0]["kid"].as_str()), (Some(false), Some(kid.as_str())));
    let key = registry.data.join("keys/operator.pem");
    let file = ["claim", "--countersign", text(&sent), "--operator-key", text(&key)];
    operator.at(url, &file).done().says("claimed acme.example as entry 1").says(&kid);
    operator.at(url, &file).done().says("nothing had to be done");

    let package = publisher.write("w/package.json", "{\"name\": \"@acme.example/w\", \"version\": \"1.0.0\"}");
    publisher.at(url, &["publish", text(package.parent().unwrap())]).done();

    // Not the operator's key; words that say something else than what was signed; other files.
    let other = operator.path("other.pem");
    operator.run(&["keygen", "--out", text(&other)]).done();
    publisher.at(url, &["claim", "third.example", "--request", "third.json"]).done();
    let third = std::fs::read_to_string(publisher.path("third.json")).unwrap();
    let log = serde_json::from_str::<serde_json::Value>(&third).unwrap()["log"].as_str().unwrap().to_owned();
    let third_path = operator.write("third.json", &third);
    operator.at(url, &["claim", "--countersign", text(&third_path), "--operator-key", text(&other)]).ends(1, "[");
    for (changed, words) in [
        (third.replace("third.example", "fourth.example"), "what it says is not what was signed"),
        (third.replace(&format!("\"{log}\""), "\"registry.example\""), "what it says is not what was signed"),
        (third.replace("version 1", "version 2"), "of another kind or version"),
        (third.replace("\"acceptance\": \"", "\"acceptance\": \"AAAA"), "is not a request for a domain"),
        (third.replace('{', "["), "is not a request for a domain"),
        (String::new(), "is not a request for a domain"),
    ] {
        let path = operator.write("changed.json", changed);
        let refused = operator.at(url, &["claim", "--countersign", text(&path), "--operator-key", text(&key)]).ends(1, words);
        assert!(refused.err.contains("deedbox claim DOMAIN --request FILE"), "{refused:?}");
    }
    operator.at(url, &["claim", "--countersign", "nowhere.json"]).ends(2, "nowhere.json");
    operator.at(url, &["claim", "x.example", "--countersign", text(&sent)]).ends(2, "cannot be used with");
    operator.at(url, &["claim"]).ends(2, "required");
}
