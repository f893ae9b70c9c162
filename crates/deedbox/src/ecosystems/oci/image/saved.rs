//! The older form of `docker save`: `manifest.json`, a configuration and unpacked layers, and no manifest as registries have
//! it. One is made here, always the same for the same archive; configuration and layers stay byte for byte.

use super::tree::Tree;
use super::{INDEX_BYTES, Image, Piece, choose};
use crate::failure::{refused, wrong};
use crate::packages::file::FileArtifact;
use crate::reading::read_file;
use deedbox_model::Version;
use deedbox_oci::document::OCI_MANIFEST;
use deedbox_oci::{Digest, Kind};
use serde::{Deserialize, Deserializer, Serialize};
use std::io::Read as _;
use std::path::{Path, PathBuf};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Saved {
    config: String,
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    #[serde(deserialize_with = "null_is_empty")]
    layers: Vec<String>,
}

/// What a configuration says of its layers.
#[derive(Deserialize)]
struct Config {
    rootfs: RootFs,
}

#[derive(Deserialize)]
struct RootFs {
    #[serde(default, deserialize_with = "null_is_empty")]
    diff_ids: Vec<String>,
}

/// A list as Go writes it: an empty one is `null`.
fn null_is_empty<'de, D: Deserializer<'de>>(list: D) -> Result<Vec<String>, D::Error> {
    Ok(Option::deserialize(list)?.unwrap_or_default())
}

/// A manifest, its members in the order in which they are written.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Made {
    schema_version: u8,
    media_type: &'static str,
    config: MadeDescriptor,
    layers: Vec<MadeDescriptor>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MadeDescriptor {
    media_type: &'static str,
    digest: String,
    size: u64,
}

/// Whether `manifest.json` is one of these.
pub(super) fn is_one(tree: &Tree) -> bool {
    read(tree).is_ok()
}

fn read(tree: &Tree) -> anyhow::Result<Vec<Saved>> {
    let path = tree.file("manifest.json").ok_or_else(|| refused("the archive has no manifest.json"))?;
    serde_json::from_slice(&read_file(&path, INDEX_BYTES)?)
        .map_err(|e| refused(format!("its manifest.json is not what docker save writes: {e}")))
}

/// The image that is meant; its manifest is written into `scratch`.
pub(super) fn image(tree: &Tree, scratch: &Path, wanted: Option<&Version>) -> anyhow::Result<Image> {
    let all = read(tree)?;
    if all.is_empty() {
        return Err(refused("its manifest.json names no image"));
    }
    let all: Vec<(Saved, Vec<String>)> = all
        .into_iter()
        .map(|saved| {
            let names = saved.repo_tags.clone().unwrap_or_default();
            (saved, names)
        })
        .collect();
    let (saved, tag, names) = choose(&all, wanted)?;
    let file =
        |name: &str| tree.file(name).ok_or_else(|| refused(format!("the archive has no file {name:?}, which its manifest.json names")));

    let config_path = file(&saved.config)?;
    let bytes = read_file(&config_path, INDEX_BYTES)?;
    let config: Config = serde_json::from_slice(&bytes).map_err(|e| refused(format!("its configuration is not one of an image: {e}")))?;
    if config.rootfs.diff_ids.len() != saved.layers.len() {
        return Err(refused(format!(
            "its configuration names {} layers, and there are {}",
            config.rootfs.diff_ids.len(),
            saved.layers.len()
        )));
    }
    let mut pieces = Vec::new();
    let config = piece(&mut pieces, config_path, "application/vnd.oci.image.config.v1+json")?;
    let mut layers = Vec::with_capacity(saved.layers.len());
    for (name, diff_id) in saved.layers.iter().zip(&config_diff_ids(&bytes)?) {
        let path = file(name)?;
        let is_gzip = is_gzip(&path)?;
        let media_type = if is_gzip { "application/vnd.oci.image.layer.v1.tar+gzip" } else { "application/vnd.oci.image.layer.v1.tar" };
        let layer = piece(&mut pieces, path, media_type)?;
        if !is_gzip && layer.digest != *diff_id {
            return Err(refused(format!(
                "the layer {name:?} is {}, and the image's configuration says {diff_id}: it is damaged",
                layer.digest
            )));
        }
        layers.push(layer);
    }
    let manifest = serde_json::to_vec(&Made { schema_version: 2, media_type: OCI_MANIFEST, config, layers })?;
    let path = scratch.join("made-manifest.json");
    std::fs::write(&path, &manifest)?;
    piece(&mut pieces, path, OCI_MANIFEST)?;
    if let Some(manifest) = pieces.last_mut() {
        manifest.kind = Kind::Manifest;
    }
    Ok(Image { pieces, tag, names: names.to_vec(), notes: Vec::new() })
}

fn config_diff_ids(bytes: &[u8]) -> anyhow::Result<Vec<String>> {
    Ok(serde_json::from_slice::<Config>(bytes)?.rootfs.diff_ids)
}

fn piece(pieces: &mut Vec<Piece>, path: PathBuf, media_type: &'static str) -> anyhow::Result<MadeDescriptor> {
    let file = FileArtifact::open(&path)?;
    let digest = Digest::Sha256(file.digests().sha256);
    pieces.push(Piece { kind: Kind::Blob, digest, path });
    Ok(MadeDescriptor { media_type, digest: digest.to_string(), size: file.size() })
}

fn is_gzip(path: &Path) -> anyhow::Result<bool> {
    let mut magic = Vec::new();
    let file = std::fs::File::open(path).map_err(|e| wrong(format!("{}: {e}", path.display())))?;
    file.take(2).read_to_end(&mut magic)?;
    Ok(magic == [0x1f, 0x8b])
}
