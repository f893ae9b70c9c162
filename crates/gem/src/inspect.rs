//! Inspection: from the `.gem` files of one version to the manifest of its release (spec/projections/gem.md §3). Done by
//! the publisher and again by the server, with one result.

use crate::index;
use crate::limits::{FILES, GEM_BYTES, INFO_LINE_BYTES, NATIVE_BYTES};
use crate::name::GemName;
use crate::package::{self, Package};
use crate::spec::Spec;
use crate::version::GemVersion;
use deedbox_archive::tar::ArchiveLimits;
use deedbox_model::limits::{DESCRIPTION_BYTES, LICENCE_BYTES, URL_BYTES};
use deedbox_model::{Artifact, Manifest, Metadata, ObjectRef, PackageId, TimeMs, Value};
use deedbox_view::{ArtifactSource, InspectRefusal, Inspection, Said};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The role of each artifact.
pub(crate) const ROLE: &str = "gem";
/// Its media type.
pub(crate) const MEDIA_TYPE: &str = "application/octet-stream";
/// The key in a gemspec's metadata that says which package a gem is.
pub(crate) const ID_KEY: &str = "deedbox_id";

/// The `native` of a manifest: one specification for each artifact, in the artifacts' order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Native {
    pub(crate) gems: Vec<Spec>,
}

impl Native {
    /// Out of a manifest; none if it is not one of gems.
    pub(crate) fn of(manifest: &Manifest) -> Option<Self> {
        let bytes = deedbox_model::encode(&manifest.native).ok()?;
        deedbox_model::encoding::decode(&bytes).ok()
    }

    fn value(&self) -> Result<Value, InspectRefusal> {
        let encode =
            |e: &dyn std::fmt::Display| refuse("gem_metadata_field", format!("the gem's metadata cannot be kept ({e}); shorten it"));
        let bytes = deedbox_model::encode(self).map_err(|e| encode(&e))?;
        if bytes.len() > NATIVE_BYTES {
            return Err(refuse(
                "gem_metadata_too_much",
                format!(
                    "the metadata of all platforms says {} bytes of what is kept, more than {NATIVE_BYTES}; shorten its texts",
                    bytes.len()
                ),
            ));
        }
        deedbox_model::encoding::decode(&bytes).map_err(|e| encode(&e))
    }
}

/// What a gem calls itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Its name.
    pub name: String,
    /// Its version, as it is written.
    pub version: String,
    /// The name of its file: `N-V[-P].gem`.
    pub file_name: String,
    /// What it says that its package is here, if it says it.
    pub id: Option<String>,
}

/// What a gem calls itself, read as hostile as it may be.
///
/// # Errors
/// As inspection does.
pub fn identify(artifact: &dyn ArtifactSource) -> Result<Identity, InspectRefusal> {
    let Package { spec, .. } = open(artifact, &ArchiveLimits::default())?;
    let id = spec.metadata.get(ID_KEY).cloned();
    Ok(Identity { file_name: format!("{}.gem", spec.full_name()), name: spec.name, version: spec.version, id })
}

fn refuse(code: &'static str, message: impl Into<String>) -> InspectRefusal {
    InspectRefusal::new(code, message)
}

