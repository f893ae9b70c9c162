//! Key files: an Ed25519 key as PKCS #8 in PEM (RFC 5958, RFC 7468), readable by its owner only.

use crate::failure::{refused, wrong};
use deedbox_model::SecretKey;
use std::io::{Read as _, Write as _};
use std::path::Path;

/// A key file has some 120 bytes.
const KEY_BYTES: u64 = 4_096;

/// Makes a key and writes it where nothing is yet.
pub(crate) fn make(path: &Path) -> anyhow::Result<SecretKey> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|e| refused(format!("this machine gives no randomness: {e}")))?;
    let key = SecretKey::from_seed(&seed);
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        std::fs::create_dir_all(parent).map_err(|e| refused(format!("{}: {e}", parent.display())))?;
    }
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path).map_err(|e| match e.kind() {
        std::io::ErrorKind::AlreadyExists => {
            refused(format!("{} is there already, and a key is never overwritten: name another file with --out", path.display()))
        }
        _ => refused(format!("{}: {e}", path.display())),
    })?;
    file.write_all(key.to_pem().as_bytes()).and_then(|()| file.sync_all()).map_err(|e| refused(format!("{}: {e}", path.display())))?;
    Ok(key)
}

/// Reads a key file.
pub(crate) fn read(path: &Path) -> anyhow::Result<SecretKey> {
    let file = std::fs::File::open(path).map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => {
            wrong(format!("there is no key at {}: make one with deedbox keygen, or name yours with --key", path.display()))
        }
        _ => wrong(format!("{}: {e}", path.display())),
    })?;
    #[cfg(unix)]
    {
        let metadata = file.metadata().map_err(|e| wrong(format!("{}: {e}", path.display())))?;
        if std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o077 != 0 {
            return Err(refused(format!("others may read or write {}: chmod 600 it, and think about who has read it", path.display())));
        }
    }
    let mut pem = String::new();
    file.take(KEY_BYTES).read_to_string(&mut pem).map_err(|e| wrong(format!("{}: {e}", path.display())))?;
    SecretKey::from_pem(&pem)
        .ok_or_else(|| wrong(format!("{} holds no Ed25519 key in PKCS #8: make one with deedbox keygen", path.display())))
}
