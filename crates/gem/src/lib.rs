//! The RubyGems dialect: native protocol to model and back (spec/projections/gem.md). Knows gems' names, versions, files
//! and indices; no other ecosystem, no clock, no file, no socket.
//!
//! | route below `/gem/D/` | answer |
//! |---|---|
//! | (nothing) | 200, so that a client takes it for a source |
//! | `versions`, `info/N`, `names` | the compact index, with the MD5 as its tag |
//! | `quick/Marshal.4.8/N-V[-P].gemspec.rz` | one specification |
//! | `specs.4.8.gz`, `latest_specs.4.8.gz`, `prerelease_specs.4.8.gz` | the old indices |
//! | `gems/N-V[-P].gem` | the gem |
//! | `api/v1/versions/N.json`, `api/v1/gems/N.json`, `api/v1/search.json` | the same as JSON |
//! | `api/v1/dependencies` | 404: the compact index has it |
//! | any write | 405, naming the command that does it |

mod answers;
mod api;
mod file;
mod fold;
mod howto;
mod index;
mod inspect;
pub mod limits;
mod marshal;
pub mod name;
mod package;
mod platform;
mod routes;
mod rows;
mod spec;
mod specs;
pub mod version;
mod yaml;

pub use deedbox_archive::tar::ArchiveLimits;
pub use inspect::{Identity, identify};
pub use name::GemName;
pub use version::GemVersion;

use answers::Asked;
use deedbox_model::event::Principal;
use deedbox_model::{Algorithm, Changes, Defect, Keys, Manifest, ProjectionId, Rows, Version};
use deedbox_view::{
    ArtifactSource, Dialect, Entry, Facts, HowTo, InspectRefusal, Inspection, Method, Projection, Question, Refused, Request, Response,
    Said, Takes, View, Wanted,
};
use std::cmp::Ordering;

/// The projection's name in the row store.
pub const PROJECTION: ProjectionId = ProjectionId { name: "gem", version: 1 };

/// The RubyGems dialect.
#[derive(Debug, Clone, Copy, Default)]
pub struct Gem {
    limits: ArchiveLimits,
}

impl Gem {
    /// With the bounds of production.
    pub fn new() -> Self {
        Self::default()
    }

    /// With other bounds for what is in a gem, as tests make them.
    pub fn with_limits(limits: ArchiveLimits) -> Self {
        Gem { limits }
    }
}

impl Projection for Gem {
    fn id(&self) -> ProjectionId {
        PROJECTION
    }
    fn touches(&self, entry: &Entry<'_>, _: &Facts) -> Result<Keys, Defect> {
        fold::touches(entry)
    }
    fn touches_next(&self, rows: &Rows, entry: &Entry<'_>, facts: &Facts) -> Result<Keys, Defect> {
        fold::touches_next(rows, entry, facts)
    }
    fn fold(&self, rows: &Rows, entry: &Entry<'_>, facts: &Facts) -> Result<Changes, Defect> {
        fold::fold(rows, entry, facts)
    }
}

impl View for Gem {
    fn reads(&self) -> ProjectionId {
        self.id()
    }
    fn mounts(&self) -> &'static [&'static str] {
        &[routes::MOUNT]
    }
    fn takes(&self, method: Method, mount: &'static str, path: &str) -> Takes {
        routes::takes(&Request { method, ..Request::get(mount, path) })
    }
    fn refuse(&self, refused: &Refused<'_>) -> Option<Response> {
        Some(answers::refusal(refused.status, &refused.words()))
    }
    fn parse(&self, request: &Request) -> Box<dyn Question> {
        Box::new(Asked::of(request))
    }
}

impl Dialect for Gem {
    fn ecosystem(&self) -> &'static str {
        name::ECOSYSTEM
    }
    fn inspect(&self, said: &Said<'_>, artifacts: &[&dyn ArtifactSource]) -> Result<Inspection, InspectRefusal> {
        inspect::inspect(said, artifacts, &self.limits)
    }
    fn principal(&self, manifest: &Manifest) -> Vec<Principal> {
        let gems = manifest.artifacts.iter().filter(|artifact| artifact.role == inspect::ROLE);
        let principal = gems.map(|artifact| {
            let digest = |algorithm: Algorithm| (algorithm, algorithm.pick(&artifact.digests).into());
            let digests = [Algorithm::Sha256, Algorithm::Sha512].map(digest).into();
            Principal { name: artifact.name.clone(), size: artifact.size, digests }
        });
        principal.take(deedbox_model::limits::PRINCIPAL_ARTIFACTS).collect()
    }
    fn compare_versions(&self, left: &Version, right: &Version) -> Option<Ordering> {
        let read = |version: &Version| GemVersion::parse(version.as_str()).ok();
        Some(read(left)?.precedence(&read(right)?))
    }

    fn is_prerelease(&self, version: &Version) -> bool {
        GemVersion::parse(version.as_str()).is_ok_and(|version| version.is_prerelease())
    }

    fn view_path(&self, manifest: &Manifest) -> Option<String> {
        let name = GemName::from_id(&manifest.id).ok()?;
        Some(format!("gem/{}/info/{}", name.domain(), name.name()))
    }
    fn how_to(&self, wanted: &Wanted<'_>) -> Option<HowTo> {
        howto::how_to(wanted)
    }
}
