//! The catalog as sentences, tables and golden files.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may stop where it stands")]

mod world;

use deedbox_catalog::rows::{PackageRow, ReleaseRow, package_key, release_key};
use deedbox_catalog::{Catalog, ObjectRow, object_key};
use deedbox_model::row::decode_row;
use deedbox_model::{Artifact, Event, Hasher, ObjectRef, Sha256Digest};
use deedbox_testkit::{Owner, manifest};
use deedbox_view::{Body, Cache, Fact, Facts, Method, Projection};
use std::fmt::Write as _;
use world::{World, described, get, json, write};

const WIDGET: &str = "npm:acme.example/widget";

/// A small registry in which everything happened once.
fn small() -> (World, Owner) {
    let mut world = World::new();
    let acme = world.claim("acme.example", 10);
    let mut first = described(WIDGET, "1.0.0", "A widget for everyone", &["widget", "ui"]);
    first.metadata.licence = Some("MIT".to_owned());
    first.metadata.homepage = Some("https://acme.example/widget".to_owned());
    first.metadata.readme = Some(ObjectRef::of(b"# widget"));
    first.source = Some(ObjectRef::of(b"source"));
    world.publish(&acme, &first, &["latest"]);
    world.publish(&acme, &described(WIDGET, "1.1.0", "A widget for everyone", &["widget", "ui"]), &["latest", "next"]);
    world.deprecate(&acme, WIDGET, "1.0.0", Some("use 1.1.0"));
    world.yank(&acme, WIDGET, "1.0.0");
    let beta = world.claim("beta.example", 11);
    world.publish(&beta, &described("oci:beta.example/tools/gauge", "v1", "Gauges a widget", &[]), &[]);
    world.set_channel(&acme, WIDGET, "next", "1.0.0");
    world.remove_channel(&acme, WIDGET, "next");
    (world, acme)
}

fn row<T: serde::Serialize + serde::de::DeserializeOwned>(world: &World, key: &deedbox_model::RowKey) -> Option<T> {
    world.table.get(key).map(|row| decode_row(key, &row.bytes).unwrap())
}

fn golden(name: &str, text: &str) {
    deedbox_testkit::golden(env!("CARGO_MANIFEST_DIR"), name, text);
}

#[test]
fn rows_have_these_bytes() {
    let (world, _) = small();
    let hex = |bytes: &[u8]| bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
    let mut text = String::new();
    for (key, row) in &world.table {
        writeln!(text, "{key} {} {}", row.seq, hex(&row.bytes)).unwrap();
    }
    golden("rows.txt", &text);
}

#[test]
fn answers_have_these_words() {
    let (world, _) = small();
    let mut text = String::new();
    for url in [
        "/api/v1/packages/",
        "/api/v1/packages/?limit=1",
        "/api/v1/packages/npm:acme.example/widget",
        "/api/v1/packages/npm:acme.example/widget?view=versions",
        "/api/v1/packages/npm:acme.example/widget?view=channels",
        "/api/v1/packages/npm:acme.example/widget?view=history&limit=2",
        "/api/v1/packages/npm:acme.example/widget@1.0.0",
        "/api/v1/packages/oci:beta.example/tools/gauge@v1",
        "/api/v1/packages/npm:acme.example/widget@9.9.9",
        "/api/v1/packages/npm:acme.example/nothing",
        "/api/v1/domains/",
        "/api/v1/domains/acme.example",
        "/api/v1/domains/nobody.example",
        "/api/v1/search/?q=widget",
        "/api/v1/search/?q=widg every",
        "/api/v1/search/?q=",
    ] {
        // As it is sent: the order of the fields is part of it.
        let (response, _) = world.ask_with_first(&get(url));
        let Body::Bytes(body) = response.body else { panic!("{url}") };
        writeln!(text, "GET {url}\n{} {}\n", response.status, String::from_utf8(body).unwrap()).unwrap();
    }
    golden("answers.txt", &text);
}

