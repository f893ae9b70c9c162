//! Targets of what projections answer (spec/projections): any request, over a small log with every kind of release in it. No input
//! is a defect, a fault of the server, or a header that is not a header; every answer in JSON parses.

use crate::npm::world::{self, NpmLog as _};
use deedbox_catalog::{Catalog, DOMAINS, PACKAGES, SEARCH};
use deedbox_gem::Gem;
use deedbox_maven::Maven;
use deedbox_model::ReasonCode;
use deedbox_npm::Npm;
use deedbox_oci::Oci;
use deedbox_testkit::folding;
use deedbox_view::{Body, Fact, Method, Reader, Request, Response, View};
use std::sync::OnceLock;

/// The world of the room's own tests.
#[path = "../../crates/catalog/tests/world/mod.rs"]
mod catalog_world;

/// Scans of these sizes: a small one makes a list go on for many rounds.
const SCANS: [u32; 4] = [1, 3, 17, 5_000];

/// A first byte that says how, then a path and a query.
pub fn npm(data: &[u8]) {
    static ROWS: OnceLock<world::Store> = OnceLock::new();
    static SITE: OnceLock<deedbox_view::Site> = OnceLock::new();
    let rows = ROWS.get_or_init(npm_rows);
    let site = SITE.get_or_init(world::site);
    let Some((how, request)) = request(data, Npm::new().mounts()) else { return };
    let response = rows.answer_at(site, &request, SCANS[usize::from(how >> 6)]);
    check(&request, &response);
    assert_eq!(rows.answer_at(site, &request, SCANS[usize::from(how >> 6)]), response, "two answers to one question");
}

/// The same for the catalog.
pub fn catalog(data: &[u8]) {
    static WORLD: OnceLock<catalog_world::World> = OnceLock::new();
    let world = WORLD.get_or_init(catalog_rows);
    let Some((_, request)) = request(data, Catalog.mounts()) else { return };
    let (response, _) = world.ask_with_first(&request);
    check(&request, &response);
}

/// The same for the other ecosystems; the first byte says which one, too.
pub fn native(data: &[u8]) {
    static MAVEN: OnceLock<folding::Store<Maven>> = OnceLock::new();
    static OCI: OnceLock<folding::Store<Oci>> = OnceLock::new();
    static GEM: OnceLock<folding::Store<Gem>> = OnceLock::new();
    match data.first().map(|how| how >> 3 & 3) {
        Some(0 | 3) => answered(data, MAVEN.get_or_init(crate::maven::rows), Maven.mounts()),
        Some(1) => answered(data, OCI.get_or_init(crate::oci::rows), Oci.mounts()),
        Some(_) => answered(data, GEM.get_or_init(crate::gem::rows), Gem::new().mounts()),
        None => {}
    }
}

fn answered<D: View>(data: &[u8], rows: &folding::Store<D>, mounts: &'static [&'static str]) {
    static SITE: OnceLock<deedbox_view::Site> = OnceLock::new();
    let site = SITE.get_or_init(world::site);
    let Some((how, request)) = request(data, mounts) else { return };
    let response = rows.answer_at(site, &request, SCANS[usize::from(how >> 6)]);
    check(&request, &response);
    assert_eq!(rows.answer_at(site, &request, SCANS[usize::from(how >> 6)]), response, "two answers to one question");
}

fn request(data: &[u8], mounts: &'static [&'static str]) -> Option<(u8, Request)> {
    let (how, rest) = data.split_first()?;
    let text = std::str::from_utf8(rest).ok()?;
    let (url, body) = text.split_once('\n').unwrap_or((text, ""));
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    if path.len() > 2_048 {
        return None;
    }
    let pair = |pair: &str| pair.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
    let method = match how & 7 {
        6 => Method::Post,
        7 => Method::Write,
        _ => Method::Get,
    };
    let accept = match how >> 3 & 3 {
        0 => "application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8, */*".to_owned(),
        1 => query.to_owned(),
        _ => String::new(),
    };
    let body = if method == Method::Post { body.as_bytes().to_vec() } else { Vec::new() };
    let query = query.split('&').filter_map(pair).take(64).collect();
    let mount = mounts[usize::from(how & 7) % mounts.len()];
    Some((*how, Request { reader: Reader::ANYBODY, method, mount, path: path.to_owned(), query, accept, body }))
}

