//! A registry in its parts, for where the process is put together. No route has it: each is handed the part that it uses, so that one that
//! reads cannot write, and one that writes cannot reach what is kept of answers.

use crate::bounds::Bounds;
use crate::one_proof::Receipts;
use crate::readiness::Health;
use crate::reading::Reading;
use crate::taking::Taking;
use crate::views::Views;
use http::HeaderName;
use std::sync::Arc;

/// One registry.
pub(crate) struct App {
    pub(crate) bounds: Arc<Bounds>,
    /// What answers from rows.
    pub(crate) views: Arc<Views>,
    /// What reads the log and the objects.
    pub(crate) reading: Arc<Reading>,
    /// The same, and what signs receipts.
    pub(crate) receipts: Arc<Receipts>,
    /// What takes statements and uploads.
    pub(crate) taking: Arc<Taking>,
    /// What an operator looks at.
    pub(crate) health: Arc<Health>,
    /// The header in which a proxy on this machine says who asks.
    pub(crate) client_address_header: Option<HeaderName>,
    /// Requests under way.
    pub(crate) max_requests: usize,
}
