//! From an error to an exit code and the words on the terminal.

use deedbox_client::{Class, ClientError, VerifyError};

/// A command that was used in a way that cannot be meant.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct UsedWrongly(pub(crate) String);

/// Something that was refused, or does not verify, and was said in full already.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Refused(pub(crate) String);

/// Ended by a signal, with what that leaves.
#[derive(Debug, thiserror::Error)]
#[error("{words}")]
pub(crate) struct Interrupted {
    pub(crate) words: String,
    /// Its number.
    pub(crate) signal: u8,
}

/// 1 refused or does not verify, 2 used wrongly, 3 cannot reach; 128 and the signal's number if it was ended by one.
pub(crate) fn exit_code(error: &anyhow::Error) -> u8 {
    for cause in error.chain() {
        if cause.is::<UsedWrongly>() {
            return 2;
        }
        if let Some(interrupted) = cause.downcast_ref::<Interrupted>() {
            return 128 + interrupted.signal;
        }
        if cause.is::<Refused>() || cause.is::<VerifyError>() {
            return 1;
        }
        if let Some(error) = cause.downcast_ref::<ClientError>() {
            return match error.class() {
                Class::Refused => 1,
                Class::UsedWrongly => 2,
                Class::Unreachable => 3,
            };
        }
    }
    1
}

/// What happened, from the outside in. A cause that only repeats what was said is left out.
pub(crate) fn words(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain() {
        let cause = cause.to_string();
        if text.contains(&cause) {
            continue;
        }
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&cause);
    }
    text
}

/// Used wrongly, in these words.
pub(crate) fn wrong(words: impl Into<String>) -> anyhow::Error {
    UsedWrongly(words.into()).into()
}

/// Refused, in these words.
pub(crate) fn refused(words: impl Into<String>) -> anyhow::Error {
    Refused(words.into()).into()
}
