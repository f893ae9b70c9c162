//! Where views answer (spec/api.md, beginning): paths to mounts, the longest first. Reads no rows and answers nothing itself.

use crate::error::OpenError;
use crate::refusal::Refused;
use axum::response::Response;
use deedbox_catalog::PROJECTION as CATALOG;
use deedbox_model::ProjectionId;
use deedbox_view::View;
use std::sync::Arc;

/// Where the views of a projection answer: one for each generation that this program has.
pub(crate) struct Mount {
    pub(crate) prefix: &'static str,
    /// The projection's name.
    pub(crate) name: &'static str,
    generations: Vec<Generation>,
}

/// What answers, and from whose rows.
#[derive(Clone)]
pub(crate) struct Generation {
    pub(crate) view: Arc<dyn View>,
    pub(crate) id: ProjectionId,
}

impl Mount {
    /// The generation of this version, if this program has it.
    pub(crate) fn of(&self, version: u32) -> Option<&Generation> {
        self.generations.iter().find(|generation| generation.id.version == version)
    }

    /// A refusal of the shell's own, in the shape that the clients of this mount read where this version is in force.
    pub(crate) fn refuse(&self, refused: &Refused, version: u32) -> Response {
        let generation = self.of(version).or_else(|| self.generations.first());
        refused.shaped(generation.and_then(|generation| generation.view.refuse(&refused.told())))
    }
}

/// All mounts, the longest first.
pub(crate) struct Mounts {
    mounts: Vec<Arc<Mount>>,
    ids: Vec<ProjectionId>,
}

impl Mounts {
    pub(crate) fn new(views: &[Arc<dyn View>]) -> Result<Self, OpenError> {
        let mut mounts: Vec<Mount> = Vec::new();
        for view in views {
            let id = view.reads();
            for prefix in view.mounts() {
                let generation = Generation { view: Arc::clone(view), id: id.clone() };
                match mounts.iter_mut().find(|mount| mount.prefix == *prefix) {
                    Some(mount) if mount.name == id.name && mount.of(id.version).is_none() => mount.generations.push(generation),
                    Some(_) => return Err(OpenError::MountTwice(prefix)),
                    None => mounts.push(Mount { prefix, name: id.name, generations: vec![generation] }),
                }
            }
        }
        mounts.sort_by_key(|mount| (std::cmp::Reverse(mount.prefix.len()), mount.prefix));
        let mounts = mounts.into_iter().map(Arc::new).collect();
        let ids: Vec<ProjectionId> = views.iter().map(|view| view.reads()).collect();
        if !ids.contains(&CATALOG) {
            return Err(OpenError::NoProjection(CATALOG.name));
        }
        Ok(Mounts { mounts, ids })
    }

    /// The generations that this program reads.
    pub(crate) fn ids(&self) -> &[ProjectionId] {
        &self.ids
    }

    /// The mount that a path is under, and the rest of the path.
    pub(crate) fn find<'a>(&self, path: &'a str) -> Option<(&Arc<Mount>, &'a str)> {
        self.mounts.iter().find_map(|mount| match path.strip_prefix(mount.prefix) {
            // The root is a page; what is below it belongs to others.
            Some(rest) if mount.prefix == "/" && !rest.is_empty() => None,
            Some(rest) => Some((mount, rest)),
            None if mount.prefix.strip_suffix('/') == Some(path) && !path.is_empty() => Some((mount, "")),
            None => None,
        })
    }
}
