//! A package that is hidden, in each ecosystem as its clients ask for it: every answer about it is, byte for byte, that about a package
//! which nobody has published, and every other package's is what it is where everybody may read everything.

use super::{Hides, all_of, ask};
use crate::world::{World, now, parts};
use deedbox_gem::Gem;
use deedbox_maven::Maven;
use deedbox_model::{EventId, Hasher, ObjectRef, PackageId, Statement, Verified, Version};
use deedbox_npm::Npm;
use deedbox_oci::document::OCI_MANIFEST;
use deedbox_oci::{Kind, Oci, artifact_name};
use deedbox_server::{Config, Parts, PublicUrl, ReadPolicy};
use deedbox_testkit::archives::{member, tar_of, tgz, zip};
use deedbox_testkit::folding::{Bytes, published};
use deedbox_testkit::packages::{gem, gem_requirements, pom};
use deedbox_testkit::{Owner, archives};
use deedbox_view::{ArtifactSource, Dialect, Projection, Resource, Said, View};
use reqwest::Method;
use serde_json::json;
use std::sync::Arc;
use tempfile::TempDir;

const DOMAIN: &str = "acme.localhost";
const HIDDEN: &str = "secret";
/// As long as the hidden one, and never published.
const UNKNOWN: &str = "nobody";
const OPEN: &str = "public";

/// What of a package is sent in one release.
struct Release {
    id: String,
    version: &'static str,
    files: Vec<Bytes>,
}

/// An ecosystem, as these tests use it.
struct Ecosystem {
    dialect: Arc<dyn Dialect>,
    projection: Arc<dyn Projection>,
    view: Arc<dyn View>,
    /// The releases of a package of this name, one on top of the other.
    releases: fn(&str) -> Vec<Release>,
    /// What clients ask about it.
    paths: fn(&str) -> Vec<String>,
}

fn ecosystem<E: Dialect + Projection + View + 'static>(
    it: E,
    releases: fn(&str) -> Vec<Release>,
    paths: fn(&str) -> Vec<String>,
) -> Ecosystem {
    let it = Arc::new(it);
    Ecosystem { dialect: it.clone(), projection: it.clone(), view: it, releases, paths }
}

fn npm() -> Ecosystem {
    fn releases(name: &str) -> Vec<Release> {
        let package = json!({ "name": format!("@{DOMAIN}/{name}"), "version": "1.0.0", "description": "A widget." }).to_string();
        let file = Bytes::new(&format!("{name}-1.0.0.tgz"), tgz(&[("package/package.json", package.as_bytes())]));
        vec![Release { id: format!("npm:{DOMAIN}/{name}"), version: "1.0.0", files: vec![file] }]
    }
    fn paths(name: &str) -> Vec<String> {
        let of = format!("@{DOMAIN}/{name}");
        vec![
            format!("/npm/@{DOMAIN}%2f{name}"),
            format!("/npm/{of}"),
            format!("/npm/{of}/1.0.0"),
            format!("/npm/{of}/latest"),
            format!("/npm/{of}/-/{name}-1.0.0.tgz"),
            format!("/npm/-/package/@{DOMAIN}%2f{name}/dist-tags"),
        ]
    }
    ecosystem(Npm::new(), releases, paths)
}

fn maven() -> Ecosystem {
    fn releases(name: &str) -> Vec<Release> {
        let pom = Bytes::new(&format!("{name}-1.0.pom"), pom("localhost.acme", name, "1.0", ""));
        let properties = format!("version=1.0\ngroupId=localhost.acme\nartifactId={name}\n");
        let members: [(&str, &[u8]); 3] = [
            ("META-INF/", b""),
            ("META-INF/MANIFEST.MF", b"Manifest-Version: 1.0\r\n\r\n"),
            (&format!("META-INF/maven/localhost.acme/{name}/pom.properties"), properties.as_bytes()),
        ];
        let jar = Bytes::new(&format!("{name}-1.0.jar"), zip(&members));
        vec![Release { id: format!("maven:{DOMAIN}/{name}"), version: "1.0", files: vec![pom, jar] }]
    }
    fn paths(name: &str) -> Vec<String> {
        let files = [
            "maven-metadata.xml".to_owned(),
            "maven-metadata.xml.sha1".to_owned(),
            format!("1.0/{name}-1.0.pom"),
            format!("1.0/{name}-1.0.pom.sha256"),
            format!("1.0/{name}-1.0.jar"),
            format!("1.0/{name}-1.0.jar.sha1"),
        ];
        files.iter().map(|file| format!("/maven/localhost/acme/{name}/{file}")).collect()
    }
    ecosystem(Maven, releases, paths)
}

