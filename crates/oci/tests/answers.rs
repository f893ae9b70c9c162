//! What clients are answered (spec/projections/oci.md §5, §6), and the laws of folding (spec/projections/README.md §3).
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may stop where it stands, its helpers too")]

mod common;

use common::*;
use deedbox_model::ReasonCode;
use deedbox_oci::Oci;
use deedbox_testkit::folding::{self, Logged};
use deedbox_testkit::laws;
use deedbox_view::{Body, Cache, Fact, Facts, Method, Request};
use proptest::prelude::*;
use serde_json::{Value, json};

fn log() -> Log<Oci> {
    Log::default()
}
fn body(store: &Store<Oci>, path: &str) -> Value {
    let response = get(store, path);
    assert_eq!(response.status, 200, "{path}: {}", text(&response));
    serde_json::from_str(&text(&response)).unwrap()
}
fn tags(store: &Store<Oci>) -> Value {
    body(store, "acme.example/app/tags/list")["tags"].clone()
}
fn status(store: &Store<Oci>, path: &str) -> (u16, String) {
    let response = get(store, path);
    (response.status, code(&response))
}

#[test]
fn a_manifest_answers_by_tag_and_by_either_digest_with_its_own_type() {
    let app = image(&["one"]);
    let mut log = log();
    publish(&mut log, "1.0", &app);
    let store = log.rows();
    let (short, long) = (sha256(&app.manifest), sha512(&app.manifest));
    for (reference, digest, cache) in [
        ("1.0", &short, Cache::Revalidate),
        ("latest", &short, Cache::Revalidate),
        (&short, &short, Cache::Immutable),
        (&long, &long, Cache::Immutable),
    ] {
        let response = get(&store, &format!("acme.example/app/manifests/{reference}"));
        assert_eq!((response.status, response.cache), (200, cache), "{reference}");
        assert_eq!(response.media_type, OCI_MANIFEST);
        assert_eq!(text(&response), short, "the object is that of the manifest's own bytes");
        assert_eq!(header(&response, "docker-content-digest"), Some(digest.as_str()));
        assert_eq!(header(&response, "docker-distribution-api-version"), Some("registry/2.0"));
    }
    for digest in [sha256(b"one"), sha512(b"one")] {
        let response = get(&store, &format!("acme.example/app/blobs/{digest}"));
        assert_eq!((response.status, response.media_type.as_ref()), (200, "application/octet-stream"));
        assert_eq!(header(&response, "docker-content-digest"), Some(digest.as_str()));
        assert!(matches!(response.body, Body::Object(object) if object.size == 3));
    }
}

#[test]
fn what_is_not_there_is_refused_with_the_codes_of_the_specification() {
    let mut log = log();
    publish(&mut log, "1.0", &image(&["one"]));
    let store = log.rows();
    let unknown = sha256(b"unknown");
    for (path, expected) in [
        ("acme.example/app/manifests/2.0".to_owned(), (404, "MANIFEST_UNKNOWN")),
        ("acme.example/app/manifests/.INVALID".to_owned(), (404, "MANIFEST_UNKNOWN")),
        (format!("acme.example/app/manifests/{unknown}"), (404, "MANIFEST_UNKNOWN")),
        (format!("acme.example/app/manifests/{}", sha256(b"one")), (404, "MANIFEST_UNKNOWN")),
        (format!("acme.example/app/blobs/{unknown}"), (404, "BLOB_UNKNOWN")),
        (format!("acme.example/other/blobs/{}", sha256(b"one")), (404, "BLOB_UNKNOWN")),
        ("acme.example/other/manifests/1.0".to_owned(), (404, "NAME_UNKNOWN")),
        ("acme.example/other/tags/list".to_owned(), (404, "NAME_UNKNOWN")),
        ("library/app/tags/list".to_owned(), (404, "NAME_UNKNOWN")),
        ("acme.example/App/tags/list".to_owned(), (400, "NAME_INVALID")),
        ("acme.example/app/blobs/sha256:1".to_owned(), (400, "DIGEST_INVALID")),
        ("acme.example/app/tags/list?n=x".to_owned(), (400, "PAGINATION_NUMBER_INVALID")),
        ("_catalog?n=-1".to_owned(), (400, "PAGINATION_NUMBER_INVALID")),
        ("acme.example/app".to_owned(), (404, "UNSUPPORTED")),
    ] {
        assert_eq!(status(&store, &path), (expected.0, expected.1.to_owned()), "{path}");
    }
}

