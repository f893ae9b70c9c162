//! What Maven and Gradle are answered, byte for byte where bytes matter (spec/projections/maven.md §6).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop where it stands, its helpers too"
)]

mod common;

use common::*;
use deedbox_maven::Maven;
use deedbox_model::{Hasher, ReasonCode};
use deedbox_testkit::folding::{self, text};
use deedbox_testkit::laws;
use deedbox_view::{Body, Cache, Dialect as _, Fact, Facts, Method, Request};
use proptest::prelude::*;

const PLUGIN: &str = "  <packaging>maven-plugin</packaging>\n  <name>Tools &amp; more</name>\n";
const TOOLS: &str = "maven:acme.example/widget/tools-maven-plugin";

/// Releases out of their order, a yanked one, a snapshot that moved, and a plugin in the group `example.acme.widget`.
fn widget() -> Log {
    let mut log = Log::default();
    log.publish(WIDGET, "1.0", "")
        .publish(WIDGET, "1.1-20261121.070000-1", "")
        .publish(WIDGET, "2.0", "")
        .publish(WIDGET, "1.1-20261121.080000-2", "")
        .publish(WIDGET, "1.0.1", "")
        .publish(WIDGET, "3.0", "")
        .yank(WIDGET, "3.0", ReasonCode::Broken)
        .publish(TOOLS, "1.0", PLUGIN)
        .deprecate(WIDGET, "1.0", ReasonCode::Superseded, None);
    log
}

fn golden(name: &str, actual: &str) {
    deedbox_testkit::golden(env!("CARGO_MANIFEST_DIR"), name, actual);
}

#[test]
fn documents_are_those_of_the_golden_files() {
    let mut log = widget();
    golden("package.xml", &body(&log.rows(), "example/acme/widget/maven-metadata.xml").1);
    golden("snapshot.xml", &body(&log.rows(), "example/acme/widget/1.1-SNAPSHOT/maven-metadata.xml").1);
    golden("group.xml", &body(&widget_without_versions().rows(), "example/acme/widget/maven-metadata.xml").1);
    log.publish("maven:foo.acme.example/bar", "1", "").publish("maven:b.example/x/y/z", "1", "");
    golden("prefixes.txt", &body(&log.rows(), ".meta/prefixes.txt").1);
}

fn widget_without_versions() -> Log {
    let mut log = Log::default();
    log.publish(TOOLS, "1.0", PLUGIN).publish(
        "maven:acme.example/widget/maven-other-plugin",
        "1.0",
        "  <packaging>maven-plugin</packaging>\n",
    );
    log
}

#[test]
fn a_folder_that_is_a_package_and_a_group_has_one_document_for_both() {
    let (_, both) = body(&widget().rows(), "example/acme/widget/maven-metadata.xml");
    assert!(both.contains("<artifactId>widget</artifactId>\n  <versioning>") && both.contains("<prefix>tools</prefix>"), "{both}");
    assert!(both.contains("<name>Tools &amp; more</name>"));
    let mut log = Log::default();
    log.publish(TOOLS, "1.0", "<packaging>maven-plugin</packaging><name>To\u{ffff}ols\u{fffe}</name>");
    assert!(body(&log.rows(), "example/acme/widget/maven-metadata.xml").1.contains("<name>Tools</name>"), "no character of XML");
    assert_eq!(both.matches("<metadata").count(), 1);
}

#[test]
fn an_artifact_with_a_dot_in_its_name_has_metadata_too() {
    let mut log = Log::default();
    log.publish("maven:acme.example/wid.get", "1.0", "").publish("maven:acme.example/wid.get", "1.1-20261121.070000-1", "");
    let (status, document) = body(&log.rows(), "example/acme/wid.get/maven-metadata.xml");
    assert_eq!(status, 200);
    assert!(document.contains("<artifactId>wid.get</artifactId>") && document.contains("<release>1.0</release>"), "{document}");
    assert_eq!(body(&log.rows(), "example/acme/wid.get/1.1-SNAPSHOT/maven-metadata.xml").0, 200);
    assert_eq!(body(&log.rows(), "example/acme/wid.get/maven-metadata.xml.sha1").0, 200);
}

