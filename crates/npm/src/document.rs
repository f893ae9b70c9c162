//! Version documents in parts: from a manifest to the JSON that no site and no later event changes
//! (spec/projections/npm.md §5). Knows no URL and no signature.

use crate::inspect::ROLE;
use crate::json::{self, Object};
use crate::name::PackageName;
use crate::rows::{Document, Words};
use crate::version::PackageVersion;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use deedbox_model::{Manifest, Sha512Digest, Value};

/// What the abbreviated form has beside name and version (npm, package-metadata.md, "Abbreviated version object"), and
/// what installers resolve and build by besides: npm by `acceptDependencies`, `libc`, `funding` and `gypfile`, yarn 4 by
/// `dependenciesMeta` (§3.1).
const CORE: [&str; 18] = [
    "acceptDependencies",
    "dependencies",
    "dependenciesMeta",
    "optionalDependencies",
    "devDependencies",
    "bundleDependencies",
    "peerDependencies",
    "peerDependenciesMeta",
    "bin",
    "directories",
    "engines",
    "os",
    "cpu",
    "libc",
    "funding",
    "hasInstallScript",
    "gypfile",
    "_hasShrinkwrap",
];
/// What the packument repeats at its top.
const SUMMARY: [&str; 9] =
    ["description", "license", "keywords", "homepage", "repository", "bugs", "author", "contributors", "maintainers"];
/// What only the full form has.
const EXTRA: [&str; 9] = ["main", "module", "type", "types", "typings", "browser", "scripts", "man", "workspaces"];

/// The parts of one version's document; none if its manifest is not that of one tarball.
pub(crate) fn of(name: &PackageName, version: &PackageVersion, manifest: &Manifest) -> Option<Document> {
    let tarball = match manifest.artifacts.as_slice() {
        [tarball] if tarball.role == ROLE => tarball,
        _ => return None,
    };
    let mut core = String::new();
    let mut members = Object::members(&mut core);
    members.text("name", &name.native());
    members.text("version", version.native());
    put_fields(&mut members, &manifest.native, &CORE);

    let mut summary = String::new();
    put_fields(&mut Object::members(&mut summary), &manifest.native, &SUMMARY);
    let mut extra = String::new();
    put_fields(&mut Object::members(&mut extra), &manifest.native, &EXTRA);

    let integrity = integrity(&tarball.digests.sha512);
    let mut dist = String::new();
    let mut members = Object::members(&mut dist);
    members.text("integrity", &integrity);
    members.text("shasum", &tarball.digests.sha1.to_hex());
    put_fields(&mut members, &manifest.native, &["fileCount", "unpackedSize"]);

    let metadata = &manifest.metadata;
    let words = Words {
        description: metadata.description.clone(),
        keywords: metadata.keywords.iter().take(deedbox_model::limits::KEYWORDS).cloned().collect(),
        licence: metadata.licence.clone(),
        homepage: metadata.homepage.clone(),
        repository: metadata.repository.clone(),
    };
    Some(Document { core, summary, extra, dist, integrity, tarball: tarball.object(), words })
}

/// `sha512-…` (W3C Subresource Integrity).
pub(crate) fn integrity(digest: &Sha512Digest) -> String {
    format!("sha512-{}", BASE64.encode(digest.as_bytes()))
}

fn put_fields(members: &mut Object<'_>, native: &Value, names: &[&str]) {
    for name in names {
        if let Some(value) = native.get(name) {
            json::put(members.key(name), value);
        }
    }
}
