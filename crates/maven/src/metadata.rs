//! `maven-metadata.xml` and the list of prefixes (spec/projections/maven.md §6.2 to §6.4): from rows to bytes that are the
//! same at every site, since they hold only what the log says, in its order. Reads no row itself.

use crate::files::FileName;
use crate::name::{Coordinates, backwards};
use crate::rows::{self, Content, Files, Head, Listed, Plugin, Snapshot};
use crate::version::PackageVersion;
use deedbox_model::row::decode_row;
use deedbox_model::{Channel, Defect, Rows, TimeMs};

/// What a package's folder lists.
struct Versions {
    /// Releases and snapshots, in the order in which they came.
    all: Vec<String>,
    /// The last that came: its release, or the snapshot that a build moved.
    latest: Option<String>,
    /// The last release that came.
    release: Option<String>,
    updated: TimeMs,
}

/// The metadata of a folder, as far as it is that of a group with plugins, of a package with versions, or of both; none if
/// of neither.
pub(crate) fn of_folder(group: Option<&str>, package: Option<&Coordinates>, rows: &Rows) -> Result<Option<Vec<u8>>, Defect> {
    let mut plugins = Vec::new();
    if let Some(prefix) = group.map(rows::plugins_prefix) {
        for (key, row) in rows.with_prefix(&prefix) {
            let plugin: Plugin = decode_row(key, &row.bytes)?;
            plugins.push((key.as_str().get(prefix.len()..).unwrap_or_default().to_owned(), plugin));
        }
    }
    let versions = match package {
        Some(package) => Versions::read(package, rows)?.map(|versions| (package, versions)),
        None => None,
    };
    if plugins.is_empty() && versions.is_none() {
        return Ok(None);
    }
    let mut out = begin();
    if let Some((package, versions)) = &versions {
        put(&mut out, 1, "groupId", package.group());
        put(&mut out, 1, "artifactId", package.artifact());
        out.push_str("  <versioning>\n");
        if let Some(latest) = &versions.latest {
            put(&mut out, 2, "latest", latest);
        }
        if let Some(release) = &versions.release {
            put(&mut out, 2, "release", release);
        }
        out.push_str("    <versions>\n");
        for version in &versions.all {
            put(&mut out, 3, "version", version);
        }
        out.push_str("    </versions>\n");
        put(&mut out, 2, "lastUpdated", &stamp(versions.updated));
        out.push_str("  </versioning>\n");
    }
    if !plugins.is_empty() {
        out.push_str("  <plugins>\n");
        for (artifact, plugin) in &plugins {
            out.push_str("    <plugin>\n");
            put(&mut out, 3, "name", plugin.name.as_deref().unwrap_or(artifact));
            put(&mut out, 3, "prefix", &plugin.prefix);
            put(&mut out, 3, "artifactId", artifact);
            out.push_str("    </plugin>\n");
        }
        out.push_str("  </plugins>\n");
    }
    Ok(Some(end(out)))
}

/// The metadata of a snapshot: the build that it points at, file by file.
pub(crate) fn of_snapshot(package: &Coordinates, base: &Channel, snapshot: &Snapshot, files: &Files) -> Option<Vec<u8>> {
    let version = PackageVersion::parse(snapshot.version.as_str()).ok()?;
    let build = version.build()?;
    let Content::Present(files) = &files.content else { return None };
    let updated = stamp(snapshot.updated);
    let mut out = begin();
    put(&mut out, 1, "groupId", package.group());
    put(&mut out, 1, "artifactId", package.artifact());
    put(&mut out, 1, "version", base.as_str());
    out.push_str("  <versioning>\n    <snapshot>\n");
    put(&mut out, 3, "timestamp", &build.timestamp);
    put(&mut out, 3, "buildNumber", &build.number);
    out.push_str("    </snapshot>\n");
    put(&mut out, 2, "lastUpdated", &updated);
    out.push_str("    <snapshotVersions>\n");
    for name in files.iter().filter_map(|file| FileName::of_tail(&file.tail)) {
        out.push_str("      <snapshotVersion>\n");
        if let Some(classifier) = &name.classifier {
            put(&mut out, 4, "classifier", classifier);
        }
        put(&mut out, 4, "extension", &name.extension);
        put(&mut out, 4, "value", version.as_str());
        put(&mut out, 4, "updated", &updated);
        out.push_str("      </snapshotVersion>\n");
    }
    out.push_str("    </snapshotVersions>\n  </versioning>\n");
    Some(end(out))
}

/// How the paths of everything here begin, one line for each domain (the format of Maven's remote repository filter).
pub(crate) fn prefixes(rows: &Rows) -> Vec<u8> {
    let domains = rows.with_prefix(rows::DOMAINS).filter_map(|(key, _)| key.as_str().strip_prefix(rows::DOMAINS));
    let mut lines: Vec<String> = domains.map(|domain| format!("/{}\n", backwards(domain).replace('.', "/"))).collect();
    lines.sort();
    format!("## repository-prefixes/2.0\n{}", lines.concat()).into_bytes()
}

impl Versions {
    /// None if there is nothing that may be chosen.
    fn read(package: &Coordinates, rows: &Rows) -> Result<Option<Self>, Defect> {
        let Some(head) = rows.decoded::<Head>(&rows::head_key(package)?)? else { return Ok(None) };
        // Index of its first event, index of its last one, version, whether it is a release.
        let mut all: Vec<(u64, u64, String, bool)> = Vec::new();
        let prefix = rows::versions_prefix(package);
        for (key, row) in rows.with_prefix(&prefix) {
            let listed: Listed = decode_row(key, &row.bytes)?;
            if listed.may_be_chosen() {
                let version = key.as_str().get(prefix.len()..).unwrap_or_default().to_owned();
                all.push((listed.at, listed.at, version, true));
            }
        }
        let prefix = rows::snapshots_prefix(package);
        for (key, row) in rows.with_prefix(&prefix) {
            let snapshot: Snapshot = decode_row(key, &row.bytes)?;
            if snapshot.listed {
                let base = key.as_str().get(prefix.len()..).unwrap_or_default().to_owned();
                all.push((snapshot.since, snapshot.at, base, false));
            }
        }
        if all.is_empty() {
            return Ok(None);
        }
        all.sort();
        let last = |only_releases: bool| {
            let known = all.iter().filter(|(.., is_release)| *is_release || !only_releases);
            known.max_by_key(|(_, at, ..)| *at).map(|(_, _, version, _)| version.clone())
        };
        let (latest, release) = (last(false), last(true));
        Ok(Some(Versions { latest, release, updated: head.updated, all: all.into_iter().map(|(_, _, version, _)| version).collect() }))
    }
}

fn begin() -> String {
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<metadata modelVersion=\"1.1.0\">\n".to_owned()
}

fn end(mut out: String) -> Vec<u8> {
    out.push_str("</metadata>\n");
    out.into_bytes()
}

/// One element with a text, on a line of its own.
fn put(out: &mut String, depth: usize, name: &str, text: &str) {
    out.push_str(&"  ".repeat(depth));
    out.push_str(&format!("<{name}>"));
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            // These characters are not allowed in XML: with one of them in it, the document could not be read, and nobody would find any
            // plugin of its group.
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => {}
            c => out.push(c),
        }
    }
    out.push_str(&format!("</{name}>\n"));
}

/// `20261121070000`, in UTC.
fn stamp(time: TimeMs) -> String {
    let (day, time) = time.to_digits();
    day + &time
}