#[test]
fn latest_and_release_are_the_last_that_came_and_versions_are_in_that_order() {
    let mut log = widget();
    let (_, document) = body(&log.rows(), "example/acme/widget/maven-metadata.xml");
    let versions: Vec<&str> =
        document.lines().filter_map(|line| line.trim().strip_prefix("<version>")?.strip_suffix("</version>")).collect();
    assert_eq!(versions, ["1.0", "1.1-SNAPSHOT", "2.0", "1.0.1"]);
    assert!(document.contains("<latest>1.0.1</latest>") && document.contains("<release>1.0.1</release>"), "{document}");
    log.publish(WIDGET, "1.1-20261121.090000-3", "");
    let (_, document) = body(&log.rows(), "example/acme/widget/maven-metadata.xml");
    assert!(document.contains("<latest>1.1-SNAPSHOT</latest>") && document.contains("<release>1.0.1</release>"), "{document}");
}

#[test]
fn a_file_is_the_object_with_its_digests_beside_it() {
    let log = widget();
    let rows = log.rows();
    for (file, bytes) in widget_files("1.0", "") {
        let path = format!("example/acme/widget/1.0/{file}");
        let (size, digests) = Hasher::of(&bytes);
        let response = get(&rows, &path);
        let Body::Object(object) = response.body else { panic!("{path}") };
        assert_eq!((response.status, response.cache, object.size, object.sha256), (200, Cache::Immutable, size, digests.sha256));
        for (ending, header, digest) in [
            (".md5", "x-checksum-md5", digests.md5.to_hex()),
            (".sha1", "x-checksum-sha1", digests.sha1.to_hex()),
            (".sha256", "x-checksum-sha256", digests.sha256.to_hex()),
            (".sha512", "x-checksum-sha512", digests.sha512.to_hex()),
        ] {
            assert_eq!(body(&rows, &format!("{path}{ending}")), (200, digest.clone()));
            assert!(response.headers.contains(&(header, digest)));
        }
    }
    assert_eq!(get(&rows, "example/acme/widget/1.0/widget-1.0.jar").media_type, "application/java-archive");
    assert_eq!(get(&rows, "example/acme/widget/1.0/widget-1.0.pom").media_type, "text/xml");
    for missing in ["widget-1.0-javadoc.jar", "widget-1.0.jar.asc", "widget-1.0.jar.sha1.sha1", "widget-1.0.module", ""] {
        assert_eq!(body(&rows, &format!("example/acme/widget/1.0/{missing}")).0, 404, "{missing}");
    }
    let path = log.dialect.view_path(log.entries[1].facts.manifest.as_ref().unwrap().present().unwrap()).unwrap();
    assert_eq!(body(&rows, path.strip_prefix("maven/").unwrap()).0, 200, "{path}");
}

#[test]
fn a_gradle_module_is_served_as_it_is() {
    let module = format!("{}/tests/golden/widget-1.0.module", env!("CARGO_MANIFEST_DIR"));
    let module = std::fs::read(module).unwrap();
    let mut files = widget_files("1.0", "");
    files.push(("widget-1.0.module".to_owned(), module.clone()));
    let mut log = Log::default();
    log.publish_inspected(&inspect(Some(WIDGET), &files).unwrap());
    let response = get(&log.rows(), "example/acme/widget/1.0/widget-1.0.module");
    let (size, digests) = Hasher::of(&module);
    let Body::Object(object) = response.body else { panic!("{response:?}") };
    assert_eq!((response.media_type.as_ref(), object.size, object.sha256), ("application/json", size, digests.sha256));
    assert_eq!(body(&log.rows(), "example/acme/widget/1.0/widget-1.0.module.sha512").1, digests.sha512.to_hex());
}

