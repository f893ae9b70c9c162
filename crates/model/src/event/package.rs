//! What a domain says of its packages: releases, their standing, channels (spec/events.md §5 to §7).

use super::body::Body;
use crate::channel::Channel;
use crate::digest::{Algorithm, ObjectRef};
use crate::limits;
use crate::native::{NativeName, NativeVersion};
use crate::reason::ReasonCode;
use crate::said;
use crate::version::Version;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// An artifact that lock files name, with the digests that they use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Principal {
    /// Its name in the manifest.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// `sha256` always, others as the ecosystem's lock files use them.
    pub digests: BTreeMap<Algorithm, serde_bytes::ByteBuf>,
}

/// `release.published`: a version exists, for ever with these bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleasePublished {
    /// The version.
    pub version: Version,
    /// Channels set with it, 0 to 8, ascending.
    pub channels: Vec<Channel>,
    /// The release manifest.
    pub manifest: ObjectRef,
    /// Number of artifacts in the manifest.
    pub artifacts: u64,
    /// Principal artifacts, 0 to 8, ascending by name.
    pub principal: Vec<Principal>,
    /// Sum of the artifacts' sizes in bytes.
    pub total_size: u64,
    /// The package's key in its ecosystem.
    pub native_name: NativeName,
    /// The version's key in its package.
    pub native_version: NativeVersion,
}

impl Body for ReleasePublished {
    const TYPE: &'static str = "release.published";

    fn check(&self) -> Result<(), &'static str> {
        if self.channels.len() > limits::CHANNELS_PER_PUBLISH {
            return Err(said!("a publish sets at most {} channels", limits::CHANNELS_PER_PUBLISH));
        }
        if !self.channels.is_sorted_by(|a, b| a < b) {
            return Err("channels are ascending, each named once");
        }
        if self.principal.len() > limits::PRINCIPAL_ARTIFACTS {
            return Err(said!("a statement names at most {} principal artifacts", limits::PRINCIPAL_ARTIFACTS));
        }
        if !self.principal.is_sorted_by(|a, b| a.name < b.name) {
            return Err("principal artifacts are ascending by name, each named once");
        }
        for artifact in &self.principal {
            crate::manifest::check_artifact_name(&artifact.name)?;
            if !artifact.digests.contains_key(&Algorithm::Sha256) {
                return Err("a principal artifact has a sha256 digest");
            }
            if artifact.digests.iter().any(|(algorithm, digest)| digest.len() != algorithm.digest_bytes()) {
                return Err("a digest has the length of its algorithm");
            }
            if artifact.size > limits::OBJECT_BYTES {
                return Err(said!("an object is at most {} GiB", limits::OBJECT_BYTES >> 30));
            }
        }
        if self.artifacts == 0 || self.artifacts > limits::ARTIFACTS as u64 {
            return Err(said!("a release has 1 to {} artifacts", limits::ARTIFACTS));
        }
        if self.manifest.size > limits::MANIFEST_BYTES as u64 {
            return Err(said!("a release manifest is at most {} MiB", limits::MANIFEST_BYTES >> 20));
        }
        Ok(())
    }
}

/// `release.yanked`: not chosen any more; still there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleaseYanked {
    /// Why.
    pub reason: ReasonCode,
    /// Which.
    pub version: Version,
}

impl Body for ReleaseYanked {
    const TYPE: &'static str = "release.yanked";

    fn check(&self) -> Result<(), &'static str> {
        Ok(())
    }
}

/// `release.unyanked`: may be chosen again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleaseUnyanked {
    /// Which.
    pub version: Version,
}

impl Body for ReleaseUnyanked {
    const TYPE: &'static str = "release.unyanked";

    fn check(&self) -> Result<(), &'static str> {
        Ok(())
    }
}

/// Why a release should not be used any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Notice {
    /// The code.
    pub reason: ReasonCode,
    /// Words for people: a UTF-8 text object of at most 1,024 bytes.
    pub message: Option<ObjectRef>,
}

/// `release.deprecated`: a notice is put up, or (null) taken down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleaseDeprecated {
    /// The notice, or null for none.
    pub notice: Option<Notice>,
    /// Which.
    pub version: Version,
}

impl Body for ReleaseDeprecated {
    const TYPE: &'static str = "release.deprecated";

    fn check(&self) -> Result<(), &'static str> {
        match self.notice.as_ref().and_then(|notice| notice.message) {
            Some(message) if message.size > limits::MESSAGE_BYTES as u64 => {
                Err(said!("a message is at most {} bytes", limits::MESSAGE_BYTES))
            }
            _ => Ok(()),
        }
    }
}

/// `channel.set`: a channel points at a version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChannelSet {
    /// The channel.
    pub channel: Channel,
    /// The version.
    pub version: Version,
}

impl Body for ChannelSet {
    const TYPE: &'static str = "channel.set";

    fn check(&self) -> Result<(), &'static str> {
        Ok(())
    }
}

/// `channel.removed`: a channel points at nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChannelRemoved {
    /// The channel.
    pub channel: Channel,
}

impl Body for ChannelRemoved {
    const TYPE: &'static str = "channel.removed";

    fn check(&self) -> Result<(), &'static str> {
        Ok(())
    }
}
