//! What must not be in an artifact that is public for ever: the key that signs it, other private keys (PEM, OpenSSH, PGP, PuTTY), and
//! tokens by their usual shapes (docs/guides/publish.md, "Secrets"). An artifact is read as a stream, archives inside archives too,
//! within bounds. It is the publisher's machine that looks, before anything is sent. No value of a secret is ever kept or said: a
//! finding is a path, a line and a kind.

mod ahead;
mod archives;
mod needles;
mod pem;
mod scan;

use deedbox_model::SecretKey;
use needles::Needles;
use std::io::Read;

/// What separates an archive from a path inside it.
pub(crate) const INSIDE: &str = "!/";
/// Archives inside each other: a layer of an image that holds a program's archive of archives has five.
const DEPTH: usize = 8;
/// Bytes that one artifact may unpack to, all archives in it included: some minutes of one core. The largest images have a tenth of it.
const UNPACKED_BYTES: u64 = 64 * 1024 * 1024 * 1024;
/// Bytes that an archive may unpack to which the publisher has allowed: past it, the look inside ends.
const ALLOWED_BYTES: u64 = 1024 * 1024 * 1024;
/// Files of one artifact that are looked at: five times those of a large system's image.
const FILES: u64 = 2_000_000;
/// Files of one artifact that are kept to be listed; more are counted.
const LISTED: usize = 100_000;
/// Findings of one artifact that are kept; more are counted.
const FINDINGS: usize = 1_000;

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// The key that this release would be signed with.
    SigningKey,
    /// A private key, by the words of its first line.
    PrivateKey,
    /// What has the shape of a token.
    Token(&'static str),
}

/// Where something was found. Not what: the value is never kept.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    /// The artifact's name, then the path in it, each archive followed by `!/`.
    pub(crate) path: String,
    /// The line, from 1.
    pub(crate) line: u64,
    /// What it is.
    pub(crate) kind: Kind,
}

/// A file that is published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listed {
    /// Its path in the artifact.
    pub(crate) path: String,
    /// Bytes.
    pub(crate) size: u64,
}

/// All that was seen in one artifact.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    /// What was found, in the artifact's order.
    pub(crate) findings: Vec<Finding>,
    /// Findings that are not kept.
    pub(crate) more_findings: u64,
    /// The files of the artifact, if it is an archive.
    pub(crate) files: Vec<Listed>,
    /// Files that are not listed.
    pub(crate) more_files: u64,
    /// Paths that could not be looked into, each with the reason.
    pub(crate) closed: Vec<(String, &'static str)>,
    /// Where the bounds were met: the path of an archive that unpacks to more than can be looked at.
    pub(crate) too_much: Option<String>,
}

/// Looks through artifacts for one publisher.
pub(crate) struct Look {
    needles: Needles,
    allowed: Vec<String>,
    unpacked_bytes: u64,
}

impl Look {
    /// For this key, if there is one. `allowed` are the paths whose private keys are meant to be published.
    pub(crate) fn new(key: Option<&SecretKey>, allowed: &[String]) -> Self {
        Look { needles: Needles::new(key), allowed: allowed.to_vec(), unpacked_bytes: UNPACKED_BYTES }
    }

    /// With other bounds, as tests make them.
    #[cfg(test)]
    fn with_bytes(self, unpacked_bytes: u64) -> Self {
        Look { unpacked_bytes, ..self }
    }

    /// Looks through one artifact to its end.
    ///
    /// # Errors
    /// Those of reading it.
    pub(crate) fn through(&self, name: &str, bytes: &mut dyn Read) -> std::io::Result<Seen> {
        let mut walk = archives::Walk::new(self, name);
        walk.artifact(bytes)?;
        Ok(walk.into_seen())
    }

    /// Whether the publisher means a private key at this path to be published: the path itself, a folder or an archive above it, with the
    /// artifact's name or without.
    pub(crate) fn is_allowed(&self, path: &str) -> bool {
        let inside = path.split_once(INSIDE).map(|(_, inside)| inside);
        // npm's own top folder, which nobody who packs has seen.
        let below = inside.and_then(|inside| inside.strip_prefix("package/"));
        [Some(path), inside, below].into_iter().flatten().any(|spelling| {
            self.allowed.iter().any(|allowed| {
                let allowed = allowed.trim_start_matches("./");
                let rest = spelling.strip_prefix(allowed.trim_end_matches('/'));
                !allowed.is_empty() && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || rest.starts_with(INSIDE))
            })
        })
    }
}

/// The path by which `--allow-private-key` names it: inside the artifact where it lies in one.
pub(crate) fn inside(path: &str) -> &str {
    path.split_once(INSIDE).map_or(path, |(_, inside)| inside)
}

#[cfg(test)]
mod tests;