fn check(request: &Request, response: &Response) {
    assert!((200..500).contains(&response.status), "{request:?}: {}", response.status);
    let plain = |text: &str| text.bytes().all(|b| (0x20..0x7f).contains(&b));
    assert!(plain(&response.media_type), "{request:?}: {:?}", response.media_type);
    for (name, value) in &response.headers {
        assert!(
            plain(value) && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'),
            "{request:?}: {name}: {value:?}"
        );
    }
    assert!(response.status < 400 || request.method != Method::Write || response.status == 405);
    match &response.body {
        Body::Bytes(bytes) if response.media_type.contains("json") => {
            let parsed: Result<serde_json::Value, _> = serde_json::from_slice(bytes);
            assert!(parsed.is_ok(), "{request:?}: {:?}", String::from_utf8_lossy(bytes));
        }
        Body::Bytes(_) => {}
        Body::Empty => {}
        Body::Object(_) => assert_eq!(response.status, 200),
    }
}

fn npm_rows() -> world::Store {
    const GEAR: &str = "npm:acme.example/gear";
    let mut log = world::Log::default();
    log.publish(world::WIDGET, "1.0.0", r#","description":"A widget","keywords":["small","blue"],"license":"MIT""#);
    log.publish(world::WIDGET, "1.1.0+build.7", r#","dependencies":{"@acme.example/gear":"^1"},"bin":{"w":"index.js"}"#);
    log.publish(world::WIDGET, "2.0.0-rc.1", r#","scripts":{"postinstall":"x"},"os":["linux"]"#);
    log.publish(world::WIDGET, "2.0.0", r#","funding":"https://registry.example/fund","engines":{"node":">=20"}"#);
    log.deprecate(world::WIDGET, "1.0.0", ReasonCode::Superseded, Some(Fact::Present("use 2 \u{2028}\"now\"".to_owned())));
    log.yank(world::WIDGET, "1.1.0+build.7", ReasonCode::Security);
    log.channel(world::WIDGET, "next", "2.0.0-rc.1");
    log.channel(world::WIDGET, "old", "1.1.0+build.7");
    log.publish(GEAR, "1.0.0", r#","homepage":"https://registry.example/gear""#);
    log.publish(GEAR, "1.0.1", "");
    log.yank(GEAR, "1.0.1", ReasonCode::Broken);
    log.remove_channel(GEAR, "latest");
    log.publish("npm:team.acme.example/only-rc", "1.0.0-rc.1", "");
    for (version, fact) in [("3.0.0", Fact::Withheld), ("3.0.1", Fact::Unreadable("not_a_manifest"))] {
        let manifest = world::release(GEAR, version, "").manifest;
        let facts = deedbox_view::Facts { manifest: Some(fact), message: None };
        log.append(GEAR, world::published(&manifest, &[]), facts);
    }
    log.rows()
}

fn catalog_rows() -> catalog_world::World {
    use catalog_world::described;
    const WIDGET: &str = "npm:acme.example/widget";
    let mut world = catalog_world::World::new();
    let acme = world.claim("acme.example", 10);
    let demo = world.claim("demo.localhost", 20);
    for (n, version) in ["1.0.0", "1.1.0", "2.0.0-rc.1", "2.0.0"].into_iter().enumerate() {
        let channels: &[&str] = if n == 0 { &["latest", "old"] } else { &[] };
        world.publish(&acme, &described(WIDGET, version, "A small blue widget", &["small", "blue"]), channels);
    }
    world.deprecate(&acme, WIDGET, "1.0.0", Some("use 2.0.0"));
    world.yank(&acme, WIDGET, "1.1.0");
    world.set_channel(&acme, WIDGET, "latest", "2.0.0");
    world.remove_channel(&acme, WIDGET, "old");
    for n in 0..30 {
        let id = format!("gem:lab{n}.acme.example/tool-{n}");
        world.publish(&acme, &described(&id, "1", "One tool of many", &["tool"]), &["stable"]);
    }
    world.publish(&demo, &described("npm:demo.localhost/x/y.z", "0", "Ünïcode wörds", &[]), &[]);
    let withheld = described("npm:demo.localhost/gone", "1.0.0", "Nobody sees this", &[]);
    world.publish_as(&demo, &withheld, &["latest"], Fact::Withheld);
    let unreadable = described("npm:demo.localhost/broken", "1.0.0", "Nor this", &[]);
    world.publish_as(&demo, &unreadable, &[], Fact::Unreadable("not_a_manifest"));
    for url in [PACKAGES, DOMAINS, SEARCH] {
        world.ask(url);
    }
    world
}