#[test]
fn a_write_is_unsupported_and_names_the_command_that_does_it() {
    let store = log().rows();
    for method in [Method::Write, Method::Post] {
        let response = store.answer(&Request { method, ..Request::get("/v2/", "acme.example/app/blobs/uploads/") });
        assert_eq!((response.status, code(&response).as_str()), (405, "UNSUPPORTED"));
        assert!(text(&response).contains("deedbox publish") && header(&response, "allow") == Some("GET, HEAD"));
    }
}

#[test]
fn the_version_answers_a_token_is_given_and_a_namespace_comes_back() {
    let store = log().rows();
    let response = get(&store, "?ns=registry.example");
    assert_eq!((response.status, header(&response, "oci-namespace")), (200, Some("registry.example")));
    assert_eq!(header(&get(&store, "?ns=a b"), "oci-namespace"), None);
    assert_eq!(body(&store, "token")["token"], "anonymous");
    assert_eq!(get(&store, "token").cache, Cache::Never);
}

#[test]
fn tags_are_versions_and_channels_in_order_and_by_pages() {
    let mut log = log();
    for version in ["1.10", "1.9", "B", "a"] {
        publish(&mut log, version, &image(&[version]));
    }
    log.channel(ID, "stable", "1.9").channel(ID, "not+a+tag", "1.9").channel(ID, "gone", "1.9").remove_channel(ID, "gone");
    let store = log.rows();
    assert_eq!(tags(&store), json!(["1.10", "1.9", "B", "a", "latest", "stable"]));
    assert_eq!(body(&store, "acme.example/app/tags/list")["name"], "acme.example/app");
    let mut path = "acme.example/app/tags/list?n=4".to_owned();
    let mut seen = Vec::new();
    loop {
        let page = get(&store, &path);
        let page_tags: Value = serde_json::from_str(&text(&page)).unwrap();
        seen.extend(page_tags["tags"].as_array().unwrap().iter().map(|tag| tag.as_str().unwrap().to_owned()));
        match header(&page, "link") {
            Some(link) => path = link.strip_prefix("</v2/").unwrap().strip_suffix(">; rel=\"next\"").unwrap().to_owned(),
            None => break,
        }
    }
    assert_eq!(json!(seen), tags(&store));
    assert_eq!(body(&store, "acme.example/app/tags/list?n=0")["tags"], json!([]));
    assert_eq!(body(&store, "acme.example/app/tags/list?last=B")["tags"], json!(["a", "latest", "stable"]));
    assert_eq!(body(&store, "acme.example/app/tags/list?last=C&n=1")["tags"], json!(["a"]), "a tag that is not there");
}

#[test]
fn a_yanked_version_leaves_the_tags_and_stays_where_it_is_pinned() {
    let (one, two) = (image(&["one"]), image(&["two"]));
    let mut log = log();
    publish(&mut log, "1.0", &one);
    publish(&mut log, "2.0", &two);
    log.yank(ID, "2.0", ReasonCode::Broken);
    let store = log.rows();
    assert_eq!(tags(&store), json!(["1.0"]), "latest pointed at 2.0");
    for tag in ["2.0", "latest"] {
        assert_eq!(status(&store, &format!("acme.example/app/manifests/{tag}")), (404, "MANIFEST_UNKNOWN".to_owned()));
    }
    assert_eq!(get(&store, &format!("acme.example/app/manifests/{}", sha256(&two.manifest))).status, 200);
    assert_eq!(get(&store, &format!("acme.example/app/blobs/{}", sha256(b"two"))).status, 200);
    log.unyank(ID, "2.0").deprecate(ID, "1.0", ReasonCode::Superseded, None);
    assert_eq!(tags(&log.rows()), json!(["1.0", "2.0", "latest"]), "a notice changes nothing here");
}

