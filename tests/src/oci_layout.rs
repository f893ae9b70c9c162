//! Images in OCI layouts (OCI image specification, "Image Layout"), written here byte by byte: always the same for the same words, with
//! layers larger than what a registry keeps in memory, so that what clients get was read from its disk.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "only tests are made of it, and they may stop where they stand")]

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// Media type of a manifest.
pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// Media type of an index.
pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// Media type of an image's configuration.
pub const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
/// Media type of a layer.
pub const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
/// What is in each layer beside the words that were given.
const NOISE_BYTES: usize = 1_500_000;

/// A layer: one file, `content`.
#[derive(Debug, Clone)]
pub struct Layer {
    /// As it is unpacked.
    pub tar: Vec<u8>,
    /// As it is sent: in gzip, which stores it, so that two contents of one length are two layers of one length.
    pub packed: Vec<u8>,
}

/// A folder that is a layout.
#[derive(Debug)]
pub struct Layout(PathBuf);

/// `sha256:<hex>`.
#[must_use]
pub fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

/// Of what the layout's index names first.
#[must_use]
pub fn root_digest(layout: &Path) -> String {
    let index: Value = serde_json::from_slice(&fs::read(layout.join("index.json")).unwrap()).unwrap();
    index.pointer("/manifests/0/digest").and_then(Value::as_str).unwrap().to_owned()
}

impl Layer {
    /// With these words in its file.
    #[must_use]
    pub fn new(words: &str) -> Self {
        let mut tar = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_ustar();
        let content = [words.as_bytes(), b"\n", &noise(NOISE_BYTES)].concat();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, "content", content.as_slice()).unwrap();
        let tar = tar.into_inner().unwrap();
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
        gzip.write_all(&tar).unwrap();
        Layer { packed: gzip.finish().unwrap(), tar }
    }
}

impl Layout {
    /// An empty one in `parent/layout`.
    #[must_use]
    pub fn new(parent: &Path) -> Self {
        let folder = parent.join("layout");
        fs::create_dir_all(folder.join("blobs/sha256")).unwrap();
        fs::write(folder.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
        Layout(folder)
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.0
    }

    /// The folder, as an argument.
    #[must_use]
    pub fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }

    /// Keeps bytes, and answers their descriptor.
    #[must_use]
    pub fn blob(&self, media_type: &str, bytes: &[u8]) -> Value {
        let digest = digest(bytes);
        fs::write(self.0.join("blobs").join(digest.replace(':', "/")), bytes).unwrap();
        json!({ "mediaType": media_type, "digest": digest, "size": bytes.len() })
    }

    /// The same of JSON.
    #[must_use]
    pub fn document(&self, media_type: &str, document: &Value) -> Value {
        self.blob(media_type, &serde_json::to_vec(document).unwrap())
    }

    /// Makes this manifest or index, and nothing else, what the layout holds.
    pub fn names(&self, mut root: Value, name: &str) {
        root["annotations"] = json!({ "org.opencontainers.image.ref.name": name });
        let index = json!({ "schemaVersion": 2, "manifests": [root] });
        fs::write(self.0.join("index.json"), serde_json::to_vec(&index).unwrap()).unwrap();
    }

    /// An image for Linux with one layer.
    #[must_use]
    pub fn image(&self, layer: &Layer, architecture: &str) -> Value {
        let packed = self.blob(LAYER, &layer.packed);
        let config = json!({ "architecture": architecture, "os": "linux", "config": { "Cmd": ["/content"] },
            "rootfs": { "type": "layers", "diff_ids": [digest(&layer.tar)] } });
        let config = self.document(CONFIG, &config);
        let document = json!({ "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [packed] });
        let mut manifest = self.document(MANIFEST, &document);
        manifest["platform"] = json!({ "architecture": architecture, "os": "linux" });
        manifest
    }

    /// An index of an image for amd64 and one for arm64.
    pub fn two_platforms(&self, what: &str, name: &str) -> Value {
        let image = |architecture: &str| self.image(&Layer::new(&format!("{what} {architecture}")), architecture);
        let manifests = json!([image("amd64"), image("arm64")]);
        let root = self.document(INDEX, &json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": manifests }));
        self.names(root.clone(), name);
        root
    }
}

/// Bytes that look random and are always the same.
#[must_use]
pub fn noise(length: usize) -> Vec<u8> {
    let mut state: u32 = 1;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    (0..length).map(|_| next()).collect()
}
