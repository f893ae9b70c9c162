//! The target of POMs and what is read beside them (spec/projections/maven.md §3): a POM, and behind a zero byte each a plugin's
//! descriptor and a jar's properties. What is accepted goes all the way: another reader of XML finds the same coordinate, every
//! id that stands for it gives the same release, and each file and document is answered.

use self::world::{Log, Store, get, jar};
use crate::archive::said_well;
use deedbox_maven::settings::{Edit, pom_with_repository};
use deedbox_maven::version::snapshot_prefix;
use deedbox_maven::{Pom, coordinates_of};
use deedbox_model::{Algorithm, Hasher, Manifest, ObjectRef, PackageId};
use deedbox_view::{Body, Dialect as _, InspectRefusal};
use roxmltree::{Document, Node};

/// The world of the room's own tests.
#[path = "../../crates/maven/tests/common/mod.rs"]
pub mod world;

/// A POM, a descriptor, properties.
pub fn pom(data: &[u8]) {
    let mut parts = data.splitn(3, |b| *b == 0);
    let (bytes, plugin, properties) = (parts.next().unwrap_or_default(), parts.next(), parts.next());
    edited(bytes);
    let pom = match Pom::read(bytes) {
        Ok(pom) => pom,
        Err(bad) => {
            assert!(bad.code.starts_with("pom_"));
            return said_well(&InspectRefusal::new(bad.code, bad.message));
        }
    };
    assert_eq!(Pom::read(bytes).as_ref(), Ok(&pom), "two readings differ");
    second_reader(bytes, &pom);
    let Ok(coordinates) = coordinates_of(&pom) else { return };
    let version = match snapshot_prefix(&pom.version) {
        Some(prefix) => format!("{prefix}20261121.070000-1"),
        None => pom.version.clone(),
    };
    let stem = format!("{}-{version}", coordinates.artifact());
    let place = format!("META-INF/maven/{}/{}/pom.properties", coordinates.group(), coordinates.artifact());
    let mut members: Vec<(&str, &[u8])> = vec![("META-INF/", b"")];
    members.extend(plugin.map(|plugin| ("META-INF/maven/plugin.xml", plugin)));
    members.extend(properties.map(|properties| (place.as_str(), properties)));
    let jar = jar(&members);
    let files = [(format!("{stem}.pom"), bytes.to_vec()), (format!("{stem}.jar"), jar.clone())];
    let ids = coordinates.ids();
    let inspect = |id: Option<&PackageId>, files: &[(String, Vec<u8>)]| world::inspect(id.map(PackageId::as_str), files);
    let Some(first) = ids.first() else {
        let refusal = inspect(None, &files).unwrap_err();
        return said_well(&refusal);
    };
    let all: Vec<_> = ids.iter().map(|id| inspect(Some(id), &files)).collect();
    let inspection = match &all[0] {
        Ok(inspection) => inspection,
        Err(refusal) => {
            said_well(refusal);
            assert!(all.iter().all(|other| other.as_ref().is_err_and(|other| other.code == refusal.code)), "{all:?}");
            return;
        }
    };
    let manifest = &inspection.manifest;
    for (id, other) in ids.iter().zip(&all) {
        let other = other.as_ref().unwrap();
        assert_eq!(Manifest { id: first.clone(), ..other.manifest.clone() }, *manifest, "{id}");
        assert_eq!(other.channels, inspection.channels);
    }
    assert_eq!(Manifest::decode(&manifest.encode().unwrap()).as_ref(), Ok(manifest));
    assert_eq!(manifest.native_name.as_str(), coordinates.to_string());
    let reversed = [files[1].clone(), files[0].clone()];
    assert_eq!(inspect(Some(first), &reversed).as_ref(), Ok(inspection), "the order of files says nothing");
    let _ = deedbox_maven::Maven.principal(manifest);

    let mut log = Log::default();
    log.publish_inspected(inspection);
    answered(&log.rows(), manifest, &files, &coordinates.folder());
}

