//! Releases as Maven brings them: `mvn dependency:go-offline` of a project fills a local repository with all POMs and jars that it stands
//! on, the build's own plugins too. Each release goes in as it lies there, under the domain that its group is, backwards.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, ensure};
use deedbox_maven::{Coordinates, Maven, Pom};
use deedbox_testkit::folding::Bytes;
use deedbox_view::ArtifactSource;

use super::{Closure, Release, Standing, client, refusal};
use crate::debian::debian;

/// Projects, and what each depends on.
const PROJECTS: [(&str, &[&str]); 4] = [
    (
        "a service (Spring Boot)",
        &["org.springframework.boot:spring-boot-starter-web:3.3.5", "org.springframework.boot:spring-boot-starter-data-jpa:3.3.5"],
    ),
    ("a job (Spark)", &["org.apache.spark:spark-sql_2.13:3.5.3"]),
    ("a service (Quarkus)", &["io.quarkus:quarkus-rest-jackson:3.16.3", "io.quarkus:quarkus-hibernate-orm:3.16.3"]),
    (
        "a search (Lucene, Akka)",
        &["org.apache.lucene:lucene-analysis-icu:9.12.0", "com.typesafe.akka:akka-stream_2.13:2.6.21", "org.clojure:clojure:1.12.0"],
    ),
];

/// What Maven keeps for itself beside files, and what every registry makes of them.
const NOT_OF_A_RELEASE: [&str; 6] = [".md5", ".sha1", ".sha256", ".sha512", ".lastUpdated", ".repositories"];

pub(super) fn closures(folder: &Path) -> anyhow::Result<Vec<Closure>> {
    debian(&["maven"])?;
    let mut closures = Vec::new();
    for (n, (project, wants)) in PROJECTS.iter().enumerate() {
        let home = folder.join(n.to_string());
        let repository = home.join("repository");
        bring(&home, &repository, wants)?;
        let mut poms = Vec::new();
        find(&repository, &mut poms)?;
        let mut releases = poms.iter().map(|pom| release(pom)).collect::<anyhow::Result<Vec<_>>>()?;
        releases.sort_by(|(a, _), (b, _)| a.cmp(b));
        ensure!(!releases.is_empty(), "Maven brought nothing of {project}");
        closures.push(Closure {
            ecosystem: "maven",
            project,
            releases: releases.into_iter().map(|(_, release)| release).collect(),
            _held: None,
        });
    }
    Ok(closures)
}

fn bring(home: &Path, repository: &Path, wants: &[&str]) -> anyhow::Result<()> {
    let complete = home.join("complete");
    if complete.is_file() {
        return Ok(());
    }
    fs::create_dir_all(home)?;
    let wants = wants.iter().filter_map(|want| {
        let mut parts = want.split(':');
        let (group, artifact, version) = (parts.next()?, parts.next()?, parts.next()?);
        Some(format!("<dependency><groupId>{group}</groupId><artifactId>{artifact}</artifactId><version>{version}</version></dependency>"))
    });
    let pom = format!(
        "<project><modelVersion>4.0.0</modelVersion><groupId>example.closure</groupId><artifactId>closure</artifactId><version>1</version>\
         <dependencies>{}</dependencies></project>",
        wants.collect::<String>()
    );
    fs::write(home.join("pom.xml"), pom)?;
    let mut command = Command::new("mvn");
    command.current_dir(home).arg("-B").arg("-q").arg(format!("-Dmaven.repo.local={}", repository.display())).arg("dependency:go-offline");
    client(&mut command)?;
    fs::write(complete, "")?;
    Ok(())
}

/// Every POM of a release: the file `A-V.pom` in a folder `A/V`.
fn find(folder: &Path, poms: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            find(&path, poms)?;
        } else if let (Some(version), Some(artifact)) = (name_of(path.parent()), name_of(path.parent().and_then(Path::parent)))
            && name_of(Some(&path)) == Some(format!("{artifact}-{version}.pom"))
        {
            poms.push(path);
        }
    }
    Ok(())
}

fn name_of(path: Option<&Path>) -> Option<String> {
    Some(path?.file_name()?.to_string_lossy().into_owned())
}

/// By coordinate, and then by the version's numbers and words.
type Order = (String, Vec<(u64, String)>);

fn release(pom_file: &Path) -> anyhow::Result<(Order, Release)> {
    let folder = pom_file.parent().context("a POM without a folder")?;
    let version = name_of(Some(folder)).context("a folder without a name")?;
    let stem = pom_file.file_stem().context("a POM without a name")?.to_string_lossy().into_owned();
    let parts: Vec<(u64, String)> = version.split(['.', '-']).map(|part| (part.parse().unwrap_or(0), part.to_owned())).collect();
    let order = |coordinate: String| (coordinate, parts.clone());
    let named = |coordinate: &str| format!("{coordinate}:{version}");
    let pom = match Pom::read(&fs::read(pom_file)?) {
        Ok(pom) => pom,
        Err(bad) => {
            let standing = Standing::Refused { rule: bad.code.to_owned(), words: bad.message };
            return Ok((order(stem.clone()), Release { name: named(&stem), standing }));
        }
    };
    let coordinate = format!("{}:{}", pom.group, pom.artifact);
    let standing = match Coordinates::new(&pom.group, &pom.artifact).map(|package| (package.ids(), package)) {
        Err(bad) => Standing::Refused { rule: "pom_name".to_owned(), words: bad.to_string() },
        Ok((ids, package)) => match ids.first() {
            None => Standing::LeftOut("group_without_domain"),
            Some(id) => {
                let files = files(folder, &stem)?;
                let sources: Vec<&dyn ArtifactSource> = files.values().map(|(_, bytes)| bytes as &dyn ArtifactSource).collect();
                let path = |name: &str| format!("maven/{}/{version}/{name}", package.folder());
                match refusal(&Maven, Some(id), None, &sources) {
                    Some(refused) => refused,
                    None => Standing::ToPublish {
                        words: vec![OsString::from(pom_file)],
                        files: files.iter().map(|(name, (file, _))| (path(name), file.clone())).collect(),
                        domain: id.domain().to_string(),
                    },
                }
            }
        },
    };
    Ok((order(coordinate.clone()), Release { name: named(&coordinate), standing }))
}

/// What lies beside a POM and is of its release.
fn files(folder: &Path, stem: &str) -> anyhow::Result<BTreeMap<String, (PathBuf, Bytes)>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder)? {
        let file = entry?.path();
        let Some(name) = name_of(Some(&file)) else { continue };
        let is_its = name.strip_prefix(stem).is_some_and(|tail| tail.starts_with(['.', '-']));
        if is_its && file.is_file() && !NOT_OF_A_RELEASE.iter().any(|ending| name.ends_with(ending)) {
            let bytes = Bytes::new(&name, fs::read(&file)?);
            files.insert(name, (file, bytes));
        }
    }
    Ok(files)
}
