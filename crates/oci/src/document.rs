//! Manifests and indexes: what one names (spec/projections/oci.md §3; OCI image specification, manifest.md and
//! image-index.md; Docker image manifest version 2, schema 2). Reads strictly: what two clients could read in two ways
//! is refused. Never fetches what it names.

use crate::digest::Digest;
use crate::limits::{JSON_DEPTH, MANIFEST_BYTES};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use deedbox_model::{Hasher, Value, limits, said};
use deedbox_view::{InspectRefusal, json};
use std::collections::BTreeMap;

/// An OCI image manifest; also of artifacts that are not images.
pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// An OCI index: manifests for several platforms.
pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// A Docker manifest, version 2, schema 2.
pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
/// A Docker manifest list.
pub const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
/// An artifact manifest of the release candidates of OCI 1.1, which some tools have written.
pub const OCI_ARTIFACT: &str = "application/vnd.oci.artifact.manifest.v1+json";

const MEDIA_TYPES: [&str; 5] = [OCI_MANIFEST, OCI_INDEX, DOCKER_MANIFEST, DOCKER_LIST, OCI_ARTIFACT];

/// Members that a reader gives a meaning to. Go's JSON takes `Layers` for `layers`; so such a key is refused.
const KNOWN: [&str; 15] = [
    "schemaVersion",
    "mediaType",
    "artifactType",
    "config",
    "layers",
    "blobs",
    "manifests",
    "subject",
    "annotations",
    "fsLayers",
    "digest",
    "size",
    "urls",
    "data",
    "platform",
];

/// The media type of a manifest that can be here, if it is one.
pub fn manifest_type(media_type: &str) -> Option<&'static str> {
    MEDIA_TYPES.into_iter().find(|known| *known == media_type)
}

/// Whether something is asked for below `manifests/` or below `blobs/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Layers, configurations and everything else.
    Blob,
    /// Manifests and indexes.
    Manifest,
}

impl Kind {
    /// The segment of its URL, and of its artifact's name.
    pub fn folder(self) -> &'static str {
        match self {
            Kind::Blob => "blobs",
            Kind::Manifest => "manifests",
        }
    }
}

/// What a member is for in the manifest that names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// An index or manifest list.
    Index,
    /// A manifest.
    Manifest,
    /// A configuration.
    Config,
    /// A layer.
    Layer,
    /// Any other blob.
    Blob,
}

impl Role {
    /// Its word in a release manifest.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Index => "index",
            Role::Manifest => "manifest",
            Role::Config => "config",
            Role::Layer => "layer",
            Role::Blob => "blob",
        }
    }
    /// Where it is asked for.
    pub fn kind(self) -> Kind {
        match self {
            Role::Index | Role::Manifest => Kind::Manifest,
            Role::Config | Role::Layer | Role::Blob => Kind::Blob,
        }
    }
    fn of_manifest(media_type: &str) -> Self {
        if matches!(media_type, OCI_INDEX | DOCKER_LIST) { Role::Index } else { Role::Manifest }
    }
}

/// What names content: media type, digest, size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Descriptor {
    /// As written; 1 to 255 printable ASCII characters.
    pub media_type: String,
    /// Of its bytes.
    pub digest: Digest,
    /// Bytes.
    pub size: u64,
}

/// One member of a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// What it is for.
    pub role: Role,
    /// What it is.
    pub descriptor: Descriptor,
}

/// A manifest or index, as far as a registry cares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Its own: as it says, or by its shape where an OCI document leaves it out.
    pub media_type: &'static str,
    /// What it names, in its order; each must be in the same release.
    pub members: Vec<Member>,
    /// The manifest that it is about, which may be in an earlier release or nowhere.
    pub subject: Option<Descriptor>,
    /// What kind of artifact it is: its own `artifactType`, else the media type of its configuration.
    pub artifact_type: Option<String>,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
}

impl Document {
    /// Whether it is a manifest list or index, or a manifest.
    pub fn role(&self) -> Role {
        Role::of_manifest(self.media_type)
    }

