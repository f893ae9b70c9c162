//! What is read from a tarball, and what npm itself packs (spec/projections/npm.md §3).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop where it stands, its helpers too"
)]

mod common;

use common::*;
use deedbox_model::Value;
use deedbox_npm::Npm;
use deedbox_view::Dialect;

fn native(files: &[(&str, &[u8])]) -> Value {
    inspect(&tarball(files)).unwrap().manifest.native
}

#[test]
fn a_manifest_says_what_the_tarball_says() {
    let json = package_json(
        "1.2.3-rc.1+build.7",
        r#","description":"A widget.","license":"MIT","keywords":["w","x"],"homepage":"https://acme.example/","repository":{"type":"git","url":"git+https://acme.example/w.git"},"publishConfig":{"tag":"next"}"#,
    );
    let bytes = tarball(&[("package.json", json.as_bytes()), ("readme.md", b"# Widget\n"), ("index.js", b"1")]);
    let inspection = inspect(&bytes).unwrap();
    let manifest = &inspection.manifest;
    assert_eq!(manifest.id.as_str(), WIDGET);
    assert_eq!(manifest.version.as_str(), "1.2.3-rc.1+build.7");
    assert_eq!(manifest.native_name.as_str(), "@acme.example/widget");
    assert_eq!(manifest.native_version.as_str(), "1.2.3-rc.1");
    assert_eq!(manifest.source, None);
    let [artifact] = manifest.artifacts.as_slice() else { panic!() };
    assert_eq!((artifact.name.as_str(), artifact.role.as_str()), ("widget-1.2.3-rc.1.tgz", "tarball"));
    assert_eq!((artifact.media_type.as_str(), artifact.size), ("application/octet-stream", bytes.len() as u64));
    assert_eq!(artifact.digests, deedbox_model::Hasher::of(&bytes).1);
    let metadata = &manifest.metadata;
    assert_eq!(metadata.description.as_deref(), Some("A widget."));
    assert_eq!(metadata.licence.as_deref(), Some("MIT"));
    assert_eq!(metadata.keywords, ["w", "x"]);
    assert_eq!(metadata.repository.as_deref(), Some("git+https://acme.example/w.git"));
    assert!(metadata.readme.unwrap().matches(inspection.readme.as_deref().unwrap()));
    assert_eq!(inspection.channels, [channel("next")]);
    assert_eq!(manifest.native.get("fileCount"), Some(&Value::Int(3)));
    assert_eq!(manifest.native.get("unpackedSize"), Some(&Value::Int((json.len() + 9 + 1) as i64)));
    assert_eq!(deedbox_model::Manifest::decode(&manifest.encode().unwrap()).as_ref(), Ok(manifest));

    let principal = Npm::new().principal(manifest);
    assert_eq!(principal.len(), 1);
    let algorithms: Vec<_> = principal[0].digests.keys().copied().collect();
    use deedbox_model::Algorithm::*;
    assert_eq!(algorithms, [Sha1, Sha256, Sha512]);
    assert_eq!(principal[0].digests[&Sha512].as_slice(), artifact.digests.sha512.as_bytes());
}

