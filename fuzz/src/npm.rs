//! Targets of npm's artifacts (spec/projections/npm.md §3, §4): tarballs, package.json and package-lock.json. Whatever is accepted
//! must go all the way: into a manifest, a statement, rows, and a packument that parses.

use self::world::{Log, NpmStore as _, Store, gzip, inspect_with, member};
use deedbox_model::{Manifest, RowKey};
use deedbox_npm::lockfile::{self, Source};
use deedbox_npm::{ArchiveLimits, Npm, PackageName};
use deedbox_testkit::archives;
use deedbox_view::{Body, Dialect as _, InspectRefusal, Inspection};
use std::io::Read as _;

/// The world of the room's own tests: an inspector, a signed log, rows in memory, and a reader that does what the shell does.
#[path = "../../crates/npm/tests/common/mod.rs"]
pub mod world;

/// Small enough that no input takes long, large enough that each can be met and passed.
const LIMITS: ArchiveLimits = ArchiveLimits {
    unpacked_bytes: 2 * 1024 * 1024,
    members: 500,
    path_bytes: 300,
    path_segments: 16,
    index_bytes: 64 * 1024,
    extension_bytes: 2 * 1024,
};

/// Any bytes as a .tgz.
pub fn tgz(data: &[u8]) {
    inspected(data);
}

/// Any bytes as a tar, which the harness compresses. Where a block looks like a header its checksum is set right: a fuzzer finds no sums.
pub fn tar(data: &[u8]) {
    let mut tar = data.to_vec();
    for block in tar.chunks_exact_mut(512).filter(|block| block[257..262] == *b"ustar") {
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }
    inspected(&gzip(&tar));
}

/// Any bytes as package.json in a good tarball with some files around it.
pub fn package_json(data: &[u8]) {
    let tar = archives::tar(&[
        ("package/package.json", data),
        ("package/README.md", b"# Widget\n"),
        ("package/binding.gyp", b"{}"),
        ("package/bin/run.js", b"1\n"),
    ]);
    inspected(&gzip(&tar));
}

fn inspected(tgz: &[u8]) {
    let npm = Npm::with_limits(LIMITS);
    let inspection = match inspect_with(&npm, tgz) {
        Ok(inspection) => inspection,
        Err(InspectRefusal { code, message }) => {
            assert!(code.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'), "{code}");
            assert!(message.len() < 4_096 && !message.chars().any(char::is_control), "{message:?}");
            return;
        }
    };
    assert_eq!(inspect_with(&npm, tgz).as_ref(), Ok(&inspection), "two readings differ");
    second_reader(tgz, &inspection);
    let manifest = &inspection.manifest;
    let bytes = manifest.encode().unwrap();
    assert_eq!(Manifest::decode(&bytes).as_ref(), Ok(manifest));
    assert_eq!(npm.principal(manifest).len(), 1);
    assert!(inspection.channels.is_sorted());

    let channels: Vec<String> = inspection.channels.iter().map(ToString::to_string).collect();
    let mut log = Log::default();
    log.publish_as(manifest, &channels.iter().map(String::as_str).collect::<Vec<_>>());
    let mut rows = Store::default();
    rows.follow(&log.entries, 1);
    let name = PackageName::from_id(&manifest.id).unwrap();
    let full = rows.json(&name.native());
    let document = &full["versions"][manifest.native_version.as_str()];
    assert_eq!(document["name"], name.native());
    assert!(document["dist"]["tarball"].is_string(), "{full}");
    let abbreviated = rows.reply(&world::abbreviated(&name.native()));
    let Body::Bytes(abbreviated) = &abbreviated.body else { panic!("{abbreviated:?}") };
    let abbreviated: serde_json::Value = serde_json::from_slice(abbreviated).unwrap();
    assert_eq!(abbreviated["versions"][manifest.native_version.as_str()]["dist"], document["dist"]);
    assert!(rows.rows.keys().all(|key| RowKey::new(key.as_str()).is_ok()));
}

/// Another reader of tars, as it is used everywhere, finds as many files and bytes.
fn second_reader(tgz: &[u8], inspection: &Inspection) {
    let mut plain = Vec::new();
    flate2::read::MultiGzDecoder::new(tgz).read_to_end(&mut plain).unwrap();
    let mut archive = tar::Archive::new(plain.as_slice());
    let (mut files, mut bytes, mut package_json) = (0i64, 0i64, None);
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let kind = entry.header().entry_type();
        if kind.is_file() || kind.is_contiguous() {
            files += 1;
            let mut data = Vec::new();
            entry.read_to_end(&mut data).unwrap();
            bytes += data.len() as i64;
            let path = entry.path_bytes();
            if path.split(|b| *b == b'/').skip(1).collect::<Vec<_>>() == [b"package.json"] {
                assert!(package_json.replace(data).is_none(), "two package.json");
            }
        } else {
            assert!(kind.is_dir() || kind.is_pax_global_extensions(), "{kind:?}");
        }
    }
    let native = |key: &str| inspection.manifest.native.get(key).cloned();
    assert_eq!(native("fileCount"), Some(deedbox_model::Value::Int(files)));
    assert_eq!(native("unpackedSize"), Some(deedbox_model::Value::Int(bytes)));
    let package_json = package_json.unwrap();
    let text = package_json.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&package_json);
    let json: serde_json::Value = serde_json::from_slice(text).unwrap();
    let name = PackageName::from_id(&inspection.manifest.id).unwrap();
    assert_eq!((json["name"].as_str(), json["version"].as_str()), (Some(&*name.native()), Some(inspection.manifest.version.as_str())));
}

/// Any bytes as a lock file.
pub fn package_lock(data: &[u8]) {
    let locked = match lockfile::read(data) {
        Ok(locked) => locked,
        Err(error) => {
            assert!(error.to_string().len() < 4_096);
            return;
        }
    };
    assert!(locked.is_sorted_by(|a, b| a.path < b.path), "each path once, ascending");
    for package in &locked {
        assert!(package.path.contains("node_modules/"));
        match &package.source {
            Source::Release(release) => {
                assert_eq!(PackageName::from_id(&release.id).unwrap().native(), package.name);
                assert_eq!(package.version.as_deref(), Some(release.version.as_str()));
            }
            Source::Unread(why) => assert!(!why.is_empty()),
            Source::Folder(_) => {}
            Source::Elsewhere => assert!(PackageName::from_native(&package.name).is_err()),
        }
    }
    let json: serde_json::Value = serde_json::from_slice(data.strip_prefix(b"\xef\xbb\xbf").unwrap_or(data)).unwrap();
    for package in locked.iter().filter(|package| package.release().is_some()) {
        let entry = &json["packages"][&package.path];
        assert_eq!(entry["resolved"].as_str(), package.resolved.as_deref());
        assert_eq!(entry["version"].as_str(), package.version.as_deref());
    }
}

/// Members as hostile as the room's own tests make them, for seeds.
pub fn raw_member(path: &[u8], kind: u8, data: &[u8]) -> Vec<u8> {
    member(path, kind, data)
}
