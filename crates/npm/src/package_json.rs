//! package.json, read and reduced to what a registry repeats (spec/projections/npm.md §3). Normalised as npm does it
//! when it publishes; never runs, resolves or follows anything.

use crate::json::{self, BadJson};
use crate::limits;
use crate::name::PackageName;
use crate::version::PackageVersion;
use deedbox_model::limits::{DESCRIPTION_BYTES, KEYWORD_BYTES, KEYWORDS, LICENCE_BYTES, URL_BYTES};
use deedbox_model::{Channel, Metadata, Value};
use deedbox_view::InspectRefusal;
use std::collections::BTreeMap;

/// What package.json says, as far as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PackageJson {
    pub(crate) name: PackageName,
    pub(crate) version: PackageVersion,
    /// `publishConfig.tag`.
    pub(crate) tag: Option<Channel>,
    /// The neutral part, but for the readme.
    pub(crate) metadata: Metadata,
    /// The fields that version documents repeat, by npm's names.
    pub(crate) fields: BTreeMap<String, Value>,
    /// `gypfile: false`: a binding.gyp is not built by itself.
    pub(crate) gyp_opt_out: bool,
    /// `directories.bin`, where there is no `bin`.
    pub(crate) bin_folder: Option<String>,
}

/// Maps of a name to a range.
const DEPENDENCIES: [&str; 5] = ["acceptDependencies", "dependencies", "devDependencies", "optionalDependencies", "peerDependencies"];
/// Lists of texts that may be written as one text.
const PLATFORMS: [&str; 3] = ["os", "cpu", "libc"];
/// Kept if it is a text.
const TEXTS: [&str; 7] = ["description", "homepage", "main", "module", "type", "types", "typings"];
/// Kept as it is, where it is a text, a list or a map.
const AS_WRITTEN: [&str; 11] = [
    "author",
    "browser",
    "bugs",
    "contributors",
    "dependenciesMeta",
    "engines",
    "funding",
    "maintainers",
    "peerDependenciesMeta",
    "repository",
    "workspaces",
];

fn refuse(code: &'static str, message: impl Into<String>) -> InspectRefusal {
    InspectRefusal::new(code, message)
}

impl PackageJson {
    /// Reads the file's bytes.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, InspectRefusal> {
        let value = json::read(bytes).map_err(|e| match e {
            BadJson::Malformed(_) => refuse("package_json_malformed", format!("package.json is {e}; correct it")),
            BadJson::DuplicateKey(_) => {
                refuse("package_json_duplicate_key", format!("package.json: {e}, and programs differ about which one counts; keep one"))
            }
            BadJson::TooDeep(_) => refuse("package_json_too_deep", format!("package.json is {e}; flatten it")),
        })?;
        let Value::Map(source) = value else {
            return Err(refuse("package_json_malformed", "package.json is not a JSON object; npm init writes a right one"));
        };
        let text = |key: &str| source.get(key).and_then(Value::as_text);
        let name = PackageName::from_native(text("name").unwrap_or_default())
            .map_err(|e| refuse("package_json_name", format!("the \"name\" in package.json: {e}")))?;
        let version = PackageVersion::parse(text("version").unwrap_or_default())
            .map_err(|e| refuse("package_json_version", format!("the \"version\" in package.json: {e}")))?;
        if source.get("private").is_some_and(is_truthy) {
            return Err(refuse(
                "package_json_private",
                "package.json says \"private\": true, which is there to keep it from being published; remove it if you mean to",
            ));
        }
        let tag = match source.get("publishConfig").and_then(|config| config.get("tag")) {
            None => None,
            Some(tag) => Some(read_tag(tag)?),
        };
        let mut fields = BTreeMap::new();
        for key in DEPENDENCIES {
            keep(&mut fields, key, dependency_map(&source, key)?);
        }
        keep(&mut fields, "bundleDependencies", bundled(&source));
        for key in PLATFORMS {
            keep(&mut fields, key, source.get(key).and_then(text_list));
        }
        for key in TEXTS {
            keep(&mut fields, key, text(key).map(Value::from));
        }
        for key in AS_WRITTEN {
            keep(&mut fields, key, source.get(key).filter(|v| matches!(v, Value::Text(_) | Value::List(_) | Value::Map(_))).cloned());
        }
        if let Some(Value::Text(url)) = fields.get("funding") {
            let object = Value::Map([("url".to_owned(), Value::from(url.as_str()))].into());
            fields.insert("funding".to_owned(), object);
        }
        let gyp_opt_out = source.get("gypfile") == Some(&Value::Bool(false));
        keep(&mut fields, "gypfile", gyp_opt_out.then_some(Value::Bool(false)));
        keep(&mut fields, "scripts", source.get("scripts").and_then(text_map));
        keep(&mut fields, "directories", source.get("directories").and_then(text_map));
        keep(&mut fields, "man", source.get("man").and_then(text_list));
        let licence = licence(&source);
        keep(&mut fields, "license", licence.as_deref().map(Value::from));
        let keywords = keywords(&source);
        keep(&mut fields, "keywords", Some(Value::List(keywords.iter().map(|k| Value::from(k.as_str())).collect())));
        keep(&mut fields, "bin", bin(&source, &name));
        for (key, value) in &fields {
            if json::depth(value) > limits::FIELD_DEPTH {
                return Err(refuse(
                    "package_json_too_deep",
                    format!("{key:?} in package.json is nested deeper than {} levels; flatten it", limits::FIELD_DEPTH),
                ));
            }
        }

