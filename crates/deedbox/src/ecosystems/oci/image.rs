//! Images and other OCI artifacts: an OCI layout or an archive of one, an archive of `docker save`, or `docker://HOST/NAME:TAG`
//! in another registry. What they hold is published byte for byte; only for the older form of `docker save`, which holds
//! no manifest, one is made.

mod layout;
mod pull;
mod saved;
mod tree;

use crate::failure::refused;
use crate::packages::file::{AddressedFile, FileArtifact};
use crate::packages::{Found, Packages, Wish, domain_of};
use deedbox_model::threads::cores;
use deedbox_model::{Domain, PackageId, Version};
use deedbox_oci::document::Descriptor;
use deedbox_oci::{Digest, Kind, Oci, artifact_name};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tree::Tree;

/// How an image in another registry is named.
pub(super) const PULLED: &str = "docker://";
/// An `index.json` or `manifest.json` that is looked at.
const INDEX_BYTES: u64 = 4 * 1024 * 1024;

/// Layers from so many bytes on are on their way to the registry while the digests are computed that their address does not need.
const LARGE_BYTES: u64 = 32 * 1024 * 1024;

/// A file of the release, and what it must be.
struct Piece {
    kind: Kind,
    digest: Digest,
    path: PathBuf,
}

/// What was found of an image: all that it consists of, and the tag and names that it had.
struct Image {
    pieces: Vec<Piece>,
    tag: Option<String>,
    /// As tools write them: `HOST/NAME:TAG`, `NAME:TAG`, or only a tag.
    names: Vec<String>,
    /// What is to be said of it.
    notes: Vec<String>,
}

/// How the same bytes are built again.
const REBUILT: &str = "image builders write the time of SOURCE_DATE_EPOCH, if that is set, and else the present one";

/// The name of what an OCI layout is known by, if this directory is one.
pub(super) fn manifest(path: &Path) -> Option<String> {
    crate::packages::file_of(path, &["oci-layout"]).filter(|_| path.join("index.json").is_file())
}

/// The image at a path, if there is one.
pub(super) async fn find(path: &Path, wish: Wish<'_>) -> anyhow::Result<Option<Packages>> {
    let (path, wanted, is_said) = (path.to_owned(), wish.version.cloned(), wish.id.is_some());
    let folder = tempfile::tempdir()?;
    let scratch = folder.path().to_owned();
    // Unpacking takes as long as the image is large.
    let image = tokio::task::spawn_blocking(move || -> anyhow::Result<Option<Image>> {
        let Some(tree) = Tree::open(&path, &scratch)? else { return Ok(None) };
        if tree.file("oci-layout").is_some() && tree.file("index.json").is_some() {
            return Ok(Some(layout::image(&tree, wanted.as_ref())?));
        }
        // An archive with that name in it is one of docker save, or nothing; folders have such files for other reasons too.
        if tree.file("manifest.json").is_some() && (is_said || !path.is_dir() || saved::is_one(&tree)) {
            return Ok(Some(saved::image(&tree, &scratch, wanted.as_ref())?));
        }
        Ok(None)
    });
    match image.await?? {
        Some(image) => Ok(Some(found(image, folder, wish).await?)),
        None => Ok(None),
    }
}

/// The image that `docker://HOST/NAME:TAG` names.
pub(super) async fn pull(reference: &str, wish: Wish<'_>) -> anyhow::Result<Packages> {
    let folder = tempfile::tempdir()?;
    let image = pull::image(reference, folder.path()).await?;
    found(image, folder, wish).await
}

