//! Every bound of this crate in one place, each with its reason; those of unpacking are `archive`'s. They are frozen with this version of
//! the projection (spec/projections/gem.md §9): what is refused, kept and answered follows from them.

/// Characters of a gem's name: file names hold it with a version and a platform.
pub const NAME_CHARS: usize = 100;
/// Characters of a platform.
pub const PLATFORM_CHARS: usize = 64;
/// Bytes of one `.gem`: as npm's tarballs; one publish is hashed and read twice.
pub const GEM_BYTES: u64 = 256 * 1024 * 1024;
/// `.gem` files of one release: more platforms than Ruby is built for.
pub const FILES: usize = 64;
/// Members of a `.gem` itself: three, and their signatures.
pub const GEM_MEMBERS: u64 = 16;
/// Bytes of metadata.gz or checksums.yaml.gz, packed.
pub const METADATA_PACKED_BYTES: u64 = 1024 * 1024;
/// Bytes of a gem's metadata, unpacked: its list of files is the long part, and a hundred bytes each make twenty thousand.
pub const METADATA_BYTES: u64 = 2 * 1024 * 1024;
/// Nesting of YAML: what RubyGems writes needs six.
pub const YAML_DEPTH: usize = 16;
/// Nodes of YAML: each costs some hundred bytes of memory.
pub const YAML_NODES: usize = 100_000;
/// Bytes of one line of `/info`: a thousand dependencies fit, and a piece of the index stays small.
pub const INFO_LINE_BYTES: usize = 8 * 1024;
/// Bytes of all that is kept of a release's metadata, in the manifest's encoding.
pub const NATIVE_BYTES: usize = 256 * 1024;
/// Bytes at which a piece of an index is full and the next one begins: what each event rewrites.
pub const PIECE_BYTES: u64 = 16 * 1024;
/// Pieces of one package's `/info`: a yank reads all of them, and no fold may read more than a thousand rows.
pub const INFO_PIECES: u64 = 998;
/// Pieces of one domain's `/versions` that one answer is made of: 64 MiB.
pub const VERSIONS_PIECES: u64 = 4_096;
/// Bytes of release rows that one JSON answer is made of: decoded, and again as JSON, they are several times as many. Four
/// thousand versions of four kilobytes each fit.
pub const API_ROWS_BYTES: usize = 16 * 1024 * 1024;
/// Rows of one round of reading: pieces are larger than other rows.
pub const SCAN_ROWS: u32 = 1_000;
/// Readings of one file name as name, version and platform that are looked for.
pub const READINGS: usize = 16;
/// Bytes of a readme that is kept as an object of its own.
pub const README_BYTES: u64 = 1024 * 1024;
/// Results of one search.
pub const SEARCH_PAGE: usize = 30;
/// Characters of a search text.
pub const SEARCH_TEXT_CHARS: usize = 512;