fn descriptor(media_type: &str, bytes: &[u8]) -> serde_json::Value {
    json!({ "mediaType": media_type, "digest": digest(bytes), "size": bytes.len() })
}

fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", Hasher::of(bytes).1.sha256)
}

const CONFIG: &[u8] = br#"{"architecture":"amd64"}"#;
const LAYER: &[u8] = b"a layer of files";

/// The manifest of an image, and of what says something about it.
fn image(about: Option<&[u8]>) -> Vec<u8> {
    let mut document = json!({
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": descriptor("application/vnd.oci.image.config.v1+json", CONFIG),
        "layers": [descriptor("application/vnd.oci.image.layer.v1.tar+gzip", LAYER)],
    });
    if let Some(subject) = about {
        document["subject"] = descriptor(OCI_MANIFEST, subject);
        document["artifactType"] = json!("application/vnd.example.sbom.v1");
    }
    serde_json::to_vec(&document).unwrap()
}

fn oci() -> Ecosystem {
    fn releases(name: &str) -> Vec<Release> {
        let of = |kind, bytes: &[u8]| Bytes::new(&artifact_name(kind, &Hasher::of(bytes).1.sha256), bytes);
        let release = |version, manifest: Vec<u8>| {
            let files = vec![of(Kind::Manifest, &manifest), of(Kind::Blob, CONFIG), of(Kind::Blob, LAYER)];
            Release { id: format!("oci:{DOMAIN}/{name}"), version, files }
        };
        vec![release("1.0", image(None)), release("1.0-sbom", image(Some(&image(None))))]
    }
    fn paths(name: &str) -> Vec<String> {
        let manifest = digest(&image(None));
        let about = [
            "manifests/1.0".to_owned(),
            "manifests/latest".to_owned(),
            format!("manifests/{manifest}"),
            format!("blobs/{}", digest(LAYER)),
            format!("blobs/{}", digest(CONFIG)),
            "tags/list".to_owned(),
            "tags/list?n=1".to_owned(),
            format!("referrers/{manifest}"),
        ];
        about.iter().map(|path| format!("/v2/{DOMAIN}/{name}/{path}")).collect()
    }
    ecosystem(Oci, releases, paths)
}

fn specification(name: &str) -> String {
    let any = gem_requirements("  ", &[(">=", "0")]);
    format!(
        "--- !ruby/object:Gem::Specification\nname: {name}\nversion: !ruby/object:Gem::Version\n  version: '1.0.0'\nplatform: ruby\n\
         authors:\n- Ann Author\nautorequire:\nbindir: bin\ncert_chain: []\ndate: 2020-01-02 00:00:00.000000000 Z\ndependencies: []\n\
         description: A widget.\nemail: ann@acme.example\nexecutables: []\nextensions: []\nextra_rdoc_files: []\nfiles:\n- lib/x.rb\n\
         homepage: https://acme.example\nlicenses:\n- MIT\nmetadata:\n  deedbox_id: gem:{DOMAIN}/{name}\npost_install_message:\n\
         rdoc_options: []\nrequire_paths:\n- lib\nrequired_ruby_version: !ruby/object:Gem::Requirement\n  requirements:\n{any}\
         required_rubygems_version: !ruby/object:Gem::Requirement\n  requirements:\n{any}requirements: []\nrubygems_version: 3.3.15\n\
         signing_key:\nspecification_version: 4\nsummary: A widget\ntest_files: []\n"
    )
}

fn gems() -> Ecosystem {
    fn releases(name: &str) -> Vec<Release> {
        let data = archives::gzip(&tar_of(&[member("lib/x.rb", b'0', b"X = 1\n")]));
        let file = Bytes::new(&format!("{name}-1.0.0.gem"), gem(&specification(name), &data));
        vec![Release { id: format!("gem:{DOMAIN}/{name}"), version: "1.0.0", files: vec![file] }]
    }
    fn paths(name: &str) -> Vec<String> {
        let about = [
            format!("info/{name}"),
            format!("gems/{name}-1.0.0.gem"),
            format!("quick/Marshal.4.8/{name}-1.0.0.gemspec.rz"),
            format!("api/v1/versions/{name}.json"),
            format!("api/v1/gems/{name}.json"),
        ];
        about.iter().map(|path| format!("/gem/{DOMAIN}/{path}")).collect()
    }
    ecosystem(Gem::new(), releases, paths)
}

