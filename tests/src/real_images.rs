//! Real images: file systems out of Debian's packages, a package a layer, put together by Buildah, umoci and Skopeo, since no image can be
//! pulled where the tests run. Nothing of them is installed, and no container is run.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::Read as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, ensure};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::{
    debian::{ARCHITECTURES, archive},
    images::Bench,
};

/// Debian's packages that images are made with.
pub const TOOLS: [&str; 3] = ["buildah", "skopeo", "umoci"];
/// The version of each, and its name in the layout it is made in.
pub const VERSION: &str = "1.0";

/// Perl with all that it needs to run, and the world's time zones.
const PERL: [&str; 5] = ["busybox-static", "libc6", "libcrypt1", "perl-base", "tzdata"];
/// Whom to trust.
const CERTIFICATES: [&str; 3] = ["busybox-static", "ca-certificates", "netbase"];
/// Of one architecture and of all.
const EVERYWHERE: [&str; 3] = ["busybox-static", "netbase", "tzdata"];

/// An image as a tool wrote it.
#[derive(Debug, Clone)]
pub struct RealImage {
    /// What it is called.
    pub name: String,
    /// A layout, or an archive of `docker save`.
    pub path: PathBuf,
    /// All that it consists of.
    pub pieces: Pieces,
}

/// Manifests and blobs by digest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pieces {
    /// Manifests and indexes; none in what `docker save` writes.
    pub manifests: BTreeMap<String, Vec<u8>>,
    /// Configurations and layers.
    pub blobs: BTreeMap<String, Vec<u8>>,
}

/// Makes all five: `perl` by Buildah, with layers in gzip; `certificates` by umoci; `perl-zstd` with the layers packed anew in zstd;
/// `perl-saved`, an archive with layers that are not packed; `everywhere`, an index of two
/// platforms, each made by umoci.
///
/// # Errors
/// When a package cannot be fetched or a tool refuses; in words.
pub fn made(bench: &Bench) -> anyhow::Result<Vec<RealImage>> {
    let [native, other] = ARCHITECTURES;
    let at = |name: &str| format!("oci:{name}:{VERSION}");
    let policy = bench.path("policy.json");
    let perl = layered(bench, &PERL)?;
    bench.store("buildah", &["push", "-q", "--signature-policy", &policy, &perl, &at("perl")]).done()?;

    unpacked(bench, "certificates", native, &CERTIFICATES)?;

    let zstd = ["copy", "--quiet", "--dest-compress-format", "zstd", &at("perl"), &at("perl-zstd")];
    bench.skopeo(&zstd).done().context("layers in zstd")?;
    let saved = format!("docker-archive:perl-saved.tar:demo/perl:{VERSION}");
    bench.skopeo(&["copy", "--quiet", &at("perl"), &saved]).done().context("as docker save has it")?;

    bench.store("buildah", &["manifest", "create", "everywhere"]).done()?;
    for architecture in [native, other] {
        let name = format!("everywhere-{architecture}");
        unpacked(bench, &name, architecture, &EVERYWHERE)?;
        bench.store("buildah", &["manifest", "add", "--arch", architecture, "everywhere", &at(&name)]).done()?;
    }
    let all = ["manifest", "push", "-q", "--all", "--signature-policy", &policy, "everywhere", &at("everywhere")];
    bench.store("buildah", &all).done().context("an index of both")?;

    let image = |name: &'static str| {
        let path = bench.folder().join(name);
        anyhow::Ok(RealImage { name: name.to_owned(), pieces: Pieces::of_layout(&path)?, path })
    };
    let saved = bench.folder().join("perl-saved.tar");
    Ok(vec![
        image("perl")?,
        image("certificates")?,
        image("perl-zstd")?,
        RealImage { name: "perl-saved".to_owned(), pieces: Pieces::of_archive(&saved)?, path: saved },
        image("everywhere")?,
    ])
}

/// Packages of which small images are made.
const SMALL: [&str; 5] = ["busybox-static", "netbase", "tzdata", "ca-certificates", "libc6"];

/// Fifteen small images, of a package each, in three forms: as umoci makes them, with the layer packed anew in zstd, and as
/// `docker save` has them.
///
/// # Errors
/// When a package cannot be fetched or a tool refuses; in words.
pub fn small(bench: &Bench) -> anyhow::Result<Vec<RealImage>> {
    let [native, _] = ARCHITECTURES;
    let mut images = Vec::new();
    for package in SMALL {
        let [plain, zstd, saved] = ["plain", "zstd", "saved"].map(|form| format!("small-{package}-{form}"));
        unpacked(bench, &plain, native, &[package])?;
        let from = format!("oci:{plain}:{VERSION}");
        bench.skopeo(&["copy", "--quiet", "--dest-compress-format", "zstd", &from, &format!("oci:{zstd}:{VERSION}")]).done()?;
        bench.skopeo(&["copy", "--quiet", &from, &format!("docker-archive:{saved}.tar:demo/{saved}:{VERSION}")]).done()?;
        for name in [plain, zstd] {
            let path = bench.folder().join(&name);
            images.push(RealImage { pieces: Pieces::of_layout(&path)?, name, path });
        }
        let path = bench.folder().join(format!("{saved}.tar"));
        images.push(RealImage { pieces: Pieces::of_archive(&path)?, name: saved, path });
    }
    Ok(images)
}

