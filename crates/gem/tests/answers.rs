//! What clients are answered, byte for byte where bytes matter (spec/projections/gem.md §5, §6).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop where it stands, its helpers too"
)]

mod common;

use common::*;
use deedbox_gem::Gem;
use deedbox_model::ReasonCode;
use deedbox_testkit::{folding, laws};
use deedbox_view::{Body, Cache, Fact, Facts, Method, Request};
use md5::{Digest as _, Md5};
use proptest::prelude::*;

fn md5_hex(bytes: &[u8]) -> String {
    hex::encode(Md5::digest(bytes))
}

fn rich(version: &str) -> Source {
    Source { ruby: "2.7", ..Source::new("widget", version) }
        .needs("rake", &[(">=", "12"), ("<", "14")], "runtime")
        .needs("minitest", &[("~>", "5")], "development")
        .needs("left_pad", &[(">=", "0")], "runtime")
}

/// Two versions, one of them for two platforms, one prerelease, one yanked, and another gem.
fn shelf() -> Log {
    let mut log = Log::default();
    publish(&mut log, &[Source::new("widget", "1.0.0")]);
    publish(&mut log, &[rich("1.2.0"), rich("1.2.0").on("x86_64-linux")]);
    publish(&mut log, &[Source::new("widget", "1.10.0")]);
    publish(&mut log, &[Source::new("widget", "2.0.0.rc1")]);
    publish(&mut log, &[Source::new("gear", "0.1")]);
    log.yank(WIDGET, "1.10.0", ReasonCode::Broken);
    log
}

const SUM: &str = "SUM";

/// A body with digests of gems taken out: they depend on the compressor.
fn without_sums(body: &str) -> String {
    let mut out = String::new();
    for line in body.lines() {
        match line.split_once("checksum:") {
            Some((before, after)) => out += &format!("{before}checksum:{SUM}{}\n", &after[64..]),
            None => out += &format!("{line}\n"),
        }
    }
    out
}

#[test]
fn a_platform_that_rubygems_shortens_is_listed_as_written_and_answers_to_both_names() {
    let mut log = Log::default();
    publish(&mut log, &[Source::new("widget", "1.0.0"), Source::new("widget", "1.0.0").on("x86_64-linux-gnu")]);
    publish(&mut log, &[Source::new("gear", "1.0.0").on("x86_64-linux-gnu"), Source::new("gear", "1.0.0").on("x86_64-linux")]);
    let rows = log.rows();
    let info = text(&rows.answer(&get("acme.example/info/widget")));
    assert!(info.contains("\n1.0.0-x86_64-linux-gnu |checksum:"), "{info}");
    let object = |path: &str| match rows.answer(&get(&format!("acme.example/gems/{path}"))).body {
        Body::Object(object) => Some(object),
        _ => None,
    };
    let written = object("widget-1.0.0-x86_64-linux-gnu.gem");
    assert!(written.is_some() && written != object("widget-1.0.0.gem"));
    assert_eq!(written, object("widget-1.0.0-x86_64-linux.gem"), "as RubyGems 3.3 asks for it");
    assert_eq!(object("widget-1.0.0-x86_64-linux-musl.gem"), None);
    for name in ["widget-1.0.0-x86_64-linux-gnu", "widget-1.0.0-x86_64-linux"] {
        assert_eq!(rows.answer(&get(&format!("acme.example/quick/Marshal.4.8/{name}.gemspec.rz"))).status, 200, "{name}");
    }
    let gears = ["gear-1.0.0-x86_64-linux-gnu.gem", "gear-1.0.0-x86_64-linux.gem"].map(object);
    assert!(gears.iter().all(Option::is_some) && gears[0] != gears[1], "where both are written, each is itself");
}

#[test]
fn info_has_a_line_for_each_platform_and_none_for_what_is_yanked() {
    let response = shelf().rows().answer(&get("acme.example/info/widget"));
    assert_eq!(
        without_sums(&text(&response)),
        "---\n\
         1.0.0 |checksum:SUM,created_at:2026-11-21T08:00:00Z\n\
         1.2.0 rake:>= 12&< 14,left_pad:>= 0|checksum:SUM,ruby:>= 2.7,created_at:2026-11-21T08:01:00Z\n\
         1.2.0-x86_64-linux rake:>= 12&< 14,left_pad:>= 0|checksum:SUM,ruby:>= 2.7,created_at:2026-11-21T08:01:00Z\n\
         2.0.0.rc1 |checksum:SUM,created_at:2026-11-21T08:03:00Z\n"
    );
    let body = bytes_of(&response);
    assert_eq!(response.tag, Some(md5_hex(&body)));
    assert_eq!(response.cache, Cache::Revalidate);
    let digest = response.headers.iter().find(|(name, _)| *name == "repr-digest").unwrap();
    assert!(digest.1.starts_with("sha-256=:") && digest.1.ends_with("=:"), "{}", digest.1);
    let gem = rich("1.2.0").on("x86_64-linux").gem();
    assert!(text(&response).contains(&deedbox_model::Sha256Digest::of(&gem).to_hex()));
}

