//! The POM of a release (spec/projections/maven.md §3): who it is, what it is packed as, what people read of it. What it
//! says of dependencies is Maven's to read, and served as it is.

use crate::bad_xml::BadXml;
use crate::limits;
use crate::xml::{self, Ask};
use deedbox_model::limits as model;
use deedbox_model::{Metadata, Value};
use std::collections::BTreeMap;

/// What is read of a POM. Group and version are those of the parent where it says none itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pom {
    /// `groupId`.
    pub group: String,
    /// `artifactId`.
    pub artifact: String,
    /// `version`; of a snapshot, its base.
    pub version: String,
    /// `packaging`; `jar` where it says none.
    pub packaging: String,
    /// `name`.
    pub name: Option<String>,
    pub(crate) parent: Option<String>,
    pub(crate) relocation: BTreeMap<String, Value>,
    pub(crate) metadata: Metadata,
}

/// Why bytes are not the POM of a release.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct BadPom {
    /// A stable code.
    pub code: &'static str,
    /// In words.
    pub message: String,
}

const ASKS: [Ask; 20] = [
    counts("project/groupId"),
    counts("project/artifactId"),
    counts("project/version"),
    counts("project/packaging"),
    counts("project/parent"),
    counts("project/parent/groupId"),
    counts("project/parent/artifactId"),
    counts("project/parent/version"),
    counts("project/distributionManagement"),
    counts("project/distributionManagement/relocation"),
    counts("project/distributionManagement/relocation/groupId"),
    counts("project/distributionManagement/relocation/artifactId"),
    counts("project/distributionManagement/relocation/version"),
    shown("project/distributionManagement/relocation/message"),
    shown("project/name"),
    shown("project/description"),
    shown("project/url"),
    shown("project/scm/url"),
    Ask { path: "project/licenses/license/name", counts: false, once: false },
    shown("project/modelVersion"),
];

const fn counts(path: &'static str) -> Ask {
    Ask { path, counts: true, once: true }
}
const fn shown(path: &'static str) -> Ask {
    Ask { path, counts: false, once: true }
}

impl Pom {
    /// Reads one, of at most `limits::POM_BYTES`.
    pub fn read(bytes: &[u8]) -> Result<Self, BadPom> {
        if bytes.len() as u64 > limits::POM_BYTES {
            return Err(bad("pom_too_large", format!("the POM has {} bytes, more than {}; shorten it", bytes.len(), limits::POM_BYTES)));
        }
        let texts = xml::read(bytes, "project", &ASKS).map_err(|e| bad(code_of(&e), format!("the POM: {e}")))?;
        let text = |path: &str| texts.get(path).filter(|text| !text.is_empty()).cloned();
        let own_or_parents = |what: &'static str| {
            text(&format!("project/{what}"))
                .or_else(|| text(&format!("project/parent/{what}")))
                .ok_or_else(|| bad("pom_incomplete", format!("the POM has no {what}, neither its own nor its parent's; add <{what}>")))
        };
        let group = own_or_parents("groupId")?;
        let version = own_or_parents("version")?;
        let artifact = text("project/artifactId").ok_or_else(|| bad("pom_incomplete", "the POM has no artifactId; add <artifactId>"))?;
        for (what, value) in [("groupId", &group), ("artifactId", &artifact), ("version", &version)] {
            if value.contains("${") {
                return Err(bad(
                    "pom_property",
                    format!(
                        "the POM's {what} is {value:?}, which is known only to a build; publish the POM that a build wrote \
                         (flatten-maven-plugin), or a directory that mvn deploy filled"
                    ),
                ));
            }
        }
        let parent = ["groupId", "artifactId", "version"].map(|what| text(&format!("project/parent/{what}")));
        let parent = match parent {
            [Some(group), Some(artifact), Some(version)] => Some(cut(&format!("{group}:{artifact}:{version}"), model::NATIVE_BYTES)),
            _ => None,
        };
        let moved = "project/distributionManagement/relocation";
        let relocation = ["groupId", "artifactId", "version", "message"].into_iter().filter_map(|what| {
            let value = text(&format!("{moved}/{what}"))?;
            Some((what.to_owned(), Value::from(cut(&value, model::MESSAGE_BYTES))))
        });
        let relocation: BTreeMap<String, Value> = relocation.collect();
        let whole = |path: &str, limit: usize| text(path).filter(|text| Metadata::may_hold(text, limit) && !text.contains("${"));
        let metadata = Metadata {
            readme: None,
            licence: text("project/licenses/license/name").map(|text| cut(&text, model::LICENCE_BYTES)).filter(|text| !text.is_empty()),
            keywords: Vec::new(),
            homepage: whole("project/url", model::URL_BYTES),
            repository: whole("project/scm/url", model::URL_BYTES),
            description: text("project/description").map(|text| cut(&text, model::DESCRIPTION_BYTES)).filter(|text| !text.is_empty()),
        };
        let packaging = text("project/packaging").unwrap_or_else(|| "jar".to_owned());
        let name = text("project/name").map(|name| cut(&name, limits::PLUGIN_NAME_BYTES)).filter(|name| !name.is_empty());
        Ok(Pom { group, artifact, version, packaging: cut(&packaging, 64), name, parent, relocation, metadata })
    }
}