    /// Reads one.
    pub fn read(bytes: &[u8]) -> Result<Self, InspectRefusal> {
        if bytes.len() as u64 > MANIFEST_BYTES {
            return Err(refuse("manifest_too_large", format!("it has {} bytes, more than {MANIFEST_BYTES}", bytes.len())));
        }
        let value = json::read(bytes, JSON_DEPTH).map_err(|e| match e {
            json::BadJson::Malformed(_) => refuse("manifest_malformed", format!("it is {e}")),
            json::BadJson::DuplicateKey(_) => refuse("manifest_duplicate_key", format!("it is read in two ways: {e}")),
            json::BadJson::TooDeep(_) => refuse("manifest_too_deep", format!("it is {e}")),
        })?;
        let map = object(&value, "it")?;
        let media_type = media_type(map)?;
        let mut document = Document { media_type, members: Vec::new(), subject: None, artifact_type: None, annotations: annotations(map)? };
        let own_type = match map.get("artifactType") {
            None | Some(Value::Null) => None,
            Some(value) => Some(text(value, "artifactType")?).filter(|text| !text.is_empty()),
        };
        match media_type {
            OCI_INDEX | DOCKER_LIST => {
                for value in list(map, "manifests")? {
                    let descriptor = descriptor(value, "manifests")?;
                    let role = match manifest_type(&descriptor.media_type) {
                        Some(known) => Role::of_manifest(known),
                        None if is_schema_1(&descriptor.media_type) => return Err(schema_1()),
                        None => Role::Blob,
                    };
                    document.members.push(Member { role, descriptor });
                }
            }
            OCI_ARTIFACT => {
                for value in list(map, "blobs")? {
                    document.members.push(Member { role: Role::Blob, descriptor: descriptor(value, "blobs")? });
                }
            }
            _ => {
                let config = map.get("config").ok_or_else(|| refuse("manifest_field", "it has no config"))?;
                let config = descriptor(config, "config")?;
                document.artifact_type = Some(config.media_type.clone());
                document.members.push(Member { role: Role::Config, descriptor: config });
                for value in list(map, "layers")? {
                    document.members.push(Member { role: Role::Layer, descriptor: descriptor(value, "layers")? });
                }
            }
        }
        document.artifact_type = own_type.or(document.artifact_type);
        document.subject = match map.get("subject") {
            None | Some(Value::Null) => None,
            Some(value) => {
                let subject = descriptor(value, "subject")?;
                if manifest_type(&subject.media_type).is_none() {
                    let found = shown(&subject.media_type);
                    return Err(refuse("manifest_subject", format!("its subject is a {found:?}, and a subject is a manifest or an index")));
                }
                Some(subject)
            }
        };
        Ok(document)
    }
}

fn refuse(code: &'static str, message: impl Into<String>) -> InspectRefusal {
    InspectRefusal::new(code, message)
}

fn shown(text: &str) -> String {
    text.chars().take(80).collect()
}

fn field(name: &str, why: &str) -> InspectRefusal {
    refuse("manifest_field", format!("its {name} {why}"))
}

/// An object none of whose keys a careless reader takes for another.
fn object<'a>(value: &'a Value, name: &str) -> Result<&'a BTreeMap<String, Value>, InspectRefusal> {
    let map = value.as_map().ok_or_else(|| refuse("manifest_field", format!("{name} is not a JSON object")))?;
    for key in map.keys() {
        if !KNOWN.contains(&key.as_str()) && KNOWN.iter().any(|known| folded(known) == folded(key)) {
            return Err(refuse(
                "manifest_key",
                format!("it has a member {:?}, which some clients take for one in another spelling; rename it", shown(key)),
            ));
        }
    }
    Ok(map)
}

/// Through capitals to small letters: U+017F is an `s` then, and U+212A a `k`, as in Go's JSON.
fn folded(text: &str) -> String {
    text.to_uppercase().to_lowercase()
}

fn text(value: &Value, name: &str) -> Result<String, InspectRefusal> {
    let text = value.as_text().ok_or_else(|| field(name, "is not a text"))?;
    Ok(text.to_owned())
}

/// A list; null is an empty one, as Go writes it.
fn list<'a>(map: &'a BTreeMap<String, Value>, name: &str) -> Result<&'a [Value], InspectRefusal> {
    match map.get(name) {
        Some(Value::List(list)) if list.len() > limits::ARTIFACTS => {
            Err(refuse("closure_too_large", format!("its {name} has more than {} items", limits::ARTIFACTS)))
        }
        Some(Value::List(list)) => Ok(list),
        Some(Value::Null) => Ok(&[]),
        Some(_) => Err(field(name, "is not a list")),
        None => Err(refuse("manifest_field", format!("it has no {name}"))),
    }
}

