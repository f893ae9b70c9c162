//! Targets of gems (spec/projections/gem.md §3, §4): the metadata alone, and the whole file. What is accepted goes all the way:
//! libyaml, which Ruby reads with, finds the same in the metadata; a second reader of tars the same files; what the old indices
//! say in Marshal is read back; and the compact index says of itself what it says.

use self::world::{Log, Store, bytes_of, get, gzip, member};
use crate::archive::said_well;
use crate::marshal::Ruby;
use deedbox_gem::{ArchiveLimits, Gem, identify};
use deedbox_model::{Manifest, ObjectRef, PackageId, Value};
use deedbox_testkit::folding::Bytes;
use deedbox_view::{Body, Dialect as _, InspectRefusal, Inspection, Said};
use flate2::read::{GzDecoder, MultiGzDecoder, ZlibDecoder};
use md5::{Digest as _, Md5};
use serde_yaml_ng::Value as Yaml;
use sha2::{Sha256, Sha512};
use std::collections::BTreeMap;
use std::io::Read as _;
use std::sync::OnceLock;

/// The world of the room's own tests.
#[path = "../../crates/gem/tests/common/mod.rs"]
pub mod world;

const LIMITS: ArchiveLimits = ArchiveLimits {
    unpacked_bytes: 256 * 1024,
    members: 12,
    path_bytes: 100,
    path_segments: 8,
    index_bytes: 2_048,
    extension_bytes: 1_024,
};

/// Any bytes as the metadata of a good gem.
pub fn metadata(data: &[u8]) {
    static FILES: OnceLock<Vec<u8>> = OnceLock::new();
    let files = FILES.get_or_init(|| world::data(&[("README.md", b"# Widget\n".to_vec())]));
    let packed = gzip(data);
    let sums = world::checksums(&packed, files);
    inspected(&world::tar_of(&[
        member("metadata.gz", b'0', &packed),
        member("data.tar.gz", b'0', files),
        member("checksums.yaml.gz", b'0', &sums),
    ]));
}

/// Parts, each a byte that says what it is, two of its length, and its bytes: a fuzzer finds no sums and no gzip.
pub fn whole(data: &[u8]) {
    inspected(&assembled(data));
}

const METADATA: u8 = 0;
const DATA: u8 = 1;
const SUMS: u8 = 2;
const GOOD_SUMS: u8 = 3;
const PACKED: u8 = 4;
const RAW: u8 = 5;

fn assembled(mut data: &[u8]) -> Vec<u8> {
    let mut members: Vec<Vec<u8>> = Vec::new();
    let mut packed: [Vec<u8>; 2] = [Vec::new(), Vec::new()];
    while let [kind, low, high, rest @ ..] = data {
        let length = usize::from(u16::from_le_bytes([*low, *high])).min(rest.len());
        let (bytes, after) = rest.split_at(length);
        data = after;
        match kind % 6 {
            METADATA => {
                packed[0] = gzip(bytes);
                members.push(member("metadata.gz", b'0', &packed[0]));
            }
            DATA => {
                packed[1] = gzip(&summed(bytes));
                members.push(member("data.tar.gz", b'0', &packed[1]));
            }
            SUMS => members.push(member("checksums.yaml.gz", b'0', &gzip(bytes))),
            GOOD_SUMS => members.push(member("checksums.yaml.gz", b'0', &world::checksums(&packed[0], &packed[1]))),
            // Gzip as the input has it.
            PACKED => {
                packed[0] = bytes.to_vec();
                members.push(member("metadata.gz", b'0', bytes));
            }
            _ => members.push(summed(bytes)),
        }
    }
    world::tar_of(&members)
}

/// Sums of headers, set right.
fn summed(tar: &[u8]) -> Vec<u8> {
    let mut tar = tar.to_vec();
    for block in tar.chunks_exact_mut(512).filter(|block| block[257..262] == *b"ustar") {
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }
    tar
}

fn inspect(id: &PackageId, gem: &Bytes) -> Result<Inspection, InspectRefusal> {
    Gem::with_limits(LIMITS).inspect(&Said { id: Some(id), version: None }, &[gem])
}