        let metadata = Metadata {
            readme: None,
            licence: licence.as_deref().and_then(|text| metadata_text(text, LICENCE_BYTES)),
            keywords: keywords.iter().filter_map(|word| metadata_text(word, KEYWORD_BYTES)).take(KEYWORDS).collect(),
            homepage: text("homepage").and_then(|text| metadata_text(text, URL_BYTES)),
            repository: source
                .get("repository")
                .and_then(|r| r.as_text().or_else(|| r.get("url").and_then(Value::as_text)))
                .and_then(|text| metadata_text(text, URL_BYTES)),
            description: text("description").and_then(|text| metadata_text(text, DESCRIPTION_BYTES)),
        };
        let bin_folder = match (fields.get("bin"), fields.get("directories").and_then(|d| d.get("bin")).and_then(Value::as_text)) {
            (None, Some(folder)) if source.get("bin").is_none_or(|bin| !is_truthy(bin)) => Some(inside(folder)).filter(|f| !f.is_empty()),
            _ => None,
        };
        Ok(PackageJson { name, version, tag, metadata, fields, gyp_opt_out, bin_folder })
    }

    /// Whether one of these scripts is there.
    pub(crate) fn has_script(&self, names: &[&str]) -> bool {
        let scripts = self.fields.get("scripts").and_then(Value::as_map);
        scripts.is_some_and(|scripts| names.iter().any(|name| scripts.contains_key(*name)))
    }
}

/// Keeps a value, unless it is an empty list or map: those say nothing.
fn keep(fields: &mut BTreeMap<String, Value>, key: &str, value: Option<Value>) {
    match value {
        None | Some(Value::Null) => {}
        Some(Value::List(list)) if list.is_empty() => {}
        Some(Value::Map(map)) if map.is_empty() => {}
        Some(value) => {
            fields.insert(key.to_owned(), value);
        }
    }
}

fn is_truthy(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(b) => *b,
        Value::Int(n) => *n != 0,
        Value::Text(s) => !s.is_empty(),
        Value::Bytes(_) | Value::List(_) | Value::Map(_) => true,
    }
}

fn read_tag(tag: &Value) -> Result<Channel, InspectRefusal> {
    let bad = |why: &str| {
        refuse("package_json_tag", format!("\"publishConfig.tag\" in package.json {why}; write a word like latest, next or beta"))
    };
    let text = tag.as_text().ok_or_else(|| bad("is not a text"))?;
    // npm refuses tags that read as a range: nobody could ask for them.
    if reads_as_range(text) {
        return Err(bad("looks like a version range, for which npm does not look among tags"));
    }
    Channel::parse(text).map_err(|e| bad(&format!("cannot be a channel ({e})")))
}

