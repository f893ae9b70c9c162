//! Readers who may not (docs/decisions/0017): what is hidden from somebody is, byte for byte, what is not there, whatever they ask with and
//! who was answered before them. The policies are the test's own; the program has none but that everybody may read everything.

mod can;
mod ecosystems;
mod writes;

use crate::world::{World, artifact, now, object_path, parts};
use deedbox_model::{ObjectRef, PackageId};
use deedbox_server::{Config, ReadPolicy};
use deedbox_view::{Reader, Resource};
use http::HeaderMap;
use reqwest::{Method, Response};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use tempfile::TempDir;

const HIDDEN: &str = "file:acme.localhost/secret";
/// As long as the hidden one, and never published.
const UNKNOWN: &str = "file:acme.localhost/nobody";
const OPEN: &str = "file:acme.localhost/public";

/// Hides something from everybody but one friend, who says so in a header.
struct Hides(fn(&Resource) -> bool);

impl ReadPolicy for Hides {
    fn reader(&self, head: &HeaderMap) -> Reader {
        head.get("x-reader").and_then(|name| name.to_str().ok()).map_or(Reader::ANYBODY, Reader::known)
    }
    fn may_read(&self, reader: &Reader, resource: &Resource) -> bool {
        reader.id() == Some("friend") || !(self.0)(resource)
    }
}

async fn world(hides: fn(&Resource) -> bool) -> World {
    let parts = deedbox_server::Parts { policy: Arc::new(Hides(hides)), ..parts() };
    World::open_with(Arc::new(TempDir::new().unwrap()), |_: &mut Config| {}, parts).await.unwrap()
}

fn is_secret(resource: &Resource) -> bool {
    *resource == Resource::Package(PackageId::parse(HIDDEN).unwrap())
}

