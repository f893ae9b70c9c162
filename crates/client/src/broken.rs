//! Where the line of a domain's holders breaks (spec/authority.md §2.1): from there on it is somebody else's than the one whose packages people trusted.

use deedbox_model::event::Evidence;
use deedbox_model::holding::Through;
use deedbox_model::{EventId, TimeMs};

/// Where the line of a domain's holders breaks: the last tenure, of this one and those before it, that began without the word of the holder before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Break {
    /// The event that began it.
    pub tenure: EventId,
    /// That event's index.
    pub index: u64,
    /// Log time there, by the operator's clock, as far as it was shown.
    pub at: TimeMs,
    /// How it began.
    pub through: Through,
    /// On what evidence.
    pub evidence: Evidence,
}

impl std::fmt::Display for Break {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (at, index, evidence) = (self.at.to_rfc3339(), self.index, self.evidence.as_str());
        match self.through {
            Through::Recovery => write!(f, "it was recovered at {at} by the operator's clock, on the evidence {evidence} (entry {index})"),
            Through::Claim | Through::Reclaim | Through::Transfer => {
                write!(f, "it was given up, and claimed again at {at} by the operator's clock, on the evidence {evidence} (entry {index})")
            }
        }
    }
}
