//! How a store fails: in words that say what was tried and what to do (docs/ARCHITECTURE.md, "Ports"). Never says
//! anything about what is stored.

/// A failure of the store, never of what is stored.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The medium failed: full, gone, unreachable. What was being done may or may not have happened.
    #[error("{what}: {why}")]
    Medium {
        /// What was tried, with the path or key.
        what: String,
        /// What the medium said.
        why: String,
    },
    /// Stored bytes are not what their name or length says.
    #[error("{what} is damaged: {why}; run deedbox fsck")]
    Damaged {
        /// What.
        what: String,
        /// How it shows.
        why: String,
    },
    /// Another process holds the place.
    #[error("{0} is in use by another process: stop it first, or use another directory")]
    InUse(String),
    /// Nothing was tried, because what was asked cannot be meant: a path that is none, a range beyond an object's end,
    /// a batch that goes backwards, a file of another program or of a newer version of this one.
    #[error("{what} is refused: {why}")]
    Refused {
        /// What was asked for.
        what: String,
        /// Why it cannot be, and what to do.
        why: String,
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
    /// A failure of the medium while doing `what`.
    pub fn medium(what: impl Into<String>, why: impl std::fmt::Display) -> Self {
        StoreError::Medium { what: what.into(), why: why.to_string() }
    }
    /// A question that cannot be meant.
    pub fn refused(what: impl Into<String>, why: impl std::fmt::Display) -> Self {
        StoreError::Refused { what: what.into(), why: why.to_string() }
    }
    /// Bytes that are not what they should be.
    pub fn damaged(what: impl Into<String>, why: impl std::fmt::Display) -> Self {
        StoreError::Damaged { what: what.into(), why: why.to_string() }
    }
}
