//! OCI layouts (OCI image specification, image-layout.md): a folder, or an archive of one, with `index.json` and blobs.

use super::tree::Tree;
use super::{INDEX_BYTES, Image, choose, pieces};
use crate::failure::refused;
use crate::reading::read_file;
use crate::terminal;
use deedbox_model::Version;
use deedbox_oci::document::Descriptor;
use deedbox_oci::{Digest, Document};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

#[derive(Deserialize)]
struct Index {
    manifests: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    media_type: String,
    digest: String,
    size: u64,
    #[serde(default)]
    annotations: Option<BTreeMap<String, Option<String>>>,
}

/// Names that tools give the images of a layout.
const NAMES: [&str; 2] = ["org.opencontainers.image.ref.name", "io.containerd.image.name"];

/// The image that is meant.
pub(super) fn image(tree: &Tree, wanted: Option<&Version>) -> anyhow::Result<Image> {
    let path = tree.file("index.json").ok_or_else(|| refused("the layout has no index.json"))?;
    let index: Index = serde_json::from_slice(&read_file(&path, INDEX_BYTES)?)
        .map_err(|e| refused(format!("the layout's index.json is not an index: {e}")))?;
    let mut all: Vec<(Descriptor, Vec<String>)> = Vec::new();
    for entry in index.manifests {
        let digest = Digest::parse(&entry.digest).ok_or_else(|| refused("the layout's index.json names a digest that is not valid"))?;
        let annotations = entry.annotations.unwrap_or_default();
        let names = NAMES.iter().filter_map(|name| annotations.get(*name).cloned().flatten());
        match all.iter_mut().find(|(descriptor, _)| descriptor.digest == digest) {
            // One image with two names.
            Some((_, known)) => known.extend(names),
            None => all.push((Descriptor { media_type: entry.media_type, digest, size: entry.size }, names.collect())),
        }
    }
    if all.is_empty() {
        return Err(refused("the layout's index.json names no image"));
    }
    let (root, tag, names) = choose(&all, wanted)?;
    let (root, notes) = whole(tree, root)?;
    let file = |digest: &Digest| -> anyhow::Result<PathBuf> {
        place(tree, digest)
            .ok_or_else(|| refused(format!("the layout does not have {digest}: a release holds all that its manifests name")))
    };
    let manifest = |descriptor: &Descriptor| -> anyhow::Result<(PathBuf, Document)> {
        Ok((file(&descriptor.digest)?, document(tree, &descriptor.digest)?))
    };
    let pieces = pieces(&root, manifest, |descriptor| file(&descriptor.digest))?;
    Ok(Image { pieces, tag, names: names.to_vec(), notes })
}

fn place(tree: &Tree, digest: &Digest) -> Option<PathBuf> {
    tree.file(&format!("blobs/{}", digest.to_string().replace(':', "/")))
}

fn document(tree: &Tree, digest: &Digest) -> anyhow::Result<Document> {
    let path = place(tree, digest).ok_or_else(|| refused(format!("the layout does not have {digest}")))?;
    let bytes = read_file(&path, deedbox_oci::limits::MANIFEST_BYTES)?;
    Document::read(&bytes).map_err(|e| refused(format!("{digest}: {} [{}]", e.message, e.code)))
}

/// An index of images, as far as which of them are here.
#[derive(Deserialize)]
struct Platforms {
    #[serde(default)]
    manifests: Vec<OnePlatform>,
}

#[derive(Deserialize)]
struct OnePlatform {
    digest: String,
    #[serde(default)]
    platform: Option<Platform>,
}

#[derive(Deserialize)]
struct Platform {
    #[serde(default)]
    os: String,
    #[serde(default)]
    architecture: String,
    #[serde(default)]
    variant: Option<String>,
}

