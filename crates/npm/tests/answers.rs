//! What clients are answered, byte for byte where bytes matter (spec/projections/npm.md §6 to §8).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop where it stands, its helpers too"
)]

mod common;

use common::*;
use deedbox_model::ReasonCode;
use deedbox_npm::Npm;
use deedbox_testkit::laws;
use deedbox_view::{Body, Cache, Fact, Facts, Method, Request, Response};
use proptest::prelude::*;
use serde_json::json;

const RICH: &str = r#","description":"A widget.","license":"MIT","keywords":["wid","get"],"homepage":"https://acme.example/widget","repository":{"type":"git","url":"git+https://acme.example/widget.git"},"author":"A. Author","main":"index.js","bin":"./cli.js","dependencies":{"left":"^1.0.0","@acme.example/gear":"2"},"peerDependencies":{"react":"*"},"peerDependenciesMeta":{"react":{"optional":true}},"optionalDependencies":{"fsevents":"*"},"acceptDependencies":{"left":"1 || 2"},"dependenciesMeta":{"left":{"built":false}},"workspaces":["tools/*"],"gypfile":false,"devDependencies":{"tap":"*"},"bundleDependencies":["left"],"engines":{"node":">=20"},"os":["linux","!win32"],"cpu":"x64","libc":"glibc","funding":"https://acme.example/fund","scripts":{"postinstall":"node x"}"#;

