//! Every refusal that the program can give, provoked by somebody hostile (spec/api.md §1, spec/authority.md §5,
//! spec/objects.md §5, spec/projections/npm.md §4): each has its status, its code, words for people, and leaves nothing
//! behind. The list of codes is read from the sources, so that a code without a row here fails.

mod hands;
mod npm;
mod requests;
mod statements;

use crate::tarballs;
use crate::world::{World, header, parts};
use deedbox_model::{Statement, Verified};
use deedbox_npm::Npm;
use deedbox_server::codes::CODES;
use reqwest::{Method, RequestBuilder, Response};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

const ID: &str = "file:acme.localhost/widget";

/// Codes that no request can provoke at will, with the test that does.
const ELSEWHERE: [(&str, &str, &str); 9] = [
    // A clock that is set.
    ("clock", "server/tests/server/carried.rs", "one_start_with_a_clock_a_year_ahead_does_not_freeze_the_log"),
    // Somebody who may not read everything.
    ("in_the_way", "server/tests/server/readers/writes.rs", "a_refused_statement_tells_nothing_of_a_package_that_is_hidden"),
    // The same bytes again are answered with their receipt; only two writers could race to this.
    ("already_logged", "authority/tests/authority/decide.rs", "the_same_bytes_twice_are_named_with_their_index"),
    // A registry that files no claims below localhost.
    ("local_claims", "server/tests/server/publish.rs", "claims_below_localhost_are_filed_only_where_that_is_allowed"),
    // Who looks at a domain, and sees nothing there yet.
    ("not_shown_yet", "../tests/tests/claims.rs", "a_claim_is_filed_when_its_record_is_seen_and_not_before"),
    // A domain that was shown, and an operator who only vouches.
    ("weaker_evidence", "../tests/tests/claims.rs", "a_recovery_of_a_domain_that_was_shown_is_opened_when_its_record_is_seen_and_waits"),
    // Only Maven names one thing under two domains.
    (
        "native_name_of_domain",
        "../tests/tests/maven_names.rs",
        "the_owner_above_cannot_begin_a_coordinate_of_a_domain_that_was_claimed_before",
    ),
    // A quarter of a gigabyte.
    ("tarball_too_large", "npm/tests/hostile.rs", "a_release_is_one_tarball_of_a_bounded_size"),
    // A disk that fails while it is read.
    ("artifact_unreadable", "npm/tests/hostile.rs", "a_release_is_one_tarball_of_a_bounded_size"),
];

/// The codes that were provoked.
#[derive(Default)]
struct Provoked(BTreeSet<String>);

