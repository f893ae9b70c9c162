//! OCI layouts (OCI image specification, image-layout.md): a folder, or an archive of one, with `index.json` and blobs.

use super::tree::Tree;
use super::{INDEX_BYTES, Image, choose, pieces};
use crate::context;
use crate::failure::refused;
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
    let index: Index = serde_json::from_slice(&context::read_file(&path, INDEX_BYTES)?)
        .map_err(|e| refused(format!("the layout's index.json is no index: {e}")))?;
    let mut all: Vec<(Descriptor, Vec<String>)> = Vec::new();
    for entry in index.manifests {
        let digest = Digest::parse(&entry.digest).ok_or_else(|| refused("the layout's index.json names a digest that is none"))?;
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
    let (root, tag) = choose(&all, wanted)?;
    let file = |digest: &Digest| -> anyhow::Result<PathBuf> {
        let path = format!("blobs/{}", digest.to_string().replace(':', "/"));
        tree.file(&path).ok_or_else(|| refused(format!("the layout does not have {digest}: a release holds all that its manifests name")))
    };
    let manifest = |descriptor: &Descriptor| -> anyhow::Result<(PathBuf, Document)> {
        let path = file(&descriptor.digest)?;
        let bytes = context::read_file(&path, deedbox_oci::limits::MANIFEST_BYTES)?;
        let document = Document::read(&bytes).map_err(|e| refused(format!("{}: {} [{}]", descriptor.digest, e.message, e.code)))?;
        Ok((path, document))
    };
    let pieces = pieces(root, manifest, |descriptor| file(&descriptor.digest))?;
    Ok(Image { pieces, tag })
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
