//! What the file system says of a file.

use crate::objects::to_ms;
use std::fs::Metadata;
use std::io;

/// Whether a failure says that there is no such file.
pub(super) fn absent(e: &io::Error) -> bool {
    e.kind() == io::ErrorKind::NotFound
}

/// When it was written last, in Unix milliseconds; 0 where that is not known.
pub(super) fn modified_ms(found: &Metadata) -> u64 {
    found.modified().map_or(0, to_ms)
}
