//! A small world for the tests of this crate: jars and POMs, a signed log in memory, rows in a map.

#![allow(dead_code, unused_imports, reason = "each test program uses its own part")]

use deedbox_maven::Maven;
use deedbox_model::{PackageId, Version};
use deedbox_testkit::folding::{Bytes, text};
pub(crate) use deedbox_testkit::{archives::zip as jar, packages::pom};
use deedbox_view::{ArtifactSource, Dialect, InspectRefusal, Inspection, Request, Response, Said};

pub(crate) const WIDGET: &str = "maven:acme.example/widget";

pub(crate) type Log = deedbox_testkit::folding::Log<Maven>;
pub(crate) type Store = deedbox_testkit::folding::Store<Maven>;

pub(crate) fn inspect(id: Option<&str>, files: &[(String, Vec<u8>)]) -> Result<Inspection, InspectRefusal> {
    let files: Vec<Bytes> = files.iter().map(|(name, bytes)| Bytes::new(name, bytes.clone())).collect();
    let sources: Vec<&dyn ArtifactSource> = files.iter().map(|file| file as &dyn ArtifactSource).collect();
    let id = id.map(|id| PackageId::parse(id).unwrap());
    Maven.inspect(&Said { id: id.as_ref(), version: None }, &sources)
}

/// The files of a release of `example.acme:widget`: a POM, a jar that says who it is, its sources.
pub(crate) fn widget_files(version: &str, more: &str) -> Vec<(String, Vec<u8>)> {
    files("example.acme", "widget", version, more)
}

pub(crate) fn files(group: &str, artifact: &str, version: &str, more: &str) -> Vec<(String, Vec<u8>)> {
    let said = deedbox_maven::PackageVersion::parse(version).map_or(version.to_owned(), |version| version.folder().to_owned());
    let properties = format!("#Created by a build\nversion={said}\ngroupId={group}\nartifactId={artifact}\n");
    let main = jar(&[
        ("META-INF/", b""),
        ("META-INF/MANIFEST.MF", b"Manifest-Version: 1.0\r\n\r\n"),
        (&format!("META-INF/maven/{group}/{artifact}/pom.properties"), properties.as_bytes()),
    ]);
    vec![
        (format!("{artifact}-{version}.pom"), pom(group, artifact, &said, more).into_bytes()),
        (format!("{artifact}-{version}.jar"), main),
        (format!("{artifact}-{version}-sources.jar"), jar(&[("Widget.java", version.as_bytes())])),
    ]
}

/// A release of any package, read as the server would.
pub(crate) fn release(id: &str, version: &str, more: &str) -> Inspection {
    let coordinates = deedbox_maven::Coordinates::from_id(&PackageId::parse(id).unwrap()).unwrap();
    inspect(Some(id), &files(coordinates.group(), coordinates.artifact(), version, more)).unwrap()
}

pub(crate) trait Publish {
    fn publish(&mut self, id: &str, version: &str, more: &str) -> &mut Self;
}

impl Publish for Log {
    fn publish(&mut self, id: &str, version: &str, more: &str) -> &mut Self {
        assert_eq!(Version::parse(version).unwrap().as_str(), version);
        self.publish_inspected(&release(id, version, more))
    }
}

pub(crate) fn get(rows: &Store, path: &str) -> Response {
    rows.answer(&Request::get("/maven/", path))
}

pub(crate) fn body(rows: &Store, path: &str) -> (u16, String) {
    let response = get(rows, path);
    (response.status, text(&response))
}