fn inspected(gem: &[u8]) {
    let identity = match identify(&Bytes::new("given.gem", gem)) {
        Ok(identity) => identity,
        Err(refusal) => return said_well(&refusal),
    };
    let Ok(id) = PackageId::parse(&format!("gem:acme.example/{}", identity.name)) else { return };
    let source = Bytes::new(&identity.file_name, gem);
    let inspection = match inspect(&id, &source) {
        Ok(inspection) => inspection,
        Err(refusal) => return said_well(&refusal),
    };
    assert_eq!(inspect(&id, &source).as_ref(), Ok(&inspection), "two readings differ");
    assert_eq!(inspect(&id, &Bytes::new("other-1.gem", gem)).unwrap_err().code, "gem_file_name");
    let manifest = &inspection.manifest;
    assert_eq!(Manifest::decode(&manifest.encode().unwrap()).as_ref(), Ok(manifest));
    assert_eq!(Gem::new().principal(manifest).len(), 1);
    let spec = &list(&manifest.native, "gems")[0];
    // Whose it is, its own metadata says first, and it may name any domain.
    let own = spec.get("metadata").and_then(|metadata| text(metadata, "deedbox_id"));
    assert_eq!(manifest.id, own.map_or(id, |own| PackageId::parse(own).unwrap()));
    let members = outer(gem);
    second_yaml(&members["metadata.gz"], spec);
    sums_are_right(&members);
    inner(&members["data.tar.gz"]);

    let mut log = Log::default();
    log.publish_inspected(&inspection);
    answered(&log.rows(), &inspection, spec, &identity.file_name, gem);
}

fn text<'a>(spec: &'a Value, key: &str) -> Option<&'a str> {
    spec.get(key).and_then(Value::as_text)
}

fn list<'a>(spec: &'a Value, key: &str) -> &'a [Value] {
    match spec.get(key) {
        Some(Value::List(list)) => list,
        other => panic!("{key}: {other:?}"),
    }
}

/// `>= 1, < 2`.
fn wants(list: &[Value]) -> String {
    list.iter().map(|want| format!("{} {}", text(want, "op").unwrap(), text(want, "version").unwrap())).collect::<Vec<_>>().join(", ")
}

/// Another reader of tars finds each part once, and no other than these.
fn outer(gem: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let mut members = BTreeMap::new();
    for entry in tar::Archive::new(gem).entries().unwrap() {
        let mut entry = entry.unwrap();
        let path = String::from_utf8(entry.path_bytes().into_owned()).unwrap();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        if entry.header().entry_type().is_dir() {
            continue;
        }
        assert!(entry.header().entry_type().is_file() || entry.header().entry_type().is_contiguous());
        let known =
            ["metadata.gz", "data.tar.gz", "checksums.yaml.gz"].iter().any(|name| path.strip_suffix(".sig").unwrap_or(&path) == *name);
        assert!(known, "{path}");
        assert!(members.insert(path, bytes).is_none());
    }
    members
}

/// No file of the data leads out of the folder that it is unpacked into, no link is a way out of it.
fn inner(packed: &[u8]) {
    let mut plain = Vec::new();
    MultiGzDecoder::new(packed).read_to_end(&mut plain).unwrap();
    assert!(plain.len() as u64 <= LIMITS.unpacked_bytes);
    let mut seen = BTreeMap::new();
    for entry in tar::Archive::new(plain.as_slice()).entries().unwrap() {
        let entry = entry.unwrap();
        let path = String::from_utf8(entry.path_bytes().into_owned()).unwrap();
        assert!(!path.starts_with('/') && !path.split('/').any(|part| part == ".."), "{path}");
        let kind = entry.header().entry_type();
        assert!(kind.is_file() || kind.is_dir() || kind.is_symlink() || kind.is_contiguous(), "{kind:?}");
        if !kind.is_dir() {
            assert!(seen.insert(path.to_ascii_lowercase(), ()).is_none(), "{path} is there twice");
        }
        if kind.is_symlink() {
            let target = String::from_utf8(entry.link_name_bytes().unwrap_or_default().into_owned()).unwrap();
            assert!(!target.starts_with('/'), "{path} -> {target}");
            let mut depth = path.split('/').filter(|part| !matches!(*part, "" | ".")).count() as i64 - 1;
            for part in target.split('/') {
                depth += match part {
                    "" | "." => 0,
                    ".." => -1,
                    _ => 1,
                };
                assert!(depth >= 0, "{path} -> {target}");
            }
        }
    }
}

fn gunzipped(packed: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    GzDecoder::new(packed).read_to_end(&mut plain).unwrap();
    plain
}

