//! `deedbox setup mvn` and `gradle`: the registry as a repository of a project's own build file. A repository is no
//! domain's alone: Maven and Gradle ask each one in turn, so the domain is its id only.

use super::setup::write;
use crate::args::{PackageManager, Setup};
use crate::failure::wrong;
use crate::terminal;
use deedbox_client::RegistryUrl;
use deedbox_maven::settings::{gradle_with_repository, pom_with_repository};
use deedbox_model::Domain;

pub(super) fn run(args: &Setup, domain: &Domain, url: &RegistryUrl) -> anyhow::Result<()> {
    let repository = format!("{url}/maven/");
    let group: Vec<&str> = domain.as_str().rsplit('.').collect();
    let coordinate = format!("{}:ARTIFACT:VERSION", group.join("."));
    if args.client == PackageManager::Mvn {
        if !args.dir.join("pom.xml").is_file() {
            return Err(wrong(format!("{} has no pom.xml: name the project's folder with --dir", args.dir.display())));
        }
        let said = write(&args.dir, "pom.xml", |text| {
            Ok((pom_with_repository(text, domain.as_str(), &repository)?, format!("the repository {domain} at {repository}")))
        })?;
        terminal::say(&said);
        terminal::say(&format!("  next: add the dependency {coordinate}, and build with mvn -C, which makes a wrong checksum an error"));
    } else {
        let is_kotlin = args.dir.join("build.gradle.kts").is_file();
        let name = if is_kotlin { "build.gradle.kts" } else { "build.gradle" };
        if !args.dir.join(name).is_file() {
            return Err(wrong(format!("{} has no build.gradle: name the project's folder with --dir", args.dir.display())));
        }
        let said = write(&args.dir, name, |text| {
            Ok((gradle_with_repository(text, &repository, is_kotlin), format!("the repository {repository}")))
        })?;
        terminal::say(&said);
        terminal::say(&format!("  next: add the dependency {coordinate}"));
    }
    Ok(())
}