fn is_schema_1(media_type: &str) -> bool {
    media_type.starts_with("application/vnd.docker.distribution.manifest.v1+")
}

fn schema_1() -> InspectRefusal {
    refuse("manifest_schema_1", "it is a Docker manifest of schema 1, which no client of today reads; build the image again")
}

/// What it says it is, or what its shape says. A shape of two kinds is refused whatever it says.
fn media_type(map: &BTreeMap<String, Value>) -> Result<&'static str, InspectRefusal> {
    let has = |name: &str| map.contains_key(name);
    let is_index = has("manifests");
    let is_artifact = has("blobs");
    let is_image = has("layers") || has("config");
    if has("fsLayers") || map.get("schemaVersion") == Some(&Value::Int(1)) {
        return Err(schema_1());
    }
    if u8::from(is_index) + u8::from(is_artifact) + u8::from(is_image) > 1 {
        return Err(refuse("manifest_ambiguous", "it has members of a manifest and of an index: clients would read it in two ways"));
    }
    let said = match map.get("mediaType") {
        None | Some(Value::Null) => None,
        Some(value) => {
            let said = text(value, "mediaType")?;
            if is_schema_1(&said) {
                return Err(schema_1());
            }
            Some(manifest_type(&said).ok_or_else(|| {
                refuse(
                    "manifest_media_type",
                    format!("it says that it is a {:?}, which is not a kind of manifest known here", shown(&said)),
                )
            })?)
        }
    };
    // A document without a media type can only be one of OCI: Docker's must have it.
    let by_shape = if is_index { Some(OCI_INDEX) } else { is_image.then_some(OCI_MANIFEST) };
    let media_type = said.or(by_shape).ok_or_else(|| refuse("manifest_media_type", "it is neither a manifest nor an index"))?;
    let fits = match media_type {
        OCI_INDEX | DOCKER_LIST => is_index,
        OCI_ARTIFACT => is_artifact,
        _ => is_image,
    };
    if !fits {
        return Err(refuse("manifest_ambiguous", format!("it says that it is a {media_type}, and its members are those of another kind")));
    }
    if media_type != OCI_ARTIFACT && map.get("schemaVersion") != Some(&Value::Int(2)) {
        return Err(field("schemaVersion", "is not 2"));
    }
    Ok(media_type)
}

fn descriptor(value: &Value, name: &str) -> Result<Descriptor, InspectRefusal> {
    let bad = |why: &str| refuse("descriptor", format!("a descriptor in its {name} {why}"));
    let map = object(value, &format!("a descriptor in its {name}"))?;
    let media_type = map.get("mediaType").and_then(Value::as_text).ok_or_else(|| bad("has no mediaType"))?;
    if media_type.is_empty() || media_type.len() > limits::ROLE_BYTES || !media_type.bytes().all(|b| (0x20..0x7f).contains(&b)) {
        return Err(bad(said!("has a mediaType that is not 1 to {} printable ASCII characters", limits::ROLE_BYTES)));
    }
    let digest = map.get("digest").and_then(Value::as_text).ok_or_else(|| bad("has no digest"))?;
    let digest = Digest::parse(digest)
        .ok_or_else(|| bad(&format!("has a digest {:?} that is neither sha256 nor sha512 in lower-case hexadecimal", shown(digest))))?;
    let size = match map.get("size") {
        Some(Value::Int(size)) => u64::try_from(*size).ok().filter(|size| *size <= limits::OBJECT_BYTES),
        _ => None,
    };
    let size = size.ok_or_else(|| bad(said!("has no size in bytes up to {} GiB", limits::OBJECT_BYTES >> 30)))?;
    annotations(map)?;
    match map.get("data") {
        None | Some(Value::Null) => {}
        Some(data) => {
            let bytes = data.as_text().and_then(|data| BASE64.decode(data).ok()).ok_or_else(|| bad("has data that is not base64"))?;
            // Clients use it in place of the blob.
            if bytes.len() as u64 != size || !digest.is_of(&Hasher::of(&bytes).1) {
                return Err(bad("has data that is not what its digest says"));
            }
        }
    }
    Ok(Descriptor { media_type: media_type.to_owned(), digest, size })
}