impl Provoked {
    /// Sends what must be refused, and looks for what it left.
    async fn by(&mut self, world: &World, what: &str, request: RequestBuilder, expected: (u16, &str)) {
        let before = world.kept();
        let response = request.send().await.unwrap();
        self.is(world, what, response, expected).await;
        // A file of an upload is removed as its connection ends.
        for _ in 0..40 {
            if world.kept() == before {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let new: Vec<String> = world.kept().into_keys().filter(|path| !before.contains_key(path)).collect();
        panic!("{what} left {new:?}, or changed something");
    }

    async fn is(&mut self, world: &World, what: &str, response: Response, (status, code): (u16, &str)) {
        let retry = header(&response, "retry-after").map(str::to_owned);
        let media_type = header(&response, "content-type").unwrap().to_owned();
        assert!(response.headers().contains_key("x-request-id"), "{what}");
        let found = response.status().as_u16();
        let text = response.text().await.unwrap();
        let body: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{what}: {found} {text:?}"));
        let error = &body["error"];
        assert_eq!((found, error["code"].as_str().unwrap()), (status, code), "{what}: {text}");
        assert_eq!(media_type, "application/json", "{what}");
        for words in ["message", "help"] {
            let words = error[words].as_str().unwrap();
            assert!(words.split(' ').count() >= 3 && words.len() < 1_000, "{what}: {words:?}");
            assert!(!words.chars().any(char::is_control), "{what}: {words:?}");
            assert!(!words.contains(world.dir.path().to_str().unwrap()), "{what} tells a stranger where this machine keeps things");
        }
        assert_eq!(retry.is_some(), matches!(status, 503 | 429), "{what}");
        match CODES.iter().find(|listed| listed.name == code) {
            Some(listed) => assert!(listed.statuses.contains(&status), "{what}: {status} {code}"),
            None => assert_eq!(status, 422, "a dialect's code"),
        }
        self.0.insert(code.to_owned());
    }

    async fn statement(&mut self, world: &World, what: &str, statement: &Verified<Statement>, expected: (u16, &str)) {
        self.bytes(world, what, statement.bytes().to_vec(), expected).await;
    }
    async fn bytes(&mut self, world: &World, what: &str, bytes: Vec<u8>, expected: (u16, &str)) {
        self.by(world, what, events(world, bytes), expected).await;
    }
}

fn events(world: &World, bytes: Vec<u8>) -> RequestBuilder {
    world.request(Method::POST, "/api/v1/events").header("content-type", "application/cose").body(bytes)
}

fn hostile_parts() -> deedbox_server::Parts {
    let mut parts = parts();
    parts.dialects.push(Arc::new(Npm::with_limits(tarballs::LIMITS)));
    parts.projections.push(Arc::new(Npm::new()));
    parts.views.push(Arc::new(Npm::new()));
    parts
}

async fn hostile_world() -> World {
    World::open_with(Arc::new(TempDir::new().unwrap()), |_| {}, hostile_parts()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_code_that_the_program_has_is_provoked_and_leaves_nothing_behind() {
    let mut provoked = Provoked::default();
    let world = hostile_world().await;
    let owner = world.claim("acme.localhost", 10).await;
    statements::of_authority(&world, &owner, &mut provoked).await;
    statements::of_the_door(&world, &owner, &mut provoked).await;
    npm::of_npm(&world, &owner, &mut provoked).await;
    requests::of_requests(&world, &owner, &mut provoked).await;
    world.stop().await;
    hands::of_hands(&mut provoked).await;
    requests::of_uploads(&mut provoked).await;
    requests::of_a_registry_that_is_not_well(&mut provoked).await;

    let Provoked(mut seen) = provoked;
    for (code, file, test) in ELSEWHERE {
        let source = std::fs::read_to_string(crates().join(file)).unwrap();
        assert!(source.contains(&format!("fn {test}(")) && source.contains(&format!("\"{code}\"")), "{file} no longer provokes {code}");
        assert!(seen.insert(code.to_owned()), "{code} can be provoked over HTTP");
    }
    let listed: BTreeSet<String> = CODES.iter().map(|code| code.name.to_owned()).collect();
    let ours = codes_in_sources();
    assert_eq!(listed, ours, "deedbox_server::codes::CODES is not what the sources say");
    let all: BTreeSet<String> = ours.into_iter().chain(codes_of_npm()).collect();
    let missing: Vec<&String> = all.difference(&seen).collect();
    assert!(missing.is_empty(), "nobody provokes {missing:?}");
    let unknown: Vec<&String> = seen.difference(&all).collect();
    assert!(unknown.is_empty(), "no source has {unknown:?}");
}

fn crates() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn sources(of: &str) -> Vec<String> {
    sources_in(&crates().join(of).join("src"))
}

fn sources_in(folder: &Path) -> Vec<String> {
    let mut texts = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|e| e == "rs") && path.file_name().is_some_and(|name| name != "codes.rs") {
            let text = std::fs::read_to_string(path).unwrap();
            texts.push(text.split("\n#[cfg(test)]").next().unwrap().to_owned());
        }
    }
    texts
}

/// Each text in quotes that comes right after one of these.
fn quoted_after(text: &str, marks: &[&str]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for mark in marks {
        for (at, _) in text.match_indices(mark) {
            if let Some(rest) = text[at + mark.len()..].trim_start().strip_prefix('"') {
                found.insert(rest.split('"').next().unwrap().to_owned());
            }
        }
    }
    found
}

/// The codes that this server, its door, authority and the catalog can give.
fn codes_in_sources() -> BTreeSet<String> {
    let mut codes = BTreeSet::new();
    for of in ["authority", "intake"] {
        let text = std::fs::read_to_string(crates().join(of).join("src/refusal.rs")).unwrap();
        codes.extend(quoted_after(&text, &["=>"]));
    }
    // The door's words for these are answered under the name that every body's limit and every fault of the program has.
    assert!(codes.remove("object_too_large") && codes.remove("defect"));
    let statuses: Vec<String> =
        ["BAD_REQUEST", "NOT_FOUND", "UNAUTHORIZED", "METHOD_NOT_ALLOWED", "CONFLICT", "PAYLOAD_TOO_LARGE", "INTERNAL_SERVER_ERROR"]
            .into_iter()
            .chain([
                "NOT_ACCEPTABLE",
                "REQUEST_HEADER_FIELDS_TOO_LARGE",
                "UNPROCESSABLE_ENTITY",
                "SERVICE_UNAVAILABLE",
                "TOO_MANY_REQUESTS",
            ])
            .map(|status| format!("StatusCode::{status},"))
            .collect();
    let mut marks: Vec<&str> = statuses.iter().map(String::as_str).collect();
    marks.extend(["unprocessable(", "unavailable(", "writing.stop(", "Writing::stopped(", "ReplayError::Undecided { .. } =>"]);
    for text in sources("server") {
        codes.extend(quoted_after(&text, &marks));
    }
    for text in sources("catalog") {
        codes.extend(quoted_after(&text, &["Refused::new(400,", "Refused::new(404,", "Refused::new(405,", "Refused::new(422,"]));
        assert_eq!(text.matches("Refused::new(").count(), text.matches("Refused::new(4").count() + text.matches("Refused::new(\n").count());
        for status in ["400", "404", "405", "422"] {
            for (at, _) in text.match_indices("Refused::new(\n") {
                let inner = text[at + "Refused::new(".len()..].trim_start();
                if let Some(rest) = inner.strip_prefix(status) {
                    codes.extend(quoted_after(&format!("@{}", rest.trim_start_matches([',', ' ', '\n'])), &["@"]));
                }
            }
        }
    }
    codes
}

fn codes_of_npm() -> BTreeSet<String> {
    let mut codes = BTreeSet::new();
    let archive = crates().join("archive/src");
    let tar = [std::fs::read_to_string(archive.join("tar.rs")).unwrap()];
    for text in sources("npm").iter().chain(&tar).chain(&sources_in(&archive.join("tar"))) {
        codes.extend(quoted_after(text, &["refuse(", "InspectRefusal::new("]));
    }
    // Of a manner of archives that npm's are not: without extension headers.
    assert!(codes.remove("archive_extension"));
    assert!(codes.len() > 30, "{codes:?}");
    codes
}

#[test]
fn a_code_is_found_wherever_it_is_written() {
    let text = "a => \"one\",\n refuse(\n    \"two\", x) refuse(code) Refused::new(StatusCode::CONFLICT, \"three\")";
    assert_eq!(quoted_after(text, &["=>", "refuse(", "StatusCode::CONFLICT,"]), BTreeSet::from(["one", "two", "three"].map(str::to_owned)));
}