#[test]
fn the_digest_of_a_document_is_that_of_its_bytes() {
    let rows = widget().rows();
    for path in ["example/acme/widget/maven-metadata.xml", "example/acme/widget/1.1-SNAPSHOT/maven-metadata.xml", ".meta/prefixes.txt"] {
        let (_, document) = body(&rows, path);
        let (_, digests) = Hasher::of(document.as_bytes());
        assert_eq!(body(&rows, &format!("{path}.sha1")), (200, digests.sha1.to_hex()));
        assert_eq!(body(&rows, &format!("{path}.md5")), (200, digests.md5.to_hex()));
        assert_eq!(body(&rows, &format!("{path}.sha512")), (200, digests.sha512.to_hex()));
        assert_eq!(get(&rows, &format!("{path}.sha256")).cache, Cache::Revalidate);
    }
}

#[test]
fn a_yanked_version_is_not_listed_and_its_files_still_answer() {
    let mut log = widget();
    assert_eq!(body(&log.rows(), "example/acme/widget/3.0/widget-3.0.jar").0, 200);
    log.unyank(WIDGET, "3.0");
    let (_, document) = body(&log.rows(), "example/acme/widget/maven-metadata.xml");
    assert!(document.contains("<release>3.0</release>"), "{document}");
    for version in ["1.0", "2.0", "1.0.1", "3.0", "1.1-20261121.080000-2"] {
        log.yank(WIDGET, version, ReasonCode::Other);
    }
    let (_, document) = body(&log.rows(), "example/acme/widget/maven-metadata.xml");
    assert!(!document.contains("<versioning>") && document.contains("<plugins>"), "{document}");
    assert_eq!(body(&log.rows(), "example/acme/widget/1.1-SNAPSHOT/maven-metadata.xml").0, 404);
    assert_eq!(body(&log.rows(), "example/acme/widget/1.1-SNAPSHOT/widget-1.1-20261121.080000-2.jar").0, 200);
}

#[test]
fn a_snapshot_is_the_build_that_its_channel_points_at() {
    let mut log = widget();
    let path = "example/acme/widget/1.1-SNAPSHOT";
    let (_, document) = body(&log.rows(), &format!("{path}/maven-metadata.xml"));
    assert!(
        document.contains("<value>1.1-20261121.080000-2</value>") && document.contains("<classifier>sources</classifier>"),
        "{document}"
    );
    let newest = body(&log.rows(), &format!("{path}/widget-1.1-20261121.080000-2.jar")).1;
    let alias = get(&log.rows(), &format!("{path}/widget-1.1-SNAPSHOT.jar"));
    assert_eq!((text(&alias), alias.cache), (newest, Cache::Revalidate));
    log.channel(WIDGET, "1.1-SNAPSHOT", "1.1-20261121.070000-1");
    let (_, document) = body(&log.rows(), &format!("{path}/maven-metadata.xml"));
    assert!(document.contains("<buildNumber>1</buildNumber>"), "{document}");
    // A channel that points at what is not a build of it is not a snapshot.
    log.channel(WIDGET, "1.1-SNAPSHOT", "2.0");
    assert_eq!(body(&log.rows(), &format!("{path}/maven-metadata.xml")).0, 404);
    log.channel(WIDGET, "1.1-SNAPSHOT", "1.1-20261121.080000-2").remove_channel(WIDGET, "1.1-SNAPSHOT");
    assert_eq!(body(&log.rows(), &format!("{path}/widget-1.1-SNAPSHOT.pom")).0, 404);
    assert!(!body(&log.rows(), "example/acme/widget/maven-metadata.xml").1.contains("SNAPSHOT"));
}

