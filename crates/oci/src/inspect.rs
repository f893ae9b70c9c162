//! Inspection: from a manifest and all that it names to the manifest of a release (spec/projections/oci.md §3). Done by the
//! publisher and again by the server, with one result. Believes no descriptor: each must be there, and be what it says.

use crate::contents::{Referrer, artifact_name, descriptor_value, read_name};
use crate::digest::Digest;
use crate::document::{Descriptor, Document, Kind, Role};
use crate::limits;
use crate::name::{Repository, is_tag};
use deedbox_model::{Artifact, Channel, Manifest, Metadata, NativeVersion, ObjectRef, Sha256Digest, Sha512Digest, Value, Version};
use deedbox_view::{ArtifactSource, InspectRefusal, Inspection, Said};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::Read as _;

/// The channel that a publish sets unless told otherwise.
const LATEST: &str = "latest";

/// Reads the files of one release.
pub(crate) fn inspect(said: &Said<'_>, artifacts: &[&dyn ArtifactSource]) -> Result<Inspection, InspectRefusal> {
    let id = said.id.ok_or_else(|| refuse("id_missing", "an image does not say its own name: give it with --id oci:DOMAIN/NAME"))?;
    let version = said.version.ok_or_else(|| refuse("version_missing", "an image does not say its own version: give it with --version"))?;
    let repository = Repository::from_id(id).map_err(|e| refuse("repository_name", e.to_string()))?;
    check_version(version)?;

    let files = Files::of(artifacts)?;
    let documents = files.documents()?;
    let root = root(&files, &documents)?;
    let members = closure(root, &files, &documents)?;
    let document = document(&documents, &root)?;

    let mut all = Vec::with_capacity(artifacts.len());
    for ((kind, digest), source) in &files.by_sha256 {
        let Some((role, media_type)) = members.get(&(*kind, *digest)) else {
            return Err(refuse(
                "closure_superfluous",
                format!("{} is among the files, and no manifest of the release names it: leave it out", source.name()),
            ));
        };
        all.push(Artifact {
            name: artifact_name(*kind, digest),
            role: role.as_str().to_owned(),
            size: source.size(),
            digests: source.digests(),
            media_type: media_type.clone(),
        });
    }
    all.sort_by(|a, b| a.name.cmp(&b.name));

    let mut native = BTreeMap::new();
    let root_file = files.get(Kind::Manifest, &root).ok_or_else(unreadable)?;
    native
        .insert("root".to_owned(), Value::Map(descriptor_value(document.media_type, &ObjectRef { size: root_file.size(), sha256: root })));
    let referrers = referrers(&files, &documents)?;
    if !referrers.is_empty() {
        native.insert("referrers".to_owned(), Value::List(referrers.iter().map(Referrer::to_value).collect()));
    }
    let native = Value::Map(native);
    let size = deedbox_model::encode(&native).map_err(|e| refuse("manifest_field", e.to_string()))?.len();
    if size > limits::NATIVE_BYTES {
        return Err(refuse(
            "referrers_too_large",
            format!("what its manifests say of their subjects has {size} bytes, more than {}: shorten annotations", limits::NATIVE_BYTES),
        ));
    }

    let channels = if document.subject.is_none() && !version.as_str().contains('-') { vec![latest()?] } else { Vec::new() };
    let native_name = repository.native_key().map_err(|e| refuse("repository_name", e.to_string()))?;
    let native_version = NativeVersion::parse(version.as_str()).map_err(|e| refuse("version_tag", e.to_string()))?;
    let metadata = metadata(&document.annotations);
    let manifest =
        Manifest { id: id.clone(), native, source: None, version: version.clone(), metadata, artifacts: all, native_name, native_version };
    Ok(Inspection { manifest, readme: None, channels })
}

fn refuse(code: &'static str, message: impl Into<String>) -> InspectRefusal {
    InspectRefusal::new(code, message)
}

fn unreadable() -> InspectRefusal {
    refuse("artifact_unreadable", "a file of the release cannot be read")
}

fn latest() -> Result<Channel, InspectRefusal> {
    Channel::parse(LATEST).map_err(|e| refuse("version_tag", e.to_string()))
}

/// A version is a tag that never moves.
fn check_version(version: &Version) -> Result<(), InspectRefusal> {
    let text = version.as_str();
    if text == LATEST {
        return Err(refuse("version_tag", "latest is a tag that moves: give a version that stays, like 1.0; latest is set with it"));
    }
    if !is_tag(text) {
        let hint = if text.contains('+') { "; write _ for +, as Helm does" } else { "" };
        return Err(refuse("version_tag", format!("version {text} is not a tag: a tag has letters, digits and . _ - only{hint}")));
    }
    Ok(())
}

