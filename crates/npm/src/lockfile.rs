//! npm's lock files (spec/projections/npm.md §10): what `deedbox verify --lockfile` looks up in the log. Reads
//! package-lock.json and npm-shrinkwrap.json of versions 2 and 3; follows no link and fetches nothing.

use crate::json;
use crate::limits;
use crate::name::PackageName;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use deedbox_model::{PackageId, Sha512Digest, Value};

/// One package that a lock file names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Locked {
    /// Where it is installed: `node_modules/@acme.example/widget`.
    pub path: String,
    /// Its native name.
    pub name: String,
    /// Its id, if its name is a domain's: then this registry's log must know it. Else it is of another registry.
    pub id: Option<PackageId>,
    /// Its version.
    pub version: Option<String>,
    /// From where the lock file takes it.
    pub resolved: Option<String>,
    /// The SHA-512 of its tarball. None where the lock file names only weaker digests, or none.
    pub integrity: Option<Sha512Digest>,
}

/// Why bytes are not a lock file that can be verified.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadLockfile {
    /// More bytes or packages than the limit.
    #[error("the lock file is too large: at most {} bytes and {} packages", limits::LOCKFILE_BYTES, limits::LOCKFILE_PACKAGES)]
    TooLarge,
    /// Not JSON, or of another shape.
    #[error("the lock file cannot be read ({0}): make it again with npm install --package-lock-only")]
    Malformed(String),
    /// An older or newer format.
    #[error("lockfileVersion {0:?} is not supported: make the lock file again with npm install --package-lock-only --lockfile-version 3")]
    Version(Option<i64>),
}

/// Reads a lock file: every package that is installed from a registry, ascending by path. Links, bundled packages and the
/// project itself are left out: they have no tarball of their own.
pub fn read(bytes: &[u8]) -> Result<Vec<Locked>, BadLockfile> {
    if bytes.len() > limits::LOCKFILE_BYTES {
        return Err(BadLockfile::TooLarge);
    }
    let lock = json::read(bytes).map_err(|e| BadLockfile::Malformed(e.to_string()))?;
    match lock.get("lockfileVersion") {
        Some(Value::Int(2 | 3)) => {}
        Some(Value::Int(other)) => return Err(BadLockfile::Version(Some(*other))),
        _ => return Err(BadLockfile::Version(None)),
    }
    let malformed = |why: String| BadLockfile::Malformed(why);
    let packages = lock.get("packages").and_then(Value::as_map).ok_or_else(|| malformed("there is no packages object".to_owned()))?;
    if packages.len() > limits::LOCKFILE_PACKAGES {
        return Err(BadLockfile::TooLarge);
    }
    let mut locked = Vec::new();
    for (path, entry) in packages {
        // Only what lies in a node_modules folder came from elsewhere; the rest are the project and its workspaces.
        let Some((_, in_folder)) = path.rsplit_once("node_modules/") else { continue };
        let is = |key: &str| entry.get(key) == Some(&Value::Bool(true));
        if is("link") || is("inBundle") {
            continue;
        }
        let text = |key: &str| entry.get(key).and_then(Value::as_text).map(str::to_owned);
        // An alias has the package's own name beside the path.
        let name = text("name").unwrap_or_else(|| in_folder.to_owned());
        let integrity = match text("integrity") {
            None => None,
            Some(sri) => strongest(&sri).map_err(|why| malformed(format!("{path}: {why}")))?,
        };
        let id = PackageName::from_native(&name).ok().and_then(|name| name.id().ok());
        locked.push(Locked { path: path.clone(), id, name, version: text("version"), resolved: text("resolved"), integrity });
    }
    Ok(locked)
}

/// The SHA-512 in an integrity string (W3C SRI: digests separated by spaces). Two different ones would let either file pass.
fn strongest(integrity: &str) -> Result<Option<Sha512Digest>, &'static str> {
    let mut found = None;
    for part in integrity.split_ascii_whitespace() {
        let Some(base64) = part.strip_prefix("sha512-") else { continue };
        let base64 = base64.split('?').next().unwrap_or_default();
        let digest = BASE64.decode(base64).ok().and_then(|bytes| Sha512Digest::from_slice(&bytes)).ok_or("a sha512 that is none")?;
        if found.replace(digest).is_some_and(|before| before != digest) {
            return Err("two different sha512 digests");
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sri(byte: u8) -> String {
        format!("sha512-{}", BASE64.encode([byte; 64]))
    }

    #[test]
    fn every_installed_package_is_found_and_nothing_else() {
        let lock = format!(
            r#"{{"name":"app","lockfileVersion":3,"packages":{{
              "":{{"name":"app","version":"1.0.0"}},
              "packages/own":{{"version":"1.0.0"}},
              "node_modules/own":{{"resolved":"packages/own","link":true}},
              "node_modules/@acme.example/widget":{{"version":"1.0.0","resolved":"https://registry.example/npm/@acme.example/widget/-/widget-1.0.0.tgz","integrity":"{}"}},
              "node_modules/a/node_modules/alias":{{"name":"@acme.example/gear","version":"2.0.0","integrity":"sha1-x {}"}},
              "node_modules/left":{{"version":"1.3.0","integrity":"sha1-AAAA"}},
              "node_modules/a/node_modules/inner":{{"version":"1.0.0","inBundle":true}}
            }}}}"#,
            sri(1),
            sri(2)
        );
        let locked = read(lock.as_bytes()).unwrap();
        let seen: Vec<_> = locked.iter().map(|l| (l.name.as_str(), l.id.as_ref().map(PackageId::as_str), l.integrity)).collect();
        assert_eq!(
            seen,
            [
                ("@acme.example/widget", Some("npm:acme.example/widget"), Some(Sha512Digest([1; 64]))),
                ("@acme.example/gear", Some("npm:acme.example/gear"), Some(Sha512Digest([2; 64]))),
                ("left", None, None),
            ]
        );
        assert_eq!(locked[0].version.as_deref(), Some("1.0.0"));
    }

    #[test]
    fn other_files_are_refused_in_words() {
        for (lock, expected) in [
            ("{}", BadLockfile::Version(None)),
            (r#"{"lockfileVersion":1,"dependencies":{}}"#, BadLockfile::Version(Some(1))),
            (r#"{"lockfileVersion":4,"packages":{}}"#, BadLockfile::Version(Some(4))),
        ] {
            assert_eq!(read(lock.as_bytes()), Err(expected));
        }
        let two = format!(r#"{{"lockfileVersion":3,"packages":{{"node_modules/x":{{"integrity":"{} {}"}}}}}}"#, sri(1), sri(2));
        for bad in
            ["", "[]x", r#"{"lockfileVersion":3}"#, r#"{"lockfileVersion":3,"packages":{"node_modules/x":{"integrity":"sha512-x"}}}"#, &two]
        {
            assert!(matches!(read(bad.as_bytes()), Err(BadLockfile::Malformed(_))), "{bad}");
        }
        assert_eq!(read(&vec![b' '; limits::LOCKFILE_BYTES + 1]), Err(BadLockfile::TooLarge));
    }
}