fn is_secret(resource: &Resource) -> bool {
    matches!(resource, Resource::Package(id) if id.as_str().ends_with("/secret"))
}

async fn open(dir: Arc<TempDir>, of: &Ecosystem, policy: Arc<dyn ReadPolicy>) -> World {
    let mut parts = Parts { policy, ..parts() };
    parts.dialects.push(Arc::clone(&of.dialect));
    parts.projections.push(Arc::clone(&of.projection));
    parts.views.push(Arc::clone(&of.view));
    // The same for every start: answers name it.
    let set = |config: &mut Config| config.public_url = PublicUrl::parse("https://registry.example").unwrap();
    World::open_with(dir, set, parts).await.unwrap()
}

/// Sends a release as `deedbox publish` does, but for its statement.
async fn prepare(world: &World, of: &Ecosystem, owner: &Owner, release: &Release, prev: Option<EventId>) -> Verified<Statement> {
    let sources: Vec<&dyn ArtifactSource> = release.files.iter().map(|file| file as &dyn ArtifactSource).collect();
    let (id, version) = (PackageId::parse(&release.id).unwrap(), Version::parse(release.version).unwrap());
    let manifest = of.dialect.inspect(&Said { id: Some(&id), version: Some(&version) }, &sources).unwrap().manifest;
    for file in &release.files {
        assert!(world.upload(owner, file.bytes.clone()).await.is_success());
    }
    assert!(world.upload(owner, manifest.encode().unwrap()).await.is_success());
    owner.say(&release.id, prev, now(), &published(of.dialect.as_ref(), &manifest, &["latest"]))
}

async fn publish_all(world: &World, of: &Ecosystem, owner: &Owner, name: &str) {
    let mut prev = None;
    for release in (of.releases)(name) {
        let statement = prepare(world, of, owner, &release, prev).await;
        world.must_append(&statement).await;
        prev = Some(statement.id());
    }
}

/// What a client may ask with: whatever it has from elsewhere, and what says who it is.
fn conditions(tag: &str) -> Vec<Vec<(&str, &str)>> {
    vec![
        vec![],
        vec![("if-none-match", tag)],
        vec![("if-none-match", "*")],
        vec![("range", "bytes=0-3")],
        vec![("range", "bytes=0-3"), ("if-range", tag)],
        vec![("accept-encoding", "gzip, br"), ("x-reader", "somebody else")],
        vec![("accept", "application/vnd.npm.install-v1+json"), ("authorization", "Bearer bm9ib2R5")],
    ]
}

