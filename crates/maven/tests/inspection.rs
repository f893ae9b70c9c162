//! What is read of a release, and what is refused, each with its code (spec/projections/maven.md §3 and §4).

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
use deedbox_model::{Algorithm, Value};
use deedbox_view::Dialect as _;
use proptest::prelude::*;

fn refused(id: Option<&str>, files: &[(String, Vec<u8>)]) -> &'static str {
    let refusal = inspect(id, files).unwrap_err();
    assert!(refusal.message.contains(' ') && refusal.message.len() < 1_000, "{}", refusal.message);
    refusal.code
}

#[test]
fn a_release_is_its_pom_and_what_is_called_like_it() {
    let mut files =
        widget_files("1.0", "  <description>A widget.</description>\n  <licenses><license><name>MIT</name></license></licenses>\n");
    for tail in ["-javadoc.jar", "-tests.jar"] {
        files.push((format!("widget-1.0{tail}"), jar(&[])));
    }
    for tail in [".module", ".jar.asc", ".pom.asc", "-bin.tar.gz"] {
        files.push((format!("widget-1.0{tail}"), b"{}".to_vec()));
    }
    files.reverse();
    let inspection = inspect(Some(WIDGET), &files).unwrap();
    let manifest = inspection.manifest;
    assert_eq!((manifest.native_name.as_str(), manifest.native_version.as_str()), ("example.acme:widget", "1.0"));
    assert_eq!(manifest.metadata.description.as_deref(), Some("A widget."));
    assert_eq!(manifest.metadata.licence.as_deref(), Some("MIT"));
    assert_eq!(manifest.native.get("packaging").and_then(Value::as_text), Some("jar"));
    assert!(inspection.channels.is_empty());
    let roles: Vec<(&str, &str)> = manifest.artifacts.iter().map(|a| (a.name.as_str(), a.role.as_str())).collect();
    assert_eq!(
        roles,
        [
            ("widget-1.0-bin.tar.gz", "attached"),
            ("widget-1.0-javadoc.jar", "javadoc"),
            ("widget-1.0-sources.jar", "sources"),
            ("widget-1.0-tests.jar", "attached"),
            ("widget-1.0.jar", "jar"),
            ("widget-1.0.jar.asc", "signature"),
            ("widget-1.0.module", "module"),
            ("widget-1.0.pom", "pom"),
            ("widget-1.0.pom.asc", "signature"),
        ]
    );
    manifest.encode().unwrap();
    let principal = Maven.principal(&manifest);
    let names: Vec<&str> = principal.iter().map(|p| p.name.as_str()).collect();
    assert!(
        names.is_sorted() && names.len() == 7 && names.contains(&"widget-1.0.pom") && !names.contains(&"widget-1.0.jar.asc"),
        "{names:?}"
    );
    assert_eq!(principal[0].digests.keys().copied().collect::<Vec<_>>(), [Algorithm::Sha1, Algorithm::Sha256, Algorithm::Sha512]);
}

#[test]
fn the_principal_files_are_pom_and_jar_first_however_many_there_are() {
    let mut files = widget_files("1.0", "");
    for n in 0..20 {
        files.push((format!("widget-1.0-a{n}.jar"), jar(&[])));
    }
    let manifest = inspect(Some(WIDGET), &files).unwrap().manifest;
    let names: Vec<String> = Maven.principal(&manifest).into_iter().map(|p| p.name).collect();
    assert_eq!(names.len(), 8);
    assert!(
        ["widget-1.0.pom", "widget-1.0.jar", "widget-1.0-sources.jar"].iter().all(|name| names.contains(&(*name).to_owned())),
        "{names:?}"
    );
}

#[test]
fn the_id_says_where_the_domain_ends_and_must_be_this_coordinate() {
    let files = files("example.acme.foo", "bar", "1.0", "");
    for id in ["maven:foo.acme.example/bar", "maven:acme.example/foo/bar"] {
        assert_eq!(inspect(Some(id), &files).unwrap().manifest.native_name.as_str(), "example.acme.foo:bar");
    }
    let refusal = inspect(None, &files).unwrap_err();
    assert_eq!(refusal.code, "id_needed");
    assert!(refusal.message.contains("--id maven:foo.acme.example/bar or --id maven:acme.example/foo/bar"), "{}", refusal.message);
    for id in ["maven:acme.example/bar", "maven:acme.example/foo/baz", "maven:foo.example.acme/bar"] {
        assert_eq!(refused(Some(id), &files), "id_differs");
    }
    assert_eq!(refused(Some("npm:acme.example/bar"), &files), "id_name");
    assert_eq!(refused(None, &common::files("junit", "junit", "4", "")), "group_without_domain");
}

