//! Where a key comes from: a file with an Ed25519 key as PKCS #8 in PEM (RFC 5958, RFC 7468), readable by its owner only; the same text in a
//! variable; or an ssh-agent that keeps one. A key that was given is never in a message.

use crate::failure::{refused, wrong};
use deedbox_model::{NotSigned, PublicKey, SecretKey, Signer};
use std::ffi::OsString;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

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

/// A key as somebody gave it, by `--key`, `DEEDBOX_KEY` or `--operator-key`: where its file is, or the file's text, as the secrets of a CI
/// job come. Never shown, since whatever was given may be the key itself.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct KeyGiven(OsString);

impl From<OsString> for KeyGiven {
    fn from(given: OsString) -> Self {
        KeyGiven(given)
    }
}

impl From<PathBuf> for KeyGiven {
    fn from(path: PathBuf) -> Self {
        KeyGiven(path.into_os_string())
    }
}

impl std::fmt::Debug for KeyGiven {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeyGiven(not shown)")
    }
}

impl KeyGiven {
    /// The file that is named; none if it is a key itself.
    pub(crate) fn path(&self) -> Option<&Path> {
        (!self.is_text()).then(|| Path::new(&self.0))
    }

    /// The key, here or in an ssh-agent.
    pub(crate) fn find(&self, how: &str) -> anyhow::Result<Key> {
        #[cfg(unix)]
        if let Some(name) = self.in_agent() {
            return crate::ssh_agent::AgentKey::find(name).map(Key::Agent);
        }
        self.read(how).map(Key::Secret)
    }

    /// Which key of an ssh-agent is meant, if one is: `ssh-agent` or `ssh-agent:NAME`.
    #[cfg(unix)]
    fn in_agent(&self) -> Option<Option<&str>> {
        let name = self.0.to_str()?.strip_prefix("ssh-agent")?;
        if name.is_empty() { Some(None) } else { Some(Some(name.strip_prefix(':')?)) }
    }

    /// The key. `how` is how it was given: `--key or DEEDBOX_KEY`.
    pub(crate) fn read(&self, how: &str) -> anyhow::Result<SecretKey> {
        if self.is_text() {
            return self.pem().and_then(|pem| SecretKey::from_pem(&pem)).ok_or_else(|| {
                wrong(format!("{how} holds PEM text that is not an Ed25519 key in PKCS #8: give it all lines of the file that keygen made"))
            });
        }
        let path = Path::new(&self.0);
        if std::fs::symlink_metadata(path).is_err() {
            return Err(wrong(format!(
                "{how} names a file that is not there (it is not shown here, since it may be a key): give the path of a key file or its whole \
                 text; deedbox keygen makes one"
            )));
        }
        read(path)
    }

    fn is_text(&self) -> bool {
        self.0.to_string_lossy().contains("-----BEGIN ")
    }

    /// The text of a key file, if that is what was given. A secret that went through JSON or a settings page may have its line breaks as
    /// `\n`, as CR LF, or as spaces.
    fn pem(&self) -> Option<String> {
        let text = self.0.to_str()?.trim();
        let text = text.trim_matches(['"', '\'']);
        let text = text.starts_with("-----BEGIN ").then(|| text.replace("\\r", "").replace("\\n", "\n").replace('\r', ""))?;
        let label = text.get(11..)?.find("-----")? + 11 + 5;
        let end = text.rfind("-----END ").filter(|end| *end >= label)?;
        let (first, body, last) = (text.get(..label)?, text.get(label..end)?, text.get(end..)?);
        let body: Vec<&str> = body.split_whitespace().collect();
        Some(format!("{first}\n{}\n{}\n", body.join("\n"), last.trim_end()))
    }
}

/// A key that signs: here, or with somebody who keeps it.
pub(crate) enum Key {
    /// Here.
    Secret(SecretKey),
    /// In an ssh-agent.
    #[cfg(unix)]
    Agent(crate::ssh_agent::AgentKey),
}

impl Key {
    /// The key itself, where it is here.
    pub(crate) fn secret(&self) -> Option<&SecretKey> {
        match self {
            Key::Secret(key) => Some(key),
            #[cfg(unix)]
            Key::Agent(_) => None,
        }
    }

    fn signer(&self) -> &dyn Signer {
        match self {
            Key::Secret(key) => key,
            #[cfg(unix)]
            Key::Agent(key) => key,
        }
    }
}

impl Signer for Key {
    fn public(&self) -> PublicKey {
        self.signer().public()
    }
    fn sign(&self, message: &[u8]) -> Result<[u8; 64], NotSigned> {
        self.signer().sign(message)
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_from_text_however_its_lines_are_broken() {
        let key = SecretKey::from_seed(&[9; 32]);
        let pem = key.to_pem();
        for text in [
            pem.clone(),
            pem.trim_end().to_owned(),
            format!("  {pem}\n\n"),
            pem.replace('\n', "\r\n"),
            pem.replace('\n', "\\n"),
            pem.replace('\n', "\\r\\n"),
            pem.replace('\n', " "),
            format!("\"{}\"", pem.replace('\n', "\\n")),
        ] {
            let read = KeyGiven::from(OsString::from(&text)).read("--key");
            assert_eq!(read.unwrap().public(), key.public(), "{text:?}");
        }
    }

    #[test]
    fn what_was_given_as_a_key_is_in_no_message_and_no_debug_form() {
        let pem = SecretKey::from_seed(&[9; 32]).to_pem();
        let body = pem.lines().nth(1).unwrap().to_owned();
        let mut broken = pem.clone();
        broken.truncate(pem.len() - 40);
        for text in [
            body.clone(),
            broken,
            pem.replace("PRIVATE KEY", "RSA PRIVATE KEY"),
            pem.replace("MC4", "MC5"),
            format!("-----BEGIN PRIVATE KEY-----{body}"),
            format!("{body}{}", "A".repeat(5_000)),
        ] {
            let given = KeyGiven::from(OsString::from(&text));
            let words = format!("{given:?} {:#}", given.read("--key or DEEDBOX_KEY").unwrap_err());
            assert!(!words.contains(&body[20..40]) && words.contains("--key or DEEDBOX_KEY"), "{words}");
        }
    }
}