/// Whether node-semver takes a channel's name for a range: one to three numbers or wildcards, with a suffix after three.
/// Its other ranges need characters that no channel has.
fn reads_as_range(text: &str) -> bool {
    let text = text.trim_start_matches(['v', '=']);
    let (core, suffix) = match text.find(['-', '+']) {
        Some(at) => text.split_at(at),
        None => (text, ""),
    };
    let is_part = |part: &str| !part.is_empty() && (part.bytes().all(|b| b.is_ascii_digit()) || matches!(part, "x" | "X"));
    let parts = core.split('.').count();
    core.split('.').all(is_part) && (parts == 3 || parts < 3 && suffix.is_empty())
}

/// A dependency map. Older spellings of "none" (false, an empty list or text) mean no dependencies; anything else is refused, so
/// that no package is published without the dependencies that its author meant.
fn dependency_map(source: &BTreeMap<String, Value>, key: &str) -> Result<Option<Value>, InspectRefusal> {
    match source.get(key) {
        None => Ok(None),
        Some(value) if !is_truthy(value) => Ok(None),
        Some(Value::List(list)) if list.is_empty() => Ok(None),
        Some(Value::Map(map)) if map.values().all(|v| v.as_text().is_some()) => Ok(Some(Value::Map(map.clone()))),
        Some(_) => Err(refuse(
            "package_json_field",
            format!("{key:?} in package.json is not an object of names and ranges; write {{\"name\": \"range\"}}"),
        )),
    }
}

/// `bundleDependencies`, also spelled `bundledDependencies`; `true` means all dependencies.
fn bundled(source: &BTreeMap<String, Value>) -> Option<Value> {
    let value = source.get("bundleDependencies").or_else(|| source.get("bundledDependencies"))?;
    let keys = |map: &BTreeMap<String, Value>| Value::List(map.keys().map(|k| Value::from(k.as_str())).collect());
    match value {
        Value::Bool(true) => source.get("dependencies").and_then(Value::as_map).map(keys),
        Value::Map(map) => Some(keys(map)),
        Value::List(list) => Some(only_texts(list)),
        _ => None,
    }
}

fn only_texts(list: &[Value]) -> Value {
    Value::List(list.iter().filter(|v| v.as_text().is_some()).cloned().collect())
}

fn text_list(value: &Value) -> Option<Value> {
    match value {
        Value::Text(_) => Some(Value::List(vec![value.clone()])),
        Value::List(list) => Some(only_texts(list)),
        _ => None,
    }
}

fn text_map(value: &Value) -> Option<Value> {
    let map = value.as_map()?;
    Some(Value::Map(map.iter().filter(|(_, v)| v.as_text().is_some()).map(|(k, v)| (k.clone(), v.clone())).collect()))
}

/// `license` as a text; the old forms `{type}` and `licenses` too.
fn licence(source: &BTreeMap<String, Value>) -> Option<String> {
    let one = |v: &Value| v.as_text().or_else(|| v.get("type").and_then(Value::as_text)).filter(|t| !t.is_empty()).map(str::to_owned);
    let many = |list: &[Value]| {
        let all: Vec<String> = list.iter().filter_map(one).collect();
        match all.as_slice() {
            [] => None,
            [single] => Some(single.clone()),
            _ => Some(format!("({})", all.join(" OR "))),
        }
    };
    match source.get("license").or_else(|| source.get("licenses")) {
        Some(Value::List(list)) => many(list),
        Some(value) => one(value),
        None => None,
    }
}

