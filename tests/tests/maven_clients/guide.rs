//! Every command of docs/guides/maven.md, in its own words and order.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail, ensure};
use deedbox_tests::registry::Said;

use super::bench::{BUILD, Bench, DEPENDENCY, Gradle, fetch, pom, write_class};

const GUIDE: &str = include_str!("../../../docs/guides/maven.md");

/// The guide's own domain is claimed here, so that its commands run as they stand; what is put for something else is below.
struct Reader {
    bench: Bench,
    gradle: Gradle,
    /// Who installs.
    app: PathBuf,
    /// Who publishes, with Maven, then with Gradle.
    library: PathBuf,
}

impl Reader {
    fn new() -> anyhow::Result<Self> {
        let (bench, gradle) = (Bench::of_debian()?, Gradle::of_debian()?);
        let registry = bench.registry;
        registry.deedbox(["claim", "acme.example", "--operator-key", "registry/keys/operator.pem"])?.done()?;
        let library = bench.scratch.path().join("widget");
        write_class(&library, "Widget", "widget")?;
        let reader = Reader { app: bench.scratch.path().join("app"), library, bench, gradle };
        // What the guide's reader installs first was published by somebody else.
        reader.library_is("1.0")?;
        reader.bench.mvn(&reader.library, "widget", &["-q", "package"])?.done()?;
        registry.deedbox(["publish".as_ref(), reader.library.as_os_str()])?.done()?;
        let dependency = "<dependency><groupId>example.acme</groupId><artifactId>widget</artifactId><version>1.0</version></dependency>";
        write_class(&reader.app, "App", "\" + Widget.say() + \"")?;
        let more = format!("{BUILD}  <dependencies>{dependency}</dependencies>\n");
        fs::write(reader.app.join("pom.xml"), pom("localhost.app", "app", "1", &more))?;
        Ok(reader)
    }

    fn library_is(&self, version: &str) -> anyhow::Result<()> {
        Ok(fs::write(self.library.join("pom.xml"), pom("example.acme", "widget", version, BUILD))?)
    }

    fn run(&self, section: &str, line: &str) -> anyhow::Result<Said> {
        let line = line.replace("https://registry.example", &self.bench.registry.url);
        let words: Vec<&str> = line.split_whitespace().collect();
        let folder = if section == "Publishing" { &self.library } else { &self.app };
        match words.as_slice() {
            ["deedbox", "setup", client, "--domain", domain, "--registry", _] => {
                self.deedbox(&["setup", client, "--domain", domain, "--dir", &folder.display().to_string()])
            }
            ["deedbox", "publish"] => self.deedbox(&["publish", &folder.display().to_string()]),
            ["deedbox", "publish", path] => self.deedbox(&["publish", &folder.join(path).display().to_string()]),
            ["deedbox", "verify", release, file] => {
                let local = self.bench.repository("app").display().to_string();
                self.deedbox(&["verify", release, &file.replace("~/.m2/repository", &local)])
            }
            ["deedbox", rest @ ..] => self.deedbox(rest),
            ["mvn", args @ ..] => {
                // Debian's repository says no versions of plugins, which a name alone would be looked up in.
                let get = format!("{DEPENDENCY}:get");
                let args: Vec<&str> = args.iter().map(|word| if *word == "dependency:get" { get.as_str() } else { word }).collect();
                let repository = if section == "Publishing" { "widget" } else { "app" };
                self.bench.mvn(folder, repository, &args)
            }
            // Debian's lacks the part that publishes, as the guide says.
            ["gradle", "publish"] => self.gradle.run(&self.library, "home", &["stage"]),
            _ => bail!("who runs {line:?}?"),
        }
    }

    fn deedbox(&self, words: &[&str]) -> anyhow::Result<Said> {
        self.bench.registry.deedbox(words)
    }
}