/// Every file under its path, with each of its digests, and documents that another reader reads.
fn answered(rows: &Store, manifest: &Manifest, files: &[(String, Vec<u8>)], folder: &str) {
    let version = deedbox_maven::PackageVersion::parse(manifest.version.as_str()).unwrap();
    let below = format!("{folder}/{}", version.folder());
    for (name, bytes) in files {
        let response = get(rows, &format!("{below}/{name}"));
        assert_eq!((response.status, &response.body), (200, &Body::Object(ObjectRef::of(bytes))), "{name}");
        let (_, digests) = Hasher::of(bytes);
        for (ending, algorithm) in [("sha1", Algorithm::Sha1), ("sha512", Algorithm::Sha512)] {
            let sum: String = algorithm.pick(&digests).iter().map(|b| format!("{b:02x}")).collect();
            assert_eq!(world::body(rows, &format!("{below}/{name}.{ending}")), (200, sum));
        }
    }
    let (status, text) = world::body(rows, &format!("{folder}/maven-metadata.xml"));
    assert_eq!(status, 200);
    let document = Document::parse(&text).unwrap_or_else(|e| panic!("{e}: {text}"));
    let one = |name: &str| document.descendants().find(|node| node.has_tag_name(name)).and_then(|node| node.text());
    assert_eq!(one("version"), Some(version.folder()), "{text}");
    if version.base().is_some() {
        let (status, text) = world::body(rows, &format!("{below}/maven-metadata.xml"));
        let document = Document::parse(&text).unwrap_or_else(|e| panic!("{e}: {text}"));
        let value = document.descendants().find(|node| node.has_tag_name("value")).and_then(|node| node.text());
        assert_eq!((status, value), (200, Some(version.as_str())), "{text}");
    }
    if let Some(prefix) = manifest.native.get("goalPrefix").and_then(|prefix| prefix.as_text()) {
        let group = folder.rsplit_once('/').unwrap().0;
        let (status, text) = world::body(rows, &format!("{group}/maven-metadata.xml"));
        let document = Document::parse(&text).unwrap_or_else(|e| panic!("{e}: {text}"));
        let found = document.descendants().find(|node| node.has_tag_name("prefix")).and_then(|node| node.text());
        assert_eq!((status, found.unwrap_or_default()), (200, prefix), "{text}");
    }
}

/// A strict reader of XML finds the same coordinate, wherever it reads the document at all.
fn second_reader(bytes: &[u8], pom: &Pom) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    // In other alphabets the same bytes are other letters; those of ASCII are the same in all that are read.
    if !text.is_ascii() && text.starts_with("<?xml") {
        return;
    }
    let Ok(document) = Document::parse(text) else { return };
    let called = |node: &Node<'_, '_>, name: &str| {
        let written = &text[node.range().start + 1..];
        written.split(|c: char| c.is_whitespace() || matches!(c, '/' | '>')).next() == Some(name)
    };
    let child = |node: Node<'_, '_>, name: &str| node.children().filter(Node::is_element).find(|child| called(child, name)).map(|c| c.id());
    let root = document.root_element();
    assert!(called(&root, "project"));
    let of = |node: Node<'_, '_>, name: &str| {
        let node = document.get_node(child(node, name)?)?;
        let text: String = node.children().filter(Node::is_text).filter_map(|text| text.text()).collect();
        Some(text.trim_matches([' ', '\t', '\r', '\n']).to_owned()).filter(|text| !text.is_empty())
    };
    let parent = child(root, "parent").and_then(|id| document.get_node(id));
    let inherited = |name: &str| of(root, name).or_else(|| of(parent?, name));
    let lines = |text: &str| text.replace("\r\n", "\n").replace('\r', "\n");
    for (name, ours) in [("groupId", &pom.group), ("artifactId", &pom.artifact), ("version", &pom.version)] {
        let theirs = if name == "artifactId" { of(root, name) } else { inherited(name) };
        assert_eq!(theirs.map(|text| lines(&text)), Some(lines(ours)), "{name}");
    }
}

