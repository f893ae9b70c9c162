//! Where projections answer (spec/api.md, beginning): paths to mounts, the longest first. Reads no rows and answers nothing itself.

use crate::error::OpenError;
use crate::refusal::Refused;
use axum::response::Response;
use deedbox_catalog::PROJECTION as CATALOG;
use deedbox_model::ProjectionId;
use deedbox_view::Projection;
use std::sync::Arc;

/// Where a projection answers.
pub(crate) struct Mount {
    pub(crate) prefix: &'static str,
    pub(crate) projection: Arc<dyn Projection>,
    pub(crate) id: ProjectionId,
}

impl Mount {
    /// A refusal of the shell's own, in the shape that the clients of this mount read.
    pub(crate) fn refuse(&self, refused: &Refused) -> Response {
        refused.shaped(self.projection.refuse(&refused.told()))
    }
}

/// All mounts, the longest first.
pub(crate) struct Mounts {
    mounts: Vec<Mount>,
    ids: Vec<ProjectionId>,
}

impl Mounts {
    pub(crate) fn new(projections: &[Arc<dyn Projection>]) -> Result<Self, OpenError> {
        let mut mounts = Vec::new();
        for projection in projections {
            for prefix in projection.mounts() {
                mounts.push(Mount { prefix, projection: Arc::clone(projection), id: projection.id() });
            }
        }
        mounts.sort_by_key(|mount| (std::cmp::Reverse(mount.prefix.len()), mount.prefix));
        for pair in mounts.windows(2) {
            if let [a, b] = pair
                && a.prefix == b.prefix
            {
                return Err(OpenError::MountTwice(a.prefix));
            }
        }
        let ids: Vec<ProjectionId> = projections.iter().map(|projection| projection.id()).collect();
        if !ids.contains(&CATALOG) {
            return Err(OpenError::NoProjection(CATALOG.name));
        }
        Ok(Mounts { mounts, ids })
    }

    /// The ids of the projections.
    pub(crate) fn ids(&self) -> impl Iterator<Item = &ProjectionId> {
        self.ids.iter()
    }

    /// The mount that a path is under, and the rest of the path.
    pub(crate) fn find<'a>(&self, path: &'a str) -> Option<(&Mount, &'a str)> {
        self.mounts.iter().find_map(|mount| match path.strip_prefix(mount.prefix) {
            // The root is a page; what is below it belongs to others.
            Some(rest) if mount.prefix == "/" && !rest.is_empty() => None,
            Some(rest) => Some((mount, rest)),
            None if mount.prefix.strip_suffix('/') == Some(path) && !path.is_empty() => Some((mount, "")),
            None => None,
        })
    }
}
