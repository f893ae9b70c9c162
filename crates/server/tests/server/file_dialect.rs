//! The smallest ecosystem: one artifact whose first line is `id@version`; lines `native_name=…` and `native_version=…` after
//! it give other native forms than these; a second line `slow` makes its inspection take its time. Enough of a projection to try every way in
//! which the shell serves one: two rounds of reading, a long answer, one that depends on `Accept`, an object, a query,
//! and a refusal of writes.

use deedbox_model::event::{PackageEvent, Principal};
use deedbox_model::{Changes, Defect, Keys, Manifest, ObjectRef, PackageId, ProjectionId, RowKey, Rows, Version};
use deedbox_view::*;
use serde::{Deserialize, Serialize};
use std::io::Read as _;
use std::sync::atomic::{AtomicUsize, Ordering};

pub struct Files;

/// Inspections that take their time: how many run, and how many ran at once.
pub struct SlowInspections {
    now: AtomicUsize,
    pub most: AtomicUsize,
}

pub static SLOW_INSPECTIONS: SlowInspections = SlowInspections { now: AtomicUsize::new(0), most: AtomicUsize::new(0) };

impl SlowInspections {
    fn one(&self) {
        self.most.fetch_max(self.now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        std::thread::sleep(std::time::Duration::from_millis(200));
        self.now.fetch_sub(1, Ordering::SeqCst);
    }
}

#[derive(Serialize, Deserialize, Default)]
struct Head {
    count: u64,
}

#[derive(Serialize, Deserialize)]
struct Release {
    artifact: ObjectRef,
    version: Version,
}

fn head_key(id: &str) -> Result<RowKey, Defect> {
    RowKey::new(format!("head/{id}"))
}

impl Projection for Files {
    fn id(&self) -> ProjectionId {
        ProjectionId { name: "file", version: 1 }
    }
    fn touches(&self, entry: &Entry<'_>, _: &Facts) -> Result<Keys, Defect> {
        match entry.package() {
            Some((id, PackageEvent::ReleasePublished(_))) => Ok(Keys::from([head_key(id.as_str())?])),
            _ => Ok(Keys::new()),
        }
    }
    fn fold(&self, rows: &Rows, entry: &Entry<'_>, facts: &Facts) -> Result<Changes, Defect> {
        let Some((id, PackageEvent::ReleasePublished(e))) = entry.package() else {
            return Ok(Changes::new());
        };
        let mut head: Head = rows.decoded(&head_key(id.as_str())?)?.unwrap_or_default();
        head.count += 1;
        let mut changes = Changes::new();
        changes.put(head_key(id.as_str())?, &head)?;
        if let Some(manifest) = facts.manifest.as_ref().and_then(|fact| fact.present()) {
            let release = Release { artifact: manifest.artifacts[0].object(), version: e.version.clone() };
            changes.put(RowKey::new(format!("release/{id}@{}", e.version))?, &release)?;
        }
        Ok(changes)
    }
}

impl View for Files {
    fn reads(&self) -> ProjectionId {
        self.id()
    }
    fn mounts(&self) -> &'static [&'static str] {
        &["/file/"]
    }
    fn parse(&self, request: &Request) -> Box<dyn Question> {
        Box::new(Asked(request.clone()))
    }
}

/// A request as it came.
struct Asked(Request);

