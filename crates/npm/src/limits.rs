//! Every bound of this crate in one place, each with its reason; those of unpacking are `archive`'s. They are frozen with this version of
//! the projection (spec/projections/npm.md §9): what is refused, kept and answered follows from them. The last is this program's own.

/// Characters of a native name, scope and slash included: npm's own limit for new packages.
pub const NAME_CHARS: usize = 214;
/// The largest numeric part of a version: JavaScript counts no further, and npm refuses more.
pub const VERSION_NUMBER: u64 = 9_007_199_254_740_991;
/// Bytes of a tarball: four times the largest packages in use; one publish is hashed and read twice.
pub const TARBALL_BYTES: u64 = 256 * 1024 * 1024;
/// Bytes of package.json: a hundred times a long one.
pub const PACKAGE_JSON_BYTES: u64 = 2 * 1024 * 1024;
/// Nesting of package.json or a lock file while it is read.
pub const JSON_DEPTH: usize = 64;
/// Nesting of a field that is kept: the manifest around it adds a few levels, and the model allows 32.
pub const FIELD_DEPTH: usize = 16;
/// Bytes of all that is kept of package.json, in the manifest's encoding: each packument carries it for every version.
pub const NATIVE_BYTES: usize = 256 * 1024;
/// Bytes of a readme that is kept as an object of its own; a longer one stays in the tarball only.
pub const README_BYTES: u64 = 1024 * 1024;
/// Yanked versions that the words of `policyRestrictions` name one by one.
pub const YANKED_NAMED: usize = 20;
/// Results in one page of a search: npm's own upper bound.
pub const SEARCH_PAGE: usize = 250;
/// Words of a search text that count: each is looked for in every row.
pub const SEARCH_WORDS: usize = 8;
/// Bytes of a search text.
pub const SEARCH_TEXT_BYTES: usize = 512;
/// Bytes of a lock file: a tree of a hundred thousand packages.
pub const LOCKFILE_BYTES: usize = 64 * 1024 * 1024;
/// Packages in a lock file.
pub const LOCKFILE_PACKAGES: usize = 200_000;

/// Signatures that a signer remembers: twice ten thousand versions, a few megabytes.
pub const REMEMBERED_SIGNATURES: usize = 32_768;
