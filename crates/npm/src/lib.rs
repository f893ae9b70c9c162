//! The npm dialect: native protocol to model and back (spec/projections/npm.md). Knows npm's names, versions, tarballs
//! and documents; no other ecosystem, no clock, no file, no socket.
//!
//! | route below `/npm/` | answer |
//! |---|---|
//! | `@d/n` | packument, full or abbreviated by `Accept` |
//! | `@d/n/<version or tag>` | one version's document |
//! | `@d/n/-/n-<version>.tgz`, `@d/n/-/@d/n-<version>.tgz` | the tarball |
//! | `-/package/@d/n/dist-tags` | channels |
//! | `-/v1/search`, `-/ping`, `-/whoami` | search; liveness; a refusal |
//! | `-/npm/v1/keys`, `-/npm/v1/attestations/@d/n@v` | the site's key; none yet. At `/-/npm/v1/` too |
//! | POST `-/npm/v1/security/…` | a refusal: the log holds no advisories |
//! | any write | 405, naming the command that does it |

mod advisories;
mod answers;
pub mod archive;
mod document;
mod fold;
mod howto;
mod inspect;
mod json;
pub mod limits;
mod listing;
pub mod lockfile;
pub mod name;
mod package_json;
mod packument;
pub mod publishing;
mod routes;
mod rows;
mod search;
pub mod signature;
pub mod version;

pub use archive::ArchiveLimits;
pub use name::PackageName;
pub use signature::RegistrySigner;
pub use version::PackageVersion;

use answers::Asked;
use deedbox_model::event::Principal;
use deedbox_model::{Algorithm, Changes, Defect, Keys, Manifest, ProjectionId, Rows, Version};
use deedbox_view::{
    ArtifactSource, Dialect, Entry, Facts, HowTo, InspectRefusal, Inspection, Method, Projection, Question, Refused, Request, Response,
    Said, Takes, View, Wanted, encode_path,
};
use std::cmp::Ordering;

/// The projection's name in the row store, and of the site's signer.
pub const PROJECTION: ProjectionId = ProjectionId { name: "npm", version: 1 };

/// The npm dialect.
#[derive(Debug, Clone, Copy, Default)]
pub struct Npm {
    limits: ArchiveLimits,
}

impl Npm {
    /// With the bounds of production.
    pub fn new() -> Self {
        Self::default()
    }

    /// With other bounds for tarballs, as tests make them.
    pub fn with_limits(limits: ArchiveLimits) -> Self {
        Npm { limits }
    }
}

impl Projection for Npm {
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

impl View for Npm {
    fn reads(&self) -> ProjectionId {
        self.id()
    }
    fn mounts(&self) -> &'static [&'static str] {
        &[routes::MOUNT, routes::ORIGIN_MOUNT]
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

impl Dialect for Npm {
    fn ecosystem(&self) -> &'static str {
        name::ECOSYSTEM
    }
    fn inspect(&self, _: &Said<'_>, artifacts: &[&dyn ArtifactSource]) -> Result<Inspection, InspectRefusal> {
        inspect::inspect(artifacts, &self.limits)
    }
    fn principal(&self, manifest: &Manifest) -> Vec<Principal> {
        let tarballs = manifest.artifacts.iter().filter(|artifact| artifact.role == inspect::ROLE);
        let principal = tarballs.map(|artifact| {
            let digest = |algorithm: Algorithm| (algorithm, algorithm.pick(&artifact.digests).into());
            let digests = [Algorithm::Sha1, Algorithm::Sha256, Algorithm::Sha512].map(digest).into();
            Principal { name: artifact.name.clone(), size: artifact.size, digests }
        });
        principal.take(deedbox_model::limits::PRINCIPAL_ARTIFACTS).collect()
    }
    fn compare_versions(&self, left: &Version, right: &Version) -> Option<Ordering> {
        let read = |version: &Version| PackageVersion::parse(version.as_str()).ok();
        Some(read(left)?.precedence(&read(right)?))
    }

    fn is_prerelease(&self, version: &Version) -> bool {
        PackageVersion::parse(version.as_str()).is_ok_and(|version| version.is_prerelease())
    }

    fn view_path(&self, manifest: &Manifest) -> Option<String> {
        let name = PackageName::from_id(&manifest.id).ok()?;
        Some(format!("npm/{}/{}", name.native(), encode_path(manifest.native_version.as_str())))
    }
    fn how_to(&self, wanted: &Wanted<'_>) -> Option<HowTo> {
        howto::how_to(wanted)
    }
}