#[test]
fn what_is_not_here_is_404_and_a_write_names_the_command() {
    let rows = widget().rows();
    for path in ["example/acme/other/maven-metadata.xml", "org/other/x/1/x-1.pom", "example/acme/widget/9/widget-9.pom", "x", "../.."] {
        let response = get(&rows, path);
        assert_eq!((response.status, response.cache), (404, Cache::Never), "{path}");
    }
    assert_eq!(body(&Log::default().rows(), ".meta/prefixes.txt").0, 404, "an empty list would forbid everything");
    assert_eq!(body(&rows, "").0, 200);
    let write = Request { method: Method::Write, ..Request::get("/maven/", "example/acme/widget/4.0/widget-4.0.jar") };
    let response = rows.answer(&write);
    assert_eq!(response.status, 405);
    assert!(text(&response).contains("deedbox publish") && response.headers.contains(&("allow", "GET, HEAD".to_owned())));
}

#[test]
fn what_is_withheld_is_not_there_for_another_repository_to_fill() {
    let mut log = Log::default();
    let inspection = release(WIDGET, "1.0", "");
    let event = deedbox_testkit::folding::published(&log.dialect, &inspection.manifest, &[]);
    log.append(WIDGET, event, Facts { manifest: Some(Fact::Withheld), message: None });
    assert_eq!(body(&log.rows(), "example/acme/widget/1.0/widget-1.0.pom").0, 451);
    assert_eq!(body(&log.rows(), "example/acme/widget/maven-metadata.xml").0, 404);
}

#[test]
fn ten_thousand_versions_are_listed_and_each_costs_the_same_rows() {
    let mut log = Log::default();
    let first = release(WIDGET, "1.0", "");
    for n in 0..10_000 {
        let mut manifest = first.manifest.clone();
        let version = format!("1.{n}");
        manifest.version = deedbox_model::Version::parse(&version).unwrap();
        manifest.native_version = deedbox_model::NativeVersion::parse(&version).unwrap();
        for artifact in &mut manifest.artifacts {
            artifact.name = artifact.name.replace("-1.0", &format!("-{version}"));
        }
        log.publish_as(&manifest, &[]);
    }
    let mut store = Store::default();
    assert_eq!(store.follow(&log.entries[..1], 1), 5);
    store.follow(&log.entries[1..9_999], 500);
    assert_eq!(store.follow(&log.entries[9_999..], 1), 3);
    let (status, document) = body(&store, "example/acme/widget/maven-metadata.xml");
    assert_eq!((status, document.matches("<version>").count()), (200, 10_000));
}

#[test]
fn too_much_for_one_answer_is_refused_and_never_cut_short() {
    let mut log = widget();
    for n in 0..30 {
        log.publish(WIDGET, &format!("5.{n}"), "");
    }
    let site = deedbox_view::Site { base_url: String::new(), log_key: String::new(), signers: std::collections::BTreeMap::new() };
    let request = Request::get("/maven/", "example/acme/widget/maven-metadata.xml");
    assert_eq!(log.rows().answer_at(&site, &request, 1).status, 422);
    assert_eq!(text(&log.rows().answer_at(&site, &request, 3)), body(&log.rows(), "example/acme/widget/maven-metadata.xml").1);
}

/// The same coordinate under two domains (spec/projections/maven.md §1).
const ABOVE: &str = "maven:acme.example/foo/bar";
const BELOW: &str = "maven:foo.acme.example/bar";

