//! The part of a server that answers from rows: views under their mounts, and what is kept of their answers. Has no way to write anything,
//! and none to the log's files.

use crate::answers::Answers;
use crate::bounds::Bounds;
use crate::folded::Folded;
use crate::gate::Gate;
use crate::mounts::Mounts;
use crate::shelf::ObjectShelf;
use deedbox_store::RowStore;
use deedbox_view::Site;
use std::sync::Arc;

/// What answers from rows.
pub(crate) struct Views {
    pub(crate) gate: Gate,
    pub(crate) mounts: Mounts,
    pub(crate) answers: Answers,
    pub(crate) rows: Arc<dyn RowStore>,
    pub(crate) objects: Arc<ObjectShelf>,
    pub(crate) site: Site,
    pub(crate) folded: Arc<Folded>,
    pub(crate) bounds: Arc<Bounds>,
}