impl OnePlatform {
    /// `linux/arm64/v8`; none for what is not an image (what a build says of one is for no platform).
    fn platform(&self) -> Option<String> {
        let Some(platform) = &self.platform else { return Some(self.digest.clone()) };
        let variant = platform.variant.as_ref().map(|variant| format!("/{variant}")).unwrap_or_default();
        (platform.os != "unknown").then(|| format!("{}/{}{variant}", platform.os, platform.architecture))
    }
}

/// What is to be published of this root: itself, if all that it names is here. Tools that save one image of several leave its whole index in
/// the archive, which names what they left out: where one image is whole, that is it. Where several are, or none is, nothing is guessed.
fn whole(tree: &Tree, root: &Descriptor) -> anyhow::Result<(Descriptor, Vec<String>)> {
    let as_it_is = Ok((root.clone(), Vec::new()));
    let Some(path) = place(tree, &root.digest) else { return as_it_is };
    let bytes = read_file(&path, deedbox_oci::limits::MANIFEST_BYTES)?;
    let (Ok(index), Ok(read)) = (serde_json::from_slice::<Platforms>(&bytes), Document::read(&bytes)) else { return as_it_is };
    if index.manifests.is_empty() || is_whole(tree, root, 0) {
        return as_it_is;
    }
    let (mut here, mut missing) = (Vec::new(), Vec::new());
    for one in &index.manifests {
        let Some(platform) = one.platform() else { continue };
        let member = read.members.iter().find(|member| member.descriptor.digest.to_string() == one.digest);
        match member.filter(|member| is_whole(tree, &member.descriptor, 0)) {
            Some(member) => here.push((platform, member.descriptor.clone())),
            None => missing.push(platform),
        }
    }
    let shown = |names: &[String]| terminal::excerpt(&names.iter().take(20).cloned().collect::<Vec<_>>().join(", "));
    match here.as_slice() {
        [(platform, descriptor)] => {
            let note = format!(
                "the archive holds one image, for {}, of an index that names {} more that are not here ({}): that image is published by itself, \
                 as {}, and the others are left out. To publish them all, copy the whole index into a layout (skopeo copy --all)",
                terminal::excerpt(platform),
                missing.len(),
                shown(&missing),
                descriptor.digest
            );
            Ok((descriptor.clone(), vec![note]))
        }
        [] => Err(refused(format!(
            "the archive's index names images that are not here ({}), and none that is here whole: save it again with all that it names",
            shown(&missing)
        ))),
        several => {
            let platforms: Vec<String> = several.iter().map(|(platform, _)| platform.clone()).collect();
            Err(refused(format!(
                "the archive's index names images that are not here ({}) beside those that are ({}): save it with all that it names \
                 (skopeo copy --all), or one image by itself",
                shown(&missing),
                shown(&platforms)
            )))
        }
    }
}

/// Whether all that a manifest names is here; what cannot be read is said when it is published.
fn is_whole(tree: &Tree, descriptor: &Descriptor, depth: usize) -> bool {
    let Ok(document) = document(tree, &descriptor.digest) else { return place(tree, &descriptor.digest).is_some() };
    document.members.len() <= deedbox_model::limits::ARTIFACTS
        && document.members.iter().all(|member| {
            let is_manifest = member.role.kind() == deedbox_oci::Kind::Manifest;
            place(tree, &member.descriptor.digest).is_some()
                && (!is_manifest || depth >= 4 || is_whole(tree, &member.descriptor, depth + 1))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_annotation_that_is_null_is_none() {
        for annotations in ["null", "{}", "{\"a\":null}", "{\"org.opencontainers.image.ref.name\":null,\"b\":\"c\"}"] {
            let index = format!("{{\"manifests\":[{{\"mediaType\":\"m\",\"digest\":\"d\",\"size\":1,\"annotations\":{annotations}}}]}}");
            let index: Index = serde_json::from_str(&index).unwrap();
            assert_eq!((index.manifests[0].size, index.manifests[0].media_type.as_str()), (1, "m"), "{annotations}");
        }
    }
}
