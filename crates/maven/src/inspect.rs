//! Inspection: from the files of one coordinate and version to the manifest of their release (spec/projections/maven.md
//! §3). Done by the publisher and again by the server, with one result. The POM says who it is; the id says where the
//! domain ends in its group. What a jar says of its version is nobody's law: Maven never looks.

use crate::files::FileName;
use crate::limits;
use crate::name::{Coordinates, METADATA};
use crate::pom::{Pom, cut};
use crate::version::{PackageVersion, snapshot_prefix};
use crate::xml::{self, Ask};
use deedbox_archive::zip::{self, Wanted, ZipLimits};
use deedbox_model::{Artifact, Manifest, Value};
use deedbox_view::{ArtifactSource, InspectRefusal, Inspection, Said};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;

/// What a plugin is packed as.
const PLUGIN: &str = "maven-plugin";
const PLUGIN_XML: &str = "META-INF/maven/plugin.xml";

/// Reads the files of a release.
pub(crate) fn inspect(said: &Said<'_>, artifacts: &[&dyn ArtifactSource]) -> Result<Inspection, InspectRefusal> {
    if artifacts.len() > limits::FILES {
        return Err(refuse(
            "artifact_count",
            format!("a release has at most {} files, and there are {}; publish fewer", limits::FILES, artifacts.len()),
        ));
    }
    let (pom_file, pom) = find_pom(artifacts)?;
    let coordinates = Coordinates::new(&pom.group, &pom.artifact).map_err(|e| refuse("pom_name", e.to_string()))?;
    let id = said.id.ok_or_else(|| which_id(&coordinates))?;
    let named = Coordinates::from_id(id).map_err(|e| refuse("id_name", e.to_string()))?;
    if named != coordinates {
        return Err(refuse(
            "id_differs",
            format!("{id} is {named} in Maven, and the POM says {coordinates}; give the id that belongs to it{}", or_ids(&coordinates)),
        ));
    }
    let version = version_of(&coordinates, &pom, pom_file)?;
    let stem = format!("{}-{version}", coordinates.artifact());
    let mut files = BTreeMap::new();
    for artifact in artifacts {
        let tail = artifact.name().strip_prefix(&stem).and_then(FileName::of_tail);
        let Some(name) = tail.filter(|_| artifact.name().len() <= limits::FILE_NAME_BYTES && artifact.name() != METADATA) else {
            return Err(refuse(
                "file_name",
                format!(
                    "{:?} is not a file of {coordinates}:{version}: it is called {stem}.EXTENSION or {stem}-CLASSIFIER.EXTENSION; checksums \
                     are made by the registry",
                    artifact.name().chars().take(120).collect::<String>()
                ),
            ));
        };
        if artifact.size() > limits::FILE_BYTES {
            return Err(refuse(
                "file_too_large",
                format!("{} has {} bytes, more than {}; publish smaller files", artifact.name(), artifact.size(), limits::FILE_BYTES),
            ));
        }
        files.insert(artifact.name().to_owned(), (*artifact, name));
    }
    let folded: BTreeSet<String> = files.keys().map(|name| name.to_ascii_lowercase()).collect();
    if files.len() != artifacts.len() || folded.len() != files.len() {
        return Err(refuse("file_twice", "two files have one name, or names that are one where case is not told apart; give one"));
    }

    let mut plugin = None;
    for (artifact, name) in files.values().filter(|(_, name)| name.is_zip()) {
        let wanted = [Wanted { name: PLUGIN_XML, bytes: limits::PLUGIN_XML_BYTES }];
        let is_plugin = pom.packaging == PLUGIN && name.classifier.is_none();
        for (_, bytes) in zip::read(*artifact, &ZipLimits::default(), if is_plugin { &wanted } else { &[] })? {
            plugin = Some(bytes);
        }
    }
    let manifest = Manifest {
        id: id.clone(),
        native: native(&coordinates, &pom, plugin.as_deref())?,
        source: None,
        version: version.neutral().clone(),
        native_name: coordinates.native_key().map_err(|e| refuse("pom_name", e.to_string()))?,
        native_version: version.native_key().map_err(|e| refuse("pom_version", e.to_string()))?,
        artifacts: files.into_iter().map(|(name, (artifact, file))| described(name, artifact, &file)).collect(),
        metadata: pom.metadata,
    };
    Ok(Inspection { manifest, readme: None, channels: version.base().cloned().into_iter().collect() })
}

/// The coordinate that a POM says, for finding the id that belongs to it.
pub fn coordinates_of(pom: &Pom) -> Result<Coordinates, InspectRefusal> {
    Coordinates::new(&pom.group, &pom.artifact).map_err(|e| refuse("pom_name", e.to_string()))
}

fn refuse(code: &'static str, message: impl Into<String>) -> InspectRefusal {
    InspectRefusal::new(code, cut(&message.into(), limits::REFUSAL_BYTES))
}

fn which_id(coordinates: &Coordinates) -> InspectRefusal {
    let ids = coordinates.ids();
    if ids.is_empty() {
        return refuse(
            "group_without_domain",
            format!("the group of {coordinates} does not begin with a domain backwards; give it one, like example.acme for acme.example"),
        );
    }
    refuse("id_needed", format!("only you can say where the domain ends in the group of {coordinates}{}", or_ids(coordinates)))
}