fn bad(code: &'static str, message: impl Into<String>) -> BadPom {
    BadPom { code, message: cut(&message.into(), limits::REFUSAL_BYTES) }
}

fn code_of(xml: &BadXml) -> &'static str {
    match xml {
        BadXml::Malformed(_) => "pom_malformed",
        BadXml::Encoding(_) => "pom_encoding",
        BadXml::DocumentType => "pom_document_type",
        BadXml::Entity(_) => "pom_entity",
        BadXml::TooDeep => "pom_too_deep",
        BadXml::Twice(_) => "pom_twice",
        BadXml::NotText(_) | BadXml::TooLong(_) => "pom_field",
        BadXml::Root(_) => "pom_not_a_project",
    }
}

/// White space and control characters as single spaces, and no more bytes than these, cut between letters.
pub(crate) fn cut(text: &str, bytes: usize) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    let mut text = words.collect::<Vec<_>>().join(" ");
    let end = (0..=bytes.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    text.truncate(end);
    text.truncate(text.trim_end().len());
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(inside: &str) -> Result<Pom, &'static str> {
        Pom::read(format!("<project xmlns=\"http://maven.apache.org/POM/4.0.0\">{inside}</project>").as_bytes()).map_err(|e| e.code)
    }

    #[test]
    fn group_and_version_may_come_from_the_parent() {
        let pom =
            of("<parent><groupId>g.p</groupId><artifactId>p</artifactId><version>1</version></parent><artifactId>a</artifactId>").unwrap();
        assert_eq!((pom.group.as_str(), pom.artifact.as_str(), pom.version.as_str(), pom.packaging.as_str()), ("g.p", "a", "1", "jar"));
        assert_eq!(pom.parent.as_deref(), Some("g.p:p:1"));
        let pom = of("<parent><groupId>g.p</groupId><artifactId>p</artifactId><version>1</version></parent>
            <groupId>g.o</groupId><artifactId>a</artifactId><version>2</version><packaging>maven-plugin</packaging>");
        let pom = pom.unwrap();
        assert_eq!((pom.group.as_str(), pom.version.as_str(), pom.packaging.as_str()), ("g.o", "2", "maven-plugin"));
    }

    #[test]
    fn what_people_read_is_cut_and_coordinates_are_never_guessed() {
        let gav = "<groupId>g.o</groupId><artifactId>a</artifactId><version>1</version>";
        let pom = of(&format!(
            "{gav}<description>\n  One \n sentence.</description><url>https://acme.example</url><scm><url>${{x}}</url></scm>
             <licenses><license><name>MIT</name></license><license><name>Other</name></license></licenses>
             <distributionManagement><relocation><groupId>g.n</groupId></relocation></distributionManagement>
             <dependencies><dependency><groupId>x</groupId><version>${{y}}</version></dependency></dependencies>"
        ));
        let pom = pom.unwrap();
        assert_eq!(pom.metadata.description.as_deref(), Some("One sentence."));
        assert_eq!(pom.metadata.licence.as_deref(), Some("MIT"));
        assert_eq!(pom.metadata.homepage.as_deref(), Some("https://acme.example"));
        assert_eq!(pom.metadata.repository, None);
        assert_eq!(pom.relocation.get("groupId").and_then(Value::as_text), Some("g.n"));
        for (code, inside) in [
            ("pom_incomplete", "<artifactId>a</artifactId><version>1</version>"),
            ("pom_incomplete", "<groupId>g</groupId><version>1</version>"),
            ("pom_incomplete", "<groupId>g</groupId><artifactId>a</artifactId>"),
            ("pom_property", "<groupId>g</groupId><artifactId>a</artifactId><version>${revision}</version>"),
            ("pom_twice", "<groupId>g</groupId><groupId>g</groupId><artifactId>a</artifactId><version>1</version>"),
            ("pom_field", "<groupId>g</groupId><artifactId><b/></artifactId><version>1</version>"),
            ("pom_twice", "<groupId>g</groupId><artifactId>a</artifactId><version>1</version><name>n</name><name>n</name>"),
            ("pom_field", "<groupId>g</groupId><artifactId>a</artifactId><version>1</version><description><b>x</b></description>"),
        ] {
            assert_eq!(of(inside), Err(code), "{inside}");
        }
        assert_eq!(Pom::read(b"<html/>").unwrap_err().code, "pom_not_a_project");
        assert_eq!(Pom::read(&vec![b' '; 5 * 1024 * 1024]).unwrap_err().code, "pom_too_large");
        assert_eq!(cut("a\u{e9}\u{e9}", 4), "a\u{e9}");
    }

    #[test]
    fn what_a_file_says_reaches_no_terminal_as_it_is() {
        let long = "x".repeat(100_000);
        for xml in [format!("<project></{long}>"), format!("<project><{long} "), "<project></\u{1b}[2J\n>".to_owned()] {
            let bad = Pom::read(xml.as_bytes()).unwrap_err();
            assert!(bad.message.len() <= limits::REFUSAL_BYTES && !bad.message.chars().any(char::is_control), "{:?}", bad.message);
        }
    }
}