/// What checksums.yaml.gz claims is so.
fn sums_are_right(members: &BTreeMap<String, Vec<u8>>) {
    let Some(packed) = members.get("checksums.yaml.gz") else { return };
    let Ok(sums) = serde_yaml_ng::from_slice::<Yaml>(&gunzipped(packed)) else { return };
    for (algorithm, sum) in [
        ("SHA256", (|bytes| hex::encode(Sha256::digest(bytes))) as fn(&[u8]) -> String),
        ("SHA512", |bytes| hex::encode(Sha512::digest(bytes))),
    ] {
        for (file, said) in sums.get(algorithm).and_then(Yaml::as_mapping).into_iter().flatten() {
            let bytes = &members[file.as_str().unwrap()];
            assert_eq!(said.as_str(), Some(sum(bytes).as_str()), "{algorithm} of {file:?}");
        }
    }
}

/// libyaml finds the same name, version, platform and dependencies, wherever it reads the document at all.
fn second_yaml(packed: &[u8], spec: &Value) {
    let Ok(yaml) = serde_yaml_ng::from_slice::<Yaml>(&gunzipped(packed)) else { return };
    fn plain(yaml: &Yaml) -> &Yaml {
        match yaml {
            Yaml::Tagged(tagged) => plain(&tagged.value),
            other => other,
        }
    }
    let get = |yaml: &Yaml, key: &str| plain(yaml).get(key).map(|value| plain(value).clone());
    let version = |yaml: Option<Yaml>| yaml.and_then(|yaml| get(&yaml, "version")).and_then(|yaml| yaml.as_str().map(str::to_owned));
    assert_eq!(get(&yaml, "name").as_ref().and_then(Yaml::as_str), text(spec, "name"));
    assert_eq!(version(get(&yaml, "version")).as_deref(), text(spec, "version"));
    let own = get(&yaml, "metadata").and_then(|metadata| get(&metadata, "deedbox_id"));
    assert_eq!(own.as_ref().and_then(Yaml::as_str), spec.get("metadata").and_then(|metadata| text(metadata, "deedbox_id")));
    match get(&yaml, "platform") {
        None | Some(Yaml::Null) => assert_eq!(text(spec, "platform"), None),
        Some(platform) => assert_eq!(platform.as_str().filter(|platform| *platform != "ruby"), text(spec, "platform")),
    }
    let required = |yaml: Option<Yaml>| match yaml {
        None | Some(Yaml::Null) => ">= 0".to_owned(),
        Some(yaml) => {
            let pairs = get(&yaml, "requirements").and_then(|list| list.as_sequence().cloned()).unwrap();
            let pair = |pair: &Yaml| format!("{} {}", plain(pair)[0].as_str().unwrap(), version(Some(plain(pair)[1].clone())).unwrap());
            let wants = pairs.iter().map(pair).collect::<Vec<_>>().join(", ");
            if wants.is_empty() { ">= 0".to_owned() } else { wants }
        }
    };
    for key in ["required_ruby_version", "required_rubygems_version"] {
        let ours = if key == "required_ruby_version" { "ruby" } else { "rubygems" };
        assert_eq!(required(get(&yaml, key)), wants(list(spec, ours)), "{key}");
    }
    let dependencies = get(&yaml, "dependencies").and_then(|list| list.as_sequence().cloned()).unwrap_or_default();
    assert_eq!(dependencies.len(), list(spec, "dependencies").len());
    for (theirs, ours) in dependencies.iter().zip(list(spec, "dependencies")) {
        assert_eq!(get(theirs, "name").as_ref().and_then(Yaml::as_str), text(ours, "name"));
        let wanted = get(theirs, "requirement").or_else(|| get(theirs, "version_requirements"));
        assert_eq!(required(wanted), wants(list(ours, "wants")));
        let development = get(theirs, "type").as_ref().and_then(Yaml::as_str) == Some(":development");
        assert_eq!(ours.get("development"), Some(&Value::Bool(development)));
    }
}

