//! The OCI distribution specification's own conformance program (its repository, folder `conformance`) against a registry that is read
//! and not pushed to: images are published here, the program is told their digests, and its report is judged. It is a program of others
//! in another language, so no test needs it: `cargo xtask conformance --program PATH` runs it (docs/guides/oci.md).

use std::{
    collections::BTreeMap,
    fmt,
    path::Path,
    process::{Child, Command, Stdio},
};

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha512};

use crate::{
    oci_layout::{CONFIG, INDEX, LAYER, Layout, MANIFEST, digest},
    registry::{DOMAIN, Said, serve},
};

/// What becomes of a test that is run. `Disabled` is what was not asked for: everything that writes.
const WELL: [&str; 2] = ["Pass", "Disabled"];

/// What the program reported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Its word on the whole.
    pub result: String,
    /// Each test with what became of it, in its order.
    pub tests: Vec<(String, String)>,
    /// How often each.
    pub counts: BTreeMap<String, u64>,
    /// Its tables, as it printed them.
    tables: String,
}

/// What is published for it: a tag, and digests of manifests, of blobs and of what is referred to.
#[derive(Debug, Default)]
struct Data {
    manifests: Vec<String>,
    blobs: Vec<String>,
    subject: String,
}

/// Publishes an index of two images and an artifact about it, and has the program read them.
///
/// # Errors
/// When the registry or the program cannot be started, a publish is refused, or the program says nothing that is a report.
pub fn run(deedbox: &Path, program: &Path) -> anyhow::Result<Report> {
    let program = program.canonicalize().with_context(|| format!("{} is not there", program.display()))?;
    let scratch = tempfile::tempdir()?;
    let (child, at) = serve(deedbox, scratch.path(), None, &[])?;
    let _served = Served(child);
    let data = published(deedbox, scratch.path(), &format!("http://{at}"))?;
    let mut command = Command::new(&program);
    command.current_dir(scratch.path()).stdin(Stdio::null());
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("OCI_") {
            command.env_remove(name);
        }
    }
    for (name, value) in [
        ("OCI_VERSION", "1.1"),
        ("OCI_REGISTRY", &at.to_string()),
        ("OCI_TLS", "disabled"),
        ("OCI_REPO1", &format!("{DOMAIN}/app")),
        ("OCI_REPO2", &format!("{DOMAIN}/app")),
        ("OCI_API_PUSH", "false"),
        ("OCI_API_BLOBS_DELETE", "false"),
        ("OCI_API_MANIFESTS_DELETE", "false"),
        ("OCI_API_TAGS_DELETE", "false"),
        ("OCI_API_BLOBS_DIGEST_HEADER", "true"),
        ("OCI_RO_DATA_TAGS", "1.0 latest"),
        ("OCI_RO_DATA_MANIFESTS", &data.manifests.join(" ")),
        ("OCI_RO_DATA_BLOBS", &data.blobs.join(" ")),
        ("OCI_RO_DATA_REFERRERS", &data.subject),
    ] {
        command.env(name, value);
    }
    // How it ends is not looked at: where nothing is pushed, the program breaks off after its report, writing the report's other forms.
    let said = Said::of(&mut command)?;
    Report::read(&said.out).with_context(|| format!("{} said:\n{}", program.display(), said.all()))
}

/// A registry that ends with the value.
struct Served(Child);

impl Drop for Served {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        // It may have ended already: then there is nothing to wait for.
        let _ = self.0.wait();
    }
}

fn published(deedbox: &Path, folder: &Path, url: &str) -> anyhow::Result<Data> {
    let run = |args: &[&str]| {
        let mut command = Command::new(deedbox);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("DEEDBOX_") {
                command.env_remove(name);
            }
        }
        command.current_dir(folder).env("DEEDBOX_HOME", folder.join("home")).stdin(Stdio::null()).args(["--registry", url]).args(args);
        Said::of(&mut command)?.done()
    };
    run(&["keygen"])?;
    run(&["claim", DOMAIN])?;
    let layout = Layout::new(folder);
    let mut data = Data::default();
    let images = [image(&layout, &mut data, "amd64", &json!({})), image(&layout, &mut data, "arm64", &json!({}))];
    let root = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": images });
    let root = data.manifest(&layout, INDEX, &root);
    layout.names(root.clone(), "1.0");
    let id = format!("oci:{DOMAIN}/app");
    run(&["publish", layout.path(), "--id", &id, "--version", "1.0"])?;
    data.subject = root.get("digest").and_then(Value::as_str).unwrap_or_default().to_owned();
    let about = json!({ "subject": root, "artifactType": "application/vnd.example.sbom.v1" });
    layout.names(image(&layout, &mut data, "none", &about), "1.0-sbom");
    run(&["publish", layout.path(), "--id", &id, "--version", "1.0-sbom"])?;
    Ok(data)
}

