//! The keys of a registry and its fixed name: made at the first start, read at every later one, never replaced.
//!
//! ```text
//! <data>/keys/operator.pem, log.pem, receipt.pem    Ed25519, PKCS #8
//! <data>/keys/<projection>.pem                      P-256, PKCS #8: for what only this site signs
//! <data>/registry.json                              {"origin": "registry.example"}: written last
//! ```
//!
//! A crash between two of them leaves keys that nothing was signed with; the next start takes them.

use crate::error::OpenError;
use crate::limits::KEY_FILE_BYTES;
use deedbox_model::{Origin, SecretKey, pem};
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// PKCS #8 version 1 of a P-256 key, up to its 32 bytes (RFC 5958 §2, RFC 5480 §2.1.1, RFC 5915 §3): what the clients of today check is
/// signed with such a key.
const P256_PKCS8: [u8; 35] = [
    0x30, 0x41, 0x02, 0x01, 0x00, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x04, 0x27, 0x30, 0x25, 0x02, 0x01, 0x01, 0x04, 0x20,
];

/// The keys with which a registry speaks.
pub(crate) struct RegistryKeys {
    pub(crate) operator: SecretKey,
    pub(crate) log: SecretKey,
    pub(crate) receipt: SecretKey,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RegistryFile {
    origin: Origin,
}

/// Reads the origin of an existing registry.
pub(crate) fn read_origin(data: &Path) -> Result<Option<Origin>, OpenError> {
    let path = data.join("registry.json");
    let Some(bytes) = read(&path)? else { return Ok(None) };
    let file: RegistryFile =
        serde_json::from_str(&bytes).map_err(|e| OpenError::file(&path, format!("it is not the name of a registry ({e})")))?;
    Ok(Some(file.origin))
}

/// Fixes the origin of a new registry, for ever.
pub(crate) fn write_origin(data: &Path, origin: &Origin) -> Result<(), OpenError> {
    let path = data.join("registry.json");
    let mut text = serde_json::to_string(&RegistryFile { origin: origin.clone() }).map_err(|e| OpenError::file(&path, e))?;
    text.push('\n');
    create(&path, &text)
}

impl RegistryKeys {
    /// Reads them; makes those that are missing where it `may_make` them: for a log that is new.
    pub(crate) fn open(data: &Path, may_make: bool) -> Result<Self, OpenError> {
        let dir = folder(data, may_make)?;
        let key = |name: &str| -> Result<SecretKey, OpenError> {
            let path = dir.join(format!("{name}.pem"));
            match read(&path)? {
                Some(pem) => SecretKey::from_pem(&pem).ok_or_else(|| OpenError::file(&path, "it holds no Ed25519 key in PKCS #8")),
                None if may_make => {
                    let key = SecretKey::from_seed(&random(&path)?);
                    create(&path, &key.to_pem())?;
                    Ok(key)
                }
                None => Err(OpenError::file(&path, "this registry's key is missing: restore it from a backup of the keys")),
            }
        };
        Ok(RegistryKeys { operator: key("operator")?, log: key("log")?, receipt: key("receipt")? })
    }
}

/// The P-256 scalar of a site's signing key, drawn until `take` takes it, once. A site may make a new one: it signs nothing that the log
/// holds. So one that is missing is made for this start alone where nothing may be written, or nothing can be.
pub(crate) fn site_key<T>(data: &Path, name: &str, may_write: bool, take: impl Fn(&[u8; 32]) -> Option<T>) -> Result<T, OpenError> {
    let path = folder(data, may_write)?.join(format!("{name}.pem"));
    if let Some(text) = read(&path)? {
        let taken = site_scalar(&text).and_then(|scalar| take(&scalar));
        return taken
            .ok_or_else(|| OpenError::file(&path, "it holds no P-256 key as this registry writes one: PKCS #8 without a public key"));
    }
    // A draw is refused about once in 2^32; who refuses eight never takes one.
    for _ in 0..8 {
        let scalar = random(&path)?;
        if let Some(taken) = take(&scalar) {
            let kept = if may_write { create(&path, &site_pem(&scalar)) } else { Ok(()) };
            if let Err(error) = kept {
                tracing::warn!(%error, "a key of this site could not be kept: the next start makes another");
            }
            return Ok(taken);
        }
    }
    Err(OpenError::file(&path, "no key could be made"))
}

fn site_pem(scalar: &[u8; 32]) -> String {
    pem::of_private_key(&[&P256_PKCS8[..], scalar].concat())
}

fn site_scalar(text: &str) -> Option<[u8; 32]> {
    pem::private_key(text)?.strip_prefix(&P256_PKCS8)?.try_into().ok()
}

/// Where the keys are; made where that may be.
fn folder(data: &Path, may_write: bool) -> Result<PathBuf, OpenError> {
    let dir = data.join("keys");
    if !may_write {
        return Ok(dir);
    }
    fs::DirBuilder::new().recursive(true).mode(0o700).create(&dir).map_err(|e| OpenError::file(&dir, e))?;
    Ok(dir)
}

fn random(path: &Path) -> Result<[u8; 32], OpenError> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|e| OpenError::file(path, format!("no randomness: {e}")))?;
    Ok(seed)
}

fn read(path: &Path) -> Result<Option<String>, OpenError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(OpenError::file(path, e)),
    };
    let metadata = file.metadata().map_err(|e| OpenError::file(path, e))?;
    if path.extension().is_some_and(|e| e == "pem") && metadata.permissions().mode() & 0o077 != 0 {
        return Err(OpenError::file(path, "others may read or write this key: chmod 600 it, and think about who has read it"));
    }
    let mut text = String::new();
    file.take(KEY_FILE_BYTES).read_to_string(&mut text).map_err(|e| OpenError::file(path, e))?;
    Ok(Some(text))
}

/// Writes a file that was not there, whole and durable: a crash before the rename leaves a temporary name.
fn create(path: &Path, text: &str) -> Result<(), OpenError> {
    let failed = |e: io::Error| OpenError::file(path, e);
    let temporary = path.with_extension("new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary).map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)?;
    file.sync_all().map_err(failed)?;
    fs::rename(&temporary, path).map_err(failed)?;
    if let Some(folder) = path.parent() {
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_that_may_write_nothing_makes_no_key_and_no_folder() {
        let data = tempfile::TempDir::new().unwrap();
        let nothing = || std::fs::read_dir(data.path()).unwrap().next().is_none();
        assert_eq!(site_key(data.path(), "npm", false, |scalar| Some(scalar.len())).unwrap(), 32);
        assert!(RegistryKeys::open(data.path(), false).is_err());
        assert!(nothing());
        let kept = site_key(data.path(), "npm", true, |scalar| Some(*scalar)).unwrap();
        assert_eq!(site_key(data.path(), "npm", false, |scalar| Some(*scalar)).unwrap(), kept);
    }

    #[test]
    fn a_site_key_is_read_as_it_was_written_and_nothing_else_is_one() {
        let pem = site_pem(&[7; 32]);
        assert!(pem.lines().all(|line| line.len() <= 64), "{pem}");
        assert_eq!(site_scalar(&pem), Some([7; 32]));
        assert_eq!(site_scalar(&pem.replace('\n', "\r\n")), Some([7; 32]));
        for other in [pem.replace("PRIVATE", "PUBLIC"), SecretKey::from_seed(&[7; 32]).to_pem(), pem.repeat(2), String::new()] {
            assert_eq!(site_scalar(&other), None, "{other}");
        }
    }
}