/// The files of a release, found by digest.
struct Files<'a> {
    by_sha256: BTreeMap<(Kind, Sha256Digest), &'a dyn ArtifactSource>,
    by_sha512: BTreeMap<(Kind, Sha512Digest), Sha256Digest>,
}

impl<'a> Files<'a> {
    fn of(artifacts: &[&'a dyn ArtifactSource]) -> Result<Self, InspectRefusal> {
        let most = deedbox_model::limits::ARTIFACTS;
        if artifacts.is_empty() || artifacts.len() > most {
            let count = artifacts.len();
            return Err(refuse("artifact_count", format!("a release has 1 to {most} manifests and blobs, and there are {count}")));
        }
        let mut files = Files { by_sha256: BTreeMap::new(), by_sha512: BTreeMap::new() };
        for artifact in artifacts {
            let digests = artifact.digests();
            let name = artifact.name();
            let kind = match read_name(name) {
                Some((kind, digest)) if digest == digests.sha256 => kind,
                _ => {
                    let shown: String = name.chars().take(120).collect();
                    return Err(refuse(
                        "artifact_name",
                        format!("{shown:?} is not blobs/sha256/ or manifests/sha256/ and the digest of its bytes"),
                    ));
                }
            };
            files.by_sha512.insert((kind, digests.sha512), digests.sha256);
            if files.by_sha256.insert((kind, digests.sha256), *artifact).is_some() {
                return Err(refuse("artifact_twice", format!("{name} is there twice")));
            }
        }
        Ok(files)
    }

    fn get(&self, kind: Kind, digest: &Sha256Digest) -> Option<&'a dyn ArtifactSource> {
        self.by_sha256.get(&(kind, *digest)).copied()
    }

    /// The file that a descriptor names, its size checked.
    fn find(&self, kind: Kind, descriptor: &Descriptor) -> Result<Sha256Digest, InspectRefusal> {
        let found = match &descriptor.digest {
            Digest::Sha256(digest) => Some(*digest),
            Digest::Sha512(digest) => self.by_sha512.get(&(kind, *digest)).copied(),
        };
        let found = found.and_then(|digest| Some((digest, self.get(kind, &digest)?)));
        let Some((digest, file)) = found else {
            let what = match kind {
                Kind::Manifest => "manifest",
                Kind::Blob => "blob",
            };
            return Err(refuse(
                "closure_missing",
                format!(
                    "the {what} {} ({}) is named and is not among the files: a release holds all that it names, layers that are kept elsewhere too",
                    descriptor.digest, descriptor.media_type
                ),
            ));
        };
        if file.size() != descriptor.size {
            return Err(refuse(
                "descriptor_size",
                format!("{} has {} bytes, and its descriptor says {}", descriptor.digest, file.size(), descriptor.size),
            ));
        }
        Ok(digest)
    }

    /// Every manifest, read.
    fn documents(&self) -> Result<BTreeMap<Sha256Digest, Document>, InspectRefusal> {
        let manifests = self.by_sha256.iter().filter(|((kind, _), _)| *kind == Kind::Manifest);
        let mut documents = BTreeMap::new();
        let mut total = 0_u64;
        for ((_, digest), file) in manifests {
            total = total.saturating_add(file.size());
            if file.size() > limits::MANIFEST_BYTES {
                let (size, most) = (file.size(), limits::MANIFEST_BYTES);
                return Err(refuse("manifest_too_large", format!("{} has {size} bytes, more than {most}", file.name())));
            }
            if documents.len() == limits::MANIFESTS || total > limits::MANIFESTS_BYTES {
                return Err(refuse(
                    "closure_too_large",
                    format!("the manifests of a release are at most {} with {} bytes in all", limits::MANIFESTS, limits::MANIFESTS_BYTES),
                ));
            }
            let mut bytes = Vec::new();
            let read = file.open().and_then(|bytes_of| bytes_of.take(limits::MANIFEST_BYTES + 1).read_to_end(&mut bytes));
            read.map_err(|e| refuse("artifact_unreadable", format!("{} cannot be read: {e}", file.name())))?;
            if bytes.len() as u64 != file.size() {
                return Err(unreadable());
            }
            let document = Document::read(&bytes)
                .map_err(|refusal| InspectRefusal { message: format!("{}: {}", file.name(), refusal.message), ..refusal })?;
            documents.insert(*digest, document);
        }
        Ok(documents)
    }
}