/// An image in Buildah's store, one layer of it for each package.
fn layered(bench: &Bench, packages: &[&str]) -> anyhow::Result<String> {
    let policy = bench.path("policy.json");
    let mut image = "scratch".to_owned();
    for package in packages {
        let tar = file_system(bench, package)?;
        let from = bench.store("buildah", &["from", "--pull-never", "--signature-policy", &policy, &image]).done()?.out;
        bench.store("buildah", &["add", "--quiet", from.trim(), &tar, "/"]).done()?;
        image = format!("with-{package}");
        bench.store("buildah", &["commit", "--quiet", "--signature-policy", &policy, from.trim(), &image]).done()?;
    }
    Ok(image)
}

/// An image that umoci packs again after each package that is laid over it.
fn unpacked(bench: &Bench, name: &str, architecture: &str, packages: &[&str]) -> anyhow::Result<()> {
    let (image, bundle) = (format!("{name}:{VERSION}"), format!("{name}-bundle"));
    bench.run("umoci", &["init", "--layout", name]).done()?;
    bench.run("umoci", &["new", "--image", &image]).done()?;
    bench.run("umoci", &["config", "--image", &image, "--architecture", architecture, "--os", "linux"]).done()?;
    bench.run("umoci", &["unpack", "--rootless", "--image", &image, &bundle]).done()?;
    for package in packages {
        let deb = archive(package, architecture)?;
        bench.run("dpkg-deb", &["--extract", &deb.display().to_string(), &format!("{bundle}/rootfs")]).done()?;
        bench.run("umoci", &["repack", "--refresh-bundle", "--image", &image, &bundle]).done()?;
    }
    // What each step left behind.
    bench.run("umoci", &["gc", "--layout", name]).done()?;
    Ok(())
}

/// The files of a package, as a tar.
fn file_system(bench: &Bench, package: &str) -> anyhow::Result<String> {
    let ([native, _], path) = (ARCHITECTURES, bench.path(&format!("{package}.tar")));
    let mut command = Command::new("dpkg-deb");
    command.arg("--fsys-tarfile").arg(archive(package, native)?).stdin(Stdio::null()).stdout(File::create(&path)?);
    ensure!(command.status().context("dpkg-deb cannot be started")?.success(), "dpkg-deb cannot read {package}");
    Ok(path)
}

impl Pieces {
    /// Of the one image in an OCI layout: what its `index.json` names, and all that this names.
    ///
    /// # Errors
    /// When a piece is not there, or is not what it is named.
    pub fn of_layout(layout: &Path) -> anyhow::Result<Self> {
        let mut pieces = Pieces::default();
        let index: Value = serde_json::from_slice(&fs::read(layout.join("index.json"))?)?;
        let mut waiting = descriptors(&index);
        ensure!(waiting.len() == 1, "{} has {} images", layout.display(), waiting.len());
        while let Some((media_type, digest)) = waiting.pop() {
            let bytes = fs::read(layout.join("blobs").join(digest.replace(':', "/")))?;
            ensure!(named(&bytes) == digest, "{digest} is something else");
            if media_type.contains("manifest") || media_type.contains("index") {
                waiting.extend(descriptors(&serde_json::from_slice(&bytes)?));
                pieces.manifests.insert(digest, bytes);
            } else {
                pieces.blobs.insert(digest, bytes);
            }
        }
        Ok(pieces)
    }

    /// Of an archive that `docker save` could have written: its configuration and its layers.
    ///
    /// # Errors
    /// When a piece is not there.
    pub fn of_archive(archive: &Path) -> anyhow::Result<Self> {
        let mut files = BTreeMap::new();
        for entry in tar::Archive::new(File::open(archive)?).entries()? {
            let mut entry = entry?;
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes)?;
            files.insert(entry.path()?.to_string_lossy().into_owned(), bytes);
        }
        let listed: Value = serde_json::from_slice(files.get("manifest.json").context("no manifest.json")?)?;
        let image = listed.get(0).context("no image")?;
        let layers = image.get("Layers").and_then(Value::as_array).context("no layers")?;
        let mut pieces = Pieces::default();
        for name in layers.iter().chain(image.get("Config")) {
            let bytes = files.remove(name.as_str().context("no name")?).with_context(|| format!("no {name}"))?;
            pieces.blobs.insert(named(&bytes), bytes);
        }
        Ok(pieces)
    }

    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = (&String, &Vec<u8>)> {
        self.manifests.iter().chain(&self.blobs)
    }

    /// How many bytes they have together.
    #[must_use]
    pub fn size(&self) -> usize {
        self.all().map(|(_, bytes)| bytes.len()).sum()
    }
}

fn named(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

/// Media type and digest of all that a manifest or an index names.
fn descriptors(document: &Value) -> Vec<(String, String)> {
    let lists = ["manifests", "layers"].into_iter().filter_map(|key| document.get(key)?.as_array()).flatten();
    let text = |descriptor: &Value, key: &str| descriptor.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let all = lists.chain(document.get("config"));
    all.map(|descriptor| (text(descriptor, "mediaType"), text(descriptor, "digest"))).collect()
}
