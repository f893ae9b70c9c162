//! Queries for advisories (spec/projections/npm.md §8). The log of protocol 1 holds none, so this registry does not
//! know: it says so as an error. "0 vulnerabilities" would be a promise that nobody made.

/// The status: the question is understood, and there is nothing behind it (RFC 9110 §15.6.2).
pub(crate) const STATUS: u16 = 501;

/// What `npm audit` prints.
pub(crate) const WORDS: &str = "This registry holds no advisories, so it cannot say whether these packages have known weaknesses. Ask a source that has some, with --audit-level left as it is";
