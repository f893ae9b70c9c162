//! Files of the user's, read whole and never more of them than is meant.

use crate::failure::{refused, wrong};
use std::path::Path;

/// A file, whole, at most so many bytes.
pub(crate) fn read_file(path: &Path, limit: u64) -> anyhow::Result<Vec<u8>> {
    let file = |e: std::io::Error| wrong(format!("{}: {e}", path.display()));
    if std::fs::metadata(path).map_err(file)?.len() > limit {
        return Err(refused(format!("{} has more than {limit} bytes", path.display())));
    }
    std::fs::read(path).map_err(file)
}