#[test]
fn a_build_of_a_snapshot_has_the_pom_of_its_base_and_moves_it() {
    let inspection = inspect(Some(WIDGET), &widget_files("1.0-20261121.070000-1", "")).unwrap();
    assert_eq!(inspection.manifest.version.as_str(), "1.0-20261121.070000-1");
    assert_eq!(inspection.channels.iter().map(ToString::to_string).collect::<Vec<_>>(), ["1.0-SNAPSHOT"]);
    let mut files = widget_files("1.0-20261121.070000-1", "");
    files[0].1 = pom("example.acme", "widget", "1.1-SNAPSHOT", "").into_bytes();
    assert_eq!(refused(Some(WIDGET), &files), "pom_version");
    assert_eq!(refused(Some(WIDGET), &widget_files("1.0-SNAPSHOT", "")), "pom_version");
}

#[test]
fn files_that_are_none_of_the_release_are_refused() {
    let good = widget_files("1.0", "");
    let with = |name: &str| [good.clone(), vec![(name.to_owned(), jar(&[]))]].concat();
    for name in
        ["widget-1.0.jar.sha1", "widget-1.0.jar.md5", "widget-1.1.jar", "other.jar", "a/widget-1.0.jar", "widget-1.0", "maven-metadata.xml"]
    {
        assert_eq!(refused(Some(WIDGET), &with(name)), "file_name", "{name}");
    }
    for name in ["widget-1.0.jar", "widget-1.0-SOURCES.jar"] {
        assert_eq!(refused(Some(WIDGET), &with(name)), "file_twice", "{name}");
    }
    assert_eq!(refused(Some(WIDGET), &good[1..]), "pom_missing");
    assert_eq!(refused(Some(WIDGET), &[]), "pom_missing");
    assert_eq!(refused(Some(WIDGET), &vec![good[0].clone(); 600]), "artifact_count");
    let mut other = good.clone();
    other[0].0 = "widget-2.0.pom".to_owned();
    assert_eq!(refused(Some(WIDGET), &other), "pom_file_name");
}

#[test]
fn what_a_jar_says_of_its_version_is_no_law_and_its_structure_is() {
    let own = "META-INF/maven/example.acme/widget/pom.properties";
    let with = |members: &[(&str, &[u8])]| {
        let mut files = widget_files("1.0", "");
        files[1].1 = jar(members);
        files
    };
    for members in [
        &[(own, &b"version=0.9\ngroupId=example.acme\n"[..])][..],
        &[("META-INF/maven/org.other/x/pom.properties", b"version=0.9\n"), (own, b"#x\r\nversion = 1.0\r\n")],
        &[("META-INF/maven/org.other/x/pom.properties", b"version=0.9\n")],
        &[(own, b"nothing here")],
        &[],
    ] {
        assert!(inspect(Some(WIDGET), &with(members)).is_ok());
    }
    let mut files = widget_files("1.0", "");
    files[2].1 = b"no zip".to_vec();
    assert_eq!(refused(Some(WIDGET), &files), "zip_not");
}

#[test]
fn a_plugin_says_its_prefix_and_a_relocation_is_noted() {
    let native = |files: &[(String, Vec<u8>)], id: &str| inspect(Some(id), files).unwrap().manifest.native;
    let mut plugin = files("example.acme", "acme-maven-plugin", "1.0", "  <packaging>maven-plugin</packaging>\n");
    let id = "maven:acme.example/acme-maven-plugin";
    assert_eq!(native(&plugin, id).get("goalPrefix").and_then(Value::as_text), Some("acme"));
    plugin[1].1 = jar(&[("META-INF/maven/plugin.xml", b"<plugin><goalPrefix>tools</goalPrefix><mojos><mojo/></mojos></plugin>")]);
    assert_eq!(native(&plugin, id).get("goalPrefix").and_then(Value::as_text), Some("tools"));
    plugin[1].1 = jar(&[("META-INF/maven/plugin.xml", b"<!DOCTYPE x []><plugin/>")]);
    assert_eq!(refused(Some(id), &plugin), "plugin_xml");
    let moved = "  <distributionManagement><relocation><artifactId>gadget</artifactId></relocation></distributionManagement>\n";
    let relocation = native(&widget_files("1.0", moved), WIDGET);
    assert_eq!(relocation.get("relocation").and_then(|r| r.get("artifactId")).and_then(Value::as_text), Some("gadget"));
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(pom in proptest::collection::vec(any::<u8>(), 0..200), jar in proptest::collection::vec(any::<u8>(), 0..200)) {
        let files = [("widget-1.0.pom".to_owned(), pom), ("widget-1.0.jar".to_owned(), jar.clone())];
        let _ = inspect(Some(WIDGET), &files);
        let mut files = widget_files("1.0", "");
        files[1].1 = jar;
        let _ = inspect(Some(WIDGET), &files);
    }
}
