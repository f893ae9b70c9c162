//! The seam to who looks at domains (spec/api.md §6): the server hands a claimant's acceptance and gets what shows it, or words that say
//! what was seen instead. How one looks is the caller's to put in; the decider judges what comes of it.

use async_trait::async_trait;
use deedbox_model::event::{Acceptance, Evidence};
use deedbox_model::{DnsAnchor, TimeMs};

/// What shows a claim.
#[derive(Debug, Clone)]
pub struct Shown {
    /// The class that it gives: one of those that rest on a look.
    pub evidence: Evidence,
    /// When it was seen.
    pub at: TimeMs,
    /// Records of DNS (spec/dnssec.md).
    pub records: Vec<u8>,
}

/// Looks for what a claimant put at a domain.
#[async_trait]
pub trait Look: Send + Sync {
    /// Looks once, from these anchors of DNS down. What it says where nothing shows the claim is for the claimant: what was seen, and what is
    /// missing.
    async fn look(&self, acceptance: &Acceptance, anchors: &[DnsAnchor]) -> Result<Shown, String>;
}