/// Files with their digests, each the one that its manifest names.
async fn found(image: Image, folder: tempfile::TempDir, wish: Wish<'_>) -> anyhow::Result<Packages> {
    let id = match wish.id {
        Some(id) => Some(id.clone()),
        None => named(&image.names, wish).await?,
    };
    let mut unique: BTreeMap<(Kind, Digest), PathBuf> = BTreeMap::new();
    for piece in image.pieces {
        unique.insert((piece.kind, piece.digest), piece.path);
    }
    let mut waiting = unique.into_iter();
    let mut hashing = tokio::task::JoinSet::new();
    // A file each for some threads: hashing is all that takes time here.
    let mut next = |hashing: &mut tokio::task::JoinSet<_>| {
        if let Some(((kind, digest), path)) = waiting.next() {
            hashing.spawn_blocking(move || artifact(kind, &digest, &path));
        }
    };
    for _ in 0..cores() {
        next(&mut hashing);
    }
    let mut artifacts = BTreeMap::new();
    while let Some(done) = hashing.join_next().await {
        let artifact: AddressedFile = done??;
        // The same bytes named by two algorithms are one artifact.
        artifacts.insert(artifact.name().to_owned(), artifact);
        next(&mut hashing);
    }
    let found = Found {
        dialect: Arc::new(Oci),
        artifacts: artifacts.into_values().collect(),
        version: wish.version.cloned().or_else(|| version_of(image.tag.as_deref(), id.as_ref())),
        id,
        rank: None,
        rebuilt: REBUILT,
        folder: Some(folder),
    };
    Ok(Packages { found: vec![found], notes: image.notes, ..Packages::default() })
}

/// What an image's names say that it is here: `HOST/DOMAIN/NAME:TAG` says it whole; of `NAME:TAG` the domain is the publisher's.
async fn named(names: &[String], wish: Wish<'_>) -> anyhow::Result<Option<PackageId>> {
    let repositories: Vec<&str> = names.iter().filter_map(|name| repository(name)).collect();
    let whole = repositories.iter().find_map(|repository| {
        let (domain, _) = repository.split_once('/')?;
        Domain::parse(domain).ok().filter(|_| domain.contains('.'))?;
        PackageId::parse(&format!("oci:{repository}")).ok()
    });
    let Some(name) = repositories.first().filter(|_| whole.is_none()) else { return Ok(whole) };
    let domain = domain_of(wish).await?;
    Ok(domain.and_then(|domain| PackageId::parse(&format!("oci:{domain}/{name}")).ok()))
}

/// `team/app` of `HOST/team/app:1.0@sha256:…`; none of what is only a tag.
fn repository(name: &str) -> Option<&str> {
    let name = name.split('@').next().unwrap_or_default();
    let name = match name.rsplit_once(':') {
        Some((before, tag)) if !tag.contains('/') => before,
        Some(_) => name,
        None if name.contains('/') => name,
        None => return None,
    };
    let is_host = |first: &str| first.contains(':') || first == "localhost" || first.contains('.');
    let below = name.split_once('/').filter(|(first, rest)| {
        // DOMAIN/NAME has a dot in front too, and no host before it.
        is_host(first) && (first.contains(':') || *first == "localhost" || rest.contains('/') || Domain::parse(first).is_err())
    });
    let repository = below.map_or(name, |(_, rest)| rest);
    (!repository.is_empty()).then_some(repository)
}

fn artifact(kind: Kind, digest: &Digest, path: &Path) -> anyhow::Result<AddressedFile> {
    let is_large = std::fs::metadata(path).is_ok_and(|file| file.len() >= LARGE_BYTES);
    let (file, is_its) = match digest {
        Digest::Sha256(digest) if is_large => {
            let file = AddressedFile::begin(path)?;
            let is_its = file.object().sha256 == *digest;
            (file, is_its)
        }
        _ => {
            let file = FileArtifact::named(path, String::new())?;
            let is_its = digest.is_of(file.digests());
            (file.into(), is_its)
        }
    };
    let sha256 = file.object().sha256;
    if !is_its {
        return Err(refused(format!(
            "{} is not {digest}: its bytes have sha256:{sha256}. Nothing was sent; build the image again",
            path.display()
        )));
    }
    Ok(file.renamed(artifact_name(kind, &sha256)))
}

/// The tag that an image had is its version, unless it is one that moves.
fn version_of(tag: Option<&str>, id: Option<&PackageId>) -> Option<Version> {
    id?;
    tag.filter(|tag| *tag != "latest").and_then(|tag| Version::parse(tag).ok())
}

