//! Every bound of this crate in one place, each with its reason. They are frozen with the projections whose artifacts are read here
//! (spec/projections/npm.md §9, maven.md §9, gem.md §9).

/// Bytes that an archive may unpack to: a few seconds of one core, and a small disk still holds it.
pub const UNPACKED_BYTES: u64 = 1024 * 1024 * 1024;
/// Members of an archive: the largest icon packages have a third of it.
pub const MEMBERS: u64 = 100_000;
/// Bytes of one member's path: every file system in use can hold it below some folder.
pub const PATH_BYTES: usize = 1_024;
/// Folders in one member's path: a deep path costs memory in the square of its depth.
pub const PATH_SEGMENTS: usize = 64;
/// Bytes of all names kept to find members that collide: what one inspection may hold in memory for it.
pub const INDEX_BYTES: usize = 64 * 1024 * 1024;
/// Bytes of one pax or GNU long-name header: a path and a few attributes fit many times.
pub const EXTENSION_BYTES: u64 = 16 * 1024;
/// Bytes of one name: what ext4, NTFS and APFS hold.
pub const SEGMENT_BYTES: usize = 255;
/// Members of a zip: the largest jars that hold all of a program have half of it.
pub const ZIP_MEMBERS: u64 = 262_144;
/// Bytes of a zip's central directory: what one inspection holds in memory.
pub const ZIP_DIRECTORY_BYTES: u64 = 64 * 1024 * 1024;
/// Bytes of one member's name in a zip: what Linux takes as a path.
pub const ZIP_NAME_BYTES: usize = 4_096;