/// An image of two layers, with more members in its manifest.
fn image(layout: &Layout, data: &mut Data, architecture: &str, more: &Value) -> Value {
    let layers: Vec<Value> =
        ["one", "two"].iter().map(|layer| data.blob(layout, LAYER, format!("layer {layer} of {architecture}").as_bytes())).collect();
    let config = json!({ "architecture": architecture, "os": "linux", "rootfs": { "type": "layers", "diff_ids": [] } });
    let config = data.blob(layout, CONFIG, config.to_string().as_bytes());
    let mut document = json!({ "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers });
    if let (Some(members), Some(more)) = (document.as_object_mut(), more.as_object()) {
        members.extend(more.clone());
    }
    let mut manifest = data.manifest(layout, MANIFEST, &document);
    if let Some(members) = manifest.as_object_mut() {
        members.insert("platform".to_owned(), json!({ "architecture": architecture, "os": "linux" }));
    }
    manifest
}

impl Data {
    /// Under both of its digests, as with a blob.
    fn manifest(&mut self, layout: &Layout, media_type: &str, document: &Value) -> Value {
        let bytes = document.to_string().into_bytes();
        self.manifests.extend(digests(&bytes));
        layout.blob(media_type, &bytes)
    }
    fn blob(&mut self, layout: &Layout, media_type: &str, bytes: &[u8]) -> Value {
        self.blobs.extend(digests(bytes));
        layout.blob(media_type, bytes)
    }
}

fn digests(bytes: &[u8]) -> [String; 2] {
    [digest(bytes), format!("sha512:{}", hex::encode(Sha512::digest(bytes)))]
}

impl Report {
    /// Reads what the program prints: a tree of tests, then its configuration, then tables.
    fn read(text: &str) -> anyhow::Result<Self> {
        let (tests, rest) = text.split_once("\n\nConfiguration:\n").context("it has no tests and configuration")?;
        let tests: Vec<(String, String)> = tests
            .lines()
            .skip(1)
            .filter_map(|line| line.trim().rsplit_once(": "))
            .filter(|(name, _)| name.starts_with("OCI Conformance Test"))
            .map(|(name, became)| (name.to_owned(), became.to_owned()))
            .collect();
        let (_, tables) = rest.split_once("OCI Conformance Result: ").context("it has no result")?;
        let (tables, _) = tables.split_once("\nData conformance:").context("it broke off in its tables")?;
        let result = tables.lines().next().unwrap_or_default().trim().to_owned();
        let (totals, _) = tables.split_once("\n\n").context("it has no totals")?;
        let mut counts = BTreeMap::new();
        for line in totals.lines().skip(1) {
            let (name, count) = line.split_once(':').with_context(|| format!("no total: {line}"))?;
            counts
                .insert(name.trim().trim_end_matches('.').to_owned(), count.trim().parse().with_context(|| format!("no number: {line}"))?);
        }
        ensure!(tests.len() > 1, "it has no tests");
        Ok(Report { result, tests, counts, tables: tables.trim_end().to_owned() })
    }

    /// The tests that were run and did not pass.
    pub fn failed(&self) -> impl Iterator<Item = &(String, String)> {
        self.tests.iter().filter(|(_, became)| !WELL.contains(&became.as_str()))
    }

    /// Whether all that was enabled passed, and reading was.
    #[must_use]
    pub fn is_well(&self) -> bool {
        let count = |name: &str| self.counts.get(name).copied().unwrap_or(u64::MAX);
        let read = |part: &str| self.tests.iter().any(|(name, became)| name.ends_with(part) && became == "Pass");
        let all_read = ["read-only/tag-list", "read-only/head", "read-only/pull", "read-only/referrers"].into_iter().all(read);
        self.result == "Pass" && all_read && self.failed().next().is_none() && ["FAIL", "Error", "Skip"].map(count) == [0, 0, 0]
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, became) in self.failed() {
            writeln!(f, "{became}: {name}")?;
        }
        write!(f, "OCI Conformance Result: {}", self.tables)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPORT: &str = "\
Test results
OCI Conformance Test: Pass
  OCI Conformance Test/ping: Pass
  OCI Conformance Test/sha256 blobs: Disabled
  OCI Conformance Test/read-only: Pass
    OCI Conformance Test/read-only/tag-list: Pass
    OCI Conformance Test/read-only/head: Pass
    OCI Conformance Test/read-only/pull: Pass
    OCI Conformance Test/read-only/referrers: Pass

Configuration:
  registry: 127.0.0.1:1

OCI Conformance Result: Pass
  Disabled......................:          1
  Skip..........................:          0
  Pass..........................:          7
  FAIL..........................:          0
  Error.........................:          0
  Total.........................:          8

API conformance:
  Tag listing...................:       Pass

Data conformance:
  Read Only Inputs..............:       Pass
";

    #[test]
    fn a_report_in_which_all_that_is_enabled_passes_is_well() {
        let report = Report::read(REPORT).unwrap();
        assert!(report.is_well() && report.failed().next().is_none());
        assert_eq!((report.tests.len(), report.counts["Pass"], report.counts["Total"]), (8, 7, 8));
        assert!(report.to_string().ends_with("Tag listing...................:       Pass"), "{report}");
    }

    #[test]
    fn a_report_with_anything_else_in_it_is_not() {
        for (from, to) in [
            ("Test/ping: Pass", "Test/ping: FAIL"),
            ("read-only/pull: Pass", "read-only/pull: Disabled"),
            ("read-only/head: Pass", "read-only/head: Skip"),
            ("FAIL..........................:          0", "FAIL..........................:          1"),
            ("Error.........................:          0", "Error.........................:          1"),
            ("Result: Pass", "Result: FAIL"),
        ] {
            assert!(REPORT.contains(from), "{from}");
            assert!(!Report::read(&REPORT.replace(from, to)).unwrap().is_well(), "{to}");
        }
        assert!(
            Report::read(&REPORT.replace("ping: Pass", "ping: FAIL")).unwrap().to_string().starts_with("FAIL: OCI Conformance Test/ping")
        );
    }

    #[test]
    fn what_broke_off_is_no_report() {
        let tables = REPORT.find("API conformance").unwrap();
        for text in ["", "failed to load config: x\n", &REPORT[..tables], &REPORT[..40], &REPORT.replace("          7", "seven")] {
            assert!(Report::read(text).is_err(), "{text:?}");
        }
    }
}
