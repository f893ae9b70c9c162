//! Release manifests: what a release is made of (spec/objects.md §2). A canonical CBOR object of at most 4 MiB,
//! named by the statement that publishes it.

use crate::digest::{Digests, ObjectRef};
use crate::encoding::{self, NotCanonical};
use crate::id::PackageId;
use crate::limits;
use crate::native::{NativeName, NativeVersion};
use crate::said;
use crate::value::Value;
use crate::version::Version;
use serde::{Deserialize, Serialize};

/// One file of a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Artifact {
    /// Its name in the release: a relative path without `.`/`..` segments, printable ASCII, 1 to 512 bytes.
    pub name: String,
    /// What it is for, in the dialect's words: `tarball`, `pom`, `sources`, ….
    pub role: String,
    /// Bytes.
    pub size: u64,
    /// All digests.
    pub digests: Digests,
    /// Its media type.
    pub media_type: String,
}

impl Artifact {
    /// By address and size.
    pub fn object(&self) -> ObjectRef {
        ObjectRef { size: self.size, sha256: self.digests.sha256 }
    }
}

/// What every ecosystem knows about a release: for search, for people.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metadata {
    /// The readme, as an object.
    pub readme: Option<ObjectRef>,
    /// The licence as the artifact spells it.
    pub licence: Option<String>,
    /// Words to find it by.
    pub keywords: Vec<String>,
    /// Its home page.
    pub homepage: Option<String>,
    /// Where its source is kept.
    pub repository: Option<String>,
    /// One sentence.
    pub description: Option<String>,
}

impl Metadata {
    /// Whether a text may stand in metadata: 1 to `limit` bytes, no control characters (terminals and pages show it).
    pub fn may_hold(text: &str, limit: usize) -> bool {
        !text.is_empty() && text.len() <= limit && !text.chars().any(char::is_control)
    }

    fn check(&self) -> Result<(), &'static str> {
        let fits = |text: &Option<String>, limit| text.as_ref().is_none_or(|text| Self::may_hold(text, limit));
        if !fits(&self.description, limits::DESCRIPTION_BYTES) {
            return Err(said!("a description has 1 to {} bytes without control characters", limits::DESCRIPTION_BYTES));
        }
        if !fits(&self.licence, limits::LICENCE_BYTES) {
            return Err(said!("a licence has 1 to {} bytes without control characters", limits::LICENCE_BYTES));
        }
        if !fits(&self.homepage, limits::URL_BYTES) || !fits(&self.repository, limits::URL_BYTES) {
            return Err(said!("a home page and a repository have 1 to {} bytes without control characters", limits::URL_BYTES));
        }
        if self.keywords.len() > limits::KEYWORDS || !self.keywords.iter().all(|word| Self::may_hold(word, limits::KEYWORD_BYTES)) {
            return Err(said!(
                "a release has at most {} keywords, each of 1 to {} bytes without control characters",
                limits::KEYWORDS,
                limits::KEYWORD_BYTES
            ));
        }
        Ok(())
    }
}

/// A release manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The package.
    pub id: PackageId,
    /// What the dialect read out of the principal artifact, for its own projection.
    pub native: Value,
    /// The source archive it was built from, if one was attached.
    pub source: Option<ObjectRef>,
    /// The version.
    pub version: Version,
    /// For every ecosystem alike.
    pub metadata: Metadata,
    /// The files, 1 to 8,192, ascending by name.
    pub artifacts: Vec<Artifact>,
    /// The package's key in its ecosystem.
    pub native_name: NativeName,
    /// The version's key in its package.
    pub native_version: NativeVersion,
}

/// Why bytes are not a release manifest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// More than 4 MiB.
    #[error("{0} bytes are too many for a release manifest: at most {most}", most = said!("{}", limits::MANIFEST_BYTES))]
    TooLarge(usize),
    /// Not canonical.
    #[error(transparent)]
    NotCanonical(#[from] NotCanonical),
    /// A rule between the fields is broken.
    #[error("{0}")]
    Rule(&'static str),
}

impl Manifest {
    /// Reads the one spelling and checks the rules.
    pub fn decode(bytes: &[u8]) -> Result<Self, ManifestError> {
        if bytes.len() > limits::MANIFEST_BYTES {
            return Err(ManifestError::TooLarge(bytes.len()));
        }
        let manifest: Manifest = encoding::decode(bytes)?;
        manifest.check()?;
        Ok(manifest)
    }

    /// The canonical bytes, if the rules hold.
    pub fn encode(&self) -> Result<Vec<u8>, ManifestError> {
        self.check()?;
        let bytes = encoding::encode(self)?;
        if bytes.len() > limits::MANIFEST_BYTES {
            return Err(ManifestError::TooLarge(bytes.len()));
        }
        Ok(bytes)
    }

    /// Every object that it names: artifacts, readme, source.
    pub fn objects(&self) -> impl Iterator<Item = ObjectRef> + '_ {
        self.artifacts.iter().map(Artifact::object).chain(self.metadata.readme).chain(self.source)
    }

    /// Sum of the artifacts' sizes in bytes.
    pub fn total_size(&self) -> u64 {
        self.artifacts.iter().fold(0, |sum, artifact| sum.saturating_add(artifact.size))
    }

    fn check(&self) -> Result<(), ManifestError> {
        let rule = |why| Err(ManifestError::Rule(why));
        if self.artifacts.is_empty() || self.artifacts.len() > limits::ARTIFACTS {
            return rule(said!("a release has 1 to {} artifacts", limits::ARTIFACTS));
        }
        if !self.artifacts.is_sorted_by(|a, b| a.name < b.name) {
            return rule("artifacts are ascending by name, each named once");
        }
        for artifact in &self.artifacts {
            check_artifact_name(&artifact.name).map_err(ManifestError::Rule)?;
            for text in [&artifact.role, &artifact.media_type] {
                if text.is_empty() || text.len() > limits::ROLE_BYTES || !text.bytes().all(|b| (0x20..0x7f).contains(&b)) {
                    return rule(said!("a role and a media type have 1 to {} printable ASCII characters", limits::ROLE_BYTES));
                }
            }
        }
        self.metadata.check().map_err(ManifestError::Rule)?;
        if self.objects().any(|object| object.size > limits::OBJECT_BYTES) {
            return rule(said!("an object is at most {} GiB", limits::OBJECT_BYTES >> 30));
        }
        Ok(())
    }
}

/// A relative path that cannot lead anywhere else, 1 to 512 bytes of printable ASCII.
pub(crate) fn check_artifact_name(name: &str) -> Result<(), &'static str> {
    if name.is_empty() || name.len() > limits::ARTIFACT_NAME_BYTES || !name.bytes().all(|b| (0x20..0x7f).contains(&b) && b != b'\\') {
        return Err(said!("an artifact's name has 1 to {} printable ASCII characters and no backslash", limits::ARTIFACT_NAME_BYTES));
    }
    if name.split('/').any(|segment| segment.is_empty() || segment == "." || segment == "..") {
        return Err("an artifact's name is a relative path without empty, \".\" or \"..\" segments");
    }
    Ok(())
}