/// `keywords`: a list of texts, or one text split at commas and spaces as npm does.
fn keywords(source: &BTreeMap<String, Value>) -> Vec<String> {
    match source.get("keywords") {
        Some(Value::List(list)) => list.iter().filter_map(Value::as_text).filter(|k| !k.is_empty()).map(str::to_owned).collect(),
        Some(Value::Text(text)) => text.split([',', ' ', '\t', '\n', '\r']).filter(|k| !k.is_empty()).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

/// `bin` as npm-normalize-package-bin leaves it: command names without folders, targets inside the package.
fn bin(source: &BTreeMap<String, Value>, name: &PackageName) -> Option<Value> {
    let pairs: Vec<(String, &Value)> = match source.get("bin")? {
        text @ Value::Text(_) => vec![(name.segment().to_owned(), text)],
        Value::List(list) => list.iter().filter_map(|v| Some((base_name(v.as_text()?).to_owned(), v))).collect(),
        Value::Map(map) => map.iter().map(|(k, v)| (k.clone(), v)).collect(),
        _ => return None,
    };
    let mut clean = BTreeMap::new();
    for (command, target) in pairs {
        let command = inside(base_name(&command.replace(['\\', ':'], "/")));
        let target = target.as_text().map(inside).unwrap_or_default();
        if !command.is_empty() && !target.is_empty() {
            clean.insert(command, Value::from(target));
        }
    }
    Some(Value::Map(clean))
}

pub(crate) fn base_name(path: &str) -> &str {
    let path = path.trim_end_matches('/');
    path.rsplit_once('/').map_or(path, |(_, base)| base)
}

/// A path as it is inside the package: no `.` and `..`, no leading slash.
fn inside(path: &str) -> String {
    let path = path.replace('\\', "/");
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop();
            }
            segment => segments.push(segment),
        }
    }
    let mut joined = segments.join("/");
    if path.ends_with('/') && !joined.is_empty() {
        joined.push('/');
    }
    joined
}

