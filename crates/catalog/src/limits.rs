//! Every bound of this crate in one place, each with its reason. They are frozen with this version of the
//! projection (spec/projections/catalog.md §1, §3): what is refused, kept and answered follows from them.

/// Artifacts in a release row; the manifest has all of them. Keeps a row far below what a scan of many can carry.
pub const ARTIFACTS_SHOWN: usize = 50;
/// Bytes of a description, a home page or a repository in a row: what a list of packages shows.
pub const TEXT_BYTES: usize = 512;
/// Bytes of a licence in a row: a long SPDX expression fits.
pub const LICENCE_BYTES: usize = 128;
/// Keywords in a row.
pub const KEYWORDS: usize = 16;
/// Bytes of a keyword in a row.
pub const KEYWORD_BYTES: usize = 64;
/// Words under which a package is found: each is a row that a changed description may rewrite.
pub const WORDS: usize = 32;
/// Bytes of one word in a row key: room for it, two slashes and an id in `ROW_KEY_BYTES`.
pub const WORD_BYTES: usize = 48;

/// Releases in a package's answer; `?view=versions` has all.
pub const RELEASES_SHOWN: u32 = 20;
/// Channels in a package's answer; `?view=channels` has all.
pub const CHANNELS_SHOWN: u32 = 100;
/// Rows that one round of a release's answer reads to find the channels that point at it.
pub const CHANNEL_SCAN: u32 = 5_000;
/// Rounds after which a release's answer says that its list of channels is not complete: 50,000 channels.
pub const CHANNEL_ROUNDS: u32 = 11;

/// Items of a list where nothing is asked for.
pub const LIST_DEFAULT: u32 = 50;
/// Items of a list of small rows: one screen of a program, one answer below a megabyte.
pub const LIST_MAX: u32 = 500;
/// Releases in one answer: their rows are the largest.
pub const VERSIONS_MAX: u32 = 100;
/// Results of a search in one answer.
pub const SEARCH_MAX: u32 = 100;
/// Results of a search where nothing is asked for.
pub const SEARCH_DEFAULT: u32 = 20;
/// Bytes of what is searched for: a sentence.
pub const QUERY_BYTES: usize = 256;
/// Words in one search: each is one scan.
pub const QUERY_WORDS: usize = 6;
/// Rows that are looked at for one word of a search.
pub const SEARCH_SCAN: u32 = 3_000;
