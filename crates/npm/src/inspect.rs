//! Inspection: from one tarball to the manifest of its release (spec/projections/npm.md §3). Done by the publisher and
//! again by the server, with one result. Believes package.json about the name and version, and nothing else about itself.

use crate::archive::{self, ArchiveLimits};
use crate::limits;
use crate::package_json::{PackageJson, base_name};
use deedbox_model::{Artifact, Channel, Manifest, ObjectRef, Value};
use deedbox_view::{ArtifactSource, InspectRefusal, Inspection};
use std::collections::BTreeMap;
use std::io::Read;

/// The role of the one artifact.
pub(crate) const ROLE: &str = "tarball";
/// Its media type.
pub(crate) const MEDIA_TYPE: &str = "application/octet-stream";

/// Reads the one tarball of a release.
pub(crate) fn inspect(artifacts: &[&dyn ArtifactSource], limits: &ArchiveLimits) -> Result<Inspection, InspectRefusal> {
    let &[artifact] = artifacts else {
        return Err(refuse(
            "artifact_count",
            format!("an npm release is one tarball, and there are {} files; give one .tgz", artifacts.len()),
        ));
    };
    if artifact.size() > limits::TARBALL_BYTES {
        return Err(refuse(
            "tarball_too_large",
            format!("the tarball has {} bytes, more than {}; publish fewer or smaller files", artifact.size(), limits::TARBALL_BYTES),
        ));
    }
    let mut bytes = artifact.open().map_err(|e| refuse("artifact_unreadable", format!("the tarball cannot be read: {e}")))?;
    let contents = Contents::read(&mut bytes, limits)?;
    let package = PackageJson::read(&contents.package_json)?;
    let readme = contents.readme.and_then(|readme| readme.bytes);
    let channels = match &package.tag {
        Some(tag) => vec![tag.clone()],
        // npm asks for an explicit tag here; the publisher may name one.
        None if package.version.is_prerelease() => Vec::new(),
        None => vec![latest()?],
    };

    let id = package.name.id().map_err(|e| refuse("package_json_name", e.to_string()))?;
    let native_name = package.name.native_key().map_err(|e| refuse("package_json_name", e.to_string()))?;
    let native_version = package.version.native_key().map_err(|e| refuse("package_json_version", e.to_string()))?;
    let tarball = Artifact {
        name: tarball_name(package.name.segment(), package.version.native()),
        role: ROLE.to_owned(),
        size: artifact.size(),
        digests: artifact.digests(),
        media_type: MEDIA_TYPE.to_owned(),
    };

    let builds_itself = contents.has_gyp && !package.gyp_opt_out && !package.has_script(&["preinstall", "install"]);
    let has_install_script = builds_itself || package.has_script(&["preinstall", "install", "postinstall"]);
    let mut native = package.fields;
    if let Some(folder) = &package.bin_folder {
        let commands = commands_in(folder, &contents.paths);
        if !commands.is_empty() {
            native.insert("bin".to_owned(), Value::Map(commands));
        }
    }
    if has_install_script {
        native.insert("hasInstallScript".to_owned(), Value::Bool(true));
    }
    if contents.has_shrinkwrap {
        native.insert("_hasShrinkwrap".to_owned(), Value::Bool(true));
    }
    native.insert("fileCount".to_owned(), count(contents.totals.files));
    native.insert("unpackedSize".to_owned(), count(contents.totals.bytes));
    let native = Value::Map(native);
    let size = deedbox_model::encode(&native).map_err(|e| refuse("package_json_field", e.to_string()))?.len();
    if size > limits::NATIVE_BYTES {
        return Err(refuse(
            "package_json_too_much",
            format!(
                "package.json says {size} bytes of what every version's document repeats, more than {}; shorten its lists",
                limits::NATIVE_BYTES
            ),
        ));
    }

    let mut metadata = package.metadata;
    metadata.readme = readme.as_deref().map(ObjectRef::of);
    let version = package.version.neutral().clone();
    let manifest = Manifest { id, native, source: None, version, metadata, artifacts: vec![tarball], native_name, native_version };
    Ok(Inspection { manifest, readme, channels })
}