#[test]
fn fields_come_in_the_order_of_the_specification() {
    let (world, _) = small();
    let (response, _) = world.ask_with_first(&get("/api/v1/packages/oci:beta.example/tools/gauge@v1"));
    let Body::Bytes(bytes) = response.body else { panic!() };
    let text = String::from_utf8(bytes).unwrap();
    assert!(text.starts_with(r#"{"id":"oci:beta.example/tools/gauge","version":"v1","native_version":"v1","index":"#), "{text}");
    assert_eq!((response.status, response.cache, response.media_type.as_ref()), (200, Cache::Revalidate, "application/json"));
}

#[test]
fn what_is_no_question_is_refused_in_words() {
    let (world, _) = small();
    let long = "a".repeat(257);
    for (url, status, code) in [
        ("/api/v1/packages/widget", 400, "bad_request"),
        ("/api/v1/packages/npm:acme.example/widget/", 400, "bad_request"),
        ("/api/v1/packages/NPM:acme.example/widget", 400, "bad_request"),
        ("/api/v1/packages/npm:acme.example/widget@", 400, "bad_request"),
        ("/api/v1/packages/npm:acme.example/widget@1@2", 400, "bad_request"),
        ("/api/v1/packages/@1.0.0", 400, "bad_request"),
        ("/api/v1/packages/npm:acme.example/widget?view=all", 400, "bad_request"),
        ("/api/v1/packages/npm:acme.example/widget?view=versions&limit=101", 400, "bad_request"),
        ("/api/v1/packages/npm:acme.example/widget?view=versions&after=/", 400, "bad_request"),
        ("/api/v1/packages/npm:acme.example/widget?view=history&after=007", 400, "bad_request"),
        ("/api/v1/packages/npm:acme.example/none?view=history", 404, "no_such_package"),
        ("/api/v1/packages/npm:acme.example/none?view=versions", 404, "no_such_package"),
        ("/api/v1/packages/npm:acme.example/none@1", 404, "no_such_package"),
        ("/api/v1/packages/?limit=0", 400, "bad_request"),
        ("/api/v1/packages/?limit=501", 400, "bad_request"),
        ("/api/v1/packages/?limit=+5", 400, "bad_request"),
        ("/api/v1/packages/?prefix=a b", 400, "bad_request"),
        ("/api/v1/packages/?after=\u{e9}", 400, "bad_request"),
        ("/api/v1/domains/Acme.example", 400, "bad_request"),
        ("/api/v1/domains/localhost", 400, "bad_request"),
        ("/api/v1/domains/?after=x", 400, "bad_request"),
        ("/api/v1/domains/sub.nobody.example", 404, "not_claimed"),
        ("/api/v1/search/", 400, "bad_request"),
        ("/api/v1/search/?q=--", 400, "bad_request"),
        (&format!("/api/v1/search/?q={long}"), 400, "bad_request"),
        ("/api/v1/search/?q=a b c d e f g", 400, "bad_request"),
        ("/api/v1/search/?q=a&ecosystem=NPM", 400, "bad_request"),
        ("/api/v1/search/?q=a&after=widget", 400, "bad_request"),
        ("/api/v1/search/?q=a&limit=101", 400, "bad_request"),
        ("/api/v1/search/more?q=a", 404, "not_found"),
    ] {
        let (response, _) = world.ask_with_first(&get(url));
        let (found, body) = json(&response);
        assert_eq!((found, body["error"]["code"].as_str().unwrap()), (status, code), "{url}");
        assert!(!body["error"]["message"].as_str().unwrap().is_empty() && !body["error"]["help"].as_str().unwrap().is_empty());
        assert_eq!(response.cache, Cache::Never, "{url}");
    }
}

#[test]
fn a_write_is_told_which_command_to_use() {
    let (world, _) = small();
    for url in ["/api/v1/packages/npm:acme.example/widget", "/api/v1/domains/", "/api/v1/search/"] {
        for method in [Method::Write, Method::Post] {
            let (response, _) = world.ask_with_first(&deedbox_view::Request { method, ..write(url) });
            let (status, body) = json(&response);
            assert_eq!((status, &body["error"]["code"]), (405, &"method_not_allowed".into()));
            assert!(body["error"]["help"].as_str().unwrap().contains("deedbox publish"));
            assert_eq!(response.headers, [("allow", "GET, HEAD".to_owned())]);
        }
    }
}

#[test]
fn the_nearest_claimed_domain_answers_for_those_below_it() {
    let (mut world, _) = small();
    assert_eq!(world.ask("/api/v1/domains/a.team.acme.example").1["domain"], "acme.example");
    world.claim("team.acme.example", 12);
    assert_eq!(world.ask("/api/v1/domains/a.team.acme.example").1["domain"], "team.acme.example");
    assert_eq!(world.ask("/api/v1/domains/other.acme.example").1["domain"], "acme.example");
}

#[test]
fn every_object_that_an_effective_event_names_may_be_served_and_no_other() {
    let (world, _) = small();
    let allowed = |object: ObjectRef| row::<ObjectRow>(&world, &object_key(&object.sha256).unwrap());
    let readme = allowed(ObjectRef::of(b"# widget")).unwrap();
    assert_eq!((readme.size, readme.index, readme.media_type.as_str()), (8, 2, "text/plain; charset=utf-8"));
    assert_eq!(allowed(ObjectRef::of(b"source")).unwrap().media_type, "application/octet-stream");
    assert_eq!(allowed(ObjectRef::of(b"use 1.1.0")).unwrap().index, 4);
    let file = ObjectRef::of(format!("{WIDGET}@1.0.0").as_bytes());
    assert_eq!(allowed(file).unwrap().size, file.size);
    assert_eq!(allowed(ObjectRef::of(b"something else")), None);
    // 3 manifests, 3 files, a readme, a source, a message.
    assert_eq!(world.table.keys().filter(|key| key.as_str().starts_with("object/")).count(), 9);
}

#[test]
fn an_object_belongs_to_the_first_event_that_names_it() {
    let (mut world, acme) = small();
    let before = row::<ObjectRow>(&world, &object_key(&Sha256Digest::of(b"# widget")).unwrap()).unwrap();
    let mut again = described(WIDGET, "3.0.0", "A widget", &[]);
    again.metadata.readme = Some(ObjectRef::of(b"# widget"));
    world.publish(&acme, &again, &[]);
    assert_eq!(row(&world, &object_key(&Sha256Digest::of(b"# widget")).unwrap()), Some(before));
}

#[test]
fn a_manifest_that_is_withheld_or_unreadable_shows_a_release_without_contents() {
    let (mut world, acme) = small();
    let lost = described(WIDGET, "2.0.0", "Something new", &["fresh"]);
    let manifest = world.publish_as(&acme, &lost, &["latest"], Fact::Withheld);
    assert_eq!(row::<ObjectRow>(&world, &object_key(&manifest.sha256).unwrap()), None, "withheld bytes are not served");
    let odd = described(WIDGET, "2.0.1", "Something odd", &["fresh"]);
    let manifest = world.publish_as(&acme, &odd, &[], Fact::Unreadable("not_a_manifest"));
    assert!(row::<ObjectRow>(&world, &object_key(&manifest.sha256).unwrap()).is_some(), "anybody may see that it is unreadable");
    for (version, standing) in [("2.0.0", "withheld"), ("2.0.1", "unreadable")] {
        let (status, body) = world.ask(&format!("/api/v1/packages/{WIDGET}@{version}"));
        assert_eq!((status, body["standing"].as_str().unwrap()), (200, standing));
        assert_eq!(body["artifacts"].as_array().unwrap().len(), 0);
        assert_eq!((&body["artifact_count"], &body["more_artifacts"]), (&1.into(), &true.into()));
    }
    let (_, body) = world.ask(&format!("/api/v1/packages/{WIDGET}"));
    assert_eq!(body["description"], "A widget for everyone", "the last readable release describes the package");
    assert_eq!(body["newest"]["version"], "2.0.1");
    for row in world.table.values() {
        assert!(!row.bytes.windows(7).any(|window| window == b"decoder"), "a library's words are in no row");
    }
}

#[test]
fn a_message_that_cannot_be_read_is_named_and_not_shown() {
    let (mut world, acme) = small();
    let statement = acme.deprecate(WIDGET, "1.1.0", Some("\u{1b}[31m"), world.head(WIDGET).unwrap(), world.now());
    world.tell(statement, Facts { manifest: None, message: Some(Fact::Unreadable("not_a_message")) });
    let (_, body) = world.ask(&format!("/api/v1/packages/{WIDGET}@1.1.0"));
    assert_eq!(body["notice"]["message"], serde_json::Value::Null);
    assert_eq!(body["notice"]["message_object"]["sha256"], Sha256Digest::of(b"\x1b[31m").to_hex());
    world.deprecate(&acme, WIDGET, "1.1.0", None);
    assert_eq!(world.ask(&format!("/api/v1/packages/{WIDGET}@1.1.0")).1["notice"], serde_json::Value::Null);
}

#[test]
fn a_yank_stands_until_it_is_taken_back() {
    let (mut world, acme) = small();
    let yanked = |world: &World| world.ask(&format!("/api/v1/packages/{WIDGET}@1.0.0")).1["yanked"].clone();
    assert_eq!((&yanked(&world)["reason"], &yanked(&world)["index"]), (&"broken".into(), &5.into()));
    world.unyank(&acme, WIDGET, "1.0.0");
    assert_eq!(yanked(&world), serde_json::Value::Null);
}

#[test]
fn a_release_row_shows_50_artifacts_and_says_that_there_are_more() {
    let (mut world, acme) = small();
    for (version, count) in [("5.0.0", 50), ("5.1.0", 51)] {
        let mut many = manifest(WIDGET, version, b"x");
        many.artifacts = (0..count)
            .map(|n| {
                let (size, digests) = Hasher::of(format!("{version} {n}").as_bytes());
                let (role, media_type) = ("file".to_owned(), "text/plain".to_owned());
                Artifact { name: format!("{n:03}"), role, size, digests, media_type }
            })
            .collect();
        world.publish(&acme, &many, &[]);
        for artifact in &many.artifacts {
            assert!(row::<ObjectRow>(&world, &object_key(&artifact.digests.sha256).unwrap()).is_some(), "each may be served");
        }
        let (_, body) = world.ask(&format!("/api/v1/packages/{WIDGET}@{version}"));
        assert_eq!(body["artifacts"].as_array().unwrap().len(), 50);
        assert_eq!((&body["artifact_count"], &body["more_artifacts"]), (&count.into(), &(count > 50).into()));
    }
}

#[test]
fn what_a_manifest_says_of_itself_is_cut_for_listings() {
    let (mut world, acme) = small();
    let mut loud = described(WIDGET, "6.0.0", &"é".repeat(300), &[]);
    loud.metadata.keywords = (10..74).map(|n| format!("k{n} {}", "x".repeat(60))).collect();
    world.publish(&acme, &loud, &[]);
    let about = row::<ReleaseRow>(&world, &release_key(&loud.id, &loud.version).unwrap()).unwrap().about;
    assert_eq!(about.description.as_deref(), Some("é".repeat(256).as_str()));
    assert_eq!((about.keywords.len(), about.keywords[15].len()), (16, 64));
    assert!(about.keywords[15].starts_with("k25 xxx"));
    assert_eq!(about.licence, None);
    assert!(world.table.iter().filter(|(key, _)| key.as_str().starts_with("word/")).count() <= 2 * 32);
}

#[test]
fn a_publish_that_says_nothing_new_rewrites_no_word() {
    let (mut world, acme) = small();
    let seqs = |world: &World| -> Vec<u64> {
        world.table.iter().filter(|(key, _)| key.as_str().starts_with("word/")).map(|(_, row)| row.seq).collect()
    };
    let before = seqs(&world);
    let rows = world.table.len();
    world.publish(&acme, &described(WIDGET, "1.2.0", "A widget for everyone", &["widget", "ui"]), &["latest"]);
    // The same words: the licence that was left out is not counted.
    assert_eq!(seqs(&world), before);
    // release, newest, history, two objects.
    assert_eq!(world.table.len() - rows, 5);
    world.publish(&acme, &described(WIDGET, "1.3.0", "A gadget", &[]), &["latest"]);
    assert_eq!(world.ask("/api/v1/search/?q=everyone").1["found"], 0);
    assert_eq!(world.ask("/api/v1/search/?q=gadget").1["results"][0]["newest"]["version"], "1.3.0");
}

#[test]
fn pages_follow_one_another_without_gap_or_repetition() {
    let mut world = World::new();
    let acme = world.claim("acme.example", 10);
    for n in 0..7 {
        world.publish(&acme, &described(&format!("npm:acme.example/p{n}"), "1.0.0", "thing", &[]), &[]);
        world.publish(&acme, &described("npm:acme.example/p0", &format!("2.{n}.0"), "thing", &[]), &[&format!("c{n}")]);
    }
    world.claim("beta.example", 11);
    world.claim("gamma.example", 12);
    for (base, list, field, total) in [
        ("/api/v1/packages/?", "packages", "id", 7),
        ("/api/v1/packages/?prefix=npm:acme.example/p", "packages", "id", 7),
        ("/api/v1/packages/npm:acme.example/p0?view=versions", "versions", "version", 8),
        ("/api/v1/packages/npm:acme.example/p0?view=channels", "channels", "channel", 7),
        ("/api/v1/packages/npm:acme.example/p0?view=history", "history", "event", 8),
        ("/api/v1/domains/?", "domains", "domain", 3),
        ("/api/v1/search/?q=thing", "results", "id", 7),
    ] {
        for limit in [1, 2, 3, 7, 8, 50] {
            let mut seen: Vec<String> = Vec::new();
            let mut after = String::new();
            loop {
                let (status, body) = world.ask(&format!("{base}&limit={limit}{after}"));
                assert_eq!(status, 200, "{base} {body}");
                let items = body[list].as_array().unwrap();
                assert!(items.len() <= limit && !items.is_empty());
                seen.extend(items.iter().map(|item| item[field].as_str().unwrap().to_owned()));
                match body["next"].as_str() {
                    Some(next) => after = format!("&after={next}"),
                    None => break,
                }
            }
            assert_eq!(seen.len(), total, "{base} {limit}");
            seen.sort();
            seen.dedup();
            assert_eq!(seen.len(), total, "{base} {limit}");
        }
    }
}

#[test]
fn the_newest_release_is_the_last_published_and_comes_first() {
    let mut world = World::new();
    let acme = world.claim("acme.example", 10);
    for version in ["2.0.0", "10.0.0", "1.0.9"] {
        world.publish(&acme, &manifest(WIDGET, version, version.as_bytes()), &[]);
    }
    let (_, body) = world.ask(&format!("/api/v1/packages/{WIDGET}"));
    let versions: Vec<&str> = body["newest_releases"].as_array().unwrap().iter().map(|r| r["version"].as_str().unwrap()).collect();
    assert_eq!(versions, ["1.0.9", "10.0.0", "2.0.0"]);
    assert_eq!(row::<PackageRow>(&world, &package_key(&WIDGET.parse().unwrap()).unwrap()).unwrap().releases, 3);
}

#[test]
fn a_package_shows_20_releases_and_100_channels_and_says_that_there_are_more() {
    let mut world = World::new();
    let acme = world.claim("acme.example", 10);
    for n in 0..21 {
        let channels: Vec<String> = (0..5).map(|c| format!("c{}", n * 5 + c + 100)).collect();
        let channels: Vec<&str> = channels.iter().map(String::as_str).collect();
        world.publish(&acme, &manifest(WIDGET, &format!("1.0.{n}"), b"x"), &channels[..if n == 20 { 1 } else { 5 }]);
        let (_, body) = world.ask(&format!("/api/v1/packages/{WIDGET}"));
        assert_eq!((&body["more_releases"], &body["more_channels"]), (&(n >= 20).into(), &(n >= 20).into()));
        assert_eq!(body["newest_releases"].as_array().unwrap().len(), (n + 1).min(20));
    }
}

#[test]
fn a_release_names_every_channel_that_points_at_it() {
    let (mut world, acme) = small();
    world.set_channel(&acme, WIDGET, "stable", "1.1.0");
    let (_, body) = world.ask(&format!("/api/v1/packages/{WIDGET}@1.1.0"));
    assert_eq!(body["channels"], serde_json::json!(["latest", "stable"]));
    assert_eq!(body["channels_complete"], true);
    world.set_channel(&acme, WIDGET, "latest", "1.0.0");
    assert_eq!(world.ask(&format!("/api/v1/packages/{WIDGET}@1.1.0")).1["channels"], serde_json::json!(["stable"]));
}

#[test]
fn a_search_ranks_names_before_keywords_before_descriptions() {
    let mut world = World::new();
    let acme = world.claim("acme.example", 10);
    for (name, description, keywords) in [
        ("alpha", "draws a chart", vec![]),
        ("beta", "nothing", vec!["chart"]),
        ("chart", "nothing", vec![]),
        ("charts", "nothing", vec![]),
        ("delta", "nothing", vec![]),
    ] {
        world.publish(&acme, &described(&format!("npm:acme.example/{name}"), "1.0.0", description, &keywords), &[]);
    }
    world.publish(&acme, &described("oci:acme.example/chart", "1.0.0", "nothing", &[]), &[]);
    let found = |query: &str| -> Vec<String> {
        let (status, body) = world.ask(&format!("/api/v1/search/?{query}"));
        assert_eq!(status, 200, "{body}");
        assert_eq!(body["complete"], true);
        body["results"].as_array().unwrap().iter().map(|r| r["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(
        found("q=chart"),
        ["npm:acme.example/chart", "oci:acme.example/chart", "npm:acme.example/charts", "npm:acme.example/beta", "npm:acme.example/alpha"]
    );
    assert_eq!(found("q=CHART&ecosystem=oci"), ["oci:acme.example/chart"]);
    assert_eq!(found("q=nothing chart&ecosystem=npm"), ["npm:acme.example/chart", "npm:acme.example/charts", "npm:acme.example/beta"]);
    assert_eq!(found("q=acme draws"), ["npm:acme.example/alpha"]);
    assert_eq!(found("q=elsewhere"), Vec::<String>::new());
    assert_eq!(found("q=char char").len(), 5, "a word twice is a word");
}

#[test]
fn a_search_that_could_not_look_at_everything_says_so() {
    let (mut world, _) = small();
    let template = world.table[&package_key(&WIDGET.parse().unwrap()).unwrap()].clone();
    let word = deedbox_model::row::encode_row(&deedbox_catalog::rows::WordRow { field: deedbox_catalog::rows::Field::Name }).unwrap();
    for n in 0..3_001 {
        let id = format!("npm:many.example/p{n:04}").parse().unwrap();
        world.table.insert(package_key(&id).unwrap(), template.clone());
        let key = deedbox_catalog::rows::word_key("many", &id).unwrap();
        world.table.insert(key, deedbox_model::Row { bytes: word.clone().into(), seq: 1 });
        if n == 2_999 {
            assert_eq!(world.ask("/api/v1/search/?q=many").1["complete"], true, "exactly the limit");
        }
    }
    let (_, body) = world.ask("/api/v1/search/?q=many");
    assert_eq!(body["complete"], false);
}

#[test]
fn the_registrys_own_events_are_none_of_its_business() {
    let world = World::new();
    assert!(world.table.is_empty());
    let told = &world.log[0];
    let entry = deedbox_view::Entry { index: 0, log_time: world.now(), statement: &told.statement };
    assert!(Catalog.touches(&entry, &Facts::default()).unwrap().is_empty());
}

#[test]
fn an_event_that_rests_on_rows_that_are_gone_is_a_defect_and_never_a_guess() {
    let (world, acme) = small();
    let yank = acme.yank(WIDGET, "1.1.0", world.head(WIDGET).unwrap(), world.now());
    let entry = deedbox_view::Entry { index: 99, log_time: world.now(), statement: &yank };
    let keys = Catalog.touches(&entry, &Facts::default()).unwrap();
    let empty = deedbox_model::Rows::new(keys.into_iter().map(|key| (key, None)).collect());
    assert!(Catalog.fold(&empty, &entry, &Facts::default()).is_err());
    // A publish without its manifest or a word about it was not read by the caller.
    let publish = acme.say(WIDGET, None, world.now(), &Event::from(deedbox_testkit::publish_event(&manifest(WIDGET, "7", b"x"), &[])));
    let entry = deedbox_view::Entry { index: 99, log_time: world.now(), statement: &publish };
    let keys = Catalog.touches(&entry, &Facts::default()).unwrap();
    let empty = deedbox_model::Rows::new(keys.into_iter().map(|key| (key, None)).collect());
    assert!(Catalog.fold(&empty, &entry, &Facts::default()).is_err());
}