async fn a_hidden_package_is_absent(of: Ecosystem) {
    let dir = Arc::new(TempDir::new().unwrap());
    let world = open(Arc::clone(&dir), &of, Arc::new(Hides(is_secret))).await;
    let owner = world.claim(DOMAIN, 10).await;
    publish_all(&world, &of, &owner, HIDDEN).await;
    publish_all(&world, &of, &owner, OPEN).await;
    let friend = ("x-reader", "friend");

    for (hidden, unknown) in (of.paths)(HIDDEN).iter().zip((of.paths)(UNKNOWN)) {
        // The friend is answered, and what can be kept of it is.
        let seen = ask(&world, Method::GET, hidden, &[friend]).await;
        assert_eq!(seen.status(), 200, "{hidden}");
        assert!(seen.headers()["cache-control"].to_str().unwrap().starts_with("private, "), "{hidden}");
        let tag = seen.headers()["etag"].to_str().unwrap().to_owned();
        let seen = seen.bytes().await.unwrap();
        for headers in conditions(&tag) {
            for method in [Method::GET, Method::HEAD] {
                let found = all_of(ask(&world, method.clone(), hidden, &headers).await, HIDDEN).await;
                let expected = all_of(ask(&world, method.clone(), &unknown, &headers).await, UNKNOWN).await;
                assert_eq!(found, expected, "{method} {hidden} {headers:?}");
                assert!(found.2.as_bytes() != seen && !found.1.values().any(|value| value.contains(&tag)), "{hidden} {headers:?}");
            }
        }
    }
    // Its objects by their addresses too, but those that are also another package's.
    let shared: Vec<Vec<u8>> = (of.releases)(OPEN).into_iter().flat_map(|release| release.files).map(|file| file.bytes).collect();
    for file in (of.releases)(HIDDEN).into_iter().flat_map(|release| release.files).filter(|file| !shared.contains(&file.bytes)) {
        let path = crate::world::object_path(&ObjectRef::of(&file.bytes));
        assert_eq!(ask(&world, Method::GET, &path, &[friend]).await.status(), 200, "{path}");
        assert_eq!(world.get(&path).await.status(), 404, "{path}");
    }

    // What is not hidden is, byte for byte, what it is where nothing is.
    let paths = (of.paths)(OPEN);
    let mut under_the_policy = Vec::new();
    for path in &paths {
        under_the_policy.push(answers(&world, path).await);
    }
    world.stop().await;
    let world = open(dir, &of, Arc::new(deedbox_server::Open)).await;
    for (path, before) in paths.iter().zip(under_the_policy) {
        assert_eq!(before, answers(&world, path).await, "{path}");
        assert_eq!(before[0].0, 200, "{path}");
    }
    for path in (of.paths)(HIDDEN) {
        assert_eq!(world.get(&path).await.status(), 200, "{path}: nothing is hidden from anybody");
    }
    world.stop().await;
}

/// All answers about what is there, to anybody.
async fn answers(world: &World, path: &str) -> Vec<(u16, std::collections::BTreeMap<String, String>, Vec<u8>)> {
    let tag = world.get(path).await.headers()["etag"].to_str().unwrap().to_owned();
    let mut answers = Vec::new();
    for headers in conditions(&tag) {
        for method in [Method::GET, Method::HEAD] {
            // Where nothing is hidden nobody is told apart; and who is somebody has an answer of their own.
            let headers: Vec<(&str, &str)> = headers.iter().filter(|(name, _)| *name != "x-reader").copied().collect();
            let response = ask(world, method, path, &headers).await;
            let status = response.status().as_u16();
            let named = response.headers().iter().filter(|(name, _)| !matches!(name.as_str(), "date" | "x-request-id"));
            let named = named.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
            answers.push((status, named, response.bytes().await.unwrap().to_vec()));
        }
    }
    answers
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hidden_npm_package_is_absent() {
    a_hidden_package_is_absent(npm()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hidden_maven_package_is_absent() {
    a_hidden_package_is_absent(maven()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hidden_oci_repository_is_absent() {
    a_hidden_package_is_absent(oci()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hidden_gem_is_absent() {
    a_hidden_package_is_absent(gems()).await;
}

/// Below the domain of these tests, claimed by somebody else.
const TEAM: &str = "team.acme.localhost";

fn is_of_the_team(resource: &Resource) -> bool {
    matches!(resource, Resource::Domain(domain) if domain.as_str() == TEAM)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_coordinate_that_a_hidden_domain_has_is_refused_without_saying_whose_it_is() {
    let of = maven();
    let world = open(Arc::new(TempDir::new().unwrap()), &of, Arc::new(Hides(is_of_the_team))).await;
    let owner = world.claim(DOMAIN, 10).await;
    world.claim(TEAM, 11).await;
    let pom = Bytes::new("bar-1.0.pom", pom("localhost.acme.team", "bar", "1.0", "  <packaging>pom</packaging>\n"));
    let release = Release { id: format!("maven:{DOMAIN}/team/bar"), version: "1.0", files: vec![pom] };
    let statement = prepare(&world, &of, &owner, &release, None).await;
    for (who, code, is_named) in [("friend", "native_name_of_domain", true), ("somebody else", "in_the_way", false)] {
        let request = world.request(Method::POST, "/api/v1/events").header("content-type", "application/cose").header("x-reader", who);
        let response = request.body(statement.bytes().to_vec()).send().await.unwrap();
        assert_eq!(response.status(), 422, "{who}");
        let text = response.text().await.unwrap();
        assert!(text.contains(code) && text.contains(TEAM) == is_named, "{who}: {text}");
    }
    world.stop().await;
}
