//! The demo's jar, with Maven and Gradle. Neither needs a plugin from elsewhere for it: Maven takes it as an extension of
//! itself, Gradle as a file of a configuration.

use crate::demo::client::{Client, Tried};
use crate::demo::registry::DemoRegistry;
use crate::failure::refused;
use std::path::{Path, PathBuf};

const POM: &str = include_str!("../../../demo/maven/pom.xml");
const PROJECT: &str = include_str!("../../../demo/maven/project.xml");
const EXTENSIONS: &str = include_str!("../../../demo/maven/extensions.xml");

/// A project that Maven might have built.
pub(super) struct Built {
    pub(super) project: PathBuf,
    jar: Vec<u8>,
}

/// Writes the project with its jar, as `mvn package` would leave it.
pub(super) fn built(dir: &Path) -> anyhow::Result<Built> {
    let project = dir.join("packages/bell");
    std::fs::create_dir_all(project.join("target"))?;
    std::fs::write(project.join("pom.xml"), POM)?;
    let jar = jar(&[
        ("META-INF/MANIFEST.MF", b"Manifest-Version: 1.0\r\nCreated-By: deedbox demo\r\n\r\n"),
        ("META-INF/maven/localhost.demo/bell/pom.properties", b"groupId=localhost.demo\nartifactId=bell\nversion=1.0.0\n"),
        ("bell.txt", b"ding ding ding dong\n"),
    ])?;
    std::fs::write(project.join("target/bell-1.0.0.jar"), &jar)?;
    Ok(Built { project, jar })
}

/// Takes it with each client that is here.
pub(super) async fn install(registry: &DemoRegistry<'_>, tried: &Tried, built: &Built) -> anyhow::Result<()> {
    if let Some(client) = tried.find("mvn", "--version").await? {
        tried.tell(&client, maven(registry, &client, built)).await;
    }
    if let Some(client) = tried.find("gradle", "--version").await? {
        tried.tell(&client, gradle(registry, &client, built)).await;
    }
    Ok(())
}

async fn maven(registry: &DemoRegistry<'_>, client: &Client, built: &Built) -> anyhow::Result<String> {
    let project = client.home.join("project");
    std::fs::create_dir_all(project.join(".mvn"))?;
    std::fs::write(project.join("pom.xml"), PROJECT)?;
    std::fs::write(project.join(".mvn/extensions.xml"), EXTENSIONS)?;
    let mirror = format!("<mirror><id>demo</id><mirrorOf>*</mirrorOf><url>{}/maven/</url></mirror>", registry.url);
    std::fs::write(project.join("settings.xml"), format!("<settings><mirrors>{mirror}</mirrors></settings>\n"))?;
    let repository = client.home.join("repository");
    let mut mvn = client.command(&project)?;
    mvn.args(["-B", "-C", "-q", "-s", "settings.xml", "-Dstyle.color=never", "validate"]);
    mvn.arg(format!("-Dmaven.repo.local={}", repository.display()));
    client.run(&mut mvn).await?;
    is_it(built, &repository.join("localhost/demo/bell/1.0.0/bell-1.0.0.jar"))?;
    Ok("took the jar bell, whose checksum is right, for a project's build".to_owned())
}

async fn gradle(registry: &DemoRegistry<'_>, client: &Client, built: &Built) -> anyhow::Result<String> {
    let project = client.home.join("project");
    std::fs::create_dir_all(&project)?;
    std::fs::write(project.join("settings.gradle"), "rootProject.name = 'house'\n")?;
    let script = format!(
        "repositories {{ maven {{ url '{}/maven/' }} }}\nconfigurations {{ wanted }}\ndependencies {{ wanted 'localhost.demo:bell:1.0.0' }}\n\
         task take(type: Copy) {{\n    from configurations.wanted\n    into 'taken'\n}}\n",
        registry.url
    );
    std::fs::write(project.join("build.gradle"), script)?;
    let mut gradle = client.command(&project)?;
    gradle.env("GRADLE_USER_HOME", client.home.join("gradle")).args(["--no-daemon", "--quiet", "take"]);
    client.run(&mut gradle).await?;
    is_it(built, &project.join("taken/bell-1.0.0.jar"))?;
    Ok("took the jar bell into a project".to_owned())
}

fn is_it(built: &Built, taken: &Path) -> anyhow::Result<()> {
    if std::fs::read(taken).is_ok_and(|bytes| bytes == built.jar) {
        return Ok(());
    }
    Err(refused("did not take the jar that was published"))
}

/// A zip of these files as they are, none of them packed (PKWARE APPNOTE.TXT 6.3.10, §4.3).
fn jar(files: &[(&str, &[u8])]) -> anyhow::Result<Vec<u8>> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for (name, bytes) in files {
        let mut crc = flate2::Crc::new();
        crc.update(bytes);
        let (size, offset) = (u32::try_from(bytes.len())?, u32::try_from(out.len())?);
        // What both headers say: version 2.0, no flags, stored, 00:00 of 1 January 1980.
        let mut common = Vec::new();
        for field in [20_u16, 0, 0, 0, 0x21] {
            common.extend(field.to_le_bytes());
        }
        for field in [crc.sum(), size, size] {
            common.extend(field.to_le_bytes());
        }
        common.extend(u16::try_from(name.len())?.to_le_bytes());
        common.extend(0_u16.to_le_bytes());
        out.extend(b"PK\x03\x04");
        out.extend(&common);
        out.extend(name.as_bytes());
        out.extend(*bytes);
        directory.extend(b"PK\x01\x02");
        directory.extend(20_u16.to_le_bytes());
        directory.extend(common);
        // No comment, the first disk, no attributes.
        directory.extend([0; 10]);
        directory.extend(offset.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let (count, length, offset) = (u16::try_from(files.len())?, u32::try_from(directory.len())?, u32::try_from(out.len())?);
    out.extend(directory);
    out.extend(b"PK\x05\x06\0\0\0\0");
    out.extend(count.to_le_bytes());
    out.extend(count.to_le_bytes());
    out.extend(length.to_le_bytes());
    out.extend(offset.to_le_bytes());
    out.extend(0_u16.to_le_bytes());
    Ok(out)
}
