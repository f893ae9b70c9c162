//! How an artifact is had with Maven and Gradle, for a page (docs/guides/maven.md). Says nothing that is done here.

use crate::name::Coordinates;
use deedbox_view::{HowTo, Wanted};

pub(crate) fn how_to(wanted: &Wanted<'_>) -> Option<HowTo> {
    let package = Coordinates::from_id(wanted.id).ok()?;
    let (group, artifact, domain, version) = (package.group(), package.artifact(), wanted.id.domain(), wanted.version);
    let repository = format!("<repository>\n  <id>{domain}</id>\n  <url>{}/maven/</url>\n</repository>", wanted.base_url);
    let dependency = format!(
        "<dependency>\n  <groupId>{group}</groupId>\n  <artifactId>{artifact}</artifactId>\n  <version>{version}</version>\n</dependency>"
    );
    Some(HowTo {
        clients: "Maven, Gradle",
        setup: Some("maven"),
        settings: Some(("pom.xml", repository)),
        install: format!("{dependency}\n\nimplementation \"{group}:{artifact}:{version}\"   // Gradle"),
        note: Some("Build with mvn -C: then a wrong checksum is an error."),
    })
}
