//! The Maven dialect: native protocol to model and back (spec/projections/maven.md). Knows Maven's coordinates, versions,
//! POMs, jars and repository layout; no other ecosystem, no clock, no file, no socket.
//!
//! | route below `/maven/` | answer |
//! |---|---|
//! | `g/r/o/u/p/a/V/a-V.ext`, `a-V-classifier.ext` | the file, with its digests as headers |
//! | `g/r/o/u/p/a/B-SNAPSHOT/a-B-SNAPSHOT.ext` | the same of the build that the snapshot points at |
//! | `g/r/o/u/p/a/maven-metadata.xml` | versions of a package, plugins of a group, or both |
//! | `g/r/o/u/p/a/B-SNAPSHOT/maven-metadata.xml` | the build that a snapshot points at |
//! | `.meta/prefixes.txt` | how all paths begin |
//! | any of these with `.sha1` `.md5` `.sha256` `.sha512` | its digest |
//! | any write | 405, naming the command that does it |

mod answers;
mod bad_xml;
mod encoding;
mod entities;
mod files;
mod fold;
mod howto;
mod inspect;
pub mod limits;
pub mod listed;
mod metadata;
pub mod name;
pub mod order;
pub mod pom;
mod routes;
mod rows;
pub mod settings;
pub mod version;
mod xml;

pub use inspect::coordinates_of;
pub use listed::Listed;
pub use name::Coordinates;
pub use order::ComparableVersion;
pub use pom::Pom;
pub use version::PackageVersion;

use answers::Asked;
use deedbox_model::event::Principal;
use deedbox_model::{Algorithm, Changes, Defect, Domain, Keys, Manifest, PackageId, ProjectionId, Rows, Version};
use deedbox_view::{
    ArtifactSource, Dialect, Entry, Facts, HowTo, InspectRefusal, Inspection, Method, Projection, Question, Refused, Request, Response,
    Said, Takes, View, Wanted, encode_path,
};
use files::FileName;
use std::cmp::Ordering;

/// The projection's name in the row store.
pub const PROJECTION: ProjectionId = ProjectionId { name: "maven", version: 1 };

/// The Maven dialect.
#[derive(Debug, Clone, Copy, Default)]
pub struct Maven;

impl Projection for Maven {
    fn id(&self) -> ProjectionId {
        PROJECTION
    }
    fn touches(&self, entry: &Entry<'_>, _: &Facts) -> Result<Keys, Defect> {
        fold::touches(entry)
    }
    fn fold(&self, rows: &Rows, entry: &Entry<'_>, facts: &Facts) -> Result<Changes, Defect> {
        fold::fold(rows, entry, facts)
    }
}

impl View for Maven {
    fn reads(&self) -> ProjectionId {
        self.id()
    }
    fn mounts(&self) -> &'static [&'static str] {
        &[routes::MOUNT]
    }
    fn takes(&self, _: Method, _: &'static str, _: &str) -> Takes {
        Takes::NOTHING
    }
    fn refuse(&self, refused: &Refused<'_>) -> Option<Response> {
        Some(answers::refusal(refused.status, &refused.words()))
    }
    fn parse(&self, request: &Request) -> Box<dyn Question> {
        Box::new(Asked::of(request))
    }
}

impl Dialect for Maven {
    fn ecosystem(&self) -> &'static str {
        name::ECOSYSTEM
    }
    fn inspect(&self, said: &Said<'_>, artifacts: &[&dyn ArtifactSource]) -> Result<Inspection, InspectRefusal> {
        inspect::inspect(said, artifacts)
    }
    fn principal(&self, manifest: &Manifest) -> Vec<Principal> {
        let Some((package, version)) = coordinate(manifest) else { return Vec::new() };
        let stem = format!("{}-{version}", package.artifact());
        let ranked = manifest.artifacts.iter().filter_map(|artifact| {
            let name = FileName::of_tail(artifact.name.strip_prefix(&stem)?)?;
            (!name.is_signature()).then(|| (name.rank(), artifact))
        });
        let mut ranked: Vec<_> = ranked.collect();
        ranked.sort_by_key(|(rank, artifact)| (*rank, &artifact.name));
        ranked.truncate(deedbox_model::limits::PRINCIPAL_ARTIFACTS);
        ranked.sort_by_key(|(_, artifact)| &artifact.name);
        let principal = ranked.into_iter().map(|(_, artifact)| {
            let digest = |algorithm: Algorithm| (algorithm, algorithm.pick(&artifact.digests).into());
            let digests = [Algorithm::Sha1, Algorithm::Sha256, Algorithm::Sha512].map(digest).into();
            Principal { name: artifact.name.clone(), size: artifact.size, digests }
        });
        principal.collect()
    }
    fn domains_before(&self, id: &PackageId) -> Vec<Domain> {
        Coordinates::from_id(id).map(|package| package.domains_before(id)).unwrap_or_default()
    }
    fn compare_versions(&self, left: &Version, right: &Version) -> Option<Ordering> {
        Some(ComparableVersion::new(left.as_str()).compare(&ComparableVersion::new(right.as_str())))
    }

    fn view_path(&self, manifest: &Manifest) -> Option<String> {
        let (package, version) = coordinate(manifest)?;
        let (folder, artifact) = (package.folder(), package.artifact());
        Some(encode_path(&format!("maven/{folder}/{}/{artifact}-{version}.pom", version.folder())))
    }
    fn how_to(&self, wanted: &Wanted<'_>) -> Option<HowTo> {
        howto::how_to(wanted)
    }
}

fn coordinate(manifest: &Manifest) -> Option<(Coordinates, PackageVersion)> {
    Some((Coordinates::from_id(&manifest.id).ok()?, PackageVersion::parse(manifest.version.as_str()).ok()?))
}
