//! Where this machine keeps what it knows: a folder for each registry's address, with the pin and the proofs, and one for each log
//! (its name and key), with the last verified checkpoint and the evidence of alarms. A log that is served at two addresses has one
//! memory. Files are replaced whole; a crash leaves the old one or the new one.

use crate::error::ClientError;
use crate::http::RegistryUrl;
use deedbox_model::{Domain, KeyId, Sha256Digest};
use deedbox_tlog::VerifierKey;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// The folder of all registries.
#[derive(Debug, Clone)]
pub struct Home(PathBuf);

/// The folder of one registry's address.
#[derive(Debug, Clone)]
pub struct Place(PathBuf);

/// The folder of one log, at whatever addresses it is served.
#[derive(Debug, Clone)]
pub struct LogPlace(PathBuf);

impl Home {
    /// This folder; made when something is written.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Home(path.into())
    }
    /// The folder.
    pub fn path(&self) -> &Path {
        &self.0
    }
    /// What is known about the registry at an address.
    pub fn registry(&self, url: &RegistryUrl) -> Place {
        Place(self.0.join("registries").join(folder(&url.authority(), url.as_str())))
    }
    /// What is known about the log of this name and key.
    pub fn log(&self, key: &VerifierKey) -> LogPlace {
        LogPlace(self.0.join("logs").join(folder(key.name().as_str(), &key.to_string())))
    }
    /// The folders of all registries that something is kept of.
    pub fn registries(&self) -> Result<Vec<Place>, ClientError> {
        let dir = self.0.join("registries");
        let entries = match std::fs::read_dir(&dir) {
            Ok(entries) => entries,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(ClientError::file(&dir, e)),
        };
        Ok(entries.filter_map(|entry| entry.ok().map(|entry| Place(entry.path()))).collect())
    }
}

/// The name of a folder: a readable part, which may be the same for two, and a digest, which is not.
fn folder(readable: &str, exact: &str) -> String {
    let readable: String =
        readable.chars().map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-') { c } else { '_' }).take(80).collect();
    let digest: String = Sha256Digest::of(exact.as_bytes()).to_hex().chars().take(12).collect();
    format!("{readable}-{digest}")
}

impl Place {
    /// The folder.
    pub fn path(&self) -> &Path {
        &self.0
    }
    /// The pin.
    pub fn pin(&self) -> PathBuf {
        self.0.join("pin.json")
    }
    /// The claimant's half of a claim that is under way.
    pub fn acceptance(&self, domain: &Domain, key: &KeyId) -> PathBuf {
        let key: String = key.to_hex().chars().take(16).collect();
        self.0.join("claims").join(format!("{domain}-{key}.acceptance"))
    }
    /// Saved proofs.
    pub fn proofs(&self) -> PathBuf {
        self.0.join("proofs")
    }
}

impl LogPlace {
    /// The last verified checkpoint, as it was signed.
    pub fn checkpoint(&self) -> PathBuf {
        self.0.join("checkpoint")
    }
    /// Holders of domains who were accepted.
    pub fn tenures(&self) -> PathBuf {
        self.0.join("tenures")
    }
    /// Evidence of alarms.
    pub fn evidence(&self) -> PathBuf {
        self.0.join("evidence")
    }
}

/// Reads a file of at most `limit` bytes; none if it is not there.
pub(crate) fn read(path: &Path, limit: u64) -> Result<Option<Vec<u8>>, ClientError> {
    let stat = match std::fs::metadata(path) {
        Ok(stat) => stat,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(ClientError::file(path, e)),
    };
    if stat.len() > limit {
        return Err(ClientError::file(path, format!("{} bytes are too many: at most {limit}", stat.len())));
    }
    std::fs::read(path).map(Some).map_err(|e| ClientError::file(path, e))
}

/// Replaces a file whole, making its folder.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), ClientError> {
    let parent = path.parent().unwrap_or_else(|| Path::new("."));
    std::fs::create_dir_all(parent).map_err(|e| ClientError::file(parent, e))?;
    clear_cut_off(parent);
    let mut file = tempfile::NamedTempFile::new_in(parent).map_err(|e| ClientError::file(parent, e))?;
    file.write_all(bytes).and_then(|()| file.as_file().sync_all()).map_err(|e| ClientError::file(path, e))?;
    file.persist(path).map_err(|e| ClientError::file(path, e.error))?;
    Ok(())
}

/// Removes what commands that were killed were writing here, a day ago or before: `.tmpAbCdEf`. What cannot be removed does no harm.
fn clear_cut_off(folder: &Path) {
    const ENTRIES: usize = 1_000;
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten().take(ENTRIES) {
        let is_ours = entry.file_name().to_str().is_some_and(|name| name.len() == 10 && name.starts_with(".tmp"));
        let age = entry.metadata().ok().filter(|found| is_ours && found.is_file()).and_then(|found| found.modified().ok()?.elapsed().ok());
        if age.is_some_and(|age| age > std::time::Duration::from_secs(24 * 60 * 60)) {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_command_was_writing_is_removed_when_it_is_old() {
        let dir = tempfile::tempdir().unwrap();
        let old = std::time::SystemTime::now() - std::time::Duration::from_secs(25 * 60 * 60);
        for (name, is_old) in [(".tmpAbCdEf", true), (".tmpGhIjKl", false), ("pin.json", true), (".tmp", true)] {
            let file = std::fs::File::create(dir.path().join(name)).unwrap();
            if is_old {
                file.set_modified(old).unwrap();
            }
        }
        write(&dir.path().join("checkpoint"), b"1").unwrap();
        let mut left: Vec<_> = std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, [".tmp", ".tmpGhIjKl", "checkpoint", "pin.json"]);
    }

    #[test]
    fn two_addresses_have_two_folders() {
        let home = Home::at("/h");
        let place = |url: &str| home.registry(&RegistryUrl::parse(url).unwrap()).path().to_owned();
        assert_eq!(place("http://127.0.0.1:8417"), place("http://127.0.0.1:8417/"));
        assert_ne!(place("http://127.0.0.1:8417"), place("https://127.0.0.1:8417"));
        assert_ne!(place("http://127.0.0.1:8417"), place("http://127.0.0.1:8417/a"));
    }

    #[test]
    fn what_is_written_is_read_and_too_much_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b");
        assert!(read(&path, 10).unwrap().is_none());
        write(&path, b"0123456789").unwrap();
        assert_eq!(read(&path, 10).unwrap().unwrap(), b"0123456789");
        assert!(read(&path, 9).is_err());
    }
}