/// `N-V.tgz`: what npm calls the tarball of `@D/N` in a registry's URLs.
pub(crate) fn tarball_name(segment: &str, native_version: &str) -> String {
    format!("{segment}-{native_version}.tgz")
}

fn refuse(code: &'static str, message: impl Into<String>) -> InspectRefusal {
    InspectRefusal::new(code, message)
}

fn latest() -> Result<Channel, InspectRefusal> {
    Channel::parse("latest").map_err(|e| refuse("package_json_tag", e.to_string()))
}

fn count(n: u64) -> Value {
    Value::Int(i64::try_from(n).unwrap_or(i64::MAX))
}

/// What matters of a tarball's members.
#[derive(Default)]
pub(crate) struct Contents {
    pub(crate) package_json: Vec<u8>,
    readme: Option<Readme>,
    has_gyp: bool,
    has_shrinkwrap: bool,
    totals: archive::Totals,
    /// Every regular file, for `directories.bin`.
    paths: Vec<String>,
}

struct Readme {
    rank: (u8, String),
    /// None if it is too long to be kept.
    bytes: Option<Vec<u8>>,
}

impl Contents {
    pub(crate) fn read(compressed: &mut dyn Read, limits: &ArchiveLimits) -> Result<Self, InspectRefusal> {
        let mut contents = Contents::default();
        let mut package_json = None;
        let totals = archive::read(compressed, limits, &mut |member| {
            contents.paths.push(member.path.to_owned());
            match member.path {
                "package.json" => {
                    if member.size > limits::PACKAGE_JSON_BYTES {
                        return Err(refuse(
                            "package_json_too_large",
                            format!("package.json has {} bytes, more than {}; shorten it", member.size, limits::PACKAGE_JSON_BYTES),
                        ));
                    }
                    package_json = Some(read_whole(member)?);
                }
                "binding.gyp" => contents.has_gyp = true,
                "npm-shrinkwrap.json" => contents.has_shrinkwrap = true,
                path => {
                    if let Some(rank) = readme_rank(path)
                        && contents.readme.as_ref().is_none_or(|kept| rank < kept.rank)
                    {
                        let bytes = if member.size <= limits::README_BYTES { Some(read_whole(member)?) } else { None };
                        contents.readme = Some(Readme { rank, bytes });
                    }
                }
            }
            Ok(())
        })?;
        contents.totals = totals;
        contents.package_json = package_json.ok_or_else(|| {
            refuse("package_json_missing", "there is no package.json in the tarball's top folder; pack the package with npm pack")
        })?;
        Ok(contents)
    }
}

fn read_whole(member: archive::Member<'_>) -> Result<Vec<u8>, InspectRefusal> {
    let mut bytes = Vec::new();
    member
        .bytes
        .take(member.size)
        .read_to_end(&mut bytes)
        .map_err(|e| refuse("archive_damaged", format!("the tarball is damaged ({e}); pack it again with npm pack")))?;
    if bytes.len() as u64 != member.size {
        return Err(refuse("archive_damaged", "the tarball ends too early; pack it again with npm pack"));
    }
    Ok(bytes)
}

/// Which of several readmes is shown: Markdown first, then the plain one, then others; ties by bytes.
fn readme_rank(path: &str) -> Option<(u8, String)> {
    let lower = path.to_ascii_lowercase();
    let rank = match lower.strip_prefix("readme")? {
        ".md" | ".markdown" => 0,
        "" => 1,
        rest if rest.starts_with('.') && !rest.contains('/') => 2,
        _ => return None,
    };
    (!path.contains('/')).then(|| (rank, path.to_owned()))
}

/// `directories.bin`: every file below it that is not hidden is a command.
fn commands_in(folder: &str, paths: &[String]) -> BTreeMap<String, Value> {
    let prefix = format!("{}/", folder.trim_end_matches('/'));
    let inside = paths.iter().filter(|path| path.strip_prefix(&prefix).is_some_and(|rest| !rest.starts_with('.')));
    inside.map(|path| (base_name(path).to_owned(), Value::from(path.as_str()))).collect()
}