/// A text for people and search: no control characters (a terminal prints it), cut to its bound between characters.
fn metadata_text(text: &str, limit: usize) -> Option<String> {
    let mut clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if clean.len() > limit {
        let end = (0..=limit).rev().find(|at| clean.is_char_boundary(*at)).unwrap_or(0);
        clean.truncate(end);
    }
    let clean = clean.trim();
    (!clean.is_empty()).then(|| clean.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(fields: &str) -> Result<PackageJson, InspectRefusal> {
        PackageJson::read(format!("{{\"name\":\"@acme.example/widget\",\"version\":\"1.0.0\"{fields}}}").as_bytes())
    }
    fn field(fields: &str, key: &str) -> String {
        let mut out = String::new();
        if let Some(value) = read(fields).unwrap().fields.get(key) {
            json::put(&mut out, value);
        }
        out
    }

    #[test]
    fn fields_are_normalised_as_npm_does() {
        for (source, key, expected) in [
            (r#","bin":"./cli.js""#, "bin", r#"{"widget":"cli.js"}"#),
            (r#","bin":{"a/b:c":"../../x.js","ok":"./o","no":7,"empty":"/"}"#, "bin", r#"{"c":"x.js","ok":"o"}"#),
            (r#","bin":["./a/run.js","z"]"#, "bin", r#"{"run.js":"a/run.js","z":"z"}"#),
            (r#","bin":{}"#, "bin", ""),
            (r#","bin":{"..":"x",".":"y"}"#, "bin", ""),
            (r#","bundledDependencies":["b"]"#, "bundleDependencies", r#"["b"]"#),
            (r#","bundleDependencies":true,"dependencies":{"b":"1","a":"2"}"#, "bundleDependencies", r#"["a","b"]"#),
            (r#","bundleDependencies":{"x":1}"#, "bundleDependencies", r#"["x"]"#),
            (r#","bundleDependencies":false"#, "bundleDependencies", ""),
            (r#","dependencies":[]"#, "dependencies", ""),
            (r#","dependencies":{"a":"^1"}"#, "dependencies", r#"{"a":"^1"}"#),
            (r#","os":"linux""#, "os", r#"["linux"]"#),
            (r#","cpu":["x64",7]"#, "cpu", r#"["x64"]"#),
            (r#","funding":"https://acme.example/""#, "funding", r#"{"url":"https://acme.example/"}"#),
            (r#","funding":[{"url":"u"}]"#, "funding", r#"[{"url":"u"}]"#),
            (r#","keywords":"a, b  c""#, "keywords", r#"["a","b","c"]"#),
            (r#","license":{"type":"MIT"}"#, "license", r#""MIT""#),
            (r#","licenses":[{"type":"MIT"},"Apache-2.0"]"#, "license", r#""(MIT OR Apache-2.0)""#),
            (r#","scripts":{"test":"t","x":1}"#, "scripts", r#"{"test":"t"}"#),
            (r#","engines":{"node":">=20","old":0.1}"#, "engines", r#"{"node":">=20"}"#),
            (r#","main":7"#, "main", ""),
        ] {
            assert_eq!(field(source, key), expected, "{source}");
        }
    }

    #[test]
    fn what_must_not_be_published_is_refused_with_its_code() {
        for (fields, code) in [
            (r#","private":true"#, "package_json_private"),
            (r#","private":"yes""#, "package_json_private"),
            (r#","dependencies":{"a":1}"#, "package_json_field"),
            (r#","peerDependencies":"x""#, "package_json_field"),
            (r#","publishConfig":{"tag":"1.x"}"#, "package_json_tag"),
            (r#","publishConfig":{"tag":"v2"}"#, "package_json_tag"),
            (r#","publishConfig":{"tag":"7"}"#, "package_json_tag"),
            (r#","publishConfig":{"tag":"x"}"#, "package_json_tag"),
            (r#","publishConfig":{"tag":"1.2.3-rc"}"#, "package_json_tag"),
            (r#","publishConfig":{"tag":"a b"}"#, "package_json_tag"),
            (r#","publishConfig":{"tag":7}"#, "package_json_tag"),
            (r#","version":"1.0.1""#, "package_json_duplicate_key"),
        ] {
            assert_eq!(read(fields).unwrap_err().code, code, "{fields}");
        }
        for tag in ["next", "7-lts", "v", "xl", "1.x-lts"] {
            assert!(read(&format!(",\"private\":false,\"publishConfig\":{{\"tag\":\"{tag}\"}}")).unwrap().tag.is_some(), "{tag}");
        }
        for (json, code) in [
            ("[]", "package_json_malformed"),
            ("{", "package_json_malformed"),
            ("{}", "package_json_name"),
            (r#"{"name":"widget","version":"1.0.0"}"#, "package_json_name"),
            (r#"{"name":"@acme.example/widget"}"#, "package_json_version"),
            (r#"{"name":"@acme.example/widget","version":"v1.0.0"}"#, "package_json_version"),
        ] {
            assert_eq!(PackageJson::read(json.as_bytes()).unwrap_err().code, code, "{json}");
        }
    }

    #[test]
    fn depth_of_a_kept_field_has_its_limit_on_both_sides() {
        let nested = |n: usize| format!(",\"author\":{}{}", "[".repeat(n), "]".repeat(n));
        assert!(read(&nested(limits::FIELD_DEPTH)).is_ok());
        assert_eq!(read(&nested(limits::FIELD_DEPTH + 1)).unwrap_err().code, "package_json_too_deep");
        assert_eq!(read(&nested(limits::JSON_DEPTH)).unwrap_err().code, "package_json_too_deep");
        let other = |n: usize| format!(",\"other\":{}{}", "[".repeat(n), "]".repeat(n));
        assert!(read(&other(limits::JSON_DEPTH - 1)).is_ok());
    }

    #[test]
    fn texts_for_people_hold_no_control_characters_and_are_bounded() {
        let metadata = read(",\"description\":\"a\\u001b[31mb\\n\"").unwrap().metadata;
        assert_eq!(metadata.description.as_deref(), Some("a [31mb"));
        let long = "\u{e9}".repeat(DESCRIPTION_BYTES);
        let metadata = read(&format!(",\"description\":\"{long}\"")).unwrap().metadata;
        assert_eq!(metadata.description.unwrap().len(), DESCRIPTION_BYTES);
    }
}