#[test]
fn versions_has_a_line_for_each_event_and_ends_with_the_sum_of_info_after_it() {
    let store = shelf().rows();
    let body = text(&store.answer(&get("acme.example/versions")));
    let lines: Vec<&str> = body.lines().collect();
    assert_eq!(lines[..2], ["created_at: 2026-11-21T08:00:00Z", "---"]);
    let shown: Vec<String> = lines[2..].iter().map(|line| line.rsplit_once(' ').unwrap().0.to_owned()).collect();
    assert_eq!(
        shown,
        ["widget 1.0.0", "widget 1.2.0,1.2.0-x86_64-linux", "widget 1.10.0", "widget 2.0.0.rc1", "gear 0.1", "widget -1.10.0"]
    );
    let info = bytes_of(&store.answer(&get("acme.example/info/widget")));
    assert!(lines[7].ends_with(&md5_hex(&info)), "{body}");
}

#[test]
fn an_unyanked_version_comes_back_where_it_was_and_as_a_line_of_versions() {
    let mut log = shelf();
    let before = text(&log.rows().answer(&get("acme.example/info/widget")));
    log.unyank(WIDGET, "1.10.0");
    let store = log.rows();
    let info = text(&store.answer(&get("acme.example/info/widget")));
    assert_ne!(info, before);
    let versions: Vec<&str> = info.lines().skip(1).map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(versions, ["1.0.0", "1.2.0", "1.2.0-x86_64-linux", "1.10.0", "2.0.0.rc1"]);
    let last = text(&store.answer(&get("acme.example/versions"))).lines().last().unwrap().to_owned();
    assert_eq!(last, format!("widget 1.10.0 {}", md5_hex(info.as_bytes())));
}

#[test]
fn names_and_search_know_every_gem() {
    let store = shelf().rows();
    assert_eq!(text(&store.answer(&get("acme.example/names"))), "---\ngear\nwidget\n");
    let search = |query: &str| {
        let request = Request { query: vec![("query".into(), query.into())], ..get("acme.example/api/v1/search.json") };
        let all: serde_json::Value = serde_json::from_str(&text(&store.answer(&request))).unwrap();
        all.as_array()
            .unwrap()
            .iter()
            .map(|gem| format!("{} {}", gem["name"].as_str().unwrap(), gem["version"].as_str().unwrap()))
            .collect::<Vec<_>>()
    };
    assert_eq!(search("WIDG"), ["widget 1.2.0"], "the highest is yanked, and the next one a prerelease");
    assert_eq!(search("gear"), ["gear 0.1"]);
    assert_eq!(search("w\u{ef}dget"), ["gear 0.1", "widget 1.2.0"], "the summary is looked in too");
    assert_eq!(search("nothing"), Vec::<String>::new());
}

#[test]
fn ruby_loads_the_old_indices_and_finds_what_is_there() {
    let store = shelf().rows();
    let load = |path: &str| {
        let response = store.answer(&get(&format!("acme.example/{path}")));
        let script = "b = Gem::Util.gunzip(STDIN.binmode.read)
            begin; require 'rubygems/safe_marshal'; Gem::SafeMarshal.safe_load(b); rescue LoadError; end
            puts Marshal.load(b).map { |n, v, p| raise v.class.name unless Gem::Version === v; [n, v, p].join(' ') }";
        (ruby(script, &bytes_of(&response)), response)
    };
    let (all, response) = load("specs.4.8.gz");
    assert_eq!(all, "gear 0.1 ruby\nwidget 1.0.0 ruby\nwidget 1.2.0 ruby\nwidget 1.2.0 x86_64-linux\n");
    assert!(response.headers.contains(&("last-modified", "Sat, 21 Nov 2026 08:05:00 GMT".to_owned())), "{:?}", response.headers);
    assert_eq!(load("latest_specs.4.8.gz").0, "gear 0.1 ruby\nwidget 1.2.0 ruby\nwidget 1.2.0 x86_64-linux\n");
    assert_eq!(load("prerelease_specs.4.8.gz").0, "widget 2.0.0.rc1 ruby\n");
}