fn or_ids(coordinates: &Coordinates) -> String {
    let ids: Vec<String> = coordinates.ids().iter().take(4).map(|id| format!("--id {id}")).collect();
    if ids.is_empty() { String::new() } else { format!(": {}", ids.join(" or ")) }
}

fn read_whole(artifact: &dyn ArtifactSource, limit: u64) -> Result<Vec<u8>, InspectRefusal> {
    let unreadable = |e: std::io::Error| refuse("artifact_unreadable", format!("{} cannot be read: {e}", artifact.name()));
    let mut bytes = Vec::new();
    artifact.open().map_err(unreadable)?.take(limit + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    Ok(bytes)
}

/// The POM of all the files: the shortest name, since a further one has a classifier.
fn find_pom<'a>(artifacts: &[&'a dyn ArtifactSource]) -> Result<(&'a str, Pom), InspectRefusal> {
    let poms = artifacts.iter().filter(|artifact| artifact.name().ends_with(".pom"));
    let Some(file) = poms.min_by_key(|artifact| (artifact.name().len(), artifact.name())) else {
        return Err(refuse("pom_missing", "there is no POM among the files; every release has one, called ARTIFACT-VERSION.pom"));
    };
    let pom = Pom::read(&read_whole(*file, limits::POM_BYTES)?).map_err(|e| refuse(e.code, e.message))?;
    Ok((file.name(), pom))
}

/// The version is in the POM's name; the POM says the same, or the base of that build.
fn version_of(coordinates: &Coordinates, pom: &Pom, file: &str) -> Result<PackageVersion, InspectRefusal> {
    let differs = || {
        let message = format!("{file} is the POM of {coordinates}:{}; it is called ARTIFACT-VERSION.pom", pom.version);
        refuse("pom_file_name", message)
    };
    let named =
        file.strip_prefix(coordinates.artifact()).and_then(|rest| rest.strip_prefix('-')).and_then(|rest| rest.strip_suffix(".pom"));
    let named = named.ok_or_else(differs)?;
    let version = PackageVersion::parse(named).map_err(|e| refuse("pom_version", e.to_string()))?;
    if pom.version == version.as_str() || pom.version == version.folder() {
        return Ok(version);
    }
    Err(match snapshot_prefix(&pom.version) {
        Some(_) => refuse("pom_version", format!("{file} is the POM of the snapshot {}, and its name says another version", pom.version)),
        None => differs(),
    })
}

fn native(coordinates: &Coordinates, pom: &Pom, plugin_xml: Option<&[u8]>) -> Result<Value, InspectRefusal> {
    let mut native = BTreeMap::from([("packaging".to_owned(), Value::from(pom.packaging.as_str()))]);
    let mut put = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            native.insert(key.to_owned(), value);
        }
    };
    put("name", pom.name.as_deref().map(Value::from));
    put("parent", pom.parent.as_deref().map(Value::from));
    put("relocation", (!pom.relocation.is_empty()).then(|| Value::Map(pom.relocation.clone())));
    if pom.packaging == PLUGIN {
        let prefix = match plugin_xml {
            Some(bytes) => {
                let asks = [Ask { path: "plugin/goalPrefix", counts: true, once: true }];
                let texts = xml::read(bytes, "plugin", &asks).map_err(|e| refuse("plugin_xml", format!("{PLUGIN_XML}: {e}")))?;
                texts.get("plugin/goalPrefix").filter(|text| !text.is_empty()).cloned()
            }
            None => None,
        };
        let prefix = cut(&prefix.unwrap_or_else(|| goal_prefix(coordinates.artifact())), limits::PLUGIN_NAME_BYTES);
        put("goalPrefix", Some(Value::from(prefix)));
    }
    Ok(Value::Map(native))
}

/// What Maven derives from a plugin's artifactId where the plugin says nothing.
fn goal_prefix(artifact: &str) -> String {
    if artifact == "maven-plugin-plugin" {
        return "plugin".to_owned();
    }
    let mut out = artifact.to_owned();
    for word in ["maven", "plugin"] {
        let dashed = format!("-{word}-");
        out = match (out.contains(&dashed), out.strip_prefix(&format!("{word}-")), out.strip_suffix(&format!("-{word}"))) {
            (true, ..) => out.replacen(&dashed, "-", 1),
            (_, Some(rest), _) | (_, _, Some(rest)) => rest.to_owned(),
            _ => out,
        };
    }
    out
}

fn described(name: String, artifact: &dyn ArtifactSource, file: &FileName) -> Artifact {
    Artifact {
        name,
        role: file.role().to_owned(),
        size: artifact.size(),
        digests: artifact.digests(),
        media_type: file.media_type().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plugin_without_a_prefix_has_the_one_that_maven_derives() {
        for (artifact, prefix) in
            [("maven-acme-plugin", "acme"), ("acme-maven-plugin", "acme"), ("maven-plugin-plugin", "plugin"), ("acme", "acme")]
        {
            assert_eq!(goal_prefix(artifact), prefix);
        }
    }
}