fn answered(rows: &Store, inspection: &Inspection, spec: &Value, file_name: &str, gem: &[u8]) {
    let manifest = &inspection.manifest;
    let (name, version) = (text(spec, "name").unwrap(), text(spec, "version").unwrap());
    let platform = text(spec, "platform").unwrap_or("ruby");
    let domain = manifest.id.domain();
    let answer = |path: &str| rows.answer(&get(&format!("{domain}/{path}")));
    let file = answer(&format!("gems/{file_name}"));
    assert_eq!((file.status, &file.body), (200, &Body::Object(ObjectRef::of(gem))));

    // The compact index: one line, whose MD5 the other index says.
    let info = bytes_of(&answer(&format!("info/{name}")));
    let line = String::from_utf8(info.clone()).unwrap();
    let line = line.strip_prefix("---\n").unwrap().strip_suffix('\n').unwrap();
    assert!(!line.contains(['\n', '\r']), "{line:?}");
    let (before, behind) = line.split_once('|').unwrap();
    assert!(!behind.contains('|'), "{line:?}");
    let (number, needs) = before.split_once(' ').unwrap();
    let expected = if platform == "ruby" { version.to_owned() } else { format!("{version}-{platform}") };
    assert_eq!(number, expected);
    let runtime = list(spec, "dependencies").iter().filter(|dependency| dependency.get("development") == Some(&Value::Bool(false)));
    let runtime =
        runtime.map(|dependency| format!("{}:{}", text(dependency, "name").unwrap(), wants(list(dependency, "wants")).replace(", ", "&")));
    assert_eq!(needs, runtime.collect::<Vec<_>>().join(","));
    assert!(behind.starts_with(&format!("checksum:{},", manifest.artifacts[0].digests.sha256.to_hex())), "{behind}");
    let versions = String::from_utf8(bytes_of(&answer("versions"))).unwrap();
    assert!(versions.ends_with(&format!("\n{name} {number} {}\n", hex::encode(Md5::digest(&info)))), "{versions:?}");
    assert_eq!(String::from_utf8(bytes_of(&answer("names"))).unwrap(), format!("---\n{name}\n"));

    // The old ones, in Marshal.
    let is_prerelease = version.contains(|c: char| c.is_ascii_alphabetic());
    for (path, has_it) in [("specs", !is_prerelease), ("latest_specs", !is_prerelease), ("prerelease_specs", is_prerelease)] {
        let all = Ruby::read(&gunzipped(&bytes_of(&answer(&format!("{path}.4.8.gz"))))).unwrap();
        assert_eq!(all.list().len(), usize::from(has_it));
        for tuple in all.list() {
            let [gem, number, on] = tuple.list() else { panic!("{tuple:?}") };
            assert_eq!((gem.text(), number.version(), on.text()), (name, version, platform));
        }
    }
    let full_name = file_name.strip_suffix(".gem").unwrap();
    let mut plain = Vec::new();
    let packed = bytes_of(&answer(&format!("quick/Marshal.4.8/{full_name}.gemspec.rz")));
    ZlibDecoder::new(packed.as_slice()).read_to_end(&mut plain).unwrap();
    let Some(Ruby::Dumped(class, inner)) = Ruby::read(&plain) else { panic!("no specification") };
    assert_eq!(class, "Gem::Specification");
    let fields = Ruby::read(&inner).unwrap();
    let fields = fields.list();
    assert_eq!(fields.len(), 19);
    assert_eq!((fields[2].text(), fields[3].version()), (name, version));
    assert_eq!(
        match &fields[5] {
            Ruby::Nil => None,
            text => Some(text.text()),
        },
        text(spec, "summary")
    );
    assert_eq!((fields[6].requirement(), fields[7].requirement()), (wants(list(spec, "ruby")), wants(list(spec, "rubygems"))));
    for (theirs, ours) in fields[9].list().iter().zip(list(spec, "dependencies")) {
        assert_eq!(theirs.get("@name").text(), text(ours, "name").unwrap());
        assert_eq!(theirs.get("@requirement").requirement(), wants(list(ours, "wants")));
    }
    for (at, key) in [(11, "email"), (12, "authors"), (17, "licenses")] {
        let ours: Vec<_> = list(spec, key).iter().filter_map(Value::as_text).collect();
        assert_eq!(fields[at].list().iter().map(Ruby::text).collect::<Vec<_>>(), ours, "{key}");
    }
    let Ruby::Map(pairs) = &fields[18] else { panic!("{:?}", fields[18]) };
    let pairs: Vec<_> = pairs.iter().map(|(key, value)| (key.text(), value.text())).collect();
    let ours: Vec<_> =
        spec.get("metadata").and_then(Value::as_map).unwrap().iter().map(|(k, v)| (k.as_str(), v.as_text().unwrap())).collect();
    assert_eq!(pairs, ours);

    for path in [format!("api/v1/versions/{name}.json"), format!("api/v1/gems/{name}.json"), "api/v1/search.json".to_owned()] {
        let json: serde_json::Value = serde_json::from_slice(&bytes_of(&answer(&path))).unwrap();
        let one = json.get(0).unwrap_or(&json);
        assert_eq!(one["number"].as_str().or(one["version"].as_str()), Some(version), "{path}: {json}");
    }
}

