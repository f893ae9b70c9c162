//! The OCI dialect: native protocol to model and back (spec/projections/oci.md). Knows repositories, tags, manifests and
//! the routes of the OCI distribution specification; no other ecosystem, no clock, no file, no socket.
//!
//! | route below `/v2/` | answer |
//! |---|---|
//! | (the mount itself) | that the protocol is spoken here |
//! | `D/N/manifests/<tag or digest>` | a manifest or index, byte for byte |
//! | `D/N/blobs/<digest>` | a blob |
//! | `D/N/tags/list` | versions and channels |
//! | `D/N/referrers/<digest>` | manifests about this one |
//! | `_catalog` | repositories |
//! | `token` | a token that nobody is asked for |
//! | any write | 405, naming the command that does it |

mod answers;
mod contents;
pub mod digest;
pub mod document;
mod fold;
mod howto;
mod inspect;
pub mod limits;
pub mod name;
mod refusal;
mod routes;
mod rows;

pub use contents::artifact_name;
pub use digest::Digest;
pub use document::{Descriptor, Document, Kind, Member, Role};
pub use name::{Repository, is_tag};

use answers::Asked;
use deedbox_model::event::Principal;
use deedbox_model::{Algorithm, Changes, Defect, Keys, Manifest, ProjectionId, Rows};
use deedbox_view::{
    ArtifactSource, Dialect, Entry, Facts, HowTo, InspectRefusal, Inspection, Method, Projection, Question, Refused, Request, Response,
    Said, Takes, View, Wanted, documents_bytes, encode_path,
};

/// The projection's name in the row store.
pub const PROJECTION: ProjectionId = ProjectionId { name: "oci", version: 1 };

/// The OCI dialect.
#[derive(Debug, Clone, Copy, Default)]
pub struct Oci;

impl Projection for Oci {
    fn id(&self) -> ProjectionId {
        PROJECTION
    }
    fn touches(&self, entry: &Entry<'_>, facts: &Facts) -> Result<Keys, Defect> {
        fold::touches(entry, facts)
    }
    fn touches_next(&self, rows: &Rows, entry: &Entry<'_>, _: &Facts) -> Result<Keys, Defect> {
        fold::touches_next(rows, entry)
    }
    fn fold(&self, rows: &Rows, entry: &Entry<'_>, facts: &Facts) -> Result<Changes, Defect> {
        fold::fold(rows, entry, facts)
    }
}

impl View for Oci {
    fn reads(&self) -> ProjectionId {
        self.id()
    }
    fn mounts(&self) -> &'static [&'static str] {
        &[routes::MOUNT]
    }
    fn takes(&self, method: Method, mount: &'static str, path: &str) -> Takes {
        answers::takes(&Request { method, ..Request::get(mount, path) })
    }
    fn refuse(&self, refused: &Refused<'_>) -> Option<Response> {
        Some(answers::refuse(refused))
    }
    fn parse(&self, request: &Request) -> Box<dyn Question> {
        Box::new(Asked::of(request))
    }
}

impl Dialect for Oci {
    fn ecosystem(&self) -> &'static str {
        name::ECOSYSTEM
    }
    fn inspect(&self, said: &Said<'_>, artifacts: &[&dyn ArtifactSource]) -> Result<Inspection, InspectRefusal> {
        inspect::inspect(said, artifacts)
    }
    fn inspection_bytes(&self, manifest: &Manifest) -> u64 {
        // Layers pass by; only manifests are read.
        let manifests = manifest.artifacts.iter().filter(|artifact| artifact.name.starts_with("manifests/")).map(|artifact| artifact.size);
        let (all, largest) = manifests.fold((0_u64, 0), |(all, largest), size| (all.saturating_add(size), size.max(largest)));
        documents_bytes(all, largest.min(limits::MANIFEST_BYTES))
    }
    fn principal(&self, manifest: &Manifest) -> Vec<Principal> {
        let principal = contents::root(manifest).map(|root| {
            let digest = |algorithm: Algorithm| (algorithm, algorithm.pick(&root.digests).into());
            let digests = [Algorithm::Sha256, Algorithm::Sha512].map(digest).into();
            Principal { name: root.name.clone(), size: root.size, digests }
        });
        principal.into_iter().collect()
    }
    fn view_path(&self, manifest: &Manifest) -> Option<String> {
        let repository = Repository::from_id(&manifest.id).ok()?;
        Some(format!("v2/{repository}/manifests/{}", encode_path(manifest.native_version.as_str())))
    }
    fn how_to(&self, wanted: &Wanted<'_>) -> Option<HowTo> {
        howto::how_to(wanted)
    }
}
