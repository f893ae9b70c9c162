//! The door for bytes (spec/objects.md §4, §5): upload permits and budgets, statements with their signature checked,
//! and admission: all that needs the world, done once, by the writer.
//!
//! What goes on from here is `Admitted`, the only thing the ledger takes; there is no other way to make one. Decides
//! nothing about authority, and never writes the log.

pub mod admit;
pub mod budget;
mod known;
pub mod lease;
pub mod limits;
mod memory;
mod recall;
pub mod refusal;
pub mod source;
pub mod upload;

use crate::limits::{INSPECTIONS_BYTES, KEYS_KNOWN, MANIFESTS_BYTES, UPLOADS_KNOWN};
use deedbox_model::{Digests, KeyId, Origin, PublicKey, Sha256Digest, TimeMs};
use deedbox_store::{Objects, RowStore};
use deedbox_view::Dialect;
use futures::future::BoxFuture;
use std::sync::Arc;

pub use admit::Admitted;
pub use budget::Progress;
pub use limits::{INSPECTIONS, UNREFERENCED_MS};
pub use refusal::IntakeRefusal;
pub use upload::Uploader;

/// What a writer lets in beyond what authority asks of everybody.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Whether claims below `localhost` may be filed: only where the listener is a loopback address.
    pub allow_local_claims: bool,
    /// Bytes that one domain may have uploaded without publishing them, at a time.
    pub pending_bytes_per_domain: u64,
    /// Bytes of one object.
    pub max_object_bytes: u64,
}

impl Default for Policy {
    fn default() -> Self {
        Policy { allow_local_claims: false, pending_bytes_per_domain: limits::PENDING_BYTES, max_object_bytes: limits::OBJECT_BYTES }
    }
}

/// Says of each of these objects whether an effective event refers to it. Answers from rows, for at most `RECALLED_AT_ONCE` at a time or
/// for the objects of one statement.
pub type Published = Arc<dyn Fn(Vec<Sha256Digest>) -> BoxFuture<'static, Result<Vec<bool>, IntakeRefusal>> + Send + Sync>;

/// The door.
pub struct Door {
    origin: Origin,
    objects: Arc<dyn Objects>,
    rows: Arc<dyn RowStore>,
    dialects: Vec<Arc<dyn Dialect>>,
    policy: Policy,
    published: Published,
    budget: budget::Budget,
    leases: lease::Leases,
    /// Keys by their ids. A key that was registered once has its row for ever, and the id is its digest.
    keys: known::Known<KeyId, PublicKey>,
    /// All digests of what was uploaded to this process and is in place under its address, whose bytes never change.
    uploaded: known::Known<Sha256Digest, Digests>,
    /// Inspections, by their number and by their bytes.
    inspections: Arc<tokio::sync::Semaphore>,
    inspected: memory::Memory,
    /// Release manifests in memory.
    manifests: memory::Memory,
    /// Open for taking leases, closed while the sweep removes an object.
    gate: tokio::sync::RwLock<()>,
}

impl Door {
    /// For the log of this origin.
    pub fn new(
        origin: Origin,
        objects: Arc<dyn Objects>,
        rows: Arc<dyn RowStore>,
        dialects: Vec<Arc<dyn Dialect>>,
        policy: Policy,
        published: Published,
    ) -> Self {
        let budget = budget::Budget::new(policy.pending_bytes_per_domain);
        Door {
            origin,
            objects,
            rows,
            dialects,
            policy,
            published,
            budget,
            leases: lease::Leases::default(),
            keys: known::Known::new(KEYS_KNOWN),
            uploaded: known::Known::new(UPLOADS_KNOWN),
            inspections: Arc::new(tokio::sync::Semaphore::new(INSPECTIONS)),
            inspected: memory::Memory::new(INSPECTIONS_BYTES),
            manifests: memory::Memory::new(MANIFESTS_BYTES),
            gate: tokio::sync::RwLock::default(),
        }
    }

    async fn is_published(&self, address: Sha256Digest) -> Result<bool, IntakeRefusal> {
        Ok((self.published)(vec![address]).await?.into_iter().all(|is_published| is_published))
    }

    fn dialect(&self, ecosystem: &str) -> Option<&Arc<dyn Dialect>> {
        self.dialects.iter().find(|dialect| dialect.ecosystem() == ecosystem)
    }

    /// The ecosystems that can be published here.
    pub fn ecosystems(&self) -> Vec<&'static str> {
        self.dialects.iter().map(|dialect| dialect.ecosystem()).collect()
    }
}

/// Whether a time that a caller states is too far ahead of this writer's clock.
pub(crate) fn is_ahead(time: TimeMs, now: TimeMs) -> bool {
    time > now.plus_ms(deedbox_authority::MAX_AHEAD_MS)
}

/// Whether it is too far behind. The decider compares it with log time, which in a quiet log stands still for days.
pub(crate) fn is_behind(time: TimeMs, now: TimeMs) -> bool {
    time.plus_ms(deedbox_authority::MAX_BEHIND_MS) < now
}
