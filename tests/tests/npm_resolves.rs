//! What npm resolves by besides ranges: `acceptDependencies`, by which a package takes an older version that is there already, and
//! `gypfile`, by which a `binding.gyp` is not built (spec/projections/npm.md §3.1). In both forms of a packument.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop where it stands")]

use deedbox_tests::{
    clients,
    registry::{DOMAIN, Running, Said, Source},
};
use serde_json::{Value, json};
use std::{fs, path::Path};

fn source(name: &str, version: &str, manifest: Value) -> Source {
    Source { name: name.to_owned(), version: version.to_owned(), manifest, files: vec![("index.js", b"module.exports = 1\n".to_vec())] }
}

/// Folders of this package below a `node_modules`.
fn copies(folder: &Path, name: &str) -> usize {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    let folders = entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    folders.map(|path| usize::from(path.ends_with(format!("@{DOMAIN}/{name}"))) + copies(&path, name)).sum()
}

#[test]
fn a_package_takes_the_version_that_it_says_it_accepts() {
    let registry = Running::start().unwrap();
    let gear = format!("@{DOMAIN}/gear");
    let wants = |more: Value| {
        let mut manifest = json!({ "dependencies": { gear.as_str(): "^2.0.0" } });
        manifest.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        manifest
    };
    let sources = [
        source("gear", "1.0.0", json!({})),
        source("gear", "2.0.0", json!({})),
        source("strict", "1.0.0", wants(json!({}))),
        source("lenient", "1.0.0", wants(json!({ "acceptDependencies": { gear.as_str(): "^1.0.0 || ^2.0.0" }, "gypfile": false }))),
    ];
    for source in &sources {
        registry.publish(std::slice::from_ref(source), &[]).unwrap();
    }
    for client in [clients::npm11().unwrap(), clients::npm12().unwrap()] {
        for (name, expected) in [("strict", 2), ("lenient", 1)] {
            let scratch = tempfile::tempdir().unwrap();
            let (home, folder) = (scratch.path().join("home"), scratch.path().join("project"));
            fs::create_dir_all(&home).unwrap();
            let wants = json!({ gear.as_str(): "^1.0.0", format!("@{DOMAIN}/{name}"): "^1.0.0" });
            registry.project(&client, &folder, &json!({ "private": true, "dependencies": wants })).unwrap();
            Said::of(client.command(&home, &folder).args(["install", "--no-audit"])).unwrap().done().unwrap();
            assert_eq!(copies(&folder.join("node_modules"), "gear"), expected, "{} {name}", client.name);
        }
    }
}