#[test]
fn a_release_sets_latest_and_a_prerelease_sets_no_channel_by_itself() {
    assert_eq!(release(WIDGET, "1.0.0", "").channels, [channel("latest")]);
    assert_eq!(release(WIDGET, "1.0.0-rc.1", "").channels, []);
    assert_eq!(release(WIDGET, "1.0.0", r#","publishConfig":{"tag":"lts"}"#).channels, [channel("lts")]);
}

#[test]
fn install_scripts_are_found_where_npm_would_run_them() {
    let with = |more: &str, gyp: bool| {
        let json = package_json("1.0.0", more);
        let mut files: Vec<(&str, &[u8])> = vec![("package.json", json.as_bytes())];
        if gyp {
            files.push(("binding.gyp", b"{}"));
        }
        native(&files).get("hasInstallScript").is_some()
    };
    for (more, gyp, expected) in [
        ("", false, false),
        ("", true, true),
        (r#","gypfile":false"#, true, false),
        (r#","scripts":{"install":"x"}"#, false, true),
        (r#","scripts":{"preinstall":"x"}"#, false, true),
        (r#","scripts":{"postinstall":"x"}"#, false, true),
        (r#","scripts":{"prepare":"x","test":"y"}"#, false, false),
        (r#","scripts":{"test":"y"}"#, true, true),
    ] {
        assert_eq!(with(more, gyp), expected, "{more} {gyp}");
    }
}

#[test]
fn shrinkwrap_and_a_folder_of_commands_are_seen() {
    let json = package_json("1.0.0", r#","directories":{"bin":"./cmd"}"#);
    let value = native(&[
        ("package.json", json.as_bytes()),
        ("npm-shrinkwrap.json", b"{}"),
        ("cmd/run", b"x"),
        ("cmd/sub/go.js", b"x"),
        ("cmd/.hidden", b"x"),
        ("cmdx", b"x"),
    ]);
    assert_eq!(value.get("_hasShrinkwrap"), Some(&Value::Bool(true)));
    let bin = value.get("bin").unwrap().as_map().unwrap();
    let pairs: Vec<_> = bin.iter().map(|(k, v)| (k.as_str(), v.as_text().unwrap())).collect();
    assert_eq!(pairs, [("go.js", "cmd/sub/go.js"), ("run", "cmd/run")]);
}

#[test]
fn the_best_of_several_readmes_is_taken_whatever_their_order() {
    let json = package_json("1.0.0", "");
    let mut files: Vec<(&str, &[u8])> = vec![
        ("package.json", json.as_bytes()),
        ("README", b"plain"),
        ("Readme.md", b"md"),
        ("README.txt", b"txt"),
        ("docs/README.md", b"deep"),
    ];
    assert_eq!(inspect(&tarball(&files)).unwrap().readme.as_deref(), Some(&b"md"[..]));
    files.reverse();
    assert_eq!(inspect(&tarball(&files)).unwrap().readme.as_deref(), Some(&b"md"[..]));
    files.retain(|(path, _)| *path != "Readme.md");
    assert_eq!(inspect(&tarball(&files)).unwrap().readme.as_deref(), Some(&b"plain"[..]));
}

#[test]
fn what_npm_itself_packs_is_read_as_npm_describes_it() {
    let folder = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    let deep = format!("lib/{}/end.js", "a-folder-with-a-long-name/".repeat(8).trim_end_matches('/'));
    write(
        "package.json",
        &package_json("2.0.0+build.1", r#","bin":"./cli.js","dependencies":{"left":"^1.0.0"},"scripts":{"postinstall":"true"}"#),
    );
    write("cli.js", "#!/usr/bin/env node\n");
    write("README.md", "# Widget\n");
    write("gr\u{fc}n.txt", "x");
    write(&deep, "x");
    let out = std::process::Command::new("npm")
        .args(["pack", "--json", "--ignore-scripts", "--offline", "--cache"])
        .arg(folder.path().join(".cache"))
        .current_dir(folder.path())
        .output()
        .expect("npm is on the machine");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let described: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    // npm 11 gives a list with one object.
    let described = &described[0];
    let bytes = std::fs::read(folder.path().join(described["filename"].as_str().unwrap())).unwrap();
    let inspection = inspect(&bytes).unwrap();
    let native = &inspection.manifest.native;
    let number = |key: &str| match native.get(key) {
        Some(Value::Int(n)) => *n,
        other => panic!("{key} is {other:?}"),
    };
    assert_eq!(inspection.manifest.native_name.as_str(), described["name"]);
    assert_eq!(number("fileCount"), described["entryCount"].as_i64().unwrap());
    assert_eq!(number("unpackedSize"), described["unpackedSize"].as_i64().unwrap());
    assert_eq!(inspection.manifest.artifacts[0].digests.sha1.to_hex(), described["shasum"].as_str().unwrap());
    assert_eq!(native.get("hasInstallScript"), Some(&Value::Bool(true)));
    assert_eq!(native.get("bin").and_then(|b| b.get("widget")).and_then(Value::as_text), Some("cli.js"));
    assert_eq!(inspection.readme.as_deref(), Some(&b"# Widget\n"[..]));
}