/// Five versions: one plain, one rich, one yanked, one deprecated, one prerelease under `next`.
fn widget() -> Log {
    let mut log = Log::default();
    log.publish(WIDGET, "1.0.0", "")
        .publish(WIDGET, "1.2.0", RICH)
        .publish(WIDGET, "1.10.0", "")
        .publish(WIDGET, "1.3.0", "")
        .publish(WIDGET, "2.0.0-rc.1+build.5", r#","publishConfig":{"tag":"next"}"#)
        .yank(WIDGET, "1.10.0", ReasonCode::Security)
        .deprecate(WIDGET, "1.0.0", ReasonCode::Superseded, Some(Fact::Present("use \"1.2\"".into())))
        .deprecate(WIDGET, "1.3.0", ReasonCode::Broken, None)
        .channel(WIDGET, "lts", "1.0.0")
        .channel(WIDGET, "old", "1.10.0")
        .channel(WIDGET, "latest", "1.2.0");
    log
}

fn golden(name: &str, actual: &str) {
    deedbox_testkit::golden(env!("CARGO_MANIFEST_DIR"), name, actual);
}

#[test]
fn answers_are_those_of_the_golden_files() {
    let rows = widget().rows();
    golden("packument.json", &rows.get("@acme.example/widget").1);
    golden("abbreviated.json", &text(&rows.reply(&abbreviated("@acme.example/widget"))));
    golden("version.json", &rows.get("@acme.example/widget/1.2.0").1);
    golden("dist-tags.json", &rows.get("-/package/@acme.example/widget/dist-tags").1);
    golden("search.json", &rows.get("-/v1/search").1);
    golden("keys.json", &rows.get("-/npm/v1/keys").1);
}

#[test]
fn a_packument_is_json_that_says_what_the_events_said() {
    let rows = widget().rows();
    let packument = rows.json("@acme.example/widget");
    let versions: Vec<_> = packument["versions"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(versions, ["1.0.0", "1.2.0", "1.3.0", "2.0.0-rc.1"]);
    assert_eq!(packument["dist-tags"], json!({"latest": "1.2.0", "lts": "1.0.0", "next": "2.0.0-rc.1"}));
    assert_eq!(packument["versions"]["1.0.0"]["deprecated"], "use \"1.2\"");
    assert_eq!(packument["versions"]["1.3.0"]["deprecated"], "This version does not work as meant.");
    assert_eq!(packument["time"]["created"], "2026-11-21T08:00:00.000Z");
    assert_eq!(packument["time"]["modified"], "2026-11-21T08:10:00.000Z");
    assert_eq!(packument["time"]["1.3.0"], "2026-11-21T08:03:00.000Z");
    assert_eq!(packument["description"], "A widget.");
    let restrictions = &packument["policyRestrictions"];
    assert_eq!(restrictions["versions"]["1.10.0"]["version"], "1.10.0");
    assert!(restrictions["message"].as_str().unwrap().contains("1.10.0 (security)"));
    let dist = &packument["versions"]["1.2.0"]["dist"];
    assert_eq!(dist["tarball"], "https://registry.example/npm/@acme.example/widget/-/widget-1.2.0.tgz");

    let short: serde_json::Value = serde_json::from_str(&text(&rows.reply(&abbreviated("@acme.example/widget")))).unwrap();
    for (version, document) in short["versions"].as_object().unwrap() {
        let full = &packument["versions"][version];
        for (key, value) in document.as_object().unwrap() {
            assert_eq!(&full[key], value, "{version} {key}");
        }
        assert!(document.get("scripts").is_none() && document.get("description").is_none());
    }
    for key in ["dependencies", "devDependencies", "optionalDependencies", "peerDependencies", "peerDependenciesMeta", "bundleDependencies"]
    {
        assert!(short["versions"]["1.2.0"].get(key).is_some(), "{key}");
    }
    assert_eq!(short["versions"]["1.2.0"]["hasInstallScript"], true);
    assert_eq!(short["modified"], packument["time"]["modified"]);
}

#[test]
fn many_versions_are_listed_as_few_are() {
    // More than a thousand are read and written by two threads.
    let mut log = Log::default();
    for number in 0..1_003 {
        log.publish(WIDGET, &format!("1.{number}.0"), RICH);
    }
    let rows = log.rows();
    let document = |number: usize| rows.get(&format!("@acme.example/widget/1.{number}.0")).1;
    let versions: Vec<String> = (0..1_003).map(|number| format!("\"1.{number}.0\":{}", document(number))).collect();
    let packument = rows.get("@acme.example/widget").1;
    let listed = format!("\"versions\":{{{}}},\"time\":", versions.join(","));
    assert!(packument.contains(&listed));
    assert!(serde_json::from_str::<serde_json::Value>(&packument).is_ok());
}

#[test]
fn one_path_gives_two_forms_and_says_so() {
    let rows = widget().rows();
    let full = rows.reply(&Request::get("/npm/", "@acme.example/widget"));
    let short = rows.reply(&abbreviated("@acme.example/widget"));
    assert_eq!(full.media_type, "application/json");
    assert_eq!(short.media_type, "application/vnd.npm.install-v1+json");
    for response in [&full, &short] {
        assert_eq!((response.status, response.cache, response.varies_by_accept), (200, Cache::Revalidate, true));
    }
    assert!(rows.reply(&abbreviated("@acme.example/nothing")).varies_by_accept);
}

#[test]
fn the_tarball_is_the_object_and_does_not_negotiate() {
    let log = widget();
    let rows = log.rows();
    let expected = log.entries[1].facts.manifest.as_ref().unwrap().present().unwrap().artifacts[0].object();
    for request in
        [Request::get("/npm/", "@acme.example/widget/-/widget-1.2.0.tgz"), abbreviated("@acme.example/widget/-/widget-1.2.0.tgz")]
    {
        let response = rows.reply(&request);
        assert_eq!(response.body, Body::Object(expected));
        assert_eq!((response.cache, response.varies_by_accept), (Cache::Immutable, false));
        assert_eq!(response.media_type, "application/octet-stream");
    }
    for missing in [
        "widget-1.2.1.tgz",
        "widget-v1.2.0.tgz",
        "widget-1.2.0.tar.gz",
        "other-1.2.0.tgz",
        "1.2.0.tgz",
        "widget-1.2.0+x.tgz",
        "a/b.tgz",
        "",
    ] {
        assert_eq!(rows.get(&format!("@acme.example/widget/-/{missing}")).0, 404, "{missing}");
    }
}

#[test]
fn a_yanked_version_is_not_listed_but_a_lock_file_goes_on_working() {
    let rows = widget().rows();
    assert_eq!(rows.json("@acme.example/widget/1.10.0")["version"], "1.10.0");
    assert_eq!(rows.get("@acme.example/widget/-/widget-1.10.0.tgz").0, 200);
    assert_eq!(rows.get("@acme.example/widget/old").0, 404, "a channel that points at it is left out");
}

#[test]
fn an_unyanked_version_is_listed_again() {
    let mut log = widget();
    let before = log.rows().json("@acme.example/widget")["versions"].as_object().unwrap().len();
    log.unyank(WIDGET, "1.10.0").undeprecate(WIDGET, "1.0.0");
    let packument = log.rows().json("@acme.example/widget");
    assert_eq!(packument["versions"].as_object().unwrap().len(), before + 1);
    assert_eq!(packument["dist-tags"]["old"], "1.10.0");
    assert!(packument.get("policyRestrictions").is_none());
    assert!(packument["versions"]["1.0.0"].get("deprecated").is_none());
}

#[test]
fn latest_falls_back_to_the_highest_release_then_to_the_highest_prerelease() {
    let mut log = Log::default();
    let latest = |log: &Log| {
        let rows = log.rows();
        let tags = rows.json("-/package/@acme.example/widget/dist-tags")["latest"].clone();
        let (status, body) = rows.get("@acme.example/widget/latest");
        let document = (status == 200).then(|| serde_json::from_str::<serde_json::Value>(&body).unwrap()["version"].clone());
        assert_eq!(document.unwrap_or_default(), tags, "the tag and its document agree");
        tags
    };
    log.publish(WIDGET, "3.0.0-rc.1", "");
    assert_eq!(latest(&log), "3.0.0-rc.1", "nothing else is there");
    log.publish(WIDGET, "1.9.0", "").publish(WIDGET, "1.10.0", "").publish(WIDGET, "2.0.0-a", "");
    assert_eq!(latest(&log), "1.10.0");
    log.channel(WIDGET, "latest", "1.9.0");
    assert_eq!(latest(&log), "1.9.0", "the channel counts, not the height");
    log.yank(WIDGET, "1.9.0", ReasonCode::Mistake);
    assert_eq!(latest(&log), "1.10.0");
    log.yank(WIDGET, "1.10.0", ReasonCode::Mistake);
    assert_eq!(latest(&log), "3.0.0-rc.1");
    log.yank(WIDGET, "3.0.0-rc.1", ReasonCode::Other).yank(WIDGET, "2.0.0-a", ReasonCode::Other);
    assert_eq!(latest(&log), json!(null));
    log.unyank(WIDGET, "1.9.0").remove_channel(WIDGET, "latest").unyank(WIDGET, "2.0.0-a");
    assert_eq!(latest(&log), "1.9.0");
}

#[test]
fn build_metadata_is_part_of_the_version_but_not_of_its_native_form() {
    let rows = widget().rows();
    for asked in ["2.0.0-rc.1", "2.0.0-rc.1+build.5", "next"] {
        assert_eq!(rows.json(&format!("@acme.example/widget/{asked}"))["version"], "2.0.0-rc.1", "{asked}");
    }
    assert_eq!(rows.get("@acme.example/widget/2.0.0-rc.1+build.6").0, 404);
    assert_eq!(rows.get("@acme.example/widget/-/widget-2.0.0-rc.1.tgz").0, 200);
}

#[test]
fn what_is_not_there_is_404_in_words_and_never_cached() {
    let rows = widget().rows();
    for path in [
        "@acme.example/nothing",
        "@acme.example/nothing/1.0.0",
        "@acme.example/nothing/latest",
        "@acme.example/widget/9.9.9",
        "@acme.example/widget/nothing",
        "@acme.example/widget/^1",
        "@acme.example/widget/",
        "@other.example/widget",
        "-/package/@acme.example/nothing/dist-tags",
        "widget",
        "-/nothing",
        "-/npm/v1/attestations/@acme.example/widget@1.2.0",
    ] {
        let response = rows.reply(&Request::get("/npm/", path));
        assert_eq!((response.status, response.cache), (404, Cache::Never), "{path}");
        let body: serde_json::Value = serde_json::from_str(&text(&response)).unwrap();
        assert!(body["error"].as_str().unwrap().starts_with("Not found: "), "{path}");
    }
    let origin = rows.reply(&Request::get("/-/npm/v1/", "attestations/@acme.example/widget@1.2.0"));
    assert_eq!(origin.status, 404);
    assert_eq!(rows.reply(&Request::get("/-/npm/v1/", "keys")), rows.reply(&Request::get("/npm/", "-/npm/v1/keys")));
}

#[test]
fn audits_are_refused_as_errors_and_never_answered_with_zero() {
    let rows = widget().rows();
    for (mount, path) in [
        ("/npm/", "-/npm/v1/security/advisories/bulk"),
        ("/npm/", "-/npm/v1/security/audits/quick"),
        ("/npm/", "-/npm/v1/security/audits"),
        ("/-/npm/v1/", "security/advisories/bulk"),
    ] {
        let request =
            Request { method: Method::Post, body: b"{\"@acme.example/widget\":[\"1.0.0\"]}".to_vec(), ..Request::get(mount, path) };
        let response = rows.reply(&request);
        // 404: the only kind of error that npm, pnpm and yarn report at once (see the specification).
        assert_eq!((response.status, response.cache), (404, Cache::Never));
        let body: serde_json::Value = serde_json::from_str(&text(&response)).unwrap();
        assert!(body["error"].as_str().unwrap().contains("no advisories"));
    }
}

#[test]
fn writes_are_405_and_name_the_command() {
    let rows = widget().rows();
    for (path, command) in [
        ("@acme.example/widget", "deedbox publish"),
        ("-/package/@acme.example/widget/dist-tags/next", "deedbox channel"),
        ("@acme.example/widget/-rev/1", "deedbox yank"),
        ("-/user/org.couchdb.user:me", "deedbox keygen"),
    ] {
        let response = rows.reply(&Request { method: Method::Write, ..Request::get("/npm/", path) });
        assert_eq!((response.status, response.cache), (405, Cache::Never));
        assert!(response.headers.contains(&("allow", "GET, HEAD".to_owned())));
        assert!(text(&response).contains(command), "{path}");
    }
}

#[test]
fn small_routes_answer_what_npm_expects() {
    let rows = widget().rows();
    assert_eq!(rows.get("-/ping"), (200, "{}".to_owned()));
    assert_eq!(rows.get("").0, 200);
    let (status, body) = rows.get("-/whoami");
    assert_eq!(status, 404);
    assert!(body.contains("no accounts"));
}

#[test]
fn a_release_that_cannot_be_read_is_a_tombstone() {
    let inspection = release(WIDGET, "1.1.0", "");
    let mut withheld = widget();
    withheld.append(WIDGET, published(&inspection.manifest, &["latest"]), Facts { manifest: Some(Fact::Withheld), message: None });
    let mut unreadable = widget();
    unreadable.append(
        WIDGET,
        published(&inspection.manifest, &["latest"]),
        Facts { manifest: Some(Fact::Unreadable("not_a_manifest")), message: None },
    );
    for (log, status, words) in [(withheld, 451, "withheld"), (unreadable, 404, "cannot be read")] {
        let rows = log.rows();
        let packument = rows.json("@acme.example/widget");
        assert!(packument["versions"].get("1.1.0").is_none());
        assert_eq!(packument["dist-tags"]["latest"], "1.3.0", "the channel points at it, so latest falls back");
        for path in ["@acme.example/widget/1.1.0", "@acme.example/widget/-/widget-1.1.0.tgz"] {
            let (got, body) = rows.get(path);
            assert_eq!(got, status);
            assert!(body.contains(words), "{body}");
        }
    }
}

#[test]
fn a_manifest_of_another_shape_is_unreadable_and_hostile_values_stay_json() {
    use deedbox_model::Value;
    let mut two = release(WIDGET, "1.0.0", "").manifest;
    two.artifacts.push(deedbox_model::Artifact { name: "x".into(), ..two.artifacts[0].clone() });
    let mut role = release(WIDGET, "1.0.1", "").manifest;
    role.artifacts[0].role = "pom".into();
    let mut values = release(WIDGET, "1.0.2", "").manifest;
    let hostile = Value::Map([("\"},{\"\u{0}".to_owned(), Value::Bytes(vec![1])), ("b".to_owned(), Value::Null)].into());
    values.native = Value::Map(
        [("dependencies".to_owned(), hostile), ("fileCount".to_owned(), Value::from("x")), ("dist".to_owned(), Value::from("y"))].into(),
    );
    let mut log = Log::default();
    log.publish_as(&two, &["latest"]).publish_as(&role, &[]).publish_as(&values, &[]);
    let packument = log.rows().json("@acme.example/widget");
    let versions: Vec<_> = packument["versions"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(versions, ["1.0.2"]);
    assert!(packument["versions"]["1.0.2"]["dist"]["integrity"].as_str().unwrap().starts_with("sha512-"));
}

#[test]
fn what_was_not_derived_from_the_id_is_passed_over() {
    let good = release(WIDGET, "1.0.0", "").manifest;
    let other = release("npm:acme.example/other", "1.0.0", "").manifest;
    let mut name = release(WIDGET, "1.1.0", "").manifest;
    name.native_name = other.native_name;
    let mut version = release(WIDGET, "1.0.0+again", "").manifest;
    version.native_version = deedbox_model::NativeVersion::parse("another").unwrap();
    let mut spelling = release(WIDGET, "1.2.0", "").manifest;
    spelling.version = common::version("v1.2.0");
    let mut log = Log::default();
    log.publish_as(&good, &["latest"]).publish_as(&name, &["latest"]).publish_as(&version, &["latest"]).publish_as(&spelling, &[]);
    log.yank(WIDGET, "1.0.0+again", ReasonCode::Other).channel(WIDGET, "ghost", "7.0.0");
    let packument = log.rows().json("@acme.example/widget");
    assert_eq!(packument["versions"].as_object().unwrap().len(), 1);
    assert_eq!(packument["dist-tags"], json!({"latest": "1.0.0"}));
}

#[test]
fn other_ecosystems_and_names_that_npm_cannot_have_leave_no_rows() {
    let manifest = release(WIDGET, "1.0.0", "").manifest;
    let facts = Facts { manifest: Some(Fact::Present(manifest.clone())), message: None };
    let mut log = Log::default();
    for id in ["oci:acme.example/widget", "npm:acme.example/Widget", "npm:acme.example/a/b", "npm:acme.example/_x"] {
        log.append(id, published(&manifest, &["latest"]), facts.clone());
    }
    assert!(log.rows().rows.is_empty());
}

fn search(rows: &Store, query: &[(&str, &str)]) -> serde_json::Value {
    let query = query.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    let response: Response = rows.reply(&Request { query, ..Request::get("/npm/", "-/v1/search") });
    serde_json::from_str(&text(&response)).unwrap()
}

fn names(found: &serde_json::Value) -> Vec<&str> {
    found["objects"].as_array().unwrap().iter().map(|o| o["package"]["name"].as_str().unwrap()).collect()
}

#[test]
fn search_ranks_names_before_keywords_before_descriptions() {
    let mut log = Log::default();
    log.publish("npm:acme.example/paint", "1.0.0", r#","description":"For any gear.""#)
        .publish("npm:acme.example/gear", "1.0.0", r#","description":"Turns.","keywords":["Machine"]"#)
        .publish("npm:acme.example/gearbox", "1.0.0", "")
        .publish("npm:acme.example/oil", "1.0.0", r#","keywords":["gear","machine"]"#)
        .publish("npm:other.example/gear", "1.0.0", "");
    let rows = log.rows();
    let all = ["@acme.example/gear", "@other.example/gear", "@acme.example/gearbox", "@acme.example/oil", "@acme.example/paint"];
    assert_eq!(names(&search(&rows, &[("text", "GEAR")])), all);
    assert_eq!(names(&search(&rows, &[("text", "gear machine")])), ["@acme.example/gear", "@acme.example/oil"]);
    assert_eq!(names(&search(&rows, &[("text", "gear scope:@other.example")])), ["@other.example/gear"]);
    assert_eq!(names(&search(&rows, &[("text", "keywords:machine")])), ["@acme.example/gear", "@acme.example/oil"]);
    assert_eq!(names(&search(&rows, &[("text", "@acme.example/oil")])), ["@acme.example/oil"]);
    let page = search(&rows, &[("text", "gear"), ("size", "2"), ("from", "1")]);
    assert_eq!(names(&page), &all[1..3]);
    assert_eq!(page["total"], 5);
    assert_eq!(page["time"], "2026-11-21T08:04:00.000Z");
    assert_eq!(names(&search(&rows, &[("text", "nothing")])), [""; 0]);
    assert_eq!(names(&search(&rows, &[("size", "99999999999999999999"), ("from", "-1")])).len(), 5);
    assert_eq!(names(&search(&rows, &[("from", "18446744073709551615")])), [""; 0]);
    assert_eq!(search(&Store::default(), &[("text", "x")]), json!({"objects": [], "total": 0}));
}

#[test]
fn search_shows_what_latest_was_set_to() {
    let shown = |log: &Log| {
        let found = search(&log.rows(), &[]);
        let object = &found["objects"][0];
        (
            object["package"]["version"].as_str().unwrap().to_owned(),
            object["package"]["description"].as_str().unwrap().to_owned(),
            object["flags"]["yanked"] == true,
        )
    };
    let is = |version: &str, words: &str, yanked: bool| (version.to_owned(), words.to_owned(), yanked);
    let mut log = Log::default();
    log.publish(WIDGET, "2.0.0-a", r#","description":"pre""#);
    assert_eq!(shown(&log), is("2.0.0-a", "pre", false));
    log.publish(WIDGET, "2.0.0-b", r#","description":"pre b""#).publish(WIDGET, "1.9.0-z", r#","description":"lower""#);
    assert_eq!(shown(&log), is("2.0.0-b", "pre b", false));
    log.publish(WIDGET, "1.0.0", r#","description":"one""#).publish(
        WIDGET,
        "1.1.0",
        r#","description":"lts","publishConfig":{"tag":"lts"}"#,
    );
    assert_eq!(shown(&log), is("1.0.0", "one", false));
    log.yank(WIDGET, "1.0.0", ReasonCode::Broken);
    assert_eq!(shown(&log), is("1.0.0", "one", true));
    log.channel(WIDGET, "latest", "1.1.0");
    assert_eq!(shown(&log), is("1.1.0", "lts", false));
}

#[test]
fn the_signature_verifies_with_the_published_key_over_name_version_and_integrity() {
    use base64::Engine as _;
    use p256::ecdsa::signature::Verifier as _;
    use p256::pkcs8::DecodePublicKey as _;
    let base64 = base64::engine::general_purpose::STANDARD;
    let rows = widget().rows();
    let keys = rows.json("-/npm/v1/keys");
    let key = &keys["keys"][0];
    let spki = base64.decode(key["key"].as_str().unwrap()).unwrap();
    let verifier = p256::ecdsa::VerifyingKey::from_public_key_der(&spki).unwrap();
    let packument = rows.json("@acme.example/widget");
    for (version, document) in packument["versions"].as_object().unwrap() {
        let signature = &document["dist"]["signatures"][0];
        assert_eq!(signature["keyid"], key["keyid"]);
        let der = base64.decode(signature["sig"].as_str().unwrap()).unwrap();
        let message = format!("{}:{}", document["_id"].as_str().unwrap(), document["dist"]["integrity"].as_str().unwrap());
        assert!(message.starts_with(&format!("@acme.example/widget@{version}:sha512-")));
        verifier.verify(message.as_bytes(), &p256::ecdsa::DerSignature::try_from(der.as_slice()).unwrap()).unwrap();
    }
    let unsigned = deedbox_view::Site { signers: Default::default(), ..site() };
    let response = rows.answer_at(&unsigned, &Request::get("/npm/", "@acme.example/widget"), 5_000);
    assert!(!text(&response).contains("signatures"));
    assert_eq!(text(&rows.answer_at(&unsigned, &Request::get("/npm/", "-/npm/v1/keys"), 5_000)), r#"{"keys":[]}"#);
}

#[test]
fn a_scan_that_cannot_end_is_refused_instead_of_cut_short() {
    let mut log = Log::default();
    for n in 0..30 {
        log.publish(WIDGET, &format!("1.0.{n}"), "");
    }
    let rows = log.rows();
    let request = Request::get("/npm/", "@acme.example/widget");
    // 31 rows: one head, then 19 rounds of two are enough, of one are not.
    let enough = rows.answer_at(&site(), &request, 2);
    assert_eq!(text(&enough), rows.get("@acme.example/widget").1);
    assert_eq!(rows.answer_at(&site(), &request, 1).status, 422);
    assert_eq!(rows.answer_at(&site(), &Request::get("/npm/", "@acme.example/widget/1.0.7"), 1).status, 200);
}

#[test]
fn a_publish_writes_as_many_rows_to_a_large_package_as_to_a_small_one() {
    use deedbox_view::{Entry, Projection};
    let mut log = Log::default();
    let (mut first, mut last, mut bytes) = (0, 0, Vec::new());
    let mut rows = Store::default();
    for n in 0..200 {
        log.publish(WIDGET, &format!("1.{n}.0"), "");
        let logged = log.entries.last().unwrap();
        let entry = Entry { index: logged.index, log_time: logged.log_time, statement: &logged.statement };
        last = Npm::new().touches(&entry, &logged.facts).unwrap().len();
        if n == 0 {
            first = last;
        }
        rows.follow(std::slice::from_ref(logged), 1);
        bytes.push(rows.rows.values().filter(|row| row.seq == logged.index).map(|row| row.bytes.len()).sum::<usize>());
    }
    assert_eq!(first, last);
    assert!(first <= 5, "{first}");
    assert!(bytes[199] < bytes[0] + 64, "{} {}", bytes[0], bytes[199]);
}

/// One change to a log of three packages with a few versions, named by small numbers.
type Change = (u8, u8, u8, u8);

fn apply(log: &mut Log, (kind, package, version, tag): Change) {
    let id = ["npm:acme.example/a", "npm:acme.example/a-b", "npm:other.example/a"][package as usize % 3];
    let version = ["1.0.0", "1.1.0", "2.0.0-rc.1", "1.0.1+b"][version as usize % 4];
    let tag = ["latest", "next"][tag as usize % 2];
    match kind % 8 {
        0 | 1 => log.publish(id, version, r#","description":"d""#),
        2 => log.publish(id, version, &format!(",\"publishConfig\":{{\"tag\":\"{tag}\"}}")),
        3 => log.yank(id, version, ReasonCode::Broken),
        4 => log.unyank(id, version),
        5 => log.deprecate(id, version, ReasonCode::Other, None),
        6 => log.channel(id, tag, version),
        _ => log.remove_channel(id, tag),
    };
}

fn requests() -> Vec<Request> {
    let mut requests = vec![Request::get("/npm/", "-/v1/search"), Request::get("/npm/", "-/npm/v1/keys")];
    for name in ["@acme.example/a", "@acme.example/a-b", "@other.example/a"] {
        requests.push(abbreviated(name));
        for path in ["", "/1.0.0", "/1.0.1", "/latest", "/next", "/-/a-1.0.0.tgz", "/-/a-b-1.1.0.tgz"] {
            requests.push(Request::get("/npm/", &format!("{name}{path}")));
        }
        requests.push(Request::get("/npm/", &format!("-/package/{name}/dist-tags")));
    }
    requests
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn rows_from_increments_are_rows_from_zero_in_any_batches(
        changes in proptest::collection::vec(any::<Change>(), 1..30), batch in 1usize..12
    ) {
        let mut log = Log::default();
        changes.into_iter().for_each(|change| apply(&mut log, change));
        let rows = laws::rows_from_increments_are_rows_from_zero::<Npm>(&log.entries, batch);
        laws::an_answer_is_the_same_however_few_rows_a_scan_gives(&rows, &site(), &requests(), 2);
        laws::what_tells_of_something_says_so(&rows, &site(), &requests());
    }

    #[test]
    fn an_answer_stays_while_the_first_rows_of_its_plan_stay(changes in proptest::collection::vec(any::<Change>(), 2..20)) {
        let mut log = Log::default();
        changes.into_iter().for_each(|change| apply(&mut log, change));
        laws::an_answer_stays_while_the_first_rows_of_its_plan_stay::<Npm>(&log.entries, &site(), &requests());
    }

    #[test]
    fn no_path_or_query_makes_it_panic(path in "(@[a-z.]{0,8}/?)?[-@/a-z0-9.+%]{0,20}", text in ".{0,40}", size in ".{0,4}") {
        let rows = Store::default();
        let query = vec![("text".to_owned(), text), ("size".to_owned(), size)];
        for mount in ["/npm/", "/-/npm/v1/"] {
            for method in [Method::Get, Method::Post, Method::Write] {
                let response = rows.reply(&Request { method, query: query.clone(), ..Request::get(mount, &path) });
                prop_assert!(response.status < 500);
            }
        }
        rows.reply(&Request { query, ..Request::get("/npm/", "-/v1/search") });
    }
}

#[test]
fn each_path_says_what_it_tells_of() {
    laws::each_path_says_what_it_tells_of::<Npm>(&[
        ("@acme.example/widget", "npm:acme.example/widget"),
        ("@acme.example/widget/1.0.0", "npm:acme.example/widget"),
        ("@acme.example/widget/-/widget-1.0.0.tgz", "npm:acme.example/widget"),
        ("-/package/@acme.example/widget/dist-tags", "npm:acme.example/widget"),
        ("-/v1/search", "registry"),
        ("-/npm/v1/keys", "nothing"),
        ("widget", "nothing"),
    ]);
}