async fn ask(world: &World, method: Method, path: &str, headers: &[(&str, &str)]) -> Response {
    let mut request = world.request(method, path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.unwrap()
}

/// Status, headers and body, but for what every answer has of its own, with one name for another.
async fn all_of(response: Response, named: &str) -> (u16, BTreeMap<String, String>, String) {
    let status = response.status().as_u16();
    let headers = response.headers().iter().filter(|(name, _)| !matches!(name.as_str(), "date" | "x-request-id"));
    let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
    (status, headers, response.text().await.unwrap().replace(named, "NAME"))
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_read_a_package_gets_what_is_not_there() {
    let world = world(is_secret).await;
    let owner = world.claim("acme.localhost", 10).await;
    let secret = world.publish(&owner, HIDDEN, "1.0.0", None).await;
    world.publish(&owner, OPEN, "1.0.0", None).await;
    let friend = ("x-reader", "friend");
    let bytes = artifact(HIDDEN, "1.0.0", b"");
    let manifest = crate::file_dialect::manifest_of(HIDDEN, "1.0.0", &bytes).encode().unwrap();
    let nowhere = object_path(&ObjectRef::of(b"nobody has sent this"));
    let no_id = "/api/v1/events/".to_owned() + &"ab".repeat(32);
    let id = secret.id().to_hex();
    let index = 2;
    let of = |path: &str| (path.replace("NAME", HIDDEN), path.replace("NAME", UNKNOWN));
    let mut paths: Vec<((String, String), (String, String))> = [
        "/file/NAME",
        "/file/NAME@1.0.0",
        "/api/v1/packages/NAME",
        "/api/v1/packages/NAME?view=versions",
        "/api/v1/packages/NAME?view=channels",
        "/api/v1/packages/NAME?view=history",
        "/api/v1/packages/NAME@1.0.0",
    ]
    .iter()
    .map(|path| (of(path), (HIDDEN.to_owned(), UNKNOWN.to_owned())))
    .collect();
    for object in [&bytes, &manifest] {
        let object = ObjectRef::of(object);
        let names = (object.sha256.to_hex(), ObjectRef::of(b"nobody has sent this").sha256.to_hex());
        paths.push(((object_path(&object), nowhere.clone()), names));
    }
    paths.push(((format!("/api/v1/events/{id}"), no_id.clone()), (id.clone(), "ab".repeat(32))));
    paths.push(((format!("/api/v1/events/{id}/proof"), no_id + "/proof"), (id, "ab".repeat(32))));
    paths.push(((format!("/api/v1/events/{index}"), "/api/v1/events/9".to_owned()), (index.to_string(), "9".to_owned())));

    for ((hidden, unknown), (name, other)) in &paths {
        // The friend is answered, and the answer kept.
        let seen = ask(&world, Method::GET, hidden, &[friend]).await;
        assert_eq!(seen.status(), 200, "{hidden}");
        let cache = seen.headers()["cache-control"].to_str().unwrap().to_owned();
        assert!(
            cache.starts_with("private, ") && seen.headers().get_all("vary").iter().any(|vary| vary == "Authorization, Cookie"),
            "{cache}"
        );
        let tag = seen.headers()["etag"].to_str().unwrap().to_owned();
        let again = ask(&world, Method::GET, hidden, &[friend, ("if-none-match", &tag)]).await;
        assert_eq!(again.status(), 304, "{hidden}");
        let conditions: [&[(&str, &str)]; 6] = [
            &[],
            &[("if-none-match", &tag)],
            &[("if-none-match", "*")],
            &[("range", "bytes=0-3")],
            &[("range", "bytes=0-3"), ("if-range", &tag)],
            &[("accept-encoding", "gzip, br"), ("x-reader", "somebody else")],
        ];
        for headers in conditions {
            for method in [Method::GET, Method::HEAD] {
                let found = all_of(ask(&world, method.clone(), hidden, headers).await, name).await;
                let expected = all_of(ask(&world, method, unknown, headers).await, other).await;
                assert_eq!(found, expected, "{hidden} {headers:?}");
                assert_eq!(found.0, 404, "{hidden} {headers:?}");
            }
        }
    }

    // In one proof for many, it is missing as what does not exist is.
    let proofs = async |release: &str, headers: &[(&str, &str)]| {
        let body = json!({ "releases": [release], "chains": true }).to_string();
        let mut request = world.request(Method::POST, "/api/v1/proofs").body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.unwrap().bytes().await.unwrap()
    };
    let holds = |bytes: &[u8], part: &[u8]| bytes.windows(part.len()).any(|window| window == part);
    let (hidden, unknown) = (format!("{HIDDEN}@1.0.0"), format!("{UNKNOWN}@1.0.0"));
    assert!(holds(&proofs(&hidden, &[friend]).await, secret.bytes()));
    let (found, expected) = (proofs(&hidden, &[]).await, proofs(&unknown, &[]).await);
    assert!(!holds(&found, secret.bytes()) && found.len() == expected.len());
    let by_index = world.request(Method::POST, "/api/v1/proofs").body(json!({ "indices": [index] }).to_string()).send().await.unwrap();
    assert_eq!(by_index.status(), 404);

    // What is not hidden is as it is for everybody.
    for path in [format!("/file/{OPEN}"), format!("/file/{OPEN}@1.0.0"), format!("/api/v1/packages/{OPEN}")] {
        let seen = world.get(&path).await;
        assert_eq!(seen.status(), 200, "{path}");
        assert!(seen.headers()["cache-control"].to_str().unwrap().starts_with("public, "), "{path}");
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_to_whom_nothing_is_shown_learns_nothing_on_any_route() {
    let world = world(|_| true).await;
    let owner = world.claim("acme.localhost", 10).await;
    let release = world.publish(&owner, HIDDEN, "1.0.0", None).await;
    let id = release.id().to_hex();
    let object = object_path(&ObjectRef::of(&artifact(HIDDEN, "1.0.0", b"")));
    for (path, status) in [
        ("/log/checkpoint".to_owned(), 404),
        ("/log/log.vkey".to_owned(), 404),
        ("/log/tile/0/000.p/3".to_owned(), 404),
        ("/log/tile/entries/000.p/3".to_owned(), 404),
        ("/api/v1/events".to_owned(), 200),
        ("/api/v1/events?from=0&limit=3".to_owned(), 200),
        ("/api/v1/events/0".to_owned(), 404),
        ("/api/v1/events/2".to_owned(), 404),
        (format!("/api/v1/events/{id}"), 404),
        (format!("/api/v1/events/{id}/proof"), 404),
        ("/api/v1/registry".to_owned(), 404),
        ("/api/v1/packages/".to_owned(), 200),
        (format!("/api/v1/packages/{HIDDEN}"), 404),
        (format!("/api/v1/packages/{HIDDEN}@1.0.0"), 404),
        ("/api/v1/domains/".to_owned(), 200),
        ("/api/v1/domains/acme.localhost".to_owned(), 404),
        ("/api/v1/search/?q=secret".to_owned(), 200),
        (format!("/file/{HIDDEN}"), 404),
        (format!("/file/{HIDDEN}@1.0.0"), 404),
        (object, 404),
    ] {
        // A reader who may see it sees it; then nobody else does.
        assert_eq!(ask(&world, Method::GET, &path, &[("x-reader", "friend")]).await.status(), 200, "{path}");
        let seen = world.get(&path).await;
        assert_eq!(seen.status(), status, "{path}");
        let text = seen.text().await.unwrap();
        assert!(status != 200 || !text.contains("acme") && !text.contains("secret"), "{path}: {text}");
    }
    let proofs = world.request(Method::POST, "/api/v1/proofs").body(json!({ "indices": [2] }).to_string()).send().await.unwrap();
    assert_eq!(proofs.status(), 404);
    // What says nothing of the log is for everybody.
    for path in ["/health", "/ready"] {
        assert_eq!(world.get(path).await.status(), 200, "{path}");
    }
    // Its owner reads back what is published, as somebody.
    let again = owner.yank(HIDDEN, "1.0.0", release.id(), now());
    world.must_append(&again).await;
    world.stop().await;
}
