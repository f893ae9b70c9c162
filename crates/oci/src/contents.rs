//! What a release manifest of this dialect says: its root, its members, and what it refers to (spec/projections/oci.md §3).
//! Read from hostile bytes too: what does not have this form is not a content.

use crate::digest::Digest;
use crate::document::{Kind, manifest_type};
use deedbox_model::{Artifact, Manifest, ObjectRef, Sha256Digest, Value};
use std::collections::BTreeMap;

/// The contents of one release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Contents<'a> {
    /// The manifest or index that is the release.
    pub(crate) root: &'a Artifact,
    /// All of it, the root too.
    pub(crate) members: Vec<(Kind, &'a Artifact)>,
    /// Manifests with a subject.
    pub(crate) referrers: Vec<Referrer>,
}

/// A manifest with a subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Referrer {
    /// The subject, as it writes it.
    pub(crate) subject: Digest,
    /// Itself.
    pub(crate) object: ObjectRef,
    /// Its media type.
    pub(crate) media_type: &'static str,
    /// What kind of artifact it is.
    pub(crate) artifact_type: Option<String>,
    /// Its annotations.
    pub(crate) annotations: BTreeMap<String, String>,
}

/// `blobs/sha256/<hex>` or `manifests/sha256/<hex>`.
pub fn artifact_name(kind: Kind, digest: &Sha256Digest) -> String {
    format!("{}/sha256/{digest}", kind.folder())
}

/// The kind and digest in an artifact's name.
pub(crate) fn read_name(name: &str) -> Option<(Kind, Sha256Digest)> {
    let (kind, hex) = match name.strip_prefix("manifests/sha256/") {
        Some(hex) => (Kind::Manifest, hex),
        None => (Kind::Blob, name.strip_prefix("blobs/sha256/")?),
    };
    Some((kind, Sha256Digest::from_hex(hex)?))
}

impl<'a> Contents<'a> {
    /// Of a release manifest, if it is one of this dialect.
    pub(crate) fn of(manifest: &'a Manifest) -> Option<Self> {
        let root = root(manifest)?;
        let mut members = Vec::with_capacity(manifest.artifacts.len());
        for artifact in &manifest.artifacts {
            let (kind, digest) = read_name(&artifact.name)?;
            let is_known = kind == Kind::Blob || manifest_type(&artifact.media_type).is_some();
            if digest != artifact.digests.sha256 || !is_known {
                return None;
            }
            members.push((kind, artifact));
        }
        let referrers = match manifest.native.get("referrers") {
            None => Vec::new(),
            Some(Value::List(list)) => list.iter().map(Referrer::read).collect::<Option<Vec<_>>>()?,
            Some(_) => return None,
        };
        if referrers.len() > crate::limits::REFERRERS {
            return None;
        }
        Some(Contents { root, members, referrers })
    }
}

/// The artifact that is the release.
pub(crate) fn root(manifest: &Manifest) -> Option<&Artifact> {
    let digest = match Digest::parse(manifest.native.get("root")?.get("digest")?.as_text()?)? {
        Digest::Sha256(digest) => digest,
        Digest::Sha512(_) => return None,
    };
    let name = artifact_name(Kind::Manifest, &digest);
    manifest.artifacts.iter().find(|artifact| artifact.name == name)
}

impl Referrer {
    fn read(value: &Value) -> Option<Self> {
        let text = |key: &str| value.get(key).and_then(Value::as_text);
        let size = match value.get("size")? {
            Value::Int(size) => u64::try_from(*size).ok()?,
            _ => return None,
        };
        let sha256 = match Digest::parse(text("digest")?)? {
            Digest::Sha256(digest) => digest,
            Digest::Sha512(_) => return None,
        };
        let annotations = match value.get("annotations") {
            None => BTreeMap::new(),
            Some(annotations) => {
                let pairs = annotations.as_map()?.iter().map(|(key, value)| Some((key.clone(), value.as_text()?.to_owned())));
                pairs.collect::<Option<_>>()?
            }
        };
        Some(Referrer {
            subject: Digest::parse(text("subject")?)?,
            object: ObjectRef { size, sha256 },
            media_type: manifest_type(text("mediaType")?)?,
            artifact_type: text("artifactType").map(str::to_owned),
            annotations,
        })
    }

    /// As it stands in a release manifest.
    pub(crate) fn to_value(&self) -> Value {
        let mut map = descriptor_value(self.media_type, &self.object);
        map.insert("subject".to_owned(), Value::from(self.subject.to_string()));
        if let Some(artifact_type) = &self.artifact_type {
            map.insert("artifactType".to_owned(), Value::from(artifact_type.as_str()));
        }
        if !self.annotations.is_empty() {
            let pairs = self.annotations.iter().map(|(key, value)| (key.clone(), Value::from(value.as_str())));
            map.insert("annotations".to_owned(), Value::Map(pairs.collect()));
        }
        Value::Map(map)
    }
}

/// Media type, digest and size.
pub(crate) fn descriptor_value(media_type: &str, object: &ObjectRef) -> BTreeMap<String, Value> {
    BTreeMap::from([
        ("mediaType".to_owned(), Value::from(media_type)),
        ("digest".to_owned(), Value::from(object.sha256.to_address())),
        ("size".to_owned(), Value::Int(i64::try_from(object.size).unwrap_or(i64::MAX))),
    ])
}
