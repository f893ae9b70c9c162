//! What the distribution specification's own conformance program does not ask: ranges, conditions, HEAD beside GET, the digest header by
//! every kind of reference, a mirror's `ns`, and the `Link` of pages, all over HTTP against a real registry (spec/projections/oci.md §6,
//! RFC 9110 §13 and §14, RFC 8288).
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop where it stands, and so may what it is made of"
)]

use std::sync::{Mutex, PoisonError};

use deedbox_tests::{
    oci_layout::{INDEX, Layer, Layout, MANIFEST, digest},
    registry::Running,
};
use reqwest::{Method, header::HeaderMap};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha512};

/// A registry with three repositories, and the bytes of `app:1.0` in it.
struct Shared {
    registry: Running,
    index: Vec<u8>,
    manifest: Vec<u8>,
    /// Small: it is answered from memory.
    config: Vec<u8>,
    /// Large: it is answered from the disk.
    layer: Vec<u8>,
}

/// An answer.
struct Got {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Got {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

fn shared() -> &'static Shared {
    static SHARED: Mutex<Option<&'static Shared>> = Mutex::new(None);
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(shared) = *shared {
        return shared;
    }
    let registry = Running::start().unwrap();
    let scratch = tempfile::tempdir().unwrap();
    let publish = |layout: &Layout, name: &str, version: &str| {
        let id = format!("oci:demo.localhost/{name}");
        registry.deedbox(["publish", layout.path(), "--id", &id, "--version", version]).unwrap().done().unwrap();
    };
    let layout = Layout::new(scratch.path());
    let root = layout.two_platforms("app", "1.0");
    publish(&layout, "app", "1.0");
    let read = |descriptor: &Value| -> Vec<u8> {
        let digest = descriptor["digest"].as_str().unwrap();
        std::fs::read(layout.folder().join("blobs").join(digest.replace(':', "/"))).unwrap()
    };
    let index = read(&root);
    let manifest = read(&serde_json::from_slice::<Value>(&index).unwrap()["manifests"][0]);
    let members: Value = serde_json::from_slice(&manifest).unwrap();
    let (config, layer) = (read(&members["config"]), read(&members["layers"][0]));
    let artifact = |words: &str| {
        let config = layout.blob("application/vnd.oci.empty.v1+json", b"{}");
        let layers = json!([layout.blob("text/plain", words.as_bytes())]);
        layout.names(
            layout.document(MANIFEST, &json!({ "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers })),
            "x",
        );
    };
    for version in ["1.1", "1.2", "2.0-rc.1"] {
        artifact(version);
        publish(&layout, "app", version);
    }
    for name in ["charts/app", "tool"] {
        artifact(name);
        publish(&layout, name, "1.0");
    }
    let made: &'static Shared = Box::leak(Box::new(Shared { registry, index, manifest, config, layer }));
    *shared = Some(made);
    made
}

/// Asks for what is below `/v2/`.
fn ask(method: &Method, path: &str, headers: &[(&str, &str)]) -> Got {
    let url = format!("{}/v2/{path}", shared().registry.url);
    let mut request = reqwest::Client::new().request(method.clone(), &url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Got { status, headers, body: response.bytes().await.unwrap().to_vec() }
    })
}

fn get(path: &str, headers: &[(&str, &str)]) -> Got {
    ask(&Method::GET, path, headers)
}

fn sha512(bytes: &[u8]) -> String {
    format!("sha512:{}", hex::encode(Sha512::digest(bytes)))
}

fn manifest_at(reference: &str) -> String {
    format!("demo.localhost/app/manifests/{reference}")
}

fn blob_at(digest: &str) -> String {
    format!("demo.localhost/app/blobs/{digest}")
}

/// Path, bytes, media type and digest header of everything that is one object.
fn objects() -> Vec<(String, &'static [u8], &'static str, String)> {
    let shared = shared();
    let mut all = vec![(manifest_at("1.0"), shared.index.as_slice(), INDEX, digest(&shared.index))];
    for (bytes, media_type) in [(&shared.index, INDEX), (&shared.manifest, MANIFEST)] {
        all.extend([digest(bytes), sha512(bytes)].map(|digest| (manifest_at(&digest), bytes.as_slice(), media_type, digest)));
    }
    for bytes in [&shared.config, &shared.layer] {
        all.extend([digest(bytes), sha512(bytes)].map(|digest| (blob_at(&digest), bytes.as_slice(), "application/octet-stream", digest)));
    }
    all
}

#[test]
fn manifests_and_blobs_say_their_digest_by_tag_by_sha256_and_by_sha512_and_head_says_what_get_does() {
    for (path, bytes, media_type, digest) in objects() {
        let found = get(&path, &[("accept", "application/vnd.docker.distribution.manifest.v2+json")]);
        assert_eq!(found.status, 200, "{path}");
        assert!(found.body == bytes, "{path}: other bytes");
        assert_eq!(found.header("docker-content-digest"), Some(digest.as_str()), "{path}");
        assert_eq!(found.header("content-type"), Some(media_type), "{path}: its own type, whatever is asked for");
        assert_eq!(found.header("content-length"), Some(bytes.len().to_string().as_str()), "{path}");
        assert_eq!(found.header("accept-ranges"), Some("bytes"), "{path}");
        assert_eq!(found.header("docker-distribution-api-version"), Some("registry/2.0"), "{path}");
        let is_pinned = !path.ends_with("/1.0");
        assert_eq!(found.header("cache-control").unwrap().contains("immutable"), is_pinned, "{path}");

        let head = ask(&Method::HEAD, &path, &[]);
        assert_eq!((head.status, head.body.len()), (200, 0), "{path}");
        let said = |headers: &HeaderMap| {
            let mut said = headers.clone();
            for of_the_moment in ["date", "x-request-id"] {
                said.remove(of_the_moment);
            }
            said
        };
        assert_eq!(said(&head.headers), said(&found.headers), "{path}");
    }
    let missing = ask(&Method::HEAD, &manifest_at("9.9"), &[]);
    assert_eq!((missing.status, missing.body.len()), (404, 0));
}

#[test]
fn a_part_of_a_blob_or_manifest_is_answered_with_206_and_one_that_is_not_there_with_416() {
    for (path, bytes, _, digest) in objects() {
        let size = bytes.len();
        for (range, first, end) in [
            ("bytes=0-0".to_owned(), 0, 1),
            ("bytes=1-9".to_owned(), 1, 10),
            (format!("bytes={}-", size / 2), size / 2, size),
            (format!("bytes={}-{}", size - 3, size + 1_000), size - 3, size),
            ("bytes=-5".to_owned(), size - 5, size),
            (format!("bytes=-{}", size + 5), 0, size),
        ] {
            let part = get(&path, &[("range", &range)]);
            assert_eq!(part.status, 206, "{path} {range}");
            assert!(part.body == bytes[first..end], "{path} {range}: other bytes");
            assert_eq!(part.header("content-range"), Some(format!("bytes {first}-{}/{size}", end - 1).as_str()), "{path} {range}");
            assert_eq!(part.header("content-length"), Some((end - first).to_string().as_str()), "{path} {range}");
            assert_eq!(part.header("docker-content-digest"), Some(digest.as_str()), "{path} {range}: of the whole");
        }
        for range in [format!("bytes={size}-"), format!("bytes={}-{}", size + 1, size + 2), "bytes=-0".to_owned()] {
            let none = get(&path, &[("range", &range)]);
            assert_eq!((none.status, none.body.len()), (416, 0), "{path} {range}");
            assert_eq!(none.header("content-range"), Some(format!("bytes */{size}").as_str()), "{path} {range}");
        }
        // Several at once, what is not a range, and other units: the whole, which RFC 9110 §14.2 allows.
        for range in ["bytes=0-1,4-5", "bytes=5-2", "bytes=x", "lines=0-1"] {
            let whole = get(&path, &[("range", range)]);
            assert_eq!((whole.status, whole.body.len()), (200, size), "{path} {range}");
        }
        let head = ask(&Method::HEAD, &path, &[("range", "bytes=0-0")]);
        let said = head.header("content-length").map(str::to_owned);
        assert_eq!((head.status, said), (200, Some(size.to_string())), "{path}: a range is of GET alone");
    }
}

#[test]
fn a_download_is_gone_on_with_only_while_it_is_the_same() {
    for (path, bytes, ..) in objects() {
        let etag = get(&path, &[]).header("etag").unwrap().to_owned();
        let half = bytes.len() / 2;
        let range = format!("bytes={half}-");
        let rest = get(&path, &[("range", &range), ("if-range", &etag)]);
        assert_eq!((rest.status, rest.body == bytes[half..]), (206, true), "{path}");
        let weak = format!("W/{etag}");
        for other in ["\"other\"", &weak, "Sat, 21 Nov 2026 07:00:00 GMT"] {
            let whole = get(&path, &[("range", &range), ("if-range", other)]);
            assert_eq!((whole.status, whole.body == bytes), (200, true), "{path} {other}");
        }
    }
}

#[test]
fn what_a_client_has_is_not_sent_again() {
    let lists = ["demo.localhost/app/tags/list", "_catalog", ""].map(|path| (path.to_owned(), None));
    for (path, digest) in objects().into_iter().map(|(path, _, _, digest)| (path, Some(digest))).chain(lists) {
        let found = get(&path, &[]);
        let etag = found.header("etag").unwrap_or_else(|| panic!("{path:?} has no tag")).to_owned();
        for condition in [etag.clone(), format!("W/{etag}"), format!("\"other\", {etag}"), "*".to_owned()] {
            for method in [Method::GET, Method::HEAD] {
                let same = ask(&method, &path, &[("if-none-match", &condition), ("range", "bytes=0-0")]);
                assert_eq!((same.status, same.body.len()), (304, 0), "{method} {path:?} {condition}");
                assert_eq!(same.header("etag"), Some(etag.as_str()), "{path:?}");
                assert_eq!(same.header("cache-control"), found.header("cache-control"), "{path:?}");
                assert_eq!(same.header("docker-content-digest").map(str::to_owned), digest, "{path:?}");
            }
        }
        assert_eq!(get(&path, &[("if-none-match", "\"other\"")]).status, 200, "{path:?}");
    }
}

#[test]
fn a_mirrors_client_gets_its_namespace_back_and_the_same_bytes() {
    let shared = shared();
    let lists = [format!("demo.localhost/app/referrers/{}", digest(&shared.index)), "demo.localhost/app/tags/list".into(), String::new()];
    for path in objects().into_iter().map(|(path, ..)| path).chain(lists) {
        let (plain, named) = (get(&path, &[]), get(&format!("{path}?ns=registry.example"), &[]));
        assert_eq!((named.status, named.header("oci-namespace")), (200, Some("registry.example")), "{path}");
        assert_eq!(plain.header("oci-namespace"), None, "{path}");
        assert!(plain.body == named.body, "{path}");
        assert_eq!(plain.header("docker-content-digest"), named.header("docker-content-digest"), "{path}");
    }
    let missing = get(&format!("{}?ns=registry.example", manifest_at("9.9")), &[]);
    assert_eq!((missing.status, missing.header("oci-namespace")), (404, Some("registry.example")));
}

/// The path of the next page, below `/v2/`.
fn next(page: &Got) -> Option<String> {
    let link = page.header("link")?;
    let (target, rel) = link.split_once(">; ").unwrap();
    assert_eq!(rel, "rel=\"next\"");
    Some(target.strip_prefix("</v2/").unwrap().to_owned())
}

/// All pages from a first path, and what each holds.
fn pages(first: &str, member: &str) -> Vec<Vec<String>> {
    let mut path = Some(first.to_owned());
    let mut pages = Vec::new();
    while let Some(at) = path {
        let page = get(&at, &[]);
        assert_eq!(page.status, 200, "{at}");
        pages.push(serde_json::from_value(page.json()[member].clone()).unwrap());
        path = next(&page);
        assert!(pages.len() < 20, "pages without end: {path:?}");
    }
    pages
}

#[test]
fn tags_and_repositories_are_read_page_by_page_through_their_links() {
    let tags = "demo.localhost/app/tags/list";
    let all = ["1.0", "1.1", "1.2", "2.0-rc.1", "latest"];
    assert_eq!(pages(tags, "tags"), [all.to_vec()], "all of them, where no number is asked for");
    assert_eq!(pages(&format!("{tags}?n=2"), "tags"), [&all[..2], &all[2..4], &all[4..]]);
    assert_eq!(pages(&format!("{tags}?n=5"), "tags"), [all.to_vec()], "no empty page at the end");
    assert_eq!(pages(&format!("{tags}?n=2&last=1.1"), "tags"), [&all[2..4], &all[4..]]);
    let repositories = ["demo.localhost/app", "demo.localhost/charts/app", "demo.localhost/tool"];
    assert_eq!(pages("_catalog", "repositories"), [repositories.to_vec()]);
    assert_eq!(pages("_catalog?n=1", "repositories"), [&repositories[..1], &repositories[1..2], &repositories[2..]]);
    assert_eq!(pages("_catalog?n=2", "repositories"), [&repositories[..2], &repositories[2..]]);
    for wrong in ["n=x", "n=-1"] {
        let said = get(&format!("{tags}?{wrong}"), &[]);
        assert_eq!((said.status, &said.json()["errors"][0]["code"]), (400, &json!("PAGINATION_NUMBER_INVALID")));
    }
}

#[test]
fn a_layer_that_broke_off_is_the_layer_when_its_parts_are_put_together() {
    let layer = &shared().layer;
    assert_eq!(*layer, Layer::new("app amd64").packed);
    let path = blob_at(&digest(layer));
    let mut got = Vec::new();
    while got.len() < layer.len() {
        let range = format!("bytes={}-{}", got.len(), got.len() + 400_000);
        let part = get(&path, &[("range", &range)]);
        assert_eq!(part.status, 206);
        got.extend(part.body);
    }
    assert_eq!(digest(&got), digest(layer));
}
