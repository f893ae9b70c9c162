//! Every bound of this crate in one place, each with its reason. They are frozen with this version of the
//! projection (spec/projections/maven.md §9): what is refused, kept and answered follows from them. The last two are this program's own.

/// Bytes of `group:artifact`: an id of 255 bytes is longer than the coordinate that it stands for.
pub const NAME_BYTES: usize = 255;
/// Files of one release: programs with a file for each platform and format have a third of it; each adds 200 bytes to a row.
pub const FILES: usize = 512;
/// Bytes of one file: twice the largest jars in use; each is hashed, and the server keeps it.
pub const FILE_BYTES: u64 = 2 * 1024 * 1024 * 1024;
/// Bytes of a file's name: file systems hold 255.
pub const FILE_NAME_BYTES: usize = 255;
/// Bytes of a POM: ten times the longest list of managed dependencies in use.
pub const POM_BYTES: u64 = 4 * 1024 * 1024;
/// Bytes of a plugin descriptor: one that documents hundreds of goals.
pub const PLUGIN_XML_BYTES: u64 = 8 * 1024 * 1024;
/// Bytes of a `maven-metadata.xml` that is read for its order: that of a hundred thousand versions.
pub const METADATA_BYTES: usize = 4 * 1024 * 1024;
/// Nesting of elements: plugin settings go to fifteen.
pub const XML_DEPTH: usize = 64;
/// Bytes of one text that is kept of an element: longer than all that are shown.
pub const XML_TEXT_BYTES: usize = 16 * 1024;
/// Bytes of a plugin's name and prefix in group metadata.
pub const PLUGIN_NAME_BYTES: usize = 255;
/// Digits of a build number: Maven reads it as a 32-bit number.
pub const BUILD_NUMBER_DIGITS: usize = 9;

/// Bytes of a refusal's words, which repeat what a hostile file says: a screen of them.
pub const REFUSAL_BYTES: usize = 2_000;
/// Characters of a path that a refusal shows: two lines of a terminal.
pub const SHOWN_PATH_CHARS: usize = 200;
