//! Who speaks for the registry: the only place that has the operator's key. Signs what its callers have checked, and decides nothing.

use deedbox_model::event::Event;
use deedbox_model::{EventId, Origin, PublicKey, SecretKey, Speaker, Statement, StatementError, Subject, TimeMs, Verified};

/// The operator's key, and the log that it signs for.
pub(crate) struct Clerk {
    key: SecretKey,
    origin: Origin,
}

impl Clerk {
    pub(crate) fn new(key: SecretKey, origin: Origin) -> Self {
        Clerk { key, origin }
    }

    /// By which its signatures are known.
    pub(crate) fn key(&self) -> PublicKey {
        self.key.public()
    }

    /// Something that the registry says.
    pub(crate) fn sign(
        &self,
        subject: &Subject,
        prev: Option<EventId>,
        at: TimeMs,
        event: &Event,
    ) -> Result<Verified<Statement>, StatementError> {
        Statement::sign(&self.key, &self.origin, &Speaker::Registry, subject, prev, at, event)
    }
}