/// A repository is put into a project's own POM: what is XML stays so, no other byte changes, and twice is once.
fn edited(bytes: &[u8]) {
    const URL: &str = "https://registry.example/maven/";
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(with) = pom_with_repository(text, "acme.example", URL, Edit::Replace) else { return };
    assert_eq!(pom_with_repository(&with, "acme.example", URL, Edit::Replace).as_deref(), Ok(with.as_str()), "twice");
    let before = text.bytes().zip(with.bytes()).take_while(|(a, b)| a == b).count();
    let behind = text.bytes().rev().zip(with.bytes().rev()).take_while(|(a, b)| a == b).count();
    assert!(before + behind >= text.len(), "another byte changed: {with}");
    if let (Ok(_), Err(e)) = (Document::parse(text), Document::parse(&with)) {
        panic!("{e}: {with}");
    }
}

/// A log with every kind of thing that a path can lead to.
pub fn rows() -> Store {
    use self::world::{Publish as _, WIDGET};
    use deedbox_model::ReasonCode;
    use deedbox_view::{Fact, Facts};
    const TOOLS: &str = "maven:acme.example/widget/tools-maven-plugin";
    let mut log = Log::default();
    log.publish(WIDGET, "1.0", "")
        .publish(WIDGET, "1.1-20261121.070000-1", "")
        .publish(WIDGET, "1.1-20261121.080000-2", "")
        .publish(WIDGET, "3.0", "")
        .yank(WIDGET, "3.0", ReasonCode::Broken)
        .publish(TOOLS, "1.0", "<packaging>maven-plugin</packaging><name>Tools &amp; more</name>")
        .deprecate(WIDGET, "1.0", ReasonCode::Superseded, None);
    for (version, fact) in [("4.0", Fact::Withheld), ("4.1", Fact::Unreadable("not_a_manifest"))] {
        let manifest = world::release(WIDGET, version, "").manifest;
        let event = deedbox_testkit::folding::published(&deedbox_maven::Maven, &manifest, &[]);
        log.append(WIDGET, event, Facts { manifest: Some(fact), message: None });
    }
    log.rows()
}

/// POMs of every form, a plugin's among them.
pub fn seeds(add: &mut dyn FnMut(&'static str, Vec<u8>)) {
    let gav = |version: &str, more: &str| world::pom("example.acme", "widget", version, more);
    let plugin = "<plugin><name>w</name><goalPrefix>wid</goalPrefix></plugin>";
    for text in [
        gav("1.0", ""),
        gav("1.1-SNAPSHOT", "<description>\n One\n sentence.</description><url>https://acme.example</url><scm><url>${x}</url></scm>"),
        gav("1.0", "<packaging>maven-plugin</packaging><name>\u{ffff}</name>"),
        gav("1.0-beta-2", "<licenses><license><name>MIT</name></license></licenses><repositories></repositories>"),
        format!("{}\0{plugin}\0#x\nversion=1.0\n", gav("1.0", "<packaging>maven-plugin</packaging><name>A &lt;w&#x69;dget&gt;</name>")),
        format!("{}\0{plugin}\0version = 2.0", gav("1.0", "<packaging>jar</packaging>")),
        "<project><parent><groupId>example.acme.x</groupId><artifactId>p</artifactId><version>2</version></parent><artifactId>a</artifactId><distributionManagement><relocation><groupId>example.b</groupId><message>moved</message></relocation></distributionManagement></project>".into(),
        "<?xml version='1.0' encoding='ISO-8859-1'?><!-- x --><project xmlns:x='y'><x:groupId>n</x:groupId><groupId><![CDATA[example.a]]></groupId><artifactId>a</artifactId><version>&#49;</version></project>".into(),
        "<!DOCTYPE project [<!ENTITY v '1'>]><project><version>&v;</version></project>".into(),
        "<project><parent/groupId>a</parent/groupId><artifactId>a</artifactId></project>".into(),
    ] {
        add("pom", text.into_bytes());
    }
}
