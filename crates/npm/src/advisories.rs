//! Queries for advisories (spec/projections/npm.md §8). The log of protocol 1 holds none, so this registry does not
//! know: it says so as an error. "0 vulnerabilities" would be a promise that nobody made.

/// The status: there is nothing here to ask. npm prints the words and fails, without "0 vulnerabilities"; pnpm says in
/// its own words that the registry has no audit. A 5xx status would make pnpm try again for more than two minutes.
pub(crate) const STATUS: u16 = 404;

/// What `npm audit` prints.
pub(crate) const WORDS: &str =
    "This registry holds no advisories, so it cannot say whether these packages have known weaknesses: ask a source that holds some";