/// A log with every kind of thing that a path can lead to.
pub fn rows() -> Store {
    use self::world::{Source, WIDGET, publish};
    use deedbox_model::ReasonCode;
    use deedbox_view::{Fact, Facts};
    let rich =
        |version: &str| Source { ruby: "2.7", ..Source::new("widget", version) }.needs("rake", &[(">=", "12"), ("<", "14")], "runtime");
    let mut log = Log::default();
    publish(&mut log, &[Source::new("widget", "1.0.0")]);
    publish(&mut log, &[rich("1.2.0"), rich("1.2.0").on("x86_64-linux")]);
    publish(&mut log, &[Source::new("widget", "1.10.0")]);
    publish(&mut log, &[Source::new("widget", "2.0.0.rc1")]);
    publish(&mut log, &[Source::new("foo-1", "2.0")]);
    log.yank(WIDGET, "1.10.0", ReasonCode::Broken);
    for (version, fact) in [("4.0", Fact::Withheld), ("4.1", Fact::Unreadable("not_a_manifest"))] {
        let manifest = world::inspect(&[Source::new("widget", version).bytes()]).unwrap().manifest;
        let event = deedbox_testkit::folding::published(&Gem::new(), &manifest, &[]);
        log.append(WIDGET, event, Facts { manifest: Some(fact), message: None });
    }
    log.rows()
}

/// Metadata as `gem build` writes it, and gems with each part.
pub fn seeds(add: &mut dyn FnMut(&'static str, Vec<u8>)) {
    use self::world::{Source, link};
    let rich = Source::new("widget", "1.2.0.rc1").on("x86_64-linux").needs("rake", &[(">=", "12"), ("<", "14")], "runtime");
    let rich = rich.needs("minitest", &[("~>", "5")], "development");
    let plain = Source { id: None, ..Source::new("foo-1", "2") };
    let elsewhere = Source { id: Some("gem:other.example/widget".to_owned()), ..Source::new("widget", "1") };
    for yaml in [
        rich.yaml(),
        plain.yaml(),
        elsewhere.yaml(),
        rich.yaml().replace("name: widget", "name: &a widget\nother: *a"),
        rich.yaml().replace('\'', "\""),
    ] {
        add("gem_metadata", yaml.into_bytes());
    }
    let small = b"--- !ruby/object:Gem::Specification\nname: w\nversion: !ruby/object:Gem::Version {version: '1'}\nauthors: [a, ~, \"b\\n\"]\nsummary: >\n  folded\n  text\ndependencies: []\n";
    add("gem_metadata", small.to_vec());
    add("gem_metadata", [&small[..], b"files: !!seq []\n"].concat());
    let part = |kind: u8, bytes: &[u8]| [&[kind][..], &(bytes.len() as u16).to_le_bytes(), bytes].concat();
    let files = [
        member("README.md", b'0', b"# w\n"),
        link("lib/a", b'2', "../README.md", b""),
        member("lib/", b'5', b""),
        link("out", b'2', "../x", b""),
    ];
    let metadata = part(METADATA, small);
    for files in [&files[..1], &files[..3], &files[2..]] {
        add("gem", [metadata.clone(), part(DATA, &world::tar_of(files)), part(GOOD_SUMS, b"")].concat());
    }
    let data = part(DATA, &world::tar_of(&files[..1]));
    let elsewhere = [&small[..], b"metadata: {deedbox_id: gem:other.example/w}\n"].concat();
    add("gem", [part(METADATA, &elsewhere), data.clone(), part(GOOD_SUMS, b"")].concat());
    add("gem", [metadata.clone(), data.clone(), part(SUMS, b"SHA256:\n  metadata.gz: 00\n")].concat());
    add("gem", [part(PACKED, &gzip(small)), data.clone(), part(RAW, &member("data.tar.gz.sig", b'0', b"x"))].concat());
    add("gem", [metadata.clone(), metadata, data].concat());
}