/// Loads with SafeMarshal too, where this RubyGems has it.
const LOAD_SPEC: &str = "bytes = Zlib::Inflate.inflate(STDIN.binmode.read)
class << Gem::Specification; alias_method :load_it, :_load; def _load(inner); $inner = inner; load_it(inner); end; end
s = Marshal.load(bytes)
begin; require 'rubygems/safe_marshal'; [bytes, $inner].each { |b| Gem::SafeMarshal.safe_load(b) }; rescue LoadError; end
puts s.full_name, s.name, s.version.class, s.platform.class, s.date.utc.to_s, s.summary, s.description, s.authors.inspect, Array(s.email).inspect, s.homepage
puts s.dependencies.map { |d| [d.name, d.type, d.requirement, d.prerelease?].join(' ') }
puts s.required_ruby_version, s.required_rubygems_version, s.metadata.inspect, s.rubygems_version, s.original_platform
raise 'changed' unless Marshal.load(Marshal.dump(s)) == s
puts s.summary.encoding";

#[test]
fn ruby_loads_a_specification_as_it_would_load_its_own() {
    let store = shelf().rows();
    let spec = |file: &str| ruby(LOAD_SPEC, &bytes_of(&store.answer(&get(&format!("acme.example/quick/Marshal.4.8/{file}.gemspec.rz")))));
    assert_eq!(
        spec("widget-1.2.0-x86_64-linux"),
        "widget-1.2.0-x86_64-linux\nwidget\nGem::Version\nGem::Platform\n2026-11-21 00:00:00 UTC\nA w\u{ef}dget\nAll of it:\na widget.\n\
         [\"Ann Author\", \"Bob\"]\n[\"ann@acme.example\"]\nhttps://acme.example\n\
         rake runtime >= 12, < 14 false\nminitest development ~> 5 false\nleft_pad runtime >= 0 false\n\
         >= 2.7\n>= 0\n{\"deedbox_id\"=>\"gem:acme.example/widget\", \"source_code_uri\"=>\"https://acme.example/src\"}\n3.3.15\nx86_64-linux\nUTF-8\n"
    );
    assert!(spec("gear-0.1").starts_with("gear-0.1\ngear\nGem::Version\nString\n"));
    assert!(spec("widget-1.10.0").starts_with("widget-1.10.0\n"), "a yanked one still answers");
}

#[test]
fn a_gem_is_the_object_yanked_or_not() {
    let store = shelf().rows();
    for (file, gem) in [
        ("widget-1.10.0", Source::new("widget", "1.10.0")),
        ("widget-1.2.0-x86_64-linux", rich("1.2.0").on("x86_64-linux")),
        ("gear-0.1", Source::new("gear", "0.1")),
    ] {
        let response = store.answer(&get(&format!("acme.example/gems/{file}.gem")));
        assert_eq!((response.status, response.cache), (200, Cache::Immutable));
        assert_eq!(response.body, Body::Object(deedbox_model::ObjectRef::of(&gem.gem())));
    }
}

#[test]
fn the_api_says_the_same() {
    let store = shelf().rows();
    let json = |path: &str| -> serde_json::Value {
        serde_json::from_str(&text(&store.answer(&get(&format!("acme.example/api/v1/{path}.json"))))).unwrap()
    };
    let versions = json("versions/widget");
    let numbers: Vec<&str> = versions.as_array().unwrap().iter().map(|v| v["full_number"].as_str().unwrap()).collect();
    assert_eq!(numbers, ["2.0.0.rc1", "1.2.0", "1.2.0-x86_64-linux", "1.0.0"]);
    assert_eq!(versions[0]["prerelease"], true);
    assert_eq!(versions[1]["ruby_version"], ">= 2.7");
    let gem = json("gems/widget");
    assert_eq!((gem["version"].as_str(), gem["version_created_at"].as_str()), (Some("1.2.0"), Some("2026-11-21T08:01:00Z")));
    assert_eq!(gem["dependencies"]["runtime"][0], serde_json::json!({ "name": "rake", "requirements": ">= 12, < 14" }));
}

