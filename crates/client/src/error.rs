//! What can go wrong between here and a registry, in words: what happened, where to look, what to do. Each error knows
//! its class, which becomes the exit code of a command.

use crate::alarm::Alarm;
use crate::verify_error::VerifyError;
use deedbox_model::EventId;
use std::path::{Path, PathBuf};

/// What kind of failure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// The registry refused it, or something does not verify.
    Refused,
    /// Asked for in a way that cannot be answered.
    UsedWrongly,
    /// The registry cannot be reached, or cannot answer now.
    Unreachable,
}

/// A failure.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// No connection, or no answer.
    #[error("cannot reach {url}: {why}. Check that the registry runs and that the address is right, then try again")]
    Unreachable {
        /// What was asked for.
        url: String,
        /// What the network says.
        why: String,
    },
    /// An answer that did not come to its end.
    #[error(
        "{url}: the answer broke off ({why}). Try again. If it breaks off every time, a file of the registry may be damaged: its operator can find out with deedbox fsck"
    )]
    BrokenOff {
        /// What was asked for.
        url: String,
        /// What the network says.
        why: String,
    },
    /// A connection on which nothing, or too little, moved.
    #[error("{url} is too slow: {why}. The request was right; check the connection, then try again")]
    TooSlow {
        /// What was asked for.
        url: String,
        /// What did not come in which time.
        why: String,
    },
    /// The registry is there and cannot do it now.
    #[error("{url} is busy ({code}): {message}. Nothing happened; try again later")]
    Busy {
        /// What was asked for.
        url: String,
        /// The code of the answer.
        code: String,
        /// Its words.
        message: String,
    },
    /// The registry says no.
    #[error("{message} [{code}]{}", help_after(.help))]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The stable code.
        code: String,
        /// What was refused, and why.
        message: String,
        /// What to do.
        help: String,
        /// For `stale_prev`: the head of the subject now, if it has one.
        head: Option<EventId>,
    },
    /// An answer that cannot be what it should be.
    #[error("{url} answered something that is not {expected}: {why}. Check that this is the address of a Deedbox registry")]
    Answer {
        /// What was asked for.
        url: String,
        /// What it should have been, with its article.
        expected: &'static str,
        /// What is wrong.
        why: String,
    },
    /// Not what the log says, or not what its owner allowed.
    #[error(transparent)]
    Verify(#[from] VerifyError),
    /// The log contradicts itself, or has gone back.
    #[error(transparent)]
    Alarm(#[from] Box<Alarm>),
    /// A file of this machine.
    #[error("{}: {why}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A question that has no answer.
    #[error("{0}")]
    Use(String),
    /// Something that must not be sent.
    #[error("{0}")]
    Here(String),
}

fn help_after(help: &str) -> String {
    if help.is_empty() { String::new() } else { format!(": {help}") }
}

impl ClientError {
    /// Its class.
    pub fn class(&self) -> Class {
        match self {
            ClientError::Unreachable { .. } | ClientError::BrokenOff { .. } | ClientError::TooSlow { .. } | ClientError::Busy { .. } => {
                Class::Unreachable
            }
            ClientError::Use(_) => Class::UsedWrongly,
            ClientError::Refused { .. }
            | ClientError::Answer { .. }
            | ClientError::Verify(_)
            | ClientError::Alarm(_)
            | ClientError::File { .. }
            | ClientError::Here(_) => Class::Refused,
        }
    }

    /// The stable code of a refusal.
    pub fn code(&self) -> Option<&str> {
        match self {
            ClientError::Refused { code, .. } | ClientError::Busy { code, .. } => Some(code),
            _ => None,
        }
    }

    pub(crate) fn file(path: &Path, why: impl std::fmt::Display) -> Self {
        ClientError::File { path: path.to_owned(), why: why.to_string() }
    }
}

impl From<Alarm> for ClientError {
    fn from(alarm: Alarm) -> Self {
        ClientError::Alarm(Box::new(alarm))
    }
}
