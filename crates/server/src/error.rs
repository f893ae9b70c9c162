//! Why a registry does not start, or does not end as it should, in words for its operator. What a client is told is in `refusal`.

use deedbox_intake::IntakeRefusal;
use deedbox_ledger::{LedgerError, SubmitError};
use deedbox_model::Origin;
use deedbox_replay::ReplayError;
use deedbox_store::StoreError;
use std::path::Path;
use std::time::Duration;

/// Why a registry does not start.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "each variant says itself in words below")]
pub enum OpenError {
    #[error("{path}: {why}")]
    File { path: String, why: String },
    #[error("{0} does not give a valid name for a log: give one with --origin, like registry.example/log")]
    NoOrigin(String),
    #[error("the log in {data} is named {found} for ever, not {asked}: leave --origin out, or give another --data for another log")]
    OtherOrigin { data: String, found: Origin, asked: Origin },
    #[error(
        "{data} is not empty and holds no registry: there is {found:?} in it. Give --data a directory that is empty, or does not exist yet"
    )]
    Foreign { data: String, found: String },
    #[error("{data} cannot be a data directory: {why}")]
    NoFolder { data: String, why: String },
    #[error("there is a log in {0} and no registry.json: restore it from a backup; it says {{\"origin\": …}} as the log's checkpoint does")]
    NoName(String),
    #[error("the projections lack {0}: without it no object could be read")]
    NoProjection(&'static str),
    #[error("two views answer below {0}")]
    MountTwice(&'static str),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    Replay(#[from] ReplayError),
    #[error("this machine gives no threads to make answers on: {0}")]
    Threads(std::io::Error),
    #[error("what this start had to say in the registry's name could not be said: {0}")]
    NotSaid(String),
}

impl OpenError {
    pub(crate) fn file(path: &Path, why: impl std::fmt::Display) -> Self {
        OpenError::File { path: path.display().to_string(), why: why.to_string() }
    }
}

impl From<IntakeRefusal> for OpenError {
    fn from(refusal: IntakeRefusal) -> Self {
        OpenError::NotSaid(refusal.to_string())
    }
}
impl From<SubmitError> for OpenError {
    fn from(error: SubmitError) -> Self {
        OpenError::NotSaid(error.to_string())
    }
}

/// The server did not end as it should. What is claimed is finished by the next start.
#[derive(Debug, thiserror::Error)]
#[error("the writer did not end within {0:?}: what it was writing is finished at the next start")]
pub struct Unfinished(pub Duration);