/// The one of several images that is meant: the only one, or the one that has this version as its tag.
fn choose<'a, T>(all: &'a [(T, Vec<String>)], wanted: Option<&Version>) -> anyhow::Result<(&'a T, Option<String>, &'a [String])> {
    let tag_of = |name: &str| name.rsplit_once(':').map_or(name, |(_, tag)| tag).to_owned();
    if let [(only, names)] = all {
        return Ok((only, names.first().map(|name| tag_of(name)), names));
    }
    let is_wanted = |names: &[String]| wanted.is_some_and(|wanted| names.iter().any(|name| tag_of(name) == wanted.as_str()));
    let mut chosen = all.iter().filter(|(_, names)| is_wanted(names));
    match (chosen.next(), chosen.next()) {
        (Some((one, names)), None) => Ok((one, wanted.map(ToString::to_string), names)),
        _ => {
            let names: Vec<String> = all.iter().flat_map(|(_, names)| names.clone()).take(20).collect();
            let names = if names.is_empty() { "none of them has a name".to_owned() } else { names.join(", ") };
            Err(refused(format!(
                "there are {} images ({}), and --version names none of them, or several: save only the one that you mean",
                all.len(),
                crate::terminal::excerpt(&names)
            )))
        }
    }
}

/// What a manifest names, with where each is to be found.
fn pieces(
    root: &Descriptor,
    mut manifest: impl FnMut(&Descriptor) -> anyhow::Result<(PathBuf, deedbox_oci::Document)>,
    mut blob: impl FnMut(&Descriptor) -> anyhow::Result<PathBuf>,
) -> anyhow::Result<Vec<Piece>> {
    let mut pieces = Vec::new();
    let mut seen = std::collections::BTreeSet::from([root.digest]);
    let mut waiting = std::collections::VecDeque::from([root.clone()]);
    while let Some(descriptor) = waiting.pop_front() {
        let (path, document) = manifest(&descriptor)?;
        if document.media_type != descriptor.media_type {
            return Err(refused(format!(
                "{} is a {}, but is named as a {:?}",
                descriptor.digest, document.media_type, descriptor.media_type
            )));
        }
        pieces.push(Piece { kind: Kind::Manifest, digest: descriptor.digest, path });
        for member in document.members {
            let descriptor = member.descriptor;
            match member.role.kind() {
                Kind::Manifest => {
                    if seen.insert(descriptor.digest) {
                        waiting.push_back(descriptor);
                    }
                }
                Kind::Blob => pieces.push(Piece { kind: Kind::Blob, digest: descriptor.digest, path: blob(&descriptor)? }),
            }
        }
        if pieces.len() > 4 * deedbox_model::limits::ARTIFACTS || seen.len() > deedbox_oci::limits::MANIFESTS {
            return Err(refused("the image consists of more manifests and blobs than a release may have"));
        }
    }
    Ok(pieces)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_image_is_what_its_tag_says() {
        let domain = Domain::parse("acme.example").unwrap();
        let wish = Wish { domain: Some(&domain), ..Wish::default() };
        for (names, id, id_without) in [
            (&["127.0.0.1:4600/team.localhost/app:1.0"][..], Some("oci:team.localhost/app"), Some("oci:team.localhost/app")),
            (&["1.0", "registry.example/team.example/a/b:1.0"], Some("oci:team.example/a/b"), Some("oci:team.example/a/b")),
            (&["registry.example:8417/team.example/app@sha256:0"], Some("oci:team.example/app"), Some("oci:team.example/app")),
            (&["team.example/app:1"], Some("oci:team.example/app"), Some("oci:team.example/app")),
            (&["app:1.0"], Some("oci:acme.example/app"), None),
            (&["localhost/app:1.0"], Some("oci:acme.example/app"), None),
            (&["localhost:5000/tools/app"], Some("oci:acme.example/tools/app"), None),
            (&["registry.example/tools/app:1.0"], Some("oci:acme.example/tools/app"), None),
            (&["1.0"], None, None),
            (&["latest"], None, None),
            (&[], None, None),
            (&["a b:1", ":", "/:", "@"], None, None),
        ] {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            let found = |id: Option<PackageId>| id.map(|id| id.to_string());
            assert_eq!(found(named(&names, wish).await.unwrap()).as_deref(), id, "{names:?}");
            assert_eq!(found(named(&names, Wish::default()).await.unwrap()).as_deref(), id_without, "{names:?}");
        }
    }
}