impl Question for Asked {
    fn resource(&self) -> Option<Resource> {
        let id = self.0.path.split('@').next().unwrap_or_default();
        Some(PackageId::parse(id).map_or(Resource::Nothing, Resource::Package))
    }
    fn plan(&self) -> Plan {
        let Asked(request) = self;
        let id = request.path.split('@').next().unwrap_or_default();
        match request.method {
            Method::Get if request.path != "panic" => head_key(id).map_or(Plan::Nothing, |key| Plan::Get(vec![key])),
            _ => Plan::Nothing,
        }
    }
    fn step(&self, reads: &Reads) -> Result<Step, Defect> {
        let Asked(request) = self;
        if request.method != Method::Get || request.path == "panic" || reads.rounds > 1 || reads.rows.iter().next().is_none() {
            return Ok(Step::Ready);
        }
        let id = request.path.split('@').next().unwrap_or_default();
        Ok(Step::Read(Plan::Scan { prefix: RowKey::new(format!("release/{id}@"))?, after: None, limit: 1_000 }))
    }
    fn render(&self, reads: &Reads, site: &Site) -> Result<Response, Defect> {
        let Asked(request) = self;
        match request.method {
            Method::Post => return Ok(Response::refusal(200, "text/plain", request.body.clone())),
            Method::Write => return Ok(Response::refusal(405, "text/plain", b"use deedbox publish\n".to_vec())),
            Method::Get => {}
        }
        assert!(request.path != "panic", "a projection that is wrong");
        let mut releases = Vec::new();
        for (key, row) in reads.rows.with_prefix("release/") {
            releases.push(deedbox_model::row::decode_row::<Release>(key, &row.bytes)?);
        }
        if releases.is_empty() {
            return Ok(Response::refusal(404, "text/plain", b"no such file\n".to_vec()));
        }
        if let Some((_, version)) = request.path.split_once('@') {
            return Ok(match releases.iter().find(|r| r.version.as_str() == version) {
                Some(release) => Response::object("application/x-file", release.artifact),
                None => Response::refusal(404, "text/plain", b"no such version\n".to_vec()),
            });
        }
        if request.query("short").is_some() {
            return Ok(Response::json(b"{}".to_vec()));
        }
        let mut text = format!("{{\"site\":\"{}\",\"versions\":[", site.base_url);
        for release in &releases {
            text.push_str(&format!("\"{}\",", release.version));
        }
        text.push_str(&format!("\"{}\"]}}", "padding ".repeat(400)));
        let mut response = Response::json(text.into_bytes());
        if request.query("vary").is_some() {
            response.varies_by_accept = true;
            if request.accept == "text/plain" {
                response.media_type = "text/plain".into();
                response.body = Body::Bytes(b"another form".to_vec());
            }
        }
        response.headers.push(("x-own", "yes".to_owned()));
        Ok(response)
    }
}

/// The manifest of an artifact.
pub fn manifest_of(id: &str, version: &str, bytes: &[u8]) -> Manifest {
    let mut manifest = deedbox_testkit::manifest(id, version, bytes);
    for line in bytes.split(|b| *b == b'\n').filter_map(|line| std::str::from_utf8(line).ok()) {
        if let Some(name) = line.strip_prefix("native_name=") {
            manifest.native_name = name.parse().unwrap();
        } else if let Some(version) = line.strip_prefix("native_version=") {
            manifest.native_version = version.parse().unwrap();
        }
    }
    manifest
}

impl Dialect for Files {
    fn ecosystem(&self) -> &'static str {
        "file"
    }
    fn inspect(&self, _: &Said<'_>, artifacts: &[&dyn ArtifactSource]) -> Result<Inspection, InspectRefusal> {
        let bad = |why: &str| InspectRefusal::new("not_a_file", why);
        let [artifact] = artifacts else { return Err(bad("a release is one file")) };
        let mut bytes = Vec::new();
        artifact.open().and_then(|mut file| file.read_to_end(&mut bytes)).map_err(|e| bad(&e.to_string()))?;
        let mut lines = bytes.split(|b| *b == b'\n');
        let first = lines.next().unwrap_or_default();
        if lines.next() == Some(b"slow") {
            SLOW_INSPECTIONS.one();
        }
        let first = std::str::from_utf8(first).map_err(|_| bad("its first line is not a text"))?;
        let (id, version) = first.rsplit_once('@').ok_or_else(|| bad("its first line is not id@version"))?;
        if PackageId::parse(id).is_err() || Version::parse(version).is_err() {
            return Err(bad("its first line is not id@version"));
        }
        Ok(Inspection { manifest: manifest_of(id, version, &bytes), readme: None, channels: vec![] })
    }
    fn principal(&self, manifest: &Manifest) -> Vec<Principal> {
        deedbox_testkit::publish_event(manifest, &[]).principal
    }
    fn view_path(&self, _: &Manifest) -> Option<String> {
        None
    }
}
