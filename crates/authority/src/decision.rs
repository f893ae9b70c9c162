//! What is judged, and what comes of it (spec/authority.md §1). Judges nothing itself.

use crate::refusal::Refusal;
use deedbox_model::row::Changes;
use deedbox_model::{Protocol, Statement, TimeMs, Verified};

/// An entry of a log with all that is known of it without looking at the log before it.
#[derive(Debug, Clone, Copy)]
pub enum Signed<'a> {
    /// Its bytes are not a statement of this protocol number, for this reason.
    Undecodable {
        /// The number that it was read by.
        protocol: &'static Protocol,
        /// What reading said.
        refusal: &'a Refusal,
    },
    /// It verifies under the key that it names.
    Verified(&'a Verified<Statement>),
    /// It does not, or no event ever registered that key.
    NotVerified(&'a Statement),
}

impl Signed<'_> {
    pub(crate) fn statement(&self) -> Result<&Statement, Refusal> {
        match self {
            Signed::Undecodable { refusal, .. } => Err((*refusal).clone()),
            Signed::Verified(statement) => Ok(statement),
            Signed::NotVerified(statement) => Ok(statement),
        }
    }

    pub(crate) fn protocol(&self) -> &'static Protocol {
        match self {
            Signed::Undecodable { protocol, .. } => protocol,
            Signed::Verified(statement) => statement.protocol(),
            Signed::NotVerified(statement) => statement.protocol(),
        }
    }
}

/// What becomes of an effective statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effective {
    /// Authority's rows that change.
    pub changes: Changes,
    /// Log time at its index.
    pub log_time: TimeMs,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// It has its effect.
    Effective(Effective),
    /// It has none: a writer refuses it, a logged one is void.
    Refused(Refusal),
    /// Another protocol number is in force than the one that it was read by, or one that this program does not have: no verdict.
    /// Who has that number reads the entry again by it; who does not gives no verdict from here on.
    Undecided {
        /// The number in force.
        protocol: u64,
    },
}