fn annotations(map: &BTreeMap<String, Value>) -> Result<BTreeMap<String, String>, InspectRefusal> {
    let annotations = match map.get("annotations") {
        None | Some(Value::Null) => return Ok(BTreeMap::new()),
        Some(value) => value.as_map().ok_or_else(|| field("annotations", "are not a JSON object"))?,
    };
    // Go, in which clients are written, reads null as the empty text.
    let read = |value: &Value| if *value == Value::Null { Ok(String::new()) } else { text(value, "annotations") };
    annotations.iter().map(|(key, value)| Ok((key.clone(), read(value)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const CONFIG: &str = r#"{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2}"#;

    fn image(more: &str) -> String {
        format!(r#"{{"schemaVersion":2,"config":{CONFIG},"layers":[{CONFIG}]{more}}}"#)
    }

    fn code(text: &str) -> &'static str {
        let refusal = Document::read(text.as_bytes()).unwrap_err();
        assert!(refusal.message.len() < 300, "{}", refusal.message);
        refusal.code
    }

    #[test]
    fn each_kind_of_manifest_is_read() {
        let digest = CONFIG.split('"').nth(7).unwrap();
        let child = format!(r#"{{"mediaType":"{OCI_MANIFEST}","digest":"{digest}","size":9,"platform":{{"os":"linux"}}}}"#);
        for (text, media_type, roles) in [
            (image(""), OCI_MANIFEST, vec![Role::Config, Role::Layer]),
            (image(&format!(r#","mediaType":"{OCI_MANIFEST}""#)), OCI_MANIFEST, vec![Role::Config, Role::Layer]),
            (
                image(&format!(r#","mediaType":"{DOCKER_MANIFEST}","more":{{"layers":1.5}}"#)),
                DOCKER_MANIFEST,
                vec![Role::Config, Role::Layer],
            ),
            (format!(r#"{{"schemaVersion":2,"config":{CONFIG},"layers":null}}"#), OCI_MANIFEST, vec![Role::Config]),
            (image(r#","mediaType":null,"subject":null,"artifactType":null"#), OCI_MANIFEST, vec![Role::Config, Role::Layer]),
            (image(r#","annotations":{"a":null,"b":"c"}"#), OCI_MANIFEST, vec![Role::Config, Role::Layer]),
            (
                image("").replace("\"size\":2", "\"size\":2,\"data\":null,\"annotations\":{\"a\":null}"),
                OCI_MANIFEST,
                vec![Role::Config, Role::Layer],
            ),
            (format!(r#"{{"schemaVersion":2,"manifests":[{child},{CONFIG}]}}"#), OCI_INDEX, vec![Role::Manifest, Role::Blob]),
            (format!(r#"{{"schemaVersion":2,"mediaType":"{DOCKER_LIST}","manifests":[]}}"#), DOCKER_LIST, vec![]),
            (format!(r#"{{"mediaType":"{OCI_ARTIFACT}","blobs":[{CONFIG}]}}"#), OCI_ARTIFACT, vec![Role::Blob]),
        ] {
            let document = Document::read(text.as_bytes()).unwrap();
            assert_eq!(document.media_type, media_type);
            assert_eq!(document.members.iter().map(|member| member.role).collect::<Vec<_>>(), roles);
        }
    }

    #[test]
    fn subject_type_and_annotations_are_kept() {
        let config_type = Document::read(image("").as_bytes()).unwrap().artifact_type;
        assert_eq!(config_type.as_deref(), Some("application/vnd.oci.image.config.v1+json"));
        let subject = CONFIG.replace("application/vnd.oci.image.config.v1+json", OCI_MANIFEST);
        let text = image(&format!(r#","subject":{subject},"artifactType":"text/x","annotations":{{"a":"b"}}"#));
        let document = Document::read(text.as_bytes()).unwrap();
        assert_eq!(document.artifact_type.as_deref(), Some("text/x"));
        assert_eq!(document.subject.unwrap().size, 2);
        assert_eq!(document.annotations, BTreeMap::from([("a".to_owned(), "b".to_owned())]));
        assert_eq!(document.members.len(), 2, "a subject is not a member");
        let null = Document::read(image(r#","annotations":{"a":null}"#).as_bytes()).unwrap().annotations;
        assert_eq!(null, BTreeMap::from([("a".to_owned(), String::new())]), "as Go reads it");
    }

    #[test]
    fn what_two_clients_would_read_in_two_ways_is_refused() {
        for (text, expected) in [
            (image(r#","layers":[]"#), "manifest_duplicate_key"),
            (image(r#","Layers":[]"#), "manifest_key"),
            (image(r#","layer\u017f":[]"#), "manifest_key"),
            (image(r#","manifests":[]"#), "manifest_ambiguous"),
            (image(&format!(r#","mediaType":"{OCI_INDEX}""#)), "manifest_ambiguous"),
            (format!(r#"{{"schemaVersion":2,"mediaType":"{OCI_MANIFEST}","manifests":[]}}"#), "manifest_ambiguous"),
            (image(&format!(r#","annotations":{{"a":1}},"x":"{OCI_INDEX}""#)), "manifest_field"),
            (image(r#","mediaType":"text/plain""#), "manifest_media_type"),
            (image(r#","fsLayers":[]"#), "manifest_schema_1"),
            (image("").replace(":2,\"config", ":1,\"config"), "manifest_schema_1"),
            (image("").replace(":2,\"config", ":3,\"config"), "manifest_field"),
            (image("").replace("\"schemaVersion\":2,", ""), "manifest_field"),
            (image(&format!(r#","subject":{CONFIG}"#)), "manifest_subject"),
            (image("").replace("sha256:", "sha255:"), "descriptor"),
            (image("").replace("44136f", "44136F"), "descriptor"),
            (image("").replace("\"size\":2", "\"size\":-2"), "descriptor"),
            (image("").replace("\"size\":2", "\"size\":2.0"), "descriptor"),
            (image("").replace("\"size\":2", "\"size\":2,\"Size\":3"), "manifest_key"),
            (image("").replace("\"size\":2", "\"size\":2,\"data\":\"e30\""), "descriptor"),
            (image("").replace("\"size\":2", "\"size\":2,\"data\":\"e31=\""), "descriptor"),
            (image("").replace("\"mediaType\":\"application", "\"mediaType\":\"\u{e9}"), "descriptor"),
            (r#"{"schemaVersion":2,"layers":[]}"#.to_owned(), "manifest_field"),
            (format!(r#"{{"schemaVersion":2,"config":{CONFIG}}}"#), "manifest_field"),
            (format!(r#"{{"schemaVersion":2,"config":{CONFIG},"layers":{{}}}}"#), "manifest_field"),
            (r#"{"schemaVersion":2}"#.to_owned(), "manifest_media_type"),
            ("[]".to_owned(), "manifest_field"),
            ("{".to_owned(), "manifest_malformed"),
            (format!("{}{}", "[".repeat(99), "]".repeat(99)), "manifest_too_deep"),
            (" ".repeat(usize::try_from(MANIFEST_BYTES).unwrap() + 1), "manifest_too_large"),
        ] {
            assert_eq!(code(&text), expected, "{}", shown(&text));
        }
        let good = image("").replace("\"size\":2", "\"size\":2,\"data\":\"e30=\"");
        assert!(Document::read(good.as_bytes()).is_ok(), "data that is right");
    }

    #[test]
    fn a_list_of_schema_1_is_refused() {
        let child = CONFIG.replace("application/vnd.oci.image.config.v1+json", "application/vnd.docker.distribution.manifest.v1+prettyjws");
        assert_eq!(code(&format!(r#"{{"schemaVersion":2,"manifests":[{child}]}}"#)), "manifest_schema_1");
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Document::read(&bytes);
        }

        #[test]
        fn no_member_makes_it_panic(key in "(schemaVersion|mediaType|config|layers|manifests|subject|annotations|data)", value in "(null|1|-1|\"x\"|\\[\\]|\\{\\}|\\[null\\]|\\{\"a\":1\\})") {
            let _ = Document::read(image(&format!(",\"{key}\":{value}")).as_bytes());
            let _ = Document::read(format!("{{\"schemaVersion\":2,\"{key}\":{value}}}").as_bytes());
        }
    }
}
