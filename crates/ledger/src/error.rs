//! Why a log cannot be opened or written, and why a statement was not appended: each says what is wrong, and what to do.

use crate::commit::CommitError;
use crate::limits::MAX_POOL;
use crate::place_of;
use deedbox_authority::Refusal;
use deedbox_store::{InFull, StoreError};

/// What to do about a damaged file. Never to remove it: what it should say is needed.
const AS_IT_WAS: &str = "put back what it was, from a backup or a mirror, and start again; deedbox fsck names everything that is damaged";

/// Why a log cannot be opened or written. None of these is the fault of a statement.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A commit record is not what it should be.
    #[error("{0}; {AS_IT_WAS}")]
    Commit(#[from] CommitError),
    /// The last commit is not the one that led to what was signed last.
    #[error(
        "{} is not the commit that the signer remembers (signer/last-signed): one of the two files is damaged; {AS_IT_WAS}",
        place_of(*.0)
    )]
    OtherCommit(u64),
    /// A file that the log needs is gone.
    #[error("{0} is missing; {AS_IT_WAS}")]
    Missing(String),
    /// A file of the log is damaged.
    #[error("{what} is damaged: {why}; {AS_IT_WAS}")]
    Damaged {
        /// The file, as a person finds it in the data directory.
        what: String,
        /// How it shows.
        why: String,
    },
    /// The signer's memory does not read, or is gone while the log is not empty.
    #[error(
        "the signer's memory is missing or damaged (signer/last-signed: {0}); never put back an older copy from a backup: the \
         key would sign a second history. The operator's guide says what to do (\"Backup\")"
    )]
    SignerMemory(&'static str),
    /// The signer has signed something that these files do not lead to.
    #[error(
        "the signer has signed size {last_size} (root {last_root}) and will not sign size {size} (root {root}) here: these files are older than what \
         was signed, as after a backup was restored. Restore newer copies of commits/, log/ and objects/; never restore an older signer/"
    )]
    SignerRefuses {
        /// What it signed last.
        last_size: u64,
        /// That tree's root.
        last_root: String,
        /// What it was asked to sign.
        size: u64,
        /// That tree's root.
        root: String,
    },
    /// A key or an origin is not valid.
    #[error("{0}")]
    Key(String),
}

impl LedgerError {
    pub(crate) fn damaged(what: impl Into<String>, why: impl std::fmt::Display) -> Self {
        LedgerError::Damaged { what: what.into(), why: why.to_string() }
    }

    /// Whether what is published can be served all the same: it is signed, and says the same whatever is wrong with the files that
    /// the log would go on from. Not where these are older than what was signed: people hold proofs of what is missing.
    pub fn leaves_it_readable(&self) -> bool {
        !matches!(self, LedgerError::SignerRefuses { .. } | LedgerError::Key(_))
    }
}

/// Why a statement was not appended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SubmitError {
    /// Authority refuses it, in the state that it would be appended to.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The pool is full.
    #[error("{MAX_POOL} statements are waiting already: send it again in a second")]
    Busy,
    /// The store failed before the claim: nothing happened.
    #[error("the registry's store failed, and nothing was appended ({0}): send it again later")]
    Store(String),
    /// Another protocol is in force than the one that it was read by. Who has that protocol reads the statement again, by it, and
    /// sends it through the door once more; a program that does not have it no longer writes.
    #[error("protocol {0} is in force, which this program does not know: it serves and no longer writes; update it")]
    Undecided(u64),
    /// A row is damaged, or a program is.
    #[error("{0}")]
    Defect(String),
    /// The writer has stopped. What was sent may or may not have been appended: send the same bytes again.
    #[error("the registry is stopping: send the same bytes again")]
    Stopped,
}

impl From<StoreError> for SubmitError {
    fn from(error: StoreError) -> Self {
        tracing::error!(error = %InFull(&error), "the rows that a verdict needs could not be read");
        SubmitError::Store(error.to_string())
    }
}
