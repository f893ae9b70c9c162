//! How a store fails (docs/ARCHITECTURE.md, "Ports"). What an error displays may be told to anybody: how the medium fails, and what to do.
//! Paths of this machine, and what its system or SQLite says, are the cause (`source`), which only the operator's log and terminal show,
//! by [`InFull`]. So nobody has to remember it where an answer is made. Never says anything about what is stored.

use std::error::Error;
use std::fmt;
use std::io;

/// How a medium fails, as far as it is anybody's business.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failing {
    /// There is no room left on it.
    Full,
    /// It can be read and not written.
    ReadOnly,
    /// Gone, unreachable, broken.
    Otherwise,
}

impl fmt::Display for Failing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Failing::Full => "the disk is full",
            Failing::ReadOnly => "the disk can be read and not written",
            Failing::Otherwise => "the disk failed",
        })
    }
}

/// What was tried, with its path, and what was said: for the operator.
#[derive(Debug)]
pub struct Details {
    what: String,
    why: String,
}

impl fmt::Display for Details {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what, self.why)
    }
}

impl Error for Details {}

impl Details {
    /// How it shows.
    pub fn why(&self) -> &str {
        &self.why
    }
}

/// A failure of the store, never of what is stored.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The medium failed. What was being done may or may not have happened.
    #[error("{how}")]
    Medium {
        /// In which way.
        how: Failing,
        /// What was tried, and what the medium said.
        #[source]
        details: Details,
    },
    /// Stored bytes are not what their name or length says.
    #[error("something stored is damaged; deedbox fsck names it")]
    Damaged {
        /// What, and how it shows.
        #[source]
        details: Details,
    },
    /// Another process holds the place.
    #[error("the data directory is in use by another process: stop it first, or use another directory")]
    InUse {
        /// Which.
        #[source]
        details: Details,
    },
    /// Nothing was tried, because what was asked cannot be meant: a path that is not valid, a range beyond an object's end,
    /// a batch that goes backwards, a file of another program or of a newer version of this one.
    #[error("what was asked of the store is refused")]
    Refused {
        /// What was asked for, why it cannot be, and what to do.
        #[source]
        details: Details,
    },
    /// An upload's bytes are not those of the digest that it was for.
    #[error("the uploaded bytes have sha256 {found} and size {found_size}, not {expected} and {expected_size}")]
    DigestMismatch {
        /// Hex of what was uploaded.
        found: String,
        /// Its size in bytes.
        found_size: u64,
        /// Hex of what was claimed.
        expected: String,
        /// Its size in bytes.
        expected_size: u64,
    },
    /// The rows are not at the cursor that a batch continues.
    #[error("rows of {projection} are folded up to {found}, not {expected}: another writer is at work")]
    CursorMoved {
        /// The projection.
        projection: String,
        /// Where they are.
        found: u64,
        /// Where the batch thought they were.
        expected: u64,
    },
}

impl StoreError {
    /// A failure of the medium while doing `what`. In which way it fails is read from the system's error, wherever among the causes.
    pub fn medium(what: impl Into<String>, why: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        let why = why.into();
        Self::failing(failing(why.as_ref()), what, why)
    }
    /// A failure of the medium in a way that is known.
    pub fn failing(how: Failing, what: impl Into<String>, why: impl fmt::Display) -> Self {
        StoreError::Medium { how, details: details(what, why) }
    }
    /// A question that cannot be meant.
    pub fn refused(what: impl Into<String>, why: impl fmt::Display) -> Self {
        StoreError::Refused { details: details(what, why) }
    }
    /// Bytes that are not what they should be.
    pub fn damaged(what: impl Into<String>, why: impl fmt::Display) -> Self {
        StoreError::Damaged { details: details(what, why) }
    }
    /// A place that another process holds.
    pub fn in_use(what: impl Into<String>) -> Self {
        StoreError::InUse { details: details(what, "its lock is held") }
    }
    /// In which way the medium fails, if it is the medium.
    pub fn how(&self) -> Option<Failing> {
        match self {
            StoreError::Medium { how, .. } => Some(*how),
            _ => None,
        }
    }
}

fn details(what: impl Into<String>, why: impl fmt::Display) -> Details {
    Details { what: what.into(), why: why.to_string() }
}

/// In which way a medium fails that says this.
pub(crate) fn failing(error: &(dyn Error + 'static)) -> Failing {
    let mut cause = Some(error);
    while let Some(error) = cause {
        let Some(io) = error.downcast_ref::<io::Error>() else {
            cause = error.source();
            continue;
        };
        match io.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => return Failing::Full,
            io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => return Failing::ReadOnly,
            _ => {}
        }
        // One that wraps another one does not name it as its source.
        cause = match io.get_ref() {
            Some(inner) => Some(inner),
            None => io.source(),
        };
    }
    Failing::Otherwise
}

/// An error with all its causes, from the outside in: for the operator's log and terminal, never for an answer.
pub struct InFull<'a>(pub &'a (dyn Error + 'static));

impl fmt::Display for InFull<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_a_medium_fails_is_found_among_the_causes_and_its_words_are_for_the_operator() {
        let full = || io::Error::from_raw_os_error(28);
        for (error, how) in [
            (StoreError::medium("writing /srv/registry/log/checkpoint", full()), Failing::Full),
            (StoreError::medium("writing /srv/registry/log/checkpoint", io::Error::other(full())), Failing::Full),
            (StoreError::medium("locking /srv/registry/lock", io::Error::from_raw_os_error(30)), Failing::ReadOnly),
            (StoreError::medium("making /srv/registry", io::Error::from_raw_os_error(13)), Failing::ReadOnly),
            (StoreError::medium("reading /srv/registry/x", io::Error::from_raw_os_error(5)), Failing::Otherwise),
            (StoreError::medium("reading /srv/registry/x", "it is gone"), Failing::Otherwise),
        ] {
            assert_eq!(error.how(), Some(how));
            assert_eq!(error.to_string(), how.to_string());
            assert!(InFull(&error).to_string().starts_with(&format!("{how}: ")) && InFull(&error).to_string().contains("/srv/registry"));
        }
        for error in [
            StoreError::damaged("/srv/registry/rows.sqlite", "database disk image is malformed"),
            StoreError::refused("/srv/registry/rows.sqlite", "it is another program's"),
            StoreError::in_use("/srv/registry"),
        ] {
            assert!(!error.to_string().contains("/srv") && !error.to_string().contains("malformed"), "{error}");
            assert!(InFull(&error).to_string().contains("/srv/registry"));
        }
    }
}