/// Reads the gems of a release.
pub(crate) fn inspect(said: &Said<'_>, artifacts: &[&dyn ArtifactSource], limits: &ArchiveLimits) -> Result<Inspection, InspectRefusal> {
    if artifacts.is_empty() || artifacts.len() > FILES {
        return Err(refuse(
            "artifact_count",
            format!("a release is 1 to {FILES} .gem files, one for each platform, and there are {}", artifacts.len()),
        ));
    }
    let mut gems =
        artifacts.iter().map(|artifact| Ok((*artifact, open(*artifact, limits)?))).collect::<Result<Vec<_>, InspectRefusal>>()?;
    gems.sort_by_key(|(artifact, _)| artifact.name().to_owned());
    // The plain one stands for the others.
    let first = gems.iter().map(|(_, package)| &package.spec).min_by_key(|spec| spec.platform.clone()).cloned();
    let first = first.ok_or_else(|| refuse("artifact_count", "there is no .gem"))?;
    for (artifact, Package { spec, .. }) in &gems {
        if !spec.has_file_name(artifact.name()) {
            let shown: String = artifact.name().escape_debug().take(120).collect();
            return Err(refuse(
                "gem_file_name",
                format!("the file is called {shown:?}, and what is inside is {}; give it back that name", file_name(spec)),
            ));
        }
        if spec.name != first.name || spec.version != first.version || spec.metadata.get(ID_KEY) != first.metadata.get(ID_KEY) {
            return Err(refuse(
                "gem_not_one_release",
                format!("{} and {} differ in name, version or {ID_KEY}; publish them one by one", file_name(&first), file_name(spec)),
            ));
        }
    }
    let platforms: BTreeSet<_> = gems.iter().map(|(_, package)| package.spec.platform.as_deref()).collect();
    let names: BTreeSet<_> = gems.iter().map(|(artifact, _)| artifact.name()).collect();
    if platforms.len() != gems.len() || names.len() != gems.len() {
        return Err(refuse("gem_platform_twice", "two of the .gem files are for one platform; give one of them"));
    }

    let name = name_of(said, &first)?;
    let version = GemVersion::parse(&first.version).map_err(|e| refuse("gem_version", e.to_string()))?;
    for (_, Package { spec, .. }) in &gems {
        // The longest digest and time make the line no longer than these.
        let line = index::info_line(spec, &"0".repeat(64), TimeMs::default());
        if line.len() > INFO_LINE_BYTES {
            return Err(refuse(
                "gem_too_many_dependencies",
                format!(
                    "the dependencies of {} make a line of more than {INFO_LINE_BYTES} bytes in the index; depend on less",
                    spec.full_name()
                ),
            ));
        }
    }
    let artifact = |artifact: &dyn ArtifactSource| Artifact {
        name: artifact.name().to_owned(),
        role: ROLE.to_owned(),
        size: artifact.size(),
        digests: artifact.digests(),
        media_type: MEDIA_TYPE.to_owned(),
    };
    let native = Native { gems: gems.iter().map(|(_, package)| package.spec.clone()).collect() }.value()?;
    let readme = gems.iter_mut().find_map(|(_, package)| package.readme.take());
    let manifest = Manifest {
        id: name.id().map_err(|e| refuse("gem_name", e.to_string()))?,
        native,
        source: None,
        version: version.neutral().clone(),
        metadata: Metadata { readme: readme.as_deref().map(ObjectRef::of), ..metadata(&first) },
        artifacts: gems.iter().map(|(source, _)| artifact(*source)).collect(),
        native_name: name.native_key().map_err(|e| refuse("gem_name", e.to_string()))?,
        native_version: version.native_key().map_err(|e| refuse("gem_version", e.to_string()))?,
    };
    Ok(Inspection { manifest, readme, channels: Vec::new() })
}

/// `N-V[-P].gem`.
fn file_name(spec: &Spec) -> String {
    format!("{}.gem", spec.full_name())
}

fn open(artifact: &dyn ArtifactSource, limits: &ArchiveLimits) -> Result<Package, InspectRefusal> {
    if artifact.size() > GEM_BYTES {
        return Err(refuse(
            "gem_too_large",
            format!("the gem has {} bytes, more than {GEM_BYTES}; publish fewer or smaller files", artifact.size()),
        ));
    }
    let mut bytes = artifact.open().map_err(|e| refuse("artifact_unreadable", format!("the gem cannot be read: {e}")))?;
    package::read(&mut bytes, limits)
}

/// A gem has no domain in it: the gemspec's metadata names the package, or else its publisher.
fn name_of(said: &Said<'_>, spec: &Spec) -> Result<GemName, InspectRefusal> {
    let id = match (spec.metadata.get(ID_KEY), said.id) {
        (Some(text), _) => PackageId::parse(text)
            .map_err(|e| refuse("gem_id", format!("{ID_KEY} in the gem's metadata: {e}; write it like gem:acme.example/{}", spec.name)))?,
        (None, Some(id)) => id.clone(),
        (None, None) => {
            return Err(refuse(
                "gem_no_id",
                format!(
                    "a gem does not say whose it is: give --id gem:acme.example/{name} with your domain, or put \"{ID_KEY}\" => \"gem:acme.example/{name}\" into the metadata of the gemspec",
                    name = spec.name
                ),
            ));
        }
    };
    let name = GemName::from_id(&id).map_err(|e| refuse("gem_name", e.to_string()))?;
    if name.name() != spec.name {
        return Err(refuse("gem_id", format!("{id} and the gem {} differ in name; change one of them", spec.name)));
    }
    Ok(name)
}

/// For every ecosystem alike; what does not fit is left out.
fn metadata(spec: &Spec) -> Metadata {
    let fits = |text: &str, limit: usize| Metadata::may_hold(text, limit).then(|| text.to_owned());
    // A control character is not part of what people read of it elsewhere.
    let one_line = |text: &str| {
        text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
    };
    let url = |keys: &[&str]| keys.iter().find_map(|key| spec.metadata.get(*key)).and_then(|url| fits(url, URL_BYTES));
    Metadata {
        readme: None,
        licence: fits(&spec.licenses.join(" OR "), LICENCE_BYTES),
        keywords: Vec::new(),
        homepage: spec.homepage.as_deref().and_then(|url| fits(url, URL_BYTES)).or_else(|| url(&["homepage_uri"])),
        repository: url(&["source_code_uri"]),
        description: spec.summary.as_deref().and_then(|text| fits(&one_line(text), DESCRIPTION_BYTES)),
    }
}