#[test]
fn a_coordinate_belongs_to_the_longest_domain_that_is_claimed_when_its_first_release_comes() {
    let pom = "example/acme/foo/bar/1.0/bar-1.0.pom";
    let group = "example/acme/foo/maven-metadata.xml";
    // Whatever a writer let in: what was not the domain's to begin is not shown, however often it is released.
    let mut log = Log::default();
    log.claim("acme.example").claim("foo.acme.example").publish(ABOVE, "1.0", PLUGIN).publish(ABOVE, "2.0", PLUGIN);
    for path in [pom, group, "example/acme/foo/bar/maven-metadata.xml"] {
        assert_eq!(get(&log.rows(), path).status, 404, "{path}");
    }
    log.publish(BELOW, "1.0", "");
    assert_eq!(get(&log.rows(), pom).status, 200);
    // Who was first keeps it, with all that comes after.
    let mut log = Log::default();
    log.claim("acme.example").publish(ABOVE, "1.0", "").claim("foo.acme.example").publish(ABOVE, "1.1", "");
    assert_eq!(get(&log.rows(), pom).status, 200);
    assert_eq!(get(&log.rows(), "example/acme/foo/bar/1.1/bar-1.1.pom").status, 200);
    // A domain beside it, above it or below its group is not its own.
    let mut log = Log::default();
    log.claim("acme.example").claim("bar.foo.acme.example").claim("fo.acme.example").publish(ABOVE, "1.0", "");
    assert_eq!(get(&log.rows(), pom).status, 200);
}

/// A history of a widget and a plugin, some of it without sense.
fn histories() -> impl Strategy<Value = Log> {
    const VERSIONS: [&str; 6] = ["1.0", "2.0", "1.1-20261121.070000-1", "1.1-20261121.080000-2", "1.2-20261121.070000-1", "3.0-rc1"];
    const CHANNELS: [&str; 6] = ["1.1-SNAPSHOT", "1.2-SNAPSHOT", "stable", "2.0", "x-SNAPSHOT", "latest"];
    proptest::collection::vec((0u8..10, 0usize..6, 0usize..6), 1..24).prop_map(|steps| {
        let mut log = Log::default();
        for (what, version, channel) in steps {
            let (version, channel) = (VERSIONS[version], CHANNELS[channel]);
            match what {
                0 | 1 => log.publish(WIDGET, version, ""),
                2 => log.publish(TOOLS, version, PLUGIN),
                3 => log.yank(WIDGET, version, ReasonCode::Other),
                4 => log.unyank(WIDGET, version),
                5 => log.channel(WIDGET, channel, version),
                6 => log.remove_channel(WIDGET, channel),
                7 => log.publish(ABOVE, version, ""),
                8 => log.claim(&format!("{}.acme.example", ["foo", "bar"][version.len() % 2])),
                _ => log.deprecate(WIDGET, version, ReasonCode::Other, None),
            };
        }
        log
    })
}

fn requests() -> Vec<Request> {
    let paths = [
        "example/acme/widget/maven-metadata.xml",
        "example/acme/widget/1.1-SNAPSHOT/maven-metadata.xml",
        "example/acme/widget/1.1-SNAPSHOT/widget-1.1-SNAPSHOT.jar.sha1",
        "example/acme/widget/2.0/widget-2.0.pom",
        ".meta/prefixes.txt",
        "example/acme/foo/bar/maven-metadata.xml",
    ];
    paths.iter().map(|path| Request::get("/maven/", path)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn rows_from_increments_are_rows_from_zero(log in histories(), batch in 1usize..7) {
        let rows = laws::rows_from_increments_are_rows_from_zero::<Maven>(&log.entries, batch);
        laws::what_tells_of_something_says_so(&rows, &folding::site(), &requests());
    }

    #[test]
    fn an_answer_stays_while_the_first_rows_of_its_plan_stay(log in histories()) {
        laws::an_answer_stays_while_the_first_rows_of_its_plan_stay::<Maven>(&log.entries, &folding::site(), &requests());
    }
}

#[test]
fn each_path_says_what_it_tells_of() {
    laws::each_path_says_what_it_tells_of::<Maven>(&[
        ("example/acme/widget/1.0/widget-1.0.jar", "maven:acme.example/widget"),
        ("example/acme/widget/1.0/widget-1.0.jar.sha1", "maven:acme.example/widget"),
        ("example/acme/foo/bar/1.0/bar-1.0.pom", "maven:foo.acme.example/bar maven:acme.example/foo/bar"),
        (".meta/prefixes.txt", "registry"),
        ("", "nothing"),
    ]);
}