#[test]
fn what_is_not_there_is_404_in_words_and_never_cached() {
    let store = shelf().rows();
    for path in [
        "acme.example/info/nothing",
        "other.example/versions",
        "other.example/names",
        "other.example/specs.4.8.gz",
        "acme.example/gems/widget-9.gem",
        "acme.example/gems/widget-1.0.0-java.gem",
        "acme.example/gems/widget.gem",
        "acme.example/quick/Marshal.4.8/widget-9.gemspec.rz",
        "acme.example/api/v1/versions/nothing.json",
        "acme.example/api/v1/gems/nothing.json",
        "acme.example/api/v1/dependencies",
        "nodomain/versions",
    ] {
        let response = store.answer(&get(path));
        assert_eq!((response.status, response.cache), (404, Cache::Never), "{path}");
        assert!(text(&response).starts_with("Not found: "), "{path}: {}", text(&response));
    }
    for path in ["", "acme.example", "acme.example/", "other.example/"] {
        assert_eq!(store.answer(&get(path)).status, 200, "{path}");
    }
    for path in ["acme.example/api/v1/gems", "acme.example/api/v1/gems/yank"] {
        let response = store.answer(&Request { method: Method::Write, ..get(path) });
        assert_eq!(response.status, 405);
        assert!(text(&response).contains("Run: deedbox "), "{}", text(&response));
    }
}

#[test]
fn a_withheld_or_unreadable_manifest_is_listed_nowhere() {
    let mut log = Log::default();
    publish(&mut log, &[Source::new("widget", "1.0.0")]);
    for (version, fact) in [("1.1.0", Fact::Withheld), ("1.2.0", Fact::Unreadable("not_a_manifest"))] {
        let manifest = inspect(&[Source::new("widget", version).bytes()]).unwrap().manifest;
        let event = deedbox_testkit::folding::published(&Gem::new(), &manifest, &[]);
        log.append(WIDGET, event, Facts { manifest: Some(fact), message: None });
    }
    log.yank(WIDGET, "1.1.0", ReasonCode::Security);
    let store = log.rows();
    assert_eq!(text(&store.answer(&get("acme.example/info/widget"))).lines().count(), 2);
    assert_eq!(text(&store.answer(&get("acme.example/versions"))).lines().count(), 3);
    assert_eq!(store.answer(&get("acme.example/gems/widget-1.1.0.gem")).status, 451);
    assert_eq!(store.answer(&get("acme.example/gems/widget-1.2.0.gem")).status, 404);
}

#[test]
fn what_was_not_derived_from_the_id_is_passed_over() {
    let mut log = Log::default();
    let mut manifest = inspect(&[Source::new("widget", "1.0.0").bytes()]).unwrap().manifest;
    manifest.native_name = deedbox_model::NativeName::parse("acme.example/other").unwrap();
    log.publish_as(&manifest, &[]);
    assert!(log.rows().rows.is_empty());
}

#[test]
fn a_publish_costs_the_same_after_hundreds_of_versions() {
    let mut log = Log::default();
    for n in 0..400 {
        publish(&mut log, &[rich(&format!("1.{n}.0"))]);
    }
    let mut store = Store::default();
    store.follow(&log.entries[..1], 1);
    let size = |store: &Store, entry: u64| -> usize {
        store.rows.iter().filter(|(_, row)| row.seq == entry).map(|(_, row)| row.bytes.len()).sum()
    };
    store.follow(&log.entries[1..399], 50);
    assert_eq!(store.follow(&log.entries[399..], 1), 6, "rows of one publish");
    assert!(size(&store, 399) < 80_000, "{}", size(&store, 399));
    assert!(store.rows.values().all(|row| row.bytes.len() < 40_000), "a row grows");
    assert!(store.rows.keys().filter(|key| key.as_str().starts_with("i/")).count() > 3, "the index is in pieces");
    let info = bytes_of(&store.answer(&get("acme.example/info/widget")));
    let last = text(&store.answer(&get("acme.example/versions"))).lines().last().unwrap().to_owned();
    assert_eq!(last, format!("widget 1.399.0 {}", md5_hex(&info)));
}

#[derive(Debug, Clone)]
enum Change {
    Publish(bool, u8, bool),
    Yank(bool, u8),
    Unyank(bool, u8),
    Deprecate(u8),
}

impl Arbitrary for Change {
    type Parameters = ();
    type Strategy = BoxedStrategy<Self>;
    fn arbitrary_with((): ()) -> Self::Strategy {
        prop_oneof![
            4 => (any::<bool>(), 0u8..6, any::<bool>()).prop_map(|(g, v, p)| Change::Publish(g, v, p)),
            2 => (any::<bool>(), 0u8..6).prop_map(|(g, v)| Change::Yank(g, v)),
            1 => (any::<bool>(), 0u8..6).prop_map(|(g, v)| Change::Unyank(g, v)),
            1 => (0u8..6).prop_map(Change::Deprecate),
        ]
        .boxed()
    }
}

