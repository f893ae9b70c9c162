//! Every file of a data directory, for fsck. Reads names, sizes and times, never a file. Follows no link.

use super::place::blocking;
use super::stat::modified_ms;
use crate::error::StoreError;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A file, or what else is not a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundFile {
    /// Relative to the data directory, with slashes; what is not UTF-8 is replaced.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// Unix milliseconds by the medium's clock.
    pub modified_ms: u64,
    /// Whether it is a file, and not a link, a socket or the like.
    pub is_file: bool,
}

/// Tells `seen` of every file below a folder of a data directory, a folder at a time, each in the order of its names. `folder` is
/// relative; empty for all. What goes away meanwhile is left out.
pub(crate) async fn files_of(data: &Path, folder: &str, mut seen: impl FnMut(FoundFile)) -> Result<(), StoreError> {
    let root = data.to_owned();
    let mut folders: Vec<PathBuf> = vec![PathBuf::from(folder)];
    while let Some(folder) = folders.pop() {
        let root = root.clone();
        let (found, below) = blocking(move || list(&root, &folder)).await?;
        found.into_iter().for_each(&mut seen);
        folders.extend(below.into_iter().rev());
    }
    Ok(())
}

fn list(root: &Path, folder: &Path) -> Result<(Vec<FoundFile>, Vec<PathBuf>), StoreError> {
    let at = root.join(folder);
    let failed = |e: io::Error| StoreError::medium(format!("listing {}", at.display()), e);
    let (mut found, mut below) = (Vec::new(), Vec::new());
    let entries = match fs::read_dir(&at) {
        Ok(entries) => entries,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok((found, below)),
        Err(e) => return Err(failed(e)),
    };
    for entry in entries {
        let entry = entry.map_err(failed)?;
        let path = folder.join(entry.file_name());
        // Of a link, this is the link's own.
        let metadata = match entry.metadata() {
            Ok(metadata) => metadata,
            Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
            Err(e) => return Err(failed(e)),
        };
        if metadata.is_dir() {
            below.push(path);
            continue;
        }
        found.push(FoundFile {
            path: path.to_string_lossy().into_owned(),
            size: metadata.len(),
            modified_ms: modified_ms(&metadata),
            is_file: metadata.is_file(),
        });
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    below.sort();
    Ok((found, below))
}
