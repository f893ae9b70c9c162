//! `--save`: the proof as this program keeps it, and beside it what other people's tools read (spec/saved-proofs.md §4).

use crate::failure::refused;
use deedbox_client::paper::paper;
use deedbox_client::{Proven, SavedProof, Trusted, VerifiedRelease};
use std::path::{Path, PathBuf};

/// Writes `FILE.deedbox-proof` and, with the same beginning, the statement, the tlog-proof and the receipt; gives the files.
pub(super) async fn write(
    trusted: &Trusted,
    saved: &SavedProof,
    release: &VerifiedRelease,
    proven: &Proven,
    path: &Path,
) -> anyhow::Result<Vec<PathBuf>> {
    let paper = paper(trusted, release, proven).await?;
    saved.write(path)?;
    let mut written = vec![path.to_owned()];
    let files = [
        ("statement.cose", paper.statement.as_slice()),
        ("tlog-proof", paper.tlog_proof.as_bytes()),
        ("receipt.cose", paper.receipt.as_slice()),
    ];
    for (ending, bytes) in files {
        let file = beside(path, ending);
        std::fs::write(&file, bytes).map_err(|e| refused(format!("{}: {e}", file.display())))?;
        written.push(file);
    }
    Ok(written)
}

/// `widget.deedbox-proof` → `widget.tlog-proof`; a file with another ending gets the new one after it.
fn beside(path: &Path, ending: &str) -> PathBuf {
    if path.extension().is_some_and(|extension| extension == "deedbox-proof") {
        return path.with_extension(ending);
    }
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_beside_a_proof_begin_as_it_does() {
        assert_eq!(beside(Path::new("a/w-1.0.0.deedbox-proof"), "tlog-proof"), Path::new("a/w-1.0.0.tlog-proof"));
        assert_eq!(beside(Path::new("proof"), "receipt.cose"), Path::new("proof.receipt.cose"));
        assert_eq!(beside(Path::new("w-1.0.0"), "tlog-proof"), Path::new("w-1.0.0.tlog-proof"));
    }
}