const VERSIONS: [&str; 6] = ["1.0", "1.1.0", "1.2", "2.0.rc1", "2.0", "10"];

fn id(is_gear: bool) -> &'static str {
    if is_gear { "gem:acme.example/gear" } else { WIDGET }
}

fn apply(log: &mut Log, change: Change) {
    match change {
        Change::Publish(gear, v, two) => {
            let source = Source::new(if gear { "gear" } else { "widget" }, VERSIONS[usize::from(v)]);
            let mut sources = vec![source.clone()];
            if two {
                sources.push(source.on("java"));
            }
            publish(log, &sources);
        }
        Change::Yank(gear, v) => {
            log.yank(id(gear), VERSIONS[usize::from(v)], ReasonCode::Broken);
        }
        Change::Unyank(gear, v) => {
            log.unyank(id(gear), VERSIONS[usize::from(v)]);
        }
        Change::Deprecate(v) => {
            log.deprecate(WIDGET, VERSIONS[usize::from(v)], ReasonCode::Superseded, None);
        }
    }
}

fn requests() -> Vec<Request> {
    let paths = [
        "versions",
        "names",
        "info/widget",
        "info/gear",
        "specs.4.8.gz",
        "latest_specs.4.8.gz",
        "prerelease_specs.4.8.gz",
        "gems/widget-1.0.gem",
        "gems/widget-2.0.rc1-java.gem",
        "quick/Marshal.4.8/gear-1.2.gemspec.rz",
        "api/v1/versions/widget.json",
        "api/v1/gems/gear.json",
        "api/v1/search.json",
    ];
    paths.iter().map(|path| get(&format!("acme.example/{path}"))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn rows_from_increments_are_rows_from_zero_in_any_batches(changes in proptest::collection::vec(any::<Change>(), 1..24), batch in 1usize..12) {
        let mut log = Log::default();
        changes.into_iter().for_each(|change| apply(&mut log, change));
        let rows = laws::rows_from_increments_are_rows_from_zero::<Gem>(&log.entries, batch);
        laws::an_answer_is_the_same_however_few_rows_a_scan_gives(&rows, &folding::site(), &requests(), 1);
        laws::what_tells_of_something_says_so(&rows, &folding::site(), &requests());
    }

    #[test]
    fn versions_only_ever_grows_and_always_tells_the_sum_of_info(changes in proptest::collection::vec(any::<Change>(), 1..24)) {
        let mut log = Log::default();
        changes.into_iter().for_each(|change| apply(&mut log, change));
        let mut store = Store::default();
        let mut before = String::new();
        for entry in &log.entries {
            store.follow(std::slice::from_ref(entry), 1);
            let response = store.answer(&get("acme.example/versions"));
            if response.status != 200 {
                continue;
            }
            let now = text(&response);
            prop_assert!(now.starts_with(&before), "an earlier line was written anew");
            for name in ["widget", "gear"] {
                if let Some(line) = now.lines().rfind(|line| line.starts_with(name)) {
                    let info = bytes_of(&store.answer(&get(&format!("acme.example/info/{name}"))));
                    prop_assert!(line.ends_with(&md5_hex(&info)), "{}", line);
                }
            }
            before = now;
        }
    }

    #[test]
    fn an_answer_stays_while_the_first_rows_of_its_plan_stay(changes in proptest::collection::vec(any::<Change>(), 2..16)) {
        let mut log = Log::default();
        changes.into_iter().for_each(|change| apply(&mut log, change));
        laws::an_answer_stays_while_the_first_rows_of_its_plan_stay::<Gem>(&log.entries, &folding::site(), &requests());
    }

    #[test]
    fn no_path_makes_it_panic(path in "[a-z0-9./_%-]{0,60}", rest in ".{0,30}") {
        let store = Store::default();
        for path in [path.clone(), format!("acme.example/{path}"), format!("acme.example/gems/{rest}.gem"), format!("acme.example/info/{rest}")] {
            store.answer(&get(&path));
        }
    }
}

#[test]
fn each_path_says_what_it_tells_of() {
    laws::each_path_says_what_it_tells_of::<Gem>(&[
        ("acme.example/info/widget", "gem:acme.example/widget"),
        ("acme.example/api/v1/versions/widget.json", "gem:acme.example/widget"),
        ("acme.example/versions", "acme.example"),
        ("", "nothing"),
    ]);
}
