//! The part of a server that takes statements and uploads: the door, the way to the log, and what may keep them shut. Reads as any other
//! reader does, and has no way to what is kept of answers, nor to the operator's key.

use crate::bounds::Bounds;
use crate::clock::{Clock, WallClock};
use crate::look::Look;
use crate::reading::Reading;
use crate::recent::Recent;
use crate::room::Room;
use crate::writing::Writing;
use deedbox_intake::Door;
use deedbox_model::TimeMs;
use std::sync::Arc;

/// What takes statements and uploads.
pub(crate) struct Taking {
    pub(crate) door: Arc<Door>,
    pub(crate) writing: Arc<Writing>,
    pub(crate) recent: Recent,
    pub(crate) room: Arc<Room>,
    pub(crate) clock: Arc<Clock>,
    /// This machine's clock.
    pub(crate) wall: WallClock,
    /// Whether claims below `localhost` are taken.
    pub(crate) allow_local_claims: bool,
    /// Who looks at domains that are claimed; none where nobody does.
    pub(crate) look: Option<Arc<dyn Look>>,
    pub(crate) reading: Arc<Reading>,
    pub(crate) bounds: Arc<Bounds>,
}

impl Taking {
    /// This machine's clock.
    pub(crate) fn now(&self) -> TimeMs {
        self.wall.now()
    }
}