#[test]
fn every_command_of_the_guide_does_what_it_says() -> anyhow::Result<()> {
    let reader = Reader::new()?;
    let mut done = Vec::new();
    for (section, line) in blocks("sh") {
        // What the reader changes between one block and the next.
        match line.as_str() {
            "mvn package" => reader.library_is("1.1")?,
            line if line.starts_with("mvn deploy") => reader.library_is("1.2")?,
            "gradle publish" => as_gradle(&reader.library)?,
            line if line.starts_with("deedbox channel set") => {
                reader.library_is("1.1-SNAPSHOT")?;
                fs::remove_file(reader.library.join("build.gradle"))?;
            }
            _ => {}
        }
        let line = match line.strip_prefix("deedbox channel set") {
            Some(rest) => format!("deedbox channel set{}", with_the_build(rest, &snapshot(&reader)?)),
            None => line,
        };
        reader.run(section, &line)?.done().with_context(|| line.clone())?;
        done.push(line);
    }
    ensure!(done.len() >= 11, "the guide has only these commands: {done:?}");
    ensure!(reader.app.join("target/app-1.jar").is_file(), "nothing was built");
    let (_, _, metadata) = fetch(&format!("{}example/acme/widget/maven-metadata.xml", reader.bench.url()))?;
    let metadata = String::from_utf8(metadata)?;
    for version in ["1.0", "1.1", "1.2", "1.3", "1.1-SNAPSHOT"] {
        ensure!(metadata.contains(&format!("<version>{version}</version>")), "{version} is not in {metadata}");
    }
    // The commands that stand in its sentences.
    let named = reader.library.join("build/repo/example/acme/widget/1.3/widget-1.3.pom");
    let again = reader.deedbox(&["publish", &named.display().to_string()])?.done()?;
    ensure!(GUIDE.contains("`deedbox publish widget-1.0.pom`") && again.out.contains("was published before"), "{}", again.out);
    ensure!(GUIDE.contains("`deedbox yank maven:acme.example/widget@1.0`"));
    reader.deedbox(&["yank", "maven:acme.example/widget@1.0", "--reason", "broken"])?.done()?;
    let (_, _, metadata) = fetch(&format!("{}example/acme/widget/maven-metadata.xml", reader.bench.url()))?;
    ensure!(!String::from_utf8(metadata)?.contains("<version>1.0</version>"));
    Ok(())
}

/// The library becomes a Gradle build, 1.3, with the very task of the guide.
fn as_gradle(library: &Path) -> anyhow::Result<()> {
    let scripts = blocks("groovy");
    let task: String =
        scripts.iter().map(|(_, line)| line).skip_while(|line| !line.starts_with("task stage")).map(|line| format!("{line}\n")).collect();
    ensure!(task.contains("widget-1.0.pom") && task.contains("widget/1.0"), "{task}");
    let publications = scripts.iter().map(|(_, line)| line).find(|line| line.contains("publications {")).context("no publications")?;
    let script = format!(
        "apply plugin: 'java'\napply plugin: 'maven-publish'\ngroup = 'example.acme'\nversion = '1.3'\npublishing {{\n{publications}\n}}\n{}",
        task.replace("1.0", "1.3")
    );
    fs::remove_file(library.join("pom.xml"))?;
    fs::write(library.join("build.gradle"), script)?;
    Ok(fs::write(library.join("settings.gradle"), "rootProject.name = 'widget'\n")?)
}

/// Builds and publishes the snapshot twice; gives the version of the first build.
fn snapshot(reader: &Reader) -> anyhow::Result<String> {
    let mut builds = Vec::new();
    for _ in 0..2 {
        reader.run("Publishing", "mvn package")?.done()?;
        let said = reader.deedbox(&["publish", &reader.library.display().to_string()])?.done()?.out;
        builds.push(said.split_once("widget@").and_then(|(_, rest)| rest.split_once(' ')).context(said.clone())?.0.to_owned());
    }
    ensure!(builds[0].ends_with("-1") && builds[1].ends_with("-2"), "{builds:?}");
    Ok(builds.remove(0))
}

/// The guide's build is of another day.
fn with_the_build(words: &str, build: &str) -> String {
    words.replace("1.1-20261121.070000-1", build)
}

/// The lines of the guide's blocks in a language, each with the section that it is in.
fn blocks(language: &str) -> Vec<(&'static str, String)> {
    let (mut lines, mut section, mut inside) = (Vec::new(), "", None);
    for line in GUIDE.lines() {
        match (inside, line.strip_prefix("```")) {
            (None, Some(language)) => inside = Some(language),
            (Some(_), Some(_)) => inside = None,
            (None, None) => section = line.strip_prefix("## ").unwrap_or(section),
            (Some(this), None) if this == language && !line.trim().is_empty() => lines.push((section, line.to_owned())),
            (Some(_), None) => {}
        }
    }
    lines
}