#[test]
fn a_version_never_moves_even_where_a_channel_has_its_name() {
    let (one, two) = (image(&["one"]), image(&["two"]));
    let mut log = log();
    publish(&mut log, "1.0", &one);
    publish(&mut log, "2.0", &two);
    log.channel(ID, "1.0", "2.0");
    let at = |log: &Log<Oci>| get(&log.rows(), "acme.example/app/manifests/1.0");
    assert_eq!(text(&at(&log)), sha256(&one.manifest));
    log.yank(ID, "1.0", ReasonCode::Broken);
    assert_eq!(at(&log).status, 404, "nor while it is yanked");
    assert_eq!(tags(&log.rows()), json!(["2.0", "latest"]));
}

#[test]
fn what_is_about_a_manifest_is_listed_with_its_type_and_annotations() {
    let app = image(&["one"]);
    let mut log = log();
    publish(&mut log, "1.0", &app);
    let path = format!("acme.example/app/referrers/{}", sha256(&app.manifest));
    let empty = json!({ "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [] });
    assert_eq!(body(&log.rows(), &path), empty);
    assert_eq!(body(&log.rows(), &format!("acme.example/none/referrers/{}", sha256(b"x"))), empty, "never 404");
    let (sbom, signature) = (about(&app, "application/sbom", "sbom"), about(&app, "application/signature", "signature"));
    publish(&mut log, "1.0-sbom", &sbom);
    publish(&mut log, "1.0-sig", &signature);
    let store = log.rows();
    let response = get(&store, &path);
    assert_eq!(response.media_type, OCI_INDEX);
    assert_eq!(body(&store, &path)["manifests"].as_array().unwrap().len(), 2);
    let filtered = get(&store, &format!("{path}?artifactType=application/sbom"));
    assert_eq!(header(&filtered, "oci-filters-applied"), Some("artifactType"));
    let expected = json!({ "mediaType": OCI_MANIFEST, "digest": sha256(&sbom.manifest), "size": sbom.manifest.len(),
        "artifactType": "application/sbom", "annotations": { "note": "sbom" } });
    let filtered: Value = serde_json::from_str(&text(&filtered)).unwrap();
    assert_eq!(filtered["manifests"], json!([expected]));
    log.yank(ID, "1.0-sbom", ReasonCode::Mistake);
    assert_eq!(body(&log.rows(), &path)["manifests"].as_array().unwrap().len(), 1, "what is yanked is offered to nobody");
    assert_eq!(get(&log.rows(), &format!("acme.example/app/manifests/{}", sha256(&sbom.manifest))).status, 200);
    log.unyank(ID, "1.0-sbom");
    assert_eq!(body(&log.rows(), &path)["manifests"].as_array().unwrap().len(), 2);
}

#[test]
fn what_is_about_another_manifest_answers_by_its_tags_and_is_not_listed() {
    let app = image(&["one"]);
    let mut log = log();
    publish(&mut log, "1.0", &app);
    let signature = about(&app, "application/signature", "signature");
    publish(&mut log, "1.0-sig", &signature);
    // The index itself is about nothing, whatever is in it.
    publish(&mut log, "1.0-all", &index(&[image(&["one"]), about(&app, "application/sbom", "sbom")]));
    log.channel(ID, "signed", "1.0-sig");
    assert_eq!(tags(&log.rows()), json!(["1.0", "1.0-all", "latest"]));
    for tag in ["1.0-sig", "signed", &sha256(&signature.manifest)] {
        let response = get(&log.rows(), &format!("acme.example/app/manifests/{tag}"));
        assert_eq!((response.status, text(&response)), (200, sha256(&signature.manifest)), "{tag}");
    }
    let pages = body(&log.rows(), "acme.example/app/tags/list?n=2&last=1.0");
    assert_eq!(pages["tags"], json!(["1.0-all", "latest"]), "nor in a page");
}

#[test]
fn referrers_come_by_pages_and_all_of_them_come() {
    let app = image(&["one"]);
    let mut log = log();
    for release in 0..5 {
        let many: Vec<Image> = (0..250).map(|n| about(&app, "text/x", &format!("{release}/{n}"))).collect();
        publish(&mut log, &format!("{release}-refs"), &index(&many));
    }
    let store = log.rows();
    let mut path = format!("acme.example/app/referrers/{}?artifactType=text/x", sha256(&app.manifest));
    let mut seen = std::collections::BTreeSet::new();
    let mut pages = 0;
    loop {
        let page = get(&store, &path);
        let index: Value = serde_json::from_str(&text(&page)).unwrap();
        seen.extend(index["manifests"].as_array().unwrap().iter().map(|manifest| manifest["digest"].to_string()));
        pages += 1;
        match header(&page, "link") {
            Some(link) => path = link.strip_prefix("</v2/").unwrap().strip_suffix(">; rel=\"next\"").unwrap().replace("%7B", "{"),
            None => break,
        }
    }
    assert_eq!((seen.len(), pages), (1_250, 2));
}

#[test]
fn repositories_are_listed_by_pages() {
    let mut log = log();
    for name in ["a", "b/c", "d"] {
        let id = format!("oci:acme.example/{name}");
        log.publish_inspected(&inspect_as(Some(&id), Some("1.0"), &image(&[name]).files).unwrap());
    }
    let store = log.rows();
    assert_eq!(body(&store, "_catalog")["repositories"], json!(["acme.example/a", "acme.example/b/c", "acme.example/d"]));
    let page = get(&store, "_catalog?n=2");
    assert_eq!(header(&page, "link"), Some("</v2/_catalog?n=2&last=acme.example/b/c>; rel=\"next\""));
    assert_eq!(body(&store, "_catalog?n=2&last=acme.example/b/c")["repositories"], json!(["acme.example/d"]));
    assert_eq!(header(&get(&store, "_catalog?n=2&last=acme.example/b/c"), "link"), None);
}

#[test]
fn what_is_withheld_or_unreadable_is_no_tag_and_says_why() {
    let app = image(&["one"]);
    let found = inspect("1.0", &app.files).unwrap();
    for (fact, expected) in [(Fact::Withheld, (451, "DENIED")), (Fact::Unreadable("manifest_differs"), (404, "MANIFEST_UNKNOWN"))] {
        let mut log = log();
        let event = deedbox_testkit::folding::published(&Oci, &found.manifest, &["latest"]);
        log.append(ID, event, Facts { manifest: Some(fact), message: None });
        let store = log.rows();
        assert_eq!(status(&store, "acme.example/app/manifests/1.0"), (expected.0, expected.1.to_owned()));
        assert_eq!(tags(&store), json!([]));
    }
}

#[test]
fn a_manifest_of_another_dialect_makes_an_unreadable_release_and_no_row_more() {
    let mut found = inspect("1.0", &image(&["one"]).files).unwrap();
    found.manifest.native = deedbox_model::Value::Null;
    let mut log = log();
    log.publish_as(&found.manifest, &[]);
    let store = log.rows();
    assert_eq!(status(&store, "acme.example/app/manifests/1.0").0, 404);
    assert_eq!(store.rows.len(), 2, "a head and a version");
}

#[test]
fn a_layer_of_an_earlier_release_is_not_written_again() {
    let mut log = log();
    publish(&mut log, "1.0", &image(&["base", "one"]));
    publish(&mut log, "2.0", &image(&["base", "two"]));
    let store = log.rows();
    let base = deedbox_model::RowKey::new(format!("x/acme.example/app@b/{}", sha256(b"base"))).unwrap();
    assert_eq!(store.rows[&base].seq, 0);
}

#[test]
fn rows_are_as_they_were_agreed() {
    let app = image(&["one"]);
    let mut log = log();
    publish(&mut log, "1.0", &app);
    publish(&mut log, "1.0-sbom", &about(&app, "application/sbom", "sbom"));
    log.yank(ID, "1.0-sbom", ReasonCode::Mistake);
    let shown: String = log.rows().rows.iter().map(|(key, row)| format!("{key} {} {}\n", row.seq, hex(&row.bytes))).collect();
    // Other rows are another version of the projection.
    deedbox_testkit::golden(env!("CARGO_MANIFEST_DIR"), "rows.txt", &shown);
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A history of two repositories, some of it without sense.
fn histories() -> impl Strategy<Value = Vec<Logged>> {
    proptest::collection::vec((0_usize..2, 0_usize..9, 0_usize..4), 1..24).prop_map(|steps| {
        let mut log = log();
        let base = image(&["base"]);
        for (repository, action, n) in steps {
            let id = ["oci:acme.example/app", "oci:acme.example/app/more"][repository];
            let version = ["1.0", "1.1", "2.0-rc", "x"][n];
            let publish = |log: &mut Log<Oci>, image: &Image| {
                log.publish_inspected(&inspect_as(Some(id), Some(version), &image.files).unwrap());
            };
            match action {
                0 => publish(&mut log, &image(&["base", version])),
                1 => publish(&mut log, &index(&[base.clone(), image(&[version])])),
                2 => publish(&mut log, &about(&base, "text/x", version)),
                3 => {
                    log.yank(id, version, ReasonCode::Other);
                }
                4 => {
                    log.unyank(id, version);
                }
                5 => {
                    log.channel(id, "stable", version);
                }
                6 => {
                    log.remove_channel(id, "stable");
                }
                7 => {
                    log.deprecate(id, version, ReasonCode::Other, None);
                }
                _ => {
                    log.channel(id, version, "1.0");
                }
            }
        }
        log.entries
    })
}

fn requests() -> Vec<Request> {
    let mut paths = vec!["_catalog".to_owned()];
    for repository in ["acme.example/app", "acme.example/app/more"] {
        paths.push(format!("{repository}/tags/list"));
        paths.extend(["1.0", "2.0-rc", "stable", "latest"].map(|tag| format!("{repository}/manifests/{tag}")));
        let base = image(&["base"]);
        paths.push(format!("{repository}/manifests/{}", sha256(&base.manifest)));
        paths.push(format!("{repository}/referrers/{}", sha256(&base.manifest)));
        paths.push(format!("{repository}/blobs/{}", sha256(b"base")));
    }
    paths.iter().map(|path| Request::get("/v2/", path)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn rows_from_increments_are_rows_from_zero(entries in histories(), batch in 1_usize..9) {
        let rows = laws::rows_from_increments_are_rows_from_zero::<Oci>(&entries, batch);
        laws::what_tells_of_something_says_so(&rows, &folding::site(), &requests());
    }

    #[test]
    fn an_answer_stays_while_the_first_rows_of_its_plan_stay(entries in histories()) {
        laws::an_answer_stays_while_the_first_rows_of_its_plan_stay::<Oci>(&entries, &folding::site(), &requests());
    }

    #[test]
    fn each_tag_that_is_listed_answers_and_no_other_does_but_of_what_has_a_subject(entries in histories()) {
        let mut store = Store::<Oci>::default();
        store.follow(&entries, 4);
        // Every release with a subject in these histories is about this one.
        let referrers = |repository: &str| body(&store, &format!("{repository}/referrers/{}", sha256(&image(&["base"]).manifest)));
        for repository in ["acme.example/app", "acme.example/app/more"] {
            let response = get(&store, &format!("{repository}/tags/list"));
            let listed = match response.status {
                200 => serde_json::from_str::<Value>(&text(&response)).unwrap()["tags"].clone(),
                _ => json!([]),
            };
            let listed: Vec<String> = serde_json::from_value(listed).unwrap();
            prop_assert!(listed.is_sorted());
            let about = referrers(repository)["manifests"].to_string();
            for tag in ["1.0", "1.1", "2.0-rc", "x", "stable", "latest"] {
                let answer = get(&store, &format!("{repository}/manifests/{tag}"));
                let is_shown = answer.status == 200 && !about.contains(&text(&answer));
                prop_assert_eq!(listed.iter().any(|listed| listed == tag), is_shown, "{}:{}", repository, tag);
            }
        }
    }

    #[test]
    fn no_request_makes_it_panic(path in "[a-z0-9_.:/%-]{0,60}", query in "[a-z=&0-9{}/]{0,20}") {
        let store = log().rows();
        for path in [path.clone(), format!("acme.example/app/{path}"), format!("acme.example/app/tags/list?{query}")] {
            let _ = get(&store, &path);
        }
    }
}

#[test]
fn each_path_says_what_it_tells_of() {
    let below = |kind: &str| format!("acme.example/app/{kind}/sha256:{}", "ab".repeat(32));
    laws::each_path_says_what_it_tells_of::<Oci>(&[
        ("acme.example/app/tags/list", "oci:acme.example/app"),
        ("acme.example/app/manifests/1.0", "oci:acme.example/app"),
        (&below("manifests"), "oci:acme.example/app"),
        (&below("blobs"), "oci:acme.example/app"),
        (&below("referrers"), "oci:acme.example/app"),
        ("_catalog", "registry"),
        ("", "nothing"),
    ]);
}
