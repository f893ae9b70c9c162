//! From an error to an exit code and the words on the terminal.

use deedbox_client::{Class, ClientError, VerifyError};
use serde::Serialize;

/// A command that was used in a way that cannot be meant.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct UsedWrongly(pub(crate) String);

/// Something that was refused, or does not verify, and was said in full already.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Refused(pub(crate) String);

/// The same under a stable code, for programs.
#[derive(Debug, thiserror::Error)]
#[error("{words} [{code}]")]
pub(crate) struct Coded {
    pub(crate) code: &'static str,
    pub(crate) words: String,
}

/// Several things came out in several ways, each of which was said; this is the sum.
#[derive(Debug, thiserror::Error)]
#[error("{words}")]
pub(crate) struct Ended {
    code: String,
    exit: u8,
    words: String,
}

/// A failure as programs read it: one shape for every command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Failure {
    /// A stable code: the registry's, a dialect's, or one of `refused`, `used_wrongly`, `unreachable`.
    pub(crate) code: String,
    /// What people are told.
    pub(crate) message: String,
    /// The exit code.
    pub(crate) exit: u8,
}

impl Failure {
    /// What a command failed with.
    pub(crate) fn of(error: &anyhow::Error) -> Self {
        let exit = exit_code(error);
        let own = error.chain().find_map(|cause| {
            let coded = cause.downcast_ref::<Coded>().map(|coded| coded.code.to_owned());
            let coded = coded.or_else(|| cause.downcast_ref::<Ended>().map(|ended| ended.code.clone()));
            coded.or_else(|| cause.downcast_ref::<ClientError>().and_then(ClientError::code).map(str::to_owned))
        });
        let class = match exit {
            2 => "used_wrongly",
            3 => "unreachable",
            _ => "refused",
        };
        Failure { code: own.unwrap_or_else(|| class.to_owned()), message: words(error), exit }
    }
}

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
        if cause.is::<Refused>() || cause.is::<Coded>() || cause.is::<VerifyError>() {
            return 1;
        }
        if let Some(ended) = cause.downcast_ref::<Ended>() {
            return ended.exit;
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
    without_keys(&text)
}

/// The same text without private keys in PEM, wherever they came from: an argument in the wrong place, a line of a settings file.
pub(crate) fn without_keys(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("-----BEGIN ") {
        let (before, from) = rest.split_at(at);
        let label_end = from.get(11..).and_then(|label| label.find("-----"));
        let is_private = label_end.is_none_or(|end| from.get(11..11 + end).is_some_and(|label| label.contains("PRIVATE KEY")));
        out.push_str(before);
        if !is_private {
            let (mark, after) = from.split_at(11);
            out.push_str(mark);
            rest = after;
            continue;
        }
        out.push_str("(a private key, not shown)");
        let end = from.find("-----END ").and_then(|end| Some(end + 9 + from.get(end + 9..)?.find("-----")? + 5));
        rest = end.and_then(|end| from.get(end..)).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

/// Used wrongly, in these words.
pub(crate) fn wrong(words: impl Into<String>) -> anyhow::Error {
    UsedWrongly(words.into()).into()
}

/// The sum of several outcomes, with the code and the exit code of the first failure.
pub(crate) fn ended(code: &str, exit: u8, words: String) -> anyhow::Error {
    Ended { code: code.to_owned(), exit, words }.into()
}

/// Refused, in these words, under a code.
pub(crate) fn refused_as(code: &'static str, words: impl Into<String>) -> anyhow::Error {
    Coded { code, words: words.into() }.into()
}

/// Refused, in these words.
pub(crate) fn refused(words: impl Into<String>) -> anyhow::Error {
    Refused(words.into()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_private_key_is_in_words_and_all_else_stays() {
        for (text, expected) in [
            ("nothing", "nothing"),
            (
                "a -----BEGIN CERTIFICATE-----\nMIIC\n-----END CERTIFICATE----- b",
                "a -----BEGIN CERTIFICATE-----\nMIIC\n-----END CERTIFICATE----- b",
            ),
            ("'-----BEGIN PRIVATE KEY-----\nMC4C\n-----END PRIVATE KEY-----' found", "'(a private key, not shown)' found"),
            ("-----BEGIN PRIVATE KEY-----\nMC4C", "(a private key, not shown)"),
            ("-----BEGIN OPENSSH PRIVATE", "(a private key, not shown)"),
            (
                "x -----BEGIN PUBLIC KEY----- y -----BEGIN EC PRIVATE KEY-----\\nMC4C\\n-----END EC PRIVATE KEY----- z",
                "x -----BEGIN PUBLIC KEY----- y (a private key, not shown) z",
            ),
        ] {
            assert_eq!(without_keys(text), expected);
        }
    }

    #[test]
    fn a_failure_has_the_code_of_its_cause_and_its_exit_code() {
        for (error, code, exit) in [
            (wrong("x"), "used_wrongly", 2),
            (refused("x"), "refused", 1),
            (refused_as("private_key", "x").context("y"), "private_key", 1),
            (ClientError::Unreachable { url: "u".to_owned(), why: "w".to_owned() }.into(), "unreachable", 3),
        ] {
            let failure = Failure::of(&error);
            assert_eq!((failure.code.as_str(), failure.exit), (code, exit));
        }
    }
}