fn document<'a>(documents: &'a BTreeMap<Sha256Digest, Document>, digest: &Sha256Digest) -> Result<&'a Document, InspectRefusal> {
    documents.get(digest).ok_or_else(unreadable)
}

/// The one manifest that no other names.
fn root(files: &Files<'_>, documents: &BTreeMap<Sha256Digest, Document>) -> Result<Sha256Digest, InspectRefusal> {
    let mut named = BTreeSet::new();
    for member in documents.values().flat_map(|document| &document.members) {
        if member.role.kind() == Kind::Manifest {
            match &member.descriptor.digest {
                Digest::Sha256(digest) => named.insert(*digest),
                Digest::Sha512(digest) => files.by_sha512.get(&(Kind::Manifest, *digest)).is_some_and(|digest| named.insert(*digest)),
            };
        }
    }
    let mut roots = documents.keys().filter(|digest| !named.contains(*digest));
    match (roots.next(), roots.next()) {
        (Some(root), None) => Ok(*root),
        (None, _) => Err(refuse("root_missing", "there is no manifest among the files")),
        (Some(one), Some(other)) => Err(refuse(
            "root_twice",
            format!(
                "a release is one manifest and what it names, and no manifest names sha256:{one} or sha256:{other}: publish them one by one"
            ),
        )),
    }
}

type Members = BTreeMap<(Kind, Sha256Digest), (Role, String)>;

/// All that the root leads to, each with the role and media type by which it is met first, level by level.
fn closure(root: Sha256Digest, files: &Files<'_>, documents: &BTreeMap<Sha256Digest, Document>) -> Result<Members, InspectRefusal> {
    let top = document(documents, &root)?;
    let mut members = Members::from([((Kind::Manifest, root), (top.role(), top.media_type.to_owned()))]);
    let mut waiting = VecDeque::from([root]);
    while let Some(at) = waiting.pop_front() {
        for member in &document(documents, &at)?.members {
            let kind = member.role.kind();
            let digest = files.find(kind, &member.descriptor)?;
            if kind == Kind::Manifest {
                let said = &member.descriptor.media_type;
                let own = document(documents, &digest)?.media_type;
                if said != own {
                    return Err(refuse(
                        "descriptor_media_type",
                        format!("{} is a {own}, and its descriptor says {said}", member.descriptor.digest),
                    ));
                }
            }
            if let std::collections::btree_map::Entry::Vacant(vacant) = members.entry((kind, digest)) {
                vacant.insert((member.role, member.descriptor.media_type.clone()));
                if kind == Kind::Manifest {
                    waiting.push_back(digest);
                }
            }
        }
    }
    Ok(members)
}

/// Every manifest with a subject, ascending by digest.
fn referrers(files: &Files<'_>, documents: &BTreeMap<Sha256Digest, Document>) -> Result<Vec<Referrer>, InspectRefusal> {
    let mut referrers = Vec::new();
    for (digest, document) in documents {
        let Some(subject) = &document.subject else { continue };
        let size = files.get(Kind::Manifest, digest).ok_or_else(unreadable)?.size();
        referrers.push(Referrer {
            subject: subject.digest,
            object: ObjectRef { size, sha256: *digest },
            media_type: document.media_type,
            artifact_type: document.artifact_type.clone(),
            annotations: document.annotations.clone(),
        });
        if referrers.len() > limits::REFERRERS {
            return Err(refuse(
                "referrers_too_many",
                format!("more than {} manifests of the release have a subject: publish them in several releases", limits::REFERRERS),
            ));
        }
    }
    Ok(referrers)
}

/// What people read, from the annotations that the image specification names. What does not fit is left out.
fn metadata(annotations: &BTreeMap<String, String>) -> Metadata {
    use deedbox_model::limits::{DESCRIPTION_BYTES, LICENCE_BYTES, URL_BYTES};
    let take = |key: &str, limit: usize| {
        let text = annotations.get(&format!("org.opencontainers.image.{key}"))?;
        Metadata::may_hold(text, limit).then(|| text.clone())
    };
    Metadata {
        description: take("description", DESCRIPTION_BYTES).or_else(|| take("title", DESCRIPTION_BYTES)),
        licence: take("licenses", LICENCE_BYTES),
        homepage: take("url", URL_BYTES),
        repository: take("source", URL_BYTES),
        keywords: Vec::new(),
        readme: None,
    }
}
